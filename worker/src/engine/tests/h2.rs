//! HTTP/2 against a truth server made of the crate `h2`'s other side: every meaning that
//! HTTP/1.1 has, and what only HTTP/2 has: shared connections, GOAWAY, RST_STREAM, ALPN.

mod hostile;
mod secure;
mod server;
mod shared;

use super::depth::json;
use super::*;
use crate::engine::tests::target::answer;
use dlt_core::scenario::plan::{Check, Extraction, HttpChoice, Reuse, Subject, UrlText, Wanted};
use server::{Act, H2Target};

/// A step that goes to an HTTP/2 target.
fn h2_step(target: &H2Target, path: &str) -> Step {
    Step {
        label: path.to_owned(),
        url: format!("http://{}{path}", target.address).parse().unwrap(),
        ..super::step(&Target::plain(), path)
    }
}

/// The same load in HTTP/2, by prior knowledge.
fn h2(mut group: Group) -> Group {
    group.http = HttpChoice::Http2;
    group
}

/// The body holds this text.
fn holds(text: &str) -> Check {
    Check::Contains {
        subject: Subject::Body,
        wanted: vec![Wanted::Text(text.to_owned())],
        not: false,
    }
}

fn label<'a>(result: &'a LoadResult, name: &str) -> &'a LabelTally {
    &result.tally.labels[name]
}

fn message(result: &LoadResult) -> String {
    let texts: Vec<&str> = result
        .tally
        .errors
        .keys()
        .map(|key| key.message.as_str())
        .collect();
    texts.join(" | ")
}

/// What the target read is what is reported: requests, connections, bytes of both ways.
#[test]
fn requests_bytes_and_versions_are_those_that_the_target_counted() {
    let target = H2Target::new(|request, _| match request.path.as_str() {
        "/big" => vec![Act::Answer(200, vec![], vec![b'x'; 300_000])],
        "/none" => vec![Act::Answer(204, vec![], vec![])],
        _ => vec![Act::Answer(200, vec![("x-a", "b")], b"hello".to_vec())],
    });
    let mut post = h2_step(&target, "/post");
    post.method = "POST".to_owned();
    post.body = Body::Text("p".repeat(100_000));
    let steps = vec![
        h2_step(&target, "/"),
        h2_step(&target, "/big"),
        h2_step(&target, "/none"),
        post,
    ];
    let result = run(h2(rounds(3.0, 7, steps)), 2);
    let account = result.tally.account;
    assert_eq!((account.sent, account.ok), (84, 84), "{}", message(&result));
    assert_eq!(target.total(), 84);
    assert_eq!(target.connections(), 3);
    for (name, tally) in &result.tally.labels {
        let truth = target.bytes(name);
        let told = (tally.bytes_sent, tally.bytes_received);
        assert_eq!(told, truth, "{name}");
        assert_eq!(tally.versions.http2, 21, "{name}");
        assert_eq!(tally.versions.all(), 21, "{name}");
    }
    assert!(label(&result, "/big").bytes_received > 21 * 300_000);
    assert!(label(&result, "/post").bytes_sent > 21 * 100_000);
    assert_eq!(result.generator.http_versions, [("2".to_owned(), 84)]);
    let bodies = target.requests();
    assert!(
        bodies
            .iter()
            .filter(|it| it.path == "/post")
            .all(|it| it.body == 100_000)
    );
    let reading = &result.reading;
    assert_eq!(reading.stamped + reading.missing, 84, "{reading:?}");
    // The kernel needs a moment until it stamps what it receives.
    assert!(reading.stamped > 42, "{reading:?}");
}

/// RFC 9113, 8.2 and 8.3.
#[test]
fn headers_are_those_of_http2() {
    let target = H2Target::plain();
    let mut step = h2_step(&target, "/a?b=c");
    step.headers = [
        ("Host", "shop.test:81"),
        ("X-Upper", "Value"),
        ("Connection", "keep-alive, x"),
        ("Keep-Alive", "9"),
        ("Upgrade", "h2c"),
        ("TE", "gzip"),
        ("Cookie", "a=b"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    let result = run(h2(rounds(1.0, 1, vec![step])), 1);
    assert_eq!(result.tally.account.ok, 1, "{}", message(&result));
    let request = &target.requests()[0];
    assert_eq!(request.authority, "shop.test:81");
    assert_eq!((&*request.method, &*request.scheme), ("GET", "http"));
    let mut headers = request.headers.clone();
    headers.retain(|(name, _)| name != "user-agent");
    let expected = [("x-upper", "Value"), ("cookie", "a=b")];
    assert_eq!(
        headers,
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
}

#[test]
fn checks_cookies_redirects_and_kept_exchanges_hold() {
    let other = Target::new(|_, _| answer("200 OK", "", "from afar"));
    let address = other.address;
    let target = H2Target::new(move |request, _| match request.path.as_str() {
        "/set" => vec![Act::Answer(
            200,
            vec![("set-cookie", "sid=77; Path=/")],
            b"{\"id\": 5}".to_vec(),
        )],
        "/go" => vec![Act::AnswerTo(307, format!("http://{address}/there"))],
        "/near" => vec![Act::AnswerTo(302, "/last".to_owned())],
        "/last" if request.header("cookie") == Some("sid=77") => {
            vec![Act::Answer(
                200,
                vec![("authorization", "hide-me-please")],
                b"found".to_vec(),
            )]
        }
        _ => vec![Act::Answer(404, vec![], vec![])],
    });
    let mut set = h2_step(&target, "/set");
    set.extractions = vec![Extraction {
        variable: "id".to_owned(),
        find: json("$.id"),
        default: None,
    }];
    let mut last = h2_step(&target, "/near");
    last.checks = vec![holds("found")];
    // From HTTP/2 to a target that speaks HTTP/1.1 is only by https; by http it is a failure.
    let group = h2(rounds(
        1.0,
        2,
        vec![set, last, h2_step(&target, "/missing")],
    ));
    let mut spec = spec(vec![group], 1, Instant::now());
    spec.keep_exchanges = true;
    let (sender, seconds) = unbounded_channel();
    let load = begin_with_resolver(spec, Resolver::system(TargetPolicy::default()), sender);
    let result = finish(load.unwrap(), seconds, 1);
    let account = result.tally.account;
    assert_eq!((account.ok, account.failed), (6, 2), "{}", message(&result));
    assert_eq!(failed(&result, Cause::Status4xx), 2);
    let kept = &result.exchanges.rows()[0];
    assert!(
        kept.request.starts_with("GET /set HTTP/2\n:authority: "),
        "{}",
        kept.request
    );
    assert!(
        kept.response.starts_with("HTTP/2 200\nset-cookie: "),
        "{}",
        kept.response
    );
    assert!(kept.response.ends_with("{\"id\": 5}"), "{}", kept.response);
    let shown = format!("{:?}", result.exchanges);
    assert!(
        !shown.contains("hide-me-please") && !shown.contains("sid=77"),
        "{shown}"
    );
    let error = result.tally.errors.values().next().unwrap();
    assert!(
        error.exchanges[0].response.starts_with("HTTP/2 404"),
        "{error:?}"
    );
    assert!(
        error.exchanges[0]
            .request
            .starts_with("GET /missing HTTP/2"),
        "{error:?}"
    );
    assert_eq!(other.total(), 0);
}

#[test]
fn bodies_are_decoded_and_heads_of_no_body_end() {
    use flate2::write::GzEncoder;
    use std::io::Write as _;
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(b"packed text").unwrap();
    let packed = encoder.finish().unwrap();
    let target = H2Target::new(move |request, _| match request.path.as_str() {
        "/gzip" => vec![Act::Answer(
            200,
            vec![("content-encoding", "gzip")],
            packed.clone(),
        )],
        "/head" => vec![Act::Answer(200, vec![("content-length", "123456")], vec![])],
        "/304" => vec![Act::Answer(304, vec![("content-length", "77")], vec![])],
        "/trailers" => vec![Act::Head(200), Act::Data(b"a".to_vec()), Act::Trailers],
        _ => vec![
            Act::Interim(103),
            Act::Interim(102),
            Act::Answer(200, vec![], b"x".to_vec()),
        ],
    });
    let mut gzip = h2_step(&target, "/gzip");
    gzip.checks = vec![holds("packed text")];
    let mut head = h2_step(&target, "/head");
    head.method = "HEAD".to_owned();
    let others = ["/304", "/trailers", "/interim"].map(|path| h2_step(&target, path));
    let steps = [gzip, head].into_iter().chain(others).collect();
    let result = run(h2(rounds(2.0, 3, steps)), 1);
    let account = result.tally.account;
    assert_eq!(
        (account.ok, account.failed),
        (30, 0),
        "{}",
        message(&result)
    );
    assert_eq!(target.connections(), 2);
}

/// RFC 9113, 8.7: what was not processed is sent again, whatever its method, once.
#[test]
fn refused_streams_are_sent_again_and_others_are_not() {
    let target = H2Target::new(|_, before| match before % 3 {
        1 => vec![Act::Reset(::h2::Reason::REFUSED_STREAM)],
        _ => vec![Act::Answer(200, vec![], vec![])],
    });
    let mut post = h2_step(&target, "/p");
    post.method = "POST".to_owned();
    let group = h2(rounds(1.0, 20, vec![post]));
    let result = run(group.clone(), 1);
    let account = result.tally.account;
    // Each round of the target is two answers and one refusal.
    assert_eq!(
        (account.sent, account.ok, account.resent),
        (20, 20, 10),
        "{}",
        message(&result)
    );
    assert_eq!(target.total(), 30);
    assert_eq!(target.connections(), 1);
    let mut never = group;
    never.load.retry = Retry::Never;
    let result = run(never, 1);
    let account = result.tally.account;
    assert_eq!((account.ok + account.failed, account.resent), (20, 0));
    assert_eq!(failed(&result, Cause::H2Reset), account.failed);
    assert!(account.failed >= 6, "{account:?}");
    assert!(
        message(&result).contains("REFUSED_STREAM"),
        "{}",
        message(&result)
    );

    let target = H2Target::new(|_, before| match before % 2 {
        1 => vec![
            Act::Head(200),
            Act::Data(b"half".to_vec()),
            Act::Reset(::h2::Reason::INTERNAL_ERROR),
        ],
        _ => vec![Act::Answer(200, vec![], vec![])],
    });
    let result = run(h2(rounds(1.0, 10, vec![h2_step(&target, "/")])), 1);
    let account = result.tally.account;
    assert_eq!((account.ok, account.failed, account.resent), (5, 5, 0));
    assert_eq!(failed(&result, Cause::H2Reset), 5);
    assert!(
        message(&result).contains("INTERNAL_ERROR"),
        "{}",
        message(&result)
    );
    // A stream that is reset ends no connection.
    assert_eq!(target.connections(), 1);
}

/// A graceful end loses nothing: streams above the last one go to another connection.
#[test]
fn after_goaway_requests_go_to_another_connection() {
    let target = H2Target::new(|_, before| match before % 5 {
        4 => vec![Act::Answer(200, vec![], b"bye".to_vec()), Act::Goaway],
        _ => vec![Act::Answer(200, vec![], vec![])],
    });
    let result = run(h2(rounds(1.0, 25, vec![h2_step(&target, "/")])), 1);
    let account = result.tally.account;
    assert_eq!(
        (account.sent, account.ok, account.failed),
        (25, 25, 0),
        "{}",
        message(&result)
    );
    assert_eq!(target.total(), 25);
    let connects = result.tally.phases.connect.count();
    assert_eq!(connects, target.connections());
    assert!(
        (5..=6).contains(&target.connections()),
        "{}",
        target.connections()
    );
}

/// One on which two requests after each other ran out of time, and nothing came, is left: the network may
/// have lost its other end.
#[test]
fn a_connection_that_stays_silent_is_left() {
    let target = H2Target::new(|_, _| vec![Act::Stall]);
    let mut step = h2_step(&target, "/");
    step.timeouts.first_byte_us = 100_000;
    let mut group = h2(rounds(1.0, 6, vec![step]));
    group.load.give_up_after_us = None;
    let result = run(group, 1);
    assert_eq!(
        failed(&result, Cause::TimeoutFirstByte),
        6,
        "{}",
        message(&result)
    );
    target.settle(|target| target.total() == 6);
    assert_eq!(target.connections(), 3);
}

#[test]
fn deadlines_reset_the_stream_and_the_connection_stays() {
    let target = H2Target::new(|request, _| match request.path.as_str() {
        "/never" => vec![Act::Stall],
        "/half" => vec![Act::Head(200), Act::Data(b"half".to_vec()), Act::Stall],
        _ => vec![Act::Answer(200, vec![], vec![])],
    });
    let steps = ["/never", "/", "/half", "/"].map(|path| {
        let mut step = h2_step(&target, path);
        step.timeouts.first_byte_us = 60_000;
        step.timeouts.total_us = 90_000;
        step
    });
    let result = run(h2(rounds(1.0, 3, steps.to_vec())), 1);
    let account = result.tally.account;
    assert_eq!((account.ok, account.failed), (6, 6), "{}", message(&result));
    assert_eq!(failed(&result, Cause::TimeoutFirstByte), 3);
    assert_eq!(failed(&result, Cause::TimeoutBody), 3);
    assert_eq!(target.connections(), 1);
    target.settle(|target| target.cancelled() == 6);
}

#[test]
fn a_connection_for_each_request_without_keepalive() {
    let target = H2Target::plain();
    let mut group = h2(rounds(2.0, 5, vec![h2_step(&target, "/")]));
    group.connection_policy.reuse = Reuse::Request;
    let result = run(group, 1);
    assert_eq!(result.tally.account.ok, 10, "{}", message(&result));
    assert_eq!(target.connections(), 10);
}

/// A target that speaks HTTP/1.1 alone is no HTTP/2 target, and that is said.
#[test]
fn a_target_without_http2_is_told_in_plain_words() {
    let target = Target::new(|_, _| answer("400 Bad Request", "", "what?"));
    let mut group = h2(rounds(1.0, 2, vec![super::step(&target, "/")]));
    group.load.give_up_after_us = None;
    let result = run(group, 1);
    assert_eq!(result.tally.account.failed, 2);
    assert_eq!(failed(&result, Cause::Protocol), 2, "{}", message(&result));
    assert!(
        message(&result).contains("does not speak HTTP/2"),
        "{}",
        message(&result)
    );
}

/// Targets that are sent the same in HTTP/1.1 are sent in HTTP/2, too, as URIs have them.
#[test]
fn what_no_uri_holds_is_percent_encoded_and_told() {
    let target = H2Target::plain();
    for (written, sent) in [
        ("/a?q={\"a\":1}", "/a?q={%22a%22:1}"),
        ("/<b>?c=`d`", "/%3Cb%3E?c=%60d%60"),
        ("/plain?e={f}", "/plain?e={f}"),
    ] {
        let mut step = h2_step(&target, "/");
        step.url_text = Some(UrlText {
            base: String::new(),
            text: format!("http://{}{written}", target.address),
            host_varies: false,
        });
        let result = run(h2(rounds(1.0, 2, vec![step])), 1);
        assert_eq!(result.tally.account.ok, 2, "{}", message(&result));
        let seen = target.requests();
        assert_eq!(seen.last().unwrap().path, sent);
        let told = result
            .warnings
            .iter()
            .any(|it| it.contains("percent-encoded"));
        assert_eq!(told, written != sent, "{:?}", result.warnings);
    }
}
