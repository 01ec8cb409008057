//! A value of JSON or YAML whose numbers keep their text (decision 45): what was
//! written in a scenario, what a target answered. Its names are those of
//! `serde_json`, whose own numbers forget how they were written.

mod number;
pub(crate) mod reader;
mod serialized;

pub use number::Number;
pub use reader::NotJson;

use reader::{Surrogates, Written};
use std::fmt;
use std::ops::{Index, IndexMut};

/// An object's entries, in the order in which they were written.
pub type Map = indexmap::IndexMap<String, Value>;

/// A value.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Value {
    /// `null`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it was written.
    Number(Number),
    /// A text.
    String(String),
    /// A list.
    Array(Vec<Value>),
    /// An object.
    Object(Map),
}

static NULL: Value = Value::Null;

/// `serde_json::json!` as a [`Value`]; numbers of a value that is put into it lose
/// their text, so none is.
macro_rules! json {
    ($($tokens:tt)+) => {
        $crate::value::Value::from(serde_json::json!($($tokens)+))
    };
}
pub(crate) use json;

impl Value {
    /// Reads an answer's JSON: a byte order mark is passed over, half a surrogate
    /// pair becomes U+FFFD, and of a key that is written twice the last counts.
    pub fn from_json(text: &str) -> Result<Self, NotJson> {
        reader::read(text, Surrogates::Replace).map(Written::into_value)
    }

    /// What serde makes of it.
    pub fn read<T: serde::de::DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.to_string())
    }

    /// What serde makes of `of`.
    pub fn of(of: &impl serde::Serialize) -> Result<Self, serde_json::Error> {
        serde_json::from_str(&serde_json::to_string(of)?)
    }

    /// As `serde_json` holds it, with its numbers.
    pub fn to_serde(&self) -> serde_json::Value {
        use serde_json::Value as Serde;
        match self {
            Self::Null => Serde::Null,
            Self::Bool(flag) => Serde::Bool(*flag),
            Self::Number(number) => Serde::Number(number.to_serde()),
            Self::String(text) => Serde::String(text.clone()),
            Self::Array(items) => items.iter().map(Self::to_serde).collect(),
            Self::Object(map) => {
                let entries = map
                    .iter()
                    .map(|(key, value)| (key.clone(), value.to_serde()));
                Serde::Object(entries.collect())
            }
        }
    }

    /// The text of a value that stands where a text does: a text as it is, all
    /// else as JSON, with numbers as they were written.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        match self {
            Self::String(text) => text.as_str().into(),
            Self::Number(number) => number.text().into(),
            other => other.to_string().into(),
        }
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it is a text.
    pub fn is_string(&self) -> bool {
        matches!(self, Self::String(_))
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Whether it is an object.
    pub fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }

    /// The flag, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    fn as_number(&self) -> Option<&Number> {
        match self {
            Self::Number(number) => Some(number),
            _ => None,
        }
    }

    /// As [`Number::as_u64`].
    pub fn as_u64(&self) -> Option<u64> {
        self.as_number()?.as_u64()
    }

    /// As [`Number::as_f64`].
    pub fn as_f64(&self) -> Option<f64> {
        self.as_number()?.as_f64()
    }

    /// The items, if it is a list.
    pub fn as_array(&self) -> Option<&Vec<Value>> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The items, if it is a list.
    pub fn as_array_mut(&mut self) -> Option<&mut Vec<Value>> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The entries, if it is an object.
    pub fn as_object(&self) -> Option<&Map> {
        match self {
            Self::Object(map) => Some(map),
            _ => None,
        }
    }

    /// The entries, if it is an object.
    pub fn as_object_mut(&mut self) -> Option<&mut Map> {
        match self {
            Self::Object(map) => Some(map),
            _ => None,
        }
    }

    /// The value of an object's key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_object()?.get(key)
    }

    /// The value of an object's key.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        self.as_object_mut()?.get_mut(key)
    }

    /// The value, null staying in its place.
    pub fn take(&mut self) -> Self {
        std::mem::take(self)
    }
}

impl From<serde_json::Value> for Value {
    fn from(value: serde_json::Value) -> Self {
        use serde_json::Value as Serde;
        match value {
            Serde::Null => Self::Null,
            Serde::Bool(flag) => Self::Bool(flag),
            Serde::Number(number) => Self::Number(Number::from(&number)),
            Serde::String(text) => Self::String(text),
            Serde::Array(items) => Self::Array(items.into_iter().map(Self::from).collect()),
            Serde::Object(map) => Self::Object(
                map.into_iter()
                    .map(|(key, value)| (key, Self::from(value)))
                    .collect(),
            ),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::from(serde_json::Value::from(number))
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::from(serde_json::Value::from(number))
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

impl FromIterator<Value> for Value {
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> Self {
        Self::Array(items.into_iter().collect())
    }
}

impl Index<&str> for Value {
    type Output = Value;

    /// The value of an object's key; null if there is none.
    fn index(&self, key: &str) -> &Value {
        self.get(key).unwrap_or(&NULL)
    }
}

impl Index<usize> for Value {
    type Output = Value;

    /// An item of a list; null if there is none.
    fn index(&self, at: usize) -> &Value {
        let item = self.as_array().and_then(|items| items.get(at));
        item.unwrap_or(&NULL)
    }
}

impl IndexMut<&str> for Value {
    /// The value of a key, null at first; what was no object becomes one.
    fn index_mut(&mut self, key: &str) -> &mut Value {
        if !self.is_object() {
            *self = Self::Object(Map::new());
        }
        match self {
            Self::Object(map) => map.entry(key.to_owned()).or_default(),
            // It is an object since two lines.
            other => other,
        }
    }
}

impl IndexMut<usize> for Value {
    /// An item of a list, which is filled up with nulls; what was no list becomes one.
    fn index_mut(&mut self, at: usize) -> &mut Value {
        if !matches!(self, Self::Array(_)) {
            *self = Self::Array(Vec::new());
        }
        match self {
            Self::Array(items) => {
                if items.len() <= at {
                    items.resize(at + 1, Self::Null);
                }
                &mut items[at]
            }
            other => other,
        }
    }
}

impl PartialEq<bool> for Value {
    fn eq(&self, other: &bool) -> bool {
        self.as_bool() == Some(*other)
    }
}

impl PartialEq<str> for Value {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == Some(other)
    }
}

impl PartialEq<&str> for Value {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == Some(*other)
    }
}

impl PartialEq<u64> for Value {
    fn eq(&self, other: &u64) -> bool {
        self.as_u64() == Some(*other)
    }
}

impl PartialEq<i32> for Value {
    fn eq(&self, other: &i32) -> bool {
        self.as_number().and_then(Number::as_i64) == Some(i64::from(*other))
    }
}

impl PartialEq<serde_json::Value> for Value {
    fn eq(&self, other: &serde_json::Value) -> bool {
        self.to_serde() == *other
    }
}

/// JSON without white space.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string(self).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}
