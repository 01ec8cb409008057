//! Functions of JMeter in a plain scenario, by what the target saw; and scenarios that are
//! saved with what cannot be evaluated.

use crate::common::{AROUND, accounts_agree, run_json, scenario_file};
use dlt_tests::behaviour::ok;
use dlt_tests::command::Home;
use dlt_tests::patience::shared;
use dlt_tests::target::{Target, everywhere};
use dlt_tests::up::Service;
use std::collections::BTreeSet;
use std::time::Duration;

const LOAD: Duration = Duration::from_secs(10);
const QUICK: Duration = Duration::from_secs(60);

/// A scenario of one request.
fn scenario(target: &Target, execution: &str, path: &str) -> String {
    let plan = format!(
        "execution: [{{ {execution}, scenario: one }}]\n\
         scenarios: {{ one: {{ requests: ['{}'] }} }}\n",
        target.url(path)
    );
    scenario_file("", &plan)
}

/// The parts of each path that was asked for, and that each was asked for once.
fn seen(target: &Target, count: usize) -> Vec<Vec<String>> {
    let paths = target.log.by_path();
    assert_eq!(paths.len(), count, "{paths:?}");
    assert!(paths.values().all(|times| *times == 1), "{paths:?}");
    let parts = |path: &String| path.split('/').skip(1).map(str::to_owned).collect();
    paths.keys().map(parts).collect()
}

fn numbers(texts: impl Iterator<Item = String>) -> BTreeSet<u64> {
    texts.map(|text| text.parse().unwrap()).collect()
}

#[test]
fn users_of_four_runners_have_numbers_and_count() {
    let _shared = shared();
    let (home, target) = (Home::new(), everywhere(ok()));
    let path = "/${__threadNum}/${__counter(TRUE,)}/${__counter(FALSE,)}/${__UUID}/${__Random(1,6)}/${__time(/1000,)}";
    let text = scenario(&target, "users: 10, iterations: 20, hold-for: 10s", path);
    let file = home.file("closed.yaml", text);
    let args = [&file.to_string_lossy(), "--tasks", "4"];
    let (record, ended) = run_json(&home, LOAD, 0, &args);
    accounts_agree(&record, &target).unwrap();
    let seen = seen(&target, 200);
    let of = |at: usize| seen.iter().map(move |parts| parts[at].clone());
    let turns: BTreeSet<(u64, u64)> = seen
        .iter()
        .map(|parts| (parts[0].parse().unwrap(), parts[1].parse().unwrap()))
        .collect();
    let each: BTreeSet<_> = (1..=10)
        .flat_map(|user| (1..=20).map(move |turn| (user, turn)))
        .collect();
    assert_eq!(turns, each, "{}", ended.told());
    // Each number of the run is given once, whichever runner gives it.
    assert_eq!(numbers(of(2)).len(), 200);
    assert_eq!(of(3).collect::<BTreeSet<_>>().len(), 200);
    assert_eq!(numbers(of(4)), (1..=6).collect());
    let now = jiff::Timestamp::now().as_second().cast_unsigned();
    assert!(numbers(of(5)).iter().all(|second| now - second < 60));
    let labels = &record.summary.as_ref().unwrap().labels;
    let labels: Vec<_> = labels.iter().filter_map(|it| it.label.as_deref()).collect();
    assert_eq!(labels.len(), 1, "{labels:?}");
}

#[test]
fn each_arrival_is_a_user_of_its_own() {
    let _shared = shared();
    let (home, target) = (Home::new(), everywhere(ok()));
    let path = "/${__threadNum}/${__counter(TRUE,)}";
    let text = scenario(&target, "arrivals: 100, hold-for: 2s", path);
    let file = home.file("open.yaml", text);
    let args = [&file.to_string_lossy(), "--tasks", "3"];
    let (record, _) = run_json(&home, LOAD, 0, &args);
    accounts_agree(&record, &target).unwrap();
    let seen = seen(&target, 200);
    assert_eq!(
        numbers(seen.iter().map(|parts| parts[0].clone())),
        (1..=200).collect()
    );
    assert!(seen.iter().all(|parts| parts[1] == "1"));
}

/// DLT's console saves what JMeter would find out later.
#[test]
fn what_cannot_be_evaluated_is_saved_and_never_started() {
    let _shared = shared();
    let (home, target) = (Home::new(), everywhere(ok()));
    let _service = Service::start(&home, &[]);
    for (id, path, said) in [
        (
            "function",
            "/${__groovy(part)}",
            "\"__groovy\" is a function of JMeter that is not evaluated",
        ),
        ("variable", "/${order}", "${order} names no variable"),
    ] {
        let text = scenario(&target, "users: 1, hold-for: 1s", path);
        let file = home.file(&format!("{id}.yaml"), text);
        let file = file.to_str().unwrap();
        let saved = home.run(QUICK, ["scenarios", "create", file, "--id", id]);
        saved.expect_code(0);
        let warned = saved.stderr.contains(said) && saved.stderr.contains("cannot be run until");
        assert!(warned, "{}", saved.told());
        let page = home.run(QUICK, ["scenarios", "get", id]);
        page.expect_code(0);
        let told = page.stdout.contains(path) && page.stdout.contains("cannot be run until");
        assert!(told, "{}", page.told());
        for args in [
            &["scenarios", "start", id, "--wait"][..],
            &["scenarios", "create", file, "--id", id, "--start"],
            &[
                "scenarios",
                "create",
                file,
                "--id",
                id,
                "--cron",
                "0 3 * * *",
            ],
            &["run", file],
        ] {
            let refused = home.run(AROUND, args.iter().copied());
            refused.expect_code(2);
            assert!(refused.stderr.contains(said), "{}", refused.told());
        }
    }
    // Whether a file has a column only its first line tells: nobody reads it later.
    home.file("rows.csv", "no,name\n1,a\n");
    let rows = scenario(&target, "users: 1, hold-for: 1s", "/${id}/${no}");
    let rows = rows.replace("one: { ", "one: { data-sources: [rows.csv], ");
    let file = home.file("rows.yaml", rows);
    let file = file.to_str().unwrap();
    let refused = home.run(QUICK, ["scenarios", "create", file, "--id", "rows"]);
    refused.expect_code(2);
    let told =
        refused.stderr.contains("${id} names no variable") && refused.stderr.contains("no, name");
    assert!(told, "{}", refused.told());
    home.run(QUICK, ["run", file]).expect_code(2);
    assert_eq!(target.log.count(), 0);
}

/// Whether a URL is whole or belongs behind the default address is known from its value: it
/// is looked at, and evaluated once.
#[test]
fn a_function_behind_a_variable_is_evaluated_once() {
    let _shared = shared();
    let (home, target) = (Home::new(), everywhere(ok()));
    home.file("paths.csv", "path\n/a\n");
    let plan = format!(
        "execution: [{{ users: 1, iterations: 5, hold-for: 5s, scenario: one }}]\n\
         scenarios: {{ one: {{ default-address: '{}', data-sources: [paths.csv], \
         requests: ['${{path}}/${{__counter(FALSE)}}'] }} }}\n",
        target.url("")
    );
    let file = home.file("once.yaml", scenario_file("", &plan));
    let (record, _) = run_json(&home, LOAD, 0, &[&file.to_string_lossy()]);
    accounts_agree(&record, &target).unwrap();
    let seen = seen(&target, 5);
    assert_eq!(
        numbers(seen.iter().map(|parts| parts[1].clone())),
        (1..=5).collect()
    );
}

/// Where each runner has users of its own, they have numbers of their own, too.
#[test]
fn no_two_users_have_one_number() {
    let _shared = shared();
    let (home, target) = (Home::new(), everywhere(ok()));
    let text = scenario(
        &target,
        "concurrency: 3, iterations: 1, hold-for: 5s",
        "/${__threadNum}",
    );
    let file = home.file("each.yaml", text);
    let args = [&file.to_string_lossy(), "--tasks", "4"];
    let (record, _) = run_json(&home, LOAD, 0, &args);
    accounts_agree(&record, &target).unwrap();
    let seen = seen(&target, 12);
    assert_eq!(
        numbers(seen.iter().map(|parts| parts[0].clone())),
        (1..=12).collect()
    );
}
