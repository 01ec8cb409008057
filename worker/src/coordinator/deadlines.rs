//! Until when a load must have ended, and what of the time that passed is nobody's: a
//! process that is stopped, or whose machine sleeps, is not late.

use std::time::Duration;
use tokio::time::Instant;

/// Between two looks a second apart more than this passes in no process that is awake.
const LONGEST_AWAKE: Duration = Duration::from_secs(3);
/// When a load that goes on after planned end and graceful stop is stopped; stopping takes
/// up to 15 s.
const STOP_AFTER: Duration = Duration::from_secs(7);
/// When a load that was stopped and goes on is given up.
const GIVE_UP_AFTER: Duration = Duration::from_secs(24);

/// Until when a load must have ended; both lie after planned end and graceful stop.
#[derive(Debug, Clone, Copy)]
pub struct LoadDeadlines {
    /// When a load that has not ended by itself is stopped.
    pub stop_at: Instant,
    /// When a load that goes on after that is given up.
    pub give_up_at: Instant,
}

impl LoadDeadlines {
    /// Of a load whose planned end and graceful stop are over at `end`.
    pub fn after(end: Instant) -> Self {
        Self {
            stop_at: end + STOP_AFTER,
            give_up_at: end + GIVE_UP_AFTER,
        }
    }
}

/// How much longer than an awake process may take passed between two looks, which are
/// a second apart at most.
pub(crate) fn standstill(between: Duration) -> Duration {
    match between > LONGEST_AWAKE {
        true => between - Duration::from_secs(1),
        false => Duration::ZERO,
    }
}
