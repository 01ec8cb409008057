//! When the kernel received an answer, on the run's clock (decision 39). The
//! kernel stamps in CLOCK_REALTIME, the engine counts from the start instant on
//! the monotonic clock: here is the difference of the two, kept fresh, and what
//! became of each stamp. Reading sockets is `socket`'s.
//!
//! A stamp belongs to the last byte of its read. It is exact for the end of an
//! answer, and an upper bound for its first byte when several segments had
//! piled up before they were read.

use crate::engine::clock::Clock;
use crate::engine::sys;
use dlt_core::measure::sample::Timed;
use std::cell::Cell;
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::time::{SystemTime, UNIX_EPOCH};

/// How long the difference of the clocks is taken as known, µs. It changes only
/// when somebody sets the wall clock: slewing moves both clocks alike.
const FRESH_US: u64 = 100_000;
/// Looks at both clocks for one difference; the quickest look is the best.
const LOOKS: usize = 4;
/// How far a stamp may lie outside of what is possible, µs: the clocks are read
/// one after the other, and times are cut to whole µs.
const TOLERANCE_US: u64 = 5;

/// A thread's view of the kernel's stamps.
#[derive(Debug)]
pub(crate) struct Stamps {
    clock: Clock,
    /// CLOCK_REALTIME at the start instant, ns since the Unix epoch.
    start_ns: Cell<u64>,
    /// When that was last looked at, µs on the run's clock.
    looked_us: Cell<u64>,
    /// The kernel stamps packets while any socket asks for it and needs a
    /// moment to begin: this one asks as long as the thread makes load.
    _asks: Option<UdpSocket>,
}

impl Stamps {
    /// Of a thread with this clock.
    pub(crate) fn new(clock: Clock) -> Self {
        let asks = UdpSocket::bind(("127.0.0.1", 0)).ok();
        let asks = asks.filter(|socket| sys::enable_stamps(socket.as_fd()).is_ok());
        let stamps = Self {
            clock,
            start_ns: Cell::new(0),
            looked_us: Cell::new(0),
            _asks: asks,
        };
        stamps.look();
        stamps
    }

    /// When the bytes that were read at `read_us` had been received, µs since
    /// the start instant; `read_us` itself where no stamp can be used. What
    /// they answer was sent at `sent_us`.
    #[inline]
    pub(crate) fn received(
        &self,
        stamp_ns: Option<u64>,
        sent_us: u64,
        read_us: u64,
    ) -> (u64, Timed) {
        match (self.find(stamp_ns, sent_us, read_us), stamp_ns) {
            (Some(received_us), _) => (received_us, Timed::Stamp),
            (None, Some(_)) => (read_us, Timed::Implausible),
            (None, None) => (read_us, Timed::Missing),
        }
    }

    #[inline]
    fn find(&self, stamp_ns: Option<u64>, sent_us: u64, read_us: u64) -> Option<u64> {
        let stamp_ns = stamp_ns?;
        if read_us >= self.looked_us.get() + FRESH_US {
            self.look();
        }
        plausible(self.start_ns.get(), stamp_ns, sent_us, read_us)
            .or_else(|| self.look_again(stamp_ns, sent_us, read_us))
    }

    /// The wall clock may just have been set.
    #[cold]
    fn look_again(&self, stamp_ns: u64, sent_us: u64, read_us: u64) -> Option<u64> {
        self.look();
        plausible(self.start_ns.get(), stamp_ns, sent_us, read_us)
    }

    /// Compares the clocks. Between the two looks at the run's clock lies the
    /// one at the wall clock; the closer they are, the better it is known.
    #[cold]
    fn look(&self) {
        let mut best_ns = u64::MAX;
        for _ in 0..LOOKS {
            let before_ns = self.clock.signed_ns();
            let wall = SystemTime::now().duration_since(UNIX_EPOCH);
            let after_ns = self.clock.signed_ns();
            let took_ns = after_ns.saturating_sub(before_ns).max(0) as u64;
            let wall_ns = wall.map_or(0, |wall| wall.as_nanos() as i64);
            if took_ns < best_ns {
                best_ns = took_ns;
                let between_ns = before_ns + took_ns as i64 / 2;
                self.start_ns.set((wall_ns - between_ns).max(0) as u64);
            }
        }
        self.looked_us.set(self.clock.now_us());
    }
}

/// A stamp on the run's clock, if it lies between the sending and the reading.
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
        Stamps::new(Clock::new(Instant::now() - Duration::from_secs(10)))
    }

    fn wall_ns() -> u64 {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        wall.as_nanos() as u64
    }

    #[test]
    fn a_stamp_of_now_is_now() {
        let stamps = stamps();
        let before_us = stamps.clock.now_us();
        let stamp_ns = wall_ns();
        let read_us = stamps.clock.now_us();
        let (received_us, timed) = stamps.received(Some(stamp_ns), before_us, read_us);
        assert!((before_us..=read_us).contains(&received_us));
        assert_eq!(timed, Timed::Stamp);
    }

    #[test]
    fn what_cannot_be_is_told_and_not_used() {
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

    /// A wall clock that was set shows as a stamp that cannot be; the clocks
    /// are then compared anew, and the stamp fits.
    #[test]
    fn a_clock_that_was_set_is_noticed_at_once() {
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
    fn stamps_a_little_outside_are_moved_inside() {
        assert_eq!(plausible(0, 97_000, 100, 200), Some(100));
        assert_eq!(plausible(0, 204_000, 100, 200), Some(200));
        assert_eq!(plausible(0, 150_999, 100, 200), Some(150));
        assert_eq!(plausible(0, 94_000, 100, 200), None);
        assert_eq!(plausible(0, 206_000, 100, 200), None);
        assert_eq!(plausible(1_000_000, 999_999, 0, 200), None);
    }
}
