//! The control plane on one machine: SQLite, files, child processes.

mod clock;
mod history;
mod lock;
pub mod sqlite;

pub use crate::live::LiveEvent;
pub use clock::SystemClock;
pub use history::History;

use crate::error::PipelineError;
use crate::executions::Executions;
use crate::executions::sqlite::SqliteExecutions;
use crate::fleet::processes::Processes;
use crate::live::broadcast::Broadcast;
use crate::objects::{Access, files::FileObjects};
use crate::runs::{self, RegionTasks, Run, sqlite::SqliteRuns};
use crate::scenarios::{self, sqlite::SqliteScenarios};
use crate::workflow::definition::Definition;
use crate::workflow::{WORKFLOW, driver::Driver, watch};
use crate::world::{Pace, World, random_id, stamp};
use dlt_core::calls::RunRecord;
use dlt_core::ids::{Region, RunPrefix, TestId, TestRunId};
use dlt_core::keys;
use dlt_core::run::Status;
use dlt_core::scenario::Scenario;
use lock::HomeLock;
use serde_json::Value;
use sqlite::Database;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{broadcast, watch as signal};

/// Characters of ids that we make (api-behaviour.md 1).
const ID_LENGTH: usize = 10;
/// Bytes of a run's secret.
const SECRET_BYTES: usize = 32;
/// How long opening waits for runs that an earlier process left, at most.
const MOST_LEFTOVER_WAIT: Duration = Duration::from_secs(30);
/// How often runners' files are read for live data.
const BETWEEN_READS: Duration = Duration::from_millis(100);

/// Where and with what a home runs.
#[derive(Debug, Clone)]
pub struct HomeOptions {
    /// The data folder (`DLT_HOME`).
    pub dir: PathBuf,
    /// Regions and how many runners each can hold.
    pub regions: Vec<(Region, u64)>,
    /// Program and arguments that start a worker: this binary and `worker`.
    pub worker: (PathBuf, Vec<String>),
}

/// A run that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// The scenario.
    pub test: TestId,
    /// The run.
    pub run: TestRunId,
}

/// The control plane of one data folder, held by this process alone.
pub struct Home {
    world: Arc<World>,
    runs: SqliteRuns,
    executions: SqliteExecutions,
    fleet: Arc<Processes<SystemClock>>,
    live: Arc<Broadcast>,
    definition: Arc<Definition>,
    regions: Vec<(Region, u64)>,
    driven: Mutex<HashMap<TestRunId, Driven>>,
    /// Last, so that it goes after everything else.
    _lock: HomeLock,
}

/// A run that is being driven.
struct Driven {
    task: tokio::task::JoinHandle<()>,
    over: signal::Receiver<bool>,
}

impl std::fmt::Debug for Home {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Home")
            .field("regions", &self.regions)
            .finish_non_exhaustive()
    }
}

/// Makes the data folder, for its owner alone: scenarios hold credentials. The
/// mode of a folder that exists is its owner's choice.
fn private_folder(dir: &std::path::Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
}

impl Home {
    /// Opens the folder and takes its lock. Runs that a process before us left
    /// unfinished are stopped, and end with what they measured.
    pub async fn open(options: HomeOptions) -> Result<Self, PipelineError> {
        let dir = &options.dir;
        private_folder(dir).map_err(|error| PipelineError::file(dir, &error))?;
        let dir = dir
            .canonicalize()
            .map_err(|error| PipelineError::file(dir, &error))?;
        let lock = HomeLock::take(&dir)?;
        let database = Database::open(&dir)?;
        let definition =
            Definition::parse(WORKFLOW).map_err(|error| PipelineError::Other(error.to_string()))?;
        let definition = Arc::new(definition);
        let depot = dir.join("objects");
        let clock = Arc::new(SystemClock);
        let fleet = Arc::new(Processes::new(
            options.worker,
            dir.join("runs"),
            Arc::clone(&clock),
        ));
        let live = Arc::new(Broadcast::new(dir.join("runs")));
        let executions = SqliteExecutions::new(database.clone(), Arc::clone(&definition));
        let runs = SqliteRuns(database.clone());
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let world = Arc::new(World {
            scenarios: Arc::new(SqliteScenarios(database)),
            runs: Arc::new(runs.clone()),
            objects: Arc::new(FileObjects::new(depot.clone())),
            fleet: Arc::clone(&fleet) as Arc<_>,
            live: Arc::clone(&live) as Arc<_>,
            executions: Arc::new(executions.clone()),
            clock,
            pace: Pace::home(),
            depot: depot.display().to_string(),
            cores: Some(cores as u64),
        });
        let home = Self {
            world,
            runs,
            executions,
            fleet,
            live,
            definition,
            regions: options.regions,
            driven: Mutex::new(HashMap::new()),
            _lock: lock,
        };
        home.pick_up().await?;
        home.await_leftovers().await;
        Ok(home)
    }

    /// Waits until the runs that were left have ended, so that their runners
    /// spoil no measurement and their scenarios may start again; what takes
    /// longer than [`MOST_LEFTOVER_WAIT`] goes on beside.
    async fn await_leftovers(&self) {
        let left: Vec<_> = {
            let driven = self.driven.lock().unwrap_or_else(PoisonError::into_inner);
            driven.values().map(|driven| driven.over.clone()).collect()
        };
        let all_over = async {
            for mut over in left {
                // An error means that the driver is gone: over too.
                let _ = over.wait_for(|over| *over).await;
            }
        };
        let _ = tokio::time::timeout(MOST_LEFTOVER_WAIT, all_over).await;
    }

    /// Goes on with runs that a process before us left: their runners see
    /// that their parent is gone and stop, so the runs fail, with the results
    /// there are.
    async fn pick_up(&self) -> Result<(), PipelineError> {
        for run in self.runs.unfinished()? {
            self.live.open(&run.run);
            self.fleet.adopt(&run.run)?;
            let reason = "the dlt process that ran this test ended before the test did";
            self.world
                .change(&run.run, &|run| {
                    run.failure.get_or_insert_with(|| reason.to_owned());
                })
                .await?;
            self.drive(&run.run);
        }
        Ok(())
    }

    fn drive(&self, run: &TestRunId) {
        let driver = Driver {
            world: Arc::clone(&self.world),
            executions: self.executions.clone(),
            definition: Arc::clone(&self.definition),
        };
        let live = Arc::clone(&self.live);
        let (tell, over) = signal::channel(false);
        let id = run.clone();
        let task = tokio::spawn(async move {
            let mut beat = tokio::time::interval(BETWEEN_READS);
            let drive = driver.drive(&id);
            tokio::pin!(drive);
            loop {
                tokio::select! {
                    () = &mut drive => break,
                    // A file that cannot be read now is read the next time, and
                    // by the results parser at last.
                    _ = beat.tick() => { let _ = live.pump(&id); }
                }
            }
            live.close(&id);
            tell.send_replace(true);
        });
        let mut driven = self.driven.lock().unwrap_or_else(PoisonError::into_inner);
        driven.retain(|_, driven| !driven.task.is_finished());
        driven.insert(run.clone(), Driven { task, over });
    }

    /// Stores the scenario and starts a run of it.
    pub async fn start(&self, scenario: &Scenario) -> Result<Started, PipelineError> {
        self.check_capacity(scenario)?;
        let clock = self.world.clock.as_ref();
        let test = match &scenario.test_id {
            Some(test) => test.clone(),
            None => parsed(TestId::parse(&random_id(clock, ID_LENGTH)?))?,
        };
        let run = parsed(TestRunId::parse(&random_id(clock, ID_LENGTH)?))?;
        let item = self.item(scenario, test.clone(), run.clone())?;
        scenarios::claim(
            self.world.scenarios.as_ref(),
            self.world.runs.as_ref(),
            &test,
            scenario.body.clone(),
            &run,
        )
        .await?;
        if let Err(error) = self.begin(scenario, &item).await {
            // The claim goes; should even that fail, the next start sees that
            // there is no such run.
            let scenarios = self.world.scenarios.as_ref();
            let _ = scenarios::mirror(scenarios, &test, &run, Status::Failed).await;
            return Err(error);
        }
        Ok(Started { test, run })
    }

    /// Writes what runners need, then the run and its execution.
    async fn begin(&self, scenario: &Scenario, item: &Run) -> Result<(), PipelineError> {
        let objects = &self.world.objects;
        for region in &item.regions {
            let document = scenario.region_document(&region.region);
            let key = keys::scenario(&item.test, &region.region);
            let bytes = Database::json(&document)?;
            objects.put(&key, bytes.as_bytes(), Access::Home).await?;
        }
        let mut secret = [0u8; SECRET_BYTES];
        self.world.clock.random(&mut secret)?;
        let secret: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        let key = keys::secret(&item.test, &item.prefix);
        objects.put(&key, secret.as_bytes(), Access::Secret).await?;
        self.world.runs.create(item).await?;
        self.live.open(&item.run);
        let name = watch::execution_name(item, 1);
        let input = watch::execution_input(item, 1, self.world.pace.poll_s);
        self.executions.start(&name, &item.run, input).await?;
        self.drive(&item.run);
        Ok(())
    }

    fn item(
        &self,
        scenario: &Scenario,
        test: TestId,
        run: TestRunId,
    ) -> Result<Run, PipelineError> {
        let start_time = stamp(self.world.clock.now_us());
        let body = |name: &str| scenario.body.get(name).cloned().unwrap_or(Value::Null);
        let first = scenario
            .tasks
            .first()
            .ok_or_else(|| PipelineError::Input("the scenario has no region".to_owned()))?;
        Ok(Run {
            version: 0,
            prefix: parsed(RunPrefix::of(&start_time, &run))?,
            record: RunRecord {
                test_id: test.to_string(),
                test_run_id: run.to_string(),
                test_name: scenario.name.clone(),
                test_description: scenario.description.clone(),
                test_type: "simple".to_owned(),
                status: Status::Queued,
                start_time,
                end_time: String::new(),
                test_task_configs: body("testTaskConfigs"),
                test_scenario: body("testScenario"),
                results: Value::Object(serde_json::Map::new()),
                complete_tasks: BTreeMap::new(),
                succ_percent: None,
                error_reason: None,
                outcome: None,
                verdict: None,
                account: None,
                coverage: None,
                start: None,
                load: None,
                summary: None,
                errors: None,
                warnings: Vec::new(),
            },
            test,
            run,
            regions: scenario
                .tasks
                .iter()
                .map(|task| RegionTasks {
                    region: task.region.clone(),
                    tasks: task.task_count,
                })
                .collect(),
            live: scenario.show_live,
            healthy_threshold: scenario.healthy_threshold,
            document: scenario.region_document(&first.region),
            thresholds: scenario
                .thresholds
                .iter()
                .map(|threshold| threshold.expression.clone())
                .collect(),
            planned_us: scenario.plan.end_us(),
            graceful_stop_us: scenario.plan.graceful_stop_us(),
            workers_began_us: None,
            leaders_began_us: None,
            start_at_us: None,
            stop_began_us: None,
            cancel_reason: None,
            failure: None,
            launch_trouble: None,
            lost: BTreeMap::new(),
        })
    }

    /// Whether each region has room beside the runs in progress.
    fn check_capacity(&self, scenario: &Scenario) -> Result<(), PipelineError> {
        let unfinished = self.runs.unfinished()?;
        // The claim decides; this is said before a full region is.
        let ours = unfinished
            .iter()
            .find(|run| Some(&run.test) == scenario.test_id.as_ref());
        if let Some(run) = ours {
            return Err(PipelineError::Busy {
                test: run.test.to_string(),
                run: run.run.to_string(),
            });
        }
        for task in &scenario.tasks {
            let known = self.regions.iter().find(|(name, _)| *name == task.region);
            let Some((region, capacity)) = known else {
                return Err(PipelineError::Input(format!(
                    "there is no region {} here; name it with --region {}=CAPACITY",
                    task.region, task.region
                )));
            };
            let used: u64 = unfinished
                .iter()
                .filter(|run| !run.is_stopping())
                .flat_map(|run| &run.regions)
                .filter(|row| row.region == *region)
                .map(|row| row.tasks)
                .sum();
            if used + task.task_count > *capacity {
                return Err(PipelineError::Input(format!(
                    "region {region} holds {capacity} runners, {used} are in use and {} are asked for; ask for fewer with --tasks, or for room with --region {region}=CAPACITY",
                    task.task_count
                )));
            }
        }
        Ok(())
    }

    /// Live events of a run from now on; the channel closes when it is over.
    pub fn watch(&self, run: &TestRunId) -> broadcast::Receiver<LiveEvent> {
        self.live.listen(run)
    }

    /// Stops the scenario's run and keeps what was measured.
    pub async fn cancel(&self, test: &TestId, reason: &str) -> Result<(), PipelineError> {
        watch::cancel(&self.world, test, reason).await
    }

    /// Kills every runner of this home at once (SIGKILL to their groups), for a
    /// second Ctrl-C: nothing is waited for, nothing more is kept.
    pub fn kill(&self) {
        // Nobody may launch a replacement for what is killed now.
        for driven in self
            .driven
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
        {
            driven.task.abort();
        }
        self.fleet.kill();
    }

    /// Waits until the run is in a terminal status and returns its record.
    pub async fn wait(&self, started: &Started) -> Result<RunRecord, PipelineError> {
        let over = {
            let driven = self.driven.lock().unwrap_or_else(PoisonError::into_inner);
            driven.get(&started.run).map(|driven| driven.over.clone())
        };
        if let Some(mut over) = over {
            // An error means that the driving task is gone, which is over too.
            let _ = over.wait_for(|over| *over).await;
        }
        let run = runs::need(self.world.runs.as_ref(), &started.run).await?;
        if run.record.status.is_terminal() {
            Ok(run.record)
        } else {
            Err(PipelineError::Other(format!(
                "run {} ended without a final status; its data folder may be full or gone",
                started.run
            )))
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        for (_, driven) in self
            .driven
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .drain()
        {
            driven.task.abort();
        }
        self.fleet.dismiss();
    }
}

fn parsed<T>(id: Result<T, dlt_core::ids::IdError>) -> Result<T, PipelineError> {
    id.map_err(|error| PipelineError::Input(error.to_string()))
}

#[cfg(test)]
mod tests;
