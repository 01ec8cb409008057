//! `dlt up` under faults: killed in the middle of runs, cancelled in every
//! status, stopped by its user, listened to by many.

use crate::common::{account, accounts_agree};
use dlt_core::judge::outcome::Word;
use dlt_core::record::RunRecord;
use dlt_core::run::Status;
use dlt_tests::behaviour::ok;
use dlt_tests::command::Home;
use dlt_tests::patience::{alone, shared, until};
use dlt_tests::target::{Target, everywhere};
use dlt_tests::up::Service;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const REGIONS: [&str; 4] = ["--region", "lo-home-1=4", "--region", "lo-home-2=4"];
/// What provisioning, stopping and merging may add to a load.
const AROUND: Duration = Duration::from_secs(60);

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A scenario of two runners in each of two regions, as clients post it.
fn body(test: &str, target: &Target, hold_for: &str) -> Value {
    json!({
        "testId": test, "testName": "two regions", "testDescription": "two by two runners",
        "testType": "simple", "fileType": "none", "showLive": true,
        "testTaskConfigs": [
            {"region": "lo-home-1", "taskCount": 2, "concurrency": 3},
            {"region": "lo-home-2", "taskCount": 2, "concurrency": 3},
        ],
        "testScenario": {
            "execution": [{"ramp-up": "0s", "hold-for": hold_for, "scenario": "two regions"}],
            "scenarios": {"two regions": {"think-time": "5ms", "requests": [
                {"url": target.url("/"), "method": "GET", "headers": {}},
            ]}},
        },
        "regionalTaskDetails": {
            "lo-home-1": {"dltAvailableTasks": 4}, "lo-home-2": {"dltAvailableTasks": 4},
        },
    })
}

fn record(service: &Service<'_>, test: &str, run: &str) -> RunRecord {
    serde_json::from_value(service.get(&format!("/scenarios/{test}/testruns/{run}"))).unwrap()
}

/// Starts a run, kills `dlt up` once it has this status, starts it again, and
/// expects the whole result.
fn killed_in(status: &str) {
    let (home, target) = (Home::new(), everywhere(ok()));
    let mut service = Service::start(&home, &REGIONS);
    let started = service.post(&body("killed", &target, "6s"));
    let run = started["testRunId"].as_str().unwrap().to_owned();
    service.until("killed", status, s(30));
    service.kill();
    service.restart();
    service.until_any(
        "killed",
        &["complete", "failed", "cancelled"],
        s(6) + AROUND,
    );
    let record = record(&service, "killed", &run);
    assert_eq!(record.status, Status::Complete, "{:?}", record.error_reason);
    accounts_agree(&record, &target).unwrap();
    let coverage = record.coverage.as_ref().unwrap();
    assert!(coverage.complete, "{coverage:?}");
    assert_eq!(coverage.runners_reported, 4);
    assert!(account(&record).ok > 0);
    // Nothing was launched twice.
    assert_eq!(target.log.connections(), 12, "one for each user");
    assert!(service.stop().code == Some(0));
    home.assert_no_process_left();
}

#[test]
fn a_killed_service_goes_on_with_a_run_it_was_launching() {
    let _shared = shared();
    killed_in("provisioning");
}

#[test]
fn a_killed_service_goes_on_with_a_run_that_loads() {
    let _shared = shared();
    killed_in("running");
}

/// Down while the load ends: the reports are there when it comes back.
#[test]
fn a_service_that_is_down_at_the_end_of_a_load_still_has_its_result() {
    let _shared = shared();
    let (home, target) = (Home::new(), everywhere(ok()));
    let mut service = Service::start(&home, &REGIONS);
    let started = service.post(&body("missed", &target, "3s"));
    let run = started["testRunId"].as_str().unwrap().to_owned();
    service.until("missed", "running", s(30));
    let runners = || dlt_tests::processes::runners(home.path());
    assert_eq!(runners().len(), 4);
    service.kill();
    until("every runner has ended by itself", s(40), || {
        runners().is_empty().then_some(())
    });
    service.restart();
    service.until_any("missed", &["complete", "failed"], AROUND);
    let record = record(&service, "missed", &run);
    assert_eq!(record.status, Status::Complete, "{:?}", record.error_reason);
    accounts_agree(&record, &target).unwrap();
    assert!(record.coverage.unwrap().complete);
}

/// In every status that is none of rest: it ends soon, and what was measured is
/// kept.
#[test]
fn a_run_can_be_cancelled_whatever_it_is_doing() {
    let _shared = shared();
    for status in [
        "queued",
        "provisioning",
        "running",
        "parsing results",
        "cleaning up",
    ] {
        let (home, target) = (Home::new(), everywhere(ok()));
        let service = Service::start(&home, &REGIONS);
        let late = status == "parsing results" || status == "cleaning up";
        let hold_for = if late { "2s" } else { "60s" };
        let started = service.post(&body("stopped", &target, hold_for));
        let run = started["testRunId"].as_str().unwrap().to_owned();
        // Queued is what it is when it is accepted; the last ones are short and
        // may be over before they are seen.
        if status != "queued" {
            service.until_any("stopped", &[status, "complete"], s(30));
        }
        if status == "running" {
            until("some load", s(10), || {
                (target.log.count() > 50).then_some(())
            });
        }
        let asked = Instant::now();
        let reply = service.ask(
            "POST",
            "/scenarios/stopped",
            Some(&json!({"action": "stop"})),
        );
        assert_eq!(
            (reply.status, reply.json()),
            (200, json!("test cancelling"))
        );
        let end = service.until_any("stopped", &["cancelled", "complete"], s(20));
        assert!(late || end == "cancelled", "{status}: {end}");
        assert!(asked.elapsed() < s(20), "{status}");
        let record = record(&service, "stopped", &run);
        if status == "running" {
            accounts_agree(&record, &target).unwrap();
            assert!(account(&record).ok > 0, "what was measured is kept");
            assert_eq!(record.status, Status::Cancelled);
            assert_eq!(record.outcome.as_ref().unwrap().word, Word::Cancelled);
        }
        assert_ne!(record.end_time, "", "{status}");
        // At rest there is nothing to stop, and nothing changes.
        let again = service.ask("POST", "/scenarios/stopped", None);
        assert_eq!(again.json(), json!("test cancelling"));
        assert_eq!(service.status("stopped"), end);
        drop(service);
    }
}

#[test]
fn ctrl_c_stops_runs_and_keeps_what_they_measured() {
    let _shared = shared();
    let (home, target) = (Home::new(), everywhere(ok()));
    let service = Service::start(&home, &REGIONS);
    service.post(&body("halted", &target, "60s"));
    service.until("halted", "running", s(30));
    until("some load", s(10), || {
        (target.log.count() > 50).then_some(())
    });
    let second = home.run(s(20), ["up", "--listen", "127.0.0.1:0"]);
    assert_eq!(second.code, Some(3), "{}", second.told());
    assert!(
        second.stderr.contains("in use by process"),
        "{}",
        second.told()
    );
    let ended = service.stop();
    ended.expect_code(0);
    assert!(ended.stderr.contains("stopping 1 run"), "{}", ended.told());
    home.assert_no_process_left();
    let listed = home.run(s(20), ["runs", "get", "latest", "--json"]);
    let record: RunRecord = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!(record.status, Status::Cancelled);
    accounts_agree(&record, &target).unwrap();
    assert!(account(&record).ok > 50);
    assert!(!home.path().join("server.json").exists());
}

/// Each of fifty listeners hears one merged tick for each second of each
/// region, within two seconds of that second, and all say the same; what they
/// heard adds up to the result.
#[test]
fn fifty_listeners_hear_each_second_in_time() {
    let _alone = alone();
    let (home, target) = (Home::new(), everywhere(ok()));
    let service = Service::start(&home, &REGIONS);
    let mut kept = body("heard", &target, "6s");
    kept["saveOnly"] = json!(true);
    service.post(&kept);
    let listeners: Vec<_> = (0..50).map(|_| service.listen("heard")).collect();
    let began = Instant::now();
    let wall_us = || {
        let now = std::time::SystemTime::now();
        let since = now.duration_since(std::time::UNIX_EPOCH).unwrap();
        since.as_micros() as u64
    };
    let (began_us, began) = (wall_us(), began);
    let started = service.post(&body("heard", &target, "6s"));
    let run = started["testRunId"].as_str().unwrap().to_owned();
    service.until("heard", "complete", s(6) + AROUND);
    let record = record(&service, "heard", &run);
    accounts_agree(&record, &target).unwrap();
    let start_at_us = record.start.unwrap().start_at;
    for listener in listeners {
        let mut sent = 0;
        let mut seconds = Vec::new();
        loop {
            let event = listener.recv_timeout(s(10)).expect("an event");
            match event.name.as_str() {
                "tick" => {
                    let second = event.data["second"].as_u64().unwrap();
                    let read_us = began_us + (event.at - began).as_micros() as u64;
                    let over_us = start_at_us + (second + 1) * 1_000_000;
                    assert!(
                        read_us < over_us + 2_000_000,
                        "second {second} was heard {} ms after its end",
                        (read_us.saturating_sub(over_us)) / 1_000
                    );
                    sent += event.data["sent"].as_u64().unwrap();
                    seconds.push((event.data["region"].as_str().unwrap().to_owned(), second));
                }
                "status" if event.data["status"] == "complete" => break,
                _ => {}
            }
        }
        assert_eq!(sent, account(&record).sent);
        let mut once = seconds.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), seconds.len(), "a second was told twice");
        for region in ["lo-home-1", "lo-home-2"] {
            for second in 0..6 {
                assert!(
                    once.contains(&(region.to_owned(), second)),
                    "{region} {second}"
                );
            }
        }
    }
}

#[test]
fn a_scenario_that_is_not_shown_live_tells_its_status_alone() {
    let _shared = shared();
    let (home, target) = (Home::new(), everywhere(ok()));
    let service = Service::start(&home, &REGIONS);
    let mut silent = body("silent", &target, "2s");
    silent["showLive"] = json!(false);
    silent["saveOnly"] = json!(true);
    service.post(&silent);
    let listener = service.listen("silent");
    silent["saveOnly"] = json!(false);
    service.post(&silent);
    loop {
        let event = listener.recv_timeout(s(60)).expect("an event");
        assert_ne!(event.name, "tick");
        if event.data["status"] == "complete" {
            break;
        }
    }
}

/// Two scenarios at once in two regions; a third finds no room and is told so.
#[test]
fn regions_are_filled_and_no_further() {
    let _shared = shared();
    let (home, target) = (Home::new(), everywhere(ok()));
    let service = Service::start(&home, &REGIONS);
    service.post(&body("one", &target, "60s"));
    let again = service.ask("POST", "/scenarios", Some(&body("one", &target, "1s")));
    assert_eq!(again.status, 409);
    assert!(again.json().as_str().unwrap().starts_with("TEST_RUNNING: "));
    service.post(&body("two", &target, "60s"));
    let full = service.ask("POST", "/scenarios", Some(&body("three", &target, "1s")));
    assert_eq!(full.status, 400);
    let said = full.json();
    assert!(
        said.as_str()
            .unwrap()
            .starts_with("InvalidParameter: region lo-home-1 holds 4 runners, 4 are in use"),
        "{said}"
    );
    // Nothing of the refused one is kept.
    assert_eq!(service.ask("GET", "/scenarios/three", None).status, 404);
    service.until("one", "running", s(30));
    service.until("two", "running", s(30));
    let busy = service.ask("DELETE", "/scenarios/one", None);
    assert_eq!(busy.status, 409, "{:?}", busy.json());
    let tasks = service.get("/tasks");
    let count = |region: usize| tasks[region]["taskArns"].as_array().unwrap().len();
    assert_eq!((count(0), count(1)), (4, 4));
    let scenario = service.get("/scenarios/one?history=false");
    assert_eq!(
        scenario["tasksPerRegion"],
        json!([
            {"region": "lo-home-1", "running": 2, "pending": 0, "desired": 2},
            {"region": "lo-home-2", "running": 2, "pending": 0, "desired": 2},
        ])
    );
    for test in ["one", "two"] {
        service.ask("POST", &format!("/scenarios/{test}"), None);
        service.until(test, "cancelled", s(20));
    }
    let capacity = service.get("/vCPUDetails");
    assert_eq!(capacity["lo-home-1"]["vCPUsInUse"], 0);
    assert_eq!(
        service.ask("DELETE", "/scenarios/one", None).json(),
        "success"
    );
    assert_eq!(service.ask("GET", "/scenarios/one", None).status, 404);
}

/// A schedule of `scheduled`, so many seconds from now.
fn in_seconds(target: &Target, seconds: i64) -> Value {
    let mut body = body("scheduled", target, "1s");
    let at = jiff::Timestamp::now()
        .to_zoned(jiff::tz::TimeZone::get("America/New_York").unwrap())
        .checked_add(jiff::Span::new().seconds(seconds))
        .unwrap();
    body["scheduleStep"] = json!("start");
    body["scheduleDate"] = json!(at.strftime("%Y-%m-%d").to_string());
    body["scheduleTime"] = json!(at.strftime("%H:%M:%S").to_string());
    body["scheduleTimezone"] = json!("America/New_York");
    body
}

/// On the wall clock: a schedule fires once, also when `dlt up` was killed and
/// started again before its time.
#[test]
fn a_schedule_fires_once_even_if_the_service_was_killed_meanwhile() {
    let _shared = shared();
    let (home, target) = (Home::new(), everywhere(ok()));
    let mut service = Service::start(&home, &REGIONS);
    let kept = service.post(&in_seconds(&target, 4));
    assert_eq!(
        (&kept["status"], &kept["startTime"]),
        (&json!("scheduled"), &json!(""))
    );
    assert_eq!(kept["scheduleTimezone"], "America/New_York");
    assert_ne!(kept["nextRun"], "");
    service.kill();
    service.restart();
    assert_eq!(service.status("scheduled"), "scheduled");
    service.until("scheduled", "complete", s(5) + AROUND);
    let scenario = service.get("/scenarios/scheduled?history=false");
    assert_eq!(
        (&scenario["nextRun"], &scenario["totalTestRuns"]),
        (&json!(""), &json!(1))
    );
    let runs = service.get("/scenarios/scheduled/testruns?limit=20");
    assert_eq!(runs["pagination"]["total_count"], 1);
    assert_eq!(runs["testRuns"][0]["scheduleTimezone"], "America/New_York");
    // A schedule that is cancelled before its time never fires.
    service.post(&in_seconds(&target, 3_600));
    assert_eq!(service.status("scheduled"), "scheduled");
    service.ask("POST", "/scenarios/scheduled", None);
    let scenario = service.get("/scenarios/scheduled?history=false");
    assert_eq!(
        (&scenario["status"], &scenario["nextRun"]),
        (&json!("cancelled"), &json!(""))
    );
}

/// Two runs of one scenario side by side; too short to say more than that.
#[test]
fn two_runs_are_compared_or_it_is_said_why_not() {
    let _shared = shared();
    let (home, target) = (Home::new(), everywhere(ok()));
    let service = Service::start(&home, &REGIONS);
    let runs = [(); 2].map(|()| {
        let started = service.post(&body("twice", &target, "2s"));
        service.until("twice", "complete", s(2) + AROUND);
        started["testRunId"].as_str().unwrap().to_owned()
    });
    let path = format!("/scenarios/twice/testruns/{}/compare", runs[1]);
    let comparison = service.get(&format!("{path}?with={}", runs[0]));
    assert_eq!(comparison["base"]["test_run_id"], runs[0].as_str());
    assert_eq!(comparison["verdict"], "incomparable");
    let said = comparison["reasons"].to_string();
    assert!(said.contains("too short"), "{said}");
    assert_eq!(comparison["comparability"]["same_load"], true);
    assert_eq!(comparison["totals"][0]["metric"], "p50_us");
    // The same question has the same answer.
    assert_eq!(service.get(&format!("{path}?with={}", runs[0])), comparison);
    // Each region has numbers of its own; the whole's mean lies between theirs.
    let mean = |comparison: &Value, side: &str| {
        let totals = comparison["totals"].as_array().unwrap();
        let row = totals.iter().find(|row| row["metric"] == "mean_us");
        row.unwrap()[side].as_f64().unwrap()
    };
    let parts = ["lo-home-1", "lo-home-2"].map(|region| {
        let part = service.get(&format!("{path}?with={}&region={region}", runs[0]));
        let labels = part["labels"].as_array().unwrap();
        let told: Vec<_> = labels
            .iter()
            .map(|row| (row["label"].clone(), row["change"].clone()))
            .collect();
        assert_eq!(told, [(json!("GET /"), json!("cannot_tell"))]);
        part
    });
    for side in ["base", "candidate"] {
        let [a, b] = parts.each_ref().map(|part| mean(part, side));
        let whole = mean(&comparison, side);
        let between = a.min(b) - 1.0 <= whole && whole <= a.max(b) + 1.0;
        assert!(between, "{side}: {whole} of {a} and {b}");
    }
    for (query, status) in [
        ("", 400),
        ("?with=", 400),
        ("?with=none", 404),
        (format!("?with={}", runs[1]).as_str(), 400),
        (format!("?with={}&with_test=other", runs[0]).as_str(), 404),
        (format!("?with={}&region=lo-home-3", runs[0]).as_str(), 400),
        (format!("?with={}&region=Mars", runs[0]).as_str(), 400),
        (format!("?with={}&threshold_pct=0", runs[0]).as_str(), 400),
        (format!("?with={}&error_points=x", runs[0]).as_str(), 400),
        (format!("?with={}&threshold_pct=7.5", runs[0]).as_str(), 200),
    ] {
        let reply = service.ask("GET", &format!("{path}{query}"), None);
        assert_eq!(reply.status, status, "{query}: {:?}", reply.json());
    }
}
