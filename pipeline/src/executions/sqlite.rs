//! Executions at home: one row each, what is to go on as JSON, so that whoever
//! opens the data folder next goes on where the last one stopped. What that JSON
//! means is known by the driver, the only one who reads it.

use super::Executions;
use crate::error::PipelineError;
use crate::store::sqlite::Database;
use async_trait::async_trait;
use dlt_core::ids::{TestId, TestRunId};
use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Executions in the data folder's database.
#[derive(Debug, Clone)]
pub struct SqliteExecutions(pub Database);

/// An execution that has not begun yet, as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotBegun {
    /// Its input.
    pub first_input: Value,
}

impl SqliteExecutions {
    /// The run's oldest execution that has not ended: its name, and what was
    /// last saved of it, or [`NotBegun`].
    pub fn next(&self, run: &TestRunId) -> Result<Option<(String, Value)>, PipelineError> {
        let row = self.0.with(|connection| {
            connection
                .query_row(
                    "SELECT name, machine FROM executions
                     WHERE run = ?1 AND ended = 0 ORDER BY rowid LIMIT 1",
                    [run.as_str()],
                    |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)),
                )
                .optional()
        })?;
        let Some((name, text)) = row else {
            return Ok(None);
        };
        let stored = serde_json::from_str(&text).map_err(|error| {
            PipelineError::Other(format!("stored execution {name} is unreadable: {error}"))
        })?;
        Ok(Some((name, stored)))
    }

    /// Keeps an execution as it stands now, and whether it has ended.
    pub fn save(
        &self,
        name: &str,
        machine: &impl Serialize,
        ended: bool,
    ) -> Result<(), PipelineError> {
        let text = Database::json(machine)?;
        self.0.with(|connection| {
            connection.execute(
                "UPDATE executions SET machine = ?1, ended = ?2 WHERE name = ?3",
                params![text, ended, name],
            )
        })?;
        Ok(())
    }

    /// Gives up an execution that cannot be read or driven.
    pub fn abandon(&self, run: &TestRunId) -> Result<(), PipelineError> {
        self.0.with(|connection| {
            connection.execute(
                "UPDATE executions SET ended = 1 WHERE run = ?1",
                [run.as_str()],
            )
        })?;
        Ok(())
    }
}

#[async_trait]
impl Executions for SqliteExecutions {
    async fn start(
        &self,
        name: &str,
        _: &TestId,
        run: &TestRunId,
        input: Value,
    ) -> Result<(), PipelineError> {
        let text = Database::json(&NotBegun { first_input: input })?;
        self.0.with(|connection| {
            connection.execute(
                "INSERT OR IGNORE INTO executions (name, run, machine, ended) VALUES (?1, ?2, ?3, 0)",
                params![name, run.as_str(), text],
            )
        })?;
        Ok(())
    }

    async fn goes_on(&self, name: &str) -> Result<Option<bool>, PipelineError> {
        self.0.with(|connection| {
            connection
                .query_row(
                    "SELECT ended = 0 FROM executions WHERE name = ?1",
                    [name],
                    |row| row.get(0),
                )
                .optional()
        })
    }
}
