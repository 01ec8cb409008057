//! The few requests that no SDK of AWS makes. What is sent where is left to callers.

use crate::error::{PipelineError, Source};
use std::time::Duration;

/// How long one request may take.
const LONGEST_REQUEST: Duration = Duration::from_secs(8);

/// Gets TLS ready; once in a process.
pub fn install_tls() {
    // Fails if it is ready already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Sends a request; answers its status and its body.
pub async fn send(
    method: &str,
    url: &str,
    headers: &[(String, String)],
    body: String,
) -> Result<(u16, String), PipelineError> {
    let failed = |error: reqwest::Error| {
        // An address may hold a signature.
        let error = error.without_url();
        PipelineError::Transient(format!("{method}: no answer: {}", Source::of(error)))
    };
    let verb = reqwest::Method::from_bytes(method.as_bytes())
        .map_err(|error| PipelineError::Other(error.to_string()))?;
    let client = reqwest::Client::builder()
        .timeout(LONGEST_REQUEST)
        .build()
        .map_err(failed)?;
    let mut request = client.request(verb, url).body(body);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let answer = request.send().await.map_err(failed)?;
    let status = answer.status().as_u16();
    Ok((status, answer.text().await.map_err(failed)?))
}
