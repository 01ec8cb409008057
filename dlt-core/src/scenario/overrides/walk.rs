//! The walk through a scenario file that puts values in where a text asks for them by `${…}`. Where a
//! secret may stand is decided here: in requests it becomes a variable of the scenario, so that it
//! is hidden like any secret; elsewhere only in a variable whose name is one of a secret. What asks for a
//! value, and which it is, is the source's.

use super::FLAGS;
use crate::safety::is_secret;
use crate::scenario::document::shown::shown_key;
use crate::scenario::requests::lists;
use crate::scenario::requests::variables::{Piece, has_variables, pieces};
use crate::value::{Map, Number, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Parts of a scenario in which no variable is replaced when requests are made.
const NO_VARIABLES: [&str; 3] = ["variables", "data-sources", "tls"];

/// Most bytes that all texts with values may have together: as much as a file may have.
const MOST_PUT_BYTES: usize = 6 * 1024 * 1024;

/// What a source makes of the inside of a `${…}`.
pub(super) enum Found {
    /// It asks for nothing of this source: it stays as it is.
    NotOurs,
    /// It asks for what there is not; the source tells that, here or later.
    Missing(Option<String>),
    /// A value.
    Value {
        /// Its name, by which it is known to be a secret.
        name: String,
        /// The name of the variable that holds it, if it is one.
        variable: String,
        value: String,
        /// It stands in the file, which may use variables in it.
        is_of_file: bool,
    },
}

/// Where values come from.
pub(super) trait Source {
    /// Whether a text may ask for one; cheap.
    fn may_ask(&self, text: &str) -> bool;

    /// The value that is asked for by the inside of a `${…}` at a path of the file, in a scenario if it
    /// stands in one.
    fn find(&mut self, inside: &str, path: &str, scenario: &str) -> Found;
}

/// A walk through one file.
pub(super) struct Walk<'a, S> {
    pub source: &'a mut S,
    /// What is wrong, each with its path.
    pub faults: Vec<(String, String)>,
    /// The scenario that is walked, if one is.
    scenario: String,
    /// Secrets that its requests use: variables with their values.
    secrets: BTreeMap<String, String>,
    /// How many bytes may still be put in.
    left: usize,
}

/// Where a text stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Where variables are replaced when requests are made.
    Request,
    /// A text that is stored as it is.
    Text,
    /// The value of a variable whose name is one of a secret.
    SecretVariable,
    /// As a text; one that is a number, true or false is that, as if it was written there.
    Scalar,
}

impl<'a, S: Source> Walk<'a, S> {
    pub(super) fn new(source: &'a mut S) -> Self {
        Self {
            source,
            faults: Vec::new(),
            scenario: String::new(),
            secrets: BTreeMap::new(),
            left: MOST_PUT_BYTES,
        }
    }

    /// Puts the values in.
    pub(super) fn file(&mut self, raw: &mut Value) {
        for (key, value) in raw.as_object_mut().into_iter().flatten() {
            match (key.as_str(), value) {
                ("testScenario", Value::Object(parts)) => {
                    for (key, value) in parts.iter_mut() {
                        let path = format!("testScenario.{}", shown_key(key));
                        match (key.as_str(), value) {
                            ("scenarios", Value::Object(all)) => self.scenarios(all, &path),
                            ("execution", Value::Array(items)) => self.items(items, &path),
                            (_, value) => self.each(value, &path, Place::Scalar),
                        }
                    }
                }
                ("testName" | "testDescription" | "thresholds" | "tags", value) => {
                    self.each(value, &shown_key(key), Place::Text);
                }
                (key, value) => self.each(value, &shown_key(key), Place::Scalar),
            }
        }
    }

    /// An item is one of its scenario.
    fn items(&mut self, items: &mut [Value], path: &str) {
        for (at, item) in items.iter_mut().enumerate() {
            self.scenario = item["scenario"].as_str().unwrap_or_default().to_owned();
            self.each(item, &format!("{path}[{at}]"), Place::Scalar);
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
                            let place = match is_secret(name) {
                                true => Place::SecretVariable,
                                false => Place::Text,
                            };
                            self.each(value, &format!("{path}.{}", shown_key(name)), place);
                        }
                    }
                    (key, value) if FLAGS.contains(&key) => self.each(value, &path, Place::Scalar),
                    (key, value) if NO_VARIABLES.contains(&key) => {
                        self.each(value, &path, Place::Text);
                    }
                    (_, value) => self.each(value, &path, Place::Request),
                }
            }
            self.keep_secrets(definition, &path);
        }
        self.scenario.clear();
    }

    /// Makes secrets of a scenario's requests its variables, each with one meaning.
    fn keep_secrets(&mut self, definition: &mut Map, path: &str) {
        let secrets = std::mem::take(&mut self.secrets);
        if secrets.is_empty() {
            return;
        }
        let taken = extracted(definition);
        let own = definition
            .entry("variables".to_owned())
            .or_insert_with(|| Value::Object(Map::new()));
        let Some(own) = own.as_object_mut() else {
            return;
        };
        for (name, value) in secrets {
            let differs = own.get(&name).is_some_and(|is| is.as_str() != Some(&value));
            if differs || taken.contains(&name) {
                let path = format!("{path}.variables.{}", shown_key(&name));
                let why = "is the name of a secret too that is put in here; give one of them another name";
                self.faults.push((path, why.to_owned()));
            }
            own.entry(name).or_insert_with(|| Value::from(value));
        }
    }

    /// All texts of a part of the file.
    fn each(&mut self, value: &mut Value, path: &str, place: Place) {
        match value {
            Value::String(text) if self.source.may_ask(text) => {
                if let Some(put) = self.put(text, path, place) {
                    *value = match place == Place::Scalar && is_alone(text) {
                        true => scalar(put),
                        false => Value::from(put),
                    };
                }
            }
            Value::Array(items) => {
                for (at, item) in items.iter_mut().enumerate() {
                    self.each(item, &format!("{path}[{at}]"), place);
                }
            }
            Value::Object(map) => {
                for (key, item) in map.iter_mut() {
                    self.each(item, &format!("{path}.{}", shown_key(key)), place);
                }
            }
            _ => {}
        }
    }

    /// The text with its values; None if one cannot be put in, which is told.
    fn put(&mut self, text: &str, path: &str, place: Place) -> Option<String> {
        let (mut new, mut complete) = (String::new(), true);
        for piece in pieces(text) {
            if new.len() > self.left {
                // Told once: nothing more is put in after that.
                if self.left > 0 {
                    let why = "with the values that are put in, the file is longer than 6 MiB";
                    self.faults.push((path.to_owned(), why.to_owned()));
                }
                self.left = 0;
                return None;
            }
            let inside = match piece {
                Piece::Text(text) | Piece::Open(text) => {
                    new.push_str(text);
                    continue;
                }
                Piece::Variable(inside) => inside,
            };
            let put = match self.source.find(inside, path, &self.scenario) {
                Found::NotOurs => Ok(format!("${{{inside}}}")),
                Found::Missing(why) => Err(why),
                Found::Value {
                    name,
                    variable,
                    value,
                    is_of_file,
                } => match is_secret(&name) {
                    true => self.secret(&name, variable, value, place),
                    false if !is_of_file && has_variables(&value) => Err(Some(format!(
                        "the value of {} holds ${{, which begins a variable; it cannot be put in",
                        shown_key(&name)
                    ))),
                    false => Ok(value),
                },
            };
            match put {
                Ok(put) => new.push_str(&put),
                Err(why) => {
                    complete = false;
                    self.faults.extend(why.map(|why| (path.to_owned(), why)));
                }
            }
        }
        self.left = self.left.saturating_sub(new.len());
        complete.then_some(new)
    }

    /// What stands for a secret.
    fn secret(
        &mut self,
        name: &str,
        variable: String,
        value: String,
        place: Place,
    ) -> Result<String, Option<String>> {
        match place {
            Place::Request => {
                let stands = format!("${{{variable}}}");
                match self.secrets.insert(variable, value.clone()) {
                    Some(before) if before != value => Err(Some(format!(
                        "{} has two values in this scenario, and is a secret by its name; write one of them everywhere",
                        shown_key(name)
                    ))),
                    _ => Ok(stands),
                }
            }
            Place::SecretVariable => Ok(value),
            Place::Text | Place::Scalar => Err(Some(format!(
                "would show the value of {}, a secret by its name: write it in requests (headers, auth, body, URL), or in \
                 a variable whose name is one of a secret, like my_token",
                shown_key(name),
            ))),
        }
    }
}

/// Whether a text is one `${…}` and nothing else.
fn is_alone(text: &str) -> bool {
    let mut parts = pieces(text);
    matches!(parts.next(), Some(Piece::Variable(_))) && parts.next().is_none()
}

fn scalar(text: String) -> Value {
    match text.as_str() {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => match Number::parse(&text) {
            Some(number) => Value::Number(number),
            None => Value::from(text),
        },
    }
}

/// Names of the values that a scenario's requests take from answers.
fn extracted(scenario: &Map) -> BTreeSet<String> {
    let lists = lists::OF_SCENARIO.into_iter();
    let lists = lists.filter_map(|key| scenario.get(key));
    let requests = lists.flat_map(|list| lists::requests(list, ""));
    let mut names = BTreeSet::new();
    for request in requests.filter_map(|(_, request)| request.as_object()) {
        for (key, value) in request.iter() {
            let of = value.as_object().filter(|_| key.starts_with("extract-"));
            names.extend(of.into_iter().flatten().map(|(name, _)| name.clone()));
        }
    }
    names
}
