//! Secrets on one machine: the target gets them, also from a scenario that was started
//! again by what the API shows of it; the command shows them only when it is told to; and
//! the data folder is closed to others.

use dlt_tests::behaviour::ok;
use dlt_tests::command::Home;
use dlt_tests::patience::shared;
use dlt_tests::target::{Target, plan};
use dlt_tests::up::Service;
use serde_json::Value;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

/// What a command may take beside a run of a second.
const PATIENCE: Duration = Duration::from_secs(40);

/// A scenario file that sends a secret header, and a secret variable as a parameter.
fn scenario(home: &Home, target: &Target) -> String {
    let text = format!(
        "testName: with secrets\ntestScenario:\n  execution: [{{ scenario: one, users: 1, iterations: 3, hold-for: 5s }}]\n  \
         scenarios:\n    one:\n      variables: {{ api_token: S3cr3t-v }}\n      requests:\n      \
         - {{ url: '{}?token=${{api_token}}', headers: {{ X-Api-Key: S3cr3t-h }} }}\n",
        target.url("/")
    );
    home.file("secrets.yaml", text).display().to_string()
}

/// How many requests had both secrets, of how many.
fn served(target: &Target) -> (usize, usize) {
    target.settle();
    let seen = target.log.seen();
    let whole = seen.iter().filter(|request| {
        request.text.contains("?token=S3cr3t-v ")
            && request.text.to_lowercase().contains("x-api-key: s3cr3t-h")
    });
    (whole.count(), seen.len())
}

#[test]
fn what_is_started_again_from_what_was_shown_sends_the_stored_secrets() {
    let _shared = shared();
    let (home, target) = (Home::new(), plan().otherwise(ok()).keeping_text().start());
    let file = scenario(&home, &target);
    let service = Service::start(&home, &[]);
    let created = home.run(
        PATIENCE,
        ["scenarios", "create", &file, "--id", "kept", "--json"],
    );
    created.expect_code(0);
    let started = home.run(PATIENCE, ["scenarios", "start", "kept", "--wait", "--json"]);
    let record = started.record();
    let (whole, all) = served(&target);
    assert!(
        whole == all && all >= 3,
        "{whole} of {all}: {}",
        started.told()
    );
    let got = |args: &[&str]| home.run(PATIENCE, args).stdout;
    let run = record.test_run_id.as_str();
    for shown in [
        created.stdout.clone(),
        started.stdout.clone(),
        got(&["scenarios", "get", "kept"]),
        got(&["scenarios", "get", "kept", "--json"]),
        got(&["runs", "get", run, "--json"]),
    ] {
        assert!(!shown.contains("S3cr3t"), "{shown}");
    }
    for asked in [
        got(&["scenarios", "get", "kept", "--json", "--secrets"]),
        got(&["runs", "get", run, "--json", "--secrets"]),
    ] {
        assert!(
            asked.contains("S3cr3t-v") && asked.contains("S3cr3t-h"),
            "{asked}"
        );
    }
    // As a file, what was shown is no scenario to be run.
    let shown = got(&["scenarios", "get", "kept", "--json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    service.stop();
    let text = serde_json::json!({ "testScenario": shown["testScenario"] }).to_string();
    let file = home.file("shown.json", text).display().to_string();
    let refused = home.run(PATIENCE, ["run", &file]);
    refused.expect_code(2);
    let told = refused.told();
    assert!(
        told.contains("headers.X-Api-Key") && told.contains("variables.api_token"),
        "{told}"
    );
}

/// The modes of all files below a folder.
fn modes(folder: &Path, found: &mut Vec<(String, u32)>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            modes(&path, found);
        } else {
            let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            found.push((path.display().to_string(), mode));
        }
    }
}

#[test]
fn a_folder_that_others_may_open_gets_files_that_they_may_not() {
    let _shared = shared();
    let (home, target) = (Home::new(), plan().otherwise(ok()).keeping_text().start());
    fs::set_permissions(home.path(), Permissions::from_mode(0o755)).unwrap();
    let file = scenario(&home, &target);
    let ended = home.run(PATIENCE, ["run", &file, "--json"]);
    ended.expect_code(0);
    assert!(!ended.stdout.contains("S3cr3t"), "{}", ended.stdout);
    for part in ["may open the data folder", "mode 0755", "chmod 700"] {
        assert!(ended.stderr.contains(part), "{}", ended.stderr);
    }
    let mut found = Vec::new();
    modes(home.path(), &mut found);
    assert!(found.len() > 5, "{found:?}");
    found.retain(|(_, mode)| *mode != 0o600);
    assert_eq!(found, []);
    // A folder of one's own is not worth a word.
    fs::set_permissions(home.path(), Permissions::from_mode(0o700)).unwrap();
    let again = home.run(PATIENCE, ["run", &file, "--json"]);
    again.expect_code(0);
    assert!(!again.stderr.contains("may open"), "{}", again.stderr);
}
