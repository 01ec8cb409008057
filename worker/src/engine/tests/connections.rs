//! `connection-policy`: how long connections are used again, as the target sees it, and where
//! they come from.

use super::names::step_to;
use super::ways::{asks_nobody, group_by, run_by};
use super::*;
use dlt_core::scenario::plan::{Reuse, ThinkTime};
use std::net::IpAddr;

#[test]
fn each_round_begins_with_new_connections() {
    let [one, two] = [Target::plain(), Target::plain()];
    let steps = vec![step(&one, "/a"), step(&two, "/b"), step(&one, "/c")];
    let mut group = rounds(3.0, 4, steps);
    group.connection_policy.reuse = Reuse::Iteration;
    let result = run(group, 2);
    assert_eq!(result.tally.account.ok, 3 * 4 * 3);
    assert_eq!((one.connections(), two.connections()), (12, 12));
    // The target is not asked to close, for the round may go on.
    assert!(
        one.requests()
            .iter()
            .all(|request| !request.head.contains("Connection: close"))
    );
}

/// A user keeps a connection to each origin that its scenario names, however many these are.
#[test]
fn a_user_keeps_a_connection_to_each_origin() {
    let targets: Vec<Target> = (0..12).map(|_| Target::plain()).collect();
    let steps = targets.iter().map(|target| step(target, "/")).collect();
    let result = run(rounds(2.0, 5, steps), 1);
    assert_eq!(result.tally.account.ok, 2 * 5 * 12);
    for target in &targets {
        assert_eq!((target.total(), target.connections()), (10, 2));
    }
}

#[test]
fn each_arrival_begins_with_new_connections() {
    let target = Target::plain();
    let steps = vec![step(&target, "/a"), step(&target, "/b")];
    let mut group = arrivals(100.0, 300, steps);
    group.connection_policy.reuse = Reuse::Iteration;
    let result = run(group, 1);
    assert_eq!(result.tally.account.ok, 60, "{:?}", result.tally.errors);
    assert_eq!(target.connections(), 30);
}

#[test]
fn a_connection_ends_after_so_many_requests() {
    for (most, connections) in [(1, 14), (3, 6), (7, 2), (8, 2)] {
        let target = Target::plain();
        let mut group = rounds(2.0, 7, vec![step(&target, "/")]);
        group.connection_policy.max_requests = Some(most);
        let result = run(group, 1);
        assert_eq!(result.tally.account.ok, 14);
        assert_eq!(target.connections(), connections, "after {most}");
        assert_eq!(result.tally.overall().connect.count, connections);
    }
}

#[test]
fn no_request_begins_on_a_connection_that_is_too_old() {
    let target = Target::plain();
    let mut paused = step(&target, "/");
    paused.think_time = ThinkTime::Fixed(40_000);
    let mut group = rounds(1.0, 9, vec![paused]);
    group.connection_policy.max_age_us = Some(60_000);
    let result = run(group, 1);
    assert_eq!(result.tally.account.ok, 9);
    // At 0 and 40 ms on the first, at 80 ms not.
    let connections = target.connections();
    assert!((5..=9).contains(&connections), "{connections}");
}

#[test]
fn connections_come_from_the_addresses_in_turn() {
    let target = Target::plain();
    let sources: Vec<IpAddr> = ["127.0.0.5", "127.0.0.9", "::1"]
        .map(|text| text.parse().unwrap())
        .into();
    let mut group = rounds(4.0, 3, vec![step(&target, "/")]);
    group
        .connection_policy
        .source_addresses
        .clone_from(&sources);
    group.connection_policy.reuse = Reuse::Request;
    let result = run(group, 1);
    assert_eq!(result.tally.account.ok, 12, "{:?}", result.tally.errors);
    let seen = target.sources();
    for source in &sources[..2] {
        assert_eq!(seen.iter().filter(|seen| *seen == source).count(), 6);
    }
}

/// Each family takes its own addresses in turn, whatever the other does in between.
#[test]
fn addresses_of_both_families_are_taken_in_turn() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        eprintln!("NOT RUN: this machine has no IPv6");
        return;
    }
    let targets = Target::on_one_port(["127.0.0.1", "::1"]);
    let port = targets[0].address.port();
    let entry = format!("both.test:{port}:127.0.0.1,[::1]");
    let mut group = group_by(
        vec![step_to(&format!("http://both.test:{port}/"))],
        &[&entry],
        &[],
    );
    group.load = rounds(1.0, 12, vec![step(&targets[0], "/")]).load;
    let sources: Vec<IpAddr> = ["127.0.0.5", "127.0.0.9", "::1"]
        .map(|text| text.parse().unwrap())
        .into();
    group
        .connection_policy
        .source_addresses
        .clone_from(&sources);
    group.connection_policy.reuse = Reuse::Request;
    let result = run_by(group, asks_nobody());
    assert_eq!(result.tally.account.ok, 12, "{:?}", result.tally.errors);
    let seen = targets[0].sources();
    for source in &sources[..2] {
        assert_eq!(
            seen.iter().filter(|seen| *seen == source).count(),
            3,
            "{seen:?}"
        );
    }
}

/// Before the load, since each request would fail by it.
#[test]
fn an_address_that_is_not_the_runner_s_is_told() {
    let target = Target::plain();
    let mut group = rounds(1.0, 1, vec![step(&target, "/")]);
    // Of the block for documentation (RFC 5737).
    group.connection_policy.source_addresses = vec!["192.0.2.1".parse().unwrap()];
    let spec = spec(vec![group], 1, Instant::now());
    let prepared = PreparedLoad::new(&spec, Resolver::system(TargetPolicy::default()));
    let told = prepared.unwrap_err().to_string();
    assert!(
        told.contains("connection-policy.source-addresses: 192.0.2.1 is no address of this runner"),
        "{told}"
    );
    assert_eq!(target.connections(), 0);
}

/// The same of addresses of the other family than the target's.
#[test]
fn addresses_that_cannot_reach_the_target_are_told() {
    let target = Target::plain();
    let mut group = rounds(1.0, 1, vec![step(&target, "/")]);
    group.connection_policy.source_addresses = vec!["::1".parse().unwrap()];
    let spec = spec(vec![group], 1, Instant::now());
    let prepared = PreparedLoad::new(&spec, Resolver::system(TargetPolicy::default()));
    let told = prepared.unwrap_err().to_string();
    let says = format!("has no IPv4 address, and {} has no other", target.address);
    assert!(told.contains(&says), "{told}");
    assert_eq!(target.connections(), 0);
}
