//! Which runners reported, and who is missing: with its part of the load, and when it was lost.

use crate::clean::Text;
use crate::seen::run::Run;
use crate::units::{instant, rounded};
use dlt_core::calls::answers::{RunnerItem, RunnerWord};
use schemars::JsonSchema;
use serde::Serialize;

/// Most missing runners that are listed.
const MOST_MISSING: usize = 6;

/// Who reported.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(crate) struct CoverageView {
    #[serde(skip_serializing_if = "Option::is_none")]
    complete: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    runners_expected: Option<u64>,
    runners_reported: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing_total: Option<usize>,
    /// share_pct: of the planned load
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<MissingRow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing_intervals: Option<u64>,
}

/// A runner that is missing.
#[derive(Debug, Serialize, JsonSchema)]
struct MissingRow {
    runner: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    share_pct: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    planned_users: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    planned_arrivals_rps: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    planned_requests: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_heard_s: Option<u64>,
    /// after the last second that was heard of it
    #[serde(skip_serializing_if = "Option::is_none")]
    lost_at: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    how: Option<Text>,
}

impl MissingRow {
    /// `start_at_us` is when the load started.
    fn of(run: &Run, id: &str, known: Option<&RunnerItem>, start_at_us: Option<u64>) -> Self {
        let load = run.load.as_ref();
        let share = known.and_then(|row| row.share_pct);
        let part = |whole: Option<f64>| Some(rounded(whole? * share? / 100.0));
        let heard = known.and_then(|row| row.last_heard_s);
        let lost_ms = heard
            .zip(start_at_us)
            .map(|(heard, start)| start / 1_000 + (heard + 1) * 1_000);
        Self {
            runner: Text::of(id),
            region: known.and_then(|row| Text::some(&row.region)),
            share_pct: share,
            planned_users: part(load.and_then(|load| load.users).map(|users| users as f64)),
            planned_arrivals_rps: part(load.and_then(|load| load.arrivals)),
            planned_requests: part(
                load.and_then(|load| load.planned_requests)
                    .map(|all| all as f64),
            ),
            last_heard_s: heard,
            lost_at: lost_ms.and_then(instant),
            how: known.and_then(|row| row.lost.as_deref().and_then(Text::some)),
        }
    }
}

impl CoverageView {
    /// `runners` is empty where the server tells nothing of them.
    pub(crate) fn of(run: &Run, runners: &[RunnerItem], start_at_us: Option<u64>) -> Self {
        let lost: Vec<&str> = match &run.coverage {
            Some(coverage) => coverage.missing.iter().map(String::as_str).collect(),
            None => {
                let lost = runners.iter().filter(|row| row.state == RunnerWord::Lost);
                lost.map(|row| row.runner.as_str()).collect()
            }
        };
        let row = |id: &&str| {
            let known = runners.iter().find(|row| row.runner == **id);
            MissingRow::of(run, id, known, start_at_us)
        };
        let missing_total = (lost.len() > MOST_MISSING).then_some(lost.len());
        let missing = lost.iter().take(MOST_MISSING).map(row).collect();
        match &run.coverage {
            Some(coverage) => Self {
                complete: Some(coverage.complete),
                runners_expected: Some(coverage.runners_expected),
                runners_reported: coverage.runners_reported,
                missing_total,
                missing,
                missing_intervals: Some(coverage.missing_intervals).filter(|count| *count > 0),
            },
            None => {
                let configs = run.test_task_configs.as_array();
                let counts = configs.into_iter().flatten();
                let expected: u64 = counts
                    .filter_map(|config| config["taskCount"].as_u64())
                    .sum();
                let reported = run.complete_tasks.values().sum();
                Self {
                    complete: (expected > 0 && !run.is_active()).then_some(reported >= expected),
                    runners_expected: Some(expected).filter(|count| *count > 0),
                    runners_reported: reported,
                    missing_total,
                    missing,
                    ..Self::default()
                }
            }
        }
    }
}
