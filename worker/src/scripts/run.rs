//! One load of a script, from its beginning to its result, on threads of its own; the coordinator sees
//! the same seconds as of the engine's threads. Starting, watching and ending the tool is `started`'s.

pub use super::launch::ScriptSpec;
use super::prepare::PreparedScript;
use super::process::last_lines;
use super::recorder::Recorder;
use super::shape::Shape;
use super::started::{Ended, Started, epoch_us, lock, secrets_of, since};
use crate::engine::{LoadResult, ThreadSecond};
use dlt_core::scenario::plan::Tool;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

/// A load that ends so much before its planned end has ended by itself, µs.
const EARLY_US: u64 = 1_000_000;

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

fn run(
    mut prepared: PreparedScript,
    spec: &ScriptSpec,
    seconds: UnboundedSender<ThreadSecond>,
    stop: &AtomicBool,
) -> ScriptResult {
    let recorder = Recorder::new(epoch_us(spec.start), secrets_of(&spec.plan), seconds);
    let recorder = Arc::new(Mutex::new(recorder));
    let started = Started::new(&mut prepared, spec, &recorder);
    let (ended, mut warnings) = match started {
        Ok(started) => {
            let warnings = started.warnings.clone();
            (started.watch(spec, stop, &recorder), warnings)
        }
        Err(error) => (Ended::failed(error.to_string()), Vec::new()),
    };
    let samples = lock(&recorder).samples();
    let mut result = ScriptResult {
        load: lock(&recorder).finish(since(spec.start)),
        tool_failed: ended.failed,
        script_failed: ended.script_failed,
        printed: ended.printed,
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
            "without looking up names, connecting and TLS, as the script's process saw them; bytes are told of all requests together, not by label"
        }
        Tool::Locust => "connecting included, as Python saw them; bytes are those of bodies",
    }
}
