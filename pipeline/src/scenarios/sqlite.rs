//! Scenarios at home: one row each, the item as JSON beside what lists and
//! timers need of it.

use crate::error::PipelineError;
use crate::scenarios::{ScenarioItem, Scenarios};
use crate::store::sqlite::{Database, json_text, pairs, text_of};
use async_trait::async_trait;
use dlt_core::calls::answers::ScenarioListItem;
use dlt_core::ids::{Region, TestId};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::de::DeserializeOwned;

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
                // Items that are no JSON would end the query for all.
                "SELECT DISTINCT
                   CASE config.type WHEN 'object' THEN json_extract(config.value, '$.region') END
                     AS region
                 FROM scenarios, json_each(
                   CASE WHEN json_valid(scenarios.item) THEN scenarios.item ELSE '{}' END,
                   '$.body.testTaskConfigs') AS config
                 WHERE typeof(region) = 'text' ORDER BY 1",
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
                .query_row([test.as_str()], |row| Ok(text_of(row, 0)))
                .optional()
        })?;
        text.map(parsed).transpose().map_err(|why| {
            PipelineError::Unreadable(format!("scenario {test} cannot be read: {why}"))
        })
    }

    async fn version(&self, test: &TestId) -> Result<Option<u64>, PipelineError> {
        self.0.with(|connection| {
            connection
                .prepare_cached("SELECT version FROM scenarios WHERE test = ?1")?
                .query_row([test.as_str()], |row| row.get::<_, i64>(0))
                .optional()
                .map(|version| version.map(i64::unsigned_abs))
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
        self.0.with(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT row, test, start_time FROM scenarios
                 ORDER BY start_time DESC, rowid DESC",
            )?;
            let rows = statement.query_map([], |row| Ok(listed(connection, row)))?;
            rows.collect()
        })
    }

    async fn delete(&self, item: &ScenarioItem) -> Result<(), PipelineError> {
        let changed = self.0.with(|connection| {
            connection.execute(
                "DELETE FROM scenarios WHERE test = ?1 AND version = ?2",
                params![item.test.as_str(), item.version as i64],
            )
        })?;
        self.0.forget_deleted();
        match self.get(&item.test).await? {
            None => Ok(()),
            Some(_) => changed_one(changed, item),
        }
    }
}

fn parsed<T: DeserializeOwned>(text: Result<String, String>) -> Result<T, String> {
    serde_json::from_str(&text?).map_err(|error| error.to_string())
}

/// The row in lists of a row of `row, test, start_time`: where it cannot be read it is made of the
/// item, and where that cannot be read either it says so.
fn listed(connection: &Connection, row: &Row<'_>) -> ScenarioListItem {
    if let Ok(listed) = parsed(text_of(row, 0)) {
        return listed;
    }
    let [test, start_time] = [1, 2].map(|at| text_of(row, at).unwrap_or_default());
    let item = connection
        .prepare_cached("SELECT item FROM scenarios WHERE test = ?1")
        .and_then(|mut statement| statement.query_row([&test], |row| Ok(text_of(row, 0))));
    let why = match item.map(parsed::<ScenarioItem>) {
        Ok(Ok(item)) => return item.row(),
        Ok(Err(why)) => why,
        Err(why) => why.to_string(),
    };
    let why = format!("scenario {test} cannot be read: {why}");
    ScenarioListItem::unreadable(test, start_time, why)
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
/// an empty row and is listed as such.
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
