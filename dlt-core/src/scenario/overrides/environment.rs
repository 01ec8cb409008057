//! `${env.NAME}` in a file: the value of a variable of the environment, if `-e NAME` allows
//! it. A file from someone else can so not read what it was not given. Where a value may stand is
//! `walk`'s.

use super::walk::{Found, Source, Walk};
use super::{Change, Changes, told};
use crate::scenario::document::shown::shown;
use crate::value::Value;
use std::collections::{BTreeMap, BTreeSet};

const FLAG: &str = "-e";
/// What the names of such variables begin with.
const BEGIN: &str = "env.";

/// Variables of the environment, and what a file asks for.
#[derive(Default)]
struct Environment<'a> {
    given: BTreeMap<&'a str, &'a str>,
    /// Names that were asked for without a value, each with where.
    missing: BTreeMap<String, String>,
    used: BTreeSet<String>,
}

/// Puts the values in.
pub(super) fn environment(
    given: &[(String, Option<String>)],
    raw: &mut Value,
    changes: &mut Changes,
) {
    let mut environment = Environment::default();
    let mut unset = BTreeSet::new();
    for (name, value) in given {
        match value {
            Some(value) => drop(environment.given.insert(name, value)),
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
    let mut walk = Walk::new(&mut environment);
    walk.file(raw);
    let faults = walk.faults;
    environment.tell(&unset, faults, changes);
}

impl Source for Environment<'_> {
    fn may_ask(&self, text: &str) -> bool {
        text.contains("${env.")
    }

    fn find(&mut self, inside: &str, path: &str, _: &str) -> Found {
        let Some(name) = inside.strip_prefix(BEGIN) else {
            return Found::NotOurs;
        };
        let Some(value) = self.given.get(name) else {
            let path = || path.to_owned();
            self.missing.entry(name.to_owned()).or_insert_with(path);
            return Found::Missing(None);
        };
        self.used.insert(name.to_owned());
        Found::Value {
            name: name.to_owned(),
            variable: inside.to_owned(),
            value: (*value).to_owned(),
            is_of_file: false,
        }
    }
}

impl Environment<'_> {
    /// Tells what is missing, wrong, used and not used.
    fn tell(self, unset: &BTreeSet<String>, faults: Vec<(String, String)>, changes: &mut Changes) {
        for (name, path) in &self.missing {
            if !unset.contains(name) {
                changes.fault(
                    path,
                    format!("has ${{env.{name}}}, and the environment is read only where a flag names it: add -e {name}"),
                );
            }
        }
        for (path, reason) in faults {
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
}
