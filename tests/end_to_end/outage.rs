//! The data folder is full for a while, or for good: runs go on, what they measured
//! comes in when there is room, and a command tells its result without. The folder is
//! a small file system of its own, which only root can mount.

use crate::common::{AROUND, accounts_agree, contradicts_nothing};
use dlt_core::record::RunRecord;
use dlt_core::run::Status;
use dlt_tests::behaviour::ok;
use dlt_tests::command::{Ended, Home};
use dlt_tests::patience::{shared, until};
use dlt_tests::processes::Signal;
use dlt_tests::target::{Target, everywhere};
use dlt_tests::up::Service;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

const LOAD: Duration = Duration::from_secs(6);
/// How long anything else may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A file system of 8 MB at a data folder.
struct Small {
    home: Home,
}

impl Small {
    /// Only root can mount it: `cargo xtask test` says so where these tests are left out.
    fn mount() -> Self {
        let home = Home::new();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=8m,mode=700", "dlt-small"])
            .arg(home.path())
            .output()
            .expect("mount(8)");
        let told = String::from_utf8_lossy(&mounted.stderr);
        assert!(mounted.status.success(), "{told}");
        Self { home }
    }

    fn filler(&self) -> PathBuf {
        self.home.path().join("filler")
    }

    /// Leaves room for nothing.
    fn fill(&self) {
        let mut file = std::fs::File::create(self.filler()).unwrap();
        for size in [64 * 1024, 4_096, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn make_room(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Lazily: a failed test may have left a process in it.
        let _ = Command::new("umount")
            .arg("-l")
            .arg(self.home.path())
            .output();
    }
}

fn target() -> Target {
    everywhere(ok().after(Duration::from_millis(20)))
}

/// Waits for load in the second half of the plan's first second or later.
fn under_load(target: &Target) {
    until("some load", PATIENCE, || {
        (target.log.count() > 100).then_some(())
    });
}

/// Waits until all that can come has come: the planned end has passed.
fn load_is_over(target: &Target) {
    until("the end of the load", PATIENCE, || {
        let first_us = target.log.first_us()?;
        (target.log.now_us() > first_us + LOAD.as_micros() as u64 + 2_000_000).then_some(())
    });
}

fn all_is_there(record: &RunRecord, target: &Target) {
    target.settle();
    let coverage = record.coverage.as_ref().unwrap();
    assert_eq!(
        (coverage.runners_expected, coverage.runners_reported),
        (2, 2),
        "{record:?}"
    );
    accounts_agree(record, target).unwrap();
    contradicts_nothing(record);
}

fn told(ended: &Ended, words: &str) {
    assert!(ended.stderr.contains(words), "{words:?}: {}", ended.told());
}

/// What the issue did: full in the middle of the load, room again after its end.
#[test]
fn a_service_keeps_what_was_measured_until_there_is_room() {
    let _shared = shared();
    let small = Small::mount();
    let target = target();
    let service = Service::start(&small.home, &[]);
    let url = target.url("/");
    let run = ["run", &url, "-c", "4", "-d", "6s", "--tasks", "2", "--json"];
    let running = small.home.start(run);
    under_load(&target);
    assert!(service.get("/stack-info")["store_outage"].is_null());
    small.fill();
    let outage = until("the outage is told", PATIENCE, || {
        let outage = service.get("/stack-info")["store_outage"].clone();
        (!outage.is_null()).then_some(outage)
    });
    assert!(!outage["reason"].as_str().unwrap().is_empty(), "{outage}");
    load_is_over(&target);
    small.make_room();
    let ended = running.wait(PATIENCE);
    ended.expect_code(0);
    let record = ended.record();
    assert_eq!(record.status, Status::Complete);
    all_is_there(&record, &target);
    assert!(service.get("/stack-info")["store_outage"].is_null());
    told(
        &ended,
        "the data folder cannot be written, and the run waits",
    );
    let log = service.stop();
    told(&log, "the data folder cannot be written");
    told(&log, "the data folder can be written again");
    small.home.assert_no_process_left();
}

/// Nobody makes room: the command tells its result all the same.
#[test]
fn a_command_tells_a_result_that_cannot_be_stored() {
    let _shared = shared();
    let small = Small::mount();
    let target = target();
    let url = target.url("/");
    let run = ["run", &url, "-c", "4", "-d", "6s", "--tasks", "2", "--json"];
    let running = small.home.start(run);
    under_load(&target);
    small.fill();
    let ended = running.wait(LOAD + AROUND + PATIENCE);
    ended.expect_code(74);
    let record = ended.record();
    assert_eq!(record.status, Status::Complete);
    all_is_there(&record, &target);
    told(&ended, "could not be stored");
    small.home.assert_no_process_left();

    // With room the folder works again, and the run is over.
    small.make_room();
    let next = ["run", &url, "-c", "1", "-d", "1s", "--json"];
    small.home.run(PATIENCE, next).expect_code(0);
    let id = &record.test_run_id;
    let kept = small.home.run(PATIENCE, ["runs", "get", id, "--json"]);
    assert!(kept.record().status.is_terminal());
}

/// The same when it is stopped meanwhile.
#[test]
fn a_command_that_is_stopped_tells_it_too() {
    let _shared = shared();
    let small = Small::mount();
    let target = target();
    let url = target.url("/");
    let run = [
        "run", &url, "-c", "4", "-d", "60s", "--tasks", "2", "--json",
    ];
    let running = small.home.start(run);
    under_load(&target);
    small.fill();
    let before = target.log.count();
    until("load on a full disk", PATIENCE, || {
        (target.log.count() > before + 100).then_some(())
    });
    running.signal(Signal::Interrupt);
    let ended = running.wait(PATIENCE);
    ended.expect_code(74);
    let record = ended.record();
    assert_eq!(record.status, Status::Cancelled);
    all_is_there(&record, &target);
    small.home.assert_no_process_left();
}

/// A service is killed while its run waits for room: the next one goes on with it.
#[test]
fn a_service_that_is_killed_meanwhile_leaves_the_run_to_the_next() {
    let _shared = shared();
    let small = Small::mount();
    let target = target();
    let mut service = Service::start(&small.home, &[]);
    let url = target.url("/");
    let running = small
        .home
        .start(["run", &url, "-c", "4", "-d", "6s", "--tasks", "2", "--json"]);
    under_load(&target);
    let run = service.get("/scenarios?oneOff=true")["Items"][0]["testId"].clone();
    let test = run.as_str().unwrap().to_owned();
    small.fill();
    until("the outage is told", PATIENCE, || {
        (!service.get("/stack-info")["store_outage"].is_null()).then_some(())
    });
    service.kill();
    running.signal(Signal::Interrupt);
    running.wait(PATIENCE);
    small.make_room();
    service.restart();
    let runs = until("the run is over", PATIENCE, || {
        let runs = service.get(&format!("/scenarios/{test}/testruns"));
        let status = runs["testRuns"][0]["status"].as_str()?.to_owned();
        matches!(status.as_str(), "complete" | "failed").then_some(runs)
    });
    assert_eq!(runs["testRuns"][0]["status"], "complete", "{runs}");
    let id = runs["testRuns"][0]["testRunId"].as_str().unwrap();
    let kept = small.home.run(PATIENCE, ["runs", "get", id, "--json"]);
    all_is_there(&kept.record(), &target);
    service.stop();
}
