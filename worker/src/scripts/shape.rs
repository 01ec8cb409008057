//! The load that a scenario asks of a script in place of the script's own: one runner's part of it,
//! in numbers that tools take.

use dlt_core::load::share::Lot;
use dlt_core::scenario::plan::{Group, Load};

/// Users over time, of one runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Target users and the time until they are there, µs, one after the other, from 0 users.
    pub stages: Vec<(u64, u64)>,
    /// Rounds of each user.
    pub iterations: Option<u64>,
}

impl Shape {
    /// The part that a lot has of a group's load; None where the script says the load itself.
    pub fn of(group: &Group, lot: Lot) -> Option<Self> {
        let load = &group.load;
        if load.own_shape {
            return None;
        }
        let points = load.model.curve().points();
        let mut stages: Vec<(u64, u64)> = Vec::new();
        let mut before_us = 0;
        for &(at_us, users) in points {
            let users = part(load, users.round() as u64, lot);
            let length_us = at_us - before_us;
            before_us = at_us;
            // A point where nothing changes, as where a load begins with all its users.
            let before = stages.last().map_or(0, |stage| stage.0);
            if length_us > 0 || users != before {
                stages.push((users, length_us));
            }
        }
        Some(Self {
            stages,
            iterations: load.iterations,
        })
    }

    /// Users, their rise and their stay, where that is all; times in µs.
    pub fn plain(&self) -> Option<(u64, u64, u64)> {
        match self.stages[..] {
            [(users, ramp), (to, hold)] if users == to => Some((users, ramp, hold)),
            [(users, ramp)] => Some((users, ramp, 0)),
            _ => None,
        }
    }

    /// Most users.
    pub fn peak(&self) -> u64 {
        self.stages.iter().map(|stage| stage.0).max().unwrap_or(0)
    }

    /// All of it, µs.
    pub fn length_us(&self) -> u64 {
        self.stages.iter().map(|stage| stage.1).sum()
    }
}

fn part(load: &Load, users: u64, lot: Lot) -> u64 {
    match load.per_task {
        true => users,
        false => lot.count(users),
    }
}

/// `total` dealt by weights, as whole numbers that add up to it.
pub(super) fn dealt(total: u64, weights: &[u64]) -> Vec<u64> {
    let sum: u64 = weights.iter().sum::<u64>().max(1);
    let exact = |weight: u64| u128::from(total) * u128::from(weight);
    let mut parts: Vec<u64> = weights
        .iter()
        .map(|weight| (exact(*weight) / u128::from(sum)) as u64)
        .collect();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(exact(weights[*at]) % u128::from(sum)));
    let missing = total.saturating_sub(parts.iter().sum());
    for at in order.into_iter().take(missing as usize) {
        parts[at] += 1;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use dlt_core::scenario::plan::Plan;

    fn shape(load: &str, lot: Lot) -> Option<Shape> {
        let document = format!(
            r#"{{"execution": [{{"scenario": "s", "executor": "k6", {load} "taskCount": 1}}], "scenarios": {{"s": {{"script": "a.js"}}}}, "reporting": []}}"#
        );
        let document = serde_json::from_str(&document).unwrap();
        let plan = Plan::from_document(&document).unwrap();
        Shape::of(&plan.groups[0], lot)
    }

    #[test]
    fn a_load_is_its_stages_and_a_runner_s_part_of_them() {
        let whole = |load: &str| shape(load, Lot::WHOLE).map(|shape| shape.stages);
        assert_eq!(whole(""), None);
        assert_eq!(
            whole(r#""users": 5, "hold-for": "4s","#),
            Some(vec![(5, 0), (5, 4_000_000)])
        );
        assert_eq!(
            whole(r#""concurrency": 5, "ramp-up": "2s", "hold-for": "4s","#),
            Some(vec![(5, 2_000_000), (5, 4_000_000)])
        );
        assert_eq!(
            whole(
                r#""stages": [{"target": 3, "duration": "1s"}, {"target": 9, "duration": 0}, {"target": 0, "duration": "2s"}],"#
            ),
            Some(vec![(3, 1_000_000), (9, 0), (0, 2_000_000)])
        );
        let plain = shape(r#""users": 5, "hold-for": "4s","#, Lot::WHOLE).unwrap();
        assert_eq!(plain.plain(), Some((5, 0, 4_000_000)));
        // Users of the whole run are dealt, those of a task are not.
        let half = |index| Lot {
            slice: Lot::WHOLE.slice,
            share: dlt_core::load::share::Share { index, of: 2 },
        };
        let peaks = |load: &str| [0, 1].map(|at| shape(load, half(at)).unwrap().peak());
        assert_eq!(peaks(r#""users": 5, "hold-for": "4s","#), [3, 2]);
        assert_eq!(peaks(r#""concurrency": 5, "hold-for": "4s","#), [5, 5]);
    }

    #[test]
    fn what_is_dealt_adds_up() {
        assert_eq!(dealt(10, &[1, 1, 1]), [4, 3, 3]);
        assert_eq!(dealt(10, &[90, 10]), [9, 1]);
        assert_eq!(dealt(1, &[1, 5]), [0, 1]);
        assert_eq!(dealt(5, &[1]), [5]);
    }
}
