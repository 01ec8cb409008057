//! Accepts connections, each for a task of its own, and ends them when their time is over.

use super::bodies::Bodies;
use super::limits::Limits;
use super::places::{Found, Place, Places};
use super::refusals::{Refusal, Refusals, Tell};
use super::seen::{InProgress, Seen};
use super::stream::Watched;
use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{ConnectInfo, Request};
use axum::http::{Method, StatusCode, Uri};
use axum::response::Response;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt as _;

/// Most bytes of a head, and of what is read ahead: twice as long as any that is let in.
const MOST_HEAD_BYTES: usize = 64 * 1024;
/// The pause after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long a refused client may take to read why.
const FAREWELL: Duration = Duration::from_secs(1);
/// Most refused clients that are told why, at once; others are only cut off.
const MOST_FAREWELLS: usize = 16;
/// How long requests in progress may take after a stop.
const DRAIN_DEADLINE: Duration = Duration::from_secs(10);
/// What a client is told for whom there is no place.
const CROWDED: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n\
    retry-after: 1\r\nconnection: close\r\ncontent-length: 75\r\n\r\n\
    {\"message\":\"all places for connections are in use; try again in a moment\"}\n";

/// How a router is served.
#[derive(Clone)]
pub struct Serving {
    /// How many clients there may be, and how slow.
    pub limits: Limits,
    /// Which requests have a body that the router does not keep.
    pub is_streamed: fn(&Method, &Uri) -> bool,
    /// Where it is told what was refused.
    pub tell: Tell,
}

/// What all connections share.
struct Shared {
    router: Router,
    serving: Serving,
    bodies: Arc<Bodies>,
    refusals: Arc<Refusals>,
    farewells: Arc<Semaphore>,
    /// True once the server is to stop.
    stopped: watch::Receiver<bool>,
}

/// Serves until `stop` resolves, then waits for requests in progress. If it is dropped, no more
/// connections are accepted, and those that there are go on.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    serving: Serving,
    stop: impl Future<Output = ()> + Send,
) {
    let (sender, stopped) = watch::channel(false);
    let refusals = Refusals::new(Arc::clone(&serving.tell));
    let shared = Arc::new(Shared {
        router,
        bodies: Arc::new(Bodies::new(&serving.limits)),
        refusals: Arc::clone(&refusals),
        farewells: Arc::new(Semaphore::new(MOST_FAREWELLS)),
        serving,
        stopped,
    });
    tokio::select! {
        () = accept_on(&listener, &shared) => {}
        () = refusals.tell_on() => {}
        () = stop => {}
    }
    drop((listener, shared));
    sender.send_replace(true);
    // All connections have ended when nobody listens to the sender any more.
    let _ = tokio::time::timeout(DRAIN_DEADLINE, sender.closed()).await;
    refusals.tell_now();
}

async fn accept_on(listener: &TcpListener, shared: &Arc<Shared>) {
    let places = Places::new(shared.serving.limits.connections);
    loop {
        let (socket, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            // The client went away before it was accepted.
            Err(error) if is_of_client(&error) => continue,
            Err(error) => {
                shared.refusals.count(Refusal::NotAccepted);
                if is_out_of_files(&error) {
                    // An idle connection has one, or one whose body is late.
                    if let Some(how) = places.end_one() {
                        shared.refusals.count(how);
                    }
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let is_here = peer.ip().to_canonical().is_loopback();
        match places.find(is_here) {
            Found::Free(place) => begin(shared, socket, peer, place),
            Found::Given(place, how) => {
                shared.refusals.count(how);
                begin(shared, socket, peer, place);
                // Whoever gave the place goes before the next comes.
                tokio::task::yield_now().await;
            }
            Found::None => {
                shared.refusals.count(Refusal::Crowded);
                refuse(shared, socket);
            }
        }
    }
}

/// EMFILE or ENFILE: this process, or the machine, may open no more.
fn is_out_of_files(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(23 | 24))
}

fn is_of_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            // Linux tells what went wrong on the new connection here, too (accept(2)).
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::HostUnreachable
    )
}

/// Tells a client that there is no place, without waiting for it.
fn refuse(shared: &Shared, mut socket: TcpStream) {
    let Ok(permit) = Arc::clone(&shared.farewells).try_acquire_owned() else {
        return;
    };
    tokio::spawn(async move {
        let farewell = async {
            socket.write_all(CROWDED).await?;
            socket.shutdown().await?;
            // What it sends meanwhile is read: else the system would take the answer back.
            let mut rest = [0; 4_096];
            while socket.read(&mut rest).await? > 0 {}
            io::Result::Ok(())
        };
        // It may have gone; it was refused all the same.
        let _ = tokio::time::timeout(FAREWELL, farewell).await;
        drop(permit);
    });
}

fn begin(shared: &Arc<Shared>, socket: TcpStream, peer: SocketAddr, place: Place) {
    // Only a hint to the system: an answer's last piece shall not wait.
    let _ = socket.set_nodelay(true);
    let mut stopped = shared.stopped.clone();
    let shared = OfConnection {
        router: shared.router.clone(),
        serving: shared.serving.clone(),
        bodies: Arc::clone(&shared.bodies),
        refusals: Arc::clone(&shared.refusals),
        peer,
    };
    tokio::spawn(async move {
        let limits = &shared.serving.limits;
        let io = TokioIo::new(Watched::new(socket, Arc::clone(&place.seen), limits));
        let service = service_fn(|request| {
            let (shared, working) = (shared.clone(), place.seen.begin());
            let seen = Arc::clone(&place.seen);
            async move { Ok::<_, Infallible>(shared.answer(request, &seen, working).await) }
        });
        let mut connection = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(limits.head)
                .max_buf_size(MOST_HEAD_BYTES)
                .serve_connection(io, service)
        );
        let (mut is_stopping, mut is_leaving) = (false, false);
        loop {
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        shared.ended(&error, &place);
                    }
                    return;
                }
                () = place.leave.notified(), if !is_leaving => {
                    if place.seen.idle_since().or_else(|| place.seen.late_since()).is_some() {
                        return;
                    }
                    // A request came just now; it is answered.
                    is_leaving = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = until_true(&mut stopped), if !is_stopping => {
                    is_stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    });
}

/// Resolves when it is true; never if nobody is left to say so.
async fn until_true(stopped: &mut watch::Receiver<bool>) {
    if stopped.wait_for(|stopped| *stopped).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// What the requests of one connection need.
#[derive(Clone)]
struct OfConnection {
    router: Router,
    serving: Serving,
    bodies: Arc<Bodies>,
    refusals: Arc<Refusals>,
    peer: SocketAddr,
}

impl OfConnection {
    async fn answer(
        &self,
        request: hyper::Request<Incoming>,
        seen: &Arc<Seen>,
        working: InProgress,
    ) -> Response {
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(self.peer));
        let is_streamed = (self.serving.is_streamed)(request.method(), request.uri());
        let is_here = self.peer.ip().to_canonical().is_loopback();
        let (request, kept) = self.bodies.watch(request, seen, is_here, is_streamed);
        let answer = match self.router.clone().oneshot(request).await {
            Ok(answer) => answer,
            Err(never) => match never {},
        };
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            self.refusals.count(Refusal::TooMuch);
        }
        let answer = kept.answer(answer, &self.refusals);
        answer.map(|body| {
            Body::new(Working {
                body,
                _working: working,
            })
        })
    }

    fn ended(&self, error: &hyper::Error, place: &Place) {
        // A connection that was only idle is no refusal.
        if error.is_timeout() && place.seen.has_begun() {
            self.refusals.count(Refusal::SlowHead);
        }
        if place.seen.is_stalled() {
            self.refusals.count(Refusal::SlowReader);
        }
    }
}

/// An answer's body: its request is in progress as long as it lives.
struct Working {
    body: Body,
    _working: InProgress,
}

impl HttpBody for Working {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
