//! A region's timeline so far, stored every 10 s (dlt.md 3), so that a page that
//! opens in the middle of a run gets the run until then. Only a leader has one.
//!
//! Storing runs beside the event loop: neither a slow depot nor a long timeline
//! delays a tick. What cannot be stored ends nothing, since the runners' own
//! timelines are stored with their reports.

use super::timeline::{Sum, TimelineFolder};
use crate::depot::Depot;
use crate::output::log;
use dlt_core::ids::Region;
use dlt_core::keys;
use dlt_core::messages::order::Order;
use dlt_core::messages::runner_line::{RunnerRow, Tick};
use dlt_core::messages::timeline::TIMELINE_FORMAT;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::Instant;

/// Interval at which the timeline is stored, µs (dlt.md 3).
const INTERVAL_US: u64 = 10_000_000;
/// More than most seconds have as JSON, bytes.
const USUAL_SECOND_BYTES: usize = 2_048;

/// A region's timeline so far and where it is stored.
#[derive(Debug)]
pub struct RegionTimeline {
    folder: TimelineFolder,
    depot: Depot,
    key: String,
    region: Region,
    /// Where the region's runners stand; of many, the worst.
    runners: Vec<RunnerRow>,
    start_at_us: u64,
    /// When it is stored next, µs since the start instant.
    next_us: u64,
    running: Option<JoinHandle<()>>,
    /// Why it could not be stored, the first time that it could not.
    failure: Arc<OnceLock<String>>,
}

impl RegionTimeline {
    /// An empty timeline of the order's region; `start_at_us` is the start
    /// instant, µs since the Unix epoch.
    pub fn new(depot: Depot, order: &Order, start_at_us: u64) -> Self {
        Self {
            folder: TimelineFolder::default(),
            depot,
            key: keys::region_timeline(&order.test, &order.prefix, &order.region),
            region: order.region.clone(),
            runners: Vec::new(),
            start_at_us,
            next_us: INTERVAL_US,
            running: None,
            failure: Arc::default(),
        }
    }

    /// Adds a regional tick.
    pub fn add(&mut self, tick: &Tick) {
        self.runners.clone_from(&tick.runners);
        let mut second = tick.second.clone();
        let loading = tick.runners.iter().filter(|row| row.1.makes_load()).count() as u64;
        let others = tick.others.iter().filter(|row| row.0.makes_load());
        second.runners = loading + others.map(|row| row.1).sum::<u64>();
        self.folder.add_second(second);
    }

    /// Begins to store the timeline if it is time to; `now_us` counts from the
    /// start instant.
    pub fn store_if_due(&mut self, now_us: u64) {
        if now_us >= self.next_us {
            self.next_us = now_us - now_us % INTERVAL_US + INTERVAL_US;
            self.begin_storing();
        }
    }

    /// Stores the timeline as it is now and waits for it, at most until `until`.
    pub async fn store_last(&mut self, until: Instant) {
        // One that is still running must not replace the last one later.
        if self.finish_storing(until).await {
            self.begin_storing();
            self.finish_storing(until).await;
        }
    }

    /// Why the timeline could not be stored, if it ever could not.
    pub fn failure(&self) -> Option<&String> {
        self.failure.get()
    }

    /// Starts a task that stores a snapshot. Skipped while the one before still
    /// runs: the next one has all that it has.
    fn begin_storing(&mut self) {
        if self
            .running
            .as_ref()
            .is_some_and(|task| !task.is_finished())
        {
            return;
        }
        let snapshot = self.folder.snapshot();
        if snapshot.is_empty() {
            return;
        }
        let (depot, key) = (self.depot.clone(), self.key.clone());
        let (region, start_at_us) = (self.region.clone(), self.start_at_us);
        let runners = self.runners.clone();
        let failure = self.failure.clone();
        self.running = Some(tokio::spawn(async move {
            // A day's timeline has tens of megabytes.
            let json =
                spawn_blocking(move || to_json(region, start_at_us, &snapshot, runners)).await;
            let why = match json {
                Ok(json) => depot.store(&key, json).await.err().map(|e| e.to_string()),
                Err(broken) => Some(broken.to_string()),
            };
            if let Some(why) = why {
                let text = format!(
                    "the region's timeline so far could not be stored: {why}; the results of the run do not depend on it"
                );
                if failure.set(text.clone()).is_ok() {
                    log(&text);
                }
            }
        }));
    }

    /// Waits for the running task; whether none is left.
    async fn finish_storing(&mut self, until: Instant) -> bool {
        let Some(task) = &mut self.running else {
            return true;
        };
        let finished = tokio::time::timeout_at(until, task).await.is_ok();
        if finished {
            self.running = None;
        }
        finished
    }
}

/// A `RunTimeline` whose seconds are unpacked one by one while it is written.
#[derive(Serialize)]
struct SoFar<'a> {
    format: u32,
    start_at_us: u64,
    regions: BTreeMap<Region, Seconds<'a>>,
    labels: [(); 0],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    runners: Vec<RunnerRow>,
}

struct Seconds<'a>(&'a [Sum]);

impl Serialize for Seconds<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Sum::second))
    }
}

/// As a `RunTimeline`.
fn to_json(
    region: Region,
    start_at_us: u64,
    stretches: &[Sum],
    runners: Vec<RunnerRow>,
) -> Vec<u8> {
    let timeline = SoFar {
        format: TIMELINE_FORMAT,
        start_at_us,
        regions: BTreeMap::from([(region, Seconds(stretches))]),
        labels: [],
        runners,
    };
    // At once and larger each time: memory that grew by doubling would stay with the process.
    let mut json = Vec::with_capacity(stretches.len() * USUAL_SECOND_BYTES);
    // Numbers, texts and lists alone: this cannot fail.
    match serde_json::to_writer(&mut json, &timeline) {
        Ok(()) => json,
        Err(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{order, tick};
    use dlt_core::messages::order::Role;
    use dlt_core::messages::timeline::RunTimeline;
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    const START_AT_US: u64 = 1_772_615_703_000_000;
    const LIMIT: Duration = Duration::from_secs(60);

    fn path(folder: &Path) -> PathBuf {
        let order = order(folder, Role::Leader);
        folder.join(keys::region_timeline(
            &order.test,
            &order.prefix,
            &order.region,
        ))
    }

    fn timeline(folder: &Path) -> RegionTimeline {
        let depot = Depot::folder(folder.to_str().unwrap()).unwrap();
        RegionTimeline::new(depot, &order(folder, Role::Leader), START_AT_US)
    }

    async fn finish(timeline: &mut RegionTimeline) {
        assert!(timeline.finish_storing(Instant::now() + LIMIT).await);
    }

    fn stored(folder: &Path) -> RunTimeline {
        let bytes = std::fs::read(path(folder)).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[tokio::test]
    async fn it_is_stored_every_ten_seconds_and_once_more_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let mut timeline = timeline(folder.path());
        let order = order(folder.path(), Role::Leader);
        for second in 0..9 {
            timeline.add(&tick(second, 7));
            timeline.store_if_due((second + 2) * 1_000_000 - 1);
        }
        assert!(timeline.running.is_none(), "it is not time yet");
        timeline.store_if_due(10_400_000);
        finish(&mut timeline).await;
        let first = stored(folder.path());
        assert_eq!(first.format, TIMELINE_FORMAT);
        assert_eq!(first.start_at_us, START_AT_US);
        assert_eq!(first.labels, []);
        let regions: Vec<_> = first.regions.keys().collect();
        assert_eq!(regions, [&order.region]);
        let seconds = &first.regions[&order.region];
        assert!(seconds.iter().map(|row| row.second).eq(0..9));
        assert!(seconds.iter().all(|row| row.sent == 7));

        // The interval counts from the start instant, not from the last time.
        for second in 9..30 {
            timeline.add(&tick(second, 7));
        }
        timeline.store_if_due(19_999_999);
        assert!(timeline.running.is_none());
        timeline.store_if_due(20_000_000);
        finish(&mut timeline).await;
        assert_eq!(stored(folder.path()).regions[&order.region].len(), 30);

        timeline.add(&tick(30, 1));
        timeline.store_last(Instant::now() + LIMIT).await;
        assert_eq!(stored(folder.path()).regions[&order.region].len(), 31);
        assert_eq!(timeline.failure(), None);
    }

    #[test]
    fn what_is_stored_is_a_run_s_timeline() {
        let mut folder = TimelineFolder::default();
        (0..30).for_each(|second| folder.add(&tick(second, 7)));
        let region = Region::parse("eu-west-1").unwrap();
        for runners in [Vec::new(), tick(0, 7).runners] {
            let json = to_json(
                region.clone(),
                START_AT_US,
                &folder.snapshot(),
                runners.clone(),
            );
            let seconds = folder.snapshot();
            let seconds = seconds.iter().map(|sum| sum.second().into_owned());
            let timeline = RunTimeline {
                format: TIMELINE_FORMAT,
                start_at_us: START_AT_US,
                regions: BTreeMap::from([(region.clone(), seconds.collect())]),
                labels: Vec::new(),
                runners,
            };
            assert_eq!(json, serde_json::to_vec(&timeline).unwrap());
        }
    }

    #[tokio::test]
    async fn an_empty_timeline_is_not_stored() {
        let folder = tempfile::tempdir().unwrap();
        let mut timeline = timeline(folder.path());
        timeline.store_last(Instant::now() + LIMIT).await;
        assert!(!path(folder.path()).exists());
    }

    /// A depot whose folder is a file refuses every object.
    #[tokio::test]
    async fn a_failure_is_reported_once_and_storing_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let parent = path(folder.path()).parent().unwrap().to_owned();
        std::fs::create_dir_all(parent.parent().unwrap()).unwrap();
        std::fs::write(&parent, b"no folder").unwrap();
        let mut timeline = timeline(folder.path());
        timeline.add(&tick(0, 7));
        timeline.store_if_due(10_000_000);
        finish(&mut timeline).await;
        let failure = timeline.failure().unwrap().clone();
        assert!(
            failure.starts_with("the region's timeline so far could not be stored: "),
            "{failure}"
        );
        timeline.store_if_due(20_000_000);
        finish(&mut timeline).await;
        assert_eq!(timeline.failure(), Some(&failure));
        std::fs::remove_file(&parent).unwrap();
        timeline.store_if_due(30_000_000);
        finish(&mut timeline).await;
        assert_eq!(stored(folder.path()).regions.len(), 1);
    }

    #[tokio::test]
    async fn one_that_still_runs_is_not_overtaken() {
        let folder = tempfile::tempdir().unwrap();
        let mut timeline = timeline(folder.path());
        timeline.running = Some(tokio::spawn(std::future::pending()));
        timeline.add(&tick(0, 7));
        timeline.store_if_due(10_000_000);
        // Nothing was begun in its place, and the end does not wait for ever.
        let soon = Instant::now() + Duration::from_millis(20);
        timeline.store_last(soon).await;
        assert!(!path(folder.path()).exists());
        timeline.running.take().unwrap().abort();
        timeline.store_if_due(20_000_000);
        finish(&mut timeline).await;
        assert!(path(folder.path()).exists());
    }
}
