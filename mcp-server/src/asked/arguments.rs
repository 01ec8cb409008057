//! Arguments as agents send them, checked against the tool's published schema. Common
//! mistakes are corrected: `"3"` counts as 3, `"a,b"` as a list, null as absent.
//! Everything else that the schema forbids is refused with the argument's name.

use crate::clean::Text;
use crate::refusal::{Code, Refusal};
use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value};

/// Parses normalized arguments into a tool's input.
pub(crate) fn parse<T: DeserializeOwned>(arguments: Map<String, Value>) -> Result<T, Refusal> {
    serde_json::from_value(Value::Object(arguments))
        .map_err(|error| Refusal::new(Code::InvalidArgument, error.to_string()))
}

/// The arguments in the types of the schema, in its order.
pub(crate) fn normalized(
    schema: &Map<String, Value>,
    arguments: &Map<String, Value>,
) -> Result<Map<String, Value>, Refusal> {
    let none = Map::new();
    let known = schema.get("properties").and_then(Value::as_object);
    let known = known.unwrap_or(&none);
    for name in arguments.keys() {
        if !known.contains_key(name) {
            let names: Vec<&str> = known.keys().map(String::as_str).collect();
            let message = if names.is_empty() {
                "this tool takes no arguments".to_owned()
            } else {
                format!("this tool knows only {}", names.join(", "))
            };
            return Err(Refusal::new(Code::UnknownField, message).about(name));
        }
    }
    let mut normalized = Map::new();
    for (name, rule) in known {
        match arguments.get(name) {
            None | Some(Value::Null) => {}
            Some(value) => {
                let value = coerced(rule, value);
                if let Some(why) = fault(rule, &value) {
                    return Err(Refusal::argument(name, why));
                }
                normalized.insert(name.clone(), value);
            }
        }
    }
    let required = schema.get("required").and_then(Value::as_array);
    for name in required.into_iter().flatten().filter_map(Value::as_str) {
        if !normalized.contains_key(name) {
            let hint = match name {
                "test_id" => "call list_scenarios for ids",
                "test_run_id" | "base" | "candidate" => "call list_test_runs for ids",
                _ => "give it and call again",
            };
            return Err(Refusal::argument(name, format!("{name} is required")).hint(hint));
        }
    }
    Ok(normalized)
}

fn kind(rule: &Value) -> &str {
    rule["type"].as_str().unwrap_or_default()
}

/// The value in the rule's type, if the conversion is unambiguous; else the value.
fn coerced(rule: &Value, value: &Value) -> Value {
    let text = value.as_str().map(str::trim);
    let turned = match (kind(rule), value, text) {
        ("integer", _, Some(text)) => text.parse::<i64>().ok().map(Value::from),
        ("integer", Value::Number(number), _) => whole(number),
        ("number", _, Some(text)) => {
            let number = text.parse::<f64>().ok().and_then(Number::from_f64);
            number.map(Value::Number)
        }
        ("boolean", _, Some(text)) => match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" => Some(Value::Bool(true)),
            "false" | "0" | "no" => Some(Value::Bool(false)),
            _ => None,
        },
        ("string", Value::Number(number), _) => Some(Value::String(number.to_string())),
        ("array", Value::Array(items), _) => Some(
            items
                .iter()
                .map(|item| coerced(&rule["items"], item))
                .collect(),
        ),
        ("array", _, Some(text)) => Some(list(rule, text)),
        ("array", Value::Number(_), _) => Some(Value::Array(vec![coerced(&rule["items"], value)])),
        _ => None,
    };
    turned.unwrap_or_else(|| value.clone())
}

/// 3.0 as 3.
fn whole(number: &Number) -> Option<Value> {
    let float = number.as_f64().filter(|float| float.fract() == 0.0)?;
    (float.abs() < 1e15).then(|| Value::from(float as i64))
}

/// A text as a list: a JSON array, or values separated by commas.
fn list(rule: &Value, text: &str) -> Value {
    let parsed = match serde_json::from_str(text) {
        Ok(Value::Array(items)) => items,
        _ => text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(Value::from)
            .collect(),
    };
    parsed
        .iter()
        .map(|item| coerced(&rule["items"], item))
        .collect()
}

/// Why the value does not satisfy the rule.
fn fault(rule: &Value, value: &Value) -> Option<String> {
    let fits = match kind(rule) {
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        _ => true,
    };
    if !fits {
        let kind = match kind(rule) {
            "integer" => "a whole number",
            "array" => "a list",
            "string" => "a text",
            "boolean" => "true or false",
            other => other,
        };
        return Some(format!("must be {kind}"));
    }
    let allowed = rule["enum"].as_array();
    if let Some(allowed) = allowed.filter(|allowed| !allowed.contains(value)) {
        let names: Vec<&str> = allowed.iter().filter_map(Value::as_str).collect();
        return Some(format!("must be one of {}", names.join(", ")));
    }
    let bound = |key: &str| rule[key].as_f64();
    match value {
        Value::Number(number) => {
            let number = number.as_f64()?;
            let (low, high) = (bound("minimum"), bound("maximum"));
            let outside =
                low.is_some_and(|low| number < low) || high.is_some_and(|high| number > high);
            outside.then(|| match (low, high) {
                (Some(low), Some(high)) => format!("must be from {low} to {high}"),
                (Some(low), None) => format!("must be at least {low}"),
                (_, high) => format!("must be at most {}", high.unwrap_or_default()),
            })
        }
        Value::String(text) => {
            let length = text.chars().count() as f64;
            if bound("minLength").is_some_and(|low| length < low) {
                return Some("must not be empty".to_owned());
            }
            let high = bound("maxLength").filter(|high| length > *high)?;
            Some(format!("must have at most {high} characters"))
        }
        Value::Array(items) => {
            if let Some(high) = bound("maxItems").filter(|high| items.len() as f64 > *high) {
                return Some(format!("must have at most {high} items"));
            }
            items.iter().find_map(|item| {
                let why = fault(&rule["items"], item)?;
                let shown = Text::of(&item.to_string());
                Some(format!("each item {why}, not {}", shown.as_str()))
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema() -> Map<String, Value> {
        let schema = json!({"type": "object", "required": ["test_id"], "properties": {
            "test_id": {"type": "string", "minLength": 1, "maxLength": 8},
            "limit": {"type": "integer", "minimum": 1, "maximum": 100},
            "detail": {"type": "string", "enum": ["counts", "tasks"]},
            "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
            "percentiles": {"type": "array", "items": {"type": "number", "minimum": 0, "maximum": 100}},
            "all": {"type": "boolean"},
        }});
        schema.as_object().cloned().unwrap()
    }

    fn normalize(value: Value) -> Result<Value, Refusal> {
        normalized(&schema(), value.as_object().unwrap()).map(Value::Object)
    }

    #[test]
    fn common_mistakes_are_corrected() {
        for (given, wanted) in [
            (
                json!({"test_id": 12, "limit": "3"}),
                json!({"test_id": "12", "limit": 3}),
            ),
            (
                json!({"test_id": "a", "limit": 3.0}),
                json!({"test_id": "a", "limit": 3}),
            ),
            (
                json!({"test_id": "a", "all": "True", "limit": null}),
                json!({"test_id": "a", "all": true}),
            ),
            (
                json!({"test_id": "a", "tags": "x, y"}),
                json!({"test_id": "a", "tags": ["x", "y"]}),
            ),
            (
                json!({"test_id": "a", "tags": "[\"x\"]"}),
                json!({"test_id": "a", "tags": ["x"]}),
            ),
            (
                json!({"test_id": "a", "percentiles": "50,99.9"}),
                json!({"test_id": "a", "percentiles": [50.0, 99.9]}),
            ),
            (
                json!({"test_id": "a", "percentiles": 95}),
                json!({"test_id": "a", "percentiles": [95]}),
            ),
        ] {
            assert_eq!(normalize(given).unwrap(), wanted);
        }
    }

    #[test]
    fn refusals_name_the_argument() {
        for (given, field, message) in [
            (json!({}), "test_id", "test_id is required"),
            (json!({"test_id": ""}), "test_id", "must not be empty"),
            (
                json!({"test_id": "123456789"}),
                "test_id",
                "must have at most 8 characters",
            ),
            (json!({"test_id": {"a": 1}}), "test_id", "must be a text"),
            (
                json!({"test_id": "a", "limit": 0}),
                "limit",
                "must be from 1 to 100",
            ),
            (
                json!({"test_id": "a", "limit": "many"}),
                "limit",
                "must be a whole number",
            ),
            (
                json!({"test_id": "a", "limit": 1.5}),
                "limit",
                "must be a whole number",
            ),
            (
                json!({"test_id": "a", "detail": "all"}),
                "detail",
                "must be one of counts, tasks",
            ),
            (
                json!({"test_id": "a", "tags": "a,b,c"}),
                "tags",
                "must have at most 2 items",
            ),
            (
                json!({"test_id": "a", "percentiles": [101]}),
                "percentiles",
                "each item must be from 0 to 100, not 101",
            ),
        ] {
            let refusal = normalize(given).unwrap_err();
            assert_eq!(refusal.field.as_deref(), Some(field));
            assert_eq!(refusal.message, message);
        }
        let refusal = normalize(json!({"test_id": "a", "testId": "b"})).unwrap_err();
        assert_eq!(refusal.code, Code::UnknownField);
    }
}
