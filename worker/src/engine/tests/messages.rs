//! WebSockets and server-sent events against targets that know what they sent: labels, counts,
//! times, endings, and what breaks the rules.

mod events;
mod server;

use super::*;
use crate::engine::tests::target::{Act, answer};
use dlt_core::ids::Region;
use dlt_core::measure::tally::LabelTally;
use dlt_core::scenario::{Defaults, Format, Outside, Purpose, Scenario};
use server::WsTarget;

/// The one group of a scenario with these requests, `users` users and so many rounds each.
fn scenario(users: u64, rounds: u64, requests: &str) -> Group {
    read(
        &format!(r#"{{"users":{users},"iterations":{rounds}"#),
        requests,
    )
}

fn read(execution: &str, requests: &str) -> Group {
    let hold_for = match execution.contains("hold-for") {
        true => "",
        false => r#","hold-for":"20s""#,
    };
    let text = format!(
        r#"{{"execution":[{execution}{hold_for},"scenario":"s"}}],"scenarios":{{"s":{{"requests":{requests}}}}}}}"#
    );
    let defaults = Defaults {
        regions: vec![(Region::parse("lo-home-1").unwrap(), 1)],
        tasks: 1,
        name: "messages".to_owned(),
        show_live: false,
    };
    let no_file = |name: &str| Err(name.to_owned());
    let outside = Outside::files(&no_file);
    let read = Scenario::from_text(
        text.as_bytes(),
        Format::Json,
        &defaults,
        outside,
        Purpose::Run,
    );
    read.unwrap_or_else(|faults| panic!("{faults}"))
        .plan
        .groups
        .remove(0)
}

/// How many samples a label has, and how many of them are ok.
fn counts(result: &LoadResult, label: &str) -> (u64, u64) {
    let tally = &result.tally.labels.get(label);
    tally.map_or((0, 0), |tally| (tally.ok + tally.failed, tally.ok))
}

/// The one error of a load.
fn the_error(result: &LoadResult) -> (Cause, String) {
    let errors = &result.tally.errors;
    assert_eq!(errors.len(), 1, "{errors:?}");
    let (key, _) = errors.iter().next().unwrap();
    (key.cause, key.message.clone())
}

#[test]
fn a_websocket_is_opened_used_and_closed() {
    let (target, plain) = (WsTarget::start(), Target::plain());
    let requests = format!(
        r#"[{{"websocket":[
            {{"url":"ws://{}/chat","label":"chat"}},
            {{"send":"say hello","holding":"re: hello"}},
            {{"send":"push 3","receive":0,"label":"ask"}},
            {{"receive":3}}
        ]}},{{"url":"http://{}/plain","label":"plain"}}]"#,
        target.address, plain.address,
    );
    let result = run(scenario(3, 2, &requests), 2);
    let account = result.tally.account;
    assert_eq!(
        (account.failed, account.ok),
        (0, 6 * 8),
        "{:?}",
        result.tally.errors
    );
    for (label, count) in [
        ("chat", 6),
        ("chat send", 6),
        ("ask", 6),
        ("chat receive", 18),
        ("chat close", 6),
        ("plain", 6),
    ] {
        assert_eq!(counts(&result, label), (count, count), "{label}");
    }
    let seen = target.seen();
    assert_eq!((seen.opened, seen.closed_cleanly), (6, 6));
    assert_eq!(
        seen.texts
            .iter()
            .filter(|text| *text == "say hello")
            .count(),
        6
    );
    // The target answers after 20 ms, and pushes every 10 ms.
    let [answers, pushes] = ["chat send", "chat receive"].map(|label| &result.tally.labels[label]);
    let least = |tally: &LabelTally| tally.response.exact().min_us;
    assert!(
        (20_000..60_000).contains(&least(answers)),
        "{}",
        least(answers)
    );
    assert!(
        (9_000..40_000).contains(&least(pushes)),
        "{}",
        least(pushes)
    );
}

/// What came before a message was sent is no answer to it, however it is waited for.
#[test]
fn an_answer_comes_behind_what_it_answers() {
    let target = WsTarget::start();
    let requests = format!(
        r#"[{{"websocket":[
            {{"url":"ws://{}/chat","label":"chat"}},
            {{"send":"push 3","receive":0,"label":"ask","think-time":"500ms"}},
            {{"send":"say hello","assert":["noise before"]}}
        ]}}]"#,
        target.address,
    );
    let result = run(scenario(2, 2, &requests), 1);
    assert_eq!(counts(&result, "chat send"), (4, 4));
    // The three pushed ones were there before, and would have taken no time.
    let least_us = result.tally.labels["chat send"].response.exact().min_us;
    assert!((1..400_000).contains(&least_us), "{least_us}");
    let told = result
        .warnings
        .iter()
        .any(|it| it.contains("was passed over"));
    assert!(told, "{:?}", result.warnings);
}

/// Users in a pause tell their targets that they leave, as those do who wait for an answer.
#[test]
fn streams_that_are_open_at_the_end_are_left_with_a_close_frame() {
    let target = WsTarget::start();
    let requests = format!(
        r#"[{{"websocket":[
            {{"url":"ws://{}/chat"}},
            {{"send":"say hello","think-time":"1m"}},
            {{"send":"say never"}}
        ]}}]"#,
        target.address,
    );
    for execution in [
        r#"{"users":5,"hold-for":"1s""#,
        r#"{"arrivals":10,"hold-for":"1s""#,
    ] {
        let before = target.seen().left;
        let mut group = read(execution, &requests);
        group.load.graceful_stop_us = 0;
        let result = run(group, 2);
        let opened = counts(&result, "WS /chat").1;
        assert!(opened >= 5, "{opened}");
        let deadline = Instant::now() + Duration::from_secs(5);
        while target.seen().left - before < opened && Instant::now() < deadline {
            std::thread::yield_now();
        }
        assert_eq!(target.seen().left - before, opened);
    }
}

/// Pauses with an open stream do not go round and round once the load has ended.
#[test]
fn pauses_with_a_stream_end_with_all_requests() {
    let target = WsTarget::start();
    let requests = format!(
        r#"[{{"websocket":[
            {{"url":"ws://{}/chat"}},
            {{"loop":"forever","do":[{{"action":"pause","pause-duration":"1s"}}]}}
        ]}}]"#,
        target.address,
    );
    let before = Instant::now();
    let execution = r#"{"users":3,"total-requests":3,"hold-for":"20s""#;
    let result = run(read(execution, &requests), 1);
    assert_eq!(counts(&result, "WS /chat"), (3, 3));
    assert!(before.elapsed() < Duration::from_secs(10));
}

#[test]
fn values_go_into_messages_and_come_out_of_them() {
    let target = WsTarget::start();
    let requests = format!(
        r#"[{{"websocket":[
            {{"url":"http://{}/chat","label":"chat"}},
            {{"send":"say {{\"id\":\"a-${{__counter(TRUE)}}\"}}","holding":"re:","extract-regexp":{{"id":"\"id\":\"([a-z0-9-]+)\""}}}},
            {{"send":"say got ${{id}}","holding":"got ${{id}}","assert":["re: got a-"]}}
        ]}}]"#,
        target.address,
    );
    let result = run(scenario(1, 3, &requests), 1);
    assert_eq!(result.tally.account.failed, 0, "{:?}", result.tally.errors);
    let mut texts = target.seen().texts;
    texts.retain(|text| text.starts_with("say got"));
    assert_eq!(texts, ["say got a-1", "say got a-2", "say got a-3"]);
}

/// A check that does not hold fails its message, and the stream goes on.
#[test]
fn a_check_fails_its_message_alone() {
    let target = WsTarget::start();
    let requests = format!(
        r#"[{{"websocket":[
            {{"url":"http://{}/chat","label":"chat"}},
            {{"send":"say a","assert":["b"]}},
            {{"send":"say c","assert":["c"]}}
        ]}}]"#,
        target.address,
    );
    let result = run(scenario(1, 2, &requests), 1);
    let account = result.tally.account;
    assert_eq!(
        (account.ok, account.failed),
        (6, 2),
        "{:?}",
        result.tally.errors
    );
    assert_eq!(the_error(&result).0, Cause::Check);
    assert_eq!(target.seen().closed_cleanly, 2);
}

#[test]
fn pings_are_answered_in_a_pause_and_what_comes_then_is_timed_by_its_receipt() {
    let target = WsTarget::start();
    let requests = format!(
        r#"[{{"websocket":[
            {{"url":"http://{}/chat","label":"chat"}},
            {{"send":"ping and push 2","receive":0,"think-time":"400ms"}},
            {{"receive":2}}
        ]}}]"#,
        target.address,
    );
    let result = run(scenario(2, 1, &requests), 1);
    assert_eq!(result.tally.account.failed, 0, "{:?}", result.tally.errors);
    let seen = target.seen();
    assert_eq!(seen.pongs_in_time, 2);
    let received = &result.tally.labels["chat receive"];
    assert_eq!(received.ok, 4);
    // Not the 400 ms of the pause.
    let most_us = received.response.exact().max_us;
    assert!(most_us < 200_000, "{most_us}");
}

#[test]
fn each_ending_has_its_cause() {
    for (path, message, cause, says) in [
        (
            "/chat",
            "close 1011 out of luck",
            Cause::Reset,
            "closed the WebSocket (code 1011: out of luck)",
        ),
        (
            "/chat",
            "close and stay",
            Cause::Reset,
            "closed the WebSocket (code 1011)",
        ),
        ("/chat", "drop", Cause::Reset, ""),
        (
            "/chat",
            "say nothing",
            Cause::TimeoutFirstByte,
            "no message came within 300 ms",
        ),
        ("/chat", "noise", Cause::TimeoutFirstByte, "others came"),
        ("/chat", "huge", Cause::TooLarge, "more than 4 MiB"),
        (
            "/chat",
            "masked",
            Cause::Protocol,
            "broke the rules of WebSockets",
        ),
        (
            "/chat",
            "not utf-8",
            Cause::Protocol,
            "broke the rules of WebSockets",
        ),
        (
            "/chat",
            "reserved bits",
            Cause::Protocol,
            "broke the rules of WebSockets",
        ),
    ] {
        let target = WsTarget::start();
        let requests = format!(
            r#"[{{"websocket":[
                {{"url":"http://{}{path}","label":"chat"}},
                {{"send":"{message}","holding":"re:","timeout":"300ms"}},
                {{"send":"say more"}}
            ]}}]"#,
            target.address,
        );
        let result = run(scenario(1, 2, &requests), 1);
        let account = result.tally.account;
        // Opened and failed twice; what would have followed is not sent, and nothing is closed twice.
        assert_eq!(
            (account.ok, account.failed),
            (2, 2),
            "{message}: {:?}",
            result.tally.errors
        );
        let (found, text) = the_error(&result);
        assert_eq!(found, cause, "{message}: {text}");
        assert!(text.contains(says), "{message}: {text}");
        assert!(!target.seen().texts.contains(&"say more".to_owned()));
    }
}

#[test]
fn what_is_no_websocket_is_told() {
    let switching = |accept: &str| {
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        )
    };
    let with_status = |status: &str| answer(status, "", "no");
    for (acts, cause, says) in [
        (with_status("403 Forbidden"), Cause::Status4xx, "403"),
        (
            with_status("503 Service Unavailable"),
            Cause::Status5xx,
            "503",
        ),
        (
            with_status("200 OK"),
            Cause::Protocol,
            "status 200 in place of 101",
        ),
        (
            with_status("302 Found"),
            Cause::Protocol,
            "status 302 in place of 101",
        ),
        (
            vec![Act::Send(switching("AAAA").into())],
            Cause::Protocol,
            "does not fit the key",
        ),
        (
            vec![Act::Send(
                b"HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: close\r\n\r\n".to_vec(),
            )],
            Cause::Protocol,
            "does not say Connection: Upgrade",
        ),
        (
            vec![Act::Send(b"SSH-2.0-x\r\n\r\n".to_vec())],
            Cause::Protocol,
            "",
        ),
        (vec![Act::Close], Cause::Reset, ""),
        (vec![Act::Send(vec![b'x'; 100_000])], Cause::TooLarge, ""),
        (
            vec![Act::Pause(Duration::from_secs(5))],
            Cause::TimeoutFirstByte,
            "no WebSocket was opened",
        ),
    ] {
        let target = Target::new(move |_, _| acts.clone());
        let requests = format!(
            r#"[{{"websocket":[{{"url":"http://{}/","timeout":"300ms"}},{{"send":"x"}}]}}]"#,
            target.address
        );
        let result = run(scenario(1, 1, &requests), 1);
        let account = result.tally.account;
        assert_eq!((account.ok, account.failed), (0, 1), "{says}");
        let (found, text) = the_error(&result);
        assert_eq!(found, cause, "{text}");
        assert!(text.contains(says), "{text}");
        let head = &target.requests()[0].head;
        for line in [
            "Upgrade: websocket\r\n",
            "Connection: Upgrade\r\n",
            "Sec-WebSocket-Version: 13\r\n",
            "Sec-WebSocket-Key: ",
        ] {
            assert!(head.contains(line), "{head}");
        }
    }
}

/// `total-requests` counts what is opened, sent, received and closed.
#[test]
fn a_number_of_requests_is_exact_with_messages() {
    let target = WsTarget::start();
    let requests = format!(
        r#"[{{"websocket":[{{"url":"http://{}/chat","label":"chat"}},{{"send":"say a","holding":"re:"}}]}}]"#,
        target.address,
    );
    for total in [2, 3, 7] {
        let mut group = scenario(1, 9, &requests);
        group.load.iterations = None;
        group.load.total_requests = Some(total);
        let account = run(group, 1).tally.account;
        assert_eq!((account.ok, account.failed), (total, 0));
    }
}

/// Closing is a request: none begins behind the end, where the target is told and nothing counted.
#[test]
fn no_close_begins_behind_the_end() {
    let target = WsTarget::start();
    let requests = format!(
        r#"[{{"websocket":[{{"url":"http://{}/chat","label":"chat"}},{{"send":"say a","holding":"re:"}}]}}]"#,
        target.address,
    );
    for model in [
        Model::Users(Curve::ramp_hold(1.0, 0, 15_000)),
        Model::Arrivals(Curve::ramp_hold(100.0, 0, 10_000)),
    ] {
        let mut group = scenario(1, 1, &requests);
        group.load.iterations = None;
        group.load.model = model;
        let result = run(group, 1);
        assert_eq!(counts(&result, "chat send"), (1, 1));
        assert_eq!(counts(&result, "chat close"), (0, 0));
    }
    let until = Instant::now() + Duration::from_secs(10);
    while target.seen().left < 2 && Instant::now() < until {
        std::thread::yield_now();
    }
    assert_eq!((target.seen().left, target.seen().closed_cleanly), (2, 0));
}

/// A stream that ends too early ends the transaction around it, which failed.
#[test]
fn a_lost_stream_fails_its_transaction() {
    let target = WsTarget::start();
    let requests = format!(
        r#"[{{"websocket":[
            {{"url":"http://{}/chat","label":"chat"}},
            {{"transaction":"talk","do":[{{"send":"drop"}},{{"send":"say more"}}]}}
        ]}}]"#,
        target.address,
    );
    let result = run(scenario(1, 3, &requests), 1);
    let talk = &result.tally.transactions["talk"].samples;
    assert_eq!((talk.failed, talk.ok), (3, 0));
}

#[test]
fn arrivals_have_streams_of_their_own() {
    let target = WsTarget::start();
    let requests = format!(
        r#"[{{"websocket":[
            {{"url":"http://{}/chat","label":"chat"}},
            {{"if":"1 == 1","then":[{{"send":"say hello","holding":"re: hello"}}]}}
        ]}}]"#,
        target.address,
    );
    let mut group = scenario(1, 1, &requests);
    group.load.iterations = None;
    // The last of them ends before the load does.
    let then_none = [(50.0, 400_000), (0.0, 0), (0.0, 1_000_000)];
    group.load.model = Model::Arrivals(Curve::stages(50.0, &then_none));
    let result = run(group, 1);
    assert_eq!(result.tally.account.failed, 0, "{:?}", result.tally.errors);
    assert_eq!(counts(&result, "chat"), (20, 20));
    assert_eq!(counts(&result, "chat send"), (20, 20));
    assert_eq!(target.seen().closed_cleanly, 20);
}
