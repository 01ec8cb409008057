//! The connections of all threads and runners are spread over the addresses of a
//! name as evenly as possible.

use super::*;
use crate::engine::http::resolver::Resolver;
use crate::engine::tests::{spec, step, target::Target, users};
use dlt_core::load::share::Share;
use dlt_core::scenario::plan::{Group, Step};
use proptest::prelude::*;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

/// A resolver that answers every name with so many addresses.
fn resolver(addresses: u8) -> Resolver {
    Resolver::of(move |_, port| {
        let all = (1..=addresses).map(|n| SocketAddr::from(([10, 0, 0, n], port)));
        Ok(all.collect())
    })
}

fn step_to(host: &str) -> Step {
    let target = Target::plain();
    Step {
        url: format!("http://{host}/").parse().unwrap(),
        // Without redirects no TLS has to be prepared, which takes time.
        follow_redirects: false,
        ..step(&target, "/")
    }
}

fn group(count: u64, host: &str) -> Group {
    users(count as f64, 1_000, vec![step_to(host)])
}

/// Each runner's lot; regions have the runners given.
fn lots(regions: &[u64]) -> Vec<Lot> {
    let of = regions.iter().sum();
    let mut first = 0;
    let mut lots = Vec::new();
    for &count in regions {
        let slice = Slice { first, count, of };
        lots.extend((0..count).map(|index| Lot {
            slice,
            share: Share { index, of: count },
        }));
        first += count;
    }
    lots
}

fn prepared(groups: &[Group], threads: u64, lot: Lot, addresses: u8) -> PreparedLoad {
    let mut spec = spec(groups.to_vec(), threads as usize, Instant::now());
    spec.lot = lot;
    PreparedLoad::new(&spec, resolver(addresses)).unwrap()
}

/// Connections by address of `host` if each user opens one.
fn connections(
    groups: &[Group],
    threads: u64,
    regions: &[u64],
    addresses: u8,
    host: &str,
) -> Vec<u64> {
    let mut counts = vec![0; usize::from(addresses)];
    for lot in lots(regions) {
        let prepared = Arc::new(prepared(groups, threads, lot, addresses));
        for thread in 0..threads {
            let known = known_hosts(&prepared, thread);
            let known = known.iter().find(|known| known.key.endpoint.host == host);
            let known = known.unwrap();
            assert_eq!(known.addresses.len(), counts.len());
            let mine = groups
                .iter()
                .filter(|group| group.steps[0].url.host_str() == Some(host));
            let mine: u64 = mine
                .map(|group| {
                    let most = group.load.model.curve().peak() as u64;
                    let lot = if group.load.per_task { Lot::WHOLE } else { lot };
                    lot.split(thread, threads).count(most)
                })
                .sum();
            for turn in known.first_index..known.first_index + mine {
                let at = (turn % u64::from(addresses)) as usize;
                counts[at] += 1;
            }
        }
    }
    counts
}

#[track_caller]
fn assert_even(counts: &[u64]) {
    let spread = counts.iter().max().unwrap() - counts.iter().min().unwrap();
    assert!(spread <= 1, "{counts:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn users_of_the_run_are_spread_evenly(
        count in 1u64..60,
        other in 1u64..9,
        threads in 1u64..4,
        regions in prop::collection::vec(1u64..5, 1..3),
        addresses in 1u8..8,
    ) {
        let groups = [group(count, "a.test"), group(other, "b.test"), group(other, "a.test")];
        for host in ["a.test", "b.test"] {
            assert_even(&connections(&groups, threads, &regions, addresses, host));
        }
    }

    #[test]
    fn users_of_each_task_are_spread_evenly(
        count in 1u64..12,
        threads in 1u64..4,
        runners in 1u64..6,
        addresses in 1u8..8,
    ) {
        let mut group = group(count, "a.test");
        group.load.per_task = true;
        assert_even(&connections(&[group], threads, &[runners], addresses, "a.test"));
    }
}

#[test]
fn threads_of_open_load_begin_one_after_the_other() {
    let mut open = group(1, "a.test");
    open.load.model = Model::Arrivals(dlt_core::load::Curve::ramp_hold(50.0, 0, 1_000_000));
    let mut turns = Vec::new();
    for lot in lots(&[2, 1]) {
        let prepared = prepared(std::slice::from_ref(&open), 2, lot, 3);
        turns.extend((0..2).map(|thread| known_hosts(&prepared, thread)[0].first_index));
        // The same holds for hosts that the plan does not name.
        assert_eq!(thread_number(&prepared, 1), turns[turns.len() - 1]);
    }
    assert_eq!(turns, [0, 1, 2, 3, 4, 5]);
}

#[test]
fn a_name_is_looked_up_once_for_all_groups() {
    let mut first = group(2, "a.test");
    first.dns.policy = dlt_core::scenario::plan::DnsPolicy::First;
    let lookups = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = lookups.clone();
    let resolver = Resolver::of(move |host, port| {
        count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        match host {
            "a.test" => Ok((1..4)
                .map(|n| SocketAddr::from(([10, 0, 0, n], port)))
                .collect()),
            _ => Err(std::io::Error::other("no such name")),
        }
    });
    let groups = vec![
        group(1, "a.test"),
        first,
        group(1, "gone.test"),
        group(1, "a.test"),
    ];
    let prepared = PreparedLoad::new(&spec(groups, 1, Instant::now()), resolver).unwrap();
    assert_eq!(lookups.load(std::sync::atomic::Ordering::Relaxed), 2);
    let hosts: Vec<(usize, &[usize])> = prepared
        .hosts
        .iter()
        .map(|host| (host.addresses.len(), host.groups.as_slice()))
        .collect();
    assert_eq!(hosts, [(3, &[0, 3][..]), (1, &[1][..]), (0, &[2][..])]);
}
