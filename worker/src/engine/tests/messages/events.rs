//! Server-sent events.

use super::*;

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n";

/// A chunk of a body.
fn chunk(text: &str) -> Act {
    Act::Send(format!("{:x}\r\n{text}\r\n", text.len()).into())
}

fn pause(ms: u64) -> Act {
    Act::Pause(Duration::from_millis(ms))
}

fn head(more: &str) -> Act {
    Act::Send(format!("{HEAD}{more}\r\n").into())
}

fn waits(target: &Target, messages: &str) -> String {
    format!(
        r#"[{{"events":[{{"url":"http://{}/prices","label":"prices","timeout":"400ms"}},{messages}]}}]"#,
        target.address
    )
}

#[test]
fn events_are_counted_checked_and_timed() {
    let target = Target::new(|_, _| {
        vec![
            head("Transfer-Encoding: chunked\r\n"),
            pause(30),
            // Two events and a half in one chunk, the rest in another.
            chunk(": hello\n\ndata: one\n\nevent: x\ndata: two\n\nda"),
            pause(30),
            chunk("ta: EUR 3\n\n"),
            pause(30),
            chunk("data: EUR 4\n\n"),
            pause(5_000),
        ]
    });
    let messages =
        r#"{"receive":2},{"receive":2,"label":"euros","holding":"EUR","assert":["EUR "]}"#;
    let result = run(scenario(2, 2, &waits(&target, messages)), 1);
    assert_eq!(result.tally.account.failed, 0, "{:?}", result.tally.errors);
    for (label, count) in [("prices", 4), ("prices receive", 8), ("euros", 8)] {
        assert_eq!(counts(&result, label), (count, count), "{label}");
    }
    // The close is no sample: there is nothing to say goodbye with.
    assert_eq!(result.tally.account.ok, 20);
    let euros = result.tally.labels["euros"].response.exact();
    assert!(
        (29_000..120_000).contains(&euros.min_us),
        "{:?}",
        euros.min_us
    );
    // The first one after the head, the second with it.
    let first = result.tally.labels["prices receive"].response.exact();
    assert!(first.min_us < 5_000 && first.max_us >= 29_000);
    let request = &target.requests()[0];
    assert!(
        request.head.contains("Accept: text/event-stream\r\n"),
        "{}",
        request.head
    );
}

#[test]
fn what_is_no_stream_of_events_is_told() {
    for (acts, cause, says) in [
        (answer("404 Not Found", "", ""), Cause::Status4xx, "404"),
        (
            answer("200 OK", "Content-Type: text/html\r\n", "<p>"),
            Cause::Protocol,
            "text/html",
        ),
        (
            answer("204 No Content", "", ""),
            Cause::Protocol,
            "status 204 in place of 200",
        ),
        (
            vec![head("Content-Encoding: gzip\r\n")],
            Cause::Protocol,
            "compressed",
        ),
        (
            vec![pause(2_000)],
            Cause::TimeoutFirstByte,
            "no stream of events was opened",
        ),
        (vec![Act::Close], Cause::Reset, ""),
    ] {
        let target = Target::new(move |_, _| acts.clone());
        let result = run(scenario(1, 1, &waits(&target, r#"{"receive":1}"#)), 1);
        let account = result.tally.account;
        assert_eq!(
            (account.ok, account.failed),
            (0, 1),
            "{says}: {:?}",
            result.tally.errors
        );
        let (found, text) = the_error(&result);
        assert_eq!(found, cause, "{text}");
        assert!(text.contains(says), "{text}");
    }
}

#[test]
fn a_stream_that_ends_or_breaks_fails_the_event_that_is_awaited() {
    for (more, acts, cause, says) in [
        (
            "",
            vec![Act::Send(b"data: a\n\n".to_vec()), Act::Close],
            Cause::Reset,
            "ended the stream",
        ),
        (
            "Transfer-Encoding: chunked\r\n",
            vec![chunk("data: a\n\n"), Act::Send(b"0\r\n\r\n".to_vec())],
            Cause::Reset,
            "ended the stream",
        ),
        (
            "Transfer-Encoding: chunked\r\n",
            vec![chunk("data: a\n\n"), Act::Send(b"zz\r\n".to_vec())],
            Cause::Protocol,
            "",
        ),
        (
            "",
            vec![Act::Send(b"data: a\n\n".to_vec()), pause(3_000)],
            Cause::TimeoutFirstByte,
            "no message came within 400 ms",
        ),
        (
            "",
            vec![
                Act::Send(b"data: a\n\ndata: ".to_vec()),
                Act::Send(vec![b'x'; 5_000_000]),
            ],
            Cause::TooLarge,
            "4 MiB",
        ),
    ] {
        let acts: Vec<Act> = [head(more)].into_iter().chain(acts).collect();
        let target = Target::new(move |_, _| acts.clone());
        let result = run(
            scenario(1, 1, &waits(&target, r#"{"receive":2,"timeout":"400ms"}"#)),
            1,
        );
        let account = result.tally.account;
        assert_eq!(
            (account.ok, account.failed),
            (2, 1),
            "{says}: {:?}",
            result.tally.errors
        );
        let (found, text) = the_error(&result);
        assert_eq!(found, cause, "{text}");
        assert!(text.contains(says), "{text}");
    }
}
