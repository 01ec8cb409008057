//! Is the way free: does nothing else run for this scenario.

use crate::error::PipelineError;
use crate::fleet::Place;
use crate::functions::decision::{Decision, Input};
use crate::runs;
use crate::world::World;

/// task-status-checker: nothing else runs for this test?
pub async fn idle(world: &World, input: &Input) -> Result<Decision, PipelineError> {
    let run = runs::need(world.runs.as_ref(), &input.test_id, &input.test_run_id).await?;
    if run.is_stopping() {
        return Ok(Decision::go(world, "stop"));
    }
    let seen = world.fleet.list(&run.test, Place::Everywhere).await?;
    match seen.iter().find(|seen| seen.alive && seen.run != run.run) {
        None => Ok(Decision::go(world, "go")),
        Some(other) => Err(PipelineError::Busy {
            test: run.test.to_string(),
            run: other.run.to_string(),
        }),
    }
}
