//! One run by its id, as a summary or as the API's record.

use super::{CallContext, Question, parse_run_id, parse_test_id};
use crate::asked::cursor::Cursor;
use crate::backend::Ask;
use crate::clean;
use crate::refusal::Refusal;
use crate::seen::beside::Beside;
use crate::seen::run::Run;
use crate::views::answer::ToolAnswer;
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
    /// raw: the API's record, in pages; times in `results` are texts in seconds
    #[serde(default)]
    view: View,
    /// next_cursor of the page before
    #[serde(default)]
    cursor: Option<String>,
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
pub(super) async fn view_of(
    context: &CallContext<'_>,
    record: Value,
    view: View,
    cursor: Option<&str>,
) -> Result<ToolAnswer<Output>, Refusal> {
    let offset = Cursor::offset(cursor, &context.question_hash)?;
    let raw = (view == View::Raw).then(|| clean::record(&record, RAW_DEPTH));
    let slice = Slice {
        question_hash: context.question_hash.clone(),
        offset: if raw.is_some() { 0 } else { offset },
        ..Slice::default()
    };
    let run = Run::parse(record)?;
    let beside = Beside::of(context.backend, &run).await;
    let mut answer = result::answer(&run, &beside, &slice)?;
    if let Some(raw) = raw {
        answer.rows = None;
        let more = answer.body.show_raw(&raw, offset);
        let cursor = more.map(|end| Cursor::after(&context.question_hash, end));
        answer.body.continue_at(cursor.map(|cursor| cursor.text()));
    }
    Ok(answer)
}

#[async_trait]
impl Question for GetTestRun {
    const NAME: &'static str = "get_test_run";
    const TITLE: &'static str = "Get test run";
    const DESCRIPTION: &'static str = "One run by its id, as get_results shows it; view=raw is the API's own \
        record, page by page.";
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
        view_of(context, record, input.view, input.cursor.as_deref()).await
    }
}
