//! The transactions of a load thread: how many of each were begun, and what came of those that
//! ended.

use super::Recorder;
use dlt_core::measure::sample::{Outcome, Sample};
use dlt_core::measure::tally::{LabelTally, TransactionTally};
use std::collections::BTreeMap;

/// The transactions of one name.
#[derive(Debug, Default, Clone)]
pub(super) struct Transactions {
    begun: u64,
    ended: LabelTally,
}

/// A transaction that has ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EndedTransaction {
    pub(crate) duration_us: u64,
    pub(crate) bytes_received: u64,
    pub(crate) bytes_sent: u64,
    pub(crate) outcome: Outcome,
}

impl Recorder {
    /// The same for so many transactions of the plan.
    pub(crate) fn with_transactions(mut self, count: usize) -> Self {
        self.transactions = vec![Transactions::default(); count];
        self
    }

    /// The first request of a transaction begins.
    pub(crate) fn transaction_began(&mut self, number: usize) {
        if let Some(row) = self.transactions.get_mut(number) {
            row.begun += 1;
        }
    }

    /// A transaction that has begun ends.
    pub(crate) fn transaction_ended(&mut self, number: usize, ended: &EndedTransaction) {
        if let Some(row) = self.transactions.get_mut(number) {
            let sample = Sample {
                done_us: ended.duration_us,
                bytes_received: ended.bytes_received,
                bytes_sent: ended.bytes_sent,
                ..Sample::default()
            };
            row.ended.record(&sample, ended.outcome);
        }
    }

    /// What came of all, whose names stand in the order of their numbers; those that have not
    /// ended are unfinished.
    pub(crate) fn take_transactions(
        &mut self,
        names: &[String],
    ) -> BTreeMap<String, TransactionTally> {
        let rows = std::mem::take(&mut self.transactions).into_iter();
        let tallies = rows.map(|row| TransactionTally {
            unfinished: row.begun - row.ended.ok - row.ended.failed,
            samples: row.ended,
        });
        names.iter().cloned().zip(tallies).collect()
    }
}
