//! The hosts of a plan, asked for before the clock starts. Which of a host's
//! addresses a connection takes is `origin`'s and `addresses`'.

use super::request::Endpoint;
use super::resolver::{Resolver, used};
use dlt_core::scenario::plan::Dns;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How long names may take to resolve beforehand; later ones resolve when used.
const LONGEST_RESOLVE: Duration = Duration::from_secs(5);
/// Most names resolved beforehand.
const MOST_NAMES: usize = 64;

/// A host of the plan, for the groups that want the same of its name.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) endpoint: Endpoint,
    pub(crate) dns: Dns,
    /// None: it did not resolve in time.
    pub(crate) addresses: Vec<SocketAddr>,
    /// Whose requests go there.
    pub(crate) groups: Vec<usize>,
}

/// A host that requests of a group go to, and what is wanted of its name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// Number of the group.
    pub(crate) group: usize,
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) dns: Dns,
}

/// The hosts, each once, resolved side by side. One that does not resolve is
/// not an error here: its requests fail with cause `dns`, as a run should tell.
pub(crate) fn hosts<'a>(
    wanted: impl Iterator<Item = Wanted<'a>>,
    resolver: &Resolver,
) -> Vec<Host> {
    let mut hosts: Vec<Host> = Vec::new();
    for Wanted {
        group,
        endpoint,
        dns,
    } in wanted
    {
        let known = hosts
            .iter_mut()
            .find(|host| host.endpoint == *endpoint && host.dns == dns);
        match known {
            Some(host) if host.groups.contains(&group) => {}
            Some(host) => host.groups.push(group),
            None => hosts.push(Host {
                endpoint: endpoint.clone(),
                dns,
                addresses: Vec::new(),
                groups: vec![group],
            }),
        }
    }
    let answers = resolved(hosts.iter().map(|host| &host.endpoint), resolver);
    for host in &mut hosts {
        let answer = answers.get(&host.endpoint);
        let used = answer.map(|answer| used(answer, host.dns.policy, &host.endpoint));
        host.addresses = used.and_then(Result::ok).unwrap_or_default();
    }
    hosts
}

/// What the resolver says of the first names, each asked for once.
fn resolved<'a>(
    endpoints: impl Iterator<Item = &'a Endpoint>,
    resolver: &Resolver,
) -> HashMap<Endpoint, io::Result<Vec<SocketAddr>>> {
    let mut wanted: Vec<Endpoint> = Vec::new();
    for endpoint in endpoints {
        if !wanted.contains(endpoint) && wanted.len() < MOST_NAMES {
            wanted.push(endpoint.clone());
        }
    }
    let (sender, answers) = mpsc::channel();
    let mut asked = 0;
    for endpoint in wanted {
        let (sender, resolver) = (sender.clone(), resolver.clone());
        let ask = move || {
            let answer = resolver.ask(&endpoint);
            // The receiver is gone only when time ran out.
            let _ = sender.send((endpoint, answer));
        };
        let thread = std::thread::Builder::new().name("resolve".to_owned());
        asked += usize::from(thread.spawn(ask).is_ok());
    }
    let until = Instant::now() + LONGEST_RESOLVE;
    let mut known = HashMap::new();
    while known.len() < asked {
        let left = until.saturating_duration_since(Instant::now());
        let Ok((endpoint, answer)) = answers.recv_timeout(left) else {
            break;
        };
        known.insert(endpoint, answer);
    }
    known
}
