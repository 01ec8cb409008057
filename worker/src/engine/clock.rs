//! The run's clock: µs since the start instant. Only this file of the engine
//! turns instants into numbers.

use std::time::{Duration, Instant};

/// µs since the start instant, 0 before it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunClock {
    start: Instant,
}

impl RunClock {
    /// A clock that shows 0 at `start`.
    pub(crate) fn new(start: Instant) -> Self {
        Self { start }
    }

    #[inline]
    pub(crate) fn now_us(self) -> u64 {
        let passed = Instant::now().saturating_duration_since(self.start);
        passed.as_secs() * 1_000_000 + u64::from(passed.subsec_micros())
    }

    /// ns since the start instant, negative before it.
    pub(crate) fn now_signed_ns(self) -> i64 {
        let now = Instant::now();
        match now.checked_duration_since(self.start) {
            Some(passed) => passed.as_nanos() as i64,
            None => -((self.start - now).as_nanos() as i64),
        }
    }

    /// How long until `at_us`; zero if that has passed.
    pub(crate) fn time_until(self, at_us: u64) -> Duration {
        (self.start + Duration::from_micros(at_us)).saturating_duration_since(Instant::now())
    }

    /// The instant of `at_us`, for timers of the runtime.
    pub(crate) fn instant_at(self, at_us: u64) -> tokio::time::Instant {
        (self.start + Duration::from_micros(at_us)).into()
    }
}
