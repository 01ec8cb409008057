//! `dlt runs compare A B`: what changed between two runs. dlt-core decides what counts as
//! a change; here it is formatted.

use crate::args::CompareArgs;
use crate::client::{Client, ClientError, understood};
use crate::exit::Exit;
use crate::find;
use crate::line::{Line, Tone, wrapped};
use crate::output::Output;
use crate::table::{self, number, words};
use crate::units;
use dlt_core::compare::{Change, Comparison, LabelChange, MetricChange, RunRef, Verdict};

/// The label's name is not cut below this many columns.
const LEAST_NAME: usize = 16;

/// `dlt runs compare`: the exit code is 1 if the second run is worse, 3 if they cannot be
/// compared.
pub async fn compare(
    output: Output,
    client: &Client,
    args: &CompareArgs,
) -> Result<Exit, ClientError> {
    let base = find::run(client, &args.base).await?;
    let candidate = find::run(client, &args.candidate).await?;
    if (&base.test, &base.run) == (&candidate.test, &candidate.run) {
        output.error(&format!(
            "{} and {} are the same run, {}; name two",
            args.base, args.candidate, base.run
        ));
        return Ok(Exit::BadInput);
    }
    let path = format!("{}/compare", candidate.path());
    let mut query = vec![
        ("with", base.run.as_str()),
        ("with_test", base.test.as_str()),
    ];
    query.extend(args.region.as_deref().map(|region| ("region", region)));
    let answer = client.get(&path, &query).await?;
    let comparison: Comparison = understood(&path, answer.clone())?;
    if args.json {
        output.json(&answer);
    } else {
        output.data(&page(&comparison, output.columns()));
    }
    Ok(match comparison.verdict {
        Verdict::Better | Verdict::Same => Exit::Passed,
        Verdict::Worse => Exit::ThresholdFailed,
        Verdict::Incomparable => Exit::CouldNotRun,
    })
}

/// The whole comparison.
pub fn page(comparison: &Comparison, width: usize) -> Vec<Line> {
    let (tone, verdict) = match comparison.verdict {
        Verdict::Better => (Tone::Good, "✔ BETTER"),
        Verdict::Same => (Tone::Good, "✔ SAME"),
        Verdict::Worse => (Tone::Bad, "✘ WORSE"),
        Verdict::Incomparable => (Tone::Warn, "! INCOMPARABLE"),
    };
    let run = |run: &RunRef| format!("{}, {} UTC", run.test_run_id, run.start_time);
    let mut lines = vec![
        Line::new()
            .tone(tone, verdict)
            .plain(format!(
                "  ·  {} against {}",
                comparison.candidate.test_run_id, comparison.base.test_run_id
            ))
            .cut(width),
        Line::of(format!("  before  {}", run(&comparison.base))).cut(width),
        Line::of(format!("  after   {}", run(&comparison.candidate))).cut(width),
        Line::new(),
    ];
    for reason in &comparison.reasons {
        lines.extend(wrapped(Tone::Plain, reason, 2, width));
    }
    let mut rows: Vec<Vec<Line>> = comparison
        .totals
        .iter()
        .map(|metric| row("all requests", metric))
        .collect();
    for label in &comparison.labels {
        rows.extend(shown_metrics(label).map(|metric| row(&label.label, metric)));
    }
    let columns = [
        words("WHAT", 0),
        words("NUMBER", 0),
        number("BEFORE", 1),
        number("AFTER", 1),
        number("CHANGE", 0),
        words("95 % INTERVAL", 2),
        words("SO IT IS", 0),
    ];
    lines.push(Line::new());
    lines.extend(table::lines(&columns, &rows, 2, width, LEAST_NAME));
    for (what, labels) in [
        ("only after", &comparison.added),
        ("only before", &comparison.removed),
        ("too few requests", &comparison.inconclusive),
    ] {
        if !labels.is_empty() {
            let text = format!("{what}: {}", labels.join(", "));
            lines.extend(wrapped(Tone::Quiet, &text, 2, width));
        }
    }
    lines
}

/// A label's changed metrics; for an unchanged label, its p95.
fn shown_metrics(label: &LabelChange) -> impl Iterator<Item = &MetricChange> {
    let changed = matches!(label.change, Change::Better | Change::Worse);
    label.metrics.iter().filter(move |metric| {
        if changed {
            matches!(metric.change, Change::Better | Change::Worse)
        } else {
            metric.metric == "p95_us"
        }
    })
}

fn row(what: &str, metric: &MetricChange) -> Vec<Line> {
    let value = |value: f64| match metric.metric.as_str() {
        "error_rate" => format!("{:.2} %", value * 100.0),
        "rate" => units::rate(value),
        _ => units::time(value.round() as u64),
    };
    let name = match metric.metric.as_str() {
        "error_rate" => "errors",
        other => other.trim_end_matches("_us"),
    };
    let change = metric
        .delta_pct
        .map_or_else(|| "–".to_owned(), |pct| format!("{pct:+.1} %"));
    let interval = match (metric.low_pct, metric.high_pct) {
        (Some(low), Some(high)) => format!("{low:+.1} to {high:+.1} %"),
        _ => String::new(),
    };
    let (tone, change_word) = match metric.change {
        Change::Better => (Tone::Good, "better"),
        Change::Worse => (Tone::Bad, "worse"),
        Change::Same => (Tone::Plain, "the same"),
        Change::Inconclusive => (Tone::Quiet, "not judged"),
    };
    vec![
        Line::of(what),
        Line::of(name),
        Line::of(value(metric.base)),
        Line::of(value(metric.candidate)),
        Line::of(change),
        Line::of(interval),
        Line::new().tone(tone, change_word),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn metric(name: &str, base: f64, candidate: f64, change: &str) -> serde_json::Value {
        let delta = candidate - base;
        let mut metric = json!({
            "metric": name, "base": base, "candidate": candidate, "delta": delta,
            "delta_pct": delta / base * 100.0,
            "significant": change == "worse" || change == "better", "change": change,
        });
        if name != "error_rate" && change != "inconclusive" {
            metric["low_pct"] = json!(delta / base * 100.0 - 3.0);
            metric["high_pct"] = json!(delta / base * 100.0 + 3.0);
        }
        metric
    }

    #[test]
    fn a_comparison_fits_on_one_page() {
        let side = |run: &str, day: u32| {
            json!({
                "test_id": "shop", "test_run_id": run, "start_time": format!("2026-03-0{day} 09:15:02"),
            })
        };
        let comparison: Comparison = serde_json::from_value(json!({
            "base": side("p4TqL8vN2c", 3), "candidate": side("Zz81mNqP0r", 4),
            "verdict": "worse",
            "reasons": ["checkout: p95 rose by 12.3 % (95 % interval 9.3 to 15.3)"],
            "comparability": {"same_load": true, "same_regions": true, "same_tasks": true,
                "same_plan": true, "trusted": true},
            "totals": [
                metric("p50_us", 20_000.0, 20_100.0, "same"),
                metric("p95_us", 41_000.0, 43_000.0, "worse"),
                metric("mean_us", 22_000.0, 22_500.0, "inconclusive"),
                metric("error_rate", 0.011, 0.009, "same"),
                metric("rate", 480.0, 476.0, "same"),
            ],
            "labels": [
                {"label": "checkout", "change": "worse", "requests_base": 4_000, "requests_candidate": 3_980,
                    "metrics": [metric("p50_us", 30_000.0, 30_100.0, "same"), metric("p95_us", 57_000.0, 64_011.0, "worse")]},
                {"label": "home", "change": "same", "requests_base": 4_000, "requests_candidate": 3_980,
                    "metrics": [metric("p50_us", 5_000.0, 5_010.0, "same"), metric("p95_us", 9_000.0, 9_100.0, "same")]},
            ],
            "added": ["wish list"], "removed": [], "inconclusive": ["about"],
        }))
        .unwrap();
        for width in [60, 100] {
            let lines = page(&comparison, width);
            let text: Vec<String> = lines.iter().map(|line| line.render(false)).collect();
            assert!(lines.iter().all(|line| line.width() <= width), "{text:#?}");
            insta::assert_snapshot!(format!("comparison_{width}"), text.join("\n"));
        }
    }
}
