//! Runs: what is known of each, and the legal moves between their states. The
//! run record is what clients see; the rest is the workflow's own memory.

#[cfg(feature = "aws")]
pub mod dynamodb;
#[cfg(feature = "local")]
pub mod sqlite;

use crate::clock::RunClock;
use crate::error::PipelineError;
use async_trait::async_trait;
use dlt_core::calls::RunsQuery;
use dlt_core::calls::answers::TestRunSummary;
use dlt_core::ids::{Region, RunPrefix, RunnerId, TestId, TestRunId};
use dlt_core::load::changes::{LoadChange, end_of};
use dlt_core::record::RunRecord;
use dlt_core::run::Status;
use dlt_core::scenario::plan::FileType;
use dlt_core::value::Value;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How often a change is tried when others change the same run.
const MOST_CONFLICTS: usize = 10;

/// Most runs that a sentence names of those that shared the machine.
const MOST_NAMED_BESIDE: usize = 5;
/// Most that are remembered: a busy service must not make a run's item large.
pub const MOST_BESIDE: usize = 100;

/// How many runners a region is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionTasks {
    /// Where.
    pub region: Region,
    /// Runners, at least 1.
    pub tasks: u64,
}

/// How much of a run is on capacity that may be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Spare {
    /// Percent of each region's workers; leaders never.
    #[serde(default)]
    pub percent: u8,
    /// Regions that had none when it was asked for: their workers are on usual
    /// capacity.
    #[serde(default)]
    pub refused: Vec<Region>,
}

/// Which parts of a run lie beside its item (`functions::records`); nothing of
/// those that an older dlt stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Beside {
    /// The scenario as it ran.
    #[serde(default)]
    pub scenario: bool,
    /// Results by label, errors with their exchanges.
    #[serde(default)]
    pub results: bool,
}

/// Since when runners are seen to take too long, µs: who is ended is first seen late
/// and then asked again, since everything may have stood still meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Late {
    /// To end by themselves.
    #[serde(default)]
    pub end_us: Option<u64>,
    /// To end after they were told to.
    #[serde(default)]
    pub stop_us: Option<u64>,
}

/// A run, as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Rises with each change; a change of an older version is refused.
    pub version: u64,
    /// Which scenario.
    pub test: TestId,
    /// Which run.
    pub run: TestRunId,
    /// Its folder.
    pub prefix: RunPrefix,
    /// What clients see.
    pub record: RunRecord,
    /// How its script comes, if it has one.
    #[serde(default)]
    pub file_type: FileType,
    /// Where it runs.
    pub regions: Vec<RegionTasks>,
    /// `showLive`.
    pub live: bool,
    /// Whether all exchanges of its one iteration are kept for people.
    #[serde(default)]
    pub keep_exchanges: bool,
    /// Percent of runners that must be there.
    pub healthy_threshold: u8,
    /// The document of its first region: the plan, for the summary. Null where it
    /// lies beside.
    #[serde(default)]
    pub document: Value,
    /// What lies beside this item, as objects.
    #[serde(default)]
    pub beside: Beside,
    /// When it passes, as the scenario has it.
    pub thresholds: Vec<String>,
    /// Planned length of the load, µs.
    pub planned_us: u64,
    /// Longest graceful stop, µs.
    pub graceful_stop_us: u64,
    /// How long the requests before the load may take, µs; 0 without any.
    #[serde(default)]
    pub setup_us: u64,
    /// The same of those after it.
    #[serde(default)]
    pub teardown_us: u64,
    /// The clock of its deadlines; None: the wall clock.
    #[serde(default)]
    pub clock: Option<RunClock>,
    /// Since when it is seen to be late.
    #[serde(default)]
    pub late: Late,
    /// When the first runner was launched, µs since the Unix epoch.
    #[serde(default)]
    pub workers_began_us: Option<u64>,
    /// When the first leader was to be launched.
    #[serde(default)]
    pub leaders_began_us: Option<u64>,
    /// The start instant.
    #[serde(default)]
    pub start_at_us: Option<u64>,
    /// Changes of its load that people made while it went on.
    #[serde(default)]
    pub changes: Vec<LoadChange>,
    /// When runners were first told to stop.
    #[serde(default)]
    pub stop_began_us: Option<u64>,
    /// Why it was cancelled.
    #[serde(default)]
    pub cancel_reason: Option<String>,
    /// Why it will end `failed`; the first reason stays.
    #[serde(default)]
    pub failure: Option<String>,
    /// At home: the process that drove it ended before it. It fails, unless its runners were through
    /// with their load.
    #[serde(default)]
    pub lost_driver: bool,
    /// Why the last launch did not succeed.
    #[serde(default)]
    pub launch_trouble: Option<String>,
    /// How many launches were refused, wholly or in part: a launch that is tried
    /// again is another one.
    #[serde(default)]
    pub refused_launches: u64,
    /// Executions that went on with it after the first.
    #[serde(default)]
    pub parts: u64,
    /// How much of it is on spare capacity.
    #[serde(default)]
    pub spare: Spare,
    /// Runners that were lost, and how.
    #[serde(default)]
    pub lost: BTreeMap<RunnerId, String>,
    /// At home: runs that were in progress on this machine at the same time.
    #[serde(default)]
    pub beside_runs: BTreeSet<TestRunId>,
}

/// Why a run fails whose driver was lost.
pub const LOST_DRIVER: &str = "the dlt process that ran this test ended before the test did";

impl Run {
    /// All runners asked for.
    pub fn tasks(&self) -> u64 {
        self.regions.iter().map(|region| region.tasks).sum()
    }

    /// Length of the load, µs: as it was planned, or until it was told to end.
    pub fn load_us(&self) -> u64 {
        let told = end_of(&self.changes).unwrap_or(self.planned_us);
        told.min(self.planned_us)
    }

    /// It was cancelled, failed or is driven no more: nothing new may begin.
    pub fn is_stopping(&self) -> bool {
        self.failure.is_some()
            || self.lost_driver
            || self.record.status == Status::Cancelling
            || self.record.status.is_terminal()
    }

    /// That other runs made load on this machine too, which its numbers may show.
    pub fn shared_machine(&self) -> Option<String> {
        let names: Vec<&str> = self.beside_runs.iter().map(TestRunId::as_str).collect();
        let many = names.len();
        let some = names[..many.min(MOST_NAMED_BESIDE)].join(", ");
        match many {
            0 => None,
            1 => Some(format!(
                "another run shared this machine ({some}): its load may show in this run's numbers"
            )),
            many if many > MOST_NAMED_BESIDE => Some(format!(
                "{many} other runs shared this machine ({some}, …): their load may show in this run's numbers"
            )),
            many => Some(format!(
                "{many} other runs shared this machine ({some}): their load may show in this run's numbers"
            )),
        }
    }

    /// Moves to a status if that is legal; else stays.
    pub fn advance(&mut self, next: Status) {
        if self.record.status.may_become(next) {
            self.record.status = next;
        }
    }

    /// Whether `present` runners are enough of `tasks()`.
    pub fn is_enough(&self, present: u64) -> bool {
        present * 100 >= u64::from(self.healthy_threshold) * self.tasks()
    }
}

/// A page of runs.
#[derive(Debug, Clone, PartialEq)]
pub struct RunsFound {
    /// Newest first.
    pub rows: Vec<TestRunSummary>,
    /// Every run that matches, not just this page.
    pub total: u64,
}

/// Where runs are kept.
#[async_trait]
pub trait Runs: Send + Sync {
    /// A run of a scenario.
    async fn get(&self, test: &TestId, run: &TestRunId) -> Result<Option<Run>, PipelineError>;
    /// Stores a run whose stored version is still `run.version` (0: there is
    /// none), and raises the version; else [`PipelineError::Conflict`].
    async fn put(&self, run: &Run) -> Result<(), PipelineError>;
    /// A page of a scenario's runs, newest first; `latest` is the caller's.
    async fn page(&self, test: &TestId, query: &RunsQuery) -> Result<RunsFound, PipelineError>;
    /// Removes runs of a scenario; how many there were.
    async fn delete(&self, test: &TestId, runs: &[TestRunId]) -> Result<u64, PipelineError>;
}

/// A run; None if there is none, or if what is stored of it cannot be read.
pub async fn readable(
    runs: &dyn Runs,
    test: &TestId,
    run: &TestRunId,
) -> Result<Option<Run>, PipelineError> {
    match runs.get(test, run).await {
        Err(PipelineError::Unreadable(_)) => Ok(None),
        run => run,
    }
}

/// A run that must exist.
pub async fn need(runs: &dyn Runs, test: &TestId, run: &TestRunId) -> Result<Run, PipelineError> {
    runs.get(test, run)
        .await?
        .ok_or_else(|| PipelineError::NoRun(run.to_string()))
}

/// Changes a run; again when somebody else was faster. Answers the run before
/// and after.
pub async fn update(
    runs: &dyn Runs,
    test: &TestId,
    id: &TestRunId,
    change: &(dyn Fn(&mut Run) + Send + Sync),
) -> Result<(Run, Run), PipelineError> {
    for _ in 0..MOST_CONFLICTS {
        let before = need(runs, test, id).await?;
        let mut after = before.clone();
        change(&mut after);
        if after == before {
            return Ok((before, after));
        }
        match runs.put(&after).await {
            Ok(()) => {
                after.version += 1;
                return Ok((before, after));
            }
            Err(PipelineError::Conflict(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Err(PipelineError::Conflict(format!(
        "run {id} is changed by too many at once"
    )))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use dlt_core::record::Begun;
    use serde_json::json;

    /// A run of two and one runners.
    pub(crate) fn example() -> Run {
        let run = TestRunId::parse("p4TqL8vN2c").unwrap();
        let start_time = "2026-03-04 09:15:02".to_owned();
        Run {
            version: 0,
            test: TestId::parse("Xk29QmWz7B").unwrap(),
            prefix: RunPrefix::of(&start_time, &run).unwrap(),
            record: RunRecord::begun(Begun {
                test_id: TestId::parse("Xk29QmWz7B").unwrap(),
                test_run_id: run.clone(),
                test_name: "shop".to_owned(),
                test_description: String::new(),
                test_type: "simple".to_owned(),
                start_time,
                test_task_configs: json!([]),
                test_scenario: dlt_core::value::Value::default(),
            }),
            run,
            file_type: FileType::None,
            regions: [("lo-home-1", 2), ("lo-home-2", 1)]
                .map(|(region, tasks)| RegionTasks {
                    region: Region::parse(region).unwrap(),
                    tasks,
                })
                .to_vec(),
            live: true,
            keep_exchanges: false,
            healthy_threshold: 90,
            document: json!({}).into(),
            beside: Beside::default(),
            thresholds: Vec::new(),
            planned_us: 10_000_000,
            graceful_stop_us: 5_000_000,
            setup_us: 0,
            teardown_us: 0,
            clock: None,
            late: Late::default(),
            workers_began_us: None,
            leaders_began_us: None,
            start_at_us: None,
            changes: Vec::new(),
            stop_began_us: None,
            cancel_reason: None,
            lost_driver: false,
            failure: None,
            launch_trouble: None,
            refused_launches: 0,
            parts: 0,
            spare: Spare::default(),
            lost: BTreeMap::new(),
            beside_runs: BTreeSet::new(),
        }
    }

    #[test]
    fn a_run_only_makes_legal_moves() {
        for from in Status::ALL {
            for to in Status::ALL {
                let mut run = example();
                run.record.status = from;
                run.advance(to);
                let expected = if from.may_become(to) { to } else { from };
                assert_eq!(run.record.status, expected, "{from} to {to}");
            }
        }
        let mut run = example();
        run.record.status = Status::Cancelling;
        run.advance(Status::ParsingResults);
        assert_eq!(run.record.status, Status::Cancelling);
        assert!(run.is_stopping());
    }

    #[test]
    fn runs_that_shared_the_machine_are_named() {
        let mut run = example();
        assert_eq!(run.shared_machine(), None);
        let mut told = Vec::new();
        for n in 1..=6 {
            run.beside_runs
                .insert(TestRunId::parse(&format!("run{n}")).unwrap());
            told.extend(run.shared_machine());
        }
        assert!(
            told[0].starts_with("another run shared this machine (run1)"),
            "{told:?}"
        );
        assert!(told[1].starts_with("2 other runs"), "{told:?}");
        assert!(
            told[5].contains("run5, …)") && !told[5].contains("run6"),
            "{told:?}"
        );
    }

    #[test]
    fn enough_is_a_percentage_of_all_runners() {
        let mut run = example();
        assert!(run.is_enough(3) && !run.is_enough(2));
        run.healthy_threshold = 66;
        assert!(run.is_enough(2));
    }
}
