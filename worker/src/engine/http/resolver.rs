//! From a name to addresses: the resolver, and which addresses of its answer are used:
//! those that load may be sent to, and of these those of the group's `dns` policy. Every
//! connection's address comes from here. When a name is looked up is decided by `hosts`
//! and `named_host`.

use crate::engine::failure::{Failure, RequestPhase};
use crate::engine::http::request::Endpoint;
use dlt_core::measure::sample::Cause;
use dlt_core::scenario::plan::DnsPolicy;
use dlt_core::target_policy::TargetPolicy;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;

/// Most addresses of a name that are used: several times what large services
/// have behind one name. Each thread keeps and searches all of them.
const MOST_ADDRESSES: usize = 1_000;

/// Looks up the addresses of a host and port; blocks until it has the answer.
type LookUp = dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// Looks up the addresses of names, and knows where load may be sent.
#[derive(Clone)]
pub(crate) struct Resolver {
    look_up: Arc<LookUp>,
    targets: Arc<TargetPolicy>,
}

/// What is used of the resolver's answer for a host.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Selected {
    /// Sorted, so that every thread and runner has them in the same order; never empty.
    pub(crate) addresses: Vec<SocketAddr>,
    /// That others were left out, since load must not be sent to them, for people.
    pub(crate) left_out: Option<String>,
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").finish_non_exhaustive()
    }
}

impl Resolver {
    /// The system's resolver, with its order, its caches and its hosts file.
    pub(crate) fn system(targets: TargetPolicy) -> Self {
        Self {
            look_up: Arc::new(|host, port| (host, port).to_socket_addrs().map(Iterator::collect)),
            targets: Arc::new(targets),
        }
    }

    /// A resolver that knows addresses alone: a name does not resolve, and nobody is asked.
    pub(crate) fn without_names(targets: TargetPolicy) -> Self {
        let look_up = |host: &str, port| match host.parse::<IpAddr>() {
            Ok(address) => Ok(vec![SocketAddr::new(address, port)]),
            Err(_) => Err(io::ErrorKind::NotFound.into()),
        };
        Self {
            look_up: Arc::new(look_up),
            targets: Arc::new(targets),
        }
    }

    /// A resolver with the answers of a test.
    #[cfg(test)]
    pub(crate) fn of(
        look_up: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            look_up: Arc::new(look_up),
            targets: Arc::default(),
        }
    }

    /// The same with another policy of targets.
    #[cfg(test)]
    pub(crate) fn with_targets(self, targets: TargetPolicy) -> Self {
        Self {
            targets: Arc::new(targets),
            ..self
        }
    }

    /// All addresses, in the resolver's order. Blocks without a time limit.
    pub(crate) fn look_up(&self, endpoint: &Endpoint) -> io::Result<Vec<SocketAddr>> {
        (self.look_up)(&endpoint.host, endpoint.port)
    }

    /// The same without blocking the thread.
    pub(crate) async fn look_up_async(&self, endpoint: &Endpoint) -> io::Result<Vec<SocketAddr>> {
        let (resolver, endpoint) = (self.clone(), endpoint.clone());
        let answer = tokio::task::spawn_blocking(move || resolver.look_up(&endpoint));
        answer
            .await
            .unwrap_or_else(|broken| Err(io::Error::other(broken)))
    }

    /// Selects the addresses of an answer that are used; or the failure of a request to
    /// them.
    pub(crate) fn select(
        &self,
        answer: &io::Result<Vec<SocketAddr>>,
        policy: DnsPolicy,
        endpoint: &Endpoint,
    ) -> Result<Selected, Failure> {
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
        let (answer, left_out) = self.targets_among(answer, host)?;
        let mut used: Vec<SocketAddr> = match policy {
            DnsPolicy::Spread => answer,
            DnsPolicy::First => answer[..1].to_vec(),
            DnsPolicy::V4 => family(&answer, SocketAddr::is_ipv4),
            DnsPolicy::V6 => family(&answer, SocketAddr::is_ipv6),
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
        Ok(Selected {
            addresses: used,
            left_out,
        })
    }

    /// Whether load may be sent to a name that a proxy looks up.
    pub(crate) fn check_unresolved(&self, name: &str) -> Result<(), Failure> {
        let checked = self.targets.check_unresolved(name);
        checked.map_err(|why| Failure::new(Cause::TargetForbidden, why.to_string()))
    }

    /// Whether load may be sent to a Unix socket.
    pub(crate) fn check_unix(&self, path: &str) -> Result<(), Failure> {
        let checked = self.targets.check_unix(path);
        checked.map_err(|why| Failure::new(Cause::TargetForbidden, why.to_string()))
    }

    /// The addresses of an answer that load may be sent to, with why others are left out;
    /// the failure of a request if there are only such.
    fn targets_among(
        &self,
        answer: &[SocketAddr],
        host: &str,
    ) -> Result<(Vec<SocketAddr>, Option<String>), Failure> {
        let mut why = None;
        let mut allowed = answer.to_vec();
        allowed.retain(
            |address| match self.targets.check_address(host, address.ip()) {
                Ok(()) => true,
                Err(forbidden) => {
                    why.get_or_insert(forbidden);
                    false
                }
            },
        );
        match why {
            Some(why) if allowed.is_empty() => {
                let is_address = host.parse::<IpAddr>().is_ok();
                let message = match is_address {
                    true => why.to_string(),
                    false => format!("name {host} leads where no load may be sent: {why}"),
                };
                Err(Failure::new(Cause::TargetForbidden, message))
            }
            Some(why) => Ok((
                allowed,
                Some(format!("an address of {host} was not used: {why}")),
            )),
            None => Ok((allowed, None)),
        }
    }
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
        let resolver = Resolver::system(TargetPolicy::default());
        let used = |policy| {
            let selected = resolver.select(&answer, policy, &shop).unwrap();
            assert_eq!(selected.left_out, None);
            selected.addresses
        };
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
            let resolver = Resolver::system(TargetPolicy::default());
            let failure = resolver
                .select(&answer, policy, &endpoint("shop"))
                .unwrap_err();
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
    #[test]
    fn what_load_must_not_be_sent_to_is_left_out_before_a_policy_chooses() {
        let usual = Resolver::system(TargetPolicy::default());
        let answer = Ok(addresses(&[
            "169.254.169.254:80",
            "[fe80::1]:80",
            "10.0.0.1:80",
            "[2001:db8::1]:80",
        ]));
        let shop = endpoint("shop.test");
        let first = usual.select(&answer, DnsPolicy::First, &shop).unwrap();
        assert_eq!(first.addresses, addresses(&["10.0.0.1:80"]));
        assert_eq!(
            first.left_out.unwrap(),
            "an address of shop.test was not used: 169.254.169.254 is a metadata address, where machines of a cloud get credentials; it has to be allowed (--allow-target 169.254.169.254, AllowTargets of a stack)"
        );
        let v6 = usual.select(&answer, DnsPolicy::V6, &shop).unwrap();
        assert_eq!(v6.addresses, addresses(&["[2001:db8::1]:80"]));

        let names = ("--allow-target", "--only-target");
        let policy =
            |allow: &[&str], only: &[&str]| TargetPolicy::parse(allow, only, names).unwrap();
        let all = Resolver::system(policy(&["shop.test"], &[]));
        let all = all.select(&answer, DnsPolicy::Spread, &shop).unwrap();
        assert_eq!((all.addresses.len(), all.left_out), (4, None));

        let only = Resolver::system(policy(&[], &["10.0.0.0/8"]));
        let some = only.select(&answer, DnsPolicy::Spread, &shop).unwrap();
        assert_eq!(some.addresses, addresses(&["10.0.0.1:80"]));
        for (host, answer, message) in [
            (
                "shop.test",
                "11.0.0.1:80",
                "name shop.test leads where no load may be sent: 11.0.0.1 is not among the only targets that are allowed (--only-target, OnlyTargets of a stack)",
            ),
            (
                "0.0.0.0",
                "0.0.0.0:80",
                "0.0.0.0 is the address of no host; use 127.0.0.1 for this machine",
            ),
        ] {
            let answer = Ok(addresses(&[answer]));
            let failure = only
                .select(&answer, DnsPolicy::Spread, &endpoint(host))
                .unwrap_err();
            assert_eq!(failure.cause, Cause::TargetForbidden);
            assert_eq!(failure.key().message, message);
        }
    }
}
