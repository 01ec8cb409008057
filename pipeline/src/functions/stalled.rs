//! Runs that nobody moves on any more: stored, but their execution never began, or it
//! ended without ending them. At home that is seen when the folder is opened; on AWS
//! whoever reads, starts or removes a scenario looks, since nothing is always on there.

use crate::clock::stamp;
use crate::error::PipelineError;
use crate::fleet::{self, Place, Stop};
use crate::functions::{hand_over, settle};
use crate::runs::{self, Run};
use crate::scenarios::ScenarioItem;
use crate::world::{Pace, World};
use dlt_core::keys;

/// How long a run may be stored before its first runner is asked for, µs: the workflow
/// begins within seconds, so that nobody looks at an execution for a healthy run.
const BEGUN_WITHIN_US: u64 = 60_000_000;
/// How long after it was stored a run may still be begun, µs: whoever asked for it soon
/// after expects its load; later it would hit a target that nobody watches any more.
const BEGIN_WITHIN_US: u64 = 600_000_000;
/// What merging, its repeats and a busy AWS may add to a run's own deadlines, µs.
const MARGIN_US: u64 = 3_600_000_000;

/// What is done about a run that was stored, but whose execution never began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unbegun {
    /// It is begun if it was stored a short while ago, else ended: for whoever starts
    /// runs.
    Begin,
    /// It is ended: whoever reads or removes a scenario must make no load.
    End,
}

/// When a run was stored, µs since the Unix epoch.
fn stored_us(run: &Run) -> Option<u64> {
    let form = "%Y-%m-%d %H:%M:%S";
    let at = jiff::civil::DateTime::strptime(form, &run.record.start_time).ok()?;
    let at = at.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    u64::try_from(at.timestamp().as_microsecond()).ok()
}

/// Whether a run stands still for longer than a workflow that drives it could let it.
fn is_quiet(run: &Run, pace: &Pace, now_us: u64) -> bool {
    if run.record.status.is_terminal() {
        return false;
    }
    let within_us = match run.workers_began_us {
        None => BEGUN_WITHIN_US,
        Some(_) => {
            let load_us = run.load_us() + run.graceful_stop_us + pace.overdue_us;
            let once_us = run.setup_us + run.teardown_us;
            2 * pace.provisioning_us + load_us + once_us + pace.stop_us + pace.kill_us + MARGIN_US
        }
    };
    stored_us(run).is_some_and(|stored_us| now_us > stored_us + within_us)
}

/// Whether a run was stored so short a while ago that it may still be begun.
fn may_begin(run: &Run, now_us: u64) -> bool {
    stored_us(run).is_some_and(|stored_us| now_us <= stored_us + BEGIN_WITHIN_US)
}

/// Ends the scenario's run if it stands still and its execution is over; one whose
/// execution never began is begun or ended.
pub async fn end_stalled(
    world: &World,
    item: &ScenarioItem,
    unbegun: Unbegun,
) -> Result<(), PipelineError> {
    let Some(id) = item.run.as_ref().filter(|_| !item.status.is_resting()) else {
        return Ok(());
    };
    let Some(run) = runs::readable(world.runs.as_ref(), &item.test, id).await? else {
        return Ok(());
    };
    let now_us = world.clock.now_us();
    if !is_quiet(&run, &world.pace_of(&run), now_us) {
        return Ok(());
    }
    let part = run.parts + 1;
    let name = hand_over::execution_name(&run, part);
    match world.executions.goes_on(&name).await? {
        Some(true) => Ok(()),
        None if run.workers_began_us.is_none() => {
            if unbegun == Unbegun::Begin && may_begin(&run, now_us) {
                // The same name: should it have begun meanwhile, it is not begun again.
                let input = hand_over::execution_input(&run, part, world.pace.poll_s);
                let executions = &world.executions;
                return executions.start(&name, &run.test, &run.run, input).await;
            }
            let reason = "its workflow never began, so it made no load; start the scenario again";
            end(world, &run, reason.to_owned()).await
        }
        _ => {
            let reason = format!(
                "its workflow ended without ending it, and the reports of its runners were not merged: see execution {name}; start the scenario again"
            );
            end(world, &run, reason).await
        }
    }
}

/// Ends a run that nobody drives, and the runners that it may have left; removes what
/// only those needed.
async fn end(world: &World, run: &Run, reason: String) -> Result<(), PipelineError> {
    let (test, id) = (&run.test, &run.run);
    let seen = fleet::of_run(world.fleet.as_ref(), test, id, Place::Everywhere).await?;
    let alive = seen.iter().filter(|runner| runner.alive);
    fleet::stop(world.fleet.as_ref(), id, alive, Stop::AtOnce).await?;
    let folder = keys::start_folder(test, &run.prefix);
    for object in world.objects.list(&folder).await? {
        world.objects.delete(&object.key).await?;
    }
    let end_time = stamp(world.clock.now_us());
    let change = |run: &mut Run| {
        run.failure.get_or_insert_with(|| reason.clone());
        settle::settle(run, &end_time);
    };
    world.change(test, id, &change).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::tests::example;
    use dlt_core::run::Status;

    #[test]
    fn only_what_stands_still_for_too_long_is_looked_at() {
        let pace = Pace::aws();
        let mut run = example();
        let stored = stored_us(&run).expect("its start is a time");
        run.record.status = Status::Queued;
        run.workers_began_us = None;
        assert!(!is_quiet(&run, &pace, stored + BEGUN_WITHIN_US));
        assert!(is_quiet(&run, &pace, stored + BEGUN_WITHIN_US + 1));
        // Cancelled before it began: nobody moves that on either.
        run.record.status = Status::Cancelling;
        assert!(is_quiet(&run, &pace, stored + BEGUN_WITHIN_US + 1));
        run.record.status = Status::Running;
        run.workers_began_us = Some(stored);
        assert!(!is_quiet(&run, &pace, stored + MARGIN_US));
        assert!(is_quiet(&run, &pace, stored + 24 * 3_600_000_000));
        run.record.status = Status::Failed;
        assert!(!is_quiet(&run, &pace, u64::MAX));
    }

    #[test]
    fn a_run_may_be_begun_for_a_short_while() {
        let run = example();
        let stored = stored_us(&run).expect("its start is a time");
        assert!(may_begin(&run, stored + BEGIN_WITHIN_US));
        assert!(!may_begin(&run, stored + BEGIN_WITHIN_US + 1));
    }
}

#[cfg(test)]
#[cfg(feature = "local")]
mod local_tests;
