//! What the tests share: a depot, worker processes with their lines, a target, and
//! a region of two runners.

use dlt_core::ids::{Region, RunPrefix, RunnerId, TestId, TestRunId};
use dlt_core::keys;
use dlt_core::load::share::Slice;
use dlt_core::messages::order::{LeaderReady, Order, Role, StartFile, WorkerAddress, WorkersFile};
use dlt_core::messages::report::Report;
use dlt_core::messages::runner_line::RunnerLine;
use dlt_core::messages::timeline::{RunTimeline, Timeline};
use dlt_core::routing::EnvironmentProxies;
use dlt_core::scenario::plan::FileType;
use dlt_core::target_policy::TargetPolicy;
use serde_json::json;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Pause between polls of something outside this process.
const PAUSE: Duration = Duration::from_millis(10);
/// No test takes longer.
const LIMIT: Duration = Duration::from_secs(60);

/// A depot with all that a region's runners fetch.
pub struct Depot {
    folder: tempfile::TempDir,
}

impl Depot {
    pub fn new(document: &serde_json::Value) -> Self {
        let depot = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let order = depot.order(Role::Leader, 1);
        let text = serde_json::to_vec(document).unwrap();
        depot.put(&keys::scenario(&order.test, &order.region), &text);
        depot.put(&keys::secret(&order.test, &order.prefix), b"0123456789");
        depot
    }

    pub fn order(&self, role: Role, number: u64) -> Order {
        Order {
            test: TestId::parse("Xk29QmWz7B").unwrap(),
            run: TestRunId::parse("p4TqL8vN2c").unwrap(),
            tool: None,
            file_type: FileType::None,
            region: Region::parse("lo-home-1").unwrap(),
            prefix: RunPrefix::parse("2026-03-04T09-15-02_p4TqL8vN2c").unwrap(),
            role,
            depot: self.folder.path().to_str().unwrap().to_owned(),
            hub: None,
            live: false,
            runner: Some(runner(number)),
            threads: Some(1),
            keep_exchanges: false,
            targets: TargetPolicy::default(),
            proxies: EnvironmentProxies::default(),
        }
    }

    pub fn path(&self, key: &str) -> PathBuf {
        self.folder.path().join(key)
    }

    pub fn put(&self, key: &str, bytes: &[u8]) {
        let path = self.path(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let part = path.with_extension("part");
        std::fs::write(&part, bytes).unwrap();
        std::fs::rename(part, path).unwrap();
    }

    pub fn report(&self, number: u64) -> Report {
        let order = self.order(Role::Worker, number);
        let key = keys::report(&order.test, &order.prefix, &runner(number), &order.region);
        let text = std::fs::read_to_string(self.path(&key)).unwrap();
        Report::from_xml(&text).unwrap()
    }

    /// The region's timeline that its leader stored.
    pub fn region_timeline(&self) -> RunTimeline {
        let order = self.order(Role::Leader, 2);
        let key = keys::region_timeline(&order.test, &order.prefix, &order.region);
        serde_json::from_slice(&std::fs::read(self.path(&key)).unwrap()).unwrap()
    }

    pub fn timeline(&self, number: u64) -> Timeline {
        let order = self.order(Role::Worker, number);
        let key = keys::timeline(&order.test, &order.prefix, &runner(number), &order.region);
        serde_json::from_slice(&std::fs::read(self.path(&key)).unwrap()).unwrap()
    }
}

pub fn runner(number: u64) -> RunnerId {
    RunnerId::parse(&format!("lo-home-1-{number}")).unwrap()
}

/// A worker process; killed when the test is over.
pub struct Process {
    pub child: Child,
    pub lines: Receiver<String>,
}

impl Process {
    pub fn new(order: &Order, deadline_s: &str) -> Self {
        Self::spawn(
            Self::command()
                .envs(order.to_env())
                .env("DLT_START_DEADLINE_S", deadline_s),
        )
    }

    pub fn command() -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dlt-worker"));
        command.env_clear();
        command
    }

    pub fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                // The test may have seen enough: that closes the pipe.
                if sender.send(line.unwrap()).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    pub fn line(&self) -> RunnerLine {
        let line = self.lines.recv_timeout(LIMIT).unwrap();
        RunnerLine::parse(&line).unwrap_or_else(|| panic!("not a runner line: {line}"))
    }

    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success());
    }

    /// All lines up to the end, and how it ended.
    pub fn end(mut self) -> (Vec<RunnerLine>, i32) {
        let mut lines = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(LIMIT) {
            lines.push(RunnerLine::parse(&line).unwrap());
        }
        (lines, self.exit().code().unwrap())
    }

    pub fn exit(&mut self) -> ExitStatus {
        let begun = std::time::Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < LIMIT, "the worker hangs");
            std::thread::park_timeout(PAUSE);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Only fails if it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn finished(number: u64, exit: i32, report: bool) -> RunnerLine {
    let key = format!(
        "results/Xk29QmWz7B/2026-03-04T09-15-02_p4TqL8vN2c/lo-home-1-{number}-lo-home-1.xml"
    );
    RunnerLine::Finished {
        runner: runner(number),
        exit,
        report: report.then_some(key),
    }
}

/// Closed load of 4 users for the whole run, against `url`.
pub fn document(url: &str, hold_for: &str) -> serde_json::Value {
    json!({
        "execution": [{ "scenario": "shop", "users": 4, "hold-for": hold_for, "taskCount": 2 }],
        "scenarios": { "shop": { "requests": [{ "url": url, "label": "page" }] } },
    })
}

/// A target that answers every request with 200 and counts them.
pub fn target() -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let count = Arc::new(AtomicU64::new(0));
    let counted = count.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let count = counted.clone();
            std::thread::spawn(move || answer(stream, &count));
        }
    });
    (url, count)
}

pub fn answer(stream: TcpStream, count: &AtomicU64) {
    let mut writer = stream.try_clone().unwrap();
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        if line.is_empty() {
            count.fetch_add(1, Ordering::SeqCst);
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
            if writer.write_all(answer).is_err() {
                return;
            }
        }
    }
}

/// Waits for an object, as the control plane does.
pub fn wait_for(path: &Path) -> Vec<u8> {
    let begun = std::time::Instant::now();
    loop {
        if let Ok(bytes) = std::fs::read(path) {
            return bytes;
        }
        assert!(begun.elapsed() < LIMIT, "no {}", path.display());
        std::thread::park_timeout(PAUSE);
    }
}

/// A worker and a leader that have met and have their start.
pub fn region(depot: &Depot) -> (Process, Process) {
    let worker = Process::new(&depot.order(Role::Worker, 1), "60");
    let RunnerLine::Ready {
        runner, address, ..
    } = worker.line()
    else {
        panic!("no ready line");
    };
    let order = depot.order(Role::Leader, 2);
    let file = WorkersFile {
        slice: Slice {
            first: 0,
            count: 2,
            of: 2,
        },
        workers: vec![WorkerAddress { runner, address }],
        others: Vec::new(),
    };
    let key = keys::workers(&order.test, &order.prefix, &order.region);
    depot.put(&key, &serde_json::to_vec(&file).unwrap());
    let leader = Process::new(&order, "60");
    let key = keys::leader_ready(&order.test, &order.prefix, &order.region);
    let ready: LeaderReady = serde_json::from_slice(&wait_for(&depot.path(&key))).unwrap();
    assert_eq!(ready.connected.len(), 1);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let start_at_us = now.as_micros() as u64 + 1_500_000;
    let file = serde_json::to_vec(&StartFile {
        start_at_us,
        boot: None,
    })
    .unwrap();
    depot.put(&keys::start(&order.test, &order.prefix), &file);
    (worker, leader)
}
