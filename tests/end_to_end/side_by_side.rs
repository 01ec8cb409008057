//! Several commands on one data folder: runs side by side, each with its driver, and one service.

use crate::common::{AROUND, accounts_agree};
use dlt_core::record::RunRecord;
use dlt_core::run::Status;
use dlt_tests::behaviour::ok;
use dlt_tests::command::Home;
use dlt_tests::patience::{shared, until};
use dlt_tests::processes::Signal;
use dlt_tests::target::everywhere;
use dlt_tests::up::Service;
use std::time::Duration;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn shared_machine(record: &RunRecord, other: &str) -> bool {
    let named =
        |warning: &String| warning.contains("shared this machine") && warning.contains(other);
    record.warnings.iter().any(named)
}

#[test]
fn two_runs_share_a_folder_and_an_interrupt_ends_its_own() {
    let _shared = shared();
    let (home, long_target, short_target) = (Home::new(), everywhere(ok()), everywhere(ok()));
    let long_url = long_target.url("/");
    let long = home.start(["run", &long_url, "--arrivals", "20", "-d", "10m", "--json"]);
    until("the long run's load", s(30), || {
        (long_target.log.count() > 5).then_some(())
    });

    let short_url = short_target.url("/");
    let short = home.run(
        s(2) + AROUND,
        ["run", &short_url, "--arrivals", "20", "-d", "2s", "--json"],
    );
    short.expect_code(0);
    let short = short.record();
    accounts_agree(&short, &short_target).unwrap();

    long.signal(Signal::Interrupt);
    let long = long.wait(AROUND);
    long.expect_code(130);
    let long = long.record();
    assert_eq!(long.status, Status::Cancelled);
    accounts_agree(&long, &long_target).unwrap();
    // Each says so of the other.
    assert!(
        shared_machine(&short, &long.test_run_id),
        "{:?}",
        short.warnings
    );
    assert!(
        shared_machine(&long, &short.test_run_id),
        "{:?}",
        long.warnings
    );
    home.assert_no_process_left();
    let alone = home.run(
        s(1) + AROUND,
        ["run", &short_url, "-c", "1", "-d", "1s", "--json"],
    );
    assert!(!shared_machine(&alone.record(), ""), "{}", alone.told());
}

#[test]
fn only_the_run_of_a_dead_driver_is_picked_up() {
    let _shared = shared();
    let (home, target) = (Home::new(), everywhere(ok()));
    let url = target.url("/");
    let start = || {
        let before = target.log.count();
        let run = home.start(["run", &url, "--arrivals", "20", "-d", "10m", "--json"]);
        until("load", s(30), || {
            (target.log.count() > before + 5).then_some(())
        });
        run
    };
    let dead = start();
    let alive = start();
    assert_eq!(alive.runners(2).len(), 2);
    dead.kill();
    // Whoever opens the folder next ends what the dead one left, and nothing else.
    home.run(
        s(1) + AROUND,
        ["run", &url, "-c", "1", "-d", "1s", "--json"],
    )
    .expect_code(0);
    let rows = home.run(s(20), ["runs", "list", "--json"]);
    let rows: serde_json::Value = serde_json::from_str(&rows.stdout).unwrap();
    let statuses: Vec<&str> = rows["testRuns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["status"].as_str().unwrap())
        .collect();
    let count = |status: &str| statuses.iter().filter(|other| **other == status).count();
    assert_eq!(
        (count("running"), count("failed"), count("complete")),
        (1, 1, 1),
        "{statuses:?}"
    );
    alive.signal(Signal::Interrupt);
    let ended = alive.wait(AROUND);
    ended.expect_code(130);
    assert_eq!(ended.record().status, Status::Cancelled);
    home.assert_no_process_left();
}

#[test]
fn a_folder_has_one_service_whatever_is_deleted_in_it() {
    let _shared = shared();
    let home = Home::new();
    let service = Service::start(&home, &[]);
    let pid = std::fs::read_to_string(home.path().join("server.json")).unwrap();
    let pid: serde_json::Value = serde_json::from_str(&pid).unwrap();
    let pid = format!("process {}", pid["pid"]);
    for deleted in ["lock", "server.json"] {
        let _ = std::fs::remove_file(home.path().join(deleted));
        let second = home.run(s(20), ["up", "--listen", "127.0.0.1:0"]);
        second.expect_code(3);
        assert!(second.stderr.contains(&pid), "{pid}: {}", second.told());
    }
    assert_eq!(service.stop().code, Some(0));
}
