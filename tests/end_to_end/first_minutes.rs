//! What people do in their first minutes: habits of other tools, one file for several
//! places, judging it, making it, and taking the result away. A counting server is the truth.

use crate::common::{AROUND, accounts_agree, run_json};
use dlt_tests::behaviour::{body, header, ok};
use dlt_tests::command::{Ended, Home};
use dlt_tests::patience::{shared, until};
use dlt_tests::processes::Signal;
use dlt_tests::target::{Target, everywhere, plan};
use serde_json::Value;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
/// Written for a laptop, with what other places change.
const SEVERAL_PLACES: &str = r#"
testName: shop at ${env.PLACE}
testScenario:
  execution: [{ users: 900, hold-for: 1h }]
  scenarios:
    shop:
      default-address: "${base}"
      variables: { base: "http://192.0.2.1" }
      auth: { bearer: "${env.API_TOKEN}" }
      headers: { X-Kind: file }
      requests: [{ url: /a, headers: { X-Kind: request } }]
"#;

#[track_caller]
fn command(home: &Home, code: i32, args: &[&str]) -> Ended {
    let ended = home.run(AROUND, args);
    ended.expect_code(code);
    ended
}

fn keeping() -> Target {
    plan().otherwise(ok()).keeping_text().start()
}

/// A file that is written for a laptop runs elsewhere, with a secret of the environment.
#[test]
fn one_file_serves_several_places() {
    let _shared = shared();
    let target = keeping();
    let home = Home::new().with(&[("API_TOKEN", "t0ps3cret-xyz"), ("PLACE", "staging")]);
    let file = home.file("shop.yaml", SEVERAL_PLACES);
    let file = file.to_string_lossy().into_owned();
    let base = format!("base={}", target.url("").trim_end_matches('/'));
    // Without what it needs, it says what that is.
    let refused = command(&home, 2, &["run", &file]);
    for word in ["add -e API_TOKEN", "add -e PLACE"] {
        assert!(refused.stderr.contains(word), "{}", refused.told());
    }
    let missing = command(
        &home,
        2,
        &["run", &file, "-e", "API_TOKEN", "-e", "NOT_THERE"],
    );
    assert!(
        missing
            .stderr
            .contains("-e NOT_THERE: is not set in the environment"),
        "{}",
        missing.told()
    );
    home.assert_empty();
    let args = [
        file.as_str(),
        "-c",
        "2",
        "-d",
        "1s",
        "--set",
        &base,
        "-e",
        "API_TOKEN",
        "-e",
        "PLACE",
        "-H",
        "X-Kind: flag",
        "--tasks",
        "2",
    ];
    let (record, ended) = run_json(&home, SECOND, 0, &args);
    accounts_agree(&record, &target).unwrap();
    assert_eq!(record.test_name, "shop at staging");
    for seen in target.log.seen() {
        assert_eq!(
            header(&seen.text, "Authorization"),
            Some("Bearer t0ps3cret-xyz")
        );
        assert_eq!(header(&seen.text, "X-Kind"), Some("flag"));
    }
    // What was changed is told before the run, and stays with it; the secret is in neither.
    for told in [
        "changed by -c: users 2; the file has 900",
        "changed by -H: header X-Kind",
        "API_TOKEN is [redacted]",
    ] {
        assert!(ended.stderr.contains(told), "{told}\n{}", ended.told());
    }
    assert!(
        record
            .test_description
            .contains("-c: users 2; the file has 900"),
        "{}",
        record.test_description
    );
    assert!(!record.test_description.contains("t0ps3cret") && !ended.stderr.contains("t0ps3cret"));
}

#[test]
fn habits_of_other_tools_work_or_are_answered() {
    let _shared = shared();
    let target = keeping();
    let home = Home::new();
    let url = target.url("/");
    let args = [
        url.as_str(),
        "-z",
        "1s",
        "-c",
        "1",
        "-b",
        "a=b",
        "-u",
        "ann:s3cr3t:x",
        "-q",
        "-k",
    ];
    let (record, ended) = run_json(&home, SECOND, 0, &args);
    accounts_agree(&record, &target).unwrap();
    let seen = target.log.seen();
    assert!(
        seen.iter()
            .all(|seen| seen.method == "POST" && seen.text.ends_with("\r\n\r\na=b"))
    );
    // ann:s3cr3t:x, as another program encodes it.
    assert_eq!(
        header(&seen[0].text, "Authorization"),
        Some("Basic YW5uOnMzY3IzdDp4")
    );
    assert!(!ended.stderr.contains("getting ready"), "{}", ended.told());
    for (args, says) in [
        (&["run", &url, "-q", "100"][..], "--arrivals 100"),
        (&["run", &url, "--rate", "100"], "--arrivals N"),
        (&["run", &url, "--vus=5"], "-c N"),
        (&["run", &url, "-t4", "-c", "4"], "all cores"),
        (&["run", &url, "--connections", "5"], "-c 5"),
        (&["run", &url, "-u", "5"], "-c 5"),
    ] {
        let before = target.log.count();
        let refused = command(&home, 2, args);
        assert!(
            refused.stderr.contains(says),
            "{args:?}\n{}",
            refused.told()
        );
        assert!(!refused.stderr.contains("similar"), "{}", refused.told());
        assert_eq!(target.log.count(), before);
    }
}

/// What `init` writes, `check` finds good, and `run` sends.
#[test]
fn a_curl_command_becomes_a_file_that_runs() {
    let _shared = shared();
    let target = keeping();
    let home = Home::new();
    let file = home.file("any", "").with_file_name("made.yaml");
    let file = file.to_string_lossy().into_owned();
    let url = target.url("/orders?x=1");
    let curl = format!(
        "curl -sS '{url}' -X PUT -H 'X-Made: by \"curl\"' --data-raw $'{{\"a\":\"it\\'s\"}}'"
    );
    command(&home, 0, &["init", "-o", &file, &curl]);
    let again = command(&home, 2, &["init", "-o", &file, &curl]);
    assert!(
        again.stderr.contains("is there already"),
        "{}",
        again.told()
    );
    let checked = command(&home, 0, &["check", &file]);
    assert!(
        checked.stdout.contains("10 users for 30s"),
        "{}",
        checked.told()
    );
    home.assert_empty();
    assert_eq!(target.log.count(), 0);
    let (record, _) = run_json(&home, SECOND, 0, &[&file, "-c", "1", "-d", "1s"]);
    accounts_agree(&record, &target).unwrap();
    for seen in target.log.seen() {
        assert_eq!(
            (seen.method.as_str(), seen.path.as_str()),
            ("PUT", "/orders?x=1")
        );
        assert_eq!(header(&seen.text, "X-Made"), Some("by \"curl\""));
        assert!(
            seen.text.ends_with("\r\n\r\n{\"a\":\"it's\"}"),
            "{}",
            seen.text
        );
    }
}

#[test]
fn a_file_is_judged_without_a_run() {
    let _shared = shared();
    let home = Home::new();
    let good = home.file("good.yaml", "testScenario:\n  execution: [{ users: 5, hold-for: 9s }]\n  scenarios: { a: { requests: [\"http://192.0.2.1/\"] } }\n");
    let bad = home.file("bad.yaml", "testScenario:\n  execution: [{ user: 5, hold-for: soon }]\n  scenarios: { a: { requests: [\"ftp://x/\"] } }\n");
    let (good, bad) = (good.to_string_lossy(), bad.to_string_lossy());
    let said: Value =
        serde_json::from_str(&command(&home, 0, &["check", &good, "-c", "7", "--json"]).stdout)
            .unwrap();
    assert_eq!(said["ok"], true);
    assert_eq!(said["execution"][0]["load"], "7 users for 9s");
    let told = command(&home, 2, &["check", &bad]);
    for path in [
        "execution[0].user:",
        "execution[0].hold-for:",
        "requests[0]:",
    ] {
        assert!(told.stderr.contains(path), "{path}\n{}", told.told());
    }
    let said: Value =
        serde_json::from_str(&command(&home, 2, &["check", &bad, "--json"]).stdout).unwrap();
    assert_eq!(
        (&said["ok"], said["faults"].as_array().unwrap().len()),
        (&Value::Bool(false), 3)
    );
    home.assert_empty();
}

/// Files are there however the run ended, and stdout has one format.
#[test]
fn a_result_is_written_in_several_formats() {
    let _shared = shared();
    let target = everywhere(ok().but_each(4, body(503, "no")));
    let home = Home::new();
    let summary = home.file("summary.md", "before\n");
    let home = home.with(&[("GITHUB_STEP_SUMMARY", &summary.to_string_lossy())]);
    let folder = home.file("any", "");
    let at = |name: &str| folder.with_file_name(name).to_string_lossy().into_owned();
    let url = target.url("/");
    let (junit, csv, md) = (
        format!("junit={}", at("r.xml")),
        format!("csv={}", at("r.csv")),
        format!("md={}", at("r.md")),
    );
    let args = [
        "run",
        &url,
        "-c",
        "1",
        "-d",
        "1s",
        "--threshold",
        "error_rate<1%",
        "-o",
        &junit,
        "-o",
        &csv,
        "-o",
        &md,
        "-o",
        "json",
    ];
    let ended = command(&home, 1, &args);
    let record = ended.record();
    accounts_agree(&record, &target).unwrap();
    let read = |name: &str| std::fs::read_to_string(at(name)).unwrap();
    let total = &record.summary.as_ref().unwrap().total;
    assert!(
        read("r.xml").contains("tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"0\""),
        "{}",
        read("r.xml")
    );
    let csv = read("r.csv");
    let all: Vec<&str> = csv.lines().nth(1).unwrap().split(',').collect();
    assert_eq!(
        all[..5],
        [
            "all",
            "all requests",
            &total.count.to_string(),
            &total.ok.to_string(),
            &total.failed.to_string()
        ]
    );
    let page = read("r.md");
    assert!(page.starts_with("## ❌ "), "{page}");
    assert_eq!(
        std::fs::read_to_string(&summary).unwrap(),
        format!("before\n{page}")
    );
    again_from_what_is_stored(&home, &url, &csv);
}

/// The same as when it ended; and what is refused is refused before a run.
fn again_from_what_is_stored(home: &Home, url: &str, csv: &str) {
    let again = command(home, 0, &["runs", "get", "latest", "-o", "csv"]);
    assert_eq!(again.stdout, csv);
    let refused = command(home, 2, &["run", url, "-o", "json", "-o", "csv"]);
    assert!(
        refused.stderr.contains("stdout takes one format"),
        "{}",
        refused.told()
    );
    let refused = command(home, 2, &["run", url, "-o", "json=/no/such/place/a.json"]);
    assert!(
        refused.stderr.contains("there is no folder /no/such/place"),
        "{}",
        refused.told()
    );
}

#[test]
fn a_cancelled_run_leaves_its_files_and_one_that_cannot_be_written_is_told() {
    let _shared = shared();
    let target = everywhere(ok());
    let home = Home::new();
    let folder = home.file("any", "").with_file_name("out");
    std::fs::create_dir(&folder).unwrap();
    let file = format!("json={}", folder.join("r.json").display());
    let url = target.url("/");
    let start = || home.start(["run", &url, "-c", "1", "-d", "60s", "-o", &file]);
    let under_load = || {
        let before = target.log.count();
        let running = start();
        until("load", AROUND, || {
            (target.log.count() > before).then_some(())
        });
        running
    };
    let running = under_load();
    running.signal(Signal::Interrupt);
    running.wait(AROUND).expect_code(130);
    let record = std::fs::read_to_string(folder.join("r.json")).unwrap();
    let record: Value = serde_json::from_str(&record).unwrap();
    assert_eq!(record["status"], "cancelled");
    // The folder goes away in the middle of the run.
    let running = under_load();
    std::fs::remove_dir_all(&folder).unwrap();
    running.signal(Signal::Interrupt);
    let ended = running.wait(AROUND);
    ended.expect_code(74);
    assert!(
        ended.stderr.contains("r.json cannot be written"),
        "{}",
        ended.told()
    );
}

#[test]
fn this_machine_is_looked_at() {
    let _shared = shared();
    let home = Home::new().with(&[("http_proxy", "http://ann:s3cr3t@192.0.2.1:3128")]);
    let ended = command(&home, 0, &["doctor", "--json"]);
    let findings: Vec<Value> = serde_json::from_str(&ended.stdout).unwrap();
    let of = |what: &str| {
        findings
            .iter()
            .find(|it| it["what"] == what)
            .unwrap_or_else(|| panic!("{what}: {}", ended.told()))
    };
    for what in [
        "versions",
        "open files",
        "ports",
        "cores",
        "time stamps",
        "clock",
        "clock steps",
        "data folder",
        "room",
        "dlt up",
    ] {
        assert!(!of(what)["seen"].as_str().unwrap().is_empty());
    }
    assert_eq!(
        of("proxies")["seen"],
        "http through http://192.0.2.1:3128 (http_proxy)"
    );
    assert_eq!(of("proxies")["state"], "doubtful");
    assert!(
        findings
            .iter()
            .all(|it| it["todo"].is_null() == (it["state"] == "well"))
    );
    home.assert_empty();
    let nowhere = command(&home, 3, &["doctor", "--home", "/proc/nowhere"]);
    assert!(
        nowhere.stdout.contains("cannot be written"),
        "{}",
        nowhere.told()
    );
}
