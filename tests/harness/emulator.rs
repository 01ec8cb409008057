//! An emulator of AWS (ministack) as a child process, for tests that want
//! answers which we did not write. `cargo xtask test --full` installs it and
//! names it in `DLT_MINISTACK`.

use crate::engine::Engine;
use crate::http;
use crate::patience;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How much of their time waits of workflows take.
const WAIT_SCALE: &str = "0.1";

/// It, with what it lacks.
const PROGRAM: &str = include_str!("emulator.py");

/// Where it prints.
fn output(folder: &Path) -> Stdio {
    let path = folder.join("emulator.log");
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.map_or(Stdio::null(), Stdio::from)
}

/// It, until it is dropped.
#[derive(Debug)]
pub struct Emulator {
    child: Child,
    /// `host:port`.
    pub address: String,
    data: tempfile::TempDir,
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Emulator {
    /// Starts one with nothing in it.
    ///
    /// # Panics
    /// When it is not there, or does not come up.
    pub fn start() -> Self {
        Self::started(&[])
    }

    /// Starts one whose ECS runs processes of this engine, whose Lambdas run, and
    /// whose workflows wait a fraction of their time.
    ///
    /// # Panics
    /// When it is not there, or does not come up.
    pub fn with(engine: &Engine) -> Self {
        Self::set_up(engine, &[])
    }

    /// The same, which holds every call against the policies of whoever makes it.
    ///
    /// # Panics
    /// When it is not there, or does not come up.
    pub fn that_enforces(engine: &Engine) -> Self {
        Self::set_up(engine, &[("AUTH", "true")])
    }

    /// The same with further settings.
    ///
    /// # Panics
    /// When it is not there, or does not come up.
    pub fn set_up(engine: &Engine, settings: &[(&str, &str)]) -> Self {
        let socket = format!("unix://{}", engine.socket.display());
        let mut all = vec![
            ("DOCKER_HOST", socket.as_str()),
            ("LAMBDA_EXECUTOR", "local"),
            ("SFN_WAIT_SCALE", WAIT_SCALE),
        ];
        all.extend_from_slice(settings);
        Self::started(&all)
    }

    fn started(settings: &[(&str, &str)]) -> Self {
        let program = std::env::var_os("DLT_MINISTACK").expect("DLT_MINISTACK names the program");
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("its number").port();
        drop(free);
        let data = tempfile::tempdir().expect("a folder");
        // Lambdas inherit its environment, and ask AWS where it says.
        let endpoint = format!("http://127.0.0.1:{port}");
        // Beside the program, which is made of nothing else.
        let python = Path::new(&program).with_file_name("python");
        let child = Command::new(python)
            .args(["-c", PROGRAM])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("AWS_ENDPOINT_URL", endpoint)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("TMPDIR", data.path())
            .envs(settings.iter().copied())
            .env("GATEWAY_PORT", port.to_string())
            // By itself it listens everywhere, and for MQTT, too.
            .env("BIND_HOST", "127.0.0.1")
            .env("IOT_MTLS_ENABLED", "0")
            .env("HOME", data.path())
            .current_dir(data.path())
            .stdin(Stdio::null())
            .stdout(output(data.path()))
            .stderr(output(data.path()))
            .spawn()
            .expect("the emulator can be started");
        let address = format!("127.0.0.1:{port}");
        patience::until("the emulator listens", Duration::from_secs(60), || {
            TcpStream::connect(&address).ok()
        });
        Self {
            child,
            address,
            data,
        }
    }

    /// What it has printed: for a test that failed.
    pub fn printed(&self) -> String {
        std::fs::read_to_string(self.data.path().join("emulator.log")).unwrap_or_default()
    }

    /// What AWS's tools set to ask it.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The environment of a program that asks it, as one on AWS is asked.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let fixed = [
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_CONFIG_FILE", "/nonexistent"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent"),
        ];
        let mut rows: Vec<(&str, String)> = vec![("AWS_ENDPOINT_URL", self.endpoint())];
        rows.extend(fixed.map(|(name, value)| (name, value.to_owned())));
        rows
    }

    /// One call in AWS's JSON protocol; nobody looks at the signature, but for
    /// region and service.
    ///
    /// # Panics
    /// When it is refused.
    #[track_caller]
    pub fn json(&self, region: &str, service: &str, action: &str, body: &Value) -> Value {
        self.ask(region, service, action, body)
            .unwrap_or_else(|refusal| panic!("{action}: {refusal}"))
    }

    /// The same, for a call that may be refused.
    ///
    /// # Errors
    /// With what the service said.
    pub fn ask(
        &self,
        region: &str,
        service: &str,
        action: &str,
        body: &Value,
    ) -> Result<Value, Value> {
        let signature = signature(region, service);
        let headers = [
            ("authorization", signature.as_str()),
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", action),
        ];
        let body = body.to_string();
        let reply = http::send(&self.address, "POST", "/", &headers, body.as_bytes());
        let said = match reply.body.is_empty() {
            true => Value::Null,
            false => reply.json(),
        };
        match reply.status {
            200 => Ok(said),
            _ => Err(said),
        }
    }

    /// The variables that make a program act in a role.
    ///
    /// # Panics
    /// When the role is refused.
    #[track_caller]
    pub fn session(&self, region: &str, role: &str) -> BTreeMap<String, String> {
        let ask = [
            ("Action", "AssumeRole"),
            ("RoleArn", role),
            ("RoleSessionName", "test"),
        ];
        let given = self.query(region, "sts", &ask);
        let part = |name: &str| {
            let from = given.split_once(&format!("<{name}>"));
            let part = from.and_then(|parts| parts.1.split_once("</"));
            part.expect("a part of credentials").0.to_owned()
        };
        BTreeMap::from([
            ("AWS_ACCESS_KEY_ID".to_owned(), part("AccessKeyId")),
            ("AWS_SECRET_ACCESS_KEY".to_owned(), part("SecretAccessKey")),
            ("AWS_SESSION_TOKEN".to_owned(), part("SessionToken")),
        ])
    }

    /// Refuses to delete policies of IoT Core, the next so many times: AWS does for minutes
    /// after the last identity lost one.
    ///
    /// # Panics
    /// When it cannot be told.
    pub fn hold_policies(&self, times: u32) {
        let path = self.data.path().join("held-policies");
        std::fs::write(path, times.to_string()).expect("a file for the emulator");
    }

    /// What a resource was declared with whose type the emulator lacks.
    ///
    /// # Panics
    /// When no stack has it.
    #[track_caller]
    pub fn declared(&self, resource: &str) -> Value {
        let path = self.data.path().join(format!("made-{resource}.json"));
        let text = std::fs::read(path).expect("a stack has it");
        serde_json::from_slice(&text).expect("JSON")
    }

    /// One call in AWS's query protocol; the answer is XML.
    ///
    /// # Panics
    /// When it is refused.
    #[track_caller]
    pub fn query(&self, region: &str, service: &str, parameters: &[(&str, &str)]) -> String {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(parameters);
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let bytes = self.send(region, service, &headers, &body.finish());
        String::from_utf8(bytes).expect("text")
    }

    /// One call of a REST protocol: status and body.
    pub fn rest(
        &self,
        region: &str,
        service: &str,
        method: &str,
        target: &str,
        body: &[u8],
    ) -> http::Reply {
        let signature = signature(region, service);
        let headers = [("authorization", signature.as_str())];
        http::send(&self.address, method, target, &headers, body)
    }

    #[track_caller]
    fn send(&self, region: &str, service: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
        let signature = signature(region, service);
        let mut all = vec![("authorization", signature.as_str())];
        all.extend_from_slice(headers);
        let reply = http::send(&self.address, "POST", "/", &all, body.as_bytes());
        let text = String::from_utf8_lossy(&reply.body);
        assert_eq!(reply.status, 200, "{text}");
        reply.body
    }
}

/// A signature that nobody checks.
fn signature(region: &str, service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=test/20260101/{region}/{service}/aws4_request, \
         SignedHeaders=host, Signature=0"
    )
}
