//! What the API answers about runs: their rows in lists, pages of these, the baseline. A whole run
//! is `record`'s.

use crate::judge::outcome::Word;
use crate::judge::summary::Distribution;
use crate::judge::verdict::Trust;
use crate::run::Status;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// GET /scenarios/{testId}/testruns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TestRunsPage {
    /// Newest first.
    pub test_runs: Vec<TestRunSummary>,
    /// Where the next page begins.
    pub pagination: Pagination,
}

/// Where a page stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pagination {
    /// Runs a page.
    pub limit: usize,
    /// Null when nothing follows.
    pub next_token: Option<String>,
    /// All runs that match, not just this page.
    pub total_count: u64,
}

/// A run in a list (openapi `TestRunSummary`): figures from `results.total`,
/// times in ms; a figure that is 0 or missing is left out. `outcome` and
/// `verdict` are ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TestRunSummary {
    /// Which.
    #[schemars(schema_with = "crate::shapes::test_run_id")]
    pub test_run_id: String,
    /// UTC.
    #[schemars(schema_with = "crate::shapes::stamp")]
    pub start_time: String,
    /// UTC; empty while it runs.
    #[schemars(schema_with = "crate::shapes::stamp")]
    pub end_time: String,
    /// Where it stands.
    #[schemars(schema_with = "crate::shapes::run_status")]
    pub status: Status,
    /// IANA zone of the scenario's schedule.
    pub schedule_timezone: String,
    /// Finished requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    /// Ended ok.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success: Option<u64>,
    /// Failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<u64>,
    /// Finished requests by `testDuration`, in whole seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_second: Option<f64>,
    /// Mean response time, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avg_response_time: Option<f64>,
    /// Mean time to the first byte, ms; an upper bound, as a first byte that was
    /// read together with later ones has their time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avg_latency: Option<f64>,
    /// Mean time to connect, over all requests, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avg_connection_time: Option<f64>,
    /// Bytes per measured second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avg_bandwidth: Option<f64>,
    /// Merged percentiles, ms; over all requests, failed ones too, as all times above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percentiles: Option<BTreeMap<String, f64>>,
    /// Ours: finished requests per second of the time in which load was made.
    #[serde(
        default,
        rename = "rate_per_s",
        skip_serializing_if = "Option::is_none"
    )]
    pub rate_per_s: Option<f64>,
    /// Ours: response times of ok answers, µs; left out where an older dlt did not keep
    /// those apart.
    #[serde(default, rename = "ok_times", skip_serializing_if = "Option::is_none")]
    pub ok_times: Option<Distribution>,
    /// Ours: response times of all requests, µs.
    #[serde(default, rename = "all_times", skip_serializing_if = "Option::is_none")]
    pub all_times: Option<Distribution>,
    /// Did it pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<ShortOutcome>,
    /// May one believe it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<ShortVerdict>,
    /// Did all runners report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<ShortCoverage>,
    /// Ours: a person's note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Ours: why the stored run cannot be read; then it has no figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
}

impl TestRunSummary {
    /// The row of a run of which only so much can be read.
    pub fn unreadable(id: String, start_time: String, status: Status, why: String) -> Self {
        Self {
            test_run_id: id,
            start_time,
            end_time: String::new(),
            status: status.of_run(),
            schedule_timezone: String::new(),
            requests: None,
            success: None,
            errors: None,
            requests_per_second: None,
            avg_response_time: None,
            avg_latency: None,
            avg_connection_time: None,
            avg_bandwidth: None,
            percentiles: None,
            rate_per_s: None,
            ok_times: None,
            all_times: None,
            outcome: None,
            verdict: None,
            coverage: None,
            note: None,
            unreadable: Some(why),
        }
    }
}

/// The outcome without its thresholds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShortOutcome {
    /// How it ended; absent from older servers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word: Option<Word>,
    /// Whether it met what was asked of it; null where nothing was asked.
    pub passed: Option<bool>,
    /// The target answered nothing.
    #[serde(default, skip_serializing_if = "is_false")]
    pub could_not_run: bool,
}

impl ShortOutcome {
    /// Its word; of an older server the one that its judgement means.
    pub fn said(&self) -> Word {
        self.word.unwrap_or(match self.passed {
            Some(true) => Word::Passed,
            Some(false) => Word::Failed,
            None => Word::Finished,
        })
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

/// The coverage without its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShortCoverage {
    /// Every runner reported.
    pub complete: bool,
}

/// The verdict without its reasons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ShortVerdict {
    /// May one believe it.
    pub trust: Trust,
}

/// GET …/baseline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BaselineAnswer {
    /// Which scenario.
    #[schemars(schema_with = "crate::shapes::test_id")]
    pub test_id: String,
    /// Null when none is set.
    pub baseline_id: Option<String>,
    /// A sentence.
    pub message: String,
    /// For a baseline whose run is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// The run; null when it is gone, absent without a baseline or with `data=false`.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[schemars(schema_with = "baseline_details")]
    pub test_run_details: Option<Option<BaselineRun>>,
}

/// A null that is there is `Some(None)`.
fn present<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<BaselineRun>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// The run of a baseline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BaselineRun {
    /// Which.
    #[schemars(schema_with = "crate::shapes::test_run_id")]
    pub test_run_id: String,
    /// UTC.
    #[schemars(schema_with = "crate::shapes::stamp")]
    pub start_time: String,
    /// UTC.
    #[schemars(schema_with = "crate::shapes::stamp")]
    pub end_time: String,
    /// Where it stands.
    #[schemars(schema_with = "crate::shapes::run_status")]
    pub status: Status,
    /// IANA zone.
    pub schedule_timezone: String,
    /// Compatible results.
    #[schemars(schema_with = "crate::shapes::results")]
    pub results: Value,
}

/// PUT and DELETE …/baseline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BaselineChanged {
    /// Which scenario.
    #[schemars(schema_with = "crate::shapes::test_id")]
    pub test_id: String,
    /// The baseline now; absent when it was cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline_id: Option<String>,
    /// The one before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_baseline_id: Option<String>,
    /// A sentence.
    pub message: String,
    /// Another.
    pub details: String,
}

/// DELETE …/testruns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunsDeleted {
    /// Runs that existed and are gone.
    pub deleted_count: u64,
}

/// The baseline's run, or null when it no longer exists.
fn baseline_details(generator: &mut SchemaGenerator) -> Schema {
    let run = generator.subschema_for::<BaselineRun>();
    json_schema!({ "oneOf": [{ "type": "null" }, run] })
}
