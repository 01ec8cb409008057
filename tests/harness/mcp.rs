//! A client of MCP servers for tests: a process that is spoken to line by line,
//! or a server that is spoken to over HTTP. What it should answer stands in the
//! tests.

use crate::command::{Home, binary};
use crate::http::{self, Reply};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// `dlt-mcp` built beside `dlt`.
///
/// # Panics
/// When it is not there.
pub fn mcp_binary() -> PathBuf {
    let path = binary().with_file_name("dlt-mcp");
    assert!(
        path.exists(),
        "no dlt-mcp binary: run `cargo xtask test`, or `cargo build -p dlt-mcp`"
    );
    path
}

/// An MCP server as a child process.
#[derive(Debug)]
pub struct Client {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: mpsc::Receiver<String>,
    id: u64,
}

impl Client {
    /// Starts a program and greets it.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn start(home: &Home, program: PathBuf, args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut child = Command::new(program)
            .args(args)
            .env("DLT_HOME", home.path())
            .env_remove("DLT_API_URL")
            .envs(env.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("an MCP server can be started");
        let stdout = child.stdout.take().expect("its stdout");
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut client = Self {
            stdin: child.stdin.take(),
            child,
            lines,
            id: 0,
        };
        let greeting = client.ask("initialize", greeting());
        assert_eq!(
            greeting["result"]["serverInfo"]["name"], "dlt",
            "{greeting}"
        );
        client.say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        client
    }

    fn say(&mut self, message: &Value) {
        let stdin = self.stdin.as_mut().expect("an open stdin");
        writeln!(stdin, "{message}").expect("it listens");
    }

    /// Asks and waits for the answer. Everything on stdout must be MCP.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    pub fn ask(&mut self, method: &str, params: Value) -> Value {
        self.id += 1;
        let id = self.id;
        self.say(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        let line = self.lines.recv_timeout(PATIENCE).expect("an answer");
        let answer: Value = serde_json::from_str(&line).expect("stdout is JSON lines");
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    /// Closes its stdin and waits for its end; its exit code.
    ///
    /// # Panics
    /// When it stays.
    pub fn close(mut self) -> Option<i32> {
        drop(self.stdin.take());
        let ended = crate::patience::within(PATIENCE, || self.child.try_wait().ok().flatten());
        ended.expect("it ends when its client goes").code()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How a client greets.
pub fn greeting() -> Value {
    json!({"protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": {"name": "dlt-tests", "version": "1"}})
}

/// One message over HTTP, with further headers.
#[track_caller]
pub fn post(address: &str, message: &Value, headers: &[(&str, &str)]) -> Reply {
    let mut all = vec![
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
    ];
    all.extend_from_slice(headers);
    http::send(
        address,
        "POST",
        "/mcp",
        &all,
        message.to_string().as_bytes(),
    )
}

/// `dlt-mcp http` on a free port.
#[derive(Debug)]
pub struct HttpServer {
    child: Child,
    /// `host:port`.
    pub address: String,
}

impl HttpServer {
    /// Starts it and waits until it says where it is.
    ///
    /// # Panics
    /// When it does not.
    pub fn start(args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut child = Command::new(mcp_binary())
            .args(["http", "--listen", "127.0.0.1:0"])
            .args(args)
            .env_remove("DLT_API_URL")
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("dlt-mcp can be started");
        let stderr = child.stderr.take().expect("its stderr");
        let mut line = String::new();
        let read = BufReader::new(stderr).read_line(&mut line);
        read.expect("it says where it is");
        let address = line.trim().strip_prefix("MCP is at http://");
        let address = address.and_then(|rest| rest.strip_suffix("/mcp"));
        let address = address.unwrap_or_else(|| panic!("no address: {line}"));
        Self {
            address: address.to_owned(),
            child,
        }
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
