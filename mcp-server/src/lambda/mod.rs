//! The tools as a Lambda target of a Gateway of Bedrock AgentCore. The event is the
//! tool's arguments and nothing else; the tool's name is in the client context. Every
//! invocation is answered, valid or not; the loop ends only if the Runtime API cannot be
//! reached.

pub mod runtime;

use crate::backend::{Backend, BackendError};
use crate::compat;
use crate::refusal::{Code, Refusal};
use crate::tools;
use runtime::{Invocation, RuntimeApi, RuntimeError};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Key of the tool's name in the client context.
const TOOL_NAME: &str = "bedrockAgentCoreToolName";
/// Separates the target's name from the tool's.
const DELIMITER: &str = "___";
/// Longest answer, bytes: Lambda accepts 6 MB.
const LONGEST_ANSWER_BYTES: usize = 5_500_000;
/// The part of an invocation's time that is reserved for sending the answer.
const SEND_RESERVE: Duration = Duration::from_secs(1);

/// The format of answers (`DLT_MCP_LAMBDA_RESULT`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// The answer, or `{"error": …}`: the Gateway wraps it.
    #[default]
    Plain,
    /// DLT's envelope: status, headers, and the answer as text.
    Upstream,
    /// A result of `tools/call`.
    Mcp,
}

impl Format {
    /// The format with this name; without a name, the default.
    pub fn parse(name: Option<&str>) -> Result<Self, String> {
        match name.unwrap_or_default() {
            "" | "plain" => Ok(Self::Plain),
            "upstream" => Ok(Self::Upstream),
            "mcp" => Ok(Self::Mcp),
            other => Err(format!(
                "DLT_MCP_LAMBDA_RESULT is {other}, but must be plain, upstream or mcp"
            )),
        }
    }

    fn apply(self, answer: Result<Value, Refusal>) -> Value {
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

/// The status in DLT's envelope.
fn status(code: Code) -> u16 {
    match code {
        Code::NotFound | Code::NoBaseline | Code::BaselineDeleted | Code::NoResults => 404,
        Code::PermissionDenied => 403,
        Code::Throttled => 429,
        Code::UpstreamTimeout | Code::UpstreamError | Code::NotConfigured => 500,
        _ => 400,
    }
}

/// The tool in a client context.
fn tool_of(context: &Value) -> Result<&'static tools::Tool, Refusal> {
    let Some(name) = context["custom"][TOOL_NAME].as_str() else {
        return Err(Refusal::new(
            Code::InvalidArgument,
            format!("the client context names no tool: {TOOL_NAME} is missing"),
        )
        .hint("call this function through an AgentCore Gateway"));
    };
    // Target names have no underscores, so the first delimiter separates.
    let tool = name.split_once(DELIMITER).map_or(name, |parts| parts.1);
    tools::find(tool).ok_or_else(|| {
        let names: Vec<&str> = tools::all().iter().map(|tool| tool.name).collect();
        Refusal::new(
            Code::InvalidArgument,
            format!("no such tool; there are {}", names.join(", ")),
        )
    })
}

/// The arguments in an event: an object, or nothing.
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
    let tool = tool_of(&invocation.context)?;
    let arguments = arguments(invocation.event.clone())?;
    let left = invocation.left.saturating_sub(SEND_RESERVE);
    let answer = tool
        .call(backend, arguments, tools::CALL_DEADLINE.min(left))
        .await;
    answer.unwrap_or_else(|panicked| Err(Refusal::new(Code::UpstreamError, panicked.to_string())))
}

/// The answer of DLT's own server; None if it does not have the tool.
async fn compatible(backend: &dyn Backend, invocation: &Invocation) -> Option<Value> {
    let tool = tool_of(&invocation.context).ok()?;
    let arguments = arguments(invocation.event.clone()).ok()?;
    if !compat::has_tool(tool.name) {
        return None;
    }
    Some(compat::call(backend, tool.name, &arguments).await)
}

/// Answers invocations; with `compat`, as DLT's own server where it has the tool.
pub async fn serve(
    runtime: &RuntimeApi,
    backend: &dyn Backend,
    format: Format,
    compat: bool,
) -> Result<(), RuntimeError> {
    loop {
        let invocation = runtime.next().await?;
        let envelope = if compat {
            compatible(backend, &invocation).await
        } else {
            None
        };
        let mut answer = match envelope {
            Some(envelope) => envelope,
            None => format.apply(answer(backend, &invocation).await),
        };
        if answer.to_string().len() > LONGEST_ANSWER_BYTES {
            let error = BackendError::TooLarge(LONGEST_ANSWER_BYTES);
            answer = format.apply(Err(error.into()));
        }
        runtime.respond(&invocation.id, &answer).await?;
    }
}

#[cfg(test)]
mod tests;
