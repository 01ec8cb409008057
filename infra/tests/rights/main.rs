//! What the templates allow: read from their text, statement by statement, so that the
//! reasons in comments are seen, too. What each role needs stands in `needs`, and is tried
//! on the emulator; here stands what nobody may have.

mod compared;
mod needs;
mod statements;

use statements::{Statement, all};
use std::collections::BTreeSet;

/// Actions that know no resource, or none that a template can name, with the reason.
const ON_EVERYTHING: [(&str, &str); 16] = [
    ("ec2:DescribeNetworkInterfaces", "has no resource"),
    ("ecr:GetAuthorizationToken", "the token is the account's"),
    ("ecs:ListClusters", "lists have no resource"),
    (
        "ecs:ListTasks",
        "its resource is the container instance, which Fargate has not",
    ),
    (
        "ecs:DescribeTasks",
        "of other clusters too, for the account's quota; else by condition",
    ),
    ("iot:DescribeEndpoint", "has no resource"),
    (
        "iot:AttachPolicy",
        "an identity of Cognito is no resource of IoT's",
    ),
    (
        "iot:DetachPolicy",
        "an identity of Cognito is no resource of IoT's",
    ),
    ("logs:CreateLogDelivery", "log delivery has no resource"),
    ("logs:GetLogDelivery", "log delivery has no resource"),
    ("logs:UpdateLogDelivery", "log delivery has no resource"),
    ("logs:DeleteLogDelivery", "log delivery has no resource"),
    ("logs:ListLogDeliveries", "log delivery has no resource"),
    ("logs:PutResourcePolicy", "the policy is the account's"),
    (
        "logs:DescribeResourcePolicies",
        "the policies are the account's",
    ),
    ("logs:DescribeLogGroups", "lists have no resource"),
];

/// Actions that not everybody may have, and the resources whose policies may.
const OF_FEW: [(&str, &[&str]); 16] = [
    (
        "ec2:DescribeNetworkInterfaces",
        &["ApiRights", "TaskStatusCheckerRights"],
    ),
    ("ecs:RunTask", &["TaskRunnerRights"]),
    ("ecs:TagResource", &["TaskRunnerRights"]),
    ("iam:PassRole", &["ApiRights", "TaskRunnerRights"]),
    (
        "states:StartExecution",
        &["ApiStartRights", "ContinueRights"],
    ),
    ("scheduler:CreateSchedule", &["ApiRights"]),
    ("scheduler:DeleteSchedule", &["ApiRights"]),
    ("iot:AttachPolicy", &["ApiRights"]),
    ("iot:DetachPolicy", &["DetachRights"]),
    ("iot:Connect", &["WatchPolicy", "WatchRights"]),
    ("cognito-idp:AdminCreateUser", &["FirstUserRights"]),
    ("cognito-idp:AdminAddUserToGroup", &["FirstUserRights"]),
    (
        "execute-api:Invoke",
        &["ReadersRole", "WritersRole", "McpRole"],
    ),
    (
        "lambda:InvokeFunction",
        &["WorkflowRole", "ScheduleRights", "GatewayRights"],
    ),
    ("dynamodb:Query", &["ApiRights"]),
    ("bedrock-agentcore:GetGateway", &["GatewayRights"]),
];

fn none(what: &str, offences: Vec<String>) {
    assert!(offences.is_empty(), "{what}:\n{}", offences.join("\n"));
}

#[test]
fn the_templates_are_read() {
    let all = all();
    assert!(all.len() > 80, "{}", all.len());
    let rights = all.iter().filter(|it| !it.has_principal);
    for statement in rights {
        assert!(!statement.actions.is_empty(), "{}", statement.named());
        assert!(!statement.resources.is_empty(), "{}", statement.named());
    }
    let launch = all.iter().find(|it| it.actions == ["ecs:RunTask"]).unwrap();
    assert_eq!(launch.place, "TaskRunnerRights");
    assert!(launch.resources[0].contains("task-definition/"));
}

#[test]
fn every_right_has_its_reason() {
    let bare = all()
        .into_iter()
        .filter(|it| !it.has_reason && !it.has_principal);
    none(
        "allowed without a comment that says why",
        bare.map(|it| it.named()).collect(),
    );
}

#[test]
fn nobody_may_do_everything() {
    let mut offences = Vec::new();
    for statement in all() {
        let wide = |action: &String| action.contains('*');
        if statement.actions.iter().any(wide) {
            offences.push(statement.named());
        }
    }
    none("allowed by a pattern of actions", offences);
}

#[test]
fn everything_is_meant_only_where_nothing_less_can_be() {
    let known: BTreeSet<&str> = ON_EVERYTHING.iter().map(|row| row.0).collect();
    let mut offences = Vec::new();
    for statement in all() {
        let narrow = statement
            .actions
            .iter()
            .all(|action| known.contains(action.as_str()));
        if statement.resources.iter().any(|it| it == "*") && !narrow {
            offences.push(statement.named());
        }
    }
    none("allowed on every resource without a reason here", offences);
}

#[test]
fn no_exception_outlives_its_use() {
    let everywhere = all();
    let used = |action: &str| {
        let here = |it: &&Statement| it.resources.iter().any(|resource| resource == "*");
        let mut wide = everywhere.iter().filter(here);
        wide.any(|it| it.actions.iter().any(|one| one == action))
    };
    let unused = ON_EVERYTHING.iter().filter(|row| !used(row.0));
    none(
        "excepted and not used",
        unused.map(|row| row.0.to_owned()).collect(),
    );
}

#[test]
fn nobody_does_a_neighbours_work() {
    let mut offences = Vec::new();
    for statement in all().iter().filter(|it| !it.has_principal) {
        for (action, few) in OF_FEW {
            let has = statement.actions.iter().any(|it| it == action);
            if has && !few.contains(&statement.place.as_str()) {
                offences.push(statement.named());
            }
        }
    }
    none("allowed to somebody who does not need it", offences);
}

/// Actions on objects of the hub's bucket whose keys begin so.
fn on_objects(prefix: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for statement in all().iter().filter(|it| !it.has_principal) {
        for resource in &statement.resources {
            if resource.contains(prefix) {
                let row = |action: &String| (statement.place.clone(), action.clone());
                found.extend(statement.actions.iter().map(row));
            }
        }
    }
    found
}

#[test]
fn the_secret_of_a_run_is_its_runners() {
    // Of all that begins with start-signal, or of the secret: who may read it?
    let mut readers: Vec<String> = on_objects("/start-signal/*'")
        .into_iter()
        .chain(on_objects("}/start-signal/*"))
        .filter(|row| row.1 == "s3:GetObject")
        .map(|row| row.0)
        .collect();
    readers.sort();
    readers.dedup();
    // Others read what ends in .json there, which the secret does not.
    let by_json = [
        "ApiRights",
        "TaskStatusCheckerRights",
        "TaskRunnerRights",
        "TaskCancelerRights",
        "ResultsParserRights",
    ];
    readers.retain(|place| !by_json.contains(&place.as_str()));
    assert_eq!(readers, ["TaskRole"]);
    for statement in all()
        .iter()
        .filter(|it| by_json.contains(&it.place.as_str()))
    {
        let reads = statement
            .actions
            .iter()
            .any(|action| action == "s3:GetObject");
        let secret = |it: &String| it.contains("start-signal") && !it.ends_with(".json");
        assert!(
            !reads || !statement.resources.iter().any(secret),
            "{}",
            statement.named()
        );
    }
}

#[test]
fn a_runner_deletes_nothing_and_a_user_only_reads_results() {
    for (place, action) in on_objects("/results/*") {
        let writes = action != "s3:GetObject";
        // Task-status-checker keeps there who was dealt a part.
        let may = [
            "TaskRole",
            "ApiRights",
            "ResultsParserRights",
            "TaskStatusCheckerRights",
        ];
        assert!(!writes || may.contains(&place.as_str()), "{place} {action}");
        assert!(place != "TaskRole" || action != "s3:DeleteObject");
    }
}
