//! Requests that are made once per run, by one user who walks through them on a thread of its own, with a
//! time limit. They are prepared, sent and judged as those of a load are; what is recorded of them is
//! told apart from it. When they are made, and by whom, is `lifecycle`'s.

use crate::engine::LoadSpec;
use crate::engine::http::resolver::Resolver;
use crate::engine::make::inputs::Inputs;
use crate::engine::walk::group::GroupRun;
use crate::engine::walk::prepare::PreparedLoad;
use crate::engine::walk::thread;
use crate::engine::walk::walker::{Action, StepOutcome, Walker};
use dlt_core::load::share::Lot;
use dlt_core::messages::setup::OnceFacts;
use dlt_core::routing::EnvironmentProxies;
use dlt_core::scenario::plan::{Phase, Plan};
use dlt_core::scenario::show_duration;
use dlt_core::target_policy::TargetPolicy;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How long after its limit a walk is given up whose thread does not say that it is over: names are
/// looked up and certificates read before its clock starts.
const MARGIN: Duration = Duration::from_millis(500);

/// What is to be made.
#[derive(Debug)]
pub struct OnceSpec {
    /// Of one scenario: one user, who walks once.
    pub plan: Plan,
    /// Which part of it that is. Setup ends with its first failure; teardown goes on.
    pub phase: Phase,
    /// What the files of the run's plan hold.
    pub inputs: Arc<Inputs>,
    /// What random numbers of the run are made of.
    pub seed: u64,
    /// How long it may take.
    pub limit: Duration,
    /// Where requests may be sent.
    pub targets: TargetPolicy,
    /// The proxies of the environment.
    pub proxies: EnvironmentProxies,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct OnceResult {
    /// For people: no value of a variable is in it.
    pub facts: OnceFacts,
    /// The values that answers gave.
    pub values: BTreeMap<String, String>,
}

impl OnceResult {
    fn failed(failure: String) -> Self {
        Self {
            facts: OnceFacts {
                failure: Some(failure),
                ..OnceFacts::default()
            },
            values: BTreeMap::new(),
        }
    }
}

/// Makes the requests; dropped, it makes no further one.
pub async fn make_once(spec: OnceSpec) -> OnceResult {
    let until = tokio::time::Instant::now() + spec.limit + MARGIN;
    let (what, late) = (what(&spec), is_late(&spec, None));
    let (sender, result) = oneshot::channel();
    let thread = std::thread::Builder::new().name(spec.phase.name().to_owned());
    if let Err(error) = thread.spawn(move || run(spec, sender)) {
        return OnceResult::failed(format!("{what} has no thread: {error}"));
    }
    match tokio::time::timeout_at(until, result).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => OnceResult::failed(format!("{what} broke off")),
        Err(_) => OnceResult::failed(late),
    }
}

/// Whose requests they are, as sentences name it.
fn what(spec: &OnceSpec) -> String {
    let name = spec.plan.groups.first().map(|group| group.name.as_str());
    format!(
        "{} of scenario {}",
        spec.phase.name(),
        name.unwrap_or_default()
    )
}

/// What is told of requests that took too long; `at` is where they were.
fn is_late(spec: &OnceSpec, at: Option<String>) -> String {
    format!(
        "{} was not over after {} ({}){}",
        what(spec),
        show_duration(spec.limit.as_millis() as u64 * 1_000),
        spec.phase.limit_key(),
        at.map(|at| format!(", at {at}")).unwrap_or_default()
    )
}

/// The thread of the walk.
fn run(spec: OnceSpec, mut sender: oneshot::Sender<OnceResult>) {
    let runtime = match thread::runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            let result = OnceResult::failed(format!("{} cannot run: {error}", what(&spec)));
            // Fails only if nobody waits for it any more.
            let _ = sender.send(result);
            return;
        }
    };
    let result = runtime.block_on(async {
        tokio::select! {
            result = prepare_and_walk(&spec) => Some(result),
            () = sender.closed() => None,
        }
    });
    if let Some(result) = result {
        let _ = sender.send(result);
    }
}

async fn prepare_and_walk(spec: &OnceSpec) -> OnceResult {
    let start = Instant::now();
    let load = LoadSpec {
        plan: Arc::new(spec.plan.clone()),
        inputs: Arc::new(spec.inputs.without_rows()),
        lot: Lot::WHOLE,
        threads: 1,
        start,
        seed: spec.seed,
        keep_exchanges: false,
        memory_bytes: None,
        targets: spec.targets.clone(),
        proxies: spec.proxies.clone(),
    };
    let prepared = match PreparedLoad::new(&load, Resolver::system(spec.targets.clone())) {
        Ok(prepared) => Arc::new(prepared),
        Err(error) => {
            return OnceResult::failed(format!("{} cannot be made: {}", what(spec), error.0));
        }
    };
    match thread::once_group(&prepared, start) {
        Some(group) => walk(spec, &group).await,
        None => OnceResult::default(),
    }
}

/// Walks through the requests, at most for as long as they may take.
async fn walk(spec: &OnceSpec, group: &Rc<GroupRun>) -> OnceResult {
    let at = Cell::new(None);
    let mut walker = Walker::new(group.clone(), 0);
    let left = spec
        .limit
        .saturating_sub(Duration::from_micros(group.clock.now_us()));
    let walked = follow(spec.phase, group, &mut walker, &at);
    let ended = tokio::time::timeout(left, walked).await;
    let request = |n: usize| {
        let label = group.plan().steps.get(n).map(|step| step.label.as_str());
        format!("request {} ({})", n + 1, label.unwrap_or_default())
    };
    let failure = match ended {
        Ok(failed) => failed.map(|(n, why)| format!("{} of {}: {why}", request(n), what(spec))),
        Err(_) => Some(is_late(spec, at.get().map(request))),
    };
    let requests = group.recorder().sent();
    OnceResult {
        facts: OnceFacts {
            requests,
            took_us: group.clock.now_us(),
            failure,
        },
        values: walker.values(),
    }
}

/// Takes one request after the other; which one failed first, and why. `at` is where it is.
async fn follow(
    phase: Phase,
    group: &Rc<GroupRun>,
    walker: &mut Walker,
    at: &Cell<Option<usize>>,
) -> Option<(usize, String)> {
    let mut first = None;
    walker.begin_walk();
    loop {
        let n = match walker.next_action() {
            Action::Request(n) => n,
            Action::Pause(us) => {
                walker.pause_until(group.clock.now_us() + us).await;
                continue;
            }
            // No stream is opened here.
            Action::Close(_) => continue,
            Action::Done | Action::Leave => return first,
        };
        at.set(Some(n));
        let StepOutcome::Done(end) = walker.step(n, None, u64::MAX).await else {
            return first;
        };
        if first.is_none() {
            let why = group.recorder().first_failure();
            first = why.map(|why| (n, why));
        }
        if first.is_some() && phase == Phase::Setup {
            return first;
        }
        let pause_us = walker.think_time_us(n);
        if pause_us > 0 {
            walker.pause_until(end.read_us + pause_us).await;
        }
    }
}
