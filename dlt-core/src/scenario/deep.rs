//! Requests that use variables, checks and extractions, for the properties.

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
