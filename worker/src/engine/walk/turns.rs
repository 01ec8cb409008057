//! With which of a host's addresses each thread begins, so that threads and
//! runners with few connections do not all take the first.

use crate::engine::http::origin::Known;
use crate::engine::walk::prepare::Prepared;
use dlt_core::load::Model;
use dlt_core::load::share::{Lot, Slice};

/// The plan's hosts as a thread begins with them.
pub(crate) fn known(prepared: &Prepared, thread: u64) -> Vec<Known> {
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
pub(crate) fn number(prepared: &Prepared, thread: u64) -> u64 {
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
