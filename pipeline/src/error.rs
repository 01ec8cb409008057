//! What can go wrong in the control plane, with its ASL error name, a hint and
//! an exit code. The ASL name is the contract with the workflow's Retry and
//! Catch: it never changes with a type's name.

use std::sync::Arc;

/// What an error came from: kept, so that whoever looks deeper finds it. Two are
/// equal if they say the same.
#[derive(Debug, Clone)]
pub struct Source(Arc<dyn std::error::Error + Send + Sync>);

impl Source {
    /// Keeps an error.
    pub fn of(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self(Arc::new(error))
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Source {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl Eq for Source {}

/// A control plane's error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PipelineError {
    /// Another process embeds the control plane on this home.
    #[error(
        "the data folder {home} is in use by {}; wait for it, stop it, or give another folder with DLT_HOME", process(*pid)
    )]
    HomeLocked {
        /// The folder.
        home: String,
        /// Who holds it, as far as the system says.
        pid: Option<u32>,
    },
    /// The scenario has a run in progress.
    #[error("scenario {test} is running already (run {run}); cancel that run or wait for its end")]
    Busy {
        /// Which scenario.
        test: String,
        /// Its run.
        run: String,
    },
    /// What was asked cannot be done with this input.
    #[error("{0}")]
    Input(String),
    /// There is no such scenario.
    #[error("there is no scenario {0}")]
    NoScenario(String),
    /// There is no such run.
    #[error("there is no run {0}")]
    NoRun(String),
    /// There is no such region.
    #[error("there is no region {region} here; known: {}", known.join(", "))]
    NoRegion {
        /// Which was asked for.
        region: String,
        /// Which there are.
        known: Vec<String>,
    },
    /// A region is too small, or busy.
    #[error(
        "region {region} holds {capacity} runners, {used} are in use and {asked} are asked for; ask for fewer, or give it room with --region {region}=CAPACITY"
    )]
    NoRoom {
        /// Which.
        region: String,
        /// Runners that it holds.
        capacity: u64,
        /// Runners in use.
        used: u64,
        /// Runners asked for.
        asked: u64,
    },
    /// Nothing is in progress that could be stopped.
    #[error("scenario {0} has no run in progress")]
    NothingRuns(String),
    /// Too few runners came up.
    #[error("{0}")]
    Provisioning(String),
    /// An API asks for patience.
    #[error("{0}")]
    Throttled(String),
    /// A file or folder could not be read or written; it may be so for a moment.
    #[error("file {path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Whether the whole folder takes nothing now: full, over a quota, read-only.
        outage: bool,
        /// Why.
        source: Source,
    },
    /// The data folder's database refused.
    #[error("the data folder's database: {source}")]
    Store {
        /// Whether it may work the next time: it is busy, or the disk full.
        passing: bool,
        /// Why.
        source: Source,
    },
    /// A fault that passes: a full disk for a moment, a lost answer.
    #[error("{0}")]
    Transient(String),
    /// Somebody else changed the same item first.
    #[error("{0}")]
    Conflict(String),
    /// The caller's role may not do it; a role's rights hold some seconds after they were
    /// given.
    #[error("{0}")]
    Denied(String),
    /// What is stored cannot be read: which and why, as a sentence.
    #[error("{0}")]
    Unreadable(String),
    /// Anything else, as a sentence.
    #[error("{0}")]
    Other(String),
}

fn process(pid: Option<u32>) -> String {
    match pid {
        Some(pid) => format!("process {pid}"),
        None => "another dlt".to_owned(),
    }
}

impl PipelineError {
    /// Every name that [`Self::asl_name`] gives.
    pub const ASL_NAMES: [&str; 13] = [
        "HomeLocked",
        "Busy",
        "Input",
        "NoScenario",
        "NoRun",
        "NoRegion",
        "NoRoom",
        "NothingRuns",
        "Provisioning",
        "Throttled",
        "Transient",
        "Conflict",
        "Other",
    ];

    /// The name that the workflow's Retry and Catch know.
    pub fn asl_name(&self) -> &'static str {
        match self {
            Self::HomeLocked { .. } => "HomeLocked",
            Self::Busy { .. } => "Busy",
            Self::Input(_) => "Input",
            Self::NoScenario(_) => "NoScenario",
            Self::NoRun(_) => "NoRun",
            Self::NoRegion { .. } => "NoRegion",
            Self::NoRoom { .. } => "NoRoom",
            Self::NothingRuns(_) => "NothingRuns",
            Self::Provisioning(_) => "Provisioning",
            Self::Throttled(_) => "Throttled",
            Self::Transient(_) | Self::File { .. } | Self::Store { passing: true, .. } => {
                "Transient"
            }
            Self::Conflict(_) => "Conflict",
            Self::Other(_) | Self::Unreadable(_) | Self::Denied(_) | Self::Store { .. } => "Other",
        }
    }

    /// Whether the same may work the next time.
    pub fn may_pass(&self) -> bool {
        matches!(self.asl_name(), "Transient" | "Throttled" | "Conflict")
    }

    /// Whether the data folder itself can be written or read no more: not this one item
    /// is at fault, and everything else would fail too until that is over.
    pub fn is_store_outage(&self) -> bool {
        matches!(
            self,
            Self::Store { passing: true, .. } | Self::File { outage: true, .. }
        )
    }

    /// Whether it came from the data folder at all.
    pub fn is_of_store(&self) -> bool {
        matches!(self, Self::Store { .. } | Self::File { .. })
    }

    /// What to do next, when the message does not say so itself.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Provisioning(_) => {
                Some("the runners' last words are in the runs folder of the data folder")
            }
            error if error.may_pass() => Some("try again"),
            _ => None,
        }
    }

    /// The command's exit code (decision 27): 2 bad input, 3 could not run.
    pub fn exit_code(&self) -> i32 {
        match self {
            Self::Input(_)
            | Self::NoScenario(_)
            | Self::NoRun(_)
            | Self::NoRegion { .. }
            | Self::NoRoom { .. }
            | Self::NothingRuns(_) => 2,
            _ => 3,
        }
    }

    /// A fault of a file or folder, which is named.
    pub fn file(path: &std::path::Path, error: std::io::Error) -> Self {
        Self::File {
            path: path.display().to_string(),
            outage: is_outage(&error),
            source: Source::of(error),
        }
    }
}

/// What the system says when a whole file system fails, and not one file on it.
fn is_outage(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::StorageFull
            | ErrorKind::QuotaExceeded
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::StaleNetworkFileHandle
            | ErrorKind::HostUnreachable
            | ErrorKind::TimedOut
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::{WORKFLOW, definition::Definition};

    #[test]
    fn an_outage_is_of_the_folder_and_not_of_one_file() {
        use std::io::{Error, ErrorKind};
        let path = std::path::Path::new("/data/objects/a");
        for kind in [
            ErrorKind::StorageFull,
            ErrorKind::QuotaExceeded,
            ErrorKind::ReadOnlyFilesystem,
        ] {
            assert!(PipelineError::file(path, kind.into()).is_store_outage());
        }
        for kind in [ErrorKind::NotFound, ErrorKind::IsADirectory] {
            let error = PipelineError::file(path, Error::from(kind));
            assert!(!error.is_store_outage() && error.is_of_store(), "{error}");
        }
        assert!(!PipelineError::Throttled("wait".to_owned()).is_of_store());
    }

    #[test]
    fn the_workflow_waits_only_for_errors_that_exist() {
        let definition = Definition::parse(WORKFLOW).unwrap();
        for name in definition.error_names() {
            let foreign = name.starts_with("States.") || name.starts_with("Lambda.");
            let ours = PipelineError::ASL_NAMES.contains(&name.as_str());
            assert!(foreign || ours, "{name} is no error of ours");
        }
        for passing in ["Throttled", "Transient", "Conflict"] {
            assert!(definition.error_names().contains(passing));
        }
    }
}
