//! Servers that break HTTP/2's rules or try to exhaust the client, in raw frames: each
//! request ends by its time limit at the latest, memory stays bounded, and the cause is
//! the right one.

use super::*;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

const SETTINGS: u8 = 4;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// `:status: 200` of HPACK's static table.
const OK: u8 = 0x88;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()[..]].concat();
    [&head, payload].concat()
}

/// A literal header without indexing (RFC 7541, 6.2.2).
fn literal(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0];
    for text in [name, value] {
        let length = text.len();
        if length < 127 {
            bytes.push(length as u8);
        } else {
            bytes.push(127);
            let mut left = length - 127;
            while left >= 128 {
                bytes.push((left % 128) as u8 | 128);
                left /= 128;
            }
            bytes.push(left as u8);
        }
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

/// A server that sends its SETTINGS and then, for each request, what `answer` makes of its
/// stream; with `then` over and over until the client closes.
fn hostile(
    answer: impl Fn(u32) -> Vec<u8> + Send + Sync + 'static,
    then: impl Fn(u32) -> Vec<u8> + Send + Sync + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let acts = Arc::new((answer, then));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let acts = acts.clone();
            // Ends with the client's connection.
            std::thread::spawn(move || converse(stream, &acts.0, &acts.1));
        }
    });
    address
}

fn converse(
    mut stream: TcpStream,
    answer: &dyn Fn(u32) -> Vec<u8>,
    then: &dyn Fn(u32) -> Vec<u8>,
) -> std::io::Result<()> {
    let mut preface = [0; 24];
    stream.read_exact(&mut preface)?;
    stream.write_all(&frame(SETTINGS, 0, 0, &[]))?;
    let mut head = [0; 9];
    loop {
        stream.read_exact(&mut head)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        std::io::copy(&mut (&mut stream).take(length.into()), &mut std::io::sink())?;
        let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        if head[3] == HEADERS {
            stream.write_all(&answer(id))?;
            let more = then(id);
            while !more.is_empty() {
                stream.write_all(&more)?;
            }
        }
    }
}

/// What so many requests of one user to such a server come to.
fn against(address: SocketAddr, rounds: u64) -> LoadResult {
    let mut step = super::super::step(&Target::plain(), "/");
    step.url = format!("http://{address}/").parse().unwrap();
    step.timeouts.first_byte_us = 300_000;
    step.timeouts.total_us = 600_000;
    let mut group = h2(super::super::rounds(1.0, rounds, vec![step]));
    group.load.give_up_after_us = None;
    let before = Instant::now();
    let result = run(group, 1);
    // Each request ends by its time limit, and none takes the thread for itself.
    assert!(before.elapsed() < Duration::from_secs(20));
    assert_eq!(result.tally.account.sent, rounds, "{}", message(&result));
    result
}

#[track_caller]
fn all_fail(result: &LoadResult, cause: Cause, part: &str) {
    let account = result.tally.account;
    assert_eq!(failed(result, cause), account.sent, "{}", message(result));
    assert!(message(result).contains(part), "{}", message(result));
}

fn once(answer: impl Fn(u32) -> Vec<u8> + Send + Sync + 'static) -> SocketAddr {
    hostile(answer, |_| Vec::new())
}

fn ok_head(id: u32, more: &[Vec<u8>], flags: u8) -> Vec<u8> {
    frame(
        HEADERS,
        END_HEADERS | flags,
        id,
        &[vec![OK], more.concat()].concat(),
    )
}

#[test]
fn broken_rules_are_protocol_failures() {
    let length = || literal("content-length", "5");
    let cases: Vec<(SocketAddr, &str)> = vec![
        // A body that is shorter, and one that is longer than said.
        (
            once(move |id| {
                [
                    ok_head(id, &[length()], 0),
                    frame(DATA, END_STREAM, id, b"abc"),
                ]
                .concat()
            }),
            "Content-Length",
        ),
        (
            once(move |id| {
                [
                    ok_head(id, &[length()], 0),
                    frame(DATA, END_STREAM, id, b"abcdef"),
                ]
                .concat()
            }),
            "Content-Length",
        ),
        (
            once(move |id| ok_head(id, &[length()], END_STREAM)),
            "Content-Length",
        ),
        (
            once(|id| ok_head(id, &[literal("content-length", "five")], END_STREAM)),
            "rules of HTTP/2",
        ),
        // A name in upper case, a header of the connection, no status.
        (
            once(|id| ok_head(id, &[literal("X-Upper", "1")], END_STREAM)),
            "rules of HTTP/2",
        ),
        (
            once(|id| ok_head(id, &[literal("connection", "close")], END_STREAM)),
            "rules of HTTP/2",
        ),
        (
            once(|id| frame(HEADERS, END_HEADERS | END_STREAM, id, &literal("a", "b"))),
            "rules of HTTP/2",
        ),
        // A body before its head; a frame for a stream that is not there; a bad table.
        (once(|id| frame(DATA, END_STREAM, id, b"abc")), "answered"),
        (
            once(|id| frame(HEADERS, END_HEADERS, id + 100, &[OK])),
            "answered",
        ),
        (
            once(|id| frame(HEADERS, END_HEADERS, id, &[0xff, 0xff, 0xff])),
            "answered",
        ),
        // A push, which was not allowed (RFC 9113, 6.6).
        (
            once(|id| frame(PUSH_PROMISE, END_HEADERS, id, &[0, 0, 0, 2, 0x82])),
            "answered",
        ),
        // A frame that is longer than allowed.
        (
            once(|id| frame(DATA, 0, id, &[0; 20_000])),
            "frame that is too long",
        ),
        // A window beyond 2^31 - 1.
        (
            once(|_| frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff])),
            "answered",
        ),
    ];
    for (n, (address, part)) in cases.into_iter().enumerate() {
        let result = against(address, 2);
        let told = message(&result);
        assert_eq!(failed(&result, Cause::Protocol), 2, "{n}: {told}");
        assert!(told.contains(part), "{n}: {told}");
    }
}

/// Heads without end, in one way or another.
#[test]
fn heads_are_bounded() {
    let large = "v".repeat(8_000);
    let value = large.clone();
    // 16 times 8 KB, each in a frame of its own.
    let address = once(move |id| {
        let piece = literal("x", &value);
        let mut bytes = frame(HEADERS, 0, id, &[OK]);
        for _ in 0..16 {
            bytes.extend(frame(CONTINUATION, 0, id, &piece));
        }
        bytes.extend(frame(CONTINUATION, END_HEADERS, id, &[]));
        bytes.extend(frame(DATA, END_STREAM, id, b""));
        bytes
    });
    all_fail(
        &against(address, 2),
        Cause::TooLarge,
        "a head of more than 64 KB",
    );
    let address = once(|id| {
        let many: Vec<Vec<u8>> = (0..200).map(|n| literal(&format!("x-{n}"), "v")).collect();
        [ok_head(id, &many, 0), frame(DATA, END_STREAM, id, b"")].concat()
    });
    all_fail(
        &against(address, 2),
        Cause::TooLarge,
        "more than 128 header lines",
    );
    // Without end: empty frames, and full ones.
    let address = hostile(
        |id| frame(HEADERS, 0, id, &[OK]),
        |id| frame(CONTINUATION, 0, id, &[]).repeat(100),
    );
    all_fail(&against(address, 2), Cause::TooLarge, "a head of");
    let address = hostile(
        |id| frame(HEADERS, 0, id, &[OK]),
        move |id| frame(CONTINUATION, 0, id, &literal("x", &large)),
    );
    all_fail(&against(address, 2), Cause::TooLarge, "a head of");
    let address = hostile(
        |_| Vec::new(),
        |id| ok_head(id, &[], 0).replacen_status(103).repeat(50),
    );
    all_fail(
        &against(address, 1),
        Cause::Protocol,
        "more than 16 interim answers",
    );
}

trait Status {
    /// The head with an interim status, as a literal.
    fn replacen_status(self, status: u16) -> Self;
}

impl Status for Vec<u8> {
    fn replacen_status(self, status: u16) -> Self {
        let id = u32::from_be_bytes([self[5], self[6], self[7], self[8]]);
        frame(
            HEADERS,
            END_HEADERS,
            id,
            &literal(":status", &status.to_string()),
        )
    }
}

/// Floods of frames that ask for answers or mean nothing: the request ends in time.
#[test]
fn floods_end_with_the_time_limit_or_the_connection() {
    for flood in [
        frame(PING, 0, 0, &[7; 8]).repeat(100),
        frame(SETTINGS, 0, 0, &[]).repeat(100),
        frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 1, 0]).repeat(100),
        frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]).repeat(100),
        // A kind that nobody knows.
        frame(0xee, 0, 0, &[1; 100]).repeat(100),
    ] {
        let kind = flood[3];
        let address = hostile(|_| Vec::new(), move |_| flood.clone());
        let result = against(address, 2);
        let ended = failed(&result, Cause::TimeoutFirstByte) + failed(&result, Cause::Protocol);
        assert_eq!(ended, 2, "{kind}: {}", message(&result));
    }
    // Empty pieces of a body.
    let address = hostile(
        |id| ok_head(id, &[], 0),
        |id| frame(DATA, 0, id, b"").repeat(100),
    );
    let result = against(address, 2);
    let ended = failed(&result, Cause::TimeoutBody) + failed(&result, Cause::Protocol);
    assert_eq!(ended, 2, "{}", message(&result));
}

/// Resets for streams that are there, were there and never were.
#[test]
fn resets_are_the_request_s_own() {
    let reset = |id: u32, code: u32| frame(RST_STREAM, 0, id, &code.to_be_bytes());
    let address = once(move |id| reset(id, 8));
    all_fail(&against(address, 5), Cause::H2Reset, "CANCEL");
    let address = once(move |id| reset(id, 0x1234));
    all_fail(&against(address, 5), Cause::H2Reset, "error code 4660");
    // All that follow one answer too.
    let address = hostile(
        move |id| [ok_head(id, &[], END_STREAM), reset(id, 8)].concat(),
        |_| Vec::new(),
    );
    let result = against(address, 5);
    assert_eq!(result.tally.account.ok, 5, "{}", message(&result));
    // An answer, and a polite wish that nothing more be sent (RFC 9113, 8.1).
    let address = once(move |id| {
        [
            ok_head(id, &[], 0),
            frame(DATA, END_STREAM, id, b"x"),
            reset(id, 0),
        ]
        .concat()
    });
    let mut step = super::super::step(&Target::plain(), "/");
    step.url = format!("http://{address}/").parse().unwrap();
    step.method = "POST".to_owned();
    step.body = Body::Text("x".repeat(3_000_000));
    let result = run(h2(super::super::rounds(1.0, 3, vec![step])), 1);
    assert_eq!(result.tally.account.ok, 3, "{}", message(&result));
}

#[test]
fn goaway_is_a_cause_of_its_own() {
    let goaway = |last: u32, code: u32| {
        frame(
            GOAWAY,
            0,
            0,
            &[last.to_be_bytes(), code.to_be_bytes()].concat(),
        )
    };
    // It is among those that were processed: not sent again.
    let address = once(move |id| goaway(id, 11));
    let mut step = super::super::step(&Target::plain(), "/");
    step.url = format!("http://{address}/").parse().unwrap();
    step.timeouts.first_byte_us = 300_000;
    let result = run(h2(super::super::rounds(1.0, 2, vec![step.clone()])), 1);
    let ended = failed(&result, Cause::H2Goaway) + failed(&result, Cause::TimeoutFirstByte);
    assert_eq!(ended, 2, "{}", message(&result));
    // It was not processed: sent again once, which ends the same.
    let address = once(move |_| goaway(0, 0));
    step.url = format!("http://{address}/").parse().unwrap();
    let result = run(h2(super::super::rounds(1.0, 3, vec![step])), 1);
    let account = result.tally.account;
    assert_eq!((account.sent, account.failed, account.resent), (3, 3, 3));
    assert_eq!(failed(&result, Cause::H2Goaway), 3, "{}", message(&result));
    assert!(
        message(&result).contains("did not process"),
        "{}",
        message(&result)
    );
}

/// A target that takes no body: its window stays shut.
#[test]
fn a_window_that_stays_shut_ends_with_the_time_limit() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || -> std::io::Result<u64> {
                // SETTINGS_INITIAL_WINDOW_SIZE: 0.
                stream.write_all(&frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]))?;
                std::io::copy(&mut stream, &mut std::io::sink())
            });
        }
    });
    let mut step = super::super::step(&Target::plain(), "/");
    step.url = format!("http://{address}/").parse().unwrap();
    step.method = "POST".to_owned();
    step.body = Body::Text("x".repeat(10_000_000));
    step.timeouts.first_byte_us = 200_000;
    let result = run(h2(super::super::rounds(2.0, 3, vec![step])), 1);
    all_fail(&result, Cause::TimeoutFirstByte, "no first byte");
    let sent = result.tally.overall().bytes_sent;
    // The first connection may have written up to the initial window before it knew.
    assert!(sent <= 6 * 70_000, "{sent}");
}

/// The connection ends in the middle of an answer, and before one.
#[test]
fn an_end_of_the_connection_is_a_reset() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || -> std::io::Result<()> {
                let mut some = [0; 24];
                stream.read_exact(&mut some)?;
                stream.write_all(&frame(SETTINGS, 0, 0, &[]))?;
                let mut head = [0; 9];
                loop {
                    stream.read_exact(&mut head)?;
                    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
                    std::io::copy(&mut (&mut stream).take(length.into()), &mut std::io::sink())?;
                    if head[3] == HEADERS {
                        let part = frame(DATA, 0, 1, b"half");
                        return stream.write_all(&[ok_head(1, &[], 0), part].concat());
                    }
                }
            });
        }
    });
    let result = against(address, 3);
    all_fail(&result, Cause::Reset, "before the answer was complete");
    let reset = result.tally.overall().versions;
    assert_eq!(reset.http2, 3);
}

/// A target that answers a large body early and closes: what came is a whole answer.
#[test]
fn an_early_answer_and_an_end_behind_it_is_an_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(&frame(SETTINGS, 0, 0, &[]));
            // The preface, settings and the head of the first request; not its body.
            let mut read = [0; 24 + 9 + 64];
            if stream.read_exact(&mut read).is_err() {
                continue;
            }
            let head = frame(
                HEADERS,
                END_HEADERS,
                1,
                &[literal(":status", "413")].concat(),
            );
            let answer = [head, frame(DATA, END_STREAM, 1, b"too much")].concat();
            let _ = stream.write_all(&answer);
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        }
    });
    let mut step = super::super::step(&Target::plain(), "/");
    step.url = format!("http://{address}/").parse().unwrap();
    step.method = "POST".to_owned();
    step.body = dlt_core::scenario::plan::Body::Text("x".repeat(200_000));
    // One request on each connection: the target closes behind it.
    let result = run(h2(super::super::rounds(5.0, 1, vec![step])), 1);
    let status = result.tally.errors.keys().map(|key| key.cause);
    assert_eq!(
        status.collect::<Vec<_>>(),
        [Cause::Status4xx],
        "{}",
        message(&result)
    );
    assert_eq!(result.tally.account.failed, 5);
}

/// A body that runs on past its Content-Length breaks a rule; it is no head that is too large.
#[test]
fn a_large_body_against_the_rules_is_no_large_head() {
    let address = once(|id| {
        let head = ok_head(id, &[literal("content-length", "300000")], 0);
        let part = frame(DATA, 0, id, &[b'x'; 16_000]);
        // Our windows are known to hold once our settings are acknowledged.
        [frame(SETTINGS, 1, 0, &[]), head, part.repeat(19)].concat()
    });
    let result = against(address, 1);
    all_fail(&result, Cause::Protocol, "against the rules of HTTP/2");
}
