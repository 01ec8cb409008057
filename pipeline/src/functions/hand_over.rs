//! Executions of a run: their names and inputs, and how a fresh one goes on with
//! a run that is longer than one execution may be.

use crate::error::PipelineError;
use crate::functions::decision::{Decision, Input};
use crate::runs::{self, Run};
use crate::world::World;
use serde_json::{Value, json};

/// The input of a run's execution number `part`; from the second on it goes on
/// with a run that is running.
pub fn execution_input(run: &Run, part: u64, poll_s: u64) -> Value {
    let regions: Vec<Value> = run
        .regions
        .iter()
        .map(|region| json!({ "region": region.region, "taskCount": region.tasks }))
        .collect();
    let mut input = json!({
        "testId": run.test,
        "testRunId": run.run,
        "prefix": run.prefix,
        "testTaskConfig": regions,
        "part": part,
    });
    if part > 1 {
        input["resume"] = json!("running");
        input["check"] = json!({ "next": "wait", "waitSeconds": poll_s, "cycle": 0 });
    }
    input
}

/// The name of a run's execution number `part` (api-behaviour.md 1).
pub fn execution_name(run: &Run, part: u64) -> String {
    match part {
        1 => format!("scenario-{}-run-{}", run.test, run.run),
        part => format!("scenario-{}-run-{}-part-{part}", run.test, run.run),
    }
}

/// task-status-checker: a fresh execution goes on with the run.
pub async fn go_on(world: &World, input: &Input) -> Result<Decision, PipelineError> {
    let run = runs::need(world.runs.as_ref(), &input.test_id, &input.test_run_id).await?;
    let part = input.part.unwrap_or(1) + 1;
    let name = execution_name(&run, part);
    let next = execution_input(&run, part, world.pace.poll_s);
    world
        .executions
        .start(&name, &run.test, &run.run, next)
        .await?;
    world
        .change(&run.test, &run.run, &|run| {
            run.parts = run.parts.max(part - 1);
        })
        .await?;
    Ok(Decision::go(world, "handed over"))
}
