//! One run by its id, in our form or as the API has it.

use super::result_view::{self, Output, Slice};
use super::{Asked, Question, run, test};
use crate::answer::{Answer, LONGEST_ANSWER};
use crate::backend::Ask;
use crate::clean;
use crate::refusal::{Code, Refusal};
use crate::seen::run::Run;
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// How deep a raw record is shown.
const RAW_DEPTH: usize = 12;

pub(super) struct GetTestRun;

/// Its arguments.
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

/// A run's record in the form that was asked for.
pub(super) fn shown(record: Value, view: View, question: &str) -> Result<Answer<Output>, Refusal> {
    let raw = (view == View::Raw).then(|| clean::json(&record, RAW_DEPTH));
    let slice = Slice {
        question: question.to_owned(),
        ..Slice::default()
    };
    let run = Run::read(record)?;
    let mut answer = result_view::answer(&run, &slice)?;
    // Further labels are get_results' to show: these tools know no cursor.
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
    const TEXT: &'static str = "One run by its id, as get_results shows it; view=raw is the API's own \
        record.";
    type Input = Input;
    type Output = Output;
    const SHALLOW: bool = true;

    async fn answer(asked: &Asked<'_>, input: Input) -> Result<Answer<Output>, Refusal> {
        let ask = Ask::Run {
            test: test(&input.test_id)?,
            run: run(&input.test_run_id, "test_run_id")?,
        };
        shown(asked.backend.get(&ask).await?, input.view, &asked.question)
    }
}
