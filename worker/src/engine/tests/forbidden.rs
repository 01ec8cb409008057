//! Targets that must not be hit: no connection is opened to them, whatever leads there.
//! 0.0.0.0 is one of them, and the system would connect to this machine by it, so a
//! target of the test would count what should not have come.

use super::names::{Zone, followed, named, step_to, until_read};
use super::target::answer;
use super::*;
use std::net::SocketAddr;

pub(super) fn policy(allow: &[&str], only: &[&str]) -> TargetPolicy {
    TargetPolicy::parse(allow, only, ("--allow-target", "--only-target")).unwrap()
}

fn run_by(targets: TargetPolicy, steps: Vec<Step>) -> LoadResult {
    let resolver = Resolver::system(targets);
    let group = rounds(2.0, 3, steps);
    let (load, seconds) = start_with(vec![group], 1, Lot::WHOLE, resolver);
    finish(load, seconds, 1)
}

pub(super) fn messages(result: &LoadResult) -> Vec<&str> {
    let keys = result.tally.errors.keys();
    keys.map(|key| key.message.as_str()).collect()
}

/// An address of no host, on a target's port.
fn unspecified(target: &Target) -> SocketAddr {
    SocketAddr::from(([0, 0, 0, 0], target.address.port()))
}

#[test]
fn an_address_that_is_no_target_gets_no_connection() {
    let target = Target::plain();
    let port = target.address.port();
    for host in [
        "0.0.0.0",
        "[::ffff:0.0.0.0]",
        "[::ffff:0:0.0.0.0]",
        "[64:ff9b::]",
    ] {
        let steps = || vec![step_to(&format!("http://{host}:{port}/"))];
        let result = run_by(TargetPolicy::default(), steps());
        let account = result.tally.account;
        assert_eq!(failed(&result, Cause::TargetForbidden), 6, "{host}");
        assert_eq!(
            (account.failed, account.unconnected, account.sent),
            (6, 6, 0)
        );
        assert_eq!(
            messages(&result),
            ["0.0.0.0 is the address of no host; use 127.0.0.1 for this machine"]
        );
    }
    assert_eq!(target.connections(), 0);
    let url = format!("http://0.0.0.0:{port}/");
    let result = run_by(policy(&["0.0.0.0"], &[]), vec![step_to(&url)]);
    assert_eq!(
        (result.tally.account.ok, target.total()),
        (6, 6),
        "{:?}",
        messages(&result)
    );
}

#[test]
fn no_hop_of_a_redirect_leads_to_what_is_no_target() {
    let target = Target::new(|request, _| {
        let host = request.head.split("Host: ").nth(1).unwrap();
        let port = host
            .split("\r\n")
            .next()
            .unwrap()
            .rsplit(':')
            .next()
            .unwrap();
        let to = match request.path() {
            "/first" => format!("http://0:{port}/meta"),
            "/second" => "/first".to_owned(),
            "/mapped" => format!("//[::ffff:0:0]:{port}/meta"),
            "/metadata" => "http://2852039166/latest/meta-data/".to_owned(),
            _ => return answer("200 OK", "", ""),
        };
        answer("302 Found", &format!("Location: {to}\r\n"), "")
    });
    let paths = ["/first", "/second", "/mapped", "/metadata"];
    let steps = paths.map(|path| step(&target, path)).to_vec();
    let result = run_by(TargetPolicy::default(), steps);
    let account = result.tally.account;
    // Each redirect is an answer of its own; the hop after it fails under the same label.
    assert_eq!(
        (account.ok, account.failed),
        (30, 24),
        "{:?}",
        messages(&result)
    );
    assert_eq!(failed(&result, Cause::TargetForbidden), 24);
    assert_eq!((account.sent, account.unconnected), (30, 24));
    assert_eq!((target.total(), target.count("/meta")), (30, 0));
    for (label, ok) in paths.into_iter().zip([6, 12, 6, 6]) {
        let tally = &result.tally.labels[label];
        assert_eq!((tally.ok, tally.failed), (ok, 6), "{label}");
    }
}

#[test]
fn a_name_is_judged_by_where_it_leads() {
    let [target] = Target::on_one_port(["127.0.0.1"]);
    let port = target.address.port();
    let run = |answer: &[SocketAddr], targets: TargetPolicy| {
        let resolver = Zone::of(answer).resolver().with_targets(targets);
        let group = rounds(2.0, 3, vec![named(port, "/")]);
        let (load, seconds) = start_with(vec![group], 2, Lot::WHOLE, resolver);
        finish(load, seconds, 2)
    };
    let nowhere = unspecified(&target);
    let result = run(&[nowhere], TargetPolicy::default());
    assert_eq!(failed(&result, Cause::TargetForbidden), 6);
    assert_eq!(
        messages(&result),
        [
            "name shop.test leads where no load may be sent: 0.0.0.0 is the address of no host; use 127.0.0.1 for this machine"
        ]
    );
    assert_eq!(target.connections(), 0);

    // What else it leads to is used, and that is told once.
    let result = run(&[nowhere, target.address], TargetPolicy::default());
    assert_eq!(result.tally.account.ok, 6, "{:?}", messages(&result));
    assert_eq!(
        result.generator.addresses,
        [(target.address.to_string(), 6)]
    );
    let [warning] = &result.warnings[..] else {
        panic!("{:?}", result.warnings);
    };
    assert!(
        warning
            .starts_with("an address of shop.test was not used: 0.0.0.0 is the address of no host"),
        "{warning}"
    );

    let by_name = run(&[nowhere], policy(&["shop.test"], &[]));
    assert_eq!(by_name.tally.account.ok, 6, "{:?}", messages(&by_name));
}

#[test]
fn the_only_targets_hold_for_addresses_names_and_redirects() {
    let [inside, outside] = Target::on_one_port(["127.0.0.2", "127.0.0.3"]);
    let port = inside.address.port();
    let elsewhere = format!("Location: http://{}/\r\n", outside.address);
    let leading = Target::new(move |_, _| answer("307 Temporary", &elsewhere, ""));
    let ranges = || policy(&[], &["127.0.0.2", "127.0.0.1/32"]);
    let steps = vec![
        step(&inside, "/in"),
        step(&outside, "/out"),
        step(&leading, "/leads"),
    ];
    let result = run_by(ranges(), steps);
    let account = result.tally.account;
    assert_eq!(
        (account.ok, failed(&result, Cause::TargetForbidden)),
        (12, 12)
    );
    assert_eq!(
        (inside.total(), leading.total(), outside.connections()),
        (6, 6, 0)
    );

    let answer = [inside.address, outside.address];
    let resolver = Zone::of(&answer).resolver();
    let group = || vec![rounds(2.0, 3, vec![named(port, "/")])];
    let (load, seconds) = start_with(
        group(),
        1,
        Lot::WHOLE,
        resolver.clone().with_targets(ranges()),
    );
    let result = finish(load, seconds, 1);
    assert_eq!((result.tally.account.ok, outside.connections()), (6, 0));
    let by_name = resolver.with_targets(policy(&[], &["*.test"]));
    let (load, seconds) = start_with(group(), 1, Lot::WHOLE, by_name);
    let result = finish(load, seconds, 1);
    assert_eq!((result.tally.account.ok, outside.connections()), (6, 1));
}

/// Waits for a second in which a request failed.
fn until_failing(seconds: &mut UnboundedReceiver<ThreadSecond>) {
    while let Some(second) = seconds.blocking_recv() {
        if second.second.failed > 0 {
            return;
        }
    }
    panic!("the load ended");
}

#[test]
fn a_name_that_moves_to_what_is_no_target_is_not_followed() {
    let [target] = Target::on_one_port(["127.0.0.1"]);
    let zone = Zone::of(&[target.address]);
    let group = followed(target.address.port(), 1.0);
    let (load, mut seconds) = start_with(vec![group], 1, Lot::WHOLE, zone.resolver());
    until_read(&target, 10);
    zone.set(Some(&[unspecified(&target)]));
    until_failing(&mut seconds);
    assert_eq!(target.connections(), 1);
    // Its old address is its address again: that is used again.
    let read = target.total();
    zone.set(Some(&[target.address]));
    until_read(&target, read + 10);
    load.stop();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let result = runtime.block_on(super::finished(load));
    let account = result.tally.account;
    assert!(account.failed > 0);
    assert_eq!(failed(&result, Cause::TargetForbidden), account.failed);
    assert_eq!(account.unconnected, account.failed);
    assert_eq!((account.sent, target.connections()), (target.total(), 2));
}
