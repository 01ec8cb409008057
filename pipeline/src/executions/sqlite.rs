//! Executions at home: one row each, the machine as JSON, so that whoever
//! opens the data folder next goes on where the last one stopped.

use super::Executions;
use crate::error::PipelineError;
use crate::local::sqlite::Database;
use crate::workflow::definition::Definition;
use crate::workflow::machine::Machine;
use async_trait::async_trait;
use dlt_core::ids::TestRunId;
use rusqlite::{OptionalExtension, params};
use serde_json::Value;
use std::sync::Arc;

/// Executions in the data folder's database.
#[derive(Debug, Clone)]
pub struct SqliteExecutions {
    database: Database,
    definition: Arc<Definition>,
}

impl SqliteExecutions {
    /// Executions of this workflow.
    pub fn new(database: Database, definition: Arc<Definition>) -> Self {
        Self {
            database,
            definition,
        }
    }

    /// The run's oldest execution that has not ended: its name and machine.
    pub fn next(&self, run: &TestRunId) -> Result<Option<(String, Machine)>, PipelineError> {
        let row = self.database.with(|connection| {
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
        let machine = serde_json::from_str(&text).map_err(|error| {
            PipelineError::Other(format!("stored execution {name} is unreadable: {error}"))
        })?;
        Ok(Some((name, machine)))
    }

    /// Keeps a machine as it stands now.
    pub fn save(&self, name: &str, machine: &Machine) -> Result<(), PipelineError> {
        let text = Database::json(machine)?;
        self.database.with(|connection| {
            connection.execute(
                "UPDATE executions SET machine = ?1, ended = ?2 WHERE name = ?3",
                params![text, machine.end().is_some(), name],
            )
        })?;
        Ok(())
    }

    /// Gives up an execution that cannot be read or driven.
    pub fn abandon(&self, run: &TestRunId) -> Result<(), PipelineError> {
        self.database.with(|connection| {
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
    async fn start(&self, name: &str, run: &TestRunId, input: Value) -> Result<(), PipelineError> {
        let machine = Machine::new(&self.definition, name, input);
        let text = Database::json(&machine)?;
        self.database.with(|connection| {
            connection.execute(
                "INSERT OR IGNORE INTO executions (name, run, machine, ended) VALUES (?1, ?2, ?3, 0)",
                params![name, run.as_str(), text],
            )
        })?;
        Ok(())
    }

    async fn is_active(&self, run: &TestRunId) -> Result<bool, PipelineError> {
        let count: i64 = self.database.with(|connection| {
            connection.query_row(
                "SELECT count(*) FROM executions WHERE run = ?1 AND ended = 0",
                [run.as_str()],
                |row| row.get(0),
            )
        })?;
        Ok(count > 0)
    }
}
