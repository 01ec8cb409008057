//! Redirects: each hop a sample under the original label.

use super::*;
use crate::engine::tests::target::answer;

fn redirecting() -> Target {
    Target::new(|request, _| match request.path() {
        "/301" => answer("301 Moved", "Location: /end\r\n", ""),
        "/302" => answer("302 Found", "Location: end?q=1\r\n", "body"),
        "/303" => answer("303 See Other", "Location: /end\r\n", ""),
        "/307" => answer("307 Temporary", "Location: /end\r\n", ""),
        "/a" => answer("302 Found", "Location: /b\r\n", ""),
        "/b" => answer("302 Found", "Location: /c\r\n", ""),
        "/c" => answer("302 Found", "Location: /end\r\n", ""),
        "/loop" => answer("302 Found", "Location: /loop\r\n", ""),
        "/ftp" => answer("302 Found", "Location: ftp://a/\r\n", ""),
        "/bare" => answer("302 Found", "", ""),
        _ => answer("200 OK", "", "end"),
    })
}

#[test]
fn hops_are_samples_of_the_original_label() {
    let target = redirecting();
    let mut post = step(&target, "/303");
    post.method = "POST".to_owned();
    post.body = Body::Text("form".to_owned());
    post.headers = vec![("Cookie".to_owned(), "c".to_owned())];
    let mut again = step(&target, "/307");
    again.method = "POST".to_owned();
    again.body = Body::Text("kept".to_owned());
    let steps = vec![step(&target, "/301"), step(&target, "/302"), post, again];
    let result = run(rounds(1.0, 1, steps), 1);
    assert_eq!(result.tally.account.ok, 8, "{:?}", result.tally.errors);
    assert!(result.tally.labels.values().all(|label| label.ok == 2));
    assert_eq!(target.connections(), 1);
    let requests = target.requests();
    let seen: Vec<(&str, &str, &[u8])> = requests
        .iter()
        .map(|request| (request.method(), request.path(), &*request.body))
        .collect();
    assert_eq!(
        seen,
        [
            ("GET", "/301", &b""[..]),
            ("GET", "/end", b""),
            ("GET", "/302", b""),
            ("GET", "/end?q=1", b""),
            ("POST", "/303", b"form"),
            ("GET", "/end", b""),
            ("POST", "/307", b"kept"),
            ("POST", "/end", b"kept"),
        ]
    );
    assert!(
        requests[5].head.contains("Cookie: c\r\n"),
        "the same origin"
    );
}

#[test]
fn a_body_that_went_does_not_come_back() {
    let target = redirecting();
    let mut post = step(&target, "/a");
    post.method = "POST".to_owned();
    post.body = Body::Text("form".to_owned());
    let result = run(rounds(1.0, 1, vec![post]), 1);
    assert_eq!(result.tally.account.ok, 4, "{:?}", result.tally.errors);
    let requests = target.requests();
    let bodies: Vec<&[u8]> = requests.iter().map(|request| &*request.body).collect();
    assert_eq!(bodies, [&b"form"[..], b"", b"", b""]);
}

#[test]
fn the_limit_of_hops_is_a_cause() {
    let target = redirecting();
    let mut endless = step(&target, "/loop");
    endless.max_redirects = 3;
    let result = run(rounds(1.0, 1, vec![endless]), 1);
    assert_eq!(target.total(), 4);
    let account = result.tally.account;
    assert_eq!((account.ok, account.failed), (3, 1));
    assert_eq!(failed(&result, Cause::TooManyRedirects), 1);
}

#[test]
fn a_location_that_leads_nowhere_is_a_protocol_error() {
    let target = redirecting();
    let result = run(rounds(1.0, 1, vec![step(&target, "/ftp")]), 1);
    assert_eq!(failed(&result, Cause::Protocol), 1);
    let result = run(rounds(1.0, 1, vec![step(&target, "/bare")]), 1);
    assert_eq!(result.tally.account.ok, 1);
}

#[test]
fn redirects_are_answers_when_not_followed() {
    let target = redirecting();
    let mut kept = step(&target, "/301");
    kept.follow_redirects = false;
    let mut unwanted = kept.clone();
    unwanted.expect_status = StatusSet {
        ranges: vec![(200, 299)],
    };
    let result = run(rounds(1.0, 1, vec![kept, unwanted]), 1);
    assert_eq!(target.total(), 2);
    let account = result.tally.account;
    assert_eq!((account.ok, failed(&result, Cause::Check)), (1, 1));
}

#[test]
fn other_hosts_are_reached_and_learn_no_secrets() {
    let other = Target::plain();
    let to = format!(
        "Location: http://localhost:{}/there\r\n",
        other.address.port()
    );
    let target = Target::new(move |_, _| answer("302 Found", &to, ""));
    let mut step = step(&target, "/x");
    step.headers = vec![
        ("Authorization".to_owned(), "a".to_owned()),
        ("X-Other".to_owned(), "b".to_owned()),
    ];
    let result = run(rounds(2.0, 3, vec![step]), 1);
    assert_eq!(result.tally.account.ok, 12, "{:?}", result.tally.errors);
    assert_eq!((target.connections(), other.connections()), (2, 2));
    let requests = other.requests();
    assert!(requests.iter().all(|request| request.path() == "/there"));
    assert!(
        requests
            .iter()
            .all(|request| !request.head.contains("Authorization"))
    );
    assert!(
        requests
            .iter()
            .all(|request| request.head.contains("X-Other: b"))
    );
}
