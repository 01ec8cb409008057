//! What is answered of one scenario: its record with its last run, its room and its history.

use crate::error::PipelineError;
use crate::fleet::{self, Place, RunnerPhase};
use crate::functions::stalled::{Unbegun, end_stalled};
use crate::functions::{past, records};
use crate::runs::{self, Run};
use crate::scenarios::{self, ScenarioItem};
use crate::world::World;
use dlt_core::calls::RunsQuery;
use dlt_core::calls::answers::{ScenarioRecord, TaskCounts};
use dlt_core::ids::{TestId, TestRunId};
use dlt_core::refusal::Refusal;
use dlt_core::run::Status;
use dlt_core::scenario::kept::with_entry;
use dlt_core::scenario::post::When;
use dlt_core::scenario::secrets;
use serde_json::{Value, json};

/// Most run records that `history` holds, newest kept: an answer must stay one.
const MOST_HISTORY: usize = 1_000;
/// Most runs looked at in one go.
pub(super) const PAGE: usize = 100;

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
pub(super) async fn record(world: &World, item: &ScenarioItem) -> Result<ScenarioRecord, Refusal> {
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
pub(super) async fn after_stalled_run(
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
        // `warnings` names one that cannot be read.
        Some(run) => runs::readable(world.runs.as_ref(), &item.test, run).await?,
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
pub(super) async fn run_ids(
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
