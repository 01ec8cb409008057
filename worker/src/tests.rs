//! What tests of several rooms share, and tests of the process as a whole.

use super::*;
use dlt_core::ids::{Region, RunPrefix, RunnerId, TestId, TestRunId};
use dlt_core::measure::second::Second;
use dlt_core::messages::order::Role;
use dlt_core::messages::runner_line::{RunnerRow, RunnerState, Tick};
use dlt_core::routing::EnvironmentProxies;
use dlt_core::scenario::plan::FileType;
use dlt_core::target_policy::TargetPolicy;
use std::path::Path;

/// An order for a runner of `lo-home-1`, its depot being `folder`.
pub(crate) fn order(folder: &Path, role: Role) -> Order {
    Order {
        test: TestId::parse("Xk29QmWz7B").unwrap(),
        run: TestRunId::parse("p4TqL8vN2c").unwrap(),
        tool: None,
        file_type: FileType::None,
        region: Region::parse("lo-home-1").unwrap(),
        prefix: RunPrefix::parse("2026-03-04T09-15-02_p4TqL8vN2c").unwrap(),
        role,
        depot: folder.to_str().unwrap().to_owned(),
        hub: None,
        live: true,
        runner: Some(runner(1)),
        threads: Some(1),
        keep_exchanges: false,
        targets: TargetPolicy::default(),
        proxies: EnvironmentProxies::default(),
    }
}

/// Runner `number` of `lo-home-1`.
pub(crate) fn runner(number: usize) -> RunnerId {
    RunnerId::parse(&format!("lo-home-1-{number}")).unwrap()
}

/// A runner's tick of a second with one user and `sent` requests that ended ok.
pub(crate) fn tick(second: u64, sent: u64) -> Tick {
    let order = order(Path::new("/"), Role::Worker);
    let numbers = Second {
        second,
        users: 1,
        scheduled: sent,
        sent,
        ok: sent,
        causes: vec![("refused".to_owned(), sent)],
        ..Second::default()
    };
    let row = RunnerRow(runner(1), RunnerState::Loading, second, 0);
    let mut tick = Tick::of(&numbers, order.test, order.run, order.region, second, row);
    tick.second.latency.record(sent + 1);
    tick
}

#[test]
fn the_start_deadline_is_bounded() {
    assert_eq!(start_deadline_s(None), Ok(60));
    assert_eq!(start_deadline_s(Some("5".to_owned())), Ok(5));
    for bad in ["0", "-1", "soon", "86401", ""] {
        assert!(start_deadline_s(Some(bad.to_owned())).is_err(), "{bad}");
    }
}

/// The test starts itself again as a process that panics in a thread.
#[test]
fn a_panic_in_any_thread_exits_70() {
    const PANICS: &str = "DLT_TEST_PANICS";
    if std::env::var_os(PANICS).is_some() {
        exit_on_panic();
        let broken = std::thread::spawn(|| panic!("on purpose"));
        let _ = broken.join();
        return;
    }
    let ended = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::a_panic_in_any_thread_exits_70"])
        .env(PANICS, "1")
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(EXIT_BUG), "{ended:?}");
}
