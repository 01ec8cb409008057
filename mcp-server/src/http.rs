//! MCP over HTTP: stateless, so that any number of servers can stand side by
//! side, and for this machine only unless clients prove who they are (`auth`).
//! Guards the door; what is answered is `server`'s.

use crate::auth::{self, Guard, Manner};
use crate::backend::Backend;
use crate::server::Server;
use crate::toolset::Shown;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// Longest request, bytes: arguments are short.
pub(crate) const LONGEST_REQUEST_BYTES: usize = 256 * 1024;
/// Requests per second that are let in, and how many may come at once.
const PER_SECOND: f64 = 50.0;
const BURST: f64 = 200.0;
/// How long calls under way may take after a stop.
const DRAIN: Duration = Duration::from_secs(10);
/// This machine's names for itself.
const HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// Browser pages that may call: those of this machine.
const ORIGINS: [&str; 3] = ["http://localhost:*", "http://127.0.0.1:*", "http://[::1]:*"];

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// An address that strangers reach.
    #[error("{0} is not a loopback address: without authentication MCP serves this machine only")]
    NotLoopback(SocketAddr),
    /// The socket would not.
    #[error("cannot listen on {0}: {1}; choose another with --listen 127.0.0.1:PORT")]
    Bind(SocketAddr, io::Error),
    /// It ended by itself.
    #[error("the server ended: {0}")]
    Serve(io::Error),
}

/// Lets in as many requests as one process can answer well.
#[derive(Debug)]
struct Bucket(Mutex<(f64, Instant)>);

impl Bucket {
    fn new() -> Self {
        Self(Mutex::new((BURST, Instant::now())))
    }

    fn take(&self, now: Instant) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now.saturating_duration_since(state.1).as_secs_f64();
        let left = (state.0 + passed * PER_SECOND).min(BURST);
        let open = left >= 1.0;
        *state = (if open { left - 1.0 } else { left }, now);
        open
    }
}

async fn limited(State(bucket): State<Arc<Bucket>>, request: Request, next: Next) -> Response {
    if bucket.take(Instant::now()) {
        return next.run(request).await;
    }
    let mut response = (StatusCode::TOO_MANY_REQUESTS, "too many requests").into_response();
    let later = HeaderValue::from_static("1");
    response.headers_mut().insert(header::RETRY_AFTER, later);
    response
}

/// `/mcp` and its health, to be served alone or beside other routes: on a
/// loopback address, or for those whom the guard lets in.
pub fn router(backend: Arc<dyn Backend>, shown: Shown, guard: Option<&Arc<Guard>>) -> Router {
    let names = guard.map(|guard| guard.hosts()).unwrap_or_default();
    let pages = names.iter().map(|name| format!("https://{name}"));
    let server = Server::new(backend, shown);
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_allowed_hosts(HOSTS.into_iter().chain(names.iter().map(String::as_str)))
        .with_allowed_origins(ORIGINS.map(str::to_owned).into_iter().chain(pages))
        .with_max_request_body_bytes(LONGEST_REQUEST_BYTES);
    let sessions = Arc::new(NeverSessionManager::default());
    let service = StreamableHttpService::new(move || Ok(server.clone()), sessions, config);
    let mcp = Router::new().route_service("/mcp", service);
    let mcp = match guard {
        // The guard has a bucket for each address and each principal, so that
        // nobody's questions keep others out.
        None => mcp.layer(from_fn_with_state(Arc::new(Bucket::new()), limited)),
        Some(guard) => auth::protect(mcp, guard, Manner::Mcp).merge(auth::metadata(guard)),
    };
    mcp.route("/healthz", get(|| async { "ok" }))
}

/// A listener: on a loopback address unless tokens will be asked for.
pub async fn bind(address: SocketAddr, guarded: bool) -> Result<TcpListener, HttpError> {
    if !guarded && !address.ip().is_loopback() {
        return Err(HttpError::NotLoopback(address));
    }
    let bound = TcpListener::bind(address).await;
    bound.map_err(|error| HttpError::Bind(address, error))
}

/// Serves until told to stop, then lets calls under way finish.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), HttpError> {
    let (told, mut heard) = tokio::sync::watch::channel(false);
    let stopping = async move {
        stop.await;
        // Nobody listens any more only when the server has ended.
        let _ = told.send(true);
    };
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, service).with_graceful_shutdown(stopping);
    let drained = async {
        while !*heard.borrow_and_update() {
            if heard.changed().await.is_err() {
                break;
            }
        }
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        ended = async { served.await } => ended.map_err(HttpError::Serve),
        () = drained => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_door_closes_above_the_rate_and_opens_again() {
        let bucket = Bucket::new();
        let start = Instant::now();
        let let_in = (0..500).filter(|_| bucket.take(start)).count();
        assert_eq!(let_in, BURST as usize);
        let later = start + Duration::from_secs(1);
        let let_in = (0..500).filter(|_| bucket.take(later)).count();
        assert_eq!(let_in, PER_SECOND as usize);
    }

    #[test]
    fn strangers_are_not_listened_to() {
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
