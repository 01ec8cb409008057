//! A comparison's reasons as sentences.

use super::words::Thresholds;
use super::{Change, LabelChange, MetricChange, Verdict};

/// Most changes that are told.
const MOST_CHANGES: usize = 10;
/// Most numbers that are named as unknown.
const MOST_UNKNOWN: usize = 3;

/// Of runs whose seconds are too few.
pub(super) const TOO_SHORT: &str = "the runs are too short to tell change from chance: both need \
    at least 15 seconds of load, and the timeline that is kept of them";

/// Why the verdict is what it is.
pub(super) fn of(
    verdict: Verdict,
    thresholds: &Thresholds,
    totals: &[MetricChange],
    labels: &[LabelChange],
) -> Vec<String> {
    if verdict == Verdict::Incomparable {
        return Vec::new();
    }
    let mut told: Vec<String> = Vec::new();
    for wanted in [Change::Worse, Change::Better, Change::ChangedButSmall] {
        let whole = totals.iter().map(|row| ("all requests", row));
        let parts = labels
            .iter()
            .flat_map(|label| label.metrics.iter().map(|row| (label.label.as_str(), row)));
        let rows = whole.chain(parts).filter(|(_, row)| row.change == wanted);
        let left = MOST_CHANGES - told.len();
        let small = wanted == Change::ChangedButSmall;
        told.extend(
            rows.take(left)
                .map(|(what, row)| sentence(what, row, small)),
        );
    }
    let unknown = || totals.iter().filter(|row| row.change == Change::CannotTell);
    if verdict == Verdict::CannotTell {
        let mut first: Vec<&MetricChange> = unknown().collect();
        // What the verdict hangs on comes first.
        first.sort_by_key(|row| match row.metric.as_str() {
            "error_rate" => 0,
            "p95_us" => 1,
            _ => 2,
        });
        let said = first.iter().take(MOST_UNKNOWN).map(|row| not_told(row));
        told.splice(0..0, said);
        if first.is_empty() {
            let missing = "a run has no error rate or no p95: it has no ok answers";
            told.insert(0, missing.to_owned());
        }
    } else if verdict == Verdict::Same {
        told.push(format!(
            "error rate and p95 are the same, within {} percentage points and {} %",
            thresholds.error_points, thresholds.relative_pct
        ));
    }
    if verdict != Verdict::CannotTell && unknown().next().is_some() {
        let names: Vec<String> = unknown().map(name).collect();
        told.push(format!(
            "of all requests cannot be told: {}",
            names.join(", ")
        ));
    }
    told
}

/// `p95`, `error rate`.
fn name(row: &MetricChange) -> String {
    row.metric.trim_end_matches("_us").replace('_', " ")
}

/// `cannot tell whether p95 changed: +2.5 % (95 % interval -1.6 to +4.9); its …`.
fn not_told(row: &MetricChange) -> String {
    let why = row.why.as_deref().unwrap_or("too little is known");
    let seen = match (row.metric.as_str(), row.low.zip(row.high), row.delta_pct) {
        ("error_rate", Some((low, high)), _) => format!(
            ": {:.2} %, then {:.2} % ({})",
            row.base * 100.0,
            row.candidate * 100.0,
            points(low, high)
        ),
        (_, _, Some(delta)) => format!(": {delta:+.1} %{}", percents(row)),
        _ => String::new(),
    };
    format!(
        "all requests: cannot tell whether {} changed{seen}; {why}",
        name(row)
    )
}

/// The interval of a relative difference, open where nothing bounds it.
fn percents(row: &MetricChange) -> String {
    match (row.low_pct, row.high_pct) {
        (Some(low), Some(high)) => format!(" (95 % interval {low:+.1} to {high:+.1})"),
        (Some(low), None) => format!(" (95 % interval {low:+.1} or more)"),
        (None, Some(high)) => format!(" (95 % interval {high:+.1} or less)"),
        (None, None) => String::new(),
    }
}

/// The interval of a difference of shares.
fn points(low: f64, high: f64) -> String {
    format!(
        "95 % interval of the difference {:+.2} to {:+.2} percentage points",
        low * 100.0,
        high * 100.0
    )
}

/// `checkout: p95 rose by 12.3 % (95 % interval +10.1 to +14.8)`.
fn sentence(what: &str, row: &MetricChange, small: bool) -> String {
    let verb = match (row.delta > 0.0, small) {
        (true, false) => "rose",
        (false, false) => "fell",
        (true, true) => "rose a little,",
        (false, true) => "fell a little,",
    };
    let verb = interval(row, verb);
    format!("{what}: {} {verb}", name(row))
}

/// A verb with the difference and its interval.
fn interval(row: &MetricChange, verb: &str) -> String {
    let percent = |share: f64| share * 100.0;
    match (row.metric.as_str(), row.low, row.high) {
        ("error_rate", Some(low), Some(high)) => format!(
            "{verb} from {:.2} % to {:.2} % ({})",
            percent(row.base),
            percent(row.candidate),
            points(low, high)
        ),
        _ => match row.delta_pct {
            Some(delta) => format!("{verb} by {:.1} %{}", delta.abs(), percents(row)),
            None => verb.to_owned(),
        },
    }
}
