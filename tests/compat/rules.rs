//! Rules of the API that look at other things than the request: versions of
//! regions, room, what a scenario is doing.

use async_trait::async_trait;
use dlt_core::calls::answers::{RegionInfo, StackInfo, VcpuDetails};
use dlt_core::ids::Region;
use dlt_core::run::Status;
use dlt_pipeline::error::PipelineError;
use dlt_pipeline::regions::{RegionRoom, Regions};
use dlt_tests::documents::{Document, Operation};
use dlt_tests::world::Stand;
use serde_json::{Value, json};
use std::sync::Arc;

/// Regions whose stacks have these versions.
struct Versions(Vec<(&'static str, Option<&'static str>)>);

#[async_trait]
impl Regions for Versions {
    async fn list(&self) -> Result<Vec<RegionRoom>, PipelineError> {
        let room = |(name, version): &(&str, Option<&str>)| RegionRoom {
            dlt_version: None,
            region: Region::parse(name).expect("a region"),
            info: RegionInfo {
                test_id: format!("region-{name}"),
                region: (*name).to_owned(),
                task_cluster: "load-cluster".to_owned(),
                task_definition: None,
                ecs_cloud_watch_log_group: None,
                subnet_a: None,
                subnet_b: None,
                task_security_group: None,
                task_role_arn: None,
                execution_role_arn: None,
                version: version.map(str::to_owned),
                stack_id: None,
                deployment_date: None,
                compatible: None,
                incompatibility_reason: None,
            },
            vcpus: VcpuDetails {
                limit: 8,
                per_task: 2,
                in_use: 0,
            },
        };
        Ok(self.0.iter().map(room).collect())
    }

    async fn stack(&self) -> Result<StackInfo, PipelineError> {
        Err(PipelineError::Other("not asked for".to_owned()))
    }
}

fn body(regions: &[&str]) -> Value {
    let configs: Vec<Value> = regions
        .iter()
        .map(|region| json!({"region": region, "taskCount": 1, "concurrency": 1}))
        .collect();
    let details: serde_json::Map<String, Value> = regions
        .iter()
        .map(|region| ((*region).to_owned(), json!({"dltAvailableTasks": 4})))
        .collect();
    json!({
        "testId": "rules1", "testName": "rules", "testDescription": "made by a test",
        "testType": "simple", "showLive": false,
        "testTaskConfigs": configs,
        "testScenario": {
            "execution": [{"ramp-up": "0s", "hold-for": "1s", "scenario": "rules"}],
            "scenarios": {"rules": {"requests": [{"url": "http://127.0.0.1:9/", "method": "GET"}]}},
        },
        "regionalTaskDetails": details,
    })
}

/// The refusal's text.
#[track_caller]
fn refused(stand: &Stand, body: &Value, status: u16) -> String {
    let (came, answer) = stand.ask("POST", "/scenarios", body.to_string().as_bytes());
    let text = String::from_utf8_lossy(&answer).into_owned();
    assert_eq!(came, status, "{text}");
    serde_json::from_str(&text).expect("a JSON string")
}

#[test]
fn regions_of_other_versions_take_no_run() {
    let mut stand = Stand::new();
    stand.world.regions = Arc::new(Versions(vec![
        ("lo-fit-1", Some("v4.2.3")),
        ("lo-fit-2", Some("custom-v4.1.0-beta")),
        ("lo-old-1", Some("v4.0.9")),
        ("lo-new-1", Some("v4.2.4")),
        ("lo-odd-1", Some("latest")),
        ("lo-none-1", None),
    ]));
    let regions = stand.done("GET", "/regions", &Value::Null);
    let compatible: Vec<bool> = regions["regions"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|region| {
            let fits = region["compatible"] == true;
            assert_eq!(
                region.get("incompatibilityReason").is_none(),
                fits,
                "{region}"
            );
            fits
        })
        .collect();
    assert_eq!(compatible, [true, true, false, false, false, false]);
    for wrong in ["lo-old-1", "lo-new-1", "lo-odd-1", "lo-none-1"] {
        for save in [false, true] {
            let mut body = body(&["lo-fit-1", wrong]);
            body["saveOnly"] = json!(save);
            let said = refused(&stand, &body, 400);
            let code = format!("INCOMPATIBLE_REGIONAL_STACKS: {wrong}: ");
            assert!(said.starts_with(&code), "{said}");
        }
        // A schedule is kept: the region may be brought up to date meanwhile.
        let mut later = body(&[wrong]);
        later["scheduleStep"] = json!("create");
        later["scheduleDate"] = json!("2026-12-31");
        later["scheduleTime"] = json!("22:30");
        assert_eq!(
            stand.done("POST", "/scenarios", &later)["status"],
            "scheduled"
        );
        stand.done("DELETE", "/scenarios/rules1", &Value::Null);
    }
    let both = refused(&stand, &body(&["lo-old-1", "lo-new-1"]), 400);
    assert!(
        both.contains("lo-old-1: ") && both.contains("; lo-new-1: "),
        "{both}"
    );
    let fitting = stand.done("POST", "/scenarios", &body(&["lo-fit-1", "lo-fit-2"]));
    assert_eq!(fitting["status"], "queued");
}

#[test]
fn what_a_region_cannot_hold_is_refused_and_nothing_kept() {
    let stand = Stand::new();
    let unknown = refused(&stand, &body(&["lo-other-1"]), 400);
    assert!(unknown.starts_with("InvalidRegionRequest: "), "{unknown}");
    let mut large = body(&["lo-home-1"]);
    large["testTaskConfigs"][0]["taskCount"] = json!(5);
    large["regionalTaskDetails"]["lo-home-1"]["dltAvailableTasks"] = json!(5);
    let said = refused(&stand, &large, 400);
    assert!(
        said.starts_with("InvalidParameter: region lo-home-1 holds 4"),
        "{said}"
    );
    assert_eq!(
        stand.done("GET", "/scenarios", &Value::Null),
        json!({"Items": []})
    );
}

#[test]
fn a_scenario_that_runs_is_left_alone() {
    let stand = Stand::new();
    let running = body(&["lo-home-1"]);
    stand.done("POST", "/scenarios", &running);
    let mut save = running.clone();
    save["saveOnly"] = json!(true);
    save["testName"] = json!("another name");
    for body in [&running, &save] {
        assert!(refused(&stand, body, 409).starts_with("TEST_RUNNING: "));
    }
    let (status, _) = stand.ask("DELETE", "/scenarios/rules1", b"");
    assert_eq!(status, 409);
    let kept = stand.done("GET", "/scenarios/rules1", &Value::Null);
    assert_eq!(
        (&kept["testName"], &kept["totalTestRuns"]),
        (&json!("rules"), &json!(1))
    );
}

#[test]
fn a_baseline_whose_run_is_gone_says_so() {
    let stand = Stand::new();
    let mut kept = body(&["lo-home-1"]);
    kept["saveOnly"] = json!(true);
    stand.done("POST", "/scenarios", &kept);
    stand.store_run("rules1", "lost", Status::Complete, "2026-03-03 09:15:02");
    let path = "/scenarios/rules1/baseline";
    stand.done("PUT", path, &json!({"testRunId": "lost"}));
    stand.lose_run("rules1", "lost");
    let orphaned = stand.done("GET", path, &Value::Null);
    assert_eq!(orphaned["baselineId"], "lost");
    assert_eq!(orphaned.get("testRunDetails"), Some(&Value::Null));
    assert!(orphaned["warning"].is_string(), "{orphaned}");
    let contract = Document::contract();
    let operation = Operation {
        template: "/scenarios/{testId}/baseline".to_owned(),
        method: "get".to_owned(),
    };
    let schema = &contract.answer(&operation, 200).unwrap()["schema"];
    assert_eq!(
        contract.faults(schema, &orphaned, true),
        Vec::<String>::new()
    );
    let without = stand.done("GET", &format!("{path}?data=false"), &Value::Null);
    assert_eq!(
        (without.get("warning"), without.get("testRunDetails")),
        (None, None)
    );
    // It can still be cleared, or replaced.
    stand.done("DELETE", path, &Value::Null);
}
