//! Variables, auth, forms, checks, extraction: what the target was sent and
//! what the engine made of its answers.

use super::*;
use crate::engine::tests::target::{Act, TargetRequest, answer};
use dlt_core::scenario::plan::{
    Auth, Check, Extraction, Find, JsonQuery, Pattern, Subject, Upload, UrlText, Wanted,
};

pub(super) fn extraction(variable: &str, find: Find) -> Extraction {
    Extraction {
        variable: variable.to_owned(),
        find,
        default: None,
    }
}

pub(super) fn json(path: &str) -> Find {
    Find::Json(JsonQuery::compile(path).unwrap())
}

pub(super) fn regex(text: &str, subject: Subject) -> Find {
    Find::Regex {
        pattern: Pattern::compile(text).unwrap(),
        group: 1,
        nth: 1,
        subject,
    }
}

/// A step whose URL holds variables.
pub(super) fn varying(target: &Target, path: &str) -> Step {
    Step {
        url_text: Some(UrlText {
            base: String::new(),
            text: format!("http://{}{path}", target.address),
            host_varies: false,
        }),
        ..step(target, "/")
    }
}

pub(super) fn header(request: &TargetRequest, name: &str) -> Option<String> {
    let lines = request.head.lines();
    let mut found = lines.filter_map(|line| {
        let (key, value) = line.split_once(": ")?;
        key.eq_ignore_ascii_case(name).then(|| value.to_owned())
    });
    let first = found.next();
    assert_eq!(found.next(), None, "{name} stands twice:\n{}", request.head);
    first
}

pub(super) fn messages(result: &LoadResult) -> Vec<String> {
    let keys = result.tally.errors.keys();
    keys.map(|key| format!("{}: {}", key.cause, key.message))
        .collect()
}

#[test]
fn variables_stand_where_they_are_written() {
    let target = Target::plain();
    let mut one = varying(&target, "/a/${id}?q=${word}");
    one.label = "${id} of ${word}".to_owned();
    one.method = "POST".to_owned();
    one.headers = vec![("X-Word".to_owned(), "<${word}>".to_owned())];
    one.auth = Some(Auth::Basic {
        username: "me".to_owned(),
        password: "${word}".to_owned(),
    });
    one.body = Body::Text("{\"$\": \"${word}$\"}".to_owned());
    let mut two = step(&target, "/form");
    two.method = "POST".to_owned();
    two.auth = Some(Auth::Bearer("${id}".to_owned()));
    two.body = Body::Form(vec![("a b".to_owned(), "${word}&".to_owned())]);
    let mut group = rounds(1.0, 1, vec![one, two]);
    group.variables = vec![
        ("id".to_owned(), "7".to_owned()),
        ("word".to_owned(), "t w".to_owned()),
    ];
    let result = run(group, 1);
    assert_eq!(result.tally.account.ok, 2, "{:?}", messages(&result));
    assert!(result.tally.labels.contains_key("7 of t w"));
    let [one, two] = &target.requests()[..] else {
        panic!("two requests");
    };
    assert_eq!(one.path(), "/a/7?q=t%20w");
    assert_eq!(header(one, "x-word").as_deref(), Some("<t w>"));
    // me:t w
    assert_eq!(
        header(one, "authorization").as_deref(),
        Some("Basic bWU6dCB3")
    );
    assert_eq!(one.body, b"{\"$\": \"t w$\"}");
    assert_eq!(header(two, "authorization").as_deref(), Some("Bearer 7"));
    assert_eq!(
        header(two, "content-type").as_deref(),
        Some("application/x-www-form-urlencoded")
    );
    assert_eq!(two.body, b"a+b=t+w%26");
}

#[test]
fn forms_with_files_are_multipart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a \"b\".png");
    std::fs::write(&file, b"\x89PNG----dlt-boundary-00000000\r\n").unwrap();
    let target = Target::plain();
    let mut upload = step(&target, "/up");
    upload.method = "POST".to_owned();
    upload.headers = vec![("content-type".to_owned(), "multipart/form-data".to_owned())];
    upload.body = Body::Multipart(
        vec![("kind".to_owned(), "${k}".to_owned())],
        vec![Upload {
            param: "picture".to_owned(),
            path: file.to_str().unwrap().to_owned(),
            mime_type: "image/png".to_owned(),
        }],
    );
    let mut group = rounds(1.0, 1, vec![upload]);
    group.variables = vec![("k".to_owned(), "cat".to_owned())];
    assert_eq!(run(group, 1).tally.account.ok, 1);
    let request = &target.requests()[0];
    // The file holds the first boundary that would do.
    let boundary = "----dlt-boundary-00000001";
    assert_eq!(
        header(request, "content-type").unwrap(),
        format!("multipart/form-data; boundary={boundary}")
    );
    let expected = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"kind\"\r\n\r\ncat\r\n--{boundary}\r\nContent-Disposition: form-data; name=\"picture\"; filename=\"a %22b%22.png\"\r\nContent-Type: image/png\r\n\r\n"
    );
    assert!(request.body.starts_with(expected.as_bytes()));
    assert!(
        request
            .body
            .ends_with(format!("\r\n\r\n--{boundary}--\r\n").as_bytes())
    );
}

#[test]
fn what_one_answer_gives_the_next_request_has() {
    let target = Target::new(|request, before| match request.path() {
        "/login" => answer(
            "200 OK",
            &format!("X-Trace: t{before}\r\n"),
            &format!("{{\"token\": \"tok{before}\", \"n\": {{\"id\": 5}}}}"),
        ),
        _ => answer("200 OK", "", "<i id=42>"),
    });
    let mut login = step(&target, "/login");
    login.extractions = vec![
        extraction("token", json("$.token")),
        extraction("n", json("$.n")),
        extraction("trace", regex("(?m)^x-trace: (.*)$", Subject::Headers)),
        Extraction {
            default: Some("none".to_owned()),
            ..extraction("role", json("$.role"))
        },
    ];
    if let Find::Regex { pattern, .. } = &mut login.extractions[2].find {
        *pattern = Pattern::compile("(?mi)^x-trace: (.*)$").unwrap();
    }
    let mut page = varying(&target, "/page/${token}/${trace}/${role}");
    page.extractions = vec![extraction("id", regex("id=([0-9]+)", Subject::Body))];
    let mut order = step(&target, "/order");
    order.method = "POST".to_owned();
    order.auth = Some(Auth::Bearer("${token}".to_owned()));
    order.body = Body::Text("${id} ${n}".to_owned());
    let result = run(rounds(1.0, 2, vec![login, page, order]), 1);
    assert_eq!(result.tally.account.ok, 6, "{:?}", messages(&result));
    let requests = target.requests();
    for round in 0..2 {
        let at = 3 * round;
        assert_eq!(
            requests[at + 1].path(),
            format!("/page/tok{round}/t{round}/none")
        );
        assert_eq!(
            header(&requests[at + 2], "authorization").unwrap(),
            format!("Bearer tok{round}")
        );
        assert_eq!(requests[at + 2].body, b"42 {\"id\":5}");
    }
}

/// Checks of one answer, and what is said if they do not hold.
fn checks() -> Vec<(Check, Option<&'static str>)> {
    let contains = |subject, wanted: Wanted, not| Check::Contains {
        subject,
        wanted: vec![wanted],
        not,
    };
    let text = |text: &str| Wanted::Text(text.to_owned());
    let pattern = |text: &str| Wanted::Match(Pattern::compile(text).unwrap());
    let json = |path: &str, expected, invert| Check::Json {
        query: JsonQuery::compile(path).unwrap(),
        expected,
        invert,
    };
    let whole = |text: &str| Some(Wanted::Match(Pattern::whole(text).unwrap()));
    vec![
        (contains(Subject::Body, text("\"open\""), false), None),
        (
            contains(Subject::Body, text("closed"), false),
            Some("the body does not hold \"closed\""),
        ),
        (
            contains(Subject::Body, pattern("op.n"), true),
            Some("the body holds a match of \"op.n\""),
        ),
        (
            contains(Subject::Headers, pattern("(?m)^X-A: b$"), false),
            None,
        ),
        (contains(Subject::HttpCode, pattern("^2..$"), false), None),
        (
            contains(Subject::HttpCode, text("201"), false),
            Some("the status does not hold \"201\": it is 200"),
        ),
        (json("$.state", None, false), None),
        (
            json("$.gone", None, false),
            Some("JSONPath \"$.gone\" is nothing, expected is anything"),
        ),
        (json("$.gone", None, true), None),
        (json("$.n", Some(text("5")), false), None),
        (json("$.state", whole("op|open"), false), None),
        (
            json("$.state", whole("op"), false),
            Some("JSONPath \"$.state\" is \"open\", expected is a match of \"op\""),
        ),
        (
            json("$.token", whole("x"), false),
            Some("JSONPath \"$.token\" is [redacted], expected is [redacted]"),
        ),
    ]
}

#[test]
fn checks_fail_the_sample_and_say_which() {
    for (check, fault) in checks() {
        let target = Target::new(|_, _| {
            answer(
                "200 OK",
                "X-A: b\r\n",
                "{\"state\": \"open\", \"n\": 5, \"token\": \"s3cret\"}",
            )
        });
        let mut step = step(&target, "/x");
        step.checks = vec![check];
        let result = run(rounds(1.0, 3, vec![step]), 1);
        let faults: Vec<String> = fault.iter().map(|text| format!("check: {text}")).collect();
        assert_eq!(messages(&result), faults);
        // A failed check is no reason to break the connection.
        assert_eq!(target.connections(), 1);
        let saved = format!("{:?}", result.tally.errors);
        assert!(!saved.contains("s3cret"), "{saved}");
        if fault.is_some() {
            let error = result.tally.errors.values().next().unwrap();
            assert!(
                error.exchanges[0].response.contains("\"state\": \"open\""),
                "{saved}"
            );
        }
    }
}

fn gzip(text: &str) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn encoded(coding: &str, body: Vec<u8>) -> Vec<Act> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {length}\r\n\r\n"
    );
    vec![Act::Send([head.into_bytes(), body].concat())]
}

#[test]
fn bodies_are_decoded_only_where_somebody_looks() {
    let run_with = |coding: &'static str, body: Vec<u8>, looks: bool| {
        let target = Target::new(move |_, _| encoded(coding, body.clone()));
        let mut step = step(&target, "/x");
        if looks {
            step.checks = vec![Check::Contains {
                subject: Subject::Body,
                wanted: vec![Wanted::Text("needle".to_owned())],
                not: false,
            }];
        }
        run(rounds(1.0, 2, vec![step]), 1)
    };
    assert_eq!(run_with("gzip", gzip("a needle"), true).tally.account.ok, 2);
    let result = run_with("gzip", gzip("hay"), true);
    assert_eq!(
        messages(&result),
        ["check: the body does not hold \"needle\""]
    );
    let error = result.tally.errors.values().next().unwrap();
    assert!(
        error.exchanges[0].response.ends_with("\n\nhay"),
        "{error:?}"
    );
    let broken = b"no gzip".to_vec();
    assert_eq!(run_with("gzip", broken.clone(), false).tally.account.ok, 2);
    let result = run_with("gzip", broken, true);
    assert_eq!(
        failed(&result, Cause::Protocol),
        2,
        "{:?}",
        messages(&result)
    );
    let result = run_with("br", b"x".to_vec(), true);
    assert_eq!(
        failed(&result, Cause::Protocol),
        2,
        "{:?}",
        messages(&result)
    );
    let result = run_with("gzip", gzip(&"x".repeat(20_000_000)), true);
    assert_eq!(
        failed(&result, Cause::TooLarge),
        2,
        "{:?}",
        messages(&result)
    );
    let long = vec![b'x'; 5_000_000];
    let result = run_with("identity", long.clone(), true);
    assert_eq!(
        failed(&result, Cause::TooLarge),
        2,
        "{:?}",
        messages(&result)
    );
    assert_eq!(run_with("identity", long, false).tally.account.ok, 2);
}

#[test]
fn chunked_and_endless_bodies_are_kept_whole() {
    let target = Target::new(|_, before| {
        let head = "HTTP/1.1 200 OK\r\n";
        match before {
            0 => vec![
                Act::Send(format!("{head}Transfer-Encoding: chunked\r\n\r\n3\r\nnee\r\n").into()),
                Act::Pause(Duration::from_millis(20)),
                Act::Send(b"3\r\ndle\r\n0\r\n\r\n".to_vec()),
            ],
            _ => vec![
                Act::Send(format!("{head}\r\nnee").into()),
                Act::Pause(Duration::from_millis(20)),
                Act::Send(b"dle".to_vec()),
                Act::Close,
            ],
        }
    });
    let mut step = step(&target, "/x");
    step.checks = vec![Check::Contains {
        subject: Subject::Body,
        wanted: vec![Wanted::Text("needle".to_owned())],
        not: false,
    }];
    let result = run(rounds(1.0, 2, vec![step]), 1);
    assert_eq!(result.tally.account.ok, 2, "{:?}", messages(&result));
}

#[test]
fn secrets_of_a_session_are_not_kept() {
    let target = Target::new(|request, _| match request.path() {
        "/login" => answer("200 OK", "", "{\"ticket\": \"tick3t\"}"),
        path => answer(
            "500 Oh",
            "X-Echo: tick3t\r\n",
            &format!("you asked for {path}"),
        ),
    });
    let mut login = step(&target, "/login");
    login.extractions = vec![extraction("ticket", json("$.ticket"))];
    let mut order = varying(&target, "/order/${ticket}/${password}");
    order.auth = Some(Auth::Bearer("${ticket}".to_owned()));
    order.label = "order".to_owned();
    let mut group = rounds(1.0, 1, vec![login, order]);
    group.variables = vec![("password".to_owned(), "hunter22".to_owned())];
    let result = run(group, 1);
    let saved = format!("{:?} {:?}", result.tally.errors, result.warnings);
    assert!(
        !saved.contains("tick3t") && !saved.contains("hunter22"),
        "{saved}"
    );
    assert!(saved.contains("/order/[redacted]/[redacted]"), "{saved}");
}
