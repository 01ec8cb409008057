//! The results of one run, filtered by region and label.

use super::{CallContext, Question, parse_run_id, parse_test_id};
use crate::asked::cursor::Cursor;
use crate::refusal::Refusal;
use crate::seen::beside::Beside;
use crate::seen::run::Run;
use crate::views::answer::ToolAnswer;
use crate::views::result::{self, Output, Slice, SortBy};
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;

pub(super) struct GetResults;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    #[schemars(length(min = 1, max = 128))]
    test_id: String,
    /// Default: the newest run with results
    #[serde(default)]
    #[schemars(length(max = 128))]
    test_run_id: Option<String>,
    /// Only this region
    #[serde(default)]
    region: Option<String>,
    /// Part of the label, any case
    #[serde(default)]
    #[schemars(length(max = 255))]
    label_contains: Option<String>,
    /// Worst first; default p95
    #[serde(default)]
    sort_by: Option<SortBy>,
    /// Labels; default 10
    #[serde(default)]
    #[schemars(range(min = 1, max = 100))]
    limit: Option<usize>,
    /// next_cursor of the page before
    #[serde(default)]
    cursor: Option<String>,
}

#[async_trait]
impl Question for GetResults {
    const NAME: &'static str = "get_results";
    const TITLE: &'static str = "Test results";
    const DESCRIPTION: &'static str = "Results of one run, of an active one so far: verdict (may the numbers be \
        believed), missing runners, outcome of thresholds, load, totals, regions, labels and transactions \
        with rates, errors and percentiles. Read verdict before you judge the target. rps counts finished requests per second.";
    type Input = Input;
    type Output = Output;

    async fn answer(
        context: &CallContext<'_>,
        input: Input,
    ) -> Result<ToolAnswer<Output>, Refusal> {
        let test = parse_test_id(&input.test_id)?;
        let id = input
            .test_run_id
            .as_deref()
            .map(|id| parse_run_id(id, "test_run_id"));
        let slice = Slice {
            offset: Cursor::offset(input.cursor.as_deref(), &context.question_hash)?,
            region: input.region,
            label_contains: input.label_contains,
            sort_by: input.sort_by.unwrap_or_default(),
            limit: input.limit,
            question_hash: context.question_hash.clone(),
        };
        let run = Run::find(context.backend, &test, id.transpose()?.as_ref()).await?;
        let beside = Beside::of(context.backend, &run).await;
        result::answer(&run, &beside, &slice)
    }
}
