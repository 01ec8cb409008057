//! The states of scenarios and runs, and the moves between them
//! (api-behaviour.md 2). Storing them is the pipeline's job.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A scenario's or run's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Status {
    /// Saved, never run.
    #[serde(rename = "created")]
    Created,
    /// Waits for its time.
    #[serde(rename = "scheduled")]
    Scheduled,
    /// Accepted; the workflow begins.
    #[serde(rename = "queued")]
    Queued,
    /// Runners are being launched.
    #[serde(rename = "provisioning")]
    Provisioning,
    /// Load is made.
    #[serde(rename = "running")]
    Running,
    /// Reports are being merged.
    #[serde(rename = "parsing results")]
    ParsingResults,
    /// Runners are being removed.
    #[serde(rename = "cleaning up")]
    CleaningUp,
    /// Ended well.
    #[serde(rename = "complete")]
    Complete,
    /// Told to stop.
    #[serde(rename = "cancelling")]
    Cancelling,
    /// Stopped.
    #[serde(rename = "cancelled")]
    Cancelled,
    /// Ended badly.
    #[serde(rename = "failed")]
    Failed,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 11] = [
        Self::Created,
        Self::Scheduled,
        Self::Queued,
        Self::Provisioning,
        Self::Running,
        Self::ParsingResults,
        Self::CleaningUp,
        Self::Complete,
        Self::Cancelling,
        Self::Cancelled,
        Self::Failed,
    ];

    /// The wire name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Scheduled => "scheduled",
            Self::Queued => "queued",
            Self::Provisioning => "provisioning",
            Self::Running => "running",
            Self::ParsingResults => "parsing results",
            Self::CleaningUp => "cleaning up",
            Self::Complete => "complete",
            Self::Cancelling => "cancelling",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }

    /// No run is in progress: delete and save are allowed, a start too.
    pub fn is_resting(self) -> bool {
        matches!(
            self,
            Self::Created | Self::Scheduled | Self::Complete | Self::Cancelled | Self::Failed
        )
    }

    /// The workflow is over.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Complete | Self::Cancelled | Self::Failed)
    }

    /// Whether a workflow may move a run from here to `next`. A terminal state
    /// is never left; cancelling ends only as cancelled, or failed.
    pub fn may_become(self, next: Self) -> bool {
        use Status::*;
        match (self, next) {
            (from, to) if from == to => true,
            (from, _) if from.is_terminal() => false,
            (Cancelling, to) => matches!(to, Cancelled | Failed),
            (_, Cancelling | Failed) => true,
            (Queued, Provisioning)
            | (Provisioning, Running)
            | (Running, ParsingResults)
            | (ParsingResults, CleaningUp)
            | (CleaningUp, Complete) => true,
            _ => false,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_wire_names() {
        for status in Status::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.name());
        }
    }

    /// Whatever happens, a run can end, and an end is final.
    #[test]
    fn every_move_leads_to_an_end_and_no_end_is_left() {
        use Status::*;
        for from in Status::ALL {
            let next: Vec<Status> = Status::ALL
                .into_iter()
                .filter(|&to| to != from && from.may_become(to))
                .collect();
            match from {
                Complete | Cancelled | Failed => assert_eq!(next, []),
                Cancelling => assert_eq!(next, [Cancelled, Failed]),
                _ => assert!(
                    next.contains(&Cancelling) && next.contains(&Failed),
                    "{from}"
                ),
            }
        }
        let way = [
            Queued,
            Provisioning,
            Running,
            ParsingResults,
            CleaningUp,
            Complete,
        ];
        assert!(way.windows(2).all(|step| step[0].may_become(step[1])));
        assert!(!Running.may_become(Provisioning) && !Provisioning.may_become(ParsingResults));
    }
}
