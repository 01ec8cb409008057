//! A TCP socket whose reads return the kernel's time of receipt, its stamp. TLS
//! uses this socket, so its answers have stamps too. `stamps` interprets them.

use crate::engine::sys;
use std::io;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

/// A connected socket and the stamp of its last read.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    stamp_ns: Option<u64>,
}

impl Socket {
    /// A socket that asks for stamps.
    pub(crate) fn new(stream: TcpStream) -> Self {
        // A kernel that refuses stamps nothing: answers are then counted as
        // unstamped.
        let _ = sys::enable_stamps(stream.as_fd());
        Self {
            stream,
            stamp_ns: None,
        }
    }

    /// When the kernel received the last byte of the last read, ns since the Unix
    /// epoch, if the kernel stamped it.
    #[inline]
    pub(crate) fn stamp_ns(&self) -> Option<u64> {
        self.stamp_ns
    }

    /// Whether nothing has arrived since the last read. Costs no system call
    /// unless the poller has seen something.
    #[inline]
    pub(crate) fn has_no_input(&mut self, buffer: &mut [u8]) -> bool {
        let mut buffer = ReadBuf::new(buffer);
        let found = match self.stamp_ns {
            Some(_) => self.receive(&mut buffer),
            // Without stamps nothing tells later that bytes came before a request was
            // sent, so the kernel is asked now.
            None => sys::receive(self.stream.as_fd(), &mut buffer).map(|found| found.0),
        };
        matches!(found, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Reads, if the poller says that the socket is readable.
    #[inline]
    fn receive(&mut self, buffer: &mut ReadBuf<'_>) -> io::Result<usize> {
        let room = buffer.remaining();
        let mut received = Ok((0, None));
        let tried = self.stream.try_io(Interest::READABLE, || {
            received = sys::receive(self.stream.as_fd(), buffer);
            match &received {
                // A short read has emptied the socket (epoll(7), Q&A 9). "Would
                // block" makes the next read wait for the poller; without it
                // that read costs a system call and finds nothing.
                Ok((count, _)) if *count > 0 && *count < room => {
                    Err(io::ErrorKind::WouldBlock.into())
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    Err(io::ErrorKind::WouldBlock.into())
                }
                _ => Ok(()),
            }
        });
        match (received, tried) {
            (Ok((0, None)), Err(not_ready)) => Err(not_ready),
            (Ok((count, stamp_ns)), _) => {
                self.stamp_ns = stamp_ns;
                Ok(count)
            }
            (Err(error), _) => Err(error),
        }
    }
}

impl AsyncRead for Socket {
    #[inline]
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let socket = self.get_mut();
        loop {
            ready!(socket.stream.poll_read_ready(cx))?;
            match socket.receive(buffer) {
                Ok(_) => return Poll::Ready(Ok(())),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Socket {
    #[inline]
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::time::{Duration, SystemTime, UNIX_EPOCH};
    use tokio::io::AsyncReadExt as _;

    fn wall_ns() -> u64 {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        wall.as_nanos() as u64
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the thread has to be busy with something else; nothing is waited for"
    )]
    fn be_late(late: Duration) {
        std::thread::sleep(late);
    }

    async fn pair() -> (Socket, std::net::TcpStream) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stream, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let peer = accepted.unwrap().0.into_std().unwrap();
        peer.set_nonblocking(false).unwrap();
        (Socket::new(stream.unwrap()), peer)
    }

    /// What was received while this thread did something else has the time at
    /// which it was received, piece by piece and by the last byte of each read.
    #[tokio::test(flavor = "current_thread")]
    async fn a_stamp_is_when_the_kernel_received_the_last_byte_of_the_read() {
        let late = Duration::from_millis(30);
        let (mut socket, mut peer) = pair().await;
        let mut buffer = [0; 64];
        // The kernel needs a moment until it stamps what it receives.
        let until = std::time::Instant::now() + Duration::from_secs(10);
        while socket.stamp_ns().is_none() && std::time::Instant::now() < until {
            peer.write_all(b"?").unwrap();
            socket.read_exact(&mut buffer[..1]).await.unwrap();
        }
        for piece in [&b"first"[..], b"second"] {
            peer.write_all(piece).unwrap();
            let written_ns = wall_ns();
            be_late(late);
            assert_eq!(socket.read(&mut buffer).await.unwrap(), piece.len());
            let stamp_ns = socket.stamp_ns().expect("the kernel stamps");
            assert!(stamp_ns <= written_ns + late.as_nanos() as u64 / 2);
            assert!(stamp_ns + 1_000_000_000 > written_ns);
        }
        assert!(socket.has_no_input(&mut buffer));
        drop(peer);
        assert_eq!(socket.read(&mut buffer).await.unwrap(), 0);
        assert_eq!(socket.stamp_ns(), None);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn whole_and_short_reads_bring_every_byte() {
        let (mut socket, mut peer) = pair().await;
        let writer = std::thread::spawn(move || {
            for length in [1usize, 7, 8, 9, 64, 1_000, 100_000] {
                peer.write_all(&vec![length as u8; length]).unwrap();
            }
        });
        let mut all = Vec::new();
        let mut buffer = [0; 8];
        loop {
            match socket.read(&mut buffer).await.unwrap() {
                0 => break,
                count => all.extend_from_slice(&buffer[..count]),
            }
        }
        writer.join().unwrap();
        assert_eq!(all.len(), 101_089);
        assert!(!socket.has_no_input(&mut buffer));
    }
}
