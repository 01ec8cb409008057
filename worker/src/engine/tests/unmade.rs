//! Requests that cannot be made of their values: each is in the account, and none is sent.

use super::*;
use crate::engine::tests::depth::{extraction, json, messages, regex, varying};
use crate::engine::tests::target::{Act, answer};
use dlt_core::scenario::plan::{Auth, Subject};

#[test]
fn a_request_without_its_value_fails_and_the_walk_goes_on() {
    let target = Target::new(|request, before| match (request.path(), before) {
        // The second time the value is missing: the first one's must not stay.
        ("/login", 1) => answer("200 OK", "", "{}"),
        ("/login", _) => answer("200 OK", "", "{\"token\": \"abcd\"}"),
        _ => answer("200 OK", "", ""),
    });
    let mut login = step(&target, "/login");
    login.extractions = vec![extraction("token", json("$.token"))];
    let mut order = varying(&target, "/order/${token}");
    order.label = "order".to_owned();
    let bye = step(&target, "/bye");
    let result = run(rounds(1.0, 3, vec![login, order, bye]), 1);
    let account = result.tally.account;
    assert_eq!((account.ok, account.failed), (7, 2));
    assert_eq!((account.sent, account.unconnected), (8, 1));
    assert_eq!(target.count("/order/abcd"), 2);
    assert_eq!(target.count("/bye"), 3);
    assert_eq!(
        messages(&result),
        [
            "extraction: the request was not sent: variable token had no value",
            "extraction: variable token got no value: JSONPath \"$.token\" leads nowhere"
        ]
    );
    assert_eq!(result.tally.labels["order"].failed, 1);
}

/// What a request that could not be made would have extracted does not remain from an earlier round.
#[test]
fn a_request_that_is_not_sent_leaves_no_value_of_an_earlier_one() {
    let target = Target::new(|request, before| match (request.path(), before) {
        ("/login", 1) => answer("200 OK", "", "{}"),
        ("/login", _) => answer("200 OK", "", "{\"token\": \"abcd\"}"),
        ("/order/abcd", _) => answer("200 OK", "", "{\"order\": \"o1\"}"),
        _ => answer("200 OK", "", ""),
    });
    let mut login = step(&target, "/login");
    login.extractions = vec![extraction("token", json("$.token"))];
    let mut order = varying(&target, "/order/${token}");
    order.extractions = vec![extraction("order", json("$.order"))];
    let pay = varying(&target, "/pay/${order}");
    let result = run(rounds(1.0, 3, vec![login, order, pay]), 1);
    assert_eq!(
        (target.count("/order/abcd"), target.count("/pay/o1")),
        (2, 2)
    );
    let account = result.tally.account;
    // The login without its token, and the two that would have needed what it leads to.
    assert_eq!((account.ok, account.failed, account.unconnected), (6, 3, 2));
}

/// A value that a target or a file gives and that cannot stand where it is used: whatever and
/// wherever it is, no request is missing from the account.
#[test]
fn a_value_that_cannot_be_sent_fails_its_request() {
    for (value, place) in [
        ("a\r\nX: 1", "header"),
        ("tok\n", "header"),
        ("a\u{7f}", "header"),
        ("..", "path"),
        ("%2e%2E", "path"),
        ("a\r\nb", "path"),
        ("\u{0}", "bearer"),
    ] {
        let given = value.to_owned();
        let target = Target::new(move |request, _| match request.path() {
            "/give" => answer("200 OK", "", &format!("V={given}=V")),
            _ => answer("200 OK", "", ""),
        });
        let mut give = step(&target, "/give");
        give.extractions = vec![extraction("v", regex("(?s)V=(.*)=V", Subject::Body))];
        let mut take = match place {
            "path" => varying(&target, "/take/${v}/x"),
            _ => step(&target, "/take"),
        };
        match place {
            "header" => take.headers = vec![("X-Tok".to_owned(), "${v}".to_owned())],
            "bearer" => take.auth = Some(Auth::Bearer("${v}".to_owned())),
            _ => {}
        }
        take.label = "take".to_owned();
        let result = run(rounds(2.0, 5, vec![give, take, step(&target, "/after")]), 1);
        let account = result.tally.account;
        assert_eq!((account.ok, account.failed), (20, 10), "{value:?} {place}");
        assert_eq!(account.scheduled, 30);
        assert_eq!(result.tally.labels["take"].failed, 10);
        assert_eq!(target.count("/after"), 10);
        assert_eq!(target.total(), 20, "{value:?} {place}");
    }
}

#[test]
fn an_arrival_that_cannot_send_its_first_request_fails_it() {
    let target = Target::plain();
    let mut first = varying(&target, "/${later}");
    first.extractions = vec![extraction("later", json("$"))];
    let result = run(arrivals(50.0, 400, vec![first.clone()]), 2);
    let account = result.tally.account;
    assert_eq!(
        (account.scheduled, account.dropped, account.sent),
        (20, 0, 0)
    );
    assert_eq!((account.unconnected, account.failed), (20, 20));
    // A user rests between its tries, so this ends and is bounded.
    let result = run(users(2.0, 300, vec![first]), 1);
    let account = result.tally.account;
    assert!((2..100).contains(&account.failed), "{account:?}");
    assert!(account.balanced());
    assert_eq!(target.total(), 0);
}

/// Bytes are counted before they are put together: of values that are known before the start, and
/// of those that an answer brings.
#[test]
fn what_grows_too_long_is_not_made() {
    let target = Target::new(|request, _| match request.path() {
        "/give" => answer(
            "200 OK",
            "",
            &format!("{{\"v\":\"{}\"}}", "x".repeat(60_000)),
        ),
        _ => answer("200 OK", "", ""),
    });
    let long = "y".repeat(60_000);
    for place in ["body", "header", "form"] {
        let mut huge = step(&target, "/take");
        let text = "${long}".repeat(2_000);
        match place {
            "body" => huge.body = Body::Text(text),
            "header" => huge.headers = vec![("X-Long".to_owned(), text)],
            _ => huge.body = Body::Form(vec![("f".to_owned(), text)]),
        }
        let mut group = rounds(1.0, 1, vec![huge]);
        group.variables = vec![("long".to_owned(), long.clone())];
        let (sender, _seconds) = unbounded_channel();
        let refused = begin(spec(vec![group], 1, Instant::now()), sender).unwrap_err();
        assert!(refused.0.contains("longer than 64 MiB"), "{refused}");
    }
    let mut give = step(&target, "/give");
    give.extractions = vec![extraction("v", json("$.v"))];
    let mut take = step(&target, "/take");
    take.method = "POST".to_owned();
    take.body = Body::Text("${v}".repeat(300));
    let result = run(rounds(1.0, 2, vec![give, take]), 1);
    let account = result.tally.account;
    assert_eq!(
        (account.ok, account.failed),
        (2, 2),
        "{:?}",
        messages(&result)
    );
    assert!(messages(&result)[0].contains("longer than 16 MiB"));
    assert_eq!(target.count("/take"), 0);
}

#[test]
fn messages_of_failures_show_no_secret() {
    // It sends back what it was sent, as no status line.
    let target =
        Target::new(|request, _| vec![Act::Send(request.head.clone().into_bytes()), Act::Close]);
    let mut one = varying(&target, "/c/${api_token}");
    one.headers = vec![("X-Pin".to_owned(), "${api_token}".to_owned())];
    let mut group = rounds(1.0, 1, vec![one]);
    group.variables = vec![("api_token".to_owned(), "TOKsecret123456".to_owned())];
    let result = run(group, 1);
    let told = format!("{:?}", result.tally.errors);
    assert!(
        told.contains("redacted") && !told.contains("TOKsecret"),
        "{told}"
    );
}
