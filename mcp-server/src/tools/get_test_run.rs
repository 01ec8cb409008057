//! One run by its id, as a summary or as the API's record.

use super::{CallContext, Question, parse_run_id, parse_test_id};
use crate::backend::Ask;
use crate::clean;
use crate::refusal::{Code, Refusal};
use crate::seen::run::Run;
use crate::views::answer::{LONGEST_ANSWER, ToolAnswer};
use crate::views::result::{self, Output, Slice};
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// Depth to which a raw record is shown.
const RAW_DEPTH: usize = 12;

pub(super) struct GetTestRun;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    #[schemars(length(min = 1, max = 128))]
    test_id: String,
    #[schemars(length(min = 1, max = 128))]
    test_run_id: String,
    /// raw: the API's record, times there are texts in seconds
    #[serde(default)]
    view: View,
}

/// How a run is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum View {
    #[default]
    Summary,
    Raw,
}

/// A run's record in the requested view.
pub(super) fn view_of(
    record: Value,
    view: View,
    question_hash: &str,
) -> Result<ToolAnswer<Output>, Refusal> {
    let raw = (view == View::Raw).then(|| clean::record(&record, RAW_DEPTH));
    let slice = Slice {
        question_hash: question_hash.to_owned(),
        ..Slice::default()
    };
    let run = Run::parse(record)?;
    let mut answer = result::answer(&run, &slice)?;
    // These tools have no cursor; get_results shows further labels.
    answer.rows = None;
    if let Some(Value::Object(raw)) = raw {
        answer.body.show_raw(raw);
        let length = serde_json::to_string(&answer.body).map_or(0, |text| text.chars().count());
        if length > LONGEST_ANSWER {
            return Err(Refusal::new(
                Code::ResultTooLarge,
                format!("the raw record is longer than {LONGEST_ANSWER} characters"),
            )
            .about("view")
            .hint("call get_results with limit and cursor instead"));
        }
    }
    Ok(answer)
}

#[async_trait]
impl Question for GetTestRun {
    const NAME: &'static str = "get_test_run";
    const TITLE: &'static str = "Get test run";
    const DESCRIPTION: &'static str = "One run by its id, as get_results shows it; view=raw is the API's own \
        record.";
    type Input = Input;
    type Output = Output;
    const REQUIRED_ONLY: bool = true;

    async fn answer(
        context: &CallContext<'_>,
        input: Input,
    ) -> Result<ToolAnswer<Output>, Refusal> {
        let ask = Ask::Run {
            test: parse_test_id(&input.test_id)?,
            run: parse_run_id(&input.test_run_id, "test_run_id")?,
        };
        let record = context.backend.get(&ask).await?;
        view_of(record, input.view, &context.question_hash)
    }
}
