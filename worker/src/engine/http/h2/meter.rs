//! Measures the streams of an HTTP/2 connection: which bytes are whose, and when the kernel
//! received them (decision 39). It stands between the crate `h2` and the socket, since the
//! crate does not say which read brought what. Streams whose frames came in one read share
//! its stamp. It also remembers how the connection ended.

use super::frames::{END_STREAM, FramePart, Frames, HEAD_BYTES, kind};
use crate::engine::failure::{Failure, RequestPhase};
use crate::engine::http::stream::Stream;
use crate::engine::http::thread_io::ThreadIo;
use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// When bytes came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Receipt {
    /// The kernel's stamp of the read, ns since the Unix epoch.
    pub(super) stamp_ns: Option<u64>,
    /// When they were read, µs since the start instant.
    pub(super) read_us: u64,
}

/// What is measured of a request's stream: HEADERS, CONTINUATION and DATA with the nine
/// bytes before each, as they are below TLS's encryption.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct StreamMeter {
    id: u32,
    pub(super) first: Option<Receipt>,
    pub(super) last: Receipt,
    pub(super) received: u64,
    pub(super) sent: u64,
    /// Heads and trailers that began.
    pub(super) heads: u32,
    /// Whether the target said that nothing follows.
    pub(super) ended: bool,
}

/// A GOAWAY that came (RFC 9113, 6.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Goaway {
    /// Requests above it were not processed.
    pub(super) last_stream: u32,
    pub(super) code: u32,
}

/// How a connection ended.
#[derive(Debug)]
pub(super) enum End {
    /// The peer closed it.
    Closed,
    /// Reading or writing failed.
    Broken(Failure),
}

/// What is measured of a connection.
#[derive(Debug)]
pub(super) struct Meter {
    streams: Vec<StreamMeter>,
    incoming: Frames,
    outgoing: Frames,
    /// The last one.
    pub(super) goaway: Option<Goaway>,
    /// How the peer or the network ended it.
    pub(super) end: Option<End>,
    /// Whether it can carry nothing any more.
    pub(super) is_closed: bool,
    /// When anything was read last, µs since the start instant.
    pub(super) heard_us: u64,
    /// Whether the peer's SETTINGS have come.
    pub(super) has_settings: bool,
    /// The first bytes that came.
    first_bytes: [u8; HEAD_BYTES],
    first_count: usize,
}

impl Meter {
    pub(super) fn new() -> Self {
        Self {
            streams: Vec::new(),
            incoming: Frames::default(),
            outgoing: Frames::of_client(),
            goaway: None,
            end: None,
            is_closed: false,
            heard_us: 0,
            has_settings: false,
            first_bytes: [0; HEAD_BYTES],
            first_count: 0,
        }
    }

    /// A request begins on this stream.
    pub(super) fn begin(&mut self, id: u32) {
        self.streams.push(StreamMeter {
            id,
            ..StreamMeter::default()
        });
    }

    /// What was measured of a stream so far.
    #[inline]
    pub(super) fn stream(&self, id: u32) -> StreamMeter {
        let found = self.streams.iter().find(|stream| stream.id == id);
        found.copied().unwrap_or_default()
    }

    /// Ends the measuring of a stream; what comes on it later belongs to no request.
    #[inline]
    pub(super) fn finish(&mut self, id: u32) -> StreamMeter {
        match self.streams.iter().position(|stream| stream.id == id) {
            Some(at) => self.streams.swap_remove(at),
            None => StreamMeter::default(),
        }
    }

    /// What the peer speaks in place of HTTP/2, if its first bytes show that.
    pub(super) fn other_protocol(&self) -> Option<&'static str> {
        let first = &self.first_bytes[..self.first_count];
        let begins = b"HTTP/1."
            .iter()
            .zip(first)
            .all(|(one, other)| one == other);
        match first.get(3) {
            _ if begins && first.len() > 4 => {
                Some("in HTTP/1.x: it does not speak HTTP/2 here (http: 1.1 does without)")
            }
            Some(&kind) if kind != kind::SETTINGS => {
                Some("with something that is not HTTP/2: it begins without SETTINGS")
            }
            _ => None,
        }
    }

    fn read(&mut self, bytes: &[u8], receipt: Receipt) {
        self.heard_us = receipt.read_us;
        if self.first_count < HEAD_BYTES {
            let count = bytes.len().min(HEAD_BYTES - self.first_count);
            self.first_bytes[self.first_count..self.first_count + count]
                .copy_from_slice(&bytes[..count]);
            self.first_count += count;
        }
        let (streams, goaway) = (&mut self.streams, &mut self.goaway);
        let has_settings = &mut self.has_settings;
        self.incoming.feed(bytes, |frames, part| match part.kind {
            kind::DATA | kind::HEADERS | kind::CONTINUATION => {
                if let Some(stream) = of(streams, part) {
                    stream.first.get_or_insert(receipt);
                    stream.last = receipt;
                    stream.received += part.bytes;
                    stream.heads += u32::from(part.begins && part.kind == kind::HEADERS);
                    let last = part.kind != kind::CONTINUATION && part.flags & END_STREAM != 0;
                    stream.ended |= last && part.ends;
                }
            }
            kind::SETTINGS => *has_settings |= part.ends,
            kind::GOAWAY if part.ends => {
                if let &[a, b, c, d, e, f, g, h] = frames.payload() {
                    *goaway = Some(Goaway {
                        last_stream: u32::from_be_bytes([a & 0x7f, b, c, d]),
                        code: u32::from_be_bytes([e, f, g, h]),
                    });
                }
            }
            _ => {}
        });
    }

    fn wrote(&mut self, bytes: &[u8]) {
        let streams = &mut self.streams;
        self.outgoing.feed(bytes, |_, part| {
            if matches!(part.kind, kind::DATA | kind::HEADERS | kind::CONTINUATION)
                && let Some(stream) = of(streams, part)
            {
                stream.sent += part.bytes;
            }
        });
    }

    fn ended(&mut self, end: impl FnOnce() -> End) {
        self.end.get_or_insert_with(end);
        self.is_closed = true;
    }
}

#[inline]
fn of(streams: &mut [StreamMeter], part: FramePart) -> Option<&mut StreamMeter> {
    streams.iter_mut().find(|stream| stream.id == part.stream)
}

/// The byte stream of an HTTP/2 connection, measured.
pub(super) struct MeteredStream {
    pub(super) stream: Stream,
    pub(super) meter: Rc<RefCell<Meter>>,
    pub(super) io: Rc<ThreadIo>,
    /// For messages.
    pub(super) peer: Rc<str>,
}

impl MeteredStream {
    fn fail(&self, error: &io::Error) {
        let broken = || End::Broken(Failure::io(error, RequestPhase::Reading, &self.peer));
        self.meter.borrow_mut().ended(broken);
    }
}

impl AsyncRead for MeteredStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = ready!(this.stream.poll_read(cx, buffer));
        match read {
            Ok(()) if buffer.filled().len() > before => {
                let receipt = Receipt {
                    stamp_ns: this.stream.stamp_ns(),
                    read_us: this.io.clock.now_us(),
                };
                let bytes = &buffer.filled()[before..];
                this.meter.borrow_mut().read(bytes, receipt);
                Poll::Ready(Ok(()))
            }
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
                this.fail(&error);
                Poll::Ready(Err(error))
            }
            // Frames say where an answer ends, so that an end without TLS's close_notify
            // can cut nothing unseen.
            _ => {
                this.meter.borrow_mut().ended(|| End::Closed);
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl AsyncWrite for MeteredStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match ready!(this.stream.poll_write(cx, bytes)) {
            Ok(count) => {
                this.meter.borrow_mut().wrote(&bytes[..count]);
                Poll::Ready(Ok(count))
            }
            Err(error) => {
                this.fail(&error);
                Poll::Ready(Err(error))
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = ready!(this.stream.poll_flush(cx));
        if let Err(error) = &flushed {
            this.fail(error);
        }
        Poll::Ready(flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().stream.poll_shutdown(cx)
    }
}
