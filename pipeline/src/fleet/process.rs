//! One child process as a runner: what is kept of it beside its files, how it is
//! found again, what it prints and how it ended.

use crate::fleet::tail::{News, Tail, last_words};
use crate::fleet::{ENDED_WITH, RunnerPhase, RunnerStatus, Stop};
use dlt_core::ids::{Region, RunnerId, TestId, TestRunId};
use dlt_core::messages::handover;
use dlt_core::messages::order::{BootInstant, Role};
use dlt_core::messages::runner_line::RunnerLine;
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};

/// The variable that names the launch to whoever looks for its process.
pub(super) const TOKEN: &str = "DLT_LAUNCH";
/// Who hears what runners print. Each line is read once.
pub trait LineListener: Send + Sync + std::fmt::Debug {
    /// A line.
    fn line(&self, run: &TestRunId, line: RunnerLine);
    /// Lines that are none of ours, cannot be read or are too long.
    fn unreadable(&self, run: &TestRunId, runner: &RunnerId, lines: u64);
    /// An object that a runner could not store and handed over at its end.
    fn handed_over(&self, _key: &str, _bytes: Vec<u8>) {}
}

/// Nobody hears.
impl LineListener for () {
    fn line(&self, _: &TestRunId, _: RunnerLine) {}

    fn unreadable(&self, _: &TestRunId, _: &RunnerId, _: u64) {}
}

/// The variable that tells a runner that its stdin is memory, shared with us, for what it
/// cannot store (`dlt_core::messages::handover`).
pub(super) const HANDOVER: &str = "DLT_HANDOVER";
/// Most bytes that are taken from it: a report and a timeline, however many labels they have.
const MOST_HANDED_BYTES: u64 = 512 * 1024 * 1024;

/// What is kept of a process beside its files, for whoever comes after us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Card {
    /// Stands in its environment.
    pub(super) token: String,
    /// The token of the launch; that of an older dlt is not known.
    #[serde(default)]
    pub(super) launch: String,
    pub(super) test: TestId,
    pub(super) run: TestRunId,
    pub(super) runner: RunnerId,
    pub(super) region: Region,
    pub(super) role: Role,
    pub(super) since_us: u64,
    /// The same on the clock since boot; not known of an older dlt's.
    #[serde(default)]
    pub(super) since_boot: Option<BootInstant>,
    pub(super) pid: u32,
    /// Start time of the process as the system counts it.
    pub(super) started: Option<u64>,
    #[serde(default)]
    pub(super) lifetime: Lifetime,
}

#[derive(Debug)]
pub(super) struct Process {
    pub(super) card: Card,
    /// None if an earlier process of ours launched it.
    pub(super) child: Option<Child>,
    /// How it ended.
    pub(super) ended: Option<String>,
    pub(super) ended_us: u64,
    pub(super) out: Tail,
    pub(super) err: PathBuf,
    pub(super) phase: RunnerPhase,
    /// Memory that it shares with us, for what it cannot store.
    handover: Option<File>,
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

impl Card {
    /// Writes it beside and renames it: a reader sees all of it or none.
    pub(super) fn write(&self, path: &Path) -> Result<(), String> {
        let text = serde_json::to_vec(self).map_err(|error| error.to_string())?;
        let beside = path.with_extension("writing");
        let mut file = fs::OpenOptions::new();
        file.write(true).create(true).truncate(true).mode(0o600);
        file.open(&beside)
            .and_then(|mut file| file.write_all(&text))
            .and_then(|()| fs::rename(&beside, path))
            .map_err(|error| format!("file {}: {error}", path.display()))
    }
}

/// The card of a process whose number was never written down: looked for among
/// all processes by its token.
pub(super) fn found(mut card: Card) -> Card {
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

/// New memory to share with a runner; None where the system has none, which costs only
/// what the runner then cannot hand over.
pub(super) fn new_handover() -> Option<File> {
    let fd = memfd_create("dlt-handover", MemfdFlags::CLOEXEC).ok()?;
    Some(File::from(fd))
}

/// The memory that a runner of an earlier process has as its stdin.
pub(super) fn found_handover(card: &Card) -> Option<File> {
    let file = File::open(format!("/proc/{}/fd/0", card.pid)).ok()?;
    // A device, as runners of an older dlt have it, holds nothing.
    let is_file = file.metadata().is_ok_and(|about| about.is_file());
    (is_file && card.started.is_some() && start_time(card.pid) == card.started).then_some(file)
}

/// Adds an extension to a name, whatever dots it has.
pub(super) fn with_extension(stem: &Path, extension: &str) -> PathBuf {
    let mut path = stem.as_os_str().to_owned();
    path.push(".");
    path.push(extension);
    PathBuf::from(path)
}

/// When a process began, as the system counts it; None if there is none, it is
/// a zombie, or the system does not say.
pub(crate) fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything; the fields follow the last one.
    let mut fields = stat[stat.rfind(')')? + 1..].split_whitespace();
    let state = fields.next()?;
    // Field 22 of proc(5), the state being field 3.
    let started = fields.nth(18)?.parse().ok()?;
    (state != "Z" && state != "X").then_some(started)
}

/// How a runner ends whose report is stored or handed over.
const REPORTED: &str = "ended with exit code 0";

pub(super) fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("{ENDED_WITH}{code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

impl Process {
    pub(super) fn new(
        card: Card,
        child: Option<Child>,
        handover: Option<File>,
        stem: PathBuf,
    ) -> Self {
        Self {
            handover,
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
    pub(super) fn refresh(&mut self, now_us: u64, listener: &dyn LineListener) {
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
            self.take_over(listener);
            // A leader never says that it is ready.
            let came_up = matches!(self.phase, RunnerPhase::Ready { .. });
            let came_up = came_up || self.card.role == Role::Leader;
            if came_up && self.ended.as_deref() == Some(REPORTED) {
                // Its last line may have found no room; the report is what counts.
                self.phase = RunnerPhase::Finished { exit: 0 };
            }
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

    /// Takes what it handed over, once it has ended.
    fn take_over(&mut self, listener: &dyn LineListener) {
        let Some(mut file) = self.handover.take() else {
            return;
        };
        let mut bytes = Vec::new();
        let read = file
            .seek(SeekFrom::Start(0))
            .and_then(|_| file.take(MOST_HANDED_BYTES).read_to_end(&mut bytes));
        if read.is_ok() {
            for (key, object) in handover::decode(&bytes) {
                listener.handed_over(&key, object);
            }
        }
    }

    pub(super) fn hear(&mut self, news: &News, listener: &dyn LineListener) {
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

    pub(super) fn signal(&self, how: Stop) {
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

    /// How many steps it has taken since its launch: ready, finished, ended.
    pub(super) fn steps(&self) -> u64 {
        let told = match self.phase {
            RunnerPhase::Starting => 0,
            RunnerPhase::Ready { .. } => 1,
            RunnerPhase::Finished { .. } | RunnerPhase::Gone { .. } => 2,
        };
        told + u64::from(self.ended.is_some())
    }

    pub(super) fn status(&self) -> RunnerStatus {
        RunnerStatus {
            arn: None,
            run: self.card.run.clone(),
            runner: self.card.runner.clone(),
            region: self.card.region.clone(),
            interface: None,
            role: self.card.role,
            since_us: self.card.since_us,
            since_boot: self.card.since_boot,
            alive: self.ended.is_none(),
            phase: self.phase.clone(),
        }
    }
}
