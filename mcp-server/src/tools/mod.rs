//! The tools, one question in each file. Here: how a question becomes a tool with
//! schemas, and how a call of it is checked, timed and answered.

mod compare_test_runs;
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

use crate::asked::{arguments, cursor, schema};
use crate::backend::{Backend, BackendError};
use crate::refusal::{Code, Refusal};
use crate::views::answer::ToolAnswer;
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

/// What a question needs besides its arguments.
pub(crate) struct CallContext<'a> {
    pub backend: &'a dyn Backend,
    /// Binds cursors to this call's arguments.
    pub question_hash: String,
}

/// A question that agents may ask: the definition of a tool, and its answer.
#[async_trait]
pub(crate) trait Question {
    /// The tool's name.
    const NAME: &'static str;
    /// A name for people.
    const TITLE: &'static str;
    /// For agents: when to call the tool, and what it answers.
    const DESCRIPTION: &'static str;
    type Input: DeserializeOwned + JsonSchema + Send;
    type Output: Serialize + JsonSchema;
    /// Whether the published schema has the names of the required fields only, because
    /// another tool's schema describes the same answer.
    const REQUIRED_ONLY: bool = false;

    async fn answer(
        context: &CallContext<'_>,
        input: Self::Input,
    ) -> Result<ToolAnswer<Self::Output>, Refusal>;
}

/// Deadline of a call, with all its requests to the API: API Gateway ends a request after
/// 29 s.
pub const CALL_DEADLINE: Duration = Duration::from_secs(25);

/// A call panicked. Other calls go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the tool failed by a bug of this server")]
pub struct Panicked;

type RunningCall<'a> = Pin<Box<dyn Future<Output = Result<Value, Refusal>> + Send + 'a>>;

/// A tool's definition, and how it is called.
#[derive(Debug)]
pub struct Tool {
    /// The name in MCP.
    pub name: &'static str,
    /// A name for people.
    pub title: &'static str,
    /// For agents: when to call it, and what it answers.
    pub description: &'static str,
    /// Schema of its arguments.
    pub input: Map<String, Value>,
    /// The same, as published.
    pub shown_input: Map<String, Value>,
    /// Schema of its answer, as published.
    pub output: Map<String, Value>,
    /// Schema of its answer with all details.
    pub exact: Map<String, Value>,
    call: for<'a> fn(&'a Tool, &'a dyn Backend, Map<String, Value>) -> RunningCall<'a>,
}

impl Tool {
    fn of<Q: Question + 'static>() -> Self {
        Self {
            name: Q::NAME,
            title: Q::TITLE,
            description: Q::DESCRIPTION,
            input: schema::of_arguments::<Q::Input>(),
            shown_input: schema::published_arguments(schema::of_arguments::<Q::Input>()),
            output: if Q::REQUIRED_ONLY {
                schema::required_only(schema::of_answer::<Q::Output>())
            } else {
                schema::outline(schema::of_answer::<Q::Output>())
            },
            exact: schema::of_answer::<Q::Output>(),
            call: |tool, backend, arguments| Box::pin(call::<Q>(tool, backend, arguments)),
        }
    }

    /// Answers a call before the deadline.
    pub async fn call(
        &self,
        backend: &dyn Backend,
        arguments: Map<String, Value>,
        deadline: Duration,
    ) -> Result<Result<Value, Refusal>, Panicked> {
        let call = AssertUnwindSafe((self.call)(self, backend, arguments)).catch_unwind();
        match timeout(deadline, call).await {
            Ok(answer) => answer.map_err(|_| Panicked),
            Err(_) => Ok(Err(BackendError::Timeout.into())),
        }
    }
}

async fn call<Q: Question>(
    tool: &Tool,
    backend: &dyn Backend,
    arguments: Map<String, Value>,
) -> Result<Value, Refusal> {
    let arguments = arguments::normalized(&tool.input, &arguments)?;
    let context = CallContext {
        backend,
        question_hash: cursor::question_hash(Q::NAME, &arguments),
    };
    let input = arguments::parse(arguments)?;
    let answer = Q::answer(&context, input).await?;
    answer.to_json().map_err(|error| {
        Refusal::new(
            Code::UpstreamError,
            format!("the answer cannot be written: {error}"),
        )
    })
}

/// All tools, the most useful ones first.
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

/// The tool with this name; hyphens count as underscores.
pub fn find(name: &str) -> Option<&'static Tool> {
    let name = name.replace('-', "_");
    all().iter().find(|tool| tool.name == name)
}

fn parse_test_id(text: &str) -> Result<TestId, Refusal> {
    TestId::parse(text).map_err(|_| {
        Refusal::argument("test_id", "must be 1 to 128 letters, digits or hyphens")
            .hint("call list_scenarios for valid ids")
    })
}

/// Parses a run's id; `field` is the argument's name.
fn parse_run_id(text: &str, field: &str) -> Result<TestRunId, Refusal> {
    TestRunId::parse(text).map_err(|_| {
        Refusal::argument(field, "must be 1 to 128 letters, digits or hyphens")
            .hint("call list_test_runs for valid ids")
    })
}

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod tests;
