//! Request headers: names that are tokens, values without control characters,
//! and a request's over its scenario's. Writing them is left to the engine.

use crate::scenario::document::notes::{Node, Notes, Object};
use crate::scenario::limits::{LONGEST_HEADER_BYTES, MOST_HEADERS};
use crate::scenario::requests::variables::Known;
use crate::value::Value;

/// Headers that describe the connection and the framing, which dlt writes
/// itself: kept in the body, never sent.
const WRITTEN_BY_DLT: [&str; 8] = [
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Headers that a server answers with 400 when there are two (RFC 9112, 3.2), or
/// of which it takes either.
const SENT_ONCE: [&str; 3] = ["host", "authorization", "content-type"];

/// Reads headers, names as written: an object, or a list of objects with one entry
/// each, in which a name may be repeated.
pub(crate) fn headers(node: &Node<'_>, known: &Known, notes: &mut Notes) -> Vec<(String, String)> {
    let lines = match node.value {
        Value::Array(_) => listed(node, notes),
        Value::Object(_) => node
            .object(notes)
            .map(|object| entries(&object))
            .unwrap_or_default(),
        _ => {
            node.fault(
                notes,
                "must be an object like { Accept: text/html }, or a list of such with one entry each, in which a name may be repeated",
            );
            return Vec::new();
        }
    };
    if lines.len() > MOST_HEADERS {
        let reason = format!(
            "has {} headers; at most {MOST_HEADERS} are allowed",
            lines.len()
        );
        node.fault(notes, reason);
        return Vec::new();
    }
    let may_repeat = matches!(node.value, Value::Array(_));
    let mut read: Vec<(String, String)> = Vec::new();
    for (name, entry) in lines {
        check_name(name, &read, may_repeat, &entry, notes);
        let Some(text) = entry.text(notes) else {
            continue;
        };
        known.check(text, &entry, notes);
        check_value(text, &entry, notes);
        if WRITTEN_BY_DLT
            .iter()
            .any(|own| own.eq_ignore_ascii_case(name))
        {
            notes.warn(
                &entry.path,
                "is written by dlt itself and not sent as given here",
            );
            continue;
        }
        read.push((name.to_owned(), text.trim().to_owned()));
    }
    read
}

/// Notes a name that is none, or that may not stand beside those above it.
fn check_name(
    name: &str,
    above: &[(String, String)],
    may_repeat: bool,
    entry: &Node<'_>,
    notes: &mut Notes,
) {
    if name.is_empty() || !name.bytes().all(is_token) {
        entry.fault(
            notes,
            "is not a header name: letters, digits and !#$%&'*+-.^_`|~ are allowed",
        );
        return;
    }
    let Some((other, _)) = above
        .iter()
        .find(|(other, _)| other.eq_ignore_ascii_case(name))
    else {
        return;
    };
    if !may_repeat {
        entry.fault(
            notes,
            "is the same header as one above, since case does not count; keep one",
        );
    } else if SENT_ONCE.iter().any(|once| once.eq_ignore_ascii_case(name)) {
        let reason =
            format!("stands twice, and {other} may be sent once only (RFC 9110, 5.3); keep one");
        entry.fault(notes, reason);
    }
}

fn check_value(text: &str, entry: &Node<'_>, notes: &mut Notes) {
    if text.len() > LONGEST_HEADER_BYTES {
        let reason = format!(
            "has {} bytes; at most {LONGEST_HEADER_BYTES} are allowed",
            text.len()
        );
        entry.fault(notes, reason);
    } else if text.chars().any(|c| c.is_control() && c != '\t') {
        entry.fault(
            notes,
            "must not have line breaks or other control characters",
        );
    }
}

fn entries<'a>(object: &Object<'a>) -> Vec<(&'a str, Node<'a>)> {
    let entries = object.map.iter().map(|(name, value)| {
        let node = Node {
            value,
            path: object.path_of(name),
        };
        (name.as_str(), node)
    });
    entries.collect()
}

/// The entries of a list of objects with one entry each.
fn listed<'a>(node: &Node<'a>, notes: &mut Notes) -> Vec<(&'a str, Node<'a>)> {
    let mut lines = Vec::new();
    for item in node.list(1..=MOST_HEADERS, notes).unwrap_or_default() {
        match item.value {
            Value::Object(map) if map.len() == 1 => {
                let object = Object {
                    map,
                    path: item.path.clone(),
                };
                lines.extend(entries(&object));
            }
            _ => item.fault(
                notes,
                "must be an object with one entry, the header's name and its value",
            ),
        }
    }
    lines
}

/// A character of an HTTP token (RFC 9110, 5.6.2).
pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The scenario's headers with the request's over them.
pub(crate) fn merged(
    scenario: &[(String, String)],
    request: Vec<(String, String)>,
) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = scenario
        .iter()
        .filter(|(name, _)| {
            !request
                .iter()
                .any(|(own, _)| own.eq_ignore_ascii_case(name))
        })
        .cloned()
        .collect();
    all.extend(request);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::json;

    fn read(value: &Value) -> Result<Vec<(String, String)>, String> {
        let mut notes = Notes::default();
        let node = Node {
            value,
            path: "headers".to_owned(),
        };
        let read = headers(&node, &Known::default(), &mut notes);
        notes
            .into_result(Some(read))
            .map(|(read, _)| read)
            .map_err(|faults| faults.to_string())
    }

    #[test]
    fn a_list_keeps_repeated_names_and_their_order() {
        let lines = json!([{ "X-B": "2" }, { "X-A": "1" }, { "x-b": "3" }, { "X-B": "2" }]);
        let wanted = [("X-B", "2"), ("X-A", "1"), ("x-b", "3"), ("X-B", "2")];
        let wanted: Vec<_> = wanted.map(|(n, v)| (n.to_owned(), v.to_owned())).into();
        assert_eq!(read(&lines), Ok(wanted));
    }

    #[test]
    fn what_cannot_be_sent_is_named_where_it_stands() {
        for (value, fault) in [
            (
                json!({ "A": "1", "a": "2" }),
                "headers.a: is the same header as one above, since case does not count; keep one",
            ),
            (
                json!([{ "A": "1", "B": "2" }]),
                "headers[0]: must be an object with one entry, the header's name and its value",
            ),
            (
                json!([{ "Host": "a" }, { "host": "b" }]),
                "headers[1].host: stands twice, and Host may be sent once only (RFC 9110, 5.3); keep one",
            ),
            (
                json!([{ "A b": "1" }]),
                "headers[0].A b: is not a header name: letters, digits and !#$%&'*+-.^_`|~ are allowed",
            ),
            (
                json!([{ "A": null }]),
                "headers[0].A: must be text, not null",
            ),
        ] {
            assert_eq!(read(&value), Err(fault.to_owned()), "{value}");
        }
        assert!(read(&json!("Accept: x")).is_err());
    }
}
