//! A scenario's record, and the rows of GET /scenarios.

use dlt_core::calls::answers::LastRun;
use serde::Deserialize;
use serde_json::Value;

/// A scenario; in lists most fields are missing.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Scenario {
    pub test_id: String,
    pub test_name: String,
    pub test_description: String,
    pub test_type: String,
    pub status: String,
    pub start_time: String,
    pub next_run: String,
    pub schedule_recurrence: String,
    pub schedule_timezone: String,
    pub cron_value: String,
    pub tags: Vec<String>,
    pub healthy_threshold: Option<u64>,
    pub test_task_configs: Value,
    pub test_scenario: Value,
    pub thresholds: Vec<String>,
    pub baseline_id: Option<String>,
    pub total_test_runs: u64,
    pub error_reason: Option<String>,
    pub tasks_per_region: Vec<Tasks>,
    #[serde(rename = "last_run")]
    pub last_run: Option<LastRun>,
    #[serde(rename = "failures_in_a_row")]
    pub failures_in_a_row: Option<u64>,
}

/// A region's task counts.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Tasks {
    pub region: String,
    pub running: u64,
    pub pending: u64,
    pub desired: u64,
}

/// GET /scenarios.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Scenarios {
    #[serde(rename = "Items")]
    pub items: Vec<Scenario>,
}

impl Scenario {
    /// Whether it has a run that has not ended.
    pub fn is_active(&self) -> bool {
        !matches!(
            self.status.as_str(),
            "created" | "scheduled" | "complete" | "cancelled" | "failed"
        )
    }

    /// Its plan as an object; older servers store it as JSON text.
    pub fn plan(&self) -> Value {
        match &self.test_scenario {
            Value::String(text) => serde_json::from_str(text).unwrap_or(Value::Null),
            other => other.clone(),
        }
    }
}
