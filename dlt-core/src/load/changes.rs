//! Changes that people make of a load while it goes on: more or less of it, none for a while, an
//! earlier end. A run that was changed is a run of a changed curve: due times before a change stay
//! as they were, and every runner that is told of it computes the same load, however late it is.
//!
//! Who may change a load, and how runners are told, is left to others.

use super::{Curve, Model, slack};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most load that may be asked for, as a multiple of the plan.
pub const LARGEST_FACTOR: f64 = 10.0;
/// Most changes of one run: each is looked at by every runner, and shown.
pub const MOST_CHANGES: usize = 1_000;

/// From when on a run has how much of its planned load.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoadChange {
    /// µs since the start of the load.
    pub at_us: u64,
    /// The load as a multiple of the plan, from 0 (a pause) to 10; 1 is the plan.
    pub factor: f64,
    /// Whether the load ends here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub end: bool,
}

/// Most changes that a sentence names.
const MOST_NAMED: usize = 5;

impl LoadChange {
    /// What it does, as part of a sentence: `150 % of the plan from 2.1 s on`.
    pub fn told(&self) -> String {
        let at_s = self.at_us as f64 / 1e6;
        match self {
            Self { end: true, .. } => format!("ended at {at_s:.1} s"),
            Self { factor: 0.0, .. } => format!("paused from {at_s:.1} s on"),
            Self { factor, .. } => {
                // Three digits at most.
                let percent = (factor * 1_000.0).round() / 10.0;
                format!("{percent} % of the plan from {at_s:.1} s on")
            }
        }
    }
}

/// What people changed of a load, in words; None if nothing.
pub fn changed_load(changes: &[LoadChange]) -> Option<String> {
    if changes.is_empty() {
        return None;
    }
    let mut told: Vec<String> = changes
        .iter()
        .take(MOST_NAMED)
        .map(LoadChange::told)
        .collect();
    if let Some(more @ 1..) = changes.len().checked_sub(MOST_NAMED) {
        told.push(format!("and {more} more changes"));
    }
    Some(format!("load changed by people: {}", told.join(", ")))
}

/// How far a product may be off by its own rounding, as a part of it.
const NOISE: f64 = 1e-12;

/// A planned value times the factor of a change, without the noise of multiplying: a tenth of 30 users
/// are 3, and no fourth one.
fn times(value: f64, factor: f64) -> f64 {
    let product = value * factor;
    let whole = product.round();
    match factor != 1.0 && whole >= 1.0 && (product - whole).abs() <= whole * NOISE {
        true => whole,
        false => product,
    }
}

impl Curve {
    /// The curve with its changes, which are in the order of time; nothing after an end counts.
    #[must_use]
    pub fn changed(&self, changes: &[LoadChange]) -> Self {
        let planned_end = self.end_us();
        let end_us = end_of(changes).map_or(planned_end, |at| at.min(planned_end));
        let mut points = Vec::with_capacity(self.points.len() + 2 * changes.len());
        let mut from_us = 0;
        let mut factor = 1.0;
        let effective = changes
            .iter()
            .filter(|change| !change.end && change.at_us < end_us);
        // Arrivals up to `from_us`, all that were planned before a change, and those due by then.
        let (mut before, mut planned, mut due) = (0.0, self.total_arrivals(), 0);
        for change in effective {
            self.add_piece(&mut points, from_us, change.at_us, factor);
            before += self.between(from_us, change.at_us) * factor;
            due = due.max(planned.min((before - slack(before)).ceil() as u64));
            (from_us, factor) = (change.at_us, change.factor);
            let all = before + self.between(from_us, planned_end) * factor;
            planned = due.max((all + 1e-6).floor() as u64);
        }
        self.add_piece(&mut points, from_us, end_us, factor);
        if end_us < planned_end {
            before += self.between(from_us, end_us) * factor;
            due = due.max(planned.min((before - slack(before)).ceil() as u64));
        }
        Self { points, due }
    }

    /// The arrivals between two instants.
    fn between(&self, from_us: u64, to_us: u64) -> f64 {
        self.cumulative_at(to_us.max(from_us)) - self.cumulative_at(from_us)
    }

    /// Adds what lies from `from_us` to `to_us`, times `factor`.
    fn add_piece(&self, points: &mut Vec<(u64, f64)>, from_us: u64, to_us: u64, factor: f64) {
        if to_us <= from_us && !points.is_empty() {
            return;
        }
        let mut add = |at: u64, value: f64| points.push((at, times(value, factor)));
        // The plan may have a step at either end: the later value counts at the beginning, the
        // earlier at the end.
        add(from_us, self.value_at(from_us));
        for &(at, value) in &self.points {
            if at > from_us && at < to_us {
                add(at, value);
            }
        }
        add(to_us, self.value_before(to_us));
    }

    /// How many users the curve comes to with a change, from it on and at the most, if it is of users;
    /// and how many are made, for a user is there as a whole or not at all.
    pub fn users_with(&self, change: &LoadChange) -> (f64, u64) {
        let mut points = Vec::new();
        if change.at_us < self.end_us() {
            self.add_piece(&mut points, change.at_us, self.end_us(), change.factor);
        }
        let asked = points.iter().map(|point| point.1).fold(0.0, f64::max);
        (asked, asked.ceil() as u64)
    }

    /// The value just before `at_us`: on a step the earlier one.
    fn value_before(&self, at_us: u64) -> f64 {
        let next = self.points.partition_point(|point| point.0 < at_us);
        match (
            next.checked_sub(1).map(|i| self.points[i]),
            self.points.get(next),
        ) {
            (Some((t0, v0)), Some(&(t1, v1))) => {
                v0 + (v1 - v0) * (at_us - t0) as f64 / (t1 - t0) as f64
            }
            (Some((_, v0)), None) => v0,
            (None, first) => first.map_or(0.0, |point| point.1),
        }
    }
}

/// When the load ends by a change, µs since its start.
pub fn end_of(changes: &[LoadChange]) -> Option<u64> {
    changes
        .iter()
        .find(|change| change.end)
        .map(|change| change.at_us)
}

/// How much of the planned load is asked for after all changes; 1 without any.
pub fn factor_of(changes: &[LoadChange]) -> f64 {
    let factors = changes.iter().rev().filter(|change| !change.end);
    factors.map(|change| change.factor).next().unwrap_or(1.0)
}

/// How much of the planned load is asked for at `at_us`.
pub fn factor_at(changes: &[LoadChange], at_us: u64) -> f64 {
    let begun = changes.partition_point(|change| change.at_us <= at_us);
    factor_of(&changes[..begun])
}

impl Model {
    /// The model with its changes.
    #[must_use]
    pub fn changed(&self, changes: &[LoadChange]) -> Self {
        match self {
            Self::Users(curve) => Self::Users(curve.changed(changes)),
            Self::Arrivals(curve) => Self::Arrivals(curve.changed(changes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND_US: u64 = 1_000_000;

    fn change(at_s: u64, factor: f64) -> LoadChange {
        LoadChange {
            at_us: at_s * SECOND_US,
            factor,
            end: false,
        }
    }

    fn end(at_s: u64) -> LoadChange {
        LoadChange {
            end: true,
            ..change(at_s, 0.0)
        }
    }

    #[test]
    fn more_less_a_pause_and_an_earlier_end() {
        let plan = Curve::ramp_hold(100.0, 0, 60 * SECOND_US);
        let changed = plan.changed(&[change(10, 2.0), change(20, 0.0), change(30, 1.0)]);
        assert_eq!(changed.total_arrivals(), 1_000 + 2_000 + 3_000);
        assert_eq!(changed.end_us(), plan.end_us());
        assert_eq!(changed.value_at(9_999_999), 100.0);
        assert_eq!(changed.value_at(10 * SECOND_US), 200.0);
        assert_eq!(changed.value_at(25 * SECOND_US), 0.0);
        let ended = plan.changed(&[change(10, 2.0), end(15), change(20, 9.0)]);
        assert_eq!(ended.total_arrivals(), 2_000);
        assert_eq!(ended.end_us(), 15 * SECOND_US);
        let late = plan.changed(&[end(90)]);
        assert_eq!(
            (late.total_arrivals(), late.end_us()),
            (6_000, 60 * SECOND_US)
        );
    }

    #[test]
    fn changes_are_told_in_words() {
        assert_eq!(changed_load(&[]), None);
        let told = |changes: &[LoadChange]| changed_load(changes).unwrap();
        assert_eq!(
            told(&[change(2, 1.5), change(4, 0.0), change(6, 0.125), end(9)]),
            "load changed by people: 150 % of the plan from 2.0 s on, paused from 4.0 s on, \
             12.5 % of the plan from 6.0 s on, ended at 9.0 s"
        );
        let many: Vec<LoadChange> = (1..=8).map(|at_s| change(at_s, 1.1)).collect();
        assert!(told(&many).ends_with(", and 3 more changes"));
    }

    #[test]
    fn users_leave_in_a_pause_and_come_back() {
        let plan = Curve::ramp_hold(10.0, 10 * SECOND_US, 20 * SECOND_US);
        let changed = plan.changed(&[change(12, 0.0), change(15, 1.1)]);
        assert_eq!(
            changed.user_spans(0),
            vec![(0, 12 * SECOND_US), (15 * SECOND_US, 30 * SECOND_US)]
        );
        assert_eq!(
            changed.user_spans(10),
            vec![(15 * SECOND_US, 30 * SECOND_US)]
        );
    }

    /// Users are whole ones: of what comes to a part of one, all of it is made, and no more.
    #[test]
    fn users_are_made_as_whole_ones() {
        for (planned, factor, asked, made) in [
            (30.0, 0.1, 3.0, 3),
            (10.0, 1.1, 11.0, 11),
            (70.0, 1.1, 77.0, 77),
            (1_000_000.0, 1.1, 1_100_000.0, 1_100_000),
            (4.0, 0.1, 0.4, 1),
            (4.0, 0.7, 2.8, 3),
            (3.0, 0.5, 1.5, 2),
            (4.0, 0.0, 0.0, 0),
            (1.0, 10.0, 10.0, 10),
        ] {
            let plan = Curve::ramp_hold(planned, 0, 60 * SECOND_US);
            let (comes_to, users) = plan.users_with(&change(10, factor));
            assert!(
                (comes_to - asked).abs() < 1e-9,
                "{planned} {factor}: {comes_to}"
            );
            assert_eq!(users, made, "{planned} {factor}");
            let changed = plan.changed(&[change(10, factor)]);
            let active = |number: u64| {
                let spans = changed.user_spans(number);
                spans.iter().any(|span| span.1 > 30 * SECOND_US)
            };
            assert!(made == 0 || active(made - 1), "{planned} {factor}");
            assert!(!active(made), "{planned} {factor}");
        }
        // What counts is what is still to come.
        let stages = [(8.0, 10 * SECOND_US), (2.0, 0), (2.0, 50 * SECOND_US)];
        let falls = Curve::stages(8.0, &stages);
        assert_eq!(falls.users_with(&change(5, 0.5)), (4.0, 4));
        assert_eq!(falls.users_with(&change(20, 1.25)), (2.5, 3));
        assert_eq!(falls.users_with(&change(90, 2.0)).1, 0);
    }

    #[test]
    fn what_was_asked_last_counts() {
        assert_eq!(factor_of(&[]), 1.0);
        assert_eq!(factor_of(&[change(1, 1.1), change(2, 1.2), end(3)]), 1.2);
        assert_eq!(end_of(&[change(1, 1.1), end(3)]), Some(3 * SECOND_US));
        let two = [change(1, 0.0), change(2, 3.0)];
        let at = |ms: u64| factor_at(&two, ms * 1_000);
        assert_eq!(
            [at(999), at(1_000), at(1_999), at(2_000)],
            [1.0, 0.0, 0.0, 3.0]
        );
    }

    proptest! {
        /// Before a change nothing changes; after it the area is that of the plan times the factor.
        #[test]
        fn a_change_keeps_what_was_and_scales_what_comes(
            first in 0.0f64..300.0,
            stages in prop::collection::vec((0.0f64..400.0, 0u64..4_000_000), 1..5),
            at_us in 0u64..12_000_000,
            factor in 0.0f64..10.0,
        ) {
            let plan = Curve::stages(first, &stages);
            let changed = plan.changed(&[LoadChange { at_us, factor, end: false }]);
            prop_assert_eq!(changed.end_us(), plan.end_us());
            let at_us = at_us.min(plan.end_us());
            let before = plan.cumulative_at(at_us);
            prop_assert!((changed.cumulative_at(at_us) - before).abs() < 1e-6);
            let after = plan.cumulative_at(plan.end_us()) - before;
            let all = changed.cumulative_at(plan.end_us());
            prop_assert!((all - before - after * factor).abs() < 1e-3, "{all} {before} {after}");
            let mut arrivals = plan.due_cursor();
            let mut same = changed.due_cursor();
            for n in 0..before.floor() as u64 {
                prop_assert!(arrivals.due_at(n).abs_diff(same.due_at(n)) <= 1);
            }
        }
    }
}
