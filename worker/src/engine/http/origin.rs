//! The endpoints that a thread's requests go to, each with the way of its connections: to a
//! host, or through a proxy. `named_host` knows addresses, `tunnel` speaks to proxies.

use crate::engine::clock::RunClock;
use crate::engine::failure::Failure;
use crate::engine::http::addresses::Address;
use crate::engine::http::named_host::{HostState, NamedHost};
use crate::engine::http::policy::Policy;
use crate::engine::http::request::Endpoint;
use crate::engine::http::resolver::Resolver;
use crate::engine::http::tunnel::{self, Destination};
use crate::engine::http::way::{HostKey, RouteHosts};
use dlt_core::measure::generator::GeneratorSums;
use dlt_core::routing::{Proxy, Routes};
use dlt_core::scenario::plan::Dns;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use tokio::net::TcpStream;

/// Most origins that a thread keeps: redirects can name any number.
const MOST_ORIGINS: usize = 512;

/// A host of the plan with what was resolved before the clock started.
#[derive(Debug, Clone)]
pub(crate) struct KnownHost {
    pub(crate) key: HostKey,
    /// The addresses that the policy uses; none if the name has to be resolved.
    pub(crate) addresses: Vec<SocketAddr>,
    /// Where the thread begins among them.
    pub(crate) first_index: u64,
    /// That others are not used, for people.
    pub(crate) left_out: Option<String>,
}

/// All origins of a thread.
#[derive(Debug)]
pub(crate) struct Origins {
    list: RefCell<Vec<Rc<Origin>>>,
    hosts: RefCell<Vec<Rc<NamedHost>>>,
    shared: Rc<HostState>,
}

/// One endpoint as a thread uses it, for all groups with the same `dns` and routes.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) endpoint: Endpoint,
    /// `host:port` and the way there, for messages.
    pub(crate) authority: String,
    dns: Dns,
    routes: Arc<Routes>,
    /// Where sockets connect to.
    host: Rc<NamedHost>,
    through: Option<Box<Through>>,
}

/// What a proxy, which `host` leads to, is asked for.
#[derive(Debug)]
struct Through {
    proxy: Proxy,
    target: AskedTarget,
    /// Whether it is sent the requests themselves: nothing is asked for beforehand.
    is_forwarded: bool,
}

/// What a proxy is told of the target.
#[derive(Debug)]
enum AskedTarget {
    /// Its name, which the proxy looks up; or why load must not be sent there.
    Name(Result<Destination, Failure>),
    /// One of its addresses.
    AddressOf(Rc<NamedHost>),
}

/// How far the opening of a connection is, for what is said when time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The host is connected to.
    Connecting,
    /// The proxy is connected to, and has not opened the way yet.
    AskingProxy,
    /// TLS.
    Handshake,
}

impl Origins {
    /// A thread's origins, with the hosts of the plan. `first_index` is where the
    /// thread begins among the addresses of all others.
    pub(crate) fn new(resolver: Resolver, known: Vec<KnownHost>, first_index: u64) -> Self {
        let shared = HostState::new(resolver, first_index);
        let hosts = known.into_iter().map(|known| {
            if let Some(text) = known.left_out {
                shared.notice(text);
            }
            let host = NamedHost::new(known.key, known.first_index, &shared);
            if !known.addresses.is_empty() {
                host.set_known(&known.addresses);
            }
            Rc::new(host)
        });
        Self {
            hosts: RefCell::new(hosts.collect()),
            list: RefCell::default(),
            shared,
        }
    }

    /// The origin of an endpoint: the same one as long as it is kept.
    pub(crate) fn get(&self, endpoint: &Endpoint, dns: Dns, routes: &Arc<Routes>) -> Rc<Origin> {
        let mut list = self.list.borrow_mut();
        let known = list.iter().find(|origin| {
            origin.endpoint == *endpoint && origin.dns == dns && Arc::ptr_eq(&origin.routes, routes)
        });
        if let Some(known) = known {
            return known.clone();
        }
        if list.len() >= MOST_ORIGINS {
            // Steps hold references to theirs; only those of redirects go.
            list.retain(|origin| Rc::strong_count(origin) > 1);
            let mut hosts = self.hosts.borrow_mut();
            hosts.retain(|host| Rc::strong_count(host) > 1);
        }
        let origin = Rc::new(self.new_origin(endpoint, dns, routes));
        if list.len() < MOST_ORIGINS {
            list.push(origin.clone());
        }
        origin
    }

    fn new_origin(&self, endpoint: &Endpoint, dns: Dns, routes: &Arc<Routes>) -> Origin {
        let route = routes.route(endpoint.https, &endpoint.host, endpoint.port);
        let RouteHosts { dialled, asked } = RouteHosts::of(endpoint, dns, &route);
        let host = self.host(dialled);
        let through = route.proxy.map(|named| {
            let target = match asked {
                Some(key) => AskedTarget::AddressOf(self.host(key)),
                None => {
                    let checked = self.shared.resolver.check_unresolved(route.host);
                    AskedTarget::Name(
                        checked.map(|()| Destination::Name(route.host.to_owned(), route.port)),
                    )
                }
            };
            Box::new(Through {
                proxy: named.proxy.clone(),
                target,
                is_forwarded: route.is_forwarded,
            })
        });
        let written = endpoint.authority();
        let authority = match (&through, host.peer == written) {
            (Some(_), _) => format!("{written} through {}", host.peer),
            (None, false) => format!("{written} at {}", host.peer),
            (None, true) => written,
        };
        Origin {
            endpoint: endpoint.clone(),
            authority,
            dns,
            routes: routes.clone(),
            host,
            through,
        }
    }

    /// The host of a key: the same one as long as it is kept.
    fn host(&self, key: HostKey) -> Rc<NamedHost> {
        let mut hosts = self.hosts.borrow_mut();
        if let Some(known) = hosts.iter().find(|host| host.key == key) {
            return known.clone();
        }
        let host = Rc::new(NamedHost::new(key, self.shared.first_index, &self.shared));
        if hosts.len() < MOST_ORIGINS {
            hosts.push(host.clone());
        }
        host
    }

    /// Adds the requests sent to each address so far to `sums`.
    pub(crate) fn add_to(&self, sums: &mut GeneratorSums) {
        self.shared.add_to(sums);
    }

    /// Tells people something of what was sent, each sentence with how often.
    #[cold]
    pub(crate) fn notice(&self, text: String) {
        self.shared.notice(text);
    }

    /// Takes the notices, with how often each applied.
    pub(crate) fn take_notices(&self) -> BTreeMap<String, u64> {
        self.shared.take_notices()
    }
}

impl Origin {
    /// Opens the way to the target: a socket whose other end is the target, or the proxy
    /// that takes its requests. The caller enforces the deadline; `stage` says where it
    /// struck.
    pub(super) async fn connect(
        &self,
        (clock, deadline_us): (RunClock, u64),
        policy: &Policy,
        stage: &Cell<Stage>,
    ) -> Result<(Rc<Address>, TcpStream), Failure> {
        let Some(through) = &self.through else {
            let connect = |address| policy.connect(address, self.host.key.unix.as_deref());
            return self.host.dial(clock, deadline_us, connect).await;
        };
        let asked = self.connect_through(through, (clock, deadline_us), policy, stage);
        Box::pin(asked).await
    }

    async fn connect_through(
        &self,
        through: &Through,
        (clock, deadline_us): (RunClock, u64),
        policy: &Policy,
        stage: &Cell<Stage>,
    ) -> Result<(Rc<Address>, TcpStream), Failure> {
        let connect = |address| policy.connect(address, self.host.key.unix.as_deref());
        // Whether load may be sent there is known before anybody is asked.
        let destination = match &through.target {
            AskedTarget::Name(checked) => checked.clone()?,
            AskedTarget::AddressOf(host) => Destination::Address(host.next_socket(clock).await?),
        };
        let peer = &self.host.peer;
        let dialled = self.host.dial(clock, deadline_us, connect).await;
        let (address, mut stream) = dialled.map_err(|failure| failure.of_proxy(peer))?;
        if !through.is_forwarded {
            stage.set(Stage::AskingProxy);
            tunnel::open(&mut stream, &through.proxy, &destination, peer).await?;
        }
        Ok((address, stream))
    }

    /// Whether a proxy gets the requests themselves.
    pub(super) fn is_forwarded(&self) -> bool {
        let through = self.through.as_ref();
        through.is_some_and(|through| through.is_forwarded)
    }

    /// The name whose addresses are not known yet: that of the host, or of one that a proxy is told the
    /// address of.
    pub(super) fn looked_up(&self) -> Option<&str> {
        let target = match self.through.as_ref().map(|through| &through.target) {
            Some(AskedTarget::AddressOf(host)) => host.awaited_name(),
            _ => None,
        };
        target.or(self.host.awaited_name())
    }

    /// What a connection that is not there in time was waiting for.
    pub(super) fn waited_for(&self, stage: Stage) -> String {
        let peer = &self.host.peer;
        match (stage, &self.through) {
            (Stage::Connecting, Some(_)) => format!("no connection to {peer}"),
            (Stage::Connecting, None) => format!("no connection to {}", self.authority),
            (Stage::AskingProxy, _) => {
                format!("{peer} did not open a way to {}", self.endpoint.authority())
            }
            (Stage::Handshake, _) => format!("no TLS handshake with {}", self.authority),
        }
    }
}

#[cfg(test)]
mod tests;
