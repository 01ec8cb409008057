//! Where a walker is in its flow: it follows the flat operations of `plan::Flow` from one
//! request or pause to the next, and times the transactions around them. Nothing here waits.

use super::Walker;
use crate::engine::make::session::Session;
use crate::engine::remember::recorder::Recorder;
use crate::engine::remember::recorder::transactions::EndedTransaction;
use crate::engine::walk::group::GroupRun;
use dlt_core::measure::sample::{Outcome, Sample};
use dlt_core::scenario::plan::{Budget, Flow, Operation};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Shortest pass of a loop, or round of a user, that neither sends nor waits, µs: it must not take a
/// thread from the others, and it ends when the load does.
pub(crate) const EMPTY_PASS_US: u64 = 10_000;
/// Stands for a loop's end that the walk has not come to.
const NO_PASS: u64 = u64::MAX;
/// How long a condition may be looked at: as an answer.
const LONGEST_LOOK: Duration = Duration::from_secs(1);

/// What a walker does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Takes the request of this number.
    Request(usize),
    /// Waits so long, µs.
    Pause(u64),
    /// Closes the stream that the step of this number opened.
    Close(usize),
    /// Its walk is over.
    Done,
    /// Its user ends.
    Leave,
}

/// Where a walker is.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The next operation.
    place: usize,
    /// How often something was sent or waited for in this walk.
    acts: u32,
    /// Walks that were begun.
    walks: u64,
    /// Passes that loops have left, and behind them of each end of a loop what `acts` was at its last pass.
    counters: Box<[u64]>,
    /// Transactions, by their numbers in the group.
    open: Box<[OpenTransaction]>,
    /// Whether a request is the next of an arrival's first, without a pause before it.
    pub(super) is_first: bool,
}

/// A transaction of a walk.
#[derive(Debug, Clone, Copy, Default)]
struct OpenTransaction {
    /// Whether the walk is inside of it.
    is_open: bool,
    /// When its first request was due, or sent where nothing is due; None before.
    begun_us: Option<u64>,
    /// When its last answer ended, µs.
    done_us: u64,
    /// The sum of its requests' response times, µs.
    sum_us: u64,
    bytes_received: u64,
    bytes_sent: u64,
    /// How its first failed request failed.
    failed: Option<Outcome>,
}

/// How many ends of loops stand in front of a place.
fn ends_before(flow: &Flow, place: usize) -> usize {
    let before = flow.operations[..place].iter();
    before
        .filter(|it| matches!(it, Operation::Again(_)))
        .count()
}

impl Progress {
    pub(super) fn of(group: &GroupRun) -> Self {
        let flow = &group.plan().flow;
        Self {
            counters: vec![0; flow.counters + ends_before(flow, flow.operations.len())].into(),
            open: vec![OpenTransaction::default(); flow.transactions.len()].into(),
            ..Self::default()
        }
    }

    /// Begins at the first operation, for a user's next walk.
    pub(super) fn begin(&mut self) {
        self.place = 0;
        self.acts = 0;
        self.counters.fill(NO_PASS);
        self.walks += 1;
        self.is_first = true;
        // What an earlier walk left was cut.
        self.open.fill(OpenTransaction::default());
    }

    /// Begins for somebody who has walked nothing.
    pub(super) fn reset(&mut self) {
        self.walks = 0;
    }

    /// A request begins, due at `due_us`.
    #[inline]
    pub(super) fn request_began(&mut self, group: &GroupRun, due_us: u64) {
        self.is_first = false;
        if !self.open.is_empty() {
            self.begin_transactions(&mut group.recorder(), group, due_us);
        }
    }

    #[cold]
    fn begin_transactions(&mut self, recorder: &mut Recorder, group: &GroupRun, due_us: u64) {
        let numbers = &group.prepared().transactions;
        for (open, number) in self.open.iter_mut().zip(numbers) {
            if open.is_open && open.begun_us.is_none() {
                open.begun_us = Some(due_us);
                recorder.transaction_began(*number);
            }
        }
    }

    /// A request has ended.
    #[inline]
    pub(super) fn request_finished(&mut self, sample: &Sample, outcome: Outcome) {
        if !self.open.is_empty() {
            self.add(sample, outcome);
        }
    }

    #[cold]
    fn add(&mut self, sample: &Sample, outcome: Outcome) {
        for open in self.open.iter_mut().filter(|open| open.is_open) {
            open.done_us = open.done_us.max(sample.done_us);
            open.sum_us += sample.done_us.saturating_sub(sample.due_us);
            open.bytes_received += sample.bytes_received;
            open.bytes_sent += sample.bytes_sent;
            if outcome.cause.is_some() && open.failed.is_none() {
                open.failed = Some(outcome);
            }
        }
    }

    /// The walk is at the end of a transaction. One without a request is none.
    fn end_transaction(&mut self, group: &GroupRun, number: usize) {
        let Some(open) = self.open.get_mut(number).map(std::mem::take) else {
            return;
        };
        let Some(begun_us) = open.begun_us else {
            return;
        };
        let duration_us = match group.plan().flow.transactions[number].include_timers {
            true => open.done_us.saturating_sub(begun_us),
            false => open.sum_us,
        };
        let ok = Outcome {
            status: None,
            cause: None,
        };
        let ended = EndedTransaction {
            duration_us,
            bytes_received: open.bytes_received,
            bytes_sent: open.bytes_sent,
            outcome: open.failed.unwrap_or(ok),
        };
        let number = group.prepared().transactions[number];
        group.recorder().transaction_ended(number, &ended);
    }
}

impl Walker {
    /// Begins a walk through the flow.
    pub(crate) fn begin_walk(&mut self) {
        self.progress.begin();
        self.client.begin_round();
        // What an earlier walk left was cut.
        self.stream = None;
    }

    /// Whether the next request is the first of the first walk, without a pause before it.
    #[inline]
    pub(crate) fn is_first_request(&self) -> bool {
        self.progress.is_first && self.progress.walks == 1
    }

    /// Whether the walk so far has sent nothing and waited for nothing.
    pub(crate) fn walk_is_empty(&self) -> bool {
        self.progress.acts == 0
    }

    /// What is next.
    #[inline]
    pub(crate) fn next_action(&mut self) -> Action {
        let operations = &self.group.plan().flow.operations;
        if let Some(Operation::Request(n)) = operations.get(self.progress.place) {
            let n = *n;
            self.progress.place += 1;
            self.progress.acts = self.progress.acts.wrapping_add(1);
            return Action::Request(n);
        }
        self.next_of_blocks()
    }

    #[cold]
    fn next_of_blocks(&mut self) -> Action {
        let group = self.group.clone();
        let flow = &group.plan().flow;
        loop {
            let Some(operation) = flow.operations.get(self.progress.place) else {
                return Action::Done;
            };
            let next = self.progress.place + 1;
            match operation {
                Operation::Request(n) => {
                    self.progress.place = next;
                    self.progress.acts = self.progress.acts.wrapping_add(1);
                    return Action::Request(*n);
                }
                Operation::Pause(pause) => {
                    self.progress.place = next;
                    self.progress.is_first = false;
                    let us = pause.draw_us(&mut self.random);
                    self.progress.acts = self.progress.acts.wrapping_add(u32::from(us > 0));
                    return Action::Pause(us);
                }
                Operation::Again(place) => {
                    let end = flow.counters + ends_before(flow, self.progress.place);
                    self.progress.place = *place;
                    let acts = u64::from(self.progress.acts);
                    // What a loop inside of it has sent counts for both.
                    if std::mem::replace(&mut self.progress.counters[end], acts) == acts {
                        self.progress.is_first = false;
                        return Action::Pause(EMPTY_PASS_US);
                    }
                }
                Operation::Close(n) => {
                    self.progress.place = next;
                    return Action::Close(*n);
                }
                Operation::EndWalk => {
                    self.end_open(&group);
                    return Action::Done;
                }
                Operation::EndUser => {
                    self.end_open(&group);
                    return Action::Leave;
                }
                decision => self.progress.place = self.decide(&group, decision, next),
            }
        }
    }

    /// Where the walk goes on behind an operation that takes no time; `next` is the place behind
    /// it.
    fn decide(&mut self, group: &GroupRun, operation: &Operation, next: usize) -> usize {
        match operation {
            Operation::Jump(place) => *place,
            Operation::Unless(condition, place) => match self.holds(group, *condition) {
                true => next,
                false => *place,
            },
            Operation::Count { counter, times } => {
                self.progress.counters[*counter] = *times;
                next
            }
            Operation::Counted { counter, end } => {
                let left = &mut self.progress.counters[*counter];
                match left.checked_sub(1) {
                    Some(fewer) => {
                        *left = fewer;
                        next
                    }
                    None => *end,
                }
            }
            Operation::Choose(choices) => {
                let all = choices.last().map_or(1, |last| last.below);
                let drawn = self.random.below(all);
                let chosen = choices.iter().find(|choice| drawn < choice.below);
                chosen.map_or(next, |choice| choice.place)
            }
            Operation::OnlyFirst(place) => match self.progress.walks {
                1 => next,
                _ => *place,
            },
            Operation::UnlessOpen(place) => match self.has_stream() {
                true => next,
                false => {
                    self.end_skipped(group, next..*place);
                    *place
                }
            },
            Operation::Begin(number) => {
                self.progress.open[*number] = OpenTransaction {
                    is_open: true,
                    ..OpenTransaction::default()
                };
                next
            }
            Operation::End(number) => {
                self.progress.end_transaction(group, *number);
                next
            }
            Operation::Request(_)
            | Operation::Pause(_)
            | Operation::Close(_)
            | Operation::Again(_)
            | Operation::EndWalk
            | Operation::EndUser => next,
        }
    }

    /// Transactions whose ends the walk does not come to, since their stream is no longer open.
    fn end_skipped(&mut self, group: &GroupRun, skipped: std::ops::Range<usize>) {
        let operations = &group.plan().flow.operations;
        for operation in operations.get(skipped).unwrap_or_default() {
            if let Operation::End(number) = operation {
                self.progress.end_transaction(group, *number);
            }
        }
    }

    /// A walk that is ended by its scenario ends its transactions, too.
    fn end_open(&mut self, group: &Rc<GroupRun>) {
        for number in 0..self.progress.open.len() {
            self.progress.end_transaction(group, number);
        }
    }

    /// Whether a condition holds with the values that the walker has now.
    fn holds(&self, group: &GroupRun, number: usize) -> bool {
        let condition = group.condition(number);
        let texts = &group.prepared().conditions[number];
        let nothing = Session::default();
        let session = self.session.as_deref().unwrap_or(&nothing);
        let until = Instant::now() + LONGEST_LOOK;
        let in_time = || Instant::now() < until;
        let value = |place: usize| texts[place].text(session);
        let judged = condition.judge(&value, &Budget::new(&in_time));
        if judged.is_doubtful {
            group.notice(format!(
                "scenario {}: the condition {:?} was about a value that is no number, or took too long, and did not hold there",
                group.plan().name,
                condition.text
            ));
        }
        judged.holds
    }
}
