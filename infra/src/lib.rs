//! The CloudFormation templates, each assembled from a noun a file: the hub's, that of
//! a further region, and the small one that both are deployed from. Deploying them is
//! left to the command, what their functions do to the pipeline.

use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The workflow, which the template holds inline so that it can be checked there.
const WORKFLOW: &str = include_str!("../../pipeline/workflow/load-test.asl.json");
/// The line of the template in whose place it is put.
const WORKFLOW_LINE: &str = "      Definition: load-test.asl.json";

/// The tools of agents, as the MCP server's build describes them to a Gateway.
const TOOLS: &str = include_str!("../../mcp-server/tool-schema.json");
/// The line of the template in whose place they are put.
const TOOLS_LINE: &str = "              InlinePayload: tool-schema.json";

/// Sections of a template, in the order in which they are written (CloudFormation
/// User Guide, "Template anatomy").
const SECTIONS: [&str; 4] = ["Parameters", "Conditions", "Resources", "Outputs"];

/// The API, by whose text its deployment is named.
const API: &str = include_str!("../hub/api.yaml");

const HUB: [&str; 16] = [
    include_str!("../hub/stack.yaml"),
    include_str!("../shared/network.yaml"),
    include_str!("../shared/fleet.yaml"),
    include_str!("../shared/live.yaml"),
    include_str!("../shared/observability.yaml"),
    include_str!("../hub/storage.yaml"),
    include_str!("../hub/tables.yaml"),
    include_str!("../hub/functions.yaml"),
    include_str!("../hub/rights.yaml"),
    include_str!("../hub/workflow.yaml"),
    include_str!("../hub/schedules.yaml"),
    include_str!("../hub/live.yaml"),
    API,
    include_str!("../hub/identity.yaml"),
    include_str!("../hub/console.yaml"),
    include_str!("../hub/agents.yaml"),
];

const REGION: [&str; 7] = [
    include_str!("../region/stack.yaml"),
    include_str!("../shared/network.yaml"),
    include_str!("../region/network.yaml"),
    include_str!("../shared/fleet.yaml"),
    include_str!("../shared/live.yaml"),
    include_str!("../shared/observability.yaml"),
    include_str!("../region/rights.yaml"),
];

const ARTIFACTS: [&str; 2] = [
    include_str!("../artifacts/stack.yaml"),
    include_str!("../artifacts/engines.yaml"),
];

/// The template of the stack that every other is deployed from.
pub fn artifacts() -> String {
    assemble(
        "dlt: archives, templates and worker images of this region",
        &ARTIFACTS,
    )
}

/// The template of the stack that holds everything but further regions.
pub fn hub() -> String {
    let template = assemble(
        "dlt: distributed load testing. API, workflow, storage, and runners of this region",
        &HUB,
    );
    let template = template.replace(WORKFLOW_LINE, &inline("      Definition:", WORKFLOW));
    let template = template.replace(
        TOOLS_LINE,
        &inline("              InlinePayload:", &tools()),
    );
    let template = with_deployment_of(&template, API);
    of_hub(
        &template,
        ["${Bucket}", "${AWS::Region}", "${IotEndpoint.Host}"],
    )
}

/// The template of a further region.
pub fn region() -> String {
    let template = assemble("dlt: runners of a further region", &REGION);
    of_hub(&template, ["${HubBucket}", "${HubRegion}", "${HubIotHost}"])
}

/// A template with the names that the hub's bucket, AWS region and topics have in it:
/// resources in the hub's own, parameters in another.
fn of_hub(template: &str, [bucket, region, topics]: [&str; 3]) -> String {
    template
        .replace("${HUB_BUCKET}", bucket)
        .replace("${HUB_REGION}", region)
        .replace("${HUB_IOT}", topics)
}

/// A template whose deployment is named by the text of its API. CloudFormation makes a
/// deployment once: only one of another name brings a changed method to the stage.
fn with_deployment_of(template: &str, api: &str) -> String {
    let name = format!("Deployment{:08x}", hash(api));
    template
        .replace("\n  Deployment:\n", &format!("\n  {name}:\n"))
        .replace("!Ref Deployment\n", &format!("!Ref {name}\n"))
}

/// A text's hash, the same wherever and whenever it is made: FNV-1a of 32 bits.
fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash: u32, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

/// A document as a property, below its name: JSON is YAML.
fn inline(name: &str, document: &str) -> String {
    let indent = name.len() - name.trim_start().len() + 2;
    let mut property = name.to_owned();
    for line in document.trim_end().lines() {
        property.push('\n');
        property.push_str(&" ".repeat(indent));
        property.push_str(line);
    }
    property
}

/// The tools as CloudFormation takes them.
fn tools() -> String {
    // The file is our own build's: a test reads it.
    let tools = serde_json::from_str(TOOLS).unwrap_or_default();
    format!("{:#}", of_schema(&tools))
}

/// A part of a tool's schema, whose keys CloudFormation begins with capitals; the
/// names of properties stay.
fn of_schema(part: &Value) -> Value {
    match part {
        Value::Array(parts) => parts.iter().map(of_schema).collect(),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| {
                let value = match (key.as_str(), value) {
                    ("properties", Value::Object(properties)) => properties
                        .iter()
                        .map(|(name, schema)| (name.clone(), of_schema(schema)))
                        .collect::<Map<_, _>>()
                        .into(),
                    _ => of_schema(value),
                };
                (capital(key), value)
            });
            Value::Object(fields.collect())
        }
        plain => plain.clone(),
    }
}

/// A word that begins with a capital.
fn capital(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// One template of several files: the lines of each section, file by file.
fn assemble(description: &str, files: &[&str]) -> String {
    let mut sections: BTreeMap<&str, String> = BTreeMap::new();
    for file in files {
        let mut section = None;
        for line in file.lines() {
            if let Some(name) = SECTIONS.into_iter().find(|name| line == format!("{name}:")) {
                section = Some(name);
            } else if let Some(section) = section {
                let text = sections.entry(section).or_default();
                text.push_str(line);
                text.push('\n');
            }
            // Above its first section a file says what it is for.
        }
    }
    let mut template =
        format!("AWSTemplateFormatVersion: '2010-09-09'\nDescription: '{description}'\n");
    for name in SECTIONS {
        if let Some(text) = sections.get(name) {
            template.push_str(&format!("{name}:\n{text}"));
        }
    }
    template
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_hold_every_section_once_and_the_workflow() {
        for template in [artifacts(), hub(), region()] {
            for name in SECTIONS {
                let heads = template.lines().filter(|line| *line == format!("{name}:"));
                assert!(heads.count() <= 1, "{name}");
            }
            // CloudFormation takes 1 MB from a bucket.
            assert!(template.len() < 1_000_000);
        }
        assert!(hub().contains("\"StartAt\": \"Begin or go on?\""));
        assert!(!hub().contains("load-test.asl.json"));
        assert!(hub().contains("\"Name\": \"list_scenarios\""));
        assert!(!hub().contains("tool-schema.json"));
        assert!(![hub(), region()].concat().contains("${HUB_"));
    }

    #[test]
    fn a_deployment_is_named_by_the_text_of_its_api() {
        // The function's published examples.
        for (text, known) in [
            ("", 0x811c_9dc5),
            ("a", 0xe40c_292c),
            ("foobar", 0xbf9c_f968),
        ] {
            assert_eq!(hash(text), known, "{text}");
        }
        let name = format!("Deployment{:08x}", hash(API));
        let hub = hub();
        assert_eq!(hub.matches(&format!("\n  {name}:\n")).count(), 1);
        let stage = format!("DeploymentId: !Ref {name}\n");
        assert_eq!(hub.matches(&stage).count(), 1);
        assert!(!hub.contains("\n  Deployment:\n") && !hub.contains("!Ref Deployment\n"));
        assert_ne!(
            with_deployment_of(API, "another"),
            with_deployment_of(API, API)
        );
    }

    #[test]
    fn the_schema_of_tools_has_capitals_and_its_properties_their_names() {
        let tools: Value = serde_json::from_str(&tools()).unwrap();
        let tools = tools.as_array().unwrap();
        assert!(tools.len() > 6);
        let results = tools.iter().find(|tool| tool["Name"] == "get_results");
        let schema = &results.unwrap()["InputSchema"];
        assert_eq!(schema["Properties"]["test_id"]["Type"], "string");
        assert_eq!(schema["Required"], serde_json::json!(["test_id"]));
    }

    #[test]
    fn every_line_is_in_a_section() {
        for file in HUB.iter().chain(&REGION).chain(&ARTIFACTS) {
            let head = file
                .lines()
                .take_while(|line| !SECTIONS.iter().any(|name| *line == format!("{name}:")));
            for line in head {
                assert!(line.is_empty() || line.starts_with('#'), "{line}");
            }
        }
    }
}
