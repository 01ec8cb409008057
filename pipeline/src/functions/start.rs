//! Starting a run: the claim on its scenario, what runners will fetch, the run
//! itself, its execution. What then happens is the workflow's affair.

use crate::clock::{RunClock, random_id, stamp};
use crate::error::PipelineError;
use crate::functions::{hand_over, records, scripts, settle};
use crate::objects::Access;
use crate::runs::{Beside, Late, RegionTasks, Run, Spare};
use crate::scenarios;
use crate::world::World;
use dlt_core::ids::{IdError, RunPrefix, TestId, TestRunId};
use dlt_core::keys;
use dlt_core::record::{Begun, RunRecord};
use dlt_core::scenario::Scenario;
use dlt_core::scenario::plan::{FileType, Phase};
use dlt_core::value::Value as Written;
use std::collections::{BTreeMap, BTreeSet};

/// Characters of ids that we make (api-behaviour.md 1).
const ID_LENGTH: usize = 10;
/// Bytes of a run's secret.
const SECRET_BYTES: usize = 32;

/// A run that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// The scenario.
    pub test: TestId,
    /// The run.
    pub run: TestRunId,
}

/// An id for a scenario that has none.
pub fn new_test(world: &World) -> Result<TestId, PipelineError> {
    parsed(TestId::parse(&random_id(world.clock.as_ref(), ID_LENGTH)?))
}

/// An id for a run.
pub fn new_run(world: &World) -> Result<TestRunId, PipelineError> {
    parsed(TestRunId::parse(&random_id(
        world.clock.as_ref(),
        ID_LENGTH,
    )?))
}

/// Keeps the scenario under `test` with this body and starts `run` of it.
/// Nothing is changed when it cannot be started.
pub async fn start(
    world: &World,
    scenario: &Scenario,
    body: Written,
    test: &TestId,
    run: &TestRunId,
) -> Result<Started, PipelineError> {
    scripts::check(world, scenario)?;
    let start_time = stamp(world.clock.now_us());
    let mut item = item(scenario, test.clone(), run.clone(), start_time.clone())?;
    let claim = scenarios::claim(
        world.scenarios.as_ref(),
        world.runs.as_ref(),
        test,
        body,
        run,
        &start_time,
    )
    .await?;
    item.record.schedule_timezone = claim.item.zone();
    item.clock = RunClock::now(world.clock.as_ref());
    if let Err(error) = prepare(world, scenario, &mut item).await {
        claim.release(world.scenarios.as_ref()).await;
        return Err(error);
    }
    let name = hand_over::execution_name(&item, 1);
    let input = hand_over::execution_input(&item, 1, world.pace.poll_s);
    if let Err(error) = world.executions.start(&name, test, run, input).await {
        // The run is stored, so it is ended, not forgotten.
        let end_time = stamp(world.clock.now_us());
        let reason = format!("its workflow could not be started: {error}");
        world
            .change(test, run, &|run| {
                run.failure.get_or_insert_with(|| reason.clone());
                settle::settle(run, &end_time);
            })
            .await?;
        world.executions.release(run);
        return Err(error);
    }
    Ok(Started {
        test: test.clone(),
        run: run.clone(),
    })
}

/// Writes what runners need, then the run.
async fn prepare(world: &World, scenario: &Scenario, item: &mut Run) -> Result<(), PipelineError> {
    let objects = &world.objects;
    for region in &item.regions {
        let document = scenario.region_document(&region.region);
        let key = keys::scenario(&item.test, &region.region);
        let bytes = serde_json::to_vec(&document)
            .map_err(|error| PipelineError::Other(format!("object {key}: {error}")))?;
        objects.put(&key, &bytes, Access::Home).await?;
    }
    let mut secret = [0u8; SECRET_BYTES];
    world.clock.random(&mut secret)?;
    let secret: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let key = keys::secret(&item.test, &item.prefix);
    objects.put(&key, secret.as_bytes(), Access::Secret).await?;
    records::put_scenario(world, item).await?;
    world.executions.reserve(&item.run)?;
    let stored = world.runs.put(item).await;
    if stored.is_err() {
        world.executions.release(&item.run);
    }
    stored
}

fn item(
    scenario: &Scenario,
    test: TestId,
    run: TestRunId,
    start_time: String,
) -> Result<Run, PipelineError> {
    let body = |name: &str| scenario.body[name].to_serde();
    let first = scenario
        .tasks
        .first()
        .ok_or_else(|| PipelineError::Input("the scenario has no region".to_owned()))?;
    let last = scenario.tasks.last().unwrap_or(first);
    Ok(Run {
        version: 0,
        prefix: parsed(RunPrefix::of(&start_time, &run))?,
        record: RunRecord::begun(Begun {
            test_id: test.clone(),
            test_run_id: run.clone(),
            test_name: scenario.name.clone(),
            test_description: scenario.description.clone(),
            test_type: scenario.body["testType"]
                .as_str()
                .unwrap_or("simple")
                .to_owned(),
            start_time,
            test_task_configs: body("testTaskConfigs"),
            test_scenario: scenario.region_document(&last.region),
        }),
        test,
        run,
        file_type: FileType::of(scenario.plan.script()),
        regions: scenario
            .tasks
            .iter()
            .map(|task| RegionTasks {
                region: task.region.clone(),
                tasks: task.task_count,
            })
            .collect(),
        live: scenario.show_live,
        keep_exchanges: scenario.keep_exchanges,
        healthy_threshold: scenario.healthy_threshold,
        document: scenario.region_document(&first.region),
        beside: Beside::default(),
        thresholds: scenario
            .thresholds
            .iter()
            .map(|threshold| threshold.expression.clone())
            .collect(),
        planned_us: scenario.plan.end_us(),
        graceful_stop_us: scenario.plan.graceful_stop_us(),
        setup_us: scenario.plan.once_us(Phase::Setup),
        teardown_us: scenario.plan.once_us(Phase::Teardown),
        clock: None,
        late: Late::default(),
        workers_began_us: None,
        leaders_began_us: None,
        start_at_us: None,
        changes: Vec::new(),
        stop_began_us: None,
        cancel_reason: None,
        lost_driver: false,
        failure: None,
        launch_trouble: None,
        refused_launches: 0,
        parts: 0,
        spare: Spare {
            percent: scenario.spot,
            refused: Vec::new(),
        },
        lost: BTreeMap::new(),
        beside_runs: BTreeSet::new(),
    })
}

fn parsed<T>(id: Result<T, IdError>) -> Result<T, PipelineError> {
    id.map_err(|error| PipelineError::Input(error.to_string()))
}
