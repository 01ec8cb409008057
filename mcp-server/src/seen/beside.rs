//! What is known of a run beside its record: its runners, and its numbers so far while it goes
//! on. An answer lacks what a server cannot tell.

use crate::backend::{Ask, Backend};
use crate::seen::live::Live;
use crate::seen::run::Run;
use dlt_core::calls::answers::{RunnerItem, RunnersAnswer};
use dlt_core::ids::{TestId, TestRunId};
use futures_util::future::join;

/// A run's runners and its numbers so far.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    pub runners: Vec<RunnerItem>,
    pub live: Option<Live>,
}

impl Beside {
    /// Asks for both; only servers of this kind have run records with a summary.
    pub async fn of(backend: &dyn Backend, run: &Run) -> Self {
        if run.summary.is_none() && !run.is_active() {
            return Self::default();
        }
        let (runners, live) = join(runners(backend, run), Live::of(backend, run)).await;
        Self {
            runners: runners.unwrap_or_default(),
            live,
        }
    }
}

/// The runners of a run; None where a server tells nothing of them.
pub(crate) async fn runners(backend: &dyn Backend, run: &Run) -> Option<Vec<RunnerItem>> {
    let ask = Ask::Runners {
        test: TestId::parse(&run.test_id).ok()?,
        run: TestRunId::parse(&run.test_run_id).ok()?,
    };
    let answer = backend.get(&ask).await.ok()?;
    let answer: RunnersAnswer = serde_json::from_value(answer).ok()?;
    Some(answer.runners)
}
