//! The newest run of a scenario, whatever became of it.

use super::get_test_run::{View, shown};
use super::result_view::Output;
use super::{Asked, Question, run, test};
use crate::answer::Answer;
use crate::backend::Ask;
use crate::refusal::{Code, Refusal};
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;

pub(super) struct GetLatestTestRun;

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

#[async_trait]
impl Question for GetLatestTestRun {
    const NAME: &'static str = "get_latest_test_run";
    const TITLE: &'static str = "Get latest test run";
    const TEXT: &'static str = "The newest run of a scenario, also one that still runs or failed.";
    type Input = Input;
    type Output = Output;
    const SHALLOW: bool = true;

    async fn answer(asked: &Asked<'_>, input: Input) -> Result<Answer<Output>, Refusal> {
        let test = test(&input.test_id)?;
        let ask = Ask::Runs {
            test: test.clone(),
            limit: 1,
            from: None,
            to: None,
            after: None,
        };
        let page = asked.backend.get(&ask).await?;
        let Some(id) = page["testRuns"][0]["testRunId"].as_str() else {
            return Err(
                Refusal::new(Code::NoResults, "this scenario has not run yet")
                    .hint("call get_scenario_details for its plan and schedule"),
            );
        };
        let ask = Ask::Run {
            test,
            run: run(id, "test_run_id")?,
        };
        shown(asked.backend.get(&ask).await?, input.view, &asked.question)
    }
}
