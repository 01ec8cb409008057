//! Comparisons of simulated runs: how often nothing is called something, what a
//! small shift looks like, what is refused.

use super::bootstrap::SplitMix;
use super::*;
use crate::ids::Region;
use crate::judge::summary::LoadSummary;
use crate::judge::summary::{AccountSummary, Blocks as SummaryBlocks, Coverage};
use crate::judge::verdict::{Trust, Verdict as TrustVerdict};
use crate::measure::account::Account;
use crate::measure::latencies::Latencies;
use crate::measure::second::{LabelSecond, Second};
use crate::record;
use crate::run::Status;
use serde_json::{Value, json};

mod apart;

/// A system under test: log-normal times around a level that wanders from
/// second to second, as real ones do.
#[derive(Clone, Copy)]
struct System {
    /// Median, µs.
    median_us: f64,
    /// Spread of single requests, of their logarithm.
    spread: f64,
    /// Spread of the level's steps, of its logarithm, and how much of the level
    /// is kept from second to second.
    wander: f64,
    memory: f64,
    /// Share of failures.
    failures: f64,
}

const CALM: System = System {
    median_us: 20_000.0,
    spread: 0.4,
    wander: 0.02,
    memory: 0.7,
    failures: 0.01,
};

struct Run {
    record: RunRecord,
    timeline: RunTimeline,
}

impl Run {
    fn side(&self) -> Side<'_> {
        Side {
            record: &self.record,
            timeline: Some(&self.timeline),
        }
    }
}

/// A standard normal number (Box and Muller).
fn normal(random: &mut SplitMix) -> f64 {
    let (a, b) = (random.unit().max(1e-12), random.unit());
    (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
}

fn block(label: Option<&str>, latencies: &Latencies, failed: u64) -> Block {
    let q = |q: f64| latencies.quantile_us(q);
    Block {
        label: label.map(str::to_owned),
        count: latencies.count() + failed,
        ok: latencies.count(),
        failed,
        p50_us: q(0.5),
        p95_us: q(0.95),
        p99_us: q(0.99),
        mean_us: latencies.mean_us().map(|us| us as u64),
        ..Block::default()
    }
}

/// A run of `seconds` with `per_second` requests under each of these labels.
fn run(labels: &[(&str, &System)], seconds: u64, per_second: u64, seed: u64) -> Run {
    let mut random = SplitMix(seed);
    let mut level = 0.0;
    let mut whole = Latencies::default();
    let mut rows: Vec<Second> = Vec::new();
    let mut parts: Vec<(Latencies, u64, Vec<LabelSecond>)> =
        labels.iter().map(|_| Default::default()).collect();
    for second in 0..seconds {
        // Labels share the machine, and so its level.
        level = labels.first().map_or(0.0, |row| row.1.memory) * level + normal(&mut random);
        let mut row = Second {
            second,
            scheduled: per_second,
            ..Second::default()
        };
        for ((_, system), part) in labels.iter().zip(&mut parts) {
            let mut at = LabelSecond {
                second,
                ..LabelSecond::default()
            };
            for _ in 0..per_second {
                let log = system.spread * normal(&mut random) + system.wander * level;
                let us = (system.median_us * log.exp()) as u64;
                let failed = random.unit() < system.failures;
                at.failed += u64::from(failed);
                at.ok += u64::from(!failed);
                match failed {
                    true => at.latency_failed.record(us / 100),
                    false => {
                        at.latency.record(us);
                        part.0.record(us);
                    }
                }
            }
            part.1 += at.failed;
            row.ok += at.ok;
            row.failed += at.failed;
            row.latency.merge(&at.latency);
            row.latency_failed.merge(&at.latency_failed);
            part.2.push(at);
        }
        rows.push(row);
    }
    parts.iter().for_each(|part| whole.merge(&part.0));
    let failed = parts.iter().map(|part| part.1).sum();
    let names = labels.iter().map(|row| row.0);
    let mut record = trusted(whole.count() + failed);
    record.summary = Some(SummaryBlocks {
        total: block(None, &whole, failed),
        labels: names
            .clone()
            .zip(&parts)
            .map(|(name, part)| block(Some(name), &part.0, part.1))
            .collect(),
        ..SummaryBlocks::default()
    });
    let region = Region::parse("lo-home-1").unwrap();
    Run {
        record,
        timeline: RunTimeline {
            format: crate::messages::timeline::TIMELINE_FORMAT,
            start_at_us: 0,
            regions: [(region, rows)].into(),
            labels: names
                .zip(parts)
                .map(|(label, part)| LabelSeries {
                    label: label.to_owned(),
                    seconds: part.2,
                })
                .collect(),
        },
    }
}

fn plan(name: &str, path: &str) -> Value {
    json!({
        "execution": [{"scenario": name, "hold-for": "40s"}],
        "scenarios": {name: {"requests": [{"url": format!("http://127.0.0.1{path}")}]}},
    })
}

/// The record of a trusted run that sent so many requests.
fn trusted(sent: u64) -> RunRecord {
    let mut record = record::tests::record(Status::Complete);
    record.load = Some(LoadSummary {
        model: "closed".to_owned(),
        users: Some(10),
        arrivals: None,
        planned: vec![(0, 10.0)],
    });
    let requests = Account {
        sent,
        ..Account::default()
    };
    record.account = Some(AccountSummary::new(requests, None));
    record.test_scenario = plan("twice", "/");
    record.verdict = Some(TrustVerdict {
        trust: Trust::Trusted,
        reasons: Vec::new(),
    });
    record
}

fn shifted(by: f64) -> System {
    System {
        median_us: CALM.median_us * by,
        ..CALM
    }
}

/// How many of 200 pairs of runs of one system are called different, and why.
fn alarms(system: &System, seconds: u64) -> Vec<String> {
    let mut alarms = Vec::new();
    for pair in 0..200u64 {
        let labels = [("home", system), ("search", system)];
        let a = run(&labels, seconds, 60, 2 * pair + 1);
        let b = run(&labels, seconds, 60, 1_000_003 + 2 * pair);
        let comparison = compare(a.side(), b.side(), pair);
        if comparison.verdict != Verdict::Same {
            alarms.push(comparison.reasons.join(", "));
        }
    }
    alarms
}

/// The promise: 200 pairs of runs of one system give at most 5 % false alarms;
/// of one whose level comes and goes slowly, and of one whose requests all take
/// about as long, so that its seconds' histograms have a bucket or two.
#[test]
fn a_system_compared_with_itself_is_the_same() {
    let slow = System {
        wander: 0.015,
        memory: 0.9,
        ..CALM
    };
    let narrow = System {
        median_us: 5_100.0,
        spread: 0.01,
        ..CALM
    };
    let both = System {
        wander: 0.015,
        memory: 0.9,
        ..narrow
    };
    for (name, system, seconds) in [
        ("calm", &CALM, 40),
        ("slow", &slow, 60),
        ("narrow", &narrow, 60),
        ("narrow and slow", &both, 60),
    ] {
        let alarms = alarms(system, seconds);
        println!("{name}: {} of 200", alarms.len());
        assert!(alarms.len() <= 10, "{name}: {alarms:#?}");
    }
}

#[test]
fn a_shift_of_five_percent_is_found_in_a_hundred_thousand_samples() {
    let slower = shifted(1.05);
    let a = run(&[("home", &CALM)], 60, 1_667, 7);
    let b = run(&[("home", &slower)], 60, 1_667, 8);
    let comparison = compare(a.side(), b.side(), 1);
    assert_eq!(comparison.verdict, Verdict::Worse, "{comparison:#?}");
    let p50 = &comparison.totals[0];
    assert_eq!((p50.metric.as_str(), p50.significant), ("p50_us", true));
    let (low, high) = (p50.low_pct.unwrap(), p50.high_pct.unwrap());
    assert!(low < 5.0 && 5.0 < high && low > 0.0, "{low} to {high}");
    // The other way round it is better, by the same amount.
    let back = compare(b.side(), a.side(), 1);
    assert_eq!(back.verdict, Verdict::Better, "{back:#?}");
    // The same runs give the same result.
    assert_eq!(compare(a.side(), b.side(), 1), comparison);
}

/// Where the seconds' histograms show little, a change must be larger, not huge.
#[test]
fn a_shift_of_ten_percent_is_found_where_all_requests_take_as_long() {
    let narrow = System {
        median_us: 5_100.0,
        spread: 0.01,
        ..CALM
    };
    let slower = System {
        median_us: 5_610.0,
        ..narrow
    };
    let a = run(&[("home", &narrow)], 60, 60, 7);
    let b = run(&[("home", &slower)], 60, 60, 8);
    let verdict = compare(a.side(), b.side(), 1).verdict;
    assert_eq!(verdict, Verdict::Worse);
}

/// A run whose load came from two regions: one like `a`, one like `b`.
fn from_two(a: Run, b: Run) -> Run {
    let (here, there) = ("lo-home-1", "lo-home-2");
    let mut all = a;
    let far = Region::parse(there).unwrap();
    let rows = b.timeline.regions.into_values().next().unwrap();
    all.timeline.regions.insert(far, rows);
    let summary = all.record.summary.as_mut().unwrap();
    summary
        .regions
        .insert(here.to_owned(), summary.total.clone());
    let other = b.record.summary.unwrap().total;
    summary.regions.insert(there.to_owned(), other);
    all
}

#[test]
fn a_change_in_one_region_is_that_region_s() {
    let slower = shifted(1.2);
    let calm = |seed| run(&[("home", &CALM)], 40, 300, seed);
    let base = from_two(calm(1), calm(2));
    let candidate = from_two(calm(3), run(&[("home", &slower)], 40, 300, 4));
    let verdict = |region: &str| {
        let region = Region::parse(region).unwrap();
        let part = |run: &Run| {
            let mut part = Run {
                record: run.record.clone(),
                timeline: run.timeline.clone(),
            };
            let found = in_region(&mut part.record, Some(&mut part.timeline), &region);
            found.then_some(part)
        };
        let (a, b) = (part(&base)?, part(&candidate)?);
        let comparison = compare(a.side(), b.side(), 1);
        assert!(comparison.labels.is_empty() && comparison.added.is_empty());
        Some(comparison.verdict)
    };
    assert_eq!(verdict("lo-home-1"), Some(Verdict::Same));
    assert_eq!(verdict("lo-home-2"), Some(Verdict::Worse));
    assert_eq!(verdict("lo-home-3"), None);
}

#[test]
fn one_label_that_got_worse_is_named_and_failures_count() {
    let failing = System {
        failures: 0.05,
        ..CALM
    };
    let a = run(
        &[("home", &CALM), ("pay", &CALM), ("old", &CALM)],
        60,
        200,
        3,
    );
    let b = run(
        &[("home", &CALM), ("pay", &failing), ("new", &CALM)],
        60,
        200,
        4,
    );
    let comparison = compare(a.side(), b.side(), 1);
    assert_eq!(comparison.verdict, Verdict::Worse);
    let changes: Vec<(&str, Change)> = comparison
        .labels
        .iter()
        .map(|label| (label.label.as_str(), label.change))
        .collect();
    assert!(changes.contains(&("home", Change::Same)), "{changes:?}");
    assert!(changes.contains(&("pay", Change::Worse)), "{changes:?}");
    assert_eq!(comparison.added, ["new"]);
    assert_eq!(comparison.removed, ["old"]);
    let said = comparison.reasons.join("; ");
    assert!(said.contains("pay: error rate rose from "), "{said}");
}

#[test]
fn what_cannot_be_compared_is_refused_with_the_reason() {
    let good = run(&[("home", &CALM)], 40, 60, 1);
    let refused = |change: &dyn Fn(&mut RunRecord), says: &str| {
        let mut other = run(&[("home", &CALM)], 40, 60, 2);
        change(&mut other.record);
        let comparison = compare(good.side(), other.side(), 1);
        assert_eq!(comparison.verdict, Verdict::Incomparable, "{says}");
        let said = comparison.reasons.join("; ");
        assert!(said.contains(says), "{said}, not {says}");
        // The numbers are given all the same.
        assert!(!comparison.totals.is_empty());
    };
    refused(
        &|record| record.load.as_mut().unwrap().users = Some(20),
        "the planned loads differ",
    );
    refused(
        &|record| record.test_task_configs[0]["taskCount"] = json!(3),
        "different numbers of runners",
    );
    refused(
        &|record| record.test_task_configs[0]["region"] = json!("lo-home-2"),
        "different regions",
    );
    refused(
        &|record| record.test_scenario = plan("twice", "/other"),
        "different requests",
    );
    refused(
        &|record| record.test_scenario = json!("unreadable"),
        "different requests",
    );
    refused(
        &|record| record.status = Status::Cancelled,
        "candidate run did not end as planned",
    );
    refused(
        &|record| {
            record.coverage = Some(Coverage {
                runners_expected: 4,
                runners_reported: 3,
                ..Coverage::default()
            });
        },
        "lost runners",
    );
    let silent = |record: &mut RunRecord| {
        let account = record.account.as_mut().unwrap();
        account.requests.unfinished = account.requests.begun() / 2;
    };
    refused(
        &silent,
        "more than a tenth of the candidate run's requests had no answer",
    );
    // The plan's name is the scenario's, which may have been changed.
    let mut renamed = run(&[("home", &CALM)], 40, 60, 2);
    renamed.record.test_scenario = plan("renamed", "/");
    assert_eq!(
        compare(good.side(), renamed.side(), 1).verdict,
        Verdict::Same
    );
    refused(
        &|record| record.verdict.as_mut().unwrap().trust = Trust::Untrusted,
        "cannot be believed",
    );
}

#[test]
fn what_says_too_little_is_not_judged() {
    let good = run(&[("home", &CALM)], 40, 60, 1);
    // Five seconds are too few to estimate the spread of seconds.
    let short = run(&[("home", &CALM)], 5, 60, 2);
    let comparison = compare(short.side(), short.side(), 1);
    assert_eq!(comparison.verdict, Verdict::Incomparable);
    assert!(comparison.reasons[0].contains("too short"));
    // Nor is one reason hidden behind another.
    let mut doubtful = run(&[("home", &CALM)], 5, 60, 2);
    doubtful.record.verdict.as_mut().unwrap().trust = Trust::Untrusted;
    let said = compare(short.side(), doubtful.side(), 1).reasons.join("; ");
    assert!(said.contains("cannot be believed"), "{said}");
    assert!(said.contains("too short"), "{said}");
    // Nor do runs without seconds, or few requests.
    let bare = Side {
        record: &good.record,
        timeline: None,
    };
    assert_eq!(compare(bare, bare, 1).verdict, Verdict::Incomparable);
    let rare = run(&[("home", &CALM), ("rare", &CALM)], 40, 2, 5);
    let comparison = compare(rare.side(), rare.side(), 1);
    assert_eq!(comparison.inconclusive, ["home", "rare"]);
    // A run of too many labels keeps the seconds of none: all are inconclusive.
    let mut many = run(&[("home", &CALM), ("pay", &CALM)], 40, 60, 6);
    many.timeline.labels.clear();
    let comparison = compare(many.side(), many.side(), 1);
    assert_eq!(comparison.verdict, Verdict::Same);
    assert_eq!(comparison.inconclusive, ["home", "pay"]);
}

#[test]
fn open_load_must_have_sent_alike() {
    let mut a = run(&[("home", &CALM)], 40, 60, 1);
    let mut b = run(&[("home", &CALM)], 40, 60, 2);
    for run in [&mut a, &mut b] {
        run.record.load.as_mut().unwrap().model = "open".to_owned();
    }
    let comparison = compare(a.side(), b.side(), 1);
    assert_eq!(
        comparison.verdict,
        Verdict::Same,
        "{:?}",
        comparison.reasons
    );
    let rate = comparison.totals.iter().find(|row| row.metric == "rate");
    assert!(!rate.unwrap().significant);
    b.record.account.as_mut().unwrap().requests.sent /= 2;
    let comparison = compare(a.side(), b.side(), 1);
    assert_eq!(comparison.verdict, Verdict::Incomparable);
    assert!(!comparison.comparability.same_load);
}
