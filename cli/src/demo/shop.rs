//! The demo's target: an HTTP/1.1 server of four pages, on a thread of its own, so that
//! redrawing the screen does not slow it. One page is slow and one fails sometimes, in
//! the same way in every demo.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// Longest request head that is read, bytes.
const LONGEST_HEAD_BYTES: usize = 16 * 1024;
/// Longest body that is read, bytes.
const LONGEST_BODY_BYTES: usize = 64 * 1024;
/// An idle connection is closed after this.
const IDLE: Duration = Duration::from_secs(60);
/// One checkout in this many fails: 5 %.
const CHECKOUT_FAILS_EACH: u64 = 20;
/// Shortest response time of the cart, milliseconds.
const CART_LEAST_MS: u64 = 120;
/// Range of the cart's response times above the shortest, milliseconds.
const CART_SPREAD_MS: u64 = 61;

/// The running server.
#[derive(Debug)]
pub struct Shop {
    address: SocketAddr,
    close: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Shop {
    /// Starts the server on a free port of 127.0.0.1.
    pub fn open() -> std::io::Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (close, closed) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("demo-shop".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = serve(listener) => {}
                        // Also when the sender is dropped.
                        _ = closed => {}
                    }
                });
            })?;
        Ok(Self {
            address,
            close: Some(close),
            thread: Some(thread),
        })
    }

    /// The server's address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops the server and closes its connections.
    pub fn close(mut self) {
        drop(self.close.take());
        if let Some(thread) = self.thread.take() {
            // A panic in the thread has ended the process already.
            let _ = thread.join();
        }
    }
}

async fn serve(listener: std::net::TcpListener) {
    let Ok(listener) = TcpListener::from_std(listener) else {
        return;
    };
    let visits = Arc::new(AtomicU64::new(0));
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(visit(stream, visits.clone()));
            }
            // Most likely no file descriptor is free; that may change soon.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

/// Serves one connection until it is closed, idle or wrong.
async fn visit(mut stream: TcpStream, visits: Arc<AtomicU64>) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let mut buffer = Vec::with_capacity(2_048);
    while let Some(request) = read_request(&mut stream, &mut buffer).await {
        let visit = visits.fetch_add(1, Ordering::Relaxed);
        let page = page(&request.method, &request.path, visit);
        tokio::time::sleep(page.after).await;
        if stream.write_all(page.answer().as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Method and path of a request.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    method: String,
    path: String,
}

/// Reads a request with its body; None when the connection is over.
async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Request> {
    loop {
        if let Some((request, length)) = parse(buffer)? {
            buffer.drain(..length);
            return Some(request);
        }
        let read = tokio::time::timeout(IDLE, stream.read_buf(buffer));
        match read.await {
            Ok(Ok(1..)) => {}
            _ => return None,
        }
    }
}

/// A whole request and its length; `Some(None)` if more is to come, None if it
/// is wrong or too long.
#[expect(
    clippy::option_option,
    reason = "three results: malformed, incomplete, complete"
)]
fn parse(buffer: &[u8]) -> Option<Option<(Request, usize)>> {
    let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return (buffer.len() <= LONGEST_HEAD_BYTES).then_some(None);
    };
    let head = std::str::from_utf8(&buffer[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let request = Request {
        method: words.next()?.to_owned(),
        path: words.next()?.to_owned(),
    };
    let body = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(Ok(0), |(_, value)| value.trim().parse::<usize>())
        .ok()
        .filter(|&length| length <= LONGEST_BODY_BYTES)?;
    let length = end + 4 + body;
    Some((buffer.len() >= length).then_some((request, length)))
}

/// An answer and how long it takes.
#[derive(Debug, PartialEq, Eq)]
struct Page {
    status: &'static str,
    body: &'static str,
    after: Duration,
}

impl Page {
    fn answer(&self) -> String {
        format!(
            "HTTP/1.1 {}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\n\r\n{}",
            self.status,
            self.body.len(),
            self.body
        )
    }
}

fn page(method: &str, path: &str, visit: u64) -> Page {
    let at = |status, body, ms| Page {
        status,
        body,
        after: Duration::from_millis(ms),
    };
    match (method, path) {
        ("GET", "/") => at(
            "200 OK",
            "<h1>The little shop</h1><a href=/products/1>kettle</a>",
            2,
        ),
        ("GET", path) if path.starts_with("/products/") => at(
            "200 OK",
            "<h1>A kettle</h1><p>Boils water.</p><form action=/cart></form>",
            5,
        ),
        ("GET", "/cart") => {
            // Scattered, and the same in each demo.
            let mixed = visit.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
            at(
                "200 OK",
                "<h1>Your cart</h1>",
                CART_LEAST_MS + mixed % CART_SPREAD_MS,
            )
        }
        ("POST", "/checkout") => checkout(visit),
        ("GET" | "POST", _) => at("404 Not RunLocation", "<h1>No such page</h1>", 1),
        _ => at("405 Method Not Allowed", "<h1>No</h1>", 1),
    }
}

fn checkout(visit: u64) -> Page {
    // The counter counts requests for all pages, five in each walk: the multiplication
    // distributes failures evenly over checkouts.
    let mixed = visit.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    match mixed % CHECKOUT_FAILS_EACH {
        0 => Page {
            status: "503 Service Unavailable",
            body: "<h1>The till is jammed, please try again</h1>",
            after: Duration::from_millis(15),
        },
        _ => Page {
            status: "200 OK",
            body: "<h1>Thank you</h1>",
            after: Duration::from_millis(25),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(stream: &mut TcpStream, text: &str) -> String {
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = vec![0; 4_096];
        let mut length = 0;
        // Head and body may come in parts.
        let whole = async {
            loop {
                length += stream.read(&mut answer[length..]).await.unwrap();
                let text = String::from_utf8_lossy(&answer[..length]).into_owned();
                if let Some((head, body)) = text.split_once("\r\n\r\n") {
                    let wanted: usize = head
                        .split_once("content-length: ")
                        .and_then(|(_, rest)| rest.lines().next()?.parse().ok())
                        .unwrap();
                    if body.len() >= wanted {
                        return text;
                    }
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(10), whole)
            .await
            .unwrap()
    }

    #[tokio::test(flavor = "current_thread")]
    async fn serves_its_pages_on_one_connection() {
        let shop = Shop::open().unwrap();
        let mut stream = TcpStream::connect(shop.address()).await.unwrap();
        let home = ask(&mut stream, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert!(home.starts_with("HTTP/1.1 200 OK\r\n"), "{home}");
        let checkout = "POST /checkout HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}";
        let answer = ask(&mut stream, checkout).await;
        assert!(answer.contains("<h1>"), "{answer}");
        let wrong = ask(&mut stream, "GET /nothing HTTP/1.1\r\n\r\n").await;
        assert!(wrong.starts_with("HTTP/1.1 404"), "{wrong}");
        shop.close();
    }

    #[test]
    fn one_checkout_in_twenty_fails_and_the_cart_is_slow() {
        let visits = 40_000u64;
        let failed = (0..visits)
            .filter(|&visit| page("POST", "/checkout", visit).status.starts_with("503"))
            .count() as u64;
        assert!(
            failed.abs_diff(visits / CHECKOUT_FAILS_EACH) < visits / 100,
            "{failed}"
        );
        for visit in 0..1_000 {
            let ms = page("GET", "/cart", visit).after.as_millis();
            assert!((120..=180).contains(&ms), "{ms}");
        }
    }

    #[test]
    fn requests_are_read_whole_and_bounded() {
        let text = b"POST /checkout HTTP/1.1\r\ncontent-length: 3\r\n\r\nabcGET";
        let (request, length) = parse(text).unwrap().unwrap();
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            ("POST", "/checkout")
        );
        assert_eq!(length, text.len() - 3);
        assert_eq!(parse(&text[..40]), Some(None));
        assert_eq!(parse(&[b'a'; LONGEST_HEAD_BYTES + 1]), None);
        assert_eq!(
            parse(b"GET / HTTP/1.1\r\ncontent-length: 99999999\r\n\r\n"),
            None
        );
    }
}
