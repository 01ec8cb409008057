//! A target that refuses most requests at once: times of answers are those of
//! answers, failures have their own, and everybody is told which is which.

use crate::common::{account, accounts_agree, run_json, scenario_file};
use anyhow::{Result, ensure};
use dlt_core::judge::summary::{Block, Distribution};
use dlt_core::measure::tally::TimesOver;
use dlt_core::record::RunRecord;
use dlt_tests::behaviour::{body, ok};
use dlt_tests::command::Home;
use dlt_tests::objects;
use dlt_tests::patience::{alone, shared, twice};
use dlt_tests::target::{Target, everywhere, refusing};
use dlt_tests::truth;
use dlt_tests::up::Service;
use std::time::Duration;

/// What the network and a busy machine may add to the server's stamps: far below
/// what tells a quick failure from an answer.
const BESIDE_US: u64 = 4_000;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Three of four requests are refused at once, the fourth takes its time.
fn half_dead() -> Target {
    let answer = ok().after(Duration::from_millis(20));
    everywhere(body(503, "no").but_each(4, answer))
}

/// How long the server took for what it answered so, sorted.
fn took(target: &Target, statuses: &[u16]) -> Vec<u64> {
    let seen = target.log.seen();
    let those = seen
        .iter()
        .filter(|seen| seen.status.is_some_and(|it| statuses.contains(&it)));
    let mut took: Vec<u64> = those.filter_map(|seen| seen.took_us()).collect();
    took.sort_unstable();
    took
}

/// A distribution against the server's own times.
fn agrees(what: &str, told: &Distribution, took: &[u64]) -> Result<()> {
    let count = took.len() as u64;
    ensure!(told.count == count, "{what}: {} of {count}", told.count);
    for (told, q) in [(told.p50_us, 0.5), (told.p95_us, 0.95)] {
        let (low, high) = truth::quantile_bounds(took, q, 2);
        let told = told.unwrap_or(0);
        let limit = high + high / 1000 + BESIDE_US;
        ensure!(
            (low..=limit).contains(&told),
            "{what}: {told} µs, but truly {low} to {high} µs"
        );
    }
    Ok(())
}

fn total(record: &RunRecord) -> &Block {
    &record.summary.as_ref().expect("a summary").total
}

/// Ok, failed and all against the log of the server.
fn told_apart(record: &RunRecord, target: &Target) -> Result<()> {
    accounts_agree(record, target)?;
    let account = account(record);
    let blocks = record.summary.as_ref().expect("a summary");
    ensure!(blocks.times_over == TimesOver::Ok);
    let total = &blocks.total;
    ensure!((total.ok, total.failed) == (account.ok, account.failed));
    let [failed, all] = [total.failed_times, total.all_times].map(|times| times.expect("failures"));
    agrees("ok", &total.times(TimesOver::Ok), &took(target, &[200]))?;
    agrees("failed", &failed, &took(target, &[503]))?;
    agrees("all", &all, &took(target, &[200, 503]))?;
    ensure!(total.min_us >= Some(20_000), "{total:?}");
    ensure!(failed.p50_us < Some(10_000), "{failed:?}");
    // Times of parts of an answer are of answers too.
    let service = total.service.expect("service times");
    ensure!((service.count, service.p50_us) == (total.ok, total.p50_us));
    let first_byte = total.first_byte.expect("first bytes");
    ensure!(first_byte.count == total.ok && first_byte.min_us >= Some(20_000));
    Ok(())
}

#[test]
fn quick_failures_are_in_no_time_of_an_answer() {
    let _alone = alone();
    twice(|| {
        let (home, target) = (Home::new(), half_dead());
        let url = target.url("/");
        let mut args = vec![url.as_str(), "-c", "6", "-d", "3s", "--tasks", "2"];
        let thresholds = [
            "p(50)<10ms",
            "all.p(50)<10ms",
            "p(50)>=20ms",
            "avg<20ms",
            "all.avg<20ms",
        ];
        for expression in thresholds {
            args.extend(["--threshold", expression]);
        }
        let (record, ended) = run_json(&home, s(3), 1, &args);
        told_apart(&record, &target)?;
        let outcome = record.outcome.as_ref().expect("an outcome");
        let held: Vec<bool> = outcome.thresholds.iter().map(|it| it.passed).collect();
        ensure!(held == [false, true, true, false, true], "{}", ended.told());
        // What DLT's clients read is over all requests, as Taurus has it.
        let p50 = record.results["total"]["p50_0"]
            .as_str()
            .unwrap_or_default();
        ensure!(p50.parse::<f64>()? < 0.010, "{p50}");
        shown(&home, &record);
        answered(&home, &record);
        Ok(())
    });
}

/// The page and the list of runs.
fn shown(home: &Home, record: &RunRecord) {
    let page = home.run(s(20), ["runs", "get", &record.test_run_id]);
    let words: Vec<&str> = page.stdout.split_whitespace().collect();
    let page = words.join(" ");
    let total = total(record);
    let failed = format!(
        "of {} requests failed (status-5xx) and took p50",
        thousands(total.count)
    );
    for says in [
        "Response times of ok answers, from sending",
        "response times of the",
        &failed,
    ] {
        assert!(page.contains(says), "{says:?} is not in {page}");
    }
    let list = home.run(s(20), ["runs", "list", "--json"]);
    let list: serde_json::Value = serde_json::from_str(&list.stdout).unwrap();
    let row = &list["testRuns"][0];
    assert_eq!(row["ok_times"]["p95_us"].as_u64(), total.p95_us);
    let all_us = total.all_times.and_then(|times| times.p50_us).unwrap();
    assert_eq!(row["all_times"]["p50_us"], all_us, "{row}");
}

/// As the screens write counts.
fn thousands(n: u64) -> String {
    match n {
        0..1_000 => n.to_string(),
        _ => format!("{},{:03}", n / 1_000, n % 1_000),
    }
}

/// The histograms of the API, and those of a run of an older dlt.
fn answered(home: &Home, record: &RunRecord) {
    let service = Service::start(home, &[]);
    let run = format!(
        "/scenarios/{}/testruns/{}",
        record.test_id, record.test_run_id
    );
    let path = format!("{run}/histogram");
    let total = total(record);
    for (query, of, count, p50_us) in [
        ("", "ok", total.ok, total.p50_us),
        ("?of=ok", "ok", total.ok, total.p50_us),
        (
            "?of=failed",
            "failed",
            total.failed,
            total.failed_times.unwrap().p50_us,
        ),
        (
            "?of=all",
            "all",
            total.count,
            total.all_times.unwrap().p50_us,
        ),
    ] {
        let answer = service.get(&format!("{path}{query}"));
        assert_eq!(answer["of"], of, "{query}");
        assert_eq!(answer["distribution"]["count"], count, "{query}");
        assert_eq!(answer["distribution"]["p50_us"].as_u64(), p50_us, "{query}");
    }
    let refused = service.ask("GET", &format!("{path}?of=none"), None);
    assert_eq!(refused.status, 400);
    assert!(
        refused
            .json()
            .to_string()
            .contains("must be ok, failed or all")
    );
    let timeline = objects::timeline(home);
    let seconds = || timeline.regions.values().flatten();
    let timed = [
        seconds().map(|second| second.latency.count()).sum::<u64>(),
        seconds().map(|second| second.latency_failed.count()).sum(),
    ];
    assert_eq!(timed, [total.ok, total.failed]);
    // An older dlt's reports have one histogram for both.
    for report in objects::files(home, ".xml") {
        let text = std::fs::read_to_string(&report).unwrap();
        let older = text
            .replace("DltReport format=\"2\"", "DltReport format=\"1\"")
            .replace("ResponseFailed", "Unknown");
        std::fs::write(&report, older).unwrap();
    }
    // Nor did it store the merged ones.
    for merged in objects::files(home, "histograms.json.gz") {
        std::fs::remove_file(merged).unwrap();
    }
    assert_eq!(service.get(&path)["of"], "all");
    assert_eq!(service.get(&format!("{path}?of=all"))["of"], "all");
    let refused = service.ask("GET", &format!("{path}?of=ok"), None);
    assert_eq!(refused.status, 404);
    assert!(refused.json().to_string().contains("ask with of=all"));
    service.stop();
}

/// One host answers in 20 ms, the other refuses: the issue's own example, with
/// a label for each.
#[test]
fn a_host_that_refuses_makes_the_other_no_faster() {
    let _shared = shared();
    let target = everywhere(ok().after(Duration::from_millis(20)));
    let home = Home::new();
    let plan = format!(
        "execution: [{{ users: 3, hold-for: 2s, scenario: both }}]\n\
         scenarios:\n  both:\n    requests:\n    - {{ url: '{}', label: up }}\n    \
         - {{ url: 'http://{}/a', label: down }}\n    - {{ url: 'http://{1}/b', label: down }}\n",
        target.url("/"),
        refusing()
    );
    let thresholds = "thresholds: ['p(50)<10ms', 'all.p(50)<10ms', 'down: p(95)<1s', \
        'down: all.p(95)<1s', 'up: p(50)>=20ms']\n";
    let file = home.file("both.yaml", scenario_file(thresholds, &plan));
    let (record, ended) = run_json(&home, s(2), 1, &[&file.to_string_lossy()]);
    let outcome = record.outcome.as_ref().unwrap();
    let held: Vec<bool> = outcome.thresholds.iter().map(|it| it.passed).collect();
    assert_eq!(held, [false, true, false, true, true], "{}", ended.told());
    let reason = outcome.thresholds[2].reason.as_deref().unwrap();
    assert!(reason.contains("requests was answered ok"), "{reason}");
    let blocks = record.summary.as_ref().unwrap();
    let labelled = |label: &str| {
        let mut blocks = blocks.labels.iter();
        blocks
            .find(|it| it.label.as_deref() == Some(label))
            .unwrap()
    };
    let (up, down) = (labelled("up"), labelled("down"));
    assert_eq!((up.failed, up.failed_times, up.all_times), (0, None, None));
    assert_eq!((down.ok, down.min_us, down.p95_us), (0, None, None));
    assert_eq!(down.failed_times, down.all_times);
    assert_eq!(down.failed_times.unwrap().count, down.failed);
    // What the run says of answers is what the one label says.
    let total = &blocks.total;
    assert_eq!(
        (total.p50_us, total.p95_us, total.max_us),
        (up.p50_us, up.p95_us, up.max_us)
    );
    assert_eq!(total.failed_times, down.failed_times);
    assert!(total.all_times.unwrap().p50_us < Some(10_000), "{total:?}");

    let page = home.run(s(20), ["runs", "get", &record.test_run_id]);
    let words: Vec<&str> = page.stdout.split_whitespace().collect();
    let page = words.join(" ");
    for says in [
        "requests failed (refused) and took p50",
        "times are of ok answers",
    ] {
        assert!(page.contains(says), "{says:?} is not in {page}");
    }
}
