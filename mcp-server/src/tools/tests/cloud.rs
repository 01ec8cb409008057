//! Answers with a cloud behind the API: one with canned answers, in which a region may
//! fail and a task may no longer exist.

use super::super::fixtures::{CannedBackend, HOSTILE};
use super::{answer_of, tokens};
use crate::backend::BackendError;
use crate::backend::cloud::{Cloud, TaskArn, TaskDetail};
use async_trait::async_trait;
use serde_json::{Value, json};

const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];

fn arn(region: &str, n: usize) -> String {
    format!("arn:aws:ecs:{region}:111122223333:task/load/{n:04}")
}

/// A cloud that fails in one region and describes every task but the first; even tasks
/// belong to a scenario.
struct CannedCloud {
    failing: &'static str,
}

#[async_trait]
impl Cloud for CannedCloud {
    async fn tasks(
        &self,
        of: &TaskArn<'_>,
        arns: &[&str],
    ) -> Result<Vec<TaskDetail>, BackendError> {
        assert!(arns.len() <= 100 && of.cluster == "load");
        assert!(arns.iter().all(|arn| arn.contains(of.region)));
        if of.region == self.failing {
            return Err(BackendError::Denied(403));
        }
        let known = arns.iter().filter(|arn| !arn.ends_with("/0000"));
        Ok(known
            .map(|arn| TaskDetail {
                arn: (*arn).to_owned(),
                status: Some("RUNNING".to_owned()),
                started_at: Some("2026-11-25T10:00:00.5Z".to_owned()),
                cpu: Some(2_048),
                memory_mb: Some(4_096),
                started_by: Some(if arn.ends_with(['0', '2', '4', '6', '8']) {
                    "Xk29QmWz7B".to_owned()
                } else {
                    HOSTILE.to_owned()
                }),
            })
            .collect())
    }

    async fn stack_status(&self, arn: &str) -> Result<String, BackendError> {
        if arn.contains(self.failing) {
            Err(BackendError::Timeout)
        } else {
            Ok("UPDATE_ROLLBACK_COMPLETE".to_owned())
        }
    }
}

fn with_tasks(count: usize, cloud: Option<CannedCloud>) -> CannedBackend {
    let mut canned = CannedBackend::new();
    let tasks = REGIONS.map(|region| {
        let arns: Vec<String> = (0..count).map(|n| arn(region, n)).collect();
        json!({"region": region, "taskArns": arns})
    });
    canned.put("/tasks", json!(tasks));
    // A server that tells nothing of a run's runners.
    canned.fail(
        "/scenarios/Xk29QmWz7B/testruns/p4TqL8vN2c/runners",
        BackendError::NoRoute,
    );
    let regions = REGIONS.map(|region| {
        json!({"testId": format!("region-{region}"), "region": region, "compatible": true,
            "stackId": format!("arn:aws:cloudformation:{region}:111122223333:stack/load/0f0f")})
    });
    canned.put("/regions", json!({"regions": regions}));
    if let Some(cloud) = cloud {
        canned.set_cloud(cloud);
    }
    canned
}

fn rows(answer: &Value) -> &Vec<Value> {
    answer["tasks"].as_array().unwrap()
}

#[test]
fn tasks_are_described_if_ecs_may_be_queried() {
    let canned = with_tasks(150, Some(CannedCloud { failing: "none" }));
    let arguments = json!({"detail": "tasks", "limit": 100});
    let answer = answer_of(&canned, "get_runners", arguments);
    let known = rows(&answer)
        .iter()
        .filter(|row| row["status"] == "RUNNING");
    assert_eq!((rows(&answer).len(), known.count()), (100, 98));
    let row = &rows(&answer)[4];
    assert_eq!(row["task_id"], "0002");
    assert_eq!(row["test_id"], "Xk29QmWz7B");
    assert_eq!(row["started_at"], "2026-11-25T10:00:00.5Z");
    assert_eq!(
        (row["cpu"].as_u64(), row["memory_mb"].as_u64()),
        (Some(2_048), Some(4_096))
    );
    assert!(answer.get("warnings").is_none() && answer.get("region_errors").is_none());
    assert!(!answer.to_string().contains("hunter2"));
    let short = answer_of(&canned, "get_runners", json!({"detail": "tasks"}));
    assert!(tokens(&short.to_string()) <= super::MOST_ANSWER_TOKENS);

    // To filter by scenario, all tasks are described.
    let arguments = json!({"detail": "tasks", "test_id": "Xk29QmWz7B", "limit": 100});
    let answer = answer_of(&canned, "get_runners", arguments);
    let of_others = rows(&answer)
        .iter()
        .filter(|row| row["test_id"] != "Xk29QmWz7B");
    // Tasks that no longer exist may have belonged to any scenario.
    assert_eq!((rows(&answer).len(), of_others.count()), (100, 2));
}

#[test]
fn a_failing_region_does_not_affect_others() {
    let canned = with_tasks(
        3,
        Some(CannedCloud {
            failing: "us-east-1",
        }),
    );
    let answer = answer_of(&canned, "get_runners", json!({"detail": "tasks"}));
    let error = &answer["region_errors"][0];
    assert_eq!(error["region"], "us-east-1");
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("ecs:DescribeTasks")
    );
    assert_eq!(answer["warnings"][0]["code"], "tasks_detail_unavailable");
    let statuses = rows(&answer).iter().filter(|row| row["status"].is_string());
    assert_eq!((rows(&answer).len(), statuses.count()), (6, 2));

    let answer = answer_of(&canned, "get_regional_stacks", json!({}));
    assert_eq!(
        answer["regions"][0]["stack_status"],
        "UPDATE_ROLLBACK_COMPLETE"
    );
    assert_eq!(answer["regions"][1].get("stack_status"), None);
    assert_eq!(answer["region_errors"][0]["region"], "us-east-1");
}

#[test]
fn without_a_cloud_only_ids_are_answered() {
    let canned = with_tasks(3, None);
    let answer = answer_of(&canned, "get_runners", json!({"detail": "tasks"}));
    assert_eq!(answer["warnings"][0]["code"], "tasks_detail_unavailable");
    assert_eq!(rows(&answer).len(), 6);
    let counts = answer_of(&canned, "get_runners", json!({}));
    assert_eq!(counts.get("warnings"), None);
    let answer = answer_of(&canned, "get_regional_stacks", json!({}));
    assert_eq!(answer["regions"][0].get("stack_status"), None);
    assert_eq!(answer.get("region_errors"), None);
}
