//! Reference paths of the workflow file: `$.a.b[0]`, `$['a b']`, and
//! `$$.Map.Item.Value` into the context object. Every path names at most one
//! place. Wildcards, filters and intrinsics are no part of our subset.

use serde_json::{Map, Value};
use std::fmt;

/// Longest list index; a larger one is a typing error, not a list.
const LARGEST_INDEX: usize = 100_000;

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

/// A path to one place in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    context: bool,
    steps: Vec<Step>,
}

/// Why a text is no path, or a value cannot be put where it leads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("path {path:?}: {reason}")]
pub struct PathError {
    path: String,
    reason: &'static str,
}

impl Path {
    /// The whole document.
    pub fn whole() -> Self {
        Self {
            context: false,
            steps: Vec::new(),
        }
    }

    /// Reads a path.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let error = |reason| PathError {
            path: text.to_owned(),
            reason,
        };
        let (context, mut rest) = if let Some(rest) = text.strip_prefix("$$") {
            (true, rest)
        } else if let Some(rest) = text.strip_prefix('$') {
            (false, rest)
        } else {
            return Err(error("must begin with $ or $$"));
        };
        let mut steps = Vec::new();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('.') {
                let end = after.find(['.', '[']).unwrap_or(after.len());
                let key = &after[..end];
                let plain = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
                if key.is_empty() || !key.chars().all(plain) {
                    return Err(error("after a dot comes a name of letters, digits, _ or -"));
                }
                steps.push(Step::Key(key.to_owned()));
                rest = &after[end..];
            } else if let Some(after) = rest.strip_prefix("['") {
                let end = after.find("']").ok_or(error("[' is not closed by ']"))?;
                steps.push(Step::Key(after[..end].to_owned()));
                rest = &after[end + 2..];
            } else if let Some(after) = rest.strip_prefix('[') {
                let end = after.find(']').ok_or(error("[ is not closed by ]"))?;
                let index = after[..end].parse().ok().filter(|&n| n <= LARGEST_INDEX);
                steps.push(Step::Index(index.ok_or(error(
                    "between [ and ] stands a number from 0 to 100000 or a quoted name",
                ))?));
                rest = &after[end + 1..];
            } else {
                return Err(error("a name is followed by a dot or a bracket"));
            }
        }
        if context
            && !matches!(steps.first(), Some(Step::Key(first)) if first == "Map" || first == "Execution")
        {
            return Err(error(
                "of the context object only Map.Item and Execution may be used",
            ));
        }
        Ok(Self { context, steps })
    }

    /// The value at this place, if there is one.
    pub fn get<'a>(&self, input: &'a Value, context: &'a Value) -> Option<&'a Value> {
        let root = if self.context { context } else { input };
        self.steps.iter().try_fold(root, |at, step| match step {
            Step::Key(key) => at.get(key),
            Step::Index(index) => at.get(index),
        })
    }

    /// Puts a value at this place; missing objects on the way are made.
    pub fn set(&self, root: Value, value: Value) -> Result<Value, PathError> {
        self.set_from(0, root, value)
    }

    fn set_from(&self, depth: usize, at: Value, value: Value) -> Result<Value, PathError> {
        let error = |reason| PathError {
            path: self.to_string(),
            reason,
        };
        match (self.steps.get(depth), at) {
            (None, _) => Ok(value),
            (Some(Step::Key(key)), Value::Object(mut object)) => {
                let below = object.get_mut(key).map_or(Value::Null, Value::take);
                object.insert(key.clone(), self.set_from(depth + 1, below, value)?);
                Ok(Value::Object(object))
            }
            (Some(Step::Key(key)), Value::Null) => {
                let mut object = Map::new();
                object.insert(key.clone(), self.set_from(depth + 1, Value::Null, value)?);
                Ok(Value::Object(object))
            }
            (Some(Step::Index(index)), Value::Array(mut list)) => {
                let below = list
                    .get_mut(*index)
                    .map(Value::take)
                    .ok_or(error("the list has no such index"))?;
                list[*index] = self.set_from(depth + 1, below, value)?;
                Ok(Value::Array(list))
            }
            (Some(_), _) => Err(error("leads through a value that is no object or list")),
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.context { "$$" } else { "$" })?;
        self.steps.iter().try_for_each(|step| match step {
            Step::Key(key) if key.chars().all(|c| c.is_alphanumeric() || c == '_') => {
                write!(f, ".{key}")
            }
            Step::Key(key) => write!(f, "['{key}']"),
            Step::Index(index) => write!(f, "[{index}]"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn paths_find_their_place() {
        let input = json!({"a": {"b c": [1, {"d": "x"}]}});
        let context = json!({"Map": {"Item": {"Value": {"region": "lo-home-1"}}}});
        let get = |text: &str| Path::parse(text).unwrap().get(&input, &context).cloned();
        assert_eq!(get("$"), Some(input.clone()));
        assert_eq!(get("$.a['b c'][1].d"), Some(json!("x")));
        assert_eq!(get("$.a.missing"), None);
        assert_eq!(get("$.a['b c'][7]"), None);
        assert_eq!(get("$$.Map.Item.Value.region"), Some(json!("lo-home-1")));
    }

    #[test]
    fn what_is_no_reference_path_is_refused() {
        for bad in [
            "a",
            "$a",
            "$..a",
            "$.a[*]",
            "$.a[?(@.b)]",
            "$.a[-1]",
            "$.",
            "$['a",
            "$$",
            "$$.State.Name",
            "States.Format('x')",
        ] {
            assert!(Path::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn setting_makes_objects_but_never_overwrites_a_way() {
        let path = Path::parse("$.check.next").unwrap();
        assert_eq!(
            path.set(json!({"a": 1}), json!("go")).unwrap(),
            json!({"a": 1, "check": {"next": "go"}})
        );
        assert!(path.set(json!({"check": 3}), json!("go")).is_err());
        assert!(
            Path::parse("$.l[2]")
                .unwrap()
                .set(json!({"l": [1]}), json!(0))
                .is_err()
        );
    }

    proptest! {
        #[test]
        fn what_is_set_is_found(keys in prop::collection::vec("[a-z_ .-]{1,6}", 1..5), n in 0i64..9) {
            let text: String = std::iter::once("$".to_owned())
                .chain(keys.iter().map(|key| format!("['{key}']")))
                .collect();
            let path = Path::parse(&text).unwrap();
            prop_assert_eq!(&Path::parse(&path.to_string()).unwrap(), &path);
            let document = path.set(json!({}), json!(n)).unwrap();
            prop_assert_eq!(path.get(&document, &Value::Null), Some(&json!(n)));
        }
    }
}
