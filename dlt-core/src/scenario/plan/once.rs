//! Requests that are made once per run, beside its load: `setup` before it, `teardown` after it. They
//! are walked by one user; who that is, and when, is up to the runners.

use super::{Group, Load, Once, Pacing, Plan, Step};
use crate::load::{Curve, Model};
use crate::scenario::limits::SHORTEST_HOLD_US;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// When requests are made that are no load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Before the load of the run.
    Setup,
    /// Behind it.
    Teardown,
}

impl Phase {
    /// Both, in their order.
    pub const ALL: [Self; 2] = [Self::Setup, Self::Teardown];

    /// The key of its requests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Teardown => "teardown",
        }
    }

    /// The key of its time limit.
    pub fn limit_key(self) -> &'static str {
        match self {
            Self::Setup => "setup-timeout",
            Self::Teardown => "teardown-timeout",
        }
    }
}

impl Once {
    /// The names of the values that its answers give.
    fn extracted(&self) -> impl Iterator<Item = &str> {
        let found = self.steps.iter().flat_map(|step| &step.extractions);
        found.map(|found| found.variable.as_str())
    }
}

/// The values that the setup of a scenario gave, for all of its users. They may be secrets: what is
/// shown of them for debugging are their names.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScenarioValues {
    /// The scenario's name.
    pub scenario: String,
    /// Variables and their values.
    pub values: BTreeMap<String, String>,
}

impl fmt::Debug for ScenarioValues {
    fn fmt(&self, shown: &mut fmt::Formatter<'_>) -> fmt::Result {
        shown
            .debug_struct("ScenarioValues")
            .field("scenario", &self.scenario)
            .field("names", &self.values.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

impl Group {
    /// What it requests once in a phase.
    pub fn once(&self, phase: Phase) -> Option<&Once> {
        match phase {
            Phase::Setup => self.setup.as_ref(),
            Phase::Teardown => self.teardown.as_ref(),
        }
    }

    /// Its requests, with those that are made once per run.
    pub fn all_steps(&self) -> impl Iterator<Item = &Step> {
        let once = Phase::ALL.into_iter().filter_map(|phase| self.once(phase));
        self.steps
            .iter()
            .chain(once.flat_map(|once| once.steps.iter()))
    }

    /// The variables that setup gives a value, unless its conditions lead past that.
    pub fn given_by_setup(&self) -> impl Iterator<Item = &str> {
        self.setup.iter().flat_map(Once::extracted)
    }

    /// The variables whose values are not to be shown, whatever their names say: what is asked for once
    /// per run is most often what lets its users in.
    pub fn hidden(&self) -> BTreeSet<&str> {
        let once = Phase::ALL.into_iter().filter_map(|phase| self.once(phase));
        once.flat_map(Once::extracted).collect()
    }

    /// The plan of one user who walks a phase once; None without requests in it. Both phases stay beside
    /// it, for what is hidden.
    fn alone(&self, phase: Phase) -> Option<Plan> {
        let once = self.once(phase)?;
        let length_us = once.limit_us.max(SHORTEST_HOLD_US);
        let load = Load {
            model: Model::Users(Curve::ramp_hold(1.0, 0, length_us)),
            own_shape: false,
            per_task: false,
            iterations: Some(1),
            total_requests: None,
            throughput: None,
            graceful_stop_us: 0,
            pacing: Pacing::Default,
            give_up_after_us: None,
            ..self.load.clone()
        };
        Some(Plan {
            groups: vec![Self {
                load,
                steps: once.steps.clone(),
                flow: once.flow.clone(),
                streams: 1,
                data: Vec::new(),
                ..self.clone()
            }],
        })
    }
}

impl Plan {
    /// What is requested once in a phase, by scenario, in the order of `execution`. A scenario that
    /// several items run is there once.
    pub fn once(&self, phase: Phase) -> Vec<(&Group, &Once)> {
        let mut found: Vec<(&Group, &Once)> = Vec::new();
        for group in &self.groups {
            if let Some(once) = group.once(phase)
                && !found.iter().any(|(known, _)| known.name == group.name)
            {
                found.push((group, once));
            }
        }
        found
    }

    /// How long a phase may take in all, µs; 0 without requests in it.
    pub fn once_us(&self, phase: Phase) -> u64 {
        let all = self.once(phase);
        all.iter().map(|(_, once)| once.limit_us).sum()
    }

    /// The plans of a phase, each of one user of one scenario who walks once.
    pub fn alone(&self, phase: Phase) -> Vec<Self> {
        let all = self.once(phase);
        all.iter()
            .filter_map(|(group, _)| group.alone(phase))
            .collect()
    }

    /// The same with the values that setup gave.
    #[must_use]
    pub fn with_values(mut self, given: &[ScenarioValues]) -> Self {
        for group in &mut self.groups {
            let of_group = given.iter().filter(|row| row.scenario == group.name);
            for (name, value) in of_group.flat_map(|row| &row.values) {
                let known = group.variables.iter_mut().find(|known| known.0 == *name);
                match known {
                    Some(known) => known.1.clone_from(value),
                    None => group.variables.push((name.clone(), value.clone())),
                }
            }
        }
        self
    }
}
