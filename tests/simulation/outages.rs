//! Outages of the simulated store: some of its ports take and give nothing for a
//! while. What the driver then does is here too, as the driver at home does it: it
//! tries again, with the same pauses, and no such failure reaches the workflow.

use crate::play::{Action, Play};
use crate::state::{State, lock};
use dlt_pipeline::error::{PipelineError, Source};
use dlt_pipeline::store::outage::Pauses;
use dlt_pipeline::workflow::frame::Effect;
use std::collections::BTreeMap;

/// The ports of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    Runs,
    Scenarios,
    Objects,
    Executions,
}

impl Port {
    pub const ALL: [Self; 4] = [Self::Runs, Self::Scenarios, Self::Objects, Self::Executions];

    fn name(self) -> &'static str {
        match self {
            Self::Runs => "calls of runs refused",
            Self::Scenarios => "calls of scenarios refused",
            Self::Objects => "calls of objects refused",
            Self::Executions => "calls of executions refused",
        }
    }
}

/// Some ports are out for a while.
#[derive(Debug, Clone)]
pub struct Outage {
    /// From when, µs since the begin of the play.
    pub from_us: u64,
    /// How long.
    pub length_us: u64,
    /// Which.
    pub ports: Vec<Port>,
}

/// How often something happened, over all seeds.
pub type Hits = BTreeMap<&'static str, u64>;

/// What the outages of enough seeds must have met, each at least once. Executions are out
/// where a machine waits to be stored: the port itself is called by long runs alone.
pub const EXPECTED: [&str; 9] = [
    "calls of runs refused",
    "calls of scenarios refused",
    "calls of objects refused",
    "a function waited for the store",
    "a machine waited to be stored",
    "the driver was restarted while it waited",
    "a runner kept its report and stored it later",
    "a runner handed its report over",
    "the store came back long after the planned end",
];

impl State {
    pub fn hit(&mut self, what: &'static str) {
        *self.hits.entry(what).or_default() += 1;
    }

    /// Whether a port is out now.
    pub fn is_out(&self, port: Port) -> bool {
        self.outages.iter().any(|outage| {
            (outage.from_us..outage.from_us + outage.length_us).contains(&self.now_us)
                && outage.ports.contains(&port)
        })
    }

    /// What a port that is out answers.
    pub fn refuse(&mut self, port: Port) -> Result<(), PipelineError> {
        if !self.is_out(port) {
            return Ok(());
        }
        self.hit(port.name());
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        Err(match port {
            Port::Objects => PipelineError::file(std::path::Path::new("/data/objects"), full),
            _ => PipelineError::Store {
                passing: true,
                source: Source::of(full),
            },
        })
    }
}

impl Play {
    /// Stores a machine and then does what it wants done; waits while it cannot be
    /// stored.
    pub fn save_then(&mut self, of: usize, mut effects: Vec<Effect>, mut pauses: Pauses) {
        let is_out = lock(&self.sim.0).is_out(Port::Executions);
        if is_out {
            lock(&self.sim.0).hit("a machine waited to be stored");
            if self.chance(|faults| faults.restart) {
                lock(&self.sim.0).hit("the driver was restarted while it waited");
                effects = self.restart(of);
            }
            let pause_us = pauses.next_pause().as_micros() as u64;
            let save = Action::Save {
                of,
                effects,
                pauses,
            };
            return self.plan(pause_us, save);
        }
        self.stored[of] = serde_json::to_string(&self.machines[of]).expect("plain data");
        if self.chance(|faults| faults.restart) {
            effects = self.restart(of);
        }
        self.perform(of, effects);
    }
}
