//! The scenario calls: list, keep, run, schedule, cancel, delete. What is answered of one scenario is
//! `scenario_record`'s.

use crate::api::platform;
use crate::api::scenario_record::{PAGE, after_stalled_run, record, run_ids};
use crate::error::PipelineError;
use crate::functions::fire::{instant, planned};
use crate::functions::stalled::Unbegun;
use crate::functions::start::{new_run, new_test, start};
use crate::functions::uploads::Uploads;
use crate::functions::{cancel, past, room, schedule, scripts};
use crate::scenarios::{self, ScenarioItem};
use crate::world::World;
use dlt_core::calls::answers::{ScenarioList, ScenarioRecord};
use dlt_core::ids::{TestId, TestRunId};
use dlt_core::refusal::Refusal;
use dlt_core::run::Status;
use dlt_core::scenario::kept::with_kept;
use dlt_core::scenario::post::{Action, Post, When};
use dlt_core::scenario::{Outside, Scenario, secrets};
use dlt_core::value::Value as Written;
use serde_json::json;

/// GET /scenarios.
pub(super) async fn list(
    world: &World,
    tags: Option<Vec<String>>,
    one_off: bool,
) -> Result<ScenarioList, Refusal> {
    let mut items = world.scenarios.list().await?;
    items.retain(|item| one_off || !item.one_off);
    if let Some(wanted) = tags {
        items.retain(|item| item.tags.iter().any(|tag| wanted.contains(tag)));
    }
    Ok(ScenarioList { items })
}

/// The body without `secretsOf`, and the plan of the scenario that it names: a draft of that scenario,
/// posted as another one, has its placeholders.
async fn with_lender(world: &World, body: &Written) -> Result<(Written, Option<Written>), Refusal> {
    let mut body = body.clone();
    let named = body
        .as_object_mut()
        .and_then(|map| map.shift_remove("secretsOf"));
    let Some(named) = named.filter(|named| !named.is_null()) else {
        return Ok((body, None));
    };
    let test = named.as_str().and_then(|text| TestId::parse(text).ok());
    let item = match test {
        Some(test) => world.scenarios.get(&test).await?,
        None => None,
    };
    let item = item.ok_or_else(|| {
        Refusal::fault(
            "secretsOf",
            "is no scenario that is stored; give the id of one, or leave it out",
        )
    })?;
    Ok((body, Some(item.body)))
}

/// POST /scenarios.
pub(super) async fn post(world: &World, body: &Written) -> Result<ScenarioRecord, Refusal> {
    let chosen = body["testId"]
        .as_str()
        .and_then(|text| TestId::parse(text).ok());
    let uploads = Uploads::of(world, chosen.as_ref()).await?;
    let stored = match &chosen {
        Some(test) => world.scenarios.get(test).await?,
        None => None,
    };
    if body["oneOff"] == true && stored.as_ref().is_some_and(|item| !item.is_one_off()) {
        let why = "this scenario is in the list, and a one-off run would take it out; leave testId out for a scenario of its own, or oneOff for a run of this one";
        return Err(Refusal::fault("oneOff", why));
    }
    let stored = stored.as_ref().map(|item| &item.body);
    let (body, lent) = with_lender(world, body).await?;
    let body = secrets::with_stored(&body, lent.as_ref());
    let body = secrets::with_stored(&body, stored);
    let (body, lost) = with_kept(&body, stored);
    let files = |name: &str| uploads.check(name);
    let outside = Outside::files(&files).with_targets(&world.targets);
    let post = Post::read(&body, outside)?;
    let test = match &post.test {
        Some(test) => test.clone(),
        None => new_test(world)?,
    };
    if let (Some(item), Action::Save | Action::Run) =
        (world.scenarios.get(&test).await?, &post.action)
    {
        let item = after_stalled_run(world, &item.test, Unbegun::Begin).await?;
        scenarios::need_rest(&item, world.runs.as_ref()).await?;
    }
    let outdated = check_regions(world, &post).await?;
    let mut kept = post.body.clone();
    kept["testId"] = json!(test).into();
    let mut run = None;
    match &post.action {
        Action::Run => {
            let started = run_now(world, &post, kept, &test).await?;
            run = Some(started);
        }
        Action::Save => keep(world, &test, kept).await?,
        Action::Schedule(when) => keep_schedule(world, &test, kept, &post, when).await?,
    }
    let item = scenarios::need(world.scenarios.as_ref(), &test).await?;
    if run.is_none() {
        // A run that starts now leaves the schedule as it is.
        schedule::follow(world, &item).await?;
    }
    let mut record = record(world, &item).await?;
    let shown = secrets::redacted(&record.test_scenario);
    record.test_scenario = Written::String(shown.to_string());
    if run.is_some() {
        // As it was when it was accepted: clients of DLT are told so, and it may have got on since.
        record.status = Status::Queued;
    }
    record.test_run_id = run.map(String::from);
    record.warnings.extend(lost);
    record.warnings.extend(post.warnings);
    record.warnings.extend(outdated);
    Ok(record)
}

/// Versions first, as one refusal that names every region; then whether each
/// is registered, and has room for a run that starts now. What is told of those that
/// may be used all the same.
async fn check_regions(world: &World, post: &Post) -> Result<Vec<String>, Refusal> {
    let rooms = world.regions.list().await?;
    let asked = |region: &str| post.tasks.iter().any(|task| task.region.as_str() == region);
    if !matches!(post.action, Action::Schedule(_)) {
        let incompatible: Vec<String> = rooms
            .iter()
            .filter(|room| asked(room.region.as_str()))
            .filter_map(|room| {
                let why = platform::incompatibility(room)?;
                Some(format!("{}: {why}", room.region))
            })
            .collect();
        if !incompatible.is_empty() {
            return Err(Refusal::new(
                400,
                "INCOMPATIBLE_REGIONAL_STACKS",
                incompatible.join("; "),
            ));
        }
    }
    let unknown = post
        .tasks
        .iter()
        .find(|task| !rooms.iter().any(|room| room.region == task.region));
    if let Some(task) = unknown {
        return Err(PipelineError::NoRegion {
            region: task.region.to_string(),
            known: rooms.iter().map(|room| room.region.to_string()).collect(),
        }
        .into());
    }
    let too_many = rooms.iter().find_map(|room| {
        let task = post.tasks.iter().find(|task| task.region == room.region)?;
        (task.task_count > room.capacity()).then_some((task, room))
    });
    match too_many {
        Some((task, room)) => Err(PipelineError::NoRoom {
            region: task.region.to_string(),
            capacity: room.capacity(),
            used: room.capacity() - room.free(),
            asked: task.task_count,
        }
        .into()),
        None => {
            let used = rooms.iter().filter(|room| asked(room.region.as_str()));
            Ok(used.filter_map(platform::outdated).collect())
        }
    }
}

async fn run_now(
    world: &World,
    post: &Post,
    kept: Written,
    test: &TestId,
) -> Result<TestRunId, Refusal> {
    room::check_room(world, &post.tasks).await?;
    let run = new_run(world)?;
    start(world, runnable(post)?, kept, test, &run).await?;
    Ok(run)
}

/// What a run needs. Only a script that is kept may be without it.
fn runnable(post: &Post) -> Result<&Scenario, Refusal> {
    post.scenario.as_ref().ok_or_else(|| {
        let text = format!("the script cannot be run: {}", post.warnings.join("; "));
        Refusal::new(400, "InvalidParameter", text)
    })
}

/// Keeps a scenario as it is told now: without a schedule it has none.
async fn keep(world: &World, test: &TestId, kept: Written) -> Result<(), Refusal> {
    let change = |item: &mut ScenarioItem| {
        item.body = kept.clone();
        item.plan = None;
        if item.status == Status::Scheduled {
            item.status = Status::Created;
        }
    };
    let (scenarios, runs) = (world.scenarios.as_ref(), world.runs.as_ref());
    Ok(scenarios::keep(scenarios, runs, test, true, &change).await?)
}

async fn keep_schedule(
    world: &World,
    test: &TestId,
    kept: Written,
    post: &Post,
    when: &When,
) -> Result<(), Refusal> {
    let now = instant(world.clock.now_us());
    let rule = post.check_schedule(when, now)?;
    scripts::check(world, runnable(post)?)?;
    let change = |item: &mut ScenarioItem| {
        item.body = kept.clone();
        item.plan = Some(planned(when, &rule, now));
        // A run in progress goes on, and says how it stands.
        if item.status.is_resting() {
            item.status = Status::Scheduled;
            item.start_time = String::new();
        }
    };
    let (scenarios, runs) = (world.scenarios.as_ref(), world.runs.as_ref());
    Ok(scenarios::keep(scenarios, runs, test, false, &change).await?)
}

/// POST /scenarios/{testId}. At rest there is no run to stop: then a schedule
/// that is still to come is dropped.
pub(super) async fn cancel(world: &World, test: &TestId) -> Result<&'static str, Refusal> {
    match cancel::cancel(world, test, "cancelled through the API").await {
        Ok(()) => {}
        Err(PipelineError::NothingRuns(_)) => {
            let unschedule = |item: &mut ScenarioItem| {
                let live = item
                    .plan
                    .as_ref()
                    .is_some_and(|plan| plan.next_us.is_some());
                if live {
                    item.plan = None;
                    if item.status == Status::Scheduled {
                        item.status = Status::Cancelled;
                    }
                }
                live
            };
            let item = scenarios::update(world.scenarios.as_ref(), test, &unschedule).await?;
            schedule::follow(world, &item).await?;
        }
        Err(error) => return Err(error.into()),
    }
    Ok("test cancelling")
}

/// DELETE /scenarios/{testId}: the scenario, its schedule and its runs; objects of a bucket
/// stay.
pub(super) async fn delete(world: &World, test: &TestId) -> Result<&'static str, Refusal> {
    let item = after_stalled_run(world, test, Unbegun::End).await?;
    scenarios::need_rest(&item, world.runs.as_ref()).await?;
    match world.scenarios.delete(&item).await {
        Err(PipelineError::Conflict(text)) => {
            return Err(Refusal::new(409, "TEST_RUNNING", text));
        }
        other => other?,
    }
    // Not before: a run that began meanwhile needs them.
    past::forget_documents(world, &item).await?;
    world.schedules.remove(test).await?;
    loop {
        let ids = run_ids(world, test, PAGE).await?;
        if ids.is_empty() || past::remove(world, test, &ids).await? == 0 {
            return Ok("success");
        }
    }
}
