//! A target that speaks HTTP/2, made of the crate `h2`'s server side. It counts what it
//! reads, also the bytes of each stream's frames as they pass its socket.

use ::h2::{Reason, server};
use bytes::Bytes;
use http::{HeaderMap, Response};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// What the target does with a request, one after the other.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// Answers, with a body.
    Answer(u16, Vec<(&'static str, &'static str)>, Vec<u8>),
    /// Answers with this Location.
    AnswerTo(u16, String),
    /// Sends an interim answer.
    Interim(u16),
    /// Sends a head that a body follows.
    Head(u16),
    /// Sends a part of a body.
    Data(Vec<u8>),
    /// Ends with trailers.
    Trailers,
    /// Resets the stream.
    Reset(Reason),
    /// Ends the connection gracefully.
    Goaway,
    /// Is silent until the client gives up.
    Stall,
}

/// A request as the target read it.
#[derive(Debug, Clone)]
pub(super) struct H2Request {
    pub(super) method: String,
    pub(super) scheme: String,
    pub(super) authority: String,
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    /// Bytes of its body.
    pub(super) body: usize,
}

impl H2Request {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|header| header.0 == name);
        found.map(|header| header.1.as_str())
    }
}

#[derive(Default)]
struct Log {
    requests: Vec<H2Request>,
    by_path: HashMap<String, u64>,
    /// By path: bytes that came and went.
    bytes: HashMap<String, (u64, u64)>,
    connections: u64,
    ended: u64,
    /// Most connections at once.
    most_open: u64,
    cancelled: u64,
    in_flight: u64,
    most_in_flight: u64,
    /// Most requests on one connection that has ended.
    most_on_a_connection: u64,
}

type Answer = dyn Fn(&H2Request, u64) -> Vec<Act> + Send + Sync;

/// A running target; ends when dropped.
pub(super) struct H2Target {
    pub(super) address: SocketAddr,
    log: Arc<Mutex<Log>>,
    _end: oneshot::Sender<()>,
}

impl H2Target {
    /// Answers every request with 200 and a short body.
    pub(super) fn plain() -> Self {
        Self::new(|_, _| vec![Act::Answer(200, vec![], b"hello".to_vec())])
    }

    /// Answers by path and the number of earlier requests for it.
    pub(super) fn new(
        answer: impl Fn(&H2Request, u64) -> Vec<Act> + Send + Sync + 'static,
    ) -> Self {
        Self::with_streams(100, answer)
    }

    /// The same, with so many streams at once on a connection.
    pub(super) fn with_streams(
        streams: u32,
        answer: impl Fn(&H2Request, u64) -> Vec<Act> + Send + Sync + 'static,
    ) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let (end, ended) = oneshot::channel();
        let log = Arc::new(Mutex::new(Log::default()));
        let kept = log.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                let serve = async {
                    let answer: Arc<Answer> = Arc::new(answer);
                    while let Ok((stream, _)) = listener.accept().await {
                        stream.set_nodelay(true).unwrap();
                        tokio::spawn(converse(stream, streams, kept.clone(), answer.clone()));
                    }
                };
                tokio::select! {
                    () = serve => {}
                    _ = ended => {}
                }
            });
        });
        Self {
            address,
            log,
            _end: end,
        }
    }

    pub(super) fn requests(&self) -> Vec<H2Request> {
        self.log.lock().unwrap().requests.clone()
    }

    pub(super) fn total(&self) -> u64 {
        self.log.lock().unwrap().requests.len() as u64
    }

    pub(super) fn connections(&self) -> u64 {
        self.log.lock().unwrap().connections
    }

    /// Waits until this holds: the target may be about to read what the client has sent.
    pub(super) fn settle(&self, holds: impl Fn(&Self) -> bool) {
        let until = Instant::now() + Duration::from_secs(10);
        while !holds(self) {
            assert!(Instant::now() < until, "the target has not seen it");
            std::thread::park_timeout(Duration::from_millis(2));
        }
    }

    /// Streams that the client reset.
    pub(super) fn cancelled(&self) -> u64 {
        self.log.lock().unwrap().cancelled
    }

    /// Most requests that were in flight at once, all connections together.
    pub(super) fn most_in_flight(&self) -> u64 {
        self.log.lock().unwrap().most_in_flight
    }

    /// Most requests that a connection had.
    pub(super) fn most_on_a_connection(&self) -> u64 {
        self.settle_all();
        self.log.lock().unwrap().most_on_a_connection
    }

    /// Most connections at once.
    pub(super) fn most_open(&self) -> u64 {
        self.log.lock().unwrap().most_open
    }

    /// Waits until all connections have ended.
    fn settle_all(&self) {
        self.settle(|target| {
            let log = target.log.lock().unwrap();
            log.ended == log.connections
        });
    }

    /// Bytes of HEADERS, CONTINUATION and DATA of a path's requests: those that came,
    /// and those that went.
    pub(super) fn bytes(&self, path: &str) -> (u64, u64) {
        self.settle_all();
        self.log.lock().unwrap().bytes[path]
    }
}

/// Speaks HTTP/2 on a connection to its end.
pub(super) async fn converse_on<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    answer: impl Fn(&H2Request, u64) -> Vec<Act> + Send + Sync + 'static,
) {
    converse(stream, 100, Arc::default(), Arc::new(answer)).await;
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    streams: u32,
    log: Arc<Mutex<Log>>,
    answer: Arc<Answer>,
) {
    {
        let mut log = log.lock().unwrap();
        log.connections += 1;
        log.most_open = log.most_open.max(log.connections - log.ended);
    }
    let counted = Arc::new(Mutex::new(HashMap::new()));
    let stream = Counting {
        stream,
        came: Splitter::new(24),
        went: Splitter::new(0),
        counted: counted.clone(),
    };
    let mut builder = server::Builder::new();
    builder.max_concurrent_streams(streams);
    // A client that goes away is part of the tests.
    let Ok(mut connection) = builder.handshake::<_, Bytes>(stream).await else {
        return;
    };
    let (goaway, mut asked) = tokio::sync::mpsc::unbounded_channel();
    let mut paths: Vec<(u32, String)> = Vec::new();
    loop {
        let accepted = tokio::select! {
            accepted = connection.accept() => accepted,
            Some(()) = asked.recv() => {
                connection.graceful_shutdown();
                continue;
            }
        };
        let Some(Ok((request, respond))) = accepted else {
            break;
        };
        let id = respond.stream_id().as_u32();
        paths.push((id, request.uri().path_and_query().unwrap().to_string()));
        let serving = serve(
            request,
            respond,
            log.clone(),
            answer.clone(),
            goaway.clone(),
        );
        tokio::spawn(serving);
    }
    let counted = counted.lock().unwrap();
    let mut log = log.lock().unwrap();
    log.ended += 1;
    log.most_on_a_connection = log.most_on_a_connection.max(paths.len() as u64);
    for (id, path) in paths {
        let (came, went) = counted.get(&id).copied().unwrap_or_default();
        let sum = log.bytes.entry(path).or_default();
        *sum = (sum.0 + came, sum.1 + went);
    }
}

async fn serve(
    request: http::Request<::h2::RecvStream>,
    respond: server::SendResponse<Bytes>,
    log: Arc<Mutex<Log>>,
    answer: Arc<Answer>,
    goaway: tokio::sync::mpsc::UnboundedSender<()>,
) {
    let (parts, mut body) = request.into_parts();
    let mut read = H2Request {
        method: parts.method.to_string(),
        scheme: parts.uri.scheme_str().unwrap_or_default().to_owned(),
        authority: parts.uri.authority().unwrap().to_string(),
        path: parts.uri.path_and_query().unwrap().to_string(),
        headers: parts
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect(),
        body: 0,
    };
    {
        let mut log = log.lock().unwrap();
        log.in_flight += 1;
        log.most_in_flight = log.most_in_flight.max(log.in_flight);
    }
    while let Some(Ok(bytes)) = body.data().await {
        read.body += bytes.len();
        let _ = body.flow_control().release_capacity(bytes.len());
    }
    let before = {
        let mut log = log.lock().unwrap();
        let count = log.by_path.entry(read.path.clone()).or_default();
        *count += 1;
        let before = *count - 1;
        log.requests.push(read.clone());
        before
    };
    let acts = answer(&read, before);
    let cancelled = act(respond, acts, goaway).await;
    let mut log = log.lock().unwrap();
    log.in_flight -= 1;
    log.cancelled += u64::from(cancelled);
}

/// Whether the client gave up meanwhile.
async fn act(
    mut respond: server::SendResponse<Bytes>,
    acts: Vec<Act>,
    goaway: tokio::sync::mpsc::UnboundedSender<()>,
) -> bool {
    let mut stream = None;
    for act in acts {
        match act {
            Act::Answer(status, headers, body) => {
                let mut response = Response::builder().status(status);
                for (name, value) in headers {
                    response = response.header(name, value);
                }
                let response = response.body(()).unwrap();
                if let Ok(mut stream) = respond.send_response(response, body.is_empty())
                    && !body.is_empty()
                {
                    let _ = stream.send_data(body.into(), true);
                }
            }
            Act::AnswerTo(status, location) => {
                let response = Response::builder().status(status);
                let response = response.header("location", location).body(()).unwrap();
                let _ = respond.send_response(response, true);
            }
            Act::Interim(status) => {
                let response = Response::builder().status(status).body(()).unwrap();
                let _ = respond.send_informational(response);
            }
            Act::Head(status) => {
                let response = Response::builder().status(status).body(()).unwrap();
                stream = respond.send_response(response, false).ok();
            }
            Act::Data(bytes) => {
                let _ = stream.as_mut().unwrap().send_data(bytes.into(), false);
                // The connection's task, on this thread, writes it before what follows: a reset would
                // take it back.
                tokio::task::yield_now().await;
            }
            Act::Trailers => {
                let mut trailers = HeaderMap::new();
                trailers.insert("x-sum", "1".parse().unwrap());
                let _ = stream.as_mut().unwrap().send_trailers(trailers);
            }
            Act::Reset(reason) => match &mut stream {
                Some(stream) => stream.send_reset(reason),
                None => respond.send_reset(reason),
            },
            Act::Goaway => goaway.send(()).unwrap(),
            Act::Stall => {
                return std::future::poll_fn(|cx| match &mut stream {
                    Some(stream) => stream.poll_reset(cx),
                    None => respond.poll_reset(cx),
                })
                .await
                .is_ok();
            }
        }
    }
    false
}

/// By stream: bytes that came and went.
type Counted = Arc<Mutex<HashMap<u32, (u64, u64)>>>;

/// Counts the bytes of frames that pass, in a way of its own.
struct Counting<S> {
    stream: S,
    came: Splitter,
    went: Splitter,
    counted: Counted,
}

struct Splitter {
    skip: usize,
    pending: Vec<u8>,
}

impl Splitter {
    fn new(skip: usize) -> Self {
        Self {
            skip,
            pending: Vec::new(),
        }
    }

    /// Stream and bytes of each whole frame with a head or a body.
    fn feed(&mut self, bytes: &[u8]) -> Vec<(u32, u64)> {
        self.pending.extend_from_slice(bytes);
        let skipped = self.skip.min(self.pending.len());
        self.pending.drain(..skipped);
        self.skip -= skipped;
        let mut found = Vec::new();
        while self.skip == 0 && self.pending.len() >= 9 {
            let at = &self.pending;
            let length = 9 + u32::from_be_bytes([0, at[0], at[1], at[2]]) as usize;
            if at.len() < length {
                break;
            }
            let id = u32::from_be_bytes([at[5] & 0x7f, at[6], at[7], at[8]]);
            if matches!(at[3], 0 | 1 | 9) {
                found.push((id, length as u64));
            }
            self.pending.drain(..length);
        }
        found
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counting<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(cx, buffer);
        for (id, bytes) in this.came.feed(&buffer.filled()[before..]) {
            this.counted.lock().unwrap().entry(id).or_default().0 += bytes;
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counting<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write(cx, bytes);
        if let Poll::Ready(Ok(count)) = &polled {
            for (id, bytes) in this.went.feed(&bytes[..*count]) {
                this.counted.lock().unwrap().entry(id).or_default().1 += bytes;
            }
        }
        polled
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
