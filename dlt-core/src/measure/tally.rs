//! A tally: any stretch of samples, summed. Merging is addition, so threads,
//! runners and regions add up to the run exactly.
//!
//! Times of ok and of failed samples are kept apart (decision 40), so that the
//! numbers of either, and of both together, are exact. The recorder of the engine
//! fills tallies; reports carry them; summaries read them. Nothing here decides
//! whether a sample is good.

use crate::measure::account::Account;
use crate::measure::http_version::VersionCounts;
use crate::measure::latencies::Latencies;
use crate::measure::sample::{Cause, Outcome, Sample};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Most labels a run keeps apart (decision 16); the rest goes to [`OTHER_LABEL`].
pub const MOST_LABELS: usize = 2_000;
/// Where samples of labels beyond the limit go.
pub const OTHER_LABEL: &str = "[other]";
/// Most different errors (cause, code, message) a tally keeps apart.
pub const MOST_ERRORS: usize = 200;
/// Message of what is beyond [`MOST_ERRORS`].
pub const FURTHER_ERRORS: &str = "further errors";
/// Most saved exchanges of one error (decision 15).
pub const MOST_EXCHANGES: usize = 3;
/// Most bytes of one side of a saved exchange.
pub const LONGEST_EXCHANGE_BYTES: usize = 2_048;
/// Most bytes of an error's message.
pub const LONGEST_MESSAGE_BYTES: usize = 300;

/// Exact count and sum of a phase, in µs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PhaseSum {
    /// How many samples had this phase.
    pub count: u64,
    /// Their sum, µs.
    pub sum_us: u128,
}

impl PhaseSum {
    /// Counts a sample by its time, µs.
    #[inline]
    pub fn add(&mut self, value_us: u64) {
        self.count += 1;
        self.sum_us += u128::from(value_us);
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum_us += other.sum_us;
    }
}

/// How many samples ended one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutcomeCount {
    /// The way they ended.
    pub outcome: Outcome,
    /// How many samples.
    pub count: u64,
}

/// The samples of one label.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LabelTally {
    /// Ended ok.
    pub ok: u64,
    /// Ended failed.
    pub failed: u64,
    /// Bytes read.
    pub bytes_received: u64,
    /// Bytes written.
    pub bytes_sent: u64,
    /// Response time of ok samples, µs: done − due in open load, done − sent in
    /// closed load. Of all samples where those were never kept apart: see
    /// [`Tally::times_over`].
    pub response: Latencies,
    /// The same of failed samples; it costs nothing while there are none.
    pub response_failed: Latencies,
    /// Time to connect, of all samples that opened a connection.
    pub connect: PhaseSum,
    /// Time from sent to first byte, of all samples that got one.
    pub first_byte: PhaseSum,
    /// Ways in which samples ended, first seen first.
    pub outcomes: Vec<OutcomeCount>,
    /// Answers by their version of HTTP, as far as it is known.
    pub versions: VersionCounts,
}

impl LabelTally {
    /// Counts one finished sample.
    #[inline]
    pub fn record(&mut self, sample: &Sample, outcome: Outcome) {
        let response = if outcome.cause.is_none() {
            self.ok += 1;
            &mut self.response
        } else {
            self.failed += 1;
            &mut self.response_failed
        };
        response.record(sample.done_us.saturating_sub(sample.due_us));
        self.bytes_received += sample.bytes_received;
        self.bytes_sent += sample.bytes_sent;
        if let Some(connected) = sample.connected_us {
            self.connect.add(connected.saturating_sub(sample.sent_us));
        }
        if let Some(first) = sample.first_byte_us {
            self.first_byte.add(first.saturating_sub(sample.sent_us));
        }
        self.count_outcome(outcome, 1);
    }

    /// Counts `count` more of an outcome.
    #[inline]
    pub fn count_outcome(&mut self, outcome: Outcome, count: u64) {
        match self.outcomes.iter_mut().find(|row| row.outcome == outcome) {
            Some(row) => row.count += count,
            None => self.outcomes.push(OutcomeCount { outcome, count }),
        }
    }

    /// Adds another tally.
    pub fn merge(&mut self, other: &Self) {
        self.ok += other.ok;
        self.failed += other.failed;
        self.bytes_received += other.bytes_received;
        self.bytes_sent += other.bytes_sent;
        self.response.merge(&other.response);
        self.response_failed.merge(&other.response_failed);
        self.connect.merge(&other.connect);
        self.first_byte.merge(&other.first_byte);
        self.versions.merge(&other.versions);
        for row in &other.outcomes {
            self.count_outcome(row.outcome, row.count);
        }
    }

    /// Response times of all samples, µs.
    pub fn response_all(&self) -> Cow<'_, Latencies> {
        if self.response_failed.count() == 0 {
            return Cow::Borrowed(&self.response);
        }
        let mut all = self.response.clone();
        all.merge(&self.response_failed);
        Cow::Owned(all)
    }

    /// Whether each histogram is of its own kind of samples.
    pub fn is_apart(&self) -> bool {
        self.response.count() == self.ok && self.response_failed.count() == self.failed
    }

    /// Puts the times of all samples into `response`.
    pub fn put_together(&mut self) {
        let failed = std::mem::take(&mut self.response_failed);
        self.response.merge(&failed);
    }
}

/// Histograms of the run as a whole, µs. What times an answer is of ok samples,
/// as response times are, so that the parts of a response and the whole are of
/// the same requests; connections and lag are those of all samples, for neither
/// depends on how the request ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Phases {
    /// done − sent, of ok samples.
    pub service: Latencies,
    /// connected − sent, of new connections.
    pub connect: Latencies,
    /// first byte − sent, of ok samples.
    pub first_byte: Latencies,
    /// sent − due: how late the generator was. Empty in closed load.
    pub lag: Latencies,
}

impl Phases {
    /// Adds the histograms of another stretch.
    pub fn merge(&mut self, other: &Self) {
        self.service.merge(&other.service);
        self.connect.merge(&other.connect);
        self.first_byte.merge(&other.first_byte);
        self.lag.merge(&other.lag);
    }
}

/// One saved exchange of a failure, bounded, secrets redacted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exchange {
    /// What was sent: request line and headers.
    pub request: String,
    /// What came back, as far as it came.
    pub response: String,
}

/// What distinguishes one error from another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErrorKey {
    /// The cause.
    pub cause: Cause,
    /// A status, or a script engine's class.
    pub code: Option<String>,
    /// A sentence that a person understands, without varying parts.
    pub message: String,
}

impl ErrorKey {
    /// Where this error goes when there are too many different ones.
    pub fn further(&self) -> Self {
        Self {
            cause: self.cause,
            code: None,
            message: FURTHER_ERRORS.to_owned(),
        }
    }
}

/// How often an error was met, when and where.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ErrorTally {
    /// How many samples.
    pub count: u64,
    /// First met, µs since start.
    pub first_us: u64,
    /// Last met, µs since start.
    pub last_us: u64,
    /// Samples by label.
    pub labels: BTreeMap<String, u64>,
    /// Up to [`MOST_EXCHANGES`].
    pub exchanges: Vec<Exchange>,
}

impl ErrorTally {
    /// Counts `count` more under a label; beyond [`MOST_LABELS`] under [`OTHER_LABEL`].
    pub fn count_in(&mut self, label: &str, count: u64) {
        let fits = self.labels.len() < MOST_LABELS || self.labels.contains_key(label);
        let label = if fits { label } else { OTHER_LABEL };
        match self.labels.get_mut(label) {
            Some(known) => *known += count,
            None => {
                self.labels.insert(label.to_owned(), count);
            }
        }
    }

    /// Adds another tally of the same error.
    pub fn merge(&mut self, other: &Self) {
        self.first_us = match self.count {
            0 => other.first_us,
            _ => self.first_us.min(other.first_us),
        };
        self.last_us = self.last_us.max(other.last_us);
        self.count += other.count;
        for (label, count) in &other.labels {
            self.count_in(label, *count);
        }
        let room = MOST_EXCHANGES.saturating_sub(self.exchanges.len());
        self.exchanges
            .extend(other.exchanges.iter().take(room).cloned());
    }
}

/// Which samples times are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TimesOver {
    /// Ok ones; those of failed ones stand beside.
    #[default]
    Ok,
    /// All: they were never kept apart, as by every dlt before reports of format 2.
    All,
}

impl TimesOver {
    /// The value where the field is missing, as an older dlt left it: all.
    pub fn before() -> Self {
        Self::All
    }

    /// Adds another: all samples, if either is of all.
    pub fn merge(&mut self, other: Self) {
        if other == Self::All {
            *self = Self::All;
        }
    }
}

/// The transactions of one name: groups of requests that are timed as one. They are counted beside
/// requests and are in no account, no label and no total, so that nothing is counted twice.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TransactionTally {
    /// Those that ended. Each is one sample: ok if all of its requests were; else it failed as
    /// its first failed request did. Bytes are those of its requests; it connects nothing.
    pub samples: LabelTally,
    /// Those whose first request was begun and whose end was not reached.
    pub unfinished: u64,
}

impl TransactionTally {
    /// Adds another tally.
    pub fn merge(&mut self, other: &Self) {
        self.samples.merge(&other.samples);
        self.unfinished += other.unfinished;
    }

    /// How many were begun.
    pub fn begun(&self) -> u64 {
        self.samples.ok + self.samples.failed + self.unfinished
    }
}

/// A whole tally: account, labels, phases and errors.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tally {
    /// Where every request went.
    pub account: Account,
    /// Finished samples by label; beyond [`MOST_LABELS`] under [`OTHER_LABEL`].
    pub labels: BTreeMap<String, LabelTally>,
    /// Histograms of all labels together.
    pub phases: Phases,
    /// Failed samples by error; beyond [`MOST_ERRORS`] without code and message.
    pub errors: BTreeMap<ErrorKey, ErrorTally>,
    /// Transactions by name, counted beside all else.
    pub transactions: BTreeMap<String, TransactionTally>,
    /// Samples whose label was beyond [`MOST_LABELS`].
    pub overflowed: u64,
    /// Bytes of answers that belong to no label: k6 tells them of all requests together.
    pub bytes_beside: u64,
    /// What `response` of some label, and the phases, are of: all samples if a
    /// part of this was read from a report of format 1 with failures.
    pub times_over: TimesOver,
}

impl Tally {
    /// Adds another tally. Labels and errors beyond the limits fold into
    /// [`OTHER_LABEL`] and an error without message, counted, never lost.
    pub fn merge(&mut self, other: &Self) {
        self.account.merge(&other.account);
        self.phases.merge(&other.phases);
        self.overflowed += other.overflowed;
        self.bytes_beside += other.bytes_beside;
        self.times_over.merge(other.times_over);
        for (label, tally) in &other.labels {
            self.label_for(label, tally).merge(tally);
        }
        for (key, error) in &other.errors {
            self.add_error(key, error);
        }
        for (name, transaction) in &other.transactions {
            let known = self.transactions.entry(name.clone()).or_default();
            known.merge(transaction);
        }
    }

    /// Adds to a label; beyond [`MOST_LABELS`] to [`OTHER_LABEL`].
    pub fn add_label(&mut self, label: &str, tally: LabelTally) {
        let known = self.label_for(label, &tally);
        // The first of a label is taken as it is: reading a report copies nothing.
        if *known == LabelTally::default() {
            *known = tally;
        } else {
            known.merge(&tally);
        }
    }

    /// The tally to which samples of a label go; counts those of `tally` if they fold.
    fn label_for(&mut self, label: &str, tally: &LabelTally) -> &mut LabelTally {
        let fits = self.labels.len() < MOST_LABELS || self.labels.contains_key(label);
        let label = if fits { label } else { OTHER_LABEL };
        if !fits {
            self.overflowed += tally.ok + tally.failed;
        }
        self.labels.entry(label.to_owned()).or_default()
    }

    /// Adds to an error; beyond [`MOST_ERRORS`] to one without code and message.
    pub fn add_error(&mut self, key: &ErrorKey, tally: &ErrorTally) {
        if let Some(known) = self.errors.get_mut(key) {
            return known.merge(tally);
        }
        let key = match self.errors.len() < MOST_ERRORS {
            true => key.clone(),
            false => key.further(),
        };
        self.errors.entry(key).or_default().merge(tally);
    }

    /// All labels as one: the overall group.
    pub fn overall(&self) -> LabelTally {
        let mut overall = LabelTally::default();
        self.labels.values().for_each(|label| overall.merge(label));
        overall.bytes_received += self.bytes_beside;
        overall
    }
}

#[cfg(test)]
mod tests;
