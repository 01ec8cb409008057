//! MCP over HTTP. It is stateless, so that requests can be spread over any number of
//! servers, and serves this machine only, unless `auth` checks access tokens.

use super::Server;
use super::malformed::{self, LONGEST_REQUEST_BYTES};
use crate::auth::rate_limit::TokenBucket;
use crate::auth::{self, Guard, Protocol};
use crate::backend::Backend;
use crate::catalog::toolset::ShownTools;
use crate::serving::{self, Limits, Serving, Tell, raise_file_limit};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::net::TcpListener;

/// Host names of this machine.
const HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// Origins of web pages that may send requests: this machine's.
const ORIGINS: [&str; 3] = ["http://localhost:*", "http://127.0.0.1:*", "http://[::1]:*"];

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address is reachable from other machines.
    #[error("{0} is not a loopback address: without authentication MCP serves this machine only")]
    NotLoopback(SocketAddr),
    /// The socket cannot be bound.
    #[error("cannot listen on {0}: {1}; choose another with --listen 127.0.0.1:PORT")]
    Bind(SocketAddr, io::Error),
}

type SharedBucket = Arc<Mutex<TokenBucket>>;

async fn limit_rate(State(bucket): State<SharedBucket>, request: Request, next: Next) -> Response {
    let allowed = {
        let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.take(Instant::now())
    };
    if allowed {
        return next.run(request).await;
    }
    let mut response = (StatusCode::TOO_MANY_REQUESTS, "too many requests").into_response();
    let one_second = HeaderValue::from_static("1");
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, one_second);
    response
}

/// Behind the checks of a server without a guard. A share is that of all programs of this machine: web
/// pages that are refused anyway take nothing from it.
fn for_this_machine(mcp: Router) -> Router {
    let bucket = Arc::new(Mutex::new(TokenBucket::new(Instant::now())));
    mcp.layer(from_fn_with_state(bucket, limit_rate))
        .layer(from_fn(auth::only_this_machine))
}

/// Routes of `/mcp` and `/healthz`, to be served alone or with other routes. Without a
/// guard, they must be served on a loopback address only.
pub fn router(backend: Arc<dyn Backend>, shown: ShownTools, guard: Option<&Arc<Guard>>) -> Router {
    let hosts = guard.map(|guard| guard.hosts()).unwrap_or_default();
    let origins = hosts.iter().map(|host| format!("https://{host}"));
    let server = Server::new(backend, shown);
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_allowed_hosts(HOSTS.into_iter().chain(hosts.iter().map(String::as_str)))
        .with_allowed_origins(ORIGINS.map(str::to_owned).into_iter().chain(origins))
        .with_max_request_body_bytes(LONGEST_REQUEST_BYTES);
    let sessions = Arc::new(NeverSessionManager::default());
    let service = StreamableHttpService::new(move || Ok(server.clone()), sessions, config);
    let mcp = Router::new()
        .route_service("/mcp", service)
        .layer(from_fn(malformed::check));
    let mcp = match guard {
        None => for_this_machine(mcp),
        // The guard limits the rate of each address and each principal.
        Some(guard) => {
            let longest = Some(LONGEST_REQUEST_BYTES as u64);
            auth::protect(mcp, guard, Protocol::Mcp, |_, _| false, longest)
                .merge(auth::metadata_routes(guard))
        }
    };
    mcp.route("/healthz", get(|| async { "ok" }))
}

/// A listener; without a guard, loopback addresses only.
pub async fn bind(address: SocketAddr, guarded: bool) -> Result<TcpListener, HttpError> {
    if !guarded && !address.ip().is_loopback() {
        return Err(HttpError::NotLoopback(address));
    }
    let bound = TcpListener::bind(address).await;
    bound.map_err(|error| HttpError::Bind(address, error))
}

/// Serves until `stop` resolves, then waits for running calls.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    tell: Tell,
    stop: impl Future<Output = ()> + Send,
) {
    let serving = Serving {
        limits: Limits::of(raise_file_limit()),
        // Arguments are short and kept as a whole.
        is_streamed: |_, _| false,
        tell,
    };
    serving::serve(listener, router, serving, stop).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use tower::ServiceExt as _;

    #[test]
    fn pages_of_other_origins_take_nothing_from_the_share_of_this_machine() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let router = for_this_machine(Router::new().route("/mcp", get(|| async { "ok" })));
        let status = |host: &str, origin: Option<&str>| {
            let mut request = axum::http::Request::builder()
                .uri("/mcp")
                .header(header::HOST, host);
            if let Some(origin) = origin {
                request = request.header(header::ORIGIN, origin);
            }
            let request = request.body(Body::empty()).unwrap();
            let answer = runtime.block_on(router.clone().oneshot(request));
            answer.unwrap().status().as_u16()
        };
        for _ in 0..1_000 {
            assert_eq!(status("localhost:1", Some("https://evil.example")), 403);
            assert_eq!(status("localhost:1", Some("null")), 403);
            assert_eq!(status("evil.example", None), 403);
        }
        assert_eq!(status("localhost:1", None), 200);
        assert_eq!(status("127.0.0.1:1", Some("http://localhost:3000")), 200);
        // Programs of this machine share one: it has an end.
        let own = (0..1_000).map(|_| status("[::1]:1", None));
        assert!(own.into_iter().any(|status| status == 429));
    }

    #[test]
    fn without_a_guard_only_loopback_addresses_are_bound() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        for text in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
            let bound = runtime.block_on(bind(text.parse().unwrap(), false));
            assert!(matches!(bound, Err(HttpError::NotLoopback(_))), "{text}");
        }
    }
}
