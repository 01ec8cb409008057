//! The people and agents of the AWS home: a first user signs in with the password that
//! was mailed, and may do everything; readers may look; agents ask through a Gateway;
//! the console is served; and what is removed leaves nothing but what is kept.

mod browser;

use dlt_tests::agentcore::AgentCore;
use dlt_tests::behaviour::ok;
use dlt_tests::deployed::{ADMIN, Deployed, HUB};
use dlt_tests::emulator::Emulator;
use dlt_tests::http;
use dlt_tests::patience::{alone, until};
use dlt_tests::target::everywhere;
use serde_json::{Value, json};
use std::time::Duration;

/// What the first user chooses.
const CHOSEN: &str = "Correct-Horse-7-Staple";
/// How long a run of a few seconds may take.
const LONGEST_RUN: Duration = Duration::from_secs(180);

/// The first password, from the mail that the pool sent.
pub fn mailed(emulator: &Emulator, to: &str) -> String {
    let mails = http::send(
        &emulator.address,
        "GET",
        "/_ministack/ses/messages",
        &[],
        b"",
    );
    let mails = mails.json().to_string();
    assert!(mails.contains(to), "{mails}");
    let (_, rest) = mails.split_once("with the password ").expect("a password");
    let (password, _) = rest.split_once([' ', '\n']).expect("its end");
    // As JSON writes it, whatever signs are in it.
    serde_json::from_str(&format!("\"{password}\"")).unwrap()
}

/// A file of the console, as CloudFront serves it.
fn page(aws: &Deployed, path: &str) -> http::Reply {
    let host = aws.outputs["ConsoleUrl"].trim_start_matches("https://");
    let headers = [("host", host), ("x-forwarded-proto", "https")];
    http::send(&aws.emulator.address, "GET", path, &headers, b"")
}

fn scenario(url: &str) -> Value {
    json!({
        "testName": "signed in",
        "testDescription": "by a person",
        "testType": "simple",
        "fileType": "none",
        "showLive": false,
        "regionalTaskDetails": { HUB: { "vCPULimit": 256, "vCPUsPerTask": 2, "vCPUsInUse": 0,
            "dltAvailableTasks": 100 } },
        "testTaskConfigs": [{ "region": HUB, "taskCount": 3, "concurrency": 1 }],
        "testScenario": {
            "execution": [{ "scenario": "shop", "arrivals": 20, "hold-for": "2s", "spot": 50 }],
            "scenarios": { "shop": { "requests": [{ "url": url, "method": "GET", "label": "home" }] } },
        },
    })
}

/// Where the tasks that ended were, by Fargate's kinds of capacity.
fn capacity_of_tasks(aws: &Deployed) -> Vec<String> {
    let cluster = &aws.outputs["RunnerClusterName"];
    let ask = |action: &str, body: &Value| {
        let action = format!("AmazonEC2ContainerServiceV20141113.{action}");
        aws.emulator.json(HUB, "ecs", &action, body)
    };
    let listed = json!({ "cluster": cluster, "desiredStatus": "STOPPED" });
    let arns = ask("ListTasks", &listed)["taskArns"].clone();
    let described = ask(
        "DescribeTasks",
        &json!({ "cluster": cluster, "tasks": arns }),
    );
    let tasks = described["tasks"].as_array().unwrap().iter();
    let kind = |task: &Value| {
        let provider = task["capacityProviderName"].as_str();
        provider.or(task["launchType"].as_str()).unwrap().to_owned()
    };
    let mut kinds: Vec<String> = tasks.map(kind).collect();
    kinds.sort();
    kinds
}

/// The four questions that every agent may ask, after a run of 40 requests.
fn four_questions(aws: &Deployed, agents: &AgentCore<'_>, token: &str, test: &str) {
    let ask = |tool: &str, arguments: Value| {
        let answer = agents.ask(token, tool, &arguments);
        let answer = answer.expect("the Gateway lets a user in");
        assert!(
            answer.get("error").is_none(),
            "{tool}: {answer}\n{}",
            aws.output()
        );
        answer
    };
    let scenarios = ask("list_scenarios", json!({}));
    assert_eq!(scenarios["scenarios"][0]["test_id"], test, "{scenarios}");
    let results = ask("get_results", json!({ "test_id": test }));
    assert_eq!(results["totals"]["requests"], 40, "{results}");
    let runners = ask("get_runners", json!({}));
    assert_eq!(runners["total_running"], 0, "{runners}");
    let stacks = ask("get_regional_stacks", json!({}));
    assert_eq!(stacks["hub"]["region"], HUB, "{stacks}");
}

#[test]
#[ignore = "needs an emulator of AWS, which cargo xtask test installs"]
fn people_sign_in_and_agents_ask_and_nothing_stays() {
    let _alone = alone();
    let target = everywhere(ok().after(Duration::from_millis(5)));
    let aws = Deployed::hub();
    let users = aws.users();
    let client = aws.outputs["UserPoolClientId"].as_str();
    let first = mailed(&aws.emulator, ADMIN);
    let admin = users.sign_in(client, ADMIN, &first, CHOSEN);
    let (identity, credentials) = users.credentials(&admin).unwrap();

    let reply = aws.api_as(
        &credentials,
        "POST",
        "/scenarios",
        Some(&scenario(&target.url("/"))),
    );
    let said = String::from_utf8_lossy(&reply.body).into_owned();
    assert_eq!(reply.status, 200, "{said}\n{}", aws.output());
    let test = reply.json()["testId"].as_str().unwrap().to_owned();
    until("the end of the run", LONGEST_RUN, || {
        let reply = aws.api_as(&credentials, "GET", &format!("/scenarios/{test}"), None);
        assert_eq!(reply.status, 200, "{}", aws.output());
        let status = reply.json()["status"].clone();
        assert_ne!(status, "failed", "{}", aws.output());
        (status == "complete").then_some(())
    });

    // Half of two workers; the leader never.
    let kinds = capacity_of_tasks(&aws);
    assert_eq!(kinds, ["FARGATE", "FARGATE", "FARGATE_SPOT"]);

    let agents = AgentCore::of(&aws.emulator, HUB);
    assert!(agents.tools.len() > 6, "{:?}", agents.tools);
    let agent = aws.outputs["McpClientId"].as_str();
    let token = users.sign_in(agent, ADMIN, CHOSEN, CHOSEN);
    four_questions(&aws, &agents, &token.access, &test);
    let ask = |token: &str| agents.ask(token, "list_scenarios", &json!({}));
    // An ID token names no client; a changed token is nobody's; a user in no group is nobody.
    assert!(ask(&token.id).is_none());
    let changed = format!("{}A", &token.access[..token.access.len() - 1]);
    assert!(ask(&changed).is_none() || changed == token.access);
    users.add("nobody@example.com", CHOSEN, None);
    let nobody = users.sign_in(agent, "nobody@example.com", CHOSEN, CHOSEN);
    assert!(ask(&nobody.access).is_none());
    let info = aws.api_as(&credentials, "GET", "/stack-info", None).json();
    assert_eq!(info["mcp_endpoint"], aws.outputs["McpEndpoint"], "{info}");

    console_is_served(&aws);
    // Asking for live data attaches the stack's policy to the identity; removing the stack
    // takes it away, or IoT would refuse.
    let live = aws.api_as(
        &credentials,
        "GET",
        &format!("/scenarios/{test}/live"),
        None,
    );
    assert_eq!(live.status, 200, "{}", aws.output());
    let attached = aws.emulator.rest(
        HUB,
        "iot",
        "POST",
        &format!("/attached-policies/{identity}"),
        b"",
    );
    assert_eq!(
        attached.json()["policies"].as_array().unwrap().len(),
        1,
        "{attached:?}"
    );
    results_alone_stay(&aws);
}

/// What is there once the hub is removed.
fn results_alone_stay(aws: &Deployed) {
    let ended = aws.remove_hub();
    assert_eq!(ended.code, Some(0), "{ended:#?}\n{}", aws.output());
    assert!(
        ended.stderr.contains(&aws.outputs["BucketName"]),
        "what stays is named: {ended:#?}"
    );
    let buckets = aws.emulator.rest(HUB, "s3", "GET", "/", b"");
    let buckets = String::from_utf8(buckets.body).unwrap();
    // Results are kept, and say so in the template.
    assert!(buckets.contains(&aws.outputs["BucketName"]), "{buckets}");
    assert!(
        !buckets.contains(&aws.outputs["ConsoleBucketName"]),
        "{buckets}"
    );
}

/// The console as browsers load it.
fn console_is_served(aws: &Deployed) {
    let first = page(aws, "/");
    let said = String::from_utf8_lossy(&first.body);
    assert_eq!(first.status, 200, "{said}\n{}", aws.output());
    assert_eq!(
        first.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    // An address of the console's own, which is no file.
    let deep = page(aws, "/scenarios/abc");
    assert_eq!((deep.status, deep.body), (200, first.body));
    let script = page(aws, "/assets/index-1a2b.js");
    assert_eq!(
        script.header("content-type"),
        Some("text/javascript; charset=utf-8")
    );
    let exports = page(aws, "/aws-exports.json").json();
    for (name, output) in [
        ("UserPoolId", "UserPoolId"),
        ("PoolClientId", "UserPoolClientId"),
        ("IdentityPoolId", "IdentityPoolId"),
        ("ApiEndpoint", "DLTApiEndpoint"),
        ("UserFilesBucket", "BucketName"),
        ("IoTEndpoint", "IotHost"),
    ] {
        assert_eq!(exports[name], aws.outputs[output], "{name}");
    }
    let domain = exports["UserPoolDomain"].as_str().unwrap();
    assert_eq!(format!("https://{domain}"), aws.outputs["SignInUrl"]);
}

#[test]
#[ignore = "needs an emulator of AWS, which cargo xtask test installs"]
fn readers_look_and_change_nothing() {
    let aws = Deployed::hub_that_enforces();
    let users = aws.users();
    let client = aws.outputs["UserPoolClientId"].as_str();
    let enter = |name: &str, group: Option<&str>| {
        users.add(name, CHOSEN, group);
        let tokens = users.sign_in(client, name, CHOSEN, CHOSEN);
        users.credentials(&tokens)
    };
    let (_, reader) = enter("reader@example.com", Some("readers")).unwrap();
    let (_, writer) = enter("writer@example.com", Some("writers")).unwrap();
    let body = scenario("http://127.0.0.1:9/");
    let status = |who, method: &str, path: &str, body: Option<&Value>| {
        aws.api_as(who, method, path, body).status
    };
    assert_eq!(
        status(&reader, "GET", "/scenarios", None),
        200,
        "{}",
        aws.output()
    );
    assert_eq!(status(&reader, "POST", "/scenarios", Some(&body)), 403);
    assert_eq!(
        status(&reader, "DELETE", "/scenarios/abcdefghij", None),
        403
    );
    assert_eq!(
        status(&writer, "POST", "/scenarios", Some(&body)),
        200,
        "{}",
        aws.output()
    );
    // Who is in no group is nobody.
    let refused = enter("nobody@example.com", None).unwrap_err();
    assert!(refused.contains("NotAuthorized"), "{refused}");
    // The tools' function may look, and no more.
    let agents = AgentCore::of(&aws.emulator, HUB);
    let agent = aws.outputs["McpClientId"].as_str();
    let token = users
        .sign_in(agent, "reader@example.com", CHOSEN, CHOSEN)
        .access;
    let answer = agents.ask(&token, "list_scenarios", &json!({})).unwrap();
    assert!(answer["scenarios"].is_array(), "{answer}\n{}", aws.output());
}
