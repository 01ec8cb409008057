//! JSON Schemas of arguments and answers, derived from the types and reduced to what
//! every MCP client can read: no references, no nulls. [`flattened`] reduces them
//! further for the Gateway of Bedrock AgentCore.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

/// The schema of arguments.
pub fn of_arguments<T: JsonSchema>() -> Map<String, Value> {
    let settings = SchemaSettings::draft2020_12().for_deserialize();
    reduced(
        settings
            .with(inline)
            .into_generator()
            .into_root_schema_for::<T>()
            .to_value(),
    )
}

/// The schema of an answer.
pub fn of_answer<T: JsonSchema>() -> Map<String, Value> {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    reduced(
        settings
            .with(inline)
            .into_generator()
            .into_root_schema_for::<T>()
            .to_value(),
    )
}

/// Fields that answers have in common: the server's instructions tell of them once.
const COMMON: [&str; 4] = ["next", "next_cursor", "warnings", "region_errors"];

/// The schema of arguments as it is published. How long a text may be is left to the refusal of a
/// longer one: no agent makes a text up to a length.
pub fn published_arguments(mut schema: Map<String, Value>) -> Map<String, Value> {
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    for rule in properties.into_iter().flatten() {
        let Value::Object(rule) = rule.1 else {
            continue;
        };
        rule.remove("minLength");
        rule.remove("maxLength");
        rule.retain(|name, value| name != "default" || *value != json!([]));
        if let Some(Value::Object(items)) = rule.get_mut("items") {
            items.remove("maxLength");
        }
    }
    schema
}

/// The schema of an answer as it is published: its fields, and the names of the fields
/// inside them. Definitions cost tokens in every conversation; the exact types are
/// checked in tests only.
pub fn outline(mut schema: Map<String, Value>) -> Map<String, Value> {
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        required.retain(|name| !COMMON.iter().any(|common| name == common));
    }
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.retain(|name, _| !COMMON.contains(&name.as_str()));
    }
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    let mut described: Vec<(String, String)> = Vec::new();
    for (name, rule) in properties.into_iter().flatten() {
        *rule = outlined(rule);
        let is_array = rule["type"] == "array";
        let row = if is_array { &mut rule["items"] } else { rule };
        let Some(text) = row["description"].as_str().map(str::to_owned) else {
            continue;
        };
        // Rows of the same form are described once.
        match described.iter().find(|other| other.1 == text) {
            Some((first, _)) => row["description"] = json!(format!("as {first}")),
            None => described.push((name.clone(), text)),
        }
    }
    schema
}

fn outlined(rule: &Value) -> Value {
    let mut kept = json!({ "type": rule["type"] });
    if let Some(properties) = rule["properties"].as_object() {
        let names = properties.iter().map(|(name, field)| {
            let inner = &field["items"]["properties"];
            let inner = inner
                .as_object()
                .or_else(|| field["properties"].as_object());
            match (inner, field["description"].as_str()) {
                (Some(_), Some(note)) if note.starts_with("as ") => format!("{name} ({note})"),
                (Some(inner), _) => {
                    let names: Vec<&str> = inner.keys().map(String::as_str).collect();
                    format!("{name}{{{}}}", names.join(","))
                }
                (None, Some(note)) => format!("{name} ({note})"),
                (None, None) => name.clone(),
            }
        });
        kept["description"] = json!(names.collect::<Vec<_>>().join(","));
    } else if let Some(note) = rule.get("description") {
        kept["description"] = note.clone();
    }
    if let Some(values) = rule.get("enum") {
        kept["enum"] = values.clone();
    }
    if rule["items"].is_object() {
        kept["items"] = outlined(&rule["items"]);
    }
    kept
}

/// The names of the required fields alone.
pub fn required_only(schema: Map<String, Value>) -> Map<String, Value> {
    let mut kept = Map::from_iter([
        ("type".to_owned(), json!("object")),
        ("properties".to_owned(), json!({})),
    ]);
    kept.extend(schema.into_iter().filter(|field| field.0 == "required"));
    kept
}

fn inline(settings: &mut SchemaSettings) {
    settings.inline_subschemas = true;
    settings.meta_schema = None;
}

fn reduced(mut schema: Value) -> Map<String, Value> {
    simplify(&mut schema);
    match schema {
        Value::Object(mut schema) => {
            // The doc comment of the Rust type.
            schema.remove("description");
            schema.remove("title");
            schema.entry("properties").or_insert_with(|| json!({}));
            schema
        }
        _ => Map::new(),
    }
}

/// Removes nulls, formats and null defaults, and turns documented variants into an enum.
fn simplify(schema: &mut Value) {
    let Value::Object(fields) = schema else {
        return;
    };
    if let Some(Value::Array(options)) = fields.get("anyOf").cloned() {
        let mut options = options
            .into_iter()
            .filter(|option| option["type"] != "null");
        if let (Some(Value::Object(only)), None) = (options.next(), options.next()) {
            fields.remove("anyOf");
            for (key, value) in only {
                fields.entry(key).or_insert(value);
            }
        }
    }
    // Enums whose variants have doc comments.
    if let Some(Value::Array(options)) = fields.get("oneOf") {
        let values: Option<Vec<Value>> = options.iter().map(variant_values).collect();
        if let Some(values) = values {
            fields.remove("oneOf");
            fields.insert("type".to_owned(), json!("string"));
            let values = values.into_iter().flat_map(|value| match value {
                Value::Array(values) => values,
                value => vec![value],
            });
            fields.insert("enum".to_owned(), values.collect());
        }
    }
    if let Some(Value::Array(kinds)) = fields.get("type") {
        let kind = kinds.iter().find(|kind| *kind != "null").cloned();
        fields.insert("type".to_owned(), kind.unwrap_or_default());
    }
    if fields.get("default") == Some(&Value::Null) {
        fields.remove("default");
    }
    if let Some(Value::Array(values)) = fields.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    for key in ["format", "$schema", "title"] {
        if fields.get(key).is_some_and(Value::is_string) {
            fields.remove(key);
        }
    }
    for (key, value) in fields.iter_mut() {
        match (key.as_str(), value) {
            ("properties", Value::Object(properties)) => properties.values_mut().for_each(simplify),
            ("items" | "additionalProperties", value) => simplify(value),
            ("anyOf" | "oneOf", Value::Array(options)) => options.iter_mut().for_each(simplify),
            _ => {}
        }
    }
}

/// The value or values of a variant.
fn variant_values(option: &Value) -> Option<Value> {
    option.get("const").or_else(|| option.get("enum")).cloned()
}

/// The keys that a Gateway's schema may have.
const GATEWAY_KEYS: [&str; 5] = ["type", "description", "properties", "required", "items"];

/// The schema in the form of a Gateway: constraints become part of the descriptions.
pub fn flattened(schema: &Value) -> Value {
    let mut flat = Map::new();
    flat.insert("type".to_owned(), schema["type"].clone());
    let mut text = schema["description"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    for note in constraints(schema) {
        if !text.is_empty() {
            text.push_str("; ");
        }
        text.push_str(&note);
    }
    if !text.is_empty() {
        flat.insert("description".to_owned(), Value::String(text));
    }
    if let Some(properties) = schema["properties"].as_object() {
        let rows = properties
            .iter()
            .map(|(name, rule)| (name.clone(), flattened(rule)));
        flat.insert("properties".to_owned(), Value::Object(rows.collect()));
    }
    if schema["required"]
        .as_array()
        .is_some_and(|names| !names.is_empty())
    {
        flat.insert("required".to_owned(), schema["required"].clone());
    }
    if schema["items"].is_object() {
        flat.insert("items".to_owned(), flattened(&schema["items"]));
    }
    Value::Object(flat)
}

/// Ranges, choices and defaults in words.
fn constraints(schema: &Value) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(values) = schema["enum"].as_array() {
        let names: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
        notes.push(format!("one of {}", names.join(", ")));
    }
    match (schema["minimum"].as_f64(), schema["maximum"].as_f64()) {
        (Some(low), Some(high)) => notes.push(format!("{low} to {high}")),
        (Some(low), None) => notes.push(format!("at least {low}")),
        (None, Some(high)) => notes.push(format!("at most {high}")),
        (None, None) => {}
    }
    if let Some(most) = schema["maxItems"].as_u64() {
        notes.push(format!("at most {most} items"));
    }
    match &schema["default"] {
        Value::Null => {}
        Value::String(text) => notes.push(format!("default {text}")),
        other => notes.push(format!("default {other}")),
    }
    notes
}

/// Every violation of the Gateway's `SchemaDefinition`; empty if the schema can be
/// registered.
pub fn gateway_faults(schema: &Value, path: &str) -> Vec<String> {
    let Some(fields) = schema.as_object() else {
        return vec![format!("{path}: not an object")];
    };
    let mut faults = Vec::new();
    let unknown = fields
        .keys()
        .filter(|key| !GATEWAY_KEYS.contains(&key.as_str()));
    faults.extend(unknown.map(|key| format!("{path}: key {key}")));
    let kinds = ["string", "number", "integer", "boolean", "object", "array"];
    let kind = fields
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if !kinds.contains(&kind) {
        faults.push(format!("{path}: type {}", schema["type"]));
    }
    if fields
        .get("description")
        .is_some_and(|text| !text.is_string())
    {
        faults.push(format!("{path}: description is no text"));
    }
    if (kind == "array") != fields.contains_key("items") {
        faults.push(format!("{path}: items belong to arrays"));
    }
    if fields.contains_key("properties") && kind != "object" {
        faults.push(format!("{path}: properties belong to objects"));
    }
    if let Some(items) = fields.get("items") {
        faults.extend(gateway_faults(items, &format!("{path}[]")));
    }
    let none = Map::new();
    let properties = fields
        .get("properties")
        .and_then(Value::as_object)
        .unwrap_or(&none);
    for (name, rule) in properties {
        faults.extend(gateway_faults(rule, &format!("{path}.{name}")));
    }
    let required = fields.get("required").and_then(Value::as_array);
    for name in required.into_iter().flatten() {
        if !name
            .as_str()
            .is_some_and(|name| properties.contains_key(name))
        {
            faults.push(format!("{path}: requires {name}, which it does not have"));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn violations_of_the_gateway_s_rules_are_found() {
        for bad in [
            json!({"type": ["string", "null"]}),
            json!({"type": "string", "enum": ["a"]}),
            json!({"type": "array"}),
            json!({"type": "array", "items": {}}),
            json!({"type": "object", "additionalProperties": false}),
            json!({"type": "object", "properties": {"a": {"$ref": "#/x"}}}),
            json!({"type": "object", "required": ["a"]}),
            json!({"type": "integer", "minimum": 1}),
            json!({"type": "string", "default": null}),
            json!({}),
        ] {
            assert!(!gateway_faults(&bad, "x").is_empty(), "{bad}");
            let _ = flattened(&bad);
        }
        let good = json!({"type": "object", "required": ["a"], "properties": {
            "a": {"type": "array", "description": "x", "items": {"type": "number"}}}});
        assert_eq!(gateway_faults(&good, "x"), Vec::<String>::new());
    }
}
