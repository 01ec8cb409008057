//! One load of a script: the tool is started, let go at the start instant, read while it runs, and
//! ended. Everything happens on threads of its own; the coordinator sees the same seconds as of the
//! engine's threads.

use super::launch::{Job, Launch, ReadyGate};
use super::prepare::PreparedScript;
use super::process::{ToolProcess, last_lines, told};
use super::recorder::Recorder;
use super::sample::Told;
use super::shape::Shape;
use super::{ScriptError, jmeter, k6, locust, rows};
use crate::engine::{LoadResult, ThreadSecond};
use crate::output::log;
use dlt_core::load::share::Lot;
use dlt_core::scenario::plan::{Plan, Tool};
use std::fs::File;
use std::io::BufReader;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

/// Between two looks at the tool: whether it has ended, whether a second is over.
const LOOK: Duration = Duration::from_millis(20);
/// The same just before the start instant.
const SHORTEST_LOOK: Duration = Duration::from_micros(200);
/// How long after the first a second word to end comes, and after it the last.
const SECOND_WORD: Duration = Duration::from_secs(2);
/// A load that ends so much before its planned end has ended by itself, µs.
const EARLY_US: u64 = 1_000_000;
/// Room of the FIFO for samples, bytes: what Linux gives without rights.
const PIPE_BYTES: i32 = 1 << 20;

/// What is run.
#[derive(Debug)]
pub struct ScriptSpec {
    /// The plan, whose script it is.
    pub plan: Arc<Plan>,
    /// This runner's part of the run.
    pub lot: Lot,
    /// The start instant.
    pub start: Instant,
    /// How long requests in flight may take after a stop.
    pub graceful: Duration,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct ScriptResult {
    /// What was measured.
    pub load: LoadResult,
    /// Why the tool failed, if it did: a sentence with its last lines.
    pub tool_failed: Option<String>,
    /// What the script says that judges by itself.
    pub script_failed: Option<String>,
    /// What the tool printed.
    pub printed: String,
}

/// A script that runs; dropped, its tool is killed.
#[derive(Debug)]
pub struct ScriptLoad {
    stop: Arc<AtomicBool>,
    result: oneshot::Receiver<ScriptResult>,
}

/// Starts the tool. `seconds` closes when the load is over.
pub fn begin(
    prepared: PreparedScript,
    spec: ScriptSpec,
    seconds: UnboundedSender<ThreadSecond>,
) -> std::io::Result<ScriptLoad> {
    let stop = Arc::new(AtomicBool::new(false));
    let (sender, result) = oneshot::channel();
    let told = Arc::clone(&stop);
    let thread = std::thread::Builder::new().name("script".to_owned());
    thread.spawn(move || {
        let result = run(prepared, &spec, seconds, &told);
        // Fails only if nobody wants it.
        let _ = sender.send(result);
    })?;
    Ok(ScriptLoad { stop, result })
}

impl ScriptLoad {
    /// Asks the tool to end its load.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Waits for the end, at most until `until`; None if it has not come.
    pub async fn finished_by(mut self, until: tokio::time::Instant) -> Option<ScriptResult> {
        let result = tokio::time::timeout_at(until, &mut self.result).await;
        result.ok()?.ok()
    }
}

impl Drop for ScriptLoad {
    fn drop(&mut self) {
        self.stop();
    }
}

fn lock(recorder: &Mutex<Recorder>) -> MutexGuard<'_, Recorder> {
    recorder.lock().unwrap_or_else(PoisonError::into_inner)
}

fn since(start: Instant) -> u64 {
    start.elapsed().as_micros() as u64
}

/// The start instant as the tool's clock has it, µs since the Unix epoch.
fn epoch_us(start: Instant) -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let now = now.as_micros() as i128;
    let ahead = start.saturating_duration_since(Instant::now()).as_micros() as i128;
    let ago = start.elapsed().as_micros() as i128;
    u64::try_from(now + ahead - ago).unwrap_or(0)
}

fn run(
    mut prepared: PreparedScript,
    spec: &ScriptSpec,
    seconds: UnboundedSender<ThreadSecond>,
    stop: &AtomicBool,
) -> ScriptResult {
    let recorder = Recorder::new(epoch_us(spec.start), seconds);
    let recorder = Arc::new(Mutex::new(recorder));
    let started = Started::new(&mut prepared, spec, &recorder);
    let (ended, mut warnings) = match started {
        Ok(started) => {
            let warnings = started.warnings.clone();
            (started.watch(spec, stop, &recorder), warnings)
        }
        Err(error) => (Ended::failed(error.to_string()), Vec::new()),
    };
    warnings.append(&mut prepared.warnings);
    let samples = lock(&recorder).samples();
    let nobody = Arc::try_unwrap(recorder).map(Mutex::into_inner);
    let mut result = ScriptResult {
        tool_failed: ended.failed,
        script_failed: ended.script_failed,
        printed: ended.printed,
        load: match nobody {
            Ok(recorder) => recorder
                .unwrap_or_else(PoisonError::into_inner)
                .finish(since(spec.start)),
            // Its reader broke off.
            Err(_) => LoadResult::default(),
        },
    };
    let title = prepared.tool.tool.title();
    if samples == 0 && result.tool_failed.is_none() && !stop.load(Ordering::Relaxed) {
        result.tool_failed = Some(format!(
            "the tool {title} ended without a single request: {}",
            last_lines(&result.printed)
        ));
    }
    if result.tool_failed.is_none() && !stop.load(Ordering::Relaxed) {
        warnings.extend(ended_early(spec, ended.ended_us, title));
    }
    result.load.first_due_us = ended.let_go_us.map(|_| 0);
    result.load.first_sent_us = ended.let_go_us;
    warnings.push(format!(
        "times are those of {title} {}: {}",
        prepared.tool.version,
        times_of(prepared.tool.tool)
    ));
    warnings.append(&mut result.load.warnings);
    result.load.warnings = warnings;
    result
}

/// That a script ended before the time that was asked of it, if it did.
fn ended_early(spec: &ScriptSpec, ended_us: u64, title: &str) -> Option<String> {
    let shape = Shape::of(spec.plan.groups.first()?, spec.lot)?;
    let planned_us = shape.length_us();
    // Tools count their time in seconds, from when their first user is there.
    let is_early = shape.iterations.is_none() && ended_us + EARLY_US < planned_us;
    is_early.then(|| {
        format!(
            "{title} ended the load by itself after {:.1} s of {:.1} s",
            ended_us as f64 / 1e6,
            planned_us as f64 / 1e6
        )
    })
}

/// What a tool's response times are, for people.
fn times_of(tool: Tool) -> &'static str {
    match tool {
        Tool::Jmeter => "whole milliseconds, connecting included, as the JVM saw them",
        Tool::K6 => {
            "without looking up names, connecting and TLS, as the script's process saw them"
        }
        Tool::Locust => "connecting included, as Python saw them; bytes are those of bodies",
    }
}

/// How it ended.
#[derive(Debug, Default)]
struct Ended {
    failed: Option<String>,
    script_failed: Option<String>,
    printed: String,
    let_go_us: Option<u64>,
    ended_us: u64,
}

impl Ended {
    fn failed(why: String) -> Self {
        Self {
            failed: Some(why),
            ..Self::default()
        }
    }
}

/// A tool that was started.
struct Started {
    tool: Tool,
    title: String,
    process: ToolProcess,
    launch: Launch,
    reader: Option<JoinHandle<()>>,
    /// Keeps the samples' FIFO open until the tool has ended.
    keeper: Option<File>,
    graceful: Duration,
    warnings: Vec<String>,
}

impl Started {
    fn new(
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
        let job = Job {
            tool: &prepared.tool,
            script: &prepared.script,
            samples: &samples,
            gate: &gate,
            own: &own,
            shape: shape.as_ref(),
            graceful: spec.graceful,
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
        launch.environment.extend(variables);
        launch.environment.extend(runner_variables(spec.lot));
        let (keeper, reader) = read_samples(&samples, tool, recorder, spec.start)?;
        let folder = prepared.script.parent().unwrap_or(&own);
        let command = std::mem::replace(&mut launch.command, std::process::Command::new(""));
        let process = ToolProcess::spawn(command, folder, &launch.environment)
            .map_err(ScriptError::Folder)?;
        Ok(Self {
            tool,
            title: format!("{} {}", tool.title(), prepared.tool.version),
            process,
            launch,
            reader: Some(reader),
            keeper: Some(keeper),
            graceful: spec.graceful,
            warnings,
        })
    }

    /// Lets the tool go at the start instant, and watches it to its end.
    fn watch(mut self, spec: &ScriptSpec, stop: &AtomicBool, recorder: &Mutex<Recorder>) -> Ended {
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
            let until_start = spec.start.saturating_duration_since(Instant::now());
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
            self.process.wait(LOOK.min(until_start.max(SHORTEST_LOOK)));
        };
        let stopped = asked.is_some();
        let ended_us = since(spec.start);
        self.process.kill();
        let status = status.or_else(|| self.process.ended().ok().flatten());
        let printed = self.process.printed_to_the_end();
        // Without a writer the reader comes to its end.
        drop(self.keeper.take());
        if let Some(reader) = self.reader.take() {
            // One that broke off has recorded what it read.
            let _ = reader.join();
        }
        let mut ended = self.concluded(status, stopped, let_go_us.is_some(), &printed);
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
                let said = match self.tool {
                    Tool::Jmeter => jmeter::last_words(printed),
                    Tool::K6 | Tool::Locust => last_lines(printed),
                };
                let said = if said.is_empty() {
                    "it said nothing"
                } else {
                    &said
                };
                Ended::failed(format!(
                    "the tool {} ended{when} with {how}: {said}",
                    self.title
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
) -> Result<(File, JoinHandle<()>), ScriptError> {
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
    let thread = std::thread::Builder::new().name("tool-samples".to_owned());
    let reader = thread.spawn(move || {
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
