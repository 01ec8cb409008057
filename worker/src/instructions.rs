//! What parts of a runner cost, counted in instructions (`cargo xtask bench instructions`): those of
//! the engine (`engine::instructions`), and tallies and reports being merged. Counting is valgrind's.

use crate::engine::instructions::{Part, sample};
use dlt_core::ids::{Region, RunnerId, TestId, TestRunId};
use dlt_core::judge::merger::Merger;
use dlt_core::measure::generator::Generator;
use dlt_core::measure::sample::Outcome;
use dlt_core::measure::tally::Tally;
use dlt_core::messages::report::{Ended, Health, Report, TaskFacts};
use std::hint::black_box;

/// All parts.
pub fn parts() -> impl Iterator<Item = (&'static str, fn(u64))> {
    crate::engine::instructions::PARTS
        .iter()
        .chain(MERGED)
        .copied()
}

const MERGED: &[Part] = &[
    ("merge of a tally, 21 labels, 1,000 samples", tallies),
    ("report of 21 labels, read and merged", reports),
];

/// A tally of 21 labels.
fn tally() -> Tally {
    let mut tally = Tally::default();
    for n in 0..1_000 {
        let sample = sample(n * n, 0);
        let label = tally
            .labels
            .entry(format!("/label/{}", n % 21))
            .or_default();
        label.record(&sample, Outcome::ok(200));
        tally.account.scheduled += 1;
        tally.account.sent += 1;
        tally.account.ok += 1;
        tally.phases.service.record(sample.done_us);
    }
    tally
}

fn tallies(times: u64) {
    let part = tally();
    let mut merged = Tally::default();
    for _ in 0..times {
        merged.merge(black_box(&part));
    }
    assert_eq!(merged.account.ok, times * 1_000);
}

fn reports(times: u64) {
    let text = Report {
        test: TestId::parse("bench").expect("an id"),
        run: TestRunId::parse("bench").expect("an id"),
        runner: RunnerId::parse("lo-home-1-1").expect("an id"),
        region: Region::parse("lo-home-1").expect("a region"),
        tally: tally(),
        duration_us: 60_000_000,
        loaded_us: None,
        peak_users: 100,
        ticks: 60,
        start: None,
        ended: Ended::AsPlanned,
        script_failed: None,
        health: Health::default(),
        generator: Generator::default(),
        exchanges: Vec::new(),
        warnings: Vec::new(),
        task: TaskFacts::default(),
    }
    .to_xml();
    let mut merger = Merger::default();
    for _ in 0..times {
        merger.add(&Report::from_xml(black_box(&text)).expect("a report of ours"));
    }
    black_box(merger);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_runs() {
        for (name, run) in parts() {
            run(3);
            assert!(!name.contains('\t'));
        }
    }
}
