//! Ports that a function has no rights for: using them is a bug, told in words.

use crate::error::PipelineError;
use crate::executions::Executions;
use crate::scenarios::Planned;
use crate::schedules::Schedules;
use async_trait::async_trait;
use dlt_core::ids::{TestId, TestRunId};
use serde_json::Value;

/// A port that this function may not use.
pub(super) struct NotHere;

fn refused<T>(what: &str) -> Result<T, PipelineError> {
    Err(PipelineError::Other(format!(
        "this function may not {what}: its stack gave it no settings for it"
    )))
}

#[async_trait]
impl Executions for NotHere {
    async fn start(
        &self,
        _: &str,
        _: &TestId,
        _: &TestRunId,
        _: Value,
    ) -> Result<(), PipelineError> {
        refused("start an execution")
    }

    async fn goes_on(&self, _: &str) -> Result<Option<bool>, PipelineError> {
        refused("look at an execution")
    }
}

#[async_trait]
impl Schedules for NotHere {
    async fn put(&self, _: &TestId, _: &Planned) -> Result<(), PipelineError> {
        refused("put a schedule")
    }

    async fn remove(&self, _: &TestId) -> Result<(), PipelineError> {
        refused("remove a schedule")
    }

    async fn next(&self, _: &TestId) -> Result<Option<u64>, PipelineError> {
        refused("read a schedule")
    }
}
