//! The machine against small workflows and random ones.

use super::*;
use crate::workflow::frame::LARGEST_PAYLOAD_BYTES;
use proptest::prelude::*;

fn definition(start: &str, states: Value) -> Definition {
    Definition::parse(&json!({"StartAt": start, "States": states}).to_string()).unwrap()
}

fn task(resource: &str, more: Value) -> Value {
    let mut task = json!({
        "Type": "Task", "Resource": resource,
        "Retry": [{
            "ErrorEquals": ["Throttled"], "IntervalSeconds": 2, "BackoffRate": 2.0,
            "MaxAttempts": 3, "MaxDelaySeconds": 5, "JitterStrategy": "FULL",
        }],
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Caught"}],
    });
    for (key, value) in more.as_object().unwrap() {
        task[key] = value.clone();
    }
    task
}

fn throttled() -> Failure {
    Failure {
        error: "Throttled".to_owned(),
        cause: "slow down".to_owned(),
    }
}

/// Runs to the end on a clock of its own; stores and loads before each step.
fn run(
    definition: &Definition,
    input: Value,
    answer: &mut dyn FnMut(&str, &Value) -> Result<Value, Failure>,
) -> (Result<Value, Failure>, u64) {
    let mut machine = Machine::new(definition, "run", input);
    let mut now_ms = 0;
    machine.step(definition, now_ms, Event::Start, &mut || 0.5);
    for _ in 0..1_000 {
        if let Some(end) = machine.end() {
            return (end.clone(), now_ms);
        }
        let stored = serde_json::to_string(&machine).unwrap();
        machine = serde_json::from_str(&stored).unwrap();
        let pending = machine.pending();
        let effect = pending
            .iter()
            .find(|effect| matches!(effect, Effect::Invoke { .. }))
            .or_else(|| {
                pending.iter().min_by_key(|effect| match effect {
                    Effect::Wake { at_ms, .. } => *at_ms,
                    Effect::Invoke { .. } => 0,
                })
            })
            .expect("neither ended nor waiting");
        let event = match effect {
            Effect::Invoke {
                token,
                resource,
                input,
                ..
            } => Event::Answered {
                token: *token,
                result: answer(resource, input),
            },
            Effect::Wake { token, at_ms, .. } => {
                now_ms = *at_ms;
                Event::Woke { token: *token }
            }
        };
        machine.step(definition, now_ms, event, &mut || 0.5);
    }
    panic!("did not end");
}

#[test]
fn data_flows_through_paths_and_templates() {
    let definition = definition(
        "Ask",
        json!({
            "Ask": task("f", json!({
                "InputPath": "$.inner",
                "Parameters": {"op": "x", "n.$": "$.n", "id.$": "$$.Execution.Name"},
                "ResultSelector": {"kept.$": "$.big.part"},
                "ResultPath": "$.check", "Next": "Wait",
            })),
            "Wait": {"Type": "Wait", "SecondsPath": "$.check.kept", "Next": "Shape"},
            "Shape": {"Type": "Pass", "Parameters": {"w.$": "$.check.kept"}, "OutputPath": "$.w", "End": true},
            "Caught": {"Type": "Fail", "Error": "E"},
        }),
    );
    let (end, now_ms) = run(&definition, json!({"inner": {"n": 1}}), &mut |_, input| {
        assert_eq!(*input, json!({"op": "x", "n": 1, "id": "run"}));
        Ok(json!({"big": {"part": 7}}))
    });
    assert_eq!(end, Ok(json!(7)));
    assert_eq!(now_ms, 7_000);
}

#[test]
fn retries_wait_longer_each_time_then_the_catcher_takes_over() {
    let definition = definition(
        "Ask",
        json!({
            "Ask": task("f", json!({"Next": "Good"})),
            "Good": {"Type": "Succeed"},
            "Caught": {"Type": "Fail", "Error": "Gone", "CausePath": "$.error.Cause"},
        }),
    );
    let mut calls = 0;
    let (end, now_ms) = run(&definition, json!({}), &mut |_, _| {
        calls += 1;
        Err(throttled())
    });
    // Half of 2, 4 and 5 (capped) seconds, since the random number is 0.5.
    assert_eq!((calls, now_ms), (4, 1_000 + 2_000 + 2_500));
    assert_eq!(
        end,
        Err(Failure {
            error: "Gone".to_owned(),
            cause: "slow down".to_owned(),
        })
    );
    let (end, _) = run(&definition, json!({"a": 1}), &mut |_, _| Ok(json!(3)));
    assert_eq!(end, Ok(json!(3)));
}

fn mapped(most: u64) -> Definition {
    definition(
        "Each",
        json!({
            "Each": {
                "Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": most,
                "ItemSelector": {"r.$": "$$.Map.Item.Value.r", "i.$": "$$.Map.Item.Index", "t.$": "$.t"},
                "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "Do", "States": {
                    "Do": task("f", json!({"ResultPath": "$.got", "Next": "Again?"})),
                    "Again?": {"Type": "Choice", "Default": "Done", "Choices": [
                        {"Variable": "$.got", "NumericLessThan": 2, "Next": "Do"}]},
                    "Done": {"Type": "Succeed"},
                    "Caught": {"Type": "Fail", "Error": "Region", "CausePath": "$.error.Cause"},
                }},
                "ResultPath": "$.done",
                "Catch": [{"ErrorEquals": ["Region"], "ResultPath": "$.error", "Next": "Caught"}],
                "End": true,
            },
            "Caught": {"Type": "Pass", "OutputPath": "$.error.Cause", "End": true},
        }),
    )
}

#[test]
fn a_map_runs_each_item_and_keeps_their_order() {
    for most in [0, 1, 2] {
        let items = json!([{"r": "a"}, {"r": "b"}, {"r": "c"}]);
        let mut calls = std::collections::BTreeMap::new();
        let (end, _) = run(
            &mapped(most),
            json!({"items": items, "t": 9}),
            &mut |_, input| {
                assert_eq!(input["t"], 9);
                let count = calls.entry(input["r"].to_string()).or_insert(0);
                *count += 1;
                Ok(json!(*count))
            },
        );
        let done = end.unwrap()["done"].clone();
        let names: Vec<_> = done
            .as_array()
            .unwrap()
            .iter()
            .map(|d| d["r"].clone())
            .collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert!(calls.values().all(|&count| count == 2));
    }
    let (end, _) = run(&mapped(0), json!({"items": [], "t": 0}), &mut |_, _| {
        Ok(json!(0))
    });
    assert_eq!(end.unwrap()["done"], json!([]));
}

#[test]
fn one_failed_item_fails_the_map_and_late_answers_find_nobody() {
    let definition = mapped(0);
    let input = json!({"items": [{"r": "a"}, {"r": "b"}], "t": 0});
    let mut machine = Machine::new(&definition, "run", input);
    let effects = machine.step(&definition, 0, Event::Start, &mut || 0.5);
    assert_eq!(effects.len(), 2);
    let fatal = Failure {
        error: "Broken".to_owned(),
        cause: "no such program".to_owned(),
    };
    let event = Event::Answered {
        token: effects[0].token(),
        result: Err(fatal),
    };
    machine.step(&definition, 0, event, &mut || 0.5);
    assert_eq!(machine.end(), Some(&Ok(json!("no such program"))));
    let late = Event::Answered {
        token: effects[1].token(),
        result: Ok(json!(5)),
    };
    assert!(machine.step(&definition, 0, late, &mut || 0.5).is_empty());
}

#[test]
fn a_loop_that_never_waits_ends_as_an_error() {
    let definition = definition(
        "A",
        json!({
            "A": {"Type": "Pass", "Next": "B"},
            "B": {"Type": "Choice", "Choices": [{"Variable": "$.x", "IsPresent": false, "Next": "A"}], "Default": "C"},
            "C": {"Type": "Succeed"},
        }),
    );
    let (end, _) = run(&definition, json!({}), &mut |_, _| Ok(json!(0)));
    assert_eq!(end.unwrap_err().error, "States.Runtime");
}

#[test]
fn what_is_too_large_for_step_functions_is_too_large_at_home() {
    let definition = definition(
        "Ask",
        json!({
            "Ask": task("f", json!({"Next": "Good"})),
            "Good": {"Type": "Succeed"},
            "Caught": {"Type": "Fail", "Error": "Gone", "CausePath": "$.error.Error"},
        }),
    );
    let (end, _) = run(&definition, json!({}), &mut |_, _| {
        Ok(json!("x".repeat(LARGEST_PAYLOAD_BYTES)))
    });
    assert_eq!(end.unwrap_err().error, "States.DataLimitExceeded");
}

proptest! {
    /// Whatever order calls are answered in, and however often the machine is
    /// stored and loaded, the outcome is the same.
    #[test]
    fn the_order_of_answers_does_not_matter(order in prop::collection::vec(0usize..100, 0..60)) {
        let definition = mapped(0);
        let items: Vec<Value> = (0..5).map(|n| json!({"r": n})).collect();
        let mut machine = Machine::new(&definition, "run", json!({"items": items, "t": 0}));
        machine.step(&definition, 0, Event::Start, &mut || 0.5);
        let mut picks = order.into_iter().chain(std::iter::repeat(0));
        let mut counts = [0u64; 5];
        while machine.end().is_none() {
            let stored = serde_json::to_string(&machine).unwrap();
            machine = serde_json::from_str(&stored).unwrap();
            let pending = machine.pending();
            let effect = &pending[picks.next().unwrap() % pending.len()];
            let Effect::Invoke { token, input, .. } = effect else { panic!("no waits here") };
            let count = &mut counts[input["r"].as_u64().unwrap() as usize];
            *count += 1;
            let event = Event::Answered { token: *token, result: Ok(json!(*count)) };
            machine.step(&definition, 0, event, &mut || 0.5);
        }
        let done = machine.end().unwrap().clone().unwrap()["done"].clone();
        prop_assert!(done.as_array().unwrap().iter().all(|d| d["got"] == 2));
    }
}
