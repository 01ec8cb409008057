//! Names with several addresses: connections use all of them in turn, those that
//! refuse are skipped, and new addresses of a name are used. The resolver answers
//! what the test wants; the targets are real and count what they get.

use super::target::answer;
use super::ways::run_by;
use super::*;
use dlt_core::load::share::{Share, Slice};
use dlt_core::scenario::plan::{DnsPolicy, Reuse, ThinkTime};
use std::net::SocketAddr;
use std::sync::Mutex;

const THREE: [&str; 3] = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];

/// What `shop.test` resolves to, changed as a test goes on; None: it does not.
#[derive(Clone, Default)]
pub(super) struct Zone(Arc<Mutex<Option<Vec<SocketAddr>>>>);

impl Zone {
    pub(super) fn of(addresses: &[SocketAddr]) -> Self {
        let zone = Self::default();
        zone.set(Some(addresses));
        zone
    }

    pub(super) fn set(&self, addresses: Option<&[SocketAddr]>) {
        *self.0.lock().unwrap() = addresses.map(<[_]>::to_vec);
    }

    pub(super) fn resolver(&self) -> Resolver {
        let zone = self.clone();
        Resolver::of(move |host, port| {
            assert_eq!(host, "shop.test");
            let answer = zone.0.lock().unwrap().clone();
            let answer = answer.ok_or_else(|| io::Error::other("no such name"))?;
            assert!(answer.iter().all(|address| address.port() == port));
            Ok(answer)
        })
    }
}

fn addresses(targets: &[Target]) -> Vec<SocketAddr> {
    targets.iter().map(|target| target.address).collect()
}

/// A request to `shop.test` on the port of a target.
pub(super) fn named(port: u16, path: &str) -> Step {
    let mut step = step_to(&format!("http://shop.test:{port}{path}"));
    step.label = path.to_owned();
    step
}

pub(super) fn step_to(url: &str) -> Step {
    let target = Target::plain();
    Step {
        url: url.parse().unwrap(),
        ..step(&target, "/")
    }
}

fn run_with(groups: Vec<Group>, threads: usize, zone: &Zone) -> LoadResult {
    let (load, seconds) = start_with(groups, threads, Lot::WHOLE, zone.resolver());
    finish(load, seconds, threads)
}

/// What the targets counted, in the form of a result.
fn counted(targets: &[Target]) -> Vec<(String, u64)> {
    let mut rows: Vec<(String, u64)> = targets
        .iter()
        .map(|target| (target.address.to_string(), target.total()))
        .filter(|row| row.1 > 0)
        .collect();
    rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    rows
}

#[test]
fn every_address_of_a_name_gets_its_part() {
    let targets = Target::on_one_port(THREE);
    let port = targets[0].address.port();
    // The order of an answer does not matter.
    let mut answer = addresses(&targets);
    answer.reverse();
    let zone = Zone::of(&answer);
    let group = rounds(6.0, 100, vec![named(port, "/")]);
    let result = run_with(vec![group], 2, &zone);
    assert_eq!(result.tally.account.ok, 600, "{:?}", result.tally.errors);
    for target in &targets {
        assert_eq!((target.total(), target.connections()), (200, 2));
    }
    assert_eq!(result.generator.addresses, counted(&targets));
    assert_eq!(result.generator.http_versions, [("1.1".to_owned(), 600)]);
    assert!(result.warnings.is_empty(), "{:?}", result.warnings);
}

#[test]
fn threads_and_runners_with_one_connection_do_not_all_take_the_first() {
    for (threads, runners) in [(2, 1), (1, 4), (3, 2), (1, 3)] {
        let targets = Target::on_one_port(THREE);
        let zone = Zone::of(&addresses(&targets));
        let users = (threads as u64 * runners) as f64;
        let sent: u64 = (0..runners)
            .map(|index| {
                let lot = Lot {
                    slice: Slice::WHOLE,
                    share: Share { index, of: runners },
                };
                let step = named(targets[0].address.port(), "/");
                let group = rounds(users, 5, vec![step]);
                let (load, seconds) = start_with(vec![group], threads, lot, zone.resolver());
                finish(load, seconds, threads).tally.account.sent
            })
            .sum();
        assert_eq!(sent, users as u64 * 5);
        let connections = targets.each_ref().map(Target::connections);
        let (least, most) = (
            connections.iter().min().unwrap(),
            connections.iter().max().unwrap(),
        );
        assert!(most - least <= 1, "{threads} × {runners}: {connections:?}");
    }
}

#[test]
fn without_keepalive_requests_go_round() {
    let targets = Target::on_one_port(THREE);
    let zone = Zone::of(&addresses(&targets));
    let step = named(targets[0].address.port(), "/");
    let mut group = rounds(2.0, 45, vec![step]);
    group.connection_policy.reuse = Reuse::Request;
    let result = run_with(vec![group], 1, &zone);
    assert_eq!(result.tally.account.ok, 90);
    assert_eq!(targets.each_ref().map(Target::total), [30, 30, 30]);
}

#[test]
fn an_address_that_refuses_costs_no_sample_while_others_work() {
    let [first, gone, last] = Target::on_one_port(THREE);
    let port = first.address.port();
    let zone = Zone::of(&[first.address, gone.address, last.address]);
    drop(gone);
    let targets = [first, last];
    for reuse in [Reuse::Run, Reuse::Request] {
        let before = counted(&targets).iter().map(|row| row.1).sum::<u64>();
        let mut group = rounds(8.0, 20, vec![named(port, "/")]);
        group.connection_policy.reuse = reuse;
        let result = run_with(vec![group], 1, &zone);
        assert_eq!(result.tally.account.ok, 160, "{:?}", result.tally.errors);
        let after = counted(&targets).iter().map(|row| row.1).sum::<u64>();
        assert_eq!(after - before, 160);
        let [most, least] = &result.generator.addresses[..] else {
            panic!("{:?}", result.generator);
        };
        // A refused connection took the next address.
        assert!(most.1 - least.1 <= 40, "{:?}", result.generator);
    }
}

#[test]
fn localhost_that_listens_on_ipv4_alone_works_from_the_first_request() {
    let target = Target::plain();
    let port = target.address.port();
    let sixth = SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, port));
    for answer in [[sixth, target.address], [target.address, sixth]] {
        let zone = Zone::of(&answer);
        let before = target.total();
        let result = run_with(vec![rounds(5.0, 4, vec![named(port, "/")])], 2, &zone);
        assert_eq!(result.tally.account.ok, 20, "{:?}", result.tally.errors);
        assert_eq!(target.total() - before, 20);
        assert_eq!(
            result.generator.addresses,
            [(target.address.to_string(), 20)]
        );
    }
}

#[test]
fn a_name_all_of_whose_addresses_refuse_fails_once_a_request() {
    let targets = Target::on_one_port(THREE);
    let port = targets[0].address.port();
    let zone = Zone::of(&addresses(&targets));
    drop(targets);
    let result = run_with(vec![rounds(2.0, 3, vec![named(port, "/")])], 1, &zone);
    assert_eq!(failed(&result, Cause::Refused), 6);
    assert_eq!(result.tally.account.unconnected, 6);
    assert_eq!(result.generator, Generator::default());
}

#[test]
fn each_group_has_its_own_policy_for_the_same_name() {
    let targets = Target::on_one_port(THREE);
    let port = targets[0].address.port();
    let [a, b, c] = targets.each_ref().map(|target| target.address);
    let zone = Zone::of(&[c, a, b]);
    let of = |policy, path| {
        let mut group = rounds(3.0, 10, vec![named(port, path)]);
        group.dns.policy = policy;
        group
    };
    let groups = vec![
        of(DnsPolicy::Spread, "/spread"),
        of(DnsPolicy::First, "/first"),
        of(DnsPolicy::V4, "/v4"),
        of(DnsPolicy::V6, "/v6"),
    ];
    let result = run_with(groups, 1, &zone);
    let by = |path| targets.each_ref().map(|target| target.count(path));
    assert_eq!(by("/spread"), [10, 10, 10]);
    assert_eq!(by("/first"), [0, 0, 30]);
    assert_eq!(by("/v4"), [10, 10, 10]);
    assert_eq!(by("/v6"), [0, 0, 0]);
    assert_eq!(failed(&result, Cause::Dns), 30);
    let errors: Vec<&str> = result
        .tally
        .errors
        .keys()
        .map(|key| key.message.as_str())
        .collect();
    assert_eq!(
        errors,
        ["shop.test has no IPv6 address, and dns policy v6 uses no other"]
    );
    assert_eq!(result.generator.addresses, counted(&targets));
}

/// Waits until a target has read so many requests.
pub(super) fn until_read(target: &Target, requests: u64) {
    let until = Instant::now() + LONGEST_TEST;
    while target.total() < requests {
        assert!(Instant::now() < until, "{} of {requests}", target.total());
        std::thread::yield_now();
    }
}

/// Users that keep their connections, to a name that is resolved all the time.
pub(super) fn followed(port: u16, users: f64) -> Group {
    let mut step = named(port, "/");
    step.think_time = ThinkTime::Fixed(500);
    let mut group = rounds(users, 1_000_000, vec![step]);
    group.dns.refresh_us = 5_000;
    group
}

#[test]
fn a_name_that_moves_is_followed_also_with_keepalive() {
    let [before, after] = Target::on_one_port(["127.0.0.1", "127.0.0.9"]);
    let zone = Zone::of(&[before.address]);
    let group = followed(before.address.port(), 4.0);
    let (load, seconds) = start_with(vec![group], 2, Lot::WHOLE, zone.resolver());
    until_read(&before, 40);
    assert_eq!(after.total(), 0);
    zone.set(Some(&[after.address]));
    until_read(&after, 400);
    // Every user has moved by now: the old address gets no further request.
    let last = before.total();
    until_read(&after, after.total() + 100);
    assert_eq!(before.total(), last);
    load.stop();
    let result = finish(load, seconds, 2);
    assert_eq!(result.tally.account.failed, 0, "{:?}", result.tally.errors);
    assert_eq!((before.connections(), after.connections()), (4, 4));
    let both = [before, after];
    assert_eq!(result.generator.addresses, counted(&both));
    assert_eq!(result.tally.account.sent, both[0].total() + both[1].total());
}

#[test]
fn a_name_that_nobody_can_tell_any_more_keeps_its_addresses() {
    let [target] = Target::on_one_port(["127.0.0.5"]);
    let zone = Zone::of(&[target.address]);
    let group = followed(target.address.port(), 1.0);
    let (load, seconds) = start_with(vec![group], 1, Lot::WHOLE, zone.resolver());
    until_read(&target, 10);
    zone.set(None);
    until_read(&target, 300);
    load.stop();
    let result = finish(load, seconds, 1);
    assert_eq!(result.tally.account.failed, 0, "{:?}", result.tally.errors);
    assert_eq!(target.connections(), 1);
    let [warning] = &result.warnings[..] else {
        panic!("{:?}", result.warnings);
    };
    assert!(
        warning.starts_with(
            "shop.test could not be resolved again, so the addresses that it had were used on: name shop.test does not resolve ("
        ),
        "{warning}"
    );
}

#[test]
fn a_name_that_resolves_only_later_works_from_then_on() {
    let [target] = Target::on_one_port(["127.0.0.6"]);
    let port = target.address.port();
    let zone = Zone::default();
    let mut group = rounds(1.0, 1_000_000, vec![named(port, "/")]);
    group.dns.refresh_us = 5_000;
    let (load, mut seconds) = start_with(vec![group], 1, Lot::WHOLE, zone.resolver());
    let first = seconds.blocking_recv().expect("a second");
    assert!(first.second.failed > 0);
    zone.set(Some(&[target.address]));
    until_read(&target, 10);
    load.stop();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let result = runtime.block_on(finished(load));
    let account = result.tally.account;
    assert_eq!(failed(&result, Cause::Dns), account.failed);
    assert_eq!(account.unconnected, account.failed);
    assert_eq!(account.sent, result.generator.addresses[0].1);
}

/// A name that is looked up for longer than a connection may take is the names' fault, not the target's.
#[test]
fn a_slow_lookup_is_told_as_one() {
    let target = Target::new(|request, _| match request.path() {
        "/away" => answer("302 Found", "Location: http://slow.test/\r\n", ""),
        _ => answer("200 OK", "", ""),
    });
    let resolver = Resolver::of(|host, port| match host.parse() {
        Ok(address) => Ok(vec![SocketAddr::new(address, port)]),
        Err(_) => {
            std::thread::park_timeout(Duration::from_millis(1_500));
            Err(io::Error::other("no such name"))
        }
    });
    let mut away = step(&target, "/away");
    away.timeouts.connect_us = 400_000;
    let result = run_by(rounds(1.0, 1, vec![away]), resolver);
    let (key, _) = result.tally.errors.iter().next().unwrap();
    assert_eq!((result.tally.errors.len(), key.cause), (1, Cause::Dns));
    let message = &key.message;
    assert!(
        message.contains("slow.test was not looked up within 400 ms"),
        "{message}"
    );
}
