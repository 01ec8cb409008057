//! The errors that a thread has met: equal ones counted as one, by label, with
//! a few exchanges for people. How a failure becomes words is `engine::errors`'.

use crate::engine::failure::Failure;
use dlt_core::measure::sample::Cause;
use dlt_core::measure::tally::{ErrorKey, ErrorTally, Exchange, MOST_ERRORS, MOST_EXCHANGES};
use std::collections::BTreeMap;

/// All errors of a thread, first met first.
#[derive(Debug, Default)]
pub(super) struct Errors(Vec<(Failure, Met)>);

/// One error, as often as it was met.
#[derive(Debug, Default)]
struct Met {
    count: u64,
    first_us: u64,
    last_us: u64,
    labels: Vec<(usize, u64)>,
    exchanges: Vec<Exchange>,
}

impl Errors {
    /// Counts one; `exchange` is asked for only while there is room for another.
    pub(super) fn add(
        &mut self,
        label: usize,
        done_us: u64,
        failure: Failure,
        exchange: impl FnOnce() -> Option<Exchange>,
    ) {
        let met = self.met(failure);
        if met.count == 0 {
            met.first_us = done_us;
        }
        met.count += 1;
        met.first_us = met.first_us.min(done_us);
        met.last_us = met.last_us.max(done_us);
        match met.labels.iter_mut().find(|row| row.0 == label) {
            Some(row) => row.1 += 1,
            None => met.labels.push((label, 1)),
        }
        if met.exchanges.len() < MOST_EXCHANGES {
            met.exchanges.extend(exchange());
        }
    }

    fn met(&mut self, failure: Failure) -> &mut Met {
        let known = self.0.iter().position(|row| row.0 == failure);
        let at = known.unwrap_or_else(|| {
            // The last places are kept for "further errors", one a cause.
            let failure = if self.0.len() >= MOST_ERRORS - Cause::ALL.len() {
                Failure::further(failure.cause)
            } else {
                failure
            };
            match self.0.iter().position(|row| row.0 == failure) {
                Some(at) => at,
                None => {
                    self.0.push((failure, Met::default()));
                    self.0.len() - 1
                }
            }
        });
        &mut self.0[at].1
    }

    /// By key, with the labels' names. Failures that differ may read the same
    /// to people.
    pub(super) fn named(self, labels: &[String]) -> BTreeMap<ErrorKey, ErrorTally> {
        let mut all: BTreeMap<ErrorKey, ErrorTally> = BTreeMap::new();
        for (failure, met) in self.0 {
            let tally = all.entry(failure.key()).or_default();
            tally.merge(&met.named(labels));
        }
        all
    }
}

impl Met {
    fn named(self, labels: &[String]) -> ErrorTally {
        ErrorTally {
            count: self.count,
            first_us: self.first_us,
            last_us: self.last_us,
            labels: self
                .labels
                .into_iter()
                .map(|(label, count)| (labels[label].clone(), count))
                .collect(),
            exchanges: self.exchanges,
        }
    }
}
