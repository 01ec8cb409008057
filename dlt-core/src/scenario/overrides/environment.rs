//! `${env.NAME}` in a file: the value of a variable of the environment, if `-e NAME` allows
//! it. A file from someone else can so not read what it was not given. A value whose name
//! tells a secret becomes a variable of the scenario, so that it is hidden like any secret;
//! any other stands in the text itself.

use super::{Change, Changes, told};
use crate::safety::is_secret;
use crate::scenario::document::shown::{shown, shown_key};
use crate::scenario::requests::variables::{Piece, has_variables, pieces};
use crate::value::{Map, Number, Value};
use std::collections::{BTreeMap, BTreeSet};

const FLAG: &str = "-e";
/// What the names of such variables begin with.
const BEGIN: &str = "env.";
/// Parts of a scenario in which no variable is replaced when requests are made.
const NO_VARIABLES: [&str; 3] = ["variables", "data-sources", "tls"];

/// What a walk through the file knows and has met.
struct Walk<'a> {
    given: BTreeMap<&'a str, &'a str>,
    /// Names that were asked for without a value, each with where.
    missing: BTreeMap<String, String>,
    used: BTreeSet<String>,
    /// Secrets that a scenario's requests use.
    secrets: BTreeSet<String>,
    faults: Vec<(String, String)>,
}

/// Puts the values in.
pub(super) fn environment(
    given: &[(String, Option<String>)],
    raw: &mut Value,
    changes: &mut Changes,
) {
    let mut walk = Walk {
        given: BTreeMap::new(),
        missing: BTreeMap::new(),
        used: BTreeSet::new(),
        secrets: BTreeSet::new(),
        faults: Vec::new(),
    };
    let mut unset = BTreeSet::new();
    for (name, value) in given {
        match value {
            Some(value) => drop(walk.given.insert(name, value)),
            None => {
                unset.insert(name.clone());
                let name = shown(name);
                let name = name.trim_matches('"');
                changes.fault(
                    format!("{FLAG} {name}"),
                    format!(
                        "is not set in the environment: export {name}=…, or give -e {name}=VALUE"
                    ),
                );
            }
        }
    }
    walk.file(raw);
    walk.tell(&unset, changes);
}

impl Walk<'_> {
    fn file(&mut self, raw: &mut Value) {
        for (key, value) in raw.as_object_mut().into_iter().flatten() {
            match (key.as_str(), value) {
                ("testScenario", Value::Object(parts)) => {
                    for (key, value) in parts.iter_mut() {
                        let path = format!("testScenario.{}", shown_key(key));
                        match (key.as_str(), value) {
                            ("scenarios", Value::Object(all)) => self.scenarios(all, &path),
                            (_, value) => self.scalars(value, &path),
                        }
                    }
                }
                ("testName" | "testDescription" | "thresholds" | "tags", value) => {
                    self.texts(value, &shown_key(key), false);
                }
                (key, value) => self.scalars(value, &shown_key(key)),
            }
        }
    }

    /// Tells what is missing, wrong, used and not used.
    fn tell(self, unset: &BTreeSet<String>, changes: &mut Changes) {
        for (name, path) in &self.missing {
            if !unset.contains(name) {
                changes.fault(
                    path,
                    format!("has ${{env.{name}}}, and the environment is read only where a flag names it: add -e {name}"),
                );
            }
        }
        for (path, reason) in self.faults {
            changes.fault(path, reason);
        }
        for (name, value) in &self.given {
            if self.used.contains(*name) {
                changes.done.push(Change {
                    path: String::new(),
                    flag: FLAG,
                    now: format!("{name} is {}", told(name, &Value::from(*value))),
                });
            } else {
                changes.unused.push(format!(
                    "-e {name} is not used: the file has no ${{env.{name}}}"
                ));
            }
        }
    }

    fn scenarios(&mut self, all: &mut Map, path: &str) {
        for (name, definition) in all.iter_mut() {
            let path = format!("{path}.{}", shown_key(name));
            let Some(definition) = definition.as_object_mut() else {
                continue;
            };
            self.secrets.clear();
            for (key, value) in definition.iter_mut() {
                let path = format!("{path}.{}", shown_key(key));
                match (key.as_str(), value) {
                    ("variables", Value::Object(own)) => {
                        for (name, value) in own.iter_mut() {
                            let path = format!("{path}.{}", shown_key(name));
                            self.texts(value, &path, is_secret(name));
                        }
                    }
                    (key, value) if NO_VARIABLES.contains(&key) => self.texts(value, &path, false),
                    (_, value) => self.requests(value, &path),
                }
            }
            if self.secrets.is_empty() {
                continue;
            }
            let own = definition
                .entry("variables".to_owned())
                .or_insert_with(|| Value::Object(Map::new()));
            if let Some(own) = own.as_object_mut() {
                for name in &self.secrets {
                    let value = self.given.get(name.as_str()).copied().unwrap_or_default();
                    own.insert(format!("{BEGIN}{name}"), Value::from(value));
                }
            }
        }
    }

    /// Texts in which variables are replaced when requests are made: secrets stay variables.
    fn requests(&mut self, value: &mut Value, path: &str) {
        self.each(value, path, &|walk, text, path| {
            let put = walk.put(text, path, &mut |walk, name| {
                walk.secrets.insert(name.to_owned());
                Some(format!("${{{BEGIN}{name}}}"))
            });
            put.map(Value::from)
        });
    }

    /// Texts that are stored as they are: only where a secret may stand, one does.
    fn texts(&mut self, value: &mut Value, path: &str, may_be_secret: bool) {
        self.each(value, path, &|walk, text, path| {
            walk.plain(text, path, may_be_secret).map(Value::from)
        });
    }

    /// As texts; one that is a number, true or false is that, as if it was written there.
    fn scalars(&mut self, value: &mut Value, path: &str) {
        self.each(value, path, &|walk, text, path| {
            let put = walk.plain(text, path, false)?;
            let alone = text.starts_with("${env.") && text.matches("${").count() == 1;
            Some(match (alone && text.ends_with('}'), put.as_str()) {
                (true, "true") => Value::Bool(true),
                (true, "false") => Value::Bool(false),
                (true, number) => {
                    Number::parse(number).map_or_else(|| number.into(), Value::Number)
                }
                (false, _) => Value::from(put),
            })
        });
    }

    fn plain(&mut self, text: &str, path: &str, may_be_secret: bool) -> Option<String> {
        self.put(text, path, &mut |walk, name| {
            if may_be_secret {
                return walk.given.get(name).map(|value| (*value).to_owned());
            }
            walk.faults.push((
                path.to_owned(),
                format!(
                    "would show the value of {name}, a secret by its name: write ${{env.{name}}} in requests (headers, auth, \
                     body, URL), or in a variable whose name is one of a secret, like my_token"
                ),
            ));
            None
        })
    }

    /// Calls `change` for each text with such a variable; what it answers takes its place.
    fn each(
        &mut self,
        value: &mut Value,
        path: &str,
        change: &dyn Fn(&mut Self, &str, &str) -> Option<Value>,
    ) {
        match value {
            Value::String(text) if text.contains("${env.") => {
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

    /// The text with its values; None if one is missing, which is noted. What `secret`
    /// answers takes the place of a secret.
    fn put(
        &mut self,
        text: &str,
        path: &str,
        secret: &mut dyn FnMut(&mut Self, &str) -> Option<String>,
    ) -> Option<String> {
        let (mut new, mut complete) = (String::new(), true);
        for piece in pieces(text) {
            let name = match piece {
                Piece::Text(text) | Piece::Open(text) => {
                    new.push_str(text);
                    continue;
                }
                Piece::Variable(name) => match name.strip_prefix(BEGIN) {
                    Some(name) => name,
                    None => {
                        new.push_str(&format!("${{{name}}}"));
                        continue;
                    }
                },
            };
            let Some(value) = self.given.get(name).copied() else {
                let path = || path.to_owned();
                self.missing.entry(name.to_owned()).or_insert_with(path);
                complete = false;
                continue;
            };
            self.used.insert(name.to_owned());
            let value = match is_secret(name) {
                true => secret(self, name),
                false if has_variables(value) => {
                    let reason = format!(
                        "the value of {name} holds ${{, which begins a variable; it cannot be put in"
                    );
                    self.faults.push((path.to_owned(), reason));
                    None
                }
                false => Some(value.to_owned()),
            };
            complete &= value.is_some();
            new.extend(value);
        }
        complete.then_some(new)
    }
}
