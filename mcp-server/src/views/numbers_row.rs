//! A row of numbers: of a run, a region, a label or the transactions of one name. Whose numbers they are is decided where rows
//! are made.

use super::is_none_or_zero;
use crate::clean::Text;
use crate::seen::numbers::Numbers;
use crate::units::{ms, percent, rounded};
use schemars::JsonSchema;
use serde::Serialize;

/// Numbers of the run, a region or a label.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct NumbersRow {
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<Text>,
    requests: u64,
    /// of transactions
    #[serde(skip_serializing_if = "is_none_or_zero")]
    unfinished: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rps: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_pct: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    avg_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p50_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p90_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p95_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p99_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p99_9_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_ms: Option<f64>,
    /// of failed requests
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_p50_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_p95_ms: Option<f64>,
}

impl NumbersRow {
    /// The same, of this region.
    pub(crate) fn in_region(self, region: &str) -> Self {
        let region = Some(Text::of(region));
        Self { region, ..self }
    }

    /// The same, of this label.
    pub(crate) fn of_label(self, label: &str) -> Self {
        let label = Some(Text::of(label));
        Self { label, ..self }
    }

    /// The same, of transactions of which so many were begun and not ended.
    pub(crate) fn with_unfinished(self, unfinished: u64) -> Self {
        let unfinished = Some(unfinished);
        Self { unfinished, ..self }
    }

    pub(crate) fn of(numbers: &Numbers, seconds: Option<f64>) -> Self {
        Self {
            region: None,
            label: None,
            requests: numbers.requests,
            unfinished: None,
            rps: seconds.map(|seconds| rounded(numbers.requests as f64 / seconds)),
            error_pct: percent(numbers.failed, numbers.requests),
            avg_ms: numbers.avg_ms,
            p50_ms: numbers.p50_ms,
            p90_ms: numbers.p90_ms,
            p95_ms: numbers.p95_ms,
            p99_ms: numbers.p99_ms,
            p99_9_ms: numbers.p99_9_ms,
            max_ms: numbers.max_ms,
            failed_p50_ms: numbers
                .failed_times
                .and_then(|times| Some(ms(times.p50_us?))),
            failed_p95_ms: numbers
                .failed_times
                .and_then(|times| Some(ms(times.p95_us?))),
        }
    }
}
