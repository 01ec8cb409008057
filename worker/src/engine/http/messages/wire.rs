//! The bytes under a stream of messages: it counts them, and knows when the kernel had received
//! the last ones.

use crate::engine::http::stream::Stream;
use crate::engine::http::thread_io::ThreadIo;
use dlt_core::measure::sample::Timed;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// When bytes came, µs since the start instant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    /// When the kernel had received the last of them.
    pub(crate) done_us: u64,
    /// When the engine had read it.
    pub(crate) read_us: u64,
    pub(crate) timed: Timed,
}

/// A connection whose bytes are counted.
pub(super) struct Wire {
    stream: Stream,
    pub(super) io: Rc<ThreadIo>,
    /// No byte came before.
    opened_us: u64,
    pub(super) received: u64,
    pub(super) written: u64,
    /// The last bytes that came.
    pub(super) last: Arrival,
}

impl Wire {
    pub(super) fn new(stream: Stream, io: Rc<ThreadIo>) -> Self {
        let now_us = io.clock.now_us();
        Self {
            stream,
            io,
            opened_us: now_us,
            received: 0,
            written: 0,
            last: Arrival {
                done_us: now_us,
                read_us: now_us,
                timed: Timed::Missing,
            },
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        let before = buffer.filled().len();
        ready!(wire.stream.poll_read(cx, buffer))?;
        let count = buffer.filled().len() - before;
        if count > 0 {
            let read_us = wire.io.clock.now_us();
            let stamp_ns = wire.stream.stamp_ns();
            let stamps = &wire.io.stamps;
            let (done_us, timed) = stamps.received(stamp_ns, wire.opened_us, read_us);
            wire.last = Arrival {
                done_us,
                read_us,
                timed,
            };
            wire.received += count as u64;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wire = self.get_mut();
        let count = ready!(wire.stream.poll_write(cx, bytes))?;
        wire.written += count as u64;
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().stream.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().stream.poll_shutdown(cx)
    }
}
