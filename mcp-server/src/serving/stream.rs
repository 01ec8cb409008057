//! A connection's socket: it sees whether bytes came, and ends the wait for a client that does not
//! read its answer.

use super::limits::Limits;
use super::patience::Patience;
use super::seen::Seen;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// A socket that is watched.
#[derive(Debug)]
pub(super) struct Watched {
    socket: TcpStream,
    seen: Arc<Seen>,
    patience: Patience,
    /// Since when a write waits, and when the wait ends.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Watched {
    pub(super) fn new(socket: TcpStream, seen: Arc<Seen>, limits: &Limits) -> Self {
        Self {
            socket,
            seen,
            patience: Patience::new(limits.stall, limits.slowest_bytes_per_s),
            waiting: None,
        }
    }

    /// A write's result: an error where it has waited for too long.
    fn written(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(written) = written {
            if let Some((since, _)) = self.waiting.take() {
                let bytes = written.as_ref().map_or(0, |bytes| *bytes);
                self.patience.spend(since.elapsed(), bytes);
                self.seen.writing(false);
            }
            return Poll::Ready(written);
        }
        let left = self.patience.left();
        let (_, end) = self.waiting.get_or_insert_with(|| {
            self.seen.writing(true);
            (Instant::now(), Box::pin(tokio::time::sleep(left)))
        });
        match end.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => {
                self.seen.stalled();
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.socket).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.seen.read();
        }
        read
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.written(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(context, slices);
        self.written(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
