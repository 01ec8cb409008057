//! The fleet at home: each runner a child process in a process group of its
//! own. It prints into files, which outlive whoever reads them. A process is
//! known by its number and its start time, so that a reused number is never
//! taken for a runner.

use crate::clock::Clock;
use crate::error::PipelineError;
use crate::fleet::process::{
    Card, HANDOVER, Lifetime, LineListener, Process, TOKEN, found, found_handover, new_handover,
    start_time, with_extension,
};
use crate::fleet::{Fleet, LARGEST_BATCH, Launch, Launched, Place, RunnerStatus, Stop};
use crate::store::folders;
use async_trait::async_trait;
use dlt_core::ids::{Region, RunnerId, TestId, TestRunId};
use dlt_core::messages::order::Order;
use std::fs::{self, File};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Variables that a runner inherits; all others are taken away.
const INHERITED: [&str; 11] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "LANG",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "RUST_BACKTRACE",
    "LLVM_PROFILE_FILE",
    // Of a script's tool.
    "JAVA_HOME",
    "JMETER_HOME",
    "JVM_ARGS",
];
/// How long a runner waits for its start, seconds: longer than workers and then
/// leaders are provisioned, so that nobody gives up who is still wanted.
const START_DEADLINE_S: u64 = 120;
/// How long a gone process is still listed, µs.
const REMEMBERED_US: u64 = 600_000_000;

/// How far the runners of a run are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Those that were ever launched, as far as they are remembered.
    pub runners: u32,
    /// Their steps: a launch, being ready, having finished, having ended.
    pub steps: u64,
}

/// Runners as child processes.
#[derive(Debug)]
pub struct Processes<C> {
    /// Program and arguments that start a worker.
    worker: (PathBuf, Vec<String>),
    /// Holds a folder for each run.
    folder: PathBuf,
    lifetime: Lifetime,
    clock: Arc<C>,
    listener: Arc<dyn LineListener>,
    all: Mutex<Vec<Process>>,
}

impl<C: Clock> Processes<C> {
    /// Launches with `worker`; files go below `folder`.
    pub fn new(
        worker: (PathBuf, Vec<String>),
        folder: PathBuf,
        lifetime: Lifetime,
        clock: Arc<C>,
        listener: Arc<dyn LineListener>,
    ) -> Self {
        Self {
            worker,
            folder,
            lifetime,
            clock,
            listener,
            all: Mutex::new(Vec::new()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Process>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every process as it is now; those long gone are forgotten.
    fn refreshed(&self) -> MutexGuard<'_, Vec<Process>> {
        let now_us = self.clock.now_us();
        let mut all = self.lock();
        for process in all.iter_mut() {
            process.refresh(now_us, self.listener.as_ref());
        }
        all.retain(|process| {
            process.ended.is_none() || now_us < process.ended_us.saturating_add(REMEMBERED_US)
        });
        all
    }

    /// Takes over what an earlier process launched for a run; how long that
    /// lives, `Own` if there is nothing.
    pub fn adopt(&self, run: &TestRunId) -> Result<Lifetime, PipelineError> {
        let folder = self.folder.join(run.as_str());
        let mut all = self.lock();
        let mut lifetime = Lifetime::Own;
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let text = fs::read(&path).map_err(|error| PipelineError::file(&path, error))?;
            // Cards are renamed into place: one that is unreadable is not ours.
            let Ok(card) = serde_json::from_slice::<Card>(&text) else {
                continue;
            };
            if card.lifetime == Lifetime::OfParent {
                lifetime = Lifetime::OfParent;
            }
            if !all.iter().any(|process| process.card.token == card.token) {
                let card = found(card);
                let handover = found_handover(&card);
                all.push(Process::new(card, None, handover, path.with_extension("")));
            }
        }
        Ok(lifetime)
    }

    /// Reads what the runners of a run printed since the last time.
    pub fn read(&self, run: &TestRunId) -> Progress {
        let now_us = self.clock.now_us();
        let mut progress = Progress::default();
        for process in self.lock().iter_mut() {
            if process.card.run == *run {
                process.refresh(now_us, self.listener.as_ref());
                progress.runners += 1;
                progress.steps += 1 + process.steps();
            }
        }
        progress
    }

    /// Asks every runner to stop; for when nobody is left to watch them.
    pub fn dismiss(&self) {
        self.dismiss_those(|_| true);
    }

    /// Asks the runners of a run to stop.
    pub fn dismiss_run(&self, run: &TestRunId) {
        self.dismiss_those(|process| process.card.run == *run);
    }

    fn dismiss_those(&self, are_meant: impl Fn(&Process) -> bool) {
        let mut all = self.lock();
        for process in all.iter_mut().filter(|process| are_meant(process)) {
            process.refresh(0, self.listener.as_ref());
            process.signal(Stop::Gracefully);
        }
    }

    /// Whether a runner, of this run or of any, is alive.
    pub fn any_alive(&self, run: Option<&TestRunId>) -> bool {
        self.refreshed().iter().any(|process| {
            process.ended.is_none() && run.is_none_or(|run| process.card.run == *run)
        })
    }

    /// Kills every runner at once; for when nothing is waited for any more.
    pub fn kill(&self) {
        for process in self.lock().iter_mut() {
            process.refresh(0, self.listener.as_ref());
            process.signal(Stop::AtOnce);
        }
    }

    /// Starts runner number `n` of its region.
    fn spawn(&self, launch: &Launch, n: u64) -> Result<Process, String> {
        let runner = RunnerId::parse(&format!("{}-{n}", launch.order.region))
            .map_err(|error| error.to_string())?;
        let order = Order {
            runner: Some(runner.clone()),
            ..launch.order.clone()
        };
        let folder = self.folder.join(order.run.as_str());
        let stem = folder.join(runner.as_str());
        let file = |extension: &str| {
            let path = with_extension(&stem, extension);
            let mut options = File::options();
            let new = options.write(true).create(true).truncate(true);
            // What a runner prints may tell what it was given.
            let opened = new.mode(0o600).open(&path);
            opened.map_err(|error| format!("file {}: {error}", path.display()))
        };
        folders::make(&folder).map_err(|error| format!("folder {}: {error}", folder.display()))?;
        let mut card = Card {
            token: format!("{}-{runner}", order.run),
            launch: launch.token.clone(),
            test: order.test.clone(),
            run: order.run.clone(),
            runner,
            region: order.region.clone(),
            role: order.role,
            since_us: self.clock.now_us(),
            since_boot: self.clock.boot(),
            pid: 0,
            started: None,
            lifetime: self.lifetime,
        };
        // First without a number: should we be killed right after the launch,
        // the next process finds the runner by its token.
        let path = with_extension(&stem, "json");
        card.write(&path)?;
        let (program, arguments) = &self.worker;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .envs(INHERITED.iter().filter_map(|name| {
                let value = std::env::var_os(name)?;
                Some((*name, value))
            }))
            .envs(order.to_env())
            .env("DLT_START_DEADLINE_S", START_DEADLINE_S.to_string())
            .env(TOKEN, &card.token)
            .stdin(Stdio::null())
            .stdout(file("out")?)
            .stderr(file("err")?)
            .process_group(0);
        let handover = new_handover();
        if let Some(shared) = handover.as_ref().and_then(|file| file.try_clone().ok()) {
            command.stdin(shared).env(HANDOVER, "stdin");
        }
        if self.lifetime == Lifetime::OfParent {
            // Nobody watches the load any more when we are killed.
            command.env("DLT_ENDS_WITH", "parent");
        }
        let child = command.spawn().map_err(|error| {
            // There is nobody whom the card could describe.
            let _ = fs::remove_file(&path);
            format!("program {}: {error}", program.display())
        })?;
        card.pid = child.id();
        card.started = start_time(child.id());
        // It can be found without its number too, if this fails.
        let _ = card.write(&path);
        Ok(Process::new(card, Some(child), handover, stem))
    }
}

impl<C> Processes<C> {
    /// The first number of a region's runners that was never used in the run:
    /// neither by a process that is known, nor by one that left its files.
    fn next_number(&self, all: &[Process], order: &Order) -> u64 {
        let folder = self.folder.join(order.run.as_str());
        let is_used = |n: &u64| {
            let name = format!("{}-{n}", order.region);
            let known = |process: &Process| {
                process.card.run == order.run && process.card.runner.as_str() == name
            };
            all.iter().any(known) || folder.join(format!("{name}.json")).exists()
        };
        (1..).find(|n| !is_used(n)).unwrap_or(u64::MAX)
    }
}

#[async_trait]
impl<C: Clock> Fleet for Processes<C> {
    async fn launch(&self, launch: &Launch) -> Result<Launched, PipelineError> {
        // Spawned under the lock: two equal launches at once make one.
        let mut all = self.lock();
        let mut launched = Launched {
            runners: all
                .iter()
                .filter(|process| process.card.launch == launch.token)
                .map(|process| process.card.runner.clone())
                .collect(),
            refused: Vec::new(),
        };
        for _ in launched.runners.len() as u64..launch.count.min(LARGEST_BATCH) {
            let n = self.next_number(&all, &launch.order);
            match self.spawn(launch, n) {
                Ok(process) => {
                    launched.runners.push(process.card.runner.clone());
                    all.push(process);
                }
                Err(reason) => launched.refused.push(reason),
            }
        }
        Ok(launched)
    }

    async fn list(
        &self,
        test: &TestId,
        place: Place<'_>,
    ) -> Result<Vec<RunnerStatus>, PipelineError> {
        let all = self.refreshed();
        let ours = all
            .iter()
            .filter(|process| process.card.test == *test && place.has(&process.card.region));
        Ok(ours.map(Process::status).collect())
    }

    async fn alive(&self, place: Place<'_>) -> Result<Vec<RunnerStatus>, PipelineError> {
        let all = self.refreshed();
        let alive = all
            .iter()
            .filter(|process| process.ended.is_none() && place.has(&process.card.region));
        Ok(alive.map(Process::status).collect())
    }

    async fn stop(
        &self,
        run: &TestRunId,
        region: &Region,
        who: &[RunnerId],
        how: Stop,
    ) -> Result<(), PipelineError> {
        let now_us = self.clock.now_us();
        for process in self.lock().iter_mut() {
            let card = &process.card;
            if card.run == *run && card.region == *region && who.contains(&card.runner) {
                process.refresh(now_us, self.listener.as_ref());
                process.signal(how);
            }
        }
        Ok(())
    }

    fn forget(&self, run: &TestRunId) {
        let mut all = self.lock();
        all.retain(|process| process.card.run != *run || process.ended.is_none());
        if !all.iter().any(|process| process.card.run == *run) {
            // What stays only takes room.
            let _ = fs::remove_dir_all(self.folder.join(run.as_str()));
        }
    }
}

#[cfg(test)]
#[path = "processes_tests.rs"]
mod tests;
