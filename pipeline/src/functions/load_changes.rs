//! Changing the load of a run that goes on: more of it, less, a pause, an earlier end. What is asked
//! is kept with the run, so that its result is judged by it, and told to the leaders by an object.

use crate::functions::records;
use crate::objects::Access;
use crate::runs::{self, Run};
use crate::world::World;
use dlt_core::calls::answers::LoadWish;
use dlt_core::ids::{TestId, TestRunId};
use dlt_core::keys;
use dlt_core::load::changes::{LoadChange, MOST_CHANGES, end_of};
use dlt_core::messages::order::ChangesFile;
use dlt_core::refusal::Refusal;
use dlt_core::run::Status;

/// Keeps what is asked for and tells the leaders; all changes of the run so far.
pub async fn change(
    world: &World,
    test: &TestId,
    id: &TestRunId,
    wish: LoadWish,
) -> Result<Vec<LoadChange>, Refusal> {
    let run = runs::need(world.runs.as_ref(), test, id).await?;
    if !run.changes.is_empty() && run.record.status == Status::Running {
        // An earlier call may have kept a change and failed to tell it.
        tell(world, run.clone()).await?;
    }
    let now_us = may_change(world, &run, &wish)?;
    if wish.factor.is_some() {
        has_open_end(world, &run).await?;
    }
    let before = run.changes.last().map_or(0, |last| last.at_us + 1);
    let change = LoadChange {
        at_us: before.max(now_us + world.pace.change_ahead_us),
        factor: wish.factor.unwrap_or(0.0),
        end: wish.end,
    };
    if change.at_us >= run.planned_us {
        return Err(refuse("the load is over in a moment; nothing was changed"));
    }
    let known = run.changes.len();
    let keep = |run: &mut Run| {
        if run.changes.len() == known && run.record.status == Status::Running {
            run.changes.push(change);
        }
    };
    let (_, run) = runs::update(world.runs.as_ref(), test, id, &keep).await?;
    if run.changes.get(known) != Some(&change) {
        return Err(refuse(
            "the run ended, or its load was changed by somebody else, at the same time; look at it and try again",
        ));
    }
    let run = match tell(world, run).await {
        Ok(run) => run,
        Err(why) => {
            // What nobody hears of is not judged by, and not told later, when it would be late.
            let undo = |run: &mut Run| {
                if run.changes.last() == Some(&change) {
                    run.changes.pop();
                }
            };
            runs::update(world.runs.as_ref(), test, id, &undo).await?;
            return Err(why);
        }
    };
    let told = format!("load changed by a person: {}", change.told());
    world.note(&run, told).await;
    Ok(run.changes)
}

/// Tells the leaders all changes; again while there are newer ones, so that the list of a slower call
/// never takes the place of a longer one for good. The run as it is then.
async fn tell(world: &World, mut run: Run) -> Result<Run, Refusal> {
    loop {
        let file = ChangesFile {
            changes: run.changes.clone(),
        };
        let file = serde_json::to_vec(&file)
            .map_err(|error| Refusal::new(500, "INTERNAL_SERVER_ERROR", error.to_string()))?;
        let key = keys::changes(&run.test, &run.prefix);
        world.objects.put(&key, &file, Access::Home).await?;
        let now = runs::need(world.runs.as_ref(), &run.test, &run.run).await?;
        if now.changes.len() <= run.changes.len() {
            return Ok(now);
        }
        run = now;
    }
}

/// A run under load, and how long it has been, µs; refused where there is no load to change.
fn may_change(world: &World, run: &Run, wish: &LoadWish) -> Result<u64, Refusal> {
    let start_us = run
        .start_at_us
        .filter(|_| run.record.status == Status::Running);
    let now_us = world.now_us(run);
    let Some(since_us) = start_us.and_then(|start_us| now_us.checked_sub(start_us)) else {
        return Err(refuse(&match run.record.status.is_terminal() {
            true => format!("run {} has ended; its load cannot be changed", run.run),
            false => format!(
                "run {} makes no load now; it can be changed while it does",
                run.run
            ),
        }));
    };
    if end_of(&run.changes).is_some() {
        return Err(refuse("the load was told to end; it cannot be changed"));
    }
    if run.changes.len() >= MOST_CHANGES && !wish.end {
        return Err(refuse(&format!(
            "the load was changed {MOST_CHANGES} times, which is the most; it can still be ended"
        )));
    }
    Ok(since_us)
}

/// Users with a number of rounds make the same requests however many there are at a time.
async fn has_open_end(world: &World, run: &Run) -> Result<(), Refusal> {
    let plan = records::plan(world, run).await?;
    match plan
        .groups
        .iter()
        .find(|group| group.load.ends_by_count() || group.load.total_requests.is_some())
    {
        None => Ok(()),
        Some(group) => Err(refuse(&format!(
            "scenario {:?} has a fixed number of iterations or requests, which more or less load would change; it can only be ended",
            group.name
        ))),
    }
}

fn refuse(why: &str) -> Refusal {
    Refusal::new(409, "LOAD_NOT_CHANGED", why.to_owned())
}
