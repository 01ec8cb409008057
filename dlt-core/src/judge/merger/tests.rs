//! What comes of merged reports: the same as of all samples together, and as
//! of a naive sum over raw values.

mod apart;
mod naive;
mod parts;

use super::{Merger, RunFacts, Summary};
use crate::ids::{Region, RunnerId};
use crate::messages::report::Report;
use crate::messages::report::testing::{count_transactions, plan_of_users, raws, report};
use crate::scenario::plan::Plan;
use crate::thresholds::Threshold;
use proptest::prelude::*;

/// A start instant.
const START_US: u64 = 1_772_615_702_000_000;

/// The runners of these reports, as asked for.
fn expected(reports: &[Report]) -> Vec<(RunnerId, Region)> {
    reports
        .iter()
        .map(|report| (report.runner.clone(), report.region.clone()))
        .collect()
}

/// Facts of a run in which nothing went wrong.
fn facts<'a>(plan: &'a Plan, expected: &'a [(RunnerId, Region)]) -> RunFacts<'a> {
    RunFacts {
        dealt: expected,
        plan,
        changes: &[],
        tasks: expected.len() as u64,
        thresholds: &[],
        start_at_us: Some(START_US),
        failure: None,
        cancelled: false,
    }
}

fn merged(reports: &[Report], facts: &RunFacts<'_>) -> Summary {
    let mut merger = Merger::default();
    reports.iter().for_each(|report| merger.add(report));
    merger.finish(facts)
}

#[test]
fn what_requests_were_sent_to_is_added_up_over_runners() {
    let mut reports = [report(1, "lo-home-1", &[]), report(2, "lo-home-2", &[])];
    let row = |address: &str, requests| (address.to_owned(), requests);
    for (report, other) in reports.iter_mut().zip([7, 9]) {
        report.generator.addresses = vec![row("10.0.0.1:80", 40), row("10.0.0.2:80", other)];
        report.generator.http_versions = vec![row("1.1", 40 + other)];
    }
    let told = judged(&reports, &[]).generator;
    assert_eq!(
        told.addresses,
        [row("10.0.0.1:80", 80), row("10.0.0.2:80", 16)]
    );
    assert_eq!(told.http_versions, [row("1.1", 96)]);
}

fn judged(reports: &[Report], thresholds: &[Threshold]) -> Summary {
    let plan = plan_of_users(5.0, 10);
    let expected = expected(reports);
    let facts = RunFacts {
        thresholds,
        ..facts(&plan, &expected)
    };
    merged(reports, &facts)
}

/// Exchanges are the first that came; all else must not depend on the order.
fn without_exchanges(mut summary: Summary) -> Summary {
    for row in &mut summary.errors {
        row.exchanges.clear();
        row.runners.clear();
    }
    // Equally frequent errors stay in the order of their keys.
    summary
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// One report of all samples, or k reports of its parts, over the wire, in
    /// any order: one summary.
    #[test]
    fn parts_add_up_to_the_whole(
        samples in raws(120),
        parts in 1u64..12,
        turn in 0usize..12,
        backwards: bool,
    ) {
        let thresholds: Vec<Threshold> =
            ["p(90)<20ms", "all.p(90)<20ms", "tab\there: avg<1s", "error_rate<10%", "requests>50", "buy: p(90)<20ms"]
                .iter()
                .map(|text| Threshold::parse(text).unwrap())
                .collect();
        let mut whole = report(0, "lo-home-1", &samples);
        whole.peak_users = 0;
        count_transactions(&mut whole.tally, &samples);
        let whole = judged(&[whole], &thresholds);
        let mut reports: Vec<Report> = (0..parts)
            .map(|part| {
                let own: Vec<_> = samples
                    .iter()
                    .skip(part as usize)
                    .step_by(parts as usize)
                    .cloned()
                    .collect();
                let mut report = report(part, "lo-home-1", &own);
                report.peak_users = 0;
                count_transactions(&mut report.tally, &own);
                Report::from_xml(&report.to_xml()).unwrap()
            })
            .collect();
        reports.rotate_left(turn % parts as usize);
        if backwards {
            reports.reverse();
        }
        let merged = judged(&reports, &thresholds);
        prop_assert_eq!(&merged.blocks, &whole.blocks);
        prop_assert_eq!(merged.account, whole.account);
        prop_assert_eq!(&merged.results, &whole.results);
        prop_assert_eq!(&merged.succ_percent, &whole.succ_percent);
        prop_assert_eq!(&merged.outcome, &whole.outcome);
        prop_assert_eq!(&merged.verdict, &whole.verdict);
        prop_assert_eq!(
            without_exchanges(merged).errors,
            without_exchanges(whole).errors
        );
    }

    /// Regions add up to the total, and each is what its own runners measured.
    #[test]
    fn regions_add_up_to_the_total(
        here in raws(60),
        there in raws(60),
    ) {
        let reports = [
            report(1, "lo-home-1", &here),
            report(2, "lo-home-2", &there),
            report(3, "lo-home-1", &there),
        ];
        let all = judged(&reports, &[]);
        let both: Vec<_> = here.iter().chain(&there).cloned().collect();
        let one = judged(&[report(1, "lo-home-1", &both)], &[]);
        prop_assert_eq!(&all.blocks.regions["lo-home-1"], &one.blocks.total);
        let two = judged(&[report(2, "lo-home-2", &there)], &[]);
        prop_assert_eq!(&all.blocks.regions["lo-home-2"], &two.blocks.total);
        let three: Vec<_> = both.iter().chain(&there).cloned().collect();
        let total = judged(&[report(1, "lo-home-1", &three)], &[]);
        prop_assert_eq!(&all.blocks.total, &total.blocks.total);
        prop_assert_eq!(&all.blocks.labels, &total.blocks.labels);
    }
}
