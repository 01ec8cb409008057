//! The body as it is stored: in the contract's order, with every default filled in, URLs
//! absolute, and files under the names that were found.

use crate::scenario::execution::Execution;
use crate::scenario::facts::Facts;
use crate::scenario::plan::{Auth, Body, Phase, StepKind, Tool, is_archive};
use crate::scenario::requests::targets::without_user;
use crate::scenario::requests::{Definition, ReadRequest, lists};
use crate::scenario::test_scenario::TestScenario;
use crate::scenario::{Defaults, TaskConfig};
use crate::value::{Map, Value, json};

/// The body in the contract's order with every default, then what is unknown.
pub(super) fn filled(
    raw: &Value,
    facts: &Facts,
    test_scenario: &TestScenario,
    tasks: &[TaskConfig],
    defaults: &Defaults,
) -> Value {
    let mut body = Map::new();
    let mut put = |key: &str, value: Value| body.insert(key.to_owned(), value);
    if let Some(id) = &facts.test_id {
        put("testId", json!(id));
    }
    put("testName", json!(facts.name));
    put("testDescription", json!(facts.description));
    let script = test_scenario
        .definitions
        .iter()
        .find_map(|it| it.script.as_ref());
    let tool = script.and_then(|script| script.tool);
    put("testType", json!(tool.map_or("simple", Tool::name)));
    let file_type = match script {
        None => "none",
        Some(script) if is_archive(&script.path) => "zip",
        Some(_) => "script",
    };
    put("fileType", json!(file_type));
    put(
        "testTaskConfigs",
        filled_tasks(&raw["testTaskConfigs"], tasks),
    );
    put(
        "testScenario",
        filled_test_scenario(&raw["testScenario"], test_scenario),
    );
    put(
        "regionalTaskDetails",
        filled_details(&raw["regionalTaskDetails"], tasks, defaults),
    );
    put("showLive", json!(facts.show_live));
    put("healthyThreshold", json!(facts.healthy_threshold));
    let expressions: Vec<_> = facts
        .thresholds
        .iter()
        .map(|(_, t)| &t.expression)
        .collect();
    put("thresholds", json!(expressions));
    if let Some(tags) = &facts.tags {
        put("tags", json!(tags));
    }
    for (key, value) in raw.as_object().into_iter().flatten() {
        if !body.contains_key(key) {
            body.insert(key.clone(), value.clone());
        }
    }
    Value::Object(body)
}

fn filled_tasks(raw: &Value, tasks: &[TaskConfig]) -> Value {
    let entries = tasks.iter().enumerate().map(|(at, task)| {
        let mut entry = match &raw[at] {
            Value::Null => json!({}),
            entry => entry.clone(),
        };
        entry["region"] = json!(task.region);
        entry["taskCount"] = json!(task.task_count);
        entry["concurrency"] = json!(task.concurrency);
        entry
    });
    entries.collect()
}

fn filled_details(raw: &Value, tasks: &[TaskConfig], defaults: &Defaults) -> Value {
    let mut details = raw.as_object().cloned().unwrap_or_default();
    for task in tasks {
        let known = defaults
            .regions
            .iter()
            .find(|(region, _)| *region == task.region);
        if let Some((region, capacity)) = known
            && !details.contains_key(region.as_str())
        {
            details.insert(region.to_string(), json!({ "dltAvailableTasks": capacity }));
        }
    }
    Value::Object(details)
}

/// `testScenario` with names, methods and ramps written out, URLs absolute and
/// files under the names that were found.
fn filled_test_scenario(raw: &Value, test_scenario: &TestScenario) -> Value {
    let mut plan = raw.clone();
    for (at, definition) in test_scenario.definitions.iter().enumerate() {
        let item = &mut plan["execution"][at];
        item["scenario"] = json!(definition.name);
        let script = definition.script.as_ref();
        if let Some(tool) = script.and_then(|script| script.tool) {
            item["executor"] = json!(tool.name());
        }
        let is_own = test_scenario
            .executions
            .get(at)
            .is_some_and(Execution::is_own);
        if !is_own && item.get("stages").is_none() && item.get("ramp-up").is_none() {
            item["ramp-up"] = json!("0s");
        }
        let scenario = &mut plan["scenarios"][definition.name.as_str()];
        filled_scenario(scenario, definition);
    }
    plan
}

fn filled_scenario(scenario: &mut Value, definition: &Definition) {
    let tls = &definition.tls;
    for (key, path) in [
        ("ca-file", &tls.ca_file),
        ("cert-file", &tls.cert_file),
        ("key-file", &tls.key_file),
    ] {
        if let Some(path) = path {
            scenario["tls"][key] = json!(path);
        }
    }
    for (at, source) in definition.data.iter().enumerate() {
        let entry = &mut scenario["data-sources"][at];
        if entry.is_string() {
            *entry = json!(source.path);
        } else {
            entry["path"] = json!(source.path);
        }
    }
    if let Some(script) = &definition.script {
        scenario["script"] = json!(script.path);
        if scenario.get("files").is_some() {
            scenario["files"] = json!(script.files);
        }
        return;
    }
    if let Some(Value::String(address)) = scenario.get_mut("default-address") {
        *address = without_user(address).0.into_owned();
    }
    filled_requests(scenario, "requests", &definition.steps);
    let once = [
        (Phase::Setup, &definition.setup),
        (Phase::Teardown, &definition.teardown),
    ];
    for (phase, once) in once {
        if let Some(once) = once {
            filled_requests(scenario, phase.name(), &once.steps);
        }
    }
}

/// The requests of one of its lists.
fn filled_requests(scenario: &mut Value, key: &str, steps: &[ReadRequest]) {
    let requests = lists::requests_mut(&mut scenario[key], "");
    for (read, (_, request)) in steps.iter().zip(requests) {
        let step = &read.step;
        if matches!(step.kind, StepKind::Message(_)) {
            if let Body::File(path) = &step.body {
                request["send-file"] = json!(path);
            }
            continue;
        }
        if request.is_string() {
            *request = json!({ "url": request });
        }
        let relative = request["url"]
            .as_str()
            .is_some_and(|url| url.starts_with(['/', '?']));
        if relative || read.of_url.is_some() {
            request["url"] = match &step.url_text {
                Some(text) => json!(text.text),
                None => json!(step.url),
            };
        }
        if let Some(Auth::Basic { username, password }) = &read.of_url {
            // Where secrets are looked for, and not in what is shown as an address.
            request["auth"] = json!({ "basic": { "username": username, "password": password } });
        }
        request["method"] = json!(step.method);
        match &step.body {
            Body::File(path) => request["body-file"] = json!(path),
            Body::Multipart(_, uploads) => {
                for (at, upload) in uploads.iter().enumerate() {
                    request["upload-files"][at]["path"] = json!(upload.path);
                }
            }
            Body::None | Body::Text(_) | Body::Form(_) => {}
        }
    }
}
