//! What a coordinator is told to do with the load: to end it, to change it. A leader passes that on
//! to its workers.

use super::changes::ChangesWatch;
use super::peers::Peers;
use super::{Coordinator, LONGEST_STOP};
use crate::output::log;
use dlt_core::load::changes::LoadChange;
use dlt_core::messages::order::ToWorker;
use dlt_core::messages::report::Ended;
use tokio::time::Instant;

/// What a coordinator does to the load itself.
pub struct LoadActions<'a> {
    /// Called once, if the load has to end before its plan or overruns it.
    pub stop: &'a (dyn Fn() + Sync),
    /// Called with all changes so far, whenever there are more.
    pub change: &'a (dyn Fn(&[LoadChange]) + Sync),
}

/// Changes that a leader hears of; pending for ever where nobody listens.
pub(super) async fn next_changes(watch: &mut Option<ChangesWatch>) -> Vec<LoadChange> {
    match watch {
        Some(watch) => watch.next().await,
        None => std::future::pending().await,
    }
}

impl Coordinator {
    /// Ends the load; the first reason counts. A leader sends its workers a stop.
    pub(super) fn end_load(&mut self, ended: Ended) {
        if self.end_reason.is_some() {
            return;
        }
        log(&match &ended {
            Ended::AsPlanned => "ending as planned".to_owned(),
            Ended::Stopped { reason } => format!("stopping: {reason}"),
            Ended::TargetSilent { message, .. } | Ended::ToolFailed { message } => {
                format!("stopping: {message}")
            }
        });
        self.send_to_workers(&ToWorker::Stop {
            ended: ended.clone(),
        });
        self.end_reason = Some(ended);
        self.stop_requested_at = Some(Instant::now());
    }

    /// Until when this runner may wait for others whose load goes on: until `until`, and not as long after
    /// a stop.
    pub fn waits_until(&self, until: Instant) -> Instant {
        let after_stop = self.stop_requested_at.map(|at| at + LONGEST_STOP);
        after_stop.map_or(until, |at| at.min(until))
    }

    /// Takes changes of the load; a leader sends them to its workers.
    pub(super) fn pass_on(&mut self, changes: Vec<LoadChange>) {
        if changes.len() <= self.changes.len() {
            return;
        }
        self.send_to_workers(&ToWorker::Change {
            changes: changes.clone(),
        });
        self.changes = changes;
        self.is_changed = true;
    }

    /// How many changes of the load this runner has heard of.
    pub fn changes(&self) -> u64 {
        self.changes.len() as u64
    }

    /// Sends a frame to all workers; refused only where the connection has ended, which its event
    /// reports.
    fn send_to_workers(&self, frame: &ToWorker) {
        if let Peers::Workers(workers) = &self.peers {
            for connection in workers.links.iter().filter_map(|l| l.connection.as_ref()) {
                let _ = connection.send(frame.clone());
            }
        }
    }
}
