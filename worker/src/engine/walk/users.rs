//! Closed load: one task for each user, active while the curve is above it. A user
//! sends its next request when the last answer is read and its think time is over.

use crate::engine::clock::RunClock;
use crate::engine::walk::group::GroupRun;
use crate::engine::walk::walker::{StepOutcome, Walker};
use std::cell::Cell;
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
}

/// A user of this thread.
struct User {
    /// Among those of the run, from 0. Where each runner has users of its own, their numbers
    /// have gaps if the last runners have fewer.
    number: u64,
    /// When it is active, from and to, µs.
    spans: Vec<(u64, u64)>,
}

/// A thread's part of a `throughput` cap: requests at a fixed interval. Unused time
/// is not saved up.
#[derive(Debug)]
struct ThroughputCap {
    interval_ns: u64,
    next_ns: Cell<u64>,
}

impl ThroughputCap {
    /// Reserves the next request; returns when it may be sent, µs.
    fn reserve(&self, now_us: u64) -> u64 {
        let at_ns = self.next_ns.get().max(now_us * 1_000);
        self.next_ns.set(at_ns + self.interval_ns);
        at_ns / 1_000
    }
}

/// Runs a group's users on thread `thread` until none is left; cancelled, it ends
/// earlier.
pub(crate) async fn run(group: &Rc<GroupRun>, thread: u64, tasks: &mut JoinSet<()>) {
    let (users, cap) = users_of(group, thread);
    tokio::select! {
        () = run_users(group, users, cap, tasks) => {}
        // Then neither pauses nor users yet to come have anything to send.
        () = group.all_begun() => {}
    }
}

async fn run_users(
    group: &Rc<GroupRun>,
    users: Vec<User>,
    cap: Option<ThroughputCap>,
    tasks: &mut JoinSet<()>,
) {
    let cap = cap.map(Rc::new);
    let mut users = users.into_iter().peekable();
    loop {
        let now_us = group.clock.now_us();
        while let Some(user) = users.next_if(|user| user.spans[0].0 <= now_us) {
            tasks.spawn_local(run_user(group.clone(), user, cap.clone()));
        }
        match users.peek() {
            Some(next) => {
                let at = group.clock.instant_at(next.spans[0].0);
                tokio::select! {
                    () = sleep_until(at) => {}
                    // Frees users that have ended while the ramp goes on.
                    Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
                }
            }
            None => break,
        }
    }
    while tasks.join_next().await.is_some() {}
}

/// This thread's users by the time they begin, and its part of the cap.
fn users_of(group: &GroupRun, thread: u64) -> (Vec<User>, Option<ThroughputCap>) {
    let load = &group.plan().load;
    let curve = load.model.curve();
    let most = curve.peak().ceil() as u64;
    let lot = group.load().users_of(load, thread);
    // The first users are active whenever later ones are, so that those who would find
    // nothing left to send need not begin.
    let mut users: Vec<User> = (0..lot.count(most).min(group.requests_left()))
        .map(|k| User {
            number: match load.per_task {
                true => group.load().lot.nth(lot.nth(k)),
                false => lot.nth(k),
            },
            spans: curve.user_spans(lot.nth(k)),
        })
        .filter(|user| !user.spans.is_empty())
        .collect();
    users.sort_by_key(|user| user.spans[0].0);
    let cap = load.throughput.filter(|rate| *rate > 0.0).map(|rate| {
        // By users and not by threads: the parts must add up to the cap, and a
        // thread without users makes no use of one.
        let part = lot.count(most) as f64 / most.max(1) as f64;
        let runners = if load.per_task {
            group.load().lot.fraction()
        } else {
            1.0
        };
        ThroughputCap {
            interval_ns: (1e9 / (rate * part * runners).max(1e-6)) as u64,
            next_ns: Cell::new(0),
        }
    });
    (users, cap)
}

/// One user: its rounds within its spans.
async fn run_user(group: Rc<GroupRun>, user: User, cap: Option<Rc<ThroughputCap>>) {
    let mut walker = Walker::new(group.clone(), user.number);
    let mut rounds_left = group.plan().load.iterations.unwrap_or(u64::MAX);
    for (from_us, to_us) in user.spans {
        if group.clock.now_us() < from_us {
            sleep_until(group.clock.instant_at(from_us)).await;
        }
        group.recorder().request_due(from_us);
        group.recorder().user_began(group.clock.now_us());
        while rounds_left > 0 {
            match round(&group, &mut walker, to_us, cap.as_deref()).await {
                RoundOutcome::Done => rounds_left -= 1,
                RoundOutcome::PastEnd => break,
                RoundOutcome::NoRow | RoundOutcome::AllBegun => rounds_left = 0,
            }
        }
        group.recorder().user_ended(group.clock.now_us());
        if rounds_left == 0 {
            return;
        }
    }
}

/// One round through the steps.
async fn round(
    group: &Rc<GroupRun>,
    walker: &mut Walker,
    to_us: u64,
    cap: Option<&ThroughputCap>,
) -> RoundOutcome {
    if !group.row_dealers().is_empty()
        && group.clock.now_us() < to_us.min(group.end_us.get())
        && let Err(path) = walker.next_row()
    {
        group.notice(format!(
            "scenario {}: a user ended, since all its rows of {path} were used",
            group.plan().name
        ));
        return RoundOutcome::NoRow;
    }
    for (n, step) in group.plan().steps.iter().enumerate() {
        if let Some(cap) = cap {
            pause_until(group.clock, cap.reserve(group.clock.now_us())).await;
        }
        if group.requests_left() == 0 {
            return RoundOutcome::AllBegun;
        }
        let until_us = to_us.min(group.end_us.get());
        let end = match walker.step(n, None, until_us).await {
            StepOutcome::Done(end) => end,
            StepOutcome::PastEnd => return RoundOutcome::PastEnd,
            StepOutcome::NoRequest => {
                let now_us = group.clock.now_us();
                if now_us >= until_us {
                    return RoundOutcome::PastEnd;
                }
                // Perhaps nothing was sent in this round.
                pause_until(group.clock, now_us + UNCONNECTED_PAUSE_US).await;
                return RoundOutcome::Done;
            }
        };
        let mut pause_us = step.think_time_us;
        if end.unconnected {
            pause_us = pause_us.max(UNCONNECTED_PAUSE_US);
        }
        if pause_us > 0 {
            pause_until(group.clock, end.read_us + pause_us).await;
        }
    }
    RoundOutcome::Done
}

/// Waits until `at_us`; returns at once if that has passed.
async fn pause_until(clock: RunClock, at_us: u64) {
    if clock.now_us() < at_us {
        sleep_until(clock.instant_at(at_us)).await;
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
            number: 0,
            spans: vec![(0, 1)],
        };
        let user = run_user(group, user, None);
        assert!(size_of_val(&user) <= 1_536, "{}", size_of_val(&user));
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
                let (users, cap) = users_of(&group, thread);
                all += users.len();
                if !users.is_empty() {
                    rate += 1e9 / cap.unwrap().interval_ns as f64;
                }
            }
            assert_eq!(all as f64, count.ceil());
            assert!((rate - 90.0).abs() < 0.01, "{rate}");
        }
    }
}
