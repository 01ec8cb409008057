//! Folders of older and of later versions.

use super::FILL;
use crate::api::{Answer, answer};
use crate::local::to_read;
use crate::objects::body_of;
use crate::runs::tests::example;
use crate::runs::{Runs, sqlite::SqliteRuns};
use crate::scenarios::{Scenarios, sqlite::SqliteScenarios};
use crate::store::sqlite::Database;
use crate::world::World;
use dlt_core::calls::RunsQuery;
use dlt_core::calls::request::{Call, Request};
use dlt_core::ids::{Region, RunPrefix};
use rusqlite::Connection;
use rusqlite::params;
use serde_json::Value;
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
        assert_eq!(rows.len(), 2);
        assert!(
            rows[1]
                .unreadable
                .as_ref()
                .unwrap()
                .contains("scenario odd")
        );
        assert_eq!(rows[0].test_name, "shop");
        assert_eq!(rows[0].start_time, run.record.start_time);
        let runs = SqliteRuns(database.clone());
        let page = runs.page(&run.test, &RunsQuery::first(5)).await.unwrap();
        let [broken, whole] = page.rows.as_slice() else {
            panic!("{page:?}")
        };
        assert!(broken.unreadable.as_ref().unwrap().contains("run broken"));
        assert_eq!((whole, page.total), (&run.record.row(), 2));
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

/// A folder as the dlt before version 3 left it after one run: made by that dlt.
fn version_2(folder: &Path) -> RunPrefix {
    let connection = Connection::open(Database::path(folder)).unwrap();
    connection
        .execute_batch(include_str!("version_2/dump.sql"))
        .unwrap();
    connection.pragma_update(None, "user_version", 2).unwrap();
    let prefix = RunPrefix::parse("2026-11-28T07-11-43_FNQFHU4uhY").unwrap();
    let results = folder.join(format!("objects/results/shop1/{prefix}"));
    std::fs::create_dir_all(&results).unwrap();
    let files: [(&str, &[u8]); 3] = [
        (
            "lo-home-1-1-lo-home-1.xml",
            include_bytes!("version_2/lo-home-1-1-lo-home-1.xml"),
        ),
        (
            "lo-home-1-1-lo-home-1.timeline",
            include_bytes!("version_2/lo-home-1-1-lo-home-1.timeline"),
        ),
        (
            "timeline.json.gz",
            include_bytes!("version_2/timeline.json.gz"),
        ),
    ];
    for (name, bytes) in files {
        std::fs::write(results.join(name), bytes).unwrap();
    }
    prefix
}

async fn told(world: &World, path: &str) -> Value {
    let request = Request {
        method: "GET",
        path,
        query: path.split_once('?').map(|(_, query)| query),
        body: b"",
    };
    let path = path.split('?').next().unwrap();
    let call = Call::read(&Request { path, ..request }).unwrap().unwrap();
    match answer(world, call, body_of(Vec::new())).await.unwrap() {
        Answer::Json(value) => value.to_serde(),
        _ => panic!("bytes"),
    }
}

#[tokio::test]
async fn a_folder_of_version_2_shows_its_runs_as_before_and_is_left_to_newer_ones() {
    let folder = tempfile::tempdir().unwrap();
    version_2(folder.path());
    let region = Region::parse("lo-home-1").unwrap();
    drop(Database::open(folder.path(), &FILL).unwrap());
    let connection = Connection::open(Database::path(folder.path())).unwrap();
    let version: i64 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(version, 3, "an older dlt says that this folder is newer");
    let world = to_read(folder.path(), &[(region, 1)]).unwrap();
    let run = "/scenarios/shop1/testruns/FNQFHU4uhY";
    let record = told(&world, run).await;
    assert_eq!(record["status"], "complete");
    let labels = record["summary"]["labels"].as_array().unwrap();
    let ok = &labels[0]["ok"];
    assert_eq!(labels.len(), 2);
    assert!(record["errors"][0]["exchanges"][0]["request"].is_string());
    assert!(record["testScenario"]["scenarios"]["shop"].is_object());
    // Its histograms are made of its reports, once.
    for _ in 0..2 {
        let histogram = told(&world, &format!("{run}/histogram?label=home")).await;
        assert_eq!(&histogram["distribution"]["count"], ok);
        let there = format!("{run}/histogram?region=lo-home-1&of=all");
        let both = &record["summary"]["total"]["count"];
        assert_eq!(told(&world, &there).await["distribution"]["count"], *both);
        let report =
            "objects/results/shop1/2026-11-28T07-11-43_FNQFHU4uhY/lo-home-1-1-lo-home-1.xml";
        let _ = std::fs::remove_file(folder.path().join(report));
    }
    let timeline = told(&world, &format!("{run}/timeline")).await;
    let seconds = timeline["regions"]["lo-home-1"].as_array().unwrap();
    let sum: u64 = seconds.iter().map(|row| row["ok"].as_u64().unwrap()).sum();
    assert_eq!(sum, ok.as_u64().unwrap());
}
