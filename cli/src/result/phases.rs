//! Where the time of the answers went: connecting, the wait for the first byte, the body.

use super::heading;
use crate::line::{Line, Tone};
use crate::table::{self, Column, number, words};
use crate::units;
use dlt_core::judge::summary::{Blocks, Distribution};

const COLUMNS: [Column; 7] = [
    words("", 0),
    number("count", 1),
    number("mean", 0),
    number("p50", 0),
    number("p95", 0),
    number("p99", 2),
    number("max", 3),
];

/// A row for each phase that was measured. Percentiles of phases do not add up, means do:
/// so that of the body is what is between the means of last and first byte.
pub fn lines(blocks: &Blocks, width: usize) -> Vec<Line> {
    let total = &blocks.total;
    let known = |phase: &Option<Distribution>| phase.filter(|phase| phase.count > 0);
    let phases = [
        ("connect", known(&total.connect)),
        ("first byte", known(&total.first_byte)),
        ("last byte", known(&total.service)),
    ];
    let row = |(name, phase): &(&str, Option<Distribution>)| {
        let phase = phase.as_ref()?;
        let time = |us: Option<u64>| Line::of(units::time_or_dash(us));
        Some(vec![
            Line::of(name),
            Line::of(units::count(phase.count)),
            time(phase.mean_us),
            time(phase.p50_us),
            time(phase.p95_us),
            time(phase.p99_us),
            time(phase.max_us),
        ])
    };
    let mut rows: Vec<Vec<Line>> = phases.iter().filter_map(row).collect();
    if rows.is_empty() {
        return Vec::new();
    }
    // Only of the same answers.
    let of_the_same = phases[1].1.map(|it| it.count) == phases[2].1.map(|it| it.count);
    let mean = |at: usize| phases[at].1.and_then(|phase| phase.mean_us);
    if let (true, Some(first), Some(last)) = (of_the_same, mean(1), mean(2)) {
        let body = units::time(last.saturating_sub(first));
        let dash = || Line::new().tone(Tone::Quiet, "–");
        rows.push(vec![
            Line::of("body"),
            Line::new(),
            Line::of(body),
            dash(),
            dash(),
            dash(),
            dash(),
        ]);
    }
    let mut lines = heading(
        "Phases",
        "from sending an ok answer's request; connect: of each connection that was opened",
    );
    lines.extend(table::lines(&COLUMNS, &rows, 2, width, 10));
    lines
}
