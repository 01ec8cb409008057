//! How often one address or one principal may ask. Memory is bounded: whoever
//! finds no room of his own shares one with all such.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Requests per second that one may send for long, and how many at once.
const PER_SECOND: f64 = 50.0;
const BURST: f64 = 200.0;
/// Most askers that are told apart.
const MOST_ASKERS: usize = 10_000;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Asker {
    /// A machine, or a proxy with all who are behind it.
    Address(IpAddr),
    /// Whoever a token is of, in an app.
    Principal(String, String),
    /// All for whom there was no room, or whose address is not known.
    Others,
}

/// What each may still send.
#[derive(Debug, Default)]
pub(super) struct Rates(Mutex<HashMap<Asker, (f64, Instant)>>);

fn left(bucket: (f64, Instant), now: Instant) -> f64 {
    let passed = now.saturating_duration_since(bucket.1).as_secs_f64();
    (bucket.0 + passed * PER_SECOND).min(BURST)
}

impl Rates {
    /// Whether one more request is all right.
    pub(super) fn take(&self, asker: Asker, now: Instant) -> bool {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut asker = asker;
        if buckets.len() >= MOST_ASKERS && !buckets.contains_key(&asker) {
            // Full buckets say nothing that a new one would not.
            buckets.retain(|_, bucket| left(*bucket, now) < BURST);
            if buckets.len() >= MOST_ASKERS {
                asker = Asker::Others;
            }
        }
        let bucket = buckets.entry(asker).or_insert((BURST, now));
        let left = left(*bucket, now);
        let open = left >= 1.0;
        *bucket = (if open { left - 1.0 } else { left }, now);
        open
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use std::time::Duration;

    fn address(number: u32) -> Asker {
        Asker::Address(IpAddr::V4(Ipv4Addr::from(number)))
    }

    #[test]
    fn one_asker_takes_nothing_from_another() {
        let (rates, start) = (Rates::default(), Instant::now());
        let let_in = (0..500).filter(|_| rates.take(address(1), start)).count();
        assert_eq!(let_in, BURST as usize);
        assert!(rates.take(address(2), start));
        let later = start + Duration::from_secs(1);
        let let_in = (0..500).filter(|_| rates.take(address(1), later)).count();
        assert_eq!(let_in, PER_SECOND as usize);
    }

    #[test]
    fn memory_is_bounded_and_forgets_who_is_quiet() {
        let (rates, start) = (Rates::default(), Instant::now());
        let many = MOST_ASKERS as u32 + 500;
        let let_in = (0..many).filter(|n| rates.take(address(*n), start)).count();
        // The last five hundred share one bucket.
        assert_eq!(let_in, MOST_ASKERS + BURST as usize);
        assert!(rates.0.lock().unwrap().len() <= MOST_ASKERS + 1);
        let later = start + Duration::from_secs(10);
        assert!(rates.take(address(many), later));
        assert_eq!(rates.0.lock().unwrap().len(), 1);
    }
}
