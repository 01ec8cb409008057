//! A Taurus file, with `execution` and `scenarios` at its top, as the body of a scenario: what
//! means the same is written as dlt reads it, and what dlt does not do is told, each kind of
//! thing once, under the paths of the file. Properties (`${__P(…)}`) are put in by `overrides`;
//! what the parts then mean is left to `test_scenario`.

mod execution;
mod flat;
mod modules;
#[cfg(test)]
mod properties;
mod request;
mod said;
mod scenarios;
mod shared;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod varying_tests;

use crate::refusal::Faults;
use crate::scenario::Scenario;
use crate::scenario::document::shown::shown_key;
use crate::scenario::overrides::Properties;
use crate::value::{Map, Value, json};
use modules::Surroundings;
use said::Said;

/// A file that was a Taurus file.
#[derive(Debug, Default)]
pub(crate) struct Taurus {
    said: Said,
    is_local: bool,
    /// One item stood alone, and not in a list.
    is_single: bool,
    /// What it says of properties.
    pub properties: Properties,
}

/// Whether a file has Taurus's form.
fn is_taurus(raw: &Value) -> bool {
    let has = |key: &str| raw.get(key).is_some();
    (has("execution") || has("scenarios")) && !has("testScenario")
}

impl Taurus {
    /// Brings a file into the form of a scenario's body; None if it has it.
    pub fn adapt(raw: &mut Value) -> Option<Self> {
        if !is_taurus(raw) {
            return None;
        }
        let root = raw.as_object_mut()?;
        let mut taurus = Self::default();
        let mut parts = Map::new();
        let mut scenarios = match root.shift_remove("scenarios") {
            Some(Value::Object(scenarios)) => scenarios,
            Some(Value::Null) | None => Map::new(),
            // It is refused for what it is.
            Some(other) => {
                parts.insert("scenarios".to_owned(), other);
                Map::new()
            }
        };
        let items = root.shift_remove("execution").map(|execution| {
            let (items, is_single) = execution::as_list(execution);
            taurus.is_single = is_single;
            items
        });
        let count = items.as_ref().and_then(Value::as_array).map_or(0, Vec::len);
        let Surroundings {
            properties,
            is_local,
            reporting,
        } = modules::surroundings(root, count, &mut taurus.said);
        taurus.properties.all = properties;
        taurus.is_local = is_local;
        if let Some(mut items) = items {
            let written = taurus.take_out_inline(&mut items, &mut scenarios);
            let used = taurus.used(&items, &scenarios);
            taurus.write_out(&mut scenarios, &used, &written);
            parts.insert("execution".to_owned(), items);
        }
        if !scenarios.is_empty() {
            parts.insert("scenarios".to_owned(), Value::Object(scenarios));
        }
        if !reporting.is_empty() {
            for (at, (_, path)) in reporting.iter().enumerate() {
                taurus
                    .said
                    .moved(format!("testScenario.reporting[{at}]"), path.clone());
            }
            let reporting = reporting.into_iter().map(|row| row.0);
            parts.insert("reporting".to_owned(), reporting.collect());
        }
        root.insert("testScenario".to_owned(), Value::Object(parts));
        Some(taurus)
    }

    /// The path of an execution item, as it was written.
    fn item_path(&self, at: usize) -> String {
        match self.is_single {
            true => "execution".to_owned(),
            false => format!("execution[{at}]"),
        }
    }

    /// Scenarios that stand inside of an item get a name; the answer is where each stands.
    fn take_out_inline(&mut self, items: &mut Value, scenarios: &mut Map) -> Vec<(String, String)> {
        let mut written = Vec::new();
        for (at, item) in items.as_array_mut().into_iter().flatten().enumerate() {
            let path = self.item_path(at);
            if self.is_single {
                self.said.moved("testScenario.execution[0]", "execution");
            }
            let inline = item
                .as_object_mut()
                .and_then(|item| item.get_mut("scenario"));
            let Some(inline @ Value::Object(_)) = inline else {
                continue;
            };
            let name = (1..)
                .map(|number| format!("scenario {number}"))
                .find(|name| !scenarios.contains_key(name))
                .unwrap_or_default();
            let path = format!("{path}.scenario");
            self.said
                .moved(format!("testScenario.scenarios.{name}"), path.clone());
            scenarios.insert(name.clone(), std::mem::replace(inline, json!(name)));
            written.push((name, path));
        }
        written
    }

    /// The names of the scenarios that items run. The others are for including alone.
    fn used(&self, items: &Value, scenarios: &Map) -> Vec<String> {
        let items = items.as_array().into_iter().flatten();
        let mut used: Vec<String> = items
            .filter_map(|item| item["scenario"].as_str().map(str::to_owned))
            .filter(|name| scenarios.contains_key(name))
            .collect();
        if used.is_empty() && scenarios.len() == 1 {
            used.extend(scenarios.keys().cloned());
        }
        used
    }

    /// Writes the scenarios out that are run, and leaves the others.
    fn write_out(&mut self, scenarios: &mut Map, used: &[String], written: &[(String, String)]) {
        // What is wrong with the names is said by the reader, which needs them all.
        if used.is_empty() {
            return;
        }
        let all = scenarios.clone();
        let included = |name: &String| all.values().any(|other| includes(other, name));
        scenarios.retain(|name, _| {
            let is_used = used.contains(name);
            if !is_used && !included(name) {
                let path = format!("scenarios.{}", shown_key(name));
                self.said.warn(path, "is not run by any execution item");
            }
            is_used
        });
        for (name, value) in scenarios.iter_mut() {
            let inline = written.iter().find(|row| row.0 == *name);
            let path = inline.map_or_else(
                || format!("scenarios.{}", shown_key(name)),
                |row| row.1.clone(),
            );
            let read = scenarios::scenario(name, &all, &path, &mut self.said);
            if let Some((scenario, properties)) = read {
                *value = Value::Object(scenario);
                let own = Value::Object(properties);
                self.properties.of_scenarios.insert(name.clone(), own);
            }
        }
    }

    /// Writes the load out, once properties have their values.
    pub fn loads(&mut self, raw: &mut Value) {
        let scripts = scripts(raw);
        let items = raw
            .get_mut("testScenario")
            .and_then(|parts| parts.get_mut("execution"))
            .and_then(Value::as_array_mut);
        for (at, item) in items.into_iter().flatten().enumerate() {
            let path = self.item_path(at);
            if let Some(item) = item.as_object_mut() {
                let name = item.get("scenario").and_then(Value::as_str);
                // What is left out of a script's load, the script says, as in Taurus.
                if name.is_some_and(|name| scripts.iter().any(|script| script == name)) {
                    continue;
                }
                execution::item(item, &path, self.is_local, &mut self.said);
            }
        }
    }

    /// What was read of it, with what is told of the file itself, by the file's own paths.
    pub fn told(&self, read: Result<Scenario, Faults>) -> Result<Scenario, Faults> {
        match read {
            Ok(mut scenario) if !self.said.has_faults() => {
                scenario.warnings = self.said.warnings(std::mem::take(&mut scenario.warnings));
                Ok(scenario)
            }
            Ok(_) => Err(Faults(self.said.faults(Vec::new()))),
            Err(Faults(faults)) => Err(Faults(self.said.faults(faults))),
        }
    }
}

/// The names of the scenarios that are scripts.
fn scripts(raw: &Value) -> Vec<String> {
    let parts = raw
        .get("testScenario")
        .and_then(|parts| parts.get("scenarios"));
    let scenarios = parts.and_then(Value::as_object);
    let scripts = scenarios.into_iter().flatten();
    scripts
        .filter(|(_, scenario)| scenario.get("script").is_some())
        .map(|(name, _)| name.to_string())
        .collect()
}

/// Whether a scenario includes this one, at any depth of its blocks.
fn includes(value: &Value, name: &str) -> bool {
    match value {
        Value::Object(map) => map.iter().any(|(key, value)| match key.as_str() {
            "include-scenario" => value.as_str() == Some(name),
            _ => includes(value, name),
        }),
        Value::Array(items) => items.iter().any(|item| includes(item, name)),
        _ => false,
    }
}
