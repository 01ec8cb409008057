//! The engine: makes the load of one runner on its threads. What it is told is
//! a [`LoadSpec`]; what it says while running are [`ThreadSecond`]s; its last
//! word is a [`LoadResult`]. It knows nothing of leaders, ticks or reports.

use dlt_core::latencies::Latencies;
use dlt_core::sample::Cause;
use dlt_core::scenario::plan::Plan;
use dlt_core::share::Lot;
use dlt_core::tally::Tally;
use dlt_core::timeline::{LabelSeries, Second};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::mpsc::UnboundedSender;

/// What the engine is to do.
#[derive(Debug, Clone)]
pub struct LoadSpec {
    /// What to request and how hard.
    pub plan: Arc<Plan>,
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
    /// Largest p99 of lag (open) or read delay (closed) in it, µs.
    pub delay_p99_us: u64,
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
    /// Time from readable to read, µs.
    pub read_delay: Latencies,
    /// Seconds in which lag p99 or read delay p99 was over its first limit.
    pub bad_seconds: Vec<u64>,
    /// Sentences for people.
    pub warnings: Vec<String>,
}

/// A running load.
#[derive(Debug)]
pub struct Load {}

/// Why a load could not begin: files, certificates.
#[derive(Debug, thiserror::Error)]
#[error("load cannot begin: {0}")]
pub struct LoadError(pub String);

/// Prepares everything that takes time (TLS, request bytes, threads), then
/// returns; load begins at `spec.start`.
pub fn begin(_spec: LoadSpec, _seconds: UnboundedSender<ThreadSecond>) -> Result<Load, LoadError> {
    todo!("H1")
}

impl Load {
    /// No new requests; those in flight may finish within their graceful stop.
    pub fn stop(&self) {
        todo!("H1")
    }

    /// Waits for the end and returns what was measured.
    pub async fn finished(self) -> LoadResult {
        todo!("H1")
    }
}
