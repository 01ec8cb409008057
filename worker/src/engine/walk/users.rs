//! Closed load: one task for each user, active while the curve is above it. A user
//! sends its next request when the last answer is read and its think time is over.

use crate::engine::walk::group::GroupRun;
use crate::engine::walk::walker::{Action, EMPTY_PASS_US, StepOutcome, Walker};
use dlt_core::load::share::Lot;
use smallvec::SmallVec;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

/// Shortest pause of a user whose request got no connection, µs: without an answer
/// to wait for it would do nothing but try again.
const UNCONNECTED_PAUSE_US: u64 = 10_000;

/// How a round through the steps ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RoundOutcome {
    /// After its last step, or because a request could not be made.
    Done,
    /// Because the user's time was over.
    PastEnd,
    /// Before its first step: the user has no row of data left.
    NoRow,
    /// Because the requests of the run are all begun (`total-requests`).
    AllBegun,
    /// Because the scenario ends the user.
    Left,
}

/// A user of this thread.
struct User {
    /// Among those of this thread, from 0.
    place: u64,
    /// Among those of the run, from 0. Where each runner has users of its own, their numbers
    /// have gaps if the last runners have fewer.
    number: u64,
    /// The curve's value above which it is active.
    level: u64,
    /// When it is active, from and to, µs: mostly once.
    spans: SmallVec<[(u64, u64); 1]>,
    /// How often the load had been changed when they were computed.
    changes: u64,
}

impl User {
    /// The span that has begun or begins next; None if none is left.
    fn span(&mut self, group: &GroupRun) -> Option<(u64, u64)> {
        let now_us = group.clock.now_us();
        if now_us >= group.end_us.get() {
            return None;
        }
        if self.changes != group.changes() {
            self.changes = group.changes();
            self.spans = group.curve().user_spans(self.level).into();
        }
        self.spans.retain(|span| span.1 > now_us);
        self.spans.first().copied()
    }

    /// Until when its requests may begin, µs; 0 while it is not active.
    fn until_us(&mut self, group: &GroupRun) -> u64 {
        if self.changes != group.changes() {
            self.span(group);
        }
        let now_us = group.clock.now_us();
        match self.spans.first() {
            // A span that begins later is another one.
            Some(&(from_us, to_us)) if from_us <= now_us => to_us.min(group.end_us.get()),
            _ => 0,
        }
    }
}

/// A thread's part of a `throughput` cap: requests at a fixed interval, which changes with the load.
/// Unused time is not saved up.
#[derive(Debug)]
struct ThroughputCap {
    /// Requests per second of all threads of this runner, or of the run where its users are the run's.
    rate: f64,
    /// The users of this thread.
    lot: Lot,
    /// The most users that are planned.
    planned: u64,
    next_ns: Cell<u64>,
    /// How often the load had been changed when that was computed.
    changes: Cell<u64>,
    /// When the change came into force with which turns are given, µs.
    in_force_us: Cell<u64>,
}

impl ThroughputCap {
    /// Waits for the next request's turn. Turns that were given before the load was changed are given
    /// anew: they may lie far ahead.
    async fn wait(&self, group: &GroupRun) {
        loop {
            let at_us = self.reserve(group);
            // A change is heard of before it comes into force.
            let changed_us = group.changed_at_us();
            let is_ahead = (group.clock.now_us()..at_us).contains(&changed_us);
            tokio::select! {
                () = sleep_until(group.clock.instant_at(at_us)) => return,
                () = group.changed.notified() => {}
                () = sleep_until(group.clock.instant_at(changed_us)), if is_ahead => {}
            }
        }
    }

    /// Reserves the next request; returns when it may be sent, µs.
    fn reserve(&self, group: &GroupRun) -> u64 {
        let now_us = group.clock.now_us();
        let is_new = self.changes.replace(group.changes()) != group.changes();
        let changed_us = group.changed_at_us();
        let comes = now_us >= changed_us && self.in_force_us.replace(changed_us) != changed_us;
        if is_new || comes {
            self.next_ns.set(0);
        }
        let at_ns = self.next_ns.get().max(now_us * 1_000);
        self.next_ns.set(at_ns + self.interval_ns(group, now_us));
        at_ns / 1_000
    }

    fn interval_ns(&self, group: &GroupRun, now_us: u64) -> u64 {
        // By users and not by threads: the parts must add up to the cap, and a
        // thread without users makes no use of one.
        let (users, factor) = match group.changes() {
            0 => (self.planned, 1.0),
            // Who is active now: threads may have users that were not planned.
            _ => (
                group.curve().value_at(now_us).ceil() as u64,
                group.factor_at(now_us),
            ),
        };
        // In a pause nobody has a turn.
        let factor = if factor > 0.0 { factor } else { 1.0 };
        let users = users.max(1);
        let part = self.lot.count(users).max(1) as f64 / users as f64;
        (1e9 / (self.rate * part * factor).max(1e-6)) as u64
    }
}

/// Which users of a thread are active, or will be without being begun again.
type Begun = Rc<RefCell<Vec<bool>>>;

/// Runs a group's users on thread `thread` until its end; where each has a number of rounds, until
/// all are through. Cancelled, it ends earlier.
pub(crate) async fn run(group: &Rc<GroupRun>, thread: u64, tasks: &mut JoinSet<()>) {
    tokio::select! {
        () = run_users(group, thread, tasks) => {}
        // Then neither pauses nor users yet to come have anything to send.
        () = group.all_begun() => {}
    }
}

async fn run_users(group: &Rc<GroupRun>, thread: u64, tasks: &mut JoinSet<()>) {
    let cap = cap_of(group, thread).map(Rc::new);
    let begun = Begun::default();
    let ends_itself = group.plan().load.ends_by_count();
    loop {
        let mut users = users_of(group, thread, &begun).into_iter().peekable();
        let changes = group.changes();
        while changes == group.changes() {
            let now_us = group.clock.now_us();
            while let Some(user) = users.next_if(|user| user.spans[0].0 <= now_us) {
                begun.borrow_mut()[user.place as usize] = true;
                let run = run_user(group.clone(), user, cap.clone(), begun.clone());
                tasks.spawn_local(run);
            }
            let next = users.peek().map(|user| user.spans[0].0);
            if next.is_none() {
                // Gives the memory of ten thousand back that are begun.
                users = Vec::new().into_iter().peekable();
            }
            if next.is_none() && tasks.is_empty() && ends_itself {
                return;
            }
            let at = group.clock.instant_at(next.unwrap_or_default());
            tokio::select! {
                () = sleep_until(at), if next.is_some() => {}
                // Frees users that have ended while the ramp goes on.
                Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
                () = group.changed.notified() => {}
            }
        }
    }
}

/// This thread's users that are not active, by the time they begin.
fn users_of(group: &GroupRun, thread: u64, begun: &Begun) -> Vec<User> {
    let load = &group.plan().load;
    let curve = group.curve();
    let now_us = group.clock.now_us();
    let lot = group.load().users_of(load, thread);
    // The first users are active whenever later ones are, so that those who would find
    // nothing left to send need not begin.
    let count = lot.count(curve.peak().ceil() as u64);
    let count = count.min(group.requests_left());
    let mut begun = begun.borrow_mut();
    if begun.len() < count as usize {
        begun.resize(count as usize, false);
    }
    let mut users: Vec<User> = (0..count)
        .filter(|place| !begun[*place as usize])
        .map(|place| User {
            place,
            number: match load.per_task {
                true => group.load().lot.nth(lot.nth(place)),
                false => lot.nth(place),
            },
            level: lot.nth(place),
            spans: SmallVec::from_slice(&curve.user_spans(lot.nth(place))),
            changes: group.changes(),
        })
        .filter_map(|mut user| {
            if group.changes() > 0 {
                user.spans.retain(|span| span.1 > now_us);
            }
            (!user.spans.is_empty()).then_some(user)
        })
        .collect();
    users.sort_by_key(|user| user.spans[0].0);
    users
}

/// This thread's part of the cap.
fn cap_of(group: &GroupRun, thread: u64) -> Option<ThroughputCap> {
    let load = &group.plan().load;
    let rate = load.throughput.filter(|rate| *rate > 0.0)?;
    let runners = if load.per_task {
        group.load().lot.fraction()
    } else {
        1.0
    };
    Some(ThroughputCap {
        rate: rate * runners,
        lot: group.load().users_of(load, thread),
        planned: load.model.curve().peak().ceil() as u64,
        next_ns: Cell::new(0),
        changes: Cell::new(0),
        in_force_us: Cell::new(0),
    })
}

/// One user: its rounds within its spans. In a pause it waits, with its connection and its values.
#[expect(
    clippy::manual_async_fn,
    reason = "an async function holds its arguments twice, here for each of ten thousand users"
)]
fn run_user(
    group: Rc<GroupRun>,
    mut user: User,
    cap: Option<Rc<ThroughputCap>>,
    begun: Begun,
) -> impl Future<Output = ()> {
    async move {
        let mut walker = Walker::new(group.clone(), user.number);
        let mut rounds_left = group.plan().load.iterations.unwrap_or(u64::MAX);
        while rounds_left > 0 {
            let Some((from_us, _)) = user.span(&group) else {
                if group.factor() == 0.0 && group.clock.now_us() < group.end_us.get() {
                    group.changed.notified().await;
                    continue;
                }
                begun.borrow_mut()[user.place as usize] = false;
                return;
            };
            if group.clock.now_us() < from_us {
                tokio::select! {
                    () = sleep_until(group.clock.instant_at(from_us)) => {}
                    () = group.changed.notified() => continue,
                }
            }
            group.recorder().user_began(group.clock.now_us());
            while rounds_left > 0 {
                let outcome = round(&group, &mut walker, &mut user, cap.as_deref()).await;
                if !matches!(outcome, RoundOutcome::Done) {
                    walker.cut().await;
                }
                match outcome {
                    RoundOutcome::Done => rounds_left -= 1,
                    RoundOutcome::PastEnd => break,
                    RoundOutcome::NoRow | RoundOutcome::AllBegun | RoundOutcome::Left => {
                        rounds_left = 0;
                    }
                }
            }
            group.recorder().user_ended(group.clock.now_us());
        }
    }
}

/// One round through the steps.
#[expect(
    clippy::manual_async_fn,
    reason = "an async function holds its arguments twice, here for each user"
)]
fn round(
    group: &Rc<GroupRun>,
    walker: &mut Walker,
    user: &mut User,
    cap: Option<&ThroughputCap>,
) -> impl Future<Output = RoundOutcome> {
    async move {
        if !group.row_dealers().is_empty()
            && group.clock.now_us() < user.until_us(group)
            && let Err(path) = walker.next_row()
        {
            group.notice(format!(
                "scenario {}: a user ended, since all its rows of {path} were used",
                group.plan().name
            ));
            return RoundOutcome::NoRow;
        }
        walker.begin_walk();
        loop {
            let n = match walker.next_action() {
                Action::Request(n) => {
                    if walker.is_first_request() {
                        first_is_due(group, user);
                    }
                    n
                }
                Action::Pause(us) => {
                    walker.pause_until(group.clock.now_us() + us).await;
                    if group.clock.now_us() >= user.until_us(group) || group.has_ended() {
                        return RoundOutcome::PastEnd;
                    }
                    continue;
                }
                Action::Close(_) if group.requests_left() == 0 => return RoundOutcome::AllBegun,
                Action::Close(_) if group.clock.now_us() >= user.until_us(group) => {
                    return RoundOutcome::PastEnd;
                }
                Action::Close(n) => {
                    Box::pin(walker.close_stream(n)).await;
                    continue;
                }
                Action::Done if walker.walk_is_empty() => {
                    return Box::pin(empty_round(group, walker, user)).await;
                }
                Action::Done => return RoundOutcome::Done,
                Action::Leave => return RoundOutcome::Left,
            };
            if let Some(cap) = cap {
                if group.clock.now_us() >= user.until_us(group) {
                    return RoundOutcome::PastEnd;
                }
                cap.wait(group).await;
            }
            if group.requests_left() == 0 {
                return RoundOutcome::AllBegun;
            }
            let until_us = user.until_us(group);
            let end = match walker.step(n, None, until_us).await {
                StepOutcome::Done(end) => end,
                StepOutcome::PastEnd => return RoundOutcome::PastEnd,
            };
            let mut pause_us = walker.think_time_us(n);
            if end.unconnected {
                pause_us = pause_us.max(UNCONNECTED_PAUSE_US);
            }
            if pause_us > 0 {
                walker.pause_until(end.read_us + pause_us).await;
            }
        }
    }
}

/// A user's first request is due when the user begins, unless a pause stands before it.
#[cold]
fn first_is_due(group: &GroupRun, user: &mut User) {
    if let Some((from_us, _)) = user.span(group) {
        group.recorder().request_due(from_us);
    }
}

/// A round that its conditions gave nothing to send: it takes its time all the same, so that it leaves
/// the thread to others and ends with the load.
#[cold]
async fn empty_round(group: &GroupRun, walker: &mut Walker, user: &mut User) -> RoundOutcome {
    group.notice(format!(
        "scenario {}: a round of a user sent nothing, since its conditions and choices led to no request",
        group.plan().name
    ));
    walker
        .pause_until(group.clock.now_us() + EMPTY_PASS_US)
        .await;
    match group.clock.now_us() >= user.until_us(group) {
        true => RoundOutcome::PastEnd,
        false => RoundOutcome::Done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tests::target::Target;
    use crate::engine::tests::{group_run, step, users};
    use dlt_core::load::{Curve, Model};

    /// Each user is one future; ten thousand of them must stay small (decision 32:
    /// memory at most wrk's, about 4 KB for each connection in all).
    #[test]
    fn a_user_is_small() {
        let target = Target::plain();
        let group = group_run(users(1.0, 1_000, vec![step(&target, "/")]), 1);
        let user = User {
            place: 0,
            number: 0,
            level: 0,
            spans: smallvec::smallvec![(0, 1)],
            changes: 0,
        };
        let user = run_user(group, user, None, Begun::default());
        // With what the runtime adds its task takes 1,152 bytes.
        assert!(size_of_val(&user) <= 1_048, "{}", size_of_val(&user));
    }

    #[test]
    fn threads_share_users_and_cap_exactly() {
        let target = Target::plain();
        for (count, threads) in [(1.0, 2), (7.0, 3), (5.5, 2)] {
            let mut group = users(count, 1_000, vec![step(&target, "/")]);
            group.load.throughput = Some(90.0);
            group.load.model = Model::Users(Curve::ramp_hold(count, 500_000, 500_000));
            let group = group_run(group, threads);
            let mut all = 0;
            let mut rate = 0.0;
            for thread in 0..threads as u64 {
                let users = users_of(&group, thread, &Begun::default());
                all += users.len();
                if !users.is_empty() {
                    let cap = cap_of(&group, thread).unwrap();
                    rate += 1e9 / cap.interval_ns(&group, 0) as f64;
                }
            }
            assert_eq!(all as f64, count.ceil());
            assert!((rate - 90.0).abs() < 0.01, "{rate}");
        }
    }
}
