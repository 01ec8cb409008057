//! Request headers: names that are tokens, values without control characters,
//! and a request's over its scenario's. Writing them is left to the engine.

use crate::scenario::document::notes::{Node, Notes};
use crate::scenario::limits::{LONGEST_HEADER_BYTES, MOST_HEADERS};
use crate::scenario::requests::variables::Known;

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

/// Reads an object of headers, names as written.
pub(crate) fn headers(node: &Node<'_>, known: &Known, notes: &mut Notes) -> Vec<(String, String)> {
    let Some(object) = node.object(notes) else {
        return Vec::new();
    };
    if object.map.len() > MOST_HEADERS {
        let reason = format!(
            "has {} headers; at most {MOST_HEADERS} are allowed",
            object.map.len()
        );
        node.fault(notes, reason);
        return Vec::new();
    }
    let mut read: Vec<(String, String)> = Vec::new();
    for (name, value) in object.map {
        let entry = Node {
            value,
            path: object.path_of(name),
        };
        if name.is_empty() || !name.bytes().all(is_token) {
            entry.fault(
                notes,
                "is not a header name: letters, digits and !#$%&'*+-.^_`|~ are allowed",
            );
        } else if read
            .iter()
            .any(|(other, _)| other.eq_ignore_ascii_case(name))
        {
            entry.fault(
                notes,
                "is the same header as one above, since case does not count; keep one",
            );
        }
        let Some(text) = entry.text(notes) else {
            continue;
        };
        known.check(text, &entry, notes);
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
        read.push((name.clone(), text.trim().to_owned()));
    }
    read
}

/// A character of an HTTP token (RFC 9110, 5.6.2).
fn is_token(byte: u8) -> bool {
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
