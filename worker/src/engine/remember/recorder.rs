//! What a load thread remembers: its tally, its seconds, its errors. It is told
//! what happened and when; it knows nothing of sockets or schedules.
//!
//! Every number goes into the account and into the current second together, so
//! the seconds that were sent add up to the final account exactly.

mod errors;

use self::errors::Errors;
use crate::engine::failure::{Exhausted, Failure};
use crate::engine::{ThreadResult, ThreadSecond};
use dlt_core::judge::verdict;
use dlt_core::measure::account::Account;
use dlt_core::measure::generator::GeneratorSums;
use dlt_core::measure::reading::Reading;
use dlt_core::measure::sample::{Cause, Outcome, Sample, Timed};
use dlt_core::measure::second::{LabelSecond, Second};
use dlt_core::measure::tally::{Exchange, LabelTally, MOST_LABELS, OTHER_LABEL, Phases};
use dlt_core::messages::timeline::{MOST_TIMELINE_LABELS, stretch_of};
use std::collections::{BTreeMap, HashMap};
use tokio::sync::mpsc::UnboundedSender;

const SECOND_US: u64 = 1_000_000;

/// One thread's memory.
#[derive(Debug)]
pub(crate) struct Recorder {
    thread: usize,
    seconds: UnboundedSender<ThreadSecond>,
    /// Whether samples count from the plan; then lag is what may be bad.
    open: bool,
    account: Account,
    labels: Vec<LabelTally>,
    /// Names of the labels behind those of the plan.
    added: Vec<String>,
    /// All labels by name, once there are others than those of the plan.
    known: HashMap<String, usize>,
    phases: Phases,
    errors: Errors,
    series: Vec<Vec<LabelSecond>>,
    answers: u64,
    users: u64,
    first_due_us: Option<u64>,
    first_sent_us: Option<u64>,
    last_done_us: u64,
    ports_exhausted: u64,
    files_exhausted: u64,
    reading: Reading,
    /// Users of closed load, and until when their time is counted.
    closed_users: u64,
    counted_us: u64,
    bad_seconds: Vec<u64>,
    now: Current,
}

/// The second that is being filled.
#[derive(Debug, Default)]
struct Current {
    second: u64,
    end_us: u64,
    flow: Second,
    causes: [u64; Cause::ALL.len()],
    labels: Vec<LabelSecond>,
}

/// What is said when there are too many labels.
pub(crate) fn too_many_labels() -> String {
    format!(
        "more than {MOST_LABELS} labels: the others are counted together as {OTHER_LABEL}; give requests labels that do not vary"
    )
}

/// A request that has ended, as the recorder is told of it.
#[derive(Debug)]
pub(crate) struct Finished<'a> {
    pub(crate) label: usize,
    pub(crate) sample: &'a Sample,
    pub(crate) outcome: Outcome,
    /// Whether a user of closed load waited for it.
    pub(crate) closed: bool,
    /// It was sent a second time.
    pub(crate) resent: bool,
}

impl Recorder {
    /// An empty memory for `labels` labels.
    pub(crate) fn new(
        thread: usize,
        labels: usize,
        open: bool,
        seconds: UnboundedSender<ThreadSecond>,
    ) -> Self {
        // Above the limit there is no timeline by label (timeline.rs of core).
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
            errors: Errors::default(),
            series: vec![Vec::new(); series],
            answers: 0,
            users: 0,
            first_due_us: None,
            first_sent_us: None,
            last_done_us: 0,
            ports_exhausted: 0,
            files_exhausted: 0,
            reading: Reading::default(),
            closed_users: 0,
            counted_us: 0,
            bad_seconds: Vec::new(),
            now: Current {
                end_us: SECOND_US,
                labels: vec![LabelSecond::default(); series],
                ..Current::default()
            },
        }
    }

    /// The plan lets a first request go at `due_us`: in closed load that is
    /// when its first user begins, and how late it left is the start's skew.
    pub(crate) fn wanted(&mut self, due_us: u64) {
        self.first_due_us = Some(self.first_due_us.map_or(due_us, |first| first.min(due_us)));
    }

    /// The index of a label that is not in the plan's order; `fixed` are those
    /// that are. Beyond the limit it is that of [`OTHER_LABEL`].
    pub(crate) fn label(&mut self, name: &str, fixed: &[String]) -> usize {
        if self.known.is_empty() {
            self.known.extend(fixed.iter().cloned().zip(0..));
        }
        let name = match self.known.get(name) {
            Some(index) => return *index,
            // The last place is for all others.
            None if self.labels.len() >= MOST_LABELS - 1 => OTHER_LABEL,
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
            self.series.push(Vec::new());
            self.now.labels.push(LabelSecond::default());
        } else if !self.series.is_empty() {
            // Above the limit there is no timeline by label.
            self.series.clear();
            for second in self.now.labels.drain(..) {
                self.now.flow.latency.merge(&second.latency);
                self.now.flow.latency_failed.merge(&second.latency_failed);
            }
        }
        index
    }

    /// An arrival is on its way.
    pub(crate) fn arrival_in(&mut self) {
        self.users += 1;
    }

    /// The contrary.
    pub(crate) fn arrival_out(&mut self) {
        self.users = self.users.saturating_sub(1);
    }

    /// A user of closed load begins.
    pub(crate) fn user_in(&mut self, now_us: u64) {
        self.roll_to(now_us);
        self.count_user_time(now_us);
        self.users += 1;
        self.closed_users += 1;
    }

    /// The contrary.
    pub(crate) fn user_out(&mut self, now_us: u64) {
        self.roll_to(now_us);
        self.count_user_time(now_us);
        self.users = self.users.saturating_sub(1);
        self.closed_users = self.closed_users.saturating_sub(1);
    }

    fn count_user_time(&mut self, until_us: u64) {
        let passed_us = until_us.saturating_sub(self.counted_us);
        self.now.flow.user_time_us += self.closed_users * passed_us;
        self.counted_us = self.counted_us.max(until_us);
    }

    /// A request begins now; `arrival_us` is when the plan wanted it, if it is
    /// the first of an arrival. Those that follow from answers are no measure
    /// of how punctual the generator is, and first due is never one of them.
    #[inline]
    pub(crate) fn begun(&mut self, arrival_us: Option<u64>, now_us: u64) {
        self.roll_to(now_us);
        let due_us = arrival_us.unwrap_or(now_us);
        self.account.scheduled += 1;
        self.now.flow.scheduled += 1;
        if self.first_sent_us.is_none() {
            self.first_sent_us = Some(now_us);
        }
        self.wanted(due_us);
        if arrival_us.is_some() {
            let lag_us = now_us.saturating_sub(due_us);
            self.phases.lag.record(lag_us);
            self.now.flow.lag.record(lag_us);
        }
    }

    /// A request that has begun is handed to a connection.
    #[inline]
    pub(crate) fn sent(&mut self) {
        self.account.sent += 1;
        self.now.flow.sent += 1;
    }

    /// A request that has begun found no connection; [`Self::done`] follows.
    #[cold]
    pub(crate) fn unconnected(&mut self) {
        self.account.unconnected += 1;
        self.now.flow.unconnected += 1;
    }

    /// `count` requests, the first due at `due_us`, are not sent: too many are
    /// in flight, or the load is over.
    pub(crate) fn dropped(&mut self, count: u64, due_us: u64, now_us: u64) {
        self.roll_to(now_us);
        self.account.scheduled += count;
        self.account.dropped += count;
        self.now.flow.scheduled += count;
        self.now.flow.dropped += count;
        self.wanted(due_us);
    }

    /// A request ended.
    #[inline]
    pub(crate) fn done(&mut self, finished: &Finished<'_>) {
        let &Finished {
            label,
            sample,
            outcome,
            ..
        } = finished;
        self.roll_to(sample.read_us.max(sample.done_us));
        self.read(finished);
        self.labels[label].record(sample, outcome);
        let response_us = sample.done_us.saturating_sub(sample.due_us);
        let ok = outcome.cause.is_none();
        // Of ok samples, as response times are. In closed load it is the response
        // time, which labels have: see `finish`.
        if self.open && ok {
            let service_us = sample.done_us.saturating_sub(sample.sent_us);
            self.phases.service.record(service_us);
        }
        if let Some(connected_us) = sample.connected_us {
            self.phases
                .connect
                .record(connected_us.saturating_sub(sample.sent_us));
        }
        if let Some(first_us) = sample.first_byte_us.filter(|_| ok) {
            self.phases
                .first_byte
                .record(first_us.saturating_sub(sample.sent_us));
        }
        self.answers += u64::from(outcome.status.is_some());
        self.last_done_us = self.last_done_us.max(sample.done_us);
        let now = &mut self.now;
        now.flow.bytes += sample.bytes_received;
        match outcome.cause {
            None => {
                self.account.ok += 1;
                now.flow.ok += 1;
            }
            Some(cause) => {
                self.account.failed += 1;
                now.flow.failed += 1;
                now.causes[cause as usize] += 1;
            }
        }
        match now.labels.get_mut(label) {
            // `roll` adds the labels' up.
            Some(second) if ok => {
                second.latency.record(response_us);
                second.ok += 1;
            }
            Some(second) => {
                second.latency_failed.record(response_us);
                second.failed += 1;
            }
            None if ok => now.flow.latency.record(response_us),
            None => now.flow.latency_failed.record(response_us),
        }
    }

    /// The error of a request that was told to [`Self::done`]. `exchange` is
    /// asked for only while there is room for another.
    pub(crate) fn error(
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

    /// How long a complete answer lay in the kernel, and how that is known.
    #[inline]
    fn read(&mut self, finished: &Finished<'_>) {
        if finished.resent {
            self.account.resent += 1;
            self.now.flow.resent += 1;
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
        self.now.flow.unstamped += u64::from(timed != Timed::Stamp);
        self.reading.delay.record(delay_us);
        if finished.closed {
            self.now.flow.read_delay_us += delay_us;
        }
    }

    /// Sends every second that is over at `now_us`.
    #[inline]
    pub(crate) fn roll_to(&mut self, now_us: u64) {
        while now_us >= self.now.end_us {
            self.roll();
        }
    }

    #[cold]
    fn roll(&mut self) {
        self.count_user_time(self.now.end_us);
        let now = &mut self.now;
        let mut flow = std::mem::take(&mut now.flow);
        self.reading.user_time_us += flow.user_time_us;
        self.reading.lost_us += flow.read_delay_us;
        flow.second = now.second;
        flow.users = self.users;
        let mut top = None;
        for cause in Cause::ALL {
            let count = std::mem::take(&mut now.causes[cause as usize]);
            if count > 0 {
                flow.causes.push((cause.name().to_owned(), count));
                top = top.max(Some((count, cause)));
            }
        }
        flow.causes.sort();
        for (series, second) in self.series.iter_mut().zip(&mut now.labels) {
            flow.latency.merge(&second.latency);
            flow.latency_failed.merge(&second.latency_failed);
            keep_second(series, now.second, std::mem::take(second));
        }
        // Whoever takes it keeps it to the end of the run.
        flow.latency.shrink_to_fit();
        flow.latency_failed.shrink_to_fit();
        flow.lag.shrink_to_fit();
        let lag_p99_us = flow.lag.quantile_us(0.99).map_or(0, |us| us as u64);
        if verdict::is_bad_second(&flow) {
            self.bad_seconds.push(now.second);
        }
        // Nobody listening is no reason to stop: the result still tells all.
        let _ = self.seconds.send(ThreadSecond {
            thread: self.thread,
            second: flow,
            lag_p99_us,
            answers: self.answers,
            top_cause: top.map(|row| row.1),
        });
        now.second += 1;
        now.end_us += SECOND_US;
    }

    /// Requests begun that have not ended.
    pub(crate) fn in_flight(&self) -> u64 {
        let account = &self.account;
        account.scheduled - account.dropped - account.ok - account.failed - account.unfinished
    }

    /// The load is over: what is still in flight is unfinished, the last
    /// second is sent, and everything handed over.
    pub(crate) fn finish(mut self, labels: &[String], now_us: u64) -> ThreadResult {
        self.roll_to(now_us);
        self.count_user_time(now_us);
        self.closed_users = 0;
        let unfinished = self.in_flight();
        self.account.unfinished += unfinished;
        self.now.flow.unfinished += unfinished;
        // What was still connecting never was with the target.
        let account = &self.account;
        let connecting = account.scheduled - account.dropped - account.sent - account.unconnected;
        self.account.unconnected += connecting;
        self.now.flow.unconnected += connecting;
        self.users = 0;
        self.roll();
        if !self.open {
            for label in &self.labels {
                self.phases.service.merge(&label.response);
            }
        }
        let names = [labels, &self.added].concat();
        ThreadResult {
            account: self.account,
            errors: self.errors.named(&names),
            names,
            labels: self.labels,
            phases: self.phases,
            series: self.series,
            first_due_us: self.first_due_us,
            first_sent_us: self.first_sent_us,
            last_done_us: self.last_done_us,
            ports_exhausted: self.ports_exhausted,
            files_exhausted: self.files_exhausted,
            reading: self.reading,
            generator: GeneratorSums::default(),
            bad_seconds: self.bad_seconds,
            warnings: Vec::new(),
            notices: BTreeMap::new(),
        }
    }
}

/// Adds a label's second to its series, at the timeline's resolution.
fn keep_second(series: &mut Vec<LabelSecond>, second: u64, row: LabelSecond) {
    if row.ok + row.failed == 0 {
        return;
    }
    let stretch = stretch_of(second);
    match series.last_mut() {
        Some(last) if last.second == stretch => last.merge(&row),
        _ => {
            let mut row = row;
            row.second = stretch;
            // It is kept to the end of the run.
            row.latency.shrink_to_fit();
            row.latency_failed.shrink_to_fit();
            series.push(row);
        }
    }
}

#[cfg(test)]
mod tests;
