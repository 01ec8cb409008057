//! The contract's schema of POST /scenarios (openapi `CreateScenarioRequest`):
//! every limit that DLT's clients and ours may count on, as faults with their
//! paths. It requires more than a scenario file must have; what the parts mean is
//! read afterwards (`body`). Our own keys are left to that reading.

use crate::ids::{Region, TestId};
use crate::refusal::Fault;
use crate::scenario::document::notes::{Node, Notes, Object};
use crate::scenario::document::shown::{shown, shown_key};
use crate::scenario::limits::{
    LONGEST_BODY, LONGEST_DESCRIPTION, LONGEST_URL, MOST_CONCURRENCY, MOST_EXECUTIONS,
    MOST_REQUESTS, MOST_SCENARIOS, MOST_TAGS, MOST_TASK_CONFIGS,
};
use crate::scenario::names::{display_name, scenario_name};
use crate::scenario::requests::lists;
use crate::scenario::schedule;
use crate::value::Value;

/// Longest `scheduleTimezone`, characters (contract).
const LONGEST_ZONE: usize = 64;
/// Largest number of each unit that `ramp-up` and `hold-for` may have (contract).
const DURATION_LIMITS: [(char, u64); 4] = [('s', 3_600), ('m', 1_440), ('h', 168), ('d', 30)];

/// Every fault of a body against the contract's schema.
pub(super) fn faults(body: &Value) -> Vec<Fault> {
    let mut notes = Notes::default();
    if let Some(root) = Node::root(body).object(&mut notes) {
        facts(&root, &mut notes);
        schedule_fields(&root, &mut notes);
        if let Some(node) = required(&root, "testTaskConfigs", &mut notes) {
            task_configs(&node, &mut notes);
        }
        if let Some(node) = required(&root, "testScenario", &mut notes) {
            test_scenario(&node, &mut notes);
        }
        if let Some(node) = required(&root, "regionalTaskDetails", &mut notes) {
            task_details(&node, &mut notes);
        }
    }
    notes.into_faults()
}

fn required<'a>(object: &Object<'a>, key: &str, notes: &mut Notes) -> Option<Node<'a>> {
    let node = object.get(key);
    if node.is_none() {
        notes.fault(object.path_of(key), "is missing");
    }
    node
}

fn facts(root: &Object<'_>, notes: &mut Notes) {
    if let Some(node) = root.get("testId")
        && let Some(text) = node.text(notes)
        && let Err(error) = TestId::parse(text)
    {
        node.fault(notes, format!("must be {}", error.rule));
    }
    if let Some(node) = required(root, "testName", notes)
        && let Some(text) = node.text(notes)
        && let Some(reason) = display_name(text)
    {
        node.fault(notes, reason);
    }
    if let Some(node) = required(root, "testDescription", notes) {
        node.sized_text(3..=LONGEST_DESCRIPTION, notes);
    }
    if let Some(node) = required(root, "testType", notes) {
        node.choice(&["simple", "jmeter", "locust", "k6"], notes);
    }
    if let Some(node) = root.get("fileType") {
        node.choice(&["none", "script", "zip"], notes);
    }
    for key in ["showLive", "saveOnly"] {
        if let Some(node) = root.get(key) {
            node.boolean(notes);
        }
    }
    if let Some(node) = root.get("healthyThreshold")
        && !whole(node.value).is_some_and(|percent| (0.0..=100.0).contains(&percent))
    {
        node.fault(notes, "must be a whole number from 0 to 100");
    }
    if let Some(node) = root.get("tags") {
        for tag in node.list(0..=MOST_TAGS, notes).unwrap_or_default() {
            tag.text(notes);
        }
    }
}

fn schedule_fields(root: &Object<'_>, notes: &mut Notes) {
    if let Some(node) = root.get("scheduleStep") {
        node.choice(&["create", "start"], notes);
    }
    if let Some(node) = root.get("recurrence") {
        node.choice(&["daily", "weekly", "biweekly", "monthly"], notes);
    }
    for key in ["scheduleDate", "cronExpiryDate"] {
        if let Some(node) = root.get(key)
            && let Some(text) = node.text(notes)
            && !is_date(text)
        {
            node.fault(notes, "must be a date like 2026-12-31");
        }
    }
    if let Some(node) = root.get("scheduleTime")
        && let Some(text) = node.text(notes)
        && !is_time(text)
    {
        node.fault(notes, "must be a time like 22:30");
    }
    if let Some(node) = root.get("scheduleTimezone") {
        node.sized_text(0..=LONGEST_ZONE, notes);
    }
    if let Some(node) = root.get("cronValue")
        && let Some(text) = node.text(notes)
        && let Err(reason) = schedule::cron_pattern(text)
    {
        node.fault(notes, reason);
    }
    if let Some(node) = root.get("eventBridge") {
        node.text(notes);
    }
}

/// YYYY-MM-DD with a month and a day that exist somewhere; the calendar is
/// checked later.
fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let number = |part: &str, length: usize| {
        (part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| part.parse::<u32>().ok())
            .flatten()
    };
    match parts.as_slice() {
        [year, month, day] => {
            number(year, 4).is_some()
                && number(month, 2).is_some_and(|month| (1..=12).contains(&month))
                && number(day, 2).is_some_and(|day| (1..=31).contains(&day))
        }
        _ => false,
    }
}

/// HH:MM or HH:MM:SS, 24 hours.
fn is_time(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    let below = |part: &str, most: u32| {
        part.len() == 2
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && part.parse::<u32>().is_ok_and(|number| number < most)
    };
    match parts.as_slice() {
        [hour, minute] => below(hour, 24) && below(minute, 60),
        [hour, minute, second] => below(hour, 24) && below(minute, 60) && below(second, 60),
        _ => false,
    }
}

fn task_configs(node: &Node<'_>, notes: &mut Notes) {
    for item in node.list(1..=MOST_TASK_CONFIGS, notes).unwrap_or_default() {
        let Some(object) = item.object(notes) else {
            continue;
        };
        if let Some(node) = required(&object, "region", notes)
            && let Some(text) = node.text(notes)
            && let Err(error) = Region::parse(text)
        {
            node.fault(notes, format!("must be {}", error.rule));
        }
        if let Some(node) = required(&object, "taskCount", notes) {
            count(&node, notes);
        }
        if let Some(node) = required(&object, "concurrency", notes) {
            node.whole(1..=MOST_CONCURRENCY, notes);
        }
    }
}

fn task_details(node: &Node<'_>, notes: &mut Notes) {
    let Some(object) = node.object(notes) else {
        return;
    };
    for (region, value) in object.map.iter().take(MOST_TASK_CONFIGS) {
        let entry = Node {
            value,
            path: object.path_of(region),
        };
        let Some(details) = entry.object(notes) else {
            continue;
        };
        if let Some(node) = required(&details, "dltAvailableTasks", notes) {
            count(&node, notes);
        }
    }
}

/// A whole number as JSON Schema means it: `2.0` is one, `"2"` is not.
fn whole(value: &Value) -> Option<f64> {
    value.as_f64().filter(|number| number.fract() == 0.0)
}

/// A whole number from 1, or digits: "0" and what no region holds pass here,
/// and are refused with the region's own limit.
fn count(node: &Node<'_>, notes: &mut Notes) {
    let counts = match node.value {
        Value::String(text) => !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()),
        other => whole(other).is_some_and(|number| number >= 1.0),
    };
    if !counts {
        node.fault(notes, "must be a whole number from 1");
    }
}

fn test_scenario(node: &Node<'_>, notes: &mut Notes) {
    let Some(object) = node.object(notes) else {
        return;
    };
    let names: Vec<&str> = match object.get("scenarios") {
        None => Vec::new(),
        Some(node) => scenarios(&node, notes),
    };
    if let Some(node) = required(&object, "execution", notes) {
        for item in node.list(1..=MOST_EXECUTIONS, notes).unwrap_or_default() {
            execution(&item, &names, object.has("scenarios"), notes);
        }
    }
    if let Some(node) = object.get("reporting") {
        for item in node.list(0..=MOST_SCENARIOS, notes).unwrap_or_default() {
            reporter(&item, notes);
        }
    }
}

fn reporter(node: &Node<'_>, notes: &mut Notes) {
    let Some(object) = node.object(notes) else {
        return;
    };
    if let Some(module) = required(&object, "module", notes) {
        module.text(notes);
    }
    for key in ["summary", "percentiles", "summary-labels", "test-duration"] {
        if let Some(node) = object.get(key) {
            node.boolean(notes);
        }
    }
    if let Some(node) = object.get("dump-xml") {
        node.text(notes);
    }
}

fn execution(node: &Node<'_>, names: &[&str], named: bool, notes: &mut Notes) {
    let Some(object) = node.object(notes) else {
        return;
    };
    if let Some(node) = object.get("concurrency") {
        node.whole(1..=MOST_CONCURRENCY, notes);
    }
    if let Some(node) = object.get("ramp-up") {
        duration(&node, 0, notes);
    }
    if let Some(node) = object.get("hold-for") {
        duration(&node, 1, notes);
    }
    if let Some(node) = object.get("scenario")
        && let Some(text) = node.text(notes)
        && named
        && !text.is_empty()
        && !names.contains(&text)
    {
        node.fault(
            notes,
            format!("names {}, which scenarios does not have", shown(text)),
        );
    }
    if let Some(node) = object.get("executor") {
        node.choice(&["locust", "k6", "jmeter"], notes);
    }
    if let Some(node) = object.get("taskCount")
        && !whole(node.value).is_some_and(|count| count >= 1.0)
    {
        node.fault(notes, "must be a whole number from 1");
    }
}

/// Digits and a unit within the contract's limit for that unit, or a whole
/// number of seconds. Other forms (`500ms`, `1m30s`) are ours and are read later.
fn duration(node: &Node<'_>, least: u64, notes: &mut Notes) {
    match node.value {
        Value::Number(_) => {
            if !whole(node.value).is_some_and(|seconds| seconds >= least as f64) {
                node.fault(
                    notes,
                    format!("must be a whole number of seconds from {least}"),
                );
            }
        }
        Value::String(text) => {
            let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
            let Some((digits, (unit, most))) = DURATION_LIMITS
                .iter()
                .find_map(|limit| Some((text.strip_suffix(limit.0)?, *limit)))
                .filter(|row| !row.0.is_empty() && row.0.bytes().all(|b| b.is_ascii_digit()))
            else {
                return;
            };
            let digits = digits.trim_start_matches('0');
            let number =
                digits
                    .parse::<u64>()
                    .unwrap_or(if digits.is_empty() { 0 } else { u64::MAX });
            if !(least..=most).contains(&number) {
                node.fault(
                    notes,
                    format!(
                        "must lie between {least}{unit} and {most}{unit}; take a larger unit for more"
                    ),
                );
            }
        }
        _ => node.fault(notes, "must be a duration like 30s, 5m, 2h or 1d"),
    }
}

fn scenarios<'a>(node: &Node<'a>, notes: &mut Notes) -> Vec<&'a str> {
    let Some(object) = node.object(notes) else {
        return Vec::new();
    };
    if object.map.is_empty() {
        node.fault(notes, "must name at least one scenario");
    }
    for (name, value) in object.map.iter().take(MOST_SCENARIOS) {
        let entry = Node {
            value,
            path: object.path_of(name),
        };
        // One that lists requests may be from a file, whose names are freer.
        let wrong = match value.get("requests") {
            Some(_) => scenario_name(name),
            None => display_name(name),
        };
        if let Some(reason) = wrong {
            notes.fault(
                &entry.path,
                format!("the name {} {reason}", shown_key(name)),
            );
        }
        let Some(scenario) = entry.object(notes) else {
            continue;
        };
        if let Some(script) = scenario.get("script") {
            script.text(notes);
        }
        // Ours: requests may be relative to the scenario's address, and some are made once per run.
        let based = scenario.has("default-address");
        for key in lists::OF_SCENARIO {
            let Some(requests) = scenario.get(key) else {
                continue;
            };
            // What is wrong with the list itself; requests stand in blocks, too.
            requests.list(1..=MOST_REQUESTS, notes);
            let found = lists::requests(requests.value, &requests.path).into_iter();
            let requests = found.filter(|(_, entry)| !lists::is_message(entry));
            for (path, value) in requests.take(MOST_REQUESTS) {
                request(&Node { value, path }, based, notes);
            }
        }
    }
    object.map.keys().map(String::as_str).collect()
}

fn request(node: &Node<'_>, based: bool, notes: &mut Notes) {
    let Some(object) = node.object(notes) else {
        return;
    };
    if let Some(node) = required(&object, "url", notes)
        && let Some(text) = node.sized_text(1..=LONGEST_URL, notes)
        && !based
        // What a variable stands for is known later.
        && !text.contains("${")
    {
        const SCHEMES: [&str; 4] = ["http://", "https://", "ws://", "wss://"];
        if !SCHEMES.iter().any(|scheme| text.starts_with(scheme)) {
            node.fault(notes, "must begin with http:// or https://");
        } else if let Err(error) = url::Url::parse(text) {
            node.fault(notes, format!("is not a URL: {error}"));
        }
    }
    if let Some(node) = required(&object, "method", notes) {
        node.choice(
            &["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"],
            notes,
        );
    }
    if let Some(node) = object.get("headers")
        // A list, which repeats names, is ours.
        && node.value.as_array().is_none_or(Vec::is_empty)
        && let Some(headers) = node.object(notes)
    {
        for name in headers.map.keys() {
            if let Some(value) = headers.get(name) {
                value.text(notes);
            }
        }
    }
    if let Some(node) = object.get("body") {
        node.sized_text(0..=LONGEST_BODY, notes);
    }
}

#[cfg(test)]
mod tests;
