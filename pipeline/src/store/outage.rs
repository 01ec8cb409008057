//! The data folder cannot be written: how long to wait before the next try, which
//! runs wait, and since when. Whoever drives a run tells it here; the service and
//! the command that runs a test look here. What is tried again is `driver`'s.

use dlt_core::ids::TestRunId;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::watch;

/// Before the second try.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Between two tries at most: so long after space was made everything goes on.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Growing pauses between tries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pauses(Duration);

impl Default for Pauses {
    fn default() -> Self {
        Self(FIRST_PAUSE)
    }
}

impl Pauses {
    /// How long to wait now.
    pub fn next_pause(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (self.0 * 2).min(LONGEST_PAUSE);
        pause
    }
}

/// Why a run waits for its store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// What the store said first.
    pub why: String,
    /// Since when, µs since the Unix epoch.
    pub since_us: u64,
}

/// The runs that wait for their store.
#[derive(Debug, Default)]
pub struct Outages(watch::Sender<BTreeMap<TestRunId, Outage>>);

impl Outages {
    /// A run begins to wait; true unless it did before.
    pub fn begin(&self, run: &TestRunId, outage: Outage) -> bool {
        self.0.send_if_modified(|waiting| {
            let new = !waiting.contains_key(run);
            if new {
                waiting.insert(run.clone(), outage);
            }
            new
        })
    }

    /// A run waits no more; what it waited for, if it did.
    pub fn end(&self, run: &TestRunId) -> Option<Outage> {
        let mut ended = None;
        self.0.send_if_modified(|waiting| {
            ended = waiting.remove(run);
            ended.is_some()
        });
        ended
    }

    /// Why a run waits now.
    pub fn of(&self, run: &TestRunId) -> Option<Outage> {
        self.0.borrow().get(run).cloned()
    }

    /// The oldest outage that goes on.
    pub fn now(&self) -> Option<Outage> {
        oldest(&self.0.borrow())
    }

    /// Resolves at each change; the oldest outage then.
    pub async fn changed(
        seen: &mut watch::Receiver<BTreeMap<TestRunId, Outage>>,
    ) -> Option<Outage> {
        match seen.changed().await {
            Ok(()) => oldest(&seen.borrow_and_update()),
            Err(_) => std::future::pending().await,
        }
    }

    /// For [`Self::changed`].
    pub fn watch(&self) -> watch::Receiver<BTreeMap<TestRunId, Outage>> {
        self.0.subscribe()
    }
}

fn oldest(waiting: &BTreeMap<TestRunId, Outage>) -> Option<Outage> {
    waiting
        .values()
        .min_by_key(|outage| outage.since_us)
        .cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_short_enough_to_notice_space() {
        let mut pauses = Pauses::default();
        let all: Vec<u128> = (0..8).map(|_| pauses.next_pause().as_millis()).collect();
        assert_eq!(all, [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000]);
    }

    #[test]
    fn the_oldest_outage_is_told_until_no_run_waits() {
        let outages = Outages::default();
        let run = |name: &str| TestRunId::parse(name).unwrap();
        let outage = |since_us| Outage {
            why: "full".to_owned(),
            since_us,
        };
        assert!(outages.begin(&run("run0000001"), outage(7)));
        assert!(!outages.begin(&run("run0000001"), outage(9)));
        assert!(outages.begin(&run("run0000002"), outage(5)));
        assert_eq!(outages.now(), Some(outage(5)));
        assert_eq!(outages.end(&run("run0000002")), Some(outage(5)));
        assert_eq!(outages.now(), Some(outage(7)));
        assert_eq!(outages.end(&run("run0000001")), Some(outage(7)));
        assert_eq!(
            (outages.now(), outages.end(&run("run0000001"))),
            (None, None)
        );
    }
}
