//! Plain HTTP to the process's own host: the Lambda Runtime API speaks nothing
//! else, and only it is spoken to so. No deadline, no second try.

use reqwest::Client;
use reqwest::redirect::Policy;

/// A client without TLS.
#[derive(Debug)]
pub(crate) struct PlainClient(Client);

/// An answer: headers, names in lower case, and body.
#[derive(Debug)]
pub(crate) struct PlainReply {
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

fn told(error: reqwest::Error) -> String {
    error.without_url().to_string()
}

impl PlainClient {
    pub fn new() -> Result<Self, String> {
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .tls_backend_preconfigured(super::api::tls().map_err(|error| error.to_string())?);
        client.build().map(Self).map_err(told)
    }

    /// The answer to a GET; anything but 200 is an error.
    pub async fn get(&self, url: &str) -> Result<PlainReply, String> {
        let response = self.0.get(url).send().await.map_err(told)?;
        let response = response.error_for_status().map_err(told)?;
        let headers = response.headers().iter();
        let text = |value: &reqwest::header::HeaderValue| {
            String::from_utf8_lossy(value.as_bytes()).into_owned()
        };
        let headers = headers.map(|(name, value)| (name.as_str().to_owned(), text(value)));
        let headers = headers.collect();
        let body = response.bytes().await.map_err(told)?.to_vec();
        Ok(PlainReply { headers, body })
    }

    /// Hands an answer over; whether it was taken is not asked.
    pub async fn post(&self, url: &str, body: Vec<u8>) -> Result<(), String> {
        self.0.post(url).body(body).send().await.map_err(told)?;
        Ok(())
    }
}
