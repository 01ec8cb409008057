//! Answers that are right, made from an input: what they say is known, the parser must see it, and
//! so must hyper's client, which shows that they are right.

use crate::engine::fuzz::answers::{Kind, seen, seen_in_any_pieces};
use crate::engine::fuzz::input::Input;
use crate::engine::http::kept::KeepSpec;
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const STATUSES: [u16; 10] = [200, 201, 204, 206, 301, 304, 307, 404, 500, 999];
const NAMES: [&str; 6] = [
    "X",
    "Set-Cookie",
    "Location",
    "Server",
    "Content-Type",
    "ETag",
];

/// An answer and what it says.
#[derive(Debug, Default)]
struct Truth {
    bytes: Vec<u8>,
    status: u16,
    body: Vec<u8>,
    keep_alive: bool,
    /// Names and values of its header lines.
    headers: Vec<(String, String)>,
    /// It ends with the connection.
    until_close: bool,
}

/// The text of a header's value: printable, without white space at its ends.
fn value(input: &mut Input<'_>) -> String {
    let count = input.below(24);
    let signs = input.take(count).iter();
    let text: String = signs.map(|byte| char::from(b' ' + byte % 95)).collect();
    text.trim().to_owned()
}

impl Truth {
    fn of(input: &mut Input<'_>, to_head: bool) -> Self {
        let mut truth = Self::default();
        for _ in 0..input.below(3) {
            let line = format!("HTTP/1.1 10{} Wait\r\n", [0, 2, 3][input.below(3)]);
            truth.bytes.extend(line.bytes());
            truth.bytes.extend_from_slice(b"X: y\r\n\r\n");
        }
        let is_old = input.below(4) == 3;
        truth.status = STATUSES[input.below(STATUSES.len())];
        for _ in 0..input.below(5) {
            let name = NAMES[input.below(NAMES.len())].to_owned();
            truth.headers.push((name, value(input)));
        }
        truth.keep_alive = match input.below(4) {
            1 => truth.says("Connection", "close", false),
            2 => truth.says("connection", "Keep-Alive", true),
            _ => !is_old,
        };
        let bodyless = to_head || matches!(truth.status, 204 | 304);
        let framing = input.below(if is_old { 2 } else { 3 });
        let count = input.below(64);
        let body = input.take(count);
        let mut framed = Vec::new();
        match framing {
            0 => {
                truth.says("Content-Length", &body.len().to_string(), true);
                framed.extend_from_slice(body);
            }
            1 => {
                truth.until_close = !bodyless;
                framed.extend_from_slice(body);
            }
            _ => {
                truth.says("Transfer-Encoding", "chunked", true);
                chunks(body, input, &mut framed);
            }
        }
        truth.keep_alive &= !truth.until_close;
        let version = if is_old { "HTTP/1.0" } else { "HTTP/1.1" };
        let mut head = format!("{version} {} Some text\r\n", truth.status);
        for (name, value) in &truth.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        truth.bytes.extend(head.bytes());
        if !bodyless {
            truth.body = body.to_vec();
            truth.bytes.extend(framed);
        }
        truth
    }

    fn says(&mut self, name: &str, value: &str, keep_alive: bool) -> bool {
        self.headers.push((name.to_owned(), value.to_owned()));
        keep_alive
    }
}

/// A body in chunks, with extensions and trailers.
fn chunks(body: &[u8], input: &mut Input<'_>, framed: &mut Vec<u8>) {
    let size = 1 + input.below(20);
    let extension = ["", ";a", " ;b=\"c d\"", "\t; x=y;z"][input.below(4)];
    for chunk in body.chunks(size) {
        let line = match input.below(2) {
            0 => format!("{:x}{extension}\r\n", chunk.len()),
            _ => format!("{:04X}\r\n", chunk.len()),
        };
        framed.extend(line.bytes());
        framed.extend_from_slice(chunk);
        framed.extend_from_slice(b"\r\n");
    }
    framed.extend_from_slice(b"0\r\n");
    for _ in 0..input.below(3) {
        framed.extend(format!("T: {}\r\n", value(input)).bytes());
    }
    framed.extend_from_slice(b"\r\n");
}

/// An answer that is right, and what an input has behind it.
pub(super) fn valid(data: &[u8]) {
    let mut input = Input(data);
    let (choice, seed) = (input.byte(), input.byte());
    let to_head = choice & 1 > 0;
    let truth = Truth::of(&mut input, to_head);
    let keep = KeepSpec {
        head: true,
        body: true,
        cookies: true,
    };
    let behind: &[u8] = if truth.until_close {
        &[]
    } else {
        input.take(20)
    };
    let mut bytes = truth.bytes.clone();
    bytes.extend_from_slice(behind);
    let answer = seen_in_any_pieces(to_head, keep, &bytes, seed);
    assert_eq!(answer.end, Ok(truth.bytes.len()), "{truth:?}");
    assert_eq!(answer.status, Some(truth.status));
    let whole = answer.whole.expect("a whole answer");
    assert_eq!(whole.body, truth.body);
    assert_eq!(whole.keep_alive, truth.keep_alive, "{truth:?}");
    let lines: Vec<String> = truth.headers.iter().map(line_of).collect();
    let head = String::from_utf8_lossy(&whole.head);
    assert!(head.ends_with(&lines.concat()), "{head:?} {lines:?}");
    let cookies = truth
        .headers
        .iter()
        .filter(|header| header.0 == "Set-Cookie");
    assert!(
        whole
            .cookies
            .iter()
            .map(|it| &**it)
            .eq(cookies.map(|it| it.1.as_bytes()))
    );
    // Cut short, it is no answer.
    let cut = usize::from(seed) % truth.bytes.len();
    if !truth.until_close {
        let part = seen(to_head, keep, std::iter::once(&truth.bytes[..cut]));
        assert_eq!(part.end, Err(Kind::Closed), "cut at {cut}");
    }
    by_hyper(&truth, to_head);
}

fn line_of((name, value): &(String, String)) -> String {
    format!("{}\n", format!("{name}: {value}").trim_end())
}

thread_local! {
    /// What hyper's client runs on; one for all inputs, since making one takes longer than they do.
    static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime without I/O");
}

/// hyper's client reads the same.
fn by_hyper(truth: &Truth, to_head: bool) {
    let exchange = async {
        let (near, mut far) = tokio::io::duplex(4_096);
        let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
            .handshake(TokioIo::new(near))
            .await
            .expect("a connection");
        let request = Request::builder()
            .method(if to_head { "HEAD" } else { "GET" })
            .uri("/")
            .header("host", "a")
            .body(Empty::<Bytes>::new())
            .expect("a request");
        let target = async move {
            let mut some = [0; 1_024];
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let count = far.read(&mut some).await.expect("a request");
                head.extend_from_slice(&some[..count]);
            }
            far.write_all(&truth.bytes).await.expect("a reader");
        };
        let answer = async {
            let answer = sender.send_request(request).await.expect("an answer");
            let (head, body) = answer.into_parts();
            (head, body.collect().await.expect("a body").to_bytes())
        };
        let answered = async { tokio::join!(target, answer).1 };
        tokio::pin!(answered);
        tokio::select! {
            biased;
            answered = &mut answered => answered,
            _ = connection => answered.await,
        }
    };
    let (head, body) = RUNTIME.with(|runtime| runtime.block_on(exchange));
    assert_eq!(head.status.as_u16(), truth.status);
    assert_eq!(body, truth.body);
    let of_headers = head.headers.iter().filter(|it| it.0 == "x");
    let of_truth = truth.headers.iter().filter(|it| it.0 == "X");
    assert!(
        of_headers
            .map(|it| it.1.as_bytes())
            .eq(of_truth.map(|it| it.1.as_bytes()))
    );
}
