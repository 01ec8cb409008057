//! The compatible results against sums over raw values that share no code with
//! ours: sorted lists and two-pass deviations.

use super::judged;
use crate::measure::sample::Cause;
use crate::messages::report::testing::{Raw, raws, report};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeMap;

/// Response times in µs, sorted.
fn sorted(samples: &[&Raw]) -> Vec<u64> {
    let mut values: Vec<u64> = samples
        .iter()
        .map(|(_, sample, _)| sample.done_us - sample.due_us)
        .collect();
    values.sort_unstable();
    values
}

fn text<'a>(entry: &'a Value, key: &str) -> &'a str {
    entry[key].as_str().unwrap()
}

/// A text of seconds, in µs.
fn us(entry: &Value, key: &str) -> f64 {
    text(entry, key).parse::<f64>().unwrap() * 1e6
}

/// Checks one entry of `results` against its raw samples.
fn check(entry: &Value, samples: &[&Raw]) -> Result<(), TestCaseError> {
    let n = samples.len() as f64;
    let values = sorted(samples);
    let failed = samples.iter().filter(|raw| raw.2.cause.is_some()).count() as u64;
    prop_assert_eq!(entry["fail"].as_u64(), Some(failed));
    prop_assert_eq!(entry["succ"].as_u64(), Some(samples.len() as u64 - failed));
    prop_assert_eq!(entry["throughput"].as_u64(), Some(samples.len() as u64));
    let bytes: u64 = samples.iter().map(|raw| raw.1.bytes_received).sum();
    prop_assert_eq!(text(entry, "bytes"), bytes.to_string());

    let mean = values.iter().map(|&v| v as f64).sum::<f64>() / n;
    prop_assert!((us(entry, "avg_rt") - mean).abs() <= 6.0, "mean {mean}");
    let first: f64 = samples
        .iter()
        .filter_map(|raw| Some((raw.1.first_byte_us? - raw.1.sent_us) as f64))
        .sum();
    prop_assert!((us(entry, "avg_lt") - first / n).abs() <= 6.0);
    let connect: f64 = samples
        .iter()
        .filter_map(|raw| Some((raw.1.connected_us? - raw.1.sent_us) as f64))
        .sum();
    prop_assert!((us(entry, "avg_ct") - connect / n).abs() <= 6.0);
    let spread: f64 = values.iter().map(|&v| (v as f64 - mean).powi(2)).sum();
    let stdev = (spread / n).sqrt();
    prop_assert!((us(entry, "stdev_rt") - stdev).abs() <= 501.0 + stdev * 1e-9);

    for (key, share) in [
        ("p50_0", 0.5),
        ("p90_0", 0.9),
        ("p95_0", 0.95),
        ("p99_0", 0.99),
        ("p99_9", 0.999),
    ] {
        let rank = (share * n).ceil().max(1.0) as usize;
        let truth = values[rank - 1] as f64;
        let told = us(entry, key);
        if truth > 3.6e9 && rank < values.len() {
            // Longer than an hour is only known to be that.
            prop_assert!(
                (3.596e9..=truth * 1.001 + 501.0).contains(&told),
                "{key} {truth} told {told}"
            );
            continue;
        }
        let off = (told - truth).abs();
        prop_assert!(off <= truth / 1000.0 + 501.0, "{key} {truth} off {off}");
    }
    // The ends are exact.
    for (key, truth) in [("p0_0", values[0]), ("p100_0", values[values.len() - 1])] {
        prop_assert_eq!(text(entry, key), format!("{:.3}", truth as f64 / 1e6));
    }

    let mut codes: BTreeMap<String, u64> = BTreeMap::new();
    for raw in samples {
        if let Some(cause) = raw.2.cause {
            let code = match (cause, raw.2.status) {
                (Cause::Status4xx | Cause::Status5xx, Some(status)) => status.to_string(),
                _ => cause.name().to_owned(),
            };
            *codes.entry(code).or_default() += 1;
        }
    }
    let told: BTreeMap<String, u64> = entry["rc"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (text(row, "code").to_owned(), row["count"].as_u64().unwrap()))
        .collect();
    prop_assert_eq!(told, codes);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn results_are_the_pooled_truth(parts in prop::collection::vec(raws(50), 1..5)) {
        let reports: Vec<_> = parts
            .iter()
            .zip(1..)
            .map(|(samples, number)| {
                report(number, if number % 2 == 0 { "lo-home-2" } else { "lo-home-1" }, samples)
            })
            .collect();
        let summary = judged(&reports, &[]);
        let all: Vec<&Raw> = parts.iter().flatten().collect();
        if all.is_empty() {
            prop_assert_eq!(summary.results, serde_json::json!({}));
            prop_assert_eq!(summary.succ_percent, None);
            prop_assert!(summary.outcome.could_not_run);
            return Ok(());
        }
        let total = &summary.results["total"];
        check(total, &all)?;
        prop_assert_eq!(text(total, "concurrency"), (5 * reports.len()).to_string());
        prop_assert_eq!(text(total, "testDuration"), "10");
        for (name, parity) in [("lo-home-1", 0), ("lo-home-2", 1)] {
            let here: Vec<&Raw> = parts.iter().skip(parity).step_by(2).flatten().collect();
            if !here.is_empty() {
                check(&summary.results[name], &here)?;
            }
        }
        let mut by_label: BTreeMap<&str, Vec<&Raw>> = BTreeMap::new();
        for raw in &all {
            let label = if raw.0.is_empty() { "[empty]" } else { &raw.0 };
            by_label.entry(label).or_default().push(raw);
        }
        let labels = total["labels"].as_array().unwrap();
        prop_assert_eq!(labels.len(), by_label.len());
        for entry in labels {
            check(entry, &by_label[text(entry, "label")])?;
            prop_assert_eq!(text(entry, "testDuration"), "10");
            let seen = parts
                .iter()
                .filter(|samples| {
                    samples.iter().any(|raw| {
                        raw.0 == text(entry, "label")
                            || raw.0.is_empty() && text(entry, "label") == "[empty]"
                    })
                })
                .count();
            prop_assert_eq!(text(entry, "concurrency"), (5 * seen).to_string());
        }
    }
}
