//! Where connections come from: names resolved, sockets opened, TLS shaken.
//! Each thread has its own, and nothing of it is on the path of a request that
//! finds its connection open.

use super::super::clock::Clock;
use super::super::errors::{Doing, Failure, in_words};
use super::super::tls::TlsChoice;
use super::request::Endpoint;
use super::socket::Socket;
use super::stamps::Stamps;
use dlt_core::sample::Cause;
use rustls::pki_types::ServerName;
use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Size of a thread's one read buffer.
const READ_BUFFER_BYTES: usize = 64 * 1024;
/// Most hosts a thread remembers; redirects could name any number.
const MOST_ORIGINS: usize = 512;
/// Most addresses of a name that are tried.
const MOST_ADDRESSES: usize = 16;
/// A name that did not resolve is not asked for again before so long.
const RESOLVE_AGAIN_US: u64 = 1_000_000;

/// What all connections of a thread share.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) clock: Clock,
    /// Every answer is read into it and parsed from it at once.
    pub(crate) buffer: RefCell<Box<[u8]>>,
    /// When the kernel received what is read.
    pub(crate) stamps: Stamps,
    origins: RefCell<Vec<Rc<Origin>>>,
}

impl Wire {
    /// A thread's wire; `known` are addresses resolved beforehand.
    pub(crate) fn new(clock: Clock, known: &[(Endpoint, Vec<SocketAddr>)]) -> Self {
        let origins = known
            .iter()
            .map(|(endpoint, addresses)| Rc::new(Origin::new(endpoint.clone(), addresses)))
            .collect();
        Self {
            clock,
            buffer: RefCell::new(vec![0; READ_BUFFER_BYTES].into()),
            stamps: Stamps::new(clock),
            origins: RefCell::new(origins),
        }
    }

    /// The origin of an endpoint, the same one as long as it is remembered.
    pub(crate) fn origin(&self, endpoint: &Endpoint) -> Rc<Origin> {
        let mut origins = self.origins.borrow_mut();
        if let Some(known) = origins.iter().find(|origin| origin.endpoint == *endpoint) {
            return known.clone();
        }
        if origins.len() >= MOST_ORIGINS {
            // Steps hold on to theirs; only what redirects named is forgotten.
            origins.retain(|origin| Rc::strong_count(origin) > 1);
            if origins.len() >= MOST_ORIGINS {
                return Rc::new(Origin::new(endpoint.clone(), &[]));
            }
        }
        let origin = Rc::new(Origin::new(endpoint.clone(), &[]));
        origins.push(origin.clone());
        origin
    }
}

/// One endpoint as a thread knows it.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) endpoint: Endpoint,
    /// `host:port`, for messages.
    pub(crate) authority: String,
    addresses: OnceCell<Vec<SocketAddr>>,
    /// The address that answered last.
    preferred: Cell<usize>,
    /// Until when the name is known not to resolve.
    unresolved_until_us: Cell<u64>,
}

impl Origin {
    fn new(endpoint: Endpoint, addresses: &[SocketAddr]) -> Self {
        let known = if addresses.is_empty() {
            OnceCell::new()
        } else {
            OnceCell::new_with(Some(addresses.to_vec()))
        };
        Self {
            authority: endpoint.authority(),
            endpoint,
            addresses: known,
            preferred: Cell::new(0),
            unresolved_until_us: Cell::new(0),
        }
    }

    /// Its addresses; many who wait cause one question.
    async fn resolve(&self, clock: Clock) -> Result<&[SocketAddr], Failure> {
        let found = self.addresses.get_or_try_init(|| async {
            let unknown = || {
                let host = &self.endpoint.host;
                Failure::text(Cause::Dns, format!("name {host} does not resolve"))
            };
            if clock.now_us() < self.unresolved_until_us.get() {
                return Err(unknown());
            }
            let host = (self.endpoint.host.as_str(), self.endpoint.port);
            match tokio::net::lookup_host(host).await {
                Ok(found) => {
                    let found: Vec<_> = found.take(MOST_ADDRESSES).collect();
                    if !found.is_empty() {
                        return Ok(found);
                    }
                }
                Err(error) => {
                    let failure = Failure::io(&error, Doing::Connecting, &self.authority);
                    if failure.exhausted.is_some() {
                        return Err(failure);
                    }
                }
            }
            self.unresolved_until_us
                .set(clock.now_us() + RESOLVE_AGAIN_US);
            Err(unknown())
        });
        found.await.map(Vec::as_slice)
    }
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) origin: Rc<Origin>,
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

/// How one client connects: over which wire, with which TLS.
pub(crate) struct Connector {
    pub(crate) wire: Rc<Wire>,
    choice: Arc<TlsChoice>,
    tls: std::cell::OnceCell<Result<TlsConnector, String>>,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

impl Connector {
    /// A thread's connector for one group.
    pub(crate) fn new(wire: Rc<Wire>, choice: Arc<TlsChoice>) -> Self {
        Self {
            wire,
            choice,
            tls: std::cell::OnceCell::new(),
        }
    }

    /// Opens a connection within `limit_us`.
    pub(crate) async fn open(
        &self,
        origin: &Rc<Origin>,
        limit_us: u64,
    ) -> Result<Connection, Failure> {
        let limit = Duration::from_micros(limit_us);
        match tokio::time::timeout(limit, self.open_unhurried(origin)).await {
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

    async fn open_unhurried(&self, origin: &Rc<Origin>) -> Result<Connection, Failure> {
        let addresses = origin.resolve(self.wire.clock).await?;
        let stream = Socket::new(dial(origin, addresses).await?);
        let stream = if origin.endpoint.https {
            Stream::Tls(Box::new(self.shake_hands(origin, stream).await?))
        } else {
            Stream::Plain(stream)
        };
        let opened_us = self.wire.clock.now_us();
        Ok(Connection {
            origin: origin.clone(),
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

/// Connects to the address that answered last, else to the next ones.
async fn dial(origin: &Origin, addresses: &[SocketAddr]) -> Result<TcpStream, Failure> {
    let first = origin.preferred.get();
    let mut last = None;
    for at in (0..addresses.len()).map(|n| (first + n) % addresses.len()) {
        let error = match TcpStream::connect(addresses[at]).await {
            Ok(stream) => {
                origin.preferred.set(at);
                // Refused only on a socket that is already dead, which the
                // first write tells with its cause.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => error,
        };
        let failure = Failure::io(&error, Doing::Connecting, &origin.authority);
        // The first address's error says most: `localhost` is often tried as
        // ::1 after 127.0.0.1 on machines that have no IPv6.
        match &last {
            None => last = Some(failure),
            Some(Failure { cause, .. }) if *cause == Cause::Generator => last = Some(failure),
            Some(_) => {}
        }
    }
    Err(last.unwrap_or_else(|| Failure::text(Cause::Dns, "the name has no address")))
}
