//! The run's clock: µs since the start instant. Nothing else in the engine
//! turns instants into numbers.

use std::time::{Duration, Instant};

/// µs since the start instant, 0 before it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that shows 0 at `start`.
    pub(crate) fn new(start: Instant) -> Self {
        Self { start }
    }

    /// Now.
    #[inline]
    pub(crate) fn now_us(self) -> u64 {
        let passed = Instant::now().saturating_duration_since(self.start);
        passed.as_secs() * 1_000_000 + u64::from(passed.subsec_micros())
    }

    /// Now in ns, negative before the start instant.
    pub(crate) fn signed_ns(self) -> i64 {
        let now = Instant::now();
        match now.checked_duration_since(self.start) {
            Some(passed) => passed.as_nanos() as i64,
            None => -((self.start - now).as_nanos() as i64),
        }
    }

    /// How long until `at_us`; zero if that has passed.
    pub(crate) fn until(self, at_us: u64) -> Duration {
        (self.start + Duration::from_micros(at_us)).saturating_duration_since(Instant::now())
    }

    /// The same instant for tokio's timers.
    pub(crate) fn instant(self, at_us: u64) -> tokio::time::Instant {
        (self.start + Duration::from_micros(at_us)).into()
    }
}
