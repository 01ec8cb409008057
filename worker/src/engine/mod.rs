//! The engine: makes the load of one runner on its threads. Its input is a
//! [`LoadSpec`]; while it runs it sends [`ThreadSecond`]s; its result is a
//! [`LoadResult`]. It knows nothing of leaders, ticks or reports.
//!
//! *When* (`pace`), *how* (`http`) and *remember* do not know each other. `make`
//! makes a request, `check` examines its answer, `walk` joins them all. Threads
//! share only what `walk::prepare` made before the clock starts.

mod check;
mod clock;
mod failure;
mod file_faults;
mod files;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
mod http;
#[cfg(any(test, feature = "instructions"))]
pub(crate) mod instructions;
#[cfg(any(test, feature = "long-run"))]
pub(crate) mod long_run;
mod make;
mod memory;
mod pace;
mod remember;
mod stamp_probe;
mod sys;
mod tls_reasons;
mod walk;

pub use file_faults::file_faults;
pub use files::PlanFiles;
pub(crate) use http::redact::redact_message;
pub use make::inputs::{BODY_FILE, FileFault, Inputs, NamedFile, named_files};
pub(crate) use make::quotes::check_quotes;
pub use remember::series::LabelRows;
pub(crate) use remember::series::Series;
pub use stamp_probe::stamps_receipt;
pub use walk::once::{OnceResult, OnceSpec, make_once};

use dlt_core::load::changes::LoadChange;
use dlt_core::load::share::Lot;
use dlt_core::measure::account::Account;
use dlt_core::measure::generator::{Generator, GeneratorSums};
use dlt_core::measure::kept::KeptExchanges;
use dlt_core::measure::reading::Reading;
use dlt_core::measure::sample::Cause;
use dlt_core::measure::second::Second;
use dlt_core::measure::silence::Silence;
use dlt_core::measure::tally::{ErrorKey, ErrorTally, LabelTally, Phases, Tally, TransactionTally};
use dlt_core::routing::EnvironmentProxies;
use dlt_core::scenario::plan::Plan;
use dlt_core::target_policy::TargetPolicy;
use http::resolver::Resolver;
use memory::MemoryWatch;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{oneshot, watch};
use walk::prepare::PreparedLoad;
use walk::thread;

/// How long the threads may take to start.
const LONGEST_SETUP: Duration = Duration::from_secs(10);

/// What the engine is to do.
#[derive(Debug, Clone)]
pub struct LoadSpec {
    /// The plan.
    pub plan: Arc<Plan>,
    /// What the plan's files hold.
    pub inputs: Arc<Inputs>,
    /// This runner's part of the run.
    pub lot: Lot,
    /// Load-making threads, at least 1.
    pub threads: usize,
    /// The start instant.
    pub start: Instant,
    /// What random numbers of the run are made of.
    pub seed: u64,
    /// Whether all exchanges are kept for people: of a run of one iteration.
    pub keep_exchanges: bool,
    /// Memory that the runner may use, bytes; None: nobody says.
    pub memory_bytes: Option<u64>,
    /// Where load may be sent.
    pub targets: TargetPolicy,
    /// The proxies of the environment, for scenarios that name none.
    pub proxies: EnvironmentProxies,
}

/// One second of one thread, sent when the second is over, even if nothing
/// happened in it. Numbers rise without gaps from 0 until the thread's load ends.
#[derive(Debug, Clone)]
pub struct ThreadSecond {
    /// Which thread, from 0.
    pub thread: usize,
    /// Its numbers.
    pub second: Second,
    /// p99 of lag in it, µs; 0 in closed load.
    pub lag_p99_us: u64,
    /// Attempts so far in the run that found something: the target is there.
    pub answers: u64,
    /// Those that found nothing in this second.
    pub silence: Silence,
    /// Most frequent cause of failure in it.
    pub top_cause: Option<Cause>,
}

/// What the engine measured.
#[derive(Debug, Clone, Default)]
pub struct LoadResult {
    /// Everything, all threads merged.
    pub tally: Tally,
    /// Second by second, by label; empty if there are too many labels.
    pub labels: Vec<LabelRows>,
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
    /// Exchanges of a run that is tried once.
    pub exchanges: KeptExchanges,
    /// Which addresses requests were sent to.
    pub generator: Generator,
    /// Seconds in which lag or read delay was over its first limit.
    pub bad_seconds: Vec<u64>,
    /// Planned time of load in which none was made, µs, on average over the threads.
    pub cut_us: u64,
    /// Threads whose results are missing.
    pub missing_threads: u64,
    /// Warnings for people.
    pub warnings: Vec<String>,
}

/// What one thread measured; labels are given by their index.
#[derive(Debug, Default)]
struct ThreadResult {
    account: Account,
    /// The labels' names: the plan's, then those that varying labels added.
    names: Vec<String>,
    labels: Vec<LabelTally>,
    phases: Phases,
    transactions: BTreeMap<String, TransactionTally>,
    errors: BTreeMap<ErrorKey, ErrorTally>,
    series: Vec<Series>,
    first_due_us: Option<u64>,
    first_sent_us: Option<u64>,
    last_done_us: u64,
    ports_exhausted: u64,
    files_exhausted: u64,
    reading: Reading,
    exchanges: KeptExchanges,
    generator: GeneratorSums,
    bad_seconds: Vec<u64>,
    cut_us: u64,
    warnings: Vec<String>,
    /// What was not sent and why, and how often.
    notices: BTreeMap<String, u64>,
}

/// A running load; dropped, it is stopped.
#[derive(Debug)]
pub struct Load {
    prepared: Arc<PreparedLoad>,
    /// Looks at the memory until the load is over.
    _memory: MemoryWatch,
    stop: watch::Sender<bool>,
    changes: watch::Sender<Vec<LoadChange>>,
    results: Vec<oneshot::Receiver<ThreadResult>>,
}

/// Why a load cannot begin.
#[derive(Debug, thiserror::Error)]
#[error("load cannot begin: {0}")]
pub struct LoadError(pub String);

/// Prepares a load and drops it, before its start is known: what takes long, as reading the
/// certificate authorities, stays in its inputs, and the code that prepares is in memory. Many
/// runners of one machine have no time for that between the start's announcement and the start.
/// No name is looked up: a resolver that hangs must not keep a runner from being ready. Faults are
/// told by [`begin`]. What was read for it and is not needed any more goes back to the system.
pub fn warm_up(spec: &LoadSpec) {
    let resolver = Resolver::without_names(spec.targets.clone());
    drop(PreparedLoad::new(spec, resolver));
    sys::give_memory_back();
}

/// Prepares everything that takes time (TLS, request bytes, threads), then
/// returns; the load begins at `spec.start`. `seconds` closes when the load of
/// every thread is over.
pub fn begin(spec: LoadSpec, seconds: UnboundedSender<ThreadSecond>) -> Result<Load, LoadError> {
    let resolver = Resolver::system(spec.targets.clone());
    begin_with_resolver(spec, resolver, seconds)
}

fn begin_with_resolver(
    spec: LoadSpec,
    resolver: Resolver,
    seconds: UnboundedSender<ThreadSecond>,
) -> Result<Load, LoadError> {
    crate::health::raise_file_limit();
    let prepared = Arc::new(PreparedLoad::new(&spec, resolver)?);
    let (stop, stopped) = watch::channel(false);
    let (changes, told) = watch::channel(Vec::new());
    let (ready, started) = mpsc::channel();
    let mut results = Vec::new();
    for thread in 0..spec.threads.max(1) {
        let (sender, result) = oneshot::channel();
        let thread_spec = thread::ThreadSpec {
            thread,
            prepared: prepared.clone(),
            start: spec.start,
            seconds: seconds.clone(),
            stop: stopped.clone(),
            changes: told.clone(),
        };
        let ready = ready.clone();
        std::thread::Builder::new()
            .name(format!("load-{thread}"))
            .spawn(move || run_thread(thread_spec, &ready, sender))
            .map_err(|error| LoadError(format!("no thread for load: {error}")))?;
        results.push(result);
    }
    let until = Instant::now() + LONGEST_SETUP;
    for _ in &results {
        match started.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                return Err(LoadError(format!("a load thread cannot run: {error}")));
            }
            Err(_) => return Err(LoadError("load threads did not start in 10 s".to_owned())),
        }
    }
    Ok(Load {
        _memory: prepared.memory.watch(),
        prepared,
        stop,
        changes,
        results,
    })
}

fn run_thread(
    spec: thread::ThreadSpec,
    ready: &mpsc::Sender<io::Result<()>>,
    sender: oneshot::Sender<ThreadResult>,
) {
    let runtime = match thread::runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            // Fails only if another thread failed first and `begin` has returned.
            let _ = ready.send(Err(error));
            return;
        }
    };
    let _ = ready.send(Ok(()));
    let result = runtime.block_on(thread::make_load(spec));
    // Fails only if the load was dropped: then its result is not wanted.
    let _ = sender.send(result);
}

impl Load {
    /// Begins no further request; those in flight may finish within their graceful
    /// stop, at most 15 s.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Changes the load; `changes` are all so far, in the order of time.
    pub fn change(&self, changes: &[LoadChange]) {
        self.changes.send_replace(changes.to_vec());
    }

    /// Waits for the end, at most until `until`, and returns what was measured. A
    /// thread that has not come back by then is left behind: what the others measured
    /// is whole. None if no thread has.
    pub async fn finished_by(self, until: tokio::time::Instant) -> Option<LoadResult> {
        let mut all = Vec::new();
        let mut missing_threads = 0;
        let mut warnings = self.prepared.warnings.clone();
        for (thread, result) in self.results.into_iter().enumerate() {
            let why = match tokio::time::timeout_at(until, result).await {
                Ok(Ok(result)) => {
                    all.push(result);
                    continue;
                }
                Ok(Err(_)) => "broke off",
                Err(_) => "did not come back after the end of the load",
            };
            missing_threads += 1;
            warnings.push(format!(
                "load thread {thread} {why}; what it measured is missing. This is a bug in dlt, please report it"
            ));
        }
        (!all.is_empty()).then(|| LoadResult {
            missing_threads,
            ..remember::merged::merge_threads(&self.prepared.labels, all, warnings)
        })
    }
}

#[cfg(test)]
mod tests;
