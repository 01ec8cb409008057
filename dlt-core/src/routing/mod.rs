//! The way to a target: other addresses than the name's (`resolve`), another host and port
//! (`connect_to`), a proxy. What is sent, the name in TLS and the labels stay those of the
//! URL. A plan holds a [`Routing`]; with the proxies of the environment it becomes
//! [`Routes`], which say for each host and port how a connection is opened. Opening it is
//! left to the engine, and whether it may be opened to `target_policy`.

mod connect_to;
mod environment;
mod hosts;
mod no_proxy;
mod proxy;
mod resolve;
#[cfg(test)]
mod tests;

pub use connect_to::ConnectTo;
pub use environment::{EnvironmentProxies, IGNORED_VARIABLE, NamedProxy, VARIABLES};
pub use no_proxy::NoProxy;
pub use proxy::{Protocol, Proxy};
pub use resolve::Resolve;

pub(crate) use connect_to::check_unix_path;
pub(crate) use hosts::percent_decoded;

use core::net::IpAddr;
use hosts::is_loopback;

/// What a scenario says of the way to its targets. Nothing, by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Routing {
    /// Addresses that stand for those of names, each host and port once.
    pub resolve: Vec<Resolve>,
    /// Hosts and ports that stand for others; the first that matches is used.
    pub connect_to: Vec<ConnectTo>,
    /// The proxy of all requests.
    pub proxy: Option<Proxy>,
    /// What is reached without a proxy; None: the scenario does not say.
    pub no_proxy: Option<NoProxy>,
}

/// The ways of a scenario's requests where its load is made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Routes {
    resolve: Vec<Resolve>,
    connect_to: Vec<ConnectTo>,
    http: Option<NamedProxy>,
    https: Option<NamedProxy>,
    no_proxy: NoProxy,
    /// Whether this machine is reached without a proxy: by one of the environment it
    /// cannot be meant.
    spares_loopback: bool,
}

/// How connections for a host and port are opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route<'a> {
    /// The host to connect to: the URL's, or another by `connect-to`; without brackets.
    pub host: &'a str,
    /// Its port.
    pub port: u16,
    /// Its addresses by `resolve`; empty: the name is looked up.
    pub addresses: &'a [IpAddr],
    /// The Unix socket that is connected to in place of all this.
    pub unix: Option<&'a str>,
    /// The proxy that opens the connection.
    pub proxy: Option<&'a NamedProxy>,
    /// The proxy's addresses by `resolve`; empty: its name is looked up.
    pub proxy_addresses: &'a [IpAddr],
    /// Whether a proxy of HTTP is sent the request itself, instead of opening a tunnel.
    pub is_forwarded: bool,
}

impl Routes {
    /// The ways of a scenario, where the environment names these proxies. Those of the
    /// environment are used where the scenario names none.
    pub fn new(routing: &Routing, environment: &EnvironmentProxies) -> Self {
        let (http, https, of_environment) = match &routing.proxy {
            Some(proxy) => {
                let named = NamedProxy::of_scenario(proxy.clone());
                (Some(named.clone()), Some(named), false)
            }
            None => (environment.http.clone(), environment.https.clone(), true),
        };
        let no_proxy = match (&routing.no_proxy, of_environment) {
            (Some(said), _) => said.clone(),
            (None, true) => environment.no_proxy.clone(),
            (None, false) => NoProxy::default(),
        };
        Self {
            resolve: routing.resolve.clone(),
            connect_to: routing.connect_to.clone(),
            http,
            https,
            no_proxy,
            spares_loopback: of_environment,
        }
    }

    /// Whether any request may go through a proxy.
    pub fn has_proxy(&self) -> bool {
        self.http.is_some() || self.https.is_some()
    }

    /// The proxies that requests may go through.
    pub fn proxies(&self) -> impl Iterator<Item = &NamedProxy> {
        [&self.http, &self.https].into_iter().flatten()
    }

    /// Users and passwords of the proxies, for those who hide them.
    pub fn users(&self) -> impl Iterator<Item = (&str, &str)> {
        let users = self.proxies().filter_map(|it| it.proxy.user.as_ref());
        users.map(|(name, password)| (name.as_str(), password.as_str()))
    }

    /// The way to the host and port of a URL, the host without brackets.
    pub fn route<'a>(&'a self, https: bool, host: &'a str, port: u16) -> Route<'a> {
        let elsewhere = self.connect_to.iter().find(|it| it.matches(host, port));
        let (to_host, to_port) = match elsewhere {
            Some(rule) => (
                rule.to_host.as_deref().unwrap_or(host),
                rule.to_port.unwrap_or(port),
            ),
            None => (host, port),
        };
        if let Some(path) = elsewhere.and_then(|rule| rule.unix.as_deref()) {
            return Route {
                host,
                port,
                addresses: &[],
                unix: Some(path),
                proxy: None,
                proxy_addresses: &[],
                is_forwarded: false,
            };
        }
        let addresses = self.addresses(to_host, to_port);
        let proxy = match https {
            true => self.https.as_ref(),
            false => self.http.as_ref(),
        };
        let at_home = || {
            is_loopback(host)
                || is_loopback(to_host)
                || (!addresses.is_empty() && addresses.iter().all(IpAddr::is_loopback))
        };
        let proxy = proxy
            .filter(|_| !self.no_proxy.matches(host, port))
            .filter(|_| !(self.spares_loopback && at_home()));
        let is_forwarded = proxy.is_some_and(|it| it.proxy.protocol == Protocol::Http)
            && !https
            // What the proxy would look up by itself is said to lie elsewhere.
            && addresses.is_empty()
            && elsewhere.is_none();
        Route {
            host: to_host,
            port: to_port,
            addresses,
            unix: None,
            proxy,
            proxy_addresses: proxy.map_or(&[], |it| self.addresses(&it.proxy.host, it.proxy.port)),
            is_forwarded,
        }
    }

    /// The addresses that `resolve` gives a host and port.
    fn addresses(&self, host: &str, port: u16) -> &[IpAddr] {
        let named = |entry: &&Resolve| entry.port == port && entry.host.as_deref() == Some(host);
        let any = |entry: &&Resolve| entry.port == port && entry.host.is_none();
        let entries = || self.resolve.iter();
        // As curl has it, `*` stands for hosts without an entry of their own.
        let entry = entries().find(named).or_else(|| entries().find(any));
        entry.map_or(&[], |entry| &entry.addresses)
    }
}

impl Route<'_> {
    /// The hosts and ports that are looked up here before a connection is opened: the
    /// proxy's, the target's, both, or none.
    pub fn looked_up(&self) -> Vec<(&str, u16)> {
        let mut names = Vec::new();
        if self.unix.is_some() {
            return names;
        }
        if let Some(NamedProxy { proxy, .. }) = self.proxy
            && self.proxy_addresses.is_empty()
        {
            names.push((proxy.host.as_str(), proxy.port));
        }
        if self.addresses.is_empty() && !self.is_looked_up_by_proxy() {
            names.push((self.host, self.port));
        }
        names
    }

    /// Whether the proxy looks the host up.
    pub fn is_looked_up_by_proxy(&self) -> bool {
        let protocol = self.proxy.map(|it| it.proxy.protocol);
        matches!(protocol, Some(Protocol::Http | Protocol::Socks5h))
            && self.addresses.is_empty()
            && self.host.parse::<IpAddr>().is_err()
    }
}
