//! Every cause that HTTP/1.1 can have, with what is remembered of it.

use super::*;
use crate::engine::tests::target::{Act, answer};
use std::net::TcpListener;

/// One sample of `/x` with these acts: its result.
fn once(acts: Vec<Act>, change: impl FnOnce(&mut Step)) -> LoadResult {
    let target = Target::new(move |_, _| acts.clone());
    let mut step = step(&target, "/x");
    change(&mut step);
    let result = run(rounds(1.0, 1, vec![step]), 1);
    assert_eq!(result.tally.account.begun(), 1);
    result
}

#[track_caller]
fn fails(result: &LoadResult, cause: Cause, message: &str) {
    let (key, error) = result.tally.errors.iter().next().expect("an error");
    assert_eq!(result.tally.errors.len(), 1);
    assert_eq!(key.cause, cause, "{key:?}");
    assert!(key.message.contains(message), "{}", key.message);
    assert_eq!(error.labels["/x"], error.count);
    assert_eq!(failed(result, cause), result.tally.account.failed);
}

fn text(response: &str) -> Vec<Act> {
    vec![Act::Send(response.as_bytes().to_vec())]
}

const HANG: Act = Act::Pause(Duration::from_secs(30));

#[test]
fn statuses() {
    let result = once(answer("404 Nope", "", "gone"), |_| {});
    fails(&result, Cause::Status4xx, "answered 404 Not Found");
    let (key, error) = result.tally.errors.iter().next().unwrap();
    assert_eq!(key.code.as_deref(), Some("404"));
    assert!(
        error.exchanges[0]
            .request
            .starts_with("GET /x HTTP/1.1\nHost: 127.0.0.1:")
    );
    assert_eq!(
        error.exchanges[0].response,
        "HTTP/1.1 404 Nope\nContent-Length: 4\n\ngone"
    );
    let result = once(answer("503 Busy", "", ""), |_| {});
    fails(
        &result,
        Cause::Status5xx,
        "answered 503 Service Unavailable",
    );
    let result = once(answer("200 OK", "", ""), |step| {
        step.expect_status = StatusSet {
            ranges: vec![(404, 404)],
        };
    });
    fails(
        &result,
        Cause::Check,
        "answered 200 OK, which is not expected here",
    );
    let result = once(answer("404 Not Found", "", ""), |step| {
        step.expect_status = StatusSet {
            ranges: vec![(404, 404)],
        };
    });
    assert_eq!(result.tally.account.ok, 1);
}

#[test]
fn connections_that_break() {
    fails(
        &once(vec![Act::Close], |_| {}),
        Cause::Reset,
        "closed the connection without an answer",
    );
    fails(
        &once(vec![Act::Reset], |_| {}),
        Cause::Reset,
        "reset the connection",
    );
    let mut acts = text("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    acts.push(Act::Close);
    let result = once(acts, |_| {});
    fails(&result, Cause::Reset, "before the answer was complete");
    let error = result.tally.errors.values().next().unwrap();
    assert!(error.exchanges[0].response.ends_with("\n\nhalf"));
    let overall = result.tally.overall();
    assert_eq!(overall.outcomes[0].outcome.status, Some(200));
}

#[test]
fn answers_that_are_none() {
    let result = once(text("SSH-2.0-OpenSSH_9.2\r\n"), |_| {});
    fails(&result, Cause::Protocol, "the head is not HTTP/1.x");
    let result = once(
        text("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"),
        |_| {},
    );
    fails(&result, Cause::Protocol, "chunk size");
    let long = format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "x".repeat(70_000));
    fails(&once(text(&long), |_| {}), Cause::TooLarge, "64 KB");
}

#[test]
fn limits_of_time_by_phase() {
    let result = once(vec![HANG], |step| step.timeouts.first_byte_us = 60_000);
    fails(&result, Cause::TimeoutFirstByte, "within 60 ms");
    let response = result.tally.overall().response_failed.exact();
    assert!(response.min_us >= 60_000, "{response:?}");
    let mut acts = text("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    acts.push(HANG);
    let result = once(acts, |step| {
        step.timeouts.first_byte_us = 50_000_000;
        step.timeouts.total_us = 80_000;
    });
    fails(&result, Cause::TimeoutBody, "within 80 ms");
    let result = once(vec![HANG], |step| step.timeouts.total_us = 70_000);
    fails(&result, Cause::TimeoutFirstByte, "within 70 ms");
}

#[test]
fn a_time_limit_counts_anew_for_each_request_of_a_connection() {
    // Each answer takes most of its limit; together they take more than one.
    let target = Target::new(|_, _| {
        let mut acts = vec![Act::Pause(Duration::from_millis(60))];
        acts.extend(answer("200 OK", "", ""));
        acts
    });
    let mut step = step(&target, "/x");
    step.timeouts.first_byte_us = 400_000;
    step.timeouts.total_us = 400_000;
    let result = run(rounds(2.0, 12, vec![step]), 1);
    assert_eq!(result.tally.account.ok, 24, "{:?}", result.tally.errors);
    assert_eq!(target.connections(), 2);
}

#[test]
fn targets_that_are_not_there() {
    let gone = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let target = Target::plain();
    let to = |url: String| Step {
        url: url.parse().unwrap(),
        ..step(&target, "/x")
    };
    let result = run(rounds(2.0, 3, vec![to(format!("http://{gone}/"))]), 1);
    fails(
        &result,
        Cause::Refused,
        &format!("connection refused by {gone}"),
    );
    assert_eq!(result.tally.account.failed, 6);
    let error = result.tally.errors.values().next().unwrap();
    assert!(error.exchanges.is_empty());
    let result = run(
        rounds(1.0, 2, vec![to("http://no-such-host.invalid/".to_owned())]),
        1,
    );
    fails(
        &result,
        Cause::Dns,
        "name no-such-host.invalid does not resolve",
    );
}

#[test]
fn a_host_that_does_not_answer_runs_into_the_connect_limit() {
    // A listener whose backlog is full answers no further SYN.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let any: std::net::SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any.into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let mut held = Vec::new();
    while held.len() < 8 {
        match std::net::TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
            Ok(stream) => held.push(stream),
            Err(_) => break,
        }
    }
    let target = Target::plain();
    let mut step = step(&target, "/x");
    step.url = format!("http://{address}/").parse().unwrap();
    step.timeouts.connect_us = 80_000;
    let result = run(rounds(1.0, 1, vec![step]), 1);
    fails(&result, Cause::TimeoutConnect, "within 80 ms");
}

#[test]
fn an_answer_before_the_body_is_read_is_heard() {
    // Refuses a large upload at once and reads no more of it.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let (mut stream, _) = listener.accept().unwrap();
        let mut some = [0; 1024];
        let read = stream.read(&mut some).unwrap();
        stream
            .write_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
            .unwrap();
        (read, stream)
    });
    let target = Target::plain();
    let mut post = step(&target, "/x");
    post.url = format!("http://{address}/").parse().unwrap();
    post.method = "POST".to_owned();
    post.body = Body::Text("x".repeat(30_000_000));
    let result = run(rounds(1.0, 1, vec![post]), 1);
    fails(&result, Cause::Status4xx, "answered 413 Content Too Large");
    assert!(server.join().unwrap().0 > 0);
}

#[test]
fn secrets_are_not_saved_and_exchanges_are_few() {
    let target = Target::new(|_, _| answer("500 Oh", "Set-Cookie: S3CRET\r\n", "body"));
    let mut step = step(&target, "/x?token=S3CRET&a=b");
    step.label = "/x".to_owned();
    step.headers = vec![
        ("Authorization".to_owned(), "S3CRET".to_owned()),
        ("X-Api-Key".to_owned(), "S3CRET".to_owned()),
    ];
    let result = run(rounds(2.0, 10, vec![step]), 2);
    let error = result.tally.errors.values().next().unwrap();
    assert_eq!(error.count, 20);
    assert_eq!(error.exchanges.len(), 3);
    let saved = format!("{:?}", error.exchanges);
    assert!(!saved.contains("S3CRET"), "{saved}");
    assert!(saved.contains("a=b"));
}

/// A target that shows what it was sent, under names of its own and as its format has it.
#[test]
fn what_is_secret_by_its_name_is_hidden_by_its_value() {
    let shown = "invalid credential 'S3CRET-bearer'; you sent foo=S3CRET-form, x: S3CRET-json \
                 and {\\\"y\\\": \\\"S3CRET-n\\u00e9sted\\\"}; sid S3CRET-cookie, S3CRET&amp;amp";
    let target = Target::new(move |_, _| answer("500 Oh", "X-Was: S3CRET-bearer\r\n", shown));
    let with = |name: &str, value: &str| {
        let mut step = step(&target, "/x");
        step.method = "POST".to_owned();
        step.headers = vec![(name.to_owned(), value.to_owned())];
        step
    };
    let mut form = with("Authorization", "Bearer S3CRET-bearer");
    form.body = Body::Text("a=b&password=S3CRET-form".to_owned());
    let mut json = with("Cookie", "a=b; sid=S3CRET-cookie");
    json.body = Body::Text(
        "{\"token\": {\"value\": \"S3CRET-json\", \"n\": \"S3CRET-n\\u00e9sted\"}, \"pwd\": \"S3CRET&amp\"}"
            .to_owned(),
    );
    let result = run(rounds(1.0, 1, vec![form, json]), 1);
    let saved = format!("{:?}", result.tally.errors);
    assert!(!saved.contains("S3CRET"), "{saved}");
    assert!(
        saved.contains("invalid credential '[redacted]'; you sent foo=[redacted], x: [redacted]"),
        "{saved}"
    );
}
