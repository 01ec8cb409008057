//! The newest run of a scenario, in any status.

use super::get_test_run::{View, view_of};
use super::{CallContext, Question, parse_run_id, parse_test_id};
use crate::backend::Ask;
use crate::refusal::{Code, Refusal};
use crate::views::answer::ToolAnswer;
use crate::views::result::Output;
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;

pub(super) struct GetLatestTestRun;

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

#[async_trait]
impl Question for GetLatestTestRun {
    const NAME: &'static str = "get_latest_test_run";
    const TITLE: &'static str = "Get latest test run";
    const DESCRIPTION: &'static str =
        "The newest run of a scenario, also one that still runs or failed.";
    type Input = Input;
    type Output = Output;
    const REQUIRED_ONLY: bool = true;

    async fn answer(
        context: &CallContext<'_>,
        input: Input,
    ) -> Result<ToolAnswer<Output>, Refusal> {
        let test = parse_test_id(&input.test_id)?;
        let ask = Ask::Runs {
            test: test.clone(),
            limit: 1,
            from: None,
            to: None,
            after: None,
        };
        let page = context.backend.get(&ask).await?;
        let Some(id) = page["testRuns"][0]["testRunId"].as_str() else {
            return Err(
                Refusal::new(Code::NoResults, "this scenario has not run yet")
                    .hint("call get_scenario_details for its plan and schedule"),
            );
        };
        let ask = Ask::Run {
            test,
            run: parse_run_id(id, "test_run_id")?,
        };
        let record = context.backend.get(&ask).await?;
        view_of(context, record, input.view, input.cursor.as_deref()).await
    }
}
