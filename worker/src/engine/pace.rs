//! When: the arrivals of one thread, and the timers that wake it. Due times come
//! from the plan alone; nothing re-times them.

use crate::engine::clock::RunClock;
use crate::engine::sys::TimerFd;
use dlt_core::load::share::Lot;
use dlt_core::load::{Curve, DuePosition};
use dlt_core::scenario::plan::Pacing;
use std::io;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::unix::AsyncFd;

/// Shortest time between two wake-ups with default pacing, µs: each wake-up costs
/// an idle core a context switch, and at 250 µs the median lag stays near 100 µs.
const QUANTUM_US: u64 = 250;

/// The due times of one thread's arrivals, rising.
#[derive(Debug)]
pub(crate) struct Schedule {
    curve: Rc<Curve>,
    lot: Lot,
    total: u64,
    /// The number of the arrival after the next, among those of `lot`.
    k: u64,
    at: DuePosition,
    next_us: Option<u64>,
    /// The first arrival that a change added, and since when that change holds, µs.
    added: Option<(u64, u64)>,
}

impl Schedule {
    /// The arrivals of `curve` that belong to `lot`.
    pub(crate) fn new(curve: Rc<Curve>, lot: Lot) -> Self {
        Self::from(curve, lot, 0, None)
    }

    /// The arrivals from number `k` among those of `lot`.
    fn from(curve: Rc<Curve>, lot: Lot, k: u64, added: Option<(u64, u64)>) -> Self {
        let mut schedule = Self {
            lot,
            total: lot.count(curve.total_arrivals()),
            k,
            at: DuePosition::default(),
            next_us: None,
            curve,
            added,
        };
        schedule.advance();
        schedule
    }

    /// Goes on with another curve, which differs from `from_us` on: what was taken stays taken,
    /// whenever that would have been due. An arrival that only this change adds is due no earlier than
    /// it holds: a plan leaves out what is less than one whole arrival at its end, and with more load
    /// behind it that becomes one.
    pub(crate) fn change(&mut self, curve: Rc<Curve>, from_us: u64) {
        // After the last one nothing was left to take.
        let taken = self.k - u64::from(self.next_us.is_some());
        let is_more = self.lot.count(curve.total_arrivals()) > self.total;
        let added = is_more.then_some((self.total, from_us)).or(self.added);
        *self = Self::from(curve, self.lot, taken, added);
    }

    /// When arrival `k` of the lot is due by this position on the curve, µs.
    fn due_us(&self, at: &mut DuePosition, k: u64) -> u64 {
        let due_us = at.due_at(&self.curve, self.lot.nth(k));
        match self.added {
            Some((first, from_us)) if k >= first => due_us.max(from_us),
            _ => due_us,
        }
    }

    /// When the next arrival is due, µs; None after the last.
    pub(crate) fn next_us(&self) -> Option<u64> {
        self.next_us
    }

    /// Advances to the arrival after the next.
    pub(crate) fn advance(&mut self) {
        self.next_us = (self.k < self.total).then(|| {
            let mut at = std::mem::take(&mut self.at);
            let due_us = self.due_us(&mut at, self.k);
            self.at = at;
            self.k += 1;
            due_us
        });
    }

    /// Skips the arrivals that are due by `until_us`; returns how many.
    pub(crate) fn skip_until(&mut self, until_us: u64) -> u64 {
        if self.next_us.is_none_or(|due_us| due_us > until_us) {
            return 0;
        }
        // Due times rise, so a binary search counts a backlog of billions.
        let from = self.k - 1;
        let (mut low, mut high) = (self.k, self.total);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.due_us(&mut self.at.clone(), middle) <= until_us {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        self.k = low;
        self.advance();
        low - from
    }
}

/// Wakes a thread at due times, as precisely as the pacing asks.
#[derive(Debug)]
pub(crate) struct Timer {
    fd: AsyncFd<TimerFd>,
    clock: RunClock,
    pacing: Pacing,
    last_wake_us: u64,
}

impl Timer {
    /// A timer on this thread's runtime.
    pub(crate) fn new(clock: RunClock, pacing: Pacing) -> io::Result<Self> {
        Ok(Self {
            fd: TimerFd::polled()?,
            clock,
            pacing,
            last_wake_us: 0,
        })
    }

    /// Waits until `due_us` at the earliest; with default pacing also a quantum
    /// after the last wake-up at the earliest. Spinning returns at once.
    pub(crate) async fn wait_until(&mut self, due_us: u64) -> io::Result<()> {
        let at_us = match self.pacing {
            Pacing::Spin => {
                // Lets the other tasks run, then the caller compares the clock again.
                tokio::task::yield_now().await;
                return Ok(());
            }
            Pacing::Precise => due_us,
            Pacing::Default => due_us.max(self.last_wake_us + QUANTUM_US),
        };
        let wait = self.clock.time_until(at_us);
        if wait > Duration::ZERO {
            self.sleep(wait).await?;
        }
        self.last_wake_us = self.clock.now_us();
        Ok(())
    }

    /// Sleeps for `wait`, to the resolution of the kernel's timers.
    pub(crate) async fn sleep(&mut self, wait: Duration) -> io::Result<()> {
        // Arming clears an earlier expiry, so that it need not be read.
        self.fd.get_ref().arm(wait)?;
        self.fd.readable().await?.clear_ready();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dlt_core::load::changes::LoadChange;
    use dlt_core::load::share::{Share, Slice};
    use proptest::prelude::*;

    proptest! {
        /// The threads' schedules together are the curve's, arrival by arrival.
        #[test]
        fn schedules_partition_the_plan(
            first in 0.0f64..200.0,
            stages in prop::collection::vec((0.0f64..300.0, 1u64..3_000_000), 1..4),
            runners in 1u64..4,
            threads in 1u64..4,
        ) {
            let curve = Rc::new(Curve::stages(first, &stages));
            let mut all = Vec::new();
            for runner in 0..runners {
                let lot = Lot { slice: Slice::WHOLE, share: Share { index: runner, of: runners } };
                for thread in 0..threads {
                    let mut schedule = Schedule::new(curve.clone(), lot.split(thread, threads));
                    let mut last = 0;
                    while let Some(due) = schedule.next_us() {
                        prop_assert!(due >= last);
                        last = due;
                        all.push(due);
                        schedule.advance();
                    }
                }
            }
            all.sort_unstable();
            let plan: Vec<u64> = (0..curve.total_arrivals())
                .map(|n| curve.due_at(n).unwrap())
                .collect();
            prop_assert_eq!(all, plan);
        }
    }

    proptest! {
        /// Whenever the threads hear of a change, together they take each arrival of the
        /// changed curve once, and those taken before stay.
        #[test]
        fn a_changed_schedule_takes_each_arrival_once(
            rate in 1.0f64..300.0,
            at_us in 0u64..2_000_000,
            factor in 0.0f64..3.0,
            heard in prop::collection::vec(0usize..200, 3),
        ) {
            let curve = Rc::new(Curve::ramp_hold(rate, 500_000, 2_000_000));
            let change = LoadChange { at_us, factor, end: false };
            let changed = Rc::new(curve.changed(&[change]));
            let (mut taken, mut planned) = (0, 0);
            for (thread, heard) in heard.into_iter().enumerate() {
                let lot = Lot::WHOLE.split(thread as u64, 3);
                let mut schedule = Schedule::new(curve.clone(), lot);
                let mut before = 0;
                while before < heard && schedule.next_us().is_some() {
                    schedule.advance();
                    before += 1;
                }
                schedule.change(changed.clone(), at_us);
                let all = lot.count(changed.total_arrivals());
                let mut after = 0;
                while schedule.next_us().is_some() {
                    schedule.advance();
                    after += 1;
                }
                taken += before as u64 + after;
                planned += all.max(before as u64);
            }
            prop_assert_eq!(taken, planned);
        }
    }

    proptest! {
        /// A change that is told before it begins makes no arrival late, whatever it is: each is
        /// known before it is due, those around a pause, too.
        #[test]
        fn no_arrival_is_late_by_a_change_that_was_told_in_time(
            rate in 1.0f64..300.0,
            ramp_us in 0u64..1_000_000,
            changes in prop::collection::vec((1u64..1_500_000, prop_oneof![Just(0.0), 0.0f64..3.0]), 1..6),
            ahead_us in 1u64..500_000,
        ) {
            let plan = Curve::ramp_hold(rate, ramp_us, 6_000_000);
            let (mut told, mut at_us) = (Vec::new(), 0);
            let mut schedule = Schedule::new(Rc::new(plan.clone()), Lot::WHOLE);
            let mut sent = 0;
            for (after_us, factor) in changes {
                let heard_us = (at_us + after_us).saturating_sub(ahead_us).max(at_us);
                at_us += after_us;
                while schedule.next_us().is_some_and(|due_us| due_us < heard_us) {
                    schedule.advance();
                    sent += 1;
                }
                told.push(LoadChange { at_us, factor, end: false });
                schedule.change(Rc::new(plan.changed(&told)), at_us);
                if let Some(due_us) = schedule.next_us() {
                    prop_assert!(due_us >= heard_us, "due at {due_us}, heard of at {heard_us}: {told:?}");
                }
            }
            while schedule.next_us().is_some() {
                schedule.advance();
                sent += 1;
            }
            prop_assert_eq!(sent, plan.changed(&told).total_arrivals());
        }
    }

    /// The last arrival of 1.3 is none. It becomes one with a pause, which counts what was due before it,
    /// and with more load: then it is due with the change, and not in the past.
    #[test]
    fn what_a_change_adds_is_due_with_it() {
        // 1.027 arrivals until the change, then none or 4.3243 s of 5.382 per second: 24.3 in all, of
        // which one was sent.
        for (factor, count) in [(0.0, 1), (3.0, 23)] {
            let plan = Curve::ramp_hold(1.794, 0, 6_000_000);
            let slow = LoadChange {
                at_us: 526_013,
                factor: 0.0404,
                end: false,
            };
            let then = LoadChange {
                at_us: 1_675_706,
                factor,
                end: false,
            };
            let mut schedule = Schedule::new(Rc::new(plan.clone()), Lot::WHOLE);
            schedule.advance();
            schedule.change(Rc::new(plan.changed(&[slow])), slow.at_us);
            assert_eq!(schedule.next_us(), None);
            schedule.change(Rc::new(plan.changed(&[slow, then])), then.at_us);
            let mut due = Vec::new();
            while let Some(due_us) = schedule.next_us() {
                due.push(due_us);
                schedule.advance();
            }
            assert_eq!(due[0], then.at_us);
            assert_eq!(due.len(), count, "{due:?}");
            assert!(due.is_sorted());
        }
    }

    proptest! {
        /// Counting a backlog at once is counting it one by one.
        #[test]
        fn a_backlog_is_counted_exactly(
            stages in prop::collection::vec((0.0f64..300.0, 1u64..3_000_000), 1..4),
            thread in 0u64..3,
            sent in 0usize..200,
            until_us in 0u64..10_000_000,
        ) {
            let curve = Rc::new(Curve::stages(10.0, &stages));
            let lot = Lot::WHOLE.split(thread, 3);
            let mut schedule = Schedule::new(curve.clone(), lot);
            let mut one_by_one = Schedule::new(curve.clone(), lot);
            for _ in 0..sent {
                schedule.advance();
                one_by_one.advance();
            }
            let mut expected = 0;
            while one_by_one.next_us().is_some_and(|due_us| due_us <= until_us) {
                one_by_one.advance();
                expected += 1;
            }
            prop_assert_eq!(schedule.skip_until(until_us), expected);
            prop_assert_eq!(schedule.next_us(), one_by_one.next_us());
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn timers_wake_at_or_after_their_time_and_can_be_set_again() {
        let clock = RunClock::new(std::time::Instant::now());
        for pacing in [Pacing::Default, Pacing::Precise] {
            let mut timer = Timer::new(clock, pacing).unwrap();
            for _ in 0..20 {
                let due_us = clock.now_us() + 300;
                timer.wait_until(due_us).await.unwrap();
                assert!(clock.now_us() >= due_us);
            }
        }
    }
}
