//! A load under way, whoever makes it: the engine or a script's tool.

use super::RunnerError;
use crate::depot::Depot;
use crate::engine::{self, Inputs, Load, LoadError, LoadResult, LoadSpec, ThreadSecond};
use crate::health::{self, cgroup::Cgroup};
use crate::output::log;
use crate::report::RunContext;
use crate::scripts::{self, PreparedScript, ScriptError, ScriptLoad, ScriptSpec};
use dlt_core::ids::RunnerId;
use dlt_core::keys;
use dlt_core::load::changes::LoadChange;
use dlt_core::load::share::Lot;
use dlt_core::messages::order::Order;
use dlt_core::messages::report::Ended;
use dlt_core::random::seed_of;
use dlt_core::scenario::plan::{Plan, Tool};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::UnboundedSender;

/// What a runner has when it is ready.
#[derive(Debug)]
pub(super) enum Prepared {
    /// What the files of its requests hold.
    Requests(Arc<Inputs>),
    /// A script in its folder.
    Script(PreparedScript),
}

/// A load that is made.
#[derive(Debug)]
pub(super) enum RunningLoad {
    Requests(Load),
    Script(Tool, ScriptLoad),
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Done {
    pub load: LoadResult,
    pub script: Option<ScriptEnd>,
}

/// How a script's tool ended.
#[derive(Debug)]
pub(super) struct ScriptEnd {
    tool: Tool,
    tool_failed: Option<String>,
    script_failed: Option<String>,
    printed: String,
}

/// What is run of a plan's script.
fn script_spec(plan: Arc<Plan>, lot: Lot, start: Instant) -> ScriptSpec {
    ScriptSpec {
        graceful: Duration::from_micros(plan.graceful_stop_us()),
        plan,
        lot,
        start,
    }
}

impl RunningLoad {
    /// Starts a script's tool.
    pub fn script(
        prepared: PreparedScript,
        spec: ScriptSpec,
        seconds: UnboundedSender<ThreadSecond>,
    ) -> Result<Self, RunnerError> {
        let tool = prepared.tool();
        let load = scripts::begin(prepared, spec, seconds).map_err(ScriptError::Folder)?;
        Ok(Self::Script(tool, load))
    }

    /// Begins no further request.
    pub fn stop(&self) {
        match self {
            Self::Requests(load) => load.stop(),
            Self::Script(_, load) => load.stop(),
        }
    }

    /// Changes the load; that of a script cannot be changed, which the control plane refuses.
    pub fn change(&self, changes: &[LoadChange]) {
        if let Self::Requests(load) = self {
            load.change(changes);
        }
    }

    /// As `engine::Load::finished_by`.
    pub async fn finished_by(self, until: tokio::time::Instant) -> Option<Done> {
        match self {
            Self::Requests(load) => {
                let load: engine::Load = load;
                Some(Done {
                    load: load.finished_by(until).await?,
                    script: None,
                })
            }
            Self::Script(tool, load) => {
                let result = load.finished_by(until).await?;
                Some(Done {
                    load: result.load,
                    script: Some(ScriptEnd {
                        tool,
                        tool_failed: result.tool_failed,
                        script_failed: result.script_failed,
                        printed: result.printed,
                    }),
                })
            }
        }
    }
}

impl ScriptEnd {
    /// Tells it in the report. Why the load was ended from outside says more than how its tool then
    /// ended.
    pub fn tell(&self, context: &mut RunContext) {
        context.script_failed.clone_from(&self.script_failed);
        if let Some(message) = &self.tool_failed
            && context.ended.is_none()
        {
            let message = message.clone();
            context.ended = Some(Ended::ToolFailed { message });
        }
    }

    /// Stores what the tool printed, for people. That it cannot be stored changes no number.
    pub async fn store_log(&self, depot: &Depot, order: &Order, runner: &RunnerId) {
        let tool = self.tool.name();
        let key = keys::tool_log(&order.test, &order.prefix, tool, runner, &order.region);
        if let Err(error) = depot.store(&key, self.printed.clone().into_bytes()).await {
            log(&format!("what {tool} printed is not stored: {error}"));
        }
    }
}

/// Begins the load of what was prepared.
pub(super) async fn begin_any(
    order: &Order,
    (plan, prepared): (Arc<Plan>, Prepared),
    lot: Lot,
    (threads, start_at): (usize, Instant),
    seconds: UnboundedSender<ThreadSecond>,
) -> Result<RunningLoad, RunnerError> {
    match prepared {
        Prepared::Requests(inputs) => {
            let mut spec = load_spec(order, (plan, inputs), lot, (threads, start_at));
            spec.memory_bytes = memory_of(threads, &Cgroup::own());
            Ok(RunningLoad::Requests(begin(spec, seconds).await?))
        }
        Prepared::Script(prepared) => {
            let spec = script_spec(plan, lot, start_at);
            RunningLoad::script(prepared, spec, seconds)
        }
    }
}

/// As [`engine::warm_up`], beside the event loop, which has to hear a stop meanwhile.
pub(super) async fn warm_up(order: &Order, plan: &Arc<Plan>, inputs: &Arc<Inputs>) {
    let parts = (plan.clone(), inputs.clone());
    let spec = load_spec(order, parts, Lot::WHOLE, (1, Instant::now()));
    // What breaks off here breaks off in `begin` too, which tells it.
    let _ = tokio::task::spawn_blocking(move || engine::warm_up(&spec)).await;
}

/// Begins beside the event loop, which has to answer the peers meanwhile.
async fn begin(
    spec: LoadSpec,
    seconds: UnboundedSender<ThreadSecond>,
) -> Result<engine::Load, LoadError> {
    tokio::task::spawn_blocking(move || engine::begin(spec, seconds))
        .await
        .map_err(|broken| LoadError(broken.to_string()))?
}

/// What the engine is to do for an order, by this part of the run on so many threads.
pub(super) fn load_spec(
    order: &Order,
    (plan, inputs): (Arc<Plan>, Arc<Inputs>),
    lot: Lot,
    (threads, start): (usize, Instant),
) -> LoadSpec {
    LoadSpec {
        seed: plan.seed().unwrap_or_else(|| seed_of(&order.run)),
        plan,
        inputs,
        lot,
        threads,
        start,
        keep_exchanges: order.keep_exchanges,
        memory_bytes: None,
        targets: order.targets.clone(),
        proxies: order.proxies.clone(),
    }
}

/// The memory that a runner of so many threads may use, bytes: several on one machine
/// share it as they share its cores.
pub(super) fn memory_of(threads: usize, cgroup: &Cgroup) -> Option<u64> {
    let all = health::memory_bytes(cgroup);
    let cores = health::cores().max(threads).max(1) as u64;
    (all > 0).then(|| all / cores * threads.max(1) as u64)
}
