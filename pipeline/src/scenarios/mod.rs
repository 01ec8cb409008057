//! Scenarios: the stored bodies, and which run each has. A scenario has one
//! run at a time; the claim is a conditional write, so two starts at once
//! cannot both win.

#[cfg(feature = "local")]
pub mod sqlite;

use crate::error::PipelineError;
use crate::runs::Runs;
use async_trait::async_trait;
use dlt_core::ids::{TestId, TestRunId};
use dlt_core::run::Status;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A scenario, as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScenarioItem {
    /// Rises with each change; 0 is not stored yet.
    pub version: u64,
    /// Which.
    pub test: TestId,
    /// The API body.
    pub body: Value,
    /// Where it stands: its last run's status.
    pub status: Status,
    /// Its last run.
    pub run: Option<TestRunId>,
}

/// Where scenarios are kept.
#[async_trait]
pub trait Scenarios: Send + Sync {
    /// A scenario.
    async fn get(&self, test: &TestId) -> Result<Option<ScenarioItem>, PipelineError>;
    /// Stores a scenario whose stored version is still `item.version` (0: there
    /// is none), and raises the version; else [`PipelineError::Conflict`].
    async fn put(&self, item: &ScenarioItem) -> Result<(), PipelineError>;
}

/// Takes the scenario for a new run; [`PipelineError::Busy`] if it has one.
pub async fn claim(
    scenarios: &dyn Scenarios,
    runs: &dyn Runs,
    test: &TestId,
    body: Value,
    run: &TestRunId,
) -> Result<(), PipelineError> {
    let stored = scenarios.get(test).await?;
    let busy = |run: &TestRunId| PipelineError::Busy {
        test: test.to_string(),
        run: run.to_string(),
    };
    if let Some(item) = &stored
        && let Some(other) = &item.run
        && !item.status.is_resting()
    {
        // A start that broke off half-way left a claim without a run.
        let stored = runs.get(other).await?;
        if stored.is_some_and(|run| !run.record.status.is_terminal()) {
            return Err(busy(other));
        }
    }
    let item = ScenarioItem {
        version: stored.map_or(0, |item| item.version),
        test: test.clone(),
        body,
        status: Status::Queued,
        run: Some(run.clone()),
    };
    match scenarios.put(&item).await {
        Err(PipelineError::Conflict(_)) => Err(busy(run)),
        other => other,
    }
}

/// Shows a run's status on its scenario, unless that has a newer run.
pub async fn mirror(
    scenarios: &dyn Scenarios,
    test: &TestId,
    run: &TestRunId,
    status: Status,
) -> Result<(), PipelineError> {
    match scenarios.get(test).await? {
        Some(mut item) if item.run.as_ref() == Some(run) && item.status != status => {
            item.status = status;
            scenarios.put(&item).await
        }
        _ => Ok(()),
    }
}
