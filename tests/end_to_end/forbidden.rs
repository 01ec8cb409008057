//! Targets that must not be hit: refused where they are written, at each hop of a redirect
//! and where a name leads, unless they are allowed; and what a list of the only targets
//! leaves. 0.0.0.0 is one of them by which the system would connect to this machine, so
//! targets here count what should not have come.

use crate::common::{AROUND, account, accounts_agree, run_json, scenario_file};
use dlt_core::record::RunRecord;
use dlt_tests::behaviour::{ok, redirect};
use dlt_tests::command::Home;
use dlt_tests::patience::shared;
use dlt_tests::target::{Target, everywhere, plan};
use dlt_tests::up::Service;
use serde_json::{Value, json};
use std::time::Duration;

const QUICK: Duration = Duration::from_secs(20);
const LOAD: Duration = Duration::from_secs(10);

fn port(target: &Target) -> u16 {
    target.url("/").parse::<url::Url>().unwrap().port().unwrap()
}

/// A file with these requests, one user, each once.
fn file(home: &Home, requests: &[String]) -> String {
    let rows: String = requests
        .iter()
        .map(|url| format!("    - '{url}'\n"))
        .collect();
    let plan = format!(
        "execution: [{{ users: 1, iterations: 1, scenario: all }}]\nscenarios:\n  all:\n    requests:\n{rows}"
    );
    let file = home.file("targets.yaml", scenario_file("testName: targets\n", &plan));
    file.to_str().unwrap().to_owned()
}

/// Failures by cause.
fn causes(record: &RunRecord) -> Vec<(&str, u64)> {
    let errors = record.errors.as_ref().unwrap();
    let rows = errors.iter().map(|row| (row.cause.as_str(), row.count));
    rows.collect()
}

#[test]
fn a_target_that_must_not_be_hit_is_bad_input_in_every_spelling() {
    let _shared = shared();
    let (home, target) = (Home::new(), everywhere(ok()));
    let hosts = [
        ("169.254.169.254", "a metadata address"),
        ("2852039166", "169.254.169.254 is a metadata address"),
        ("0xA9.254.0251.254", "169.254.169.254 is a metadata address"),
        ("169.254.43518", "169.254.169.254 is a metadata address"),
        (
            "[::ffff:a9fe:a9fe]",
            "169.254.169.254 is a metadata address",
        ),
        ("[64:ff9b::a9fe:a9fe]", "leads to 169.254.169.254"),
        ("[2002:a9fe:a9fe::]", "leads to 169.254.169.254"),
        ("[fd00:ec2::254]", "a metadata address"),
        ("169.254.170.2", "a metadata address"),
        ("100.100.100.200", "a metadata address"),
        ("169.254.7.7", "a link-local address"),
        ("[fe80::1]", "a link-local address"),
        ("224.0.0.1", "a multicast address"),
        ("[ff02::1]", "a multicast address"),
        ("255.255.255.255", "the broadcast address"),
        ("0.0.0.0", "use 127.0.0.1"),
        ("0", "use 127.0.0.1"),
        ("[::]", "use 127.0.0.1"),
    ];
    let port = port(&target);
    for (host, told) in hosts {
        let url = format!("http://me:pw@{host}:{port}/latest/meta-data/");
        let ended = home.run(QUICK, ["run", &url]);
        ended.expect_code(2);
        assert!(ended.stderr.contains(told), "{host}: {}", ended.told());
    }
    let all: Vec<String> = hosts
        .iter()
        .map(|row| format!("http://{}/", row.0))
        .collect();
    let ended = home.run(QUICK, ["run", &file(&home, &all)]);
    ended.expect_code(2);
    for at in 0..hosts.len() {
        let path = format!("testScenario.scenarios.all.requests[{at}]");
        assert!(ended.stderr.contains(&path), "{path}: {}", ended.told());
    }
    for (flag, value) in [
        ("--allow-target", "http://shop.example/"),
        ("--only-target", "10.0.0.1/8"),
        ("--only-target", "shop.example:80"),
    ] {
        let ended = home.run(QUICK, ["run", &target.url("/"), flag, value]);
        ended.expect_code(2);
        assert!(ended.stderr.contains(flag), "{}", ended.told());
    }
    let outside = home.run(
        QUICK,
        ["run", &target.url("/"), "--only-target", "shop.example"],
    );
    outside.expect_code(2);
    assert!(
        outside
            .stderr
            .contains("127.0.0.1 is not among the only targets"),
        "{}",
        outside.told()
    );
    home.assert_empty();
    assert_eq!(target.log.connections(), 0);
}

#[test]
fn a_redirect_leads_to_no_forbidden_target_unless_it_is_allowed() {
    let _shared = shared();
    let (home, other) = (Home::new(), everywhere(ok()));
    let nowhere = format!("http://0.0.0.0:{}/meta", port(&other));
    let target = plan()
        .route("/first", redirect(302, &nowhere))
        .route("/second", redirect(307, "/first"))
        .route(
            "/metadata",
            redirect(301, "http://2852039166/latest/meta-data/"),
        )
        .otherwise(ok())
        .start();
    let urls = ["/first", "/second", "/metadata", "/fine"].map(|path| target.url(path));
    let file = file(&home, &urls);
    let (record, ended) = run_json(&home, LOAD, 0, &[&file]);
    accounts_agree(&record, &target).unwrap();
    assert_eq!(
        causes(&record),
        [("target-forbidden", 2), ("target-forbidden", 1)],
        "{}",
        ended.told()
    );
    let told = account(&record);
    assert_eq!((told.ok, told.failed, told.unconnected), (5, 3, 3));
    assert_eq!(other.log.connections(), 0);
    let screen = home.run(AROUND, ["runs", "get", "latest"]);
    assert!(
        screen.stdout.contains("target-forbidden")
            && screen.stdout.contains("use 127.0.0.1 for this machine"),
        "{}",
        screen.told()
    );

    let args = [file.as_str(), "--allow-target", "0.0.0.0"];
    let (record, ended) = run_json(&home, LOAD, 0, &args);
    assert_eq!(
        causes(&record),
        [("target-forbidden", 1)],
        "{}",
        ended.told()
    );
    assert_eq!(other.log.count(), 2, "the hops that are allowed now");
}

#[test]
fn the_only_targets_hold_for_where_a_name_and_a_redirect_lead() {
    let _shared = shared();
    let (home, outside) = (Home::new(), everywhere(ok()));
    let elsewhere = outside.url("/").replace("127.0.0.1", "127.0.0.2");
    let target = plan()
        .route("/leads", redirect(302, &elsewhere))
        .otherwise(ok())
        .start();
    let by_name = target.url("/name").replace("127.0.0.1", "localhost");
    let urls = [target.url("/"), target.url("/leads"), by_name.clone()];
    let args = [
        file(&home, &urls),
        "--only-target".to_owned(),
        "127.0.0.1".to_owned(),
    ];
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let (record, ended) = run_json(&home, LOAD, 0, &args);
    assert_eq!(
        causes(&record),
        [("target-forbidden", 1)],
        "{}",
        ended.told()
    );
    accounts_agree(&record, &target).unwrap();
    assert_eq!(outside.log.connections(), 0);

    // Where a name leads is known once it is looked up: no request finds a connection.
    let args = [
        file(&home, &[by_name]),
        "--only-target".to_owned(),
        "10.0.0.0/8".to_owned(),
    ];
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let before = target.log.count();
    let (record, ended) = run_json(&home, LOAD, 3, &args);
    assert_eq!(
        causes(&record),
        [("target-forbidden", 1)],
        "{}",
        ended.told()
    );
    let message = &record.errors.as_ref().unwrap()[0].message;
    assert!(
        message.starts_with("name localhost leads where no load may be sent: "),
        "{message}"
    );
    assert_eq!(target.log.count(), before);
}

/// A scenario as clients post it.
fn body(url: &str) -> Value {
    json!({
        "testId": "bounds", "testName": "bounds", "testDescription": "a target that may be refused",
        "testType": "simple", "fileType": "none",
        "testTaskConfigs": [{"region": "lo-home-1", "taskCount": 1, "concurrency": 1}],
        "testScenario": {
            "execution": [{"ramp-up": "0s", "hold-for": "1s", "scenario": "one"}],
            "scenarios": {"one": {"requests": [{"url": url, "method": "GET", "headers": {}}]}},
        },
        "regionalTaskDetails": {"lo-home-1": {"dltAvailableTasks": 4}},
    })
}

#[test]
fn a_service_has_its_own_targets_which_its_clients_do_not_widen() {
    let _shared = shared();
    let (home, target) = (Home::new(), everywhere(ok()));
    let service = Service::start(&home, &["--only-target", "127.0.0.1,*.shop.example"]);
    let refused = |url: &str, save: bool| {
        let mut body = body(url);
        body["saveOnly"] = json!(save);
        let reply = service.ask("POST", "/scenarios", Some(&body));
        assert_eq!(reply.status, 400, "{url}: {:?}", reply.json());
        reply.json().to_string()
    };
    for save in [true, false] {
        let told = refused("http://10.1.2.3/", save);
        assert!(
            told.contains("10.1.2.3 is not among the only targets"),
            "{told}"
        );
        let told = refused("http://0xa9fea9fe/", save);
        assert!(told.contains("is a metadata address"), "{told}");
    }
    assert_eq!(service.ask("GET", "/scenarios/bounds", None).status, 404);
    for args in [
        &["run", "http://10.1.2.3/", "-d", "1s"][..],
        &["run", &target.url("/"), "--allow-target", "10.1.2.3"],
        &["run", &target.url("/"), "--only-target", "127.0.0.1"],
    ] {
        home.run(AROUND, args).expect_code(2);
    }
    assert_eq!(target.log.connections(), 0);
    let run = [
        "run",
        &target.url("/"),
        "-c",
        "1",
        "--iterations",
        "3",
        "-d",
        "5s",
    ];
    home.run(AROUND, run).expect_code(0);
    assert_eq!(target.log.count(), 3);
    let said = service.stop();
    assert!(
        said.stderr
            .contains("targets  only 127.0.0.1, *.shop.example"),
        "{}",
        said.told()
    );
}

#[test]
fn what_was_kept_is_judged_again_by_the_service_that_is_to_run_it() {
    let _shared = shared();
    let (home, target) = (Home::new(), everywhere(ok()));
    let service = Service::start(&home, &[]);
    let mut kept = body(&target.url("/"));
    kept["saveOnly"] = json!(true);
    service.post(&kept);
    service.stop();
    // This one's lists come from its variables.
    let home = home.with(&[("DLT_ONLY_TARGETS", "10.0.0.0/8")]);
    let service = Service::start(&home, &[]);
    let start = home.run(AROUND, ["scenarios", "start", "bounds"]);
    start.expect_code(2);
    assert!(
        start
            .stderr
            .contains("127.0.0.1 is not among the only targets"),
        "{}",
        start.told()
    );
    service.stop();
    assert_eq!(target.log.connections(), 0);
    let wrong = home.with(&[("DLT_ONLY_TARGETS", "shop.example:80")]);
    let ended = wrong.run(QUICK, ["up", "--listen", "127.0.0.1:0"]);
    ended.expect_code(2);
    assert!(
        ended.stderr.contains("DLT_ONLY_TARGETS"),
        "{}",
        ended.told()
    );
}
