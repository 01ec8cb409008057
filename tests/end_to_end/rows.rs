//! Rows of data over several runners: the target's log says how often each was
//! used.

use crate::common::{account, accounts_agree, run_json, scenario_file};
use dlt_tests::behaviour::ok;
use dlt_tests::command::Home;
use dlt_tests::patience::shared;
use dlt_tests::target::{Target, everywhere};
use std::collections::BTreeMap;
use std::time::Duration;

const ROWS: u64 = 1_001;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A file of numbered rows, as a spreadsheet writes it.
fn rows_file() -> String {
    let rows: String = (0..ROWS)
        .map(|row| format!("{row},\"name {row}, \"\"the {row}th\"\"\"\r\n"))
        .collect();
    format!("id,name\r\n{rows}")
}

/// A scenario in which each request shows the row that it has.
fn scenario(target: &Target, tasks: &str, execution: &str, recycled: bool) -> String {
    let plan = format!(
        "execution: [{{ {execution}, scenario: items }}]\n\
         scenarios:\n  items:\n    default-address: '{}'\n    \
         data-sources: [{{ path: rows.csv, loop: {recycled} }}]\n    \
         requests: ['/item/${{id}}?name=${{name}}']\n",
        target.url("")
    );
    scenario_file(tasks, &plan)
}

/// How often each row was used, by its number; that name and number stood in
/// one row is checked on the way.
fn used(target: &Target) -> BTreeMap<u64, u64> {
    let mut used = BTreeMap::new();
    for (path, count) in target.log.by_path() {
        let (id, name) = path
            .strip_prefix("/item/")
            .and_then(|rest| rest.split_once("?name="))
            .unwrap();
        assert_eq!(name, format!("name%20{id},%20%22the%20{id}th%22"));
        *used.entry(id.parse().unwrap()).or_default() += count;
    }
    used
}

fn each_once() -> BTreeMap<u64, u64> {
    (0..ROWS).map(|row| (row, 1)).collect()
}

#[test]
fn each_of_1001_rows_over_four_runners_is_used_exactly_once() {
    let _shared = shared();
    let (home, target) = (Home::new(), everywhere(ok()));
    home.file("rows.csv", rows_file());
    let text = scenario(&target, "", "users: 10, hold-for: 6s", false);
    let file = home.file("once.yaml", text);
    let args = [&file.to_string_lossy(), "--tasks", "4"];
    let (record, ended) = run_json(&home, s(6), 0, &args);
    accounts_agree(&record, &target).unwrap();
    assert_eq!(used(&target), each_once());
    let account = account(&record);
    assert_eq!((account.ok, account.failed), (ROWS, 0), "{}", ended.told());
    // A label for all of them, made of the variable's name.
    let labels = &record.summary.as_ref().unwrap().labels;
    let labels: Vec<_> = labels.iter().map(|block| block.label.as_deref()).collect();
    assert_eq!(labels, [Some("GET /item/{id}")]);
    let told =
        |warning: &String| warning.contains("all its rows of") && warning.contains("rows.csv");
    assert!(record.warnings.iter().any(told), "{:?}", record.warnings);
}

#[test]
fn arrivals_without_a_row_are_dropped_and_the_file_is_named() {
    let _shared = shared();
    let (home, target) = (Home::new(), everywhere(ok()));
    home.file("rows.csv", rows_file());
    // Two regions of unequal size, 1,200 arrivals.
    let tasks = "testTaskConfigs:\n\
                 - { region: lo-home-1, taskCount: 3, concurrency: 1 }\n\
                 - { region: lo-home-2, taskCount: 1, concurrency: 1 }\n";
    let text = scenario(&target, tasks, "arrivals: 300, hold-for: 4s", false);
    let file = home.file("once.yaml", text);
    let args = [
        &file.to_string_lossy(),
        "--region",
        "lo-home-1=3",
        "--region",
        "lo-home-2=1",
    ];
    let (record, ended) = run_json(&home, s(4), 0, &args);
    accounts_agree(&record, &target).unwrap();
    assert_eq!(used(&target), each_once());
    let account = account(&record);
    assert_eq!(account.dropped, 1_200 - ROWS, "{}", ended.told());
    let told = |warning: &String| warning.contains("was dropped") && warning.contains("rows.csv");
    assert!(record.warnings.iter().any(told), "{:?}", record.warnings);
}

#[test]
fn recycled_rows_are_used_evenly() {
    let _shared = shared();
    let (home, target) = (Home::new(), everywhere(ok()));
    home.file("rows.csv", rows_file());
    let text = scenario(&target, "", "arrivals: 1001, hold-for: 3s", true);
    let file = home.file("again.yaml", text);
    let args = [&file.to_string_lossy(), "--tasks", "2"];
    let (record, ended) = run_json(&home, s(3), 0, &args);
    accounts_agree(&record, &target).unwrap();
    assert_eq!(account(&record).dropped, 0, "{}", ended.told());
    // Each runner has a half of the rows and of the arrivals, give or take one.
    let used = used(&target);
    assert_eq!(used.len() as u64, ROWS);
    let uneven = used.values().filter(|count| **count != 3).count();
    assert!(uneven <= 4, "{used:?}");
}

#[test]
fn a_column_that_no_file_has_is_told_before_any_load() {
    let _shared = shared();
    let (home, target) = (Home::new(), everywhere(ok()));
    home.file("rows.csv", "no,name\n1,a\n");
    let text = scenario(&target, "", "users: 2, hold-for: 1s", true);
    let file = home.file("wrong.yaml", text);
    let ended = home.run(s(60), ["run", &file.to_string_lossy()]);
    ended.expect_code(2);
    assert!(
        ended.stderr.contains("${id}") && ended.stderr.contains("no, name"),
        "{}",
        ended.told()
    );
    assert_eq!(target.log.count(), 0);
    home.assert_no_process_left();
}
