//! A target that does what a test wants and counts what it gets: every request
//! head that it has read, every connection that it has accepted.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// What a target does with a request, one after the other.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Is slow.
    Pause(Duration),
    /// Closes.
    Close,
    /// Resets.
    Reset,
}

/// Turns a request into acts; the second argument is the number of earlier
/// requests for its path.
type Answer = dyn Fn(&TargetRequest, u64) -> Vec<Act> + Send + Sync;

/// A request as the target read it.
#[derive(Debug, Clone)]
pub(super) struct TargetRequest {
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl TargetRequest {
    /// The target of the request line.
    pub(super) fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    /// The method.
    pub(super) fn method(&self) -> &str {
        self.head.split(' ').next().unwrap_or_default()
    }
}

#[derive(Default)]
struct Log {
    requests: Vec<TargetRequest>,
    by_path: HashMap<String, u64>,
    /// Where each connection came from.
    peers: Vec<SocketAddr>,
}

/// A running target; ends when dropped.
pub(in crate::engine) struct Target {
    pub(super) address: SocketAddr,
    log: Arc<Mutex<Log>>,
    _end: oneshot::Sender<()>,
}

/// An answer with a body of known length.
pub(super) fn answer(status: &str, headers: &str, body: &str) -> Vec<Act> {
    let length = body.len();
    vec![Act::Send(
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{headers}\r\n{body}").into(),
    )]
}

impl Target {
    /// A target that answers every request with 200 and a short body.
    pub(in crate::engine) fn plain() -> Self {
        Self::new(|_, _| answer("200 OK", "", "hello"))
    }

    /// Plain targets, one on each of these addresses, all on one port that was
    /// free on every one of them.
    pub(super) fn on_one_port<const N: usize>(addresses: [&str; N]) -> [Self; N] {
        let bound = || {
            let mut port = 0;
            let listeners = addresses.map(|address| {
                let listener = std::net::TcpListener::bind((address, port)).ok()?;
                port = listener.local_addr().ok()?.port();
                Some(listener)
            });
            listeners.iter().all(Option::is_some).then_some(listeners)
        };
        let listeners = (0..100).find_map(|_| bound()).expect("a free port");
        listeners.map(|listener| {
            let plain = |_: &TargetRequest, _: u64| answer("200 OK", "", "hello");
            Self::listening(listener.unwrap(), plain)
        })
    }

    /// A target on a free port.
    pub(super) fn new(
        answer: impl Fn(&TargetRequest, u64) -> Vec<Act> + Send + Sync + 'static,
    ) -> Self {
        Self::listening(std::net::TcpListener::bind("127.0.0.1:0").unwrap(), answer)
    }

    fn listening(
        listener: std::net::TcpListener,
        answer: impl Fn(&TargetRequest, u64) -> Vec<Act> + Send + Sync + 'static,
    ) -> Self {
        let (end, ended) = oneshot::channel();
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let log = Arc::new(Mutex::new(Log::default()));
        let kept = log.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    () = serve(listener, kept, Arc::new(answer)) => {}
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

    /// Requests read so far.
    pub(super) fn requests(&self) -> Vec<TargetRequest> {
        self.log.lock().unwrap().requests.clone()
    }

    /// Requests read so far for a path.
    pub(super) fn count(&self, path: &str) -> u64 {
        let log = self.log.lock().unwrap();
        log.by_path.get(path).copied().unwrap_or(0)
    }

    /// All requests read so far.
    pub(super) fn total(&self) -> u64 {
        self.log.lock().unwrap().requests.len() as u64
    }

    /// Connections accepted so far.
    pub(super) fn connections(&self) -> u64 {
        self.log.lock().unwrap().peers.len() as u64
    }

    /// The addresses that connections came from, in the order of acceptance.
    pub(super) fn sources(&self) -> Vec<IpAddr> {
        let log = self.log.lock().unwrap();
        log.peers.iter().map(SocketAddr::ip).collect()
    }
}

async fn serve(listener: TcpListener, log: Arc<Mutex<Log>>, answer: Arc<Answer>) {
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            return;
        };
        log.lock().unwrap().peers.push(peer);
        let (log, answer) = (log.clone(), answer.clone());
        tokio::spawn(async move {
            // A client that goes away is part of the tests.
            let _ = converse(stream, &log, &*answer).await;
        });
    }
}

async fn converse(mut stream: TcpStream, log: &Mutex<Log>, answer: &Answer) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    while let Some(request) = next_request(&mut stream, &mut buffer).await? {
        let before = {
            let mut log = log.lock().unwrap();
            let count = log.by_path.entry(request.path().to_owned()).or_default();
            *count += 1;
            let before = *count - 1;
            log.requests.push(request.clone());
            before
        };
        for act in answer(&request, before) {
            match act {
                Act::Send(bytes) => stream.write_all(&bytes).await?,
                Act::Pause(time) => tokio::time::sleep(time).await,
                Act::Close => return Ok(()),
                Act::Reset => {
                    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

async fn next_request(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
) -> io::Result<Option<TargetRequest>> {
    loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end + 4]).into_owned();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("Content-Length: "))
                .map_or(0, |length| length.parse().unwrap());
            if buffer.len() >= end + 4 + length {
                let body = buffer[end + 4..end + 4 + length].to_vec();
                buffer.drain(..end + 4 + length);
                return Ok(Some(TargetRequest { head, body }));
            }
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}
