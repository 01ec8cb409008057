//! One document of the issuer over HTTP: one try, a deadline, a bound, no
//! redirects. Who wants it when is decided elsewhere.

use super::jwks::Fetch;
use crate::backend::api::tls;
use async_trait::async_trait;
use reqwest::Client;
use reqwest::redirect::Policy;
use std::time::Duration;
use url::Url;

/// How long an answer may take, all of it.
const LONGEST: Duration = Duration::from_secs(5);
/// Longest document, bytes: Cognito's keys are about 1 KiB.
const LONGEST_DOCUMENT_BYTES: usize = 64 * 1024;

/// Asks there.
pub(super) struct Http {
    client: Client,
    url: Url,
}

impl Http {
    /// Sends nothing yet.
    pub(super) fn new(url: Url) -> Result<Self, String> {
        let client = Client::builder()
            .redirect(Policy::none())
            .timeout(LONGEST)
            .user_agent(concat!("dlt-mcp/", env!("CARGO_PKG_VERSION")))
            .tls_backend_preconfigured(tls().map_err(|error| error.to_string())?);
        // Plain http goes to this machine only, and no proxy is that.
        let client = match url.scheme() {
            "http" => client.no_proxy(),
            _ => client,
        };
        let client = client.build().map_err(|error| error.to_string())?;
        Ok(Self { client, url })
    }
}

#[async_trait]
impl Fetch for Http {
    async fn fetch(&self) -> Result<Vec<u8>, String> {
        let told = |error: reqwest::Error| error.without_url().to_string();
        let sent = self.client.get(self.url.clone()).send().await;
        let mut response = sent.map_err(told)?;
        if response.status().as_u16() != 200 {
            return Err(format!("status {}", response.status().as_u16()));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(told)? {
            if bytes.len() + chunk.len() > LONGEST_DOCUMENT_BYTES {
                return Err(format!("longer than {LONGEST_DOCUMENT_BYTES} bytes"));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}
