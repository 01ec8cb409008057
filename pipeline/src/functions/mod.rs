//! The functions: whatever uses the ports. Those that the workflow calls are
//! called by their names in its file through [`call`], by the driver at home,
//! the simulation and the Lambdas alike.
//!
//! Every one of them may be called twice, and may be called again after an
//! answer was lost: it looks first, then does what is missing. None waits.

pub mod cancel;
pub mod dealt;
pub mod decision;
pub mod fire;
pub mod free;
pub mod hand_over;
pub mod histogram;
pub mod load_changes;
pub mod losses;
pub mod once;
pub mod packed;
pub mod past;
pub mod provision;
mod public_addresses;
pub mod records;
mod region_runners;
mod reports;
pub mod results;
pub mod room;
pub mod runners;
pub mod schedule;
pub mod scripts;
pub mod settle;
pub mod stalled;
pub mod start;
pub mod timelines;
pub mod uploads;
pub mod watch;

use crate::error::PipelineError;
use crate::world::World;
use decision::Input;
use serde_json::Value;

/// Calls a function by its name in the workflow file.
pub async fn call(world: &World, resource: &str, input: Value) -> Result<Value, PipelineError> {
    let input: Input = serde_json::from_value(input)
        .map_err(|error| PipelineError::Input(format!("input of {resource}: {error}")))?;
    let op = input.op.as_deref().unwrap_or_default();
    let answer = match (resource, op) {
        ("${TaskStatusCheckerArn}", "idle") => free::idle(world, &input).await,
        ("${TaskStatusCheckerArn}", "workers") => provision::workers_ready(world, &input).await,
        ("${TaskStatusCheckerArn}", "quorum") => provision::quorum(world, &input).await,
        ("${TaskStatusCheckerArn}", "leader") => provision::leader_ready(world, &input).await,
        ("${TaskStatusCheckerArn}", "start") => provision::start(world, &input).await,
        ("${TaskStatusCheckerArn}", "running") => watch::running(world, &input).await,
        ("${TaskStatusCheckerArn}", "continue") => hand_over::go_on(world, &input).await,
        ("${TaskStatusCheckerArn}", "gone") => cancel::gone(world, &input).await,
        ("${TaskStatusCheckerArn}", "fail") => settle::fail(world, &input).await,
        ("${TaskStatusCheckerArn}", "finish") => settle::finish(world, &input).await,
        ("${TaskRunnerArn}", "workers") => provision::run_workers(world, &input).await,
        ("${TaskRunnerArn}", "leader") => provision::run_leader(world, &input).await,
        ("${TaskCancelerArn}", "stop") => cancel::stop(world, &input).await,
        ("${TaskCancelerArn}", "kill") => cancel::kill(world, &input).await,
        ("${TaskCancelerArn}", "clean") => cancel::clean_up(world, &input).await,
        ("${ResultsParserArn}", "") => results::parse(world, &input).await,
        _ => Err(PipelineError::Input(format!(
            "there is no function {resource} with op {op:?}"
        ))),
    }?;
    serde_json::to_value(answer).map_err(|error| PipelineError::Other(error.to_string()))
}
