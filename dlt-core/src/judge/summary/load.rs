//! What was planned, over the whole run: users per task times tasks, groups
//! added; and what of it was lost with runners that did not report.

use super::{RunFacts, RunnerFacts};
use crate::ids::{RunnerId, TestRunId};
use crate::judge::summary::LoadSummary;
use crate::load::changes::{LoadChange, end_of};
use crate::load::{Curve, Model};
use crate::random::seed_of;
use crate::scenario::plan::{Group, Plan};
use std::collections::BTreeMap;

/// Most rows of the planned curve.
const MOST_ROWS: u64 = 600;
const BILLION: u64 = 1_000_000_000;

impl LoadSummary {
    /// The plan of `tasks` runners, with the changes. Where some groups are open and some
    /// closed, the model is `open`, the curve is that of the arrivals, and both peaks are given.
    pub fn planned(plan: &Plan, tasks: u64, changes: &[LoadChange]) -> Self {
        planned(plan, tasks, changes)
    }

    /// The same with the seed of the run, where the plan has a use for one.
    #[must_use]
    pub fn with_seed(self, plan: &Plan, run: &TestRunId) -> Self {
        let seed = || plan.seed().unwrap_or_else(|| seed_of(run));
        Self {
            seed: plan.is_random().then(seed),
            ..self
        }
    }
}

pub(crate) fn planned(plan: &Plan, tasks: u64, changes: &[LoadChange]) -> LoadSummary {
    // What a script says by itself is no plan of ours.
    let planned = plan.groups.iter().filter(|group| !group.load.own_shape);
    let (open, closed): (Vec<&Group>, Vec<&Group>) =
        planned.partition(|group| group.load.model.is_open());
    let curves = |groups: &[&Group]| -> Vec<Curve> {
        groups.iter().map(|group| whole_run(group, tasks)).collect()
    };
    let (open, closed) = (curves(&open), curves(&closed));
    let shown = if open.is_empty() { &closed } else { &open };
    LoadSummary {
        model: if open.is_empty() { "closed" } else { "open" }.to_owned(),
        users: (!closed.is_empty()).then(|| peak(&closed).round() as u64),
        arrivals: (!open.is_empty()).then(|| peak(&open)),
        requests: plan
            .groups
            .iter()
            .map(|group| group.load.total_requests)
            .sum::<Option<u64>>()
            .filter(|_| !plan.groups.is_empty()),
        journeys: journeys(plan, tasks),
        planned_requests: requests(plan, tasks),
        seed: None,
        planned: rows(shown),
        changes: changes.to_vec(),
    }
}

/// Requests that runners without a report would have made over the whole run:
/// the plan's, less the parts dealt to those who reported. Where others make the
/// load of a runner that never came up, nothing is lost. None where the plan
/// names no number.
pub(crate) fn lost(
    facts: &RunFacts<'_>,
    reported: &BTreeMap<RunnerId, RunnerFacts>,
) -> Option<u64> {
    let mut missing = facts
        .dealt
        .iter()
        .filter(|row| !reported.contains_key(&row.0));
    if missing.next().is_none() && !reported.is_empty() {
        return Some(0);
    }
    if end_of(facts.changes).is_some() && facts.plan.groups.iter().any(|it| it.load.ends_by_count())
    {
        // How many of them would have been made by then is not known.
        return None;
    }
    let planned = requests(facts.plan, facts.tasks)?;
    let even = BILLION / facts.dealt.len().max(1) as u64;
    let dealt: u64 = reported
        .values()
        .map(|runner| {
            runner
                .start
                .and_then(|start| start.share_ppb)
                .unwrap_or(even)
        })
        .sum();
    // Parts are cut to whole billionths.
    let left = BILLION.saturating_sub(dealt + reported.len() as u64);
    Some((planned as f64 * left as f64 / BILLION as f64).round() as u64)
}

/// Requests that a plan makes if every walk goes through all its steps; None
/// where users go round until time is over. Where the plan itself counts them, it is that number.
fn requests(plan: &Plan, tasks: u64) -> Option<u64> {
    let of_group = |group: &Group| {
        if let (Model::Users(_), Some(total)) = (&group.load.model, group.load.total_requests) {
            return Some(total);
        }
        // Tests have plans without steps; a walk makes one request at least.
        if group.script.is_some() {
            // How many a script makes is its own.
            return None;
        }
        // Where blocks decide, nobody knows before.
        let requests = group.flow.requests?.max(1);
        Some(walks(group, tasks)?.saturating_mul(requests))
    };
    plan.groups.iter().map(of_group).sum()
}

/// Walks through a plan's steps; None where users go round until time or a number of requests
/// is over.
fn journeys(plan: &Plan, tasks: u64) -> Option<u64> {
    plan.groups.iter().map(|group| walks(group, tasks)).sum()
}

fn walks(group: &Group, tasks: u64) -> Option<u64> {
    match (&group.load.model, group.load.iterations) {
        (Model::Arrivals(curve), _) => Some(curve.total_arrivals()),
        (Model::Users(_), Some(rounds)) if group.load.total_requests.is_none() => {
            let users = whole_run(group, tasks).peak().ceil() as u64;
            Some(users.saturating_mul(rounds))
        }
        (Model::Users(_), _) => None,
    }
}

fn whole_run(group: &Group, tasks: u64) -> Curve {
    let curve = group.load.model.curve();
    match group.load.per_task && !group.load.model.is_open() {
        true => curve.scaled(tasks as f64),
        false => curve.clone(),
    }
}

fn sum_at(curves: &[Curve], at_us: u64) -> f64 {
    curves.iter().map(|curve| curve.value_at(at_us)).sum()
}

/// The highest sum; on a falling step the value just before counts too.
fn peak(curves: &[Curve]) -> f64 {
    if let [curve] = curves {
        return curve.peak();
    }
    curves
        .iter()
        .flat_map(Curve::points)
        .flat_map(|point| [point.0.saturating_sub(1), point.0])
        .map(|at_us| sum_at(curves, at_us))
        .fold(0.0, f64::max)
}

fn rows(curves: &[Curve]) -> Vec<(u64, f64)> {
    let end_us = curves.iter().map(Curve::end_us).max().unwrap_or(0);
    let seconds = end_us.div_ceil(1_000_000);
    let step = seconds.div_ceil(MOST_ROWS).max(1);
    (0..seconds)
        .step_by(step as usize)
        .map(|second| (second, sum_at(curves, second * 1_000_000)))
        .collect()
}
