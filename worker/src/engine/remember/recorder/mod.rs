//! The recorder of a load thread: its tally, its seconds, its errors. The walkers
//! say what happened and when; it knows nothing of sockets or schedules.
//!
//! Every number is added to the account and to the current second together, so
//! the seconds that are sent add up to the final account exactly.

mod errors;
pub(crate) use errors::too_many_labels_warning;
pub(crate) mod transactions;
mod waiting;

use self::errors::ErrorTable;
use self::waiting::Waiting;
use crate::engine::failure::{Exhausted, Failure};
use crate::engine::remember::series::Series;
use crate::engine::{ThreadResult, ThreadSecond};
use dlt_core::judge::verdict;
use dlt_core::measure::account::Account;
use dlt_core::measure::generator::GeneratorSums;
use dlt_core::measure::http_version::HttpVersion;
use dlt_core::measure::kept::{KeptExchange, KeptExchanges};
use dlt_core::measure::reading::Reading;
use dlt_core::measure::sample::{Cause, Outcome, Reach, Sample, Timed};
use dlt_core::measure::second::{LabelSecond, Second};
use dlt_core::measure::silence::Silence;
use dlt_core::measure::tally::{Exchange, LabelTally, MOST_LABELS, OTHER_LABEL, Phases};
use dlt_core::messages::timeline::MOST_TIMELINE_LABELS;
use std::collections::{BTreeMap, HashMap};
use tokio::sync::mpsc::UnboundedSender;

const SECOND_US: u64 = 1_000_000;

/// Records the load of one thread.
#[derive(Debug)]
pub(crate) struct Recorder {
    thread: usize,
    seconds: UnboundedSender<ThreadSecond>,
    /// Whether the load is open: then response times count from the due time.
    open: bool,
    account: Account,
    labels: Vec<LabelTally>,
    /// Names of the labels that follow those of the plan.
    added: Vec<String>,
    /// All labels by name, once there are others than those of the plan.
    known: HashMap<String, usize>,
    phases: Phases,
    errors: ErrorTable,
    series: Vec<Series>,
    /// Attempts that found something where they went.
    answers: u64,
    waiting: Waiting,
    users: u64,
    first_due_us: Option<u64>,
    first_sent_us: Option<u64>,
    last_done_us: u64,
    ports_exhausted: u64,
    files_exhausted: u64,
    reading: Reading,
    exchanges: KeptExchanges,
    /// Users of closed load.
    closed_users: u64,
    /// Until when their time is counted, µs.
    user_time_until_us: u64,
    bad_seconds: Vec<u64>,
    transactions: Vec<transactions::Transactions>,
    current: CurrentSecond,
}

/// The second that is being filled.
#[derive(Debug, Default)]
struct CurrentSecond {
    second: u64,
    end_us: u64,
    flow: Second,
    /// Attempts that found nothing.
    silence: Silence,
    causes: [u64; Cause::ALL.len()],
    labels: Vec<LabelSecond>,
}

/// A request that has ended.
#[derive(Debug)]
pub(crate) struct FinishedRequest<'a> {
    pub(crate) label: usize,
    pub(crate) sample: &'a Sample,
    pub(crate) outcome: Outcome,
    /// Whether a user of closed load waited for it.
    pub(crate) closed: bool,
    /// Whether it was sent a second time.
    pub(crate) resent: bool,
    /// The version of HTTP of its answer, if its head was read.
    pub(crate) version: Option<HttpVersion>,
}

impl Recorder {
    /// A recorder for `labels` labels of the plan.
    pub(crate) fn new(
        thread: usize,
        labels: usize,
        open: bool,
        seconds: UnboundedSender<ThreadSecond>,
    ) -> Self {
        // Above the limit there is no timeline by label (`messages::timeline`).
        let series = if labels > MOST_TIMELINE_LABELS {
            0
        } else {
            labels
        };
        Self {
            thread,
            seconds,
            open,
            account: Account::default(),
            labels: vec![LabelTally::default(); labels],
            added: Vec::new(),
            known: HashMap::new(),
            phases: Phases::default(),
            errors: ErrorTable::default(),
            series: vec![Series::default(); series],
            answers: 0,
            waiting: Waiting::default(),
            users: 0,
            first_due_us: None,
            first_sent_us: None,
            last_done_us: 0,
            ports_exhausted: 0,
            files_exhausted: 0,
            reading: Reading::default(),
            exchanges: KeptExchanges::default(),
            closed_users: 0,
            user_time_until_us: 0,
            bad_seconds: Vec::new(),
            transactions: Vec::new(),
            current: CurrentSecond {
                end_us: SECOND_US,
                labels: vec![LabelSecond::default(); series],
                ..CurrentSecond::default()
            },
        }
    }

    /// Records that the plan has a request due at `due_us`. In closed load this is
    /// when a user begins; the first request after it shows the start's skew.
    pub(crate) fn request_due(&mut self, due_us: u64) {
        self.first_due_us = Some(self.first_due_us.map_or(due_us, |first| first.min(due_us)));
    }

    /// The index of a varying label; `fixed` are the labels of the plan. Beyond the
    /// limit, and with `known_only` for one that is new, it is that of
    /// [`OTHER_LABEL`].
    pub(crate) fn label_index(&mut self, name: &str, fixed: &[String], known_only: bool) -> usize {
        if self.known.is_empty() {
            self.known.extend(fixed.iter().cloned().zip(0..));
        }
        let name = match self.known.get(name) {
            Some(index) => return *index,
            // The last place is reserved for all others.
            None if known_only || self.labels.len() >= MOST_LABELS - 1 => OTHER_LABEL,
            None => name,
        };
        if let Some(index) = self.known.get(name) {
            return *index;
        }
        let index = self.labels.len();
        self.known.insert(name.to_owned(), index);
        self.added.push(name.to_owned());
        self.labels.push(LabelTally::default());
        if index < MOST_TIMELINE_LABELS {
            self.series.push(Series::default());
            self.current.labels.push(LabelSecond::default());
        } else if !self.series.is_empty() {
            // Above the limit there is no timeline by label.
            self.series.clear();
            for second in self.current.labels.drain(..) {
                self.current.flow.latency.merge(&second.latency);
                self.current
                    .flow
                    .latency_failed
                    .merge(&second.latency_failed);
            }
        }
        index
    }

    /// An arrival begins its steps.
    pub(crate) fn arrival_began(&mut self) {
        self.users += 1;
    }

    /// An arrival has ended its steps.
    pub(crate) fn arrival_ended(&mut self) {
        self.users = self.users.saturating_sub(1);
    }

    /// A user of closed load begins.
    pub(crate) fn user_began(&mut self, now_us: u64) {
        self.close_seconds_until(now_us);
        self.count_user_time(now_us);
        self.users += 1;
        self.closed_users += 1;
    }

    /// A user of closed load ends.
    pub(crate) fn user_ended(&mut self, now_us: u64) {
        self.close_seconds_until(now_us);
        self.count_user_time(now_us);
        self.users = self.users.saturating_sub(1);
        self.closed_users = self.closed_users.saturating_sub(1);
    }

    fn count_user_time(&mut self, until_us: u64) {
        let passed_us = until_us.saturating_sub(self.user_time_until_us);
        self.current.flow.user_time_us += self.closed_users * passed_us;
        self.user_time_until_us = self.user_time_until_us.max(until_us);
    }

    /// A request begins; `arrival_us` is its due time if it is the first of an
    /// arrival. The due time of a later request depends on answers, so it does not
    /// measure the lag of the generator.
    #[inline]
    pub(crate) fn request_began(&mut self, arrival_us: Option<u64>, now_us: u64) {
        self.close_seconds_until(now_us);
        self.waiting.begin();
        let due_us = arrival_us.unwrap_or(now_us);
        self.account.scheduled += 1;
        self.current.flow.scheduled += 1;
        if self.first_sent_us.is_none() {
            self.first_sent_us = Some(now_us);
        }
        self.request_due(due_us);
        if arrival_us.is_some() {
            let lag_us = now_us.saturating_sub(due_us);
            self.phases.lag.record(lag_us);
            self.current.flow.lag.record(lag_us);
        }
    }

    /// A request is handed to a connection.
    #[inline]
    pub(crate) fn request_sent(&mut self) {
        self.account.sent += 1;
        self.current.flow.sent += 1;
    }

    /// A request's repetition opened a connection.
    pub(crate) fn reconnected(&mut self, took_us: u64) {
        self.phases.connect.record(took_us);
    }

    /// A request got no connection; [`Self::request_finished`] follows.
    #[cold]
    pub(crate) fn request_unconnected(&mut self) {
        self.account.unconnected += 1;
        self.current.flow.unconnected += 1;
    }

    /// `count` arrivals, the first due at `due_us`, are not sent: too many requests
    /// are in flight, or the load is over.
    pub(crate) fn arrivals_dropped(&mut self, count: u64, due_us: u64, now_us: u64) {
        self.close_seconds_until(now_us);
        self.account.scheduled += count;
        self.account.dropped += count;
        self.current.flow.scheduled += count;
        self.current.flow.dropped += count;
        self.request_due(due_us);
    }

    /// A request ended.
    #[inline]
    pub(crate) fn request_finished(&mut self, finished: &FinishedRequest<'_>) {
        let &FinishedRequest {
            label,
            sample,
            outcome,
            ..
        } = finished;
        self.close_seconds_until(sample.read_us.max(sample.done_us));
        self.count_read_delay(finished);
        self.labels[label].record(sample, outcome);
        if let Some(version) = finished.version {
            self.labels[label].versions.count(version);
        }
        let response_us = sample.done_us.saturating_sub(sample.due_us);
        let ok = outcome.cause.is_none();
        // Of ok samples, as response times are. In closed load it is equal to the
        // response time, which the labels have: see `finish`.
        if self.open && ok {
            let service_us = sample.done_us.saturating_sub(sample.sent_us);
            self.phases.service.record(service_us);
        }
        if let Some(connected_us) = sample.connected_us {
            let took_us = connected_us.saturating_sub(sample.sent_us);
            self.phases.connect.record(took_us);
        }
        if let Some(first_us) = sample.first_byte_us.filter(|_| ok) {
            self.phases
                .first_byte
                .record(first_us.saturating_sub(sample.sent_us));
        }
        self.waiting.end(sample.sent_us / SECOND_US);
        self.last_done_us = self.last_done_us.max(sample.done_us);
        let current = &mut self.current;
        current.flow.bytes += sample.bytes_received;
        match outcome.cause {
            None => {
                self.answers += 1;
                self.account.ok += 1;
                current.flow.ok += 1;
            }
            Some(cause) => {
                self.account.failed += 1;
                current.flow.failed += 1;
                current.causes[cause as usize] += 1;
                match cause.reach() {
                    // Any byte is an answer.
                    _ if sample.first_byte_us.is_some() => self.answers += 1,
                    Reach::There => self.answers += 1,
                    Reach::Missing => current.silence.add(sample.sent_us / SECOND_US),
                    Reach::Unknown => {}
                }
            }
        }
        match current.labels.get_mut(label) {
            // `close_second` adds up those of the labels.
            Some(second) if ok => {
                second.latency.record(response_us);
                second.ok += 1;
            }
            Some(second) => {
                second.latency_failed.record(response_us);
                second.failed += 1;
            }
            None if ok => current.flow.latency.record(response_us),
            None => current.flow.latency_failed.record(response_us),
        }
    }

    /// A request of [`Self::request_finished`] has failed. `exchange` is called only
    /// while another one can be saved.
    pub(crate) fn request_failed(
        &mut self,
        label: usize,
        done_us: u64,
        failure: Failure,
        exchange: impl FnOnce() -> Option<Exchange>,
    ) {
        match failure.exhausted {
            Some(Exhausted::Ports) => self.ports_exhausted += 1,
            Some(Exhausted::Files) => self.files_exhausted += 1,
            None => {}
        }
        self.errors.add(label, done_us, failure, exchange);
    }

    /// Keeps an exchange of a run that is tried once; `fixed` are the labels of the plan.
    #[cold]
    pub(crate) fn exchange_kept(
        &mut self,
        label: usize,
        fixed: &[String],
        mut exchange: KeptExchange,
    ) {
        let added = label.checked_sub(fixed.len());
        let name = fixed.get(label).or_else(|| self.added.get(added?));
        exchange.label = name.cloned().unwrap_or_default();
        self.exchanges.add(exchange);
    }

    /// Counts how long a complete answer was in the kernel, and how that is known.
    #[inline]
    fn count_read_delay(&mut self, finished: &FinishedRequest<'_>) {
        if finished.resent {
            self.account.resent += 1;
            self.current.flow.resent += 1;
        }
        let sample = finished.sample;
        let Some(timed) = sample.timed else {
            return;
        };
        let delay_us = sample.read_us.saturating_sub(sample.done_us);
        match timed {
            Timed::Stamp => self.reading.stamped += 1,
            Timed::Missing => self.reading.missing += 1,
            Timed::Implausible => self.reading.implausible += 1,
        }
        self.current.flow.unstamped += u64::from(timed != Timed::Stamp);
        self.reading.delay.record(delay_us);
        if finished.closed {
            self.current.flow.read_delay_us += delay_us;
        }
    }

    /// Sends every second that has ended by `now_us`.
    #[inline]
    pub(crate) fn close_seconds_until(&mut self, now_us: u64) {
        while now_us >= self.current.end_us {
            self.close_second();
        }
    }

    #[cold]
    fn close_second(&mut self) {
        self.count_user_time(self.current.end_us);
        let current = &mut self.current;
        let mut flow = std::mem::take(&mut current.flow);
        self.reading.user_time_us += flow.user_time_us;
        self.reading.lost_us += flow.read_delay_us;
        flow.second = current.second;
        flow.users = self.users;
        let mut top = None;
        for cause in Cause::ALL {
            let count = std::mem::take(&mut current.causes[cause as usize]);
            if count > 0 {
                flow.causes.push((cause.name().to_owned(), count));
                top = top.max(Some((count, cause)));
            }
        }
        flow.causes.sort();
        for (series, second) in self.series.iter_mut().zip(&mut current.labels) {
            flow.latency.merge(&second.latency);
            flow.latency_failed.merge(&second.latency_failed);
            series.push(current.second, std::mem::take(second));
        }
        // The receiver keeps it to the end of the run.
        flow.latency.shrink_to_fit();
        flow.latency_failed.shrink_to_fit();
        flow.lag.shrink_to_fit();
        let lag_p99_us = flow.lag.quantile_us(0.99).map_or(0, |us| us as u64);
        if verdict::is_bad_second(&flow) {
            self.bad_seconds.push(current.second);
        }
        let mut silence = std::mem::take(&mut current.silence);
        silence.waiting_since_s = self.waiting.next_second();
        // Without a receiver the load goes on: the result has everything.
        let _ = self.seconds.send(ThreadSecond {
            thread: self.thread,
            second: flow,
            lag_p99_us,
            answers: self.answers,
            silence,
            top_cause: top.map(|row| row.1),
        });
        current.second += 1;
        current.end_us += SECOND_US;
    }

    /// Requests that have begun and not ended.
    pub(crate) fn in_flight(&self) -> u64 {
        let account = &self.account;
        account.scheduled - account.dropped - account.ok - account.failed - account.unfinished
    }

    /// Ends the load: requests in flight become unfinished, and the last second is
    /// sent.
    pub(crate) fn finish(mut self, labels: &[String], now_us: u64) -> ThreadResult {
        self.close_seconds_until(now_us);
        self.count_user_time(now_us);
        self.closed_users = 0;
        let unfinished = self.in_flight();
        self.account.unfinished += unfinished;
        self.current.flow.unfinished += unfinished;
        // Requests that were still connecting never reached the target.
        let account = &self.account;
        let connecting = account.scheduled - account.dropped - account.sent - account.unconnected;
        self.account.unconnected += connecting;
        self.current.flow.unconnected += connecting;
        self.users = 0;
        self.close_second();
        if !self.open {
            for label in &self.labels {
                self.phases.service.merge(&label.response);
            }
        }
        let names = [labels, &self.added].concat();
        ThreadResult {
            account: self.account,
            errors: self.errors.into_tallies(&names),
            names,
            labels: self.labels,
            phases: self.phases,
            transactions: BTreeMap::new(),
            series: self.series,
            first_due_us: self.first_due_us,
            first_sent_us: self.first_sent_us,
            last_done_us: self.last_done_us,
            ports_exhausted: self.ports_exhausted,
            files_exhausted: self.files_exhausted,
            reading: self.reading,
            exchanges: self.exchanges,
            generator: GeneratorSums::default(),
            bad_seconds: self.bad_seconds,
            cut_us: 0,
            warnings: Vec::new(),
            notices: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests;
