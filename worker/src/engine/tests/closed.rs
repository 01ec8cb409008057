//! Closed load: users, rounds, framings, connections, the end.

use super::*;
use crate::engine::tests::target::{Act, answer};
use dlt_core::scenario::plan::{Reuse, ThinkTime};

#[test]
fn what_is_sent_is_what_the_target_counted() {
    let target = Target::plain();
    let result = run(
        users(8.0, 700, vec![step(&target, "/a"), step(&target, "/b")]),
        2,
    );
    let account = result.tally.account;
    assert_eq!(account.sent, target.total());
    assert_eq!(account.ok, account.sent);
    assert_eq!(target.connections(), 8);
    for path in ["/a", "/b"] {
        assert_eq!(result.tally.labels[path].ok, target.count(path));
    }
    assert!(account.sent > 16);
    assert_eq!(result.tally.phases.connect.count(), 8);
    let reading = &result.reading;
    assert_eq!(reading.delay.count(), account.sent);
    assert_eq!(reading.stamped, account.sent, "{reading:?}");
    // Users wait for all their answers, and live as long as the load at most.
    let waited_us = result.tally.overall().response.exact().sum_us + u128::from(reading.lost_us);
    assert!(u128::from(reading.user_time_us) >= waited_us, "{reading:?}");
    let most_us = 8 * (result.last_done_us + 1_000_000);
    assert!(reading.user_time_us <= most_us, "{reading:?}");
    assert!(result.warnings.is_empty(), "{:?}", result.warnings);
}

#[test]
fn every_framing_is_read_and_the_bytes_are_counted() {
    let target = Target::new(|request, _| match request.path() {
        "/chunked" => {
            let mut acts = Vec::new();
            for piece in [
                "HTTP/1.1 200 OK\r\nTransfer-Enc",
                "oding: chunked\r\n\r\n5\r\nhel",
                "lo\r\n0\r\nT: x\r\n\r",
                "\n",
            ] {
                acts.push(Act::Send(piece.into()));
                acts.push(Act::Pause(Duration::from_millis(2)));
            }
            acts
        }
        "/until-close" => vec![
            Act::Send(b"HTTP/1.1 200 OK\r\n\r\nall there is".to_vec()),
            Act::Close,
        ],
        "/none" => vec![Act::Send(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec())],
        "/interim" => vec![Act::Send(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec(),
        )],
        "/head" => vec![Act::Send(
            b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n".to_vec(),
        )],
        "/large" => answer("200 OK", "", &"x".repeat(1_000_000)),
        _ => answer("200 OK", "Connection: close\r\n", ""),
    });
    let mut head = step(&target, "/head");
    head.method = "HEAD".to_owned();
    let steps = [
        "/chunked",
        "/none",
        "/until-close",
        "/interim",
        "/large",
        "/closes",
    ]
    .map(|path| step(&target, path));
    let mut steps = Vec::from(steps);
    steps.insert(1, head);
    let result = run(rounds(2.0, 3, steps), 1);
    assert_eq!(
        result.tally.account.ok,
        2 * 3 * 7,
        "{:?}",
        result.tally.errors
    );
    // A user's connection is open until /until-close, and again until /closes.
    assert_eq!(target.connections(), 2 * 3 * 2);
    let large = &result.tally.labels["/large"];
    assert_eq!(large.bytes_received, 6 * (44 + 1_000_000));
    let chunked = &result.tally.labels["/chunked"];
    assert_eq!(chunked.bytes_received, 6 * (47 + 10 + 3 + 6 + 2));
}

#[test]
fn without_keepalive_each_request_has_its_connection() {
    let target = Target::plain();
    let mut group = rounds(3.0, 4, vec![step(&target, "/")]);
    group.connection_policy.reuse = Reuse::Request;
    let result = run(group, 1);
    assert_eq!(result.tally.account.ok, 12);
    assert_eq!(target.connections(), 12);
    assert!(
        target
            .requests()
            .iter()
            .all(|request| request.head.contains("Connection: close\r\n"))
    );
}

#[test]
fn a_connection_closed_while_idle_is_noticed_before_it_is_used() {
    // The target closes after each answer without saying so.
    let target = Target::new(|_, _| {
        let mut acts = answer("200 OK", "", "x");
        acts.push(Act::Close);
        acts
    });
    let mut idle = step(&target, "/");
    idle.think_time = ThinkTime::Fixed(60_000);
    let result = run(rounds(2.0, 4, vec![idle]), 1);
    assert_eq!(result.tally.account.ok, 8, "{:?}", result.tally.errors);
    assert_eq!(target.connections(), 8);
}

#[test]
fn bodies_headers_and_methods_arrive_as_written() {
    let target = Target::plain();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("body");
    let large: Vec<u8> = (0..3_000_000u32).map(|n| n as u8).collect();
    std::fs::write(&path, &large).unwrap();
    let mut put = step(&target, "/put");
    put.method = "PUT".to_owned();
    put.body = Body::File(path.to_str().unwrap().to_owned());
    put.headers = vec![("X-A".to_owned(), "b".to_owned())];
    let mut post = step(&target, "/post");
    post.method = "POST".to_owned();
    post.body = Body::Text("naïve".to_owned());
    let result = run(rounds(1.0, 1, vec![put, post]), 1);
    assert_eq!(result.tally.account.ok, 2, "{:?}", result.tally.errors);
    let requests = target.requests();
    assert_eq!(requests[0].method(), "PUT");
    assert!(requests[0].head.contains("\r\nX-A: b\r\n"));
    assert!(requests[0].body == large);
    assert_eq!(requests[1].body, "naïve".as_bytes());
    assert!(result.tally.labels["/put"].bytes_sent > 3_000_000);
}

#[test]
fn think_time_iterations_and_cap_are_kept() {
    let target = Target::plain();
    let mut group = users(20.0, 1_000, vec![step(&target, "/")]);
    group.load.throughput = Some(50.0);
    let result = run(group, 2);
    let sent = result.tally.account.sent;
    // 50 a second, and the first slots of two threads at once.
    assert!((40..=53).contains(&sent), "{sent}");
    let mut slow = step(&target, "/slow");
    slow.think_time = ThinkTime::Fixed(100_000);
    let result = run(users(3.0, 1_000, vec![slow]), 1);
    let sent = result.tally.account.sent;
    assert!((3..=30).contains(&sent), "{sent}");
}

#[test]
fn users_follow_the_curve() {
    let target = Target::plain();
    let mut thinks = step(&target, "/");
    thinks.think_time = ThinkTime::Fixed(20_000);
    let curve = Curve::stages(0.0, &[(4.0, 400_000), (4.0, 200_000), (0.0, 400_000)]);
    let result = run(group(Model::Users(curve), vec![thinks]), 1);
    assert_eq!(result.tally.phases.connect.count(), 4);
    // Each connection's first request comes when its user's span begins.
    assert_eq!(target.connections(), 4);
    assert!(result.last_done_us < 1_500_000);
}

#[test]
fn a_slow_answer_at_the_end_may_finish_within_the_graceful_stop() {
    let slow = |time| {
        Target::new(move |_, _| {
            let mut acts = vec![Act::Pause(time)];
            acts.extend(answer("200 OK", "", "late"));
            acts
        })
    };
    let target = slow(Duration::from_millis(700));
    let result = run(users(5.0, 300, vec![step(&target, "/")]), 2);
    let account = result.tally.account;
    assert_eq!((account.sent, account.ok, account.unfinished), (5, 5, 0));
    assert_eq!(target.total(), 5);

    let target = slow(Duration::from_secs(20));
    let mut group = users(5.0, 300, vec![step(&target, "/")]);
    group.load.graceful_stop_us = 200_000;
    let result = run(group, 2);
    let account = result.tally.account;
    assert_eq!((account.sent, account.ok, account.unfinished), (5, 0, 5));
    assert_eq!(target.total(), 5);
}

#[test]
fn stop_ends_it_at_once_and_keeps_what_was_measured() {
    let target = Target::plain();
    let mut thinks = step(&target, "/");
    thinks.think_time = ThinkTime::Fixed(10_000_000);
    let (load, mut seconds) = start(users(6.0, 40_000, vec![thinks]), 2);
    let first = seconds.blocking_recv().unwrap();
    let begun = Instant::now();
    load.stop();
    let (sender, rest) = unbounded_channel();
    sender.send(first).unwrap();
    while let Some(second) = seconds.blocking_recv() {
        sender.send(second).unwrap();
    }
    let result = finish(load, rest, 2);
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(result.tally.account.ok, 6);
    assert_eq!(target.total(), 6);
}

#[test]
fn a_stop_before_the_start_sends_nothing() {
    let target = Target::plain();
    let (sender, seconds) = unbounded_channel();
    let group = users(2.0, 5_000, vec![step(&target, "/")]);
    let start = Instant::now() + Duration::from_secs(3_600);
    let load = begin(spec(vec![group], 1, start), sender).unwrap();
    load.stop();
    let result = finish(load, seconds, 1);
    assert_eq!(result.tally.account, Account::default());
    assert_eq!(target.connections(), 0);
}

#[test]
fn labels_beyond_the_limit_are_counted_together() {
    let target = Target::plain();
    let steps = (0..2_100)
        .map(|n| Step {
            label: format!("label {n}"),
            ..step(&target, "/")
        })
        .collect();
    let result = run(rounds(1.0, 1, steps), 1);
    assert_eq!(result.tally.account.ok, 2_100);
    assert_eq!(result.tally.labels.len(), 2_000);
    assert_eq!(result.tally.labels[OTHER_LABEL].ok, 101);
    assert_eq!(result.tally.overflowed, 101);
    assert_eq!(result.warnings.len(), 1);
}

#[test]
fn a_plan_that_cannot_be_sent_says_all_that_is_wrong() {
    let target = Target::plain();
    let mut bad = step(&target, "/header");
    bad.headers = vec![("A".to_owned(), "b\r\nc".to_owned())];
    let mut missing = step(&target, "/body");
    missing.body = Body::File("/nowhere/at/all".to_owned());
    let mut group = users(1.0, 100, vec![bad, missing]);
    group.tls.ca_file = Some("/nowhere/ca.pem".to_owned());
    let spec = spec(vec![group], 1, Instant::now());
    let error = begin(spec, unbounded_channel().0).unwrap_err().to_string();
    for part in [
        "/header",
        "line break",
        "/nowhere/at/all",
        "/nowhere/ca.pem",
    ] {
        assert!(error.contains(part), "{error}");
    }
}
