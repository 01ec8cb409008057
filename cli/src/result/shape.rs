//! The shape of the response times: how they are distributed, and how their percentiles went
//! over time. Numbers beside the bars are exact counts; bars compare.

use super::heading;
use crate::line::{Line, Tone};
use crate::units;
use dlt_core::calls::answers::{HistogramAnswer, Samples};
use dlt_core::measure::coarse::Coarse;
use dlt_core::measure::second::Second;

/// Bounds of the rows within a decade: 1, 2, 5, 10, 20, 50…
const STEPS: [u64; 3] = [1, 2, 5];
/// Longest bar, columns.
const LONGEST_BAR: usize = 60;
/// Columns in front of the bars and behind them.
const BESIDE_BARS: usize = 46;
/// Parts of a column, from an eighth to the whole.
const EIGHTHS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];
/// Bars of eight heights.
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// What the record does not hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// The exact distribution of all requests' times.
    pub histogram: Option<HistogramAnswer>,
    /// Stretches of the run, and how long each is, seconds.
    pub timeline: Option<(Vec<Second>, u64)>,
}

/// Both, as far as they are there.
pub fn lines(shape: &Shape, width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some(histogram) = &shape.histogram {
        lines.extend(distribution(histogram, width));
    }
    if let Some((stretches, step_s)) = &shape.timeline {
        lines.extend(over_time(stretches, *step_s, width));
    }
    lines.iter().map(|line| line.cut(width)).collect()
}

/// A row for each stretch between the bounds in which a time lies.
fn distribution(histogram: &HistogramAnswer, width: usize) -> Vec<Line> {
    let mut rows: Vec<(u64, u64, u64)> = Vec::new();
    for &(lowest, _, count) in &histogram.buckets {
        let (from, to) = bounds(lowest);
        match rows.last_mut() {
            Some(row) if row.0 == from => row.2 += count,
            _ => rows.push((from, to, count)),
        }
    }
    if histogram.over_hour > 0 {
        rows.push((3_600_000_000, u64::MAX, histogram.over_hour));
    }
    let all: u64 = rows.iter().map(|row| row.2).sum();
    let most = rows.iter().map(|row| row.2).max().unwrap_or(0);
    if most == 0 {
        return Vec::new();
    }
    let of = match histogram.of {
        Samples::Ok => "of ok answers",
        Samples::Failed => "of failed requests",
        Samples::All => "of all requests",
    };
    let mut lines = heading("Distribution", &format!("{of}, by response time"));
    let room = width.saturating_sub(BESIDE_BARS).clamp(8, LONGEST_BAR);
    let column = units::count(most).len();
    for (from, to, count) in rows {
        let range = match to {
            u64::MAX => format!("from {}", units::time(from)),
            to => format!("{} to {}", units::time(from), units::time(to)),
        };
        let line = Line::of(format!("  {range:>20}  {:>column$}  ", units::count(count)))
            .tone(Tone::Quiet, format!("{:>7}  ", units::percent(count, all)))
            .tone(Tone::Command, bar(count, most, room));
        lines.push(line);
    }
    lines
}

/// The bounds between which a time lies.
fn bounds(us: u64) -> (u64, u64) {
    let us = us.max(1);
    let mut decade = 1;
    while us / decade >= 10 {
        decade *= 10;
    }
    let next = STEPS.iter().position(|step| us < step * decade);
    let at = next.map_or(STEPS.len() - 1, |next| next.saturating_sub(1));
    let to = STEPS.get(at + 1).map_or(10 * decade, |step| step * decade);
    (STEPS[at] * decade, to)
}

/// A bar of at most `room` columns; what was counted has at least an eighth of one.
fn bar(count: u64, most: u64, room: usize) -> String {
    let eighths = (count as f64 * (room * 8) as f64 / most as f64).round() as usize;
    let eighths = eighths.max(usize::from(count > 0));
    let mut bar = "█".repeat(eighths / 8);
    bar.extend(
        eighths
            .checked_rem(8)
            .filter(|rest| *rest > 0)
            .map(|rest| EIGHTHS[rest - 1]),
    );
    bar
}

/// A line of bars for each percentile, of which all have one scale.
fn over_time(stretches: &[Second], step_s: u64, width: usize) -> Vec<Line> {
    const BESIDE: usize = 40;
    let room = width.saturating_sub(BESIDE).max(10);
    let joined = joined(stretches, room);
    let by = stretches.len().div_ceil(joined.len().max(1)).max(1) as u64 * step_s;
    let percentiles = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)];
    let rows: Vec<(&str, Vec<Option<f64>>)> = percentiles
        .iter()
        .map(|(name, q)| (*name, joined.iter().map(|it| it.quantile_us(*q)).collect()))
        .collect();
    let known = |values: &[Option<f64>]| values.iter().flatten().copied().collect::<Vec<f64>>();
    let all: Vec<f64> = rows.iter().flat_map(|row| known(&row.1)).collect();
    let lowest = all.iter().copied().fold(f64::INFINITY, f64::min).max(1.0);
    let highest = all.iter().copied().fold(0.0, f64::max);
    // Two are no course.
    if joined.len() < 3 || highest <= 0.0 {
        return Vec::new();
    }
    let height = |us: f64| {
        let span = (highest / lowest).ln();
        let part = if span > 0.0 {
            (us.max(1.0) / lowest).ln() / span
        } else {
            0.0
        };
        HEIGHTS[(part.clamp(0.0, 1.0) * 7.0).round() as usize]
    };
    let remark = format!("of ok answers, a bar each {}, logarithmic", units::span(by));
    let mut lines = heading("Over time", &remark);
    for (name, values) in rows {
        let bars: String = values.iter().map(|us| us.map_or(' ', height)).collect();
        let seen = known(&values);
        let least = seen.iter().copied().fold(f64::INFINITY, f64::min);
        let most = seen.iter().copied().fold(0.0, f64::max);
        let range = format!(
            "≈ {} to {}",
            units::coarse_time(least.round() as u64),
            units::coarse_time(most.round() as u64)
        );
        lines.push(
            Line::of("  ")
                .plain(format!("{name}  "))
                .tone(Tone::Command, bars)
                .tone(Tone::Quiet, format!("  {range}")),
        );
    }
    lines
}

/// The times of neighbouring stretches added, until there are at most `most`.
fn joined(stretches: &[Second], most: usize) -> Vec<Coarse> {
    let by = stretches.len().div_ceil(most).max(1);
    stretches
        .chunks(by)
        .map(|chunk| {
            let mut sum = Coarse::default();
            chunk.iter().for_each(|second| sum.merge(&second.latency));
            sum
        })
        .collect()
}

/// The shape of a run of ten seconds, for tests.
#[cfg(test)]
pub fn example() -> Shape {
    made_of(vec![(1_200, 1_201, 700), (2_400, 2_401, 1_275)], 10)
}

#[cfg(test)]
fn made_of(buckets: Vec<(u64, u64, u64)>, seconds: u64) -> Shape {
    let second = |second: u64| {
        let mut latency = Coarse::default();
        (0..20).for_each(|n| latency.record(1_000 + second * 400 + n * n * 50));
        Second {
            second,
            latency,
            ..Second::default()
        }
    };
    Shape {
        histogram: Some(HistogramAnswer {
            of: Samples::Ok,
            label: None,
            region: None,
            distribution: dlt_core::judge::summary::Distribution::default(),
            buckets,
            over_hour: 0,
        }),
        timeline: Some(((0..seconds).map(second).collect(), 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(shape: &Shape, width: usize, colour: bool) -> String {
        let lines = lines(shape, width);
        assert!(lines.iter().all(|line| line.width() <= width), "{width}");
        lines
            .iter()
            .map(|line| line.render(colour) + "\n")
            .collect()
    }

    #[test]
    fn bounds_hold_their_times() {
        for us in (1..3_000).chain([9_999, 10_000, 49_999, 50_000, 3_599_999_999]) {
            let (from, to) = bounds(us);
            assert!(
                from <= us && us < to && (to == 2 * from || to * 2 == 5 * from),
                "{us}: {from} to {to}"
            );
        }
        assert_eq!(bounds(0), (1, 2));
    }

    #[test]
    fn the_width_that_is_there_is_used() {
        let buckets = vec![
            (900, 901, 3),
            (1_200, 1_201, 700),
            (1_900, 1_901, 41),
            (2_400, 2_401, 1_912),
            (48_000, 48_100, 1),
        ];
        let shape = made_of(buckets, 90);
        let text = format!(
            "{}\n--- 140\n{}\n--- colour\n{}",
            shown(&shape, 80, false),
            shown(&shape, 140, false),
            shown(&shape, 80, true).replace('\u{1b}', "ESC")
        );
        insta::assert_snapshot!(text);
        shown(&shape, 40, false);
    }

    #[test]
    fn bars_compare_and_nothing_counted_is_without_one() {
        assert_eq!(bar(100, 100, 4), "████");
        assert_eq!(bar(1, 1_000_000, 4), "▏");
        assert_eq!(bar(0, 10, 4), "");
        assert_eq!(bar(3, 8, 2), "▊");
        assert_eq!(shown(&made_of(Vec::new(), 2), 80, false), "");
    }
}
