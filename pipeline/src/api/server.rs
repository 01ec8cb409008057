//! The API and the console over HTTP on one machine: guards the door, finds the call or
//! the page, writes the answer. Only this machine may come in: the Host must be a loopback name
//! (so that no foreign name can be pointed here) and a browser's Origin must be
//! this server itself. A server that asks for tokens, in front of here, may
//! have other names too, and says of each request what its caller may do.

use crate::api::listeners::{Listener, Listeners};
use crate::api::pages::{Pages, page};
use crate::api::turns::{Turns, Unworked};
use crate::api::{Answer, answer, live};
use crate::error::PipelineError;
use crate::objects::{Body as ObjectBody, Stored, body_of};
use crate::world::World;
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, HOST, LOCATION, ORIGIN,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::Response;
use dlt_core::calls::request::{Call, Request as Asked, longest_body, too_long_body};
use dlt_core::calls::{Caller, Holder};
use dlt_core::keys::LARGEST_FILE_BYTES;
use dlt_core::refusal::Refusal;
use dlt_core::safety::is_loopback;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde_json::{Value, json};
use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio_stream::StreamExt as _;

/// Prefixes under which the API is served: ours, and the one DLT's clients have.
const PREFIXES: [&str; 2] = ["/api", "/prod"];
/// Most listeners of live data at once.
const MOST_LISTENERS: usize = 1_000;
/// Longest body that is read at once: a longer one would hold a thread that all connections need.
const LONGEST_QUICK_BYTES: usize = 64 * 1024;
/// What a preflight is told (openapi "Conventions").
const PREFLIGHT_HEADERS: &str =
    "Authorization,Content-Type,X-Amz-Date,X-Amz-Security-Token,X-Api-Key";
const PREFLIGHT_METHODS: &str = "DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT";
const ANSWER_HEADERS: &str = "Origin, X-Requested-With, Content-Type, Accept";

/// What the handlers share.
#[derive(Clone)]
struct Door {
    world: Arc<World>,
    listeners: Arc<Listeners>,
    turns: Turns,
    names: Arc<Names>,
    pages: Pages,
}

/// How this server is called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// Its port on this machine.
    pub port: u16,
    /// Names that others have for it, whatever the port in front of it.
    pub hosts: Vec<String>,
    /// Whether tokens are asked for in front of here: then a request of which nothing is
    /// said is a reader's, else everybody on this machine may write.
    pub guarded: bool,
}

/// Whether a request's body is taken in pieces, as it comes: a file.
pub fn takes_pieces(method: &Method, uri: &Uri) -> bool {
    let path = below_prefix(uri.path());
    *method == Method::PUT && path.is_some_and(|path| path.split('/').nth(3) == Some("files"))
}

/// Whether a request is one for the console's pages, which are public: never one that reaches
/// the API.
pub fn is_page(method: &Method, uri: &Uri) -> bool {
    matches!(*method, Method::GET | Method::HEAD) && below_prefix(uri.path()).is_none()
}

fn below_prefix(path: &str) -> Option<&str> {
    PREFIXES
        .iter()
        .find_map(|prefix| path.strip_prefix(prefix))
        .filter(|rest| rest.starts_with('/'))
}

/// The API, the live events and the console's pages, for a server that is called so and has so
/// many connections: listeners, who stay, may have half of them.
pub fn router(world: Arc<World>, names: Names, pages: Pages, connections: usize) -> Router {
    let door = Door {
        world,
        listeners: Listeners::new(MOST_LISTENERS.min(connections / 2)),
        turns: Turns::new(),
        names: Arc::new(names),
        pages,
    };
    Router::new().fallback(handle).with_state(door)
}

async fn handle(State(door): State<Door>, request: Request) -> Response {
    if let Err(why) = admitted(request.headers(), &door.names) {
        return gateway(StatusCode::FORBIDDEN, &why);
    }
    let path = request.uri().path();
    let Some(path) = below_prefix(path).map(str::to_owned) else {
        return page(request.method(), path, door.pages).unwrap_or_else(|| {
            gateway(
                StatusCode::FORBIDDEN,
                "no such path; the API lies under /api, the console at /",
            )
        });
    };
    if request.method() == Method::OPTIONS {
        return preflight();
    }
    let caller = match request.extensions().get::<Caller>() {
        Some(caller) => *caller,
        None if door.names.guarded => Caller::Reader,
        None => Caller::Writer,
    };
    let extensions = request.extensions();
    let listener = Listener {
        caller,
        holder: extensions.get::<Holder>().cloned(),
        address: extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|info| info.0.ip().to_canonical()),
    };
    let (call, file) = match read_call(&door, caller, path, request).await {
        Ok(read) => read,
        Err(answer) => return answer,
    };
    if let Err(why) = caller.may(&call) {
        return gateway(StatusCode::FORBIDDEN, why);
    }
    let tells_rights = door.names.guarded && matches!(call, Call::GetStackInfo);
    let answered = match call {
        Call::Live { test } => return listen(&door, test, listener).await,
        call if is_long(&call) => {
            let (world, runtime) = (Arc::clone(&door.world), tokio::runtime::Handle::current());
            let done = move || runtime.block_on(answer(&world, call, file));
            match door.turns.work(caller, done).await {
                Ok(answered) => answered,
                Err(why) => return unworked(why),
            }
        }
        call => answer(&door.world, call, file).await,
    };
    match answered {
        Ok(Answer::Json(mut value)) if tells_rights => {
            value["may_write"] = (caller == Caller::Writer).into();
            written(StatusCode::OK, &value)
        }
        Ok(Answer::Json(value)) => written(StatusCode::OK, &value),
        Ok(Answer::Stream(stored)) => sent(stored),
        Ok(Answer::Link(link)) => redirect(&link),
        Err(refusal) => refused(&refusal),
    }
}

/// A request read as a call, and the file that comes with it; or its answer.
async fn read_call(
    door: &Door,
    caller: Caller,
    path: String,
    request: Request,
) -> Result<(Call, ObjectBody), Response> {
    let method = request.method().as_str().to_owned();
    let query = request.uri().query().map(str::to_owned);
    // A file is not read before it is known whose it is; all else is short.
    let (body, file) = if takes_pieces(request.method(), request.uri()) {
        if told_length(request.headers()) > LARGEST_FILE_BYTES {
            let text = format!("the body is longer than {LARGEST_FILE_BYTES} bytes");
            return Err(gateway(StatusCode::PAYLOAD_TOO_LARGE, &text));
        }
        (Vec::new(), streamed(request.into_body()))
    } else {
        let body = whole_body(request, &method).await?;
        (body, body_of(Vec::new()))
    };
    let length = body.len();
    let read = move || {
        let asked = Asked {
            method: &method,
            path: &path,
            query: query.as_deref(),
            body: &body,
        };
        Call::read(&asked)
    };
    let call = match length {
        0..=LONGEST_QUICK_BYTES => read(),
        _ => {
            let read = door.turns.work(caller, read).await;
            read.map_err(unworked)?
        }
    };
    match call {
        None => Err(gateway(StatusCode::FORBIDDEN, "no such path")),
        Some(Err(refusal)) => Err(refused(&refusal)),
        Some(Ok(call)) => Ok((call, file)),
    }
}

/// Whether a whole scenario is read or shown for it.
fn is_long(call: &Call) -> bool {
    matches!(
        call,
        Call::PostScenario { .. } | Call::GetScenario { .. } | Call::GetRun { .. }
    )
}

/// The body of a request that is no file.
async fn whole_body(request: Request, method: &str) -> Result<Vec<u8>, Response> {
    let longest = longest_body(method);
    let too_long = || gateway(StatusCode::PAYLOAD_TOO_LARGE, &too_long_body(method));
    if told_length(request.headers()) > longest as u64 {
        return Err(too_long());
    }
    // Into one piece as it comes: many small ones leave gaps that the allocator cannot give back.
    let told = told_length(request.headers());
    let mut body = Vec::with_capacity(usize::try_from(told).unwrap_or(0).min(longest));
    let mut pieces = Limited::new(request.into_body(), longest);
    while let Some(piece) = pieces.frame().await {
        match piece {
            Ok(piece) => body.extend_from_slice(&piece.into_data().unwrap_or_default()),
            Err(error) if error.is::<LengthLimitError>() => return Err(too_long()),
            Err(_) => return Err(gateway(StatusCode::BAD_REQUEST, "the body did not arrive")),
        }
    }
    Ok(body)
}

fn unworked(why: Unworked) -> Response {
    let (status, text) = why.told();
    gateway(status, text)
}

/// Whether a request comes from this machine's own programs or pages, or to a
/// name of the settings.
fn admitted(headers: &HeaderMap, names: &Names) -> Result<(), String> {
    let text = |value: &HeaderValue| value.to_str().map(str::to_owned).unwrap_or_default();
    let hosts: Vec<String> = headers.get_all(HOST).iter().map(text).collect();
    let [host] = hosts.as_slice() else {
        return Err("exactly one Host header is needed".to_owned());
    };
    // DLT's command names the host without its port.
    if !is_loopback(host) && !names.here(host) && !names.elsewhere(host) {
        return Err("this server answers to 127.0.0.1 and localhost only".to_owned());
    }
    for origin in headers.get_all(ORIGIN).iter().map(text) {
        let here = |rest| names.here(rest);
        let elsewhere = |rest| names.elsewhere(rest);
        let ours = origin.strip_prefix("http://").is_some_and(here)
            || origin.strip_prefix("https://").is_some_and(elsewhere);
        if !ours {
            return Err("pages of other origins may not call this server".to_owned());
        }
    }
    Ok(())
}

impl Names {
    /// Whether this is a loopback name with our port.
    fn here(&self, host: &str) -> bool {
        host.rsplit_once(':')
            .is_some_and(|(name, given)| is_loopback(name) && given == self.port.to_string())
    }

    /// Whether this is one of the settings' names, with or without a port.
    fn elsewhere(&self, host: &str) -> bool {
        let is_port = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let name = match host.rsplit_once(':') {
            Some((name, port)) if is_port(port) => name,
            _ => host,
        };
        self.hosts
            .iter()
            .any(|ours| ours.eq_ignore_ascii_case(name))
    }
}

async fn listen(door: &Door, test: dlt_core::ids::TestId, listener: Listener) -> Response {
    let permit = match door.listeners.take(listener) {
        Ok(permit) => permit,
        Err(full) => return gateway(StatusCode::TOO_MANY_REQUESTS, &full.to_string()),
    };
    match live::events(&door.world, test, permit).await {
        Err(refusal) => refused(&refusal),
        Ok(events) => {
            let mut response = Response::new(Body::from_stream(events));
            head(&mut response, StatusCode::OK, "text/event-stream");
            response
                .headers_mut()
                .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
    }
}

/// An application's refusal: a JSON string.
fn refused(refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    written(status, &Value::String(refusal.text_on_the_wire()))
}

/// A refusal in front of the application: an object, as API Gateway makes it.
fn gateway(status: StatusCode, message: &str) -> Response {
    written(status, &json!({ "message": message }))
}

fn written(status: StatusCode, value: &impl Display) -> Response {
    let mut response = Response::new(Body::from(value.to_string()));
    head(&mut response, status, "application/json");
    response
}

/// How long a body says that it is; 0 where it does not say.
fn told_length(headers: &HeaderMap) -> u64 {
    let told = headers.get(CONTENT_LENGTH);
    told.and_then(|value| value.to_str().ok()?.parse().ok())
        .unwrap_or(0)
}

/// A request's body, in the pieces in which it comes.
fn streamed(body: Body) -> ObjectBody {
    Box::pin(body.into_data_stream().map(|piece| match piece {
        Ok(piece) => Ok(piece.to_vec()),
        Err(_) => Err(PipelineError::Transient(
            "the body did not arrive".to_owned(),
        )),
    }))
}

/// An object's bytes, in the pieces in which they are read.
fn sent(stored: Stored) -> Response {
    let mut response = Response::new(Body::from_stream(stored.body));
    head(&mut response, StatusCode::OK, "application/octet-stream");
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(stored.bytes));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    response
}

fn redirect(link: &str) -> Response {
    let mut response = written(StatusCode::TEMPORARY_REDIRECT, &json!({}));
    if let Ok(link) = HeaderValue::from_str(link) {
        response.headers_mut().insert(LOCATION, link);
    }
    response
}

fn preflight() -> Response {
    let mut response = written(StatusCode::OK, &json!({}));
    let headers = response.headers_mut();
    for (name, value) in [
        (ACCESS_CONTROL_ALLOW_HEADERS, PREFLIGHT_HEADERS),
        (ACCESS_CONTROL_ALLOW_METHODS, PREFLIGHT_METHODS),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn head(response: &mut Response, status: StatusCode, content_type: &'static str) {
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, content_type),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (ACCESS_CONTROL_ALLOW_HEADERS, ANSWER_HEADERS),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names {
            port: 8089,
            hosts: Vec::new(),
            guarded: false,
        }
    }

    fn headers(rows: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in rows {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn only_this_machine_s_own_programs_and_pages_come_in() {
        for good in [
            &[("host", "127.0.0.1:8089")][..],
            &[("host", "localhost:8089")],
            &[("host", "[::1]:8089")],
            &[("host", "localhost")],
            &[
                ("host", "localhost:8089"),
                ("origin", "http://localhost:8089"),
            ],
            &[
                ("host", "localhost:8089"),
                ("origin", "http://127.0.0.1:8089"),
            ],
        ] {
            assert_eq!(admitted(&headers(good), &names()), Ok(()), "{good:?}");
        }
        for bad in [
            &[][..],
            &[("host", "evil.example:8089")],
            &[("host", "localhost:8090")],
            &[("host", "localhost.evil.example")],
            &[("host", "127.0.0.1:8089"), ("host", "localhost:8089")],
            &[("host", "localhost:8089"), ("origin", "null")],
            &[("host", "localhost:8089"), ("origin", "http://localhost")],
            &[
                ("host", "localhost:8089"),
                ("origin", "http://localhost:3000"),
            ],
            &[
                ("host", "localhost:8089"),
                ("origin", "https://localhost:8089"),
            ],
            &[
                ("host", "localhost:8089"),
                ("origin", "http://evil.example:8089"),
            ],
        ] {
            assert!(admitted(&headers(bad), &names()).is_err(), "{bad:?}");
        }
    }

    /// Whether it was asked for before it was refused.
    async fn read(method: &str, pieces: usize, told: Option<usize>) -> (Option<StatusCode>, usize) {
        let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let body = tokio_stream::iter(0..pieces).map(move |_| {
            count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Ok::<_, std::io::Error>(vec![b' '; 1_000])
        });
        let mut request = Request::new(Body::from_stream(body));
        if let Some(told) = told {
            request
                .headers_mut()
                .insert(CONTENT_LENGTH, HeaderValue::from(told));
        }
        let refusal = whole_body(request, method).await.err();
        let status = refusal.map(|refusal| refusal.status());
        (status, asked.load(std::sync::atomic::Ordering::Relaxed))
    }

    /// Whoever may only read keeps no room for bodies, and costs no time.
    #[tokio::test]
    async fn a_body_that_nobody_asked_for_is_not_read() {
        let too_long = Some(StatusCode::PAYLOAD_TOO_LARGE);
        for method in ["GET", "HEAD"] {
            assert_eq!(read(method, 5_000, Some(5_000_000)).await, (too_long, 0));
            // Without a length it is read until it is too long.
            assert_eq!(read(method, 5_000, None).await, (too_long, 5));
            assert_eq!(read(method, 4, None).await, (None, 4));
        }
        assert_eq!(read("POST", 5_000, Some(5_000_000)).await, (None, 5_000));
        assert_eq!(read("POST", 7_000, Some(7_000_000)).await, (too_long, 0));
    }

    #[test]
    fn names_of_the_settings_come_in_too() {
        let mut names = names();
        names.hosts.push("load.example".to_owned());
        let page = |origin| [("host", "load.example"), ("origin", origin)];
        for good in [
            &[("host", "load.example")][..],
            &[("host", "Load.Example:443")],
            &page("https://load.example"),
        ] {
            assert_eq!(admitted(&headers(good), &names), Ok(()), "{good:?}");
        }
        for bad in [
            &[("host", "load.example.evil.example")][..],
            &[("host", "load.example:x")],
            &page("http://load.example"),
            &page("https://evil.example"),
            &page("https://load.example/"),
        ] {
            assert!(admitted(&headers(bad), &names).is_err(), "{bad:?}");
        }
    }
}
