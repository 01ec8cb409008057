//! Properties of Taurus files: whatever one holds is answered, and both forms are one.

use super::tests::read;
use crate::scenario::tests::{defaults, files};
use crate::scenario::*;
use proptest::prelude::*;

fn leaf() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::json;
    prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|flag| json!(flag)),
        (0u32..200).prop_map(|number| json!(number)),
        prop::sample::select(vec![
            "http://h/",
            "/",
            "a",
            "b",
            "10s",
            "${__P(a,1)}",
            "uniform(1,2)",
            "pause",
            "passfail",
            "",
        ])
        .prop_map(|text| json!(text)),
    ]
}

fn tree() -> impl Strategy<Value = serde_json::Value> {
    let keys = [
        "execution",
        "scenarios",
        "scenario",
        "requests",
        "url",
        "body",
        "headers",
        "assert",
        "loop",
        "do",
        "include-scenario",
        "transaction",
        "action",
        "pause-duration",
        "think-time",
        "concurrency",
        "steps",
        "ramp-up",
        "hold-for",
        "reporting",
        "services",
        "module",
        "criteria",
        "modules",
        "jmeter",
        "properties",
        "settings",
        "a",
        "b",
        "data-sources",
        "authorization",
        "extract-jsonpath",
        "upload-files",
        "method",
    ];
    leaf().prop_recursive(5, 60, 5, move |inner| {
        let object =
            prop::collection::vec((prop::sample::select(keys.to_vec()), inner.clone()), 0..5);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(serde_json::Value::from),
            object.prop_map(|pairs| {
                let pairs = pairs
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value));
                serde_json::Value::Object(pairs.collect())
            }),
        ]
    })
}

proptest! {
    /// Whatever a file holds, it is read or refused with a reason, by paths of the file.
    #[test]
    fn any_file_is_answered(execution in tree(), scenarios in tree(), rest in tree()) {
        let mut file = serde_json::json!({ "execution": execution, "scenarios": scenarios });
        if let Some(rest) = rest.as_object() {
            for (key, value) in rest {
                file.as_object_mut().unwrap().entry(key.clone()).or_insert(value.clone());
            }
        }
        match read(&file.to_string()) {
            Ok(scenario) => {
                // What is stored is read again as the same.
                let again = scenario.body.to_string();
                let again = Scenario::from_text(
                    again.as_bytes(), Format::Json, &defaults(), Outside::files(&files), Purpose::Run,
                );
                prop_assert_eq!(again.map(|again| again.plan), Ok(scenario.plan));
            }
            Err(Faults(faults)) => {
                prop_assert!(!faults.is_empty());
                for fault in faults {
                    prop_assert!(!fault.path.starts_with("testScenario."), "{}: {}", fault.path, fault.reason);
                    prop_assert!(!fault.reason.is_empty());
                }
            }
        }
    }

    /// The same scenario in both forms is the same plan.
    #[test]
    fn both_forms_are_one(users in 1u64..50, hold in 1u64..100, count in 1usize..5, pause in 0u64..9) {
        let requests: Vec<_> = (0..count)
            .map(|at| serde_json::json!({ "url": format!("/{at}"), "think-time": pause }))
            .collect();
        let execution = serde_json::json!([{ "scenario": "a", "concurrency": users, "hold-for": hold }]);
        let scenarios = serde_json::json!({ "a": { "default-address": "http://h", "requests": requests } });
        let taurus = serde_json::json!({ "execution": execution, "scenarios": scenarios });
        let ours = serde_json::json!({ "testScenario": taurus });
        let plans = [taurus, ours].map(|file| read(&file.to_string()).map(|read| (read.plan, read.warnings)));
        prop_assert_eq!(&plans[0], &plans[1]);
        prop_assert!(plans[0].is_ok());
    }
}
