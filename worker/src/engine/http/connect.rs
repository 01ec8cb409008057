//! Where connections come from: sockets opened, TLS shaken. To which address is
//! decided by `origin`. Each thread has its own, and nothing of it is on the
//! path of a request that finds its connection open.

use crate::engine::clock::Clock;
use crate::engine::failure::{Doing, Failure, in_words};
use crate::engine::http::addresses::Address;
use crate::engine::http::origin::{Origin, Origins};
use crate::engine::http::request::Endpoint;
use crate::engine::http::socket::Socket;
use crate::engine::http::stamps::Stamps;
use crate::engine::http::tls::TlsChoice;
use dlt_core::measure::sample::Cause;
use dlt_core::scenario::plan::Dns;
use rustls::pki_types::ServerName;
use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Size of a thread's one read buffer.
const READ_BUFFER_BYTES: usize = 64 * 1024;

/// What all connections of a thread share.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) clock: Clock,
    /// Every answer is read into it and parsed from it at once.
    pub(crate) buffer: RefCell<Box<[u8]>>,
    /// When the kernel received what is read.
    pub(crate) stamps: Stamps,
    pub(crate) origins: Origins,
}

impl Wire {
    /// A thread's wire to its origins.
    pub(crate) fn new(clock: Clock, origins: Origins) -> Self {
        Self {
            clock,
            buffer: RefCell::new(vec![0; READ_BUFFER_BYTES].into()),
            stamps: Stamps::new(clock),
            origins,
        }
    }
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) origin: Rc<Origin>,
    /// The one of its addresses that it leads to.
    pub(crate) address: Rc<Address>,
    pub(crate) stream: Stream,
    /// When it stood, µs since the start instant.
    pub(crate) opened_us: u64,
    /// When its last answer was read, µs since the start instant.
    pub(crate) idle_since_us: u64,
    /// Requests that were handed to it.
    pub(crate) requests: u32,
}

/// Plain or TLS; the TLS state is large and boxed.
#[derive(Debug)]
pub(crate) enum Stream {
    /// http.
    Plain(Socket),
    /// https.
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

    /// Whether everything written has left; plain sockets hold nothing back.
    #[inline]
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(_) => Poll::Ready(Ok(())),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    /// When the kernel received the last byte of the last read of the socket,
    /// ns since the Unix epoch, if it told.
    #[inline]
    pub(crate) fn stamp_ns(&self) -> Option<u64> {
        match self {
            Self::Plain(socket) => socket.stamp_ns(),
            Self::Tls(stream) => stream.get_ref().0.stamp_ns(),
        }
    }

    /// Whether the peer has neither closed nor spoken unasked. Costs no system
    /// call unless the poller has seen something arrive since the last read.
    #[inline]
    pub(crate) fn is_quiet(&mut self, buffer: &mut [u8]) -> bool {
        match self {
            Self::Plain(socket) => socket.is_quiet(buffer),
            Self::Tls(stream) => {
                // Session tickets may lie there, so TLS has to look itself.
                let mut cx = Context::from_waker(std::task::Waker::noop());
                let mut buffer = ReadBuf::new(buffer);
                Pin::new(stream)
                    .poll_read(&mut cx, &mut buffer)
                    .is_pending()
            }
        }
    }
}

/// How one client connects: over which wire, with which TLS, to which of a
/// name's addresses.
pub(crate) struct Connector {
    pub(crate) wire: Rc<Wire>,
    choice: Arc<TlsChoice>,
    dns: Dns,
    tls: std::cell::OnceCell<Result<TlsConnector, String>>,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

impl Connector {
    /// A thread's connector for one group.
    pub(crate) fn new(wire: Rc<Wire>, choice: Arc<TlsChoice>, dns: Dns) -> Self {
        Self {
            wire,
            choice,
            dns,
            tls: std::cell::OnceCell::new(),
        }
    }

    /// The origin of an endpoint.
    pub(crate) fn origin(&self, endpoint: &Endpoint) -> Rc<Origin> {
        self.wire.origins.get(endpoint, self.dns)
    }

    /// Opens a connection within `limit_us`.
    pub(crate) async fn open(
        &self,
        origin: &Rc<Origin>,
        limit_us: u64,
    ) -> Result<Connection, Failure> {
        let limit = Duration::from_micros(limit_us);
        let deadline_us = self.wire.clock.now_us().saturating_add(limit_us);
        match tokio::time::timeout(limit, self.open_until(origin, deadline_us)).await {
            Ok(opened) => opened,
            Err(_) => Err(Failure::text(
                Cause::TimeoutConnect,
                format!(
                    "no connection to {} within {}",
                    origin.authority,
                    in_words(limit_us)
                ),
            )),
        }
    }

    async fn open_until(
        &self,
        origin: &Rc<Origin>,
        deadline_us: u64,
    ) -> Result<Connection, Failure> {
        let dialled = origin.dial(self.wire.clock, deadline_us, connect);
        let (address, stream) = dialled.await?;
        let stream = Socket::new(stream);
        let stream = if origin.endpoint.https {
            Stream::Tls(Box::new(self.shake_hands(origin, stream).await?))
        } else {
            Stream::Plain(stream)
        };
        let opened_us = self.wire.clock.now_us();
        Ok(Connection {
            origin: origin.clone(),
            address,
            stream,
            opened_us,
            idle_since_us: opened_us,
            requests: 0,
        })
    }

    async fn shake_hands(
        &self,
        origin: &Origin,
        stream: Socket,
    ) -> Result<TlsStream<Socket>, Failure> {
        let connector = self
            .tls
            .get_or_init(|| self.choice.connector())
            .as_ref()
            .map_err(|why| Failure::text(Cause::Tls, why.clone()))?;
        let name = ServerName::try_from(origin.endpoint.host.clone()).map_err(|_| {
            let host = &origin.endpoint.host;
            Failure::text(Cause::Tls, format!("{host} is no name for TLS"))
        })?;
        connector
            .connect(name, stream)
            .await
            .map_err(|error| Failure::io(&error, Doing::Connecting, &origin.authority))
    }
}

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    // Refused only on a socket that is already dead, which the first write
    // tells with its cause.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}
