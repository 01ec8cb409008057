//! The control plane on one machine: SQLite, files, child processes.

use crate::error::PipelineError;
use dlt_core::calls::RunRecord;
use dlt_core::ids::{Region, TestId, TestRunId};
use dlt_core::run::Status;
use dlt_core::runner_line::Tick;
use dlt_core::scenario::Scenario;
use std::path::PathBuf;
use tokio::sync::broadcast;

/// Where and with what a home runs.
#[derive(Debug, Clone)]
pub struct HomeOptions {
    /// The data folder (`DLT_HOME`).
    pub dir: PathBuf,
    /// Regions and how many runners each can hold.
    pub regions: Vec<(Region, u64)>,
    /// Program and arguments that start a worker: this binary and `worker`.
    pub worker: (PathBuf, Vec<String>),
}

/// A run that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// The scenario.
    pub test: TestId,
    /// The run.
    pub run: TestRunId,
}

/// What happens in a run while one watches.
#[derive(Debug, Clone, PartialEq)]
pub enum LiveEvent {
    /// The run's status changed.
    Status(Status),
    /// A regional tick.
    Tick(Tick),
    /// A sentence: runner lost, leader lost, replacement launched.
    Note(String),
}

/// The control plane of one data folder, held by this process alone.
#[derive(Debug)]
pub struct Home {}

impl Home {
    /// Opens the folder and takes its lock.
    pub async fn open(_options: HomeOptions) -> Result<Self, PipelineError> {
        todo!("H5")
    }

    /// Stores the scenario and starts a run of it.
    pub async fn start(&self, _scenario: &Scenario) -> Result<Started, PipelineError> {
        todo!("H5")
    }

    /// Live events of a run from now on.
    pub fn watch(&self, _run: &TestRunId) -> broadcast::Receiver<LiveEvent> {
        todo!("H5")
    }

    /// Stops the scenario's run and keeps what was measured.
    pub async fn cancel(&self, _test: &TestId, _reason: &str) -> Result<(), PipelineError> {
        todo!("H5")
    }

    /// Kills every runner of this home at once (SIGKILL to their groups), for a
    /// second Ctrl-C: nothing is waited for, nothing more is kept.
    pub fn kill(&self) {
        todo!("H5")
    }

    /// Waits until the run is in a terminal status and returns its record.
    pub async fn wait(&self, _started: &Started) -> Result<RunRecord, PipelineError> {
        todo!("H5")
    }
}

/// The stored runs of a data folder; reading needs no lock.
#[derive(Debug)]
pub struct History {}

impl History {
    /// Opens the folder for reading.
    pub fn open(_dir: &std::path::Path) -> Result<Self, PipelineError> {
        todo!("H5")
    }

    /// Newest first.
    pub fn runs(&self, _limit: usize) -> Result<Vec<RunRecord>, PipelineError> {
        todo!("H5")
    }

    /// One run.
    pub fn run(&self, _run: &TestRunId) -> Result<Option<RunRecord>, PipelineError> {
        todo!("H5")
    }
}
