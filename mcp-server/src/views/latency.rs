//! Percentiles, shares above limits and histogram of response times: from the buckets of an exact or
//! a coarse histogram, else interpolated between stored percentiles. Which of them there is, is the
//! tool's to find.

use crate::clean::Text;
use crate::seen::numbers::Numbers;
use crate::seen::run::Method;
use crate::units::{ms, percent, rounded};
use crate::views::answer::Warning;
use dlt_core::calls::answers::{HistogramAnswer, Samples};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Largest ratio of two neighbouring percentiles between which a value is interpolated.
const WIDEST_GAP: f64 = 2.0;

/// What is asked of a distribution.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub percentiles: &'a [f64],
    pub thresholds_ms: &'a [f64],
    pub buckets: Option<usize>,
    /// Of one region only.
    pub is_of_region: bool,
}

/// Which requests are timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Of {
    Ok,
    Failed,
    All,
}

impl From<Of> for Samples {
    fn from(of: Of) -> Self {
        match of {
            Of::Ok => Self::Ok,
            Of::Failed => Self::Failed,
            Of::All => Self::All,
        }
    }
}

impl From<Samples> for Of {
    fn from(of: Samples) -> Self {
        match of {
            Samples::Ok => Self::Ok,
            Samples::Failed => Self::Failed,
            Samples::All => Self::All,
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Output {
    /// Requests that were timed
    pub(crate) requests: u64,
    /// Which ones
    pub(crate) of: Of,
    pub(crate) method: Method,
    #[serde(skip_serializing_if = "Option::is_none")]
    avg_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_ms: Option<f64>,
    percentiles: Vec<PercentileRow>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    over: Vec<OverRow>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    histogram: Vec<HistogramStep>,
    /// Largest error of a percentile above
    #[serde(skip_serializing_if = "Option::is_none")]
    error_bound_ms: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) warnings: Vec<Warning>,
    next: Text,
}

/// `ms`, or bounds where the value is not known well.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
struct PercentileRow {
    p: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    low_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    high_ms: Option<f64>,
}

/// Requests that took longer.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
struct OverRow {
    ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pct: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requests: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    low_pct: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    high_pct: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
struct HistogramStep {
    to_ms: f64,
    requests: u64,
}

impl Output {
    /// Adds warnings about the requests that were timed; `sentence` is the record's own.
    pub(crate) fn with_warnings(mut self, sentence: Option<String>, wanted: Option<Of>) -> Self {
        if self.of == Of::All && wanted != Some(Of::All) {
            self.warnings.push(Warning::new(
                "times_over_all",
                "these are times of all requests, failed ones too: ok ones were not kept apart",
            ));
        }
        if self.of == Of::Ok
            && let Some(text) = sentence
        {
            self.warnings.push(Warning::new("many_failures", &text));
        }
        self
    }
}

/// The answer if no such request was timed.
pub(crate) fn without_times(of: Samples) -> Output {
    let (text, next) = match of {
        Samples::Failed => ("no request failed", "leave of out for the ok answers"),
        _ => (
            "no request was answered ok",
            "call with of: failed, or get_error_breakdown",
        ),
    };
    Output {
        requests: 0,
        of: of.into(),
        method: Method::HdrMerge,
        avg_ms: None,
        min_ms: None,
        max_ms: None,
        percentiles: Vec::new(),
        over: Vec::new(),
        histogram: Vec::new(),
        error_bound_ms: None,
        warnings: vec![Warning::new("no_times", text)],
        next: next.into(),
    }
}

/// The answer from the histogram's buckets.
pub(crate) fn of_histogram(exact: &HistogramAnswer, asked: &Asked<'_>) -> Output {
    let counted: u64 = exact.buckets.iter().map(|bucket| bucket.2).sum();
    let count = counted + exact.over_hour;
    let mut bound: f64 = 0.0;
    let percentiles = asked.percentiles.iter().map(|&p| {
        let (us, width) = quantile(exact, count, p);
        bound = bound.max(width as f64 / 1e3);
        PercentileRow {
            p,
            ms: Some(ms(us)),
            low_ms: None,
            high_ms: None,
        }
    });
    let percentiles: Vec<_> = percentiles.collect();
    let over = asked.thresholds_ms.iter().map(|&limit| {
        let us = limit * 1e3;
        let above = |bucket: &&(u64, u64, u64)| bucket.0 as f64 > us;
        let across = |bucket: &&(u64, u64, u64)| bucket.0 as f64 <= us && bucket.1 as f64 > us;
        let sum = |rows: &mut dyn Iterator<Item = &(u64, u64, u64)>| -> u64 {
            rows.map(|bucket| bucket.2).sum()
        };
        let certain = sum(&mut exact.buckets.iter().filter(above)) + exact.over_hour;
        let uncertain = sum(&mut exact.buckets.iter().filter(across));
        OverRow {
            ms: rounded(limit),
            pct: percent(certain, count),
            requests: Some(certain),
            low_pct: percent(certain, count).filter(|_| uncertain > 0),
            high_pct: percent(certain + uncertain, count).filter(|_| uncertain > 0),
        }
    });
    Output {
        requests: count,
        of: exact.of.into(),
        method: Method::HdrMerge,
        avg_ms: exact.distribution.mean_us.map(ms),
        min_ms: exact.distribution.min_us.map(ms),
        max_ms: exact.distribution.max_us.map(ms),
        over: over.collect(),
        histogram: asked
            .buckets
            .map(|steps| histogram(exact, steps))
            .unwrap_or_default(),
        error_bound_ms: (!percentiles.is_empty()).then(|| rounded(bound)),
        percentiles,
        warnings: Vec::new(),
        next: "call compare_test_runs to see whether it changed".into(),
    }
}

/// The value at a percentile, and how far below it the true value may be, µs.
fn quantile(exact: &HistogramAnswer, count: u64, p: f64) -> (u64, u64) {
    let least = exact.distribution.min_us.unwrap_or(0);
    let most = exact.distribution.max_us.unwrap_or(u64::MAX).max(least);
    let rank = ((p / 100.0 * count as f64).ceil() as u64).clamp(1, count.max(1));
    if p <= 0.0 {
        return (least, 0);
    }
    if rank == count {
        return (most, 0);
    }
    let mut below = 0;
    for (lowest, highest, requests) in &exact.buckets {
        below += requests;
        if below >= rank {
            let highest = (*highest).clamp(least, most);
            return (highest, highest - (*lowest).clamp(least, highest));
        }
    }
    (most, 0)
}

/// Steps of equal ratio from the smallest to the largest value.
fn histogram(exact: &HistogramAnswer, steps: usize) -> Vec<HistogramStep> {
    let (Some(first), Some(last)) = (exact.buckets.first(), exact.buckets.last()) else {
        return Vec::new();
    };
    let (low, high) = (first.0.max(1) as f64, last.1.max(2) as f64);
    let ratio = (high / low).powf(1.0 / steps as f64).max(1.0 + 1e-9);
    let mut counts = vec![0_u64; steps];
    for (_, highest, requests) in &exact.buckets {
        let step = ((*highest as f64 / low).ln() / ratio.ln()).floor();
        counts[(step.max(0.0) as usize).min(steps - 1)] += requests;
    }
    let rows = counts.iter().enumerate();
    rows.map(|(n, requests)| HistogramStep {
        to_ms: rounded(low * ratio.powi(n as i32 + 1) / 1e3),
        requests: *requests,
    })
    .collect()
}

/// The answer from stored percentiles.
pub(crate) fn of_percentiles(
    numbers: &Numbers,
    of: Samples,
    method: Method,
    asked: &Asked<'_>,
) -> Output {
    let stored = numbers.percentiles();
    let method = match method {
        Method::TaskMean => Method::TaskMean,
        _ => Method::Interpolated,
    };
    let mut warnings = vec![Warning::new(
        "interpolated",
        "values lie between stored percentiles; where those are far apart only bounds are given",
    )];
    if method == Method::TaskMean {
        warnings.push(Warning::new(
            "task_mean",
            "stored percentiles are means over runners, not those of all requests",
        ));
    }
    if asked.buckets.is_some() {
        warnings.push(Warning::new(
            "no_histogram",
            "a histogram needs the exact buckets, which this server does not have",
        ));
    }
    Output {
        requests: numbers.requests,
        of: of.into(),
        method,
        avg_ms: numbers.avg_ms,
        min_ms: numbers.min_ms,
        max_ms: numbers.max_ms,
        percentiles: asked
            .percentiles
            .iter()
            .map(|&p| interpolated(&stored, p))
            .collect(),
        over: asked
            .thresholds_ms
            .iter()
            .map(|&limit| share_above(&stored, numbers, limit))
            .collect(),
        histogram: Vec::new(),
        error_bound_ms: None,
        warnings,
        next: match asked.is_of_region {
            true => "leave region out for exact values".into(),
            false => "call get_results for what else is known of the run".into(),
        },
    }
}

/// A percentile by logarithmic interpolation between two stored ones; only bounds if these
/// are far apart.
fn interpolated(stored: &[(f64, f64)], p: f64) -> PercentileRow {
    let below = stored.iter().rev().find(|point| point.0 <= p);
    let above = stored.iter().find(|point| point.0 >= p);
    let mut row = PercentileRow {
        p,
        ms: None,
        low_ms: None,
        high_ms: None,
    };
    match (below, above) {
        (Some(a), Some(b)) if a.0 == b.0 => row.ms = Some(a.1),
        (Some(a), Some(b)) if b.1 <= a.1.max(0.001) * WIDEST_GAP => {
            let share = (p - a.0) / (b.0 - a.0);
            let (low, high) = (a.1.max(0.001), b.1.max(0.001));
            row.ms = Some(rounded((low.ln() + share * (high.ln() - low.ln())).exp()));
        }
        (a, b) => {
            row.low_ms = a.map(|point| point.1);
            row.high_ms = b.map(|point| point.1);
        }
    }
    row
}

/// Bounds of the share of requests above a limit.
fn share_above(stored: &[(f64, f64)], numbers: &Numbers, limit: f64) -> OverRow {
    let share = |p: f64| rounded(100.0 - p);
    let low = stored
        .iter()
        .find(|point| point.1 > limit)
        .map_or(0.0, |point| share(point.0));
    let high = stored.iter().rev().find(|point| point.1 <= limit);
    let high = high.map_or(100.0, |point| share(point.0));
    let exact = (low == high).then_some(low);
    OverRow {
        ms: rounded(limit),
        pct: exact,
        requests: exact.map(|pct| (numbers.requests as f64 * pct / 100.0).round() as u64),
        low_pct: Some(low).filter(|_| exact.is_none()),
        high_pct: Some(high).filter(|_| exact.is_none()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_interpolated_between_close_percentiles_only() {
        let stored = [(50.0, 100.0), (90.0, 150.0), (99.0, 900.0), (100.0, 1000.0)];
        assert_eq!(interpolated(&stored, 90.0).ms, Some(150.0));
        let near = interpolated(&stored, 70.0).ms.unwrap();
        assert!((122.0..123.0).contains(&near), "{near}");
        let far = interpolated(&stored, 95.0);
        assert_eq!(
            (far.ms, far.low_ms, far.high_ms),
            (None, Some(150.0), Some(900.0))
        );
        let outside = interpolated(&stored, 10.0);
        assert_eq!(
            (outside.ms, outside.low_ms, outside.high_ms),
            (None, None, Some(100.0))
        );
        let numbers = Numbers {
            requests: 1000,
            ..Numbers::default()
        };
        let over = share_above(&stored, &numbers, 500.0);
        assert_eq!(
            (over.pct, over.low_pct, over.high_pct),
            (None, Some(1.0), Some(10.0))
        );
        let over = share_above(&stored, &numbers, 2000.0);
        assert_eq!((over.pct, over.requests), (Some(0.0), Some(0)));
    }
}
