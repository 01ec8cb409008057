//! `http` and `streams` of a scenario: which version of HTTP its requests are sent in, and
//! how many of them share a connection.

use super::ReadRequest;
use crate::scenario::document::notes::{Notes, Object};
use crate::scenario::document::shown::shown;
use crate::scenario::plan::{HttpChoice, Step};

/// Most requests that may share a connection: servers seldom take more, and answers on one
/// connection wait for each other.
pub(crate) const MOST_STREAMS: u64 = 1_000;

/// The version, and the requests in flight that share a connection.
pub(crate) fn http(object: &Object<'_>, notes: &mut Notes) -> (HttpChoice, u32) {
    let mut choice = HttpChoice::Auto;
    if let Some(node) = object.get("http") {
        let text = node.value.text();
        match HttpChoice::ALL
            .into_iter()
            .find(|choice| choice.name() == text)
        {
            Some(found) => choice = found,
            None => node.fault(
                notes,
                format!(
                    "must be auto (https takes what the server chooses), 1.1 or 2, not {}",
                    shown(&text)
                ),
            ),
        }
    }
    let node = object.get("streams");
    let streams = node
        .as_ref()
        .and_then(|node| node.whole(1..=MOST_STREAMS, notes))
        .unwrap_or(1);
    if let Some(node) = node
        && choice == HttpChoice::Http1
        && streams > 1
    {
        node.fault(
            notes,
            "needs HTTP/2: requests in HTTP/1.1 cannot share a connection; leave it out, or write http: 2",
        );
    }
    if streams > 1
        && object
            .get("keepalive")
            .is_some_and(|node| node.value.as_bool() == Some(false))
    {
        notes.fault(
            object.path_of("streams"),
            "contradicts keepalive: false, which gives each request a connection of its own",
        );
    }
    (choice, streams as u32)
}

/// Warns where no request can share a connection, since `auto` speaks HTTP/1.1 over http.
pub(super) fn warn_of_idle_streams(
    object: &Object<'_>,
    http: HttpChoice,
    steps: &[ReadRequest],
    notes: &mut Notes,
) {
    let is_plain = |step: &Step| {
        let varies = step.url_text.as_ref().is_some_and(|text| text.host_varies);
        step.url.scheme() == "http" && !varies
    };
    if http == HttpChoice::Auto && steps.iter().all(|request| is_plain(&request.step)) {
        notes.warn(
            &object.path_of("streams"),
            "has no effect: over http, auto is HTTP/1.1, whose requests share no connection; http: 2 speaks HTTP/2 there",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::document::notes::Node;
    use crate::value::Value;
    use serde_json::json;

    fn read(scenario: serde_json::Value) -> Result<(HttpChoice, u32), String> {
        let value = Value::of(&scenario).unwrap();
        let mut notes = Notes::default();
        let object = Node::root(&value).object(&mut notes).unwrap();
        let read = http(&object, &mut notes);
        let result = notes.into_result(Some(read));
        result
            .map(|(read, _)| read)
            .map_err(|faults| faults.to_string())
    }

    #[test]
    fn a_version_may_be_a_number_or_a_text() {
        assert_eq!(read(json!({})), Ok((HttpChoice::Auto, 1)));
        for (given, choice) in [
            (json!("auto"), HttpChoice::Auto),
            (json!(1.1), HttpChoice::Http1),
            (json!("1.1"), HttpChoice::Http1),
            (json!(2), HttpChoice::Http2),
            (json!("2"), HttpChoice::Http2),
        ] {
            assert_eq!(read(json!({ "http": given })), Ok((choice, 1)), "{given}");
        }
        assert_eq!(
            read(json!({ "http": 2, "streams": 10 })),
            Ok((HttpChoice::Http2, 10))
        );
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_path() {
        for (given, part) in [
            (json!({ "http": 3 }), "http: must be auto"),
            (json!({ "http": 1 }), "http: must be auto"),
            (json!({ "http": true }), "http: must be auto"),
            (
                json!({ "streams": 0 }),
                "streams: must be a whole number from 1 to 1000",
            ),
            (
                json!({ "streams": 1001 }),
                "streams: must be a whole number",
            ),
            (
                json!({ "http": 1.1, "streams": 2 }),
                "streams: needs HTTP/2",
            ),
            (
                json!({ "keepalive": false, "streams": 2 }),
                "streams: contradicts keepalive",
            ),
        ] {
            let told = read(given.clone()).unwrap_err();
            assert!(told.contains(part), "{given}: {told}");
        }
    }
}
