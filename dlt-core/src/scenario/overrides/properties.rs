//! `${__P(name,default)}` in a file: a property of JMeter. Its value is what `--set` says, else
//! what the file says of its scenario or of all, else the default. It is put in when the file
//! is read, so that it may stand where no variable may. Where a value may stand is `walk`'s.

use super::walk::{Found, Source, Walk};
use super::{Change, Changes, told};
use crate::scenario::document::shown::shown_key;
use crate::scenario::requests::functions::arguments;
use crate::value::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// What a file says of properties.
#[derive(Debug, Clone, Default)]
pub(crate) struct Properties {
    /// For all scenarios.
    pub all: Map,
    /// For each scenario by its name, before those for all.
    pub of_scenarios: Map,
}

/// Properties, and what a file asks for.
struct Known<'a> {
    given: BTreeMap<&'a str, &'a str>,
    declared: &'a Properties,
    /// Properties that were used and given, with what the file has.
    used: BTreeMap<String, Option<String>>,
    /// Those that a text asks for.
    asked: BTreeSet<String>,
}

/// Puts the values in.
pub(super) fn properties(
    given: &[(String, String)],
    declared: &Properties,
    raw: &mut Value,
    changes: &mut Changes,
) {
    let given = given
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let mut known = Known {
        given: given.collect(),
        declared,
        used: BTreeMap::new(),
        asked: BTreeSet::new(),
    };
    let mut walk = Walk::new(&mut known);
    walk.file(raw);
    let faults = walk.faults;
    known.tell(faults, changes);
}

/// A property that a text asks for.
struct Asked {
    name: String,
    default: Option<String>,
}

/// Reads what stands between `${` and `}`.
fn asked(text: &str) -> Option<Asked> {
    let (function, rest) = text.trim().split_once('(')?;
    let mut args = arguments(rest.strip_suffix(')')?);
    let default = match function.trim_end() {
        "__P" => args.get(1).cloned(),
        // Between them stands a variable that keeps the value.
        "__property" => args.get(2).cloned(),
        _ => return None,
    };
    let name = std::mem::take(args.first_mut()?);
    (!name.is_empty()).then_some(Asked { name, default })
}

impl Source for Known<'_> {
    fn may_ask(&self, text: &str) -> bool {
        text.contains("${__P(") || text.contains("${__property(")
    }

    fn find(&mut self, inside: &str, _: &str, scenario: &str) -> Found {
        let Some(asked) = asked(inside) else {
            return Found::NotOurs;
        };
        match self.value(&asked, scenario) {
            Some(value) => Found::Value {
                is_of_file: !self.given.contains_key(asked.name.as_str()),
                variable: asked.name.clone(),
                name: asked.name,
                value,
            },
            None => {
                let name = shown_key(&asked.name);
                Found::Missing(Some(format!(
                    "asks for the property {name}, which has no value: give --set {name}=…, or write ${{__P({name},default)}}"
                )))
            }
        }
    }
}

impl Known<'_> {
    fn value(&mut self, asked: &Asked, scenario: &str) -> Option<String> {
        let name = asked.name.as_str();
        self.asked.insert(name.to_owned());
        let text = |value: &Value| value.text().into_owned();
        let of_scenario = self.declared.of_scenarios.get(scenario);
        let in_file = of_scenario
            .and_then(|own| own.get(name))
            .or_else(|| self.declared.all.get(name))
            .map(text)
            .or_else(|| asked.default.clone());
        match self.given.get(name) {
            Some(given) => {
                let known = self.used.entry(name.to_owned()).or_default();
                *known = known.take().or(in_file);
                Some((*given).to_owned())
            }
            None => in_file,
        }
    }

    /// Tells what is wrong, used and not used.
    fn tell(self, faults: Vec<(String, String)>, changes: &mut Changes) {
        let of_scenarios = self.declared.of_scenarios.values();
        let of_scenarios = of_scenarios.filter_map(Value::as_object);
        let names: BTreeSet<&String> = of_scenarios
            .chain([&self.declared.all])
            .flat_map(Map::keys)
            .collect();
        for name in names.into_iter().filter(|name| !self.asked.contains(*name)) {
            let name = shown_key(name);
            changes.unused.push(format!(
                "the property {name} is not used: nothing asks for it by ${{__P({name})}}"
            ));
        }
        for (path, reason) in faults {
            changes.without_value.push(path.clone());
            changes.fault(path, reason);
        }
        for (name, was) in self.used {
            let value = self.given.get(name.as_str()).copied().unwrap_or_default();
            let was = was.map_or_else(String::new, |was| {
                format!("; the file has {}", told(&name, &Value::from(was)))
            });
            changes.done.push(Change {
                path: String::new(),
                flag: "--set",
                now: format!("property {name} {}{was}", told(&name, &Value::from(value))),
            });
            changes.properties.push(name);
        }
    }
}
