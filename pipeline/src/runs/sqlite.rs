//! Runs at home: one row each, the item as JSON beside its row in lists.

use crate::error::PipelineError;
use crate::runs::{Run, Runs, RunsFound};
use crate::store::sqlite::{Database, json_text, pairs, text_of};
use async_trait::async_trait;
use dlt_core::calls::RunsQuery;
use dlt_core::calls::answers::TestRunSummary;
use dlt_core::ids::{TestId, TestRunId};
use dlt_core::run::Status;
use rusqlite::{Connection, OptionalExtension, Row, params};
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
            items(
                connection,
                "SELECT run, item FROM runs ORDER BY start_time DESC, rowid DESC LIMIT ?1",
                &[&limit],
            )
        })?;
        let all = items.len();
        let runs: Vec<Run> = items.into_iter().filter_map(Result::ok).collect();
        let unreadable = all - runs.len();
        Ok((runs, unreadable))
    }

    /// Runs whose workflow has not ended: asked for by the statuses that they
    /// may have, which the index knows, since each look at a region asks. Those
    /// that cannot be read are left out; [`Self::unreadable`] names them.
    pub fn unfinished(&self) -> Result<Vec<Run>, PipelineError> {
        Ok(self
            .all_unfinished()?
            .into_iter()
            .filter_map(Result::ok)
            .collect())
    }

    /// Why runs whose workflow has not ended cannot be read, a sentence each.
    pub fn unreadable(&self) -> Result<Vec<String>, PipelineError> {
        let unreadable = |run: Result<Run, PipelineError>| run.err().map(|why| why.to_string());
        Ok(self
            .all_unfinished()?
            .into_iter()
            .filter_map(unreadable)
            .collect())
    }

    fn all_unfinished(&self) -> Result<Vec<Result<Run, PipelineError>>, PipelineError> {
        let statuses: Vec<String> = Status::ALL
            .iter()
            .filter(|status| !status.is_terminal())
            .map(|status| format!("'{}'", status.name()))
            .collect();
        let query = format!(
            "SELECT run, item FROM runs WHERE status IN ({})",
            statuses.join(", ")
        );
        self.0.with(|connection| items(connection, &query, &[]))
    }

    /// A run.
    pub fn read(&self, test: &TestId, run: &TestRunId) -> Result<Option<Run>, PipelineError> {
        self.0
            .with(|connection| {
                connection
                    .prepare_cached("SELECT run, item FROM runs WHERE run = ?1 AND test = ?2")?
                    .query_row([run.as_str(), test.as_str()], |row| Ok(item_of(row)))
                    .optional()
            })?
            .transpose()
    }
}

/// The run of a row of `run, item`.
fn item_of(row: &Row<'_>) -> Result<Run, PipelineError> {
    let name = text_of(row, 0).unwrap_or_default();
    parsed(text_of(row, 1))
        .map_err(|why| PipelineError::Unreadable(format!("run {name} cannot be read: {why}")))
}

fn parsed<T: DeserializeOwned>(text: Result<String, String>) -> Result<T, String> {
    serde_json::from_str(&text?).map_err(|error| error.to_string())
}

fn items(
    connection: &Connection,
    query: &str,
    values: &[&dyn rusqlite::ToSql],
) -> rusqlite::Result<Vec<Result<Run, PipelineError>>> {
    let mut statement = connection.prepare_cached(query)?;
    let rows = statement.query_map(values, |row| Ok(item_of(row)))?;
    rows.collect()
}

/// The row in lists of a row of `row, run, start_time, status`: where it cannot be read it is
/// made of the item, and where that cannot be read either it says so.
fn listed(connection: &Connection, row: &Row<'_>) -> TestRunSummary {
    if let Ok(listed) = parsed(text_of(row, 0)) {
        return listed;
    }
    let [run, start_time, status] = [1, 2, 3].map(|at| text_of(row, at).unwrap_or_default());
    let item = connection
        .prepare_cached("SELECT run, item FROM runs WHERE run = ?1")
        .and_then(|mut statement| statement.query_row([&run], |row| Ok(item_of(row))));
    let why = match item {
        Ok(Ok(run)) => return run.record.row(),
        Ok(Err(why)) => why.to_string(),
        Err(why) => format!("run {run} cannot be read: {why}"),
    };
    let named = |status_of: &Status| status_of.name() == status;
    let status = Status::ALL.iter().copied().find(named);
    TestRunSummary::unreadable(run, start_time, status.unwrap_or(Status::Failed), why)
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
                     WHERE test = ?1 AND start_time BETWEEN ?2 AND ?3",
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
            let mut statement = connection.prepare_cached(
                "SELECT row, run, start_time, status FROM runs
                 WHERE test = ?1 AND start_time BETWEEN ?2 AND ?3
                   AND (start_time < ?4 OR (start_time = ?4 AND rowid < ?5))
                 ORDER BY start_time DESC, rowid DESC LIMIT ?6",
            )?;
            let rows = statement
                .query_map(
                    params![test.as_str(), from, to, time, rowid, limit],
                    |row| Ok(listed(connection, row)),
                )?
                .collect::<rusqlite::Result<_>>()?;
            Ok((rows, total))
        })?;
        Ok(RunsFound {
            rows,
            total: total.unsigned_abs(),
        })
    }

    async fn delete(&self, test: &TestId, runs: &[TestRunId]) -> Result<u64, PipelineError> {
        let deleted = self.0.with(|connection| {
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
        });
        self.0.forget_deleted();
        deleted
    }
}

/// Rows of lists from the items of version 1; an item that cannot be read keeps
/// an empty row and is listed as such.
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
