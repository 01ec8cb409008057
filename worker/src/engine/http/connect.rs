//! Opens connections: sockets and TLS handshakes. `origin` decides by which
//! way, and to which address. Each thread has its own connector, and a request that finds its
//! connection open does not come here.

use crate::engine::failure::{Failure, RequestPhase, duration_text};
use crate::engine::http::addresses::Address;
use crate::engine::http::h2::{H2Connection, Lease, Pool};
use crate::engine::http::origin::{Origin, Stage};
use crate::engine::http::policy::Policy;
use crate::engine::http::request::Endpoint;
use crate::engine::http::socket::Socket;
use crate::engine::http::stream::Stream;
use crate::engine::http::thread_io::ThreadIo;
use crate::engine::http::tls::{self, TlsConfig};
use crate::engine::memory::no_memory;
use dlt_core::measure::sample::Cause;
use dlt_core::routing::Routes;
use dlt_core::scenario::plan::{Dns, HttpChoice};
use rustls::pki_types::ServerName;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Why a proxy is of no use to HTTP/2 without TLS.
pub(crate) const NOT_FORWARDED: &str = "http: 2 cannot go through a proxy that forwards requests of http, which it does in HTTP/1.1: use https or http: 1.1";

/// A connection that was opened.
#[derive(Debug)]
pub(crate) enum Established {
    H1(Connection),
    H2(Rc<H2Connection>),
}

impl Established {
    /// For the one who opened it alone.
    pub(crate) fn own(self) -> Opened {
        match self {
            Self::H1(connection) => Opened::H1(connection),
            Self::H2(connection) => Opened::H2(Lease::own(connection)),
        }
    }
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) origin: Rc<Origin>,
    /// The address that it is connected to.
    pub(crate) address: Rc<Address>,
    pub(crate) stream: Stream,
    /// When it was established, µs since the start instant.
    pub(crate) opened_us: u64,
    /// When its last answer was read, µs since the start instant.
    pub(crate) idle_since_us: u64,
    /// Requests that were handed to it.
    pub(crate) requests: u32,
}

/// A connection, as a request takes it.
#[derive(Debug)]
pub(crate) enum Opened {
    /// In HTTP/1.1: one request at a time.
    H1(Connection),
    /// A request's place on one in HTTP/2.
    H2(Lease),
}

impl Opened {
    /// When its connection was established, µs since the start instant.
    pub(crate) fn opened_us(&self) -> u64 {
        match self {
            Self::H1(connection) => connection.opened_us,
            Self::H2(lease) => lease.connection.opened_us,
        }
    }

    #[inline]
    pub(crate) fn origin(&self) -> &Rc<Origin> {
        match self {
            Self::H1(connection) => &connection.origin,
            Self::H2(lease) => &lease.connection.origin,
        }
    }
}

/// How the clients of one group connect on one thread: with which TLS, `dns` and ways.
pub(crate) struct Connector {
    pub(crate) io: Rc<ThreadIo>,
    tls_config: Arc<TlsConfig>,
    dns: Dns,
    pub(crate) routes: Arc<Routes>,
    http: HttpChoice,
    /// How long connections are used again.
    pub(crate) policy: Policy,
    /// Origins that the scenario names.
    pub(crate) named_origins: usize,
    /// Connections in HTTP/2 that requests share; None: each user has its own.
    pub(crate) pool: Option<Rc<Pool>>,
    tls: std::cell::OnceCell<Result<TlsConnector, String>>,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

/// A connection was not there in time because its name's addresses were not.
#[cold]
pub(super) fn slow_lookup(name: &str, limit_us: u64) -> Failure {
    let message = format!(
        "{name} was not looked up within {}: its name servers are slow, or lookups before it wait for theirs",
        duration_text(limit_us)
    );
    Failure::new(Cause::Dns, message)
}

impl Connector {
    pub(crate) fn new(
        io: Rc<ThreadIo>,
        tls_config: Arc<TlsConfig>,
        (dns, routes): (Dns, Arc<Routes>),
    ) -> Self {
        Self {
            io,
            tls_config,
            dns,
            routes,
            http: HttpChoice::Http1,
            policy: Policy::default(),
            named_origins: 0,
            pool: None,
            tls: std::cell::OnceCell::new(),
        }
    }

    /// The same in that version of HTTP, in HTTP/2 with so many requests on a connection.
    pub(crate) fn speaking(self, http: HttpChoice, streams: u32) -> Self {
        let shares = streams > 1 && http != HttpChoice::Http1;
        Self {
            http,
            pool: shares.then(|| Rc::new(Pool::new(streams.min(self.policy.most_requests())))),
            ..self
        }
    }

    /// The same with a policy of connections.
    pub(crate) fn with_policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// The origin of an endpoint.
    pub(crate) fn origin(&self, endpoint: &Endpoint) -> Rc<Origin> {
        self.io.origins.get(endpoint, self.dns, &self.routes)
    }

    /// Opens a connection within `limit_us`; for one request or user in HTTP/2 too.
    pub(crate) async fn open(
        &self,
        origin: &Rc<Origin>,
        limit_us: u64,
    ) -> Result<Established, Failure> {
        if self.io.memory.is_short() {
            return Err(no_memory("a further connection"));
        }
        let limit = Duration::from_micros(limit_us);
        let deadline_us = self.io.clock.now_us().saturating_add(limit_us);
        let stage = Cell::new(Stage::Connecting);
        let opening = self.open_until(origin, deadline_us, &stage);
        match tokio::time::timeout(limit, opening).await {
            Ok(opened) => opened,
            Err(_) if let Some(name) = origin.looked_up() => Err(slow_lookup(name, limit_us)),
            Err(_) => {
                let (what, limit) = (origin.waited_for(stage.get()), duration_text(limit_us));
                let why = match stage.get() {
                    Stage::Handshake => {
                        ": it accepted the connection and did not go on; does it speak https there?"
                    }
                    Stage::Connecting | Stage::AskingProxy => "",
                };
                let message = format!("{what} within {limit}{why}");
                Err(Failure::new(Cause::TimeoutConnect, message))
            }
        }
    }

    async fn open_until(
        &self,
        origin: &Rc<Origin>,
        deadline_us: u64,
        stage: &Cell<Stage>,
    ) -> Result<Established, Failure> {
        if self.http == HttpChoice::Http2 && origin.is_forwarded() {
            return Err(Failure::new(Cause::Proxy, NOT_FORWARDED));
        }
        let connected = origin.connect((self.io.clock, deadline_us), &self.policy, stage);
        let (address, stream) = connected.await?;
        let stream = Socket::new(stream);
        let stream = if origin.endpoint.https {
            stage.set(Stage::Handshake);
            // Boxed, as what else is rare or long: ten thousand users may connect at once, and most
            // wait for no more than a socket.
            let handshake = Box::pin(self.tls_handshake(origin, stream));
            Stream::Tls(Box::new(handshake.await?))
        } else {
            Stream::Plain(stream)
        };
        if self.is_h2(&stream, origin)? {
            let opened = H2Connection::open(&self.io, origin, (address, &self.policy), stream);
            return Ok(Established::H2(Box::pin(opened).await?));
        }
        let opened_us = self.io.clock.now_us();
        Ok(Established::H1(Connection {
            origin: origin.clone(),
            address,
            stream,
            opened_us,
            idle_since_us: opened_us,
            requests: 0,
        }))
    }

    /// Whether HTTP/2 is spoken on a stream: chosen by the server, or known before.
    fn is_h2(&self, stream: &Stream, origin: &Origin) -> Result<bool, Failure> {
        let is_chosen = match stream {
            Stream::Plain(_) => return Ok(self.http == HttpChoice::Http2),
            Stream::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(tls::H2),
        };
        if self.http == HttpChoice::Http2 && !is_chosen {
            let peer = &origin.authority;
            return Err(Failure::new(
                Cause::Protocol,
                format!(
                    "{peer} did not choose HTTP/2 in the TLS handshake (ALPN), and http: 2 takes nothing else"
                ),
            ));
        }
        Ok(is_chosen)
    }

    async fn tls_handshake(
        &self,
        origin: &Origin,
        stream: Socket,
    ) -> Result<TlsStream<Socket>, Failure> {
        let connector = self
            .tls
            .get_or_init(|| self.tls_config.connector())
            .as_ref()
            .map_err(|why| Failure::new(Cause::Tls, why.clone()))?;
        let name = ServerName::try_from(origin.endpoint.host.clone()).map_err(|_| {
            let host = &origin.endpoint.host;
            Failure::new(Cause::Tls, format!("{host} is no name for TLS"))
        })?;
        connector
            .connect(name, stream)
            .await
            .map_err(|error| Failure::io(&error, RequestPhase::Connecting, &origin.authority))
    }
}
