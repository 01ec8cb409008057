//! Requests by address: told when there were several, never many.

use super::*;

#[test]
fn several_addresses_are_told_and_many_are_bounded() {
    let mut canned = Canned::ours();
    for (tool, arguments) in [
        ("get_results", json!({"test_id": "Xk29QmWz7B"})),
        ("get_test_run", Value::Object(least("get_test_run"))),
    ] {
        let answer = good(&canned, tool, arguments);
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
    for (addresses, told) in [
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
        let answer = good(&canned, "get_results", json!({"test_id": "Xk29QmWz7B"}));
        assert_eq!(answer.get("addresses").cloned(), told);
    }
}
