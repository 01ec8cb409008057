//! The engine: makes the load of one runner on its threads. What it is told is
//! a [`LoadSpec`]; what it says while running are [`ThreadSecond`]s; its last
//! word is a [`LoadResult`]. It knows nothing of leaders, ticks or reports.
//!
//! *When* (`pace`), *how* (`http`) and *remember* do not know each other; `make`
//! and `check` stand before and behind a request, `walk` joins them all. Threads
//! share nothing but what `walk::prepare` made before the clock starts.

mod check;
mod clock;
mod failure;
mod files;
mod http;
mod make;
mod pace;
mod remember;
mod sys;
mod walk;

pub use files::Files;
pub use make::inputs::{Inputs, Named, named_files};

use dlt_core::load::share::Lot;
use dlt_core::measure::account::Account;
use dlt_core::measure::generator::{Generator, GeneratorSums};
use dlt_core::measure::reading::Reading;
use dlt_core::measure::sample::Cause;
use dlt_core::measure::second::{LabelSecond, Second};
use dlt_core::measure::tally::{ErrorKey, ErrorTally, LabelTally, Phases, Tally};
use dlt_core::messages::timeline::LabelSeries;
use dlt_core::scenario::plan::Plan;
use http::resolver::Resolver;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{oneshot, watch};
use walk::prepare::Prepared;
use walk::thread;

/// How long threads may take until they stand ready.
const LONGEST_SETUP: Duration = Duration::from_secs(10);

/// What the engine is to do.
#[derive(Debug, Clone)]
pub struct LoadSpec {
    /// What to request and how hard.
    pub plan: Arc<Plan>,
    /// What its files hold.
    pub inputs: Arc<Inputs>,
    /// This runner's part of the run.
    pub lot: Lot,
    /// Load-making threads, at least 1.
    pub threads: usize,
    /// The start instant.
    pub start: Instant,
}

/// One thread's second, sent once that second is over, also when nothing
/// happened in it; rising without gaps from 0 until the thread's load is over.
#[derive(Debug, Clone)]
pub struct ThreadSecond {
    /// Which thread, from 0.
    pub thread: usize,
    /// Its numbers.
    pub second: Second,
    /// p99 of lag in it, µs; 0 in closed load.
    pub lag_p99_us: u64,
    /// Statuses read so far in the run: whether the target answers at all.
    pub answers: u64,
    /// Most frequent cause of failure in it.
    pub top_cause: Option<Cause>,
}

/// What one engine run measured.
#[derive(Debug, Clone, Default)]
pub struct LoadResult {
    /// Everything, all threads merged.
    pub tally: Tally,
    /// Second by second of the first labels.
    pub labels: Vec<LabelSeries>,
    /// First due time, µs since start.
    pub first_due_us: Option<u64>,
    /// First send, µs since start.
    pub first_sent_us: Option<u64>,
    /// End of the last sample, µs since start.
    pub last_done_us: u64,
    /// Requests that found no free port.
    pub ports_exhausted: u64,
    /// Requests that found no free file descriptor.
    pub files_exhausted: u64,
    /// How late answers were read, and how that is known.
    pub reading: Reading,
    /// What requests were sent to.
    pub generator: Generator,
    /// Seconds in which lag or read delay was over its first limit.
    pub bad_seconds: Vec<u64>,
    /// Sentences for people.
    pub warnings: Vec<String>,
}

/// What one thread measured, by label index.
#[derive(Debug, Default)]
struct ThreadResult {
    account: Account,
    /// The labels' names: the plan's, then those that came up.
    names: Vec<String>,
    labels: Vec<LabelTally>,
    phases: Phases,
    errors: BTreeMap<ErrorKey, ErrorTally>,
    series: Vec<Vec<LabelSecond>>,
    first_due_us: Option<u64>,
    first_sent_us: Option<u64>,
    last_done_us: u64,
    ports_exhausted: u64,
    files_exhausted: u64,
    reading: Reading,
    generator: GeneratorSums,
    bad_seconds: Vec<u64>,
    warnings: Vec<String>,
    /// What was not done and why, with how often.
    notices: BTreeMap<String, u64>,
}

/// A running load. Dropping it stops it.
#[derive(Debug)]
pub struct Load {
    prepared: Arc<Prepared>,
    stop: watch::Sender<bool>,
    results: Vec<oneshot::Receiver<ThreadResult>>,
}

/// Why a load could not begin: files, certificates.
#[derive(Debug, thiserror::Error)]
#[error("load cannot begin: {0}")]
pub struct LoadError(pub String);

/// Prepares everything that takes time (TLS, request bytes, threads), then
/// returns; load begins at `spec.start`. `seconds` closes when the load of every
/// thread is over.
pub fn begin(spec: LoadSpec, seconds: UnboundedSender<ThreadSecond>) -> Result<Load, LoadError> {
    begin_with(spec, Resolver::system(), seconds)
}

/// The same with names asked for elsewhere.
fn begin_with(
    spec: LoadSpec,
    resolver: Resolver,
    seconds: UnboundedSender<ThreadSecond>,
) -> Result<Load, LoadError> {
    crate::health::raise_file_limit();
    let prepared = Arc::new(Prepared::new(&spec, resolver)?);
    let (stop, stopped) = watch::channel(false);
    let (ready, readiness) = mpsc::channel();
    let mut results = Vec::new();
    for thread in 0..spec.threads.max(1) {
        let (sender, result) = oneshot::channel();
        let duty = thread::Duty {
            thread,
            prepared: prepared.clone(),
            start: spec.start,
            seconds: seconds.clone(),
            stop: stopped.clone(),
        };
        let ready = ready.clone();
        std::thread::Builder::new()
            .name(format!("load-{thread}"))
            .spawn(move || run_thread(duty, &ready, sender))
            .map_err(|error| LoadError(format!("no thread for load: {error}")))?;
        results.push(result);
    }
    let until = Instant::now() + LONGEST_SETUP;
    for _ in &results {
        match readiness.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                return Err(LoadError(format!("a load thread cannot run: {error}")));
            }
            Err(_) => return Err(LoadError("load threads did not start in 10 s".to_owned())),
        }
    }
    Ok(Load {
        prepared,
        stop,
        results,
    })
}

fn run_thread(
    duty: thread::Duty,
    ready: &mpsc::Sender<io::Result<()>>,
    sender: oneshot::Sender<ThreadResult>,
) {
    let runtime = match thread::runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            // Nobody waits any more only if another thread failed first.
            let _ = ready.send(Err(error));
            return;
        }
    };
    let _ = ready.send(Ok(()));
    let result = runtime.block_on(thread::make_load(duty));
    // Whoever dropped the load does not want its result.
    let _ = sender.send(result);
}

impl Load {
    /// No new requests; those in flight may finish within their graceful stop,
    /// at most 15 s.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits for the end and returns what was measured.
    pub async fn finished(self) -> LoadResult {
        let mut all = Vec::new();
        let mut warnings = self.prepared.warnings.clone();
        for (thread, result) in self.results.into_iter().enumerate() {
            match result.await {
                Ok(result) => all.push(result),
                Err(_) => warnings.push(format!(
                    "load thread {thread} broke off; what it measured is missing"
                )),
            }
        }
        remember::merged::merged(&self.prepared.labels, all, warnings)
    }
}

#[cfg(test)]
mod tests;
