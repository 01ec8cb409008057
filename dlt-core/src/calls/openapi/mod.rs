//! The API's description (OpenAPI 3.1), made of the table of routes and of the
//! wire types (decision 22). The same value is served, and kept as a golden
//! file beside the package, so that a change of the wire shows in review.

use super::answers::Samples;
use super::routes::{Answer, Body, Operation, Row, Shape, TABLE};
use crate::shapes;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

/// The OpenAPI document, its schemas sorted by name.
pub fn openapi() -> Value {
    let mut settings = SchemaSettings::draft2020_12().for_serialize();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    let mut generator = settings.into_generator();
    let paths: Map<String, Value> = TABLE
        .iter()
        .map(|row| (row.template.to_owned(), path(row, &mut generator)))
        .collect();
    let mut schemas = generator.take_definitions(true);
    schemas.values_mut().for_each(left_out_not_null);
    schemas.extend(shapes::all());
    schemas.sort_keys();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "dlt",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Distributed load tests. Compatible with clients of Distributed Load \
                Testing on AWS 4.2; fields in snake_case and the routes for parts of a run, live \
                data and files are dlt's own.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/api" }, { "url": "/prod" }],
        "security": [{}, { "sigv4": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "sigv4": {
                "type": "apiKey", "in": "header", "name": "Authorization",
                "description": "AWS Signature Version 4; not looked at on one machine.",
            } },
            "schemas": schemas,
        },
    })
}

/// An optional field without a value is left out and never null; for an `Option`
/// schemars describes a null.
fn left_out_not_null(schema: &mut Value) {
    let required = schema.get("required").cloned().unwrap_or_default();
    let needed = |name: &str| {
        let names = required.as_array().into_iter().flatten();
        names.into_iter().any(|needed| needed == name)
    };
    let fields = schema.get_mut("properties").and_then(Value::as_object_mut);
    for (name, field) in fields.into_iter().flatten() {
        let Some(field) = field.as_object_mut().filter(|_| !needed(name)) else {
            continue;
        };
        let kinds = field.get("type").and_then(Value::as_array);
        if let Some([kind, null]) = kinds.map(Vec::as_slice)
            && null == "null"
        {
            let kind = kind.clone();
            field.insert("type".to_owned(), kind);
        }
        let choices = field.get("anyOf").and_then(Value::as_array);
        if let Some([real, null]) = choices.map(Vec::as_slice)
            && null["type"] == "null"
        {
            let reference = real["$ref"].clone();
            field.shift_remove("anyOf");
            field.insert("$ref".to_owned(), reference);
        }
    }
}

fn path(row: &Row, generator: &mut SchemaGenerator) -> Value {
    let mut item = Map::new();
    let parameters: Vec<Value> = row
        .template
        .split('/')
        .filter_map(|word| word.strip_prefix('{')?.strip_suffix('}'))
        .map(path_parameter)
        .collect();
    if !parameters.is_empty() {
        item.insert("parameters".to_owned(), Value::Array(parameters));
    }
    for operation in row.operations {
        let described = described(operation, generator);
        item.insert(operation.method.to_lowercase(), described);
    }
    Value::Object(item)
}

fn path_parameter(name: &str) -> Value {
    let schema = match name {
        "testId" => json!({ "$ref": "#/components/schemas/TestId" }),
        "testRunId" => json!({ "$ref": "#/components/schemas/TestRunId" }),
        _ => json!({ "type": "string", "minLength": 1, "maxLength": 200 }),
    };
    json!({ "name": name, "in": "path", "required": true, "schema": schema })
}

/// What a query parameter may be.
fn query_parameter(name: &str) -> Value {
    let (says, schema) = match name {
        "op" => (
            "listRegions answers as GET /regions",
            json!({ "enum": ["listRegions"] }),
        ),
        "tags" => (
            "Comma-separated; any of them must match. Empty means no filter.",
            json!({ "type": "string", "maxLength": 500 }),
        ),
        "oneOff" => ("true lists those of one-off runs, too", flag()),
        "history" => ("false leaves the run records out", flag()),
        "secrets" => (
            "true shows the secrets that were written, to those who may write",
            flag(),
        ),
        "latest" => (
            "Of a scenario: false leaves the results out. Of runs: true answers the newest only.",
            flag(),
        ),
        "data" => ("false leaves the run out", flag()),
        "limit" => (
            "1 to 100, 20 unless given",
            json!({ "type": "string", "pattern": "^0*([1-9][0-9]?|100)$" }),
        ),
        "start_timestamp" => (
            "Inclusive lower bound of startTime: ISO 8601, UTC without an offset",
            text(),
        ),
        "end_timestamp" => ("Inclusive upper bound, the same form", text()),
        "next_token" => ("Opaque, from the page before", text()),
        "with" => ("The run to compare with; required", text()),
        "with_test" => ("Its scenario, where that is another", text()),
        "region" => (
            "What was measured from this region alone, without labels",
            text(),
        ),
        "threshold_pct" => (
            "Changes of times and rates below this do not matter, percent: 2 unless given",
            text(),
        ),
        "error_points" => (
            "Changes of error rates below this do not matter, percentage points: 0.5 unless given",
            text(),
        ),
        "label" => ("One label; all requests without it", text()),
        "label*" => (
            "A label whose stretches are answered, too; may be given several times",
            json!({ "type": "array", "items": text() }),
        ),
        "from_s" => ("First second, counted from the start instant", number()),
        "to_s" => ("The second after the last", number()),
        "step_s" => (
            "Length of a stretch, seconds, 1 unless given: counts and distributions of shorter ones are \
             added. Rounded up to a multiple of what is stored, which is 1 s, after 6 h 10 s, after 3 \
             days 60 s",
            number(),
        ),
        "of" => (
            "Over which samples: those that ended ok, unless given, those that failed, or all",
            json!({ "enum": Samples::NAMES.map(|row| row.0) }),
        ),
        _ => ("The file's name", text()),
    };
    let name = name.trim_end_matches('*');
    json!({ "name": name, "in": "query", "description": says, "schema": schema })
}

fn flag() -> Value {
    json!({ "type": "string", "enum": ["true", "false"] })
}

fn number() -> Value {
    json!({ "type": "string", "pattern": "^[0-9]{1,15}$" })
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn described(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let mut described = Map::new();
    described.insert("operationId".to_owned(), json!(operation.id));
    described.insert("summary".to_owned(), json!(operation.says));
    if !operation.query.is_empty() {
        let parameters = operation.query.iter().map(|name| query_parameter(name));
        described.insert("parameters".to_owned(), parameters.collect());
    }
    match operation.body {
        Body::None => {}
        Body::Json(shape, required) => {
            let content = json!({ "application/json": { "schema": shape(generator) } });
            let body = json!({ "required": required, "content": content });
            described.insert("requestBody".to_owned(), body);
        }
        Body::Bytes => {
            let content = json!({ "application/octet-stream": {} });
            let body = json!({ "required": true, "content": content });
            described.insert("requestBody".to_owned(), body);
        }
    }
    described.insert("responses".to_owned(), responses(operation, generator));
    Value::Object(described)
}

fn responses(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let mut json_content = |shape: Shape| json!({ "schema": shape(generator) });
    let content = match operation.answer {
        Answer::Json(shape) => json!({ "application/json": json_content(shape) }),
        Answer::JsonOrBytes(shape) => json!({
            "application/json": json_content(shape), "application/octet-stream": {},
        }),
        Answer::Events(shape) => json!({ "text/event-stream": json_content(shape) }),
    };
    let mut all = Map::new();
    let success = json!({ "description": "Done", "content": content });
    all.insert("200".to_owned(), success);
    let mut statuses = vec![400, 403, 405, 500];
    statuses.extend(operation.refusals);
    if !matches!(operation.body, Body::None) {
        statuses.push(413);
    }
    statuses.sort_unstable();
    for status in statuses {
        all.insert(status.to_string(), refusal(status));
    }
    Value::Object(all)
}

fn refusal(status: u16) -> Value {
    let (says, shape) = match status {
        400 => ("A check of path, query or body failed", "ErrorString"),
        404 => ("No such scenario, run or file", "ErrorString"),
        405 => ("The path has no such method", "ErrorString"),
        409 => (
            "A run is in progress, or the run is the baseline",
            "ErrorString",
        ),
        500 => ("Our own fault", "ErrorString"),
        403 => ("No such path, or not allowed in", "GatewayError"),
        413 => ("The body is too long", "GatewayError"),
        _ => ("Too many at once", "GatewayError"),
    };
    let schema = json!({ "$ref": format!("#/components/schemas/{shape}") });
    json!({ "description": says, "content": { "application/json": { "schema": schema } } })
}

#[cfg(test)]
mod tests;
