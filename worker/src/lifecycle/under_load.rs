//! What a runner knows of its load while it is made: until when its report may be stored, and what
//! the report says of it.

use crate::coordinator::stop::StopSignal;
use crate::depot::{Depot, DepotError};
use crate::engine;
use crate::health::{self, Usage, cgroup::Cgroup, ecs};
use crate::report::{Finished, Handover, RunContext};
use dlt_core::load::changes::{LoadChange, end_of};
use dlt_core::messages::order::{LONGEST_TOLD_STOP_US, Start};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

// Times after planned end and graceful stop. At home a run is killed after 30 s.
/// Until when a report that cannot be stored is tried again; then it is handed over,
/// before anybody else ends this runner.
const STORE_UNTIL: Duration = Duration::from_secs(24);
/// The same after the graceful stop of a runner that was told to stop, which is killed
/// 5 s after it.
pub(super) const STORE_AFTER_STOP: Duration = Duration::from_secs(3);

/// What is known of a load while it is made.
pub(super) struct UnderLoad {
    start: Start,
    start_at: tokio::time::Instant,
    planned_us: u64,
    threads: usize,
    /// What the process had used before.
    before: Usage,
    cgroup: Cgroup,
    /// The graceful stop of one that is told to stop.
    told_graceful: Duration,
    /// When it was stopped first, if it was.
    pub(super) stopped: OnceLock<tokio::time::Instant>,
    /// When a change of the load ends it, µs since its start.
    ended_us: OnceLock<u64>,
}

impl UnderLoad {
    /// A load that begins at `start_at`; `graceful_us`: what the plan allows after its end.
    pub(super) fn new(
        start: Start,
        start_at: tokio::time::Instant,
        planned_us: u64,
        graceful_us: u64,
        threads: usize,
        cgroup: Cgroup,
    ) -> Self {
        Self {
            start,
            start_at,
            planned_us,
            threads,
            before: Usage::now(&cgroup),
            cgroup,
            told_graceful: Duration::from_micros(graceful_us.min(LONGEST_TOLD_STOP_US)),
            stopped: OnceLock::new(),
            ended_us: OnceLock::new(),
        }
    }

    /// The load was changed.
    pub(super) fn change(&self, changes: &[LoadChange]) {
        if let Some(end_us) = end_of(changes) {
            self.ended_us.get_or_init(|| end_us);
        }
    }

    /// Stores what is left of it, for as long as this runner may live.
    pub(super) async fn store(
        &self,
        finished: Finished,
        depot: &Depot,
        stop: &StopSignal,
        end: tokio::time::Instant,
    ) -> Result<String, DepotError> {
        let until = || {
            let is_told = stop.borrow().is_some();
            if is_told {
                self.stopped.get_or_init(tokio::time::Instant::now);
            }
            let latest = end + STORE_UNTIL;
            // Nobody ends a runner whose load ended by itself.
            let longest = if is_told {
                STORE_AFTER_STOP
            } else {
                STORE_UNTIL
            };
            let stopped = self.stopped.get();
            stopped.map_or(latest, |at| latest.min(*at + self.told_graceful + longest))
        };
        let handover = Handover::from_env();
        finished.store_until(depot, handover.as_ref(), until).await
    }

    /// What the report says of it, now that it is over.
    pub(super) fn context(
        &self,
        result: &engine::LoadResult,
        task: Option<&ecs::Task>,
        process_start: Instant,
    ) -> RunContext {
        let task = health::task_facts(&self.cgroup, task, process_start);
        let since = |at: tokio::time::Instant| at.saturating_duration_since(self.start_at);
        let wall = since(tokio::time::Instant::now());
        let stopped = self.stopped.get().copied().map(since);
        let ended_us = self.ended_us.get().copied();
        let planned_us = ended_us.map_or(self.planned_us, |at| at.min(self.planned_us));
        RunContext {
            start: Some(self.start),
            loaded: Some(time_of_load(result, planned_us, stopped, wall)),
            threads: self.threads as u64,
            before: self.before,
            after: Usage::now(&self.cgroup),
            wall,
            memory_limit_bytes: self.cgroup.memory_limit_bytes(),
            task,
            ..RunContext::default()
        }
    }
}

/// How long load was made: until it was stopped or its planned end, whichever was
/// first; or until the last answer, where users were through before.
pub(super) fn time_of_load(
    result: &engine::LoadResult,
    planned_us: u64,
    stopped: Option<Duration>,
    wall: Duration,
) -> Duration {
    let planned = Duration::from_micros(planned_us);
    // A plan without an end ends with its last request.
    let is_over = |at: Duration| planned_us > 0 && at >= planned;
    match stopped {
        Some(at) if !is_over(at) => at,
        Some(_) => planned,
        None if is_over(wall) => planned,
        // Requests that were given up kept their users to the end.
        None if result.tally.account.unfinished > 0 => wall,
        None => Duration::from_micros(result.last_done_us),
    }
}
