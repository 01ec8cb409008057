//! Converts the kernel's time of receipt to the run's clock (decision 39). The
//! kernel stamps with CLOCK_REALTIME; the engine counts from the start instant on
//! the monotonic clock. This file keeps the difference of both up to date and
//! says of each stamp whether it can be used. `socket` reads the stamps.
//!
//! A stamp belongs to the last byte of its read. It is exact for the end of an
//! answer; for the first byte it is an upper bound when several segments arrived
//! before they were read.

use crate::engine::clock::RunClock;
use crate::engine::sys;
use dlt_core::measure::sample::Timed;
use std::cell::Cell;
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::time::{SystemTime, UNIX_EPOCH};

/// How long a measured difference of the clocks is used, µs. It changes only when
/// the wall clock is set: slewing moves both clocks alike.
const FRESH_US: u64 = 100_000;
/// Comparisons of both clocks for one difference; the fastest one counts.
const COMPARISONS: usize = 4;
/// How far a stamp may lie outside of the possible range, µs: the clocks are read
/// one after the other, and times are rounded down to µs.
const TOLERANCE_US: u64 = 5;
/// Two differences that are further apart, µs: the wall clock was set in between. Far
/// above what reading two clocks one after the other may miss.
const CLOCK_SET_US: u64 = 50;

/// Converts the stamps of one thread.
#[derive(Debug)]
pub(crate) struct Stamps {
    clock: RunClock,
    /// CLOCK_REALTIME at the start instant, ns since the Unix epoch.
    start_ns: Cell<u64>,
    /// When the clocks were last compared, µs on the run's clock.
    compared_us: Cell<u64>,
    /// When it was last seen that the wall clock had been set, µs on the run's clock.
    clock_set_us: Cell<u64>,
    /// The kernel stamps packets while any socket asks for it, and begins with a
    /// delay: this socket asks as long as the thread makes load.
    _stamped_socket: Option<UdpSocket>,
}

impl Stamps {
    pub(crate) fn new(clock: RunClock) -> Self {
        let socket = UdpSocket::bind(("127.0.0.1", 0)).ok();
        let socket = socket.filter(|socket| sys::enable_stamps(socket.as_fd()).is_ok());
        let stamps = Self {
            clock,
            start_ns: Cell::new(0),
            compared_us: Cell::new(0),
            clock_set_us: Cell::new(0),
            _stamped_socket: socket,
        };
        stamps.compare_clocks();
        stamps
    }

    /// When the kernel received bytes that were read at `read_us`, µs since the
    /// start instant; `read_us` itself if there is no usable stamp. The request
    /// was sent at `sent_us`.
    #[inline]
    pub(crate) fn received(
        &self,
        stamp_ns: Option<u64>,
        sent_us: u64,
        read_us: u64,
    ) -> (u64, Timed) {
        match (self.convert(stamp_ns, sent_us, read_us), stamp_ns) {
            (Some(received_us), _) => (received_us, Timed::Stamp),
            (None, Some(_)) => (read_us, Timed::Implausible),
            (None, None) => (read_us, Timed::Missing),
        }
    }

    /// Whether bytes with an implausible stamp came before the request was sent at
    /// `sent_us`, and not only seem so because the wall clock was set meanwhile.
    #[cold]
    pub(crate) fn came_before(&self, stamp_ns: Option<u64>, sent_us: u64) -> bool {
        let received_us = |stamp_ns: u64| Some(stamp_ns.checked_sub(self.start_ns.get())? / 1_000);
        let received_us = stamp_ns.and_then(received_us);
        sent_us > self.clock_set_us.get()
            && received_us.is_some_and(|us| us + TOLERANCE_US < sent_us)
    }

    #[inline]
    fn convert(&self, stamp_ns: Option<u64>, sent_us: u64, read_us: u64) -> Option<u64> {
        let stamp_ns = stamp_ns?;
        if read_us >= self.compared_us.get() + FRESH_US {
            self.compare_clocks();
        }
        plausible(self.start_ns.get(), stamp_ns, sent_us, read_us)
            .or_else(|| self.convert_again(stamp_ns, sent_us, read_us))
    }

    /// Compares the clocks first: the wall clock may just have been set.
    #[cold]
    fn convert_again(&self, stamp_ns: u64, sent_us: u64, read_us: u64) -> Option<u64> {
        self.compare_clocks();
        plausible(self.start_ns.get(), stamp_ns, sent_us, read_us)
    }

    /// Measures the difference of the clocks: the wall clock is read between two
    /// readings of the run's clock, and the closer these are, the more exact it is.
    #[cold]
    fn compare_clocks(&self) {
        let before = self.start_ns.get();
        let mut best_ns = u64::MAX;
        for _ in 0..COMPARISONS {
            let before_ns = self.clock.now_signed_ns();
            let wall = SystemTime::now().duration_since(UNIX_EPOCH);
            let after_ns = self.clock.now_signed_ns();
            let took_ns = after_ns.saturating_sub(before_ns).max(0) as u64;
            let wall_ns = wall.map_or(0, |wall| wall.as_nanos() as i64);
            if took_ns < best_ns {
                best_ns = took_ns;
                let between_ns = before_ns + took_ns as i64 / 2;
                self.start_ns.set((wall_ns - between_ns).max(0) as u64);
            }
        }
        let now_us = self.clock.now_us();
        self.compared_us.set(now_us);
        if self.start_ns.get().abs_diff(before) > CLOCK_SET_US * 1_000 {
            self.clock_set_us.set(now_us);
        }
    }
}

/// A stamp on the run's clock, if it lies between sending and reading.
#[inline]
fn plausible(start_ns: u64, stamp_ns: u64, sent_us: u64, read_us: u64) -> Option<u64> {
    let received_us = stamp_ns.checked_sub(start_ns)? / 1_000;
    let possible = received_us + TOLERANCE_US >= sent_us && received_us <= read_us + TOLERANCE_US;
    possible.then(|| received_us.clamp(sent_us.min(read_us), read_us))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn stamps() -> Stamps {
        Stamps::new(RunClock::new(Instant::now() - Duration::from_secs(10)))
    }

    fn wall_ns() -> u64 {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        wall.as_nanos() as u64
    }

    #[test]
    fn a_stamp_made_now_lies_between_before_and_after() {
        let stamps = stamps();
        let before_us = stamps.clock.now_us();
        let stamp_ns = wall_ns();
        let read_us = stamps.clock.now_us();
        let (received_us, timed) = stamps.received(Some(stamp_ns), before_us, read_us);
        assert!((before_us..=read_us).contains(&received_us));
        assert_eq!(timed, Timed::Stamp);
    }

    #[test]
    fn an_impossible_stamp_is_counted_and_not_used() {
        let stamps = stamps();
        let now_us = stamps.clock.now_us();
        let far = [
            wall_ns() - 2_000_000_000,
            wall_ns() + 2_000_000_000,
            0,
            u64::MAX,
        ];
        for stamp_ns in far {
            let received = stamps.received(Some(stamp_ns), now_us - 1_000, now_us);
            assert_eq!(received, (now_us, Timed::Implausible), "{stamp_ns}");
        }
        let received = stamps.received(None, now_us - 1_000, now_us);
        assert_eq!(received, (now_us, Timed::Missing));
    }

    /// After the wall clock was set a stamp is impossible; the clocks are compared
    /// again, and the stamp fits.
    #[test]
    fn a_wall_clock_that_was_set_is_detected_at_once() {
        let stamps = stamps();
        for off_ns in [3_600_000_000_000i64, -3_600_000_000_000, 4_000_000] {
            let wrong_ns = stamps.start_ns.get() as i64 + off_ns;
            stamps.start_ns.set(wrong_ns as u64);
            let sent_us = stamps.clock.now_us();
            let stamp_ns = wall_ns();
            let read_us = stamps.clock.now_us();
            let (received_us, timed) = stamps.received(Some(stamp_ns), sent_us, read_us);
            assert!((sent_us..=read_us).contains(&received_us));
            assert_eq!(timed, Timed::Stamp);
        }
    }

    #[test]
    fn stamps_just_outside_the_range_are_moved_inside() {
        assert_eq!(plausible(0, 97_000, 100, 200), Some(100));
        assert_eq!(plausible(0, 204_000, 100, 200), Some(200));
        assert_eq!(plausible(0, 150_999, 100, 200), Some(150));
        assert_eq!(plausible(0, 94_000, 100, 200), None);
        assert_eq!(plausible(0, 206_000, 100, 200), None);
        assert_eq!(plausible(1_000_000, 999_999, 0, 200), None);
    }
}
