//! The data folder's database: one SQLite file in WAL mode, shared by the
//! adapters of scenarios, runs and executions, and readable by others.

use crate::error::{PipelineError, Source};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long a statement waits for another process.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Version of the tables.
const SCHEMA_VERSION: i64 = 3;
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

/// Brings the items of an older version up to date: a noun's adapter knows how.
pub type Fill = fn(&Connection) -> rusqlite::Result<()>;

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
    /// `fill` fills what an older version did not have.
    pub fn open(home: &Path, fill: &[Fill]) -> Result<Self, PipelineError> {
        let path = Self::path(home);
        let open = || -> rusqlite::Result<(Connection, i64)> {
            let connection = Connection::open(&path)?;
            connection.busy_timeout(LONGEST_WAIT)?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
            match version {
                0 => set_up(&connection, SCHEMA, &[])?,
                1 => set_up(&connection, FROM_1_TO_2, fill)?,
                // Version 3 has the same tables; its runs and executions are such
                // that an older dlt would misread them.
                2 => set_up(&connection, "", &[])?,
                _ => {}
            }
            Ok((connection, version))
        };
        let (connection, version) = open().map_err(failed)?;
        Self::check(&path, version)?;
        Ok(Self {
            connection: Arc::new(Mutex::new(connection)),
        })
    }

    /// Opens a data folder's database for reading; None if there is none. One
    /// of an older version is brought up to date first.
    pub fn open_to_read(home: &Path, fill: &[Fill]) -> Result<Option<Self>, PipelineError> {
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
        let (connection, version) = open().map_err(failed)?;
        match version {
            0 => return Ok(None),
            1 => return Self::open(home, fill).map(Some),
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
            set_up(&connection, SCHEMA, &[])?;
            Ok(connection)
        };
        let connection = open().map_err(failed)?;
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
        work(&connection).map_err(failed)
    }

    /// Writes what is there already: fails exactly while nothing can be written.
    pub fn probe(&self) -> Result<(), PipelineError> {
        self.with(|connection| connection.pragma_update(None, "user_version", SCHEMA_VERSION))
    }

    /// An item as it is stored.
    pub fn json(item: &impl Serialize) -> Result<String, PipelineError> {
        serde_json::to_string(item)
            .map_err(|error| PipelineError::Other(format!("an item cannot be stored: {error}")))
    }
}

/// Makes or changes the tables and fills them, all or nothing.
fn set_up(connection: &Connection, statements: &str, fill: &[Fill]) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    // Another process may have been faster.
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version < SCHEMA_VERSION {
        transaction.execute_batch(statements)?;
        fill.iter().try_for_each(|fill| fill(&transaction))?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    }
    transaction.commit()
}

fn failed(error: rusqlite::Error) -> PipelineError {
    let passing = matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::ReadOnly
                | ErrorCode::CannotOpen,
        )
    );
    PipelineError::Store {
        passing,
        source: Source::of(error),
    }
}

/// A value as JSON, within a statement: a migration that cannot write an item
/// ends, and leaves the item as it was.
pub(crate) fn json_text<T: Serialize>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

/// The two columns of a query, as texts.
pub(crate) fn pairs(
    connection: &Connection,
    query: &str,
) -> rusqlite::Result<Vec<(String, String)>> {
    let mut statement = connection.prepare(query)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}
