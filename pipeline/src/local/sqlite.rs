//! The data folder's database: one SQLite file in WAL mode, shared by the
//! adapters of scenarios, runs and executions, and readable by others.

use crate::error::PipelineError;
use crate::scenarios::ScenarioItem;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long a statement waits for another process.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Version of the tables.
const SCHEMA_VERSION: i64 = 2;
const SCHEMA: &str = "
    CREATE TABLE scenarios (
        test TEXT PRIMARY KEY, version INTEGER NOT NULL, start_time TEXT NOT NULL,
        next_us INTEGER, row TEXT NOT NULL, item TEXT NOT NULL);
    CREATE INDEX scenarios_by_start ON scenarios (start_time);
    CREATE INDEX scenarios_by_next ON scenarios (next_us);
    CREATE TABLE runs (
        run TEXT PRIMARY KEY, test TEXT NOT NULL, start_time TEXT NOT NULL,
        status TEXT NOT NULL, version INTEGER NOT NULL, row TEXT NOT NULL, item TEXT NOT NULL);
    CREATE INDEX runs_by_start ON runs (start_time);
    CREATE INDEX runs_by_test ON runs (test, start_time);
    CREATE INDEX runs_by_status ON runs (status);
    CREATE TABLE executions (
        name TEXT PRIMARY KEY, run TEXT NOT NULL, machine TEXT NOT NULL,
        ended INTEGER NOT NULL);
    CREATE INDEX executions_by_run ON executions (run);
";
/// Tables of version 1 get what lists need beside the items.
const FROM_1_TO_2: &str = "
    ALTER TABLE scenarios ADD COLUMN start_time TEXT NOT NULL DEFAULT '';
    ALTER TABLE scenarios ADD COLUMN next_us INTEGER;
    ALTER TABLE scenarios ADD COLUMN row TEXT NOT NULL DEFAULT '';
    ALTER TABLE runs ADD COLUMN row TEXT NOT NULL DEFAULT '';
    CREATE INDEX scenarios_by_start ON scenarios (start_time);
    CREATE INDEX scenarios_by_next ON scenarios (next_us);
    CREATE INDEX runs_by_test ON runs (test, start_time);
    CREATE INDEX runs_by_status ON runs (status);
";

/// A connection that several adapters share.
#[derive(Debug, Clone)]
pub struct Database {
    connection: Arc<Mutex<Connection>>,
}

impl Database {
    /// Where it lies in a data folder.
    pub fn path(home: &Path) -> PathBuf {
        home.join("dlt.sqlite")
    }

    /// Opens or makes the database of a data folder.
    pub fn open(home: &Path) -> Result<Self, PipelineError> {
        let path = Self::path(home);
        let open = || -> rusqlite::Result<(Connection, i64)> {
            let connection = Connection::open(&path)?;
            connection.busy_timeout(LONGEST_WAIT)?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
            match version {
                0 => set_up(&connection, SCHEMA, &|_| Ok(()))?,
                1 => set_up(&connection, FROM_1_TO_2, &fill_rows)?,
                _ => {}
            }
            Ok((connection, version))
        };
        let (connection, version) = open().map_err(|error| failed(&error))?;
        Self::check(&path, version)?;
        Ok(Self {
            connection: Arc::new(Mutex::new(connection)),
        })
    }

    /// Opens a data folder's database for reading; None if there is none. One
    /// of an older version is brought up to date first.
    pub fn open_to_read(home: &Path) -> Result<Option<Self>, PipelineError> {
        let path = Self::path(home);
        if !path.exists() {
            return Ok(None);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = || -> rusqlite::Result<(Connection, i64)> {
            let connection = Connection::open_with_flags(&path, flags)?;
            connection.busy_timeout(LONGEST_WAIT)?;
            let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
            Ok((connection, version))
        };
        let (connection, version) = open().map_err(|error| failed(&error))?;
        match version {
            0 => return Ok(None),
            1 => return Self::open(home).map(Some),
            _ => {}
        }
        Self::check(&path, version)?;
        Ok(Some(Self {
            connection: Arc::new(Mutex::new(connection)),
        }))
    }

    /// One that holds nothing, in memory: what a folder without one reads as.
    pub fn empty() -> Result<Self, PipelineError> {
        let open = || {
            let connection = Connection::open_in_memory()?;
            set_up(&connection, SCHEMA, &|_| Ok(()))?;
            Ok(connection)
        };
        let connection = open().map_err(|error| failed(&error))?;
        Ok(Self {
            connection: Arc::new(Mutex::new(connection)),
        })
    }

    fn check(path: &Path, version: i64) -> Result<(), PipelineError> {
        if version <= SCHEMA_VERSION {
            return Ok(());
        }
        Err(PipelineError::Other(format!(
            "database {} was written by a newer dlt (format {version}, this one knows {SCHEMA_VERSION}); use that one, or another folder with DLT_HOME",
            path.display()
        )))
    }

    /// Does something with the connection.
    pub fn with<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, PipelineError> {
        let connection = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        work(&connection).map_err(|error| failed(&error))
    }

    /// An item as it is stored.
    pub fn json(item: &impl Serialize) -> Result<String, PipelineError> {
        serde_json::to_string(item)
            .map_err(|error| PipelineError::Other(format!("an item cannot be stored: {error}")))
    }
}

/// Makes or changes the tables and fills them, all or nothing.
fn set_up(
    connection: &Connection,
    statements: &str,
    fill: &dyn Fn(&Connection) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    // Another process may have been faster.
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version < SCHEMA_VERSION {
        transaction.execute_batch(statements)?;
        fill(&transaction)?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    }
    transaction.commit()
}

/// Rows of lists from the items of version 1; an item that cannot be read keeps
/// an empty row and is not listed.
fn fill_rows(connection: &Connection) -> rusqlite::Result<()> {
    let items = |query: &str| -> rusqlite::Result<Vec<(String, String)>> {
        let mut statement = connection.prepare(query)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect()
    };
    for (run, item) in items("SELECT run, item FROM runs")? {
        let Ok(item) = serde_json::from_str::<crate::runs::Run>(&item) else {
            continue;
        };
        let row = serde_json::to_string(&item.record.row()).unwrap_or_default();
        connection.execute("UPDATE runs SET row = ?1 WHERE run = ?2", [row, run])?;
    }
    for (test, item) in items("SELECT test, item FROM scenarios")? {
        let Ok(mut item) = serde_json::from_str::<ScenarioItem>(&item) else {
            continue;
        };
        (item.start_time, item.total_runs) = connection.query_row(
            "SELECT coalesce(max(start_time), ''), count(*) FROM runs WHERE test = ?1",
            [&test],
            |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())),
        )?;
        let text = serde_json::to_string(&item).unwrap_or_default();
        let row = serde_json::to_string(&item.row()).unwrap_or_default();
        connection.execute(
            "UPDATE scenarios SET start_time = ?1, row = ?2, item = ?3 WHERE test = ?4",
            [&item.start_time, &row, &text, &test],
        )?;
    }
    Ok(())
}

fn failed(error: &rusqlite::Error) -> PipelineError {
    let message = format!("the data folder's database: {error}");
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure,
        ) => PipelineError::Transient(message),
        _ => PipelineError::Other(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::tests::example;
    use crate::runs::{Runs, sqlite::SqliteRuns};
    use crate::scenarios::{Scenarios, sqlite::SqliteScenarios};
    use dlt_core::calls::RunsQuery;
    use rusqlite::params;

    const SCHEMA_1: &str = "
        CREATE TABLE scenarios (
            test TEXT PRIMARY KEY, version INTEGER NOT NULL, item TEXT NOT NULL);
        CREATE TABLE runs (
            run TEXT PRIMARY KEY, test TEXT NOT NULL, start_time TEXT NOT NULL,
            status TEXT NOT NULL, version INTEGER NOT NULL, item TEXT NOT NULL);
        CREATE INDEX runs_by_start ON runs (start_time);
        CREATE TABLE executions (
            name TEXT PRIMARY KEY, run TEXT NOT NULL, machine TEXT NOT NULL,
            ended INTEGER NOT NULL);
        CREATE INDEX executions_by_run ON executions (run);
        PRAGMA user_version = 1;";

    /// A folder that version 1 wrote: a scenario with one run, and items that
    /// nobody can read.
    fn version_1(folder: &Path) {
        let connection = Connection::open(Database::path(folder)).unwrap();
        connection.execute_batch(SCHEMA_1).unwrap();
        let run = example();
        let mut item = serde_json::to_value(&run).unwrap();
        // A field that version 1 did not have.
        let record = item["record"].as_object_mut().unwrap();
        record.shift_remove("scheduleTimezone");
        let scenario = serde_json::json!({
            "version": 2, "test": run.test, "status": "complete", "run": run.run,
            "body": {"testName": "shop", "testDescription": "all of it"},
        });
        for (id, text) in [
            (run.run.as_str(), item.to_string()),
            ("broken", "{".to_owned()),
        ] {
            connection
                .execute(
                    "INSERT INTO runs VALUES (?1, ?2, ?3, 'complete', 0, ?4)",
                    params![id, run.test.as_str(), run.record.start_time, text],
                )
                .unwrap();
        }
        for (id, text) in [
            (run.test.as_str(), scenario.to_string()),
            ("odd", "[]".to_owned()),
        ] {
            connection
                .execute("INSERT INTO scenarios VALUES (?1, 2, ?2)", [id, &text])
                .unwrap();
        }
    }

    #[tokio::test]
    async fn a_folder_of_version_1_is_listed_and_nothing_of_it_is_lost() {
        for to_read in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            version_1(folder.path());
            let database = match to_read {
                true => Database::open_to_read(folder.path()).unwrap().unwrap(),
                false => Database::open(folder.path()).unwrap(),
            };
            let run = example();
            let rows = SqliteScenarios(database.clone()).list().await.unwrap();
            assert_eq!(rows.len(), 1);
            assert_eq!(rows[0].test_name, "shop");
            assert_eq!(rows[0].start_time, run.record.start_time);
            let runs = SqliteRuns(database.clone());
            let page = runs.page(&run.test, &RunsQuery::first(5)).await.unwrap();
            assert_eq!((page.rows, page.total), (vec![run.record.row()], 1));
            assert_eq!(runs.read(&run.run).unwrap(), Some(run));
            let (newest, unreadable) = runs.newest(9).unwrap();
            assert_eq!((newest.len(), unreadable), (1, 1));
            let kept: i64 = database
                .with(|connection| {
                    connection.query_row("SELECT count(*) FROM scenarios", [], |row| row.get(0))
                })
                .unwrap();
            assert_eq!(kept, 2, "what cannot be read stays where it is");
            // Opened again, it is as it was.
            drop(Database::open(folder.path()).unwrap());
        }
    }

    #[test]
    fn a_folder_of_a_later_version_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        drop(Database::open(folder.path()).unwrap());
        let connection = Connection::open(Database::path(folder.path())).unwrap();
        connection.pragma_update(None, "user_version", 9).unwrap();
        let error = Database::open(folder.path()).unwrap_err().to_string();
        assert!(
            error.contains("written by a newer dlt (format 9"),
            "{error}"
        );
    }
}
