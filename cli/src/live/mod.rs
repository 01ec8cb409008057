//! What is known of a run while it runs: ticks added over regions, status,
//! runners. Drawing is `screen`'s, the terminal `block`'s, lines `plain`'s.

pub mod block;
pub mod plain;
pub mod screen;

use dlt_core::ids::{Region, RunnerId};
use dlt_core::judge::verdict::{self, Trust};
use dlt_core::load::Curve;
use dlt_core::measure::coarse::Coarse;
use dlt_core::measure::second::Second;
use dlt_core::measure::second::add_cause;
use dlt_core::messages::runner_line::{RunnerRow, RunnerState, Tick};
use dlt_core::run::Status;
use dlt_core::scenario::Scenario;
use dlt_core::calls::live::LiveEvent;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Seconds kept for the sparkline and the last-seconds view.
const KEPT_SECONDS: usize = 120;
/// Seconds whose latencies make up the "last 10 s" row.
pub const RECENT_SECONDS: u64 = 10;
/// Seconds over which the shown rate is averaged: calm, yet current.
const RATE_SECONDS: u64 = 3;
/// A second is shown when all regions told it, or after so many more, so a
/// lost region cannot stop the screen.
const PATIENCE_SECONDS: u64 = 2;

/// A runner that said nothing for so long is called silent.
const SILENT_SECONDS: u64 = 3;
/// How long a run takes at most whose plan cannot be read (30 days).
const LONGEST_RUN_S: f64 = 30.0 * 86_400.0;
/// Most regions kept apart; the API allows far fewer.
const MOST_REGIONS: usize = 100;

/// What the plan says, as far as the screen shows it.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The scenario's name.
    pub name: String,
    /// When all load ends, seconds since start.
    pub end_s: f64,
    /// The load may end earlier, when all rounds are done.
    pub until_iterations: bool,
    /// How long requests may finish afterwards, seconds.
    pub graceful_stop_s: f64,
    /// Runners over all regions.
    pub runners: u64,
    /// Their regions.
    pub regions: Vec<String>,
    /// Curves of users over the whole run.
    users: Vec<Curve>,
    /// Curves of requests per second over the whole run.
    requests: Vec<Curve>,
}

impl Planned {
    /// Reads the plan of a scenario.
    pub fn of(scenario: &Scenario) -> Self {
        let runners: u64 = scenario.tasks.iter().map(|task| task.task_count).sum();
        let mut users = Vec::new();
        let mut requests = Vec::new();
        for group in &scenario.plan.groups {
            let load = &group.load;
            let curve = load.model.curve();
            match load.model.is_open() {
                // An arrival walks all steps once.
                true => requests.push(curve.scaled(group.steps.len() as f64)),
                false if load.per_task => users.push(curve.scaled(runners as f64)),
                false => users.push(curve.clone()),
            }
        }
        Self {
            name: scenario.name.clone(),
            end_s: scenario.plan.end_us() as f64 / 1e6,
            until_iterations: scenario
                .plan
                .groups
                .iter()
                .any(|group| group.load.iterations.is_some()),
            graceful_stop_s: scenario.plan.graceful_stop_us() as f64 / 1e6,
            runners,
            regions: scenario
                .tasks
                .iter()
                .map(|task| task.region.to_string())
                .collect(),
            users,
            requests,
        }
    }

    /// A run whose plan cannot be read here: only where it is.
    pub fn unknown(name: &str, regions: Vec<String>, runners: u64) -> Self {
        Self {
            name: name.to_owned(),
            end_s: LONGEST_RUN_S,
            until_iterations: true,
            graceful_stop_s: 0.0,
            runners,
            regions,
            users: Vec::new(),
            requests: Vec::new(),
        }
    }

    /// Users planned in a second; None if the load is open.
    pub fn users_in(&self, second: u64) -> Option<f64> {
        sum_in_the_middle(&self.users, second)
    }

    /// Requests per second planned in a second; None if the load is closed.
    pub fn requests_in(&self, second: u64) -> Option<f64> {
        sum_in_the_middle(&self.requests, second)
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

/// The last word of a region.
#[derive(Debug, Clone, Default)]
struct RegionView {
    second: u64,
    users: u64,
    /// By runner, with the second in which it was last heard of. Usually one
    /// tick tells them all; once a leader is lost, each tells its own.
    runners: BTreeMap<RunnerId, (u64, RunnerRow)>,
}

impl RegionView {
    fn hear(&mut self, tick: &Tick) {
        for row in &tick.runners {
            let known = self.runners.get(&row.0).map_or(0, |known| known.0);
            if tick.second.second >= known {
                self.runners
                    .insert(row.0.clone(), (tick.second.second, row.clone()));
            }
        }
        match tick.second.second.cmp(&self.second) {
            // A late tick must not turn the region's clock back.
            Ordering::Less => {}
            Ordering::Equal => self.users += tick.second.users,
            Ordering::Greater => {
                self.second = tick.second.second;
                self.users = tick.second.users;
            }
        }
    }

    /// A runner's state, or that nothing was heard of it for a while.
    fn state(&self, heard: u64, row: &RunnerRow) -> RunnerState {
        let silent = self.second.saturating_sub(heard) > SILENT_SECONDS;
        match row.1 {
            RunnerState::Loading if silent => RunnerState::Lagging,
            state => state,
        }
    }
}

/// A run, seen live.
#[derive(Debug)]
pub struct Live {
    /// What was planned.
    pub planned: Planned,
    /// Where the run stands.
    pub status: Status,
    /// Told to stop by the person in front of us.
    pub stopping: bool,
    /// Ctrl-C leaves the run alone.
    pub leaves: bool,
    regions: BTreeMap<Region, RegionView>,
    seconds: BTreeMap<u64, Second>,
    /// Everything so far.
    pub total: Second,
    /// The last sentence about the run: a runner lost, replaced.
    note: Option<String>,
}

impl Live {
    /// A run of which nothing has been heard.
    pub fn new(planned: Planned) -> Self {
        Self {
            planned,
            status: Status::Queued,
            stopping: false,
            leaves: false,
            regions: BTreeMap::new(),
            seconds: BTreeMap::new(),
            total: Second::default(),
            note: None,
        }
    }

    /// What was heard will be told again, from the beginning.
    pub fn forget(&mut self) {
        self.regions.clear();
        self.seconds.clear();
        self.total = Second::default();
    }

    /// Takes an event in; a sentence, if one is to be said now.
    pub fn take(&mut self, event: LiveEvent) -> Option<String> {
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
        self.seconds.entry(tick.second.second).or_default().merge(&second);
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
            view.hear(tick);
        }
    }

    /// The newest second that may be shown as whole.
    pub fn newest(&self) -> Option<u64> {
        let last = self.regions.values().map(|view| view.second).max()?;
        let all = self.regions.values().map(|view| view.second).min()?;
        Some(all.max(last.saturating_sub(PATIENCE_SECONDS)))
    }

    /// Users active, or requests in flight.
    pub fn users(&self) -> u64 {
        self.regions.values().map(|view| view.users).sum()
    }

    /// Requests begun per second just now, and what the plan wants.
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

    /// Requests begun in each of the last `most` whole seconds, oldest first.
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

    /// What the last seconds were like: latencies, lag and drops.
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
                    .filter(move |(_, (heard, row))| view.state(*heard, row) == wanted)
                    .map(|(id, _)| id)
            })
            .collect()
    }

    /// p50, p95 and p99 of a histogram, µs.
    pub fn percentiles(coarse: &Coarse) -> Option<[u64; 3]> {
        let at = |q| coarse.quantile_us(q).map(|us| us.round() as u64);
        Some([at(0.5)?, at(0.95)?, at(0.99)?])
    }

    /// What speaks against the numbers so far, by the limits of the final
    /// verdict; None while nothing does.
    pub fn doubt(&self) -> Option<String> {
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
