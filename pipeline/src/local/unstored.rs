//! Waiting for a run's record, also where it cannot be stored: a command waits until
//! its runners have ended, then takes the result as it is and tells it; a service
//! waits for its store.

use crate::error::PipelineError;
use crate::functions::{records, results};
use crate::local::{Home, Started};
use crate::runs;
use crate::store::outage::Outage;
use dlt_core::record::RunRecord;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long after its last runner a run may wait for its store before its result is
/// told unstored.
const STORE_PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks at what it waits for.
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);
/// How long the runners of a service that ends may take to report.
const LAST_REPORTS: Duration = Duration::from_secs(20);

/// A run that has ended.
#[derive(Debug)]
pub struct Waited {
    /// Its record.
    pub record: RunRecord,
    /// Why it is not stored, if it is not.
    pub unstored: Option<String>,
}

impl Home {
    /// Waits until the run is in a terminal status and returns its record.
    pub async fn wait(&self, started: &Started) -> Result<Waited, PipelineError> {
        tokio::select! {
            () = self.drivers.until_over(&started.run) => {}
            outage = self.store_given_up(started), if !self.service => {
                return self.unstored(started, outage).await;
            }
        }
        let run = runs::need(self.world.runs.as_ref(), &started.test, &started.run).await?;
        if run.record.status.is_terminal() {
            let record = records::whole(&self.world, &run).await?;
            let unstored = None;
            Ok(Waited { record, unstored })
        } else {
            Err(PipelineError::Other(format!(
                "run {} ended without a final status; its data folder may be damaged",
                started.run
            )))
        }
    }

    /// Resolves when the run has waited for its store for too long, with none of its
    /// runners left.
    async fn store_given_up(&self, started: &Started) -> Outage {
        let mut idle_since: Option<Instant> = None;
        loop {
            match self.outages.of(&started.run) {
                Some(outage) if !self.fleet.any_alive(Some(&started.run)) => {
                    let since = *idle_since.get_or_insert_with(Instant::now);
                    if since.elapsed() >= STORE_PATIENCE {
                        return outage;
                    }
                }
                _ => idle_since = None,
            }
            sleep(BETWEEN_LOOKS).await;
        }
    }

    /// The record as it would be stored.
    async fn unstored(&self, started: &Started, outage: Outage) -> Result<Waited, PipelineError> {
        let run = runs::need(self.world.runs.as_ref(), &started.test, &started.run).await?;
        let stop_reason = self.stop_reason.get().map(String::as_str);
        let record = results::unstored(&self.world, run, stop_reason).await?;
        let unstored = Some(outage.why);
        Ok(Waited { record, unstored })
    }

    /// That the runs shall stop cannot be stored: their runners are told all the same,
    /// and whoever opens the folder next merges what they report.
    pub(super) async fn leave_for_later(&self, error: PipelineError) -> Result<(), PipelineError> {
        if error.is_of_store() {
            self.fleet.dismiss();
            let gone = async {
                while self.fleet.any_alive(None) {
                    sleep(BETWEEN_LOOKS).await;
                }
            };
            let _ = tokio::time::timeout(LAST_REPORTS, gone).await;
            // The last chance for what they handed over.
            let _ = self.world.objects.flush().await;
        }
        Err(error)
    }

    /// The oldest outage of the data folder that some run waits for, at each change.
    pub async fn outages(&self, mut tell: impl FnMut(Option<Outage>)) {
        let mut seen = self.outages.watch();
        let mut told = None;
        loop {
            let now = crate::store::outage::Outages::changed(&mut seen).await;
            if now.is_some() != told.is_some() {
                tell(now.clone());
            }
            told = now;
        }
    }
}
