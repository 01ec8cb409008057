//! Single signed requests to AWS, for calls that no SDK makes here. What they mean is left
//! to callers.

use dlt_mcp::backend::credentials::Credentials;
use dlt_mcp::backend::sigv4::SigningScope;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, Request, Url};
use std::time::{Duration, SystemTime};

/// How long one request may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// Largest answer that is read, bytes.
const LARGEST_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// Pairs as a form's body.
pub fn form(pairs: &[(&str, &str)]) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(pairs).finish()
}

/// Posts a body, signed for a service and a region; status and body of the answer.
pub async fn signed_post(
    url: &str,
    (service, region): (&str, &str),
    credentials: Credentials,
    headers: &[(&str, &str)],
    body: String,
) -> Result<(u16, String), String> {
    // An error means that it is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = Url::parse(url).map_err(|error| error.to_string())?;
    let mut request = Request::new(Method::POST, url);
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| error.to_string())?;
        let value = HeaderValue::from_str(value).map_err(|error| error.to_string())?;
        request.headers_mut().insert(name, value);
    }
    *request.body_mut() = Some(body.into());
    *request.timeout_mut() = Some(DEADLINE);
    let time = SystemTime::now();
    let scope = SigningScope {
        service,
        region,
        time,
    };
    scope
        .sign(&mut request, credentials)
        .map_err(|error| error.to_string())?;
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| error.to_string())?;
    let answer = client.execute(request).await;
    let told = |error: reqwest::Error| error.without_url().to_string();
    let mut answer = answer.map_err(told)?;
    let status = answer.status().as_u16();
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(told)? {
        body.extend_from_slice(&piece);
        if body.len() > LARGEST_ANSWER_BYTES {
            return Err("the answer is longer than 64 MiB".to_owned());
        }
    }
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}
