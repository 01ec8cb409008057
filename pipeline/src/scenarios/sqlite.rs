//! Scenarios at home: one row each, the item as JSON beside what lists and
//! timers need of it.

use super::{ScenarioItem, Scenarios};
use crate::error::PipelineError;
use crate::local::sqlite::Database;
use async_trait::async_trait;
use dlt_core::calls::answers::ScenarioListItem;
use dlt_core::ids::{Region, TestId};
use rusqlite::{OptionalExtension, params};

/// Scenarios in the data folder's database.
#[derive(Debug, Clone)]
pub struct SqliteScenarios(pub Database);

impl SqliteScenarios {
    /// Scenarios whose next occurrence is due by `now_us`, earliest first.
    pub fn due(&self, now_us: u64) -> Result<Vec<TestId>, PipelineError> {
        let tests = self.0.with(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT test FROM scenarios WHERE next_us <= ?1 ORDER BY next_us",
            )?;
            let rows = statement.query_map([now_us as i64], |row| row.get::<_, String>(0))?;
            rows.collect::<Result<Vec<_>, _>>()
        })?;
        Ok(tests
            .iter()
            .filter_map(|test| TestId::parse(test).ok())
            .collect())
    }

    /// The regions that scenarios name, each once.
    pub fn regions(&self) -> Result<Vec<Region>, PipelineError> {
        let names = self.0.with(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT DISTINCT json_extract(config.value, '$.region')
                 FROM scenarios, json_each(scenarios.item, '$.body.testTaskConfigs') AS config
                 WHERE json_type(config.value, '$.region') = 'text' ORDER BY 1",
            )?;
            let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
            rows.collect::<Result<Vec<_>, _>>()
        })?;
        Ok(names
            .iter()
            .filter_map(|name| Region::parse(name).ok())
            .collect())
    }
}

#[async_trait]
impl Scenarios for SqliteScenarios {
    async fn get(&self, test: &TestId) -> Result<Option<ScenarioItem>, PipelineError> {
        let text = self.0.with(|connection| {
            connection
                .prepare_cached("SELECT item FROM scenarios WHERE test = ?1")?
                .query_row([test.as_str()], |row| row.get::<_, String>(0))
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
        let row = Database::json(&next.row())?;
        let next_us = next.plan.as_ref().and_then(|plan| plan.next_us);
        let changed = self.0.with(|connection| {
            let values = params![
                item.test.as_str(),
                next.version as i64,
                next.start_time,
                next_us.map(|us| us as i64),
                row,
                text,
                item.version as i64
            ];
            let statement = match item.version {
                0 => {
                    "INSERT OR IGNORE INTO scenarios
                     (test, version, start_time, next_us, row, item)
                     SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE ?7 = 0"
                }
                _ => {
                    "UPDATE scenarios
                     SET version = ?2, start_time = ?3, next_us = ?4, row = ?5, item = ?6
                     WHERE test = ?1 AND version = ?7"
                }
            };
            connection.prepare_cached(statement)?.execute(values)
        })?;
        changed_one(changed, item)
    }

    async fn list(&self) -> Result<Vec<ScenarioListItem>, PipelineError> {
        let rows = self.0.with(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT row FROM scenarios WHERE row <> '' ORDER BY start_time DESC, rowid DESC",
            )?;
            let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
            rows.collect::<Result<Vec<_>, _>>()
        })?;
        rows.iter()
            .map(|text| {
                serde_json::from_str(text).map_err(|error| {
                    PipelineError::Other(format!("a stored scenario is unreadable: {error}"))
                })
            })
            .collect()
    }

    async fn delete(&self, item: &ScenarioItem) -> Result<(), PipelineError> {
        let changed = self.0.with(|connection| {
            connection.execute(
                "DELETE FROM scenarios WHERE test = ?1 AND version = ?2",
                params![item.test.as_str(), item.version as i64],
            )
        })?;
        changed_one(changed, item)
    }
}

fn changed_one(changed: usize, item: &ScenarioItem) -> Result<(), PipelineError> {
    match changed {
        1 => Ok(()),
        _ => Err(PipelineError::Conflict(format!(
            "scenario {} was changed by somebody else",
            item.test
        ))),
    }
}
