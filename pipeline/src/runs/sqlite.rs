//! Runs at home: one row each, the item as JSON.

use super::{Run, Runs};
use crate::error::PipelineError;
use crate::local::sqlite::Database;
use async_trait::async_trait;
use dlt_core::ids::TestRunId;
use rusqlite::{OptionalExtension, params};

/// Runs in the data folder's database.
#[derive(Debug, Clone)]
pub struct SqliteRuns(pub Database);

impl SqliteRuns {
    /// The newest runs.
    pub fn newest(&self, limit: usize) -> Result<Vec<Run>, PipelineError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.0
            .with(|connection| {
                let mut statement = connection.prepare(
                    "SELECT item FROM runs ORDER BY start_time DESC, rowid DESC LIMIT ?1",
                )?;
                let rows = statement.query_map([limit], |row| row.get::<_, String>(0))?;
                rows.collect::<Result<Vec<_>, _>>()
            })?
            .iter()
            .map(|text| read(text))
            .collect()
    }

    /// Runs whose workflow has not ended.
    pub fn unfinished(&self) -> Result<Vec<Run>, PipelineError> {
        self.0
            .with(|connection| {
                let mut statement = connection.prepare(
                    "SELECT item FROM runs WHERE status NOT IN ('complete', 'cancelled', 'failed')",
                )?;
                let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
                rows.collect::<Result<Vec<_>, _>>()
            })?
            .iter()
            .map(|text| read(text))
            .collect()
    }

    /// A run.
    pub fn read(&self, run: &TestRunId) -> Result<Option<Run>, PipelineError> {
        self.0
            .with(|connection| {
                connection
                    .query_row(
                        "SELECT item FROM runs WHERE run = ?1",
                        [run.as_str()],
                        |row| row.get::<_, String>(0),
                    )
                    .optional()
            })?
            .map(|text| read(&text))
            .transpose()
    }
}

fn read(text: &str) -> Result<Run, PipelineError> {
    serde_json::from_str(text)
        .map_err(|error| PipelineError::Other(format!("a stored run is unreadable: {error}")))
}

#[async_trait]
impl Runs for SqliteRuns {
    async fn create(&self, run: &Run) -> Result<(), PipelineError> {
        let item = Database::json(run)?;
        let made = self.0.with(|connection| {
            connection.execute(
                "INSERT OR IGNORE INTO runs (run, test, start_time, status, version, item)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    run.run.as_str(),
                    run.test.as_str(),
                    run.record.start_time,
                    run.record.status.name(),
                    run.version as i64,
                    item
                ],
            )
        })?;
        match made {
            1 => Ok(()),
            _ => Err(PipelineError::Conflict(format!("run {} exists", run.run))),
        }
    }

    async fn get(&self, run: &TestRunId) -> Result<Option<Run>, PipelineError> {
        self.read(run)
    }

    async fn replace(&self, run: &Run) -> Result<(), PipelineError> {
        let mut next = run.clone();
        next.version += 1;
        let item = Database::json(&next)?;
        let changed = self.0.with(|connection| {
            connection.execute(
                "UPDATE runs SET status = ?1, version = ?2, item = ?3
                 WHERE run = ?4 AND version = ?5",
                params![
                    next.record.status.name(),
                    next.version as i64,
                    item,
                    run.run.as_str(),
                    run.version as i64
                ],
            )
        })?;
        match changed {
            1 => Ok(()),
            _ => Err(PipelineError::Conflict(format!(
                "run {} was changed by somebody else",
                run.run
            ))),
        }
    }
}
