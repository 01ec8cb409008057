//! Stopping runners: because a user wants it, because the run fails, because it
//! is over. First they are asked, then they are killed; what only they needed is
//! removed.

use crate::error::PipelineError;
use crate::fleet::{self, Stop};
use crate::functions::decision::{Decision, Input};
use crate::functions::losses::load;
use crate::runs::Run;
use crate::scenarios;
use crate::world::World;
use dlt_core::ids::TestId;
use dlt_core::keys;
use dlt_core::messages::order::{LONGEST_TOLD_STOP_US, LONGEST_TOLD_TEARDOWN_US};
use dlt_core::run::Status;

/// The user's wish: the scenario's run shall stop. The workflow sees it the
/// next time it looks.
pub async fn cancel(world: &World, test: &TestId, reason: &str) -> Result<(), PipelineError> {
    let none = || PipelineError::NothingRuns(test.to_string());
    let item = scenarios::need(world.scenarios.as_ref(), test).await?;
    let run = item.run.ok_or_else(none)?;
    let after = world
        .change(test, &run, &|run| {
            run.advance(Status::Cancelling);
            if run.record.status == Status::Cancelling {
                run.cancel_reason.get_or_insert_with(|| reason.to_owned());
            }
        })
        .await?;
    match after.record.status {
        Status::Cancelling => Ok(()),
        _ => Err(none()),
    }
}

/// task-canceler: asks every runner to stop its load and to report.
pub async fn stop(world: &World, input: &Input) -> Result<Decision, PipelineError> {
    end_runners(world, input, Stop::Gracefully).await
}

/// task-canceler: ends every runner.
pub async fn kill(world: &World, input: &Input) -> Result<Decision, PipelineError> {
    end_runners(world, input, Stop::AtOnce).await
}

async fn end_runners(world: &World, input: &Input, how: Stop) -> Result<Decision, PipelineError> {
    let (run, seen) = load(world, input).await?;
    let alive = seen.iter().filter(|runner| runner.alive);
    fleet::stop(world.fleet.as_ref(), &run.run, alive, how).await?;
    // Their time to report begins when they were told, not when somebody wished it:
    // the store may have been out between the two.
    let told = |run: &mut Run| {
        let now_us = world.now_us(run);
        run.stop_began_us.get_or_insert(now_us);
    };
    world.change(&run.test, &run.run, &told).await?;
    Ok(Decision::go(world, "wait"))
}

/// How long runners that were told to stop may take before they are killed, µs.
/// A told stop cuts the graceful stop short, and the requests after the load, as runners
/// do themselves.
pub fn stop_limit_us(world: &World, run: &Run) -> u64 {
    let teardown_us = run.teardown_us.min(LONGEST_TOLD_TEARDOWN_US);
    run.graceful_stop_us.min(LONGEST_TOLD_STOP_US) + teardown_us + world.pace.stop_us
}

/// task-status-checker: are the runners gone, or is their time over?
pub async fn gone(world: &World, input: &Input) -> Result<Decision, PipelineError> {
    let (run, seen) = load(world, input).await?;
    if !seen.iter().any(|seen| seen.alive) {
        return Ok(Decision::go(world, "gone"));
    }
    let now_us = world.now_us(&run);
    let began_us = run.stop_began_us.unwrap_or(now_us);
    let limit_us = began_us + stop_limit_us(world, &run);
    if now_us + world.pace.asked_again_us < limit_us {
        return Ok(Decision::go(world, "wait"));
    }
    // They are seen to be late first, and have some time after that: the machine may
    // have slept until now.
    let run = world
        .change(&run.test, &run.run, &|run| {
            run.late.stop_us.get_or_insert(now_us);
        })
        .await?;
    let seen_us = run.late.stop_us.unwrap_or(now_us);
    let kill_us = limit_us.max(seen_us + world.pace.asked_again_us);
    let next = if now_us >= kill_us + world.pace.kill_us {
        // Not even SIGKILL ends them; the results must not wait for that.
        "gone"
    } else if now_us >= kill_us {
        "kill"
    } else {
        "wait"
    };
    Ok(Decision::go(world, next))
}

/// task-canceler: ends what still runs, removes what only runners needed.
pub async fn clean_up(world: &World, input: &Input) -> Result<Decision, PipelineError> {
    let run = world
        .change(&input.test_id, &input.test_run_id, &|run| {
            run.advance(Status::CleaningUp)
        })
        .await?;
    end_runners(world, input, Stop::AtOnce).await?;
    let folder = keys::start_folder(&run.test, &run.prefix);
    for object in world.objects.list(&folder).await? {
        world.objects.delete(&object.key).await?;
    }
    Ok(Decision::go(world, "finish"))
}
