//! The seven tools of DLT 4.2's own MCP server with its arguments, checks and envelope,
//! for agents that were written for it (`DLT_MCP_COMPAT=upstream`). Answers of the API
//! are passed on without shortening, verdict or redaction.

use crate::backend::{Ask, Backend, Reply};
use crate::tools::get_test_run_artifacts::{BUCKET, prefix};
use dlt_core::ids::{TestId, TestRunId};
use serde_json::{Map, Value, json};

const VARIABLE: &str = "DLT_MCP_COMPAT";
/// Length of DLT's ids.
const ID_LENGTH: usize = 10;
/// Default and largest `limit`.
const MOST_RUNS: i64 = 30;
/// The tools of DLT's server.
const TOOLS: [&str; 7] = [
    "list_scenarios",
    "get_scenario_details",
    "list_test_runs",
    "get_test_run",
    "get_latest_test_run",
    "get_baseline_test_run",
    "get_test_run_artifacts",
];
const ARTIFACTS: &str = "Since v4.0.0 each run has a folder of its own (testRunPath); earlier runs \
    share one (testScenarioPath).";

/// Whether the environment turns it on.
pub fn is_on() -> bool {
    std::env::var(VARIABLE).is_ok_and(|value| value == "upstream")
}

/// Whether DLT's server has this tool.
pub fn has_tool(tool: &str) -> bool {
    TOOLS.contains(&tool)
}

/// Status and message of an error in the envelope.
#[derive(Debug)]
struct EnvelopeError(u16, String);

/// A tool's answer in DLT's envelope.
pub async fn call(backend: &dyn Backend, tool: &str, arguments: &Map<String, Value>) -> Value {
    let (status, body) = match answer(backend, tool, arguments).await {
        Ok(value) => (200, value),
        Err(EnvelopeError(status, message)) => (status, json!({ "error": message })),
    };
    json!({
        "statusCode": status,
        "headers": { "Content-Type": "application/json" },
        "body": body.to_string(),
    })
}

/// Checks of arguments, which collect all faults; unknown arguments are ignored.
#[derive(Debug)]
struct Checks<'a> {
    arguments: &'a Map<String, Value>,
    faults: Vec<String>,
}

impl Checks<'_> {
    fn wrong_type(&mut self, name: &str, wanted: &str) {
        let kind = match self.arguments.get(name) {
            None => "undefined",
            Some(Value::Null) => "null",
            Some(Value::Bool(_)) => "boolean",
            Some(Value::Number(_)) => "number",
            Some(Value::String(_)) => "string",
            Some(Value::Array(_)) => "array",
            Some(Value::Object(_)) => "object",
        };
        let text = format!("{name}: Invalid input: expected {wanted}, received {kind}");
        self.faults.push(text);
    }

    fn id(&mut self, name: &str, what: &str) -> String {
        let Some(text) = self.arguments.get(name).and_then(Value::as_str) else {
            self.wrong_type(name, "string");
            return String::new();
        };
        if text.encode_utf16().count() != ID_LENGTH {
            let rule = format!("should be the {ID_LENGTH} character unique id for a {what}");
            self.faults.push(format!("{name}: {name} {rule}"));
        }
        let in_id = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        if text.is_empty() || !text.bytes().all(in_id) {
            self.faults.push(format!("{name}: Invalid {name}"));
        }
        text.to_owned()
    }

    fn limit(&mut self) -> Option<i64> {
        let value = self.arguments.get("limit")?;
        let Some(number) = value.as_f64() else {
            self.wrong_type("limit", "number");
            return None;
        };
        if number.fract() != 0.0 {
            self.wrong_type("limit", "int");
        }
        if number <= 0.0 {
            let text = "limit: Too small: expected number to be >0";
            self.faults.push(text.to_owned());
        }
        if number > MOST_RUNS as f64 {
            let text = "limit: limit must be an integer between 1 and 30";
            self.faults.push(text.to_owned());
        }
        Some(number as i64)
    }

    fn start(&mut self) -> Option<String> {
        let value = self.arguments.get("start_timestamp")?;
        let Some(text) = value.as_str() else {
            self.wrong_type("start_timestamp", "string");
            return None;
        };
        let has_form = text.ends_with('Z') && text.contains('T');
        if !has_form || text.parse::<jiff::Timestamp>().is_err() {
            self.faults.push(
                "start_timestamp: start_timestamp must be a valid ISO 8601 timestamp (e.g. \
                 2025-10-13T16:05:42.123Z)"
                    .to_owned(),
            );
        }
        Some(text.to_owned())
    }

    fn finish(self) -> Result<(), EnvelopeError> {
        if self.faults.is_empty() {
            return Ok(());
        }
        let message = format!("Validation failed: {}", self.faults.join("; "));
        Err(EnvelopeError(400, message))
    }
}

async fn answer(
    backend: &dyn Backend,
    tool: &str,
    arguments: &Map<String, Value>,
) -> Result<Value, EnvelopeError> {
    let mut checks = Checks {
        arguments,
        faults: Vec::new(),
    };
    if tool == "list_scenarios" {
        let ask = Ask::scenarios();
        return body(backend, &ask, || "No scenarios found".to_owned()).await;
    }
    let test = checks.id("test_id", "test scenario");
    match tool {
        "get_scenario_details" => {
            checks.finish()?;
            let ask = Ask::Scenario {
                test: test_id(&test)?,
            };
            body(backend, &ask, || format!("Scenario not found: {test}")).await
        }
        "get_baseline_test_run" => {
            checks.finish()?;
            let ask = Ask::Baseline {
                test: test_id(&test)?,
                data: true,
            };
            body(backend, &ask, || {
                format!("Baseline test run not found: {test}")
            })
            .await
        }
        "get_latest_test_run" => {
            checks.finish()?;
            let rows = runs(backend, &test, 1, None, None).await?;
            Ok(rows[0].clone())
        }
        "list_test_runs" => {
            let (limit, start) = (checks.limit(), checks.start());
            if checks.faults.is_empty() && limit.is_some() && start.is_some() {
                checks.faults.push(
                    "limit.start_timestamp: Cannot use both limit and start_timestamp parameters \
                     - only one may be provided"
                        .to_owned(),
                );
            }
            checks.finish()?;
            let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%3fZ");
            runs(
                backend,
                &test,
                limit.unwrap_or(MOST_RUNS),
                start,
                Some(now.to_string()),
            )
            .await
        }
        _ => {
            let run = checks.id("test_run_id", "test run");
            checks.finish()?;
            let ask = Ask::Run {
                test: test_id(&test)?,
                run: TestRunId::parse(&run).map_err(internal)?,
            };
            let missing = || format!("Test run not found: {test}/{run}");
            let record = body(backend, &ask, missing).await?;
            match tool {
                "get_test_run_artifacts" => artifacts(&test, &run, &record),
                _ => Ok(record),
            }
        }
    }
}

fn internal(_: impl std::fmt::Display) -> EnvelopeError {
    EnvelopeError(500, "Internal server error".to_owned())
}

fn test_id(test: &str) -> Result<TestId, EnvelopeError> {
    TestId::parse(test).map_err(internal)
}

/// The API's answer; its errors are passed on unchanged.
async fn body(
    backend: &dyn Backend,
    ask: &Ask,
    missing: impl Fn() -> String,
) -> Result<Value, EnvelopeError> {
    let failed = |_| EnvelopeError(500, "Internal request failed".to_owned());
    let Reply { status, body } = backend.raw(ask).await.map_err(failed)?;
    if status != 200 {
        return Err(EnvelopeError(status, body));
    }
    match serde_json::from_str(&body).map_err(internal)? {
        Value::Null | Value::Bool(false) => Err(EnvelopeError(404, missing())),
        value => Ok(value),
    }
}

/// Rows of the list of runs; none is an error.
async fn runs(
    backend: &dyn Backend,
    test: &str,
    limit: i64,
    from: Option<String>,
    to: Option<String>,
) -> Result<Value, EnvelopeError> {
    let ask = Ask::Runs {
        test: test_id(test)?,
        limit: limit.unsigned_abs(),
        from,
        to,
        after: None,
    };
    let page = body(backend, &ask, || format!("Test runs not found: {test}")).await?;
    match page["testRuns"].as_array() {
        Some(rows) if !rows.is_empty() => Ok(page["testRuns"].clone()),
        _ => {
            let message = format!("No test runs found for test_id: {test}");
            Err(EnvelopeError(404, message))
        }
    }
}

fn artifacts(test: &str, run: &str, record: &Value) -> Result<Value, EnvelopeError> {
    let Some(start) = record["startTime"].as_str() else {
        return Err(EnvelopeError(500, "Internal request failed".to_owned()));
    };
    let bucket = std::env::var(BUCKET).unwrap_or_default();
    Ok(json!({
        "bucketName": bucket,
        "testRunPath": prefix(test, run, start),
        "testScenarioPath": format!("results/{test}"),
        "description": ARTIFACTS,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::fixtures::{CannedBackend, record};

    fn called(tool: &str, arguments: Value) -> (u64, Value) {
        let arguments = arguments.as_object().cloned().unwrap_or_default();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let envelope = runtime.block_on(call(&CannedBackend::older(), tool, &arguments));
        assert_eq!(
            envelope["headers"],
            json!({"Content-Type": "application/json"})
        );
        let body = serde_json::from_str(envelope["body"].as_str().unwrap()).unwrap();
        (envelope["statusCode"].as_u64().unwrap(), body)
    }

    #[test]
    fn the_api_s_answers_are_put_into_the_envelope() {
        let one = json!({"test_id": "Xk29QmWz7B", "test_run_id": "p4TqL8vN2c", "extra": 1});
        assert_eq!(called("get_test_run", one.clone()), (200, record(false)));
        let (status, rows) = called("list_test_runs", json!({"test_id": "Xk29QmWz7B"}));
        assert_eq!((status, rows.as_array().unwrap().len()), (200, 20));
        let (_, latest) = called("get_latest_test_run", json!({"test_id": "Xk29QmWz7B"}));
        assert_eq!(latest, rows[0]);
        let (_, list) = called("list_scenarios", json!({}));
        assert_eq!(list["Items"].as_array().unwrap().len(), 120);
        let (_, files) = called("get_test_run_artifacts", one);
        assert_eq!(
            files["testRunPath"],
            "results/Xk29QmWz7B/2026-03-01T12-00-05_p4TqL8vN2c"
        );
        assert_eq!(files["testScenarioPath"], "results/Xk29QmWz7B");
    }

    #[test]
    fn errors_have_the_texts_of_dlt_s_server() {
        let error = |tool, arguments| {
            let (status, body) = called(tool, arguments);
            (status, body["error"].as_str().unwrap().to_owned())
        };
        let id = "test_id: test_id should be the 10 character unique id for a test scenario";
        for (tool, arguments, status, message) in [
            ("get_test_run", json!({"test_id": "short", "test_run_id": "p4TqL8vN2c"}), 400, format!("Validation failed: {id}")),
            ("get_scenario_details", json!({"test_id": "bad_id"}), 400, format!("Validation failed: {id}; test_id: Invalid test_id")),
            ("get_scenario_details", json!({}), 400, "Validation failed: test_id: Invalid input: expected string, received undefined".to_owned()),
            ("list_test_runs", json!({"test_id": "Xk29QmWz7B", "limit": 31}), 400, "Validation failed: limit: limit must be an integer between 1 and 30".to_owned()),
            ("list_test_runs", json!({"test_id": "Xk29QmWz7B", "limit": 3, "start_timestamp": "2026-03-01T00:00:00Z"}), 400, "Validation failed: limit.start_timestamp: Cannot use both limit and start_timestamp parameters - only one may be provided".to_owned()),
            ("get_test_run", json!({"test_id": "Xk29QmWz7B", "test_run_id": "aaaaaaaaaa"}), 404, "\"TESTRUN_NOT_FOUND: nothing there\"".to_owned()),
        ] {
            assert_eq!(error(tool, arguments), (status, message));
        }
    }
}
