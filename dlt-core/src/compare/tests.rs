//! Comparisons of simulated runs: how often nothing is called something, what a
//! small shift looks like, what is refused.

use super::bootstrap::SplitMix;
use super::*;
use crate::calls::LoadSummary;
use crate::latencies::Latencies;
use crate::run::Status;
use crate::summary::{AccountSummary, Blocks as SummaryBlocks};
use crate::timeline::{LabelSecond, Second};
use crate::verdict::{Trust, Verdict as TrustVerdict};
use crate::{calls, ids::Region};
use serde_json::json;

/// A system under test: log-normal times around a level that wanders from
/// second to second, as real ones do.
struct System {
    /// Median, µs.
    median_us: f64,
    /// Spread of single requests, of their logarithm.
    spread: f64,
    /// How far the level wanders, of its logarithm, and how long it remembers.
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
        count: latencies.count(),
        ok: latencies.count() - failed,
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
        // Labels share the machine, and so its mood.
        level = CALM.memory * level + normal(&mut random);
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
                at.latency.record(us);
                part.0.record(us);
            }
            part.1 += at.failed;
            row.ok += at.ok;
            row.failed += at.failed;
            row.latency.merge(&at.latency);
            part.2.push(at);
        }
        rows.push(row);
    }
    parts.iter().for_each(|part| whole.merge(&part.0));
    let failed = parts.iter().map(|part| part.1).sum();
    let names = labels.iter().map(|row| row.0);
    let mut record = trusted(whole.count());
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
            format: crate::timeline::TIMELINE_FORMAT,
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

/// The record of a trusted run that sent so many requests.
fn trusted(sent: u64) -> RunRecord {
    let mut record = calls::tests::record(Status::Complete);
    record.load = Some(LoadSummary {
        model: "closed".to_owned(),
        users: Some(10),
        arrivals: None,
        planned: vec![(0, 10.0)],
    });
    record.account = Some(AccountSummary {
        sent,
        ..AccountSummary::default()
    });
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

/// The promise: 200 pairs of runs of one system give at most 5 % false alarms.
#[test]
fn a_system_compared_with_itself_is_the_same() {
    let mut alarms = Vec::new();
    for pair in 0..200u64 {
        let labels = [("home", &CALM), ("search", &CALM)];
        let a = run(&labels, 40, 60, 2 * pair + 1);
        let b = run(&labels, 40, 60, 1_000_003 + 2 * pair);
        let comparison = compare(a.side(), b.side(), pair);
        if comparison.verdict != Verdict::Same {
            alarms.push(comparison.reasons.join(", "));
        }
    }
    assert!(alarms.len() <= 10, "{} of 200: {alarms:#?}", alarms.len());
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
    // The same question is answered the same.
    assert_eq!(compare(a.side(), b.side(), 1), comparison);
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
        &|record| record.test_scenario = json!({"scenarios": {"other": {}}}),
        "different requests",
    );
    refused(
        &|record| record.verdict.as_mut().unwrap().trust = Trust::Untrusted,
        "cannot be believed",
    );
    // Five seconds say nothing about the spread of seconds.
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
    b.record.account.as_mut().unwrap().sent /= 2;
    let comparison = compare(a.side(), b.side(), 1);
    assert_eq!(comparison.verdict, Verdict::Incomparable);
    assert!(!comparison.comparability.same_load);
}
