//! Runners that were lost: kept with their run, each once, and told to whoever
//! watches. Also the run with what is seen of its runners now.

use crate::error::PipelineError;
use crate::fleet::{self, Place, RunnerStatus};
use crate::functions::decision::Input;
use crate::runs::{self, Run};
use crate::world::World;
use dlt_core::ids::RunnerId;

/// A step for one region looks at that region alone.
fn place(input: &Input) -> Place<'_> {
    match &input.region {
        Some(region) => Place::Region(region),
        None => Place::Everywhere,
    }
}

/// The run, and what is seen of its runners where the step looks.
pub async fn load(world: &World, input: &Input) -> Result<(Run, Vec<RunnerStatus>), PipelineError> {
    let run = runs::need(world.runs.as_ref(), &input.test_id, &input.test_run_id).await?;
    let seen = fleet::of_run(world.fleet.as_ref(), &run.test, &run.run, place(input)).await?;
    Ok((run, seen))
}

/// Keeps lost runners with the run and tells watchers of the new ones.
pub async fn record_losses(
    world: &World,
    run: &Run,
    lost: &[(RunnerId, String)],
) -> Result<(), PipelineError> {
    let new: Vec<&(RunnerId, String)> = lost
        .iter()
        .filter(|(runner, _)| !run.lost.contains_key(runner))
        .collect();
    if new.is_empty() {
        return Ok(());
    }
    world
        .change(&run.test, &run.run, &|run| {
            for (runner, how) in &new {
                run.lost
                    .entry(runner.clone())
                    .or_insert_with(|| how.clone());
            }
        })
        .await?;
    for (runner, how) in new {
        let note = format!("runner {runner} was lost: {how}");
        world.note(&run.test, &run.run, note).await;
    }
    Ok(())
}
