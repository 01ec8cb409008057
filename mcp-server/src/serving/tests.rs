//! Slow, idle and many clients, by sockets of their own against a server with small limits. Each
//! test waits for what the server does, not for time to pass.

use super::*;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, Uri};
use axum::routing::any;
use futures_util::StreamExt as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// Longer than any test takes.
const NEVER: Duration = Duration::from_secs(3_600);
const SHORT: Duration = Duration::from_millis(200);
/// The test's own deadline.
const PATIENCE: Duration = Duration::from_secs(60);

fn limits() -> Limits {
    Limits {
        connections: 4,
        head: NEVER,
        stall: NEVER,
        slowest_bytes_per_s: 1_000_000,
        body_bytes: 1_000_000,
    }
}

struct Server {
    address: SocketAddr,
    told: Arc<Mutex<Vec<String>>>,
    arrived: Arc<AtomicUsize>,
    stop: Option<oneshot::Sender<()>>,
    task: tokio::task::JoinHandle<()>,
}

/// `arrived` counts what came of all bodies.
fn router(arrived: &Arc<AtomicUsize>) -> Router {
    let arrived = Arc::clone(arrived);
    let length = move |request: Request| async move {
        let mut pieces = request.into_body().into_data_stream();
        let mut bytes = 0;
        while let Some(piece) = pieces.next().await {
            let Ok(piece) = piece else {
                return "it broke".to_owned();
            };
            bytes += piece.len();
            arrived.fetch_add(piece.len(), Ordering::Relaxed);
        }
        bytes.to_string()
    };
    let long = || async { Body::from(vec![b'x'; 64 << 20]) };
    let pieces = || async {
        // One event, then silence.
        let first = futures_util::stream::iter([Ok::<_, std::io::Error>("event: a\n\n")]);
        Body::from_stream(first.chain(futures_util::stream::pending()))
    };
    Router::new()
        .route("/length", any(length.clone()))
        .route("/streamed", any(length))
        .route("/long", any(long))
        .route("/events", any(pieces))
}

async fn start(limits: Limits) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&told);
    let serving = Serving {
        limits,
        is_streamed: |_: &Method, uri: &Uri| uri.path() == "/streamed",
        tell: Arc::new(move |line: &str| kept.lock().unwrap().push(line.to_owned())),
    };
    let arrived = Arc::default();
    let router = router(&arrived);
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async move {
        let _ = stopped.await;
    };
    Server {
        address,
        told,
        arrived,
        stop: Some(stop),
        task: tokio::spawn(serve(listener, router, serving, stopped)),
    }
}

impl Server {
    async fn send(&self, text: &str) -> TcpStream {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        socket.write_all(text.as_bytes()).await.unwrap();
        socket
    }

    /// What it told until its end.
    async fn told(mut self) -> String {
        let _ = self.stop.take().unwrap().send(());
        tokio::time::timeout(PATIENCE, self.task)
            .await
            .unwrap()
            .unwrap();
        self.told.lock().unwrap().join("\n")
    }
}

const ASK: &str = "GET /length HTTP/1.1\r\nhost: a\r\n\r\n";

/// Everything until the server ends the connection.
async fn rest(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(PATIENCE, socket.read_to_end(&mut bytes)).await;
    // A reset is an end, too.
    let _ = read.expect("the server ends the connection");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Waits until it is so.
async fn until(is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("in time");
}

/// Reads until this was sent.
async fn until_sent(socket: &mut TcpStream, wanted: &str) {
    let mut text = String::new();
    while !text.contains(wanted) {
        let more = answer(socket).await;
        assert!(!more.is_empty(), "it ended after {text:?}");
        text.push_str(&more);
    }
}

fn post(path: &str, bytes: usize) -> (String, Vec<u8>) {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {bytes}\r\n\r\n"
    );
    (head, vec![b'x'; bytes])
}

/// The answer to a whole body, which may be refused before all of it is sent.
async fn posted(server: &Server, path: &str, bytes: usize) -> String {
    let socket = TcpStream::connect(server.address).await.unwrap();
    let (mut reader, mut writer) = socket.into_split();
    let (head, body) = post(path, bytes);
    let sending = tokio::spawn(async move {
        let _ = writer.write_all(&[head.into_bytes(), body].concat()).await;
        writer
    });
    let answer = answer_of(&mut reader).await;
    sending.abort();
    answer
}

/// One answer of a connection that stays.
async fn answer(socket: &mut TcpStream) -> String {
    answer_of(socket).await
}

async fn answer_of(socket: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut bytes = vec![0; 4_096];
    let read = tokio::time::timeout(PATIENCE, socket.read(&mut bytes)).await;
    bytes.truncate(read.expect("an answer").unwrap_or(0));
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn half_heads_and_idle_connections_end() {
    let server = start(Limits {
        head: SHORT,
        ..limits()
    })
    .await;
    let mut silent = server.send("").await;
    let mut half = server.send("GET /length HTT").await;
    let mut headers = server.send("GET /length HTTP/1.1\r\nhost: a\r\nx: ").await;
    for socket in [&mut silent, &mut half, &mut headers] {
        assert_eq!(rest(socket).await, "");
    }
    let mut idle = server.send(ASK).await;
    assert!(rest(&mut idle).await.starts_with("HTTP/1.1 200"));
    let told = server.told().await;
    let all = ["2 connections ended, the head", "(2 so far)"];
    assert!(all.iter().any(|text| told.contains(text)), "{told}");
}

#[tokio::test]
async fn a_body_that_stops_coming_is_a_time_out() {
    let server = start(Limits {
        stall: SHORT,
        ..limits()
    })
    .await;
    for path in ["/length", "/streamed"] {
        for body in [
            "content-length: 100\r\n\r\nabc",
            "content-length: 100\r\n\r\n",
            "transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
        ] {
            let text = format!("POST {path} HTTP/1.1\r\nhost: a\r\n{body}");
            let mut socket = server.send(&text).await;
            let answer = rest(&mut socket).await;
            assert!(answer.starts_with("HTTP/1.1 408 "), "{path} {answer}");
            assert!(answer.contains("did not come in time"), "{answer}");
        }
    }
    // In one line, or in several with the sum.
    let told = server.told().await;
    let all = ["6 requests refused, their body", "(6 so far)"];
    assert!(all.iter().any(|text| told.contains(text)), "{told}");
}

#[tokio::test]
async fn a_dripping_body_ends_and_a_whole_one_is_answered() {
    let server = start(Limits {
        stall: SHORT,
        ..limits()
    })
    .await;
    let text = "POST /length HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n";
    let (mut reader, mut writer) = server.send(text).await.into_split();
    let drip = tokio::spawn(async move {
        // Each byte is in time, all together are not.
        let mut beat = tokio::time::interval(SHORT / 20);
        while writer.write_all(b"x").await.is_ok() {
            beat.tick().await;
        }
    });
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(PATIENCE, reader.read_to_end(&mut bytes)).await;
    let _ = read.expect("the server ends the connection");
    assert!(bytes.starts_with(b"HTTP/1.1 408 "));
    tokio::time::timeout(PATIENCE, drip).await.unwrap().unwrap();
    let whole = format!(
        "POST /length HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 500000\r\n\r\n{}",
        "x".repeat(500_000)
    );
    let mut socket = server.send(&whole).await;
    assert!(rest(&mut socket).await.ends_with("500000"));
}

#[tokio::test]
async fn an_answer_that_is_not_read_ends_and_a_silent_stream_stays() {
    let server = start(Limits {
        stall: SHORT,
        ..limits()
    })
    .await;
    let mut events = server.send("GET /events HTTP/1.1\r\nhost: a\r\n\r\n").await;
    until_sent(&mut events, "event: a").await;
    let stalled = server.send("GET /long HTTP/1.1\r\nhost: a\r\n\r\n").await;
    // It is told a second after it happened: nothing is read meanwhile.
    until(|| server.told.lock().unwrap().len() == 1).await;
    drop(stalled);
    // The stream had nothing to send all the while, longer than any stall.
    let mut byte = [0; 64];
    let read = events.try_read(&mut byte);
    let is_open = read.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
    assert!(is_open, "the stream goes on");
    drop(events);
    let told = server.told().await;
    assert!(told.contains("1 connections ended, their answer"), "{told}");
}

#[tokio::test]
async fn idle_connections_lock_nobody_out_and_requests_in_progress_stay() {
    let server = start(limits()).await;
    let mut events = server.send("GET /events HTTP/1.1\r\nhost: a\r\n\r\n").await;
    until_sent(&mut events, "event: a").await;
    let mut crowd = Vec::new();
    for text in ["", "GET /le", ASK].into_iter().cycle().take(30) {
        crowd.push(server.send(text).await);
    }
    for _ in 0..3 {
        let mut socket = server.send(ASK).await;
        assert!(answer(&mut socket).await.ends_with('0'), "it is answered");
    }
    // The first of the crowd have gone; the stream has not.
    rest(&mut crowd[0]).await;
    let mut more = Vec::new();
    for _ in 0..3 {
        let mut socket = server.send("GET /events HTTP/1.1\r\nhost: a\r\n\r\n").await;
        until_sent(&mut socket, "event: a").await;
        more.push(socket);
    }
    for _ in 0..2 {
        let mut refused = server.send(ASK).await;
        let answer = rest(&mut refused).await;
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("content-length: {}", body.len())));
        assert!(serde_json::from_str::<serde_json::Value>(body).is_ok());
    }
    drop((events, more));
    // A listener that left gives its place back.
    tokio::time::timeout(PATIENCE, async {
        loop {
            let mut socket = server.send(ASK).await;
            if answer(&mut socket).await.starts_with("HTTP/1.1 200") {
                return;
            }
        }
    })
    .await
    .expect("a place");
    let told = server.told().await;
    assert!(told.contains("connections refused, all places"), "{told}");
    assert!(told.contains("idle connections ended"), "{told}");
}

#[tokio::test]
async fn long_bodies_have_one_room_and_give_it_back() {
    let server = start(Limits {
        connections: 16,
        ..limits()
    })
    .await;
    for _ in 0..2 {
        let before = server.arrived.load(Ordering::Relaxed);
        let mut held = TcpStream::connect(server.address).await.unwrap();
        let (head, body) = post("/length", 900_001);
        held.write_all(&[head.as_bytes(), &body[1..]].concat())
            .await
            .unwrap();
        until(|| server.arrived.load(Ordering::Relaxed) == before + 900_000).await;
        // While its last byte is missing there is room for 100,000 more.
        for (bytes, status) in [(100_000, 200), (100_001, 503), (200_000, 503), (1, 200)] {
            let answer = posted(&server, "/length", bytes).await;
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status} ")),
                "{answer}"
            );
        }
        held.write_all(b"x").await.unwrap();
        assert!(rest(&mut held).await.ends_with("900001"));
    }
    // A body longer than the whole room is always one too many; one that is streamed needs none.
    for (path, status) in [("/length", 503), ("/streamed", 200)] {
        let answer = posted(&server, path, 1_500_000).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
    }
    let told = server.told().await;
    assert!(told.contains("too many long bodies"), "{told}");
}
