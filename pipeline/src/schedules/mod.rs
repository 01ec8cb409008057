//! Schedules: which scenarios run by themselves, and when each is next due. On
//! AWS a rule of EventBridge each, at home timers. Rules and zones are the
//! core's; what happens when the time has come is `functions::fire`'s.

#[cfg(feature = "aws")]
pub mod eventbridge;
#[cfg(feature = "local")]
pub mod timers;

use crate::error::PipelineError;
use crate::scenarios::Planned;
use async_trait::async_trait;
use dlt_core::ids::TestId;

/// Who wakes scenarios.
#[async_trait]
pub trait Schedules: Send + Sync {
    /// Wakes a scenario by this plan from now on, and no longer by an earlier
    /// one. A plan that has no next occurrence is removed.
    async fn put(&self, test: &TestId, plan: &Planned) -> Result<(), PipelineError>;
    /// Wakes a scenario no longer; one that has no plan does not matter.
    async fn remove(&self, test: &TestId) -> Result<(), PipelineError>;
    /// When a scenario is next woken, µs since the Unix epoch.
    async fn next(&self, test: &TestId) -> Result<Option<u64>, PipelineError>;
}
