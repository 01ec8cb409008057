//! The data folder's database: one SQLite file in WAL mode, shared by the
//! adapters of scenarios, runs and executions, and readable by others.

use crate::error::{PipelineError, Source};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags, Row, Transaction, TransactionBehavior};
use serde::Serialize;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a statement waits for another process.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Between two tries to open a database that another process is making.
const BETWEEN_OPENINGS: Duration = Duration::from_millis(20);
/// Version of the tables.
const SCHEMA_VERSION: i64 = 3;
/// Stands for the version of a database that has tables and says none.
const NO_VERSION: i64 = -1;
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
    /// Where it lies, and which file that was; None in memory and to read.
    file: Option<Arc<(PathBuf, FileId)>>,
}

/// Device and number of a file: another one of the same name has others.
type FileId = (u64, u64);

fn file_id(path: &Path) -> std::io::Result<FileId> {
    let about = std::fs::metadata(path)?;
    Ok((about.dev(), about.ino()))
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
        plain_file(&path)?;
        let open = || -> rusqlite::Result<(Connection, i64)> {
            let connection = Connection::open(&path)?;
            connection.busy_timeout(LONGEST_WAIT)?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            // What is deleted may be a secret: it is overwritten, not only forgotten.
            connection.pragma_update(None, "secure_delete", "ON")?;
            // Looked for first: whoever makes tables stores their version with them.
            let has_tables = has_tables(&connection)?;
            let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
            match version {
                0 if has_tables => return Ok((connection, NO_VERSION)),
                0 => set_up(&connection, SCHEMA, &[])?,
                1 => set_up(&connection, FROM_1_TO_2, fill)?,
                // Version 3 has the same tables; its runs and executions are such
                // that an older dlt would misread them.
                2 => set_up(&connection, "", &[])?,
                _ => {}
            }
            Ok((connection, version))
        };
        let began = Instant::now();
        let (connection, version) = loop {
            match open() {
                // Two that open a new folder together: the change to WAL waits for nobody.
                Err(error) if is_busy(&error) && began.elapsed() < LONGEST_WAIT => {
                    #[expect(
                        clippy::disallowed_methods,
                        reason = "SQLite tells nobody when the other one is done"
                    )]
                    std::thread::sleep(BETWEEN_OPENINGS);
                }
                opened => break opened.map_err(failed)?,
            }
        };
        Self::check(&path, version)?;
        let id = file_id(&path).map_err(|error| PipelineError::file(&path, error))?;
        Ok(Self {
            connection: Arc::new(Mutex::new(connection)),
            file: Some(Arc::new((path, id))),
        })
    }

    /// Opens a data folder's database for reading; None if there is none. One
    /// of an older version is brought up to date first. Nothing needs to be
    /// written for it, so that a folder on a read-only disk, or of another user,
    /// can be read.
    pub fn open_to_read(home: &Path, fill: &[Fill]) -> Result<Option<Self>, PipelineError> {
        let path = Self::path(home);
        let Some((connection, version)) = Self::opened_to_read(&path)? else {
            return Ok(None);
        };
        if version == 1 {
            let migrated = Self::open(home, fill).map(Some);
            return migrated.map_err(|error| match error {
                PipelineError::Store { source, .. } => PipelineError::Other(format!(
                    "database {} was written by an older dlt and cannot be brought up to date: {source}; make its folder writable, or copy the folder and name the copy with DLT_HOME",
                    path.display()
                )),
                other => other,
            });
        }
        Ok(Some(Self {
            connection: Arc::new(Mutex::new(connection)),
            file: None,
        }))
    }

    /// An error if what lies in its place must not be opened.
    pub(crate) fn check_place(home: &Path) -> Result<(), PipelineError> {
        plain_file(&Self::path(home)).map(drop)
    }

    /// Whether a data folder has a database; an error says why it cannot be used. Nothing is changed,
    /// not even one of an older version.
    pub fn look(home: &Path) -> Result<bool, PipelineError> {
        Ok(Self::opened_to_read(&Self::path(home))?.is_some())
    }

    /// A connection to read, and a version that this dlt knows; None if there is nothing to read.
    fn opened_to_read(path: &Path) -> Result<Option<(Connection, i64)>, PipelineError> {
        if !plain_file(path)? {
            return Ok(None);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = || -> rusqlite::Result<(Connection, i64)> {
            let connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(LONGEST_WAIT)?;
            let version = version(&connection)?;
            Ok((connection, version))
        };
        let (connection, version) = open()
            .or_else(|error| match error.sqlite_error_code() {
                // SQLite wants to write a file beside it, even to read.
                Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen) => {
                    open_where_nothing_is_written(path)
                }
                _ => Err(error),
            })
            .map_err(|error| unopened(path, error))?;
        let version = match version {
            0 if has_tables(&connection).map_err(|error| unopened(path, error))? => {
                // They may have been made since the version was read.
                let version = self::version(&connection).map_err(failed)?;
                if version == 0 { NO_VERSION } else { version }
            }
            0 => return Ok(None),
            version => version,
        };
        Self::check(path, version)?;
        Ok(Some((connection, version)))
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
            file: None,
        })
    }

    /// Where it lay, if it is there no longer, or another file is in its place: what is stored from then
    /// on is lost with this process.
    pub fn gone_from(&self) -> Option<&Path> {
        let (path, id) = &**self.file.as_ref()?;
        let is_gone = match file_id(path) {
            Ok(now) => now != *id,
            Err(error) => error.kind() == std::io::ErrorKind::NotFound,
        };
        is_gone.then_some(path.as_path())
    }

    /// Takes what was deleted out of the log of SQLite, too. While others read it stays there until the
    /// next delete: nobody waits for them.
    pub fn forget_deleted(&self) {
        let _ = self.with(|connection| {
            connection.busy_timeout(Duration::ZERO)?;
            let done = connection.pragma_update(None, "wal_checkpoint", "TRUNCATE");
            connection.busy_timeout(LONGEST_WAIT)?;
            done
        });
    }

    fn check(path: &Path, version: i64) -> Result<(), PipelineError> {
        if version == NO_VERSION {
            return Err(PipelineError::Other(format!(
                "database {} has tables and says no version: something else than dlt changed it; restore it from a copy, or name another folder with DLT_HOME. If you know that it is of this dlt: sqlite3 {0} 'PRAGMA user_version = {SCHEMA_VERSION}'",
                path.display()
            )));
        }
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

/// [`PipelineError::Other`] for a link: its file may be open to others, and have other locks and
/// another log than those beside the link. And for what is no file: opening a pipe waits for somebody
/// who writes into it, and opening a device does something. Whether there is one.
fn plain_file(path: &Path) -> Result<bool, PipelineError> {
    if let Ok(target) = std::fs::read_link(path) {
        return Err(PipelineError::Other(format!(
            "database {} is a symbolic link to {}: dlt closes and locks the file itself; put it in the place of the link, or name its folder with DLT_HOME (a folder may be a link)",
            path.display(),
            target.display()
        )));
    }
    let about = match std::fs::symlink_metadata(path) {
        Ok(about) => about,
        Err(error) => {
            use std::io::ErrorKind::{NotADirectory, NotFound};
            // What cannot be seen is told when it is opened.
            return Ok(!matches!(error.kind(), NotFound | NotADirectory));
        }
    };
    let what = match about.file_type() {
        kind if kind.is_file() => return Ok(true),
        kind if kind.is_dir() => "a folder",
        _ => "a pipe, a device or a socket",
    };
    Err(PipelineError::Other(format!(
        "database {} is {what}, and no file: move it away, or name another folder with DLT_HOME",
        path.display()
    )))
}

fn has_tables(connection: &Connection) -> rusqlite::Result<bool> {
    let tables = "SELECT count(*) FROM sqlite_master WHERE type = 'table'";
    connection.query_row(tables, [], |row| Ok(row.get::<_, i64>(0)? > 0))
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Opens a database in a folder in which nothing can be written, which nobody changes
/// meanwhile: whoever can has files beside it that SQLite would have used.
fn open_where_nothing_is_written(path: &Path) -> rusqlite::Result<(Connection, i64)> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let has_log = std::fs::metadata(&log).is_ok_and(|about| about.len() > 0);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = match has_log {
        // What was written last stands in the log alone; its index is made in memory where no
        // other process is to see it, and that needs no locks.
        true => {
            let connection = Connection::open_with_flags_and_vfs(path, flags, c"unix-none")?;
            connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
            connection
        }
        // Without a log it is enough to say that nothing changes.
        false => {
            let uri = url::Url::from_file_path(path)
                .map_err(|()| rusqlite::Error::InvalidPath(path.to_owned()))?;
            let uri = format!("{uri}?immutable=1");
            Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)?
        }
    };
    let version = version(&connection)?;
    Ok((connection, version))
}

/// A database that cannot be opened is named.
fn unopened(path: &Path, error: rusqlite::Error) -> PipelineError {
    match error.sqlite_error_code() {
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::NotADatabase) => {
            PipelineError::Other(format!(
                "database {} cannot be read: {error}",
                path.display()
            ))
        }
        _ => failed(error),
    }
}

/// Makes or changes the tables and fills them, all or nothing.
fn set_up(connection: &Connection, statements: &str, fill: &[Fill]) -> rusqlite::Result<()> {
    // At once: one that only read cannot go on to write once another has written.
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    // Another process may have been faster.
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version < SCHEMA_VERSION {
        transaction.execute_batch(statements)?;
        fill.iter().try_for_each(|fill| fill(&transaction))?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    }
    transaction.commit()
}

fn is_busy(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    code == Some(ErrorCode::DatabaseBusy)
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

/// A column's text, or why it is none: one bad value must not end a query over all rows.
pub(crate) fn text_of(row: &Row<'_>, at: usize) -> Result<String, String> {
    match row.get_ref(at) {
        Ok(ValueRef::Text(bytes) | ValueRef::Blob(bytes)) => std::str::from_utf8(bytes)
            .map(str::to_owned)
            .map_err(|error| error.to_string()),
        Ok(other) => Err(format!("it is no text but {}", other.data_type())),
        Err(error) => Err(error.to_string()),
    }
}

/// The two columns of a query, as texts; a value that is none is empty.
pub(crate) fn pairs(
    connection: &Connection,
    query: &str,
) -> rusqlite::Result<Vec<(String, String)>> {
    let mut statement = connection.prepare(query)?;
    let rows = statement.query_map([], |row| {
        let text = |at| text_of(row, at).unwrap_or_default();
        Ok((text(0), text(1)))
    })?;
    rows.collect()
}

/// What can stand in a column in place of what belongs there.
#[cfg(test)]
#[derive(Debug, Clone)]
pub(crate) enum Damage {
    Text(String),
    Bytes(Vec<u8>),
}

#[cfg(test)]
impl Database {
    /// Does damage to one row: `statement` has the place for it.
    pub(crate) fn damage(&self, statement: &str, damage: &Damage) {
        let value: &dyn rusqlite::ToSql = match damage {
            Damage::Text(text) => text,
            Damage::Bytes(bytes) => bytes,
        };
        let changed = self.with(|connection| connection.execute(statement, [value]));
        assert_eq!(changed.unwrap(), 1);
    }
}

#[cfg(test)]
mod tests;
