//! What is requested once per run, beside its load: by the leader of the first region, before the start
//! instant is told, and when the load has ended everywhere. Walking is the engine's; here stands who does
//! it, what is told of it, and until when.

use super::RunnerError;
use crate::coordinator::rendezvous::{RendezvousError, StartDeadline};
use crate::depot::Depot;
use crate::engine::{self, Inputs, OnceSpec};
use crate::output::log;
use dlt_core::ids::{Region, RunnerId};
use dlt_core::keys;
use dlt_core::messages::order::{LONGEST_TOLD_TEARDOWN_US, Order, Role};
use dlt_core::messages::setup::{OnceFacts, SetupFile, SetupState, too_long};
use dlt_core::random::seed_of;
use dlt_core::scenario::plan::{Phase, Plan, ScenarioValues};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Between two looks whether the load of another region has ended.
const POLL: Duration = Duration::from_millis(200);
/// How long what came of a teardown is tried to be stored.
const STORE_WITHIN: Duration = Duration::from_secs(3);
/// How much longer than its limits a teardown may take before the watchdog ends the runner.
const HANGS_AFTER: Duration = Duration::from_secs(10);

/// What this runner has to request after the load, if it has to.
#[derive(Debug, Default)]
pub(super) struct Teardown {
    /// Whether this is the first region's leader.
    is_first: bool,
    /// Whether it is due should the run end now: where there is a setup, once that went well.
    is_due: bool,
    /// The other regions, whose load has to have ended.
    others: Vec<Region>,
    inputs: Arc<Inputs>,
    /// The values of setup.
    given: Vec<ScenarioValues>,
    /// Until when other regions are waited for; None where no load was made.
    pub(super) waits_until: Option<Instant>,
}

impl Teardown {
    /// Of the first region's leader.
    pub(super) fn of_first(others: Vec<Region>, inputs: Arc<Inputs>) -> Self {
        Self {
            is_first: true,
            others,
            inputs,
            ..Self::default()
        }
    }

    /// Setup went well, and gave these values.
    pub(super) fn is_set_up(&mut self, given: &[ScenarioValues]) {
        self.is_due = true;
        self.given = given.to_vec();
    }

    /// The load begins.
    pub(super) fn load_begins(&mut self) {
        self.is_due = self.is_first;
    }
}

/// Who makes requests of a phase for which order.
#[derive(Clone, Copy)]
pub(super) struct OnceMaker<'a> {
    pub order: &'a Order,
    pub runner: &'a RunnerId,
    pub plan: &'a Plan,
    pub depot: &'a Depot,
}

impl OnceMaker<'_> {
    /// Makes the requests before the load, unless an earlier leader of this run has; the values that they
    /// gave. A failure is told by the object that it leaves, and ends the run.
    pub(super) async fn set_up(
        &self,
        inputs: &Arc<Inputs>,
        deadline: StartDeadline,
    ) -> Result<Vec<ScenarioValues>, RunnerError> {
        let key = keys::setup(&self.order.test, &self.order.prefix);
        match self.known(&key).await? {
            None => {}
            Some(SetupState::Done { given, .. }) => return Ok(given),
            Some(SetupState::Failed { facts }) => return Err(failed(&facts)),
            Some(SetupState::Begun) => {
                let facts = OnceFacts {
                    failure: Some("setup was begun by a runner that was lost before its end, and is not made a second time, so that no load was made: look what it left at the target, and start the run again".to_owned()),
                    ..OnceFacts::default()
                };
                return self.fail(&key, facts, deadline).await;
            }
        }
        self.store(&key, SetupState::Begun, deadline).await?;
        log("making the requests of setup");
        let (mut facts, given) = self.make(Phase::Setup, inputs, None).await;
        facts.failure = facts.failure.or_else(|| too_long(&given)).map(|why| {
            format!("setup failed, and no load was made: {why}. Correct it, or what it needs at the target, and start the run again")
        });
        if facts.failure.is_some() {
            return self.fail(&key, facts, deadline).await;
        }
        log(&format!("setup is over: {} requests", facts.requests));
        let done = SetupState::Done {
            facts,
            given: given.clone(),
        };
        self.store(&key, done, deadline).await?;
        Ok(given)
    }

    /// What an earlier leader left, if there was one.
    async fn known(&self, key: &str) -> Result<Option<SetupState>, RunnerError> {
        let Some(bytes) = self.depot.fetch(key).await? else {
            return Ok(None);
        };
        // What is wrong with it may show a value, and is not told.
        let file: SetupFile =
            serde_json::from_slice(&bytes).map_err(|_| RendezvousError::Object {
                key: key.to_owned(),
                what: "is not understood".to_owned(),
            })?;
        Ok(Some(file.state))
    }

    async fn fail<T>(
        &self,
        key: &str,
        facts: OnceFacts,
        deadline: StartDeadline,
    ) -> Result<T, RunnerError> {
        let error = failed(&facts);
        self.store(key, SetupState::Failed { facts }, deadline)
            .await?;
        Err(error)
    }

    async fn store(
        &self,
        key: &str,
        state: SetupState,
        deadline: StartDeadline,
    ) -> Result<(), RunnerError> {
        let file = SetupFile {
            runner: self.runner.clone(),
            state,
        };
        // Numbers and texts alone: this cannot fail.
        let json = serde_json::to_vec(&file).unwrap_or_default();
        Ok(self.depot.store_by(key, json, deadline.at()).await?)
    }

    /// Makes a phase of each scenario, one after the other, all of it until `until` at the latest. Setup
    /// ends with the first failure.
    async fn make(
        &self,
        phase: Phase,
        inputs: &Arc<Inputs>,
        until: Option<Instant>,
    ) -> (OnceFacts, Vec<ScenarioValues>) {
        let (mut facts, mut given) = (OnceFacts::default(), Vec::new());
        for plan in self.plan.alone(phase) {
            let group = plan.groups.first();
            let scenario = group.map_or(String::new(), |group| group.name.clone());
            let limit = group.and_then(|group| group.once(phase));
            let limit = Duration::from_micros(limit.map_or(0, |once| once.limit_us));
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            let made = engine::make_once(OnceSpec {
                seed: plan.seed().unwrap_or_else(|| seed_of(&self.order.run)),
                plan,
                phase,
                inputs: inputs.clone(),
                limit: left.map_or(limit, |left| left.min(limit)),
                targets: self.order.targets.clone(),
                proxies: self.order.proxies.clone(),
            })
            .await;
            facts.add(made.facts);
            given.push(ScenarioValues {
                scenario,
                values: made.values,
            });
            if phase == Phase::Setup && facts.failure.is_some() {
                break;
            }
        }
        (facts, given)
    }

    /// Behind the load, where something is requested then: the first region's leader does it, the others'
    /// say that their region is through.
    pub(super) async fn after_the_load(&self, teardown: &Teardown, is_told: bool) {
        if self.plan.once(Phase::Teardown).is_empty() {
            return;
        }
        match (self.order.role, teardown.is_first) {
            (Role::Leader, true) if teardown.is_due => self.tear_down(teardown, is_told).await,
            (Role::Leader, false) => self.tell_ended().await,
            _ => {}
        }
    }

    /// Makes the requests after the load: at most for their limits, and for less after a stop. What came
    /// of them is stored beside the reports; it changes no number.
    async fn tear_down(&self, teardown: &Teardown, is_told: bool) {
        if let Some(until) = teardown.waits_until {
            self.await_others(&teardown.others, until).await;
        }
        // Each scenario's own limit holds; after a stop all have less.
        let until = is_told.then(|| Instant::now() + longest_teardown(self.plan, true));
        log("making the requests of teardown");
        let plan = self.plan.clone().with_values(&teardown.given);
        let maker = OnceMaker {
            plan: &plan,
            ..*self
        };
        let made = maker.make(Phase::Teardown, &teardown.inputs, until);
        let (facts, _) = made.await;
        log(&match &facts.failure {
            None => format!("teardown is over: {} requests", facts.requests),
            Some(why) => format!("teardown failed: {why}"),
        });
        let key = keys::teardown(&self.order.test, &self.order.prefix);
        let json = serde_json::to_vec(&facts).unwrap_or_default();
        let by = Instant::now() + STORE_WITHIN;
        let stored = tokio::time::timeout_at(by, self.depot.store_by(&key, json, by)).await;
        if !matches!(stored, Ok(Ok(()))) {
            log("what came of teardown cannot be stored");
        }
    }

    /// Waits until the load has ended in all other regions.
    async fn await_others(&self, others: &[Region], until: Instant) {
        let Order { test, prefix, .. } = self.order;
        for region in others {
            let key = keys::region_ended(test, prefix, region);
            loop {
                let ended = tokio::time::timeout_at(until, self.depot.fetch(&key)).await;
                if matches!(ended, Err(_) | Ok(Ok(Some(_)))) {
                    break;
                }
                tokio::time::sleep_until(until.min(Instant::now() + POLL)).await;
                if Instant::now() >= until {
                    break;
                }
            }
        }
    }

    /// Tells the first region's leader that the load of this region has ended.
    async fn tell_ended(&self) {
        let Order {
            test,
            prefix,
            region,
            ..
        } = self.order;
        let key = keys::region_ended(test, prefix, region);
        let by = Instant::now() + STORE_WITHIN;
        let stored = self.depot.store_by(&key, b"{}".to_vec(), by);
        if let Ok(Err(error)) = tokio::time::timeout_at(by, stored).await {
            log(&error.to_string());
        }
    }
}

fn failed(facts: &OnceFacts) -> RunnerError {
    RunnerError::Setup(facts.failure.clone().unwrap_or_default())
}

/// How long a teardown may take in all.
fn longest_teardown(plan: &Plan, is_told: bool) -> Duration {
    let all_us = plan.once_us(Phase::Teardown);
    Duration::from_micros(match is_told {
        true => all_us.min(LONGEST_TOLD_TEARDOWN_US),
        false => all_us,
    })
}

/// When a runner that makes the requests after the load hangs.
pub(super) fn hangs_at(plan: &Plan, teardown: &Teardown) -> std::time::Instant {
    let from = teardown.waits_until.unwrap_or_else(Instant::now);
    let from = from.max(Instant::now()).into_std();
    from + longest_teardown(plan, false) + HANGS_AFTER
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{order, runner};
    use serde_json::json;

    /// A plan whose setup finds nobody.
    fn plan() -> Plan {
        let document = json!({
            "execution": [{ "scenario": "s", "users": 1, "hold-for": "9s" }],
            "scenarios": { "s": {
                "setup": [{ "url": "http://127.0.0.1:1/", "label": "nobody" }],
                "requests": ["http://127.0.0.1:1/"],
                "teardown": ["http://127.0.0.1:1/"],
            } },
        });
        Plan::from_document(&document.into()).unwrap_or_else(|faults| panic!("{faults}"))
    }

    /// Whoever replaces a lost leader takes what that one left, and never makes a setup again.
    #[tokio::test]
    async fn a_setup_is_made_once_whoever_makes_it() {
        let plan = plan();
        let given = vec![ScenarioValues {
            scenario: "s".to_owned(),
            values: [("token".to_owned(), "t".to_owned())].into(),
        }];
        let done = SetupState::Done {
            facts: OnceFacts::default(),
            given: given.clone(),
        };
        for (left, is_ok, says) in [
            (Some(done), true, ""),
            (Some(SetupState::Begun), false, "is not made a second time"),
            (None, false, "request 1 (nobody) of setup of scenario s"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let order = order(folder.path(), Role::Leader);
            let depot = Depot::folder(folder.path().to_str().unwrap()).unwrap();
            let maker = OnceMaker {
                order: &order,
                runner: &runner(2),
                plan: &plan,
                depot: &depot,
            };
            let deadline = StartDeadline::in_seconds(30);
            let key = keys::setup(&order.test, &order.prefix);
            if let Some(state) = left {
                maker.store(&key, state, deadline).await.unwrap();
            }
            let inputs = Arc::new(Inputs::default());
            let first = maker.set_up(&inputs, deadline).await;
            match first {
                Ok(got) => assert!(is_ok && got == given),
                Err(error) => {
                    assert!(!is_ok && error.to_string().contains(says), "{error}");
                    assert_eq!(error.exit(), crate::EXIT_BAD_ORDER);
                    // What failed stays so.
                    let second = maker.set_up(&inputs, deadline).await.unwrap_err();
                    assert_eq!(second.to_string(), error.to_string());
                }
            }
        }
    }

    #[test]
    fn a_stop_leaves_less_time() {
        let mut plan = plan();
        let once = plan.groups[0].teardown.as_mut().unwrap();
        once.limit_us = 2 * LONGEST_TOLD_TEARDOWN_US;
        let longest = |is_told| longest_teardown(&plan, is_told).as_micros() as u64;
        assert_eq!(longest(false), 2 * LONGEST_TOLD_TEARDOWN_US);
        assert_eq!(longest(true), LONGEST_TOLD_TEARDOWN_US);
    }
}
