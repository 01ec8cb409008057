//! `assert` and `assert-jsonpath`: what must hold of an answer. Trying it, and
//! only on an answer whose status is ok, is left to the engine.

use crate::scenario::document::notes::{Node, Notes, Object};
use crate::scenario::limits::{LONGEST_BODY, LONGEST_PATTERN, MOST_CHECKS};
use crate::scenario::plan::{Check, Subject, Wanted};
use crate::scenario::requests::patterns::{pattern, pattern_of, query};
use crate::scenario::requests::variables::scalar;
use crate::value::Value;

pub(crate) const ASSERT_KEYS: [&str; 4] = ["contains", "subject", "regexp", "not"];
const ASSERT_NOT_SUPPORTED: [&str; 1] = ["assume-success"];
pub(crate) const JSON_KEYS: [&str; 4] = ["jsonpath", "expected-value", "regexp", "invert"];
const JSON_NOT_SUPPORTED: [&str; 2] = ["expect-null", "validate"];

/// Reads both lists.
pub(crate) fn checks(object: &Object<'_>, notes: &mut Notes) -> Vec<Check> {
    let mut checks = Vec::new();
    for item in list(object, "assert", notes) {
        checks.extend(contains(&item, notes));
    }
    for item in list(object, "assert-jsonpath", notes) {
        checks.extend(json(&item, notes));
    }
    checks
}

fn list<'a>(object: &Object<'a>, key: &str, notes: &mut Notes) -> Vec<Node<'a>> {
    let node = object.get(key);
    node.and_then(|node| node.list(1..=MOST_CHECKS, notes))
        .unwrap_or_default()
}

/// An item of `assert`: a text that the body holds, or an object.
fn contains(node: &Node<'_>, notes: &mut Notes) -> Option<Check> {
    if node.value.is_string() {
        let text = node.sized_text(1..=LONGEST_BODY, notes)?;
        return Some(Check::Contains {
            subject: Subject::Body,
            wanted: vec![Wanted::Text(text.to_owned())],
            not: false,
        });
    }
    if !node.value.is_object() {
        node.fault(
            notes,
            "must be a text that the body holds, or an object like { contains: [done], subject: body }",
        );
        return None;
    }
    let object = node.object(notes)?;
    object.allow_only(&ASSERT_KEYS, &ASSERT_NOT_SUPPORTED, notes);
    let subject = subject(&object, notes);
    let regexp = flag(&object, "regexp", true, notes);
    let not = flag(&object, "not", false, notes);
    let Some(node) = object.get("contains") else {
        notes.fault(
            object.path_of("contains"),
            "is missing: list what is looked for",
        );
        return None;
    };
    let items = match node.value {
        Value::Array(_) => node.list(1..=MOST_CHECKS, notes)?,
        _ => vec![node],
    };
    let wanted: Vec<_> = items
        .iter()
        .map(|item| {
            if regexp {
                // A status is often written as a number.
                let text = scalar(item, LONGEST_PATTERN, notes)?;
                return pattern_of(&text, false, item, notes).map(Wanted::Match);
            }
            let text = scalar(item, LONGEST_BODY, notes)?;
            if text.is_empty() {
                item.fault(notes, "must not be empty");
            }
            Some(Wanted::Text(text))
        })
        .collect();
    Some(Check::Contains {
        subject,
        wanted: wanted.into_iter().collect::<Option<_>>()?,
        not,
    })
}

/// An item of `assert-jsonpath`: a path that leads somewhere, or an object.
fn json(node: &Node<'_>, notes: &mut Notes) -> Option<Check> {
    if node.value.is_string() {
        return query(node, notes).map(|query| Check::Json {
            query,
            expected: None,
            invert: false,
        });
    }
    if !node.value.is_object() {
        node.fault(
            notes,
            "must be a JSONPath like \"$.id\", or an object like { jsonpath: $.state, expected-value: open }",
        );
        return None;
    }
    let object = node.object(notes)?;
    object.allow_only(&JSON_KEYS, &JSON_NOT_SUPPORTED, notes);
    let regexp = flag(&object, "regexp", true, notes);
    let invert = flag(&object, "invert", false, notes);
    let path = match object.get("jsonpath") {
        Some(node) => query(&node, notes),
        None => {
            notes.fault(object.path_of("jsonpath"), "is missing: say where to look");
            None
        }
    };
    let expected = match object.get("expected-value") {
        None => Some(None),
        Some(node) if node.value.is_string() && regexp => {
            pattern(&node, true, notes).map(|pattern| Some(Wanted::Match(pattern)))
        }
        // A null, a number, true and false mean themselves.
        Some(node) if node.value.is_null() => Some(Some(Wanted::Text("null".to_owned()))),
        Some(Node {
            value: Value::Number(number),
            ..
        }) => Some(Some(Wanted::Number(number.clone()))),
        Some(node) => scalar(&node, LONGEST_BODY, notes).map(|text| Some(Wanted::Text(text))),
    };
    Some(Check::Json {
        query: path?,
        expected: expected?,
        invert,
    })
}

fn flag(object: &Object<'_>, key: &str, usual: bool, notes: &mut Notes) -> bool {
    let node = object.get(key);
    node.and_then(|node| node.boolean(notes)).unwrap_or(usual)
}

pub(crate) fn subject(object: &Object<'_>, notes: &mut Notes) -> Subject {
    let node = object.get("subject");
    match node.and_then(|node| node.choice(&["body", "headers", "http-code"], notes)) {
        Some("headers") => Subject::Headers,
        Some("http-code") => Subject::HttpCode,
        _ => Subject::Body,
    }
}
