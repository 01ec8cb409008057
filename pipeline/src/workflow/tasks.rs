//! The functions that the workflow calls, by their name in its file. The
//! driver at home, the simulation and the Lambdas call them through [`call`].
//!
//! Every function may be called twice, and may be called again after an answer
//! was lost: it looks first, then does what is missing. None of them waits.

use super::machine::Failure;
use super::{provision, watch};
use crate::error::PipelineError;
use crate::results;
use crate::world::World;
use dlt_core::ids::{Region, TestId, TestRunId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

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
pub struct Answer {
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

impl Answer {
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

/// Calls a function by its name in the workflow file.
pub async fn call(world: &World, resource: &str, input: Value) -> Result<Value, PipelineError> {
    let input: Input = serde_json::from_value(input)
        .map_err(|error| PipelineError::Input(format!("input of {resource}: {error}")))?;
    let op = input.op.as_deref().unwrap_or_default();
    let answer = match (resource, op) {
        ("${TaskStatusCheckerArn}", "idle") => watch::idle(world, &input).await,
        ("${TaskStatusCheckerArn}", "workers") => provision::workers_ready(world, &input).await,
        ("${TaskStatusCheckerArn}", "quorum") => provision::quorum(world, &input).await,
        ("${TaskStatusCheckerArn}", "leader") => provision::leader_ready(world, &input).await,
        ("${TaskStatusCheckerArn}", "start") => provision::start(world, &input).await,
        ("${TaskStatusCheckerArn}", "running") => watch::running(world, &input).await,
        ("${TaskStatusCheckerArn}", "continue") => watch::go_on(world, &input).await,
        ("${TaskStatusCheckerArn}", "gone") => watch::gone(world, &input).await,
        ("${TaskStatusCheckerArn}", "fail") => watch::fail(world, &input).await,
        ("${TaskStatusCheckerArn}", "finish") => watch::finish(world, &input).await,
        ("${TaskRunnerArn}", "workers") => provision::run_workers(world, &input).await,
        ("${TaskRunnerArn}", "leader") => provision::run_leader(world, &input).await,
        ("${TaskCancelerArn}", "stop") => watch::stop(world, &input).await,
        ("${TaskCancelerArn}", "kill") => watch::kill(world, &input).await,
        ("${TaskCancelerArn}", "clean") => watch::clean_up(world, &input).await,
        ("${ResultsParserArn}", "") => results::parse(world, &input).await,
        _ => Err(PipelineError::Input(format!(
            "there is no function {resource} with op {op:?}"
        ))),
    }?;
    serde_json::to_value(answer).map_err(|error| PipelineError::Other(error.to_string()))
}

impl From<&PipelineError> for Failure {
    fn from(error: &PipelineError) -> Self {
        Self {
            error: error.asl_name().to_owned(),
            cause: error.to_string(),
        }
    }
}
