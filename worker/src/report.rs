//! Composes a runner's report and timeline from what the engine measured and
//! what the system says, and stores them. Their format is defined in core.

use crate::coordinator::Coordinator;
use crate::depot::{Depot, DepotError};
use crate::engine::{LabelRows, LoadResult};
use crate::health::Usage;
use crate::output::log;
use dlt_core::ids::{Region, RunnerId};
use dlt_core::keys;
use dlt_core::measure::second::Second;
use dlt_core::messages::handover;
use dlt_core::messages::order::{Order, Start};
use dlt_core::messages::report::{Ended, Health, Report, StartFacts, TaskFacts};
use dlt_core::messages::timeline::TIMELINE_FORMAT;
use serde::{Serialize, Serializer};
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::Instant;

/// Before the second try to store a report, and the longest pause between two.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What a report says of a load beside what the engine measured.
#[derive(Debug, Default)]
pub struct RunContext {
    /// How it started; None if it never did.
    pub start: Option<Start>,
    /// Why it ended, if not as planned.
    pub ended: Option<Ended>,
    /// What the script of its load says that judges by itself.
    pub script_failed: Option<String>,
    /// Changes of the load that it heard of.
    pub changes: u64,
    /// The runner's timeline.
    pub seconds: Vec<Second>,
    /// Seconds for which the runner made a tick.
    pub ticks: u64,
    /// Most users in a second.
    pub peak_users: u64,
    /// Load-making threads.
    pub threads: u64,
    /// What the process had used when the load began.
    pub before: Usage,
    /// What it had used when the load was over.
    pub after: Usage,
    /// How long the load took, with the answers that came after its end.
    pub wall: Duration,
    /// How long load was made; None if none was.
    pub loaded: Option<Duration>,
    /// Memory limit, bytes; 0 for none.
    pub memory_limit_bytes: u64,
    /// Warnings for people.
    pub warnings: Vec<String>,
    /// What upstream's results parser requires.
    pub task: TaskFacts,
}

impl RunContext {
    /// Takes timeline, warnings and end reason from the coordinator.
    pub fn take_from(&mut self, coordinator: &mut Coordinator) {
        self.ended = coordinator.end_reason.clone();
        self.changes = coordinator.changes();
        let timeline = std::mem::take(&mut coordinator.timeline);
        self.ticks = timeline.seconds;
        self.peak_users = timeline.peak_users;
        self.seconds = timeline.into_stretches();
        self.warnings = coordinator.take_warnings();
    }
}

/// What a runner leaves: its objects, composed once and kept until they are stored.
#[derive(Debug)]
pub struct Finished {
    /// The timeline, then the report: a reader that finds the report finds the
    /// timeline too.
    objects: [(String, Vec<u8>); 2],
    stored: usize,
}

impl Finished {
    /// Composes timeline and report.
    pub fn new(order: &Order, runner: &RunnerId, result: LoadResult, context: RunContext) -> Self {
        let (report, timeline) = compose(order, runner, result, context);
        let key = |name: fn(&_, &_, &_, &_) -> String| {
            name(&order.test, &order.prefix, runner, &order.region)
        };
        // Numbers, texts and lists alone: this cannot fail.
        let json = serde_json::to_vec(&timeline).unwrap_or_default();
        drop(timeline);
        let xml = report.to_xml().into_bytes();
        Self {
            objects: [(key(keys::timeline), json), (key(keys::report), xml)],
            stored: 0,
        }
    }

    /// Stores what is not stored yet; returns the key of the report.
    pub async fn store(&mut self, depot: &Depot) -> Result<String, DepotError> {
        while let Some((key, bytes)) = self.objects.get(self.stored) {
            depot.store(key, bytes.clone()).await?;
            self.stored += 1;
        }
        Ok(self.objects[1].0.clone())
    }

    /// Stores it, again and again while the depot cannot take it. At `until` it is
    /// handed over to the process that started this one, if that takes it; else the
    /// report is lost.
    pub async fn store_until(
        mut self,
        depot: &Depot,
        handover: Option<&Handover>,
        until: impl Fn() -> Instant,
    ) -> Result<String, DepotError> {
        let mut pause = FIRST_PAUSE;
        let mut told = false;
        loop {
            // A depot that hangs must leave the time to hand it over.
            let latest = until().max(Instant::now() + FIRST_PAUSE);
            let error = match tokio::time::timeout_at(latest, self.store(depot)).await {
                Ok(Ok(key)) => return Ok(key),
                Ok(Err(error)) => error,
                Err(_) => DepotError::Io {
                    what: "store",
                    key: self.objects[self.stored].0.clone(),
                    source: std::io::ErrorKind::TimedOut.into(),
                },
            };
            let left = until().saturating_duration_since(Instant::now());
            if left.is_zero() {
                return match handover.map(|to| to.take(&self.objects[self.stored..])) {
                    Some(Ok(())) => {
                        log(
                            "the report cannot be stored; the process that started this runner keeps it",
                        );
                        Ok(self.objects[1].0.clone())
                    }
                    Some(Err(why)) => {
                        log(&format!("the report cannot be handed over either: {why}"));
                        Err(error)
                    }
                    None => Err(error),
                };
            }
            if !told {
                log(&format!(
                    "{error}; it is kept and tried again for up to {} s",
                    left.as_secs()
                ));
                told = true;
            }
            tokio::time::sleep(pause.min(left)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Memory that this process shares with the one that started it.
#[derive(Debug)]
pub struct Handover(PathBuf);

impl Handover {
    /// What the environment says: `DLT_HANDOVER=stdin`.
    pub fn from_env() -> Option<Self> {
        let word = std::env::var("DLT_HANDOVER").ok()?;
        (word == "stdin").then(|| Self(PathBuf::from("/proc/self/fd/0")))
    }

    fn take(&self, objects: &[(String, Vec<u8>)]) -> std::io::Result<()> {
        let mut file = std::fs::OpenOptions::new().write(true).open(&self.0)?;
        if !file.metadata()?.is_file() {
            return Err(std::io::Error::other("it is no memory of that process"));
        }
        file.write_all(&handover::encode(objects))
    }
}

fn compose(
    order: &Order,
    runner: &RunnerId,
    result: LoadResult,
    context: RunContext,
) -> (Report, StoredTimeline) {
    let start = context.start.map(|start| StartFacts {
        start_at_us: start.start_at_us,
        clock_offset_us: start.clock_offset_us,
        clock_error_us: start.clock_error_us,
        share_ppb: Some(start.lot().parts_per_billion()),
        first_due_us: result.first_due_us,
        first_sent_us: result.first_sent_us,
    });
    let mut warnings = context.warnings;
    warnings.extend(result.warnings);
    let report = Report {
        test: order.test.clone(),
        run: order.run.clone(),
        runner: runner.clone(),
        region: order.region.clone(),
        tally: result.tally,
        duration_us: result.last_done_us,
        loaded_us: context.loaded.map(|loaded| loaded.as_micros() as u64),
        peak_users: context.peak_users,
        // Without a thread's results no second of this report is whole.
        ticks: match result.missing_threads {
            0 => context.ticks,
            _ => 0,
        },
        start,
        ended: context.ended.unwrap_or(Ended::AsPlanned),
        script_failed: context.script_failed,
        health: Health {
            threads: context.threads,
            cpu_us: context.after.cpu_us.saturating_sub(context.before.cpu_us),
            wall_us: u64::try_from(context.wall.as_micros()).unwrap_or(u64::MAX),
            throttled_us: context
                .after
                .throttled_us
                .saturating_sub(context.before.throttled_us),
            max_rss_bytes: context.after.max_rss_bytes,
            memory_limit_bytes: context.memory_limit_bytes,
            ports_exhausted: result.ports_exhausted,
            files_exhausted: result.files_exhausted,
            reading: result.reading,
            bad_seconds: result.bad_seconds,
            cut_us: result.cut_us,
            changes: context.changes,
        },
        generator: result.generator,
        exchanges: result.exchanges.into_rows(),
        warnings,
        task: context.task,
    };
    let timeline = StoredTimeline {
        format: TIMELINE_FORMAT,
        runner: runner.clone(),
        region: order.region.clone(),
        seconds: context.seconds,
        labels: result.labels,
    };
    (report, timeline)
}

/// A [`Timeline`](dlt_core::messages::timeline::Timeline) as it is written, whose labels are unpacked
/// one after the other.
#[derive(Debug, Serialize)]
struct StoredTimeline {
    format: u32,
    runner: RunnerId,
    region: Region,
    seconds: Vec<Second>,
    #[serde(serialize_with = "unpacked")]
    labels: Vec<LabelRows>,
}

fn unpacked<S: Serializer>(labels: &[LabelRows], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(labels.iter().map(LabelRows::merged))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::depot::Depot;
    use crate::engine::Series;
    use crate::tests::{order, runner};
    use dlt_core::measure::account::Account;
    use dlt_core::measure::second::LabelSecond;
    use dlt_core::messages::order::Role;
    use dlt_core::messages::timeline::Timeline;
    use std::path::Path;

    #[test]
    fn a_timeline_is_read_as_it_was_recorded() {
        let order = order(Path::new("/nowhere"), Role::Worker);
        let mut series = Series::default();
        for second in [3, 4, 21_600, 21_609] {
            let mut row = LabelSecond {
                ok: 1,
                ..LabelSecond::default()
            };
            row.latency.record(second);
            series.push(second, row);
        }
        let result = LoadResult {
            labels: vec![LabelRows::of("x".to_owned(), series)],
            ..LoadResult::default()
        };
        let context = RunContext {
            seconds: vec![Second::default()],
            ..RunContext::default()
        };
        let expected = result.labels[0].merged();
        let finished = Finished::new(&order, &runner(1), result, context);
        let read: Timeline = serde_json::from_slice(&finished.objects[0].1).unwrap();
        assert_eq!((read.format, read.seconds.len()), (TIMELINE_FORMAT, 1));
        assert_eq!((read.runner, read.region), (runner(1), order.region));
        assert_eq!(read.labels, [expected]);
        let seconds = read.labels[0].seconds.iter();
        let told: Vec<_> = seconds.map(|row| (row.second, row.ok)).collect();
        assert_eq!(told, [(3, 1), (4, 1), (21_600, 2)]);
    }

    /// A file where the results' folder would be, removed while it is tried.
    #[tokio::test]
    async fn a_report_is_kept_until_the_depot_takes_it() {
        let folder = tempfile::tempdir().unwrap();
        let depot = Depot::folder(folder.path().to_str().unwrap()).unwrap();
        let in_the_way = folder.path().join("results");
        std::fs::write(&in_the_way, "").unwrap();
        let order = order(folder.path(), Role::Worker);
        let nothing = || (LoadResult::default(), RunContext::default());
        let (result, context) = nothing();
        let finished = Finished::new(&order, &runner(1), result, context);
        let until = Instant::now() + Duration::from_secs(60);
        let asked = std::cell::Cell::new(0);
        let key = finished
            .store_until(&depot, None, || {
                // Asked before and after the first try, which fails, and before the second.
                asked.set(asked.get() + 1);
                if asked.get() == 2 {
                    std::fs::remove_file(&in_the_way).unwrap();
                }
                until
            })
            .await
            .unwrap();
        assert_eq!(asked.get(), 3);
        assert!(depot.fetch(&key).await.unwrap().is_some());

        // At the end of its time it is handed over, whole.
        std::fs::remove_dir_all(&in_the_way).unwrap();
        std::fs::write(&in_the_way, "").unwrap();
        let shared = folder.path().join("shared");
        std::fs::write(&shared, "").unwrap();
        let over = Instant::now();
        for handover in [None, Some(Handover(shared.clone()))] {
            let (result, context) = nothing();
            let finished = Finished::new(&order, &runner(1), result, context);
            let told = finished
                .store_until(&depot, handover.as_ref(), || over)
                .await;
            assert_eq!(told.is_ok(), handover.is_some(), "{told:?}");
        }
        let handed = handover::decode(&std::fs::read(&shared).unwrap());
        let keys: Vec<&str> = handed.iter().map(|(key, _)| key.as_str()).collect();
        assert!(keys[0].ends_with(".timeline") && keys[1] == key, "{keys:?}");
        let xml = std::str::from_utf8(&handed[1].1).unwrap();
        assert_eq!(Report::from_xml(xml).unwrap().runner, runner(1));
    }

    #[tokio::test]
    async fn what_is_stored_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let depot = Depot::folder(folder.path().to_str().unwrap()).unwrap();
        let order = order(folder.path(), Role::Worker);
        let runner = runner(1);
        let mut result = LoadResult::default();
        result.tally.account = Account {
            scheduled: 3,
            sent: 3,
            ok: 3,
            ..Account::default()
        };
        let context = RunContext {
            ended: Some(Ended::Stopped {
                reason: "SIGTERM".to_owned(),
            }),
            seconds: vec![Second {
                sent: 3,
                ..Second::default()
            }],
            ticks: 1,
            ..RunContext::default()
        };
        let mut finished = Finished::new(&order, &runner, result, context);
        let key = finished.store(&depot).await.unwrap();
        let xml = depot.fetch(&key).await.unwrap().unwrap();
        let report = Report::from_xml(std::str::from_utf8(&xml).unwrap()).unwrap();
        assert_eq!(report.tally.account.sent, 3);
        assert_eq!(report.start, None);
        assert!(matches!(report.ended, Ended::Stopped { .. }));
        let key = keys::timeline(&order.test, &order.prefix, &runner, &order.region);
        let json = depot.fetch(&key).await.unwrap().unwrap();
        let timeline: Timeline = serde_json::from_slice(&json).unwrap();
        assert_eq!(timeline.seconds[0].sent, 3);
    }
}
