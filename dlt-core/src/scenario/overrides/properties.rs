//! `${__P(name,default)}` in a file: a property of JMeter. Its value is what `--set` says, else
//! what the file says of its scenario or of all, else the default. It is put in when the file
//! is read, so that it may stand where no variable may; a value whose name tells a secret
//! becomes a variable of the scenario, so that it is hidden like any secret.

use super::{Change, Changes, told};
use crate::safety::is_secret;
use crate::scenario::document::shown::{shown, shown_key};
use crate::scenario::requests::functions::arguments;
use crate::scenario::requests::variables::{Piece, has_variables, pieces};
use crate::value::{Map, Number, Value};
use std::collections::{BTreeMap, BTreeSet};

/// What a file says of properties.
#[derive(Debug, Clone, Default)]
pub(crate) struct Properties {
    /// For all scenarios.
    pub all: Map,
    /// For each scenario by its name, before those for all.
    pub of_scenarios: Map,
}

/// Keys of a scenario whose values are no texts in which variables stand.
const FLAGS: [&str; 4] = [
    "keepalive",
    "store-cookie",
    "max-redirects",
    "expect-status",
];

struct Walk<'a> {
    given: BTreeMap<&'a str, &'a str>,
    declared: &'a Properties,
    /// The scenario that is walked, if one is.
    scenario: String,
    /// Properties that were used and given, with what the file has.
    used: BTreeMap<String, Option<String>>,
    /// Secrets that the scenario's requests use, with their values.
    secrets: BTreeMap<String, String>,
    faults: Vec<(String, String)>,
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
    let mut walk = Walk {
        given: given.collect(),
        declared,
        scenario: String::new(),
        used: BTreeMap::new(),
        secrets: BTreeMap::new(),
        faults: Vec::new(),
    };
    walk.file(raw);
    for (path, reason) in walk.faults {
        changes.without_value.push(path.clone());
        changes.fault(path, reason);
    }
    for (name, was) in walk.used {
        let value = walk.given.get(name.as_str()).copied().unwrap_or_default();
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

/// Names of the values that a scenario's requests take from answers.
fn extracted(scenario: &Map) -> BTreeSet<String> {
    let requests = scenario.get("requests").and_then(Value::as_array);
    let mut names = BTreeSet::new();
    for request in requests.into_iter().flatten().filter_map(Value::as_object) {
        for (key, value) in request.iter() {
            let of = value.as_object().filter(|_| key.starts_with("extract-"));
            names.extend(of.into_iter().flatten().map(|(name, _)| name.clone()));
        }
    }
    names
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

impl Walk<'_> {
    fn file(&mut self, raw: &mut Value) {
        let Some(root) = raw.as_object_mut() else {
            return;
        };
        for (key, value) in root.iter_mut() {
            match (key.as_str(), value) {
                ("testScenario", Value::Object(parts)) => {
                    for (key, value) in parts.iter_mut() {
                        let path = format!("testScenario.{}", shown_key(key));
                        match (key.as_str(), value) {
                            ("scenarios", Value::Object(all)) => self.scenarios(all, &path),
                            ("execution", Value::Array(items)) => self.items(items, &path),
                            (_, value) => self.plain(value, &path, true),
                        }
                    }
                }
                ("testName" | "testDescription" | "thresholds" | "tags", value) => {
                    self.plain(value, &shown_key(key), false);
                }
                (key, value) => self.plain(value, &shown_key(key), true),
            }
        }
    }

    /// An item has the properties of its scenario.
    fn items(&mut self, items: &mut [Value], path: &str) {
        for (at, item) in items.iter_mut().enumerate() {
            self.scenario = item["scenario"].as_str().unwrap_or_default().to_owned();
            self.plain(item, &format!("{path}[{at}]"), true);
        }
        self.scenario.clear();
    }

    fn scenarios(&mut self, all: &mut Map, path: &str) {
        for (name, definition) in all.iter_mut() {
            let path = format!("{path}.{}", shown_key(name));
            let Some(definition) = definition.as_object_mut() else {
                continue;
            };
            self.scenario.clone_from(name);
            for (key, value) in definition.iter_mut() {
                let path = format!("{path}.{}", shown_key(key));
                match (key.as_str(), value) {
                    ("variables", Value::Object(own)) => {
                        for (name, value) in own.iter_mut() {
                            let path = format!("{path}.{}", shown_key(name));
                            self.texts(value, &path, is_secret(name));
                        }
                    }
                    (key, value) if FLAGS.contains(&key) => self.plain(value, &path, true),
                    ("data-sources" | "tls", value) => self.plain(value, &path, false),
                    (_, value) => self.requests(value, &path),
                }
            }
            let secrets = std::mem::take(&mut self.secrets);
            if secrets.is_empty() {
                continue;
            }
            let taken = extracted(definition);
            let own = definition
                .entry("variables".to_owned())
                .or_insert_with(|| Value::Object(Map::new()));
            if let Some(own) = own.as_object_mut() {
                for (name, value) in secrets {
                    // It becomes a variable of its own name.
                    let there = own.get(&name).is_some_and(|is| is.as_str() != Some(&value));
                    if there || taken.contains(&name) {
                        let path = format!("{path}.variables.{}", shown_key(&name));
                        let why = "is the name of a property too, whose value is a secret; give one of them another name";
                        self.faults.push((path, why.to_owned()));
                    }
                    own.entry(name).or_insert_with(|| Value::from(value));
                }
            }
        }
        self.scenario.clear();
    }

    /// Texts in which variables are replaced when requests are made: secrets become such.
    fn requests(&mut self, value: &mut Value, path: &str) {
        self.each(value, path, &|walk, text, path| {
            walk.put(text, path, &mut |walk, name, value| {
                let before = walk.secrets.insert(name.to_owned(), value.clone());
                if before.is_some_and(|before| before != value) {
                    let why = format!("the property {} has two values here, and is a secret by its name; write one of them everywhere", shown(name));
                    walk.faults.push((path.to_owned(), why));
                }
                Some(format!("${{{name}}}"))
            })
            .map(Value::from)
        });
    }

    fn texts(&mut self, value: &mut Value, path: &str, may_be_secret: bool) {
        self.each(value, path, &|walk, text, path| {
            walk.put_plain(text, path, may_be_secret).map(Value::from)
        });
    }

    /// Texts that are stored as they are. Where they may be numbers or flags, one that is a
    /// property alone is what it would be if it was written there.
    fn plain(&mut self, value: &mut Value, path: &str, may_be_scalar: bool) {
        self.each(value, path, &|walk, text, path| {
            let put = walk.put_plain(text, path, false)?;
            let mut parts = pieces(text);
            let is_alone =
                matches!(parts.next(), Some(Piece::Variable(_))) && parts.next().is_none();
            Some(match put.as_str() {
                _ if !(may_be_scalar && is_alone) => Value::from(put),
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                number => Number::parse(number).map_or_else(|| number.into(), Value::Number),
            })
        });
    }

    fn put_plain(&mut self, text: &str, path: &str, may_be_secret: bool) -> Option<String> {
        self.put(text, path, &mut |walk, name, value| {
            if may_be_secret {
                return Some(value);
            }
            let shown = shown(name);
            walk.faults.push((
                path.to_owned(),
                format!(
                    "would show the value of {shown}, a secret by its name: write it in requests (headers, auth, body, URL), \
                     or in a variable whose name is one of a secret"
                ),
            ));
            None
        })
    }

    fn each(
        &mut self,
        value: &mut Value,
        path: &str,
        change: &dyn Fn(&mut Self, &str, &str) -> Option<Value>,
    ) {
        match value {
            Value::String(text) if text.contains("${__P(") || text.contains("${__property(") => {
                if let Some(new) = change(self, text, path) {
                    *value = new;
                }
            }
            Value::Array(items) => {
                for (at, item) in items.iter_mut().enumerate() {
                    self.each(item, &format!("{path}[{at}]"), change);
                }
            }
            Value::Object(map) => {
                for (key, item) in map.iter_mut() {
                    self.each(item, &format!("{path}.{}", shown_key(key)), change);
                }
            }
            _ => {}
        }
    }

    /// The text with the values of its properties; None if one has none, which is noted. What
    /// `secret` answers takes the place of a secret.
    fn put(
        &mut self,
        text: &str,
        path: &str,
        secret: &mut dyn FnMut(&mut Self, &str, String) -> Option<String>,
    ) -> Option<String> {
        let (mut new, mut complete) = (String::new(), true);
        for piece in pieces(text) {
            let inside = match piece {
                Piece::Text(text) | Piece::Open(text) => {
                    new.push_str(text);
                    continue;
                }
                Piece::Variable(inside) => inside,
            };
            let Some(asked) = asked(inside) else {
                new.push_str(&format!("${{{inside}}}"));
                continue;
            };
            let value = match self.value(&asked) {
                Some(value) if is_secret(&asked.name) => secret(self, &asked.name, value),
                Some(value) if has_variables(&value) => {
                    let name = shown(&asked.name);
                    let why = format!(
                        "the value of the property {name} holds ${{, which begins a variable; it cannot be put in"
                    );
                    self.faults.push((path.to_owned(), why));
                    None
                }
                Some(value) => Some(value),
                None => {
                    let name = shown(&asked.name);
                    let name = name.trim_matches('"');
                    self.faults.push((
                        path.to_owned(),
                        format!("asks for the property {name}, which has no value: give --set {name}=…, or write ${{__P({name},default)}}"),
                    ));
                    None
                }
            };
            complete &= value.is_some();
            new.extend(value);
        }
        complete.then_some(new)
    }

    fn value(&mut self, asked: &Asked) -> Option<String> {
        let name = asked.name.as_str();
        let text = |value: &Value| value.text().into_owned();
        let of_scenario = self.declared.of_scenarios.get(&self.scenario);
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
}
