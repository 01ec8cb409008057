//! No, in the words of RFC 6750 and RFC 9728: status, challenge, and the
//! documents that tell a client where tokens come from. Who is refused is not
//! decided here.

use super::{Denial, Guard, Manner, Settings};
use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde_json::{Value, json};
use std::sync::Arc;

/// Where the metadata of a resource lies below its origin (RFC 9728, 3.1).
const RESOURCE: &str = "/.well-known/oauth-protected-resource";
/// Where that of an issuer lies (RFC 8414, 3).
const ISSUER: &str = "/.well-known/oauth-authorization-server";

fn document(status: StatusCode, value: &Value, cache: &'static str) -> Response {
    let mut response = (status, value.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}

/// A refusal as the clients of each door read it.
pub(super) fn refusal(manner: Manner, status: StatusCode, error: &str, why: &str) -> Response {
    let body = match manner {
        Manner::Api => json!({ "message": why }),
        Manner::Mcp => json!({ "error": error, "error_description": why }),
    };
    document(status, &body, "no-store")
}

/// Later, perhaps.
pub(super) fn too_many(manner: Manner) -> Response {
    let status = StatusCode::TOO_MANY_REQUESTS;
    let mut response = refusal(
        manner,
        status,
        "temporarily_unavailable",
        "too many requests",
    );
    let later = HeaderValue::from_static("1");
    response.headers_mut().insert(RETRY_AFTER, later);
    response
}

/// What a denial is in HTTP, and its challenge.
pub(super) fn denied(manner: Manner, denial: Denial, settings: &Settings) -> Response {
    let (status, error) = match denial {
        Denial::NoToken => (StatusCode::UNAUTHORIZED, None),
        Denial::Malformed(_) => (StatusCode::BAD_REQUEST, Some("invalid_request")),
        Denial::Invalid(_) => (StatusCode::UNAUTHORIZED, Some("invalid_token")),
        Denial::Insufficient(_) | Denial::ReadOnly => {
            (StatusCode::FORBIDDEN, Some("insufficient_scope"))
        }
    };
    let why = denial.to_string();
    let mut parts = Vec::new();
    // Whoever sent nothing did nothing wrong.
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
    let (origin, path) = (settings.origin(), settings.path());
    parts.push(format!("resource_metadata=\"{origin}{RESOURCE}{path}\""));
    let challenge = HeaderValue::from_str(&format!("Bearer {}", parts.join(", ")));
    let mut response = refusal(manner, status, error.unwrap_or("unauthorized"), &why);
    let challenge = challenge.unwrap_or(HeaderValue::from_static("Bearer"));
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}

/// What RFC 9728 wants to be told of this server.
fn of_resource(settings: &Settings) -> Value {
    let issuer = match settings.facade {
        true => settings.origin(),
        false => settings.issuer.clone(),
    };
    json!({
        "resource": settings.resource,
        "authorization_servers": [issuer],
        "scopes_supported": settings.scopes,
        "bearer_methods_supported": ["header"],
        "resource_name": "Distributed load testing",
    })
}

/// The issuer in the shape that MCP clients want, if that was asked for.
async fn of_issuer(guard: &Guard) -> Response {
    let Some(facade) = &guard.facade else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match facade.document(&guard.settings).await {
        Some(document) => self::document(StatusCode::OK, &document, "max-age=3600"),
        None => refusal(
            Manner::Mcp,
            StatusCode::SERVICE_UNAVAILABLE,
            "temporarily_unavailable",
            "the issuer does not say where it gives tokens",
        ),
    }
}

/// The documents that clients read before they have a token: for everybody.
pub fn metadata(guard: &Arc<Guard>) -> Router {
    let path = guard.settings.path();
    let mut router = Router::new();
    let mut places = vec![String::new()];
    if !path.is_empty() {
        places.push(path);
    }
    for place in places {
        let resource = of_resource(&guard.settings);
        let told = move || async move { document(StatusCode::OK, &resource, "max-age=3600") };
        router = router.route(&format!("{RESOURCE}{place}"), get(told));
        let issuer = Arc::clone(guard);
        let told = move || async move { of_issuer(&issuer).await };
        router = router.route(&format!("{ISSUER}{place}"), get(told));
    }
    router
}
