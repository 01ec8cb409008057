//! A load that people change while it goes on: by the API of `dlt up`, and by keys at the terminal of
//! `dlt run`. The record shows the load that was asked for, and the target saw it.

use crate::common::{account, accounts_agree};
use dlt_core::judge::outcome::Word;
use dlt_core::judge::verdict::Code;
use dlt_core::record::RunRecord;
use dlt_core::run::Status;
use dlt_tests::behaviour::ok;
use dlt_tests::command::{Home, binary};
use dlt_tests::patience::{alone, shared, until};
use dlt_tests::target::{Target, everywhere};
use dlt_tests::up::Service;
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const REGIONS: [&str; 4] = ["--region", "lo-home-1=2", "--region", "lo-home-2=2"];
const PATIENCE: Duration = Duration::from_secs(90);

fn body(target: &Target, execution: &Value) -> Value {
    let mut execution = execution.clone();
    execution["scenario"] = json!("changed");
    json!({
        "testId": "changed", "testName": "changed", "testDescription": "by people", "testType": "simple",
        "fileType": "none", "showLive": true,
        "testTaskConfigs": [
            {"region": "lo-home-1", "taskCount": 2, "concurrency": 2},
            {"region": "lo-home-2", "taskCount": 2, "concurrency": 2},
        ],
        "testScenario": {
            "execution": [execution],
            "scenarios": {"changed": {"think-time": "20ms", "requests": [
                {"url": target.url("/"), "method": "GET", "headers": {}},
            ]}},
        },
        "regionalTaskDetails": {
            "lo-home-1": {"dltAvailableTasks": 4}, "lo-home-2": {"dltAvailableTasks": 4},
        },
    })
}

/// Asks for a change; its answer.
fn ask(service: &Service<'_>, run: &str, wish: &Value) -> (u16, Value) {
    let path = format!("/scenarios/changed/testruns/{run}/load");
    let reply = service.ask("POST", &path, Some(wish));
    (reply.status, reply.json())
}

fn ended(service: &Service<'_>, run: &str) -> RunRecord {
    service.until_any("changed", &["complete", "failed", "cancelled"], PATIENCE);
    let record = service.get(&format!("/scenarios/changed/testruns/{run}"));
    serde_json::from_value(record).unwrap()
}

#[test]
fn a_load_is_changed_while_it_goes_on() {
    let _shared = shared();
    let (home, target) = (Home::new(), everywhere(ok()));
    let service = Service::start(&home, &REGIONS);
    let started = service.post(&body(&target, &json!({"arrivals": 100, "hold-for": "60s"})));
    let run = started["testRunId"].as_str().unwrap();
    let first = until("the load is changed", PATIENCE, || {
        let (status, answer) = ask(&service, run, &json!({"factor": 2}));
        if status == 409 {
            // It does not make load yet.
            assert!(answer.to_string().contains("LOAD_NOT_CHANGED"), "{answer}");
            return None;
        }
        assert_eq!(status, 200, "{answer}");
        Some(answer)
    });
    assert_eq!(first["changes"][0]["factor"], 2.0);
    for bad in [
        json!({}),
        json!({"factor": 11}),
        json!({"factor": -1}),
        json!({"factor": 1, "end": true}),
        json!({"end": false}),
        json!({"more": 1}),
        json!(7),
    ] {
        let (status, answer) = ask(&service, run, &bad);
        assert_eq!(status, 400, "{bad}: {answer}");
    }
    let before = target.log.count();
    until("twice the load comes", PATIENCE, || {
        (target.log.count() >= before + 600).then_some(())
    });
    let (status, changes) = ask(&service, run, &json!({"end": true}));
    assert_eq!(status, 200, "{changes}");
    let (status, refused) = ask(&service, run, &json!({"factor": 1}));
    assert_eq!(status, 409, "{refused}");

    let record = ended(&service, run);
    assert_eq!(record.status, Status::Complete, "{:?}", record.error_reason);
    accounts_agree(&record, &target).unwrap();
    let outcome = record.outcome.as_ref().unwrap();
    assert_eq!(outcome.word, Word::Finished, "{outcome:?}");
    let load = record.load.as_ref().unwrap();
    assert_eq!(load.changes.len(), 2, "{:?}", load.changes);
    let (doubled, end) = (load.changes[0].at_us, load.changes[1].at_us);
    // The rate is exact: 100 a second up to the first change, 200 up to the end.
    let planned = (doubled as f64 + 2.0 * (end - doubled) as f64) / 1e4;
    let account = account(&record);
    assert!(
        (account.scheduled as f64 - planned).abs() <= 1.0,
        "{planned}: {account:?}"
    );
    assert_eq!(load.arrivals, Some(200.0));
    assert_eq!(load.planned.len() as u64, end.div_ceil(1_000_000));
    let reasons = &record.verdict.as_ref().unwrap().reasons;
    let told = |code| reasons.iter().any(|reason| reason.code == code);
    assert!(
        !told(Code::LoadChange) && !told(Code::LoadCut),
        "{reasons:?}"
    );
    let (status, refused) = ask(&service, run, &json!({"factor": 1}));
    assert_eq!(status, 409, "{refused}");
    assert!(refused.to_string().contains("has ended"), "{refused}");
    let gone = service.ask(
        "POST",
        "/scenarios/changed/testruns/aaaaaaaaaa/load",
        Some(&json!({"factor": 1})),
    );
    assert_eq!(gone.status, 404);
    assert!(service.stop().code == Some(0));
}

/// What was due before a pause is sent before it: nothing waits for the load to go on, and is late.
#[test]
fn a_pause_is_no_response_time() {
    let _alone = alone();
    let (home, target) = (Home::new(), everywhere(ok()));
    let service = Service::start(&home, &REGIONS);
    let started = service.post(&body(
        &target,
        &json!({"arrivals": 97.3, "hold-for": "90s"}),
    ));
    let run = started["testRunId"].as_str().unwrap();
    let factor = |wanted: f64| {
        until("a change", PATIENCE, || {
            let (status, _) = ask(&service, run, &json!({ "factor": wanted }));
            (status == 200).then_some(())
        });
    };
    for _ in 0..2 {
        let before = target.log.count();
        until("some load", PATIENCE, || {
            (target.log.count() > before + 50).then_some(())
        });
        factor(0.0);
        let (mut since, mut count) = (Instant::now(), 0);
        until("two seconds without a request", PATIENCE, || {
            let now = target.log.count();
            if now != count {
                (since, count) = (Instant::now(), now);
            }
            (since.elapsed() > Duration::from_secs(2)).then_some(())
        });
        factor(1.0);
    }
    let (status, answer) = ask(&service, run, &json!({ "end": true }));
    assert_eq!(status, 200, "{answer}");
    let record = ended(&service, run);
    accounts_agree(&record, &target).unwrap();
    let longest_us = record.summary.as_ref().unwrap().total.max_us.unwrap();
    assert!(longest_us < 1_500_000, "{longest_us} µs: {:?}", record.load);
    // The last screen says what people did.
    let screen = home.run(PATIENCE, ["runs", "get", "latest"]);
    let told = format!("{}{}", screen.stdout, screen.stderr);
    assert!(
        told.contains("load changed by people: paused from "),
        "{told}"
    );
}

/// A fixed number of rounds stays that number.
#[test]
fn rounds_are_not_changed_and_can_be_ended() {
    let _shared = shared();
    let (home, target) = (Home::new(), everywhere(ok()));
    let service = Service::start(&home, &REGIONS);
    let started = service.post(&body(&target, &json!({"iterations": 1_000_000})));
    let run = started["testRunId"].as_str().unwrap();
    until("it is running", PATIENCE, || {
        (target.log.count() > 20).then_some(())
    });
    let (status, refused) = ask(&service, run, &json!({"factor": 2}));
    assert_eq!(status, 409, "{refused}");
    assert!(refused.to_string().contains("iterations"), "{refused}");
    let (status, answer) = ask(&service, run, &json!({"end": true}));
    assert_eq!(status, 200, "{answer}");
    let record = ended(&service, run);
    assert_eq!(record.status, Status::Complete, "{:?}", record.error_reason);
    accounts_agree(&record, &target).unwrap();
    assert!(service.stop().code == Some(0));
}

/// `script` (util-linux) gives the command a terminal, whose keys are its standard input.
#[test]
fn keys_at_the_terminal_change_the_load() {
    let _shared = shared();
    let (home, target) = (Home::new(), everywhere(ok()));
    let url = target.url("/");
    let told = home.path().with_extension("json");
    let run = format!(
        "{} run {url} --arrivals 50 -d 120s --json > {}",
        binary().display(),
        told.display()
    );
    let mut child = Command::new("script")
        .args(["-q", "-e", "-f", "-c", &run, "/dev/null"])
        .env("DLT_HOME", home.path())
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("script of util-linux");
    let mut keys = child.stdin.take().unwrap();
    let wait_for = |count: u64| {
        let before = target.log.count();
        until("requests come", PATIENCE, || {
            (target.log.count() >= before + count).then_some(())
        });
    };
    wait_for(20);
    // Keys that mean nothing are not taken for others.
    keys.write_all(b"x+").unwrap();
    wait_for(60);
    keys.write_all(b"e").unwrap();
    let code = until("it ends", PATIENCE, || child.try_wait().unwrap());
    assert_eq!(code.code(), Some(0));
    let record: RunRecord = serde_json::from_slice(&std::fs::read(&told).unwrap()).unwrap();
    assert_eq!(record.status, Status::Complete);
    let changes = &record.load.as_ref().unwrap().changes;
    assert_eq!(changes.len(), 2, "{changes:?}");
    assert_eq!((changes[0].factor, changes[0].end), (1.1, false));
    assert!(changes[1].end);
    accounts_agree(&record, &target).unwrap();
    home.assert_no_process_left();
}
