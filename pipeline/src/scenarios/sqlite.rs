//! Scenarios at home: one row each, the item as JSON beside what lists and
//! timers need of it.

use crate::error::PipelineError;
use crate::scenarios::{ScenarioItem, Scenarios};
use crate::store::sqlite::{Database, json_text, pairs};
use async_trait::async_trait;
use dlt_core::calls::answers::ScenarioListItem;
use dlt_core::ids::{Region, TestId};
use rusqlite::{Connection, OptionalExtension, params};

/// Scenarios in the data folder's database.
#[derive(Debug, Clone)]
pub struct SqliteScenarios(pub Database);

impl SqliteScenarios {
    /// When each scenario with a schedule is next due, µs since the Unix epoch.
    pub fn planned(&self) -> Result<Vec<(TestId, u64)>, PipelineError> {
        let tests = self.0.with(|connection| {
            let mut statement = connection
                .prepare_cached("SELECT test, next_us FROM scenarios WHERE next_us IS NOT NULL")?;
            let rows = statement.query_map([], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))
            })?;
            rows.collect::<Result<Vec<_>, _>>()
        })?;
        Ok(tests
            .iter()
            .filter_map(|(test, next_us)| Some((TestId::parse(test).ok()?, next_us.unsigned_abs())))
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
        match self.get(&item.test).await? {
            None => Ok(()),
            Some(_) => changed_one(changed, item),
        }
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

/// Rows of lists from the items of version 1; an item that cannot be read keeps
/// an empty row and is not listed.
pub(crate) fn fill_rows(connection: &Connection) -> rusqlite::Result<()> {
    for (test, item) in pairs(connection, "SELECT test, item FROM scenarios")? {
        let Ok(mut item) = serde_json::from_str::<ScenarioItem>(&item) else {
            continue;
        };
        (item.start_time, item.total_runs) = connection.query_row(
            "SELECT coalesce(max(start_time), ''), count(*) FROM runs WHERE test = ?1",
            [&test],
            |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())),
        )?;
        let (text, row) = (json_text(&item)?, json_text(&item.row())?);
        connection.execute(
            "UPDATE scenarios SET start_time = ?1, row = ?2, item = ?3 WHERE test = ?4",
            [&item.start_time, &row, &text, &test],
        )?;
    }
    Ok(())
}
