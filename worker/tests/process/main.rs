//! The worker as its own process: exit codes, signals, lines, a closed stdout,
//! and a region of two runners against a real target.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod reach;
mod runners;

use dlt_core::keys;
use dlt_core::messages::order::Role;
use dlt_core::messages::report::Ended;
use dlt_core::messages::runner_line::{RunnerLine, RunnerState, Tick};
use dlt_core::messages::timeline::TIMELINE_FORMAT;
use runners::{Depot, Process, document, finished, region, target};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Read;
use std::net::TcpListener;
use std::process::Stdio;
use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;
use std::time::Duration;

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
    // There is no leader for the worker, and no list of workers for the leader.
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
    // The worker's stdout is closed: it goes on.
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

    // The leader has stored the region's timeline at the end.
    let timeline = depot.region_timeline();
    assert_eq!(timeline.format, TIMELINE_FORMAT);
    let start = depot.report(2).start.unwrap();
    assert_eq!(timeline.start_at_us, start.start_at_us);
    assert!(timeline.labels.is_empty());
    let order = depot.order(Role::Leader, 2);
    let seconds = &timeline.regions[&order.region];
    let rows = seconds.iter().map(|row| (row.second, (row.sent, row.ok)));
    assert_eq!(rows.collect::<BTreeMap<_, _>>(), expected);
}

/// The unit tests hold that a failure under load is a warning of the report.
#[test]
fn a_timeline_that_cannot_be_stored_ends_nothing() {
    let (url, _) = target();
    let depot = Depot::new(&document(&url, "1s"));
    let order = depot.order(Role::Leader, 2);
    let key = keys::region_timeline(&order.test, &order.prefix, &order.region);
    // A folder with something in it cannot be replaced by a file.
    std::fs::create_dir_all(depot.path(&key).join("folder")).unwrap();
    let (worker, leader) = region(&depot);
    let (lines, exit) = leader.end();
    assert_eq!(exit, 0);
    assert_eq!(lines.last(), Some(&finished(2, 0, true)));
    assert_eq!(worker.end().1, 0);
    for number in [1, 2] {
        let report = depot.report(number);
        assert_eq!(report.ended, Ended::AsPlanned);
        assert!(report.tally.account.sent > 0);
    }
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
        assert!(!ticks.is_empty(), "it writes ticks of its load");
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

/// A target that reads every request and answers none, and a plan that would wait
/// a minute for it: a stopped runner is gone within 20 s.
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
