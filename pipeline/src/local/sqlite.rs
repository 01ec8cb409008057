//! The data folder's database: one SQLite file in WAL mode, shared by the
//! adapters of scenarios, runs and executions, and readable by others.

use crate::error::PipelineError;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long a statement waits for another process.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Version of the tables.
const SCHEMA_VERSION: i64 = 1;
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS scenarios (
        test TEXT PRIMARY KEY, version INTEGER NOT NULL, item TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS runs (
        run TEXT PRIMARY KEY, test TEXT NOT NULL, start_time TEXT NOT NULL,
        status TEXT NOT NULL, version INTEGER NOT NULL, item TEXT NOT NULL);
    CREATE INDEX IF NOT EXISTS runs_by_start ON runs (start_time);
    CREATE TABLE IF NOT EXISTS executions (
        name TEXT PRIMARY KEY, run TEXT NOT NULL, machine TEXT NOT NULL,
        ended INTEGER NOT NULL);
    CREATE INDEX IF NOT EXISTS executions_by_run ON executions (run);
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
            if version == 0 {
                connection.execute_batch(SCHEMA)?;
                connection.pragma_update(None, "user_version", SCHEMA_VERSION)?;
            }
            Ok((connection, version))
        };
        let (connection, version) = open().map_err(|error| failed(&error))?;
        Self::check(&path, version)?;
        Ok(Self {
            connection: Arc::new(Mutex::new(connection)),
        })
    }

    /// Opens a data folder's database for reading; None if there is none.
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
        if version == 0 {
            return Ok(None);
        }
        Self::check(&path, version)?;
        Ok(Some(Self {
            connection: Arc::new(Mutex::new(connection)),
        }))
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
