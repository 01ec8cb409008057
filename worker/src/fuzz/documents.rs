//! Targets of dlt-core's readers of whole documents: scenarios, reports, histograms, lines of
//! runners, objects handed over.

use dlt_core::ids::Region;
use dlt_core::measure::latencies::Latencies;
use dlt_core::messages::handover;
use dlt_core::messages::report::Report;
use dlt_core::messages::runner_line::RunnerLine;
use dlt_core::messages::timeline::{RunTimeline, Timeline};
use dlt_core::scenario::{Defaults, Format, Outside, Purpose, Scenario};

/// A name, and what is done with an input.
pub(super) type Target = (&'static str, fn(&[u8]));

/// The targets.
pub(super) const TARGETS: &[Target] = &[
    ("plans-json", |data| plan(data, Format::Json)),
    ("plans-yaml", |data| plan(data, Format::Yaml)),
    ("reports", |data| report(&String::from_utf8_lossy(data))),
    ("histograms", |data| {
        histogram(&String::from_utf8_lossy(data))
    }),
    ("lines", |data| line(&String::from_utf8_lossy(data))),
    ("timelines", timeline),
    ("handovers", objects),
];

fn plan(data: &[u8], format: Format) {
    let defaults = Defaults {
        regions: vec![(Region::parse("lo-home-1").expect("a region"), 8)],
        tasks: 1,
        name: "fuzz".to_owned(),
        show_live: true,
    };
    let no_file = |name: &str| Err(format!("{name} is not there"));
    let outside = Outside::files(&no_file);
    let read =
        |text: &[u8], format| Scenario::from_text(text, format, &defaults, outside, Purpose::Run);
    let scenario = match read(data, format) {
        Ok(scenario) => scenario,
        Err(faults) => {
            assert!(!faults.0.is_empty() && !faults.to_string().is_empty());
            return;
        }
    };
    // What is stored of it means the same.
    let stored = scenario.body.to_string();
    let again = match read(stored.as_bytes(), Format::Json) {
        Ok(again) => again,
        Err(why) => panic!("{why}: {stored}"),
    };
    assert_eq!(again.plan, scenario.plan, "{stored}");
    assert_eq!(again.thresholds, scenario.thresholds);
}

fn report(text: &str) {
    if let Ok(report) = Report::from_xml(text) {
        let mut again = Report::from_xml(&report.to_xml()).expect("a report of ours");
        // What a report of format 1 has, which is never written any more.
        again.tally.times_over = report.tally.times_over;
        assert_eq!(again, report);
    }
}

/// Base64 as it stands in reports; the count beside it is tried as it comes.
fn histogram(text: &str) {
    let (text, count) = text.split_once(' ').unwrap_or((text, "1"));
    let mut exact = Latencies::default().exact();
    exact.count = count.parse().unwrap_or(1);
    let mut merged = Latencies::default();
    if merged.merge_base64(text, &exact).is_err() {
        assert_eq!(merged.count(), 0);
        return;
    }
    assert_eq!(merged.count(), exact.count);
    let mut again = Latencies::default();
    let added = again.merge_base64(&merged.to_base64(), &merged.exact());
    assert_eq!(added, Ok(()));
    assert!(again.buckets().eq(merged.buckets()));
    for q in [0.0, 0.5, 0.99, 1.0] {
        assert_eq!(again.quantile_us(q), merged.quantile_us(q));
    }
}

fn line(text: &str) {
    let Some(line) = RunnerLine::parse(text) else {
        return;
    };
    let written = line.to_line();
    assert_eq!(
        RunnerLine::parse(&written).as_ref(),
        Some(&line),
        "{written}"
    );
    if let RunnerLine::Tick(mut tick) | RunnerLine::LiveTick(mut tick) = line {
        let other = tick.clone();
        tick.merge(&other);
        tick.keep_worst(3);
        assert!(tick.runner_count() >= tick.runners.len() as u64);
    }
}

fn timeline(data: &[u8]) {
    let Ok(timeline) = serde_json::from_slice::<Timeline>(data) else {
        return;
    };
    let run = RunTimeline::of(7, &[timeline.clone(), timeline]);
    let written = serde_json::to_string(&run).expect("it can be written");
    let again: RunTimeline = serde_json::from_str(&written).expect("it can be read");
    assert_eq!(again, run);
    let _ = run.total();
}

fn objects(data: &[u8]) {
    let objects = handover::decode(data);
    let written = handover::encode(&objects);
    assert!(data.starts_with(&written));
    assert_eq!(handover::decode(&written), objects);
}
