//! Comparisons of simulated runs whose true numbers are known: what is called
//! worse, better, small, the same, or open, and what is refused. How often
//! intervals hold the truth is counted in `tests::coverage`, and on a grid by the
//! bench `comparisons`.

use super::*;
use system::{CALM, Plan, Run, System, run};

#[path = "../../benches/comparisons/system.rs"]
mod system;

mod apart;
mod coverage;
mod failures;
mod refused;
mod words;

/// A plan of labels that all make so many requests per second, in one region.
fn plan<'a>(labels: &[(&'a str, System)], seconds: u64, per_second: f64) -> Plan<'a> {
    let labels = labels.iter().map(|it| (it.0, it.1, per_second));
    Plan {
        seconds,
        labels: labels.collect(),
        regions: vec!["lo-home-1"],
        outage: (0, 0, 0.0),
    }
}

/// A run of one label.
fn one(system: System, seconds: u64, per_second: f64, seed: u64) -> Run {
    run(&plan(&[("home", system)], seconds, per_second), seed)
}

fn compared(base: &Run, candidate: &Run) -> Comparison {
    compare(base.side(), candidate.side(), None, Thresholds::default())
}

fn total<'a>(comparison: &'a Comparison, metric: &str) -> &'a MetricChange {
    let mut rows = comparison.totals.iter();
    rows.find(|row| row.metric == metric).unwrap()
}
