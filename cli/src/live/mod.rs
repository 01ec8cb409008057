//! The state of a running run: ticks added over regions, status, runners. `screen` formats
//! it, `block` draws it on a terminal, `plain` logs it line by line.

pub mod block;
pub mod plain;
pub mod screen;

use crate::units;
use dlt_core::calls::live::LiveEvent;
use dlt_core::ids::{Region, RunnerId};
use dlt_core::judge::verdict::{self, Trust};
use dlt_core::load::Curve;
use dlt_core::load::changes::{LoadChange, end_of};
use dlt_core::measure::coarse::Coarse;
use dlt_core::measure::second::Second;
use dlt_core::measure::second::add_cause;
use dlt_core::messages::runner_line::{RunnerRow, RunnerState, Tick};
use dlt_core::run::Status;
use dlt_core::scenario::Scenario;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Seconds kept for the sparkline and the last-seconds view.
const KEPT_SECONDS: usize = 120;
/// Seconds whose latencies make up the "last 10 s" row.
pub const RECENT_SECONDS: u64 = 10;
/// Seconds over which the shown rate is averaged: calm, yet current.
const RATE_SECONDS: u64 = 3;
/// A second is shown when every region has sent its tick, or this many seconds later, so
/// that a lost region does not stop the screen.
const MISSING_TICK_SECONDS: u64 = 2;

/// A runner without ticks for this long is shown as silent.
const SILENT_SECONDS: u64 = 3;
/// Longest run whose plan cannot be read (30 days).
const LONGEST_RUN_S: f64 = 30.0 * 86_400.0;
/// Most regions that are tracked; the API allows far fewer.
const MOST_REGIONS: usize = 100;

/// The parts of a plan that are shown.
#[derive(Debug, Clone)]
pub struct PlannedLoad {
    /// The scenario's name.
    pub name: String,
    /// Planned end of the load, seconds since its start.
    pub end_s: f64,
    /// Whether the load may end earlier, after a number of iterations or requests.
    pub ends_by_count: bool,
    /// Requests over the run, after which it ends; None where nobody counts them all.
    pub requests_in_all: Option<u64>,
    /// How long requests may finish after the end, seconds.
    pub graceful_stop_s: f64,
    /// Runners in all regions.
    pub runners: u64,
    /// The regions' names.
    pub regions: Vec<String>,
    /// Curves of users.
    users: Vec<Curve>,
    /// Curves of requests per second.
    requests: Vec<Curve>,
    /// Curves and end as they were before the first change.
    as_planned: Option<Box<AsPlanned>>,
}

/// What changes start from.
#[derive(Debug, Clone)]
struct AsPlanned {
    users: Vec<Curve>,
    requests: Vec<Curve>,
    end_s: f64,
}

impl PlannedLoad {
    /// The load of a scenario's plan.
    pub fn of(scenario: &Scenario) -> Self {
        let runners: u64 = scenario.tasks.iter().map(|task| task.task_count).sum();
        let mut users = Vec::new();
        let mut requests = Vec::new();
        let groups = &scenario.plan.groups;
        for group in groups {
            let load = &group.load;
            let curve = load.model.curve();
            if load.own_shape {
                // Nothing is planned that could be shown.
            } else if load.model.is_open() {
                // An arrival makes each step once.
                requests.push(curve.scaled(group.steps.len() as f64));
            } else if load.per_task {
                users.push(curve.scaled(runners as f64));
            } else {
                users.push(curve.clone());
            }
        }
        Self {
            name: scenario.name.clone(),
            end_s: scenario.plan.end_us() as f64 / 1e6,
            ends_by_count: groups.iter().any(|group| group.load.ends_by_count()),
            requests_in_all: groups
                .iter()
                .map(|group| group.load.total_requests)
                .sum::<Option<u64>>(),
            graceful_stop_s: scenario.plan.graceful_stop_us() as f64 / 1e6,
            runners,
            regions: scenario
                .tasks
                .iter()
                .map(|task| task.region.to_string())
                .collect(),
            users,
            requests,
            as_planned: None,
        }
    }

    /// The load of a run whose plan cannot be read.
    pub fn unknown(name: &str, regions: Vec<String>, runners: u64) -> Self {
        Self {
            name: name.to_owned(),
            end_s: LONGEST_RUN_S,
            ends_by_count: true,
            requests_in_all: None,
            graceful_stop_s: 0.0,
            runners,
            regions,
            users: Vec::new(),
            requests: Vec::new(),
            as_planned: None,
        }
    }

    /// The plan with changes, which are all so far.
    pub fn change(&mut self, changes: &[LoadChange]) {
        let from = self.as_planned.get_or_insert_with(|| {
            Box::new(AsPlanned {
                users: self.users.clone(),
                requests: self.requests.clone(),
                end_s: self.end_s,
            })
        });
        let changed = |curves: &[Curve]| -> Vec<Curve> {
            curves.iter().map(|curve| curve.changed(changes)).collect()
        };
        (self.users, self.requests) = (changed(&from.users), changed(&from.requests));
        self.end_s = end_of(changes).map_or(from.end_s, |at| from.end_s.min(at as f64 / 1e6));
    }

    /// Users planned in a second; None if the load is open.
    pub fn users_in(&self, second: u64) -> Option<f64> {
        sum_in_the_middle(&self.users, second)
    }

    /// Requests per second planned in a second; None if the load is closed.
    pub fn requests_in(&self, second: u64) -> Option<f64> {
        sum_in_the_middle(&self.requests, second)
    }

    /// How long the load lasts, as a part of a sentence.
    pub fn length_in_words(&self) -> String {
        let most = if self.ends_by_count { "at most " } else { "" };
        format!("for {most}{}", units::span(self.end_s.round() as u64))
    }

    /// The highest planned users and requests per second.
    pub fn peaks(&self) -> (Option<f64>, Option<f64>) {
        let peak = |curves: &[Curve]| {
            (!curves.is_empty()).then(|| curves.iter().map(Curve::peak).sum::<f64>())
        };
        (peak(&self.users), peak(&self.requests))
    }
}

fn sum_in_the_middle(curves: &[Curve], second: u64) -> Option<f64> {
    let middle = second * 1_000_000 + 500_000;
    (!curves.is_empty()).then(|| curves.iter().map(|curve| curve.value_at(middle)).sum())
}

/// The latest state of a region.
#[derive(Debug, Clone, Default)]
struct RegionView {
    second: u64,
    users: u64,
    /// Each runner's row, with the second of its latest tick. Usually one tick contains
    /// all runners; without a leader, each runner sends its own.
    runners: BTreeMap<RunnerId, (u64, RunnerRow)>,
}

impl RegionView {
    fn add(&mut self, tick: &Tick) {
        for row in &tick.runners {
            let known = self.runners.get(&row.0).map_or(0, |known| known.0);
            if tick.second.second >= known {
                self.runners
                    .insert(row.0.clone(), (tick.second.second, row.clone()));
            }
        }
        match tick.second.second.cmp(&self.second) {
            // A late tick must not set the region's second back.
            Ordering::Less => {}
            Ordering::Equal => self.users += tick.second.users,
            Ordering::Greater => {
                self.second = tick.second.second;
                self.users = tick.second.users;
            }
        }
    }

    /// A runner's state; a runner without recent ticks counts as lagging.
    fn state(&self, latest: u64, row: &RunnerRow) -> RunnerState {
        let is_silent = self.second.saturating_sub(latest) > SILENT_SECONDS;
        match row.1 {
            RunnerState::Loading if is_silent => RunnerState::Lagging,
            state => state,
        }
    }
}

/// The state of a run, built from its live events.
#[derive(Debug)]
pub struct Live {
    /// The planned load.
    pub planned: PlannedLoad,
    /// The run's status.
    pub status: Status,
    /// Whether it was stopped with Ctrl-C.
    pub stopping: bool,
    /// Whether Ctrl-C ends the command only, and not the run.
    pub interrupt_leaves: bool,
    /// Whether keys change the load.
    pub keys: bool,
    /// How the load was changed by keys, in words.
    pub changed: Option<String>,
    regions: BTreeMap<Region, RegionView>,
    seconds: BTreeMap<u64, Second>,
    /// All ticks so far, added.
    pub total: Second,
    /// The latest note about the run: a runner lost or replaced.
    note: Option<String>,
}

impl Live {
    /// A run without events.
    pub fn new(planned: PlannedLoad) -> Self {
        Self {
            planned,
            status: Status::Queued,
            stopping: false,
            interrupt_leaves: false,
            keys: false,
            changed: None,
            regions: BTreeMap::new(),
            seconds: BTreeMap::new(),
            total: Second::default(),
            note: None,
        }
    }

    /// The load was changed; `changes` are all so far.
    pub fn changed(&mut self, changes: &[LoadChange], told: Option<String>) {
        self.planned.change(changes);
        self.changed = told;
    }

    /// Drops all ticks: they will be sent again.
    pub fn reset(&mut self) {
        self.regions.clear();
        self.seconds.clear();
        self.total = Second::default();
    }

    /// Applies an event; the note to print, if it is one.
    pub fn apply(&mut self, event: LiveEvent) -> Option<String> {
        match event {
            LiveEvent::Status(status) => {
                self.status = status.status;
                None
            }
            LiveEvent::Tick(tick) => {
                self.add(&tick);
                None
            }
            LiveEvent::Note(note) => {
                self.note = Some(note.clone());
                Some(note)
            }
        }
    }

    fn add(&mut self, tick: &Tick) {
        let second = tick.second.clone();
        self.total.merge(&second);
        self.seconds
            .entry(tick.second.second)
            .or_default()
            .merge(&second);
        while self.seconds.len() > KEPT_SECONDS {
            self.seconds.pop_first();
        }
        let known = self.regions.contains_key(&tick.region);
        if known || self.regions.len() < MOST_REGIONS {
            let first = RegionView {
                second: tick.second.second,
                ..RegionView::default()
            };
            let view = self.regions.entry(tick.region.clone()).or_insert(first);
            view.add(tick);
        }
    }

    /// The newest second that is complete, or that is no longer waited for.
    pub fn newest(&self) -> Option<u64> {
        let last = self.regions.values().map(|view| view.second).max()?;
        let all = self.regions.values().map(|view| view.second).min()?;
        Some(all.max(last.saturating_sub(MISSING_TICK_SECONDS)))
    }

    /// Users active, or requests in flight.
    pub fn users(&self) -> u64 {
        self.regions.values().map(|view| view.users).sum()
    }

    /// Requests begun per second lately, and as planned.
    pub fn rate(&self) -> Option<(f64, Option<f64>)> {
        let newest = self.newest()?;
        let first = newest.saturating_sub(RATE_SECONDS - 1);
        let seconds = (newest - first + 1) as f64;
        let sent: u64 = self
            .seconds
            .range(first..=newest)
            .map(|(_, second)| second.sent + second.unconnected)
            .sum();
        let planned: Option<f64> = (first..=newest)
            .map(|second| self.planned.requests_in(second))
            .sum();
        Some((sent as f64 / seconds, planned.map(|sum| sum / seconds)))
    }

    /// Requests begun in each of the last `most` complete seconds, oldest first.
    pub fn sent_by_second(&self, most: u64) -> Vec<u64> {
        let Some(newest) = self.newest() else {
            return Vec::new();
        };
        let first = (newest + 1).saturating_sub(most);
        (first..=newest)
            .map(|second| {
                self.seconds
                    .get(&second)
                    .map_or(0, |row| row.sent + row.unconnected)
            })
            .collect()
    }

    /// The last [`RECENT_SECONDS`], added: latencies, lag and drops.
    pub fn recent(&self) -> Second {
        let mut recent = Second::default();
        if let Some(newest) = self.newest() {
            let first = (newest + 1).saturating_sub(RECENT_SECONDS);
            for (_, second) in self.seconds.range(first..=newest) {
                recent.merge(second);
            }
        }
        recent
    }

    /// Failures by cause, most frequent first.
    pub fn causes(&self) -> Vec<(String, u64)> {
        let mut causes = Vec::new();
        for (cause, count) in &self.total.causes {
            add_cause(&mut causes, cause, *count);
        }
        causes.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        causes
    }

    /// The runners in a state.
    pub fn in_state(&self, wanted: RunnerState) -> Vec<&RunnerId> {
        self.regions
            .values()
            .flat_map(|view| {
                view.runners
                    .iter()
                    .filter(move |(_, (latest, row))| view.state(*latest, row) == wanted)
                    .map(|(id, _)| id)
            })
            .collect()
    }

    /// p50, p95 and p99 of a histogram, µs.
    pub fn percentiles(coarse: &Coarse) -> Option<[u64; 3]> {
        let at = |q| coarse.quantile_us(q).map(|us| us.round() as u64);
        Some([at(0.5)?, at(0.95)?, at(0.99)?])
    }

    /// Why the numbers so far cannot be trusted, by the limits of the final verdict; None
    /// if they can.
    pub fn trust_warning(&self) -> Option<String> {
        let named = |word: &str, state: RunnerState| {
            let ids = self.in_state(state);
            let names: Vec<&str> = ids.iter().map(|id| id.as_str()).collect();
            (!names.is_empty()).then(|| format!("{word}: {}", names.join(", ")))
        };
        if let Some(lost) = named("lost", RunnerState::Lost) {
            return Some(lost);
        }
        if let Some(note) = &self.note {
            return Some(note.clone());
        }
        if let Some((limit, trust, value)) = verdict::so_far(&self.total) {
            let word = match trust {
                Trust::Untrusted => "untrusted",
                Trust::Trusted | Trust::Degraded => "degraded",
            };
            return Some(format!(
                "{word} so far: {value:.1}{} ({})",
                limit.unit, limit.short
            ));
        }
        named("silent", RunnerState::Lagging)
    }
}

#[cfg(test)]
pub mod fixtures;
#[cfg(test)]
mod tests;
