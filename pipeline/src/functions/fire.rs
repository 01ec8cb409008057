//! Schedules: when a scenario runs by itself, and what happens when its time
//! has come. Looking at the clock is the timers' job (`local`), on AWS
//! EventBridge's; rules and zones are the core's.
//!
//! An occurrence starts at most one run, however often it is fired and wherever
//! a firing breaks off: the run's id is stored with the scenario before the run
//! is started.

use crate::error::PipelineError;
use crate::functions::stalled::{Unbegun, end_stalled};
use crate::functions::start::{new_run, start};
use crate::functions::uploads::Uploads;
use crate::functions::{room, schedule};
use crate::scenarios::{self, Planned, ScenarioItem};
use crate::schedules::Schedules;
use crate::world::World;
use dlt_core::ids::{TestId, TestRunId};
use dlt_core::scenario::post::When;
use dlt_core::scenario::schedule::Schedule;
use dlt_core::scenario::{Outside, Purpose, Scenario};
use jiff::Timestamp;

/// An occurrence that is this late was missed: nobody looked at the clock, µs.
const MISSED_US: u64 = 60_000_000;

/// What is done about an occurrence that was missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Missed {
    /// It runs once, late, however many were missed.
    #[default]
    Run,
    /// It is skipped.
    Skip,
}

/// What became of an occurrence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fired {
    /// Its time has not come.
    NotDue,
    /// It runs; late, if there is a sentence.
    Started(TestRunId, Option<String>),
    /// It does not run: a sentence.
    Skipped(String),
}

/// The instant of a clock reading.
pub fn instant(now_us: u64) -> Timestamp {
    i64::try_from(now_us)
        .ok()
        .and_then(|us| Timestamp::from_microsecond(us).ok())
        .unwrap_or(Timestamp::MAX)
}

/// A schedule as it is stored, its next occurrence being the first after `now`.
pub fn planned(when: &When, schedule: &Schedule, now: Timestamp) -> Planned {
    let next = schedule.next_after(now);
    Planned {
        when: when.clone(),
        next_us: next
            .as_ref()
            .and_then(|next| u64::try_from(next.timestamp().as_microsecond()).ok()),
        next_run: next
            .map(|next| next.strftime("%Y-%m-%d %H:%M:%S").to_string())
            .unwrap_or_default(),
        starting: None,
        note: None,
    }
}

/// How long after a firing began it is repeated, should it break off, µs: after Lambda's
/// own two repeats, which come within three minutes.
const REPEAT_US: u64 = 5 * 60_000_000;

/// Plans a repeat of this firing, whatever becomes of it: a one-time schedule is spent
/// once it fired, and one whose firing failed would never run again. Needs nothing but the
/// scheduler; [`fire`] then puts the right time.
pub async fn plan_repeat(
    schedules: &dyn Schedules,
    test: &TestId,
    now_us: u64,
) -> Result<(), PipelineError> {
    let again = Planned {
        when: When::default(),
        next_us: Some(now_us + REPEAT_US),
        next_run: String::new(),
        starting: None,
        note: None,
    };
    schedules.put(test, &again).await
}

/// Starts the scenario's run if its occurrence is due, and plans the next one.
/// An error that passes leaves the occurrence due; called again, it goes on.
pub async fn fire(world: &World, test: &TestId, missed: Missed) -> Result<Fired, PipelineError> {
    let Some(item) = world.scenarios.get(test).await? else {
        world.schedules.remove(test).await?;
        return Ok(Fired::NotDue);
    };
    let now_us = world.clock.now_us();
    let Some((plan, due_us)) = item.plan.clone().and_then(|plan| {
        let due_us = plan.next_us?;
        (due_us <= now_us).then_some((plan, due_us))
    }) else {
        schedule::follow(world, &item).await?;
        return Ok(Fired::NotDue);
    };
    let was_due = format!(
        "the run due at {} ({})",
        plan.next_run,
        plan.when.zone_name()
    );
    let late = now_us - due_us >= MISSED_US && plan.starting.is_none();
    let fired = if late && missed == Missed::Skip {
        Fired::Skipped(format!("{was_due} was skipped: dlt was not running then"))
    } else {
        // A run that nobody moves on must not keep the schedule from running for ever.
        let ended = end_stalled(world, &item, Unbegun::Begin).await;
        let begun = match ended {
            Ok(()) => begin(world, &item, &plan, due_us).await,
            Err(error) => Err(error),
        };
        match begun {
            Ok(run) => {
                let note = late.then(|| {
                    let s = (now_us - due_us) / 1_000_000;
                    format!("{was_due} started {s} s late: dlt was not running then")
                });
                Fired::Started(run, note)
            }
            Err(PipelineError::Busy { run, .. }) => Fired::Skipped(format!(
                "{was_due} was skipped: run {run} was still in progress"
            )),
            Err(error) if error.may_pass() => return Err(error),
            Err(error) => Fired::Skipped(format!("{was_due} could not start: {error}")),
        }
    };
    let note = match &fired {
        Fired::Started(_, note) => note.clone(),
        Fired::Skipped(note) => Some(note.clone()),
        Fired::NotDue => None,
    };
    go_on(world, test, due_us, note).await?;
    Ok(fired)
}

/// Starts the occurrence's run, unless an earlier firing did.
async fn begin(
    world: &World,
    item: &ScenarioItem,
    plan: &Planned,
    due_us: u64,
) -> Result<TestRunId, PipelineError> {
    let run = match &plan.starting {
        Some(run) => run.clone(),
        None => {
            let run = new_run(world)?;
            let choose = |item: &mut ScenarioItem| match &mut item.plan {
                Some(plan) if plan.next_us == Some(due_us) && plan.starting.is_none() => {
                    plan.starting = Some(run.clone());
                    true
                }
                _ => false,
            };
            let chosen = scenarios::update(world.scenarios.as_ref(), &item.test, &choose).await?;
            chosen.plan.and_then(|plan| plan.starting).unwrap_or(run)
        }
    };
    if world.runs.get(&item.test, &run).await?.is_some() {
        return Ok(run);
    }
    let uploads = Uploads::of(world, Some(&item.test)).await?;
    let files = |name: &str| uploads.check(name);
    // What was allowed when it was kept may not be allowed now.
    let outside = Outside::files(&files).with_targets(&world.targets);
    let scenario = Scenario::from_stored(&item.body, outside, Purpose::Run)
        .map_err(|faults| PipelineError::Input(faults.to_string()))?;
    room::check_room(world, &scenario.tasks).await?;
    start(world, &scenario, item.body.clone(), &item.test, &run).await?;
    Ok(run)
}

/// Plans the occurrence after one that was dealt with.
async fn go_on(
    world: &World,
    test: &TestId,
    due_us: u64,
    note: Option<String>,
) -> Result<(), PipelineError> {
    let now = instant(world.clock.now_us());
    let change = |item: &mut ScenarioItem| {
        let Some(plan) = item
            .plan
            .as_mut()
            .filter(|plan| plan.next_us == Some(due_us))
        else {
            return false;
        };
        *plan = match plan.when.schedule() {
            Ok(schedule) => planned(&plan.when, &schedule, now),
            // It was understood when it was stored: another version reads it.
            Err(_) => Planned {
                next_us: None,
                next_run: String::new(),
                ..plan.clone()
            },
        };
        plan.starting = None;
        plan.note.clone_from(&note);
        true
    };
    match scenarios::update(world.scenarios.as_ref(), test, &change).await {
        Err(PipelineError::NoScenario(_)) => world.schedules.remove(test).await,
        Err(error) => Err(error),
        Ok(item) => schedule::follow(world, &item).await,
    }
}

#[cfg(test)]
#[cfg(feature = "local")]
mod tests;
