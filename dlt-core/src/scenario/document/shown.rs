//! How keys, texts and values of a scenario stand in messages: short, on one line, and
//! without control characters.

use crate::scenario::limits::MOST_VALUES;
use crate::value::Value;

/// That a text has too many values, of JSON or of YAML.
pub(crate) fn too_many_values() -> String {
    format!(
        "holds more than {MOST_VALUES} values; write long request bodies as texts or into files (body-file), and rows of data into data-sources"
    )
}

/// A key as a path shows it: at most 64 characters, control characters escaped.
pub(crate) fn shown_key(key: &str) -> String {
    if key.len() <= 64 && !key.chars().any(char::is_control) {
        return key.to_owned();
    }
    let mut shown: String = key.chars().take(64).flat_map(char::escape_debug).collect();
    if key.chars().nth(64).is_some() {
        shown.push('…');
    }
    shown
}

/// A text as a message shows it: quoted, at most 80 characters.
pub(crate) fn shown(text: &str) -> String {
    if text.chars().nth(80).is_some() {
        let start: String = text.chars().take(80).collect();
        format!("{:?}…", start)
    } else {
        format!("{text:?}")
    }
}

/// A value as a message shows it.
pub(crate) fn shown_value(value: &Value) -> String {
    match value {
        Value::String(text) => shown(text),
        Value::Array(_) | Value::Object(_) => kind(value).to_owned(),
        other => other.to_string(),
    }
}

/// What kind of value it is, for a message.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
