//! What the simulated world holds: time, stored items, runners, and the faults
//! that are to happen. Ports (`ports`) are views of it; `runners` moves them.

use crate::outages::{Hits, Outage};
use crate::rng::Rng;
use crate::runners::Runner;
use dlt_core::calls::live::LiveEvent;
use dlt_core::ids::{RunnerId, TestId};
use dlt_pipeline::error::PipelineError;
use dlt_pipeline::runs::Run;
use dlt_pipeline::scenarios::ScenarioItem;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How often each kind of fault happens; 0 never.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// A port's call fails, before or after its effect.
    pub port: f64,
    /// A function's call fails, before or after its effect.
    pub function: f64,
    /// A function is called twice.
    pub twice: f64,
    /// The driver is restarted between two steps.
    pub restart: f64,
    /// A launch is refused.
    pub refused: f64,
    /// A runner never becomes ready.
    pub never_ready: f64,
    /// A runner ends right after its launch.
    pub stillborn: f64,
    /// A runner is killed while it loads.
    pub dies: f64,
    /// A runner ends later than planned, or never.
    pub slow: f64,
    /// A runner does not obey SIGTERM.
    pub deaf: f64,
    /// A runner ends well but its report is lost.
    pub report_lost: f64,
    /// A report is unreadable.
    pub report_broken: f64,
    /// The user cancels.
    pub cancel: f64,
}

/// The simulated world.
pub struct State {
    pub now_us: u64,
    /// How far the wall clock is ahead of true time, which deadlines go by.
    pub wall_offset_us: i64,
    /// Until when runners stand still.
    pub frozen_until_us: u64,
    pub rng: Rng,
    pub faults: Faults,
    /// Port calls fail only until then: chaos, then calm.
    pub calm_us: u64,
    /// Faults of ports and functions so far.
    pub injected: u64,
    pub runs: BTreeMap<String, Run>,
    pub scenarios: BTreeMap<String, ScenarioItem>,
    pub objects: BTreeMap<String, Vec<u8>>,
    /// Objects that runners handed over, since they could not store them.
    pub held: BTreeMap<String, Vec<u8>>,
    pub outages: Vec<Outage>,
    pub hits: Hits,
    pub runners: Vec<Runner>,
    /// Who was launched by each token.
    pub tokens: BTreeMap<String, Vec<RunnerId>>,
    pub schedules: BTreeMap<TestId, u64>,
    /// When the run reached its last status.
    pub ended_us: Option<u64>,
    /// Executions asked for and not yet begun.
    pub queued: Vec<(String, Value)>,
    pub execution_names: BTreeSet<String>,
    pub events: Vec<LiveEvent>,
    /// What must never happen, and did.
    pub violations: Vec<String>,
    /// What happened, for the reader of a failed seed.
    pub log: Vec<String>,
}

/// Shared by all ports.
pub type Shared = Arc<Mutex<State>>;

/// Locks the world.
pub fn lock(shared: &Shared) -> MutexGuard<'_, State> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// When a port's call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    Never,
    Before,
    After,
}

impl State {
    /// A world at rest.
    pub fn new(seed: u64, faults: Faults) -> Self {
        Self {
            now_us: 1_772_615_702_000_000,
            wall_offset_us: 0,
            frozen_until_us: 0,
            rng: Rng::new(seed),
            faults,
            calm_us: u64::MAX,
            injected: 0,
            runs: BTreeMap::new(),
            scenarios: BTreeMap::new(),
            objects: BTreeMap::new(),
            held: BTreeMap::new(),
            outages: Vec::new(),
            hits: Hits::new(),
            runners: Vec::new(),
            tokens: BTreeMap::new(),
            schedules: BTreeMap::new(),
            ended_us: None,
            queued: Vec::new(),
            execution_names: BTreeSet::new(),
            events: Vec::new(),
            violations: Vec::new(),
            log: Vec::new(),
        }
    }

    /// Draws whether this call fails.
    pub fn draw(&mut self, probability: f64) -> When {
        if self.now_us >= self.calm_us || !self.rng.chance(probability) {
            return When::Never;
        }
        self.injected += 1;
        if self.rng.chance(0.5) {
            When::Before
        } else {
            When::After
        }
    }

    /// Writes into the story of this seed.
    pub fn tell(&mut self, sentence: String) {
        let second = self.now_us / 1_000 % 10_000_000;
        self.log.push(format!("{second:>8} ms  {sentence}"));
    }

    /// Notes what must never happen.
    pub fn violate(&mut self, sentence: String) {
        self.tell(format!("VIOLATION {sentence}"));
        self.violations.push(sentence);
    }
}

/// A fault that passes.
pub fn passing(rng: &mut Rng) -> PipelineError {
    match rng.chance(0.3) {
        true => PipelineError::Throttled("rate exceeded".to_owned()),
        false => PipelineError::Transient("connection reset".to_owned()),
    }
}
