//! The description against the golden file, the table of routes, and itself.

use super::*;
use crate::calls::request::{Call, Request};

/// Where the golden file lies; `DLT_UPDATE=1` writes it.
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");

#[test]
fn the_golden_file_is_this() {
    let text = format!("{:#}\n", openapi());
    if std::env::var_os("DLT_UPDATE").is_some() {
        std::fs::write(GOLDEN, &text).unwrap();
    }
    let golden = std::fs::read_to_string(GOLDEN).unwrap_or_default();
    assert!(
        golden == text,
        "the wire has changed: look at it, then run DLT_UPDATE=1 cargo test -p dlt-core openapi"
    );
}

/// The status with which a minimal request of an operation is read.
fn status(method: &str, row: &Row) -> Option<u16> {
    let path = row
        .template
        .replace("{testId}", "a")
        .replace("{testRunId}", "b")
        .replace("{name}", "c");
    let body: &[u8] = match (method, row.template) {
        ("POST", "/scenarios") => b"{}",
        ("POST", template) if template.ends_with("/load") => br#"{"end":true}"#,
        ("POST", _) => br#"{"name":"c"}"#,
        ("PUT", template) if template.ends_with("/note") => br#"{"note":"d"}"#,
        ("PUT", _) => br#"{"testRunId":"b"}"#,
        ("DELETE", template) if template.ends_with("testruns") => br#"["b"]"#,
        _ => b"",
    };
    let request = Request {
        method,
        path: &path,
        query: row.template.ends_with("/compare").then_some("with=d"),
        body,
    };
    Call::read(&request).map(|read| match read {
        Ok(_) => 200,
        Err(refusal) => refusal.status,
    })
}

#[test]
fn what_is_described_is_served_and_nothing_else() {
    for row in TABLE {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"] {
            let there = row.operations.iter().any(|one| one.method == method);
            let expected = if there { 200 } else { 405 };
            let came = status(method, row);
            assert_eq!(came, Some(expected), "{method} {}", row.template);
        }
    }
}

#[test]
fn every_reference_has_its_shape_and_every_shape_is_used() {
    let document = openapi();
    let text = document.to_string();
    let shapes = document["components"]["schemas"].as_object().unwrap();
    assert!(shapes.len() > 40, "{}", shapes.len());
    for part in text.split("\"$ref\":\"").skip(1) {
        let name = part.split('"').next().unwrap();
        let name = name.strip_prefix("#/components/schemas/").expect(name);
        assert!(shapes.contains_key(name), "{name}");
    }
    for name in shapes.keys() {
        let used = text.contains(&format!("#/components/schemas/{name}\""));
        assert!(used, "{name} is used nowhere");
    }
}

#[test]
fn ids_are_the_operations_own() {
    let mut ids: Vec<&str> = TABLE
        .iter()
        .flat_map(|row| row.operations.iter().map(|operation| operation.id))
        .collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
}
