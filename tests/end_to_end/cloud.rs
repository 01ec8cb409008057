//! `dlt-mcp` on AWS: the API is found by its stack's name, requests are signed,
//! ECS and CloudFormation are asked by their SDKs, and one region fails. AWS is
//! played by a server here that speaks those protocols, and by an emulator that
//! `cargo xtask test --full` installs.

use dlt_tests::behaviour::{Asked, Framing, Reply, body, made};
use dlt_tests::command::Home;
use dlt_tests::emulator::Emulator;
use dlt_tests::mcp::{Client, mcp_binary};
use dlt_tests::patience::shared;
use dlt_tests::target::{Target, plan};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, OnceLock};

/// A session's secret, which must be in no answer.
const SECRET: &str = "wJalrXUtnFEMI";

/// Where the server turned out to be, and what AWS was asked.
#[derive(Debug, Default)]
struct Heard {
    address: OnceLock<String>,
    calls: Mutex<Vec<String>>,
}

fn xml(body: &str) -> Reply {
    let headers = [("content-type", "text/xml")];
    Reply::new(200, &headers, body.as_bytes(), Framing::Length)
}

fn amz_json(status: u16, body: &Value) -> Reply {
    let headers = [("content-type", "application/x-amz-json-1.1")];
    Reply::new(
        status,
        &headers,
        body.to_string().as_bytes(),
        Framing::Length,
    )
}

/// CloudFormation: the hub's output, and how a region's stack is.
fn stacks(asked: &Asked, address: &str) -> Reply {
    let inside = match asked.body().contains("StackName=load&") || asked.body().ends_with("=load") {
        true => format!(
            "<Outputs><member><OutputKey>ScenariosBucket</OutputKey><OutputValue>b</OutputValue>\
             </member><member><OutputKey>DLTApiEndpointD98B09AC</OutputKey><OutputValue>{address}/prod/\
             </OutputValue></member></Outputs>"
        ),
        false => String::new(),
    };
    xml(&format!(
        "<DescribeStacksResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\">\
         <DescribeStacksResult><Stacks><member><StackName>load</StackName>\
         <CreationTime>2026-01-12T10:00:00Z</CreationTime>\
         <StackStatus>UPDATE_COMPLETE</StackStatus>{inside}</member></Stacks></DescribeStacksResult>\
         </DescribeStacksResponse>"
    ))
}

/// ECS: may be asked in one region.
fn tasks(asked: &Asked, scope: &str) -> Reply {
    if scope.contains("/us-east-1/") {
        let denied = json!({"__type": "AccessDeniedException", "message": "arn:aws:iam::1:role/x"});
        return amz_json(400, &denied);
    }
    let body: Value = serde_json::from_str(asked.body()).unwrap();
    assert_eq!(body["cluster"], "load");
    let tasks: Vec<Value> = body["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|arn| {
            json!({"taskArn": arn, "lastStatus": "RUNNING", "startedAt": 1_780_000_000.25,
                "cpu": "2048", "memory": "4096", "startedBy": "Xk29QmWz7B"})
        })
        .collect();
    amz_json(200, &json!({"tasks": tasks, "failures": []}))
}

fn answer(asked: &Asked, heard: &Heard) -> Reply {
    let address = heard.address.get().unwrap();
    let scope = asked.header("authorization").unwrap_or_default().to_owned();
    let what = asked.header("x-amz-target").unwrap_or(&asked.path);
    heard
        .calls
        .lock()
        .unwrap()
        .push(format!("{} {what}", asked.method));
    if asked.method == "POST" {
        return match asked.header("x-amz-target") {
            Some("AmazonEC2ContainerServiceV20141113.DescribeTasks") => tasks(asked, &scope),
            None if asked.body().starts_with("Action=DescribeStacks&") => stacks(asked, address),
            other => panic!("nothing else may be asked: {other:?} {}", asked.body()),
        };
    }
    let arn = |region: &str| format!("arn:aws:ecs:{region}:111122223333:task/load/0f0f-{region}");
    let path = asked.path.split('?').next().unwrap_or_default();
    let body = match path {
        "/prod/tasks" => json!(
            ["eu-west-1", "us-east-1"]
                .map(|region| { json!({"region": region, "taskArns": [arn(region)]}) })
        ),
        "/prod/vCPUDetails" => json!({}),
        "/prod/stack-info" => json!({"region": "eu-west-1", "version": "v4.2.3"}),
        "/prod/regions" => json!({"regions": [{"region": "eu-west-1", "compatible": true,
            "stackId": "arn:aws:cloudformation:eu-west-1:111122223333:stack/load-eu/0f0f"}]}),
        "/prod/scenarios" => json!({"Items": []}),
        other => panic!("{other}"),
    };
    amz_json(200, &body)
}

fn aws() -> (Target, Arc<Heard>) {
    let heard = Arc::new(Heard::default());
    let inside = Arc::clone(&heard);
    let target = plan()
        .keeping_text()
        .otherwise(made(move |asked| answer(asked, &inside)))
        .start();
    let address = target.url("").trim_end_matches('/').to_owned();
    heard.address.set(address).unwrap();
    (target, heard)
}

fn started(home: &Home, target: &Target, more: &[(&str, &str)]) -> Client {
    of(home, target.url("").trim_end_matches('/'), more)
}

fn of(home: &Home, endpoint: &str, more: &[(&str, &str)]) -> Client {
    let mut env = vec![
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_CONFIG_FILE", "/nonexistent"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent"),
    ];
    env.extend_from_slice(more);
    Client::start(home, mcp_binary(), &["stdio"], &env)
}

fn call(client: &mut Client, tool: &str, arguments: Value) -> Value {
    let result = client.ask("tools/call", json!({"name": tool, "arguments": arguments}));
    let text = result["result"]["content"][0]["text"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(!text.contains(SECRET));
    serde_json::from_str(&text).unwrap()
}

#[test]
fn the_api_is_found_by_its_stack_and_the_cloud_tells_the_rest() {
    let _shared = shared();
    let (home, (target, heard)) = (Home::new(), aws());
    let mut client = started(&home, &target, &[("DLT_STACK_NAME", "load")]);
    client.ask("tools/list", json!({}));
    assert!(
        heard.calls.lock().unwrap().is_empty(),
        "nothing before a question"
    );

    let stacks = call(&mut client, "get_regional_stacks", json!({}));
    assert_eq!(
        stacks["regions"][0]["stack_status"], "UPDATE_COMPLETE",
        "{stacks}"
    );
    assert_eq!(stacks["hub"]["version"], "v4.2.3");

    let runners = call(&mut client, "get_runners", json!({"detail": "tasks"}));
    let rows = runners["tasks"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "{runners}");
    assert_eq!(rows[0]["status"], "RUNNING");
    assert_eq!(rows[0]["started_at"], "2026-05-28T20:26:40.25Z");
    assert_eq!(rows[0]["test_id"], "Xk29QmWz7B");
    assert_eq!(rows[1].get("status"), None);
    assert_eq!(runners["region_errors"][0]["region"], "us-east-1");
    assert!(
        !runners.to_string().contains("role/x"),
        "AWS's words are not passed on"
    );

    // Asked once, though two questions needed it.
    let calls = heard.calls.lock().unwrap();
    let described = calls.iter().filter(|call| *call == "POST /").count();
    assert_eq!(described, 2, "the hub's stack and a region's: {calls:?}");
    assert_eq!(client.close(), Some(0));
}

#[test]
fn a_cloud_that_is_off_is_not_asked() {
    let _shared = shared();
    let (home, (target, heard)) = (Home::new(), aws());
    let api = target.url("/prod");
    let lambda = [
        ("DLT_API_URL", api.as_str()),
        ("AWS_LAMBDA_FUNCTION_NAME", "x"),
    ];
    let off = [("DLT_API_URL", api.as_str()), ("DLT_MCP_AWS", "off")];
    for more in [lambda, off] {
        let mut client = started(&home, &target, &more);
        let runners = call(&mut client, "get_runners", json!({"detail": "tasks"}));
        assert_eq!(runners["warnings"][0]["code"], "tasks_detail_unavailable");
        assert_eq!(runners["tasks"].as_array().unwrap().len(), 2);
    }
    let calls = heard.calls.lock().unwrap();
    assert!(
        calls.iter().all(|call| call.starts_with("GET /prod/")),
        "{calls:?}"
    );
}

#[test]
fn who_cannot_log_in_is_told_how() {
    let _shared = shared();
    let (home, (target, _)) = (Home::new(), aws());
    let none = [
        ("DLT_STACK_NAME", "load"),
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("AWS_PROFILE", ""),
    ];
    let mut client = started(&home, &target, &none);
    let refused = call(&mut client, "list_scenarios", json!({}));
    assert_eq!(refused["error"]["code"], "not_configured", "{refused}");
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("aws sso login"), "{message}");
}

/// A stack of that name with an output, and its id.
fn stack(aws: &Emulator, region: &str, name: &str, output: &str) -> String {
    let template = json!({
        "Resources": {"Files": {"Type": "AWS::S3::Bucket", "Properties": {}}},
        "Outputs": {"DLTApiEndpointD98B09AC": {"Value": output}},
    });
    let told = aws.query(
        region,
        "cloudformation",
        &[
            ("Action", "CreateStack"),
            ("Version", "2010-05-15"),
            ("StackName", name),
            ("TemplateBody", &template.to_string()),
        ],
    );
    let (_, rest) = told.split_once("<StackId>").unwrap();
    rest.split_once("</StackId>").unwrap().0.to_owned()
}

/// A task that runs, and its ARN.
fn task(aws: &Emulator, region: &str) -> String {
    let ecs = |action: &str, body: &Value| {
        let action = format!("AmazonEC2ContainerServiceV20141113.{action}");
        aws.json(region, "ecs", &action, body)
    };
    ecs("CreateCluster", &json!({"clusterName": "load"}));
    let container = json!({"name": "worker", "image": "worker", "essential": true});
    let definition = json!({"family": "worker", "cpu": "2048", "memory": "4096",
        "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"],
        "containerDefinitions": [container]});
    ecs("RegisterTaskDefinition", &definition);
    let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-1"]}});
    let run = json!({"cluster": "load", "taskDefinition": "worker", "count": 1,
        "launchType": "FARGATE", "startedBy": "Xk29QmWz7B", "networkConfiguration": network});
    let started = ecs("RunTask", &run);
    started["tasks"][0]["taskArn"].as_str().unwrap().to_owned()
}

#[test]
#[ignore = "needs an emulator of AWS; cargo xtask test --full installs it"]
fn an_emulator_is_read_like_the_played_one() {
    let _shared = shared();
    let (home, aws) = (Home::new(), Emulator::start());
    let regional = stack(&aws, "us-east-1", "load-us", "none");
    let arn = task(&aws, "us-east-1");
    let tasks = json!([{"region": "us-east-1", "taskArns": [arn]}]).to_string();
    let regions = json!({"regions": [
        {"region": "us-east-1", "compatible": true, "stackId": regional}]});
    let api = plan()
        .route("/prod/tasks", body(200, &tasks))
        .route("/prod/regions", body(200, &regions.to_string()))
        .otherwise(body(200, "{}"))
        .start();
    stack(&aws, "eu-west-1", "load", &api.url("/prod"));

    let mut client = of(&home, &aws.endpoint(), &[("DLT_STACK_NAME", "load")]);
    let stacks = call(&mut client, "get_regional_stacks", json!({}));
    assert_eq!(
        stacks["regions"][0]["stack_status"], "CREATE_COMPLETE",
        "{stacks}"
    );
    let runners = call(&mut client, "get_runners", json!({"detail": "tasks"}));
    let row = &runners["tasks"][0];
    assert_eq!(row["status"], "RUNNING", "{runners}");
    assert_eq!(row["test_id"], "Xk29QmWz7B");
    assert_eq!(
        (&row["cpu"], &row["memory_mb"]),
        (&json!(2_048), &json!(4_096))
    );

    let mut client = of(&home, &aws.endpoint(), &[("DLT_STACK_NAME", "another")]);
    let refused = call(&mut client, "list_scenarios", json!({}));
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("not in this account and region"),
        "{message}"
    );
}
