//! Whatever is sent, the server is never to blame, and what it refuses it has
//! not done: every answer is below 500, and after anything but a success all
//! that can be read is, byte for byte, as it was.

use dlt_core::run::Status;
use dlt_tests::command::Home;
use dlt_tests::http;
use dlt_tests::mangle::{self, Mangled};
use dlt_tests::up::Service;
use dlt_tests::world::Stand;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use serde_json::{Value, json};
use std::time::Duration;

/// Requests in process.
const CASES: u32 = 600;
/// Requests to a server.
const CASES_OVER_HTTP: usize = 60;

fn good() -> Value {
    json!({
        "testId": "Xk29QmWz7B", "testName": "Checkout smoke", "testDescription": "basket pages",
        "testType": "simple", "fileType": "none", "showLive": true, "saveOnly": true,
        "testTaskConfigs": [
            {"region": "lo-home-1", "taskCount": 2, "concurrency": 5},
            {"region": "lo-home-2", "taskCount": "1", "concurrency": "5"},
        ],
        "testScenario": {
            "execution": [{"ramp-up": "1s", "hold-for": "5s", "scenario": "Checkout smoke"}],
            "scenarios": {"Checkout smoke": {"requests": [
                {"url": "http://127.0.0.1:9/", "method": "GET", "headers": {"a": "b"}, "body": "x"},
            ]}},
        },
        "regionalTaskDetails": {
            "lo-home-1": {"dltAvailableTasks": 4}, "lo-home-2": {"dltAvailableTasks": "4"},
        },
        "tags": ["Nightly"], "healthyThreshold": 80, "scheduleDate": "2026-12-31",
        "scheduleTime": "22:30", "scheduleTimezone": "Europe/Paris", "recurrence": "weekly",
        "cronValue": "15 9 * * 1-5", "cronExpiryDate": "2026-12-31",
        "thresholds": ["p(95)<1s"],
    })
}

/// What can be read of a store.
const READS: [&str; 8] = [
    "/scenarios",
    "/scenarios/Xk29QmWz7B",
    "/scenarios/Xk29QmWz7B/testruns",
    "/scenarios/Xk29QmWz7B/testruns/p4TqL8vN2c",
    "/scenarios/Xk29QmWz7B/baseline",
    "/scenarios/Xk29QmWz7B/files",
    "/regions",
    "/vCPUDetails",
];

type Store = Vec<(u16, Vec<u8>)>;

fn read(stand: &Stand) -> Store {
    READS
        .iter()
        .map(|path| stand.ask("GET", path, b""))
        .collect()
}

/// A store with a scenario, two runs of it and a baseline.
fn filled() -> Stand {
    let stand = Stand::new();
    stand.done("POST", "/scenarios", &good());
    for (run, start) in [
        ("p4TqL8vN2c", "2026-03-03 09:15:02"),
        ("other", "2026-03-02 09:15:02"),
    ] {
        stand.store_run("Xk29QmWz7B", run, Status::Complete, start);
    }
    let baseline = json!({"testRunId": "p4TqL8vN2c"});
    stand.done("PUT", "/scenarios/Xk29QmWz7B/baseline", &baseline);
    stand
}

#[test]
fn no_request_is_the_server_s_fault_or_half_done() {
    let mut runner = mangle::runner(CASES);
    let state = std::cell::RefCell::new((filled(), Store::new()));
    let counted = std::cell::Cell::new((0u32, 0u32));
    let result = runner.run(&mangle::requests(&good()), |request| {
        let Mangled {
            method,
            target,
            body,
        } = &request;
        let mut state = state.borrow_mut();
        if state.1.is_empty() {
            state.1 = read(&state.0);
        }
        let (status, answer) = state.0.ask(method, target, body);
        let said = String::from_utf8_lossy(&answer).into_owned();
        prop_assert!(status < 500, "{} {}: {}", method, target, said);
        let (taken, refused) = counted.get();
        if status == 200 && *method != "GET" {
            counted.set((taken + 1, refused));
            // It was meant: the next one finds the store as it was.
            *state = (filled(), Store::new());
        } else {
            counted.set((taken, refused + 1));
            prop_assert!(read(&state.0) == state.1, "{} {}: {}", method, target, said);
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    // Both kinds occur, or the test looks at nothing.
    let (taken, refused) = counted.get();
    assert!(taken >= 20 && refused >= 200, "{taken} {refused}");
}

/// Ends the runs that a mangled body may have started.
fn come_to_rest(server: &Service<'_>) {
    let resting = ["complete", "cancelled", "failed", "scheduled", "created"];
    let list = server.get("/scenarios");
    for item in list["Items"].as_array().into_iter().flatten() {
        let (test, status) = (&item["testId"], &item["status"]);
        let test = test.as_str().unwrap_or_default();
        if !resting.iter().any(|word| status == word) {
            server.ask("POST", &format!("/scenarios/{test}"), None);
            server.until_any(test, &resting, Duration::from_secs(60));
        }
    }
}

#[test]
fn no_request_is_a_server_s_fault_over_http_either() {
    let home = Home::new();
    let regions = ["--region", "lo-home-1=4", "--region", "lo-home-2=4"];
    let server = Service::start(&home, &regions);
    server.post(&good());
    let read = || -> Vec<_> {
        READS
            .iter()
            .map(|path| server.ask("GET", path, None).body)
            .collect()
    };
    let mut runner = mangle::runner(1);
    let strategy = mangle::requests(&good());
    let mut before = read();
    for _ in 0..CASES_OVER_HTTP {
        let Mangled {
            method,
            target,
            body,
        } = strategy.new_tree(&mut runner).expect("a request").current();
        // HEAD has no body to read, and a stream of live data has no end.
        if method == "HEAD"
            || target
                .split('?')
                .next()
                .is_some_and(|path| path.ends_with("/live"))
        {
            continue;
        }
        let target = format!("/api{target}");
        let reply = http::send(&server.address, method, &target, &[], &body);
        assert!(reply.status < 500, "{method} {target} {reply:?}");
        let after = read();
        if reply.status == 200 && method != "GET" {
            come_to_rest(&server);
            before = read();
        } else {
            assert!(before == after, "{method} {target} {reply:?}");
        }
    }
}
