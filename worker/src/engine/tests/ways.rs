//! Connections that go elsewhere (`resolve`, `connect-to`): what is sent, what TLS asks for
//! and what is counted stay those of the URL.

use super::forbidden::{messages, policy};
use super::names::step_to;
use super::secure::{Authority, secure};
use super::target::answer;
use super::*;
use dlt_core::routing::{ConnectTo, Resolve};
use std::net::SocketAddr;

pub(super) fn group_by(steps: Vec<Step>, resolve: &[&str], connect_to: &[&str]) -> Group {
    let mut group = rounds(2.0, 3, steps);
    let read = |it: &&str| Resolve::parse(it).unwrap();
    group.routing.resolve = resolve.iter().map(read).collect();
    let read = |it: &&str| ConnectTo::parse(it).unwrap();
    group.routing.connect_to = connect_to.iter().map(read).collect();
    group
}

/// Names are looked up by nobody.
pub(super) fn asks_nobody() -> Resolver {
    Resolver::of(|host, port| match host.parse() {
        Ok(address) => Ok(vec![SocketAddr::new(address, port)]),
        Err(_) => panic!("{host} was looked up"),
    })
}

pub(super) fn run_by(group: Group, resolver: Resolver) -> LoadResult {
    let (load, seconds) = start_with(vec![group], 1, Lot::WHOLE, resolver);
    finish(load, seconds, 1)
}

#[test]
fn resolve_goes_to_all_its_addresses_in_turn() {
    let targets = Target::on_one_port(["127.0.0.1", "127.0.0.2"]);
    let port = targets[0].address.port();
    let entry = format!("shop.test:{port}:127.0.0.1,127.0.0.2");
    let step = step_to(&format!("http://shop.test:{port}/x"));
    let result = run_by(group_by(vec![step], &[&entry], &[]), asks_nobody());
    assert_eq!(result.tally.account.ok, 6, "{:?}", messages(&result));
    let rows = targets
        .each_ref()
        .map(|target| (target.address.to_string(), 3));
    assert_eq!(result.generator.addresses, rows);
    assert_eq!(result.generator.proxies, []);
    for target in &targets {
        for request in target.requests() {
            let host = format!("\r\nHost: shop.test:{port}\r\n");
            assert!(request.head.contains(&host), "{}", request.head);
        }
    }
}

#[test]
fn connect_to_keeps_name_certificate_and_label() {
    let authority = Authority::new();
    let target = secure(&authority, "shop.test", false, false);
    let mut step = step_to("https://shop.test/x");
    step.label = "shop".to_owned();
    let to = format!("shop.test:443:127.0.0.1:{}", target.address.port());
    let run = |step: Step| {
        let mut group = group_by(vec![step], &[], &[&to, "::127.0.0.1:1"]);
        group.tls.ca_file = authority.text("ca");
        run_by(group, asks_nobody())
    };
    let result = run(step.clone());
    assert_eq!(result.tally.labels["shop"].ok, 6, "{:?}", messages(&result));
    assert_eq!(
        result.generator.addresses,
        [(target.address.to_string(), 6)]
    );
    // Another name is not that of the certificate, wherever it leads.
    step.url = format!("https://other.test:{}/", target.address.port())
        .parse()
        .unwrap();
    let mut group = group_by(vec![step], &[], &["::127.0.0.1:"]);
    group.tls.ca_file = authority.text("ca");
    let result = run_by(group, asks_nobody());
    assert_eq!(failed(&result, Cause::Tls), 6, "{:?}", messages(&result));
    let told = messages(&result);
    let begin = format!(
        "TLS with other.test:{} at 127.0.0.1:",
        target.address.port()
    );
    assert!(told[0].starts_with(&begin), "{told:?}");
}

#[test]
fn a_hop_of_a_redirect_takes_the_way_of_its_own_host() {
    let second = Target::plain();
    let first = Target::new(|_, _| answer("302 Found", "Location: http://other.test/y\r\n", ""));
    let to = [
        format!("shop.test:80:{}", first.address),
        format!("other.test::{}", second.address),
    ];
    let group = group_by(vec![step_to("http://shop.test/x")], &[], &[&to[0], &to[1]]);
    let result = run_by(group, asks_nobody());
    assert_eq!(result.tally.account.ok, 12, "{:?}", messages(&result));
    assert_eq!((first.count("/x"), second.count("/y")), (6, 6));
}

#[test]
fn what_is_really_connected_to_has_to_be_allowed() {
    let target = Target::plain();
    let port = target.address.port();
    let step = || step_to(&format!("http://shop.test:{port}/x"));
    let pinned = format!("shop.test:{port}:0.0.0.0");
    let result = run_by(group_by(vec![step()], &[&pinned], &[]), asks_nobody());
    assert_eq!(failed(&result, Cause::TargetForbidden), 6);
    for to in ["::0.0.0.0:", "::[::ffff:0.0.0.0]:"] {
        let result = run_by(group_by(vec![step()], &[], &[to]), asks_nobody());
        assert_eq!(failed(&result, Cause::TargetForbidden), 6, "{to}");
    }
    let only = |list: &[&str]| asks_nobody().with_targets(policy(&[], list));
    let to = "::127.0.0.1:";
    let result = run_by(group_by(vec![step()], &[], &[to]), only(&["shop.test"]));
    assert_eq!(failed(&result, Cause::TargetForbidden), 6);
    assert!(messages(&result)[0].contains("127.0.0.1 is not among"));
    assert_eq!(target.connections(), 0);
    let result = run_by(group_by(vec![step()], &[], &[to]), only(&["127.0.0.0/8"]));
    assert_eq!(result.tally.account.ok, 6, "{:?}", messages(&result));
    // A name that is listed may lie where the scenario says.
    let pinned = format!("shop.test:{port}:127.0.0.1");
    let result = run_by(
        group_by(vec![step()], &[&pinned], &[]),
        only(&["shop.test"]),
    );
    assert_eq!(result.tally.account.ok, 6, "{:?}", messages(&result));
}

#[test]
fn what_is_not_there_is_named_as_it_was_dialled() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let to = format!("::{gone}");
    let result = run_by(
        group_by(vec![step_to("http://shop.test/")], &[], &[&to]),
        asks_nobody(),
    );
    assert_eq!(failed(&result, Cause::Refused), 6);
    assert_eq!(messages(&result), [format!("connection refused by {gone}")]);
}
