//! A tool that was started: it is let go at the start instant, read while it runs, and ended.

use super::launch::{Job, Launch, ReadyGate, ScriptSpec};
use super::prepare::PreparedScript;
use super::process::{Reader, ToolProcess, last_lines, told};
use super::recorder::{Recorder, without};
use super::sample::Told;
use super::shape::Shape;
use super::{ScriptError, jmeter, k6, locust, rows};
use crate::output::log;
use dlt_core::load::share::Lot;
use dlt_core::safety::is_secret;
use dlt_core::scenario::plan::{Plan, Tool};
use std::fs::File;
use std::io::BufReader;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Between two looks at the tool: whether it has ended, whether a second is over.
const LOOK: Duration = Duration::from_millis(20);
/// The same just before the start instant.
const SHORTEST_LOOK: Duration = Duration::from_micros(200);
/// How long after the first a second word to end comes, and after it the last.
const SECOND_WORD: Duration = Duration::from_secs(2);
/// How long a tool may take from its start until it waits at its gate: a JVM on a busy machine takes
/// 20 s.
const LONGEST_BOOT: Duration = Duration::from_secs(60);
/// Of a graceful stop this much is the tool's: with its last words and what is read then it has to be
/// over before a load that was stopped is given up (17 s).
const LONGEST_GRACEFUL: Duration = Duration::from_secs(9);
/// Room of the FIFO for samples, bytes: what Linux gives without rights.
const PIPE_BYTES: i32 = 1 << 20;

pub(super) fn lock(recorder: &Mutex<Recorder>) -> MutexGuard<'_, Recorder> {
    recorder.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn since(start: Instant) -> u64 {
    start.elapsed().as_micros() as u64
}

/// The start instant as the tool's clock has it, µs since the Unix epoch.
pub(super) fn epoch_us(start: Instant) -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let now = now.as_micros() as i128;
    let ahead = start.saturating_duration_since(Instant::now()).as_micros() as i128;
    let ago = start.elapsed().as_micros() as i128;
    u64::try_from(now + ahead - ago).unwrap_or(0)
}

/// The values of variables whose names say that they are secret.
pub(super) fn secrets_of(plan: &Plan) -> Vec<String> {
    let variables = plan.groups.iter().flat_map(|group| &group.variables);
    variables
        .filter(|(name, value)| is_secret(name) && !value.is_empty())
        .map(|(_, value)| value.clone())
        .collect()
}

/// How it ended.
#[derive(Debug, Default)]
pub(super) struct Ended {
    pub failed: Option<String>,
    pub script_failed: Option<String>,
    pub printed: String,
    pub let_go_us: Option<u64>,
    pub ended_us: u64,
}

impl Ended {
    pub fn failed(why: String) -> Self {
        Self {
            failed: Some(why),
            ..Self::default()
        }
    }
}

/// A tool that was started.
pub(super) struct Started {
    tool: Tool,
    title: String,
    process: ToolProcess,
    launch: Launch,
    reader: Option<Reader>,
    /// Keeps the samples' FIFO open until the tool has ended.
    keeper: Option<File>,
    graceful: Duration,
    began: Instant,
    secrets: Vec<String>,
    pub warnings: Vec<String>,
}

impl Started {
    pub fn new(
        prepared: &mut PreparedScript,
        spec: &ScriptSpec,
        recorder: &Arc<Mutex<Recorder>>,
    ) -> Result<Self, ScriptError> {
        let mut warnings = Vec::new();
        deal_rows(prepared, spec.lot, &mut warnings)?;
        let own = prepared.folder.own();
        let (samples, gate) = (own.join("samples"), own.join("gate"));
        fifo(&samples)?;
        fifo(&gate)?;
        let group = spec.plan.groups.first();
        let shape = group.and_then(|group| Shape::of(group, spec.lot));
        let variables = group
            .map(|group| group.variables.clone())
            .unwrap_or_default();
        let secrets = secrets_of(&spec.plan);
        let job = Job {
            tool: &prepared.tool,
            script: &prepared.script,
            samples: &samples,
            gate: &gate,
            own: &own,
            shape: shape.as_ref(),
            graceful: spec.graceful.min(LONGEST_GRACEFUL),
            variables: &variables,
        };
        let tool = prepared.tool.tool;
        let mut launch = match tool {
            Tool::K6 => k6::launch(&job)?,
            Tool::Jmeter => jmeter::launch(&job)?,
            Tool::Locust => locust::launch(&job)?,
        };
        for change in &launch.changes {
            log(change);
        }
        warnings.append(&mut launch.changes);
        let environment = [variables, runner_variables(spec.lot).to_vec()].concat();
        let (keeper, reader) = read_samples(&samples, tool, recorder, spec.start)?;
        let folder = prepared.script.parent().unwrap_or(&own);
        let command = std::mem::replace(&mut launch.command, std::process::Command::new(""));
        let process =
            ToolProcess::spawn(command, folder, &environment).map_err(ScriptError::Folder)?;
        Ok(Self {
            tool,
            title: format!("{} {}", tool.title(), prepared.tool.version),
            process,
            launch,
            reader: Some(reader),
            keeper: Some(keeper),
            graceful: spec.graceful.min(LONGEST_GRACEFUL),
            began: Instant::now(),
            secrets,
            warnings,
        })
    }

    /// Lets the tool go at the start instant, and watches it to its end.
    pub fn watch(
        mut self,
        spec: &ScriptSpec,
        stop: &AtomicBool,
        recorder: &Mutex<Recorder>,
    ) -> Ended {
        let mut gate: Option<ReadyGate> = None;
        let mut let_go_us = None;
        let mut asked: Option<(Instant, bool)> = None;
        let status = loop {
            match self.process.ended() {
                Ok(Some(status)) => break Some(status),
                Ok(None) => {}
                Err(_) => break None,
            }
            if let_go_us.is_none() && gate.is_none() {
                gate = self.launch.gate.ready();
            }
            let until_start = until_start(spec);
            if until_start.is_zero() {
                if let Some(gate) = gate.take() {
                    let now_us = since(spec.start);
                    match gate.open() {
                        Ok(()) => let_go_us = Some(now_us),
                        // It has ended meanwhile, which the next look sees.
                        Err(error) => log(&format!("{} was not let go: {error}", self.title)),
                    }
                }
                lock(recorder).close_seconds(since(spec.start));
            }
            if stop.load(Ordering::Relaxed) && !self.end(&mut asked, let_go_us.is_some()) {
                break None;
            }
            if let_go_us.is_none() && self.began.elapsed() > LONGEST_BOOT {
                break None;
            }
            self.process.wait(LOOK.min(until_start.max(SHORTEST_LOOK)));
        };
        let stopped = asked.is_some();
        let ended_us = since(spec.start);
        self.process.kill();
        let printed = without(&self.process.printed_to_the_end(), &self.secrets);
        // Without a writer the reader comes to its end.
        drop(self.keeper.take());
        if self.reader.take().is_some_and(|reader| !reader.wait()) {
            log("something that the tool started holds its samples open; they are not waited for");
        }
        let was_never_ready = let_go_us.is_none() && until_start(spec).is_zero();
        let mut ended = match was_never_ready && (stopped || status.is_none()) {
            true => Ended::failed(format!(
                "the tool {} was not ready {} s after it was started, and made no load: {}",
                self.title,
                self.began.elapsed().as_secs(),
                said(self.tool, &printed)
            )),
            false => self.concluded(status, stopped, let_go_us.is_some(), &printed),
        };
        ended.let_go_us = let_go_us;
        ended.ended_us = ended_us;
        ended.printed = printed;
        ended
    }

    /// What the end of the tool means.
    fn concluded(
        &self,
        status: Option<ExitStatus>,
        stopped: bool,
        has_begun: bool,
        printed: &str,
    ) -> Ended {
        let code = status.and_then(|status| status.code());
        let judged = match self.tool {
            Tool::K6 => k6::ended(code, stopped, printed),
            Tool::Jmeter => jmeter::ended(code, stopped),
            Tool::Locust => locust::ended(code, stopped),
        };
        match judged {
            Ok(script_failed) => Ended {
                script_failed,
                ..Ended::default()
            },
            // One that had to be killed was told to end.
            Err(()) if stopped => Ended::default(),
            Err(()) => {
                let how = status.map_or_else(|| "an unknown end".to_owned(), told);
                let when = if has_begun { "" } else { " before the start" };
                Ended::failed(format!(
                    "the tool {} ended{when} with {how}: {}",
                    self.title,
                    said(self.tool, printed)
                ))
            }
        }
    }

    /// Asks the tool to end, again after a while, and at last kills it; whether it may go on.
    fn end(&self, asked: &mut Option<(Instant, bool)>, has_begun: bool) -> bool {
        match asked {
            None => {
                *asked = Some((Instant::now(), false));
                match has_begun {
                    true => self.launch.stopping.ask(&self.process, false),
                    // Nothing of it is wanted yet.
                    false => self.process.kill(),
                }
                true
            }
            Some((since, false)) if since.elapsed() > self.graceful + SECOND_WORD => {
                self.launch.stopping.ask(&self.process, true);
                *asked = Some((Instant::now(), true));
                true
            }
            Some((since, true)) => since.elapsed() < SECOND_WORD,
            Some(_) => true,
        }
    }
}

fn until_start(spec: &ScriptSpec) -> Duration {
    spec.start.saturating_duration_since(Instant::now())
}

/// What a tool said last.
fn said(tool: Tool, printed: &str) -> String {
    let said = match tool {
        Tool::Jmeter => jmeter::last_words(printed),
        Tool::K6 | Tool::Locust => last_lines(printed),
    };
    match said.is_empty() {
        true => "it said nothing".to_owned(),
        false => said,
    }
}

/// What a script may ask about its runner.
fn runner_variables(lot: Lot) -> [(String, String); 2] {
    let index = lot.nth(0).to_string();
    [
        ("DLT_RUNNER_INDEX".to_owned(), index),
        ("DLT_RUNNER_COUNT".to_owned(), lot.slice.of.to_string()),
    ]
}

/// Leaves in each file of rows those that are this runner's.
fn deal_rows(
    prepared: &mut PreparedScript,
    lot: Lot,
    warnings: &mut Vec<String>,
) -> Result<(), ScriptError> {
    for (source, path, bytes) in std::mem::take(&mut prepared.rows) {
        let fault = |why: String| ScriptError::File {
            name: source.path.clone(),
            why,
        };
        let (own, rows) = rows::part(&source, &bytes, lot)
            .map_err(|why| fault(format!("cannot be read as rows: {why}")))?;
        if rows == 0 {
            warnings.push(format!(
                "file {} has no row for this runner: it has fewer rows than there are runners",
                source.path
            ));
        }
        std::fs::write(&path, own).map_err(|error| fault(format!("cannot be dealt: {error}")))?;
    }
    Ok(())
}

fn fifo(path: &Path) -> Result<(), ScriptError> {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
        .map_err(|error| ScriptError::Folder(error.into()))
}

/// Reads samples on a thread of its own until the tool has ended and the keeper is dropped.
fn read_samples(
    path: &Path,
    tool: Tool,
    recorder: &Arc<Mutex<Recorder>>,
    start: Instant,
) -> Result<(File, Reader), ScriptError> {
    let mut both = std::fs::OpenOptions::new();
    // Open for both a FIFO waits for nobody.
    let keeper = both
        .read(true)
        .write(true)
        .custom_flags(libc::O_CLOEXEC)
        .open(path);
    let keeper = keeper.map_err(ScriptError::Folder)?;
    // It is larger than usual so that a tool seldom waits; less does as well.
    let _ = rustix::pipe::fcntl_setpipe_size(&keeper, PIPE_BYTES as usize);
    let path = PathBuf::from(path);
    let recorder = Arc::clone(recorder);
    let input = File::open(&path).map_err(ScriptError::Folder)?;
    let reader = Reader::spawn("tool-samples", move || {
        let each = |told: Told<'_>| lock(&recorder).add(told, since(start));
        match tool {
            Tool::K6 => k6::samples::read(input, each),
            Tool::Jmeter => {
                jmeter::samples::read(BufReader::with_capacity(256 * 1024, input), each)
            }
            Tool::Locust => {
                locust::samples::read(BufReader::with_capacity(256 * 1024, input), each)
            }
        }
    });
    let reader = reader.map_err(ScriptError::Folder)?;
    Ok((keeper, reader))
}
