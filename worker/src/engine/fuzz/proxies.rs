//! What proxies answer before there is a tunnel: any bytes, in any pieces.

use crate::engine::fuzz::input::Input;
use crate::engine::http::tunnel::{Destination, open};
use dlt_core::routing::Proxy;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A proxy that takes what it is told, answers these bytes and closes.
struct Answering<'a> {
    bytes: &'a [u8],
    /// Longest piece.
    piece: usize,
}

impl AsyncRead for Answering<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let count = self.bytes.len().min(self.piece).min(buffer.remaining());
        let (first, rest) = self.bytes.split_at(count);
        buffer.put_slice(first);
        self.bytes = rest;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Answering<'_> {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Whether there is a tunnel, and how many bytes were left for the target.
fn opened(proxy: &Proxy, bytes: &[u8], piece: usize, destination: &Destination) -> (bool, usize) {
    let mut stream = Answering { bytes, piece };
    let polled = {
        let open = std::pin::pin!(open(&mut stream, proxy, destination, "the proxy"));
        open.poll(&mut Context::from_waker(std::task::Waker::noop()))
    };
    let Poll::Ready(result) = polled else {
        panic!("nothing is ever waited for here");
    };
    (result.is_ok(), stream.bytes.len())
}

/// Any answer of a proxy.
pub(super) fn answers(data: &[u8]) {
    let mut input = Input(data);
    let choice = input.byte();
    let destination = match choice & 2 {
        0 => Destination::Name("a.test".to_owned(), 80),
        _ => Destination::Address(([127, 0, 0, 1], 81).into()),
    };
    let socks = choice & 1 > 0;
    let user = ["", "user:password@"][usize::from(choice & 4 > 0)];
    let scheme = if socks { "socks5h" } else { "http" };
    let proxy = Proxy::parse(&format!("{scheme}://{user}127.0.0.1:1")).expect("a proxy");
    let at_once = opened(&proxy, input.0, usize::MAX, &destination);
    let single = opened(&proxy, input.0, 1, &destination);
    // What is behind a CONNECT's answer cannot be read without being seen; by SOCKS lengths are known.
    if socks {
        assert_eq!(single, at_once);
    } else if at_once.0 {
        assert!(single.0);
    }
}
