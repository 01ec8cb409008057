//! The documents that tell an OAuth client where to get tokens for this server:
//! protected resource metadata (RFC 9728) and, if the settings ask for it, the
//! issuer's metadata (RFC 8414). Both are served without a token.

use super::challenge::{Protocol, json_response, refusal};
use super::settings::RESOURCE_METADATA;
use super::{Guard, Settings};
use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde_json::{Value, json};
use std::sync::Arc;

/// Path of an issuer's metadata below its origin (RFC 8414, 3).
const ISSUER_METADATA: &str = "/.well-known/oauth-authorization-server";

fn resource_document(settings: &Settings) -> Value {
    let issuer = if settings.oauth_facade {
        settings.origin()
    } else {
        settings.issuer.clone()
    };
    json!({
        "resource": settings.resource,
        "authorization_servers": [issuer],
        "scopes_supported": settings.scopes,
        "bearer_methods_supported": ["header"],
        "resource_name": "Distributed load testing",
    })
}

async fn issuer_response(guard: &Guard) -> Response {
    let Some(metadata) = &guard.issuer_metadata else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match metadata.document(&guard.settings).await {
        Some(document) => json_response(StatusCode::OK, &document, "max-age=3600"),
        None => refusal(
            Protocol::Mcp,
            StatusCode::SERVICE_UNAVAILABLE,
            "temporarily_unavailable",
            "the issuer does not say where it gives tokens",
        ),
    }
}

/// Routes of both documents, for the origin and for the resource's path.
pub fn metadata_routes(guard: &Arc<Guard>) -> Router {
    let mut suffixes = vec![String::new()];
    let path = guard.settings.path();
    if !path.is_empty() {
        suffixes.push(path);
    }
    let mut router = Router::new();
    for suffix in suffixes {
        let document = resource_document(&guard.settings);
        let resource =
            move || async move { json_response(StatusCode::OK, &document, "max-age=3600") };
        router = router.route(&format!("{RESOURCE_METADATA}{suffix}"), get(resource));
        let guard = Arc::clone(guard);
        let issuer = move || async move { issuer_response(&guard).await };
        router = router.route(&format!("{ISSUER_METADATA}{suffix}"), get(issuer));
    }
    router
}
