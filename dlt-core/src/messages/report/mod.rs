//! A runner's report, made once at its end: its tally with exact histograms, how
//! it started, how healthy it was. `xml` turns it into the FinalStatus document
//! that Taurus' readers expect, and back. Merging reports is left to
//! `judge::merger`.

pub mod codes;
#[cfg(test)]
pub(crate) mod testing;
pub mod xml;

use crate::ids::{Region, RunnerId, TestId, TestRunId};
use crate::measure::generator::Generator;
use crate::measure::kept::KeptExchange;
use crate::measure::reading::Reading;
use crate::measure::sample::Cause;
use crate::measure::tally::Tally;
use serde::{Deserialize, Serialize};

/// Version of our elements in the report. Since 2 `Response` of a label,
/// `Service` and `FirstByte` are of ok samples, and `ResponseFailed` stands
/// beside; in 1 they are of all samples. New in 2 are also `Reading`, `Address`,
/// `HttpVersion`, and an account that counts what found no connection.
pub const REPORT_FORMAT: u32 = 2;

/// A runner's report.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The scenario's id.
    pub test: TestId,
    /// The run's id.
    pub run: TestRunId,
    /// The runner's id.
    pub runner: RunnerId,
    /// The region that it ran in.
    pub region: Region,
    /// What was measured.
    pub tally: Tally,
    /// From the start instant to the last sample's end, µs.
    pub duration_us: u64,
    /// From the start instant to the end of the load, µs: its planned end, an earlier
    /// stop, or the last sample's end where users had nothing left to do. None in
    /// reports of an older dlt.
    pub loaded_us: Option<u64>,
    /// Highest number of users (closed) or requests in flight (open) in a second.
    pub peak_users: u64,
    /// Ticks made: one for each second of load.
    pub ticks: u64,
    /// How it started; None if it never did.
    pub start: Option<StartFacts>,
    /// How it ended.
    pub ended: Ended,
    /// What a script says that judges by itself, like thresholds of k6 that were crossed.
    pub script_failed: Option<String>,
    /// The generator's own health.
    pub health: Health,
    /// What it sent its requests to; empty in reports of format 1.
    pub generator: Generator,
    /// Exchanges of a run that is tried once; of others there are none.
    pub exchanges: Vec<KeptExchange>,
    /// Sentences for people: labels folded, files missing, and the like.
    pub warnings: Vec<String>,
    /// What upstream's parser requires (worker.md 1.4).
    pub task: TaskFacts,
}

/// How a runner started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartFacts {
    /// The start instant on the runner's clock, µs since the Unix epoch.
    pub start_at_us: u64,
    /// Runner's clock minus leader's, µs.
    pub clock_offset_us: i64,
    /// How far the offset may be off, µs.
    pub clock_error_us: u64,
    /// Its part of the run's load, in billionths; None in reports of format 1.
    pub share_ppb: Option<u64>,
    /// When its first request was due, µs since the start instant; None if it sent none.
    pub first_due_us: Option<u64>,
    /// When its first request was sent, µs since the start instant.
    pub first_sent_us: Option<u64>,
}

impl StartFacts {
    /// How late the first request left, µs; negative would be early.
    pub fn skew_us(&self) -> Option<i64> {
        let (due, sent) = self.first_due_us.zip(self.first_sent_us)?;
        Some(sent as i64 - due as i64)
    }
}

/// How a runner's load ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum Ended {
    /// At the planned end, or when all iterations or requests were done.
    AsPlanned,
    /// Stopped before its planned end, like a cancelled run's runner.
    Stopped {
        /// Why, for people.
        reason: String,
    },
    /// No attempt found the target for so long that the load ended (`give-up-after`).
    TargetSilent {
        /// The most frequent cause.
        cause: Option<Cause>,
        /// A sentence with the target and what happened.
        message: String,
    },
    /// The tool that ran the scenario's script failed: it crashed, or its script did.
    ToolFailed {
        /// A sentence with the tool and its last lines.
        message: String,
    },
}

/// The generator's own health over the load.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Health {
    /// Load-making threads.
    pub threads: u64,
    /// CPU time of the process, µs: user and system.
    pub cpu_us: u64,
    /// Length of the load, µs of wall clock.
    pub wall_us: u64,
    /// Time for which the CPU quota held the process back, µs (cgroup).
    pub throttled_us: u64,
    /// Peak resident memory, bytes.
    pub max_rss_bytes: u64,
    /// Memory limit, bytes; 0 when there is none.
    pub memory_limit_bytes: u64,
    /// Requests that found no free port.
    pub ports_exhausted: u64,
    /// Requests that found no free file descriptor.
    pub files_exhausted: u64,
    /// How late answers were read, and how that is known.
    pub reading: Reading,
    /// Seconds (since start) in which lag or read delay was over its limit.
    pub bad_seconds: Vec<u64>,
    /// Planned time of load in which none was made, µs, on average over the threads:
    /// it was begun late, or the process stood still.
    pub cut_us: u64,
    /// Changes of the load that the runner heard of.
    pub changes: u64,
}

/// What upstream's results parser requires of each report.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskFacts {
    /// vCPUs of the task.
    pub cpu: u64,
    /// Memory of the task, MiB.
    pub memory_mib: u64,
    /// Whole seconds since the task started.
    pub seconds: u64,
}
