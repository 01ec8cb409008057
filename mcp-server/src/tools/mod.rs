//! The tools: a question a file. Here is what they have in common: how a
//! question becomes a tool with schemas, and how a call finds its question.

mod compare_test_runs;
mod comparison_view;
mod get_baseline_test_run;
mod get_error_breakdown;
mod get_latest_test_run;
mod get_regional_stacks;
mod get_results;
mod get_runners;
mod get_scenario_details;
mod get_test_run;
pub(crate) mod get_test_run_artifacts;
mod list_scenarios;
mod list_test_runs;
mod query_latency;
mod result_view;
mod task_rows;
mod warnings;

use crate::answer::Answer;
use crate::arguments;
use crate::backend::{Backend, BackendError};
use crate::cursor;
use crate::refusal::{Code, Refusal};
use crate::schema;
use async_trait::async_trait;
use dlt_core::ids::{TestId, TestRunId};
use futures_util::FutureExt as _;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::time::timeout;

/// A call of a tool.
pub(crate) struct Asked<'a> {
    /// Where answers come from.
    pub backend: &'a dyn Backend,
    /// What cursors of this question are bound to.
    pub question: String,
}

/// A question that agents may ask.
#[async_trait]
pub(crate) trait Question {
    /// The tool's name.
    const NAME: &'static str;
    /// For people.
    const TITLE: &'static str;
    /// For agents: when to call it, and what it says.
    const TEXT: &'static str;
    /// Its arguments.
    type Input: DeserializeOwned + JsonSchema + Send;
    /// Its answer.
    type Output: Serialize + JsonSchema;
    /// Whether the answer's schema names its fields alone: another tool's says
    /// what is in them.
    const SHALLOW: bool = false;

    /// Answers.
    async fn answer(asked: &Asked<'_>, input: Self::Input)
    -> Result<Answer<Self::Output>, Refusal>;
}

/// How long a call may take, all that it asks for included: API Gateway gives up
/// after 29 s, and agents wait no longer than they must.
pub const BUDGET: Duration = Duration::from_secs(25);

/// A call that broke: a bug of ours, which must not take other calls along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the tool failed by a bug of this server")]
pub struct Bug;

/// A call under way.
type Call<'a> = Pin<Box<dyn Future<Output = Result<Value, Refusal>> + Send + 'a>>;

/// A tool: what agents are told of it, and how it is called.
#[derive(Debug)]
pub struct Tool {
    /// Its name.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// For agents.
    pub description: &'static str,
    /// Schema of its arguments.
    pub input: Map<String, Value>,
    /// Schema of its answer, as it is published.
    pub output: Map<String, Value>,
    /// The same with everything that is known of it.
    pub exact: Map<String, Value>,
    call: for<'a> fn(&'a Tool, &'a dyn Backend, Map<String, Value>) -> Call<'a>,
}

impl Tool {
    fn of<Q: Question + 'static>() -> Self {
        Self {
            name: Q::NAME,
            title: Q::TITLE,
            description: Q::TEXT,
            input: schema::of_arguments::<Q::Input>(),
            output: match Q::SHALLOW {
                true => schema::shallow(schema::of_answer::<Q::Output>()),
                false => schema::outline(schema::of_answer::<Q::Output>()),
            },
            exact: schema::of_answer::<Q::Output>(),
            call: |tool, backend, arguments| Box::pin(call::<Q>(tool, backend, arguments)),
        }
    }

    /// Answers a call within this time.
    pub async fn call(
        &self,
        backend: &dyn Backend,
        arguments: Map<String, Value>,
        budget: Duration,
    ) -> Result<Result<Value, Refusal>, Bug> {
        let called = AssertUnwindSafe((self.call)(self, backend, arguments)).catch_unwind();
        match timeout(budget, called).await {
            Ok(answered) => answered.map_err(|_| Bug),
            Err(_) => Ok(Err(BackendError::Timeout.into())),
        }
    }
}

async fn call<Q: Question>(
    tool: &Tool,
    backend: &dyn Backend,
    arguments: Map<String, Value>,
) -> Result<Value, Refusal> {
    let settled = arguments::settled(&tool.input, &arguments)?;
    let question = cursor::question(Q::NAME, &settled);
    let input = arguments::read(&tool.input, &settled)?;
    let asked = Asked { backend, question };
    let answer = Q::answer(&asked, input).await?;
    answer.finish().map_err(|error| {
        Refusal::new(
            Code::UpstreamError,
            format!("the answer cannot be written: {error}"),
        )
    })
}

/// Every tool, the primary ones first.
pub fn all() -> &'static [Tool] {
    static TOOLS: OnceLock<Vec<Tool>> = OnceLock::new();
    TOOLS.get_or_init(|| {
        vec![
            Tool::of::<list_scenarios::ListScenarios>(),
            Tool::of::<get_results::GetResults>(),
            Tool::of::<get_runners::GetRunners>(),
            Tool::of::<get_regional_stacks::GetRegionalStacks>(),
            Tool::of::<get_scenario_details::GetScenarioDetails>(),
            Tool::of::<list_test_runs::ListTestRuns>(),
            Tool::of::<get_test_run::GetTestRun>(),
            Tool::of::<get_latest_test_run::GetLatestTestRun>(),
            Tool::of::<get_baseline_test_run::GetBaselineTestRun>(),
            Tool::of::<get_test_run_artifacts::GetTestRunArtifacts>(),
            Tool::of::<compare_test_runs::CompareTestRuns>(),
            Tool::of::<query_latency::QueryLatency>(),
            Tool::of::<get_error_breakdown::GetErrorBreakdown>(),
        ]
    })
}

/// The tool of this name; hyphens count as underscores.
pub fn find(name: &str) -> Option<&'static Tool> {
    let name = name.replace('-', "_");
    all().iter().find(|tool| tool.name == name)
}

/// A scenario's id.
fn test(text: &str) -> Result<TestId, Refusal> {
    TestId::parse(text).map_err(|_| {
        Refusal::argument("test_id", "must be 1 to 128 letters, digits or hyphens")
            .hint("call list_scenarios for valid ids")
    })
}

/// A run's id.
fn run(text: &str, field: &str) -> Result<TestRunId, Refusal> {
    TestRunId::parse(text).map_err(|_| {
        Refusal::argument(field, "must be 1 to 128 letters, digits or hyphens")
            .hint("call list_test_runs for valid ids")
    })
}

/// `is_false` for fields that say nothing when false.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands references over"
)]
fn is_false(value: &bool) -> bool {
    !*value
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}

fn is_none_or_zero(value: &Option<u64>) -> bool {
    value.unwrap_or(0) == 0
}

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod tests;
