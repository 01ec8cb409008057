//! With which of a host's addresses each thread begins, so that threads and
//! runners with few connections do not all use the first one.

use crate::engine::http::origin::KnownHost;
use crate::engine::walk::prepare::PreparedLoad;
use dlt_core::load::Model;
use dlt_core::load::share::{Lot, Slice};

/// The plan's hosts, with where a thread begins among their addresses.
pub(crate) fn known_hosts(prepared: &PreparedLoad, thread: u64) -> Vec<KnownHost> {
    let hosts = prepared.hosts.iter().map(|host| KnownHost {
        key: host.key.clone(),
        addresses: host.addresses.clone(),
        first_index: host
            .groups
            .iter()
            .map(|group| connections_before(prepared, *group, thread))
            .sum(),
        left_out: host.left_out.clone(),
    });
    hosts.collect()
}

/// A thread's number among all threads of the run. With it the thread begins among
/// the addresses of hosts that the plan does not name.
pub(crate) fn thread_number(prepared: &PreparedLoad, thread: u64) -> u64 {
    runner_number(prepared.lot) * prepared.threads + thread
}

/// A runner's number among all runners of the run.
fn runner_number(lot: Lot) -> u64 {
    lot.slice.first + lot.share.index
}

/// How many connections the threads before this one open for a group, as far as
/// the plan says: one for each user. In open load it depends on the answers; one
/// for each thread is assumed.
fn connections_before(prepared: &PreparedLoad, group: usize, thread: u64) -> u64 {
    let load = &prepared.plan.groups[group].load;
    let users = match &load.model {
        Model::Users(curve) => curve.peak().ceil() as u64,
        Model::Arrivals(_) => return thread_number(prepared, thread),
    };
    let lot = prepared.lot;
    let (earlier_runners, users_of) = if load.per_task {
        (runner_number(lot) * users, Lot::WHOLE)
    } else {
        (users_before(lot, users), lot)
    };
    let earlier_threads = (0..thread).map(|thread| users_of.split(thread, prepared.threads));
    earlier_runners + earlier_threads.map(|part| part.count(users)).sum::<u64>()
}

/// How many of the run's users belong to runners with lower numbers.
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
