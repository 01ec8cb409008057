//! Every command as a user types it: against a data folder at rest, against the
//! `dlt up` of that folder, and against a server that is named.

use crate::common::{AROUND, account, accounts_agree};
use dlt_core::run::Status;
use dlt_tests::behaviour::{body, ok};
use dlt_tests::command::{Ended, Home};
use dlt_tests::patience::{shared, until};
use dlt_tests::processes::Signal;
use dlt_tests::target::{Target, everywhere};
use dlt_tests::up::Service;
use serde_json::Value;
use std::time::Duration;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A scenario file of two users for some time, with a threshold.
fn shop(home: &Home, target: &Target, hold_for: &str) -> String {
    let text = format!(
        "testName: small shop\ntags: [nightly]\nthresholds: ['p(95)<5s']\ntestScenario:\n  \
         execution: [{{ scenario: shop, users: 2, hold-for: {hold_for} }}]\n  scenarios:\n    \
         shop: {{ default-address: '{}', think-time: 5ms, requests: [/] }}\n",
        target.url("").trim_end_matches('/')
    );
    home.file("shop.yaml", text).to_string_lossy().into_owned()
}

/// A command that ends well; what it said.
#[track_caller]
fn good(home: &Home, args: &[&str]) -> Ended {
    let ended = home.run(AROUND, args);
    ended.expect_code(0);
    ended
}

#[track_caller]
fn json(home: &Home, args: &[&str]) -> Value {
    let ended = good(home, &[args, &["--json"]].concat());
    serde_json::from_str(&ended.stdout)
        .unwrap_or_else(|error| panic!("stdout is no JSON: {error}\n{}", ended.told()))
}

/// A command that is refused with this code, and says this.
#[track_caller]
fn refused(home: &Home, code: i32, says: &str, args: &[&str]) {
    let ended = home.run(AROUND, args);
    ended.expect_code(code);
    assert!(ended.stderr.contains(says), "{says:?}\n{}", ended.told());
    assert_eq!(ended.stdout, "", "{}", ended.told());
}

#[test]
fn a_folder_at_rest_keeps_lists_shows_schedules_and_deletes() {
    let _shared = shared();
    let (home, target) = (Home::new(), everywhere(ok()));
    let file = shop(&home, &target, "1s");
    for args in [
        &["scenarios", "list"][..],
        &["runs", "list"],
        &["runners"],
        &["regions"],
    ] {
        good(&home, args);
    }
    home.assert_empty();
    kept_and_shown(&home, &file);
    scheduled_and_dropped(&home, &file);
    good(&home, &["scenarios", "delete", "shop"]);
    refused(&home, 2, "no scenario", &["scenarios", "delete", "shop"]);
    assert_eq!(target.log.count(), 0);
    home.assert_no_process_left();
}

fn kept_and_shown(home: &Home, file: &str) {
    let kept = json(home, &["scenarios", "create", file, "--id", "shop"]);
    assert_eq!(
        (&kept["testId"], &kept["status"]),
        (&"shop".into(), &"created".into())
    );
    let list = good(home, &["scenarios", "list", "--tag", "nightly"]).stdout;
    assert!(
        list.contains("small shop") && list.contains("created"),
        "{list}"
    );
    let none = good(home, &["scenarios", "list", "--tag", "weekly"]);
    assert!(
        none.stderr.contains("no scenario has the tag weekly"),
        "{}",
        none.told()
    );
    let page = good(home, &["scenarios", "get", "shop"]).stdout;
    assert!(
        page.contains("2 users for 1 s") && page.contains("p(95)<5s"),
        "{page}"
    );

    refused(home, 3, "dlt up", &["scenarios", "start", "shop"]);
    refused(home, 3, "dlt up", &["scenarios", "create", file, "--start"]);
    refused(
        home,
        2,
        "nothing to cancel",
        &["scenarios", "cancel", "shop"],
    );
    refused(home, 2, "dlt scenarios list", &["scenarios", "get", "none"]);
}

fn scheduled_and_dropped(home: &Home, file: &str) {
    let cron = [
        "scenarios",
        "create",
        file,
        "--id",
        "shop",
        "--cron",
        "30 6 * * 1-5",
        "--zone",
        "Europe/Paris",
    ];
    let planned = json(home, &cron);
    assert_eq!(planned["status"], "scheduled");
    assert!(
        planned["nextRun"].as_str().unwrap().ends_with("06:30:00"),
        "{planned}"
    );
    let page = good(home, &["scenarios", "get", "shop"]).stdout;
    assert!(
        page.contains("06:30 Europe/Paris, by cron 30 6 * * 1-5"),
        "{page}"
    );
    let dropped = good(home, &["scenarios", "cancel", "shop"]).stdout;
    assert!(dropped.contains("schedule"), "{dropped}");
    assert_eq!(json(home, &["scenarios", "get", "shop"])["nextRun"], "");
    refused(
        home,
        2,
        "still to come",
        &["scenarios", "create", file, "--at", "2020-01-31 22:30"],
    );
}

#[test]
fn a_folder_is_read_and_changed_beside_a_run() {
    let _shared = shared();
    let (home, target) = (Home::new(), everywhere(ok()));
    let file = shop(&home, &target, "6s");
    let first = home.start(["run", &file, "--json"]);
    first.runners(1);
    let list = good(&home, &["runs", "list"]).stdout;
    assert!(list.contains("small shop"), "{list}");
    good(&home, &["scenarios", "list"]);
    good(&home, &["scenarios", "create", &file]);
    refused(&home, 3, "another terminal", &["runs", "watch"]);
    let ended = first.wait(s(6) + AROUND);
    ended.expect_code(0);
    accounts_agree(&ended.record(), &target).unwrap();
    good(&home, &["scenarios", "create", &file]);
    let watched = good(&home, &["runs", "watch"]).stdout;
    assert!(watched.starts_with("✔ PASSED"), "{watched}");
}

/// These words, and those that say where to ask.
fn words(args: &[&str], more: &[&str]) -> Vec<String> {
    args.iter()
        .chain(more)
        .map(|arg| (*arg).to_owned())
        .collect()
}

/// Saves the files of a run: once, not over what is there, unless forced.
fn download(home: &Home, run: &str, more: &[&str]) {
    let folder = home.path().with_extension("files").join(run);
    let folder = folder.to_string_lossy();
    let args = ["runs", "download", run, "-o", &folder];
    home.run(AROUND, words(&args, more)).expect_code(0);
    let names: Vec<String> = std::fs::read_dir(&*folder)
        .unwrap()
        .flatten()
        .map(|file| file.file_name().to_string_lossy().into_owned())
        .collect();
    assert!(names.iter().any(|name| name.ends_with(".xml")), "{names:?}");
    home.run(AROUND, words(&args, more)).expect_code(2);
    let forced = [&args[..], &["--force"]].concat();
    home.run(AROUND, words(&forced, more)).expect_code(0);
}

/// Drives each command at a service; `more` says how it is found.
fn drive(home: &Home, target: &Target, more: &[&str]) {
    let with = |args: &[&str]| words(args, more);
    let run = |args: &[&str]| {
        let ended = home.run(AROUND, with(args));
        ended.expect_code(0);
        ended.stdout
    };
    let read = |args: &[&str]| -> Value {
        serde_json::from_str(&run(&[args, &["--json"]].concat())).unwrap()
    };
    let file = shop(home, target, "2s");
    let started = read(&["scenarios", "create", &file, "--id", "shop", "--start"]);
    let first = started["testRunId"].as_str().unwrap().to_owned();
    let watched = run(&["runs", "watch", "shop"]);
    assert!(watched.starts_with("✔ PASSED"), "{watched}");
    let second = read(&["scenarios", "start", "shop", "--wait"]);
    let second = second["testRunId"].as_str().unwrap().to_owned();
    assert_ne!(first, second);

    let list = run(&["runs", "list"]);
    let at = |run: &str| list.find(run).unwrap_or_else(|| panic!("{run}: {list}"));
    assert!(at(&second) < at(&first), "newest first: {list}");
    assert_eq!(
        read(&["runs", "list", "shop", "--limit", "1"])["testRuns"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(read(&["runs", "latest"])["testRunId"], *second);
    assert_eq!(read(&["runs", "latest", "shop"])["testRunId"], *second);
    assert_eq!(read(&["runs", "get", &first[..6]])["testRunId"], *first);
    let page = run(&["scenarios", "get", "shop"]);
    assert!(
        page.contains(&second) && page.contains("2 runs are kept"),
        "{page}"
    );
    assert!(run(&["regions"]).contains("lo-home-1"));

    download(home, &second, more);

    let long = shop(home, target, "60s");
    run(&["scenarios", "create", &long, "--id", "long", "--start"]);
    until("a runner is listed", s(30), || {
        let tasks = &read(&["runners"])["tasks"];
        tasks[0]["taskArns"]
            .as_array()
            .filter(|ids| !ids.is_empty())
            .map(|_| ())
    });
    let busy = home.run(AROUND, with(&["scenarios", "delete", "long"]));
    busy.expect_code(3);
    run(&["runs", "cancel", "long"]);
    let ended = home.run(AROUND, with(&["runs", "watch", "long"]));
    ended.expect_code(5);
    assert!(ended.stdout.contains("CANCELLED"), "{}", ended.told());
    let over = home.run(AROUND, with(&["runs", "cancel", "long"]));
    over.expect_code(2);
    for test in ["shop", "long"] {
        run(&["scenarios", "delete", test]);
    }
    assert_eq!(read(&["runs", "list"])["testRuns"], serde_json::json!([]));
}

#[test]
fn every_command_goes_to_the_service_of_its_folder() {
    let _shared = shared();
    let (home, target) = (Home::new(), everywhere(ok()));
    let service = Service::start(&home, &[]);
    drive(&home, &target, &[]);
    service.stop().expect_code(0);
    // What it kept is read without it, and its card is not believed.
    good(&home, &["scenarios", "list"]);
    home.assert_no_process_left();
}

#[test]
fn every_command_goes_to_a_server_that_is_named() {
    let _shared = shared();
    let (home, there, target) = (Home::new(), Home::new(), everywhere(ok()));
    let service = Service::start(&there, &[]);
    drive(&home, &target, &["--api", &service.api()]);
    home.assert_empty();
    let run = home.run(
        s(2) + AROUND,
        [
            "run",
            &target.url("/"),
            "-d",
            "1s",
            "--api",
            &service.api(),
            "--json",
        ],
    );
    run.expect_code(0);
    home.assert_empty();
    service.stop().expect_code(0);
}

#[test]
fn a_run_through_the_service_tells_the_target_s_own_numbers() {
    let _shared = shared();
    let (home, target) = (Home::new(), everywhere(ok()));
    let service = Service::start(
        &home,
        &["--region", "lo-home-1=4", "--region", "lo-home-2=4"],
    );
    let url = target.url("/");
    let load = [
        "run",
        &url,
        "-c",
        "4",
        "-d",
        "2s",
        "--tasks",
        "4",
        "--think-time",
        "5ms",
    ];
    let both = ["--region", "lo-home-1", "--region", "lo-home-2", "--json"];
    let ended = home.run(s(2) + AROUND, [&load[..], &both[..]].concat());
    ended.expect_code(0);
    let record = ended.record();
    accounts_agree(&record, &target).unwrap();
    assert_eq!(record.coverage.as_ref().unwrap().runners_reported, 4);
    let stored = service.get(&format!(
        "/scenarios/{}/testruns/{}",
        record.test_id, record.test_run_id
    ));
    assert_eq!(
        serde_json::from_str::<Value>(&ended.stdout).unwrap(),
        stored
    );
    let failed = home.run(
        s(2) + AROUND,
        ["run", &url, "-d", "1s", "--threshold", "p(95)<1us"],
    );
    failed.expect_code(1);
    refused(
        &home,
        2,
        "lo-home-9",
        &["run", &url, "--region", "lo-home-9"],
    );
    // More than the contract takes in one unit is written in another.
    let long = home.start(["run", &url, "-c", "1", "-d", "3601s", "--json"]);
    long.runners(1);
    long.signal(Signal::Interrupt);
    let ended = long.wait(AROUND);
    ended.expect_code(130);
    assert_eq!(ended.record().status, Status::Cancelled);
}

#[test]
fn ctrl_c_stops_a_run_on_the_service_and_shows_what_it_measured() {
    let _shared = shared();
    let (home, target) = (Home::new(), everywhere(ok()));
    let mut service = Service::start(&home, &[]);
    let running = home.start(["run", &target.url("/"), "-c", "2", "-d", "60s", "--json"]);
    until("the target is asked", s(30), || {
        (target.log.count() > 20).then_some(())
    });
    running.signal(Signal::Interrupt);
    let ended = running.wait(AROUND);
    ended.expect_code(130);
    let record = ended.record();
    assert_eq!(record.status, Status::Cancelled);
    assert!(account(&record).ok > 0);
    accounts_agree(&record, &target).unwrap();

    // Who only watches leaves the run alone.
    let file = shop(&home, &target, "8s");
    good(
        &home,
        &["scenarios", "create", &file, "--id", "left", "--start"],
    );
    let watching = home.start(["runs", "watch", "left"]);
    service.until("left", "running", s(30));
    until("it watches", s(30), || {
        (!watching.stderr().is_empty()).then_some(())
    });
    watching.signal(Signal::Interrupt);
    let ended = watching.wait(AROUND);
    ended.expect_code(130);
    assert!(ended.stderr.contains("the run goes on"), "{}", ended.told());
    service.until("left", "complete", s(8) + AROUND);
    // A card that a killed service left is not believed.
    service.kill();
    let list = good(&home, &["runs", "list"]);
    assert!(list.stdout.contains("small shop"), "{}", list.told());
}

#[test]
fn a_result_is_not_lost_when_the_service_is_killed_and_started_again() {
    let _shared = shared();
    let (home, target) = (Home::new(), everywhere(ok()));
    let mut service = Service::start(&home, &[]);
    let running = home.start(["run", &target.url("/"), "-c", "2", "-d", "6s", "--json"]);
    until("the target is asked", s(30), || {
        (target.log.count() > 20).then_some(())
    });
    service.kill();
    service.restart();
    let ended = running.wait(s(6) + AROUND);
    ended.expect_code(0);
    accounts_agree(&ended.record(), &target).unwrap();
    assert!(
        ended.stderr.contains("the live stream broke"),
        "{}",
        ended.told()
    );
}

#[test]
fn files_of_a_scenario_are_sent_under_names_of_their_own() {
    let _shared = shared();
    let (home, target) = (Home::new(), everywhere(ok()));
    let service = Service::start(&home, &[]);
    home.file("body.json", "{}");
    let text = format!(
        "testName: with files\ntestScenario:\n  execution: [{{ scenario: one, users: 1, hold-for: 1s }}]\n  \
         scenarios:\n    one:\n      requests:\n      - {{ url: '{0}', method: POST, body-file: body.json }}\n      \
         - {{ url: '{0}', method: POST, body-file: ../other/body.json }}\n",
        target.url("/")
    );
    let file = home.file("files.yaml", text);
    let file = file.to_string_lossy();
    refused(
        &home,
        2,
        "other/body.json",
        &["scenarios", "create", &file, "--id", "files"],
    );
    assert_eq!(
        service.get("/scenarios/files/files")["files"],
        serde_json::json!([])
    );
    let text = std::fs::read_to_string(&*file).unwrap();
    let other = home.path().with_extension("files").join("two");
    std::fs::create_dir_all(&other).unwrap();
    std::fs::write(other.join("body.json"), "[1]").unwrap();
    home.file("files.yaml", text.replace("../other", "two"));
    let kept = json(&home, &["scenarios", "create", &file, "--id", "files"]);
    let plan = kept["testScenario"].as_str().unwrap();
    assert!(plan.contains("\"2-body.json\""), "{plan}");
    let files = service.get("/scenarios/files/files");
    let sizes: Vec<(&str, u64)> = files["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| {
            (
                file["name"].as_str().unwrap(),
                file["bytes"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(sizes, [("2-body.json", 3), ("body.json", 2)]);
    // Runners fetch them.
    let ended = home.run(
        s(1) + AROUND,
        ["scenarios", "start", "files", "--wait", "--json"],
    );
    ended.expect_code(0);
    accounts_agree(&ended.record(), &target).unwrap();
    // A run at once sends its own along.
    let ended = home.run(s(1) + AROUND, ["run", &*file, "--json"]);
    ended.expect_code(0);
    assert!(account(&ended.record()).ok > 0);
}

#[test]
fn what_is_no_api_is_told_as_that() {
    let _shared = shared();
    let home = Home::new();
    let list =
        |api: &str, code, says| refused(&home, code, says, &["scenarios", "list", "--api", api]);
    list("http://127.0.0.1:1/api", 3, "does not answer");
    list("http://dlt.example.com/api", 2, "use https");
    list("nonsense", 2, "https://host/prod");
    let strange = everywhere(body(200, "<html>"));
    list(&strange.url("/"), 3, "cannot be read");
    let closed = everywhere(body(403, r#"{"message":"Forbidden\u001b[2J"}"#));
    list(&closed.url("/api"), 3, "Forbidden\\x1b[2J");
    let missing = everywhere(body(404, r#""TEST_NOT_FOUND: there is no scenario x""#));
    let args = ["scenarios", "get", "x", "--api", &missing.url("/api")];
    refused(&home, 2, "dlt scenarios list", &args);
    let tired = everywhere(body(503, "{}"));
    list(&tired.url("/api"), 3, "503");
    assert_eq!(tired.log.count(), 3, "a look is tried three times");
    home.assert_empty();
}

#[test]
fn shells_and_manuals_are_served() {
    let _shared = shared();
    let home = Home::new();
    let script = good(&home, &["completions", "bash"]).stdout;
    assert!(script.contains("scenarios"), "{script}");
    let folder = home.path().with_extension("files").join("man");
    good(&home, &["man", &folder.to_string_lossy()]);
    let page = std::fs::read_to_string(folder.join("dlt-runs-watch.1")).unwrap();
    assert!(page.contains("Watch a run"), "{page}");
    home.assert_empty();
}
