//! The tools as a Lambda target of a Gateway of Bedrock AgentCore: the event is
//! the tool's arguments and nothing else, the tool's name stands in the client
//! context. Whatever comes, each invocation is answered and the next one asked
//! for; only a Runtime API that is gone ends it.

pub mod runtime;

use crate::backend::{Backend, BackendError};
use crate::compat;
use crate::refusal::{Code, Refusal};
use crate::tools;
use async_trait::async_trait;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Where the tool's name stands.
const TOOL_NAME: &str = "bedrockAgentCoreToolName";
/// What parts the target's name from the tool's.
const DELIMITER: &str = "___";

/// One call.
#[derive(Debug, Clone, PartialEq)]
pub struct Invocation {
    /// Which, for the answer.
    pub id: String,
    /// Its client context; null if there is none or it cannot be read.
    pub context: Value,
    /// Its payload, if it is JSON.
    pub event: Option<Value>,
    /// How long the answer may take before the host stops waiting.
    pub left: Duration,
}

/// Longest answer that is handed over, bytes: Lambda takes 6 MB.
const LONGEST_ANSWER_BYTES: usize = 5_500_000;
/// Kept back of an invocation's time for handing the answer over.
const LAST_WORD: Duration = Duration::from_secs(1);

/// Why the runtime has to end.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// It is no Lambda.
    #[error("AWS_LAMBDA_RUNTIME_API is not set: this program runs inside AWS Lambda")]
    NoLambda,
    /// It cannot be reached any more.
    #[error("the Lambda Runtime API cannot be reached: {0}")]
    Gone(String),
}

/// Where invocations come from and answers go.
#[async_trait]
pub trait Runtime: Send + Sync {
    /// Waits for the next call.
    async fn next(&self) -> Result<Invocation, RuntimeError>;
    /// Answers it. An answer that the Runtime API does not take is lost, and no
    /// reason to end.
    async fn respond(&self, id: &str, answer: &Value) -> Result<(), RuntimeError>;
}

/// In which form answers are given (`DLT_MCP_LAMBDA_RESULT`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// The answer, or `{"error": …}`: the Gateway wraps it.
    #[default]
    Plain,
    /// DLT's envelope: status, headers, and the answer as text.
    Upstream,
    /// A result of `tools/call`.
    Mcp,
}

impl Form {
    /// The named one.
    pub fn read(name: Option<&str>) -> Result<Self, String> {
        match name.unwrap_or_default() {
            "" | "plain" => Ok(Self::Plain),
            "upstream" => Ok(Self::Upstream),
            "mcp" => Ok(Self::Mcp),
            other => Err(format!(
                "DLT_MCP_LAMBDA_RESULT is {other}, but must be plain, upstream or mcp"
            )),
        }
    }

    fn of(self, answer: Result<Value, Refusal>) -> Value {
        let (status, body) = match answer {
            Ok(body) => (200, body),
            Err(refusal) => {
                let body = serde_json::from_str(&refusal.text()).unwrap_or_default();
                (status(refusal.code), body)
            }
        };
        match self {
            Self::Plain => body,
            Self::Upstream => json!({
                "statusCode": status,
                "headers": { "Content-Type": "application/json" },
                "body": body.to_string(),
            }),
            Self::Mcp if status == 200 => json!({
                "content": [{ "type": "text", "text": body.to_string() }],
                "structuredContent": body,
                "isError": false,
            }),
            Self::Mcp => json!({
                "content": [{ "type": "text", "text": body.to_string() }],
                "isError": true,
            }),
        }
    }
}

/// The HTTP status that DLT's envelope has for a refusal.
fn status(code: Code) -> u16 {
    match code {
        Code::NotFound | Code::NoBaseline | Code::BaselineDeleted | Code::NoResults => 404,
        Code::PermissionDenied => 403,
        Code::Throttled => 429,
        Code::UpstreamTimeout | Code::UpstreamError | Code::NotConfigured => 500,
        _ => 400,
    }
}

/// The tool that a client context names.
fn named(context: &Value) -> Result<&'static tools::Tool, Refusal> {
    let Some(name) = context["custom"][TOOL_NAME].as_str() else {
        return Err(Refusal::new(
            Code::InvalidArgument,
            format!("the client context names no tool: {TOOL_NAME} is missing"),
        )
        .hint("call this function through an AgentCore Gateway"));
    };
    // A target's name has no underscores, so the first delimiter is the one.
    let tool = name.split_once(DELIMITER).map_or(name, |parts| parts.1);
    tools::find(tool).ok_or_else(|| {
        let names: Vec<&str> = tools::all().iter().map(|tool| tool.name).collect();
        Refusal::new(
            Code::InvalidArgument,
            format!("no such tool; there are {}", names.join(", ")),
        )
    })
}

/// Arguments are an object; none may be left out altogether.
fn arguments(event: Option<Value>) -> Result<Map<String, Value>, Refusal> {
    match event {
        Some(Value::Object(arguments)) => Ok(arguments),
        Some(Value::Null) => Ok(Map::new()),
        Some(_) | None => Err(Refusal::new(
            Code::InvalidArgument,
            "the event must be an object that holds the tool's arguments",
        )),
    }
}

async fn answer(backend: &dyn Backend, invocation: &Invocation) -> Result<Value, Refusal> {
    let tool = named(&invocation.context)?;
    let arguments = arguments(invocation.event.clone())?;
    let budget = tools::BUDGET.min(invocation.left.saturating_sub(LAST_WORD));
    let answer = tool.call(backend, arguments, budget).await;
    answer.unwrap_or_else(|bug| Err(Refusal::new(Code::UpstreamError, bug.to_string())))
}

/// DLT's own answer, to a tool that it has.
async fn compatible(backend: &dyn Backend, invocation: &Invocation) -> Option<Value> {
    let tool = named(&invocation.context).ok()?;
    let arguments = arguments(invocation.event.clone()).ok()?;
    match compat::knows(tool.name) {
        true => Some(compat::call(backend, tool.name, &arguments).await),
        false => None,
    }
}

/// Answers calls as long as there are any; with `compat` as DLT's own server
/// does where it can.
pub async fn serve(
    runtime: &dyn Runtime,
    backend: &dyn Backend,
    form: Form,
    compat: bool,
) -> Result<(), RuntimeError> {
    loop {
        let invocation = runtime.next().await?;
        let envelope = match compat {
            true => compatible(backend, &invocation).await,
            false => None,
        };
        let answer = match envelope {
            Some(envelope) => envelope,
            None => form.of(answer(backend, &invocation).await),
        };
        let answer = match answer.to_string().len() > LONGEST_ANSWER_BYTES {
            true => form.of(Err(BackendError::TooLarge(LONGEST_ANSWER_BYTES).into())),
            false => answer,
        };
        runtime.respond(&invocation.id, &answer).await?;
    }
}

#[cfg(test)]
mod tests;
