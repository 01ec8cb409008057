//! The scenario calls: list, keep, run, schedule, read, cancel, delete.

use crate::api::platform;
use crate::error::PipelineError;
use crate::fleet::{self, Place, RunnerPhase};
use crate::functions::fire::{instant, planned};
use crate::functions::stalled::{Unbegun, end_stalled};
use crate::functions::start::{new_run, new_test, start};
use crate::functions::uploads::Uploads;
use crate::functions::{cancel, past, records, room, schedule};
use crate::runs::Run;
use crate::scenarios::{self, ScenarioItem};
use crate::world::World;
use dlt_core::calls::RunsQuery;
use dlt_core::calls::answers::{ScenarioList, ScenarioRecord, TaskCounts};
use dlt_core::ids::{TestId, TestRunId};
use dlt_core::refusal::Refusal;
use dlt_core::run::Status;
use dlt_core::scenario::kept::{with_entry, with_kept};
use dlt_core::scenario::post::{Action, Post, When};
use dlt_core::scenario::{Outside, Scenario, secrets};
use dlt_core::value::Value as Written;
use serde_json::{Value, json};

/// Most run records that `history` holds, newest kept: an answer must stay one.
const MOST_HISTORY: usize = 1_000;
/// Most runs looked at in one go.
const PAGE: usize = 100;

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
    let body = secrets::with_stored(body, stored);
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
    let scenario = runnable(post)?;
    room::check_room(world, &post.tasks).await?;
    let run = new_run(world)?;
    start(world, scenario, kept, test, &run).await?;
    Ok(run)
}

/// What a run needs; a script is kept, but neither started nor scheduled.
fn runnable(post: &Post) -> Result<&Scenario, Refusal> {
    post.scenario.as_ref().ok_or_else(|| {
        let kind = post.body["testType"].as_str().unwrap_or_default();
        Refusal::new(
            400,
            "InvalidParameter",
            format!(
                "{kind} scripts cannot be run yet; keep it with saveOnly, or use testType simple"
            ),
        )
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
    runnable(post)?;
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

/// The run that a scenario shows; a warning, if it cannot be read.
async fn shown_run(
    world: &World,
    item: &ScenarioItem,
    warnings: &mut Vec<String>,
) -> Result<Option<Run>, PipelineError> {
    let Some(run) = &item.run else {
        return Ok(None);
    };
    match world.runs.get(&item.test, run).await {
        Err(PipelineError::Unreadable(why)) => {
            warnings.push(why);
            Ok(None)
        }
        run => run,
    }
}

/// The record of a scenario and its last run, the plan being an object with its secrets.
async fn record(world: &World, item: &ScenarioItem) -> Result<ScenarioRecord, Refusal> {
    let row = item.row();
    let mut warnings = Vec::new();
    let run = shown_run(world, item, &mut warnings).await?;
    let scheduled = item.status == Status::Scheduled;
    let last = match &run {
        Some(run) => Some(records::whole(world, run).await?),
        None => None,
    };
    let last = last.as_ref();
    let body = |key: &str| item.body[key].to_serde();
    let configs = body("testTaskConfigs");
    let desired = configs.as_array().into_iter().flatten();
    // Of a schedule by cron these fields mean nothing.
    let plan = item.plan.as_ref().filter(|plan| plan.when.cron.is_empty());
    let when = |field: fn(&When) -> &String| {
        plan.map(|plan| field(&plan.when).clone())
            .unwrap_or_default()
    };
    Ok(ScenarioRecord {
        test_id: row.test_id,
        test_name: row.test_name,
        test_description: row.test_description,
        test_type: item.text("testType"),
        file_type: item.text("fileType"),
        status: item.status,
        show_live: item.body["showLive"] == true,
        start_time: row.start_time,
        end_time: last
            .filter(|_| !scheduled)
            .map(|record| record.end_time.clone())
            .unwrap_or_default(),
        next_run: row.next_run,
        schedule_recurrence: row.schedule_recurrence,
        schedule_timezone: row.schedule_timezone,
        cron_value: row.cron_value,
        cron_expiry_date: item
            .plan
            .as_ref()
            .map(|plan| plan.when.expiry.clone())
            .unwrap_or_default(),
        schedule_date: when(|when| &when.date),
        schedule_time: when(|when| &when.time),
        tags: row.tags,
        healthy_threshold: item.body["healthyThreshold"].as_u64().unwrap_or(0),
        desired_task_count: desired
            .filter_map(|config| config["taskCount"].as_u64())
            .sum(),
        task_failure_count: run.as_ref().map_or(0, |run| run.lost.len() as u64),
        test_scenario: with_entry(&item.body["testScenario"], &item.text("testName")),
        test_task_configs: configs,
        thresholds: serde_json::from_value(body("thresholds")).unwrap_or_default(),
        results: last.map_or_else(|| json!({}), |record| record.results.clone()),
        complete_tasks: last
            .map(|record| record.complete_tasks.clone())
            .filter(|tasks| !tasks.is_empty()),
        error_reason: last
            .and_then(|record| record.error_reason.clone())
            .or_else(|| item.plan.as_ref().and_then(|plan| plan.note.clone())),
        baseline_id: item.baseline.clone().map(String::from),
        total_test_runs: item.total_runs,
        one_off: item.is_one_off(),
        test_run_id: None,
        warnings,
        tasks_per_region: None,
        history: None,
    })
}

/// A scenario as it is after its run was looked after.
async fn after_stalled_run(
    world: &World,
    test: &TestId,
    unbegun: Unbegun,
) -> Result<ScenarioItem, PipelineError> {
    let item = scenarios::need(world.scenarios.as_ref(), test).await?;
    end_stalled(world, &item, unbegun).await?;
    match item.status.is_resting() {
        true => Ok(item),
        false => scenarios::need(world.scenarios.as_ref(), test).await,
    }
}

/// GET /scenarios/{testId}.
pub(super) async fn get(
    world: &World,
    test: &TestId,
    history: bool,
    latest: bool,
    with_secrets: bool,
) -> Result<ScenarioRecord, Refusal> {
    let item = after_stalled_run(world, test, Unbegun::End).await?;
    let mut record = record(world, &item).await?;
    if !with_secrets {
        record.test_scenario = secrets::redacted(&record.test_scenario);
    }
    let rooms = world.regions.list().await?;
    for config in record
        .test_task_configs
        .as_array_mut()
        .into_iter()
        .flatten()
    {
        let room = rooms
            .iter()
            .find(|room| config["region"] == room.region.as_str());
        let Some(room) = room else {
            return Err(Refusal::new(
                400,
                "InvalidRegionRequest",
                format!(
                    "region {} of this scenario is not registered any more; start with --region {0}=CAPACITY, or post the scenario with another",
                    config["region"].as_str().unwrap_or_default()
                ),
            ));
        };
        let info = serde_json::to_value(&room.info).unwrap_or_default();
        if let (Some(config), Value::Object(info)) = (config.as_object_mut(), info) {
            config.extend(info);
        }
    }
    if !latest {
        record.results = json!({});
    }
    let has_tasks = matches!(
        item.status,
        Status::Provisioning | Status::Running | Status::Cancelling | Status::CleaningUp
    );
    let run = match item.run.as_ref().filter(|_| has_tasks) {
        Some(run) => world.runs.get(&item.test, run).await?,
        None => None,
    };
    if let Some(run) = run {
        record.tasks_per_region = Some(tasks_per_region(world, &run).await?);
    }
    record.history = Some(match history {
        true => self::history(world, test, &mut record.warnings).await?,
        false => Vec::new(),
    });
    Ok(record)
}

async fn tasks_per_region(world: &World, run: &Run) -> Result<Vec<TaskCounts>, Refusal> {
    let seen = fleet::of_run(world.fleet.as_ref(), &run.test, &run.run, Place::Everywhere).await?;
    let counts = run.regions.iter().map(|row| {
        let here = seen
            .iter()
            .filter(|seen| seen.alive && seen.region == row.region);
        // A leader says that it is ready to nobody but the workflow; once the
        // start is given, everyone is.
        let (pending, running): (Vec<_>, Vec<_>) =
            here.partition(|seen| seen.phase == RunnerPhase::Starting && run.start_at_us.is_none());
        TaskCounts {
            region: row.region.to_string(),
            running: running.len() as u64,
            pending: pending.len() as u64,
            desired: row.tasks,
        }
    });
    Ok(counts.collect())
}

/// Run records by their ids, as DLT has them; those that cannot be read are named in `warnings`.
async fn history(
    world: &World,
    test: &TestId,
    warnings: &mut Vec<String>,
) -> Result<Vec<Value>, Refusal> {
    let ids = run_ids(world, test, MOST_HISTORY).await?;
    let mut records = Vec::with_capacity(ids.len());
    for id in ids {
        match world.runs.get(test, &id).await {
            Ok(None) => {}
            Ok(Some(run)) => records.push(records::whole(world, &run).await?.shown()),
            Err(PipelineError::Unreadable(why)) if warnings.contains(&why) => {}
            Err(PipelineError::Unreadable(why)) => warnings.push(why),
            Err(error) => return Err(error.into()),
        }
    }
    records.sort_by(|a, b| a.test_run_id.cmp(&b.test_run_id));
    records
        .iter()
        .map(serde_json::to_value)
        .collect::<Result<_, _>>()
        .map_err(|error| Refusal::new(500, "INTERNAL_SERVER_ERROR", error.to_string()))
}

/// The newest runs' ids, at most `most`.
async fn run_ids(
    world: &World,
    test: &TestId,
    most: usize,
) -> Result<Vec<TestRunId>, PipelineError> {
    let mut query = RunsQuery::first(PAGE.min(most));
    let mut ids = Vec::new();
    loop {
        let page = world.runs.page(test, &query).await?;
        ids.extend(
            page.rows
                .iter()
                .filter_map(|row| TestRunId::parse(&row.test_run_id).ok()),
        );
        query.after = page.rows.last().and_then(|row| past::token(test, row));
        if query.after.is_none() || page.rows.len() < query.limit || ids.len() >= most {
            ids.truncate(most);
            return Ok(ids);
        }
    }
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
    world.schedules.remove(test).await?;
    loop {
        let ids = run_ids(world, test, PAGE).await?;
        if ids.is_empty() || past::remove(world, test, &ids).await? == 0 {
            return Ok("success");
        }
    }
}
