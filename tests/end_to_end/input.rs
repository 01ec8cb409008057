//! Wrong input: told in full, exit code 2, and nothing is stored.

use dlt_tests::command::Home;
use dlt_tests::patience::shared;
use std::time::Duration;

const QUICK: Duration = Duration::from_secs(20);

#[test]
fn wrong_arguments_are_told_and_leave_nothing() {
    let _shared = shared();
    for args in [
        &["run"][..],
        &["run", "http://127.0.0.1:1/", "-c", "0"],
        &["run", "http://127.0.0.1:1/", "-c", "many"],
        &["run", "http://127.0.0.1:1/", "-d", "soon"],
        &["run", "http://127.0.0.1:1/", "--tasks", "0"],
        &["run", "http://127.0.0.1:1/", "--region", "Mars"],
        &["run", "http://127.0.0.1:1/", "--threshold", "p95 is fine"],
        &["run", "http:///path"],
        &["run", "ftp://127.0.0.1/"],
        &["run", "no-such-file.yaml"],
        &["runs", "get"],
        &["frobnicate"],
    ] {
        let home = Home::new();
        let ended = home.run(QUICK, args);
        ended.expect_code(2);
        assert!(
            !ended.stderr.trim().is_empty(),
            "{args:?}: nothing was said"
        );
        assert!(ended.stdout.is_empty(), "{args:?}: {}", ended.stdout);
        home.assert_empty();
    }
}

#[test]
fn help_is_data_and_ends_well() {
    let _shared = shared();
    let home = Home::new();
    for args in [&["--help"][..], &["run", "--help"], &["--version"]] {
        let ended = home.run(QUICK, args);
        ended.expect_code(0);
        assert!(!ended.stdout.is_empty());
    }
    home.assert_empty();
}
