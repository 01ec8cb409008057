//! A load under way, whoever makes it: the engine or a script's tool.

use super::RunnerError;
use crate::depot::Depot;
use crate::engine::{self, Inputs, Load, LoadResult, ThreadSecond};
use crate::output::log;
use crate::report::RunContext;
use crate::scripts::{self, PreparedScript, ScriptError, ScriptLoad, ScriptSpec};
use dlt_core::ids::RunnerId;
use dlt_core::keys;
use dlt_core::load::changes::LoadChange;
use dlt_core::load::share::Lot;
use dlt_core::messages::order::Order;
use dlt_core::messages::report::Ended;
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
pub(super) fn script_spec(plan: Arc<Plan>, lot: Lot, start: Instant) -> ScriptSpec {
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
