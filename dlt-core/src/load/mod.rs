//! How hard, as arithmetic: how many users at t, when is arrival n due. The
//! schedule is fixed before the run and nothing re-times it, so latency can
//! count from the plan (wrk2's correction for coordinated omission).
//!
//! Who sends, and on which clock, is left to the engine.

pub mod changes;
pub mod share;

use serde::{Deserialize, Serialize};

/// Longest planned load: 31 days, in microseconds.
pub const LONGEST_LOAD_US: u64 = 31 * 24 * 3600 * 1_000_000;

/// A piecewise linear curve of users or of arrivals per second, from t = 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// (µs since start, value), times not decreasing; two points at one time are a step.
    points: Vec<(u64, f64)>,
    /// Arrivals that were planned and due before a change: they are planned whatever it leaves.
    #[serde(default, skip_serializing_if = "is_none")]
    due: u64,
}

fn is_none(due: &u64) -> bool {
    *due == 0
}

/// What is planned: users who wait for answers, or arrivals that do not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    /// Closed load: each user sends when its last answer is in.
    Users(Curve),
    /// Open load: arrivals come when due, whatever the target does.
    Arrivals(Curve),
}

impl Curve {
    /// Ramp from 0 to `value` over `ramp_us`, then hold.
    pub fn ramp_hold(value: f64, ramp_us: u64, hold_us: u64) -> Self {
        let from = if ramp_us == 0 { value } else { 0.0 };
        Self {
            points: vec![(0, from), (ramp_us, value), (ramp_us + hold_us, value)],
            due: 0,
        }
    }

    /// Linear between targets, from `first` at t = 0; each stage is (target, duration µs).
    pub fn stages(first: f64, stages: &[(f64, u64)]) -> Self {
        let mut points = vec![(0, first)];
        let mut at = 0;
        for &(target, duration_us) in stages {
            at += duration_us;
            points.push((at, target));
        }
        Self { points, due: 0 }
    }

    /// When the curve ends, µs since start.
    pub fn end_us(&self) -> u64 {
        self.points.last().map_or(0, |point| point.0)
    }

    /// The highest value.
    pub fn peak(&self) -> f64 {
        self.points.iter().map(|point| point.1).fold(0.0, f64::max)
    }

    /// The curve times `factor`.
    pub fn scaled(&self, factor: f64) -> Self {
        Self {
            points: self
                .points
                .iter()
                .map(|&(at, value)| (at, value * factor))
                .collect(),
            due: 0,
        }
    }

    /// The corner points, (µs since start, value).
    pub fn points(&self) -> &[(u64, f64)] {
        &self.points
    }

    /// The value at `at_us`; 0 after the end. On a step the later value counts.
    pub fn value_at(&self, at_us: u64) -> f64 {
        if at_us > self.end_us() {
            return 0.0;
        }
        let next = self.points.partition_point(|point| point.0 <= at_us);
        match (
            next.checked_sub(1).map(|i| self.points[i]),
            self.points.get(next),
        ) {
            (Some((t0, v0)), Some(&(t1, v1))) => {
                v0 + (v1 - v0) * (at_us - t0) as f64 / (t1 - t0) as f64
            }
            (Some((_, v0)), None) => v0,
            (None, _) => 0.0,
        }
    }

    fn segments(&self) -> impl Iterator<Item = (u64, f64, u64, f64)> + '_ {
        self.points
            .windows(2)
            .map(|pair| (pair[0].0, pair[0].1, pair[1].0, pair[1].1))
            .filter(|&(t0, _, t1, _)| t1 > t0)
    }

    /// Arrivals planned before `at_us`, the curve read as arrivals per second.
    pub fn cumulative_at(&self, at_us: u64) -> f64 {
        self.segments()
            .take_while(|&(t0, ..)| t0 < at_us)
            .map(|(t0, v0, t1, v1)| {
                let end = at_us.min(t1);
                let length = (end - t0) as f64;
                let last = v0 + (v1 - v0) * length / (t1 - t0) as f64;
                (v0 + last) / 2.0 * length / 1e6
            })
            .sum()
    }

    /// All arrivals planned: numbers `0..total_arrivals()`.
    pub fn total_arrivals(&self) -> u64 {
        // The sum of areas carries rounding far below one arrival; 1e-6 of
        // slack keeps 100/s for 10 s at 1,000 and not 999.
        let all = (self.cumulative_at(self.end_us()) + 1e-6).floor() as u64;
        // The last one before a pause was due then, however little comes after it: it must not come,
        // and be late, when the load goes on.
        let pauses = self
            .segments()
            .filter(|segment| segment.1 == 0.0 && segment.3 == 0.0);
        let due = pauses.map(|segment| {
            let before = self.cumulative_at(segment.0);
            (before - slack(before)).ceil() as u64
        });
        due.fold(all.max(self.due), u64::max)
    }

    /// How many users are ever active: the numbers below it have a span.
    pub fn users(&self) -> u64 {
        let highest = self.segments().map(|(_, v0, _, v1)| v0.max(v1));
        highest.fold(0.0, f64::max).ceil() as u64
    }

    /// The curve up to where `count` arrivals are planned; unchanged if it plans no more.
    pub fn cut_after(&self, count: u64) -> Self {
        if self.total_arrivals() <= count {
            return self.clone();
        }
        let (mut from, mut to) = (0, self.end_us());
        while from < to {
            let middle = from + (to - from) / 2;
            // Far below one arrival, and above what sums of areas are off.
            match self.cumulative_at(middle) + 1e-9 < count as f64 {
                true => from = middle + 1,
                false => to = middle,
            }
        }
        let cut = self.cut_at(to);
        if cut.total_arrivals() == count || to == 0 {
            return cut;
        }
        // Above a million per second the last µs holds more than one.
        let mut cut = self.cut_at(to - 1);
        let rest = (count as f64 - cut.cumulative_at(to - 1)) * 1e6;
        cut.points.extend([(to - 1, rest), (to, rest)]);
        cut
    }

    /// The curve up to `at_us`, which is not after its end.
    fn cut_at(&self, at_us: u64) -> Self {
        let kept = self.points.partition_point(|point| point.0 < at_us);
        let mut points = self.points[..kept].to_vec();
        let value = match (points.last(), self.points.get(kept)) {
            (Some(&(t0, v0)), Some(&(t1, v1))) => {
                v0 + (v1 - v0) * (at_us - t0) as f64 / (t1 - t0) as f64
            }
            (_, Some(&(_, value))) | (Some(&(_, value)), None) => value,
            (None, None) => 0.0,
        };
        points.push((at_us, value));
        Self {
            points,
            due: self.due,
        }
    }

    /// When arrival `n` is due, µs since start: the instant at which `n`
    /// arrivals have been planned before it. None past the end.
    pub fn due_at(&self, n: u64) -> Option<u64> {
        if n >= self.total_arrivals() {
            return None;
        }
        Some(self.due_cursor().due_at(n))
    }

    /// A cursor that answers `due_at` for rising `n` without starting over.
    pub fn due_cursor(&self) -> DueCursor<'_> {
        DueCursor {
            curve: self,
            at: DuePosition::default(),
        }
    }

    /// The stretches `[from, to)` in µs during which user `k` (from 0) is
    /// active: while the curve is above `k`.
    pub fn user_spans(&self, k: u64) -> Vec<(u64, u64)> {
        let level = k as f64;
        let mut spans: Vec<(u64, u64)> = Vec::new();
        for (t0, v0, t1, v1) in self.segments() {
            let crossing = |v: f64| t0 + ((v - v0) / (v1 - v0) * (t1 - t0) as f64) as u64;
            let (from, to) = match (v0 > level, v1 > level) {
                (true, true) => (t0, t1),
                (false, true) => (crossing(level), t1),
                (true, false) => (t0, crossing(level)),
                (false, false) => continue,
            };
            match spans.last_mut() {
                Some(last) if last.1 == from => last.1 = to,
                _ => spans.push((from, to)),
            }
        }
        spans
    }

    /// (second, value at its start) for each second, thinned to at most `most`
    /// rows by keeping every n-th: the planned curve as the run record shows it.
    pub fn planned(&self, most: usize) -> Vec<(u64, f64)> {
        let seconds = self.end_us().div_ceil(1_000_000);
        let step = seconds.div_ceil(most.max(1) as u64).max(1);
        (0..seconds)
            .step_by(step as usize)
            .map(|second| (second, self.value_at(second * 1_000_000)))
            .collect()
    }
}

/// Walks a curve's arrivals in rising order; O(1) amortised.
#[derive(Debug, Clone)]
pub struct DueCursor<'a> {
    curve: &'a Curve,
    at: DuePosition,
}

impl DueCursor<'_> {
    /// When arrival `n` is due, µs since start. `n` must not fall between calls.
    pub fn due_at(&mut self, n: u64) -> u64 {
        self.at.due_at(self.curve, n)
    }
}

/// How far along a curve a [`DueCursor`] is, for those who own the curve.
#[derive(Debug, Clone, Default)]
pub struct DuePosition {
    /// Arrivals planned before the current segment.
    before: f64,
    segment: usize,
}

/// How far sums of so many arrivals may be off by rounding.
fn slack(arrivals: f64) -> f64 {
    (arrivals * 1e-14).max(1e-9)
}

impl DuePosition {
    /// When arrival `n` of `curve` is due, µs since start. `n` must not fall between calls, and the
    /// curve must be the same.
    pub fn due_at(&mut self, curve: &Curve, n: u64) -> u64 {
        let wanted = n as f64;
        loop {
            let points = &curve.points;
            let Some(&[(t0, v0), (t1, v1)]) = points.get(self.segment..self.segment + 2) else {
                return curve.end_us();
            };
            let seconds = (t1 - t0) as f64 / 1e6;
            let area = (v0 + v1) / 2.0 * seconds;
            if wanted < self.before + area - slack(wanted) {
                let missing = (wanted - self.before).max(0.0);
                // v0·x + slope/2·x² = missing, solved without cancellation.
                let slope = (v1 - v0) / seconds;
                let root = (v0 * v0 + 2.0 * slope * missing).max(0.0).sqrt();
                let x = if missing == 0.0 {
                    0.0
                } else {
                    2.0 * missing / (v0 + root)
                };
                return (t0 + (x * 1e6) as u64).min(t1);
            }
            self.before += area;
            self.segment += 1;
        }
    }
}

impl Model {
    /// The curve of users or of arrivals.
    pub fn curve(&self) -> &Curve {
        match self {
            Self::Users(curve) | Self::Arrivals(curve) => curve,
        }
    }

    /// Whether arrivals come whatever the target does.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Arrivals(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn constant_rate_is_evenly_spaced() {
        let curve = Curve::ramp_hold(1000.0, 0, 10_000_000);
        assert_eq!(curve.total_arrivals(), 10_000);
        assert_eq!(curve.due_at(0), Some(0));
        assert_eq!(curve.due_at(1), Some(1000));
        assert_eq!(curve.due_at(9_999), Some(9_999_000));
        assert_eq!(curve.due_at(10_000), None);
    }

    #[test]
    fn ramp_hold_and_stages_meet_the_plan() {
        let curve = Curve::stages(
            0.0,
            &[(500.0, 10_000_000), (500.0, 10_000_000), (100.0, 5_000_000)],
        );
        assert_eq!(curve.total_arrivals(), 2_500 + 5_000 + 1_500);
        assert_eq!(curve.value_at(5_000_000), 250.0);
        assert_eq!(curve.value_at(22_500_000), 300.0);
        assert_eq!(curve.value_at(26_000_000), 0.0);
    }

    #[test]
    fn users_start_along_the_ramp_and_leave_when_it_falls() {
        let ramp = Curve::ramp_hold(10.0, 10_000_000, 5_000_000);
        assert_eq!(ramp.user_spans(0), vec![(0, 15_000_000)]);
        assert_eq!(ramp.user_spans(9), vec![(9_000_000, 15_000_000)]);
        assert_eq!(ramp.user_spans(10), vec![]);
        let wave = Curve::stages(0.0, &[(2.0, 2_000_000), (0.0, 2_000_000), (2.0, 2_000_000)]);
        assert_eq!(
            wave.user_spans(1),
            vec![(1_000_000, 3_000_000), (5_000_000, 6_000_000)]
        );
        let flat = Curve::ramp_hold(3.0, 0, 1_000_000);
        assert_eq!(flat.user_spans(2), vec![(0, 1_000_000)]);
    }

    #[test]
    fn a_curve_ends_after_so_many_arrivals() {
        let steady = Curve::ramp_hold(100.0, 0, 60_000_000).cut_after(250);
        assert_eq!((steady.total_arrivals(), steady.end_us()), (250, 2_500_000));
        assert_eq!(steady.due_at(249), Some(2_490_000));
        let short = Curve::ramp_hold(100.0, 0, 1_000_000);
        assert_eq!(short.cut_after(100), short);
        assert_eq!(short.cut_after(101), short);
        // Ten in a µs.
        let fast = Curve::ramp_hold(1e7, 0, 1_000_000).cut_after(123_457);
        assert_eq!((fast.total_arrivals(), fast.end_us()), (123_457, 12_346));
        assert_eq!(fast.peak(), 1e7);
        // A jump belongs to what comes after it.
        let jump = Curve::stages(10.0, &[(10.0, 1_000_000), (50.0, 0), (50.0, 1_000_000)]);
        assert_eq!(jump.cut_after(10).peak(), 10.0);
        assert_eq!(jump.cut_after(35).end_us(), 1_500_000);
    }

    #[test]
    fn only_users_with_a_time_are_counted() {
        let jump = [(1.0, 1_000_000), (9.0, 0), (1.0, 0), (1.0, 1_000_000)];
        let curve = Curve::stages(1.0, &jump);
        assert_eq!((curve.users(), curve.peak()), (1, 9.0));
        for curve in [
            Curve::ramp_hold(7.0, 1_000_000, 1_000_000),
            Curve::stages(0.0, &[(7.0, 1_000_000), (0.0, 1_000_000)]),
            Curve::ramp_hold(7.0, 0, 1_000_000),
        ] {
            assert_eq!(curve.users(), 7);
            assert!(!curve.user_spans(6).is_empty() && curve.user_spans(7).is_empty());
        }
    }

    proptest! {
        /// Cut anywhere, a curve plans exactly what was asked for, and nothing of it elsewhere.
        #[test]
        fn cut_curves_plan_exactly_as_many(
            first in 0.0f64..300.0,
            stages in prop::collection::vec((0.0f64..400.0, 0u64..4_000_000), 1..5),
            count in 1u64..2_000,
        ) {
            let curve = Curve::stages(first, &stages);
            let cut = curve.cut_after(count);
            prop_assert_eq!(cut.total_arrivals(), count.min(curve.total_arrivals()));
            prop_assert!(cut.end_us() <= curve.end_us() && cut.peak() <= curve.peak());
            for n in 0..cut.total_arrivals() {
                let (due, whole) = (cut.due_at(n).unwrap(), curve.due_at(n).unwrap());
                prop_assert!(due.abs_diff(whole) <= 1, "{} is due at {} and {}", n, due, whole);
            }
        }

        /// Arrivals never go back in time, never leave the curve, and as many
        /// are due before t as the plan's area gives.
        #[test]
        fn arrivals_follow_the_area(
            first in 0.0f64..300.0,
            stages in prop::collection::vec((0.0f64..400.0, 1u64..4_000_000), 1..5),
        ) {
            let curve = Curve::stages(first, &stages);
            let mut cursor = curve.due_cursor();
            let mut last = 0;
            for n in 0..curve.total_arrivals() {
                let due = cursor.due_at(n);
                prop_assert!(due >= last && due <= curve.end_us());
                prop_assert!((curve.cumulative_at(due) - n as f64).abs() < 0.01, "{n} due {due}");
                last = due;
            }
        }
    }
}
