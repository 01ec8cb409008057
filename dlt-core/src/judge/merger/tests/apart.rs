//! Ok and failed samples apart: each against a sorted list of its own, both
//! together as before, whatever the order; and reports that never kept them apart.

use super::judged;
use crate::judge::summary::{Block, Distribution};
use crate::measure::sample::{Cause, Outcome, Sample};
use crate::measure::tally::TimesOver;
use crate::messages::report::Report;
use crate::messages::report::testing::{Raw, raws, report};
use crate::thresholds::Threshold;
use proptest::prelude::*;

const FORMAT_1: &str = include_str!("../../../messages/report/xml/format_1.xml");

/// Checks a distribution against the values that it is of.
fn check(told: &Distribution, mut values: Vec<u64>) -> Result<(), TestCaseError> {
    values.sort_unstable();
    prop_assert_eq!(told.count, values.len() as u64);
    prop_assert_eq!(told.min_us, values.first().copied());
    prop_assert_eq!(told.max_us, values.last().copied());
    let n = values.len() as f64;
    let mean = values.iter().map(|&us| us as f64).sum::<f64>() / n;
    let spread: f64 = values.iter().map(|&us| (us as f64 - mean).powi(2)).sum();
    let close = |told: Option<u64>, truth: f64| {
        told.is_none_or(|told| (told as f64 - truth).abs() <= 1.0 + truth * 1e-6)
    };
    prop_assert!(close(told.mean_us, mean), "{told:?} {mean}");
    prop_assert!(close(told.stdev_us, (spread / n).sqrt()), "{told:?}");
    for (told, q) in [(told.p50_us, 0.5), (told.p95_us, 0.95), (told.p99_us, 0.99)] {
        let rank = ((q * n).ceil() as usize).clamp(1, values.len().max(1));
        let truth = values.get(rank - 1).copied();
        prop_assert_eq!(told.is_some(), truth.is_some());
        if let (Some(told), Some(truth)) = (told, truth) {
            // Longer than an hour is held as an hour.
            let held = truth.min(crate::measure::latencies::HIGHEST_US);
            prop_assert!(told == truth || told.abs_diff(held) <= held / 1000 + 1);
        }
    }
    Ok(())
}

fn took(samples: &[&Raw], ok: Option<bool>) -> Vec<u64> {
    samples
        .iter()
        .filter(|raw| ok.is_none_or(|ok| raw.2.cause.is_none() == ok))
        .map(|raw| raw.1.done_us - raw.1.due_us)
        .collect()
}

fn check_block(block: &Block, samples: &[&Raw]) -> Result<(), TestCaseError> {
    prop_assert_eq!(block.count, block.ok + block.failed);
    check(&block.times(TimesOver::Ok), took(samples, Some(true)))?;
    let failed = took(samples, Some(false));
    prop_assert_eq!(block.failed_times.is_some(), !failed.is_empty());
    prop_assert_eq!(block.all_times.is_some(), !failed.is_empty());
    if let (Some(of_failed), Some(of_all)) = (&block.failed_times, &block.all_times) {
        check(of_failed, failed)?;
        check(of_all, took(samples, None))?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn each_kind_is_what_its_own_samples_say(
        here in raws(60),
        there in raws(60),
        backwards: bool,
    ) {
        let mut reports = vec![report(1, "lo-home-1", &here), report(2, "lo-home-2", &there)];
        if backwards {
            reports.reverse();
        }
        let summary = judged(&reports, &[]);
        let all: Vec<&Raw> = here.iter().chain(&there).collect();
        check_block(&summary.blocks.total, &all)?;
        check_block(&summary.blocks.regions["lo-home-1"], &here.iter().collect::<Vec<_>>())?;
        for block in &summary.blocks.labels {
            let label = block.label.as_deref().unwrap();
            let own: Vec<&Raw> = all.iter().copied().filter(|raw| raw.0 == label).collect();
            check_block(block, &own)?;
        }
        // The parts of a response are of the same samples as the whole.
        let total = &summary.blocks.total;
        prop_assert_eq!(total.service.unwrap().count, total.ok);
        prop_assert!(total.first_byte.unwrap().count <= total.ok);
        prop_assert_eq!(total.lag.unwrap().count, total.count);
        prop_assert_eq!(summary.blocks.times_over, TimesOver::Ok);
    }
}

#[test]
fn a_report_of_format_1_makes_the_run_one_over_all_samples() {
    let old = Report::from_xml(FORMAT_1).unwrap();
    // Its 40 samples took 1 to 40 ms, 17 of them failed; ours adds two of 50 ms.
    let sample = Sample {
        done_us: 50_000,
        ..Sample::default()
    };
    let ours = [
        ("both".to_owned(), sample, Outcome::ok(200)),
        (
            "both".to_owned(),
            sample,
            Outcome::failed(Cause::Reset, None),
        ),
    ];
    let ours = report(2, "lo-home-2", &ours);
    let thresholds = [
        "max<=49ms",
        "all.max<=50ms",
        "failures: avg<1s",
        "failures: all.avg<1s",
    ]
    .map(|text| Threshold::parse(text).unwrap());
    for reports in [[old.clone(), ours.clone()], [ours, old]] {
        let summary = judged(&reports, &thresholds);
        let blocks = &summary.blocks;
        assert_eq!(blocks.times_over, TimesOver::All);
        assert!(blocks.is_mixed());
        assert_eq!((blocks.total.ok, blocks.total.failed), (24, 18));
        assert_eq!(blocks.total.min_us, Some(1_000));
        assert_eq!(blocks.total.max_us, Some(50_000));
        let whole = std::iter::once(&blocks.total).chain(blocks.regions.values());
        for block in whole.chain(&blocks.labels) {
            assert_eq!(block.failed_times, None, "{block:?}");
            let all = (block.failed > 0).then(|| block.times(TimesOver::All));
            assert_eq!(block.all_times, all, "{block:?}");
        }
        let passed: Vec<bool> = summary
            .outcome
            .thresholds
            .iter()
            .map(|it| it.passed)
            .collect();
        assert_eq!(passed, [false, true, false, true]);
        let said = summary
            .warnings
            .iter()
            .any(|text| text.contains("over all requests"));
        assert!(said, "{:?}", summary.warnings);
    }
}
