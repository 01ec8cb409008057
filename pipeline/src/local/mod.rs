//! The control plane on one machine: SQLite, files, child processes.

mod card;
#[cfg(test)]
mod damaged;
mod drivers;
mod lock;
mod look;
mod migration;
mod privacy;
mod reading;
#[cfg(test)]
pub(crate) mod testing;
pub mod timers;
mod undriven;
mod unstored;
mod watchers;

pub use crate::functions::start::Started;
pub use card::ServerCard;
pub use look::{Looked, look};
pub use reading::{regions_at_rest, to_read};
pub use unstored::Waited;

use crate::clock::{Clock, SystemClock};
use crate::error::PipelineError;
use crate::executions::sqlite::SqliteExecutions;
use crate::fleet::{process::Lifetime, processes::Processes};
use crate::functions::start::{new_run, new_test, start};
use crate::functions::{cancel, load_changes, room};
use crate::live::Events;
use crate::live::broadcast::Broadcast;
use crate::objects::files::FileObjects;
use crate::regions::home::HomeRegions;
use crate::runs::{Run, sqlite::SqliteRuns};
use crate::scenarios::sqlite::SqliteScenarios;
use crate::schedules::timers::Timers;
use crate::store::outage::Outages;
use crate::store::sqlite::Database;
use crate::workflow::WORKFLOW;
use crate::workflow::definition::Definition;
use crate::world::{Pace, Scripts, World};
use dlt_core::calls::answers::LoadWish;
use dlt_core::ids::{Region, TestId, TestRunId};
use dlt_core::load::changes::LoadChange;
use dlt_core::refusal::Refusal;
use dlt_core::routing::EnvironmentProxies;
use dlt_core::scenario::Scenario;
use dlt_core::target_policy::TargetPolicy;
use drivers::Drivers;
use lock::{ServiceLock, SharedLock};
use migration::FILL;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How often it is looked whether the database is still there.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
/// How long opening waits for runs that an earlier process left, at most.
const MOST_LEFTOVER_WAIT: Duration = Duration::from_secs(30);

/// Where and with what a home runs.
#[derive(Debug, Clone)]
pub struct HomeOptions {
    /// The data folder (`DLT_HOME`).
    pub dir: PathBuf,
    /// Regions and how many runners each can hold.
    pub regions: Vec<(Region, u64)>,
    /// Program and arguments that start a worker: this binary and `worker`.
    pub worker: (PathBuf, Vec<String>),
    /// Whether runs outlive this process, so that the next one goes on with
    /// them (`dlt up`), or end with it (`dlt run`).
    pub service: bool,
    /// Where this process answers agents, if it does.
    pub mcp: Option<String>,
    /// Where load may be sent.
    pub targets: TargetPolicy,
    /// Whether scripts of JMeter, k6 and Locust may be run.
    pub scripts: bool,
    /// The proxies of this process's environment, for load whose scenario names none.
    pub proxies: EnvironmentProxies,
}

/// The control plane of one data folder: of its service, or of one command beside others.
pub struct Home {
    world: Arc<World>,
    timers: Arc<Timers>,
    runs: SqliteRuns,
    fleet: Arc<Processes<SystemClock>>,
    live: Arc<Broadcast>,
    drivers: Arc<Drivers>,
    /// Runs that wait for the folder to be written again.
    outages: Arc<Outages>,
    /// Why this process's run was to stop, where that could not be stored.
    stop_reason: OnceLock<String>,
    service: bool,
    /// What the folder's owner should know of it.
    warning: Option<String>,
    /// Last, so that they go after everything else.
    _locks: (Option<ServiceLock>, SharedLock),
}

impl std::fmt::Debug for Home {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Home")
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}

/// Runners as child processes; those of a service outlive it.
fn fleet(
    worker: (PathBuf, Vec<String>),
    service: bool,
    dir: &std::path::Path,
    clock: &Arc<SystemClock>,
    listener: watchers::FromRunners,
) -> Arc<Processes<SystemClock>> {
    let lifetime = match service {
        true => Lifetime::Own,
        false => Lifetime::OfParent,
    };
    let (clock, listener) = (Arc::clone(clock), Arc::new(listener));
    let fleet = Processes::new(worker, dir.join("runs"), lifetime, clock, listener);
    Arc::new(fleet)
}

/// Makes the data folder its owner's: where it lies, and what is to be told of it.
fn private_folder(dir: &std::path::Path) -> Result<(PathBuf, Option<String>), PipelineError> {
    let fault = |error| PipelineError::file(dir, error);
    Database::check_place(dir)?;
    // Looked for first: the folder then gets an empty database.
    let lost = look::lost(dir);
    let is_open = privacy::make_private(dir).map_err(fault)?;
    let warnings: Vec<String> = [lost, is_open].into_iter().flatten().collect();
    let warning = (!warnings.is_empty()).then(|| warnings.join("; "));
    Ok((dir.canonicalize().map_err(fault)?, warning))
}

/// The workflow file, read.
fn shipped_workflow() -> Result<Definition, PipelineError> {
    Definition::parse(WORKFLOW).map_err(|error| PipelineError::Other(error.to_string()))
}

impl Home {
    /// Opens the folder; as a service it takes its lock. A service goes on with the runs
    /// that a service before it left; all other runs that were left are
    /// stopped, and end with what they measured.
    pub async fn open(options: HomeOptions) -> Result<Self, PipelineError> {
        let (dir, warning) = private_folder(&options.dir)?;
        let shared = SharedLock::take(&dir)?;
        let database = Database::open(&dir, &FILL)?;
        let service = match options.service {
            true => Some(ServiceLock::take(&dir)?),
            false => None,
        };
        let definition = shipped_workflow()?;
        let depot = dir.join("objects");
        let clock = Arc::new(SystemClock);
        let live = Arc::new(Broadcast::default());
        let objects = Arc::new(FileObjects::new(depot.clone()));
        let runners = watchers::FromRunners {
            live: Arc::clone(&live),
            objects: Arc::clone(&objects),
        };
        let fleet = fleet(options.worker, options.service, &dir, &clock, runners);
        let outages = Arc::new(Outages::default());
        let drivers = Arc::new(Drivers::new(
            SqliteExecutions(database.clone()),
            Arc::new(definition),
            Arc::clone(&live),
            Arc::clone(&fleet),
            dir.join("runs"),
            Arc::clone(&outages),
        ));
        let runs = SqliteRuns(database.clone());
        let scenarios = SqliteScenarios(database);
        let timers = Arc::new(Timers::of(scenarios.planned()?));
        let created = created(&dir, clock.as_ref());
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let world = Arc::new(World {
            scenarios: Arc::new(scenarios),
            schedules: Arc::clone(&timers) as Arc<_>,
            runs: Arc::new(runs.clone()),
            objects,
            regions: Arc::new(
                HomeRegions::new(options.regions, runs.clone(), created)
                    .with_mcp(options.mcp)
                    .with_outages(Arc::clone(&outages)),
            ),
            fleet: Arc::clone(&fleet) as Arc<_>,
            live: Arc::clone(&live) as Arc<_>,
            executions: Arc::new(Arc::clone(&drivers)),
            clock,
            pace: Pace::home(),
            depot: depot.display().to_string(),
            cores: Some(cores as u64),
            targets: options.targets,
            scripts: Scripts::at_home(options.scripts),
            proxies: options.proxies,
        });
        drivers.settle_in(&world);
        let home = Self {
            world,
            timers,
            runs,
            fleet,
            live,
            drivers,
            outages,
            stop_reason: OnceLock::new(),
            service: options.service,
            warning,
            _locks: (service, shared),
        };
        home.pick_up().await?;
        Ok(home)
    }

    /// Drives the runs that a process before us left; those of processes that live are theirs. Where their runners end
    /// with the process that started them, or would now be watched by a command
    /// that ends before them, they fail, with the results there are.
    async fn pick_up(&self) -> Result<(), PipelineError> {
        for run in self.runs.unfinished()? {
            // One whose lock cannot be written is driven all the same.
            if !matches!(self.drivers.hold(&run.run), Ok(false)) {
                self.pick_up_run(&run).await?;
            }
        }
        if !self.service {
            // Their runners must spoil no measurement, and their scenarios may
            // start again; what takes longer goes on beside.
            let left = self.drivers.until_all_over();
            let _ = tokio::time::timeout(MOST_LEFTOVER_WAIT, left).await;
        }
        Ok(())
    }

    /// Drives a run that nobody drives.
    async fn pick_up_run(&self, run: &Run) -> Result<(), PipelineError> {
        self.live.open(&run.run);
        let lifetime = self.fleet.adopt(&run.run)?;
        if !self.service || lifetime == Lifetime::OfParent {
            self.world
                .change(&run.test, &run.run, &|run| run.lost_driver = true)
                .await?;
        }
        self.drivers.drive(&run.test, &run.run);
        Ok(())
    }

    /// Stores the scenario and starts a run of it.
    pub async fn start(&self, scenario: &Scenario) -> Result<Started, PipelineError> {
        let test = match &scenario.test_id {
            Some(test) => test.clone(),
            None => new_test(&self.world)?,
        };
        self.check_rest(&test).await?;
        room::check_room(&self.world, &scenario.tasks).await?;
        let run = new_run(&self.world)?;
        let mut body = scenario.body.clone();
        if scenario.test_id.is_none() {
            // Nobody named a scenario of which this is a run.
            body["oneOff"] = true.into();
        }
        start(&self.world, scenario, body, &test, &run).await
    }

    /// A scenario that is busy is told as that, also where its region is full;
    /// the claim decides.
    async fn check_rest(&self, test: &TestId) -> Result<(), PipelineError> {
        match self.world.scenarios.get(test).await? {
            Some(item) => crate::scenarios::need_rest(&item, self.world.runs.as_ref()).await,
            None => Ok(()),
        }
    }

    /// What is wrong with the data folder, for whoever opened it.
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// All ports, for the API and the timers.
    pub fn world(&self) -> &Arc<World> {
        &self.world
    }

    /// Scenarios that are due by now.
    pub fn due(&self) -> Vec<TestId> {
        self.timers.due(self.world.clock.now_us())
    }

    /// Live events of a run, until it is over; None if it is.
    pub fn watch(&self, run: &TestRunId) -> Option<Events> {
        self.live.events(run)
    }

    /// Changes the load of a run that goes on.
    pub async fn change_load(
        &self,
        run: &Started,
        wish: LoadWish,
    ) -> Result<Vec<LoadChange>, Refusal> {
        let told = load_changes::change(&self.world, &run.test, &run.run, wish).await?;
        Ok(told.changes)
    }

    /// Stops the scenario's run and keeps what was measured.
    /// Where that cannot be stored, the runners of a command's own run are told to stop
    /// all the same; whoever asked tries again.
    pub async fn cancel(&self, test: &TestId, reason: &str) -> Result<(), PipelineError> {
        let done = cancel::cancel(&self.world, test, reason).await;
        if matches!(&done, Err(error) if error.is_of_store()) && !self.service {
            self.stop_reason.get_or_init(|| reason.to_owned());
            self.fleet.dismiss();
        }
        done
    }

    /// Stops every run of this process and waits until they have ended with what they measured.
    pub async fn cancel_all(&self, reason: &str) -> Result<(), PipelineError> {
        let unfinished = match self.runs.unfinished() {
            Ok(unfinished) => unfinished,
            Err(error) => return self.leave_for_later(error).await,
        };
        for run in unfinished {
            if !self.drivers.is_held(&run.run) {
                continue;
            }
            match cancel::cancel(&self.world, &run.test, reason).await {
                // It ended just now.
                Ok(()) | Err(PipelineError::NothingRuns(_)) => {}
                Err(error) => return self.leave_for_later(error).await,
            }
        }
        self.drivers.until_all_over().await;
        Ok(())
    }

    /// Waits until no run of the scenario is in progress.
    pub async fn until_rest(&self, test: &TestId) -> Result<(), PipelineError> {
        for run in self.runs.unfinished()? {
            if run.test == *test {
                self.drivers.until_over(&run.run).await;
            }
        }
        Ok(())
    }

    /// Why runs that have not ended cannot be read, a sentence each: nobody goes on with those.
    pub fn unreadable(&self) -> Result<Vec<String>, PipelineError> {
        self.runs.unreadable()
    }

    /// How many runs of this process have not ended.
    pub fn unfinished(&self) -> Result<usize, PipelineError> {
        let unfinished = self.runs.unfinished()?;
        let own = unfinished
            .iter()
            .filter(|run| self.drivers.is_held(&run.run));
        Ok(own.count())
    }

    /// Resolves, with where it lay, when the database is there no longer: nothing is kept from then on.
    pub async fn database_gone(&self) -> PathBuf {
        loop {
            if let Some(path) = self.runs.0.gone_from() {
                return path.to_owned();
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }

    /// Kills every runner of this home at once (SIGKILL to their groups), for a
    /// second Ctrl-C: nothing is waited for, nothing more is kept.
    pub fn kill(&self) {
        // Nobody may launch a replacement for what is killed now.
        self.drivers.abort();
        self.fleet.kill();
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        self.drivers.abort();
        // A service's runners are the next one's; `cancel_all` and `kill` are
        // for when they shall not be.
        if !self.service {
            self.fleet.dismiss();
        }
    }
}

/// When the data folder was made, ISO 8601 with ms; now, if the system does
/// not say.
fn created(dir: &std::path::Path, clock: &SystemClock) -> String {
    let made = std::fs::metadata(dir)
        .and_then(|about| about.created())
        .ok();
    let made_us = made
        .and_then(|made| made.duration_since(std::time::UNIX_EPOCH).ok())
        .and_then(|age| u64::try_from(age.as_micros()).ok());
    let ms = made_us.unwrap_or_else(|| clock.now_us()) / 1_000;
    jiff::Timestamp::from_millisecond(i64::try_from(ms).unwrap_or(0))
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .strftime("%Y-%m-%dT%H:%M:%S.%3fZ")
        .to_string()
}

#[cfg(test)]
mod tests;
