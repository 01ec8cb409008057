//! The world: all ports in one place, and the pace at which a place lives.
//! Adapters are chosen in `local`, and for stored executions in the driver at home.

use crate::clock::{Clock, RunClock};
use crate::error::PipelineError;
use crate::executions::Executions;
use crate::fleet::Fleet;
use crate::live::Live;
use crate::objects::Objects;
use crate::regions::Regions;
use crate::runs::{self, Run, Runs};
use crate::scenarios::{self, Scenarios};
use crate::schedules::Schedules;
use dlt_core::calls::live::LiveEvent;
use dlt_core::ids::{Region, TestId, TestRunId};
use dlt_core::routing::EnvironmentProxies;
use dlt_core::scenario::plan::Tool;
use dlt_core::target_policy::TargetPolicy;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Runners that one machine prepares in `start_ahead_us`.
pub const FEW_RUNNERS: u64 = 4;

/// How long things may take at one place. Every wait of the workflow is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    /// How far ahead a change of the load lies: until then leaders have heard of it.
    pub change_ahead_us: u64,
    /// Between two looks, s.
    pub poll_s: u64,
    /// How far ahead the start instant lies, for few runners: in it leaders see the start and deal
    /// it out, and all prepare their load.
    pub start_ahead_us: u64,
    /// How much further for each runner beyond [`FEW_RUNNERS`]: at home they prepare on the same
    /// cores.
    pub start_ahead_each_us: u64,
    /// How long workers, and then leaders, may take to come up.
    pub provisioning_us: u64,
    /// A runner that is not ready after so long is replaced.
    pub stuck_us: u64,
    /// How long a runner may take to stop and report beyond its graceful stop.
    pub stop_us: u64,
    /// How long ended runners may still be seen after they were killed.
    pub kill_us: u64,
    /// How long after planned end and graceful stop a run is overdue: a little
    /// before the 30 s after which it is over (dlt.md 2), for kill and merge.
    pub overdue_us: u64,
    /// How long runners that are seen to be late have before they are ended, awake: from
    /// so long before their time is over, or, where everything stood still until then,
    /// from then on.
    pub asked_again_us: u64,
    /// Looks while running, after which a fresh execution goes on.
    pub cycles: u64,
}

impl Pace {
    /// The pace at home.
    pub fn home() -> Self {
        Self {
            change_ahead_us: 400_000,
            poll_s: 1,
            start_ahead_us: 200_000,
            start_ahead_each_us: 25_000,
            provisioning_us: 30_000_000,
            stuck_us: 10_000_000,
            stop_us: 5_000_000,
            kill_us: 4_000_000,
            overdue_us: 26_000_000,
            asked_again_us: 4_000_000,
            cycles: 500,
        }
    }

    /// The pace on AWS: tasks take a minute to come up, StopTask cannot kill, and
    /// each look is a paid transition of a state.
    pub fn aws() -> Self {
        Self {
            poll_s: 5,
            start_ahead_us: 5_000_000,
            start_ahead_each_us: 0,
            provisioning_us: 900_000_000,
            stuck_us: 180_000_000,
            stop_us: 30_000_000,
            kill_us: 90_000_000,
            overdue_us: 300_000_000,
            change_ahead_us: 4_000_000,
            asked_again_us: 0,
            cycles: 500,
        }
    }
}

impl Pace {
    /// The pace of a run whose load a script's tool makes: its runners look at the script before they
    /// are ready, and start the tool between the start's announcement and the start.
    #[must_use]
    pub fn for_script(mut self, tool: Tool) -> Self {
        let s = 1_000_000;
        // Tools of runners on one machine come up on the same cores.
        let (ahead_us, each_us) = match tool {
            Tool::K6 => (s, s / 10),
            Tool::Locust => (4 * s, s),
            Tool::Jmeter => (8 * s, 2 * s),
        };
        self.start_ahead_us += ahead_us;
        if self.start_ahead_each_us > 0 {
            self.start_ahead_each_us += each_us;
        }
        self.provisioning_us = self.provisioning_us.max(50 * s);
        self.stuck_us = self.stuck_us.max(45 * s);
        self
    }

    /// How far ahead the start of so many runners lies, µs.
    pub fn start_ahead_of(&self, runners: u64) -> u64 {
        let more = runners.saturating_sub(FEW_RUNNERS);
        self.start_ahead_us + more * self.start_ahead_each_us
    }
}

/// Where scripts may be run: they are programs, which do what their author wants with the rights of
/// their runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scripts {
    /// Nowhere, unless whoever started this service allows them.
    Refused,
    /// In all regions, if the tool is installed there.
    Allowed,
    /// In regions whose runners have an image with tools: these.
    Images(BTreeMap<Region, BTreeSet<Tool>>),
}

impl Scripts {
    /// At home, where whoever starts the service allows them or does not.
    pub fn at_home(allowed: bool) -> Self {
        match allowed {
            true => Self::Allowed,
            false => Self::Refused,
        }
    }
}

/// All ports in one place.
pub struct World {
    /// Scenarios.
    pub scenarios: Arc<dyn Scenarios>,
    /// Runs.
    pub runs: Arc<dyn Runs>,
    /// Objects.
    pub objects: Arc<dyn Objects>,
    /// Regions.
    pub regions: Arc<dyn Regions>,
    /// Who wakes scenarios.
    pub schedules: Arc<dyn Schedules>,
    /// Runners.
    pub fleet: Arc<dyn Fleet>,
    /// Watchers.
    pub live: Arc<dyn Live>,
    /// Executions of the workflow.
    pub executions: Arc<dyn Executions>,
    /// Time and chance.
    pub clock: Arc<dyn Clock>,
    /// How long things may take.
    pub pace: Pace,
    /// `DLT_DEPOT`: where runners find the objects.
    pub depot: String,
    /// Cores that a run's runners share; None where each has its own.
    pub cores: Option<u64>,
    /// Where load may be sent.
    pub targets: TargetPolicy,
    /// Where scripts of JMeter, k6 and Locust may be run.
    pub scripts: Scripts,
    /// The proxies of the environment at home; elsewhere there are none.
    pub proxies: EnvironmentProxies,
}

impl World {
    /// The pace of a run.
    pub fn pace_of(&self, run: &Run) -> Pace {
        let pace = self.pace.clone();
        match Tool::parse(&run.record.test_type) {
            Some(tool) => pace.for_script(tool),
            None => pace,
        }
    }

    /// Changes a run, shows its status on the scenario and tells watchers.
    pub async fn change(
        &self,
        test: &TestId,
        id: &TestRunId,
        change: &(dyn Fn(&mut Run) + Send + Sync),
    ) -> Result<Run, PipelineError> {
        let (before, after) = runs::update(self.runs.as_ref(), test, id, change).await?;
        if before.record.status != after.record.status {
            let status = after.record.status;
            self.live
                .publish(&after, LiveEvent::status(id, status))
                .await;
            scenarios::mirror(self.scenarios.as_ref(), &after).await?;
        }
        Ok(after)
    }

    /// Now, on the clock of the run's deadlines.
    pub fn now_us(&self, run: &Run) -> u64 {
        RunClock::now_us(run.clock, self.clock.as_ref())
    }

    /// Tells watchers a sentence.
    pub async fn note(&self, run: &Run, sentence: String) {
        let event = LiveEvent::Note(sentence);
        self.live.publish(run, event).await;
    }
}
