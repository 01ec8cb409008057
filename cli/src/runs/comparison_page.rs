//! The screen of `dlt runs compare`: the verdict, why, and each number with its interval.

use crate::line::{Line, Tone, wrapped};
use crate::table::{self, number, words};
use crate::units;
use dlt_core::compare::{Change, Comparison, LabelChange, MetricChange, RunRef, Verdict};

/// The label's name is not cut below this many columns.
const LEAST_NAME: usize = 16;

/// The whole comparison; of runs that cannot be compared the numbers only if they are
/// asked for, and without words for them.
pub(super) fn page(
    comparison: &Comparison,
    region: Option<&str>,
    anyway: bool,
    width: usize,
) -> Vec<Line> {
    let judged = comparison.verdict != Verdict::Incomparable;
    let mut lines = head(comparison, region, width);
    for reason in &comparison.reasons {
        lines.extend(wrapped(Tone::Plain, reason, 2, width));
    }
    for note in &comparison.notes {
        lines.extend(wrapped(Tone::Warn, note, 2, width));
    }
    if !judged && !anyway {
        let hint = "with --anyway the numbers are shown, without a verdict";
        lines.extend(wrapped(Tone::Quiet, hint, 2, width));
        return lines;
    }
    lines.push(Line::new());
    lines.extend(numbers(comparison, judged, width));
    for (what, labels) in [
        ("only after", &comparison.added),
        ("only before", &comparison.removed),
        ("nothing can be told of", &comparison.inconclusive),
    ] {
        if !labels.is_empty() && (judged || labels != &comparison.inconclusive) {
            let text = format!("{what}: {}", labels.join(", "));
            lines.extend(wrapped(Tone::Quiet, &text, 2, width));
        }
    }
    if judged {
        let matters = format!(
            "what matters: {} % or more; of errors {} percentage points or more",
            comparison.thresholds.relative_pct, comparison.thresholds.error_points
        );
        lines.extend(wrapped(Tone::Quiet, &matters, 2, width));
    }
    lines
}

/// The verdict with what is to be kept in mind, and which runs.
fn head(comparison: &Comparison, region: Option<&str>, width: usize) -> Vec<Line> {
    let (tone, mark) = match comparison.verdict {
        Verdict::Better | Verdict::ChangedButSmall | Verdict::Same => (Tone::Good, "✔"),
        Verdict::Worse => (Tone::Bad, "✘"),
        Verdict::CannotTell | Verdict::Incomparable => (Tone::Warn, "!"),
    };
    let verdict = format!("{mark} {}", comparison.verdict.words().to_uppercase());
    let mut first = Line::new().tone(tone, verdict).plain(format!(
        "  ·  {} against {}",
        comparison.candidate.test_run_id, comparison.base.test_run_id
    ));
    if let Some(region) = region {
        first = first.plain(format!(", in {region} only"));
    }
    if !comparison.notes.is_empty() {
        first = first.tone(Tone::Warn, "  ·  degraded");
    }
    let run = |run: &RunRef| format!("{}, {} UTC", run.test_run_id, run.start_time);
    vec![
        first.cut(width),
        Line::of(format!("  before  {}", run(&comparison.base))).cut(width),
        Line::of(format!("  after   {}", run(&comparison.candidate))).cut(width),
        Line::new(),
    ]
}

fn numbers(comparison: &Comparison, judged: bool, width: usize) -> Vec<Line> {
    let mut rows: Vec<Vec<Line>> = comparison
        .totals
        .iter()
        .map(|metric| row("all requests", metric, judged))
        .collect();
    for label in &comparison.labels {
        rows.extend(shown_metrics(label).map(|metric| row(&label.label, metric, judged)));
    }
    let mut columns = vec![
        words("WHAT", 0),
        words("NUMBER", 0),
        number("BEFORE", 1),
        number("AFTER", 1),
        number("CHANGE", 0),
        words("95 % INTERVAL", 2),
    ];
    if judged {
        columns.push(words("SO IT IS", 0));
    }
    table::lines(&columns, &rows, 2, width, LEAST_NAME)
}

/// A label's changed metrics, its p95 and its error rate.
fn shown_metrics(label: &LabelChange) -> impl Iterator<Item = &MetricChange> {
    label.metrics.iter().filter(|metric| {
        let changed = !matches!(metric.change, Change::Same | Change::CannotTell);
        changed || ["p95_us", "error_rate"].contains(&metric.metric.as_str())
    })
}

fn row(what: &str, metric: &MetricChange, judged: bool) -> Vec<Line> {
    let is_error_rate = metric.metric == "error_rate";
    let value = |value: f64| match metric.metric.as_str() {
        "error_rate" => format!("{:.2} %", value * 100.0),
        "rate" => units::rate(value),
        _ => units::time(value.round() as u64),
    };
    let name = match metric.metric.as_str() {
        "error_rate" => "errors",
        other => other.trim_end_matches("_us"),
    };
    let (change, interval) = if is_error_rate {
        let points = |share: f64| share * 100.0;
        let interval = metric.low.zip(metric.high);
        (
            format!("{:+.2} pp", points(metric.delta)),
            interval.map(|(low, high)| format!("{:+.2} to {:+.2} pp", points(low), points(high))),
        )
    } else {
        let change = metric.delta_pct.map(|pct| format!("{pct:+.1} %"));
        let interval = match (metric.low_pct, metric.high_pct) {
            (Some(low), Some(high)) => Some(format!("{low:+.1} to {high:+.1} %")),
            (Some(low), None) => Some(format!("{low:+.1} % or more")),
            (None, Some(high)) => Some(format!("{high:+.1} % or less")),
            (None, None) => None,
        };
        (change.unwrap_or_else(|| "–".to_owned()), interval)
    };
    let tone = match metric.change {
        Change::Better => Tone::Good,
        Change::Worse => Tone::Bad,
        Change::Same | Change::ChangedButSmall => Tone::Plain,
        Change::CannotTell => Tone::Quiet,
    };
    let mut row = vec![
        Line::of(what),
        Line::of(name),
        Line::of(value(metric.base)),
        Line::of(value(metric.candidate)),
        Line::of(change),
        Line::of(interval.unwrap_or_else(|| "–".to_owned())),
    ];
    if judged {
        row.push(Line::new().tone(tone, metric.change.words()));
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn metric(name: &str, base: f64, candidate: f64, change: &str) -> Value {
        let delta = candidate - base;
        let mut metric = json!({
            "metric": name, "base": base, "candidate": candidate, "delta": delta,
            "delta_pct": delta / base * 100.0,
            "significant": change == "worse" || change == "better", "change": change,
        });
        let few = change == "cannot_tell" && name == "p99_us";
        if name == "error_rate" {
            (metric["low"], metric["high"]) = (json!(delta - 0.004), json!(delta + 0.004));
        } else if !few {
            metric["low_pct"] = json!(delta / base * 100.0 - 1.4);
            metric["high_pct"] = json!(delta / base * 100.0 + 1.4);
        }
        metric
    }

    fn comparison(verdict: &str, reason: &str, notes: &[&str]) -> Comparison {
        let side = |run: &str, day: u32| {
            json!({
                "test_id": "shop", "test_run_id": run, "start_time": format!("2026-03-0{day} 09:15:02"),
            })
        };
        serde_json::from_value(json!({
            "base": side("p4TqL8vN2c", 3), "candidate": side("Zz81mNqP0r", 4),
            "verdict": verdict, "reasons": [reason], "notes": notes,
            "comparability": {"same_load": true, "same_regions": true, "same_tasks": true,
                "same_plan": true, "trusted": true, "complete": verdict != "incomparable"},
            "totals": [
                metric("p50_us", 20_000.0, 20_100.0, "same"),
                metric("p95_us", 41_000.0, 43_000.0, "worse"),
                metric("p99_us", 61_000.0, 63_000.0, "cannot_tell"),
                metric("mean_us", 22_000.0, 22_400.0, "cannot_tell"),
                metric("error_rate", 0.011, 0.009, "same"),
                metric("rate", 480.0, 472.0, "changed_but_small"),
            ],
            "labels": [
                {"label": "checkout", "change": "worse", "requests_base": 4_000, "requests_candidate": 3_980,
                    "metrics": [metric("p50_us", 30_000.0, 30_100.0, "same"), metric("p95_us", 57_000.0, 64_011.0, "worse"),
                        metric("error_rate", 0.011, 0.009, "same")]},
                {"label": "home", "change": "same", "requests_base": 4_000, "requests_candidate": 3_980,
                    "metrics": [metric("p50_us", 5_000.0, 5_010.0, "same"), metric("p95_us", 9_000.0, 9_100.0, "same")]},
            ],
            "added": ["wish list"], "removed": [], "inconclusive": ["about"],
        }))
        .unwrap()
    }

    fn text(lines: &[Line], width: usize) -> String {
        let text: Vec<String> = lines.iter().map(|line| line.render(false)).collect();
        assert!(lines.iter().all(|line| line.width() <= width), "{text:#?}");
        text.join("\n")
    }

    #[test]
    fn a_comparison_fits_on_one_page() {
        let reason = "checkout: p95 rose by 12.3 % (95 % interval +10.9 to +13.7)";
        for width in [60, 100] {
            let comparison = comparison("worse", reason, &[]);
            let lines = page(&comparison, None, false, width);
            insta::assert_snapshot!(format!("comparison_{width}"), text(&lines, width));
        }
    }

    #[test]
    fn captures() {
        let reason = "checkout: p95 rose by 12.3 % (95 % interval +10.9 to +13.7)";
        let comparison = comparison("worse", reason, &["the base run is degraded: lag"]);
        let draw = |width| page(&comparison, None, false, width);
        insta::assert_snapshot!("captured_compare", crate::line::captured(draw));
    }

    #[test]
    fn what_cannot_be_compared_has_no_words() {
        let reason = "the candidate run is incomplete: 1 of 2 runners reported";
        let comparison = comparison("incomparable", reason, &["the base run is degraded: lag"]);
        let refused = page(&comparison, Some("lo-home-1"), false, 100);
        insta::assert_snapshot!("comparison_refused", text(&refused, 100));
        let anyway = page(&comparison, Some("lo-home-1"), true, 100);
        insta::assert_snapshot!("comparison_anyway", text(&anyway, 100));
    }
}
