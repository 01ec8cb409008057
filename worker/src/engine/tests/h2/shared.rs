//! `streams`: how many requests share a connection.

use super::*;
use crate::engine::tests::ways::group_by;

/// The connections that so many users open, each with a request in flight all the time.
fn shared(target: &H2Target, users: f64, streams: u32, threads: usize) -> LoadResult {
    let mut group = h2(rounds(users, 20, vec![h2_step(target, "/")]));
    group.streams = streams;
    run(group, threads)
}

/// A connection that is shared carries so many requests and no more, those included that waited
/// while it was opened.
#[test]
fn a_shared_connection_ends_after_so_many_requests() {
    for (users, most) in [(1.0, 5), (8.0, 5), (8.0, 1), (20.0, 7)] {
        let target = H2Target::plain();
        let mut group = h2(rounds(users, 10, vec![h2_step(&target, "/")]));
        group.streams = 10;
        group.connection_policy.max_requests = Some(most);
        let result = run(group, 1);
        let requests = users as u64 * 10;
        assert_eq!(result.tally.account.ok, requests, "{}", message(&result));
        assert_eq!(target.total(), requests);
        assert!(target.most_on_a_connection() <= u64::from(most));
        let least = requests.div_ceil(most.into());
        let connections = target.connections();
        assert!(connections >= least, "{connections} of at least {least}");
    }
}

#[test]
fn so_many_requests_share_a_connection_of_a_thread() {
    for (users, streams, threads, connections) in [
        (12.0, 4, 1, 3),
        (12.0, 5, 1, 3),
        (12.0, 1, 1, 12),
        (12.0, 6, 2, 2),
        (3.0, 10, 1, 1),
    ] {
        let target = H2Target::plain();
        let result = shared(&target, users, streams, threads);
        let account = result.tally.account;
        let requests = users as u64 * 20;
        assert_eq!(
            (account.ok, account.failed),
            (requests, 0),
            "{}",
            message(&result)
        );
        assert_eq!(target.total(), requests);
        assert_eq!(target.connections(), connections, "{users} by {streams}");
        let phase = result.tally.overall().connect;
        assert_eq!(phase.count, connections, "each is opened by one request");
        assert_eq!(target.bytes("/"), {
            let tally = label(&result, "/");
            (tally.bytes_sent, tally.bytes_received)
        });
    }
}

/// The target's SETTINGS_MAX_CONCURRENT_STREAMS is respected: what has no place on a
/// connection gets another one.
#[test]
fn a_target_may_allow_fewer() {
    let target = H2Target::with_streams(3, |_, _| vec![Act::Answer(200, vec![], vec![])]);
    // The first connection's limit is known when it has been used once.
    let mut group = h2(rounds(9.0, 30, vec![h2_step(&target, "/")]));
    group.streams = 100;
    group.load.model = Model::Users(Curve::ramp_hold(9.0, 200_000, 30_000_000));
    let result = run(group, 1);
    let account = result.tally.account;
    assert_eq!(
        (account.ok, account.failed),
        (270, 0),
        "{}",
        message(&result)
    );
    // What its library refused, the target itself never saw.
    assert_eq!(target.total(), 270);
}

#[test]
fn arrivals_share_connections_too() {
    let target = H2Target::new(|_, _| vec![Act::Answer(200, vec![], vec![])]);
    let mut group = h2(arrivals(400.0, 500, vec![h2_step(&target, "/")]));
    group.streams = 50;
    let result = run(group, 1);
    let account = result.tally.account;
    assert_eq!(
        (account.sent, account.dropped),
        (200, 0),
        "{}",
        message(&result)
    );
    assert_eq!(account.ok, 200);
    assert!(target.connections() <= 4, "{}", target.connections());
}

/// Those who wait for a connection that cannot be opened fail as the one who opens it.
#[test]
fn a_connection_that_cannot_be_opened_fails_all_who_wait_for_it() {
    let (_kept, address) = nowhere();
    let mut step = super::super::step(&Target::plain(), "/");
    step.url = format!("http://{address}/").parse().unwrap();
    let mut group = h2(rounds(6.0, 2, vec![step]));
    group.streams = 3;
    group.load.give_up_after_us = None;
    let result = run(group, 1);
    let account = result.tally.account;
    assert_eq!((account.scheduled, account.unconnected), (12, 12));
    assert_eq!(failed(&result, Cause::Refused), 12, "{}", message(&result));
}

/// One connection ends and takes its requests with it; the others go on.
#[test]
fn streams_above_the_last_of_a_goaway_are_sent_again() {
    let target = H2Target::new(|_, before| match before % 40 {
        39 => vec![Act::Goaway, Act::Answer(200, vec![], vec![])],
        _ => vec![Act::Answer(200, vec![], vec![])],
    });
    let mut group = h2(rounds(8.0, 50, vec![h2_step(&target, "/")]));
    group.streams = 4;
    let result = run(group, 1);
    let account = result.tally.account;
    assert_eq!(
        (account.ok, account.failed),
        (400, 0),
        "{}",
        message(&result)
    );
    assert!(target.connections() > 2);
    assert!(target.most_in_flight() <= 8);
    assert!(target.total() >= 400);
}

/// Until settings have come, so many streams are begun on a connection and no more.
#[test]
fn a_hundred_streams_are_begun_before_settings() {
    let target = H2Target::with_streams(1_000, |_, _| vec![Act::Answer(200, vec![], vec![])]);
    let mut group = h2(rounds(250.0, 1, vec![h2_step(&target, "/")]));
    group.streams = 1_000;
    let result = run(group, 1);
    assert_eq!(result.tally.account.ok, 250, "{}", message(&result));
    assert_eq!((target.total(), target.connections()), (250, 3));
}

/// A request that waited for a new connection has not reused one: what ends it is told as for the one
/// that opened it, and nothing is sent again.
#[test]
fn who_waits_for_a_connection_has_a_new_one() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut preface = [0; 24];
            let _ = std::io::Read::read_exact(&mut stream, &mut preface);
        }
    });
    let mut step = super::super::step(&Target::plain(), "/");
    step.url = format!("http://{address}/").parse().unwrap();
    let mut group = h2(rounds(4.0, 1, vec![step]));
    group.streams = 10;
    group.load.give_up_after_us = None;
    let result = run(group, 1);
    let account = result.tally.account;
    assert_eq!(
        (account.sent, account.resent),
        (4, 0),
        "{}",
        message(&result)
    );
    assert_eq!(failed(&result, Cause::Reset), 4, "{}", message(&result));
}

/// Origins may be any number: connections to those that are asked no more do not stay.
#[test]
fn connections_to_many_origins_do_not_pile_up() {
    let target = H2Target::plain();
    let steps = (0..300).map(|n| {
        let mut step = h2_step(&target, "/");
        step.url = format!("http://h{n}.test/").parse().unwrap();
        step
    });
    let to = format!("::{}", target.address);
    let mut group = h2(group_by(steps.collect(), &[], &[&to]));
    group.load = rounds(1.0, 2, vec![h2_step(&target, "/")]).load;
    group.streams = 10;
    let result = run(group, 1);
    assert_eq!(result.tally.account.ok, 600, "{}", message(&result));
    assert!(
        (100..140).contains(&target.most_open()),
        "{}",
        target.most_open()
    );
}
