//! What the workflow gives a function, and what the function decides: where the
//! workflow goes on, and how long it waits before.

use crate::error::PipelineError;
use crate::world::World;
use dlt_core::ids::{Region, TestId, TestRunId};
use serde::{Deserialize, Serialize};

/// What a function is given.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// Which of the function's jobs.
    #[serde(default)]
    pub op: Option<String>,
    /// Which scenario.
    pub test_id: TestId,
    /// Which run.
    pub test_run_id: TestRunId,
    /// Which region, in a Map over regions.
    #[serde(default)]
    pub region: Option<Region>,
    /// Looks while running so far, in this execution.
    #[serde(default)]
    pub cycle: Option<u64>,
    /// Number of this execution of the run, from 1.
    #[serde(default)]
    pub part: Option<u64>,
    /// The execution that asks: on AWS its ARN, from which the state machine's is
    /// made. No function may name the machine that calls it: their resources would
    /// need each other.
    #[serde(default)]
    pub execution: Option<String>,
    /// What was caught.
    #[serde(default)]
    pub error: Option<Caught>,
}

impl Input {
    /// The region, which must be given.
    pub fn region(&self) -> Result<&Region, PipelineError> {
        self.region
            .as_ref()
            .ok_or_else(|| PipelineError::Input("this step needs a region".to_owned()))
    }
}

/// What a Catch puts into the input.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Caught {
    /// Its ASL name.
    pub error: String,
    /// A sentence, or what a Lambda makes of it.
    pub cause: String,
}

/// What a function answers; the Choice after it reads `next`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// Where to go on.
    pub next: &'static str,
    /// How long a Wait takes.
    pub wait_seconds: u64,
    /// Looks while running so far, in this execution.
    pub cycle: u64,
    /// Why the run failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Decision {
    /// Go on there.
    pub fn go(world: &World, next: &'static str) -> Self {
        Self {
            next,
            wait_seconds: world.pace.poll_s,
            cycle: 0,
            reason: None,
        }
    }
}
