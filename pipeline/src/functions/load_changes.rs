//! Changing the load of a run that goes on: more of it, less, a pause, an earlier end. What is asked
//! is kept with the run, so that its result is judged by it, and told to the leaders by an object.

use crate::error::PipelineError;
use crate::functions::records;
use crate::objects::Access;
use crate::runs::{self, Run};
use crate::world::World;
use dlt_core::calls::answers::{LoadChanges, LoadWish};
use dlt_core::ids::{TestId, TestRunId};
use dlt_core::keys;
use dlt_core::load::changes::{LoadChange, MOST_CHANGES, end_of};
use dlt_core::messages::order::ChangesFile;
use dlt_core::refusal::Refusal;
use dlt_core::run::Status;
use dlt_core::scenario::plan::{Plan, Tool};

/// How far sums of users may be off by rounding.
const NOISE: f64 = 1e-6;
/// Most changes whose users a result tells.
const MOST_TOLD: usize = 5;

/// Keeps what is asked for and tells the leaders; all changes of the run so far, and the users that the
/// last comes to.
pub async fn change(
    world: &World,
    test: &TestId,
    id: &TestRunId,
    wish: LoadWish,
) -> Result<LoadChanges, Refusal> {
    let run = runs::need(world.runs.as_ref(), test, id).await?;
    if !run.changes.is_empty() && run.record.status == Status::Running {
        // An earlier call may have kept a change and failed to tell it.
        tell(world, run.clone()).await?;
    }
    let now_us = may_change(world, &run, &wish)?;
    let plan = match wish.factor {
        Some(_) => Some(unchanged_plan(world, &run).await?),
        None => None,
    };
    let before = run.changes.last().map_or(0, |last| last.at_us + 1);
    let change = LoadChange {
        at_us: before.max(now_us + world.pace.change_ahead_us),
        factor: wish.factor.unwrap_or(0.0),
        end: wish.end,
    };
    if change.at_us >= run.planned_us {
        return Err(refuse("the load is over in a moment; nothing was changed"));
    }
    if let Some(plan) = &plan {
        may_be(plan, &change)?;
    }
    let users = plan.and_then(|plan| users_of(&plan, run.tasks(), &change));
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
    let made = users.map(|users| format!(": {}", in_words(users)));
    world.note(&run, told + &made.unwrap_or_default()).await;
    Ok(LoadChanges {
        changes: run.changes,
        users,
    })
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
    if let Some(tool) = Tool::parse(&run.record.test_type) {
        let title = tool.title();
        return Err(refuse(&format!(
            "{title} makes the load of this run, and it cannot be changed from here; cancelling the run ends it, and keeps what was measured"
        )));
    }
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

/// The plan as it was before people changed it.
async fn unchanged_plan(world: &World, run: &Run) -> Result<Plan, PipelineError> {
    let unchanged = Run {
        changes: Vec::new(),
        ..run.clone()
    };
    records::plan(world, &unchanged).await
}

/// Whether the load of a plan may be as a change has it: users with a number of rounds make the same
/// requests however many there are at a time, and less than one user is none.
fn may_be(plan: &Plan, change: &LoadChange) -> Result<(), Refusal> {
    for group in &plan.groups {
        let (name, load) = (&group.name, &group.load);
        if load.ends_by_count() || load.total_requests.is_some() {
            return Err(refuse(&format!(
                "scenario {name:?} has a fixed number of iterations or requests, which more or less load would change; it can only be ended"
            )));
        }
        let planned = load.model.curve().peak();
        let asked = planned * change.factor;
        if !load.model.is_open() && change.factor > 0.0 && planned >= 1.0 && asked < 1.0 - NOISE {
            return Err(refuse(&format!(
                "scenario {name:?} would have less than one user ({asked:.2} of {planned}); one is the least, and a pause (factor 0) is none"
            )));
        }
    }
    Ok(())
}

/// How many users a plan has with a change, at the most from it on; None where none is made.
fn users_of(plan: &Plan, runners: u64, change: &LoadChange) -> Option<u64> {
    let made = users(plan, runners, change).map(|users| users.1);
    made.filter(|made| *made > 0)
}

/// What the users of a plan come to with a change, and how many are made; None if it has none.
fn users(plan: &Plan, runners: u64, change: &LoadChange) -> Option<(f64, u64)> {
    let closed = plan.groups.iter().map(|group| &group.load);
    let closed = closed.filter(|load| !load.model.is_open());
    let each = closed.map(|load| {
        let (asked, made) = load.model.curve().users_with(change);
        let times = if load.per_task { runners } else { 1 };
        (asked * times as f64, made.saturating_mul(times))
    });
    each.reduce(|all, one| (all.0 + one.0, all.1.saturating_add(one.1)))
}

fn in_words(users: u64) -> String {
    match users {
        1 => "1 user".to_owned(),
        users => format!("{users} users"),
    }
}

/// For the result: the changes whose users were no whole number, and how many were made.
pub async fn made_whole(world: &World, run: &Run) -> Result<Vec<String>, PipelineError> {
    if run.changes.iter().all(|change| change.end) {
        return Ok(Vec::new());
    }
    let plan = unchanged_plan(world, run).await?;
    let changes = run.changes.iter().filter(|change| !change.end);
    let told = changes.filter_map(|change| {
        let (asked, made) = users(&plan, run.tasks(), change)?;
        (made as f64 - asked > NOISE).then(|| {
            format!(
                "{} comes to {asked:.2} users; made were {}, for there are whole ones only",
                change.told(),
                in_words(made)
            )
        })
    });
    Ok(told.take(MOST_TOLD).collect())
}

fn refuse(why: &str) -> Refusal {
    Refusal::new(409, "LOAD_NOT_CHANGED", why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn plan(execution: &serde_json::Value) -> Plan {
        let document = json!({
            "execution": execution,
            "scenarios": { "s": { "requests": [{ "url": "http://127.0.0.1:9/" }] } }
        });
        Plan::from_document(&document.into()).unwrap()
    }

    fn to(factor: f64) -> LoadChange {
        LoadChange {
            at_us: 5_000_000,
            factor,
            end: false,
        }
    }

    #[test]
    fn the_users_of_a_change_are_whole_and_one_at_least() {
        let each = json!([{ "scenario": "s", "concurrency": 4, "hold-for": "60s" }]);
        let each = plan(&each);
        for (factor, asked, made) in [(0.7, 2.8, 3), (0.25, 1.0, 1), (1.1, 4.4, 5), (2.0, 8.0, 8)] {
            may_be(&each, &to(factor)).unwrap();
            // Each of two runners has its own.
            let (comes_to, users) = users(&each, 2, &to(factor)).unwrap();
            assert!(
                (comes_to - 2.0 * asked).abs() < 1e-6,
                "{factor}: {comes_to}"
            );
            assert_eq!(users, 2 * made, "{factor}");
            assert_eq!(users_of(&each, 2, &to(factor)), Some(2 * made));
        }
        for factor in [0.001, 0.1, 0.24] {
            let why = may_be(&each, &to(factor)).unwrap_err().to_string();
            assert!(
                why.contains("less than one user") && why.contains("of 4"),
                "{why}"
            );
        }
        // None is a pause.
        may_be(&each, &to(0.0)).unwrap();
        assert_eq!(users_of(&each, 2, &to(0.0)), None);
        let open = json!([{ "scenario": "s", "arrivals": 5, "hold-for": "60s" }]);
        let open = plan(&open);
        may_be(&open, &to(0.001)).unwrap();
        assert_eq!(users_of(&open, 2, &to(0.7)), None);
        let counted = json!([{ "scenario": "s", "concurrency": 4, "iterations": 9 }]);
        let why = may_be(&plan(&counted), &to(2.0)).unwrap_err().to_string();
        assert!(why.contains("fixed number"), "{why}");
    }
}
