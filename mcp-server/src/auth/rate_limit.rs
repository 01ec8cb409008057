//! How many requests a caller may send: a token bucket for each address and each
//! principal. Memory is limited: callers beyond the limit share one bucket.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Requests per second that a bucket allows for long, and how many at once.
const PER_SECOND: f64 = 50.0;
const BURST: f64 = 200.0;
/// Most callers that have a bucket of their own.
const MOST_CALLERS: usize = 10_000;

/// A token bucket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TokenBucket {
    left: f64,
    at: Instant,
}

impl TokenBucket {
    /// A full bucket.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            left: BURST,
            at: now,
        }
    }

    fn left(&self, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        (self.left + passed * PER_SECOND).min(BURST)
    }

    /// Takes one request out of the bucket; false if it is empty.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let left = self.left(now);
        let allowed = left >= 1.0;
        self.left = if allowed { left - 1.0 } else { left };
        self.at = now;
        allowed
    }
}

/// Whose requests are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Caller {
    /// A machine, or a proxy and all clients behind it.
    Address(IpAddr),
    /// A token's subject, in one app client.
    Principal { client: String, subject: String },
    /// Every caller beyond [`MOST_CALLERS`], or without a known address.
    Others,
}

/// The buckets of all callers.
#[derive(Debug, Default)]
pub(super) struct RateLimits(Mutex<HashMap<Caller, TokenBucket>>);

impl RateLimits {
    /// Counts one request of this caller; false if it is over its limit.
    pub(super) fn take(&self, caller: Caller, now: Instant) -> bool {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut caller = caller;
        if buckets.len() >= MOST_CALLERS && !buckets.contains_key(&caller) {
            // A full bucket is the same as a new one.
            buckets.retain(|_, bucket| bucket.left(now) < BURST);
            if buckets.len() >= MOST_CALLERS {
                caller = Caller::Others;
            }
        }
        let bucket = buckets.entry(caller);
        bucket.or_insert_with(|| TokenBucket::new(now)).take(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use std::time::Duration;

    fn address(number: u32) -> Caller {
        Caller::Address(IpAddr::V4(Ipv4Addr::from(number)))
    }

    #[test]
    fn callers_do_not_share_a_bucket() {
        let (limits, start) = (RateLimits::default(), Instant::now());
        let allowed = (0..500).filter(|_| limits.take(address(1), start)).count();
        assert_eq!(allowed, BURST as usize);
        assert!(limits.take(address(2), start));
        let later = start + Duration::from_secs(1);
        let allowed = (0..500).filter(|_| limits.take(address(1), later)).count();
        assert_eq!(allowed, PER_SECOND as usize);
    }

    #[test]
    fn memory_is_limited_and_full_buckets_are_dropped() {
        let (limits, start) = (RateLimits::default(), Instant::now());
        let many = MOST_CALLERS as u32 + 500;
        let allowed = (0..many)
            .filter(|n| limits.take(address(*n), start))
            .count();
        // The last five hundred share one bucket.
        assert_eq!(allowed, MOST_CALLERS + BURST as usize);
        assert!(limits.0.lock().unwrap().len() <= MOST_CALLERS + 1);
        let later = start + Duration::from_secs(10);
        assert!(limits.take(address(many), later));
        assert_eq!(limits.0.lock().unwrap().len(), 1);
    }
}
