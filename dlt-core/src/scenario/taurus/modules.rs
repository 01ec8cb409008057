//! What surrounds execution and scenarios in a Taurus file: modules, services, reporters,
//! settings. Criteria go on to `reporting`, properties to whoever puts them in; the rest is
//! told. What criteria come to is `passfail`'s.

use super::execution::executor;
use super::said::Said;
use crate::scenario::document::shown::{shown, shown_key};
use crate::scenario::document::ways::refusal;
use crate::value::{Map, Value};

/// How far the rest of a file is used.
#[derive(Debug, Default)]
pub(super) struct Surroundings {
    /// Properties of JMeter that hold for all scenarios.
    pub properties: Map,
    /// Whether it asks for runners elsewhere.
    pub is_local: bool,
    /// What becomes `reporting`, with the path of each item.
    pub reporting: Vec<(Value, String)>,
}

/// Services that only look on.
const ONLOOKERS: [&str; 4] = ["monitoring", "online-kpi", "screenshoter", "error-rc"];
/// Reporters whose work dlt does anyway, each with what does it.
const REPORTERS: [(&str, &str); 6] = [
    ("console", "the live screen is shown anyway"),
    (
        "final-stats",
        "results are printed at the end anyway; its files are written by dlt run -o csv=PATH and -o json=PATH",
    ),
    (
        "final_status",
        "results are printed at the end anyway; -o json=PATH writes them",
    ),
    (
        "junit-xml",
        "is not written; dlt run -o junit=PATH writes such a file",
    ),
    (
        "json-report",
        "is not written; dlt run -o json=PATH writes the record",
    ),
    (
        "csv-report",
        "is not written; dlt run -o csv=PATH writes such a file",
    ),
];

/// Takes the surroundings out of a file.
pub(super) fn surroundings(root: &mut Map, executions: usize, said: &mut Said) -> Surroundings {
    let mut found = Surroundings {
        is_local: true,
        ..Surroundings::default()
    };
    match root.shift_remove("provisioning") {
        None | Some(Value::Null) => {}
        Some(place) if place == "local" => {}
        Some(_) => {
            found.is_local = false;
            said.fault(
                "provisioning",
                "runs the test elsewhere: write testTaskConfigs with the regions of dlt up or of a stack, or remove it",
            );
        }
    }
    if let Some(modules) = root.shift_remove("modules") {
        self::modules(&modules, executions, &mut found, said);
    }
    if let Some(settings) = root.shift_remove("settings") {
        self::settings(&settings, said);
    }
    for key in ["services", "reporting"] {
        if let Some(items) = root.shift_remove(key) {
            helpers(key, items, &mut found.reporting, said);
        }
    }
    for key in ["cli", "cli-aliases"] {
        if root.shift_remove(key).is_some() {
            said.warn(key, "is of the command bzt and not used");
        }
    }
    if root
        .shift_remove("included-configs")
        .is_some_and(|value| !is_empty(&value))
    {
        said.fault("included-configs", refusal("included-configs"));
    }
    found
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

fn modules(modules: &Value, executions: usize, found: &mut Surroundings, said: &mut Said) {
    let Some(modules) = modules.as_object() else {
        if !modules.is_null() {
            said.fault("modules", "must be an object");
        }
        return;
    };
    let mut unused = Vec::new();
    for (name, module) in modules {
        let path = format!("modules.{}", shown_key(name));
        let Some(module) = module.as_object() else {
            // The class of a module alone.
            unused.push(shown_key(name));
            continue;
        };
        for (key, value) in module {
            match (name.as_str(), key.as_str()) {
                ("jmeter", "properties") if value.is_object() => {
                    found.properties.extend(
                        value
                            .as_object()
                            .into_iter()
                            .flatten()
                            .map(|(name, value)| (name.clone(), value.clone())),
                    );
                }
                ("local", "sequential") if value.as_bool() == Some(true) && executions > 1 => {
                    said.fault(format!("{path}.sequential"), refusal("sequential"));
                }
                _ if is_empty(value) => {}
                _ => unused.push(format!("{}.{}", shown_key(name), shown_key(key))),
            }
        }
    }
    tell_unused(
        "modules",
        "is for Taurus's own modules and not used",
        unused,
        said,
    );
}

fn settings(settings: &Value, said: &mut Said) {
    let Some(settings) = settings.as_object() else {
        if !settings.is_null() {
            said.fault("settings", "must be an object");
        }
        return;
    };
    let mut unused = Vec::new();
    for (key, value) in settings {
        let path = format!("settings.{}", shown_key(key));
        match key.as_str() {
            _ if is_empty(value) => {}
            "default-executor" => executor(value, &path, said),
            "env" | "proxy" => said.fault(path, refusal(key)),
            _ => unused.push(shown_key(key)),
        }
    }
    tell_unused(
        "settings",
        "is for the command bzt and not used",
        unused,
        said,
    );
}

/// Most names that a sentence lists.
const MOST_NAMES: usize = 10;

fn tell_unused(path: &str, why: &str, mut names: Vec<String>, said: &mut Said) {
    if names.is_empty() {
        return;
    }
    let more = names.len().saturating_sub(MOST_NAMES);
    names.truncate(MOST_NAMES);
    let mut list = names.join(", ");
    if more > 0 {
        list.push_str(&format!(" and {more} more"));
    }
    said.warn(path, format!("{why}: {list}"));
}

/// Services and reporters: criteria of passing stay, the others are told.
fn helpers(key: &str, items: Value, kept: &mut Vec<(Value, String)>, said: &mut Said) {
    let items = match items {
        Value::Array(items) => items,
        Value::Null => return,
        one @ (Value::Object(_) | Value::String(_)) => vec![one],
        _ => {
            said.fault(key, "must be a list");
            return;
        }
    };
    for (at, item) in items.into_iter().enumerate() {
        let path = format!("{key}[{at}]");
        let module = match &item {
            Value::String(name) => Some(name.clone()),
            item => item["module"].as_str().map(str::to_owned),
        };
        let Some(module) = module else {
            said.fault(format!("{path}.module"), "is missing: name the module");
            continue;
        };
        let name = shown(&module);
        let reporter = REPORTERS.iter().find(|row| row.0 == module);
        match (key, reporter) {
            _ if matches!(module.as_str(), "passfail" | "pass-fail") => {
                if let Value::Object(mut item) = item {
                    item.shift_remove("run-at");
                    criteria(&mut item);
                    kept.push((Value::Object(item), path));
                }
            }
            (_, Some((_, why))) => said.warn(path, format!("{name}: {why}")),
            ("services", None) if !ONLOOKERS.contains(&module.as_str()) => {
                said.fault(path, format!("{name} {}", refusal("services")));
            }
            _ => said.warn(
                path,
                format!("{name} is not used; results are shown by dlt runs get, and written by dlt run -o FORMAT=PATH"),
            ),
        }
    }
}

/// Criteria that are written as objects, as the texts that Taurus would make of them.
fn criteria(item: &mut Map) {
    let as_text = |value: &mut Value| {
        if let Some(text) = value.as_object().and_then(criterion) {
            *value = Value::from(text);
        }
    };
    match item.get_mut("criteria") {
        Some(Value::Array(items)) => items.iter_mut().for_each(as_text),
        Some(Value::Object(by_message)) if by_message.contains_key("subject") => {
            let one = Value::Object(std::mem::take(by_message));
            let mut one = vec![one];
            one.iter_mut().for_each(as_text);
            item.insert("criteria".to_owned(), Value::Array(one));
        }
        Some(Value::Object(by_message)) => by_message.values_mut().for_each(as_text),
        _ => {}
    }
}

/// A criterion's text; None if it is of another kind, which its reader refuses.
fn criterion(full: &Map) -> Option<String> {
    const KEYS: [&str; 9] = [
        "subject",
        "label",
        "condition",
        "threshold",
        "timeframe",
        "logic",
        "fail",
        "stop",
        "message",
    ];
    if !full.keys().all(|key| KEYS.contains(&key.as_str())) {
        return None;
    }
    let part = |key: &str| match full.get(key) {
        None | Some(Value::Null) => None,
        Some(value) => Some(value.text().into_owned()).filter(|text| !text.is_empty()),
    };
    let flag = |key: &str| full.get(key).and_then(Value::as_bool).unwrap_or(true);
    let mut text = part("subject")?;
    if let Some(label) = part("label") {
        text.push_str(&format!(" of {label}"));
    }
    text.push_str(&part("condition")?);
    text.push_str(&part("threshold")?);
    if let Some(time) = part("timeframe") {
        let logic = part("logic").unwrap_or_else(|| "for".to_owned());
        text.push_str(&format!(" {logic} {time}"));
    }
    let action = if flag("stop") { "stop" } else { "continue" };
    let status = if flag("fail") { "failed" } else { "non-failed" };
    Some(format!("{text}, {action} as {status}"))
}
