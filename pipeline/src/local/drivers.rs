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
use crate::workflow::definition::Definition;
use crate::world::World;
use async_trait::async_trait;
use dlt_core::ids::{TestId, TestRunId};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::watch as signal;

/// How often runners' files are read for live data.
const BETWEEN_READS: Duration = Duration::from_millis(100);

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
        let driver = Driver {
            world,
            executions: self.executions.clone(),
            definition: Arc::clone(&self.definition),
        };
        let live = Arc::clone(&self.live);
        let fleet = Arc::clone(&self.fleet);
        let (tell, over) = signal::channel(false);
        let (test, id) = (test.clone(), run.clone());
        let task = tokio::spawn(async move {
            let mut beat = tokio::time::interval(BETWEEN_READS);
            let drive = driver.drive(&test, &id);
            tokio::pin!(drive);
            loop {
                tokio::select! {
                    () = &mut drive => break,
                    // A file that cannot be read now is read the next time.
                    _ = beat.tick() => fleet.read(&id),
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
