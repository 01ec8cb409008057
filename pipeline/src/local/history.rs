//! The stored runs of a data folder; reading needs no lock.

use super::sqlite::Database;
use crate::error::PipelineError;
use crate::runs::sqlite::SqliteRuns;
use dlt_core::calls::RunRecord;
use dlt_core::ids::TestRunId;
use std::path::Path;

/// The stored runs of a data folder; reading needs no lock.
#[derive(Debug)]
pub struct History {
    /// None if nothing was ever stored there.
    runs: Option<SqliteRuns>,
}

impl History {
    /// Opens the folder for reading.
    pub fn open(dir: &Path) -> Result<Self, PipelineError> {
        Ok(Self {
            runs: Database::open_to_read(dir)?.map(SqliteRuns),
        })
    }

    /// Newest first, and how many of the newest could not be read.
    pub fn runs(&self, limit: usize) -> Result<(Vec<RunRecord>, usize), PipelineError> {
        let Some(runs) = &self.runs else {
            return Ok((Vec::new(), 0));
        };
        let (newest, unreadable) = runs.newest(limit)?;
        let records = newest.into_iter().map(|run| run.record).collect();
        Ok((records, unreadable))
    }

    /// One run.
    pub fn run(&self, run: &TestRunId) -> Result<Option<RunRecord>, PipelineError> {
        match &self.runs {
            None => Ok(None),
            Some(runs) => Ok(runs.read(run)?.map(|run| run.record)),
        }
    }
}
