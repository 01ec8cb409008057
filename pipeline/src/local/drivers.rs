//! Who drives runs at home: for each run one task that takes its executions
//! forward and reads its runners' files meanwhile. Starting an execution is
//! what begins it. Several processes share a folder: a run is locked by the one that drives it.

use crate::driver::Driver;
use crate::error::PipelineError;
use crate::executions::Executions;
use crate::executions::sqlite::SqliteExecutions;
use crate::fleet::processes::Processes;
use crate::live::broadcast::Broadcast;
use crate::local::SystemClock;
use crate::local::lock::DriverLock;
use crate::runs::sqlite::SqliteRuns;
use crate::runs::{MOST_BESIDE, Run};
use crate::store::outage::Outages;
use crate::workflow::definition::Definition;
use crate::world::World;
use async_trait::async_trait;
use dlt_core::ids::{TestId, TestRunId};
use dlt_core::keys;
use serde_json::Value;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::watch as signal;

/// How often runners and their files are looked at, for live data and for the workflow, which waits
/// for them.
const BETWEEN_READS: Duration = Duration::from_millis(20);
/// So many runners are looked at that often; more of them more seldom, in proportion.
const MOST_OFTEN: u32 = 8;

/// The tasks that drive runs.
pub struct Drivers {
    executions: SqliteExecutions,
    definition: Arc<Definition>,
    live: Arc<Broadcast>,
    fleet: Arc<Processes<SystemClock>>,
    outages: Arc<Outages>,
    /// Set once the world, which holds us, exists.
    world: OnceLock<Weak<World>>,
    driven: Mutex<HashMap<TestRunId, Driven>>,
    /// Where the files of runs lie.
    folder: PathBuf,
    /// Runs that are this process's to drive.
    held: Mutex<HashMap<TestRunId, DriverLock>>,
}

/// A run that is being driven.
struct Driven {
    task: tokio::task::JoinHandle<()>,
    over: signal::Receiver<bool>,
}

/// The words of a run's leaders, which are files and no lines.
struct Leaders {
    /// Those that are not there yet.
    awaited: Vec<PathBuf>,
    ready: u64,
}

impl Leaders {
    async fn of(world: Arc<World>, test: TestId, run: TestRunId) -> Self {
        // A run that cannot be read is only looked at more seldom.
        let found = world.runs.get(&test, &run).await.ok().flatten();
        let found = found.filter(|run| run.start_at_us.is_none());
        let file = |run: &Run, region| {
            PathBuf::from(&world.depot).join(keys::leader_ready(&run.test, &run.prefix, region))
        };
        let files = found.iter().flat_map(|run| {
            let regions = run.regions.iter();
            regions.map(move |row| file(run, &row.region))
        });
        Self {
            awaited: files.collect(),
            ready: 0,
        }
    }

    /// How many have said that they hold their workers.
    fn ready(&mut self) -> u64 {
        let before = self.awaited.len();
        self.awaited.retain(|file| !file.exists());
        self.ready += (before - self.awaited.len()) as u64;
        self.ready
    }
}

impl Drivers {
    /// Nothing is driven yet.
    pub fn new(
        executions: SqliteExecutions,
        definition: Arc<Definition>,
        live: Arc<Broadcast>,
        fleet: Arc<Processes<SystemClock>>,
        folder: PathBuf,
        outages: Arc<Outages>,
    ) -> Self {
        Self {
            executions,
            definition,
            live,
            fleet,
            outages,
            world: OnceLock::new(),
            driven: Mutex::default(),
            folder,
            held: Mutex::default(),
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<TestRunId, DriverLock>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a run for this process; whether it is its to drive now.
    pub fn hold(&self, run: &TestRunId) -> Result<bool, PipelineError> {
        let mut held = self.held();
        if held.contains_key(run) {
            return Ok(true);
        }
        let lock = DriverLock::take(&self.folder, run)?;
        Ok(lock.map(|lock| held.insert(run.clone(), lock)).is_some())
    }

    /// Whether a run is this process's to drive.
    pub fn is_held(&self, run: &TestRunId) -> bool {
        self.held().contains_key(run)
    }

    /// Whether anybody is there to drive the run, in this process or another.
    pub fn is_alive(&self, run: &TestRunId) -> bool {
        let held = self.held();
        held.contains_key(run) || DriverLock::is_taken(&self.folder, run)
    }

    /// The world in which runs are driven from now on.
    pub fn settle_in(&self, world: &Arc<World>) {
        // A second world would be a bug of `local`; the first one stays.
        let _ = self.world.set(Arc::downgrade(world));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TestRunId, Driven>> {
        self.driven.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drives a run, unless somebody does, here or in another process.
    pub fn drive(self: &Arc<Self>, test: &TestId, run: &TestRunId) {
        let Some(world) = self.world.get().and_then(Weak::upgrade) else {
            return;
        };
        // A run whose lock cannot be written is driven all the same: nobody else would.
        if matches!(self.hold(run), Ok(false)) {
            return;
        }
        let mut driven = self.lock();
        driven.retain(|_, driven| !driven.task.is_finished());
        if driven.get(run).is_some_and(|driven| !*driven.over.borrow()) {
            return;
        }
        self.live.open(run);
        let leaders = Leaders::of(Arc::clone(&world), test.clone(), run.clone());
        let (event, events) = signal::channel(0);
        let driver = Driver {
            world,
            events,
            executions: self.executions.clone(),
            definition: Arc::clone(&self.definition),
            outages: Arc::clone(&self.outages),
            live: Arc::clone(&self.live),
        };
        let live = Arc::clone(&self.live);
        let fleet = Arc::clone(&self.fleet);
        let drivers = Arc::downgrade(self);
        let outages = Arc::clone(&self.outages);
        let (tell, over) = signal::channel(false);
        let (test, id) = (test.clone(), run.clone());
        let task = tokio::spawn(async move {
            let mut beat = tokio::time::interval(BETWEEN_READS);
            let mut leaders = leaders.await;
            let drive = driver.drive(&test, &id);
            tokio::pin!(drive);
            loop {
                tokio::select! {
                    () = &mut drive => break,
                    // A file that cannot be read now is read the next time.
                    _ = beat.tick() => {
                        let progress = fleet.read(&id);
                        let steps = progress.steps + leaders.ready();
                        event.send_if_modified(|now| std::mem::replace(now, steps) != steps);
                        beat.reset_after(BETWEEN_READS * (1 + progress.runners / MOST_OFTEN));
                    }
                }
            }
            outages.end(&id);
            live.close(&id);
            if let Some(drivers) = drivers.upgrade() {
                drivers.let_go(&id);
            }
            tell.send_replace(true);
        });
        driven.insert(run.clone(), Driven { task, over });
    }

    /// Whoever opens the folder may go on with the run, if it is not over.
    pub(super) fn let_go(&self, run: &TestRunId) {
        let held = self.held().remove(run);
        if let Some(lock) = held {
            lock.remove();
        }
    }

    /// Whether somebody drives the run.
    pub fn is_driven(&self, run: &TestRunId) -> bool {
        let driven = self.lock();
        let driven = driven.get(run);
        driven.is_some_and(|driven| !*driven.over.borrow() && !driven.task.is_finished())
    }

    /// Resolves when nobody drives the run any more.
    pub async fn until_over(&self, run: &TestRunId) {
        let over = self.lock().get(run).map(|driven| driven.over.clone());
        if let Some(mut over) = over {
            // An error means that the driving task is gone, which is over too.
            let _ = over.wait_for(|over| *over).await;
        }
    }

    /// Resolves when nothing is driven any more.
    pub async fn until_all_over(&self) {
        let all: Vec<TestRunId> = self.lock().keys().cloned().collect();
        for run in all {
            self.until_over(&run).await;
        }
    }

    /// Drops every task where it stands.
    pub fn abort(&self) {
        for (_, driven) in self.lock().drain() {
            driven.task.abort();
        }
        self.held().clear();
    }

    /// Tells this run and all others in progress on this machine of each other.
    async fn tell_neighbours(&self, world: &World, test: &TestId, run: &TestRunId) {
        // It costs no run when this cannot be told.
        let Ok(unfinished) = SqliteRuns(self.executions.0.clone()).unfinished() else {
            return;
        };
        let is_beside = |other: &&Run| other.run != *run && self.is_alive(&other.run);
        let others: Vec<&Run> = unfinished.iter().filter(is_beside).collect();
        for other in &others {
            let change = |other: &mut Run| {
                if other.beside_runs.len() < MOST_BESIDE {
                    other.beside_runs.insert(run.clone());
                }
            };
            let _ = world.change(&other.test, &other.run, &change).await;
        }
        let change = |run: &mut Run| {
            let names = others.iter().map(|other| other.run.clone());
            run.beside_runs.extend(names.take(MOST_BESIDE));
        };
        if let Ok(run) = world.change(test, run, &change).await
            && let Some(sentence) = run.shared_machine()
        {
            world.note(&run, sentence).await;
        }
    }
}

#[async_trait]
impl Executions for Arc<Drivers> {
    fn reserve(&self, run: &TestRunId) -> Result<(), PipelineError> {
        // Its name is new, so nobody else has it.
        self.hold(run).map(drop)
    }

    fn release(&self, run: &TestRunId) {
        self.let_go(run);
    }

    async fn start(
        &self,
        name: &str,
        test: &TestId,
        run: &TestRunId,
        input: Value,
    ) -> Result<(), PipelineError> {
        // Before anything can happen in it.
        self.live.open(run);
        self.executions.start(name, test, run, input).await?;
        if let Some(world) = self.world.get().and_then(Weak::upgrade) {
            self.tell_neighbours(&world, test, run).await;
        }
        self.drive(test, run);
        Ok(())
    }

    async fn goes_on(&self, name: &str) -> Result<Option<bool>, PipelineError> {
        self.executions.goes_on(name).await
    }
}
