//! `extract-jsonpath` and `extract-regexp`: what an answer gives to the
//! requests after it. Extracting is left to the engine.

use crate::scenario::document::notes::{Node, Notes, Object};
use crate::scenario::limits::{LONGEST_VARIABLE, MOST_CHECKS, MOST_MATCHES};
use crate::scenario::plan::{Extraction, Find, Subject};
use crate::scenario::requests::checks::subject;
use crate::scenario::requests::patterns::{pattern, query};
use crate::scenario::requests::variables::{name, scalar};
use crate::value::Value;

const KEYS: [&str; 2] = ["extract-jsonpath", "extract-regexp"];
pub(crate) const JSON_KEYS: [&str; 2] = ["jsonpath", "default"];
const JSON_NOT_SUPPORTED: [&str; 4] = ["concat", "from-variable", "match-no", "scope"];
pub(crate) const REGEX_KEYS: [&str; 5] = ["regexp", "default", "match-no", "template", "subject"];
const REGEX_NOT_SUPPORTED: [&str; 2] = ["from-variable", "scope"];
/// A regular expression cannot have more groups than characters.
const MOST_GROUPS: u64 = 100;

/// The variables that a request's extractions set, without a look at the rest.
pub(crate) fn names(request: &Value) -> impl Iterator<Item = &String> {
    KEYS.into_iter()
        .filter_map(|key| request.get(key)?.as_object())
        .flat_map(|map| map.keys())
}

/// Reads a request's extractions.
pub(crate) fn extractions(object: &Object<'_>, notes: &mut Notes) -> Vec<Extraction> {
    let mut read: Vec<Extraction> = Vec::new();
    for key in KEYS {
        let Some(found) = object.get(key).and_then(|node| node.object(notes)) else {
            continue;
        };
        if found.map.len() > MOST_CHECKS {
            let reason = format!(
                "has {} variables; at most {MOST_CHECKS} are allowed",
                found.map.len()
            );
            notes.fault(&found.path, reason);
            continue;
        }
        for (variable, value) in found.map {
            let node = Node {
                value,
                path: found.path_of(variable),
            };
            if !name(variable, &node, notes) {
                continue;
            }
            if read.iter().any(|other| other.variable == *variable) {
                node.fault(notes, "is extracted twice from this answer; keep one");
            }
            let find = if key == "extract-jsonpath" {
                json(&node, notes)
            } else {
                regex(&node, notes)
            };
            read.extend(find.map(|(find, default)| Extraction {
                variable: variable.clone(),
                find,
                default,
            }));
        }
    }
    read
}

type Found = Option<(Find, Option<String>)>;

fn json(node: &Node<'_>, notes: &mut Notes) -> Found {
    if node.value.is_string() {
        return Some((Find::Json(query(node, notes)?), None));
    }
    let object = detail(node, "JSONPath like \"$.id\"", notes)?;
    object.allow_only(&JSON_KEYS, &JSON_NOT_SUPPORTED, notes);
    let default = default(&object, notes);
    let path = need(&object, "jsonpath", notes)?;
    Some((Find::Json(query(&path, notes)?), default))
}

fn regex(node: &Node<'_>, notes: &mut Notes) -> Found {
    if node.value.is_string() {
        let pattern = pattern(node, false, notes)?;
        let find = Find::Regex {
            group: usual_group(pattern.groups()),
            pattern,
            nth: 1,
            subject: Subject::Body,
        };
        return Some((find, None));
    }
    let object = detail(node, "regular expression like \"id=([0-9]+)\"", notes)?;
    object.allow_only(&REGEX_KEYS, &REGEX_NOT_SUPPORTED, notes);
    let default = default(&object, notes);
    let subject = subject(&object, notes);
    let nth = object
        .get("match-no")
        .and_then(|node| match_no(&node, notes))
        .unwrap_or(1);
    let pattern = need(&object, "regexp", notes).and_then(|node| pattern(&node, false, notes))?;
    let groups = pattern.groups();
    let group = match object.get("template") {
        None => usual_group(groups),
        Some(node) => {
            let group = node.whole(0..=MOST_GROUPS, notes)? as usize;
            if group >= groups {
                let has = groups - 1;
                node.fault(
                    notes,
                    format!("names group {group}, but the regular expression has {has}"),
                );
            }
            group
        }
    };
    let find = Find::Regex {
        pattern,
        group,
        nth,
        subject,
    };
    Some((find, default))
}

/// The first group, or all if there is none.
fn usual_group(groups: usize) -> usize {
    usize::from(groups > 1)
}

fn match_no(node: &Node<'_>, notes: &mut Notes) -> Option<usize> {
    if node.value.as_u64() == Some(0) {
        node.fault(
            notes,
            "0 means any match in Taurus, which is not supported; 1 is the first",
        );
        return None;
    }
    node.whole(1..=MOST_MATCHES, notes).map(|nth| nth as usize)
}

fn default(object: &Object<'_>, notes: &mut Notes) -> Option<String> {
    let node = object.get("default")?;
    scalar(&node, LONGEST_VARIABLE, notes)
}

fn detail<'a>(node: &Node<'a>, what: &str, notes: &mut Notes) -> Option<Object<'a>> {
    if !node.value.is_object() {
        node.fault(notes, format!("must be a {what}, or an object with it"));
        return None;
    }
    node.object(notes)
}

fn need<'a>(object: &Object<'a>, key: &str, notes: &mut Notes) -> Option<Node<'a>> {
    let node = object.get(key);
    if node.is_none() {
        notes.fault(object.path_of(key), "is missing: say what is looked for");
    }
    node
}
