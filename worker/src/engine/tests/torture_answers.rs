//! Servers that answer as nobody should: every answer is exactly one sample with the cause that it
//! has, and the account adds up (`run` looks at that).

use super::target::Act;
use super::*;
use dlt_core::scenario::plan::{Check, Subject, Wanted};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write as _;

const OK: &str = "HTTP/1.1 200 OK\r\n";
/// So long a target says nothing further; every limit of time is shorter.
const HANG: Act = Act::Pause(Duration::from_secs(30));

fn send(text: impl AsRef<[u8]>) -> Act {
    Act::Send(text.as_ref().to_vec())
}

/// What comes of an answer.
type Ends = Option<(Cause, &'static str)>;

/// One request of these acts, of which a limit of time takes 250 ms.
fn once(acts: Vec<Act>, change: impl FnOnce(&mut Step)) -> LoadResult {
    let target = Target::new(move |_, _| acts.clone());
    let mut step = step(&target, "/x");
    step.timeouts.total_us = 250_000;
    change(&mut step);
    let result = run(rounds(1.0, 1, vec![step]), 1);
    assert_eq!(target.total(), 1);
    result
}

#[track_caller]
fn ends(result: &LoadResult, expected: Ends, what: &str) {
    let account = result.tally.account;
    assert_eq!(
        (account.scheduled, account.sent),
        (1, 1),
        "{what}: {account:?}"
    );
    let Some((cause, says)) = expected else {
        assert_eq!(account.ok, 1, "{what}: {:?}", result.tally.errors);
        return;
    };
    let told: Vec<_> = result.tally.errors.iter().collect();
    let [(key, error)] = told[..] else {
        panic!("{what}: {told:?}");
    };
    assert_eq!((key.cause, error.count), (cause, 1), "{what}: {key:?}");
    assert!(key.message.contains(says), "{what}: {}", key.message);
}

#[test]
fn lengths_that_are_wrong() {
    let with = |headers: &str, body: &str| send(format!("{OK}{headers}\r\n{body}"));
    let length = |length: &str| format!("Content-Length: {length}\r\n");
    let chunked = "Transfer-Encoding: chunked\r\n";
    let protocol = |says| Some((Cause::Protocol, says));
    for (acts, expected) in [
        (vec![with(&length("3"), "hello")], None),
        (
            vec![with(&length("10"), "hello"), Act::Close],
            Some((Cause::Reset, "before the answer was complete")),
        ),
        (
            vec![with(&length("10"), "hello"), HANG],
            Some((Cause::TimeoutBody, "within 250 ms")),
        ),
        (
            vec![with(&length("18446744073709551615"), "hello"), HANG],
            Some((Cause::TimeoutBody, "within 250 ms")),
        ),
        (vec![with(&length("-5"), "hello")], protocol("not a number")),
        (vec![with(&length("+5"), "hello")], protocol("not a number")),
        (vec![with(&length("5x"), "hello")], protocol("not a number")),
        (vec![with(&length(""), "hello")], protocol("not a number")),
        (
            vec![with(&length("18446744073709551616"), "hello")],
            protocol("not a number"),
        ),
        (
            vec![with(&format!("{}{}", length("5"), length("6")), "hello")],
            protocol("two different"),
        ),
        (
            vec![with(&length("5, 6"), "hello")],
            protocol("two different"),
        ),
        (vec![with(&length("5, 5"), "hello")], None),
        (
            vec![with(
                &format!("{}{chunked}", length("3")),
                "5\r\nhello\r\n0\r\n\r\n",
            )],
            None,
        ),
        (
            vec![with(chunked, "5\r\nhello\r\n"), Act::Close],
            Some((Cause::Reset, "complete")),
        ),
        (
            vec![with(chunked, "6\r\nhello\r\n0\r\n\r\n"), Act::Close],
            protocol("framing"),
        ),
        (
            vec![with(chunked, "-5\r\nhello\r\n")],
            protocol("chunk size"),
        ),
        (
            vec![with(chunked, "fffffffffffffff\r\nhello"), HANG],
            Some((Cause::TimeoutBody, "within 250 ms")),
        ),
        (
            vec![with(chunked, "10000000000000005\r\nhello")],
            protocol("15 digits"),
        ),
    ] {
        let what = format!("{acts:?}");
        ends(&once(acts, |_| {}), expected, &what);
    }
}

#[test]
fn heads_and_trailers_that_are_wrong_or_have_no_end() {
    let chunked = format!("{OK}Transfer-Encoding: chunked\r\n\r\n");
    let folded = format!("{OK}A: b\r\n c\r\n\td\r\nContent-Length: 2\r\n\r\nok");
    let protocol = Some((Cause::Protocol, ""));
    let too_large = |says| Some((Cause::TooLarge, says));
    for (text, expected) in [
        (format!("{OK}{}", "A: b\r\n".repeat(20_000)), too_large("")),
        (
            format!("{OK}A: {}", "b".repeat(100_000)),
            too_large("head of more than 64 KB"),
        ),
        (
            format!("{OK}{}\r\n", "A: b\r\n".repeat(129)),
            too_large("128 header lines"),
        ),
        (
            "HTTP/1.1 100 Go\r\n\r\n".repeat(1_000),
            Some((Cause::Protocol, "16 interim")),
        ),
        (
            format!(
                "{}{OK}Content-Length: 0\r\n\r\n",
                "HTTP/1.1 103 Hints\r\nA: b\r\n\r\n".repeat(16)
            ),
            None,
        ),
        (
            "HTTP/1.1 101 Switching\r\n\r\n".to_owned(),
            Some((Cause::Protocol, "unasked")),
        ),
        (format!("{chunked}2\r\nok\r\n0\r\nA: b\r\nC:\r\n\r\n"), None),
        (
            format!("{chunked}0\r\n{}", "A: b\r\n".repeat(5_000)),
            too_large("trailers"),
        ),
        (
            format!("{chunked}0\r\nA\r\n\r\n"),
            Some((Cause::Protocol, "trailer")),
        ),
        (format!("{chunked}2;a=\"b\";c\r\nok\r\n0;x\r\n\r\n"), None),
        (
            format!("{chunked}2;{}", "a".repeat(10_000)),
            too_large("chunk line"),
        ),
        (folded, None),
        ("HTTP/1.1 200 OK\nContent-Length: 2\n\nok".to_owned(), None),
        (format!("{OK}A: b\rC: d\r\n\r\n"), protocol),
        (format!("{OK}A: b\0c\r\n\r\n"), protocol),
        (format!("{OK}A\0: b\r\n\r\n"), protocol),
        (
            format!("{OK}no colon\r\n\r\n"),
            Some((Cause::Protocol, "line 2 is no header")),
        ),
        (
            format!("{chunked}2\nok\n0\n\n"),
            Some((Cause::Protocol, "chunk size")),
        ),
        ("\0".repeat(5_000), protocol),
        ("\r\n".repeat(50_000), too_large("head")),
    ] {
        let what = text.chars().take(60).collect::<String>();
        ends(&once(vec![send(text), Act::Close], |_| {}), expected, &what);
    }
}

/// One byte after the other: what comes to an end in time is an answer, what does not is cut off by
/// its limit, however often something arrives.
#[test]
fn answers_that_drip() {
    let dripping = |text: &str, pause_us: u64| -> Vec<Act> {
        let pause = Act::Pause(Duration::from_micros(pause_us));
        let bytes = text.as_bytes().chunks(1);
        bytes.flat_map(|byte| [send(byte), pause.clone()]).collect()
    };
    let whole = format!("{OK}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nA: b\r\n\r\n");
    let result = once(dripping(&whole, 100), |step| {
        step.timeouts.total_us = 30_000_000
    });
    ends(&result, None, "a whole answer");
    for endless in [
        format!("{OK}{}", "A: b\r\n".repeat(500)),
        format!("{OK}Content-Length: 3000\r\n\r\n{}", "x".repeat(3_000)),
        format!(
            "{OK}Transfer-Encoding: chunked\r\n\r\n{}",
            "1\r\nx\r\n".repeat(500)
        ),
        format!(
            "{OK}Transfer-Encoding: chunked\r\n\r\n1;{}",
            "x".repeat(3_000)
        ),
        "HTTP/1.1 100 Go\r\n\r\n".repeat(16),
    ] {
        let result = once(dripping(&endless, 5_000), |_| {});
        ends(
            &result,
            Some((Cause::TimeoutBody, "within 250 ms")),
            &endless[..40],
        );
        let took = result.tally.overall().response_failed.exact();
        assert!(took.min_us >= 250_000, "{took:?}");
    }
}

/// The connection ends behind every byte of an answer: each is one sample that was reset, and none
/// is sent again, since it had begun or its connection was fresh.
#[test]
fn answers_that_end_behind_any_byte() {
    for whole in [
        format!("{OK}Content-Length: 5\r\n\r\nhello"),
        format!(
            "HTTP/1.1 100 Go\r\n\r\n{OK}Transfer-Encoding: chunked\r\n\r\n5;a\r\nhello\r\n0\r\nT: t\r\n\r\n"
        ),
    ] {
        for end in [Act::Close, Act::Reset] {
            let (bytes, last) = (whole.clone().into_bytes(), end.clone());
            let target = Target::new(move |request, _| {
                let cut: usize = request.path()[1..].parse().unwrap();
                vec![send(&bytes[..cut]), last.clone()]
            });
            let steps: Vec<Step> = (0..whole.len())
                .map(|cut| step(&target, &format!("/{cut}")))
                .collect();
            let count = steps.len() as u64;
            let result = run(rounds(1.0, 1, steps), 1);
            let account = result.tally.account;
            assert_eq!(
                (account.sent, account.failed, account.resent),
                (count, count, 0)
            );
            assert_eq!(
                failed(&result, Cause::Reset),
                count,
                "{:?}",
                result.tally.errors
            );
            assert_eq!((target.total(), target.connections()), (count, count));
            let whole = run(
                rounds(1.0, 1, vec![step(&target, &format!("/{}", whole.len()))]),
                1,
            );
            // A reset may overtake what was sent before it.
            if matches!(end, Act::Close) {
                assert_eq!(whole.tally.account.ok, 1);
            }
        }
    }
}

#[test]
fn connections_are_used_again_only_where_the_answer_allows_it() {
    let length = "Content-Length: 2\r\n";
    for (head, connections) in [
        (format!("HTTP/1.0 200 OK\r\n{length}"), 4),
        (
            format!("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n{length}"),
            1,
        ),
        (
            format!("HTTP/1.0 200 OK\r\nConnection: close, keep-alive\r\n{length}"),
            4,
        ),
        (format!("{OK}{length}"), 1),
        (format!("{OK}Connection: close\r\n{length}"), 4),
        (format!("{OK}Connection: X, CLOSE\r\n{length}"), 4),
    ] {
        let answer = format!("{head}\r\nok");
        let target = Target::new(move |_, _| vec![send(&answer)]);
        let result = run(rounds(1.0, 4, vec![step(&target, "/x")]), 1);
        assert_eq!(
            result.tally.account.ok, 4,
            "{head}: {:?}",
            result.tally.errors
        );
        assert_eq!(target.connections(), connections, "{head}");
    }
    // Both framings at once: what follows cannot be trusted (RFC 9112, 6.3).
    let both = format!("{OK}{length}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n");
    let target = Target::new(move |_, _| vec![send(&both)]);
    let result = run(rounds(1.0, 3, vec![step(&target, "/x")]), 1);
    assert_eq!((result.tally.account.ok, target.connections()), (3, 3));
}

#[test]
fn packed_bodies_that_are_bombs_or_broken() {
    let packed = |plain: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    };
    let bomb = packed(&vec![b' '; 40 * 1024 * 1024]);
    let twice = packed(&bomb);
    let good = packed(b"ok, all of it");
    let mut damaged = good.clone();
    let last = damaged.len() - 6;
    damaged[last] ^= 1;
    let protocol = Some((Cause::Protocol, "not gzip as it says"));
    let too_large = Some((Cause::TooLarge, "16 MiB"));
    for (coding, body, expected) in [
        ("gzip", good.clone(), None),
        ("gzip", bomb, too_large),
        ("gzip, gzip", twice, too_large),
        ("gzip", good[..good.len() - 4].to_vec(), protocol),
        ("gzip", good[..12].to_vec(), protocol),
        ("gzip", damaged, protocol),
        ("gzip", b"ok, but plain".to_vec(), protocol),
        ("br", good, Some((Cause::Protocol, "cannot be decoded"))),
        (
            "gzip, gzip, gzip, gzip, gzip",
            b"x".to_vec(),
            Some((Cause::Protocol, "too many")),
        ),
    ] {
        let head = format!(
            "{OK}Content-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let what = format!("{coding} {}", body.len());
        let acts = vec![send([head.as_bytes(), &body].concat())];
        let check = |step: &mut Step| {
            step.timeouts.total_us = 10_000_000;
            step.checks = vec![Check::Contains {
                subject: Subject::Body,
                wanted: vec![Wanted::Text("ok".to_owned())],
                not: false,
            }];
        };
        ends(&once(acts.clone(), check), expected, &what);
        // Where nothing looks into it, it is not unpacked.
        ends(&once(acts, |_| {}), None, &what);
    }
}
