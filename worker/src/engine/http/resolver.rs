//! From a name to addresses: the resolver, and which addresses of its answer a
//! group's policy uses. When a name is looked up is decided by `hosts` and
//! `origin`.

use crate::engine::failure::{Failure, RequestPhase};
use crate::engine::http::request::Endpoint;
use dlt_core::measure::sample::Cause;
use dlt_core::scenario::plan::DnsPolicy;
use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;

/// Most addresses of a name that are used: several times what large services
/// have behind one name. Each thread keeps and searches all of them.
const MOST_ADDRESSES: usize = 1_000;

/// Looks up the addresses of a host and port; blocks until it has the answer.
type LookUp = dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// Looks up the addresses of names.
#[derive(Clone)]
pub(crate) struct Resolver(Arc<LookUp>);

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").finish_non_exhaustive()
    }
}

impl Resolver {
    /// The system's resolver, with its order, its caches and its hosts file.
    pub(crate) fn system() -> Self {
        Self(Arc::new(|host, port| {
            (host, port).to_socket_addrs().map(Iterator::collect)
        }))
    }

    /// A resolver with the answers of a test.
    #[cfg(test)]
    pub(crate) fn of(
        look_up: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(look_up))
    }

    /// All addresses, in the resolver's order. Blocks without a time limit.
    pub(crate) fn look_up(&self, endpoint: &Endpoint) -> io::Result<Vec<SocketAddr>> {
        (self.0)(&endpoint.host, endpoint.port)
    }

    /// The same without blocking the thread.
    pub(crate) async fn look_up_async(&self, endpoint: &Endpoint) -> io::Result<Vec<SocketAddr>> {
        let (resolver, endpoint) = (self.clone(), endpoint.clone());
        let answer = tokio::task::spawn_blocking(move || resolver.look_up(&endpoint));
        answer
            .await
            .unwrap_or_else(|broken| Err(io::Error::other(broken)))
    }
}

/// Selects the addresses of an answer that `policy` uses, sorted, so that every
/// thread and runner has them in the same order; or the failure of a request to
/// them.
pub(crate) fn select(
    answer: &io::Result<Vec<SocketAddr>>,
    policy: DnsPolicy,
    endpoint: &Endpoint,
) -> Result<Vec<SocketAddr>, Failure> {
    let host = &endpoint.host;
    let answer = match answer {
        Ok(answer) => answer.as_slice(),
        Err(error) => {
            let failure = Failure::io(error, RequestPhase::Connecting, host);
            if failure.exhausted.is_some() {
                return Err(failure);
            }
            &[]
        }
    };
    if answer.is_empty() {
        return Err(Failure::new(
            Cause::Dns,
            format!("name {host} does not resolve"),
        ));
    }
    let mut used: Vec<SocketAddr> = match policy {
        DnsPolicy::Spread => answer.to_vec(),
        DnsPolicy::First => answer[..1].to_vec(),
        DnsPolicy::V4 => family(answer, SocketAddr::is_ipv4),
        DnsPolicy::V6 => family(answer, SocketAddr::is_ipv6),
    };
    if used.is_empty() {
        let (wanted, policy) = match policy {
            DnsPolicy::V6 => ("IPv6", policy.name()),
            _ => ("IPv4", policy.name()),
        };
        return Err(Failure::new(
            Cause::Dns,
            format!("{host} has no {wanted} address, and dns policy {policy} uses no other"),
        ));
    }
    used.sort_unstable();
    used.dedup();
    used.truncate(MOST_ADDRESSES);
    Ok(used)
}

fn family(answer: &[SocketAddr], wanted: fn(&SocketAddr) -> bool) -> Vec<SocketAddr> {
    answer
        .iter()
        .filter(|address| wanted(address))
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(host: &str) -> Endpoint {
        Endpoint {
            https: false,
            host: host.to_owned(),
            port: 80,
        }
    }

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn a_policy_says_which_addresses_are_used() {
        let answer = Ok(addresses(&[
            "[2001:db8::2]:80",
            "192.0.2.9:80",
            "192.0.2.7:80",
            "192.0.2.9:80",
        ]));
        let shop = endpoint("shop");
        let used = |policy| select(&answer, policy, &shop).unwrap();
        assert_eq!(
            used(DnsPolicy::Spread),
            addresses(&["192.0.2.7:80", "192.0.2.9:80", "[2001:db8::2]:80"])
        );
        assert_eq!(used(DnsPolicy::First), addresses(&["[2001:db8::2]:80"]));
        assert_eq!(
            used(DnsPolicy::V4),
            addresses(&["192.0.2.7:80", "192.0.2.9:80"])
        );
        assert_eq!(used(DnsPolicy::V6), addresses(&["[2001:db8::2]:80"]));
    }

    #[test]
    fn what_cannot_be_used_is_a_failure_that_says_why() {
        let fails = |answer: io::Result<Vec<SocketAddr>>, policy| {
            let failure = select(&answer, policy, &endpoint("shop")).unwrap_err();
            (failure.cause, failure.key().message)
        };
        assert_eq!(
            fails(Ok(addresses(&["192.0.2.7:80"])), DnsPolicy::V6),
            (
                Cause::Dns,
                "shop has no IPv6 address, and dns policy v6 uses no other".to_owned()
            )
        );
        let unknown = (Cause::Dns, "name shop does not resolve".to_owned());
        assert_eq!(fails(Ok(Vec::new()), DnsPolicy::V4), unknown);
        let error = || Err(io::Error::other("failed to lookup address information"));
        assert_eq!(fails(error(), DnsPolicy::Spread), unknown);
        let files = Err(io::Error::from_raw_os_error(libc::EMFILE));
        assert_eq!(fails(files, DnsPolicy::Spread).0, Cause::Generator);
    }
}
