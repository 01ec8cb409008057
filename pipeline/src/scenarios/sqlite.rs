//! Scenarios at home: one row each, the item as JSON.

use super::{ScenarioItem, Scenarios};
use crate::error::PipelineError;
use crate::local::sqlite::Database;
use async_trait::async_trait;
use dlt_core::ids::TestId;
use rusqlite::{OptionalExtension, params};

/// Scenarios in the data folder's database.
#[derive(Debug, Clone)]
pub struct SqliteScenarios(pub Database);

#[async_trait]
impl Scenarios for SqliteScenarios {
    async fn get(&self, test: &TestId) -> Result<Option<ScenarioItem>, PipelineError> {
        let text = self.0.with(|connection| {
            connection
                .query_row(
                    "SELECT item FROM scenarios WHERE test = ?1",
                    [test.as_str()],
                    |row| row.get::<_, String>(0),
                )
                .optional()
        })?;
        text.map(|text| serde_json::from_str(&text))
            .transpose()
            .map_err(|error| {
                PipelineError::Other(format!("scenario {test} is unreadable: {error}"))
            })
    }

    async fn put(&self, item: &ScenarioItem) -> Result<(), PipelineError> {
        let mut next = item.clone();
        next.version += 1;
        let text = Database::json(&next)?;
        let changed = self.0.with(|connection| {
            if item.version == 0 {
                connection.execute(
                    "INSERT OR IGNORE INTO scenarios (test, version, item) VALUES (?1, 1, ?2)",
                    params![item.test.as_str(), text],
                )
            } else {
                connection.execute(
                    "UPDATE scenarios SET version = ?1, item = ?2 WHERE test = ?3 AND version = ?4",
                    params![
                        next.version as i64,
                        text,
                        item.test.as_str(),
                        item.version as i64
                    ],
                )
            }
        })?;
        match changed {
            1 => Ok(()),
            _ => Err(PipelineError::Conflict(format!(
                "scenario {} was changed by somebody else",
                item.test
            ))),
        }
    }
}
