//! Values through serde: the text of numbers survives in JSON.

use super::Value;
use super::reader::{Surrogates, Written, read};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(flag) => serializer.serialize_bool(*flag),
            Self::Number(number) => number.serialize(serializer),
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(items) => items.serialize(serializer),
            Self::Object(map) => serializer.collect_map(map),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    /// From the formats of `serde_json` alone, which hand the raw text on.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        read(raw.get(), Surrogates::Refuse)
            .map(Written::into_value)
            .map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Stored {
        version: u64,
        body: Value,
        #[serde(default)]
        more: Option<Value>,
    }

    #[test]
    fn a_stored_value_keeps_the_text_of_its_numbers() {
        let text =
            r#"{"version":1,"body":{"a":[1.50,12e5,98765432109876543210,7,-0.0]},"more":null}"#;
        let stored: Stored = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&stored).unwrap(), text);
        let again: Stored = serde_json::from_slice(text.as_bytes()).unwrap();
        assert_eq!(again, stored);
    }

    #[test]
    fn a_value_of_serde_json_is_taken_and_given() {
        let body = serde_json::json!({ "version": 2, "body": { "b": [1, "x", null], "a": 0.5 } });
        let stored: Stored = serde_json::from_value(body.clone()).unwrap();
        assert_eq!(stored.body, body["body"]);
        assert_eq!(serde_json::to_value(&stored).unwrap()["body"], body["body"]);
        let odd = Value::from_json("[1.50]").unwrap();
        assert_eq!(
            serde_json::to_value(&odd).unwrap(),
            serde_json::json!([1.5])
        );
    }
}
