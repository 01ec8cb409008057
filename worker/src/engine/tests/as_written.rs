//! What is written is what is sent, and what is answered is what is kept: numbers,
//! targets, header lines, charsets.

use super::*;
use crate::engine::tests::depth::{extraction, json, messages, varying};
use crate::engine::tests::target::{Act, answer};
use dlt_core::scenario::plan::{Check, JsonQuery, Subject, UrlText, Wanted};
use dlt_core::value::Number;

/// A target that answers with these bytes.
fn target_of(answer: &[u8]) -> Target {
    let answer = answer.to_vec();
    Target::new(move |_, _| vec![Act::Send(answer.clone())])
}

#[test]
fn numbers_of_an_answer_keep_their_text() {
    let body = "\u{feff}{\"id\":123456789012345678901234,\"p\":100.00,\"far\":1e400,\"half\":\"\\ud83d\",\"rows\":[{\"n\":7.0},{\"n\":7.50}]}";
    let target = Target::new(move |request, _| match request.path() {
        "/" => answer("200 OK", "", body),
        _ => answer("200 OK", "", ""),
    });
    let mut one = step(&target, "/");
    one.extractions = vec![
        extraction("id", json("$.id")),
        extraction("p", json("$['p']")),
        extraction("far", json("$.far")),
        extraction("row", json("$.rows[?@.n > 7].n")),
        extraction("last", json("$.rows[-1]")),
    ];
    let check = |path: &str, number: &str| Check::Json {
        query: JsonQuery::compile(path).unwrap(),
        expected: Some(Wanted::Number(Number::parse(number).unwrap())),
        invert: false,
    };
    one.checks = vec![
        check("$.p", "1e2"),
        check("$.id", "123456789012345678901234"),
    ];
    let mut two = varying(&target, "/${id}/${p}/${far}/${row}");
    two.method = "POST".to_owned();
    two.body = Body::Text("${last}".to_owned());
    let result = run(rounds(1.0, 1, vec![one, two]), 1);
    assert_eq!(result.tally.account.ok, 2, "{:?}", messages(&result));
    let second = &target.requests()[1];
    assert_eq!(second.path(), "/123456789012345678901234/100.00/1e400/7.50");
    assert_eq!(second.body, b"{\"n\":7.50}");
}

#[test]
fn a_number_of_another_value_is_not_the_expected_one() {
    let target = Target::new(|_, _| answer("200 OK", "", "[123456789012345678901235]"));
    let mut one = step(&target, "/");
    one.checks = vec![Check::Json {
        query: JsonQuery::compile("$[0]").unwrap(),
        // The same float.
        expected: Some(Wanted::Number(
            Number::parse("123456789012345678901234").unwrap(),
        )),
        invert: false,
    }];
    let result = run(rounds(1.0, 1, vec![one]), 1);
    assert_eq!(
        messages(&result),
        [
            "check: JSONPath \"$[0]\" is \"123456789012345678901235\", expected is \"123456789012345678901234\""
        ]
    );
}

/// A step whose URL is written like this, host and port before it.
fn written(target: &Target, text: &str) -> Step {
    Step {
        url_text: Some(UrlText {
            base: String::new(),
            text: format!("http://{}{text}", target.address),
            host_varies: true,
        }),
        ..step(target, "/")
    }
}

#[test]
fn targets_go_out_byte_for_byte() {
    let target = Target::plain();
    let paths = [
        "/a/../b/./c//d",
        "/%2e%2E/a%2fb;v=1",
        "/a\\b?c='d'&e=|f^",
        "/x?u=http://h/../y",
    ];
    let steps = paths.map(|path| written(&target, path));
    let result = run(rounds(1.0, 1, steps.into()), 1);
    assert_eq!(result.tally.account.ok, 4, "{:?}", messages(&result));
    let requests = target.requests();
    let sent: Vec<_> = requests.iter().map(|request| request.path()).collect();
    assert_eq!(sent, paths);
}

#[test]
fn a_value_stays_in_its_part_of_the_target() {
    for (text, value, sent) in [
        ("/u/${v}/x", "a?b#c é", Ok("/u/a%3Fb%23c%20%C3%A9/x")),
        ("/u/${v}", "a/b?c=d", Ok("/u/a/b?c=d")),
        ("/u?q=${v}&r", "a#b", Ok("/u?q=a%23b&r")),
        ("${v}/x", "/from", Ok("/from/x")),
        ("/a/../${v}", "b", Ok("/a/../b")),
        ("/u/${v}/x", "../../admin", Err("leads out of it")),
        ("/u/${v}/x", "%2e%2E", Err("leads out of it")),
        ("/u/.${v}/x", ".", Err("leads out of it")),
        ("/u/${v}/x", "a/..\\b", Err("leads out of it")),
    ] {
        let body = format!("{{\"v\":{}}}", serde_json::json!(value));
        let target = Target::new(move |_, _| answer("200 OK", "", &body));
        let mut one = step(&target, "/first");
        one.extractions = vec![extraction("v", json("$.v"))];
        let result = run(rounds(1.0, 1, vec![one, written(&target, text)]), 1);
        let requests = target.requests();
        let got = requests.get(1).map(|request| request.path());
        match sent {
            Ok(sent) => assert_eq!(got, Some(sent), "{text} {value}: {:?}", messages(&result)),
            Err(why) => {
                assert_eq!(got, None, "{text} {value}");
                let told = messages(&result).join("; ");
                assert!(told.contains(why), "{text} {value}: {told}");
            }
        }
    }
}

#[test]
fn repeated_header_lines_are_sent_in_their_order() {
    let target = Target::plain();
    let mut one = step(&target, "/");
    let lines = [("X-A", "1"), ("X-B", "2"), ("x-a", "3"), ("X-A", "1")];
    one.headers = lines
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    run(rounds(1.0, 1, vec![one]), 1);
    let head = &target.requests()[0].head;
    assert!(
        head.contains("\r\nX-A: 1\r\nX-B: 2\r\nx-a: 3\r\nX-A: 1\r\n"),
        "{head}"
    );
}

#[test]
fn the_charset_of_an_answer_is_heeded_by_checks() {
    let contains = |subject, text: &str| Check::Contains {
        subject,
        wanted: vec![Wanted::Text(text.to_owned())],
        not: false,
    };
    let target = target_of(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=ISO-8859-1\r\nX-City: K\xf6ln\r\nContent-Length: 5\r\n\r\nGr\xfc\xdfe",
    );
    let mut one = step(&target, "/");
    one.checks = vec![
        contains(Subject::Body, "Grüße"),
        contains(Subject::Headers, "Köln"),
    ];
    let result = run(rounds(1.0, 1, vec![one]), 1);
    assert_eq!(result.tally.account.ok, 1, "{:?}", messages(&result));
}

#[test]
fn a_malformed_head_is_told_by_its_line() {
    let target = target_of(b"HTTP/1.1 200 OK\r\nA: b\r\nthis is no header\r\n\r\n");
    let result = run(rounds(1.0, 1, vec![step(&target, "/")]), 1);
    assert_eq!(
        messages(&result),
        [format!(
            "protocol: {} answered wrongly: the head is not HTTP/1.x: line 3 is no header: \"this is no header\"",
            target.address
        )]
    );
    let target = target_of(b"HTTP/1.1 200 OK\r\nX: a,\r\n b\r\nContent-Length: 0\r\n\r\n");
    let result = run(rounds(1.0, 1, vec![step(&target, "/")]), 1);
    assert_eq!(result.tally.account.ok, 1, "{:?}", messages(&result));
}
