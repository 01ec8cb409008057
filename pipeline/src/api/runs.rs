//! The run calls: pages, records, deleting, the baseline.

use crate::error::PipelineError;
use crate::functions::{past, records};
use crate::runs::{self, Run, RunsFound};
use crate::scenarios::{self, ScenarioItem};
use crate::world::World;
use dlt_core::calls::RunsQuery;
use dlt_core::calls::answers::{
    BaselineAnswer, BaselineChanged, BaselineRun, Pagination, RunNote, RunsDeleted, TestRunsPage,
};
use dlt_core::ids::{TestId, TestRunId};
use dlt_core::judge::summary::LoadSummary;
use dlt_core::record::RunRecord;
use dlt_core::refusal::Refusal;
use dlt_core::scenario::secrets::{has_placeholder, restored};
use serde_json::json;

/// GET …/testruns.
pub(super) async fn list(
    world: &World,
    test: &TestId,
    query: &RunsQuery,
) -> Result<TestRunsPage, Refusal> {
    match scenarios::need(world.scenarios.as_ref(), test).await {
        // It is there: its runs can be read without it.
        Err(PipelineError::Unreadable(_)) => {}
        scenario => drop(scenario?),
    }
    if query.latest {
        let RunsFound { rows, .. } = world.runs.page(test, &RunsQuery::first(1)).await?;
        return Ok(TestRunsPage {
            test_runs: rows,
            pagination: Pagination {
                limit: 1,
                next_token: None,
                // DLT's clients are told 1 whether or not there is a run.
                total_count: 1,
            },
        });
    }
    if query
        .after
        .as_ref()
        .is_some_and(|after| after.test_id != *test)
    {
        return Err(Refusal::new(
            400,
            "BAD_REQUEST",
            "next_token belongs to another scenario",
        ));
    }
    // One more tells whether another page follows.
    let asked = RunsQuery {
        limit: query.limit + 1,
        ..query.clone()
    };
    let RunsFound { mut rows, total } = world.runs.page(test, &asked).await?;
    let more = rows.len() > query.limit;
    rows.truncate(query.limit);
    let next_token = rows
        .last()
        .filter(|_| more)
        .and_then(|row| past::token(test, row))
        .map(|token| token.encode());
    Ok(TestRunsPage {
        test_runs: rows,
        pagination: Pagination {
            limit: query.limit,
            next_token,
            total_count: total,
        },
    })
}

/// A run of this scenario; the scenario itself need not exist.
pub(super) async fn need(
    world: &World,
    test: &TestId,
    run: &TestRunId,
) -> Result<crate::runs::Run, Refusal> {
    let found = world.runs.get(test, run).await?;
    found.filter(|found| found.test == *test).ok_or_else(|| {
        Refusal::new(
            404,
            "TESTRUN_NOT_FOUND",
            format!("no run {run} for scenario {test}"),
        )
    })
}

/// GET …/testruns/{run}.
pub(super) async fn get(
    world: &World,
    test: &TestId,
    run: &TestRunId,
    secrets: bool,
) -> Result<RunRecord, Refusal> {
    let run = need(world, test, run).await?;
    let mut record = records::whole(world, &run).await?.shown();
    if record.load.is_none() && !run.record.status.is_terminal() {
        // Results bring it; what is planned is known before.
        let plan = records::plan(world, &run).await.ok();
        record.load = plan.map(|plan| {
            LoadSummary::planned(&plan, run.tasks(), &run.changes).with_seed(&plan, &run.run)
        });
    }
    if secrets {
        fill_secrets(world, &mut record, test).await?;
    }
    Ok(record)
}

/// Fills a run's plan with the secrets that its scenario has now: the run is stored
/// without.
async fn fill_secrets(world: &World, record: &mut RunRecord, test: &TestId) -> Result<(), Refusal> {
    if !has_placeholder(&record.test_scenario) {
        return Ok(());
    }
    let scenario = match world.scenarios.get(test).await {
        // The warning below says that they cannot be shown.
        Err(PipelineError::Unreadable(_)) => None,
        scenario => scenario?,
    };
    if let Some(item) = &scenario {
        record.test_scenario = restored(&record.test_scenario, &item.body["testScenario"]);
    }
    let left = match has_placeholder(&record.test_scenario) {
        true => "; where it has none any more, or other requests, they cannot be shown",
        false => "",
    };
    record.warnings.push(format!(
        "a run is stored without secrets; those shown are its scenario's as it is now{left}"
    ));
    Ok(())
}

/// PUT …/note: also of a run in progress.
pub(super) async fn put_note(
    world: &World,
    test: &TestId,
    run: &TestRunId,
    note: String,
) -> Result<RunNote, Refusal> {
    need(world, test, run).await?;
    let kept = Some(note.clone()).filter(|note| !note.is_empty());
    let change = |run: &mut Run| run.record.note.clone_from(&kept);
    runs::update(world.runs.as_ref(), test, run, &change).await?;
    Ok(RunNote { note })
}

/// DELETE …/testruns: none is deleted if one is the baseline, or in progress.
pub(super) async fn delete(
    world: &World,
    test: &TestId,
    ids: &[TestRunId],
) -> Result<RunsDeleted, Refusal> {
    let item = scenarios::need(world.scenarios.as_ref(), test).await?;
    if let Some(baseline) = item.baseline.as_ref().filter(|run| ids.contains(run)) {
        return Err(Refusal::new(
            409,
            "BASELINE_CONFLICT",
            format!("run {baseline} is the baseline of this scenario"),
        ));
    }
    let active = scenarios::active_run(&item, world.runs.as_ref()).await?;
    if let Some(run) = active.filter(|run| ids.contains(run)) {
        return Err(PipelineError::Busy {
            test: test.to_string(),
            run: run.to_string(),
        }
        .into());
    }
    let deleted_count = past::delete(world, test, ids).await?;
    Ok(RunsDeleted { deleted_count })
}

/// GET …/baseline.
pub(super) async fn baseline(
    world: &World,
    test: &TestId,
    data: bool,
) -> Result<BaselineAnswer, Refusal> {
    let item = scenarios::need(world.scenarios.as_ref(), test).await?;
    let mut answer = BaselineAnswer {
        test_id: test.to_string(),
        baseline_id: None,
        message: "no baseline".to_owned(),
        warning: None,
        test_run_details: None,
    };
    let Some(baseline) = item.baseline else {
        return Ok(answer);
    };
    "baseline found".clone_into(&mut answer.message);
    answer.baseline_id = Some(baseline.to_string());
    if data {
        let run = world.runs.get(test, &baseline).await?;
        if run.is_none() {
            answer.warning = Some("the baseline run no longer exists".to_owned());
        }
        let record = match &run {
            Some(run) => Some(records::whole(world, run).await?.shown()),
            None => None,
        };
        answer.test_run_details = Some(record.map(|record| BaselineRun {
            test_run_id: record.test_run_id,
            start_time: record.start_time,
            end_time: record.end_time,
            status: record.status,
            schedule_timezone: record.schedule_timezone,
            results: match record.results.is_object() {
                true => record.results,
                false => json!({}),
            },
        }));
    }
    Ok(answer)
}

/// PUT …/baseline.
pub(super) async fn set_baseline(
    world: &World,
    test: &TestId,
    run: &TestRunId,
) -> Result<BaselineChanged, Refusal> {
    let before = scenarios::need(world.scenarios.as_ref(), test)
        .await?
        .baseline;
    need(world, test, run).await?;
    let set = |item: &mut ScenarioItem| {
        let changed = item.baseline.as_ref() != Some(run);
        item.baseline = Some(run.clone());
        changed
    };
    scenarios::update(world.scenarios.as_ref(), test, &set).await?;
    let (message, details) = match &before {
        None => ("baseline set", format!("run {run} is now the baseline")),
        Some(before) => ("baseline changed", format!("run {run} replaces {before}")),
    };
    Ok(BaselineChanged {
        test_id: test.to_string(),
        baseline_id: Some(run.to_string()),
        previous_baseline_id: before.map(String::from),
        message: message.to_owned(),
        details,
    })
}

/// DELETE …/baseline.
pub(super) async fn clear_baseline(
    world: &World,
    test: &TestId,
) -> Result<BaselineChanged, Refusal> {
    let item = scenarios::need(world.scenarios.as_ref(), test).await?;
    if item.baseline.is_none() {
        return Err(Refusal::new(
            400,
            "NO_BASELINE_SET",
            format!("scenario {test} has no baseline"),
        ));
    }
    let clear = |item: &mut ScenarioItem| item.baseline.take().is_some();
    scenarios::update(world.scenarios.as_ref(), test, &clear).await?;
    Ok(BaselineChanged {
        test_id: test.to_string(),
        baseline_id: None,
        previous_baseline_id: None,
        message: "baseline cleared".to_owned(),
        details: "no baseline any more".to_owned(),
    })
}
