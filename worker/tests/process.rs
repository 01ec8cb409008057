//! The worker as its own process: exit codes, signals, lines, a closed stdout,
//! and a region of two runners against a real target.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use dlt_core::ids::{Region, RunPrefix, RunnerId, TestId, TestRunId};
use dlt_core::keys;
use dlt_core::load::share::Slice;
use dlt_core::messages::order::{LeaderReady, Order, Role, StartFile, WorkerAddress, WorkersFile};
use dlt_core::messages::report::{Ended, Report};
use dlt_core::messages::runner_line::{RunnerLine, RunnerState, Tick};
use dlt_core::messages::timeline::Timeline;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Pause between looks at something outside this process.
const PAUSE: Duration = Duration::from_millis(10);
/// What takes longer hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// A depot with all that a region's runners fetch.
struct Depot {
    folder: tempfile::TempDir,
}

impl Depot {
    fn new(document: &serde_json::Value) -> Self {
        let depot = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let order = depot.order(Role::Leader, 1);
        let text = serde_json::to_vec(document).unwrap();
        depot.put(&keys::scenario(&order.test, &order.region), &text);
        depot.put(&keys::secret(&order.test, &order.prefix), b"0123456789");
        depot
    }

    fn order(&self, role: Role, number: u64) -> Order {
        Order {
            test: TestId::parse("Xk29QmWz7B").unwrap(),
            run: TestRunId::parse("p4TqL8vN2c").unwrap(),
            region: Region::parse("lo-home-1").unwrap(),
            prefix: RunPrefix::parse("2026-03-04T09-15-02_p4TqL8vN2c").unwrap(),
            role,
            depot: self.folder.path().to_str().unwrap().to_owned(),
            live: false,
            runner: Some(runner(number)),
            threads: Some(1),
        }
    }

    fn path(&self, key: &str) -> PathBuf {
        self.folder.path().join(key)
    }

    fn put(&self, key: &str, bytes: &[u8]) {
        let path = self.path(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let part = path.with_extension("part");
        std::fs::write(&part, bytes).unwrap();
        std::fs::rename(part, path).unwrap();
    }

    fn report(&self, number: u64) -> Report {
        let order = self.order(Role::Worker, number);
        let key = keys::report(&order.test, &order.prefix, &runner(number), &order.region);
        let text = std::fs::read_to_string(self.path(&key)).unwrap();
        Report::from_xml(&text).unwrap()
    }

    fn timeline(&self, number: u64) -> Timeline {
        let order = self.order(Role::Worker, number);
        let key = keys::timeline(&order.test, &order.prefix, &runner(number), &order.region);
        serde_json::from_slice(&std::fs::read(self.path(&key)).unwrap()).unwrap()
    }
}

fn runner(number: u64) -> RunnerId {
    RunnerId::parse(&format!("lo-home-1-{number}")).unwrap()
}

/// A worker process; killed when the test is over.
struct Process {
    child: Child,
    lines: Receiver<String>,
}

impl Process {
    fn new(order: &Order, deadline_s: &str) -> Self {
        Self::spawn(
            Self::command()
                .envs(order.to_env())
                .env("DLT_START_DEADLINE_S", deadline_s),
        )
    }

    fn command() -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dlt-worker"));
        command.env_clear();
        command
    }

    fn spawn(command: &mut Command) -> Self {
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

    fn line(&self) -> RunnerLine {
        let line = self.lines.recv_timeout(LIMIT).unwrap();
        RunnerLine::parse(&line).unwrap_or_else(|| panic!("not a runner line: {line}"))
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success());
    }

    /// All lines up to the end, and how it ended.
    fn end(mut self) -> (Vec<RunnerLine>, i32) {
        let mut lines = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(LIMIT) {
            lines.push(RunnerLine::parse(&line).unwrap());
        }
        (lines, self.exit().code().unwrap())
    }

    fn exit(&mut self) -> ExitStatus {
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

fn finished(number: u64, exit: i32, report: bool) -> RunnerLine {
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
fn document(url: &str, hold_for: &str) -> serde_json::Value {
    json!({
        "execution": [{ "scenario": "shop", "users": 4, "hold-for": hold_for, "taskCount": 2 }],
        "scenarios": { "shop": { "requests": [{ "url": url, "label": "page" }] } },
    })
}

/// A target that answers every request with 200 and counts them.
fn target() -> (String, Arc<AtomicU64>) {
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

fn answer(stream: TcpStream, count: &AtomicU64) {
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
fn wait_for(path: &Path) -> Vec<u8> {
    let begun = std::time::Instant::now();
    loop {
        if let Ok(bytes) = std::fs::read(path) {
            return bytes;
        }
        assert!(begun.elapsed() < LIMIT, "no {}", path.display());
        std::thread::park_timeout(PAUSE);
    }
}

/// A worker and a leader that have met and been given the start.
fn region(depot: &Depot) -> (Process, Process) {
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
    };
    let key = keys::workers(&order.test, &order.prefix, &order.region);
    depot.put(&key, &serde_json::to_vec(&file).unwrap());
    let leader = Process::new(&order, "60");
    let key = keys::leader_ready(&order.test, &order.prefix, &order.region);
    let ready: LeaderReady = serde_json::from_slice(&wait_for(&depot.path(&key))).unwrap();
    assert_eq!(ready.connected.len(), 1);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let start_at_us = now.as_micros() as u64 + 1_500_000;
    let file = serde_json::to_vec(&StartFile { start_at_us }).unwrap();
    depot.put(&keys::start(&order.test, &order.prefix), &file);
    (worker, leader)
}

/// `sent ok` of each second, added over lines.
fn sums(ticks: &[Tick]) -> BTreeMap<u64, (u64, u64)> {
    let mut sums: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    for tick in ticks {
        let row = sums.entry(tick.second.second).or_default();
        row.0 += tick.second.sent;
        row.1 += tick.second.ok;
    }
    sums
}

fn ticks(lines: &[RunnerLine]) -> Vec<Tick> {
    let tick = |line: &RunnerLine| match line {
        RunnerLine::Tick(tick) => Some(tick.clone()),
        _ => None,
    };
    lines.iter().filter_map(tick).collect()
}

#[test]
fn bad_orders_exit_2_and_say_what_to_do() {
    let mut child = Process::command()
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut text = String::new();
    let mut stderr = child.stderr.take().unwrap();
    stderr.read_to_string(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(2));
    assert!(text.contains("DLT_ROLE is not set"), "{text}");

    let depot = Depot::new(&json!({ "execution": "none" }));
    let (lines, exit) = Process::new(&depot.order(Role::Worker, 1), "5").end();
    assert_eq!((lines, exit), (vec![finished(1, 2, false)], 2));
    let (lines, exit) = Process::new(&depot.order(Role::Worker, 1), "soon").end();
    assert_eq!((lines, exit), (vec![], 2));
}

#[test]
fn what_cannot_run_exits_3() {
    let depot = Depot::new(&document("http://127.0.0.1:9/", "1s"));
    // Nobody leads, nobody is led.
    let worker = Process::new(&depot.order(Role::Worker, 1), "1");
    let leader = Process::new(&depot.order(Role::Leader, 2), "1");
    assert!(matches!(worker.line(), RunnerLine::Ready { .. }));
    assert_eq!(worker.end(), (vec![finished(1, 3, false)], 3));
    assert_eq!(leader.end(), (vec![finished(2, 3, false)], 3));
    let mut order = depot.order(Role::Worker, 1);
    order.depot = "s3://bucket".to_owned();
    assert_eq!(
        Process::new(&order, "5").end(),
        (vec![finished(1, 3, false)], 3)
    );
}

#[test]
fn a_stop_before_the_start_is_reported() {
    let depot = Depot::new(&document("http://127.0.0.1:9/", "1s"));
    let worker = Process::new(&depot.order(Role::Worker, 1), "60");
    assert!(matches!(worker.line(), RunnerLine::Ready { .. }));
    worker.signal("TERM");
    assert_eq!(worker.end(), (vec![finished(1, 0, true)], 0));
    let report = depot.report(1);
    assert_eq!(report.start, None);
    assert_eq!(report.tally.account.sent, 0);
    assert_eq!(
        report.ended,
        Ended::Stopped {
            reason: "SIGTERM".to_owned()
        }
    );
}

#[test]
fn a_regions_lines_add_up_to_its_reports_and_to_the_target() {
    let (url, count) = target();
    let depot = Depot::new(&document(&url, "2s"));
    let (worker, leader) = region(&depot);
    // Nobody reads the worker any more: it must not mind.
    let mut worker = worker;
    worker.lines = channel().1;
    let (lines, exit) = leader.end();
    assert_eq!(exit, 0);
    assert_eq!(lines.last(), Some(&finished(2, 0, true)));
    assert_eq!(worker.exit().code(), Some(0));

    let ticks = ticks(&lines);
    assert!(ticks.iter().map(|tick| tick.seq).eq(0..ticks.len() as u64));
    let mut expected: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    let (mut sent, mut users) = (0, 0);
    for number in [1, 2] {
        let report = depot.report(number);
        assert!(report.tally.account.balanced());
        assert!(report.tally.account.sent > 0);
        assert_eq!(report.ended, Ended::AsPlanned);
        assert_eq!(report.health.threads, 1);
        assert!(report.health.cpu_us > 0 && report.health.max_rss_bytes > 0);
        assert!(report.start.unwrap().first_sent_us.is_some());
        sent += report.tally.account.sent;
        users += report.peak_users;
        for second in depot.timeline(number).seconds {
            let row = expected.entry(second.second).or_default();
            row.0 += second.sent;
            row.1 += second.ok;
        }
    }
    assert_eq!(sums(&ticks), expected);
    assert_eq!(expected.values().map(|row| row.0).sum::<u64>(), sent);
    assert_eq!(count.load(Ordering::SeqCst), sent);
    assert_eq!(users, 4);
}

#[test]
fn a_stop_during_the_load_keeps_what_was_measured_everywhere() {
    let (url, count) = target();
    let depot = Depot::new(&document(&url, "10m"));
    let (worker, leader) = region(&depot);
    assert!(matches!(leader.line(), RunnerLine::Tick(_)));
    leader.signal("INT");
    let (_, exit) = leader.end();
    assert_eq!(exit, 0);
    assert_eq!(worker.end().1, 0);
    let mut sent = 0;
    for number in [1, 2] {
        let report = depot.report(number);
        assert_eq!(
            report.ended,
            Ended::Stopped {
                reason: "SIGINT".to_owned()
            }
        );
        assert!(report.tally.account.balanced());
        sent += report.tally.account.sent;
    }
    assert_eq!(count.load(Ordering::SeqCst), sent);
}

#[test]
fn a_worker_survives_its_leader_and_a_leader_its_worker() {
    let (url, _) = target();
    for killed in [Role::Leader, Role::Worker] {
        let depot = Depot::new(&document(&url, "4s"));
        let (mut worker, mut leader) = region(&depot);
        assert!(matches!(leader.line(), RunnerLine::Tick(_)));
        let (number, survivor) = match killed {
            Role::Leader => {
                leader.child.kill().unwrap();
                (1, worker)
            }
            Role::Worker => {
                worker.child.kill().unwrap();
                (2, leader)
            }
        };
        let (lines, exit) = survivor.end();
        assert_eq!(exit, 0);
        assert_eq!(lines.last(), Some(&finished(number, 0, true)));
        let ticks = ticks(&lines);
        assert!(!ticks.is_empty(), "it speaks of its load");
        let report = depot.report(number);
        assert_eq!(report.ended, Ended::AsPlanned);
        assert!(report.duration_us > 3_000_000, "{}", report.duration_us);
        if killed == Role::Worker {
            let last = &ticks.last().unwrap().runners;
            assert_eq!(last[0].1, RunnerState::Lost);
            assert!(
                report
                    .warnings
                    .iter()
                    .any(|text| text.contains("was lost during the load")),
                "{:?}",
                report.warnings
            );
        }
    }
}

#[test]
fn a_target_that_refuses_ends_the_run_within_seconds() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let depot = Depot::new(&document(&url, "10m"));
    let (worker, leader) = region(&depot);
    let (_, exit) = leader.end();
    assert_eq!(exit, 0);
    assert_eq!(worker.end().1, 0);
    for number in [1, 2] {
        let report = depot.report(number);
        let Ended::TargetSilent { cause, message } = report.ended else {
            panic!("{:?}", report.ended);
        };
        assert_eq!(cause, Some(dlt_core::measure::sample::Cause::Refused));
        assert!(message.starts_with(url.trim_end_matches('/')), "{message}");
    }
}

/// A share may hold no user at all; its runner is part of the run all the same.
#[test]
fn a_runner_without_users_ticks_to_the_planned_end() {
    let (url, _) = target();
    let mut document = document(&url, "2s");
    document["execution"][0]["users"] = json!(1);
    let depot = Depot::new(&document);
    let (worker, leader) = region(&depot);
    assert_eq!((worker.end().1, leader.end().1), (0, 0));
    let [one, two] = [depot.report(1), depot.report(2)];
    assert!(one.tally.account.sent > 0);
    assert_eq!(two.tally.account.sent, 0);
    assert!(
        one.ticks >= 2 && two.ticks >= 2,
        "{} {}",
        one.ticks,
        two.ticks
    );
}

/// A target that takes every request and answers none, and a plan that would
/// wait a minute for it: one who is told to stop is gone within 20 s.
#[test]
fn a_stop_does_not_wait_for_a_hanging_target() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let mut document = document(&url, "10m");
    document["execution"][0]["graceful-stop"] = json!("60s");
    let depot = Depot::new(&document);
    let (worker, leader) = region(&depot);
    assert!(matches!(leader.line(), RunnerLine::Tick(_)));
    let begun = std::time::Instant::now();
    leader.signal("TERM");
    assert_eq!((worker.end().1, leader.end().1), (0, 0));
    assert!(begun.elapsed() < Duration::from_secs(20));
    for number in [1, 2] {
        let account = depot.report(number).tally.account;
        assert!(account.balanced() && account.unfinished == account.sent);
    }
}
