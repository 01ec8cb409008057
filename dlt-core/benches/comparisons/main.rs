//! How often the intervals of a comparison hold the truth, and how often two runs
//! of one system are called different: a thousand pairs of simulated runs for
//! each cell of a grid, as `BENCHMARKS.md` shows it.
//!
//! `cargo bench -p dlt-core --bench comparisons [-- PAIRS]`
#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

mod grid;
mod system;

use dlt_core::compare::{Change, Comparison, MetricChange, Thresholds, compare};
use dlt_core::ids::Region;
use grid::{Cell, GRID, Of};

/// Pairs of runs of each cell, if nothing else is asked.
const PAIRS: u64 = 1_000;
/// The numbers of the table's columns.
const METRICS: [&str; 6] = [
    "p50_us",
    "p95_us",
    "p99_us",
    "mean_us",
    "error_rate",
    "rate",
];

/// What came of a cell.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    pairs: u64,
    /// By metric: intervals that were given, and those that hold the truth.
    given: [u64; METRICS.len()],
    held: [u64; METRICS.len()],
    /// Comparisons that said better or worse.
    alarms: u64,
}

impl Counts {
    fn add(mut self, other: Self) -> Self {
        self.pairs += other.pairs;
        self.alarms += other.alarms;
        for at in 0..METRICS.len() {
            self.given[at] += other.given[at];
            self.held[at] += other.held[at];
        }
        self
    }

    fn held_pct(&self) -> f64 {
        percent(self.held.iter().sum(), self.given.iter().sum())
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    100.0 * part as f64 / whole as f64
}

/// Lower and upper end, and what is true, on the scale of the interval; None where
/// there is no interval, or where nothing can vary.
fn interval(cell: &Cell, row: &MetricChange) -> Option<(f64, f64, f64)> {
    match row.metric.as_str() {
        "error_rate" => {
            let [a, b] = [cell.base, cell.candidate].map(|system| system.error_rate());
            (a + b > 0.0).then_some(())?;
            Some((row.low?, row.high?, b - a))
        }
        "rate" => Some((row.low_pct?, row.high_pct?, 0.0)),
        _ => {
            let ratio = cell.candidate.median_us / cell.base.median_us;
            Some((row.low_pct?, row.high_pct?, (ratio - 1.0) * 100.0))
        }
    }
}

fn rows<'a>(cell: &Cell, comparison: &'a Comparison) -> &'a [MetricChange] {
    match cell.of {
        Of::Label => &comparison.labels[0].metrics,
        Of::Total | Of::Region => &comparison.totals,
    }
}

fn pair(cell: &Cell, seed: u64) -> Counts {
    let base = system::run(&cell.plan(cell.base), 2 * seed);
    let candidate = system::run(&cell.plan(cell.candidate), 2 * seed + 1);
    let region =
        (cell.of == Of::Region).then(|| Region::parse("lo-home-2").expect("a region's name"));
    let (a, b) = (base.side(), candidate.side());
    let comparison = compare(a, b, region.as_ref(), Thresholds::default());
    let mut counts = Counts {
        pairs: 1,
        ..Counts::default()
    };
    for row in rows(cell, &comparison) {
        let at = METRICS.iter().position(|metric| *metric == row.metric);
        if let Some((at, (low, high, truth))) = at.zip(interval(cell, row)) {
            counts.given[at] += 1;
            counts.held[at] += u64::from(low <= truth && truth <= high);
        }
    }
    // Whatever the whole comparison is called: any word on any number is one too many.
    let labels = comparison.labels.iter().flat_map(|label| &label.metrics);
    let alarm = comparison
        .totals
        .iter()
        .chain(labels)
        .any(|row| matches!(row.change, Change::Better | Change::Worse));
    counts.alarms = u64::from(cell.is_same() && alarm);
    counts
}

/// All pairs of a cell, on all processors.
fn pairs(cell: &Cell, pairs: u64) -> Counts {
    let threads = std::thread::available_parallelism().map_or(1, |it| it.get() as u64);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn(move || {
                    let seeds = (thread..pairs).step_by(threads as usize);
                    let spread = |seed: u64| (seed + 1).wrapping_mul(0xd134_2543_de82_ef95);
                    let each = seeds.map(|seed| pair(cell, spread(seed)));
                    each.fold(Counts::default(), Counts::add)
                })
            })
            .collect();
        let counts = workers
            .into_iter()
            .map(|worker| worker.join().expect("no panic"));
        counts.fold(Counts::default(), Counts::add)
    })
}

fn main() {
    let asked = std::env::args().find_map(|text| text.parse().ok());
    let number = asked.unwrap_or(PAIRS);
    println!(
        "| system | of | s | per s | p50 | p95 | p99 | mean | errors | rate | all | A/A alarms |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
    let mut all = Counts::default();
    let (mut alarms, mut same) = (0, 0);
    for cell in &GRID {
        let counts = pairs(cell, number);
        let columns: Vec<String> = (0..METRICS.len())
            .map(|at| match counts.given[at] {
                0 => "–".to_owned(),
                given => format!("{:.1}", percent(counts.held[at], given)),
            })
            .collect();
        let told = match cell.is_same() {
            true => format!("{:.1} %", percent(counts.alarms, counts.pairs)),
            false => "–".to_owned(),
        };
        println!(
            "| {} | {} | {} | {} | {} | **{:.1}** | {told} |",
            cell.name,
            format!("{:?}", cell.of).to_lowercase(),
            cell.seconds,
            cell.per_second,
            columns.join(" | "),
            counts.held_pct(),
        );
        if cell.is_same() {
            (alarms, same) = (alarms + counts.alarms, same + counts.pairs);
        }
        all = all.add(counts);
    }
    println!(
        "\nOver all: {:.2} % of {} intervals hold the truth; {:.2} % of {same} pairs of one system \
         are called different.",
        all.held_pct(),
        all.given.iter().sum::<u64>(),
        percent(alarms, same),
    );
}
