//! The run record: all that is stored and shown of a run, what GET
//! …/testruns/{run} and `dlt run --json` answer (dlt.md 2, openapi
//! `TestRunRecord`), and the exit code that it means. Storing it is left to the
//! pipeline.

use crate::ids::{TestId, TestRunId};
use crate::judge::merger::Summary;
use crate::judge::outcome::{Outcome, Word};
use crate::judge::summary::{
    AccountSummary, Blocks, Coverage, ErrorRow, ExchangeRow, LoadSummary, StartSummary,
};
use crate::judge::verdict::{Trust, Verdict};
use crate::measure::generator::Generator;
use crate::messages::setup::OnceFacts;
use crate::run::Status;
use crate::value::Value as Written;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A run, as the API shows it. Compatible fields are camelCase, ours snake_case.
/// Fields with a default are those that records of DLT itself may lack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunRecord {
    /// Which scenario.
    #[schemars(schema_with = "crate::shapes::test_id")]
    pub test_id: String,
    /// Which run.
    #[schemars(schema_with = "crate::shapes::test_run_id")]
    pub test_run_id: String,
    /// The scenario's name.
    #[serde(default)]
    pub test_name: String,
    /// The scenario's description.
    #[serde(default)]
    pub test_description: String,
    /// `simple` for now.
    #[serde(default)]
    pub test_type: String,
    /// Where it stands.
    #[schemars(schema_with = "crate::shapes::run_status")]
    pub status: Status,
    /// `YYYY-MM-DD HH:MM:SS`, UTC.
    #[schemars(schema_with = "crate::shapes::stamp")]
    pub start_time: String,
    /// The same; empty while it runs.
    #[serde(default)]
    #[schemars(schema_with = "crate::shapes::stamp")]
    pub end_time: String,
    /// IANA zone of the scenario's schedule.
    #[serde(default = "utc")]
    pub schedule_timezone: String,
    /// As posted, with numbers.
    #[serde(default)]
    #[schemars(schema_with = "crate::shapes::task_configs")]
    pub test_task_configs: Value,
    /// The plan.
    #[serde(default)]
    #[schemars(schema_with = "crate::shapes::run_plan")]
    pub test_scenario: Written,
    /// Compatible results by region and `total`; empty object until parsed.
    #[serde(default)]
    #[schemars(schema_with = "crate::shapes::results")]
    pub results: Value,
    /// Reports by region.
    #[serde(default)]
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
    /// What requests were sent to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator: Option<Generator>,
    /// The requests that were made once, before the load; in no other number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setup: Option<OnceFacts>,
    /// The same, after the load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teardown: Option<OnceFacts>,
    /// What was planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<LoadSummary>,
    /// Exact numbers in µs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Blocks>,
    /// Failures by cause, most frequent first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<Vec<ErrorRow>>,
    /// Every exchange, those that are ok, too, in the order of sending: of a one-off run of one
    /// iteration that was posted with `keep_exchanges: all`, left out of others. At most 100 and
    /// 1 MiB; what is left out is told in `warnings`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchanges: Option<Vec<ExchangeRow>>,
    /// Sentences for people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// A person's note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The zone of a run that has none.
fn utc() -> String {
    "UTC".to_owned()
}

/// What a record holds before anything was measured.
#[derive(Debug, Clone)]
pub struct Begun {
    /// The scenario's id.
    pub test_id: TestId,
    /// The run's id.
    pub test_run_id: TestRunId,
    /// The scenario's name.
    pub test_name: String,
    /// The scenario's description.
    pub test_description: String,
    /// `simple`, or whose script makes the load.
    pub test_type: String,
    /// `YYYY-MM-DD HH:MM:SS`, UTC.
    pub start_time: String,
    /// As posted, with numbers.
    pub test_task_configs: Value,
    /// `testScenario`, as the document of a region has it.
    pub test_scenario: Written,
}

impl RunRecord {
    /// The record of a run that was accepted: the only way in which one begins.
    pub fn begun(run: Begun) -> Self {
        Self {
            test_id: run.test_id.to_string(),
            test_run_id: run.test_run_id.to_string(),
            test_name: run.test_name,
            test_description: run.test_description,
            test_type: run.test_type,
            status: Status::Queued,
            start_time: run.start_time,
            end_time: String::new(),
            schedule_timezone: utc(),
            test_task_configs: run.test_task_configs,
            test_scenario: run.test_scenario,
            results: Value::Object(serde_json::Map::new()),
            complete_tasks: BTreeMap::new(),
            succ_percent: None,
            error_reason: None,
            outcome: None,
            verdict: None,
            account: None,
            coverage: None,
            start: None,
            generator: None,
            setup: None,
            teardown: None,
            load: None,
            summary: None,
            errors: None,
            exchanges: None,
            warnings: Vec::new(),
            note: None,
        }
    }

    /// Takes over the reports' result; a second one replaces the first.
    pub fn apply(&mut self, summary: Summary) {
        self.results = summary.results;
        self.complete_tasks = summary.complete_tasks;
        self.succ_percent = summary.succ_percent;
        self.outcome = Some(summary.outcome);
        self.verdict = Some(summary.verdict);
        self.account = Some(summary.account);
        self.coverage = Some(summary.coverage);
        self.start = Some(summary.start);
        self.generator = Some(summary.generator).filter(|generator| !generator.is_empty());
        self.load = Some(summary.load);
        self.summary = Some(summary.blocks);
        self.errors = Some(summary.errors);
        self.exchanges = Some(summary.exchanges).filter(|rows| !rows.is_empty());
        self.warnings = summary.warnings;
    }
}

/// The codes that a record may mean (decision 27). 70, our own bug, and 2, bad
/// input, come before there is a record.
mod exit {
    pub(super) const PASSED: u8 = 0;
    pub(super) const NOT_PASSED: u8 = 1;
    /// Also: the target answered nothing.
    pub(super) const COULD_NOT_RUN: u8 = 3;
    pub(super) const UNTRUSTED: u8 = 4;
    pub(super) const INCOMPLETE: u8 = 5;
    pub(super) const INTERRUPTED: u8 = 130;
}

/// The exit code that a record means; when several apply, the first of 130, 3,
/// 5, 1, 4, 0 wins (dlt.md 2). `interrupted` is the user's Ctrl-C here; a run
/// cancelled from elsewhere is incomplete.
pub fn exit_code(record: &RunRecord, require_trusted: bool, interrupted: bool) -> u8 {
    let outcome = record.outcome.as_ref();
    let measured = record
        .account
        .is_some_and(|account| account.requests.ok + account.requests.failed > 0);
    let could_not_run = outcome.is_some_and(|outcome| outcome.could_not_run)
        || (record.status == Status::Failed && !measured);
    let complete = record
        .coverage
        .as_ref()
        .is_some_and(|coverage| coverage.complete);
    let trusted = record
        .verdict
        .as_ref()
        .is_some_and(|verdict| verdict.trust == Trust::Trusted);
    if interrupted {
        exit::INTERRUPTED
    } else if could_not_run {
        exit::COULD_NOT_RUN
    } else if !complete
        || outcome.is_some_and(|outcome| outcome.word == Word::Incomplete)
        || !matches!(record.status, Status::Complete | Status::Failed)
    {
        exit::INCOMPLETE
    } else if record.status == Status::Failed
        || outcome.is_none_or(|outcome| outcome.passed == Some(false))
    {
        exit::NOT_PASSED
    } else if require_trusted && !trusted {
        exit::UNTRUSTED
    } else {
        exit::PASSED
    }
}

#[cfg(test)]
pub(crate) mod tests;
