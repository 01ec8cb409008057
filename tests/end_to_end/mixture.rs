//! Merged percentiles are those of the mixture: a server whose connections are
//! differently slow, and its own stamps as the truth.

use crate::common::{accounts_agree, near, run_json, two_regions};
use anyhow::Result;
use dlt_core::record::RunRecord;
use dlt_tests::behaviour::ok;
use dlt_tests::command::Home;
use dlt_tests::patience::{alone, twice};
use dlt_tests::target::{Target, everywhere};
use dlt_tests::truth;
use std::time::Duration;

/// What the network and the client's own work may add to the server's stamps.
const BESIDE_US: u64 = 1_000;

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Total against the server's stamps.
fn agrees(record: &RunRecord, target: &Target) -> Result<()> {
    accounts_agree(record, target)?;
    let seen = target.log.seen();
    let mut took: Vec<u64> = seen.iter().filter_map(|seen| seen.took_us()).collect();
    took.sort_unstable();
    let total = &record.summary.as_ref().expect("a summary").total;
    anyhow::ensure!(
        total.count == took.len() as u64,
        "{} samples, {} answers",
        total.count,
        took.len()
    );
    near("minimum", total.min_us, took[0], BESIDE_US)?;
    near("maximum", total.max_us, took[took.len() - 1], BESIDE_US)?;
    near("mean", total.mean_us, truth::mean(&took) as u64, BESIDE_US)?;
    for (what, told, q) in [
        ("p50", total.p50_us, 0.5),
        ("p75", total.p75_us, 0.75),
        ("p90", total.p90_us, 0.9),
        ("p95", total.p95_us, 0.95),
        ("p99", total.p99_us, 0.99),
        ("p99.9", total.p99_9_us, 0.999),
    ] {
        let (low, high) = truth::quantile_bounds(&took, q, 2);
        let told = told.unwrap_or(0);
        // A histogram of three digits rounds up by at most 0.1 %.
        let limit = high + high / 1000 + BESIDE_US;
        anyhow::ensure!(
            (low..=limit).contains(&told),
            "{what} is {told} µs, but of the mixture {low} to {high} µs"
        );
    }
    Ok(())
}

#[test]
fn two_runners_a_fast_and_a_slow_connection() {
    let _alone = alone();
    twice(|| {
        let target = everywhere(ok().by_connection(&[ms(20), ms(400)]));
        let home = Home::new();
        let args = [&target.url("/"), "-c", "2", "-d", "10s", "--tasks", "2"];
        let (record, _) = run_json(&home, Duration::from_secs(10), 0, &args);
        assert_eq!(target.log.connections(), 2);
        agrees(&record, &target)
    });
}

#[test]
fn four_runners_in_two_regions() {
    let _alone = alone();
    twice(|| {
        let delays = [ms(20), ms(50), ms(110), ms(400)];
        let target = everywhere(ok().by_connection(&delays));
        let home = Home::new();
        let requests = format!("      - {}\n", target.url("/"));
        let file = home.file(
            "regions.yaml",
            two_regions("users: 4, hold-for: 8s", &requests),
        );
        let args = [
            &file.to_string_lossy(),
            "--region",
            "lo-home-1=2",
            "--region",
            "lo-home-2=2",
        ];
        let (record, _) = run_json(&home, Duration::from_secs(8), 0, &args);
        assert_eq!(target.log.connections(), 4);
        let blocks = record.summary.as_ref().expect("a summary");
        assert_eq!(blocks.regions.len(), 2);
        let parts: u64 = blocks.regions.values().map(|block| block.count).sum();
        assert_eq!(parts, blocks.total.count);
        agrees(&record, &target)
    });
}
