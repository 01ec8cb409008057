//! What each role needs, and where it is called. It is compared with what the templates allow in
//! `compared`; that a role needs no less is tried on the emulator, which holds calls against these
//! very policies.

/// A right, and where it is used: `file: call` of this repository, else who uses it and
/// for what. Of objects the right is told with their keys.
pub type Need = (&'static str, &'static str);

const LOG: &[Need] = &[
    (
        "logs:CreateLogStream",
        "Lambda, for what the function prints",
    ),
    ("logs:PutLogEvents", "Lambda, for what the function prints"),
];
/// The run, and the scenario's status, which each function of the workflow reads and
/// changes; a scenario that is too large for its row.
const RUN: &[Need] = &[
    (
        "dynamodb:GetItem",
        "pipeline/src/store/dynamodb.rs: .get_item(",
    ),
    (
        "dynamodb:PutItem",
        "pipeline/src/store/dynamodb.rs: .put_item(",
    ),
    (
        "s3:GetObject test-scenarios/*",
        "pipeline/src/scenarios/dynamodb.rs: self.objects.get(",
    ),
    (
        "s3:PutObject test-scenarios/*",
        "pipeline/src/scenarios/dynamodb.rs: self.objects.put(",
    ),
    (
        "s3:DeleteObject test-scenarios/*",
        "pipeline/src/scenarios/dynamodb.rs: self.objects.delete(",
    ),
    (
        "s3:ListBucket",
        "pipeline/src/objects/s3.rs: .list_objects_v2(",
    ),
    ("iot:Publish", "pipeline/src/live/iot.rs: .publish("),
];
/// Regions and their runners.
const LOOK: &[Need] = &[
    ("dynamodb:Scan", "pipeline/src/regions/dynamodb.rs: .scan("),
    ("ecs:ListTasks", "pipeline/src/fleet/ecs.rs: .list_tasks("),
    (
        "ecs:DescribeTasks",
        "pipeline/src/fleet/ecs.rs: .describe_tasks(",
    ),
    (
        "s3:GetObject start-signal/*/launched.json",
        "pipeline/src/fleet/ecs.rs: self.objects.get(",
    ),
];
const STOP: &[Need] = &[("ecs:StopTask", "pipeline/src/fleet/ecs.rs: .stop_task(")];
const WATCH: &[Need] = &[
    ("iot:Connect", "cli/src/client/iot.rs: presigned("),
    ("iot:Subscribe", "cli/src/client/mqtt.rs: SUBSCRIBE"),
    ("iot:Receive", "cli/src/client/mqtt.rs: SUBSCRIBE"),
];
const API: &[Need] = &[
    (
        "ec2:DescribeNetworkInterfaces",
        "pipeline/src/clients/ec2.rs: request.text(",
    ),
    (
        "cloudformation:DescribeStacks",
        "pipeline/src/regions/cloudformation.rs: .describe_stacks(",
    ),
    (
        "dynamodb:DeleteItem",
        "pipeline/src/store/dynamodb.rs: .delete_item(",
    ),
    ("dynamodb:Query", "pipeline/src/runs/dynamodb.rs: .query("),
    (
        "ecs:ListClusters",
        "pipeline/src/regions/cloudformation.rs: .list_clusters(",
    ),
    (
        "iam:PassRole",
        "pipeline/src/schedules/eventbridge.rs: .role_arn(",
    ),
    (
        "iot:AttachPolicy",
        "pipeline/src/clients/iot.rs: attach_policy(",
    ),
    (
        "s3:PutObject public/test-scenarios/*",
        "pipeline/src/api/uploads.rs: Verb::Put",
    ),
    (
        "s3:DeleteObject public/test-scenarios/*",
        "pipeline/src/api/uploads.rs: .delete(",
    ),
    (
        "s3:GetObject results/*",
        "pipeline/src/api/mod.rs: .link(key, Verb::Get",
    ),
    (
        "s3:PutObject results/*",
        "pipeline/src/functions/records.rs: scenario_as_run(",
    ),
    (
        "s3:PutObject answers/*",
        "pipeline/src/api/lambda.rs: .put(",
    ),
    (
        "s3:GetObject answers/*",
        "pipeline/src/api/lambda.rs: Verb::Get",
    ),
    (
        "s3:PutObject start-signal/*/secret",
        "pipeline/src/functions/start.rs: Access::Secret",
    ),
    (
        "s3:PutObject start-signal/*/changes.json",
        "pipeline/src/functions/load_changes.rs: objects.put(",
    ),
    (
        "s3:DeleteObject start-signal/*",
        "pipeline/src/functions/stalled.rs: .delete(",
    ),
    (
        "scheduler:CreateSchedule",
        "pipeline/src/schedules/eventbridge.rs: .create_schedule(",
    ),
    (
        "scheduler:UpdateSchedule",
        "pipeline/src/schedules/eventbridge.rs: .update_schedule(",
    ),
    (
        "scheduler:GetSchedule",
        "pipeline/src/schedules/eventbridge.rs: .get_schedule(",
    ),
    (
        "scheduler:DeleteSchedule",
        "pipeline/src/schedules/eventbridge.rs: .delete_schedule(",
    ),
    (
        "servicequotas:GetServiceQuota",
        "pipeline/src/regions/cloudformation.rs: .get_service_quota(",
    ),
    (
        "states:StartExecution",
        "pipeline/src/executions/stepfunctions.rs: .start_execution(",
    ),
    (
        "states:DescribeExecution",
        "pipeline/src/executions/stepfunctions.rs: .describe_execution(",
    ),
];
const STATUS_CHECKER: &[Need] = &[
    (
        "ec2:DescribeNetworkInterfaces",
        "pipeline/src/clients/ec2.rs: request.text(",
    ),
    (
        "s3:PutObject results/*/public-addresses.json",
        "pipeline/src/functions/public_addresses.rs: world.objects.put(",
    ),
    (
        "s3:PutObject start-signal/*/start.json",
        "pipeline/src/functions/provision.rs: keys::start(",
    ),
    (
        "s3:PutObject results/*/dealt.json",
        "pipeline/src/functions/dealt.rs: .put(",
    ),
    (
        "s3:GetObject start-signal/*.json",
        "pipeline/src/functions/provision.rs: keys::leader_ready(",
    ),
    (
        "s3:GetObject results/*",
        "pipeline/src/functions/watch.rs: .read(",
    ),
    (
        "states:StartExecution",
        "pipeline/src/functions/hand_over.rs: .start(",
    ),
];
const LAUNCH: &[Need] = &[
    ("ecs:RunTask", "pipeline/src/fleet/ecs.rs: .run_task("),
    ("ecs:TagResource", "pipeline/src/fleet/ecs.rs: .tags("),
    (
        "iam:PassRole",
        "ECS, for the two roles of a task that is launched",
    ),
];
const RUNNER_FILES: &[Need] = &[
    (
        "s3:PutObject start-signal/*/launched.json",
        "pipeline/src/fleet/ecs.rs: self.objects.put(",
    ),
    (
        "s3:PutObject start-signal/*/workers.json",
        "pipeline/src/functions/provision.rs: keys::workers(",
    ),
    (
        "s3:DeleteObject start-signal/*/leader-ready.json",
        "pipeline/src/functions/provision.rs: .delete(",
    ),
];
const CANCELER: &[Need] = &[(
    "s3:DeleteObject start-signal/*",
    "pipeline/src/functions/cancel.rs: .delete(",
)];
const RESULTS: &[Need] = &[
    (
        "s3:GetObject results/*",
        "pipeline/src/functions/results.rs: .get(",
    ),
    (
        "s3:PutObject results/*",
        "pipeline/src/functions/packed.rs: .put(",
    ),
];
const REGISTER: &[Need] = &[
    (
        "dynamodb:PutItem",
        "pipeline/src/regions/dynamodb.rs: .put_item(",
    ),
    (
        "dynamodb:DeleteItem",
        "pipeline/src/regions/dynamodb.rs: .delete_item(",
    ),
];
const BOOTSTRAP: &[Need] = &[
    (
        "cognito-idp:AdminCreateUser",
        "pipeline/src/clients/cognito.rs: \"AdminCreateUser\"",
    ),
    (
        "cognito-idp:AdminAddUserToGroup",
        "pipeline/src/clients/cognito.rs: \"AdminAddUserToGroup\"",
    ),
    (
        "iot:DescribeEndpoint",
        "pipeline/src/clients/iot.rs: /endpoint?",
    ),
    (
        "iot:ListTargetsForPolicy",
        "pipeline/src/clients/iot.rs: /policy-targets/",
    ),
    (
        "iot:DetachPolicy",
        "pipeline/src/clients/iot.rs: detach_policy(",
    ),
    (
        "s3:GetObject of the archive",
        "pipeline/src/aws/bootstrap/s3.rs: .get_object(",
    ),
    (
        "s3:PutObject *",
        "pipeline/src/aws/bootstrap/s3.rs: .put_object(",
    ),
    (
        "s3:DeleteObject *",
        "pipeline/src/aws/bootstrap/s3.rs: .delete_object(",
    ),
    (
        "s3:ListBucket",
        "pipeline/src/aws/bootstrap/s3.rs: .list_objects_v2(",
    ),
];
const PUBLISHER: &[Need] = &[("iot:Publish", "pipeline/src/bin/lambda.rs: .publish(")];
const RUNNER: &[Need] = &[
    (
        "s3:GetObject test-scenarios/*",
        "worker/src/lifecycle/mod.rs: keys::scenario(",
    ),
    (
        "s3:GetObject public/*",
        "worker/src/lifecycle/preflight.rs: keys::scenario_file(",
    ),
    (
        "s3:GetObject start-signal/*",
        "worker/src/lifecycle/mod.rs: keys::secret(",
    ),
    (
        "s3:PutObject start-signal/*/leader-ready.json",
        "worker/src/lifecycle/mod.rs: keys::leader_ready(",
    ),
    (
        "s3:PutObject start-signal/*/setup.json",
        "worker/src/lifecycle/once.rs: keys::setup(",
    ),
    (
        "s3:PutObject start-signal/*/ended.json",
        "worker/src/lifecycle/once.rs: keys::region_ended(",
    ),
    (
        "s3:PutObject results/*",
        "worker/src/report.rs: depot.store(",
    ),
    (
        "s3:ListBucket",
        "S3, to say of an object that it is not there yet",
    ),
];
const START_OF_TASK: &[Need] = &[
    (
        "ecr:GetAuthorizationToken",
        "Fargate, to pull the worker's image",
    ),
    (
        "ecr:BatchCheckLayerAvailability",
        "Fargate, to pull the worker's image",
    ),
    (
        "ecr:GetDownloadUrlForLayer",
        "Fargate, to pull the worker's image",
    ),
    ("ecr:BatchGetImage", "Fargate, to pull the worker's image"),
    ("logs:CreateLogStream", "Fargate, for what a runner prints"),
    ("logs:PutLogEvents", "Fargate, for what a runner prints"),
];
const WORKFLOW: &[Need] = &[
    (
        "lambda:InvokeFunction",
        "pipeline/workflow/load-test.asl.json: ${TaskRunnerArn}",
    ),
    (
        "logs:CreateLogDelivery",
        "Step Functions, for the workflow's log",
    ),
    (
        "logs:GetLogDelivery",
        "Step Functions, for the workflow's log",
    ),
    (
        "logs:UpdateLogDelivery",
        "Step Functions, for the workflow's log",
    ),
    (
        "logs:DeleteLogDelivery",
        "Step Functions, for the workflow's log",
    ),
    (
        "logs:ListLogDeliveries",
        "Step Functions, for the workflow's log",
    ),
    (
        "logs:PutResourcePolicy",
        "Step Functions, for the workflow's log",
    ),
    (
        "logs:DescribeResourcePolicies",
        "Step Functions, for the workflow's log",
    ),
    (
        "logs:DescribeLogGroups",
        "Step Functions, for the workflow's log",
    ),
];
const USERS: &[Need] = &[
    ("execute-api:Invoke", "cli/src/client/remote.rs: sign"),
    (
        "s3:GetObject results/*",
        "DLT's clients, which fetch reports themselves",
    ),
    (
        "s3:ListBucket",
        "DLT's clients, which list reports themselves",
    ),
];
const WRITERS: &[Need] = &[
    (
        "s3:GetObject public/test-scenarios/*",
        "DLT's clients, which show files themselves",
    ),
    (
        "s3:PutObject public/test-scenarios/*",
        "DLT's clients, which send files themselves",
    ),
];
const AGENTS: &[Need] = &[("execute-api:Invoke", "mcp-server/src/backend/api.rs: sign")];
const GATEWAY: &[Need] = &[
    ("lambda:InvokeFunction", "AgentCore Gateway, to call a tool"),
    (
        "bedrock-agentcore:GetGateway",
        "AgentCore Gateway, to know its targets",
    ),
];
const SCHEDULES: &[Need] = &[(
    "lambda:InvokeFunction",
    "EventBridge Scheduler, to start a run",
)];

/// A template, a role in it, and what that needs.
pub type Role = (&'static str, &'static str, &'static [&'static [Need]]);

pub const ROLES: &[Role] = &[
    ("hub", "ApiRole", &[LOG, RUN, LOOK, STOP, API]),
    (
        "hub",
        "TaskStatusCheckerRole",
        &[LOG, RUN, LOOK_WITHOUT_FILES, STOP, STATUS_CHECKER],
    ),
    (
        "hub",
        "TaskRunnerRole",
        &[LOG, RUN, LOOK, STOP, LAUNCH, RUNNER_FILES],
    ),
    ("hub", "TaskCancelerRole", &[LOG, RUN, LOOK, STOP, CANCELER]),
    ("hub", "ResultsParserRole", &[LOG, RUN, LOOK, RESULTS]),
    ("hub", "BootstrapRole", &[LOG, REGISTER, BOOTSTRAP]),
    ("hub", "PublisherRole", &[LOG, PUBLISHER]),
    ("hub", "TaskRole", &[RUNNER]),
    ("hub", "ExecutionRole", &[START_OF_TASK]),
    ("hub", "WorkflowRole", &[WORKFLOW]),
    ("hub", "ScheduleRole", &[SCHEDULES]),
    ("hub", "ReadersRole", &[USERS, WATCH]),
    ("hub", "WritersRole", &[USERS, WATCH, WRITERS]),
    // The policy of an identity: both it and the role must allow a watch.
    ("hub", "WatchPolicy", &[WATCH]),
    ("hub", "McpRole", &[LOG, AGENTS]),
    ("hub", "GatewayRole", &[GATEWAY]),
    ("region", "HubApiRole", &[STOP]),
    (
        "region",
        "HubTaskStatusCheckerRole",
        &[LOOK_IN_REGION, STOP],
    ),
    (
        "region",
        "HubTaskRunnerRole",
        &[LOOK_IN_REGION, STOP, LAUNCH],
    ),
    ("region", "HubTaskCancelerRole", &[LOOK_IN_REGION, STOP]),
    ("region", "HubResultsParserRole", &[LOOK_IN_REGION]),
    ("region", "BootstrapRole", &[LOG, REGISTER]),
    ("region", "PublisherRole", &[LOG, PUBLISHER]),
    ("region", "TaskRole", &[RUNNER]),
    ("region", "ExecutionRole", &[START_OF_TASK]),
];
/// Its right to read all signs of a run includes the ids that were launched.
const LOOK_WITHOUT_FILES: &[Need] = LOOK.split_at(3).0;
/// What else it needs is the hub's.
const LOOK_IN_REGION: &[Need] = LOOK.split_at(1).1.split_at(2).0;
