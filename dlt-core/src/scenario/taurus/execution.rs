//! Items of a Taurus file's `execution`, as dlt reads them: what Taurus takes for granted is
//! written out, and what only chooses a tool is told. What each item requests is `scenarios`'.

use super::said::Said;
use crate::scenario::execution::durations::{parse_duration, show_duration};
use crate::scenario::limits::MOST_STAGES;
use crate::value::{Map, Value, json};

/// Tools that send the requests of a list, as dlt does.
const SENDERS: [&str; 15] = [
    "ab", "apiritif", "gatling", "grinder", "jmeter", "k6", "locust", "molotov", "nose", "pbench",
    "siege", "tsung", "vegeta", "wrk", "wrk2",
];

/// Rewrites an item whose properties have their values.
pub(super) fn item(item: &mut Map, path: &str, is_local: bool, said: &mut Said) {
    if let Some(name) = item.shift_remove("executor") {
        executor(&name, &format!("{path}.executor"), said);
    }
    // Nothing is the same as what Taurus does without it.
    for key in [
        "concurrency",
        "throughput",
        "iterations",
        "steps",
        "delay",
        "start-at",
        "files",
        "env",
    ] {
        let says_nothing = match item.get(key) {
            Some(value @ (Value::Null | Value::Number(_) | Value::String(_))) => {
                value.is_null() || is_zero(value)
            }
            Some(Value::Array(items)) => items.is_empty(),
            Some(Value::Object(map)) => map.is_empty(),
            _ => false,
        };
        if says_nothing {
            item.shift_remove(key);
        }
    }
    for key in ["locations", "locations-weighted"] {
        if item.shift_remove(key).is_some() && is_local {
            said.warn(
                format!("{path}.{key}"),
                "is not used without provisioning: cloud, as in Taurus",
            );
        }
    }
    if let Some(Value::Object(by_place)) = item.get("concurrency") {
        match by_place.get("local") {
            Some(local) if is_local => {
                let local = local.clone();
                said.warn(
                    format!("{path}.concurrency"),
                    "has a number for each way of provisioning; that of local is used",
                );
                item.insert("concurrency".to_owned(), local);
            }
            _ => {}
        }
    }
    length(item);
    if !["users", "arrivals", "stages", "concurrency"]
        .iter()
        .any(|key| item.contains_key(*key))
    {
        item.insert("concurrency".to_owned(), Value::from(1u64));
    }
    if item.contains_key("steps") {
        steps(item, path, said);
    }
}

/// As Taurus ends a load: without a time it is one round, and a rise needs no stay.
fn length(item: &mut Map) {
    for key in ["hold-for", "ramp-up"] {
        if item
            .get(key)
            .is_some_and(|value| value.is_null() || is_zero(value))
        {
            item.shift_remove(key);
        }
    }
    if ["hold-for", "iterations", "stages"]
        .iter()
        .any(|key| item.contains_key(*key))
    {
        return;
    }
    match item.contains_key("ramp-up") {
        true => item.insert("hold-for".to_owned(), Value::from(0u64)),
        false => item.insert("iterations".to_owned(), Value::from(1u64)),
    };
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.trim().is_empty() || parse_duration(text) == Some(0),
        _ => false,
    }
}

/// Whether an executor's name is that of a tool that sends requests; told either way.
pub(super) fn executor(name: &Value, path: &str, said: &mut Said) {
    match name.as_str() {
        Some(name) if SENDERS.contains(&name) => said.warn(
            path,
            "chooses a tool, and dlt sends the requests by itself",
        ),
        Some(_) => said.fault(
            path,
            "runs a browser or a test program, which dlt does not; write the HTTP requests that matter, without executor",
        ),
        None => said.fault(path, "must be text"),
    }
}

/// `steps` of a rise, as stages: each reaches its part of the users at once and stays.
fn steps(item: &mut Map, path: &str, said: &mut Said) {
    let whole = |key: &str| match item.get(key)? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let time = |key: &str| match item.get(key) {
        None => Some(0),
        Some(Value::Number(number)) => number.as_f64().map(|seconds| (seconds * 1e6) as u64),
        Some(Value::String(text)) => parse_duration(text),
        Some(_) => None,
    };
    let (steps, users) = (whole("steps"), whole("concurrency"));
    let (Some(rise), Some(hold)) = (time("ramp-up"), time("hold-for")) else {
        // What is wrong with them is said where they are read.
        item.shift_remove("steps");
        return;
    };
    let place = format!("{path}.steps");
    if rise == 0 {
        said.warn(&place, "is not used without ramp-up, as in Taurus");
        item.shift_remove("steps");
        return;
    }
    let most = (MOST_STAGES / 2 - 1) as u64;
    let (Some(steps @ 1..), Some(users @ 1..)) = (steps.filter(|steps| *steps <= most), users)
    else {
        said.fault(
            place,
            format!("must be a whole number from 1 to {most}, beside a concurrency that is one; or write stages"),
        );
        item.shift_remove("steps");
        return;
    };
    if item.contains_key("iterations") && hold == 0 {
        said.fault(
            &place,
            "needs a hold-for beside iterations: stages end at a time, like hold-for: 1m",
        );
    }
    let mut stages = Vec::new();
    let mut stay = |target: u64, us: u64| {
        let (target, none) = (Value::from(target), Value::from("0s"));
        for duration in [none, Value::from(show_duration(us))] {
            let stage = [
                ("target".to_owned(), target.clone()),
                ("duration".to_owned(), duration),
            ];
            stages.push(Value::Object(stage.into_iter().collect()));
        }
    };
    for step in 1..=steps {
        stay((users * step).div_ceil(steps), rise / steps);
    }
    if hold > 0 {
        stay(users, hold);
    }
    for key in ["steps", "concurrency", "ramp-up", "hold-for"] {
        item.shift_remove(key);
    }
    item.insert("stages".to_owned(), Value::Array(stages));
    said.warn(
        place,
        "is run as stages, whose users are those of the whole run, however many runners there are",
    );
}

/// The execution as a list, as which Taurus reads a single item.
pub(super) fn as_list(execution: Value) -> (Value, bool) {
    match execution {
        Value::Object(_) => (Value::Array(vec![execution]), true),
        Value::Null => (json!([]), false),
        other => (other, false),
    }
}
