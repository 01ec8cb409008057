//! Who drives runs at home: for each run one task that takes its executions
//! forward and reads its runners' files meanwhile. Starting an execution is
//! what begins it.

use crate::driver::Driver;
use crate::error::PipelineError;
use crate::executions::Executions;
use crate::executions::sqlite::SqliteExecutions;
use crate::fleet::processes::Processes;
use crate::live::broadcast::Broadcast;
use crate::local::SystemClock;
use crate::runs::Run;
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
    /// Set once the world, which holds us, exists.
    world: OnceLock<Weak<World>>,
    driven: Mutex<HashMap<TestRunId, Driven>>,
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
    ) -> Self {
        Self {
            executions,
            definition,
            live,
            fleet,
            world: OnceLock::new(),
            driven: Mutex::default(),
        }
    }

    /// The world in which runs are driven from now on.
    pub fn settle_in(&self, world: &Arc<World>) {
        // A second world would be a bug of `local`; the first one stays.
        let _ = self.world.set(Arc::downgrade(world));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TestRunId, Driven>> {
        self.driven.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drives a run, unless somebody does.
    pub fn drive(&self, test: &TestId, run: &TestRunId) {
        let Some(world) = self.world.get().and_then(Weak::upgrade) else {
            return;
        };
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
        };
        let live = Arc::clone(&self.live);
        let fleet = Arc::clone(&self.fleet);
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
            live.close(&id);
            tell.send_replace(true);
        });
        driven.insert(run.clone(), Driven { task, over });
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
    }
}

#[async_trait]
impl Executions for Drivers {
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
        self.drive(test, run);
        Ok(())
    }

    async fn goes_on(&self, name: &str) -> Result<Option<bool>, PipelineError> {
        self.executions.goes_on(name).await
    }
}
