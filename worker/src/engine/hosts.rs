//! The hosts of a plan: asked for before the clock starts, and where each thread
//! begins among their addresses, so that threads and runners with few
//! connections do not all take the first.

use super::http::origin::Known;
use super::http::request::Endpoint;
use super::http::resolver::{Resolver, used};
use super::prepare::{Prepared, PreparedGroup};
use dlt_core::load::Model;
use dlt_core::scenario::plan::{Dns, Plan};
use dlt_core::share::{Lot, Slice};
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
pub(super) struct Host {
    endpoint: Endpoint,
    dns: Dns,
    /// None: it did not resolve in time.
    addresses: Vec<SocketAddr>,
    /// Whose requests go there.
    groups: Vec<usize>,
}

/// The hosts that the plan names, resolved side by side. One that does not
/// resolve is not an error here: its requests fail with cause `dns`, as a run
/// should tell.
pub(super) fn hosts(plan: &Plan, groups: &[PreparedGroup], resolver: &Resolver) -> Vec<Host> {
    let mut hosts: Vec<Host> = Vec::new();
    for (index, group) in groups.iter().enumerate() {
        let dns = plan.groups[index].dns;
        for endpoint in group.steps.iter().filter_map(|step| step.shape.endpoint()) {
            let known = hosts
                .iter_mut()
                .find(|host| host.endpoint == *endpoint && host.dns == dns);
            match known {
                Some(host) if host.groups.contains(&index) => {}
                Some(host) => host.groups.push(index),
                None => hosts.push(Host {
                    endpoint: endpoint.clone(),
                    dns,
                    addresses: Vec::new(),
                    groups: vec![index],
                }),
            }
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

/// The plan's hosts as a thread begins with them.
pub(super) fn known(prepared: &Prepared, thread: u64) -> Vec<Known> {
    let known = prepared.hosts.iter().map(|host| Known {
        endpoint: host.endpoint.clone(),
        dns: host.dns,
        addresses: host.addresses.clone(),
        first_turn: host
            .groups
            .iter()
            .map(|group| connections_before(prepared, *group, thread))
            .sum(),
    });
    known.collect()
}

/// A thread's number among all of the run: where it begins among the addresses
/// of hosts that the plan does not name.
pub(super) fn number(prepared: &Prepared, thread: u64) -> u64 {
    runner(prepared.lot) * prepared.threads + thread
}

/// A runner's number in the run.
fn runner(lot: Lot) -> u64 {
    lot.slice.first + lot.share.index
}

/// How many connections to a host the threads before this one open for a group,
/// as far as the plan says it: one a user; in open load, where it depends on
/// the answers, at least one a thread.
fn connections_before(prepared: &Prepared, group: usize, thread: u64) -> u64 {
    let load = &prepared.plan.groups[group].load;
    let users = match &load.model {
        Model::Users(curve) => curve.peak().ceil() as u64,
        Model::Arrivals(_) => return number(prepared, thread),
    };
    let lot = prepared.lot;
    let (earlier_runners, own) = if load.per_task {
        (runner(lot) * users, Lot::WHOLE)
    } else {
        (users_before(lot, users), lot)
    };
    let earlier_threads = (0..thread).map(|thread| own.split(thread, prepared.threads));
    earlier_runners + earlier_threads.map(|part| part.count(users)).sum::<u64>()
}

/// How many of the run's users belong to runners of lower number.
fn users_before(lot: Lot, users: u64) -> u64 {
    let Lot { slice, share } = lot;
    let earlier_regions = Slice {
        first: 0,
        count: slice.first,
        of: slice.of,
    };
    let here = slice.count(users);
    let earlier_here = share.index * (here / share.of) + share.index.min(here % share.of);
    earlier_regions.count(users) + earlier_here
}

#[cfg(test)]
mod tests;
