//! Requests whose reused connection has ended: one that may be repeated is sent
//! again, another fails with a cause of its own (decision 43). Attempts that never
//! got a connection do not count as sent.

use super::*;
use crate::engine::tests::target::{Act, answer};
use std::io::{Read as _, Write as _};

/// A target that answers so many requests of each round, and ends the
/// connection of the next with `end` and no byte of an answer.
fn closing(answers: u64, end: Act) -> Target {
    Target::new(move |_, before| match before % (answers + 1) {
        n if n == answers => vec![end.clone()],
        _ => answer("200 OK", "", "hello"),
    })
}

/// One user's requests against such a target.
fn one_user(target: &Target, method: &str, requests: u64, retry: Retry) -> LoadResult {
    let mut step = step(target, "/x");
    step.method = method.to_owned();
    let mut group = rounds(1.0, requests, vec![step]);
    group.load.retry = retry;
    run(group, 1)
}

#[test]
fn a_repeatable_request_is_sent_again_and_counted() {
    for (answers, end, method, requests) in [
        (2, Act::Close, "GET", 40),
        (1, Act::Reset, "GET", 31),
        (5, Act::Reset, "PUT", 27),
        (3, Act::Close, "DELETE", 20),
        (4, Act::Close, "OPTIONS", 25),
    ] {
        let target = closing(answers, end);
        let tally = one_user(&target, method, requests, Retry::Safe).tally;
        let account = tally.account;
        // Each round of the target is so many answers and one repetition.
        let resent = (requests - 1) / answers;
        assert_eq!(
            (account.sent, account.ok, account.failed, account.resent),
            (requests, requests, 0, resent),
            "{method}"
        );
        assert_eq!(target.total(), account.sent + account.resent);
        assert_eq!(target.connections(), 1 + resent);
        assert_eq!(tally.phases.connect.count(), 1 + resent);
    }
}

#[test]
fn a_request_that_may_not_be_repeated_fails_with_its_own_cause() {
    for (method, retry, why) in [
        ("POST", Retry::Safe, "may not be repeated"),
        ("PATCH", Retry::Safe, "may not be repeated"),
        ("GET", Retry::Never, "retry: never"),
    ] {
        let target = closing(3, Act::Close);
        let result = one_user(&target, method, 22, retry);
        let account = result.tally.account;
        assert_eq!((account.sent, account.failed, account.resent), (22, 5, 0));
        assert_eq!(target.total(), account.sent);
        let (key, error) = result.tally.errors.iter().next().unwrap();
        assert_eq!(result.tally.errors.len(), 1);
        assert_eq!((key.cause, error.count), (Cause::ClosedIdle, 5));
        assert!(key.message.contains(why), "{}", key.message);
        let seen = &error.exchanges[0].response;
        assert!(seen.contains("a reused one, opened"), "{seen}");
        assert!(seen.contains("3 earlier requests"), "{seen}");
    }
}

#[test]
fn a_fresh_connection_and_a_begun_answer_are_no_reason_to_repeat() {
    let target = Target::new(|_, _| vec![Act::Close]);
    let account = one_user(&target, "GET", 3, Retry::Safe).tally.account;
    assert_eq!((account.sent, account.failed, account.resent), (3, 3, 0));
    let half = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf".to_vec();
    let target = Target::new(move |_, before| match before % 2 {
        0 => answer("200 OK", "", "hello"),
        _ => vec![Act::Send(half.clone()), Act::Close],
    });
    let result = one_user(&target, "GET", 6, Retry::Safe);
    let account = result.tally.account;
    assert_eq!((account.ok, account.failed, account.resent), (3, 3, 0));
    assert_eq!(failed(&result, Cause::Reset), 3);
}

/// A repetition that fails too fails as any first request does.
#[test]
fn a_request_is_repeated_once() {
    let target = Target::new(|_, before| match before {
        0 => answer("200 OK", "", "hello"),
        _ => vec![Act::Reset],
    });
    let result = one_user(&target, "GET", 2, Retry::Safe);
    let account = result.tally.account;
    assert_eq!((account.sent, account.failed, account.resent), (2, 1, 1));
    assert_eq!(failed(&result, Cause::Reset), 1);
    assert_eq!(target.total(), 3);
}

/// The response time of a repeated request counts from its first sending.
#[test]
fn a_repetition_is_timed_from_the_first_sending() {
    let target = Target::new(|_, before| match before {
        1 => vec![Act::Pause(Duration::from_millis(60)), Act::Reset],
        _ => answer("200 OK", "", "hello"),
    });
    let result = one_user(&target, "GET", 2, Retry::Safe);
    let exact = result.tally.overall().response.exact();
    assert!(exact.max_us >= 60_000, "{exact:?}");
    // That of the repetition is timed by itself.
    let connect = result.tally.phases.connect.exact();
    assert_eq!(connect.count, 2);
    assert!(connect.max_us < exact.max_us, "{connect:?} {exact:?}");
}

#[test]
fn attempts_without_a_connection_were_not_sent() {
    let (_kept, address) = nowhere();
    for open in [false, true] {
        let target = Target::plain();
        let mut nowhere = step(&target, "/nowhere");
        nowhere.url = format!("http://{address}/nowhere").parse().unwrap();
        let steps = vec![step(&target, "/there"), nowhere];
        let group = if open {
            arrivals(100.0, 150, steps)
        } else {
            rounds(3.0, 5, steps)
        };
        let account = run(group, 2).tally.account;
        assert_eq!(account.scheduled, 30);
        assert_eq!((account.sent, account.unconnected), (15, 15));
        assert_eq!((account.ok, account.failed), (15, 15));
        assert_eq!(target.total(), account.sent);
    }
}

/// A target that is gone for good after its first answer got the request once.
#[test]
fn a_request_that_finds_no_second_connection_was_not_sent_again() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap());
    let gone = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        drop(listener);
        let mut request = [0; 4096];
        assert!(stream.read(&mut request).unwrap() > 0);
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(answer).unwrap();
        assert!(stream.read(&mut request).unwrap() > 0);
    });
    let target = Target::plain();
    let mut step = step(&target, "/x");
    step.url = url.parse().unwrap();
    let account = run(rounds(1.0, 2, vec![step]), 1).tally.account;
    gone.join().unwrap();
    assert_eq!(
        (account.sent, account.ok, account.failed, account.resent),
        (2, 1, 1, 0)
    );
}
