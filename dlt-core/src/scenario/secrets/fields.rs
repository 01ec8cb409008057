//! Where secrets may stand in a plan: the values of secret names, with all that is
//! beneath them, and any other text. Names that a person gives (of scenarios, labels,
//! extracted variables) and expressions are none.

use crate::safety::{NAMED_VALUES, NAMING, is_secret};
use crate::value::{Map, Value};

/// Fields whose members have names of a person's choice.
const NAMED: &str = "scenarios";
/// Fields whose members are variables with the expressions that find their values.
const EXTRACTIONS: [&str; 2] = ["extract-jsonpath", "extract-regexp"];
/// Texts that are shown as they are: results are told by them, or they are expressions.
const SHOWN: [&str; 9] = [
    "label",
    "method",
    "scenario",
    "executor",
    "regexp",
    "jsonpath",
    "if",
    "while",
    "transaction",
];

/// A place in a plan where a text or a number stands.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Its path, as faults tell it.
    pub path: String,
    /// The same place, however it is written: headers as an object or as a list, in upper
    /// or lower case.
    pub key: String,
    /// Whether all of it is a secret, by the name that it is beneath.
    pub is_secret: bool,
}

/// Calls `visit` with each place.
pub(super) fn each(plan: &mut Value, visit: &mut dyn FnMut(&Place, &mut Value)) {
    let root = Place {
        path: String::new(),
        key: String::new(),
        is_secret: false,
    };
    value(plan, &root, visit);
}

impl Place {
    fn member(&self, name: &str, is_secret: bool) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        Self {
            path: format!("{}{dot}{name}", self.path),
            key: format!("{}.{}", self.key, name.to_lowercase()),
            is_secret,
        }
    }

    fn item(&self, at: usize) -> Self {
        Self {
            path: format!("{}[{at}]", self.path),
            key: format!("{}[{at}]", self.key),
            is_secret: self.is_secret,
        }
    }
}

fn value(node: &mut Value, place: &Place, visit: &mut dyn FnMut(&Place, &mut Value)) {
    match node {
        Value::Object(map) => object(map, place, visit),
        Value::Array(items) => list(items, place, visit),
        Value::String(_) | Value::Number(_) => visit(place, node),
        Value::Null | Value::Bool(_) => {}
    }
}

fn list(items: &mut [Value], place: &Place, visit: &mut dyn FnMut(&Place, &mut Value)) {
    let mut names: Vec<String> = Vec::new();
    for (at, item) in items.iter_mut().enumerate() {
        let mut here = place.item(at);
        // A list of objects with one entry is an object whose names may repeat.
        if let Some(name) = only_name(item) {
            let name = name.to_lowercase();
            let nth = names.iter().filter(|it| **it == name).count();
            here.key.clone_from(&place.key);
            if nth > 0 {
                here.key = format!("{}#{nth}", place.key);
            }
            names.push(name);
        }
        value(item, &here, visit);
    }
}

fn only_name(item: &Value) -> Option<&String> {
    let map = item.as_object().filter(|map| map.len() == 1)?;
    map.keys().next()
}

fn object(map: &mut Map, place: &Place, visit: &mut dyn FnMut(&Place, &mut Value)) {
    let is_naming = |row: (&String, &Value)| {
        NAMING.contains(&row.0.as_str()) && row.1.as_str().is_some_and(is_secret)
    };
    let names_secret = map.iter().any(is_naming);
    for (name, node) in map.iter_mut() {
        let told = names_secret && NAMED_VALUES.contains(&name.as_str());
        let here = place.member(name, place.is_secret || is_secret(name) || told);
        if place.is_secret {
            value(node, &here, visit);
        } else if EXTRACTIONS.contains(&name.as_str()) {
            extractions(node, &here, visit);
        } else if let (NAMED, Value::Object(named)) = (name.as_str(), &mut *node) {
            for (name, node) in named.iter_mut() {
                value(node, &here.member(name, false), visit);
            }
        } else if !SHOWN.contains(&name.as_str()) && !is_no_auth(name, node) {
            value(node, &here, visit);
        }
    }
}

/// `auth: none` says that nothing is sent.
fn is_no_auth(name: &str, node: &Value) -> bool {
    name == "auth" && node == "none"
}

/// Of an extraction only the value that stands for a missing one may be a secret.
fn extractions(node: &mut Value, place: &Place, visit: &mut dyn FnMut(&Place, &mut Value)) {
    for (name, found) in node.as_object_mut().into_iter().flatten() {
        if let Some(default) = found.get_mut("default") {
            let here = place.member(name, is_secret(name));
            value(default, &here.member("default", here.is_secret), visit);
        }
    }
}
