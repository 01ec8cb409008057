//! The fleet: runners, launched, seen and stopped. On AWS they are tasks, at
//! home child processes.

#[cfg(feature = "aws")]
pub mod ecs;
#[cfg(feature = "local")]
pub mod process;
#[cfg(feature = "local")]
pub mod processes;
#[cfg(feature = "local")]
pub mod tail;

use crate::clock::Clock;
use crate::error::PipelineError;
use async_trait::async_trait;
use dlt_core::ids::{Region, RunnerId, TestId, TestRunId};
use dlt_core::messages::order::{BootInstant, Order, Role};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most runners of one launch (RunTask takes ten).
pub const LARGEST_BATCH: u64 = 10;

/// So many equal runners to be launched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// What each is told; who it is, it learns from the fleet.
    pub order: Order,
    /// How many, 1 to [`LARGEST_BATCH`].
    pub count: u64,
    /// On capacity that costs less and may be taken back, where there is any.
    pub spare: bool,
    /// A launch whose token was used before launches nobody: so one that is
    /// repeated because its answer was lost never doubles a runner. At most 64
    /// characters (ECS RunTask, `clientToken`).
    pub token: String,
}

/// What came of a launch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Launched {
    /// Who exists now, also of an earlier launch with the same token.
    pub runners: Vec<RunnerId>,
    /// Why others were not launched, a sentence for each.
    pub refused: Vec<String>,
}

/// Which regions are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// One.
    Region(&'a Region),
    /// All that the fleet knows, each once.
    Everywhere,
}

impl Place<'_> {
    /// Whether a region is meant.
    pub fn has(self, region: &Region) -> bool {
        match self {
            Self::Region(one) => one == region,
            Self::Everywhere => true,
        }
    }
}

/// What the sentence of a runner begins with that ended with an exit code.
pub(crate) const ENDED_WITH: &str = "ended with exit code ";

/// How far a runner is, as one sees it from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunnerPhase {
    /// Launched, has said nothing yet.
    Starting,
    /// Listens and may be started, or loads.
    Ready {
        /// `host:port`.
        address: String,
    },
    /// Said that it finished.
    Finished {
        /// With which exit code.
        exit: i32,
    },
    /// Gone without a word.
    Gone {
        /// `killed by signal 9`, `ended with exit code 2`.
        how: String,
        /// Its last line on stderr, cut.
        said: Option<String>,
    },
}

/// A launched runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunnerStatus {
    /// Of which run.
    pub run: TestRunId,
    /// Who.
    pub runner: RunnerId,
    /// Its ARN, where it is a task of ECS.
    pub arn: Option<String>,
    /// Where.
    pub region: Region,
    /// The id of its network interface, where it has one of its own.
    pub interface: Option<String>,
    /// As what.
    pub role: Role,
    /// When it was launched, µs since the Unix epoch.
    pub since_us: u64,
    /// The same on the clock since boot, where the fleet knows it.
    pub since_boot: Option<BootInstant>,
    /// Whether it still exists.
    pub alive: bool,
    /// How far it is.
    pub phase: RunnerPhase,
}

impl RunnerStatus {
    /// How a runner was lost, as the end of a sentence; None if it was not.
    pub fn loss(&self) -> Option<String> {
        match &self.phase {
            RunnerPhase::Gone { how, said } => Some(match said {
                None => how.clone(),
                Some(said) => format!("{how}; it said: {said}"),
            }),
            RunnerPhase::Finished { exit } if *exit != 0 => Some(format!("{ENDED_WITH}{exit}")),
            _ => None,
        }
    }

    /// The exit code that it ended with, where it is known.
    pub fn exit_code(&self) -> Option<i32> {
        match &self.phase {
            RunnerPhase::Finished { exit } => Some(*exit),
            // As the fleets say it, whose sentence is what is stored.
            RunnerPhase::Gone { how, .. } => how.strip_prefix(ENDED_WITH)?.parse().ok(),
            RunnerPhase::Starting | RunnerPhase::Ready { .. } => None,
        }
    }

    /// How long ago it was launched, µs; who sets the wall clock does not change it where
    /// the boot is known.
    pub fn age_us(&self, clock: &dyn Clock) -> u64 {
        match self.since_boot.zip(clock.boot()) {
            Some((since, now)) if since.boot == now.boot => now.us.saturating_sub(since.us),
            _ => clock.now_us().saturating_sub(self.since_us),
        }
    }

    /// Could it still be started?
    pub fn is_ready(&self) -> bool {
        self.alive && matches!(self.phase, RunnerPhase::Ready { .. })
    }
}

/// How runners are stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Stop the load, report, end (SIGTERM).
    Gracefully,
    /// At once (SIGKILL).
    AtOnce,
}

/// Where runners live. It names them: nothing else may compute a runner's id.
#[async_trait]
pub trait Fleet: Send + Sync {
    /// Launches runners; answers who exists and why others do not.
    async fn launch(&self, launch: &Launch) -> Result<Launched, PipelineError>;
    /// Every runner launched for a scenario that is alive or not long gone.
    async fn list(
        &self,
        test: &TestId,
        place: Place<'_>,
    ) -> Result<Vec<RunnerStatus>, PipelineError>;
    /// Every runner that is alive, of whatever scenario.
    async fn alive(&self, place: Place<'_>) -> Result<Vec<RunnerStatus>, PipelineError>;
    /// The public addresses of these runners, of those that have one: processes have none
    /// of their own.
    async fn public_addresses(
        &self,
        _: &[&RunnerStatus],
    ) -> Result<BTreeMap<RunnerId, String>, PipelineError> {
        Ok(BTreeMap::new())
    }
    /// Stops runners of a region; those that are gone do not matter.
    async fn stop(
        &self,
        run: &TestRunId,
        region: &Region,
        who: &[RunnerId],
        how: Stop,
    ) -> Result<(), PipelineError>;
    /// A run that has ended was deleted: what its runners left may go.
    fn forget(&self, _: &TestRunId) {}
}

/// The runners of one run, in the order of their launches.
pub async fn of_run(
    fleet: &dyn Fleet,
    test: &TestId,
    run: &TestRunId,
    place: Place<'_>,
) -> Result<Vec<RunnerStatus>, PipelineError> {
    let mut runners = fleet.list(test, place).await?;
    runners.retain(|runner| runner.run == *run);
    runners.sort_by(|a, b| (a.since_us, &a.runner).cmp(&(b.since_us, &b.runner)));
    Ok(runners)
}

/// Stops runners of one run, region by region.
pub async fn stop(
    fleet: &dyn Fleet,
    run: &TestRunId,
    runners: impl IntoIterator<Item = &RunnerStatus>,
    how: Stop,
) -> Result<(), PipelineError> {
    let mut by_region: BTreeMap<&Region, Vec<RunnerId>> = BTreeMap::new();
    for runner in runners {
        let who = by_region.entry(&runner.region).or_default();
        who.push(runner.runner.clone());
    }
    for (region, who) in by_region {
        fleet.stop(run, region, &who, how).await?;
    }
    Ok(())
}
