//! One request of a Taurus file, in the spelling that `requests` reads: bodies as fields or
//! JSON, checks and extractions alone or in a list. Blocks of requests are `flat`'s.

use super::said::Said;
use crate::scenario::execution::durations::{parse_duration, show_duration};
use crate::value::{Map, Value};

/// Types of files by their ending, as Taurus guesses them.
const TYPES: [(&str, &str); 11] = [
    ("csv", "text/csv"),
    ("gif", "image/gif"),
    ("html", "text/html"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("json", "application/json"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("txt", "text/plain"),
    ("xml", "application/xml"),
    ("zip", "application/zip"),
];

/// Rewrites a request of a scenario with these headers.
pub(super) fn request(map: &mut Map, of_scenario: &Map, written: &str, said: &mut Said) {
    common(map, written, said);
    if let Some(Value::String(method)) = map.get_mut("method")
        // A property keeps its name.
        && !method.contains("${")
    {
        *method = method.to_ascii_uppercase();
    }
    for key in ["label", "url"] {
        if let Some(value) = map.get_mut(key) {
            as_text(value);
        }
    }
    body(map, of_scenario, written, said);
    for file in map
        .get_mut("upload-files")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        guess_type(file);
    }
}

/// What a scenario and a request of it spell alike.
pub(super) fn common(map: &mut Map, written: &str, said: &mut Said) {
    // A key without a value says nothing in Taurus.
    map.retain(|_, value| !value.is_null());
    headers(map);
    think_time(map, written, said);
    for key in ["assert", "assert-jsonpath"] {
        if let Some(value) = map.get_mut(key) {
            checks(value, key == "assert-jsonpath");
        }
    }
    for key in ["extract-jsonpath", "extract-regexp"] {
        if let Some(found) = map.get_mut(key).and_then(Value::as_object_mut) {
            for (name, value) in found {
                let path = format!("{written}.{key}.{name}");
                extraction(value, key, &path, said);
            }
        }
    }
    for key in [
        "assert",
        "assert-jsonpath",
        "extract-jsonpath",
        "extract-regexp",
        "headers",
    ] {
        let is_empty = map.get(key).is_some_and(|value| match value {
            Value::Array(items) => items.is_empty(),
            Value::Object(map) => map.is_empty(),
            _ => false,
        });
        if is_empty {
            map.shift_remove(key);
        }
    }
    let is_utf8 = |value: &Value| {
        value
            .as_str()
            .is_some_and(|text| text.eq_ignore_ascii_case("utf-8"))
    };
    for (key, done_anyway) in [
        ("content-encoding", is_utf8 as fn(&Value) -> bool),
        ("random-source-ip", |value: &Value| *value == false),
        ("protocol", |value: &Value| {
            value.as_str().is_some_and(|text| text.starts_with("http"))
        }),
    ] {
        if map.get(key).is_some_and(done_anyway) {
            map.shift_remove(key);
        }
    }
}

/// A number or a flag as the text that Taurus makes of it.
fn as_text(value: &mut Value) {
    if let Value::Number(number) = value {
        *value = Value::from(number.text());
    }
}

fn headers(map: &mut Map) {
    match map.get_mut("headers") {
        Some(Value::Object(headers)) => {
            headers.retain(|_, value| !value.is_null());
            headers.values_mut().for_each(as_text);
        }
        Some(Value::Array(items)) => items
            .iter_mut()
            .filter_map(Value::as_object_mut)
            .for_each(|one| one.values_mut().for_each(as_text)),
        _ => {}
    }
}

/// Pauses that vary: Taurus says them by a mean and a deviation. Its gaussian is read as it is, and
/// its poisson is refused by the reader.
fn think_time(map: &mut Map, written: &str, said: &mut Said) {
    let Some(Value::String(text)) = map.get("think-time") else {
        return;
    };
    let path = format!("{written}.think-time");
    let Some((kind, rest)) = text.split_once('(') else {
        return;
    };
    if !kind.trim().eq_ignore_ascii_case("uniform") {
        return;
    }
    let lengths = rest.trim().strip_suffix(')').unwrap_or_default();
    // Taurus has them with a space between, too.
    let lengths = lengths.split(|c: char| c == ',' || c.is_whitespace());
    let lengths: Vec<Option<u64>> = lengths
        .filter(|part| !part.is_empty())
        .map(parse_duration)
        .collect();
    let why = match lengths[..] {
        [Some(mean), Some(deviation)] if deviation <= mean => {
            let ours = format!(
                "uniform({}, {})",
                show_duration(mean - deviation),
                show_duration(mean + deviation)
            );
            said.warn(
                path,
                format!("has a mean and a deviation, as Taurus writes it: pauses are {ours}"),
            );
            map.insert("think-time".to_owned(), Value::from(ours));
            return;
        }
        [Some(mean), Some(deviation)] => format!(
            "has a mean and a deviation in a file of Taurus's form, and {} is less than {}; for lengths from {} to {} write uniform({}, {})",
            show_duration(mean),
            show_duration(deviation),
            show_duration(mean),
            show_duration(deviation),
            show_duration(mean.midpoint(deviation)),
            show_duration(deviation.abs_diff(mean) / 2),
        ),
        _ => "must be uniform(MEAN, DEVIATION) in a file of Taurus's form, like uniform(2s, 1s) for 1 to 3 seconds".to_owned(),
    };
    said.fault(path, why);
    map.shift_remove("think-time");
}

/// A check alone is a list of one.
fn checks(value: &mut Value, of_json: bool) {
    if matches!(value, Value::String(_) | Value::Object(_)) {
        *value = Value::Array(vec![value.take()]);
    }
    let Value::Array(items) = value else { return };
    for item in items {
        as_text(item);
        let Some(item) = item.as_object_mut() else {
            continue;
        };
        item.retain(|key, value| key == "expected-value" || !value.is_null());
        if !of_json {
            continue;
        }
        match item.get("validate").and_then(Value::as_bool) {
            Some(false) => {
                item.shift_remove("validate");
                item.shift_remove("expected-value");
            }
            Some(true) if item.contains_key("expected-value") || is_true(item, "expect-null") => {
                item.shift_remove("validate");
            }
            _ => {}
        }
        if is_true(item, "expect-null") {
            item.shift_remove("expect-null");
            item.insert("expected-value".to_owned(), Value::Null);
        }
    }
}

fn is_true(map: &Map, key: &str) -> bool {
    map.get(key).and_then(Value::as_bool) == Some(true)
}

fn extraction(value: &mut Value, key: &str, path: &str, said: &mut Said) {
    if let Some(map) = value.as_object_mut() {
        map.retain(|_, value| !value.is_null());
        if let Some(group) = map.get("template").and_then(Value::as_str).and_then(group) {
            map.insert("template".to_owned(), Value::from(group));
        }
        let is_first = map.get("match-no").is_some_and(|value| value.text() == "1");
        if is_first && key == "extract-jsonpath" {
            map.shift_remove("match-no");
        }
        for (key, usual) in [("concat", "false"), ("scope", "main")] {
            if map.get(key).is_some_and(|value| value.text() == usual) {
                map.shift_remove(key);
            }
        }
    }
    if value.get("default").is_none() {
        said.warn(
            path,
            "has no default: where nothing is found the request fails here, and Taurus goes on with the text NOT_FOUND; \
             for the same write default: NOT_FOUND",
        );
    }
}

/// The number of a group in a template of JMeter: `$1$`.
fn group(template: &str) -> Option<u64> {
    template.strip_prefix('$')?.strip_suffix('$')?.parse().ok()
}

fn guess_type(file: &mut Value) {
    let Some(file) = file.as_object_mut() else {
        return;
    };
    file.retain(|_, value| !value.is_null());
    let path = file.get("path").and_then(Value::as_str).unwrap_or_default();
    let ending = path
        .rsplit_once('.')
        .map_or("", |(_, ending)| ending)
        .to_ascii_lowercase();
    let known = TYPES.iter().find(|row| row.0 == ending);
    if let (Some((_, kind)), false) = (known, file.contains_key("mime-type")) {
        file.insert("mime-type".to_owned(), Value::from(*kind));
    }
}

/// A body of fields: JSON where the content type says so, else a form.
fn body(map: &mut Map, of_scenario: &Map, written: &str, said: &mut Said) {
    match map.get_mut("body") {
        Some(Value::Object(fields)) if fields.is_empty() => {
            map.shift_remove("body");
            return;
        }
        Some(Value::Object(_) | Value::Array(_)) => {}
        Some(value @ (Value::Number(_) | Value::Bool(_))) => {
            *value = Value::from(value.text().into_owned());
            return;
        }
        _ => return,
    }
    let path = format!("{written}.body");
    let content_type = header(map, "content-type").or_else(|| header(of_scenario, "content-type"));
    if content_type.is_some_and(|kind| kind.to_ascii_lowercase().contains("json")) {
        if let Some(body) = map.get_mut("body") {
            *body = Value::from(body.to_string());
        }
        return;
    }
    let Some(Value::Object(mut fields)) = map.shift_remove("body") else {
        said.fault(
            path,
            "is a list, which is sent as JSON only: write the header Content-Type: application/json",
        );
        return;
    };
    let method = map.get("method").and_then(Value::as_str).unwrap_or("GET");
    if matches!(method, "GET" | "HEAD" | "OPTIONS") && !map.contains_key("upload-files") {
        said.fault(
            path,
            format!("has fields, which JMeter would put into the URL of a {method}: write them there, like url: /search?name=value, or write method: POST"),
        );
        return;
    }
    for (name, value) in &mut fields {
        match value {
            Value::Null => *value = Value::from(""),
            Value::Object(_) | Value::Array(_) => {
                said.fault(
                    format!("{path}.{name}"),
                    "is no text, and a form has only such: for JSON write the header Content-Type: application/json",
                );
                *value = Value::from("");
            }
            _ => {}
        }
    }
    said.moved(format!("{written}.form"), path);
    map.insert("form".to_owned(), Value::Object(fields));
}

/// A header's value.
fn header<'a>(map: &'a Map, wanted: &str) -> Option<&'a str> {
    let is_wanted = |name: &str| name.eq_ignore_ascii_case(wanted);
    match map.get("headers")? {
        Value::Object(headers) => headers
            .iter()
            .find(|(name, _)| is_wanted(name))
            .and_then(|(_, value)| value.as_str()),
        Value::Array(items) => items
            .iter()
            .filter_map(Value::as_object)
            .flatten()
            .find(|(name, _)| is_wanted(name))
            .and_then(|(_, value)| value.as_str()),
        _ => None,
    }
}
