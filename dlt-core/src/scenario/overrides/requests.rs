//! What is requested: headers, time limits, TLS, auth and variables that flags change in
//! all of a file's scenarios. A flag goes before what a single request says.

use super::routing::routing;
use super::{Change, Changes, Overrides, told};
use crate::scenario::document::nearest::nearest;
use crate::scenario::document::shown::{shown, shown_key};
use crate::scenario::plan::HttpChoice;
use crate::scenario::quick::{Quick, headers as of_lines};
use crate::scenario::requests::lists;
use crate::value::{Map, Value};
use serde_json::json;

/// Changes each scenario.
pub(super) fn requests(overrides: &Overrides, raw: &mut Value, changes: &mut Changes) {
    let name = |line: &String| line.split(':').next().unwrap_or_default().trim().to_owned();
    let mut set = overrides.flags.headers.iter().map(name);
    if overrides.user.is_some() && set.any(|name| name.eq_ignore_ascii_case("authorization")) {
        changes.fault(
            "-u",
            "says the same as the header Authorization of -H; keep one",
        );
        return;
    }
    let scenarios = raw
        .get_mut("testScenario")
        .and_then(|it| it.get_mut("scenarios"))
        .and_then(Value::as_object_mut);
    let Some(scenarios) = scenarios else { return };
    variables(&overrides.variables, scenarios, changes);
    for (name, definition) in scenarios.iter_mut() {
        let path = format!("testScenario.scenarios.{}", shown_key(name));
        let Some(definition) = definition.as_object_mut() else {
            continue;
        };
        headers(&overrides.flags.headers, definition, &path, changes);
        if let Some(limit) = &overrides.flags.timeout {
            changes.set(
                definition,
                (path.as_str(), "timeout"),
                "--timeout",
                limit.as_str().into(),
            );
            if let Some(Value::Object(phases)) = definition.get_mut("timeouts") {
                changes.remove(phases, &["total"], "--timeout");
            }
            for request in objects(definition) {
                changes.remove(request, &["timeout"], "--timeout");
            }
        }
        if overrides.flags.no_keepalive {
            let place = (path.as_str(), "keepalive");
            changes.set(definition, place, "--no-keepalive", Value::Bool(false));
            if let Some(Value::Object(policy)) = definition.get_mut("connection-policy") {
                changes.remove(policy, &["reuse"], "--no-keepalive");
            }
        }
        http(&overrides.flags, definition, &path, changes);
        tls(overrides, definition, &path, changes);
        routing(&overrides.flags, definition, &path, changes);
        user(overrides, definition, &path, changes);
    }
}

/// The version of HTTP, and how many requests share a connection.
fn http(flags: &Quick, definition: &mut Map, path: &str, changes: &mut Changes) {
    if let Some(http) = flags.http {
        let flag = match http {
            HttpChoice::Http2 => "--http2",
            _ => "--http1.1",
        };
        changes.set(definition, (path, "http"), flag, http.name().into());
    }
    if let Some(streams) = flags.streams {
        changes.set(definition, (path, "streams"), "--streams", streams.into());
    }
}

/// The requests that are objects, those that are made once per run, too; the others are URLs alone.
fn objects(definition: &mut Map) -> impl Iterator<Item = &mut Map> {
    let lists = definition.iter_mut();
    let lists = lists.filter(|row| lists::OF_SCENARIO.contains(&row.0.as_str()));
    let requests = lists.flat_map(|(_, list)| lists::requests_mut(list, ""));
    requests.filter_map(|(_, request)| request.as_object_mut())
}

/// Sets headers for all requests: lines `Name: value`, of which the caller has checked the
/// colon.
fn headers(lines: &[String], definition: &mut Map, path: &str, changes: &mut Changes) {
    const FLAG: &str = "-H";
    if lines.is_empty() {
        return;
    }
    let name_of = |line: &str| line.split(':').next().unwrap_or_default().trim().to_owned();
    let names: Vec<String> = lines.iter().map(|line| name_of(line)).collect();
    let mut pairs = match definition.get("headers") {
        None | Some(Value::Null) => Vec::new(),
        Some(written) => match pairs_of(written) {
            Some(pairs) => pairs,
            // It is refused for what it is.
            None => return,
        },
    };
    let is_set = |name: &str| names.iter().any(|set| set.eq_ignore_ascii_case(name));
    let mut replaced: Vec<String> = Vec::new();
    let mut take_out = |pairs: &mut Vec<(String, Value)>| {
        let before = pairs.len();
        pairs.retain(|(name, _)| {
            let goes = is_set(name);
            replaced.extend(goes.then(|| name.clone()));
            !goes
        });
        pairs.len() < before
    };
    take_out(&mut pairs);
    for request in objects(definition) {
        let Some(mut own) = request.get("headers").and_then(pairs_of) else {
            continue;
        };
        if take_out(&mut own) {
            request.insert("headers".to_owned(), written(own));
        }
    }
    for line in lines {
        // One line is an object with one entry.
        pairs.extend(pairs_of(&of_lines(std::slice::from_ref(line)).into()).unwrap_or_default());
        let name = name_of(line);
        let value = line.split_once(':').map_or("", |(_, value)| value.trim());
        let instead = match replaced.iter().any(|old| old.eq_ignore_ascii_case(&name)) {
            true => "; in place of the file's",
            false => "",
        };
        changes.done.push(Change {
            path: format!("{path}.headers"),
            flag: FLAG,
            now: format!(
                "header {} {}{instead}",
                shown(&name).trim_matches('"'),
                told(&name, &Value::from(value))
            ),
        });
    }
    definition.insert("headers".to_owned(), written(pairs));
}

/// Headers as pairs; None if they are written in no way that is known.
fn pairs_of(headers: &Value) -> Option<Vec<(String, Value)>> {
    let of_map = |map: &Map| -> Vec<(String, Value)> {
        map.iter().map(|(k, v)| (k.clone(), v.clone())).collect()
    };
    match headers {
        Value::Object(map) => Some(of_map(map)),
        Value::Array(items) => {
            let items = items.iter().map(|item| item.as_object().map(of_map));
            let items: Option<Vec<_>> = items.collect();
            items.map(|items| items.concat())
        }
        _ => None,
    }
}

/// Pairs as an object, or as a list where a name is there twice.
fn written(pairs: Vec<(String, Value)>) -> Value {
    let repeats = pairs.iter().enumerate().any(|(at, (name, _))| {
        let mut before = pairs[..at].iter();
        before.any(|(other, _)| other.eq_ignore_ascii_case(name))
    });
    if !repeats {
        return Value::Object(pairs.into_iter().collect());
    }
    let entry = |pair: (String, Value)| Value::Object([pair].into_iter().collect());
    pairs.into_iter().map(entry).collect()
}

fn tls(overrides: &Overrides, definition: &mut Map, path: &str, changes: &mut Changes) {
    let flags = &overrides.flags;
    let text = |text: &Option<String>| text.as_deref().map(Value::from);
    let given = [
        ("ca-file", "--ca-file", text(&flags.ca_file)),
        ("cert-file", "--cert-file", text(&flags.cert_file)),
        ("key-file", "--key-file", text(&flags.key_file)),
        (
            "insecure",
            "-k",
            flags.insecure.then_some(Value::Bool(true)),
        ),
    ];
    if given.iter().all(|row| row.2.is_none()) {
        return;
    }
    let tls = definition
        .entry("tls".to_owned())
        .or_insert_with(|| Value::Object(Map::new()));
    let Some(tls) = tls.as_object_mut() else {
        return;
    };
    let path = format!("{path}.tls");
    for (key, flag, value) in given {
        if let Some(value) = value {
            // `key-file` is no key itself: its name is shown.
            let shown_as = value.text().into_owned();
            let before = tls.insert(key.to_owned(), value.clone());
            if before.as_ref() != Some(&value) {
                let was =
                    before.map_or_else(String::new, |it| format!("; the file has {}", it.text()));
                changes.done.push(Change {
                    path: format!("{path}.{key}"),
                    flag,
                    now: format!("{key} {shown_as}{was}"),
                });
            }
        }
    }
}

/// Basic auth for all requests, in place of what the file says of any.
fn user(overrides: &Overrides, definition: &mut Map, path: &str, changes: &mut Changes) {
    const FLAG: &str = "-u";
    let Some((username, password)) = &overrides.user else {
        return;
    };
    let basic = json!({ "basic": { "username": username, "password": password } });
    let mut replaced = definition.insert("auth".to_owned(), basic.into()).is_some();
    let drop_header = |map: &mut Map| {
        let Some(mut pairs) = map.get("headers").and_then(pairs_of) else {
            return false;
        };
        let before = pairs.len();
        pairs.retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
        let dropped = pairs.len() < before;
        if dropped {
            map.insert("headers".to_owned(), written(pairs));
        }
        dropped
    };
    replaced |= drop_header(definition);
    for request in objects(definition) {
        replaced |= request.shift_remove("auth").is_some();
        replaced |= drop_header(request);
    }
    let instead = match replaced {
        true => "; in place of the file's",
        false => "",
    };
    changes.done.push(Change {
        path: format!("{path}.auth"),
        flag: FLAG,
        now: format!(
            "basic auth of {}{instead}",
            shown(username).trim_matches('"')
        ),
    });
}

/// Sets variables in the scenarios that have or use them.
fn variables(given: &[(String, String)], scenarios: &mut Map, changes: &mut Changes) {
    const FLAG: &str = "--set";
    for (name, value) in given {
        let placed = format!("${{{name}}}");
        // A property of that name has the value already.
        let mut found = changes.properties.contains(name);
        let mut known: Vec<String> = Vec::new();
        for (scenario, definition) in scenarios.iter_mut() {
            let uses = holds(definition, &placed);
            let Some(definition) = definition.as_object_mut() else {
                continue;
            };
            let own = definition.get("variables").and_then(Value::as_object);
            known.extend(own.into_iter().flatten().map(|row| row.0.clone()));
            let has = own.is_some_and(|own| own.contains_key(name));
            if !has && !uses {
                continue;
            }
            found = true;
            let own = definition
                .entry("variables".to_owned())
                .or_insert_with(|| Value::Object(Map::new()));
            let Some(own) = own.as_object_mut() else {
                continue;
            };
            let path = format!("testScenario.scenarios.{}.variables", shown_key(scenario));
            changes.set(
                own,
                (path.as_str(), name.as_str()),
                FLAG,
                Value::from(value.as_str()),
            );
        }
        if !found {
            known.dedup();
            let names: Vec<&str> = known.iter().map(String::as_str).collect();
            let hint = match (nearest(name, &names), names.is_empty()) {
                (Some(near), _) => format!("; did you mean {near}?"),
                (None, true) => "; it has no variables".to_owned(),
                (None, false) => format!("; its variables: {}", names.join(", ")),
            };
            let name = shown(name);
            changes.fault(
                FLAG,
                format!("{name} is no variable that the file has or uses{hint}"),
            );
        }
    }
}

/// Whether any text of a value holds this one.
fn holds(value: &Value, text: &str) -> bool {
    match value {
        Value::String(own) => own.contains(text),
        Value::Array(items) => items.iter().any(|item| holds(item, text)),
        Value::Object(map) => map.values().any(|item| holds(item, text)),
        _ => false,
    }
}
