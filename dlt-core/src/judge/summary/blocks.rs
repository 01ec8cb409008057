//! Blocks: the exact numbers of a run, a region or a label. Merging the tallies
//! that they are read from is left to `merger`.

use super::{Block, Distribution};
use crate::measure::latencies::Latencies;
use crate::measure::tally::{LabelTally, Phases, TransactionTally};

impl Distribution {
    /// Reads a merged histogram.
    pub fn of(latencies: &Latencies) -> Self {
        let exact = latencies.exact();
        let some = |value: u64| (exact.count > 0).then_some(value);
        let quantile = |q: f64| latencies.quantile_us(q);
        Self {
            count: exact.count,
            min_us: some(exact.min_us),
            max_us: some(exact.max_us),
            mean_us: latencies.mean_us().map(|us| us.round() as u64),
            stdev_us: latencies.stdev_us().map(|us| us.round() as u64),
            p50_us: quantile(0.5),
            p75_us: quantile(0.75),
            p90_us: quantile(0.9),
            p95_us: quantile(0.95),
            p99_us: quantile(0.99),
            p99_9_us: quantile(0.999),
            p99_99_us: quantile(0.9999),
        }
    }
}

impl Block {
    /// A block without phases.
    fn of(tally: &LabelTally) -> Self {
        let response = Distribution::of(&tally.response);
        let failed = tally.response_failed.count() > 0;
        let some = |is: bool, times: &Latencies| is.then(|| Distribution::of(times));
        Self {
            count: tally.ok + tally.failed,
            ok: tally.ok,
            failed: tally.failed,
            bytes_received: tally.bytes_received,
            bytes_sent: tally.bytes_sent,
            min_us: response.min_us,
            max_us: response.max_us,
            mean_us: response.mean_us,
            stdev_us: response.stdev_us,
            p50_us: response.p50_us,
            p75_us: response.p75_us,
            p90_us: response.p90_us,
            p95_us: response.p95_us,
            p99_us: response.p99_us,
            p99_9_us: response.p99_9_us,
            p99_99_us: response.p99_99_us,
            failed_times: some(failed, &tally.response_failed),
            all_times: some(tally.failed > 0, &tally.response_all()),
            versions: Some(tally.versions).filter(|versions| versions.all() > 0),
            ..Self::default()
        }
    }

    /// The block of a run or a region.
    pub(crate) fn of_whole(tally: &LabelTally, phases: &Phases) -> Self {
        Self {
            service: Some(Distribution::of(&phases.service)),
            connect: Some(Distribution::of(&phases.connect)),
            first_byte: Some(Distribution::of(&phases.first_byte)),
            lag: Some(Distribution::of(&phases.lag)),
            ..Self::of(tally)
        }
    }

    /// The block of the transactions of one name.
    pub(crate) fn of_transaction(name: &str, tally: &TransactionTally) -> Self {
        Self {
            label: Some(name.to_owned()),
            kind: Some("transaction".to_owned()),
            unfinished: Some(tally.unfinished),
            ..Self::of(&tally.samples)
        }
    }

    /// The block of a label.
    pub(crate) fn of_label(label: &str, tally: &LabelTally) -> Self {
        // A sum beyond 64 bits is 584,000 years: it saturates.
        let sum = |sum_us: u128| Some(u64::try_from(sum_us).unwrap_or(u64::MAX));
        Self {
            label: Some(label.to_owned()),
            connect_count: Some(tally.connect.count),
            connect_sum_us: sum(tally.connect.sum_us),
            first_byte_count: Some(tally.first_byte.count),
            first_byte_sum_us: sum(tally.first_byte.sum_us),
            ..Self::of(tally)
        }
    }
}
