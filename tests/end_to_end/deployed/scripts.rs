//! Scripts of k6 and Locust on the AWS home: an image with tools that a build in the account makes,
//! runners of that image for scripts alone, and words where a tool is missing. The emulator builds
//! nothing: what a build pushes is pushed by the test.

use crate::common::account;
use dlt_tests::behaviour::ok;
use dlt_tests::command::{Ended, Home};
use dlt_tests::deployed::{ADMIN, Deployed, HUB, QUOTA, worker};
use dlt_tests::patience::alone;
use dlt_tests::registry::{PASSWORD, Registry};
use dlt_tests::target::everywhere;
use serde_json::{Value, json};
use std::io::{Cursor, Read as _};
use std::path::PathBuf;
use std::time::Duration;

/// How long a run of a few seconds may take there, with a tool that starts.
const LONGEST: Duration = Duration::from_secs(240);
/// A second of one user.
const K6: &str = "import http from 'k6/http';\n\
    export const options = { vus: 2, duration: '2s' };\n\
    export default function () { http.get('TARGET', { tags: { name: 'home' } }); }\n";
const LOCUST: &str = "from locust import HttpUser, task\n\
    class Shop(HttpUser):\n    host = 'TARGET'\n    @task\n    def home(self):\n        self.client.get('/')\n";

fn deploy(aws: &Deployed, flags: &[&str]) -> Ended {
    let fixed = ["deploy", "hub", "--yes", "--json", "--no-mcp", "-p", QUOTA];
    aws.dlt(&[&fixed[..], flags].concat())
}

#[track_caller]
fn said(ended: &Ended, what: &str) {
    assert!(ended.stderr.contains(what), "{what:?} is not in {ended:#?}");
}

/// The tools' variables in every task, as the image sets them.
fn install(aws: &Deployed) {
    let folder = PathBuf::from(std::env::var_os("DLT_ENGINES").expect("the folder of the tools"));
    let path = format!("{}:/usr/bin:/bin", folder.join("bin").display());
    aws.engine.set("PATH", &path);
    let jmeter = folder.join("jmeter").display().to_string();
    aws.engine.set("JMETER_HOME", &jmeter);
}

#[test]
#[ignore = "needs an emulator of AWS, docker-registry and the tools, which cargo xtask test installs"]
fn a_hub_with_tools_runs_scripts() {
    let _alone = alone();
    let registry = Registry::start(true);
    let mut aws = Deployed::nothing_with(&registry);
    install(&aws);
    let made = deploy(&aws, &["--admin-email", ADMIN, "--no-console"]);
    assert_eq!(made.code, Some(0), "{made:#?}\n{}", aws.output());
    let answer: Value = serde_json::from_str(&made.stdout).unwrap();
    aws.outputs = serde_json::from_value(answer["outputs"].clone()).unwrap();
    let target = everywhere(ok().after(Duration::from_millis(5)));
    let k6 = aws
        .home
        .file("shop.js", K6.replace("TARGET", &target.url("/")));
    let locust = LOCUST.replace("TARGET", target.url("").trim_end_matches('/'));
    let locust = aws.home.file("shop.py", locust);
    let run = |file: &PathBuf, more: &[&str]| {
        let fixed = ["run", file.to_str().unwrap(), "--stack", "dlt", "--json"];
        aws.home.run(LONGEST, [&fixed[..], more].concat())
    };

    let refused = run(&k6, &[]);
    assert_eq!(refused.code, Some(2), "{refused:#?}");
    assert!(refused.told().contains("have no k6"), "{refused:#?}");
    assert!(refused.told().contains("--engines k6"), "{refused:#?}");

    let image = the_image_is_built(&aws, &registry);
    aws.engine
        .set_image(image.rsplit_once(':').unwrap().0, Some(worker()));
    let again = deploy(&aws, &[]);
    assert_eq!(again.code, Some(0), "{again:#?}");
    said(&again, "there already");
    said(&again, "stack dlt is up to date");

    let ended = run(&k6, &["--tasks", "2"]);
    ended.expect_code(0);
    let record = ended.record();
    target.settle();
    assert_eq!(record.test_type, "k6");
    assert_eq!(account(&record).sent, target.log.count());
    assert!(account(&record).ok > 200, "{}", ended.told());
    assert_eq!(definitions(&aws), ["dlt-engines", "dlt-engines"]);
    let refused = run(&locust, &["-c", "2", "-d", "2s"]);
    assert_eq!(refused.code, Some(2), "{refused:#?}");
    assert!(refused.told().contains("have no Locust"), "{refused:#?}");
    // Requests are made by the small image, as ever.
    let simple = aws.home.run(
        LONGEST,
        [
            "run",
            &target.url("/"),
            "-n",
            "20",
            "--stack",
            "dlt",
            "--json",
        ],
    );
    simple.expect_code(0);
    assert_eq!(account(&simple.record()).ok, 20);
    assert_eq!(
        definitions(&aws),
        ["dlt-engines", "dlt-engines", "dlt-worker"]
    );

    let without = deploy(&aws, &["--engines", "none"]);
    assert_eq!(without.code, Some(0), "{without:#?}\n{}", aws.output());
    let refused = run(&k6, &[]);
    assert_eq!(refused.code, Some(2), "{refused:#?}");
}

/// The families of the definitions of all tasks that have ended, in order of the alphabet.
fn definitions(aws: &Deployed) -> Vec<String> {
    let ask = |action: &str, body: &Value| {
        let action = format!("AmazonEC2ContainerServiceV20141113.{action}");
        aws.emulator.json(HUB, "ecs", &action, body)
    };
    let cluster = &aws.outputs["RunnerClusterName"];
    let ended = json!({ "cluster": cluster, "desiredStatus": "STOPPED" });
    let arns = &ask("ListTasks", &ended)["taskArns"];
    let tasks = ask(
        "DescribeTasks",
        &json!({ "cluster": cluster, "tasks": arns }),
    );
    let tasks = tasks["tasks"].as_array().unwrap().iter();
    let mut families: Vec<String> = tasks
        .map(|task| {
            let arn = task["taskDefinitionArn"].as_str().unwrap();
            let family = arn.rsplit('/').next().unwrap();
            family.split(':').next().unwrap().to_owned()
        })
        .collect();
    families.sort_unstable();
    families
}

/// `--engines k6`: a project in the account builds it from the release's files.
fn the_image_is_built(aws: &Deployed, registry: &Registry) -> String {
    // Built at once and nothing is pushed: that is told, and the hub stays as it was.
    let nothing = deploy(aws, &["--engines", "k6"]);
    assert_eq!(nothing.code, Some(3), "{nothing:#?}\n{}", aws.output());
    said(&nothing, "the registry has no image engines-");
    let listed = codebuild(aws, "ListProjects", &json!({}));
    let name = listed["projects"][0].as_str().unwrap();
    let asked = json!({ "names": [name] });
    let project = &codebuild(aws, "BatchGetProjects", &asked)["projects"][0];
    let variables = project["environment"]["environmentVariables"]
        .as_array()
        .unwrap();
    let variable = |name: &str| {
        let mut rows = variables.iter().filter(|row| row["name"] == name);
        rows.next().unwrap()["value"].as_str().unwrap().to_owned()
    };
    assert_eq!(variable("ENGINES"), "k6");
    let (bucket, key) = project["source"]["location"]
        .as_str()
        .unwrap()
        .split_once('/')
        .unwrap();
    source_is_whole(aws, bucket, key);
    // As the build would.
    let repository = variable("REPOSITORY");
    assert!(repository.starts_with(&registry.address), "{repository}");
    let home = Home::new().with(&[("DLT_REGISTRY_PASSWORD", PASSWORD)]);
    let worker = worker().display().to_string();
    let push = ["image", &worker, "--push", &repository, "--tag"];
    let pushed = home.run(LONGEST, [&push[..], &[&variable("TAG")]].concat());
    pushed.expect_code(0);
    let built = deploy(aws, &["--engines", "k6"]);
    assert_eq!(built.code, Some(0), "{built:#?}\n{}", aws.output());
    let action = "AmazonEC2ContainerServiceV20141113.DescribeTaskDefinition";
    let body = json!({ "taskDefinition": "dlt-engines" });
    let described = aws.emulator.json(HUB, "ecs", action, &body);
    let image = described["taskDefinition"]["containerDefinitions"][0]["image"].as_str();
    let image = image.unwrap().to_owned();
    assert!(
        image.starts_with(&format!("{repository}@sha256:")),
        "{image}"
    );
    image
}

fn codebuild(aws: &Deployed, action: &str, body: &Value) -> Value {
    let action = format!("CodeBuild_20161006.{action}");
    aws.emulator.json(HUB, "codebuild", &action, body)
}

/// The archive has all that the Dockerfile copies, the worker as it was built among it.
fn source_is_whole(aws: &Deployed, bucket: &str, key: &str) {
    let reply = aws
        .emulator
        .rest(HUB, "s3", "GET", &format!("/{bucket}/{key}"), b"");
    assert_eq!(reply.status, 200, "{bucket} {key}");
    let mut archive = zip::ZipArchive::new(Cursor::new(reply.body)).unwrap();
    let mut packed = Vec::new();
    let mut entry = archive.by_name("dlt-worker").unwrap();
    entry.read_to_end(&mut packed).unwrap();
    drop(entry);
    assert!(packed == std::fs::read(worker()).unwrap());
    assert!(archive.by_name("Dockerfile").is_ok() && archive.by_name("install.py").is_ok());
}
