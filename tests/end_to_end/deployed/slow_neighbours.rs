//! The work of others is refused to each role, by the emulator's judgement of the very
//! policies of the templates: with whatever a role's credentials are used, they do its own
//! work alone.

use super::slow_rights::{between, credentials_of, lend_rights};
use dlt_tests::deployed::{Deployed, HUB};
use dlt_tests::fault_proxy::FaultProxy;
use dlt_tests::http::Reply;
use dlt_tests::patience::alone;
use dlt_tests::signature::{self, Credentials};
use serde_json::{Value, json};

/// The key of a run's secret.
const SECRET: &str = "start-signal/t/r/secret";

/// Something that a role tries.
enum Try {
    /// A method on an object of the hub's bucket.
    Object(&'static str, &'static str),
    /// A call of a service: signed as which, its target, its body.
    Call(&'static str, &'static str, Value),
}
use Try::{Call, Object};

struct Tried<'a> {
    aws: &'a Deployed,
    proxy: FaultProxy,
}

impl Tried<'_> {
    /// The credentials of the role that the template calls so.
    fn role(&self, logical: &str) -> Credentials {
        let ask = [
            ("Action", "DescribeStackResource"),
            ("StackName", "dlt"),
            ("LogicalResourceId", logical),
        ];
        let text = self.aws.emulator.query(HUB, "cloudformation", &ask);
        credentials_of(self.aws, between(&text, "PhysicalResourceId"))
    }

    fn answer(&self, role: &Credentials, what: &Try) -> Reply {
        let bucket = &self.aws.outputs["BucketName"];
        let to = &self.proxy.address;
        match what {
            Object(method, key) => {
                let request = [*method, &format!("/{bucket}/{key}")];
                let plain = [("content-type", "application/octet-stream")];
                signature::send_with(role, to, [HUB, "s3"], request, &plain, "")
            }
            Call(service, target, body) => {
                let headers = [
                    ("content-type", "application/x-amz-json-1.1"),
                    ("x-amz-target", *target),
                ];
                let (scope, request) = ([HUB, *service], ["POST", "/"]);
                signature::send_with(role, to, scope, request, &headers, &body.to_string())
            }
        }
    }

    fn may(&self, logical: &str, what: &Try) {
        let reply = self.answer(&self.role(logical), what);
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        assert!(reply.status != 403, "{logical}: {text}");
        assert!(!text.contains("AccessDenied"), "{logical}: {text}");
    }

    fn may_not(&self, logical: &str, what: &Try) {
        let reply = self.answer(&self.role(logical), what);
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        let name = match what {
            Object(method, key) => format!("{method} {key}"),
            Call(_, target, _) => (*target).to_owned(),
        };
        // And not because of its signature.
        assert!(
            text.contains("AccessDenied") && reply.status >= 400,
            "{logical}, {name}: {} {text}",
            reply.status
        );
    }
}

#[test]
#[ignore = "needs an emulator of AWS, and minutes: cargo xtask test --full"]
fn a_neighbours_work_is_refused() {
    let _alone = alone();
    let aws = Deployed::hub_that_enforces();
    lend_rights(&aws);
    let proxy = FaultProxy::start();
    proxy.say_tls();
    proxy.pass_on_to(&aws.emulator.address);
    let tried = Tried { aws: &aws, proxy };
    let table = |name: &str| aws.outputs[name].clone();
    let launch = || {
        let target = "AmazonEC2ContainerServiceV20141113.RunTask";
        let body = json!({ "cluster": table("RunnerClusterName"), "taskDefinition": "dlt-worker" });
        Call("ecs", target, body)
    };
    let begin = || {
        let body = json!({ "stateMachineArn": table("StateMachineArn"), "input": "{}" });
        Call("states", "AWSStepFunctions.StartExecution", body)
    };
    let runs = || {
        let body = json!({ "TableName": table("HistoryTable") });
        Call("dynamodb", "DynamoDB_20120810.Scan", body)
    };
    // Each does something of its own, so that what is refused is not refused for
    // its credentials.
    tried.may("ApiRole", &Object("PUT", SECRET));
    tried.may("TaskRole", &Object("GET", SECRET));
    tried.may("TaskRole", &Object("PUT", "results/t/r/a.xml"));
    tried.may("ResultsParserRole", &Object("GET", "results/t/r/a.xml"));
    tried.may(
        "TaskRunnerRole",
        &Object("PUT", "start-signal/t/r/us-east-1/workers.json"),
    );
    tried.may(
        "TaskStatusCheckerRole",
        &Object("PUT", "start-signal/t/r/start.json"),
    );
    tried.may(
        "TaskCancelerRole",
        &Object("DELETE", "start-signal/t/r/start.json"),
    );

    // Only one launches, only two begin executions.
    for role in [
        "ApiRole",
        "TaskStatusCheckerRole",
        "TaskCancelerRole",
        "ResultsParserRole",
        "PublisherRole",
        "BootstrapRole",
        "TaskRole",
    ] {
        tried.may_not(role, &launch());
    }
    for role in [
        "TaskRunnerRole",
        "TaskCancelerRole",
        "ResultsParserRole",
        "TaskRole",
    ] {
        tried.may_not(role, &begin());
        tried.may_not(role, &runs());
    }
    what_is_stored_is_not_everybodys(&tried);
    // The publisher has topics, and bootstrap the rows of regions.
    tried.may_not("PublisherRole", &runs());
    tried.may_not("BootstrapRole", &runs());
}

fn what_is_stored_is_not_everybodys(tried: &Tried<'_>) {
    // The secret of a run is its runners'.
    for role in [
        "ApiRole",
        "TaskRunnerRole",
        "TaskStatusCheckerRole",
        "TaskCancelerRole",
        "ResultsParserRole",
        "PublisherRole",
        "McpRole",
        "ReadersRole",
    ] {
        tried.may_not(role, &Object("GET", SECRET));
    }
    // A runner writes results and one sign, and takes nothing away.
    for key in [
        SECRET,
        "start-signal/t/r/start.json",
        "test-scenarios/t-us-east-1.json",
        "public/test-scenarios/simple/t/names.csv",
        "answers/a.json",
    ] {
        tried.may_not("TaskRole", &Object("PUT", key));
    }
    tried.may_not("TaskRole", &Object("DELETE", "results/t/r/a.xml"));
    tried.may_not("TaskRole", &Object("GET", "results/t/r/a.xml"));
    // Results are neither changed nor read by who has nothing to do with them.
    for role in [
        "PublisherRole",
        "BootstrapRole",
        "TaskRunnerRole",
        "TaskCancelerRole",
    ] {
        tried.may_not(role, &Object("GET", "results/t/r/a.xml"));
        tried.may_not(role, &Object("PUT", "results/t/r/a.xml"));
    }
    for role in ["ApiRole", "ResultsParserRole", "TaskStatusCheckerRole"] {
        tried.may_not(role, &Object("DELETE", "results/t/r/a.xml"));
    }
}
