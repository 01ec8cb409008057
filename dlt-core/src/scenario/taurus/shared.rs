//! What a scenario of a Taurus file says of all of its requests: in the spelling of its
//! reader, said of each request where dlt has it there, and joined where one scenario includes
//! another.

use super::request::common;
use super::said::Said;
use crate::scenario::document::shown::shown_key;
use crate::value::{Map, Value, json};

/// What holds for each request of a scenario beside what the request says.
pub(super) const BESIDE: [&str; 4] = [
    "assert",
    "assert-jsonpath",
    "extract-jsonpath",
    "extract-regexp",
];
/// What a request says in place of its scenario.
const IN_PLACE: [&str; 5] = [
    "think-time",
    "timeout",
    "auth",
    "expect-status",
    "follow-redirects",
];
/// What a scenario says of all that it runs, and nothing of it for a part.
const OF_THE_WHOLE: [&str; 9] = [
    "keepalive",
    "connection-policy",
    "http",
    "streams",
    "store-cookie",
    "tls",
    "timeouts",
    "max-redirects",
    "retrieve-resources",
];

/// Parts of a scenario that say how its requests connect.
const OF_CONNECTIONS: [&str; 4] = ["proxy", "no-proxy", "resolve", "connect-to"];

/// What a scenario says of all of its requests, in the spelling of its reader.
pub(super) fn of_all(scenario: &mut Map, written: &str, said: &mut Said) {
    common(scenario, written, said);
    let fetches = scenario.get("retrieve-resources").and_then(Value::as_bool) == Some(true);
    for key in ["retrieve-resources-regex", "concurrent-pool-size"] {
        if !fetches {
            scenario.shift_remove(key);
        }
    }
    for (key, why) in [
        (
            "use-dns-cache-mgr",
            "is not used: names are resolved as dns of the execution item says",
        ),
        (
            "force-parent-sample",
            "is not used: a transaction is measured, and each of its requests, too",
        ),
    ] {
        if scenario.shift_remove(key).is_some() {
            said.warn(format!("{written}.{key}"), why);
        }
    }
    if let Some(value @ (Value::String(_) | Value::Object(_))) = scenario.get_mut("data-sources") {
        *value = Value::Array(vec![value.take()]);
    }
    for source in scenario
        .get_mut("data-sources")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        if let Some(source) = source.as_object_mut() {
            source.retain(|_, value| !value.is_null());
            if source.get("delimiter").is_some_and(|value| *value == "\t") {
                source.insert("delimiter".to_owned(), Value::from("tab"));
            }
        }
    }
    authorization(scenario);
}

/// A single name and password for all is basic auth; others stay, for the reader to refuse.
fn authorization(scenario: &mut Map) {
    let one = match scenario.get("authorization") {
        Some(Value::Array(items)) => match &items[..] {
            [one] => Some(one),
            _ => None,
        },
        Some(one) => Some(one),
        None => None,
    };
    let Some(one) = one.and_then(Value::as_object) else {
        return;
    };
    let text = |key: &str| one.get(key).map(|value| value.text().into_owned());
    let known = ["name", "password", "url", "mechanism", "domain", "realm"];
    let is_basic = text("mechanism").is_none_or(|way| way.eq_ignore_ascii_case("basic"));
    let base = scenario
        .get("default-address")
        .and_then(Value::as_str)
        .unwrap_or_default();
    // For a part of the addresses there is no way to say it here.
    let is_for_all = text("url").is_none_or(|url| {
        let url = url.trim_end_matches('/');
        url.is_empty() || url == base.trim_end_matches('/')
    });
    let has_domain = ["domain", "realm"]
        .iter()
        .any(|key| text(key).is_some_and(|it| !it.is_empty()));
    let plain = one.keys().all(|key| known.contains(&key.as_str()));
    if let (true, true, true, false, Some(name), Some(password)) = (
        plain,
        is_basic,
        is_for_all,
        has_domain,
        text("name"),
        text("password"),
    ) {
        scenario.shift_remove("authorization");
        scenario.insert(
            "auth".to_owned(),
            json!({ "basic": { "username": name, "password": password } }),
        );
    }
}

/// A request as an object, which may be its URL alone.
fn object(item: &mut Value) -> Option<&mut Map> {
    if let Value::String(url) = item {
        *item = json!({ "url": url.as_str() });
    }
    item.as_object_mut()
}

/// Adds what a scenario says of each request behind what the request says.
pub(super) fn beside(
    item: &mut Value,
    scenario: &Map,
    (own, of_scenario): (&str, &str),
    said: &mut Said,
) {
    for key in BESIDE {
        let Some(more) = scenario.get(key) else {
            continue;
        };
        let Some(request) = object(item) else { return };
        match (request.get_mut(key), more) {
            (None, more) => {
                said.moved(format!("{own}.{key}"), format!("{of_scenario}.{key}"));
                request.insert(key.to_owned(), more.clone());
            }
            (Some(Value::Array(list)), Value::Array(more)) => {
                for (at, one) in more.iter().enumerate() {
                    let now = format!("{own}.{key}[{}]", list.len());
                    said.moved(now, format!("{of_scenario}.{key}[{at}]"));
                    list.push(one.clone());
                }
            }
            (Some(Value::Object(map)), Value::Object(more)) => {
                for (name, one) in more {
                    if !map.contains_key(name) {
                        let shown = shown_key(name);
                        said.moved(
                            format!("{own}.{key}.{shown}"),
                            format!("{of_scenario}.{key}.{shown}"),
                        );
                        map.insert(name.clone(), one.clone());
                    }
                }
            }
            // It is refused for what it is.
            _ => {}
        }
    }
}

pub(super) fn in_place(item: &mut Value, scenario: &Map, keys: &[&str]) {
    for key in keys {
        if let (Some(value), Some(request)) = (scenario.get(*key), object(item))
            && !request.contains_key(*key)
        {
            request.insert((*key).to_owned(), value.clone());
        }
    }
}

/// What an included scenario says of its requests, said of one of them.
pub(super) fn share(item: &mut Value, scenario: &Map, paths: (&str, &str), said: &mut Said) {
    // A block that is refused has no settings.
    if item.as_object().is_some_and(|map| !map.contains_key("url")) {
        return;
    }
    beside(item, scenario, paths, said);
    in_place(item, scenario, &IN_PLACE);
    let base = scenario.get("default-address").and_then(Value::as_str);
    let headers = scenario.get("headers").and_then(Value::as_object);
    let Some(request) = object(item) else { return };
    if let (Some(base), Some(Value::String(url))) = (base, request.get_mut("url"))
        && url.starts_with(['/', '?'])
    {
        *url = format!("{}{url}", base.trim_end_matches('/'));
    }
    let Some(headers) = headers else { return };
    let own = request
        .entry("headers".to_owned())
        .or_insert_with(|| Value::Object(Map::new()));
    if let Some(own) = own.as_object_mut() {
        for (name, value) in headers {
            if !own.keys().any(|known| known.eq_ignore_ascii_case(name)) {
                own.insert(name.clone(), value.clone());
            }
        }
    }
}

/// Joins what an included scenario says beside its requests with the scenario around it.
pub(super) fn join(outer: &mut Map, other: Map, (path, written): (&str, &str), said: &mut Said) {
    for (key, value) in other {
        let name = shown_key(&key);
        match (key.as_str(), outer.get_mut(&key), value) {
            ("default-address" | "headers", ..) => {}
            (known, ..) if BESIDE.contains(&known) || IN_PLACE.contains(&known) => {}
            ("variables" | "properties", Some(Value::Object(own)), Value::Object(more)) => {
                for (variable, value) in more {
                    let differs = own.get(&variable).is_some_and(|known| *known != value);
                    // A property of the scenario around it goes first, as in JMeter.
                    if differs && key == "variables" {
                        said.fault(
                            format!("{written}.variables.{}", shown_key(&variable)),
                            format!("has another value than in the scenario that includes it at {path}; keep one"),
                        );
                    }
                    own.entry(variable).or_insert(value);
                }
            }
            ("data-sources", Some(Value::Array(own)), Value::Array(more)) => {
                for one in more {
                    if !own.contains(&one) {
                        own.push(one);
                    }
                }
            }
            (known, Some(own), value) if OF_THE_WHOLE.contains(&known) => {
                if *own != value {
                    said.fault(
                        format!("{written}.{name}"),
                        format!("differs from the scenario that includes it at {path}, and is one for a whole scenario; write both alike"),
                    );
                }
            }
            // As Taurus has it without: what is not said by the outer one is its default.
            (known, None, value) if OF_THE_WHOLE.contains(&known) && value == true => {}
            (known, None, value)
                if OF_THE_WHOLE.contains(&known)
                    && value == false
                    && known != "retrieve-resources" =>
            {
                said.fault(
                    format!("{written}.{name}"),
                    format!("is one for a whole scenario, and the one that includes it at {path} does not say it; write both alike"),
                );
            }
            (known, own, value) if OF_CONNECTIONS.contains(&known) => {
                if own.as_deref() != Some(&value) {
                    said.fault(
                        format!("{written}.{name}"),
                        format!("says how a whole scenario connects, and the one that includes it at {path} says something else or nothing; write both alike"),
                    );
                }
            }
            (_, None, value) => drop(outer.insert(key, value)),
            (_, Some(_), _) => {}
        }
    }
}
