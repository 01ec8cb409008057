//! A client of the Lambda Runtime API, as far as a function that answers JSON needs it.
//! The crate `lambda_runtime` is not used: a client context with nested objects, which a
//! Gateway may send, makes it end the process.

use crate::backend::plain_http::{PlainClient, PlainReply};
use crate::tools;
use serde_json::Value;
use std::time::{Duration, SystemTime};

/// Variable with the Runtime API's host and port.
pub const VARIABLE: &str = "AWS_LAMBDA_RUNTIME_API";
const PREFIX: &str = "/2018-06-01/runtime/invocation";
const ID: &str = "lambda-runtime-aws-request-id";
const CONTEXT: &str = "lambda-runtime-client-context";
/// Header with a time in milliseconds since 1970.
const DEADLINE: &str = "lambda-runtime-deadline-ms";

/// Why the function has to end.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The program does not run in a Lambda.
    #[error("AWS_LAMBDA_RUNTIME_API is not set: this program runs inside AWS Lambda")]
    NoLambda,
    /// The Runtime API cannot be reached.
    #[error("the Lambda Runtime API cannot be reached: {0}")]
    Unreachable(String),
}

/// One invocation of the function.
#[derive(Debug, Clone, PartialEq)]
pub struct Invocation {
    /// The request's id.
    pub id: String,
    /// The client context; null if it is missing or cannot be parsed.
    pub context: Value,
    /// The payload; None if it is no JSON.
    pub event: Option<Value>,
    /// The time left for the answer.
    pub left: Duration,
}

/// The time until a deadline.
fn until(deadline: &str) -> Duration {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let deadline = deadline.parse().map(Duration::from_millis);
    match (deadline, now) {
        (Ok(deadline), Ok(now)) => deadline.saturating_sub(now),
        _ => tools::CALL_DEADLINE,
    }
}

/// A client of the Runtime API.
#[derive(Debug)]
pub struct RuntimeApi {
    base: String,
    client: PlainClient,
}

impl RuntimeApi {
    /// The Runtime API of this process's environment.
    pub fn from_env() -> Result<Self, RuntimeError> {
        match std::env::var(VARIABLE) {
            Ok(host) if !host.is_empty() => Self::at(&host),
            _ => Err(RuntimeError::NoLambda),
        }
    }

    /// The Runtime API at this host and port.
    pub fn at(host: &str) -> Result<Self, RuntimeError> {
        Ok(Self {
            base: format!("http://{host}{PREFIX}"),
            client: PlainClient::new().map_err(RuntimeError::Unreachable)?,
        })
    }

    /// Waits for the next invocation, for as long as it takes.
    pub async fn next(&self) -> Result<Invocation, RuntimeError> {
        let url = format!("{}/next", self.base);
        let reply = self.client.get(&url).await;
        let PlainReply { headers, body } = reply.map_err(RuntimeError::Unreachable)?;
        let header = |name: &str| {
            headers
                .iter()
                .find(|row| row.0 == name)
                .map(|row| row.1.as_str())
        };
        let Some(id) = header(ID) else {
            let why = "an invocation without an id".to_owned();
            return Err(RuntimeError::Unreachable(why));
        };
        let context = header(CONTEXT).and_then(|text| serde_json::from_str(text).ok());
        // An empty payload is a call without arguments.
        let event = if body.is_empty() {
            Some(Value::Null)
        } else {
            serde_json::from_slice(&body).ok()
        };
        Ok(Invocation {
            id: id.to_owned(),
            context: context.unwrap_or_default(),
            event,
            left: header(DEADLINE).map_or(tools::CALL_DEADLINE, until),
        })
    }

    /// Answers an invocation. An answer that the Runtime API refuses is lost.
    pub async fn respond(&self, id: &str, answer: &Value) -> Result<(), RuntimeError> {
        let url = format!("{}/{id}/response", self.base);
        let body = answer.to_string().into_bytes();
        let sent = self.client.post(&url, body).await;
        sent.map_err(RuntimeError::Unreachable)
    }
}
