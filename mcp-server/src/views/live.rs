//! How far a run in progress is, and what happens now. Its numbers so far stand where those of a
//! run that has ended stand.

use crate::clean::Text;
use crate::seen::live::Live;
use crate::seen::numbers::Numbers;
use crate::units::{instant, rounded};
use crate::views::numbers_row::NumbersRow;
use dlt_core::calls::answers::{RunnerItem, RunnerWord};
use dlt_core::measure::second::Second;
use schemars::JsonSchema;
use serde::Serialize;

/// Most causes that are listed.
const MOST_CAUSES: usize = 8;

/// Where a run stands.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct LiveView {
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of: Option<Text>,
    at_s: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    planned_s: Option<u64>,
    users: u64,
    started: u64,
    failed: u64,
    dropped: u64,
    /// failures so far
    #[serde(skip_serializing_if = "Vec::is_empty")]
    causes: Vec<CauseRow>,
    runners: RunnerCounts,
    /// the newest alone
    #[serde(skip_serializing_if = "Option::is_none")]
    recent_s: Option<u64>,
    /// as totals
    #[serde(skip_serializing_if = "Option::is_none")]
    recent: Option<NumbersRow>,
}

/// Failures of one cause.
#[derive(Debug, Serialize, JsonSchema)]
struct CauseRow {
    cause: Text,
    count: u64,
}

/// How many runners are how far.
#[derive(Debug, Default, Serialize, JsonSchema)]
struct RunnerCounts {
    loading: usize,
    #[serde(skip_serializing_if = "is_zero")]
    lagging: usize,
    #[serde(skip_serializing_if = "is_zero")]
    finished: usize,
    #[serde(skip_serializing_if = "is_zero")]
    lost: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Failures by cause, most frequent first.
fn causes(second: &Second) -> Vec<(String, u64)> {
    let mut rows = second.causes.clone();
    rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    rows
}

impl LiveView {
    /// `planned_s` is how long the load is to be.
    pub(crate) fn of(live: &Live, runners: &[RunnerItem], planned_s: Option<u64>) -> Self {
        let total = &live.total;
        let count = |word: RunnerWord| runners.iter().filter(|row| row.state == word).count();
        Self {
            as_of: instant(live.start_at_us / 1_000 + live.at_s * 1_000),
            at_s: live.at_s,
            planned_s,
            users: total.users,
            started: total.scheduled,
            failed: total.failed,
            dropped: total.dropped,
            causes: causes(total)
                .into_iter()
                .take(MOST_CAUSES)
                .map(|(cause, count)| CauseRow {
                    cause: Text::of(&cause),
                    count,
                })
                .collect(),
            runners: RunnerCounts {
                loading: count(RunnerWord::Loading),
                lagging: count(RunnerWord::Lagging),
                finished: count(RunnerWord::Finished),
                lost: count(RunnerWord::Lost),
            },
            recent_s: live.recent.as_ref().map(|recent| recent.1),
            recent: live.recent.as_ref().map(|(second, seconds)| {
                NumbersRow::of(&Numbers::of_second(second), Some(rounded(*seconds as f64)))
            }),
        }
    }
}
