//! The run that others of its scenario are held against.

use super::get_test_run::{View, shown};
use super::result_view::Output;
use super::{Asked, Question, test};
use crate::answer::Answer;
use crate::backend::{Ask, Backend, BackendError};
use crate::refusal::{Code, Refusal};
use async_trait::async_trait;
use dlt_core::ids::{TestId, TestRunId};
use schemars::JsonSchema;
use serde::Deserialize;

pub(super) struct GetBaselineTestRun;

/// Its arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    #[schemars(length(min = 1, max = 128))]
    test_id: String,
    /// raw: the API's record
    #[serde(default)]
    view: View,
}

/// The id of the baseline.
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

/// The baseline run is gone.
pub(super) fn deleted() -> Refusal {
    Refusal::new(Code::BaselineDeleted, "the baseline run no longer exists")
        .hint("call list_test_runs and give compare_test_runs a run id as base")
}

#[async_trait]
impl Question for GetBaselineTestRun {
    const NAME: &'static str = "get_baseline_test_run";
    const TITLE: &'static str = "Get baseline test run";
    const TEXT: &'static str = "The run that was chosen as the baseline of a scenario.";
    type Input = Input;
    type Output = Output;
    const SHALLOW: bool = true;

    async fn answer(asked: &Asked<'_>, input: Input) -> Result<Answer<Output>, Refusal> {
        let test = test(&input.test_id)?;
        let run = baseline(asked.backend, &test).await?;
        match asked.backend.get(&Ask::Run { test, run }).await {
            Err(BackendError::NotFound(code)) if code == "TESTRUN_NOT_FOUND" => Err(deleted()),
            record => shown(record?, input.view, &asked.question),
        }
    }
}
