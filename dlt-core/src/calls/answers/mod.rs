//! What the API answers (openapi `components`), field by field in the order
//! that clients see. Absent fields are left out; the only nulls are those that
//! the contract names; `own` has those beyond it. Making these answers is the
//! pipeline's job.

mod own;

pub use own::{
    Artifact, ArtifactsAnswer, ErrorsAnswer, FilesAnswer, HistogramAnswer, Samples, UploadAnswer,
};

use crate::judge::outcome::Word;
use crate::judge::summary::Distribution;
use crate::judge::verdict::Trust;
use crate::run::Status;
use crate::value::Value as Written;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// GET /scenarios.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioList {
    /// Latest start first; those that never ran last.
    #[serde(rename = "Items")]
    pub items: Vec<ScenarioListItem>,
}

/// A scenario in the list; only these fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScenarioListItem {
    /// Which.
    #[schemars(schema_with = "crate::shapes::test_id")]
    pub test_id: String,
    /// Its name.
    pub test_name: String,
    /// Its description.
    pub test_description: String,
    /// Where it stands.
    pub status: Status,
    /// When its last run started: `YYYY-MM-DD HH:MM:SS` UTC, or empty.
    #[schemars(schema_with = "crate::shapes::stamp")]
    pub start_time: String,
    /// When it runs next, on the wall clock of `scheduleTimezone`; or empty.
    #[schemars(schema_with = "crate::shapes::stamp")]
    pub next_run: String,
    /// `daily`, `weekly`, `biweekly`, `monthly` or empty.
    pub schedule_recurrence: String,
    /// Linux cron, or empty.
    pub cron_value: String,
    /// IANA zone.
    pub schedule_timezone: String,
    /// Stored tags.
    pub tags: Vec<String>,
    /// Runs kept.
    pub total_test_runs: u64,
}

/// A scenario: the answer of POST /scenarios (plan as JSON text) and of
/// GET /scenarios/{testId} (plan as an object, and the fields at the end).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScenarioRecord {
    /// Which.
    #[schemars(schema_with = "crate::shapes::test_id")]
    pub test_id: String,
    /// Its name.
    pub test_name: String,
    /// Its description.
    pub test_description: String,
    /// `simple`, `jmeter`, `k6` or `locust`.
    pub test_type: String,
    /// `none`, `script` or `zip`.
    pub file_type: String,
    /// Where it stands.
    pub status: Status,
    /// Whether live data is published.
    pub show_live: bool,
    /// When its last run started, UTC; or empty.
    #[schemars(schema_with = "crate::shapes::stamp")]
    pub start_time: String,
    /// When its last run ended, UTC; or empty.
    #[schemars(schema_with = "crate::shapes::stamp")]
    pub end_time: String,
    /// When it runs next, on the wall clock of `scheduleTimezone`; or empty.
    #[schemars(schema_with = "crate::shapes::stamp")]
    pub next_run: String,
    /// `daily`, `weekly`, `biweekly`, `monthly` or empty.
    pub schedule_recurrence: String,
    /// IANA zone.
    pub schedule_timezone: String,
    /// Linux cron, or empty.
    pub cron_value: String,
    /// Last day of the cron schedule, or empty.
    pub cron_expiry_date: String,
    /// `YYYY-MM-DD` of a schedule without cron (ours).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub schedule_date: String,
    /// `HH:MM` of a schedule without cron (ours).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub schedule_time: String,
    /// Stored tags.
    pub tags: Vec<String>,
    /// Percent of runners that must be there.
    pub healthy_threshold: u64,
    /// Sum of taskCount over regions.
    pub desired_task_count: u64,
    /// Runners that the last run lost.
    pub task_failure_count: u64,
    /// Regions with their runners; GET adds the region's own fields.
    #[schemars(schema_with = "crate::shapes::task_configs")]
    pub test_task_configs: Value,
    /// JSON text in the answer of POST, an object in that of GET.
    #[schemars(schema_with = "crate::shapes::scenario_plan")]
    pub test_scenario: Written,
    /// When a run passes (ours).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<String>,
    /// Compatible results of the last run; empty until one was parsed.
    #[schemars(schema_with = "crate::shapes::results")]
    pub results: Value,
    /// Reports of the last run by region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complete_tasks: Option<BTreeMap<String, u64>>,
    /// Why the last run failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_reason: Option<String>,
    /// The run that others are compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline_id: Option<String>,
    /// Runs kept.
    pub total_test_runs: u64,
    /// POST only, ours: the run that was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_run_id: Option<String>,
    /// POST only, ours, as sentences: what is written and nothing is done with, and what a
    /// scenario that was saved lacks to be run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// GET only, while runners may exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks_per_region: Option<Vec<TaskCounts>>,
    /// GET only: run records by their ids; empty with `history=false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<crate::record::RunRecord>>")]
    pub history: Option<Vec<Value>>,
}

/// Runners of a region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaskCounts {
    /// Where.
    pub region: String,
    /// Ready or loading.
    pub running: u64,
    /// Launched, not ready yet.
    pub pending: u64,
    /// Asked for.
    pub desired: u64,
}

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

/// GET /tasks: one row a region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegionTaskIds {
    /// Where.
    pub region: String,
    /// ARNs on AWS, runner ids at home.
    pub task_arns: Vec<String>,
    /// Ours: the public IPv4 address of each of these that has one, by ARN.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub public_addresses: BTreeMap<String, String>,
    /// Ours: why they are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_addresses_unknown: Option<String>,
}

/// A region where runs may go (openapi `RegionInfra` and compatibility).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegionInfo {
    /// `region-` and its name.
    pub test_id: String,
    /// Its name.
    pub region: String,
    /// The ECS cluster; `home` on one machine.
    pub task_cluster: String,
    /// Only on the region that hosts the API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_definition: Option<String>,
    /// Log group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ecs_cloud_watch_log_group: Option<String>,
    /// Subnet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet_a: Option<String>,
    /// Subnet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet_b: Option<String>,
    /// Security group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_security_group: Option<String>,
    /// Role of tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_role_arn: Option<String>,
    /// Role that starts tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_role_arn: Option<String>,
    /// Of its stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack_id: Option<String>,
    /// ISO 8601 with ms and Z.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_date: Option<String>,
    /// Whether this hub may use it; absent inside `testTaskConfigs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compatible: Option<bool>,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incompatibility_reason: Option<String>,
}

/// GET /regions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RegionsAnswer {
    /// Registered regions.
    pub regions: Vec<RegionInfo>,
    /// Where the template of further regions lies.
    pub url: String,
}

/// GET /vCPUDetails, by region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VcpuDetails {
    /// Most vCPUs.
    #[serde(rename = "vCPULimit")]
    pub limit: u64,
    /// vCPUs of one runner.
    #[serde(rename = "vCPUsPerTask")]
    pub per_task: u64,
    /// vCPUs of runners that exist.
    #[serde(rename = "vCPUsInUse")]
    pub in_use: u64,
}

/// GET /stack-info.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StackInfo {
    /// ISO 8601 with ms and Z.
    pub created_time: String,
    /// Where the API lives.
    pub region: String,
    /// The DLT version that it is compatible with.
    pub version: String,
    /// Absent unless an MCP server is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mcp_endpoint: Option<String>,
    /// AWS account; zeros at home.
    pub account_id: String,
    /// `cloudformation` or `launch-wizard`.
    pub deployment_method: String,
    /// The stack, or the data folder's name.
    pub stack_id: String,
    /// `cloudfront`, `alb-ecs` or `headless`.
    pub solution_template: String,
    /// Newest release, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest_version: Option<String>,
    /// Whether a newer one exists.
    pub is_update_available: bool,
    /// Ours: the version of this dlt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dlt_version: Option<String>,
}

/// The baseline's run, or null when it no longer exists.
fn baseline_details(generator: &mut SchemaGenerator) -> Schema {
    let run = generator.subschema_for::<BaselineRun>();
    json_schema!({ "oneOf": [{ "type": "null" }, run] })
}
