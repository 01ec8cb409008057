//! The baseline run of a scenario.

use super::get_test_run::{View, view_of};
use super::{CallContext, Question, parse_test_id};
use crate::backend::{Ask, Backend, BackendError};
use crate::refusal::{Code, Refusal};
use crate::views::answer::ToolAnswer;
use crate::views::result::Output;
use async_trait::async_trait;
use dlt_core::ids::{TestId, TestRunId};
use schemars::JsonSchema;
use serde::Deserialize;

pub(super) struct GetBaselineTestRun;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    #[schemars(length(min = 1, max = 128))]
    test_id: String,
    /// raw: the API's record
    #[serde(default)]
    view: View,
    /// next_cursor of the page before
    #[serde(default)]
    cursor: Option<String>,
}

/// The id of a scenario's baseline run.
pub(super) async fn baseline(backend: &dyn Backend, test: &TestId) -> Result<TestRunId, Refusal> {
    let answer = backend
        .get(&Ask::Baseline {
            test: test.clone(),
            data: false,
        })
        .await?;
    let id = answer["baselineId"].as_str();
    id.and_then(|id| TestRunId::parse(id).ok()).ok_or_else(|| {
        Refusal::new(Code::NoBaseline, "this scenario has no baseline run")
            .hint("ask the user to set one, or give compare_test_runs a run id as base")
    })
}

pub(super) fn baseline_deleted() -> Refusal {
    Refusal::new(Code::BaselineDeleted, "the baseline run no longer exists")
        .hint("call list_test_runs and give compare_test_runs a run id as base")
}

#[async_trait]
impl Question for GetBaselineTestRun {
    const NAME: &'static str = "get_baseline_test_run";
    const TITLE: &'static str = "Get baseline test run";
    const DESCRIPTION: &'static str = "The run that was chosen as the baseline of a scenario.";
    type Input = Input;
    type Output = Output;
    const REQUIRED_ONLY: bool = true;

    async fn answer(
        context: &CallContext<'_>,
        input: Input,
    ) -> Result<ToolAnswer<Output>, Refusal> {
        let test = parse_test_id(&input.test_id)?;
        let run = baseline(context.backend, &test).await?;
        match context.backend.get(&Ask::Run { test, run }).await {
            Err(BackendError::NotFound(code)) if code == "TESTRUN_NOT_FOUND" => {
                Err(baseline_deleted())
            }
            record => view_of(context, record?, input.view, input.cursor.as_deref()).await,
        }
    }
}
