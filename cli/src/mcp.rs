//! The MCP server in `dlt`: `dlt mcp` on stdin and stdout, and `/mcp` of `dlt up`. Here
//! are the backends that its tools read; everything else is in `dlt_mcp`.

use crate::client::at_rest::AtRest;
use crate::client::place::ServerName;
use crate::client::{ApiOptions, ClientError};
use crate::exit::Exit;
use crate::output::Output;
use async_trait::async_trait;
use axum::body::Body;
use axum::http::Request;
use axum::http::header::HOST;
use dlt_core::calls::Caller;
use dlt_mcp::auth::Guard;
use dlt_mcp::backend::api::{Api, LONGEST_BODY_BYTES};
use dlt_mcp::backend::settings::{STACK, Settings, URL};
use dlt_mcp::backend::token::{TOKEN, TOKEN_FILE};
use dlt_mcp::backend::{Ask, Backend, BackendError, Reply, Unconfigured, environment};
use dlt_mcp::catalog::toolset::{ShownTools, ToolFlags};
use dlt_mcp::server::{Server, http, stdio};
use dlt_pipeline::local::ServerCard;
use serde_json::Value;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tower::ServiceExt as _;

/// How long the API of this process may take.
const ANSWER_DEADLINE: Duration = Duration::from_secs(20);

/// `dlt mcp`.
pub async fn mcp(
    output: Output,
    api_options: &ApiOptions,
    tools: &ToolFlags,
) -> anyhow::Result<Exit> {
    let shown = match tools.shown() {
        Ok(shown) => shown,
        Err(error) => {
            output.error(&error.to_string());
            return Ok(Exit::BadInput);
        }
    };
    let backend: Arc<dyn Backend> = match &api_options.server {
        ServerName::OfFolder => Arc::new(FolderBackend::new(api_options.dir()?)?),
        server => {
            let made = environment::from_variables(|name| variable(server, name));
            made.unwrap_or_else(|error| Arc::new(Unconfigured(error)))
        }
    };
    stdio::serve(Server::new(backend, shown)).await?;
    Ok(Exit::Passed)
}

/// A variable of the environment, but that of the server which was chosen.
fn variable(server: &ServerName, name: &str) -> Option<String> {
    match (name, server) {
        (URL, ServerName::Api(api)) => Some(api.clone()),
        (STACK, ServerName::Stack(stack)) => Some(stack.clone()),
        (URL | STACK, _) => None,
        // A stack is asked with AWS's credentials; the token is for another server.
        (TOKEN | TOKEN_FILE, ServerName::Stack(_)) => None,
        _ => std::env::var(name).ok(),
    }
}

/// Routes of `/mcp`, whose tools read this API.
pub fn router(api: axum::Router, guard: Option<&Arc<Guard>>) -> axum::Router {
    http::router(Arc::new(RouterBackend(api)), ShownTools::default(), guard)
}

/// The API of this process, called without a socket. Requests to `/mcp` were authorized
/// there; their tokens are not passed on.
struct RouterBackend(axum::Router);

impl RouterBackend {
    /// Status and body of the API's answer.
    async fn answer(&self, ask: &Ask) -> Result<(u16, Vec<u8>), BackendError> {
        let request = Request::get(format!("/api{}", ask.target()))
            .header(HOST, "localhost")
            .extension(Caller::Reader)
            .body(Body::empty())
            .map_err(|error| BackendError::Unreadable(error.to_string()))?;
        let answer = self.0.clone().oneshot(request);
        let answer = tokio::time::timeout(ANSWER_DEADLINE, answer).await;
        let response = match answer {
            Err(_) => return Err(BackendError::Timeout),
            Ok(Err(never)) => match never {},
            Ok(Ok(response)) => response,
        };
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), LONGEST_BODY_BYTES).await;
        let body = body.map_err(|_| BackendError::TooLarge(LONGEST_BODY_BYTES))?;
        Ok((status, body.to_vec()))
    }
}

#[async_trait]
impl Backend for RouterBackend {
    async fn get(&self, ask: &Ask) -> Result<Value, BackendError> {
        let (status, body) = self.answer(ask).await?;
        dlt_mcp::backend::api::parse_answer(status, &body)
    }

    async fn raw(&self, ask: &Ask) -> Result<Reply, BackendError> {
        let (status, body) = self.answer(ask).await?;
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(Reply { status, body })
    }
}

/// A data folder: the `dlt up` on it at its current address, since it may be started after the
/// agent, and restarted on another port; without one the folder itself, as `dlt runs get` reads it.
struct FolderBackend {
    folder: AtRest,
    dir: PathBuf,
    current: Mutex<Option<(String, Arc<Api>)>>,
}

impl FolderBackend {
    fn new(dir: PathBuf) -> Result<Self, ClientError> {
        Ok(Self {
            folder: AtRest::of(dir.clone())?,
            dir,
            current: Mutex::new(None),
        })
    }

    /// None where none has left its address.
    fn api(&self) -> Result<Option<Arc<Api>>, BackendError> {
        let Some(card) = ServerCard::read(&self.dir) else {
            return Ok(None);
        };
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        match &*current {
            Some((base, api)) if *base == card.api => Ok(Some(Arc::clone(api))),
            _ => {
                let api = Arc::new(Api::new(Settings::local(&card.api)?)?);
                *current = Some((card.api, Arc::clone(&api)));
                Ok(Some(api))
            }
        }
    }

    /// Status and body, from the folder itself.
    async fn at_rest(&self, ask: &Ask) -> Result<(u16, String), BackendError> {
        let answer = tokio::time::timeout(ANSWER_DEADLINE, self.folder.get(&ask.target())).await;
        let answer = answer.map_err(|_| BackendError::Timeout)?;
        answer.ok_or(BackendError::NoRoute)
    }
}

/// The service has gone and left its address behind.
fn is_gone<T>(answer: &Result<T, BackendError>) -> bool {
    matches!(answer, Err(BackendError::Unreachable(_)))
}

#[async_trait]
impl Backend for FolderBackend {
    async fn get(&self, ask: &Ask) -> Result<Value, BackendError> {
        if let Some(api) = self.api()? {
            let answer = api.get(ask).await;
            if !is_gone(&answer) {
                return answer;
            }
        }
        let (status, body) = self.at_rest(ask).await?;
        dlt_mcp::backend::api::parse_answer(status, body.as_bytes())
    }

    async fn raw(&self, ask: &Ask) -> Result<Reply, BackendError> {
        if let Some(api) = self.api()? {
            let answer = api.raw(ask).await;
            if !is_gone(&answer) {
                return answer;
            }
        }
        let (status, body) = self.at_rest(ask).await?;
        Ok(Reply { status, body })
    }
}
