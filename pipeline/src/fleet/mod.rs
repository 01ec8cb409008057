//! The fleet: runners, launched, seen and stopped. On AWS they are tasks, at
//! home child processes.

#[cfg(feature = "local")]
pub mod processes;
#[cfg(feature = "local")]
pub mod tail;

use crate::error::PipelineError;
use async_trait::async_trait;
use dlt_core::ids::{Region, RunnerId, TestId, TestRunId};
use dlt_core::messages::order::{Order, Role};
use serde::{Deserialize, Serialize};

/// Most runners of one launch (RunTask takes ten).
pub const LARGEST_BATCH: usize = 10;
/// How often one runner is launched before it is given up.
pub const MOST_ATTEMPTS: u32 = 3;

/// A runner to be launched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// Who.
    pub runner: RunnerId,
    /// What it is told.
    pub order: Order,
    /// From 1; a replacement has the next number.
    pub attempt: u32,
}

impl Launch {
    /// A launch with a token that was used before does nothing: so a launch
    /// that is repeated because its answer was lost never doubles a runner.
    pub fn token(&self) -> String {
        format!("{}-{}-{}", self.order.run, self.runner, self.attempt)
    }
}

/// A launch that was refused: the runner was not launched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Who.
    pub runner: RunnerId,
    /// Why.
    pub reason: String,
}

/// What a runner is doing, as far as one sees from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Doing {
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
pub struct Seen {
    /// Of which run.
    pub run: TestRunId,
    /// Who.
    pub runner: RunnerId,
    /// Where.
    pub region: Region,
    /// As what.
    pub role: Role,
    /// Which launch.
    pub attempt: u32,
    /// When it was launched, µs since the Unix epoch.
    pub since_us: u64,
    /// Whether it still exists.
    pub alive: bool,
    /// What it is doing.
    pub doing: Doing,
}

impl Seen {
    /// How a runner was lost, as the end of a sentence; None if it was not.
    pub fn loss(&self) -> Option<String> {
        match &self.doing {
            Doing::Gone { how, said } => Some(match said {
                None => how.clone(),
                Some(said) => format!("{how}; it said: {said}"),
            }),
            Doing::Finished { exit } if *exit != 0 => Some(format!("ended with exit code {exit}")),
            _ => None,
        }
    }

    /// Could it still be started?
    pub fn is_ready(&self) -> bool {
        self.alive && matches!(self.doing, Doing::Ready { .. })
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

/// Where runners live.
#[async_trait]
pub trait Fleet: Send + Sync {
    /// Launches at most [`LARGEST_BATCH`] runners; answers those refused.
    async fn launch(&self, launches: &[Launch]) -> Result<Vec<Refused>, PipelineError>;
    /// Every runner launched for a scenario that is alive or not long gone.
    async fn list(&self, test: &TestId) -> Result<Vec<Seen>, PipelineError>;
    /// Every runner that is alive, of whatever scenario.
    async fn alive(&self) -> Result<Vec<Seen>, PipelineError>;
    /// Stops runners; those that are gone do not matter.
    async fn stop(&self, run: &TestRunId, who: &[RunnerId], how: Stop)
    -> Result<(), PipelineError>;
}

/// The newest launch of each runner of a run.
pub async fn newest(
    fleet: &dyn Fleet,
    test: &TestId,
    run: &TestRunId,
) -> Result<Vec<Seen>, PipelineError> {
    let mut newest: Vec<Seen> = Vec::new();
    for seen in fleet.list(test).await? {
        if seen.run != *run {
            continue;
        }
        match newest.iter_mut().find(|other| other.runner == seen.runner) {
            Some(other) if other.attempt < seen.attempt => *other = seen,
            Some(_) => {}
            None => newest.push(seen),
        }
    }
    Ok(newest)
}
