//! A run's runners, each a row: how far it is, or how it fared.

use crate::clean::Text;
use crate::units::{ms, ms_signed, rounded};
use dlt_core::calls::answers::{RunnerItem, RunnerWord};
use dlt_core::messages::order::Role;
use schemars::JsonSchema;
use serde::Serialize;

/// A runner.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct RunnerRow {
    runner: Text,
    region: Text,
    state: Text,
    #[serde(skip_serializing_if = "crate::views::is_false")]
    leader: bool,
    /// of the planned load
    #[serde(skip_serializing_if = "Option::is_none")]
    share_pct: Option<f64>,
    /// requests
    #[serde(skip_serializing_if = "Option::is_none")]
    started: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dropped: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lag_p99_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    skew_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_pct: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_mb: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_heard_s: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lost: Option<Text>,
}

impl RunnerRow {
    pub(crate) fn of(item: &RunnerItem) -> Self {
        Self {
            runner: Text::of(&item.runner),
            region: Text::of(&item.region),
            state: match item.state {
                RunnerWord::Starting => "starting",
                RunnerWord::Ready => "ready",
                RunnerWord::Loading => "loading",
                RunnerWord::Lagging => "lagging",
                RunnerWord::Finished => "finished",
                RunnerWord::Lost => "lost",
            }
            .into(),
            leader: item.role == Some(Role::Leader),
            share_pct: item.share_pct,
            started: item.scheduled,
            dropped: item.dropped,
            lag_p99_ms: item.lag_p99_us.map(ms),
            skew_ms: item.skew_us.map(ms_signed),
            cpu_pct: item.cpu_pct,
            memory_mb: item
                .memory_bytes
                .map(|bytes| rounded(bytes as f64 / f64::from(1 << 20))),
            last_heard_s: item.last_heard_s,
            lost: item.lost.as_deref().and_then(Text::some),
        }
    }

    /// Whether it is missing.
    pub(crate) fn is_lost(item: &RunnerItem) -> bool {
        item.state == RunnerWord::Lost
    }
}
