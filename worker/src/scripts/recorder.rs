//! Adds up what a tool tells: the tally, the seconds as they end, the errors. As in the engine's
//! recorder every number goes into the account and into a second together, so that seconds add up
//! to the account. Times are the tool's; nothing here corrects them.

use super::sample::{Told, ToolSample};
use crate::engine::{LabelRows, LoadResult, Series, ThreadSecond, redact_message};
use dlt_core::measure::sample::{Cause, Outcome, Reach, Sample};
use dlt_core::measure::second::{LabelSecond, Second, add_cause};
use dlt_core::measure::silence::Silence;
use dlt_core::measure::tally::{
    ErrorKey, ErrorTally, LONGEST_MESSAGE_BYTES, LabelTally, MOST_LABELS, OTHER_LABEL, Tally,
};
use dlt_core::messages::timeline::MOST_TIMELINE_LABELS;
use dlt_core::scenario::cut_label;
use std::collections::{BTreeMap, HashMap};
use tokio::sync::mpsc::UnboundedSender;

const SECOND_US: u64 = 1_000_000;
/// How long after its end a second is kept open: tools write in pieces, k6 each half second.
const OPEN_US: u64 = 1_500_000;
/// A row that is older than this was stamped by a clock that was set since, µs.
const LONGEST_DELAY_US: u64 = 10_000_000;
/// Most names of checks that are told apart.
const MOST_CHECKS: usize = 100;

/// Where samples of a label go.
#[derive(Debug)]
struct Label {
    name: String,
    tally: LabelTally,
    series: Series,
}

/// A second that is being filled.
#[derive(Debug, Default)]
struct OpenSecond {
    flow: Second,
    silence: Silence,
    /// By the index of the label.
    labels: BTreeMap<usize, LabelSecond>,
}

/// Records the load of one tool.
#[derive(Debug)]
pub(super) struct Recorder {
    /// The start instant, µs since the Unix epoch.
    start_us: u64,
    /// Values that no message shows.
    secrets: Vec<String>,
    /// None once the load is over.
    seconds: Option<UnboundedSender<ThreadSecond>>,
    tally: Tally,
    labels: Vec<Label>,
    known: HashMap<String, usize>,
    errors: BTreeMap<ErrorKey, ErrorTally>,
    open: BTreeMap<u64, OpenSecond>,
    /// Seconds before this one were sent.
    next_second: u64,
    users: u64,
    answers: u64,
    last_done_us: u64,
    checks: BTreeMap<String, (u64, u64)>,
    groups: u64,
    unreadable: u64,
    late: u64,
}

impl Recorder {
    /// A recorder of a load that starts at `start_us`, µs since the Unix epoch.
    pub fn new(
        start_us: u64,
        secrets: Vec<String>,
        seconds: UnboundedSender<ThreadSecond>,
    ) -> Self {
        Self {
            start_us,
            secrets,
            seconds: Some(seconds),
            tally: Tally::default(),
            labels: Vec::new(),
            known: HashMap::new(),
            errors: BTreeMap::new(),
            open: BTreeMap::new(),
            next_second: 0,
            users: 0,
            answers: 0,
            last_done_us: 0,
            checks: BTreeMap::new(),
            groups: 0,
            unreadable: 0,
            late: 0,
        }
    }

    /// Requests that have ended.
    pub fn samples(&self) -> u64 {
        self.tally.account.ok + self.tally.account.failed
    }

    /// Takes what the tool tells; `now_us` is since the start.
    pub fn add(&mut self, told: Told<'_>, now_us: u64) {
        match told {
            told if !told.is_possible() => self.unreadable += 1,
            Told::Sample(sample) => self.add_sample(&sample, now_us),
            Told::Users(users) => self.users = users,
            Told::Dropped(count) => {
                self.tally.account.scheduled += count;
                self.tally.account.dropped += count;
                let second = self.second_of(now_us);
                second.flow.scheduled += count;
                second.flow.dropped += count;
            }
            Told::Cut => {
                let account = &mut self.tally.account;
                account.scheduled += 1;
                account.sent += 1;
                account.unfinished += 1;
                let flow = &mut self.second_of(now_us).flow;
                flow.scheduled += 1;
                flow.sent += 1;
                flow.unfinished += 1;
            }
            Told::Bytes(bytes) => {
                self.tally.bytes_beside += bytes;
                self.second_of(now_us).flow.bytes += bytes;
            }
            Told::Checked { name, holds } => self.add_check(&name, holds),
            Told::Group => self.groups += 1,
            Told::Unreadable => self.unreadable += 1,
        }
    }

    fn add_check(&mut self, name: &str, holds: bool) {
        let fits = self.checks.len() < MOST_CHECKS || self.checks.contains_key(name);
        let name = if fits { name } else { OTHER_LABEL };
        let row = match self.checks.get_mut(name) {
            Some(row) => row,
            None => self.checks.entry(cut_label(name)).or_default(),
        };
        row.0 += u64::from(!holds);
        row.1 += 1;
    }

    fn add_sample(&mut self, sample: &ToolSample<'_>, now_us: u64) {
        let done_us = sample.end_us.saturating_sub(self.start_us);
        // None ends after it was read, nor long before: then a clock was set.
        let done_us = done_us.clamp(now_us.saturating_sub(LONGEST_DELAY_US), now_us);
        let cause = sample.failure.as_ref().map(|failure| failure.cause);
        let outcome = Outcome {
            status: sample.status,
            cause,
        };
        // As one that began with the load: what counts are the times between.
        let timed = Sample {
            connected_us: sample.connect_us,
            first_byte_us: sample.first_byte_us,
            done_us: sample.response_us,
            bytes_received: sample.bytes_received,
            bytes_sent: sample.bytes_sent,
            ..Sample::default()
        };
        let label = self.label_of(&sample.label);
        self.labels[label].tally.record(&timed, outcome);
        self.count(sample, cause, done_us);
        self.put_in_second(label, sample, cause, done_us);
        if let Some(failure) = &sample.failure {
            let key = ErrorKey {
                cause: failure.cause,
                code: failure.code.clone(),
                message: bounded(&failure.message, &self.secrets),
            };
            self.add_error(key, label, done_us);
        }
    }

    fn count(&mut self, sample: &ToolSample<'_>, cause: Option<Cause>, done_us: u64) {
        let account = &mut self.tally.account;
        account.scheduled += 1;
        account.sent += 1;
        if cause.is_none() {
            account.ok += 1;
        } else {
            account.failed += 1;
        }
        let phases = &mut self.tally.phases;
        if let Some(us) = sample.connect_us {
            phases.connect.record(us);
        }
        if let (None, Some(us)) = (cause, sample.first_byte_us) {
            phases.first_byte.record(us);
        }
        self.last_done_us = self.last_done_us.max(done_us);
        let found = cause.is_none_or(|cause| cause.reach() == Reach::There);
        self.answers += u64::from(found || sample.status.is_some());
    }

    fn put_in_second(
        &mut self,
        label: usize,
        sample: &ToolSample<'_>,
        cause: Option<Cause>,
        done_us: u64,
    ) {
        if done_us / SECOND_US < self.next_second {
            self.late += 1;
        }
        let began_s = done_us.saturating_sub(sample.response_us) / SECOND_US;
        let has_series = label < MOST_TIMELINE_LABELS;
        let second = self.second_of(done_us);
        let flow = &mut second.flow;
        flow.scheduled += 1;
        flow.sent += 1;
        flow.bytes += sample.bytes_received;
        let us = sample.response_us;
        if let Some(cause) = cause {
            flow.failed += 1;
            flow.latency_failed.record(us);
            add_cause(&mut flow.causes, cause.name(), 1);
            if sample.status.is_none() && cause.reach() == Reach::Missing {
                second.silence.add(began_s);
            }
        } else {
            flow.ok += 1;
            flow.latency.record(us);
        }
        if has_series {
            let row = second.labels.entry(label).or_default();
            match cause {
                None => {
                    row.ok += 1;
                    row.latency.record(us);
                }
                Some(_) => {
                    row.failed += 1;
                    row.latency_failed.record(us);
                }
            }
        }
    }

    /// The second of an instant, or the first that was not sent yet.
    fn second_of(&mut self, at_us: u64) -> &mut OpenSecond {
        let second = (at_us / SECOND_US).max(self.next_second);
        self.open.entry(second).or_default()
    }

    /// The index of a label; beyond the limit that of [`OTHER_LABEL`].
    fn label_of(&mut self, name: &str) -> usize {
        if let Some(at) = self.known.get(name) {
            return *at;
        }
        let label = match self.labels.len() < MOST_LABELS {
            true => cut_label(name),
            false => OTHER_LABEL.to_owned(),
        };
        let at = self.labels.iter().position(|known| known.name == label);
        let at = at.unwrap_or_else(|| {
            self.labels.push(Label {
                name: label.clone(),
                tally: LabelTally::default(),
                series: Series::default(),
            });
            self.labels.len() - 1
        });
        // Names beyond the limit are looked for each time, so that the table stays bounded.
        if label != OTHER_LABEL {
            self.known.insert(name.to_owned(), at);
        }
        at
    }

    fn add_error(&mut self, key: ErrorKey, label: usize, done_us: u64) {
        let fits = self.errors.len() < dlt_core::measure::tally::MOST_ERRORS
            || self.errors.contains_key(&key);
        let key = if fits { key } else { key.further() };
        let error = self.errors.entry(key).or_default();
        if error.count == 0 {
            error.first_us = done_us;
        }
        error.first_us = error.first_us.min(done_us);
        error.last_us = error.last_us.max(done_us);
        error.count += 1;
        error.count_in(&self.labels[label].name, 1);
    }

    /// Sends every second that is over and will get no row any more.
    pub fn close_seconds(&mut self, now_us: u64) {
        while now_us >= (self.next_second + 1) * SECOND_US + OPEN_US {
            self.close_second();
        }
    }

    fn close_second(&mut self) {
        let open = self.open.remove(&self.next_second).unwrap_or_default();
        let mut flow = open.flow;
        flow.second = self.next_second;
        flow.users = self.users;
        let top = flow.causes.iter().max_by_key(|row| row.1);
        let top_cause = top.and_then(|row| Cause::parse(&row.0));
        for (at, row) in open.labels {
            self.labels[at].series.push(self.next_second, row);
        }
        flow.latency.shrink_to_fit();
        flow.latency_failed.shrink_to_fit();
        let second = ThreadSecond {
            thread: 0,
            second: flow,
            lag_p99_us: 0,
            answers: self.answers,
            silence: open.silence,
            top_cause,
        };
        if let Some(seconds) = &self.seconds {
            // Without a receiver the load goes on: the result has everything.
            let _ = seconds.send(second);
        }
        self.next_second += 1;
    }

    /// Ends the load at `now_us`: every second is sent. What is told afterwards is of nobody.
    pub fn finish(&mut self, now_us: u64) -> LoadResult {
        let last = self.open.keys().next_back().copied().unwrap_or(0);
        self.users = 0;
        while self.next_second <= last.max(now_us / SECOND_US) {
            self.close_second();
        }
        // Nobody waits for further ones.
        self.seconds = None;
        let warnings = self.warnings();
        let has_series = self.labels.len() <= MOST_TIMELINE_LABELS;
        let mut series = Vec::new();
        let mut tally = std::mem::take(&mut self.tally);
        for label in std::mem::take(&mut self.labels) {
            if label.name == OTHER_LABEL {
                tally.overflowed += label.tally.ok + label.tally.failed;
            }
            tally.phases.service.merge(&label.tally.response);
            if has_series {
                series.push(LabelRows::of(label.name.clone(), label.series));
            }
            tally.labels.insert(label.name, label.tally);
        }
        tally.errors = std::mem::take(&mut self.errors);
        self.known.clear();
        LoadResult {
            tally,
            labels: series,
            last_done_us: self.last_done_us,
            warnings,
            ..LoadResult::default()
        }
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for (name, (failed, of)) in &self.checks {
            if *failed > 0 {
                warnings.push(format!(
                    "the script's check {name:?} failed {failed} of {of} times; a check of a script does not make a request fail"
                ));
            }
        }
        if self.groups > 0 {
            warnings.push(format!(
                "{} groups of requests that the script times as one are no requests and are not counted",
                self.groups
            ));
        }
        if self.unreadable > 0 {
            warnings.push(format!(
                "{} lines of the tool's samples could not be read and are missing",
                self.unreadable
            ));
        }
        if self.late > 0 {
            warnings.push(format!(
                "{} samples came late and are counted in a later second; the sums hold",
                self.late
            ));
        }
        warnings
    }
}

/// A message as errors keep it: one line, cut at a character.
fn bounded(text: &str, secrets: &[String]) -> String {
    let line = text.lines().next().unwrap_or_default().trim();
    let mut end = line.len().min(LONGEST_MESSAGE_BYTES);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    without(&line[..end], secrets)
}

/// A text without what is secret in it: by its form, and the values that a tool was given.
pub(super) fn without(text: &str, secrets: &[String]) -> String {
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
    redact_message(&dlt_core::safety::redacted_text(text), &secrets)
}

#[cfg(test)]
mod tests;
