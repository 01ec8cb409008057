//! The API as values. For now the run record: what GET …/testruns/{run} and
//! `dlt run --json` answer (dlt.md 2, openapi `TestRunRecord`).

use crate::outcome::Outcome;
use crate::run::Status;
use crate::summary::{AccountSummary, Blocks, Coverage, ErrorRow, StartSummary};
use crate::verdict::{Trust, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A run, as the API shows it. Compatible fields are camelCase, ours snake_case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunRecord {
    /// Which scenario.
    pub test_id: String,
    /// Which run.
    pub test_run_id: String,
    /// The scenario's name.
    pub test_name: String,
    /// The scenario's description.
    pub test_description: String,
    /// `simple` for now.
    pub test_type: String,
    /// Where it stands.
    pub status: Status,
    /// `YYYY-MM-DD HH:MM:SS`, UTC.
    pub start_time: String,
    /// The same; empty while it runs.
    pub end_time: String,
    /// As posted, with numbers.
    pub test_task_configs: Value,
    /// The plan.
    pub test_scenario: Value,
    /// Compatible results by region and `total`; empty object until parsed.
    pub results: Value,
    /// Reports by region.
    pub complete_tasks: BTreeMap<String, u64>,
    /// succ / throughput · 100 with 2 decimals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub succ_percent: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_reason: Option<String>,
    /// Did it pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// May one believe it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Where every request went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountSummary>,
    /// Who reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Coverage>,
    /// How evenly it started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<StartSummary>,
    /// What was planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<LoadSummary>,
    /// Exact numbers in µs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Blocks>,
    /// Failures by cause, most frequent first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<Vec<ErrorRow>>,
    /// Sentences for people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// The exit code of a finished run (decision 27); when several apply the first
/// of 130, 3, 5, 1, 4, 0 wins (dlt.md 2).
pub fn exit_code(record: &RunRecord, require_trusted: bool, interrupted: bool) -> u8 {
    let outcome = record.outcome.as_ref();
    let trusted = |verdict: &Verdict| verdict.trust == Trust::Trusted;
    if interrupted || record.status == Status::Cancelled {
        130
    } else if outcome.is_none_or(|outcome| outcome.could_not_run) {
        3
    } else if record.coverage.as_ref().is_some_and(|it| !it.complete) {
        5
    } else if outcome.is_some_and(|outcome| !outcome.passed) {
        1
    } else if require_trusted && !record.verdict.as_ref().is_some_and(trusted) {
        4
    } else {
        0
    }
}

/// What was planned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadSummary {
    /// `closed` or `open`.
    pub model: String,
    /// Peak users over the whole run (closed).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<u64>,
    /// Peak arrivals per second over the whole run (open).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrivals: Option<f64>,
    /// `[second, value]` rows of the planned curve.
    pub planned: Vec<(u64, f64)>,
}
