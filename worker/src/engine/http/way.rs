//! From a route to the hosts that it needs: the one that is dialled, and where a proxy wants
//! an address, the one that is looked up for it. Looking up is `named_host`'s, and before
//! the clock starts `hosts`'.

use crate::engine::http::request::Endpoint;
use dlt_core::routing::{NamedProxy, Route};
use dlt_core::scenario::plan::Dns;
use std::net::{IpAddr, Ipv4Addr};

/// A host whose addresses are wanted: a target's, or a proxy's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostKey {
    pub(crate) endpoint: Endpoint,
    pub(crate) dns: Dns,
    /// Its addresses, where the scenario gives them; else its name is looked up.
    pub(crate) given: Vec<IpAddr>,
    /// The Unix socket that it is; its address is then this machine's.
    pub(crate) unix: Option<String>,
    /// If it is a proxy: how people are told of it.
    pub(crate) proxy: Option<String>,
}

/// The hosts of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RouteHosts {
    /// Sockets connect to it.
    pub(crate) dialled: HostKey,
    /// The proxy is given one of its addresses; None: it gets the name, or there is none.
    pub(crate) asked: Option<HostKey>,
}

impl RouteHosts {
    /// The hosts of the route of an endpoint.
    pub(crate) fn of(endpoint: &Endpoint, dns: Dns, route: &Route<'_>) -> Self {
        let target = HostKey {
            endpoint: Endpoint {
                https: endpoint.https,
                host: route.host.to_owned(),
                port: route.port,
            },
            dns,
            given: match route.unix {
                Some(_) => vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
                None => route.addresses.to_vec(),
            },
            unix: route.unix.map(str::to_owned),
            proxy: None,
        };
        match route.proxy {
            None => Self {
                dialled: target,
                asked: None,
            },
            Some(named) => Self {
                dialled: proxy_host(named, dns, route.proxy_addresses),
                asked: (!route.is_looked_up_by_proxy()).then_some(target),
            },
        }
    }

    /// Those whose names are to be looked up.
    pub(crate) fn looked_up(self) -> impl Iterator<Item = HostKey> {
        let all = [Some(self.dialled), self.asked];
        all.into_iter().flatten().filter(|key| key.given.is_empty())
    }
}

fn proxy_host(named: &NamedProxy, dns: Dns, given: &[IpAddr]) -> HostKey {
    HostKey {
        endpoint: Endpoint {
            https: false,
            host: named.proxy.host.clone(),
            port: named.proxy.port,
        },
        dns,
        given: given.to_vec(),
        unix: None,
        proxy: Some(named.to_string()),
    }
}

impl HostKey {
    /// `host:port`, and whether it is a proxy or lies elsewhere, for messages about it.
    pub(crate) fn peer(&self) -> String {
        let authority = self.endpoint.authority();
        match (&self.proxy, &self.unix) {
            (Some(_), _) => format!("proxy {authority}"),
            (None, Some(path)) => format!("unix:{path}"),
            (None, None) => authority,
        }
    }
}
