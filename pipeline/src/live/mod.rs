//! Live data: what watchers of a run are told while it runs. At home a
//! broadcast; on AWS a topic, fed by the publisher function.

#[cfg(feature = "local")]
pub mod broadcast;
#[cfg(feature = "aws")]
pub mod iot;

use crate::error::PipelineError;
use crate::runs::Run;
use async_trait::async_trait;
use dlt_core::calls::live::LiveEvent;
use dlt_core::ids::{RunnerId, TestId, TestRunId};
use std::collections::BTreeMap;
use std::pin::Pin;
use tokio_stream::Stream;

/// Events, as they come.
pub type Events = Pin<Box<dyn Stream<Item = LiveEvent> + Send>>;

/// How a run is watched.
pub enum Subscription {
    /// From here: first what a late watcher must know, then what happens, until
    /// the run is over.
    Here(Events),
    /// The client subscribes there itself.
    Elsewhere {
        /// Whom it connects to.
        endpoint: String,
        /// What it subscribes to.
        topics: Vec<String>,
    },
}

/// Who tells the watchers.
#[async_trait]
pub trait Live: Send + Sync {
    /// Tells the run's watchers.
    async fn publish(&self, run: &Run, event: LiveEvent);
    /// Watches a run; None if it is over.
    async fn subscribe(
        &self,
        test: &TestId,
        run: &TestRunId,
    ) -> Result<Option<Subscription>, PipelineError>;
    /// What is known of the lines of a run's runners, once all are gone.
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
