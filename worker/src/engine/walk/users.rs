//! Closed load: one task a user, active while the curve is above it, sending
//! its next request when the last answer is in and its think time is over.

use crate::engine::clock::Clock;
use crate::engine::walk::group::GroupRun;
use crate::engine::walk::walker::{Taken, Walker};
use std::cell::Cell;
use std::rc::Rc;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

/// Pause of a user whose request found no connection, µs: it has no answer to
/// wait for, and would otherwise do nothing but try again.
const REST_UNCONNECTED_US: u64 = 10_000;

/// How a round ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    /// With its last step, or where a request could not be made.
    Ended,
    /// The user's time was over before.
    Over,
    /// Before its first step: the user has no row of data left.
    Exhausted,
}

/// A user of this thread: when it is active.
struct User {
    spans: Vec<(u64, u64)>,
}

/// The thread's part of a `throughput` cap: one slot after the other, none
/// saved up.
#[derive(Debug)]
struct Cap {
    interval_ns: u64,
    next_ns: Cell<u64>,
}

impl Cap {
    /// When the next request may be sent, µs.
    fn slot(&self, now_us: u64) -> u64 {
        let at_ns = self.next_ns.get().max(now_us * 1_000);
        self.next_ns.set(at_ns + self.interval_ns);
        at_ns / 1_000
    }
}

/// Runs a group's users on thread `thread` until none is left. Ends early only
/// by being dropped.
pub(crate) async fn run(group: &Rc<GroupRun>, thread: u64, tasks: &mut JoinSet<()>) {
    let (users, cap) = users_of(group, thread);
    let cap = cap.map(Rc::new);
    let mut users = users.into_iter().peekable();
    loop {
        let now_us = group.clock.now_us();
        while let Some(user) = users.next_if(|user| user.spans[0].0 <= now_us) {
            tasks.spawn_local(live(group.clone(), user.spans, cap.clone()));
        }
        match users.peek() {
            Some(next) => {
                let at = group.clock.instant(next.spans[0].0);
                tokio::select! {
                    () = sleep_until(at) => {}
                    // Ended users are let go as the ramp goes on.
                    Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
                }
            }
            None => break,
        }
    }
    while tasks.join_next().await.is_some() {}
}

/// This thread's users by the time they begin, and its part of the cap.
fn users_of(group: &GroupRun, thread: u64) -> (Vec<User>, Option<Cap>) {
    let load = &group.plan().load;
    let curve = load.model.curve();
    let most = curve.peak().ceil() as u64;
    let lot = group.load().users_of(load, thread);
    let mut users: Vec<User> = (0..lot.count(most))
        .map(|k| User {
            spans: curve.user_spans(lot.nth(k)),
        })
        .filter(|user| !user.spans.is_empty())
        .collect();
    users.sort_by_key(|user| user.spans[0].0);
    let cap = load.throughput.filter(|rate| *rate > 0.0).map(|rate| {
        // By users and not by threads: a thread without users has no use for
        // its part, and the parts must add up to the cap.
        let part = lot.count(most) as f64 / most.max(1) as f64;
        let runners = if load.per_task {
            group.load().lot.fraction()
        } else {
            1.0
        };
        Cap {
            interval_ns: (1e9 / (rate * part * runners).max(1e-6)) as u64,
            next_ns: Cell::new(0),
        }
    });
    (users, cap)
}

async fn live(group: Rc<GroupRun>, spans: Vec<(u64, u64)>, cap: Option<Rc<Cap>>) {
    let mut walker = Walker::new(group.clone());
    let mut rounds_left = group.plan().load.iterations.unwrap_or(u64::MAX);
    for (from_us, to_us) in spans {
        if group.clock.now_us() < from_us {
            sleep_until(group.clock.instant(from_us)).await;
        }
        group.recorder.borrow_mut().wanted(from_us);
        group.recorder.borrow_mut().user_in(group.clock.now_us());
        while rounds_left > 0 {
            match round(&group, &mut walker, to_us, cap.as_deref()).await {
                Round::Ended => rounds_left -= 1,
                Round::Over => break,
                Round::Exhausted => rounds_left = 0,
            }
        }
        group.recorder.borrow_mut().user_out(group.clock.now_us());
        if rounds_left == 0 {
            return;
        }
    }
}

/// One round through the steps.
async fn round(group: &Rc<GroupRun>, walker: &mut Walker, to_us: u64, cap: Option<&Cap>) -> Round {
    if !group.deals().is_empty()
        && group.clock.now_us() < to_us.min(group.end_us.get())
        && let Err(path) = walker.next_row()
    {
        group.notice(format!(
            "scenario {}: a user ended, since all its rows of {path} were used",
            group.plan().name
        ));
        return Round::Exhausted;
    }
    for (n, step) in group.plan().steps.iter().enumerate() {
        if let Some(cap) = cap {
            pause_until(group.clock, cap.slot(group.clock.now_us())).await;
        }
        let until_us = to_us.min(group.end_us.get());
        let stepped = match walker.step(n, None, until_us).await {
            Taken::Done(stepped) => stepped,
            Taken::Over => return Round::Over,
            Taken::Stuck => {
                let now_us = group.clock.now_us();
                if now_us >= until_us {
                    return Round::Over;
                }
                // Maybe nothing at all was sent in this round.
                pause_until(group.clock, now_us + REST_UNCONNECTED_US).await;
                return Round::Ended;
            }
        };
        let mut pause_us = step.think_time_us;
        if stepped.unconnected {
            pause_us = pause_us.max(REST_UNCONNECTED_US);
        }
        if pause_us > 0 {
            pause_until(group.clock, stepped.read_us + pause_us).await;
        }
    }
    Round::Ended
}

/// Waits, if `at_us` is still to come.
async fn pause_until(clock: Clock, at_us: u64) {
    if clock.now_us() < at_us {
        sleep_until(clock.instant(at_us)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tests::target::Target;
    use crate::engine::tests::{group_run, step, users};
    use dlt_core::load::{Curve, Model};

    /// A user's task holds one future; ten thousand of them must stay small
    /// (decision 32: memory at most wrk's, about 4 KB a connection in all).
    #[test]
    fn a_user_is_small() {
        let target = Target::plain();
        let group = group_run(users(1.0, 1_000, vec![step(&target, "/")]), 1);
        let user = live(group, vec![(0, 1)], None);
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
