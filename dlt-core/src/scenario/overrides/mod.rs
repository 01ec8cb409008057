//! What flags and the environment change of a scenario file before it is read: one file for
//! a laptop, for staging and for production. What then stands there is judged like any
//! file; here is told only what cannot be meant. Reading the environment is the caller's.

mod environment;
#[cfg(test)]
mod environment_tests;
mod load;
mod properties;
#[cfg(test)]
mod properties_tests;
mod requests;
mod routing;
#[cfg(test)]
mod tests;
mod walk;

use crate::refusal::Fault;
use crate::safety::{REDACTED, is_secret, redacted_text};
use crate::scenario::document::shown::{shown, shown_value};
use crate::scenario::limits::LONGEST_DESCRIPTION;
use crate::scenario::quick::Quick;
use crate::scenario::requests::targets::without_user;
use crate::thresholds::Threshold;
use crate::value::{Map, Value};

pub(super) use properties::Properties;

/// Keys of a scenario whose values are no texts in which variables stand.
const FLAGS: [&str; 7] = [
    "keepalive",
    "connection-policy",
    "http",
    "streams",
    "store-cookie",
    "max-redirects",
    "expect-status",
];

/// What is changed. Nothing is, by default.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    /// Load, headers, TLS, ways of connections, thresholds, runners by region, name. Its URL, method, body and
    /// pause are not used.
    pub flags: Quick,
    /// Runners, where `flags.tasks` does not say in which regions.
    pub tasks: Option<u64>,
    /// `-u`: user and password of basic auth.
    pub user: Option<(String, String)>,
    /// `--set`: variables with their values.
    pub variables: Vec<(String, String)>,
    /// `-e`: variables of the environment that the file may use; None if it is not set.
    pub environment: Vec<(String, Option<String>)>,
}

/// One thing that was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    /// Where it stands now.
    pub path: String,
    /// The flag that did it.
    pub flag: &'static str,
    /// What is there now, as a sentence's part.
    pub now: String,
}

/// Changes and faults so far.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub done: Vec<Change>,
    pub faults: Vec<Fault>,
    /// What was given and is not used, as sentences.
    pub unused: Vec<String>,
    /// Names that were given a value as properties.
    pub properties: Vec<String>,
    /// Paths of texts in which a property has no value.
    pub without_value: Vec<String>,
}

impl Changes {
    fn fault(&mut self, path: impl Into<String>, reason: impl Into<String>) {
        self.faults.push(Fault {
            path: path.into(),
            reason: reason.into(),
        });
    }

    /// Sets a key; told if the file has another value there, or none.
    fn set(&mut self, map: &mut Map, (path, key): (&str, &str), flag: &'static str, value: Value) {
        let before = map.get(key).cloned();
        if before.as_ref() == Some(&value) {
            return;
        }
        let was = match &before {
            None | Some(Value::Null) => String::new(),
            Some(before) => format!("; the file has {}", told(key, before)),
        };
        self.done.push(Change {
            path: match path {
                "" => key.to_owned(),
                _ => format!("{path}.{key}"),
            },
            flag,
            now: format!("{key} {}{was}", told(key, &value)),
        });
        map.insert(key.to_owned(), value);
    }

    /// Takes keys away that something else stands for now.
    fn remove(&mut self, map: &mut Map, keys: &[&str], flag: &'static str) {
        for key in keys {
            if let Some(before) = map.shift_remove(*key) {
                self.done.push(Change {
                    path: String::new(),
                    flag,
                    now: format!("no {key}; the file has {}", told(key, &before)),
                });
            }
        }
    }

    /// What was changed, as sentences.
    pub fn sentences(&self) -> Vec<String> {
        self.done
            .iter()
            .map(|change| format!("{}: {}", change.flag, change.now))
            .collect()
    }

    /// Drops what is said of a text again in which a property has no value.
    pub fn drop_what_follows(&self, faults: &mut Vec<Fault>) {
        faults.retain(|fault| {
            let own = self.faults.iter().any(|own| own == fault);
            own || !self.without_value.contains(&fault.path)
        });
    }

    /// Adds the flag to a fault of what it set.
    pub fn with_flag(&self, fault: &mut Fault) {
        let set = |change: &&Change| {
            let rest = match change.path.as_str() {
                "" => None,
                path => fault.path.strip_prefix(path),
            };
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        if let Some(change) = self.done.iter().find(set) {
            fault.reason.push_str(&format!(" ({})", change.flag));
        }
    }
}

/// A value as messages and the description show it: none of a secret name, and without the
/// secrets of a text.
fn told(name: &str, value: &Value) -> String {
    match value {
        _ if is_secret(name) => REDACTED.to_owned(),
        Value::String(text) if text.chars().all(|c| c.is_alphanumeric()) => text.clone(),
        // A user and a password may stand in it.
        Value::String(text) if text.contains("://") => shown(&redacted_text(&without_user(text).0)),
        Value::String(text) => shown(&redacted_text(text)),
        Value::Array(_) | Value::Object(_) => {
            const MOST_CHARS: usize = 120;
            let text = redacted_text(&value.to_string());
            let cut: String = text.chars().take(MOST_CHARS).collect();
            match text.chars().nth(MOST_CHARS) {
                Some(_) => cut + "…",
                None => cut,
            }
        }
        value => shown_value(value),
    }
}

impl Overrides {
    /// Puts the values of properties into a file. Its shape may depend on them, so they come
    /// before everything else.
    pub(super) fn put_in_properties(&self, raw: &mut Value, declared: &Properties) -> Changes {
        let mut changes = Changes::default();
        properties::properties(&self.variables, declared, raw, &mut changes);
        changes
    }

    /// Changes a file's value, after `changes`.
    pub(super) fn apply(&self, raw: &mut Value, mut changes: Changes) -> Changes {
        if let (Some(name), Some(root)) = (&self.flags.name, raw.as_object_mut())
            // Without one, the caller's default is it.
            && root.contains_key("testName")
        {
            changes.set(root, ("", "testName"), "--name", name.as_str().into());
        }
        load::load(self, raw, &mut changes);
        load::runners(self, raw, &mut changes);
        requests::requests(self, raw, &mut changes);
        thresholds(&self.flags.thresholds, raw, &mut changes);
        environment::environment(&self.environment, raw, &mut changes);
        describe(raw, &changes.sentences());
        changes
    }
}

/// Thresholds replace those of the file that limit the same from the same side.
fn thresholds(given: &[String], raw: &mut Value, changes: &mut Changes) {
    const FLAG: &str = "--threshold";
    if given.is_empty() || !raw.is_object() {
        return;
    }
    let mut kept = match raw.get("thresholds") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => items.clone(),
        // It is refused for what it is.
        Some(_) => return,
    };
    let limits = |one: &Value, other: &str| {
        let one = one.as_str().and_then(|text| Threshold::parse(text).ok());
        let other = Threshold::parse(other).ok();
        one.zip(other).is_some_and(|(one, other)| {
            one.label == other.label
                && one.metric == other.metric
                && one.over == other.over
                && one.comparison.side() == other.comparison.side()
        })
    };
    let before = kept.clone();
    kept.retain(|known| !given.iter().any(|new| limits(known, new)));
    for new in given {
        let was = before.iter().find(|known| limits(known, new));
        let was = match was {
            Some(was) if *was == new.as_str() => None,
            Some(was) => Some(format!("; the file has {}", was.text())),
            None => Some(String::new()),
        };
        if let Some(was) = was {
            changes.done.push(Change {
                path: format!("thresholds[{}]", kept.len()),
                flag: FLAG,
                now: format!("{new}{was}"),
            });
        }
        kept.push(Value::from(new.as_str()));
    }
    raw["thresholds"] = Value::Array(kept);
}

/// Adds what was changed to the description, which is stored and shown with each run.
fn describe(raw: &mut Value, sentences: &[String]) {
    if sentences.is_empty() || !raw.is_object() {
        return;
    }
    let added = format!("Changed by flags: {}", sentences.join("; "));
    let text = match raw.get("testDescription") {
        None | Some(Value::Null) => added,
        Some(Value::String(text)) => format!("{text} ({added})"),
        Some(_) => return,
    };
    let cut: String = text.chars().take(LONGEST_DESCRIPTION).collect();
    raw["testDescription"] = Value::from(cut);
}
