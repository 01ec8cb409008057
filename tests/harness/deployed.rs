//! The AWS home on the emulator: the shipped templates, the built functions, and
//! workers as processes. What users would see of it is the tests' to ask.

use crate::command::binary;
use crate::emulator::Emulator;
use crate::engine::Engine;
use crate::fault_proxy::FaultProxy;
use crate::http::Reply;
use crate::mqtt::Watcher;
use crate::patience::until;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::path::PathBuf;
use std::time::Duration;
use zip::write::SimpleFileOptions;

/// Where the hub is.
pub const HUB: &str = "us-east-1";
/// Key of the functions' archive in a region's bucket.
const ARCHIVE: &str = "functions.zip";
/// The image that the engine has.
pub const IMAGE: &str = "dlt-worker";
/// The emulator has no Service Quotas.
const QUOTA: [(&str, &str); 1] = [("VcpuQuota", "256")];
/// How long a stack may take.
const LONGEST_STACK: Duration = Duration::from_secs(120);

/// A hub, and further regions if there are any.
pub struct Deployed {
    /// What ECS runs on.
    pub engine: Engine,
    /// AWS.
    pub emulator: Emulator,
    /// The hub's outputs.
    pub outputs: BTreeMap<String, String>,
}

/// A program that was built beside `dlt`.
fn beside(name: &str) -> PathBuf {
    binary().with_file_name(name)
}

/// The functions as Lambda takes them: the binary, named `bootstrap`.
fn archive() -> Vec<u8> {
    let program = std::fs::read(beside("dlt-functions")).expect("the functions are built");
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    // Not packed: it is sent nowhere.
    let options = SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Stored)
        .unix_permissions(0o755);
    archive.start_file("bootstrap", options).expect("an entry");
    archive.write_all(&program).expect("its bytes");
    archive.finish().expect("an archive").into_inner()
}

/// An engine whose only image is the worker that was built.
fn engine() -> Engine {
    Engine::start(BTreeMap::from([(IMAGE.to_owned(), worker())]))
}

/// The worker that was built.
pub fn worker() -> PathBuf {
    beside("dlt-worker")
}

impl Deployed {
    /// Brings up a hub.
    ///
    /// # Panics
    /// When the emulator or a resource does not come up.
    pub fn hub() -> Self {
        let engine = engine();
        let emulator = Emulator::with(&engine);
        Self::on(engine, emulator)
    }

    /// Brings up a hub whose functions and tasks ask AWS through a proxy; tests ask
    /// it directly.
    ///
    /// # Panics
    /// When the emulator or a resource does not come up.
    pub fn behind(proxy: &FaultProxy, settings: &[(&str, &str)]) -> Self {
        let (engine, endpoint) = (engine(), proxy.endpoint());
        engine.set("AWS_ENDPOINT_URL", &endpoint);
        let mut all = vec![("AWS_ENDPOINT_URL", endpoint.as_str())];
        all.extend_from_slice(settings);
        let emulator = Emulator::set_up(&engine, &all);
        proxy.pass_on_to(&emulator.address);
        Self::on(engine, emulator)
    }

    fn on(engine: Engine, emulator: Emulator) -> Self {
        let mut deployed = Self {
            engine,
            emulator,
            outputs: BTreeMap::new(),
        };
        deployed.artifacts(HUB);
        deployed.outputs = deployed.stack(
            HUB,
            "hub",
            &dlt_infra::hub(),
            &QUOTA.map(|(name, value)| (name, value.to_owned())),
        );
        deployed
    }

    fn put(&self, region: &str, path: &str, bytes: &[u8]) -> String {
        let target = format!("/artifacts-{region}{path}");
        let reply = self.emulator.rest(region, "s3", "PUT", &target, bytes);
        assert_eq!(reply.status, 200, "{target}");
        format!("{}{target}", self.emulator.endpoint())
    }

    /// A region's bucket of artefacts: Lambda takes archives of its own region alone.
    fn artifacts(&self, region: &str) {
        let place = format!(
            "<CreateBucketConfiguration><LocationConstraint>{region}</LocationConstraint>\
             </CreateBucketConfiguration>"
        );
        let place = if region == HUB { String::new() } else { place };
        self.put(region, "", place.as_bytes());
        self.put(region, &format!("/{ARCHIVE}"), &archive());
    }

    /// Adds a region.
    pub fn add_region(&self, region: &str) {
        self.artifacts(region);
        let output = |name: &str| self.outputs[name].clone();
        let parameters = [
            ("HubRegion", HUB.to_owned()),
            ("HubBucket", output("BucketName")),
            ("HubScenariosTable", output("ScenariosTable")),
            ("HubIotHost", output("IotHost")),
            ("HubApiRole", output("ApiRoleName")),
            (
                "HubTaskStatusCheckerRole",
                output("TaskStatusCheckerRoleName"),
            ),
            ("HubTaskRunnerRole", output("TaskRunnerRoleName")),
            ("HubTaskCancelerRole", output("TaskCancelerRoleName")),
            ("HubResultsParserRole", output("ResultsParserRoleName")),
        ];
        self.stack(region, "region", &dlt_infra::region(), &parameters);
    }

    /// Creates a stack and waits for it; its outputs.
    fn stack(
        &self,
        region: &str,
        name: &str,
        template: &str,
        parameters: &[(&str, String)],
    ) -> BTreeMap<String, String> {
        let url = self.put(region, &format!("/{name}.yaml"), template.as_bytes());
        let mut asked = vec![
            ("Action".to_owned(), "CreateStack".to_owned()),
            ("StackName".to_owned(), name.to_owned()),
            ("TemplateURL".to_owned(), url),
            (
                "Capabilities.member.1".to_owned(),
                "CAPABILITY_IAM".to_owned(),
            ),
        ];
        let common = [
            ("ArtifactBucket", format!("artifacts-{region}")),
            ("FunctionsKey", ARCHIVE.to_owned()),
            ("WorkerImage", format!("{IMAGE}:test")),
            ("DltVersion", env!("CARGO_PKG_VERSION").to_owned()),
        ];
        for (n, (name, value)) in common.iter().chain(parameters).enumerate() {
            let parameter = format!("Parameters.member.{}", n + 1);
            asked.push((format!("{parameter}.ParameterKey"), (*name).to_owned()));
            asked.push((format!("{parameter}.ParameterValue"), value.clone()));
        }
        let pairs: Vec<(&str, &str)> = asked
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        self.emulator.query(region, "cloudformation", &pairs);
        let described = until("a stack", LONGEST_STACK, || {
            let ask = [("Action", "DescribeStacks"), ("StackName", name)];
            let text = self.emulator.query(region, "cloudformation", &ask);
            let status = between(&text, "<StackStatus>", "</StackStatus>")?;
            (!status.ends_with("IN_PROGRESS")).then_some(text)
        });
        let made = described.contains("<StackStatus>CREATE_COMPLETE");
        assert!(made, "{described}\n{}", self.emulator.printed());
        let rows = described.split("<OutputKey>").skip(1);
        let outputs = rows.filter_map(|row| {
            let (name, rest) = row.split_once("</OutputKey>")?;
            let value = between(rest, "<OutputValue>", "</OutputValue>")?;
            Some((name.to_owned(), value.to_owned()))
        });
        outputs.collect()
    }

    /// A request to the API, as API Gateway passes it on.
    pub fn api(&self, method: &str, path: &str, body: Option<&Value>) -> Reply {
        let id = &self.outputs["ApiId"];
        let target = format!("/restapis/{id}/prod/_user_request_{path}");
        let body = body.map(Value::to_string).unwrap_or_default();
        let service = "execute-api";
        self.emulator
            .rest(HUB, service, method, &target, body.as_bytes())
    }

    /// Subscribes to the topics that the API names for a scenario.
    pub fn watch(&self, test: &str) -> Watcher {
        let live = self
            .api("GET", &format!("/scenarios/{test}/live"), None)
            .json();
        let topics = live["topics"].as_array().expect("topics").iter();
        let topics: Vec<String> = topics
            .filter_map(|topic| topic.as_str().map(str::to_owned))
            .collect();
        // The emulator knows its topics by the name of their host.
        let port = self.emulator.address.rsplit(':').next().unwrap_or_default();
        let host = format!("x-ats.iot.{HUB}.localhost:{port}");
        Watcher::start(&self.emulator.address, &host, &topics)
    }

    /// What was printed by everything: for a test that failed.
    pub fn output(&self) -> String {
        format!("{}\n{}", self.engine.printed(), self.emulator.printed())
    }
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> Option<&'a str> {
    let rest = &text[text.find(from)? + from.len()..];
    Some(&rest[..rest.find(to)?])
}
