//! Agents' way in: `dlt mcp` on stdin and stdout, and `/mcp` of `dlt up`. What
//! they may ask, and who may, is the MCP server's; here is only where answers
//! come from.

use crate::exit::Exit;
use crate::home;
use crate::speak::Voice;
use async_trait::async_trait;
use axum::body::Body;
use axum::http::Request;
use axum::http::header::HOST;
use dlt_mcp::auth::Guard;
use dlt_mcp::backend::api::{Api, LONGEST_BODY_BYTES};
use dlt_mcp::backend::settings::{STACK, Settings, URL};
use dlt_mcp::backend::{Ask, Backend, BackendError, Reply, of_environment};
use dlt_mcp::server::Server;
use dlt_mcp::toolset::{Shown, ToolFlags};
use dlt_mcp::{http, stdio};
use dlt_pipeline::local::ServerCard;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tower::ServiceExt as _;

/// How long the API of this process may take.
const LONGEST_ANSWER: Duration = Duration::from_secs(20);

/// `dlt mcp`.
pub async fn mcp(voice: Voice, home_dir: Option<&Path>, tools: &ToolFlags) -> anyhow::Result<Exit> {
    let shown = match tools.shown() {
        Ok(shown) => shown,
        Err(error) => {
            voice.error(&error.to_string());
            return Ok(Exit::BadInput);
        }
    };
    let said = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let named = said(URL) || said(STACK);
    let backend: Arc<dyn Backend> = match named {
        true => of_environment(),
        false => Arc::new(OfFolder {
            dir: home::dir(home_dir)?,
            known: Mutex::new(None),
        }),
    };
    stdio::serve(Server::new(backend, shown)).await?;
    Ok(Exit::Passed)
}

/// `/mcp`, asking this very service.
pub fn router(api: axum::Router, guard: Option<&Arc<Guard>>) -> axum::Router {
    http::router(Arc::new(Inside(api)), Shown::default(), guard)
}

/// The API of this process, asked without a socket: whoever comes through
/// `/mcp` was looked at there, and no token of theirs is passed on.
struct Inside(axum::Router);

impl Inside {
    /// Status and body of what the API answers.
    async fn answer(&self, ask: &Ask) -> Result<(u16, Vec<u8>), BackendError> {
        let broken = |error: &dyn std::fmt::Display| BackendError::Unreadable(error.to_string());
        let request = Request::get(format!("/api{}", ask.target()))
            .header(HOST, "localhost")
            .body(Body::empty())
            .map_err(|error| broken(&error))?;
        let answered = self.0.clone().oneshot(request);
        let answered = tokio::time::timeout(LONGEST_ANSWER, answered).await;
        let response = match answered {
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
impl Backend for Inside {
    async fn get(&self, ask: &Ask) -> Result<Value, BackendError> {
        let (status, body) = self.answer(ask).await?;
        dlt_mcp::backend::api::read(status, &body)
    }

    async fn raw(&self, ask: &Ask) -> Result<Reply, BackendError> {
        let (status, body) = self.answer(ask).await?;
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(Reply { status, body })
    }
}

fn local(base: &str) -> Result<Api, BackendError> {
    Api::new(Settings::local(base)?)
}

/// The `dlt up` of a data folder, wherever it listens now: it may be started
/// after the agent, and again on another port.
struct OfFolder {
    dir: PathBuf,
    known: Mutex<Option<(String, Arc<Api>)>>,
}

impl OfFolder {
    fn api(&self) -> Result<Arc<Api>, BackendError> {
        let Some(card) = ServerCard::read(&self.dir) else {
            return Err(BackendError::NotConfigured(format!(
                "no dlt up runs on this data folder: start it with dlt up, or set {URL}"
            )));
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some((base, api)) if *base == card.api => Ok(Arc::clone(api)),
            _ => {
                let api = Arc::new(local(&card.api)?);
                *known = Some((card.api, Arc::clone(&api)));
                Ok(api)
            }
        }
    }
}

#[async_trait]
impl Backend for OfFolder {
    async fn get(&self, ask: &Ask) -> Result<Value, BackendError> {
        self.api()?.get(ask).await
    }

    async fn raw(&self, ask: &Ask) -> Result<Reply, BackendError> {
        self.api()?.raw(ask).await
    }
}
