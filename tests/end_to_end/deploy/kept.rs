//! What a hub is made of: the image that `dlt deploy` makes and pushes itself, and what was
//! chosen once and holds for deployments without flags.

use super::{said, stack};
use dlt_tests::command::Ended;
use dlt_tests::deployed::{ADMIN, Deployed, HUB, QUOTA};
use dlt_tests::fault_proxy::{Fault, FaultProxy};
use dlt_tests::patience::{shared, until};
use dlt_tests::processes::Signal;
use dlt_tests::registry::Registry;
use rsa::sha2::{Digest as _, Sha256};
use serde_json::{Value, json};
use std::time::Duration;

/// How long a command may take.
const LONGEST: Duration = Duration::from_secs(120);

/// Runs `dlt deploy hub`, which must end well.
#[track_caller]
fn deploy(aws: &Deployed, flags: &[&str]) -> Ended {
    let args = [&["deploy", "hub", "--yes", "--json"], flags].concat();
    let ended = aws.dlt(&args);
    assert_eq!(ended.code, Some(0), "{ended:#?}\n{}", aws.output());
    ended
}

fn outputs(ended: &Ended) -> Value {
    let answer: Value = serde_json::from_str(&ended.stdout).unwrap();
    answer["outputs"].clone()
}

/// The image of the newest task definition.
fn image(aws: &Deployed) -> String {
    let action = "AmazonEC2ContainerServiceV20141113.DescribeTaskDefinition";
    let body = json!({ "taskDefinition": "dlt-worker" });
    let described = aws.emulator.json(HUB, "ecs", action, &body);
    let image = &described["taskDefinition"]["containerDefinitions"][0]["image"];
    image.as_str().unwrap().to_owned()
}

#[test]
#[ignore = "needs an emulator of AWS and docker-registry, which cargo xtask test installs"]
fn an_image_is_pushed_and_what_was_chosen_is_kept() {
    let _shared = shared();
    let registry = Registry::start(true);
    let aws = Deployed::nothing_with(&registry);
    ctrl_c_ends_an_upload(&aws);
    let pushed = the_image_is_made_and_pushed(&aws, &registry);
    nothing_is_sent_twice(&aws, &registry, &pushed);
    what_was_given_is_kept(&aws, &pushed);
    without_a_console(&aws);
}

/// It does not wait for the upload, and the next command begins it anew.
fn ctrl_c_ends_an_upload(aws: &Deployed) {
    let proxy = FaultProxy::start();
    let home = aws.home_behind(&proxy);
    proxy.fault("s3", "PutObject", 1, Fault::HoldBefore);
    let args = ["deploy", "hub", "--admin-email", ADMIN, "--yes"];
    let running = home.start(args);
    until("an upload", LONGEST, || proxy.held());
    running.signal(Signal::Interrupt);
    let ended = running.wait(LONGEST);
    assert_eq!(ended.code, Some(130), "{ended:#?}");
    said(&ended, "run the command again");
    proxy.clear();
    assert_eq!(stack(aws, HUB, "dlt"), None);
    assert!(stack(aws, HUB, "dlt-artifacts").is_some());
}

/// The image of the stack's tasks: named by the digest of what the registry has.
fn the_image_is_made_and_pushed(aws: &Deployed, registry: &Registry) -> String {
    let new = ["--admin-email", ADMIN, "--console", &aws.console];
    let made = deploy(aws, &[&new[..], &["--no-mcp", "-p", QUOTA]].concat());
    let image = image(aws);
    said(&made, &format!("worker image: {image}"));
    let (repository, digest) = image.split_once('@').unwrap();
    let name = repository.strip_prefix(&format!("{}/", registry.address));
    let reply = registry.get_as_aws(&format!("{}/manifests/{digest}", name.unwrap()));
    assert_eq!(reply.status, 200, "{image}");
    let hash: String = Sha256::digest(&reply.body)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(digest, format!("sha256:{hash}"));
    let outputs = outputs(&made);
    assert!(outputs["ConsoleUrl"].is_string(), "{outputs}");
    assert_eq!(outputs["McpEndpoint"], Value::Null, "{outputs}");
    image
}

fn nothing_is_sent_twice(aws: &Deployed, registry: &Registry, pushed: &str) {
    let sent = registry.answered("PUT");
    assert_eq!(sent, 3, "layer, config, manifest");
    let again = deploy(aws, &[]);
    said(&again, "stack dlt is up to date");
    said(&again, "the hub stays without; --mcp adds it");
    assert_eq!(registry.answered("PUT"), sent);
    assert_eq!(image(aws), pushed);
    assert!(outputs(&again)["ConsoleUrl"].is_string());
}

fn what_was_given_is_kept(aws: &Deployed, pushed: &str) {
    let theirs = "dlt-worker:theirs";
    deploy(aws, &["--worker-image", theirs]);
    assert_eq!(image(aws), theirs);
    let kept = deploy(aws, &[]);
    said(&kept, "stack dlt is up to date");
    said(&kept, "worker image: dlt-worker:theirs, as given before");
    assert_eq!(image(aws), theirs);
    let with = deploy(aws, &["--worker-image", "own", "--mcp"]);
    assert_eq!(image(aws), pushed);
    assert!(outputs(&with)["McpEndpoint"].is_string());
}

fn without_a_console(aws: &Deployed) {
    let without = deploy(aws, &["--no-console"]);
    assert_eq!(outputs(&without)["ConsoleUrl"], Value::Null);
    let again = deploy(aws, &[]);
    said(&again, "stack dlt is up to date");
    assert_eq!(outputs(&again)["ConsoleUrl"], Value::Null);
    assert!(outputs(&again)["McpEndpoint"].is_string(), "kept, too");
}
