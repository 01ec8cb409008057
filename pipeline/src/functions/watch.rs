//! Watching a run: does it still run, which runners are lost, is it overdue.

use crate::error::PipelineError;
use crate::functions::dealt::dealt;
use crate::functions::decision::{Decision, Input};
use crate::functions::losses::{load, record_losses};
use crate::runs::Run;
use crate::world::World;
use dlt_core::ids::RunnerId;
use dlt_core::keys;

/// task-status-checker: does it still run?
pub async fn running(world: &World, input: &Input) -> Result<Decision, PipelineError> {
    let (run, seen) = load(world, input).await?;
    let mut lost = Vec::new();
    for (runner, region) in dealt(world, &run).await? {
        let how = match seen.iter().find(|seen| seen.runner == runner) {
            // The fleet forgets who ended long ago; whoever reported ended well.
            None => {
                let key = keys::report(&run.test, &run.prefix, &runner, &region);
                let reported = world.objects.read(&key).await?.is_some();
                (!reported).then(|| "it can no longer be found".to_owned())
            }
            Some(seen) => seen.loss(),
        };
        lost.extend(how.map(|how| (runner, how)));
    }
    record_losses(world, &run, &lost).await?;
    let cycle = input.cycle.unwrap_or(0) + 1;
    let start_at_us = run.start_at_us.unwrap_or(0);
    let end_us = start_at_us + run.load_us() + run.graceful_stop_us;
    let overdue_us = end_us + run.teardown_us + world.pace.overdue_us;
    let next = if run.is_stopping() {
        "stop"
    } else if !seen.iter().any(|seen| seen.alive) {
        "done"
    } else if is_overdue(world, &run, overdue_us).await? {
        let late: Vec<(RunnerId, String)> = seen
            .iter()
            .filter(|seen| seen.alive)
            .map(|seen| {
                let how = "did not end in time and was ended";
                (seen.runner.clone(), how.to_owned())
            })
            .collect();
        record_losses(world, &run, &late).await?;
        "overdue"
    } else if cycle >= world.pace.cycles {
        "continue"
    } else {
        "wait"
    };
    Ok(Decision {
        cycle,
        ..Decision::go(world, next)
    })
}

/// Whether runners that still load are to be ended. They are seen to be late first, and
/// have some time after that: the machine may have slept until now.
async fn is_overdue(world: &World, run: &Run, overdue_us: u64) -> Result<bool, PipelineError> {
    let now_us = world.now_us(run);
    if now_us + world.pace.asked_again_us < overdue_us {
        return Ok(false);
    }
    let run = world
        .change(&run.test, &run.run, &|run| {
            run.late.end_us.get_or_insert(now_us);
        })
        .await?;
    let seen_us = run.late.end_us.unwrap_or(now_us);
    Ok(now_us >= overdue_us.max(seen_us + world.pace.asked_again_us))
}
