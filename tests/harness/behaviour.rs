//! What a target does with a request: answers as a tree of small behaviours.
//! A behaviour either changes when (delay, stall, n-th) and hands over to the
//! next, or ends the matter (reply, reset, silence).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// What is done with a request.
#[derive(Debug, Clone)]
pub enum Behaviour {
    /// Sends prepared bytes.
    Reply(Arc<Reply>),
    /// Waits, then goes on.
    After(Duration, Arc<Behaviour>),
    /// Waits by the number of the connection, from 0; later ones as the last.
    ByConnection(Vec<Duration>, Arc<Behaviour>),
    /// Holds every request that arrives while the target stalls until the stall ends.
    Stall(Stall, Arc<Behaviour>),
    /// Of each `every` requests of this route the last is `odd`.
    EveryNth {
        /// Length of the cycle, at least 1.
        every: u64,
        /// Counts requests.
        counter: Arc<AtomicU64>,
        /// The last of the cycle.
        odd: Arc<Behaviour>,
        /// The others.
        usual: Arc<Behaviour>,
    },
    /// Once this long after the target's first request, `late` instead of `early`.
    Switch {
        /// Since the first request.
        after: Duration,
        /// Until then.
        early: Arc<Behaviour>,
        /// From then on.
        late: Arc<Behaviour>,
    },
    /// Does what is chosen now, by its index; beyond the last as the last.
    Chosen(Arc<AtomicUsize>, Vec<Arc<Behaviour>>),
    /// Makes its answer of the request; the target has to keep texts.
    Made(Maker),
    /// Never answers; reads on until the client goes.
    Never,
    /// Sends this many bytes of a longer answer, then resets the connection.
    ResetAfter(Arc<Reply>, usize),
    /// Closes without a byte.
    Close,
    /// Sends the reply in pieces with pauses.
    Slowly {
        /// What is sent.
        reply: Arc<Reply>,
        /// Bytes of a piece.
        piece: usize,
        /// Pause after each piece.
        pause: Duration,
    },
}

/// A request as a [`Maker`] sees it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Its method.
    pub method: String,
    /// Its path, with the query.
    pub path: String,
    /// Head and body as they came.
    pub text: String,
}

impl Asked {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.text, name)
    }

    /// The body.
    pub fn body(&self) -> &str {
        body_of(&self.text)
    }
}

/// The value of a header of a request's text.
pub fn header<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (head, _) = text.split_once("\r\n\r\n")?;
    head.split("\r\n").skip(1).find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// The body of a request's text.
pub fn body_of(text: &str) -> &str {
    text.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

/// Makes answers.
#[derive(Clone)]
pub struct Maker(pub(crate) Arc<dyn Fn(&Asked) -> Reply + Send + Sync>);

impl std::fmt::Debug for Maker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Maker")
    }
}

/// An answer that depends on the request.
pub fn made(make: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Behaviour {
    Behaviour::Made(Maker(Arc::new(make)))
}

/// When a target stalls, counted from its first request.
#[derive(Debug, Clone, Copy)]
pub struct Stall {
    /// Length of the cycle.
    pub every: Duration,
    /// Where in the cycle the stall begins.
    pub from: Duration,
    /// How long it lasts.
    pub length: Duration,
}

impl Stall {
    /// How long a request must wait that arrives `at` after the first one.
    pub fn wait(&self, at: Duration) -> Duration {
        let into = Duration::from_nanos((at.as_nanos() % self.every.as_nanos()) as u64);
        if into >= self.from && into < self.from + self.length {
            self.from + self.length - into
        } else {
            Duration::ZERO
        }
    }
}

/// Prepared bytes of an answer.
#[derive(Debug)]
pub struct Reply {
    /// Head and body as they go out.
    pub bytes: Vec<u8>,
    /// Length of the head.
    pub head: usize,
    /// The status, for the log.
    pub status: Option<u16>,
    /// Whether the connection is closed after it.
    pub close: bool,
}

/// How a body's end is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Content-Length.
    Length,
    /// Transfer-Encoding: chunked, in chunks of this many bytes.
    Chunked(usize),
    /// The connection closes.
    UntilClose,
}

impl Reply {
    /// An answer with headers and a body.
    pub fn new(status: u16, headers: &[(&str, &str)], body: &[u8], framing: Framing) -> Self {
        let mut bytes = format!("HTTP/1.1 {status} {}\r\n", phrase(status)).into_bytes();
        for (name, value) in headers {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        match framing {
            Framing::Length => {
                bytes.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
            }
            Framing::Chunked(_) => bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
            Framing::UntilClose => bytes.extend_from_slice(b"Connection: close\r\n"),
        }
        bytes.extend_from_slice(b"\r\n");
        let head = bytes.len();
        match framing {
            Framing::Chunked(size) => {
                for chunk in body.chunks(size.max(1)) {
                    bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                    bytes.extend_from_slice(chunk);
                    bytes.extend_from_slice(b"\r\n");
                }
                bytes.extend_from_slice(b"0\r\n\r\n");
            }
            Framing::Length | Framing::UntilClose => bytes.extend_from_slice(body),
        }
        Self {
            bytes,
            head,
            status: Some(status),
            close: framing == Framing::UntilClose,
        }
    }

    /// Bytes that may be anything; the connection is closed after them.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self {
            head: bytes.len(),
            bytes,
            status: None,
            close: true,
        }
    }
}

fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        404 => "Not Found",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Status",
    }
}

/// 200 with a short body.
pub fn ok() -> Behaviour {
    body(200, "hello")
}

/// A status with a text.
pub fn body(status: u16, text: &str) -> Behaviour {
    let headers = [("Content-Type", "text/plain")];
    Behaviour::Reply(Arc::new(Reply::new(
        status,
        &headers,
        text.as_bytes(),
        Framing::Length,
    )))
}

/// A redirect.
pub fn redirect(status: u16, to: &str) -> Behaviour {
    let headers = [("Location", to)];
    Behaviour::Reply(Arc::new(Reply::new(status, &headers, b"", Framing::Length)))
}

/// 200 with a body of `length` bytes, framed as wanted.
pub fn framed(length: usize, framing: Framing) -> Behaviour {
    Behaviour::Reply(Arc::new(Reply::new(200, &[], &vec![b'x'; length], framing)))
}

/// Bytes that are not HTTP.
pub fn garbage() -> Behaviour {
    Behaviour::Reply(Arc::new(Reply::raw(&b"SSH-2.0-dropbear\r\n\r\n"[..])))
}

/// An answer whose head is `length` bytes long and more.
pub fn huge_head(length: usize) -> Behaviour {
    let value = "x".repeat(length);
    let headers = [("X-Filler", value.as_str())];
    Behaviour::Reply(Arc::new(Reply::new(200, &headers, b"", Framing::Length)))
}

/// Half of an answer, then a reset.
pub fn reset_mid_body() -> Behaviour {
    let reply = Reply::new(200, &[], &[b'x'; 2000], Framing::Length);
    let sent = reply.head + 1000;
    Behaviour::ResetAfter(Arc::new(reply), sent)
}

/// 200, its first byte at once, its body longer than anybody waits.
pub fn slow_body(pause: Duration) -> Behaviour {
    Behaviour::Slowly {
        reply: Arc::new(Reply::new(200, &[], &[b'x'; 1000], Framing::Length)),
        piece: 100,
        pause,
    }
}

/// One of several, which a test changes while the target runs.
pub fn chosen(now: &Arc<AtomicUsize>, all: Vec<Behaviour>) -> Behaviour {
    Behaviour::Chosen(now.clone(), all.into_iter().map(Arc::new).collect())
}

impl Behaviour {
    /// The same after a delay.
    pub fn after(self, delay: Duration) -> Self {
        Self::After(delay, Arc::new(self))
    }

    /// The same after a delay that the connection's number decides.
    pub fn by_connection(self, delays: &[Duration]) -> Self {
        Self::ByConnection(delays.to_vec(), Arc::new(self))
    }

    /// The same, held while the target stalls.
    pub fn stalling(self, stall: Stall) -> Self {
        Self::Stall(stall, Arc::new(self))
    }

    /// The same, but the last of each `every` requests is `odd`.
    pub fn but_each(self, every: u64, odd: Self) -> Self {
        Self::EveryNth {
            every,
            counter: Arc::new(AtomicU64::new(0)),
            odd: Arc::new(odd),
            usual: Arc::new(self),
        }
    }

    /// The same until `after` has passed since the first request, then `late`.
    pub fn until(self, after: Duration, late: Self) -> Self {
        Self::Switch {
            after,
            early: Arc::new(self),
            late: Arc::new(late),
        }
    }
}

/// Whether this is the odd one of its cycle.
pub(crate) fn is_odd(counter: &AtomicU64, every: u64) -> bool {
    (counter.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(every)
}
