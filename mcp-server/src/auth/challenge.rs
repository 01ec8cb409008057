//! Refusals as HTTP responses: status, body and the challenge of RFC 6750. Which
//! requests are refused is decided in `layer`.

use super::{Denial, Settings};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

/// What is spoken behind a guard. It decides the form of refusals and which requests
/// count as reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// The REST API: refused as API Gateway refuses.
    Rest,
    /// MCP: refused as OAuth's resource servers refuse.
    Mcp,
}

/// A JSON response with its `Cache-Control`.
pub(super) fn json_response(status: StatusCode, value: &Value, cache: &'static str) -> Response {
    let mut response = (status, value.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}

/// A refusal in the protocol's form.
pub(super) fn refusal(protocol: Protocol, status: StatusCode, error: &str, why: &str) -> Response {
    let body = match protocol {
        Protocol::Rest => json!({ "message": why }),
        Protocol::Mcp => json!({ "error": error, "error_description": why }),
    };
    json_response(status, &body, "no-store")
}

/// 429, with the second after which to try again.
pub(super) fn too_many_requests(protocol: Protocol) -> Response {
    later(
        protocol,
        StatusCode::TOO_MANY_REQUESTS,
        "too many requests",
        "1",
    )
}

/// A refusal of now, with the seconds after which to try again.
fn later(protocol: Protocol, status: StatusCode, why: &str, seconds: &'static str) -> Response {
    let mut response = refusal(protocol, status, "temporarily_unavailable", why);
    let seconds = HeaderValue::from_static(seconds);
    response.headers_mut().insert(RETRY_AFTER, seconds);
    response
}

/// A denial's status and challenge.
pub(super) fn denied(protocol: Protocol, denial: Denial, settings: &Settings) -> Response {
    let why = denial.to_string();
    let (status, error) = match denial {
        // Nothing is wrong with the token as far as is known: no challenge.
        Denial::Unavailable => {
            return later(protocol, StatusCode::SERVICE_UNAVAILABLE, &why, "5");
        }
        Denial::NoToken => (StatusCode::UNAUTHORIZED, None),
        Denial::Malformed(_) => (StatusCode::BAD_REQUEST, Some("invalid_request")),
        Denial::Invalid(_) => (StatusCode::UNAUTHORIZED, Some("invalid_token")),
        Denial::Insufficient(_) | Denial::ReadOnly => {
            (StatusCode::FORBIDDEN, Some("insufficient_scope"))
        }
    };
    let mut parts = Vec::new();
    // RFC 6750, 3.1: a request without a token gets no error code.
    if let Some(error) = error {
        parts.push(format!("error=\"{error}\""));
        parts.push(format!("error_description=\"{why}\""));
    }
    let mut scopes: Vec<&str> = settings.scopes.iter().map(String::as_str).collect();
    if denial == Denial::ReadOnly {
        scopes.extend(settings.write_scope.as_deref());
    }
    if error != Some("invalid_request") && !scopes.is_empty() {
        parts.push(format!("scope=\"{}\"", scopes.join(" ")));
    }
    let metadata = settings.resource_metadata_url();
    parts.push(format!("resource_metadata=\"{metadata}\""));
    let challenge = HeaderValue::from_str(&format!("Bearer {}", parts.join(", ")));
    let mut response = refusal(protocol, status, error.unwrap_or("unauthorized"), &why);
    let challenge = challenge.unwrap_or(HeaderValue::from_static("Bearer"));
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}
