//! Resolves the hosts of a plan before the clock starts. `named_host` and
//! `addresses` decide which of a host's addresses a connection takes.

use super::request::Endpoint;
use super::resolver::Resolver;
use super::way::HostKey;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How long resolving all names may take; a late name resolves when it is used.
const RESOLVE_LIMIT: Duration = Duration::from_secs(5);
/// Most names that are resolved beforehand.
const MOST_NAMES: usize = 64;

/// A host of the plan, for all groups with the same `dns`.
#[derive(Debug)]
pub(crate) struct ResolvedHost {
    pub(crate) key: HostKey,
    /// Empty if the name did not resolve in time, or leads where no load may be sent.
    pub(crate) addresses: Vec<SocketAddr>,
    /// That some of its addresses are not used, for people.
    pub(crate) left_out: Option<String>,
    /// The groups whose requests go there.
    pub(crate) groups: Vec<usize>,
}

/// A host that a group's connections need.
#[derive(Debug, Clone)]
pub(crate) struct HostUse {
    pub(crate) group: usize,
    pub(crate) key: HostKey,
}

/// Resolves each host once, all at the same time. A host that does not resolve is
/// no error here: its requests fail with cause `dns`, or with `target-forbidden`.
pub(crate) fn resolve_hosts(
    uses: impl Iterator<Item = HostUse>,
    resolver: &Resolver,
) -> Vec<ResolvedHost> {
    let mut hosts: Vec<ResolvedHost> = Vec::new();
    for HostUse { group, key } in uses {
        let known = hosts.iter_mut().find(|host| host.key == key);
        match known {
            Some(host) if host.groups.contains(&group) => {}
            Some(host) => host.groups.push(group),
            None => hosts.push(ResolvedHost {
                key,
                addresses: Vec::new(),
                left_out: None,
                groups: vec![group],
            }),
        }
    }
    let answers = look_up_all(hosts.iter().map(|host| &host.key.endpoint), resolver);
    for host in &mut hosts {
        let HostKey { endpoint, dns, .. } = &host.key;
        let answer = answers.get(endpoint);
        let used = answer.map(|answer| resolver.select(answer, dns.policy, endpoint));
        if let Some(Ok(selected)) = used {
            host.addresses = selected.addresses;
            host.left_out = selected.left_out;
        }
    }
    hosts
}

/// The resolver's answers for the first names, each looked up once.
fn look_up_all<'a>(
    endpoints: impl Iterator<Item = &'a Endpoint>,
    resolver: &Resolver,
) -> HashMap<Endpoint, io::Result<Vec<SocketAddr>>> {
    let mut distinct: Vec<Endpoint> = Vec::new();
    for endpoint in endpoints {
        if !distinct.contains(endpoint) && distinct.len() < MOST_NAMES {
            distinct.push(endpoint.clone());
        }
    }
    let (sender, answers) = mpsc::channel();
    let mut begun = 0;
    for endpoint in distinct {
        let (sender, resolver) = (sender.clone(), resolver.clone());
        let look_up = move || {
            let answer = resolver.look_up(&endpoint);
            // Fails only once the time limit has passed.
            let _ = sender.send((endpoint, answer));
        };
        let thread = std::thread::Builder::new().name("resolve".to_owned());
        begun += usize::from(thread.spawn(look_up).is_ok());
    }
    let until = Instant::now() + RESOLVE_LIMIT;
    let mut known = HashMap::new();
    while known.len() < begun {
        let left = until.saturating_duration_since(Instant::now());
        let Ok((endpoint, answer)) = answers.recv_timeout(left) else {
            break;
        };
        known.insert(endpoint, answer);
    }
    known
}
