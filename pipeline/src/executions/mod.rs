//! Executions of the workflow: a long run goes on in a fresh one.

#[cfg(feature = "local")]
pub mod sqlite;
#[cfg(feature = "aws")]
pub mod stepfunctions;

use crate::error::PipelineError;
use async_trait::async_trait;
use dlt_core::ids::{TestId, TestRunId};
use serde_json::Value;

/// Who begins executions.
#[async_trait]
pub trait Executions: Send + Sync {
    /// Keeps a run that is about to be stored, so that nobody else takes it for one that was left.
    fn reserve(&self, _run: &TestRunId) -> Result<(), PipelineError> {
        Ok(())
    }
    /// Lets go of it: it was not stored.
    fn release(&self, _run: &TestRunId) {}
    /// Begins an execution; one whose name was used before is not begun again.
    async fn start(
        &self,
        name: &str,
        test: &TestId,
        run: &TestRunId,
        input: Value,
    ) -> Result<(), PipelineError>;
    /// Whether the execution of this name still goes on; None if none was begun.
    async fn goes_on(&self, name: &str) -> Result<Option<bool>, PipelineError>;
}
