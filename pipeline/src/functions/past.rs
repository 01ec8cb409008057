//! Runs of the past: deleting them with what lies beside them, and pruning, which deletes those that a
//! rule does not keep (`dlt_core::retention`). Runs in progress and baselines are protected here,
//! whoever asks.

use crate::error::PipelineError;
use crate::runs::{self, Run, RunsFound};
use crate::scenarios::{self, ScenarioItem};
use crate::world::World;
use dlt_core::calls::answers::TestRunSummary;
use dlt_core::calls::{MOST_RUNS, PageToken, RunsQuery};
use dlt_core::ids::{Region, TestId, TestRunId};
use dlt_core::keys;
use dlt_core::retention::{Counter, Retention};
use std::collections::BTreeSet;

/// What the next page begins after.
pub fn token(test: &TestId, row: &TestRunSummary) -> Option<PageToken> {
    Some(PageToken {
        test_id: test.clone(),
        test_run_id: TestRunId::parse(&row.test_run_id).ok()?,
        start_time: row.start_time.clone(),
    })
}

/// Removes runs of a scenario, and at home what they left; how many there were. What else is said of
/// them, on the scenario, is the caller's.
pub async fn remove(world: &World, test: &TestId, ids: &[TestRunId]) -> Result<u64, PipelineError> {
    let mut prefixes = Vec::new();
    if world.objects.go_with_their_run() {
        for id in ids {
            // Of a damaged one it is not known where its objects lie; the run itself can go.
            let run = runs::readable(world.runs.as_ref(), test, id).await?;
            prefixes.extend(run.map(|run| run.prefix));
        }
    }
    let deleted = world.runs.delete(test, ids).await?;
    // Afterwards: what is left of a run that is gone only takes room.
    for prefix in prefixes {
        let folder = keys::results_folder(test, &prefix);
        for object in world.objects.list(&folder).await.unwrap_or_default() {
            let _ = world.objects.delete(&object.key).await;
        }
    }
    for id in ids {
        world.fleet.forget(id);
    }
    Ok(deleted)
}

/// Deletes runs that have ended and are no baseline, which the caller has checked, and says so on the
/// scenario. A one-off run takes what was stored as its scenario with it.
pub async fn delete(world: &World, test: &TestId, ids: &[TestRunId]) -> Result<u64, PipelineError> {
    let deleted = remove(world, test, ids).await?;
    let mut left = world.runs.page(test, &RunsQuery::first(MOST_RUNS)).await?;
    // An index may still have them.
    let is_gone = |id: &str| ids.iter().any(|run| run.as_str() == id);
    left.rows.retain(|row| !is_gone(&row.test_run_id));
    let newest = newest(world, test, &left).await?;
    let fewer = |item: &mut ScenarioItem| {
        item.total_runs = item.total_runs.saturating_sub(deleted);
        // Also where an earlier call deleted it and did not get this far.
        let was_shown = item.run.as_ref().is_some_and(|run| ids.contains(run));
        if was_shown {
            item.show(newest.as_ref());
        }
        let last = item.last_run.as_ref();
        // A run that ended since the page was read is not on it.
        let was_last = last.is_some_and(|last| is_gone(&last.run_id));
        if was_last {
            item.ended_as(&left.rows);
        }
        deleted > 0 || was_shown || was_last
    };
    let item = scenarios::update(world.scenarios.as_ref(), test, &fewer).await?;
    if item.is_one_off() && left.rows.is_empty() && item.status.is_resting() {
        match world.scenarios.delete(&item).await {
            // Somebody runs it again just now.
            Ok(()) => forget_documents(world, &item).await?,
            Err(PipelineError::Conflict(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(deleted)
}

/// Removes at home what runners were given of a scenario that is deleted: it holds its secrets.
pub async fn forget_documents(world: &World, item: &ScenarioItem) -> Result<(), PipelineError> {
    if !world.objects.go_with_their_run() {
        return Ok(());
    }
    let configs = item.body["testTaskConfigs"].as_array();
    let regions = configs.into_iter().flatten();
    let regions = regions.filter_map(|config| Region::parse(config["region"].as_str()?).ok());
    let mut regions: BTreeSet<Region> = regions.collect();
    // Earlier runs may have been in others.
    let rooms = world.regions.list().await?;
    regions.extend(rooms.into_iter().map(|room| room.region));
    for region in regions {
        let key = keys::scenario(&item.test, &region);
        world.objects.delete(&key).await?;
    }
    Ok(())
}

/// The newest run of a scenario that can be read.
async fn newest(
    world: &World,
    test: &TestId,
    runs: &RunsFound,
) -> Result<Option<Run>, PipelineError> {
    let Some(row) = runs.rows.iter().find(|row| row.unreadable.is_none()) else {
        return Ok(None);
    };
    let run = TestRunId::parse(&row.test_run_id);
    let run = run.map_err(|error| PipelineError::Other(format!("a stored run: {error}")))?;
    world.runs.get(test, &run).await
}

/// Deletes every run that the rule does not keep; how many.
pub async fn prune(world: &World, retention: Retention) -> Result<u64, PipelineError> {
    let now_us = world.clock.now_us();
    let mut deleted = 0;
    // One-off runs count together: each is a scenario of its own, the latest first.
    let mut one_offs = Counter::new(retention, now_us);
    for row in world.scenarios.list().await? {
        let Ok(test) = TestId::parse(&row.test_id) else {
            continue;
        };
        let item = match world.scenarios.get(&test).await {
            // What its baseline is cannot be told, so its runs stay.
            Err(PipelineError::Unreadable(_)) => continue,
            item => item?,
        };
        let Some(item) = item else {
            continue;
        };
        let mut own = Counter::new(retention, now_us);
        let counter = if item.is_one_off() {
            &mut one_offs
        } else {
            &mut own
        };
        let active = scenarios::active_run(&item, world.runs.as_ref()).await?;
        let may_go = |row: &TestRunSummary| {
            let is = |run: &Option<TestRunId>| {
                run.as_ref()
                    .is_some_and(|run| run.as_str() == row.test_run_id)
            };
            counter.may_go(row, is(&item.baseline) || is(&active))
        };
        let ids = matching(world, &test, may_go).await?;
        for ids in ids.chunks(MOST_RUNS) {
            match delete(world, &test, ids).await {
                Ok(count) => deleted += count,
                // It was deleted meanwhile, with its runs.
                Err(PipelineError::NoScenario(_)) => break,
                Err(error) => return Err(error),
            }
        }
    }
    Ok(deleted)
}

/// The runs of a scenario for which `is_wanted` says so, asked newest first.
async fn matching(
    world: &World,
    test: &TestId,
    mut is_wanted: impl FnMut(&TestRunSummary) -> bool + Send,
) -> Result<Vec<TestRunId>, PipelineError> {
    let mut query = RunsQuery::first(MOST_RUNS);
    let mut ids = Vec::new();
    loop {
        let page = world.runs.page(test, &query).await?;
        let wanted = page.rows.iter().filter(|row| is_wanted(row));
        ids.extend(wanted.filter_map(|row| TestRunId::parse(&row.test_run_id).ok()));
        query.after = page.rows.last().and_then(|row| token(test, row));
        if query.after.is_none() || page.rows.len() < query.limit {
            return Ok(ids);
        }
    }
}
