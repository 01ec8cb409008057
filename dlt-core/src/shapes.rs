//! Shapes that no type of ours has: what is kept as it came, or made for DLT's
//! clients by hand. They stand in `shapes.json`, in OpenAPI's own words; here
//! are references to them for the fields of the wire types.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};

/// Every shape by its name.
pub(crate) fn all() -> Map<String, Value> {
    match serde_json::from_str(include_str!("shapes.json")) {
        Ok(Value::Object(shapes)) => shapes,
        // The document's own test would not pass.
        _ => Map::new(),
    }
}

fn reference(name: &str) -> Schema {
    json_schema!({ "$ref": format!("#/components/schemas/{name}") })
}

macro_rules! shapes {
    ($($function:ident = $name:literal;)*) => {
        $(pub(crate) fn $function(_: &mut SchemaGenerator) -> Schema {
            reference($name)
        })*
    };
}

shapes! {
    test_id = "TestId";
    test_run_id = "TestRunId";
    stamp = "Stamp";
    run_status = "RunStatus";
    results = "ResultsByRegion";
    create_scenario = "CreateScenarioRequest";
}

/// Regions with their runners; inside a scenario with the region's own fields.
pub(crate) fn task_configs(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": { "$ref": "#/components/schemas/StoredTaskConfig" } })
}

/// JSON text in the answer of POST, an object in that of GET.
pub(crate) fn scenario_plan(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": [
        { "type": "string" }, { "$ref": "#/components/schemas/TestScenario" },
    ] })
}

/// The plan of a run.
pub(crate) fn run_plan(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object" })
}

/// PUT …/baseline.
pub(crate) fn baseline_run(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object", "additionalProperties": false, "required": ["testRunId"],
        "properties": { "testRunId": { "$ref": "#/components/schemas/TestRunId" } },
    })
}

/// DELETE …/testruns.
pub(crate) fn run_ids(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array", "minItems": 1,
        "items": { "$ref": "#/components/schemas/TestRunId" },
    })
}

/// POST …/files.
pub(crate) fn file_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object", "required": ["name"],
        "properties": { "name": { "type": "string", "minLength": 1, "maxLength": 200 } },
    })
}

/// A body whose content is ignored.
pub(crate) fn anything(_: &mut SchemaGenerator) -> Schema {
    Schema::from(true)
}

/// GET /openapi.json.
pub(crate) fn description(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "required": ["openapi", "info", "paths"] })
}

/// A list that DLT's console polls, and that is always empty here.
pub(crate) fn nothing(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "maxItems": 0 })
}

/// The answer of a cancel.
pub(crate) fn cancelling(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "const": "test cancelling" })
}

/// The answer of a deletion.
pub(crate) fn success(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "const": "success" })
}
