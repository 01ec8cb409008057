//! Scripts of JMeter, k6 and Locust with the real tools (`DLT_ENGINES`, which `cargo xtask test`
//! installs): what is counted is what the target saw, times are those that the script measures by
//! itself, and whatever breaks ends with a sentence and with nothing left running.

mod broken;
mod written;

use crate::common::{account, contradicts_nothing};
use dlt_core::record::RunRecord;
use dlt_tests::behaviour::{Framing, body, framed, ok, redirect};
use dlt_tests::command::{Ended, Home};
use dlt_tests::patience::{alone, until};
use dlt_tests::processes::Signal;
use dlt_tests::target::{Target, everywhere, plan, refusing};
use dlt_tests::up::Service;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;
use written::{HostileLabels, ROUNDS, USERS, Written};

/// What a tool takes to come up and to end on a busy machine.
const TOOLS: Duration = Duration::from_secs(120);

/// The folder of the tools.
fn engines() -> PathBuf {
    let folder = std::env::var_os("DLT_ENGINES");
    folder
        .map(PathBuf::from)
        .expect("DLT_ENGINES names the folder of k6, Locust and JMeter")
}

/// A data folder whose commands find the tools.
fn home() -> Home {
    let folder = engines();
    let path = format!(
        "{}:{}",
        folder.join("bin").display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let jmeter = folder.join("jmeter").display().to_string();
    let home = Home::new();
    // Where tools are found again that should have ended.
    let temporary = home.path().display().to_string();
    home.with(&[
        ("PATH", path.as_str()),
        ("JMETER_HOME", jmeter.as_str()),
        ("TMPDIR", temporary.as_str()),
    ])
}

#[track_caller]
fn run(home: &Home, code: i32, args: &[&str]) -> (RunRecord, Ended) {
    let all = [&["run"], args, &["--json"]].concat();
    let ended = home.run(TOOLS, all);
    ended.expect_code(code);
    home.assert_no_process_left();
    let record = ended.record();
    contradicts_nothing(&record);
    (record, ended)
}

/// A target with 20 labels and the odd paths.
fn target() -> Target {
    let mut target = plan();
    for n in 0..20 {
        target = target.route(&format!("/ok/{n}"), ok());
    }
    target
        .route("/part", body(206, "some"))
        .route("/gone", body(404, "no such page"))
        .route("/busy", body(503, ""))
        .route("/moved", redirect(302, "/ok/1"))
        .route("/big", framed(1_000_000, Framing::Length))
        .start()
}

/// Requests by label, of the record.
fn by_label(record: &RunRecord) -> BTreeMap<String, (u64, u64)> {
    let labels = record.results["total"]["labels"].as_array().unwrap();
    let row = |row: &Value| {
        let count = |key: &str| row[key].as_u64().unwrap();
        let name = row["label"].as_str().unwrap().to_owned();
        (name, (count("succ"), count("fail")))
    };
    labels.iter().map(row).collect()
}

/// Runs a script and compares everything that it counts with what the target saw.
fn counted(script: &Written, refused: &str) -> (RunRecord, Home) {
    let _alone = alone();
    let home = home();
    let target = target();
    let text = (script.text)(&target.url(""), refused);
    let own = home.path().display().to_string();
    let file = home.file(script.file, text.replace("OWN", &own));
    let (record, ended) = run(&home, 0, &[file.to_str().unwrap()]);
    target.settle();
    let account = account(&record);
    let rounds = USERS * ROUNDS;
    // One that finds nothing there is seen by nobody.
    assert_eq!(
        account.sent,
        target.log.count() + rounds,
        "{}",
        ended.told()
    );
    assert_eq!(account.ok + account.failed, account.sent);
    let labels = by_label(&record);
    for (name, path) in HostileLabels::all() {
        let told = labels.get(&(script.label)(&name)).copied();
        assert_eq!(told, Some((rounds, 0)), "{name:?}: {labels:?}");
        // The redirect leads there too.
        let more = if path == "/ok/1" { rounds } else { 0 };
        assert_eq!(target.log.count_of(&path), rounds + more, "{path}");
    }
    for (name, expected) in [
        ("part", (rounds, 0)),
        ("gone", (0, rounds)),
        ("busy", (0, rounds)),
        ("moved", (2 * rounds, 0)),
        ("big", (rounds, 0)),
        ("refused", (0, rounds)),
    ] {
        assert_eq!(labels[&(script.label)(name)], expected, "{name}");
    }
    let causes: BTreeMap<&str, u64> = record
        .errors
        .iter()
        .flatten()
        .map(|row| (row.cause.as_str(), row.count))
        .collect();
    let expected = ["refused", "status-4xx", "status-5xx"].map(|cause| (cause, rounds));
    assert_eq!(causes, expected.into(), "{:?}", record.errors);
    let codes: BTreeSet<(&str, u64)> = record.results["total"]["rc"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (
                row["code"].as_str().unwrap(),
                row["count"].as_u64().unwrap(),
            )
        })
        .collect();
    for code in ["404", "503"] {
        assert!(codes.contains(&(code, rounds)), "{codes:?}");
    }
    let told = record.warnings.join("\n");
    assert!(
        told.contains(&format!("times are those of {}", script.tool)),
        "{told}"
    );
    (record, home)
}

/// What the target sent as bodies.
fn bodies() -> u64 {
    let rounds = USERS * ROUNDS;
    rounds * (21 * 5 + 4 + 12 + 1_000_000)
}

fn received(record: &RunRecord) -> u64 {
    record.summary.as_ref().unwrap().total.bytes_received
}

/// A time of the record, in ms.
fn ms(us: Option<u64>) -> f64 {
    us.unwrap() as f64 / 1e3
}

#[test]
#[ignore = "needs the tools: run by cargo xtask test"]
fn k6_is_counted_as_the_target_counts() {
    let refused = refusing().to_string();
    let (record, home) = counted(&written::K6, &refused);
    // Head and body, whichever request they belong to.
    assert!(received(&record) > bodies() && received(&record) < bodies() + 200_000);
    // What the script measured by itself, over all requests.
    let own = std::fs::read_to_string(home.path().join("own.json")).unwrap();
    let own: Value = serde_json::from_str(&own).unwrap();
    let all = record.summary.unwrap().total.all_times.unwrap();
    // Of a few hundred samples its percentiles lie between two of them.
    for (key, told) in [
        ("med", all.p50_us),
        ("avg", all.mean_us),
        ("max", all.max_us),
    ] {
        let (own, told) = (own[key].as_f64().unwrap(), ms(told));
        assert!(
            (told - own).abs() <= own * 0.02 + 0.01,
            "{key}: {told} for {own}"
        );
    }
}

#[test]
#[ignore = "needs the tools: run by cargo xtask test"]
fn locust_is_counted_as_the_target_counts() {
    let refused = refusing().to_string();
    let (record, home) = counted(&written::LOCUST, &refused);
    assert_eq!(received(&record), bodies());
    let own = std::fs::read_to_string(home.path().join("own.txt")).unwrap();
    let mut own: Vec<f64> = own.lines().map(|line| line.parse().unwrap()).collect();
    own.sort_by(f64::total_cmp);
    let all = record.summary.unwrap().total.all_times.unwrap();
    // A redirect is one of its samples, and two of ours, the shorter.
    assert!((ms(all.max_us) - own[own.len() - 1]).abs() < 0.02);
    let p50 = own[own.len() / 2];
    assert!(ms(all.p50_us) <= p50 * 1.1 + 0.1 && ms(all.p50_us) > p50 * 0.5);
}

#[test]
#[ignore = "needs the tools: run by cargo xtask test"]
fn jmeter_is_counted_as_the_target_counts() {
    let refused = refusing().to_string();
    let (record, home) = counted(&written::JMETER, &refused);
    assert!(received(&record) > bodies() && received(&record) < bodies() + 200_000);
    // Its own listener, by its own columns: the whole of a redirect is one row of it.
    let own = std::fs::read_to_string(home.path().join("own.jtl")).unwrap();
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(own.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let rounds = (USERS * ROUNDS) as usize;
    assert_eq!(rows.len(), 26 * rounds);
    let mut times: Vec<u64> = rows
        .iter()
        .filter(|row| &row[2] != "moved")
        .map(|row| row[1].parse().unwrap())
        .collect();
    times.sort_unstable();
    let all = record.summary.unwrap().total.all_times.unwrap();
    assert_eq!(ms(all.max_us), times[times.len() - 1] as f64);
}

/// Another load than the script's own, by the tool's own means; and the end that is asked for.
#[test]
#[ignore = "needs the tools: run by cargo xtask test"]
fn a_scenario_gives_each_tool_its_load() {
    let _alone = alone();
    for script in [&written::K6, &written::LOCUST, &written::JMETER] {
        let home = home();
        let target = target();
        let refused = refusing().to_string();
        let file = home.file(script.file, (script.endless)(&target.url(""), &refused));
        let args = [file.to_str().unwrap(), "-c", "4", "-d", "3s"];
        let (record, ended) = run(&home, 0, &args);
        target.settle();
        let account = account(&record);
        assert_eq!(account.unfinished, 0, "{}: {account:?}", script.tool);
        assert_eq!(account.sent, target.log.count(), "{}", ended.told());
        assert!(account.ok > 20);
        let block = record.summary.as_ref().unwrap();
        assert!(block.total.ok == account.ok);
        let changed = record
            .warnings
            .iter()
            .any(|text| text.contains("in place of"));
        assert!(changed, "{:?}", record.warnings);
        let users = record.results["total"]["concurrency"].as_str().unwrap();
        assert_eq!(users, "4", "{}", script.tool);
        let connections = target.log.connections();
        assert!(connections >= 4, "{}: {connections}", script.tool);
    }
}

/// Each row of a file is one runner's, whatever their number; variables reach the tool and no log.
#[test]
#[ignore = "needs the tools: run by cargo xtask test"]
fn four_runners_use_each_row_once() {
    let _alone = alone();
    let rows: Vec<String> = (0..1_001)
        .map(|row| format!("user{row},\"x, {row}\""))
        .collect();
    for (tool, file, text) in [
        ("k6", "rows.js", written::K6_ROWS),
        ("locust", "rows.py", written::LOCUST_ROWS),
        ("jmeter", "rows.jmx", &written::jmeter_rows()),
    ] {
        let home = home();
        let target = everywhere(ok());
        home.file(file, text);
        home.file("users.csv", format!("name,note\n{}\n", rows.join("\n")));
        let scenario = format!(
            "testType: {tool}\ntestTaskConfigs: [{{ region: lo-home-1, taskCount: 4 }}]\ntestScenario:\n  execution: [{{}}]\n  scenarios:\n    rows:\n      script: {file}\n      data-sources: [users.csv]\n      variables: {{ BASE: \"{}\", API_TOKEN: hush-hush-hush }}\n",
            target.url("")
        );
        let scenario = home.file("rows.yaml", scenario);
        let (record, ended) = run(&home, 0, &[scenario.to_str().unwrap()]);
        target.settle();
        let paths = target.log.by_path();
        let seen: BTreeSet<String> = paths
            .keys()
            .map(|path| path.trim_start_matches("/u/").to_owned())
            .collect();
        let wanted: BTreeSet<String> = (0..1_001).map(|row| format!("user{row}")).collect();
        assert_eq!(seen, wanted, "{tool}");
        assert!(paths.values().all(|count| *count == 1), "{tool}: {paths:?}");
        assert_eq!(account(&record).ok, 1_001);
        assert!(!ended.told().contains("hush-hush"), "{}", ended.told());
        let logs = logs_of(&home, &record, tool);
        assert_eq!(logs.len(), 4, "{tool}");
        assert!(!logs.concat().contains("hush-hush"), "{tool}");
        if tool == "k6" {
            // The script prints it, which the artifact shows without it.
            assert!(logs.concat().contains("with [redacted], "), "{}", logs[0]);
        }
    }
}

/// What a tool printed, of each runner, as it is stored.
fn logs_of(home: &Home, record: &RunRecord, tool: &str) -> Vec<String> {
    let results = home.path().join("objects/results").join(&record.test_id);
    let folders = std::fs::read_dir(results)
        .unwrap()
        .map(|run| run.unwrap().path());
    let files = folders.flat_map(|run| std::fs::read_dir(run).unwrap());
    let is_log = |name: &str| name.starts_with(&format!("{tool}-")) && name.ends_with(".log");
    files
        .map(|file| file.unwrap())
        .filter(|file| is_log(file.file_name().to_str().unwrap()))
        .map(|file| std::fs::read_to_string(file.path()).unwrap())
        .collect()
}

/// A run that is cancelled keeps what was measured, the last second included.
#[test]
#[ignore = "needs the tools: run by cargo xtask test"]
fn a_cancelled_script_loses_nothing() {
    let _alone = alone();
    for script in [&written::K6, &written::LOCUST, &written::JMETER] {
        let home = home();
        let target = target();
        let refused = refusing().to_string();
        let file = home.file(script.file, (script.endless)(&target.url(""), &refused));
        let running = home.start([
            "run",
            file.to_str().unwrap(),
            "-c",
            "3",
            "-d",
            "60s",
            "--json",
        ]);
        until("the load is under way", TOOLS, || {
            (target.log.count() > 200).then_some(())
        });
        running.signal(Signal::Interrupt);
        let ended = running.wait(TOOLS);
        ended.expect_code(130);
        home.assert_no_process_left();
        target.settle();
        let account = account(&ended.record());
        let seen = target.log.count();
        // Requests under way when the tool ended are the tool's to tell, one a user at most.
        assert!(
            account.sent <= seen && account.sent + 3 >= seen,
            "{}: {} of {seen}",
            script.tool,
            account.sent
        );
    }
}

/// What is posted is not run, unless the service is told so; and by the API a script is as any scenario.
#[test]
#[ignore = "needs the tools: run by cargo xtask test"]
fn a_service_runs_no_scripts_unless_it_is_told_to() {
    let _alone = alone();
    let target = target();
    let text = (written::K6.endless)(&target.url(""), "");
    for allowed in [false, true] {
        let home = home();
        let file = home.file("shop.js", &text);
        let flags: &[&str] = if allowed { &["--scripts"] } else { &[] };
        let service = Service::start(&home, flags);
        let api = service.api();
        let args = [
            "run",
            file.to_str().unwrap(),
            "--api",
            &api,
            "-c",
            "2",
            "-d",
            "2s",
            "--json",
        ];
        let ended = home.run(TOOLS, args);
        if allowed {
            ended.expect_code(0);
            let record = ended.record();
            assert_eq!(record.test_type, "k6");
            assert!(account(&record).ok > 50, "{}", ended.told());
        } else {
            assert_ne!(ended.code, Some(0));
            assert!(
                ended.told().contains("dlt up --scripts"),
                "{}",
                ended.told()
            );
        }
        service.stop();
        home.assert_no_process_left();
    }
}
