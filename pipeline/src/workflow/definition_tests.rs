//! What the language of the workflow file accepts and refuses.

use super::*;
use serde_json::{Value, json};

fn task(next: &str) -> Value {
    json!({
        "Type": "Task", "Resource": "${TaskRunnerArn}", "Next": next,
        "Retry": [{"ErrorEquals": ["Throttled"]}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": next}],
    })
}

fn parse(states: Value) -> Result<Definition, DefinitionError> {
    Definition::parse(&json!({"StartAt": "A", "States": states}).to_string())
}

fn refused(states: Value, why: &str) {
    let error = parse(states).unwrap_err().to_string();
    assert!(error.contains(why), "{error}");
}

#[test]
fn a_small_workflow_loads() {
    let definition = parse(json!({"A": task("B"), "B": {"Type": "Succeed"}})).unwrap();
    assert_eq!(
        definition.resources(),
        ["${TaskRunnerArn}".to_owned()].into()
    );
}

#[test]
fn unknown_fields_are_load_errors() {
    let mut with_heartbeat = task("B");
    with_heartbeat["HeartbeatSeconds"] = json!(3);
    refused(
        json!({"A": with_heartbeat, "B": {"Type": "Succeed"}}),
        "HeartbeatSeconds",
    );
    refused(json!({"A": {"Type": "Parallel"}}), "Parallel");
    refused(
        json!({"A": {"Type": "Wait", "Seconds": 3, "End": true}}),
        "Seconds",
    );
    refused(
        json!({"A": {"Type": "Succeed", "Output": "{% 1 %}"}}),
        "Output",
    );
    assert!(Definition::parse(r#"{"StartAt":"A","QueryLanguage":"JSONata","States":{}}"#).is_err());
}

#[test]
fn broken_rules_between_states_are_load_errors() {
    refused(json!({"B": {"Type": "Succeed"}}), "StartAt names no state");
    refused(json!({"A": task("Z")}), "\"Z\", which is no state");
    refused(
        json!({"A": {"Type": "Succeed"}, "B": {"Type": "Succeed"}}),
        "no state leads here",
    );
    refused(json!({"A": {"Type": "Pass"}}), "either Next or End");
    for (field, why) in [("Retry", "needs Retry"), ("Catch", "needs Catch")] {
        let mut bare = task("B");
        bare.as_object_mut().unwrap().remove(field);
        refused(json!({"A": bare, "B": {"Type": "Succeed"}}), why);
    }
    let mut mixed = task("B");
    mixed["Catch"][0]["ErrorEquals"] = json!(["States.ALL", "Other"]);
    refused(
        json!({"A": mixed, "B": {"Type": "Succeed"}}),
        "alone and last",
    );
    let nested =
        json!({"StartAt": "N", "States": {"N": {"Type": "Pass", "Next": "Z", "End": false}}});
    refused(
        json!({"A": {"Type": "Map", "ItemProcessor": nested, "End": true}}),
        "\"Z\"",
    );
}

#[test]
fn the_shipped_workflow_loads_and_calls_the_four_functions() {
    let definition = Definition::parse(crate::workflow::WORKFLOW).unwrap();
    assert_eq!(
        definition.resources().into_iter().collect::<Vec<_>>(),
        [
            "${ResultsParserArn}",
            "${TaskCancelerArn}",
            "${TaskRunnerArn}",
            "${TaskStatusCheckerArn}",
        ]
    );
}
