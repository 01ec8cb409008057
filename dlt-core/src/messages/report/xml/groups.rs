//! The part of the report that Taurus' readers expect: `TestDuration`, a `Group`
//! for each label, the four elements that upstream's parser requires
//! (worker.md 1). Nothing here is read back by us.

use super::text::Writer;
use crate::measure::latencies::Latencies;
use crate::measure::tally::LabelTally;
use crate::messages::report::{Report, codes};

/// What Taurus calls a sample whose label is empty.
const EMPTY_LABEL: &str = "[empty]";
/// Percentiles of a group, as `param` has them.
const PERCENTILES: [&str; 7] = ["0.0", "50.0", "90.0", "95.0", "99.0", "99.9", "100.0"];

pub(super) fn write(out: &mut Writer, report: &Report) {
    out.element("FinalStatus").open();
    let seconds = (report.duration_us as f64 / 1e6).round();
    out.element("TestDuration").text(&format!("{seconds:.1}"));
    for (label, tally) in &report.tally.labels {
        let label = if label.is_empty() { EMPTY_LABEL } else { label };
        group(out, label, tally, report.peak_users);
    }
    group(out, "", &report.tally.overall(), report.peak_users);
    let task = &report.task;
    out.element("TaskId").text(report.runner.as_str());
    out.element("TaskCPU").text(&task.cpu.to_string());
    out.element("TaskMemory").text(&task.memory_mib.to_string());
    out.element("ECSDuration").text(&task.seconds.to_string());
}

fn group(out: &mut Writer, label: &str, tally: &LabelTally, peak_users: u64) {
    let finished = tally.ok + tally.failed;
    // Taurus divides by all samples, also by those that had no such phase.
    let average = |sum_us: u128| seconds(sum_us as f64 / finished.max(1) as f64);
    // As Taurus: times are those of all samples.
    let response = tally.response_all();
    out.element("Group").with_shown("label", label).open();
    for (name, value) in [
        ("throughput", finished.to_string()),
        ("concurrency", peak_users.to_string()),
        ("succ", tally.ok.to_string()),
        ("fail", tally.failed.to_string()),
        ("avg_rt", seconds(response.mean_us().unwrap_or(0.0))),
        ("stdev_rt", seconds(response.stdev_us().unwrap_or(0.0))),
        ("avg_lt", average(tally.first_byte.sum_us)),
        ("avg_ct", average(tally.connect.sum_us)),
        ("bytes", tally.bytes_received.to_string()),
    ] {
        kpi(out, name, &value, None);
    }
    for (code, count) in codes::all(tally) {
        kpi(out, "rc", &count.to_string(), Some(&code));
    }
    for param in PERCENTILES {
        kpi(out, "perc", &percentile(&response, param), Some(param));
    }
    out.close();
}

fn kpi(out: &mut Writer, name: &'static str, value: &str, param: Option<&str>) {
    let element = out.element(name).with("value", value);
    match param {
        Some(param) => element.with_shown("param", param).open(),
        None => element.open(),
    }
    let full = match param {
        Some(param) => format!("{name}/{param}"),
        None => name.to_owned(),
    };
    out.element("name").text(&full);
    out.element("value").text(value);
    out.close();
}

fn percentile(response: &Latencies, param: &str) -> String {
    let share = param.parse::<f64>().unwrap_or(100.0) / 100.0;
    seconds(response.quantile_us(share).unwrap_or(0) as f64)
}

fn seconds(us: f64) -> String {
    format!("{:.5}", us / 1e6)
}
