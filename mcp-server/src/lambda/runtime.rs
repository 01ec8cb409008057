//! The Lambda Runtime API, as far as a function that answers JSON needs it. Our
//! own, since the usual crate gives up on a client context with nested objects,
//! which a Gateway may send, and takes the whole process with it.

use super::{Invocation, Runtime, RuntimeError};
use crate::backend::plain::{PlainClient, PlainReply};
use crate::tools;
use async_trait::async_trait;
use serde_json::Value;
use std::time::{Duration, SystemTime};

/// Names the Runtime API's host and port.
pub const VARIABLE: &str = "AWS_LAMBDA_RUNTIME_API";
const PREFIX: &str = "/2018-06-01/runtime/invocation";
const ID: &str = "lambda-runtime-aws-request-id";
const CONTEXT: &str = "lambda-runtime-client-context";
/// Milliseconds since 1970.
const DEADLINE: &str = "lambda-runtime-deadline-ms";

/// The time until a deadline.
fn left(deadline: &str) -> Duration {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let deadline = deadline.parse().map(Duration::from_millis);
    match (deadline, now) {
        (Ok(deadline), Ok(now)) => deadline.saturating_sub(now),
        _ => tools::BUDGET,
    }
}

/// The Runtime API of this process.
#[derive(Debug)]
pub struct Lambda {
    base: String,
    client: PlainClient,
}

impl Lambda {
    /// The one that the environment names.
    pub fn of_environment() -> Result<Self, RuntimeError> {
        match std::env::var(VARIABLE) {
            Ok(host) if !host.is_empty() => Self::at(&host),
            _ => Err(RuntimeError::NoLambda),
        }
    }

    /// The one at this host and port.
    pub fn at(host: &str) -> Result<Self, RuntimeError> {
        Ok(Self {
            base: format!("http://{host}{PREFIX}"),
            client: PlainClient::new().map_err(RuntimeError::Gone)?,
        })
    }
}

#[async_trait]
impl Runtime for Lambda {
    async fn next(&self) -> Result<Invocation, RuntimeError> {
        let url = format!("{}/next", self.base);
        // It answers when there is something to do, be it tomorrow.
        let PlainReply { headers, body } =
            self.client.get(&url).await.map_err(RuntimeError::Gone)?;
        let header = |name: &str| {
            headers
                .iter()
                .find(|row| row.0 == name)
                .map(|row| row.1.as_str())
        };
        let Some(id) = header(ID) else {
            return Err(RuntimeError::Gone("an invocation without an id".to_owned()));
        };
        let context = header(CONTEXT).and_then(|text| serde_json::from_str(text).ok());
        // No payload at all is a call without arguments.
        let event = match body.is_empty() {
            true => Some(Value::Null),
            false => serde_json::from_slice(&body).ok(),
        };
        Ok(Invocation {
            id: id.to_owned(),
            context: context.unwrap_or_default(),
            event,
            left: header(DEADLINE).map_or(tools::BUDGET, left),
        })
    }

    async fn respond(&self, id: &str, answer: &Value) -> Result<(), RuntimeError> {
        let url = format!("{}/{id}/response", self.base);
        let body = answer.to_string().into_bytes();
        let sent = self.client.post(&url, body).await;
        sent.map_err(RuntimeError::Gone)
    }
}
