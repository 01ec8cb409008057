//! The AWS home on the emulator, brought up by `dlt deploy`: the shipped templates, the
//! built functions, and workers as processes. What users would see of it is the tests' to ask.

use crate::cognito::Pool;
use crate::command::{Ended, Home, binary};
use crate::emulator::Emulator;
use crate::engine::Engine;
use crate::fault_proxy::FaultProxy;
use crate::http::Reply;
use crate::mqtt::Watcher;
use crate::registry::{PASSWORD, Registry};
use crate::signature::{self, Credentials};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use zip::write::SimpleFileOptions;

/// Where the hub is.
pub const HUB: &str = "us-east-1";
/// The first user.
pub const ADMIN: &str = "admin@example.com";
/// The image that the engine has.
pub const IMAGE: &str = "dlt-worker";
/// The emulator has no Service Quotas.
pub const QUOTA: &str = "VcpuQuota=256";
/// How long a command may take that deploys or removes.
const LONGEST_COMMAND: Duration = Duration::from_secs(180);

/// A hub, and further regions if there are any.
pub struct Deployed {
    /// What ECS runs on.
    pub engine: Engine,
    /// AWS.
    pub emulator: Emulator,
    /// Where commands run that ask it.
    pub home: Home,
    /// The console's files, as a release has them.
    pub console: String,
    /// The hub's outputs.
    pub outputs: BTreeMap<String, String>,
}

/// A program that was built beside `dlt`.
fn beside(name: &str) -> PathBuf {
    binary().with_file_name(name)
}

/// An archive of files, each with its mode.
fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    // Not packed: it is sent nowhere.
    let options = SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Stored)
        .unix_permissions(0o755);
    for (name, bytes) in files {
        archive.start_file(*name, options).expect("an entry");
        archive.write_all(bytes).expect("its bytes");
    }
    archive.finish().expect("an archive").into_inner()
}

/// The files below a folder but those of the build itself, by their paths.
fn files_below(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder that npm run build made") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || name == "report.html" {
            continue;
        }
        if path.is_dir() {
            let inside = files_below(&path).into_iter();
            files.extend(inside.map(|(below, bytes)| (format!("{name}/{below}"), bytes)));
        } else {
            files.push((name.into_owned(), std::fs::read(&path).expect("a file")));
        }
    }
    files
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

    /// Brings up a hub where every call is held against its caller's policies.
    ///
    /// # Panics
    /// When the emulator or a resource does not come up.
    pub fn hub_that_enforces() -> Self {
        let engine = engine();
        let emulator = Emulator::that_enforces(&engine);
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

    /// Brings up a hub whose console is what a folder holds, as a release packs it.
    ///
    /// # Panics
    /// When the emulator or a resource does not come up, or nothing was built.
    pub fn hub_with_console(built: &Path) -> Self {
        let engine = engine();
        let emulator = Emulator::with(&engine);
        let mut deployed = Self::empty(engine, emulator);
        let files = files_below(built);
        let rows: Vec<(&str, &[u8])> = files
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
            .collect();
        let console = deployed.home.file("built.zip", archive(&rows));
        deployed.console = console.to_string_lossy().into_owned();
        deployed.with_hub()
    }

    fn on(engine: Engine, emulator: Emulator) -> Self {
        Self::empty(engine, emulator).with_hub()
    }

    fn with_hub(mut self) -> Self {
        let hub = [
            "hub",
            "--admin-email",
            ADMIN,
            "--console",
            &self.console.clone(),
        ];
        self.outputs = self.deploy(&hub);
        self
    }

    /// An account with nothing in it.
    ///
    /// # Panics
    /// When the emulator does not come up.
    pub fn nothing(settings: &[(&str, &str)]) -> Self {
        let engine = engine();
        let emulator = Emulator::set_up(&engine, settings);
        Self::empty(engine, emulator)
    }

    /// The same, whose ECR is this registry.
    ///
    /// # Panics
    /// When the emulator does not come up.
    pub fn nothing_with(registry: &Registry) -> Self {
        Self::nothing(&[
            ("TESTS_REGISTRY", registry.address.as_str()),
            ("TESTS_REGISTRY_PASSWORD", PASSWORD),
        ])
    }

    fn empty(engine: Engine, emulator: Emulator) -> Self {
        let mut environment = emulator.environment();
        environment.push(("AWS_REGION", HUB.to_owned()));
        let rows: Vec<(&str, &str)> = environment
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let mut deployed = Self {
            home: Home::new().with(&rows),
            console: String::new(),
            engine,
            emulator,
            outputs: BTreeMap::new(),
        };
        let files: [(&str, &[u8]); 2] = [
            ("index.html", b"<!doctype html><title>dlt</title>"),
            ("assets/index-1a2b.js", b"export {}"),
        ];
        let console = deployed.home.file("console.zip", archive(&files));
        deployed.console = console.to_string_lossy().into_owned();
        deployed
    }

    /// A folder whose commands ask AWS through a proxy, with the same credentials.
    pub fn home_behind(&self, proxy: &FaultProxy) -> Home {
        proxy.pass_on_to(&self.emulator.address);
        let mut environment = self.emulator.environment();
        environment.push(("AWS_REGION", HUB.to_owned()));
        environment.push(("AWS_ENDPOINT_URL", proxy.endpoint()));
        let rows = environment.iter();
        let rows: Vec<(&str, &str)> = rows.map(|(name, value)| (*name, value.as_str())).collect();
        Home::new().with(&rows)
    }

    /// Runs `dlt deploy`; the outputs of its stack.
    ///
    /// # Panics
    /// When it is refused.
    pub fn deploy(&self, what: &[&str]) -> BTreeMap<String, String> {
        let image = format!("{IMAGE}:test");
        let mut args = vec!["deploy"];
        args.extend(what);
        args.extend(["--worker-image", &image, "--yes", "--json"]);
        if what.first() == Some(&"hub") {
            args.extend(["--parameter", QUOTA]);
        }
        let ended = self.dlt(&args);
        let story = || format!("{ended:#?}\n{}", self.output());
        assert_eq!(ended.code, Some(0), "{}", story());
        let answer: Value = serde_json::from_str(&ended.stdout).unwrap_or_default();
        serde_json::from_value(answer["outputs"].clone()).unwrap_or_else(|_| panic!("{}", story()))
    }

    /// Runs `dlt` with the credentials of an account's user, and without a stack of its
    /// environment.
    pub fn dlt(&self, args: &[&str]) -> Ended {
        self.home.run(LONGEST_COMMAND, args)
    }

    /// Adds a region.
    pub fn add_region(&self, region: &str) {
        self.deploy(&["region", region]);
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

    /// The same, signed by somebody who signed in.
    pub fn api_as(
        &self,
        who: &Credentials,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Reply {
        let target = format!(
            "/restapis/{}/prod/_user_request_{path}",
            self.outputs["ApiId"]
        );
        let body = body.map(Value::to_string).unwrap_or_default();
        let scope = [HUB, "execute-api"];
        signature::send(who, &self.emulator.address, scope, [method, &target], &body)
    }

    /// Where users sign in.
    pub fn users(&self) -> Pool<'_> {
        Pool {
            emulator: &self.emulator,
            region: HUB,
            id: &self.outputs["UserPoolId"],
            identities: &self.outputs["IdentityPoolId"],
        }
    }

    /// Removes the hub and its regions; results are kept.
    pub fn remove_hub(&self) -> Ended {
        self.dlt(&["destroy", "hub", "--yes"])
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
