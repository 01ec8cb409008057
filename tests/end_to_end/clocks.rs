//! Clocks that are set and machines that sleep: no runner is ended for it, nothing that
//! was measured is lost, and load that was not made is told. The control plane's wall
//! clock is moved by a library that is loaded before the C library; processes stand
//! still by SIGSTOP.

use crate::common::{AROUND, account, accounts_agree, scenario_file};
use anyhow::{Result, ensure};
use dlt_core::judge::verdict::{Code, Trust};
use dlt_core::record::RunRecord;
use dlt_core::run::Status;
use dlt_tests::behaviour::ok;
use dlt_tests::command::{Home, Running};
use dlt_tests::patience::{alone, pass_until, shared, twice, until};
use dlt_tests::processes::{Runner, Signal, signal};
use dlt_tests::target::{Target, everywhere};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// How long something that has to come may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Adds the seconds that a file holds to the wall clock of whoever loads it.
const LIBRARY: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t id, struct timespec *at) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int done = real(id, at);
    if (id != CLOCK_REALTIME) return done;
    char text[32] = {0};
    int file = open(getenv("DLT_TEST_CLOCK"), O_RDONLY | O_CLOEXEC);
    if (file < 0) return done;
    if (read(file, text, sizeof text - 1) > 0) at->tv_sec += atol(text);
    close(file);
    return done;
}
"#;

/// A data folder whose commands, but not their runners, have a wall clock of their own.
struct Clocked {
    home: Home,
    file: PathBuf,
}

impl Clocked {
    fn new() -> Self {
        let home = Home::new();
        let file = home.file("clock", "0");
        let source = home.file("clock.c", LIBRARY);
        let library = source.with_extension("so");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .args([&library, &source])
            .args(["-ldl"])
            .output()
            .expect("a C compiler");
        assert!(
            built.status.success(),
            "{}",
            String::from_utf8_lossy(&built.stderr)
        );
        let [library, clock] = [&library, &file].map(|path| path.to_string_lossy().into_owned());
        let home = home.with(&[
            ("LD_PRELOAD", library.as_str()),
            ("DLT_TEST_CLOCK", clock.as_str()),
        ]);
        Self { home, file }
    }

    fn set(&self, ahead_s: i64) {
        let beside = self.file.with_extension("new");
        std::fs::write(&beside, ahead_s.to_string()).unwrap();
        std::fs::rename(beside, &self.file).unwrap();
    }
}

fn slow_target() -> Target {
    everywhere(ok().after(Duration::from_millis(20)))
}

fn under_load(target: &Target) {
    until("some load", PATIENCE, || {
        (target.log.count() > 100).then_some(())
    });
}

fn whole(record: &RunRecord, target: &Target, runners: u64) -> Result<()> {
    let coverage = record.coverage.as_ref().expect("coverage");
    ensure!(record.status == Status::Complete, "{record:?}");
    ensure!(coverage.runners_reported == runners, "{coverage:?}");
    accounts_agree(record, target)
}

fn reason(record: &RunRecord, code: Code) -> Option<Trust> {
    let verdict = record.verdict.as_ref().expect("a verdict");
    let reasons = verdict.reasons.iter();
    reasons
        .filter(|it| it.code == code)
        .map(|it| it.trust)
        .max()
}

/// Whether a stamp of the control plane is that far from the true time: else its clock was
/// never set, and the test would show nothing.
fn was_set(stamp: &str, by_s: i64) -> Result<()> {
    let at: jiff::Timestamp = format!("{}Z", stamp.replace(' ', "T")).parse()?;
    let ahead_s = at.as_second() - jiff::Timestamp::now().as_second();
    ensure!((ahead_s - by_s).abs() < 60, "{stamp} is {ahead_s} s ahead");
    Ok(())
}

/// Set by an hour in the middle of the load, in both directions.
#[test]
fn a_wall_clock_that_is_set_under_load_ends_nothing() {
    let _shared = shared();
    for by_s in [3_600, -3_600] {
        let (clocked, target) = (Clocked::new(), slow_target());
        let url = target.url("/");
        let run = ["run", &url, "-c", "4", "-d", "4s", "--tasks", "2", "--json"];
        let running = clocked.home.start(run);
        under_load(&target);
        clocked.set(by_s);
        let ended = running.wait(AROUND);
        ended.expect_code(0);
        let record = ended.record();
        whole(&record, &target, 2).unwrap();
        was_set(&record.end_time, by_s).unwrap();
    }
}

/// Another time than the runners', before and at the start: they begin together, when
/// they should, and make their whole load.
fn begins(by_s: i64, once_up: bool) -> Result<()> {
    let (clocked, target) = (Clocked::new(), slow_target());
    if !once_up {
        clocked.set(by_s);
    }
    let url = target.url("/");
    let run = [
        "run",
        &url,
        "--arrivals",
        "50",
        "-d",
        "3s",
        "--tasks",
        "2",
        "--json",
    ];
    let running = clocked.home.start(run);
    if once_up {
        running.runners(1);
        clocked.set(by_s);
    }
    let ended = running.wait(AROUND);
    ended.expect_code(0);
    let record = ended.record();
    whole(&record, &target, 2)?;
    was_set(&record.end_time, by_s)?;
    let account = account(&record);
    ensure!(
        (account.scheduled, account.dropped) == (150, 0),
        "{account:?}"
    );
    for code in [Code::StartSkew, Code::LoadCut, Code::NoSamples] {
        ensure!(reason(&record, code).is_none(), "{:?}", record.verdict);
    }
    Ok(())
}

#[test]
fn runners_begin_at_once_whatever_the_control_planes_wall_clock_says() {
    let _alone = alone();
    for (by_s, once_up) in [(-4, true), (-3_600, true), (3_600, true), (-3_600, false)] {
        twice(|| begins(by_s, once_up));
    }
}

fn hold(runners: &[Runner], pid: Option<i32>, with: Signal) {
    let pids = runners.iter().map(|runner| runner.pid).chain(pid);
    pids.for_each(|pid| signal(pid, with));
}

/// Everything stands still, from the middle of the load until long after runners would
/// be ended: as on a laptop whose lid was closed.
#[test]
fn a_machine_that_slept_keeps_what_was_measured_before() {
    let _shared = shared();
    let (home, target) = (Home::new(), slow_target());
    let url = target.url("/");
    let run = ["run", &url, "-c", "4", "-d", "4s", "--tasks", "2", "--json"];
    let running = home.start(run);
    under_load(&target);
    let (runners, dlt) = (running.runners(2), running.pid());
    hold(&runners, Some(dlt), Signal::Stop);
    // 4 s and 5 s and 30 s are over by then.
    pass_until(Instant::now() + Duration::from_secs(42));
    // Whoever would end the runners goes first.
    hold(&[], Some(dlt), Signal::Continue);
    pass_until(Instant::now() + Duration::from_millis(500));
    hold(&runners, None, Signal::Continue);
    let ended = running.wait(Duration::from_secs(45) + AROUND);
    let record = ended.record();
    whole(&record, &target, 2).unwrap();
    assert!(
        reason(&record, Code::LoadCut) >= Some(Trust::Degraded),
        "{}",
        ended.told()
    );
    home.assert_no_process_left();
}

fn one_runner(plan: &str) -> (Home, Target, Running) {
    let (home, target) = (Home::new(), slow_target());
    let url = target.url("/");
    let text = format!(
        "execution: [{{ {plan}, scenario: one }}]\nscenarios: {{ one: {{ requests: [ {url} ] }} }}\n"
    );
    let file = home.file("one.yaml", scenario_file("", &text));
    let running = home.start(["run", &file.to_string_lossy(), "--json"]);
    (home, target, running)
}

/// A runner stands still for three of ten seconds of load.
#[test]
fn load_that_a_standing_process_did_not_make_is_told() {
    let _shared = shared();
    let (home, target, running) = one_runner("users: 2, hold-for: 10s");
    under_load(&target);
    let runners = running.runners(1);
    hold(&runners, None, Signal::Stop);
    pass_until(Instant::now() + Duration::from_secs(3));
    hold(&runners, None, Signal::Continue);
    let ended = running.wait(Duration::from_secs(10) + AROUND);
    ended.expect_code(0);
    let record = ended.record();
    whole(&record, &target, 1).unwrap();
    // At least two of ten seconds: it is seen from the next whole second on.
    assert_eq!(
        reason(&record, Code::LoadCut),
        Some(Trust::Untrusted),
        "{}",
        ended.told()
    );
    home.assert_no_process_left();
}

/// A runner stands still from before its start until 2.5 s after it.
#[test]
fn load_that_began_late_is_in_the_account_and_in_the_verdict() {
    let _shared = shared();
    for (plan, open) in [
        ("arrivals: 50, hold-for: 5s", true),
        ("users: 2, hold-for: 5s", false),
    ] {
        let (home, target, running) = one_runner(plan);
        let runners = running.runners(1);
        let start_us: u64 = until("the start instant", PATIENCE, || {
            let path = dlt_tests::objects::files(&home, "start.json").pop()?;
            let start: serde_json::Value =
                serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
            start["start_at_us"].as_u64()
        });
        let lead_us = start_us.saturating_sub(target.log.now_us());
        let start = Instant::now() + Duration::from_micros(lead_us);
        // It has read the start by then: leaders look for it many times a second.
        pass_until(Instant::now() + Duration::from_micros(lead_us * 3 / 4));
        hold(&runners, None, Signal::Stop);
        pass_until(start + Duration::from_millis(2_500));
        hold(&runners, None, Signal::Continue);
        let ended = running.wait(AROUND);
        let record = ended.record();
        whole(&record, &target, 1).unwrap();
        let account = account(&record);
        assert_eq!(
            reason(&record, Code::LoadCut),
            Some(Trust::Untrusted),
            "{}",
            ended.told()
        );
        if open {
            assert_eq!(account.scheduled, 250, "{account:?}");
            assert!(account.dropped >= 120, "{account:?}");
            assert!(account.sent <= 130, "{account:?}");
        } else {
            let skew = reason(&record, Code::StartSkew);
            assert_eq!(skew, Some(Trust::Untrusted), "{}", ended.told());
        }
        home.assert_no_process_left();
    }
}
