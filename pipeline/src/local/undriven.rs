//! Runs that are stored as unfinished and that nobody drives: found again and again,
//! and driven. Their driver may have given up on an item that could not be written, or
//! a start may have broken off between two writes.

use crate::error::PipelineError;
use crate::local::Home;
use dlt_core::ids::TestRunId;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// Between two looks. A run that is being started is stored before it is driven, so
/// that only one that is found twice is undriven.
const BETWEEN_LOOKS: Duration = Duration::from_secs(15);

impl Home {
    /// Drives what nobody drives, until it is dropped; for a service, which is the only
    /// one that may.
    pub async fn drive_undriven(&self) {
        let mut looks = interval(BETWEEN_LOOKS);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut suspected = BTreeSet::new();
        loop {
            looks.tick().await;
            // A folder that cannot be read now is looked at the next time.
            if let Ok(found) = self.look_for_undriven(&suspected).await {
                suspected = found;
            }
        }
    }

    /// Drives the runs of `suspected` that are still undriven; answers those that are
    /// new.
    pub(super) async fn look_for_undriven(
        &self,
        suspected: &BTreeSet<TestRunId>,
    ) -> Result<BTreeSet<TestRunId>, PipelineError> {
        let mut found = BTreeSet::new();
        let unfinished = self.runs.unfinished()?;
        for id in suspected {
            if !unfinished.iter().any(|run| run.run == *id) && !self.drivers.is_driven(id) {
                // It ended meanwhile.
                self.drivers.let_go(id);
            }
        }
        for run in unfinished {
            if self.drivers.is_driven(&run.run) {
                continue;
            }
            // Another process drives it. One whose lock cannot be written is driven all the same.
            if matches!(self.drivers.hold(&run.run), Ok(false)) {
                continue;
            }
            if suspected.contains(&run.run) {
                self.pick_up_run(&run).await?;
            } else {
                found.insert(run.run);
            }
        }
        Ok(found)
    }
}
