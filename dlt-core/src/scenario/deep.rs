//! Requests that use variables, checks and extractions, for the properties.

use crate::scenario::limits::*;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A request that uses variables, checks answers and takes values out of them.
pub(super) fn deep_request() -> impl Strategy<Value = Value> {
    let carries = prop::sample::select(vec![
        json!({ "body": "{\"who\": \"${who}\", \"at\": \"${base}\"}" }),
        json!({ "form": { "who": "${who}", "n": 5, "token": "${token}" } }),
        json!({ "upload-files": [{ "param": "f", "path": "f.png", "mime-type": "image/png" }], "form": { "a": "b" } }),
        json!({ "body-file": "big.bin", "label": "see ${who}" }),
    ]);
    let auth = prop::sample::select(vec![
        json!("none"),
        json!({ "bearer": "${token}" }),
        json!({ "basic": { "username": "${who}", "password": "s3" } }),
    ]);
    let reads = prop::sample::select(vec![
        json!({ "extract-jsonpath": { "token": "$.token", "id": { "jsonpath": "$..id", "default": 0 } } }),
        json!({ "extract-regexp": { "token": "token=([a-z]+)", "id": { "regexp": "a(b)(c)", "template": 2, "match-no": 3, "subject": "headers" } } }),
        json!({ "assert": ["ok", { "contains": ["2.."], "subject": "http-code" }, { "contains": "no", "regexp": false, "not": true }] }),
        json!({ "assert-jsonpath": ["$.a", { "jsonpath": "$.b", "expected-value": "x+", "invert": true }, { "jsonpath": "$.c", "expected-value": 5, "regexp": false }] }),
    ]);
    let url = prop::sample::select(vec![
        "/orders/${id}",
        "${base}/x?who=${who}",
        "http://h:80/${token}",
        "${id}",
    ]);
    (url, carries, auth, reads).prop_map(|(url, carries, auth, reads)| {
        let mut request =
            json!({ "url": url, "method": "POST", "auth": auth, "headers": { "X-Who": "${who}" } });
        for part in [carries, reads] {
            for (key, value) in part.as_object().into_iter().flatten() {
                request[key] = value.clone();
            }
        }
        request
    })
}

/// (where, just inside, just outside), of variables, checks and the like.
pub(super) fn limits() -> Vec<(&'static str, Value, Value)> {
    let many = |n: usize, value: Value| Value::Array(vec![value; n]);
    let variables = |n: usize| {
        (0..n)
            .map(|n| (format!("v{n}"), json!(n)))
            .collect::<Value>()
    };
    let columns = |n: usize| {
        let names: Vec<_> = (0..n).map(|n| format!("c{n}")).collect();
        json!([{ "path": "a.csv", "variable-names": names }])
    };
    let nested = |n: usize| format!("$[?{}@.a{}]", "(".repeat(n - 1), ")".repeat(n - 1));
    let upload = json!({ "param": "f", "path": "f.png" });
    vec![
        (
            "S/variables",
            variables(MOST_VARIABLES),
            variables(MOST_VARIABLES + 1),
        ),
        (
            "S/variables",
            json!({ "a": "x".repeat(LONGEST_VARIABLE) }),
            json!({ "a": "x".repeat(LONGEST_VARIABLE + 1) }),
        ),
        (
            "S/variables",
            json!({ "x".repeat(LONGEST_VARIABLE_NAME): 1 }),
            json!({ "x".repeat(LONGEST_VARIABLE_NAME + 1): 1 }),
        ),
        (
            "S/data-sources",
            many(MOST_DATA_SOURCES, json!("a.csv")),
            many(MOST_DATA_SOURCES + 1, json!("a.csv")),
        ),
        (
            "S/data-sources",
            columns(MOST_COLUMNS),
            columns(MOST_COLUMNS + 1),
        ),
        (
            "R/form",
            variables(MOST_FORM_FIELDS),
            variables(MOST_FORM_FIELDS + 1),
        ),
        (
            "R/upload-files",
            many(MOST_UPLOADS, upload.clone()),
            many(MOST_UPLOADS + 1, upload),
        ),
        (
            "R/assert",
            many(MOST_CHECKS, json!("a")),
            many(MOST_CHECKS + 1, json!("a")),
        ),
        (
            "R/assert-jsonpath",
            json!(["$.".to_owned() + &"x".repeat(LONGEST_PATTERN - 2)]),
            json!(["$.".to_owned() + &"x".repeat(LONGEST_PATTERN - 1)]),
        ),
        (
            "R/assert-jsonpath",
            json!([nested(DEEPEST_QUERY)]),
            json!([nested(DEEPEST_QUERY + 1)]),
        ),
        (
            "R/extract-regexp",
            json!({ "a": "x".repeat(LONGEST_PATTERN) }),
            json!({ "a": "x".repeat(LONGEST_PATTERN + 1) }),
        ),
    ]
}
