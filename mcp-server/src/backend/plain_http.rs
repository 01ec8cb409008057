//! Plain HTTP for the Lambda Runtime API, which is on the process's own host and has no
//! TLS. Without deadline and retries.

use super::tls;
use reqwest::Client;
use reqwest::redirect::Policy;

#[derive(Debug)]
pub(crate) struct PlainClient(Client);

/// An answer; header names are in lower case.
#[derive(Debug)]
pub(crate) struct PlainReply {
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

fn message(error: reqwest::Error) -> String {
    error.without_url().to_string()
}

impl PlainClient {
    pub fn new() -> Result<Self, String> {
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .tls_backend_preconfigured(tls::client_config().map_err(|error| error.to_string())?);
        client.build().map(Self).map_err(message)
    }

    /// The answer to a GET; a status from 400 up is an error.
    pub async fn get(&self, url: &str) -> Result<PlainReply, String> {
        let response = self.0.get(url).send().await.map_err(message)?;
        let response = response.error_for_status().map_err(message)?;
        let headers = response.headers().iter();
        let text = |value: &reqwest::header::HeaderValue| {
            String::from_utf8_lossy(value.as_bytes()).into_owned()
        };
        let headers = headers.map(|(name, value)| (name.as_str().to_owned(), text(value)));
        let headers = headers.collect();
        let body = response.bytes().await.map_err(message)?.to_vec();
        Ok(PlainReply { headers, body })
    }

    /// Sends a body; the answer's status is ignored.
    pub async fn post(&self, url: &str, body: Vec<u8>) -> Result<(), String> {
        self.0.post(url).body(body).send().await.map_err(message)?;
        Ok(())
    }
}
