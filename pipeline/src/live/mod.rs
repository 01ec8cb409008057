//! Live data: what watchers of a run are told while it runs. At home a
//! broadcast; on AWS a topic, fed by the publisher function.

#[cfg(feature = "local")]
pub mod broadcast;

use crate::error::PipelineError;
use async_trait::async_trait;
use dlt_core::ids::{RunnerId, TestId, TestRunId};
use dlt_core::messages::runner_line::Tick;
use dlt_core::run::Status;
use std::collections::BTreeMap;

/// What happens in a run while one watches.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every event is a tick; a box would only move it"
)]
#[derive(Debug, Clone, PartialEq)]
pub enum LiveEvent {
    /// The run's status changed.
    Status(Status),
    /// A regional tick.
    Tick(Tick),
    /// A sentence: runner lost, leader lost, replacement launched.
    Note(String),
}

/// Who tells the watchers.
#[async_trait]
pub trait Live: Send + Sync {
    /// Tells the run's watchers.
    async fn publish(&self, test: &TestId, run: &TestRunId, event: LiveEvent);
    /// All runners are gone: tells what they said last, and answers what is
    /// known of their lines.
    async fn drain(&self, run: &TestRunId) -> Result<Drained, PipelineError>;
}

/// What is known of the lines of a run's runners, once all were read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Drained {
    /// By runner, how many lines were unreadable; without those of none.
    pub unreadable: BTreeMap<RunnerId, u64>,
    /// By runner, the last second of load that was heard of it.
    pub last_heard: BTreeMap<RunnerId, u64>,
}
