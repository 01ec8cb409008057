//! The fleet at home: each runner a child process in a process group of its
//! own. It prints into files, which outlive whoever reads them. A process is
//! known by its number and its start time, so that a reused number is never
//! taken for a runner.

use crate::clock::Clock;
use crate::error::PipelineError;
use crate::fleet::tail::{News, Tail, last_words};
use crate::fleet::{
    Fleet, LARGEST_BATCH, Launch, Launched, Place, RunnerPhase, RunnerStatus, Stop,
};
use async_trait::async_trait;
use dlt_core::ids::{Region, RunnerId, TestId, TestRunId};
use dlt_core::messages::order::{Order, Role};
use dlt_core::messages::runner_line::RunnerLine;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Variables that a runner inherits; all others are taken away.
const INHERITED: [&str; 8] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "LANG",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "RUST_BACKTRACE",
    "LLVM_PROFILE_FILE",
];
/// The variable that names the launch to whoever looks for its process.
const TOKEN: &str = "DLT_LAUNCH";
/// How long a runner waits for its start, seconds: longer than workers and then
/// leaders are provisioned, so that nobody gives up who is still wanted.
const START_DEADLINE_S: u64 = 120;
/// How long a gone process is still listed, µs.
const REMEMBERED_US: u64 = 600_000_000;

/// Who hears what runners print. Each line is read once.
pub trait LineListener: Send + Sync + std::fmt::Debug {
    /// A line.
    fn line(&self, run: &TestRunId, line: RunnerLine);
    /// Lines that are none of ours, cannot be read or are too long.
    fn unreadable(&self, run: &TestRunId, runner: &RunnerId, lines: u64);
}

/// Nobody hears.
impl LineListener for () {
    fn line(&self, _: &TestRunId, _: RunnerLine) {}

    fn unreadable(&self, _: &TestRunId, _: &RunnerId, _: u64) {}
}

/// What is kept of a process beside its files, for whoever comes after us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Card {
    /// Stands in its environment.
    token: String,
    /// The token of the launch; that of an older dlt is not known.
    #[serde(default)]
    launch: String,
    test: TestId,
    run: TestRunId,
    runner: RunnerId,
    region: Region,
    role: Role,
    since_us: u64,
    pid: u32,
    /// Start time of the process as the system counts it.
    started: Option<u64>,
    #[serde(default)]
    lifetime: Lifetime,
}

#[derive(Debug)]
struct Process {
    card: Card,
    /// None if an earlier process of ours launched it.
    child: Option<Child>,
    /// How it ended.
    ended: Option<String>,
    ended_us: u64,
    out: Tail,
    err: PathBuf,
    phase: RunnerPhase,
}

/// When runners end that nobody stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Lifetime {
    /// With the process that launched them.
    #[default]
    OfParent,
    /// When their load is over: whoever comes after us goes on with them.
    Own,
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
                all.push(Process::new(found(card), None, path.with_extension("")));
            }
        }
        Ok(lifetime)
    }

    /// Reads what the runners of a run printed since the last time.
    pub fn read(&self, run: &TestRunId) {
        let now_us = self.clock.now_us();
        for process in self.lock().iter_mut() {
            if process.card.run == *run {
                process.refresh(now_us, self.listener.as_ref());
            }
        }
    }

    /// Asks every runner to stop; for when nobody is left to watch them.
    pub fn dismiss(&self) {
        for process in self.lock().iter_mut() {
            process.refresh(0, self.listener.as_ref());
            process.signal(Stop::Gracefully);
        }
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
            File::create(&path).map_err(|error| format!("file {}: {error}", path.display()))
        };
        fs::create_dir_all(&folder)
            .map_err(|error| format!("folder {}: {error}", folder.display()))?;
        let mut card = Card {
            token: format!("{}-{runner}", order.run),
            launch: launch.token.clone(),
            test: order.test.clone(),
            run: order.run.clone(),
            runner,
            region: order.region.clone(),
            role: order.role,
            since_us: self.clock.now_us(),
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
        Ok(Process::new(card, Some(child), stem))
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

impl Card {
    /// Writes it beside and renames it: a reader sees all of it or none.
    fn write(&self, path: &Path) -> Result<(), String> {
        let text = serde_json::to_vec(self).map_err(|error| error.to_string())?;
        let beside = path.with_extension("writing");
        fs::write(&beside, text)
            .and_then(|()| fs::rename(&beside, path))
            .map_err(|error| format!("file {}: {error}", path.display()))
    }
}

/// The card of a process whose number was never written down: looked for among
/// all processes by its token.
fn found(mut card: Card) -> Card {
    if card.pid != 0 {
        return card;
    }
    let wanted = format!("{TOKEN}={}", card.token);
    let pid = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .find(|pid| {
            // Of processes that are not ours there is nothing to read.
            fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environment| {
                environment
                    .split(|&byte| byte == 0)
                    .any(|variable| variable == wanted.as_bytes())
            })
        });
    if let Some(pid) = pid {
        card.pid = pid;
        card.started = start_time(pid);
    }
    card
}

/// Adds an extension to a name, whatever dots it has.
fn with_extension(stem: &Path, extension: &str) -> PathBuf {
    let mut path = stem.as_os_str().to_owned();
    path.push(".");
    path.push(extension);
    PathBuf::from(path)
}

/// When a process began, as the system counts it; None if there is none, it is
/// a zombie, or the system does not say.
fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything; the fields follow the last one.
    let mut fields = stat[stat.rfind(')')? + 1..].split_whitespace();
    let state = fields.next()?;
    // Field 22 of proc(5), the state being field 3.
    let started = fields.nth(18)?.parse().ok()?;
    (state != "Z" && state != "X").then_some(started)
}

fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

impl Process {
    fn new(card: Card, child: Option<Child>, stem: PathBuf) -> Self {
        Self {
            card,
            child,
            ended: None,
            ended_us: 0,
            out: Tail::new(with_extension(&stem, "out")),
            err: with_extension(&stem, "err"),
            phase: RunnerPhase::Starting,
        }
    }

    /// Looks at the process first and then reads its file, so that a last line
    /// is never missed.
    fn refresh(&mut self, now_us: u64, listener: &dyn LineListener) {
        if self.ended.is_some() {
            return;
        }
        self.ended = match &mut self.child {
            Some(child) => match child.try_wait() {
                Ok(status) => status.map(ending),
                Err(error) => Some(format!("could not be watched: {error}")),
            },
            None if self.card.started.is_some()
                && start_time(self.card.pid) == self.card.started =>
            {
                None
            }
            None => Some("ended while nobody watched".to_owned()),
        };
        let over = self.ended.is_some();
        if over {
            self.ended_us = now_us;
        }
        while let Ok(news) = self.out.read() {
            self.hear(&news, listener);
            if news.at_end {
                break;
            }
        }
        if over {
            let last = self.out.close();
            self.hear(&last, listener);
            if let (Some(how), false) =
                (&self.ended, self.phase == RunnerPhase::Finished { exit: 0 })
            {
                self.phase = RunnerPhase::Gone {
                    how: how.clone(),
                    said: last_words(&self.err),
                };
            }
        }
    }

    fn hear(&mut self, news: &News, listener: &dyn LineListener) {
        let mut unreadable = news.unreadable;
        for line in news.lines.iter().filter(|line| !line.trim().is_empty()) {
            let Some(line) = RunnerLine::parse(line) else {
                unreadable += 1;
                continue;
            };
            match &line {
                RunnerLine::Ready { address, .. } => {
                    let address = address.clone();
                    self.phase = RunnerPhase::Ready { address };
                }
                RunnerLine::Finished { exit, .. } => {
                    self.phase = RunnerPhase::Finished { exit: *exit };
                }
                RunnerLine::Tick(_) | RunnerLine::LiveTick(_) => {}
            }
            listener.line(&self.card.run, line);
        }
        if unreadable > 0 {
            listener.unreadable(&self.card.run, &self.card.runner, unreadable);
        }
    }

    fn signal(&self, how: Stop) {
        let pid = i32::try_from(self.card.pid).ok().and_then(Pid::from_raw);
        let (Some(pid), None) = (pid, &self.ended) else {
            return;
        };
        // Gone in the meantime is what was wanted.
        let _ = match how {
            // The runner itself decides about helpers of its own.
            Stop::Gracefully => kill_process(pid, Signal::TERM),
            Stop::AtOnce => kill_process_group(pid, Signal::KILL),
        };
    }

    fn status(&self) -> RunnerStatus {
        RunnerStatus {
            run: self.card.run.clone(),
            runner: self.card.runner.clone(),
            region: self.card.region.clone(),
            role: self.card.role,
            since_us: self.card.since_us,
            alive: self.ended.is_none(),
            phase: self.phase.clone(),
        }
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
}

#[cfg(test)]
#[path = "processes_tests.rs"]
mod tests;
