//! Fetches one document of the issuer: one attempt, with a deadline, a size limit and
//! no redirects. When to fetch is decided by `jwks` and `issuer_metadata`.

use crate::backend::tls;
use async_trait::async_trait;
use reqwest::Client;
use reqwest::redirect::Policy;
use std::time::Duration;
use url::Url;

/// Deadline of a fetch, body included.
const DEADLINE: Duration = Duration::from_secs(5);
/// Longest document, bytes: Cognito's keys are about 1 KiB.
const LONGEST_DOCUMENT_BYTES: usize = 64 * 1024;

/// Fetches one fixed document.
#[async_trait]
pub(super) trait Fetch: Send + Sync {
    /// The document's bytes, or why they could not be fetched.
    async fn fetch(&self) -> Result<Vec<u8>, String>;
}

/// Fetches a document over HTTP.
pub(super) struct HttpFetch {
    client: Client,
    url: Url,
}

impl HttpFetch {
    pub(super) fn new(url: Url) -> Result<Self, String> {
        let client = Client::builder()
            .redirect(Policy::none())
            .timeout(DEADLINE)
            .user_agent(concat!("dlt-mcp/", env!("CARGO_PKG_VERSION")))
            .tls_backend_preconfigured(tls::client_config().map_err(|error| error.to_string())?);
        // Plain http is used to this machine only, where a proxy must not be asked.
        let client = match url.scheme() {
            "http" => client.no_proxy(),
            _ => client,
        };
        let client = client.build().map_err(|error| error.to_string())?;
        Ok(Self { client, url })
    }
}

#[async_trait]
impl Fetch for HttpFetch {
    async fn fetch(&self) -> Result<Vec<u8>, String> {
        let message = |error: reqwest::Error| error.without_url().to_string();
        let sent = self.client.get(self.url.clone()).send().await;
        let mut response = sent.map_err(message)?;
        if response.status().as_u16() != 200 {
            return Err(format!("status {}", response.status().as_u16()));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(message)? {
            if bytes.len() + chunk.len() > LONGEST_DOCUMENT_BYTES {
                return Err(format!("longer than {LONGEST_DOCUMENT_BYTES} bytes"));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}
