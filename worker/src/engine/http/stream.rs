//! The byte stream of a connection, plain or TLS, with the kernel's stamps. Who opens it is
//! `connect`, what is spoken on it `h1` and `h2`.

use crate::engine::http::socket::Socket;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client::TlsStream;

/// The byte stream of a connection; the TLS state is large and boxed.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(Socket),
    Tls(Box<TlsStream<Socket>>),
}

impl Stream {
    #[inline]
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }

    #[inline]
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    /// Flushes what TLS holds back; a plain socket holds nothing back.
    #[inline]
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(_) => Poll::Ready(Ok(())),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    /// Says that nothing follows.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    /// When the kernel received the last byte of the last read of the socket, ns
    /// since the Unix epoch, if the kernel stamped it.
    #[inline]
    pub(crate) fn stamp_ns(&self) -> Option<u64> {
        match self {
            Self::Plain(socket) => socket.stamp_ns(),
            Self::Tls(stream) => stream.get_ref().0.stamp_ns(),
        }
    }

    /// Whether the peer has neither closed nor sent anything since the last read.
    /// Costs no system call unless the poller has seen something arrive.
    #[inline]
    pub(crate) fn has_no_input(&mut self, buffer: &mut [u8]) -> bool {
        match self {
            Self::Plain(socket) => socket.has_no_input(buffer),
            Self::Tls(stream) => {
                // TLS itself has to look: session tickets are no input.
                let mut cx = Context::from_waker(std::task::Waker::noop());
                let mut buffer = ReadBuf::new(buffer);
                Pin::new(stream)
                    .poll_read(&mut cx, &mut buffer)
                    .is_pending()
            }
        }
    }
}
