//! Folders of older and of later versions.

use super::FILL;
use crate::runs::tests::example;
use crate::runs::{Runs, sqlite::SqliteRuns};
use crate::scenarios::{Scenarios, sqlite::SqliteScenarios};
use crate::store::sqlite::Database;
use dlt_core::calls::RunsQuery;
use rusqlite::Connection;
use rusqlite::params;
use std::path::Path;

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
            true => Database::open_to_read(folder.path(), &FILL)
                .unwrap()
                .unwrap(),
            false => Database::open(folder.path(), &FILL).unwrap(),
        };
        let run = example();
        let rows = SqliteScenarios(database.clone()).list().await.unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].test_name, "shop");
        assert_eq!(rows[0].start_time, run.record.start_time);
        let runs = SqliteRuns(database.clone());
        let page = runs.page(&run.test, &RunsQuery::first(5)).await.unwrap();
        assert_eq!((page.rows, page.total), (vec![run.record.row()], 1));
        assert_eq!(runs.read(&run.test, &run.run).unwrap(), Some(run));
        let (newest, unreadable) = runs.newest(9).unwrap();
        assert_eq!((newest.len(), unreadable), (1, 1));
        let kept: i64 = database
            .with(|connection| {
                connection.query_row("SELECT count(*) FROM scenarios", [], |row| row.get(0))
            })
            .unwrap();
        assert_eq!(kept, 2, "what cannot be read stays where it is");
        // Opened again, it is as it was.
        drop(Database::open(folder.path(), &FILL).unwrap());
    }
}

#[test]
fn a_folder_of_a_later_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    drop(Database::open(folder.path(), &FILL).unwrap());
    let connection = Connection::open(Database::path(folder.path())).unwrap();
    connection.pragma_update(None, "user_version", 9).unwrap();
    let error = Database::open(folder.path(), &FILL)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("written by a newer dlt (format 9"),
        "{error}"
    );
}
