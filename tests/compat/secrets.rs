//! What the API shows of a scenario's secrets: nothing, unless it is asked for; what it
//! stores of them with a run: nothing; and what becomes of an answer that a client posts
//! again, as DLT's command does.

use dlt_tests::world::Stand;
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use std::fs;
use std::io::Read as _;
use std::path::Path;

/// In every secret, and nowhere else.
const SECRET: &str = "S3cr3t";

fn body() -> Value {
    json!({
        "testId": "secret1", "testName": "secrets", "testDescription": "made by a test",
        "testType": "simple", "showLive": false,
        "testTaskConfigs": [{ "region": "lo-home-1", "taskCount": 1, "concurrency": 1 }],
        "testScenario": {
            "execution": [{ "ramp-up": "0s", "hold-for": "1s", "scenario": "shop" }],
            "scenarios": { "shop": {
                "headers": { "Cookie": "sid=S3cr3t-cookie" },
                "variables": { "db_password": "S3cr3t-variable", "auth_host": "127.0.0.1" },
                "requests": [
                    { "url": "http://me:S3cr3t-user@${auth_host}:9/a?token=S3cr3t-query", "method": "POST",
                      "headers": { "X-Api-Key": "S3cr3t-header" },
                      "body": "{\"user\":\"me\",\"password\":\"S3cr3t-body\"}" },
                    { "url": "http://127.0.0.1:9/b", "method": "GET", "auth": { "bearer": "S3cr3t-bearer" } },
                ],
            } },
        },
        "regionalTaskDetails": { "lo-home-1": { "dltAvailableTasks": 4 } },
    })
}

/// What DLT's command posts to start a scenario that it has read (api-behaviour.md 10).
fn reposted(record: &Value) -> Value {
    let mut again = json!({ "regionalTaskDetails": body()["regionalTaskDetails"] });
    for key in [
        "testId",
        "testName",
        "testDescription",
        "testType",
        "showLive",
        "testScenario",
        "fileType",
    ] {
        again[key] = record[key].clone();
    }
    let reduced = |config: &Value| {
        json!({
            "region": config["region"], "taskCount": config["taskCount"], "concurrency": config["concurrency"],
        })
    };
    let configs = record["testTaskConfigs"].as_array().expect("a list");
    again["testTaskConfigs"] = configs.iter().map(reduced).collect();
    again
}

/// All bytes of a folder's files, unpacked where they are packed.
fn everything(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            everything(&path, found);
            continue;
        }
        let bytes = fs::read(&path).expect("a file");
        let mut text = Vec::new();
        if GzDecoder::new(&bytes[..]).read_to_end(&mut text).is_err() {
            text = bytes;
        }
        found.push((
            path.display().to_string(),
            String::from_utf8_lossy(&text).into_owned(),
        ));
    }
}

#[test]
fn no_answer_holds_a_secret_unless_it_is_asked_for() {
    let stand = Stand::new();
    let mut saved = body();
    saved["saveOnly"] = json!(true);
    let answer = stand.done("POST", "/scenarios", &saved);
    let read = stand.done("GET", "/scenarios/secret1", &Value::Null);
    let whole = stand.done("GET", "/scenarios/secret1?secrets=true", &Value::Null);
    for shown in [&answer, &read] {
        let text = shown.to_string();
        assert!(
            !text.contains(SECRET) && text.contains("[redacted]"),
            "{text}"
        );
    }
    for what in [
        "cookie", "variable", "user", "query", "header", "body", "bearer",
    ] {
        assert!(
            whole.to_string().contains(&format!("{SECRET}-{what}")),
            "{what}: {whole}"
        );
    }
    // Posted again as it was shown, and as it is: nothing is lost.
    for again in [&read, &whole] {
        let mut again = reposted(again);
        again["saveOnly"] = json!(true);
        stand.done("POST", "/scenarios", &again);
        let after = stand.done("GET", "/scenarios/secret1?secrets=true", &Value::Null);
        assert_eq!(after["testScenario"], whole["testScenario"]);
    }
}

#[test]
fn a_run_is_made_with_the_secrets_and_stored_without() {
    let stand = Stand::new();
    let mut saved = body();
    saved["saveOnly"] = json!(true);
    stand.done("POST", "/scenarios", &saved);
    let whole = stand.done("GET", "/scenarios/secret1?secrets=true", &Value::Null);
    let read = stand.done(
        "GET",
        "/scenarios/secret1?history=false&latest=false",
        &Value::Null,
    );
    let started = stand.done("POST", "/scenarios", &reposted(&read));
    assert!(!started.to_string().contains(SECRET), "{started}");
    let run = started["testRunId"].as_str().expect("a run");
    let path = format!("/scenarios/secret1/testruns/{run}");
    let record = stand.done("GET", &path, &Value::Null);
    let listed = stand.done("GET", "/scenarios/secret1/testruns", &Value::Null);
    let history = stand.done("GET", "/scenarios/secret1", &Value::Null);
    for shown in [&record, &listed, &history] {
        assert!(!shown.to_string().contains(SECRET), "{shown}");
    }
    // What runners fetch has them, what readers may fetch has none.
    let mut files = Vec::new();
    everything(stand.path(), &mut files);
    let (given, kept): (Vec<_>, Vec<_>) = files
        .iter()
        .filter(|(name, _)| name.contains("test-scenarios/") || name.contains("/results/"))
        .partition(|(name, _)| name.contains("test-scenarios/"));
    assert!(!given.is_empty() && !kept.is_empty(), "{files:?}");
    assert!(given.iter().all(|(_, text)| text.contains("S3cr3t-bearer")));
    for (name, text) in kept {
        assert!(!text.contains(SECRET), "{name}: {text}");
    }
    // Asked for, they are the scenario's, and that is told.
    let asked = stand.done("GET", &format!("{path}?secrets=true"), &Value::Null);
    let shop = |of: &Value| of["testScenario"]["scenarios"]["shop"].clone();
    assert_eq!(shop(&asked), shop(&whole));
    let told = asked["warnings"].to_string();
    assert!(told.contains("stored without secrets"), "{told}");
}

#[test]
fn a_placeholder_that_stands_for_nothing_is_refused_and_nothing_kept() {
    let stand = Stand::new();
    let mut saved = body();
    saved["saveOnly"] = json!(true);
    stand.done("POST", "/scenarios", &saved);
    let read = stand.done("GET", "/scenarios/secret1", &Value::Null);
    // As another scenario: it has none of these secrets.
    let mut other = reposted(&read);
    other["testId"] = json!("secret2");
    let (status, told) = stand.ask("POST", "/scenarios", other.to_string().as_bytes());
    let told = String::from_utf8_lossy(&told).into_owned();
    assert_eq!(status, 400, "{told}");
    let shop = "testScenario.scenarios.shop";
    for path in [
        "headers.Cookie",
        "variables.db_password",
        "requests[0].url",
        "requests[0].headers.X-Api-Key",
        "requests[0].body",
        "requests[1].auth.bearer",
    ] {
        assert!(
            told.contains(&format!("{shop}.{path}: is [redacted]")),
            "{path}: {told}"
        );
    }
    assert!(!told.contains(SECRET), "{told}");
    assert_eq!(stand.ask("GET", "/scenarios/secret2", b"").0, 404);
}
