//! What the API answers (openapi `components`), field by field in the order
//! that clients see. Absent fields are left out; the only nulls are those that
//! the contract names; `runs` has those about runs, `own` those beyond the
//! contract. Making these answers is the pipeline's job.

mod own;
mod runs;

pub use own::{
    Artifact, ArtifactsAnswer, ErrorsAnswer, FilesAnswer, HistogramAnswer, LastRun, LoadChanges,
    LoadWish, RunNote, RunnerItem, RunnerWord, RunnersAnswer, Samples, TimelineAnswer,
    UploadAnswer,
};
pub use runs::{
    BaselineAnswer, BaselineChanged, BaselineRun, Pagination, RunsDeleted, ShortCoverage,
    ShortOutcome, ShortVerdict, TestRunSummary, TestRunsPage,
};

use crate::run::Status;
use crate::value::Value as Written;
use schemars::JsonSchema;
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
    /// Ours: the last run that has ended; left out where there is none, or where an older dlt
    /// stored it.
    #[serde(default, rename = "last_run", skip_serializing_if = "Option::is_none")]
    pub last_run: Option<LastRun>,
    /// Ours: how many runs up to now failed one after the other.
    #[serde(
        default,
        rename = "failures_in_a_row",
        skip_serializing_if = "Option::is_none"
    )]
    pub failures_in_a_row: Option<u64>,
    /// Ours: made by a one-off run; such rows are listed with `oneOff=true` alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub one_off: bool,
    /// Ours: why the stored scenario cannot be read; its name and status say nothing then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
}

impl ScenarioListItem {
    /// The row of a scenario of which only so much can be read.
    pub fn unreadable(id: String, start_time: String, why: String) -> Self {
        Self {
            test_id: id,
            test_name: String::new(),
            test_description: String::new(),
            status: Status::Failed,
            start_time,
            next_run: String::new(),
            schedule_recurrence: String::new(),
            cron_value: String::new(),
            schedule_timezone: String::new(),
            tags: Vec::new(),
            total_test_runs: 0,
            last_run: None,
            failures_in_a_row: None,
            one_off: false,
            unreadable: Some(why),
        }
    }
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
    /// Ours: made by a one-off run, and in lists with `oneOff=true` alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub one_off: bool,
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
    /// Ours: whether the access token that came with the question may change things; absent where
    /// no token is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub may_write: Option<bool>,
    /// Ours: the data folder cannot be written, and runs wait for it; absent while it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_outage: Option<StoreOutage>,
}

/// Why runs wait for the data folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoreOutage {
    /// Since when: `YYYY-MM-DD HH:MM:SS`, UTC.
    pub since: String,
    /// What the system said.
    pub reason: String,
}
