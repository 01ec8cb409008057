//! Answers that no single type has, and the query of lists of runs: what the table of routes names.

use crate::calls::answers;
use schemars::{Schema, SchemaGenerator, json_schema};

pub(super) const RUNS_QUERY: &[&str] = &[
    "limit",
    "start_timestamp",
    "end_timestamp",
    "latest",
    "next_token",
];

/// GET /vCPUDetails.
pub(super) fn capacity(generator: &mut SchemaGenerator) -> Schema {
    let details = generator.subschema_for::<answers::VcpuDetails>();
    json_schema!({ "type": "object", "additionalProperties": details })
}

/// GET /scenarios: scenarios, or regions with `op=listRegions`.
pub(super) fn scenarios_or_regions(generator: &mut SchemaGenerator) -> Schema {
    let scenarios = generator.subschema_for::<answers::ScenarioList>();
    let regions = generator.subschema_for::<answers::RegionsAnswer>();
    json_schema!({ "oneOf": [scenarios, regions] })
}
