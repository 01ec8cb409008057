//! Runs at home: one row each, the item as JSON beside its row in lists.

use crate::error::PipelineError;
use crate::runs::{Run, Runs, RunsFound};
use crate::store::sqlite::{Database, json_text, pairs};
use async_trait::async_trait;
use dlt_core::calls::RunsQuery;
use dlt_core::ids::{TestId, TestRunId};
use dlt_core::run::Status;
use rusqlite::{Connection, OptionalExtension, params};
use serde::de::DeserializeOwned;

/// Later than any start, for an open end.
const LAST_TIME: &str = "9999-12-31 23:59:59";

/// Runs in the data folder's database.
#[derive(Debug, Clone)]
pub struct SqliteRuns(pub Database);

impl SqliteRuns {
    /// The newest runs of all scenarios. Those that cannot be read are left
    /// out, and counted.
    pub fn newest(&self, limit: usize) -> Result<(Vec<Run>, usize), PipelineError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let items = self.0.with(|connection| {
            texts(
                connection,
                "SELECT item FROM runs ORDER BY start_time DESC, rowid DESC LIMIT ?1",
                &[&limit],
            )
        })?;
        let runs: Vec<Run> = items
            .iter()
            .filter_map(|text| serde_json::from_str(text).ok())
            .collect();
        let unreadable = items.len() - runs.len();
        Ok((runs, unreadable))
    }

    /// Runs whose workflow has not ended: asked for by the statuses that they
    /// may have, which the index knows, since each look at a region asks.
    pub fn unfinished(&self) -> Result<Vec<Run>, PipelineError> {
        let statuses: Vec<String> = Status::ALL
            .iter()
            .filter(|status| !status.is_terminal())
            .map(|status| format!("'{}'", status.name()))
            .collect();
        let query = format!(
            "SELECT item FROM runs WHERE status IN ({})",
            statuses.join(", ")
        );
        self.0
            .with(|connection| texts(connection, &query, &[]))?
            .iter()
            .map(|text| read(text))
            .collect()
    }

    /// A run.
    pub fn read(&self, test: &TestId, run: &TestRunId) -> Result<Option<Run>, PipelineError> {
        self.0
            .with(|connection| {
                connection
                    .prepare_cached("SELECT item FROM runs WHERE run = ?1 AND test = ?2")?
                    .query_row([run.as_str(), test.as_str()], |row| row.get::<_, String>(0))
                    .optional()
            })?
            .map(|text| read(&text))
            .transpose()
    }
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, PipelineError> {
    serde_json::from_str(text)
        .map_err(|error| PipelineError::Other(format!("a stored run is unreadable: {error}")))
}

fn texts(
    connection: &Connection,
    query: &str,
    values: &[&dyn rusqlite::ToSql],
) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare_cached(query)?;
    let rows = statement.query_map(values, |row| row.get::<_, String>(0))?;
    rows.collect()
}

#[async_trait]
impl Runs for SqliteRuns {
    async fn get(&self, test: &TestId, run: &TestRunId) -> Result<Option<Run>, PipelineError> {
        self.read(test, run)
    }

    async fn put(&self, run: &Run) -> Result<(), PipelineError> {
        let mut next = run.clone();
        next.version += 1;
        let item = Database::json(&next)?;
        let row = Database::json(&next.record.row())?;
        let changed = self.0.with(|connection| {
            let statement = match run.version {
                0 => {
                    "INSERT OR IGNORE INTO runs
                     (run, test, start_time, status, version, row, item)
                     SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE ?8 = 0"
                }
                _ => {
                    "UPDATE runs SET status = ?4, version = ?5, row = ?6, item = ?7
                     WHERE run = ?1 AND test = ?2 AND start_time = ?3 AND version = ?8"
                }
            };
            connection.prepare_cached(statement)?.execute(params![
                run.run.as_str(),
                run.test.as_str(),
                run.record.start_time,
                next.record.status.name(),
                next.version as i64,
                row,
                item,
                run.version as i64
            ])
        })?;
        match changed {
            1 => Ok(()),
            _ => Err(PipelineError::Conflict(format!(
                "run {} exists, or was changed by somebody else",
                run.run
            ))),
        }
    }

    async fn page(&self, test: &TestId, query: &RunsQuery) -> Result<RunsFound, PipelineError> {
        let from = query.from.as_deref().unwrap_or_default();
        let to = query.to.as_deref().unwrap_or(LAST_TIME);
        let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
        let (rows, total) = self.0.with(|connection| {
            let total: i64 = connection
                .prepare_cached(
                    "SELECT count(*) FROM runs
                     WHERE test = ?1 AND start_time BETWEEN ?2 AND ?3 AND row <> ''",
                )?
                .query_row(params![test.as_str(), from, to], |row| row.get(0))?;
            // Runs that started in the same second stay in the order in which
            // they were stored.
            let after = match &query.after {
                None => None,
                Some(token) => Some((
                    token.start_time.clone(),
                    connection
                        .prepare_cached("SELECT rowid FROM runs WHERE run = ?1")?
                        .query_row([token.test_run_id.as_str()], |row| row.get::<_, i64>(0))
                        .optional()?
                        .unwrap_or(0),
                )),
            };
            let (time, rowid) = after.unwrap_or((LAST_TIME.to_owned(), i64::MAX));
            let rows = texts(
                connection,
                "SELECT row FROM runs
                 WHERE test = ?1 AND start_time BETWEEN ?2 AND ?3 AND row <> ''
                   AND (start_time < ?4 OR (start_time = ?4 AND rowid < ?5))
                 ORDER BY start_time DESC, rowid DESC LIMIT ?6",
                &[&test.as_str(), &from, &to, &time, &rowid, &limit],
            )?;
            Ok((rows, total))
        })?;
        Ok(RunsFound {
            rows: rows
                .iter()
                .map(|text| read(text))
                .collect::<Result<_, _>>()?,
            total: total.unsigned_abs(),
        })
    }

    async fn delete(&self, test: &TestId, runs: &[TestRunId]) -> Result<u64, PipelineError> {
        self.0.with(|connection| {
            let mut deleted = 0;
            for run in runs {
                let changed = connection.execute(
                    "DELETE FROM runs WHERE run = ?1 AND test = ?2",
                    params![run.as_str(), test.as_str()],
                )?;
                if changed > 0 {
                    connection.execute("DELETE FROM executions WHERE run = ?1", [run.as_str()])?;
                }
                deleted += changed as u64;
            }
            Ok(deleted)
        })
    }
}

/// Rows of lists from the items of version 1; an item that cannot be read keeps
/// an empty row and is not listed.
pub(crate) fn fill_rows(connection: &Connection) -> rusqlite::Result<()> {
    for (run, item) in pairs(connection, "SELECT run, item FROM runs")? {
        let Ok(item) = serde_json::from_str::<Run>(&item) else {
            continue;
        };
        let row = json_text(&item.record.row())?;
        connection.execute("UPDATE runs SET row = ?1 WHERE run = ?2", [row, run])?;
    }
    Ok(())
}
