//! Agents' way in: `dlt mcp` on stdin and stdout, and `/mcp` of `dlt up`. What
//! they may ask is the MCP server's; here is only where answers come from.

use crate::exit::Exit;
use crate::home;
use async_trait::async_trait;
use dlt_mcp::backend::api::Api;
use dlt_mcp::backend::settings::{Settings, URL};
use dlt_mcp::backend::{Ask, Backend, BackendError, Reply, Unconfigured, of_environment};
use dlt_mcp::server::Server;
use dlt_mcp::{http, stdio};
use dlt_pipeline::local::ServerCard;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// `dlt mcp`.
pub async fn mcp(home_dir: Option<&Path>) -> anyhow::Result<Exit> {
    let named = std::env::var_os(URL).is_some_and(|url| !url.is_empty());
    let backend: Arc<dyn Backend> = match named {
        true => of_environment(),
        false => Arc::new(OfFolder {
            dir: home::dir(home_dir)?,
            known: Mutex::new(None),
        }),
    };
    stdio::serve(Server::new(backend)).await?;
    Ok(Exit::Passed)
}

/// `/mcp`, asking this very service.
pub fn router(base: &str) -> axum::Router {
    http::router(match local(base) {
        Ok(api) => Arc::new(api),
        Err(error) => Arc::new(Unconfigured(error)),
    })
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
