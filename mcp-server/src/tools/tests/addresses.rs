//! Requests by address: shown if there were several, and limited in number.

use super::*;

#[test]
fn several_addresses_are_shown_and_limited() {
    let mut canned = CannedBackend::new();
    for (tool, arguments) in [
        ("get_results", json!({"test_id": "Xk29QmWz7B"})),
        (
            "get_test_run",
            Value::Object(required_arguments("get_test_run")),
        ),
    ] {
        let answer = answer_of(&canned, tool, arguments);
        let rows = answer["addresses"].as_array().unwrap();
        assert_eq!(rows.len(), 9);
        assert_eq!(
            rows[0],
            json!({"address": "203.0.113.0:443", "requests": 60_000})
        );
        assert_eq!(rows[8]["address"], "other");
        let all: u64 = rows.iter().filter_map(|row| row["requests"].as_u64()).sum();
        assert_eq!(all, (0..30).map(|n| 60_000 - n).sum::<u64>());
    }
    let run = "/scenarios/Xk29QmWz7B/testruns/p4TqL8vN2c";
    let mut record = crate::tools::fixtures::record(true);
    for (addresses, shown) in [
        (json!([["203.0.113.1:443", 7]]), None),
        (
            json!([["203.0.113.1:443", 7], ["other", 2]]),
            Some(json!([
                {"address": "203.0.113.1:443", "requests": 7}, {"address": "other", "requests": 2},
            ])),
        ),
    ] {
        record["generator"]["addresses"] = addresses;
        canned.put(run, record.clone());
        let answer = answer_of(&canned, "get_results", json!({"test_id": "Xk29QmWz7B"}));
        assert_eq!(answer.get("addresses").cloned(), shown);
    }
}
