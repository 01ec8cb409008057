//! `dlt deploy hub` and `dlt destroy hub` that end without a word, as a machine that loses
//! its power: run again they go on where they were, whatever call it was.

use super::{buckets, stack};
use dlt_tests::command::{Ended, Home, Running};
use dlt_tests::deployed::{ADMIN, Deployed, HUB, QUOTA};
use dlt_tests::fault_proxy::{Call, Fault, FaultProxy, Operation};
use dlt_tests::patience::{alone, until};
use serde_json::{Value, json};
use std::time::Duration;

/// How long a command may take.
const LONGEST: Duration = Duration::from_secs(120);
const DESTROY: [&str; 3] = ["destroy", "hub", "--yes"];
const DESTROY_ALL: [&str; 4] = ["destroy", "hub", "--yes", "--with-results"];

/// An account, and the command whose calls are counted on their way there.
struct Account {
    aws: Deployed,
    proxy: FaultProxy,
    home: Home,
}

impl Account {
    fn new() -> Self {
        let (aws, proxy) = (Deployed::nothing(&[]), FaultProxy::start());
        let home = aws.home_behind(&proxy);
        Self { aws, proxy, home }
    }

    fn deploy(&self) -> [&str; 11] {
        [
            "deploy",
            "hub",
            "--admin-email",
            ADMIN,
            "--console",
            &self.aws.console,
            "--worker-image",
            "dlt-worker:test",
            "-p",
            QUOTA,
            "--yes",
        ]
    }

    /// Runs a command to its end, which must be a good one.
    #[track_caller]
    fn run(&self, args: &[&str]) -> Ended {
        self.proxy.clear();
        let ended = self.home.run(LONGEST, args);
        assert_eq!(ended.code, Some(0), "{ended:#?}\n{}", self.aws.output());
        ended
    }

    /// Runs a command and kills it at a call that is held; which one that was, or None if
    /// the command ended before.
    fn killed(&self, args: &[&str]) -> Option<Operation> {
        let mut running = self.home.start(args);
        let held = self.until_held(&mut running);
        running.kill();
        self.proxy.clear();
        held
    }

    fn until_held(&self, running: &mut Running) -> Option<Operation> {
        until("a held call, or the command's end", LONGEST, || {
            let held = self.proxy.held();
            (held.is_some() || running.has_ended()).then_some(held)
        })
    }

    /// The same at a call of this kind, once `skip` of them have come by.
    #[track_caller]
    fn killed_at(&self, args: &[&str], skip: u32, service: &str, name: &str, fault: Fault) {
        self.proxy.fault_after(skip, service, name, "", 1, fault);
        let held = self.killed(args);
        let held = held.map(|it| (it.service, it.name));
        assert_eq!(held, Some((service.to_owned(), name.to_owned())));
    }

    /// Deploys to the end, and once more without a flag: nothing is left to do, and
    /// nothing was forgotten.
    #[track_caller]
    fn deploys_to_the_end(&self) {
        self.run(&self.deploy());
        let third = self.run(&["deploy", "hub", "--yes", "--json"]);
        for told in [
            "stack dlt-artifacts is up to date",
            "stack dlt is up to date",
            "functions: there already",
            "MCP server: there already",
        ] {
            assert!(third.stderr.contains(told), "{told:?}: {third:#?}");
        }
        let answer: Value = serde_json::from_str(&third.stdout).unwrap();
        for output in ["ApiId", "McpEndpoint", "ConsoleUrl", "RunnerClusterName"] {
            assert!(
                answer["outputs"][output].is_string(),
                "{output}: {third:#?}"
            );
        }
        // What DLT's clients fetch from there.
        let bucket = answer["outputs"]["BucketName"].as_str().unwrap();
        let template = "regional-template/distributed-load-testing-on-aws-regional.template";
        let path = format!("/{bucket}/{template}");
        let reply = self.aws.emulator.rest(HUB, "s3", "GET", &path, b"");
        assert_eq!(reply.status, 200);
    }

    /// Neither stacks nor what they kept, nor anything that they were made of.
    #[track_caller]
    fn nothing_is_left(&self) {
        for name in ["dlt", "dlt-artifacts"] {
            assert_eq!(stack(&self.aws, HUB, name), None, "{name}");
        }
        let buckets = buckets(&self.aws);
        assert!(!buckets.contains("<Bucket>"), "{buckets}");
        let ask =
            |service: &str, action: &str| self.aws.emulator.json(HUB, service, action, &json!({}));
        let tables = ask("dynamodb", "DynamoDB_20120810.ListTables");
        assert_eq!(tables["TableNames"], json!([]));
        let action = "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories";
        assert_eq!(ask("ecr", action)["repositories"], json!([]));
    }
}

#[test]
#[ignore = "needs an emulator of AWS, which cargo xtask test installs"]
fn what_was_broken_off_goes_on() {
    let _alone = alone();
    let account = Account::new();
    let deploy = account.deploy();
    // One after the other: each finds what the one before left.
    let kill = |skip, service, name, fault| account.killed_at(&deploy, skip, service, name, fault);
    // The stack of archives is being made.
    kill(0, "cloudformation", "ExecuteChangeSet", Fault::HoldAfter);
    // Archives are on their way.
    kill(1, "s3", "PutObject", Fault::HoldBefore);
    // The hub's changes are known and not begun.
    kill(0, "cloudformation", "ExecuteChangeSet", Fault::HoldBefore);
    // The hub is being made.
    kill(0, "cloudformation", "ExecuteChangeSet", Fault::HoldAfter);
    account.deploys_to_the_end();

    let kill = |skip, service, name, fault| account.killed_at(&DESTROY, skip, service, name, fault);
    // The hub is being removed.
    kill(0, "cloudformation", "DeleteStack", Fault::HoldAfter);
    // It is gone, what it was made of is not.
    kill(0, "s3", "DeleteObjects", Fault::HoldBefore);
    kill(0, "cloudformation", "DeleteStack", Fault::HoldAfter);
    let last = account.run(&DESTROY);
    assert!(
        last.stderr.contains("there is no stack dlt in"),
        "{last:#?}"
    );
    assert!(last.stderr.contains("are kept"), "{last:#?}");
    account.killed_at(&DESTROY_ALL, 0, "dynamodb", "DeleteTable", Fault::HoldAfter);
    account.run(&DESTROY_ALL);
    account.nothing_is_left();
    let again = account.run(&DESTROY_ALL);
    assert!(!again.stderr.contains("kept"), "{again:#?}");
}

/// Whether a call changes nothing.
fn reads(call: &Call) -> bool {
    let name = &call.operation.name;
    ["Describe", "List", "Get", "Head"]
        .iter()
        .any(|verb| name.starts_with(verb))
}

/// Where a command is to be killed: after each call that changes something, while AWS goes
/// on with it, and at some of the others, before they are done.
fn points(calls: &[Call]) -> Vec<(u32, Fault)> {
    let mut points = Vec::new();
    for (at, call) in (0..).zip(calls) {
        match reads(call) {
            false => points.push((at, Fault::HoldAfter)),
            true if at % 5 == 0 => points.push((at, Fault::HoldBefore)),
            true => {}
        }
    }
    points
}

#[test]
#[ignore = "needs an emulator of AWS, and minutes: cargo xtask test --full"]
fn slow_whatever_call_it_was() {
    let _alone = alone();
    let account = Account::new();
    let deploy = account.deploy();
    // Without a break, to know the calls.
    account.proxy.take_calls();
    account.run(&deploy);
    let deploying = points(&account.proxy.take_calls());
    account.run(&DESTROY_ALL);
    let destroying = points(&account.proxy.take_calls());
    account.nothing_is_left();
    let count = (deploying.len(), destroying.len());
    assert!(count.0 >= 12 && count.1 >= 6, "{count:?}");
    let (mut killed, mut tried) = (0, 0);
    let mut destroying = destroying.into_iter().cycle();
    for (skip, fault) in deploying {
        account.proxy.hold(skip, fault);
        let at = account.killed(&deploy);
        println!("deploy was ended at call {skip}, {at:?} {fault:?}");
        (killed, tried) = (killed + usize::from(at.is_some()), tried + 1);
        account.deploys_to_the_end();
        let (skip, fault) = destroying.next().unwrap();
        account.proxy.hold(skip, fault);
        let at = account.killed(&DESTROY_ALL);
        println!("destroy was ended at call {skip}, {at:?} {fault:?}");
        (killed, tried) = (killed + usize::from(at.is_some()), tried + 1);
        account.run(&DESTROY_ALL);
        account.nothing_is_left();
    }
    // A command makes not always as many calls: its last may never come.
    assert!(killed * 10 >= tried * 9, "{killed} of {tried} were ended");
}
