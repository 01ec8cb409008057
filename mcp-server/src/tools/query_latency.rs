//! Any percentile, the share above any limit, the shape: from the exact merged
//! histogram where the server has it, else from what is stored, said so.

use super::{Asked, Question, run, test};
use crate::answer::{Answer, Warning, ms, percent, rounded};
use crate::backend::{Ask, BackendError};
use crate::clean::Text;
use crate::refusal::{Code, Refusal};
use crate::seen::numbers::Numbers;
use crate::seen::run::{Method, Run};
use async_trait::async_trait;
use dlt_core::calls::answers::{HistogramAnswer, Samples};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Percentiles that are shown when nothing is asked for.
const USUAL: [f64; 5] = [50.0, 90.0, 95.0, 99.0, 99.9];
/// Above this quotient of two stored points a value between them is a guess.
const WIDEST_GAP: f64 = 2.0;

pub(super) struct QueryLatency;

/// Its arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    #[schemars(length(min = 1, max = 128))]
    test_id: String,
    #[schemars(length(min = 1, max = 128))]
    test_run_id: String,
    /// Exactly this label
    #[serde(default)]
    #[schemars(length(max = 255))]
    label: Option<String>,
    /// Only this region; interpolated
    #[serde(default)]
    region: Option<String>,
    #[serde(default)]
    #[schemars(length(max = 10), inner(range(min = 0, max = 100)))]
    percentiles: Vec<f64>,
    /// ok (default), failed or all
    #[serde(default)]
    of: Option<Of>,
    /// Shares above these limits
    #[serde(default)]
    #[schemars(length(max = 10), inner(range(min = 0)))]
    thresholds_ms: Vec<f64>,
    /// Histogram with so many steps
    #[serde(default)]
    #[schemars(range(min = 5, max = 40))]
    buckets: Option<usize>,
}

/// Which requests are timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Of {
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

/// Its answer.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Output {
    /// Requests that were timed
    requests: u64,
    /// Which ones
    of: Of,
    method: Method,
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
    histogram: Vec<Step>,
    /// Largest error of a percentile above
    #[serde(skip_serializing_if = "Option::is_none")]
    error_bound_ms: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Warning>,
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
struct Step {
    to_ms: f64,
    requests: u64,
}

#[async_trait]
impl Question for QueryLatency {
    const NAME: &'static str = "query_latency";
    const TITLE: &'static str = "Latency query";
    const TEXT: &'static str = "Any percentiles, shares above limits and histogram of response times of \
        a run or one label, of ok answers unless `of` says else, with the method and its error.";
    type Input = Input;
    type Output = Output;

    async fn answer(asked: &Asked<'_>, input: Input) -> Result<Answer<Output>, Refusal> {
        let (test, run) = (
            test(&input.test_id)?,
            run(&input.test_run_id, "test_run_id")?,
        );
        let wanted = match (input.percentiles.is_empty(), input.thresholds_ms.is_empty()) {
            (true, true) => USUAL.to_vec(),
            _ => input.percentiles.clone(),
        };
        let seen = Run::find(asked.backend, &test, Some(&run)).await?;
        if seen.total().is_none() {
            let text = format!("the run is {} and has no results", seen.status);
            return Err(Refusal::new(Code::NoResults, text).hint("call get_results for its state"));
        }
        let of_region = match &input.region {
            Some(region) => Some(seen.region(region)?),
            None => None,
        };
        let of_label = match &input.label {
            Some(label) => Some(seen.label(label, input.region.as_deref())?),
            None => None,
        };
        let label = of_label.as_ref().map(|row| row.0.clone());
        let numbers = of_label.as_ref().map(|row| row.1).or(of_region);
        let numbers = numbers.or_else(|| seen.total()).unwrap_or_default();
        let warned = |output: Output| {
            if output.of == Of::All && numbers.failed == 0 {
                return output;
            }
            let said = seen.times_of(input.region.as_deref(), label.as_deref());
            output.with_warnings(said, input.of)
        };
        let mut missing = None;
        if of_region.is_none() {
            let ask = Ask::Histogram {
                test,
                run,
                label: label.clone(),
                of: input.of.map(Samples::from),
            };
            match asked.backend.get(&ask).await {
                Ok(value) => {
                    let exact: HistogramAnswer = serde_json::from_value(value)
                        .map_err(|error| BackendError::unreadable("histogram", &error))?;
                    let output = match exact.distribution.count {
                        0 => of_nothing(exact.of),
                        _ => of_histogram(&exact, &wanted, &input),
                    };
                    return Ok(Answer::whole(warned(output)));
                }
                Err(BackendError::NoRoute | BackendError::NotFound(_)) => {}
                Err(error) => missing = Some(error),
            }
        }
        let (numbers, of) = numbers.timed(input.of.map_or(Samples::Ok, Samples::from));
        let mut output = warned(match numbers.requests {
            0 => of_nothing(of),
            _ => of_points(&numbers, of, seen.method(), &wanted, &input),
        });
        if let Some(error) = missing {
            let text = format!("the exact histogram is missing: {error}");
            output
                .warnings
                .push(Warning::new("histogram_unavailable", &text));
        }
        Ok(Answer::whole(output))
    }
}

impl Output {
    /// Adds what has to be known of the requests that are timed; `said` is what the
    /// run says of its times.
    fn with_warnings(mut self, said: Option<String>, asked: Option<Of>) -> Self {
        if self.of == Of::All && asked != Some(Of::All) {
            self.warnings.push(Warning::new(
                "times_over_all",
                "these are times of all requests, failed ones too: ok ones were not kept apart",
            ));
        }
        if self.of == Of::Ok
            && let Some(text) = said
        {
            self.warnings.push(Warning::new("many_failures", &text));
        }
        self
    }
}

/// No request was timed.
fn of_nothing(of: Samples) -> Output {
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

/// From exact buckets.
fn of_histogram(exact: &HistogramAnswer, wanted: &[f64], input: &Input) -> Output {
    let counted: u64 = exact.buckets.iter().map(|bucket| bucket.2).sum();
    let count = counted + exact.over_hour;
    let mut bound: f64 = 0.0;
    let percentiles = wanted.iter().map(|&p| {
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
    let over = input.thresholds_ms.iter().map(|&limit| {
        let us = limit * 1e3;
        let above = |bucket: &&(u64, u64, u64)| bucket.0 as f64 > us;
        let across = |bucket: &&(u64, u64, u64)| bucket.0 as f64 <= us && bucket.1 as f64 > us;
        let sum = |rows: &mut dyn Iterator<Item = &(u64, u64, u64)>| -> u64 {
            rows.map(|bucket| bucket.2).sum()
        };
        let least = sum(&mut exact.buckets.iter().filter(above)) + exact.over_hour;
        let unsure = sum(&mut exact.buckets.iter().filter(across));
        OverRow {
            ms: rounded(limit),
            pct: percent(least, count),
            requests: Some(least),
            low_pct: percent(least, count).filter(|_| unsure > 0),
            high_pct: percent(least + unsure, count).filter(|_| unsure > 0),
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
        histogram: input
            .buckets
            .map(|steps| histogram(exact, steps))
            .unwrap_or_default(),
        error_bound_ms: (!percentiles.is_empty()).then(|| rounded(bound)),
        percentiles,
        warnings: Vec::new(),
        next: "call compare_test_runs to see whether it changed".into(),
    }
}

/// The value at a percentile and how far the true one may lie below, µs.
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
    let mut seen = 0;
    for (lowest, highest, here) in &exact.buckets {
        seen += here;
        if seen >= rank {
            let highest = (*highest).clamp(least, most);
            return (highest, highest - (*lowest).clamp(least, highest));
        }
    }
    (most, 0)
}

/// Steps of equal ratio from the least to the largest value.
fn histogram(exact: &HistogramAnswer, steps: usize) -> Vec<Step> {
    let (Some(first), Some(last)) = (exact.buckets.first(), exact.buckets.last()) else {
        return Vec::new();
    };
    let (low, high) = (first.0.max(1) as f64, last.1.max(2) as f64);
    let ratio = (high / low).powf(1.0 / steps as f64).max(1.0 + 1e-9);
    let mut counts = vec![0_u64; steps];
    for (_, highest, here) in &exact.buckets {
        let place = ((*highest as f64 / low).ln() / ratio.ln()).floor();
        counts[(place.max(0.0) as usize).min(steps - 1)] += here;
    }
    let rows = counts.iter().enumerate();
    rows.map(|(n, requests)| Step {
        to_ms: rounded(low * ratio.powi(n as i32 + 1) / 1e3),
        requests: *requests,
    })
    .collect()
}

/// From the stored percentiles alone.
fn of_points(
    numbers: &Numbers,
    of: Samples,
    method: Method,
    wanted: &[f64],
    input: &Input,
) -> Output {
    let points = numbers.points();
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
    if input.buckets.is_some() {
        warnings.push(Warning::new(
            "no_histogram",
            "a histogram needs the exact buckets, which are kept for the run and its labels only",
        ));
    }
    Output {
        requests: numbers.requests,
        of: of.into(),
        method,
        avg_ms: numbers.avg_ms,
        min_ms: numbers.min_ms,
        max_ms: numbers.max_ms,
        percentiles: wanted.iter().map(|&p| between(&points, p)).collect(),
        over: input
            .thresholds_ms
            .iter()
            .map(|&limit| above(&points, numbers, limit))
            .collect(),
        histogram: Vec::new(),
        error_bound_ms: None,
        warnings,
        next: match input.region {
            Some(_) => "leave region out for exact values".into(),
            None => "call get_results for what else is known of the run".into(),
        },
    }
}

/// A percentile on a line between two stored ones, in logarithms.
fn between(points: &[(f64, f64)], p: f64) -> PercentileRow {
    let below = points.iter().rev().find(|point| point.0 <= p);
    let over = points.iter().find(|point| point.0 >= p);
    let mut row = PercentileRow {
        p,
        ms: None,
        low_ms: None,
        high_ms: None,
    };
    match (below, over) {
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

/// Bounds of the share above a limit.
fn above(points: &[(f64, f64)], numbers: &Numbers, limit: f64) -> OverRow {
    let shares = |p: f64| rounded(100.0 - p);
    let low = points
        .iter()
        .find(|point| point.1 > limit)
        .map_or(0.0, |point| shares(point.0));
    let high = points.iter().rev().find(|point| point.1 <= limit);
    let high = high.map_or(100.0, |point| shares(point.0));
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
    fn stored_points_give_values_where_they_are_close_and_bounds_elsewhere() {
        let points = [(50.0, 100.0), (90.0, 150.0), (99.0, 900.0), (100.0, 1000.0)];
        assert_eq!(between(&points, 90.0).ms, Some(150.0));
        let near = between(&points, 70.0).ms.unwrap();
        assert!((122.0..123.0).contains(&near), "{near}");
        let far = between(&points, 95.0);
        assert_eq!(
            (far.ms, far.low_ms, far.high_ms),
            (None, Some(150.0), Some(900.0))
        );
        let outside = between(&points, 10.0);
        assert_eq!(
            (outside.ms, outside.low_ms, outside.high_ms),
            (None, None, Some(100.0))
        );
        let numbers = Numbers {
            requests: 1000,
            ..Numbers::default()
        };
        let over = above(&points, &numbers, 500.0);
        assert_eq!(
            (over.pct, over.low_pct, over.high_pct),
            (None, Some(1.0), Some(10.0))
        );
        let over = above(&points, &numbers, 2000.0);
        assert_eq!((over.pct, over.requests), (Some(0.0), Some(0)));
    }
}
