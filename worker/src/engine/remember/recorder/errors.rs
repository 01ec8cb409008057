//! The errors of a thread: equal ones are counted as one, by label, with a few
//! exchanges for people. `engine::failure` makes their messages.

use super::Recorder;
use crate::engine::failure::Failure;
use dlt_core::measure::sample::Cause;
use dlt_core::measure::tally::{
    ErrorKey, ErrorTally, Exchange, MOST_ERRORS, MOST_EXCHANGES, MOST_LABELS, OTHER_LABEL,
};
use std::collections::BTreeMap;

/// The warning about too many labels.
pub(crate) fn too_many_labels_warning() -> String {
    format!(
        "more than {MOST_LABELS} labels: the others are counted together as {OTHER_LABEL}; give requests labels that do not vary"
    )
}

/// The errors of a thread in the order of their first occurrence.
#[derive(Debug, Default)]
pub(super) struct ErrorTable(Vec<(Failure, ErrorCount)>);

/// How often an error occurred, when and where.
#[derive(Debug, Default)]
struct ErrorCount {
    count: u64,
    first_us: u64,
    last_us: u64,
    labels: Vec<(usize, u64)>,
    exchanges: Vec<Exchange>,
}

impl ErrorTable {
    /// Counts one; `exchange` is asked for only while there is room for another.
    pub(super) fn add(
        &mut self,
        label: usize,
        done_us: u64,
        failure: Failure,
        exchange: impl FnOnce() -> Option<Exchange>,
    ) {
        let error = self.entry(failure);
        if error.count == 0 {
            error.first_us = done_us;
        }
        error.count += 1;
        error.first_us = error.first_us.min(done_us);
        error.last_us = error.last_us.max(done_us);
        match error.labels.iter_mut().find(|row| row.0 == label) {
            Some(row) => row.1 += 1,
            None => error.labels.push((label, 1)),
        }
        if error.exchanges.len() < MOST_EXCHANGES {
            error.exchanges.extend(exchange());
        }
    }

    /// The sentence of the first one.
    pub(super) fn first(&self) -> Option<String> {
        let (failure, _) = self.0.first()?;
        Some(failure.key().message)
    }

    fn entry(&mut self, failure: Failure) -> &mut ErrorCount {
        let known = self.0.iter().position(|row| row.0 == failure);
        let at = known.unwrap_or_else(|| {
            // The last places are reserved for "further errors", one for each cause.
            let failure = if self.0.len() >= MOST_ERRORS - Cause::ALL.len() {
                Failure::further_errors(failure.cause)
            } else {
                failure
            };
            match self.0.iter().position(|row| row.0 == failure) {
                Some(at) => at,
                None => {
                    self.0.push((failure, ErrorCount::default()));
                    self.0.len() - 1
                }
            }
        });
        &mut self.0[at].1
    }

    /// The errors by key, with the names of labels. Different failures may have the
    /// same key.
    pub(super) fn into_tallies(self, labels: &[String]) -> BTreeMap<ErrorKey, ErrorTally> {
        let mut all: BTreeMap<ErrorKey, ErrorTally> = BTreeMap::new();
        for (failure, count) in self.0 {
            let tally = all.entry(failure.key()).or_default();
            tally.merge(&count.into_tally(labels));
        }
        all
    }
}

impl Recorder {
    /// The sentence of the first failure.
    pub(crate) fn first_failure(&self) -> Option<String> {
        self.errors.first()
    }

    /// Requests that were sent so far.
    pub(crate) fn sent(&self) -> u64 {
        self.account.sent
    }
}

impl ErrorCount {
    fn into_tally(self, labels: &[String]) -> ErrorTally {
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
