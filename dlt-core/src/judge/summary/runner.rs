//! What is kept of each runner when its histograms have been merged: a few
//! numbers, so that a thousand runners stay small. Judging them is left to
//! `verdict`.

use crate::ids::{Region, RunnerId};
use crate::measure::account::Account;
use crate::measure::tally::{Tally, TimesOver};
use crate::messages::report::{Ended, Report, StartFacts};
use std::collections::BTreeMap;

/// One runner's part in the result of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunnerFacts {
    /// The region that it ran in.
    pub region: Region,
    /// Where its requests went.
    pub account: Account,
    /// Its labels and histograms add up to its account.
    pub labels_balanced: bool,
    /// 99 % of generator lag, µs; None in closed load.
    pub lag_p99_us: Option<u64>,
    /// Share of its users' time in which answers lay unread, 0 to 1; None
    /// without closed load.
    pub lost_share: Option<f64>,
    /// Answers without a stamp of the kernel that could be used.
    pub unstamped: u64,
    /// Complete answers.
    pub answers: u64,
    /// CPU time of the process during the load, µs.
    pub cpu_us: u64,
    /// Load-making threads.
    pub threads: u64,
    /// Wall clock of the load, µs.
    pub wall_us: u64,
    /// Held back by the CPU quota, µs.
    pub throttled_us: u64,
    /// Peak memory, bytes.
    pub max_rss_bytes: u64,
    /// Memory limit, bytes; 0 when there is none.
    pub memory_limit_bytes: u64,
    /// Requests without a free port.
    pub ports_exhausted: u64,
    /// Requests without a free file descriptor.
    pub files_exhausted: u64,
    /// First and last second in which the generator was over a limit.
    pub bad_seconds: Option<(u64, u64)>,
    /// Planned time of load in which it made none, µs.
    pub cut_us: u64,
    /// Changes of the load that it heard of.
    pub changes: u64,
    /// How it started; None if it never did.
    pub start: Option<StartFacts>,
    /// How it ended.
    pub ended: Ended,
    /// What its script says that judges by itself.
    pub script_failed: Option<String>,
    /// Measured length, µs.
    pub duration_us: u64,
    /// How long load was made, µs; None in reports of an older dlt.
    pub loaded_us: Option<u64>,
    /// Ticks that it made: one for each second of load.
    pub ticks: u64,
}

impl RunnerFacts {
    /// How long load was made, µs, or else until the last sample's end.
    pub(crate) fn loaded_us(&self) -> u64 {
        self.loaded_us.unwrap_or(self.duration_us)
    }

    /// Whether it was told to stop before its load was through.
    pub fn was_stopped(&self) -> bool {
        matches!(self.ended, Ended::Stopped { .. })
    }

    /// Whether it made its load to the planned end.
    pub fn is_through(&self) -> bool {
        matches!(self.ended, Ended::AsPlanned)
    }

    /// Of a report.
    pub(crate) fn of(report: &Report) -> Self {
        let health = &report.health;
        let bad = &health.bad_seconds;
        Self {
            region: report.region.clone(),
            account: report.tally.account,
            labels_balanced: labels_balanced(&report.tally),
            lag_p99_us: report.tally.phases.lag.quantile_us(0.99),
            lost_share: health.reading.lost_share(),
            unstamped: health.reading.unstamped(),
            answers: health.reading.answers(),
            cpu_us: health.cpu_us,
            threads: health.threads,
            wall_us: health.wall_us,
            throttled_us: health.throttled_us,
            max_rss_bytes: health.max_rss_bytes,
            memory_limit_bytes: health.memory_limit_bytes,
            ports_exhausted: health.ports_exhausted,
            files_exhausted: health.files_exhausted,
            bad_seconds: bad.iter().copied().min().zip(bad.iter().copied().max()),
            cut_us: health.cut_us,
            changes: health.changes,
            start: report.start,
            ended: report.ended.clone(),
            script_failed: report.script_failed.clone(),
            duration_us: report.duration_us,
            loaded_us: report.loaded_us,
            ticks: report.ticks,
        }
    }

    /// Account, labels and histograms agree.
    pub fn balanced(&self) -> bool {
        self.account.balanced() && self.labels_balanced
    }
}

fn labels_balanced(tally: &Tally) -> bool {
    let (mut ok, mut failed) = (0, 0);
    let mut histograms = true;
    for label in tally.labels.values() {
        ok += label.ok;
        failed += label.failed;
        let timed = label.response.count() + label.response_failed.count();
        histograms &= match tally.times_over {
            TimesOver::Ok => label.is_apart(),
            TimesOver::All => timed == label.ok + label.failed,
        };
    }
    histograms && ok == tally.account.ok && failed == tally.account.failed
}

/// Whether every runner that reported found the target silent.
pub(crate) fn everyone_silent(runners: &BTreeMap<RunnerId, RunnerFacts>) -> bool {
    !runners.is_empty()
        && runners
            .values()
            .all(|runner| matches!(runner.ended, Ended::TargetSilent { .. }))
}
