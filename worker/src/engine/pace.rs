//! When: the arrivals of one thread, and the timers that wake it. Due times come
//! from the plan alone; nothing re-times them.

use crate::engine::clock::RunClock;
use crate::engine::sys::TimerFd;
use dlt_core::load::share::Lot;
use dlt_core::load::{Curve, DueCursor};
use dlt_core::scenario::plan::Pacing;
use std::io;
use std::time::Duration;
use tokio::io::unix::AsyncFd;

/// Shortest time between two wake-ups with default pacing, µs: each wake-up costs
/// an idle core a context switch, and at 250 µs the median lag stays near 100 µs.
const QUANTUM_US: u64 = 250;

/// The due times of one thread's arrivals, rising.
#[derive(Debug)]
pub(crate) struct Schedule<'a> {
    lot: Lot,
    total: u64,
    /// The number of the arrival after the next, among those of `lot`.
    k: u64,
    cursor: DueCursor<'a>,
    next_us: Option<u64>,
}

impl<'a> Schedule<'a> {
    /// The arrivals of `curve` that belong to `lot`.
    pub(crate) fn new(curve: &'a Curve, lot: Lot) -> Self {
        let mut schedule = Self {
            lot,
            total: lot.count(curve.total_arrivals()),
            k: 0,
            cursor: curve.due_cursor(),
            next_us: None,
        };
        schedule.advance();
        schedule
    }

    /// When the next arrival is due, µs; None after the last.
    pub(crate) fn next_us(&self) -> Option<u64> {
        self.next_us
    }

    /// Advances to the arrival after the next.
    pub(crate) fn advance(&mut self) {
        self.next_us = (self.k < self.total).then(|| {
            let due_us = self.cursor.due_at(self.lot.nth(self.k));
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
            if self.cursor.clone().due_at(self.lot.nth(middle)) <= until_us {
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
            let curve = Curve::stages(first, &stages);
            let mut all = Vec::new();
            for runner in 0..runners {
                let lot = Lot { slice: Slice::WHOLE, share: Share { index: runner, of: runners } };
                for thread in 0..threads {
                    let mut schedule = Schedule::new(&curve, lot.split(thread, threads));
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
        /// Counting a backlog at once is counting it one by one.
        #[test]
        fn a_backlog_is_counted_exactly(
            stages in prop::collection::vec((0.0f64..300.0, 1u64..3_000_000), 1..4),
            thread in 0u64..3,
            sent in 0usize..200,
            until_us in 0u64..10_000_000,
        ) {
            let curve = Curve::stages(10.0, &stages);
            let lot = Lot::WHOLE.split(thread, 3);
            let mut schedule = Schedule::new(&curve, lot);
            let mut one_by_one = Schedule::new(&curve, lot);
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
