//! The contract's own examples, requests and answers, against both documents;
//! and every limit of bodies against both schemas of a scenario.

use dlt_tests::documents::{CONTRACT, Document, Operation};
use serde_json::{Value, json};
use std::path::Path;

/// Examples that our document refuses, since we answer better: where they
/// stand, and why. One that fits has to go from here.
const BETTER: [(&str, &str); 5] = [
    (
        "post /scenarios 200 scheduled",
        "totalTestRuns is always there, 0 before the first run",
    ),
    (
        "get /scenarios/{testId}/testruns/{testRunId} 200 complete",
        "a record names its scenario: testName",
    ),
    (
        "get /scenarios/{testId}/testruns/{testRunId} 200 failed",
        "results and completeTasks are always there, empty before there are reports",
    ),
    (
        "get /stack-info 403 example",
        "dlt can always read what it is",
    ),
    (
        "get /stack-info 404 example",
        "dlt can always read what it is",
    ),
];

/// The copy is the contract, where the contract lies beside the repository.
#[test]
fn the_copy_is_the_contract() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/contract/openapi.yaml");
    if let Ok(text) = std::fs::read_to_string(beside) {
        assert!(
            text == CONTRACT,
            "copy ../shared/contract/openapi.yaml to tests/compat"
        );
    }
}

/// An example: where it stands, its operation, its value, and the status that
/// it answers with; None for the body of a request.
struct Example {
    place: String,
    operation: Operation,
    status: Option<u16>,
    value: Value,
}

/// The values of `example` and `examples`.
fn values(content: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    if let Some(value) = content.get("example") {
        all.push(("example".to_owned(), value.clone()));
    }
    for (name, example) in content["examples"].as_object().into_iter().flatten() {
        all.push((name.clone(), example["value"].clone()));
    }
    all
}

fn examples(contract: &Document) -> Vec<Example> {
    let mut all = Vec::new();
    for operation in contract.operations() {
        let described = &contract.root["paths"][operation.template.as_str()];
        let responses = described[operation.method.as_str()]["responses"].as_object();
        let answers = responses.into_iter().flatten().filter_map(|(status, _)| {
            let status: u16 = status.parse().ok()?;
            Some((Some(status), contract.answer(&operation, status)?))
        });
        let request = contract.request(&operation).map(|content| (None, content));
        for (status, content) in answers.chain(request) {
            for (name, value) in values(content) {
                let what = status.map_or("request".to_owned(), |status| status.to_string());
                all.push(Example {
                    place: format!("{} {} {what} {name}", operation.method, operation.template),
                    operation: operation.clone(),
                    status,
                    value,
                });
            }
        }
    }
    all
}

fn schema<'a>(document: &'a Document, example: &Example) -> Option<&'a Value> {
    let content = match example.status {
        Some(status) => document.answer(&example.operation, status),
        None => document.request(&example.operation),
    };
    content?.get("schema")
}

#[test]
fn every_example_of_the_contract_fits_both_documents() {
    let (contract, ours) = (Document::contract(), Document::ours());
    let all = examples(&contract);
    assert!(all.len() > 60, "{}", all.len());
    let mut wrong = Vec::new();
    for example in &all {
        let own = schema(&contract, example).expect("the contract's own schema");
        for fault in contract.faults(own, &example.value, false) {
            wrong.push(format!("{}: the contract: {fault}", example.place));
        }
        let excused = BETTER.iter().any(|row| row.0 == example.place);
        let faults = match schema(&ours, example) {
            Some(schema) => ours.faults(schema, &example.value, example.status.is_some()),
            None => vec!["there is no such answer".to_owned()],
        };
        match (excused, faults.is_empty()) {
            (true, true) => wrong.push(format!("{}: fits by now", example.place)),
            (false, false) => {
                wrong.push(format!("{}: ours: {}", example.place, faults.join("\n  ")))
            }
            _ => {}
        }
    }
    for (place, _) in BETTER {
        if !all.iter().any(|example| example.place == place) {
            wrong.push(format!("{place}: no such example"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A group of `limits.json`; `dlt-core` says what its fields mean.
#[derive(Debug, serde::Deserialize)]
struct Group {
    at: String,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    with: serde_json::Map<String, Value>,
    #[serde(default)]
    good: Vec<Value>,
    #[serde(default)]
    bad: Vec<Value>,
    #[serde(default)]
    refused: String,
    #[serde(default)]
    ours: Option<String>,
    #[serde(default)]
    disagree: Option<String>,
}

const LIMITS: &str = include_str!("../../dlt-core/src/scenario/wire/limits.json");
const BODIES: &str = include_str!("../../dlt-core/src/scenario/wire/bodies.json");

/// A row's body.
fn changed(base: &Value, with: &serde_json::Map<String, Value>, at: &str, value: &Value) -> Value {
    let mut body = base.clone();
    for (at, value) in with {
        change(&mut body, at, written(value));
    }
    change(&mut body, at, written(value));
    body
}

fn written(value: &Value) -> Option<Value> {
    if let Some(parts) = value["$text"].as_array() {
        let parts = parts.chunks(2).map(|part| {
            let times = part[1].as_u64().unwrap_or(0) as usize;
            part[0].as_str().unwrap_or_default().repeat(times)
        });
        return Some(Value::String(parts.collect()));
    }
    if let Some([item, times]) = value["$list"].as_array().map(Vec::as_slice) {
        let times = times.as_u64().unwrap_or(0) as usize;
        return Some(Value::Array(vec![item.clone(); times]));
    }
    match value {
        Value::Object(object) if object.contains_key("$absent") => None,
        Value::Array(items) => Some(items.iter().filter_map(written).collect()),
        other => Some(other.clone()),
    }
}

fn change(body: &mut Value, at: &str, value: Option<Value>) {
    let Some((parent, key)) = at.rsplit_once('/') else {
        *body = value.unwrap_or_default();
        return;
    };
    match (body.pointer_mut(parent), value) {
        (Some(Value::Object(object)), Some(value)) => drop(object.insert(key.to_owned(), value)),
        (Some(Value::Object(object)), None) => drop(object.shift_remove(key)),
        (Some(Value::Array(items)), Some(value)) => {
            let at: usize = key.parse().expect("a position");
            items[at] = value;
        }
        (other, _) => panic!("{at} lies in {other:?}"),
    }
}

/// The rows that dlt-core is held against are what the contract's own schema
/// says, but where a group says why not; and what our schema says.
#[test]
fn the_limits_are_those_of_the_schemas() {
    let (contract, ours) = (Document::contract(), Document::ours());
    let schema = json!({"$ref": "#/components/schemas/CreateScenarioRequest"});
    let bodies: Value = serde_json::from_str(BODIES).unwrap();
    let groups: Vec<Group> = serde_json::from_str(LIMITS).unwrap();
    let (mut wrong, mut rows) = (Vec::new(), 0);
    for group in &groups {
        let base = &bodies[group.body.as_deref().unwrap_or("simple")];
        // Only faults of the schema are the schema's to see.
        let seen = group.refused.starts_with("INVALID_REQUEST_BODY");
        let good = group.good.iter().map(|value| (value, "good"));
        let bad = group.bad.iter().map(|value| (value, "bad"));
        let mut differs = false;
        for (value, side) in good.chain(bad) {
            rows += 1;
            let body = changed(base, &group.with, &group.at, value);
            let fits = side == "good" || !seen;
            let theirs = contract.faults(&schema, &body, false).is_empty();
            let rows_that_may = group.disagree.as_deref();
            let may = group.ours.is_some() && rows_that_may.is_none_or(|rows| rows == side);
            differs |= theirs != fits;
            if theirs != fits && !may {
                wrong.push(format!("{} {value}: the contract says {theirs}", group.at));
            }
            // What a schema cannot say is in its descriptions.
            let said = ours.faults(&schema, &body, false);
            if said.is_empty() != fits && (fits || group.ours.is_none()) {
                wrong.push(format!("{} {value}: our schema: {said:?}", group.at));
            }
        }
        let none = group.disagree.as_deref() == Some("none");
        if group.ours.is_some() && !none && !differs {
            wrong.push(format!("{}: fits by now: {:?}", group.at, group.ours));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(rows > 500, "{rows}");
}

/// Every operation of the contract is ours too.
#[test]
fn nothing_of_the_contract_is_missing() {
    let (contract, ours) = (Document::contract(), Document::ours());
    let there = ours.operations();
    let missing: Vec<Operation> = contract
        .operations()
        .into_iter()
        .filter(|operation| !there.contains(operation))
        .collect();
    assert_eq!(missing, Vec::new());
    assert_eq!(ours.root["openapi"], json!("3.1.0"));
}
