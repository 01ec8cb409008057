//! A data folder of which a part is damaged: what is whole is read as ever, and what is not is
//! named. Each kind of damage is done to a real database.

use super::to_read;
use crate::api::{Answer, answer};
use crate::objects::{Access, body_of};
use crate::runs::sqlite::SqliteRuns;
use crate::runs::tests::example;
use crate::runs::{Run, Runs as _};
use crate::scenarios::sqlite::SqliteScenarios;
use crate::scenarios::{ScenarioItem, Scenarios as _};
use crate::store::sqlite::{Damage, Database};
use crate::world::World;
use dlt_core::calls::request::{Call, Request};
use dlt_core::ids::{Region, RunPrefix, TestId, TestRunId};
use dlt_core::judge::summary::Blocks;
use dlt_core::keys;
use dlt_core::run::Status;
use serde_json::{Value, json};
use tempfile::TempDir;

/// What can stand in a column in place of JSON of the right shape.
fn damages() -> Vec<Damage> {
    vec![
        Damage::Text(String::new()),
        Damage::Text("{".to_owned()),
        Damage::Text("[]".to_owned()),
        Damage::Text(r#"{"version":"x"}"#.to_owned()),
        Damage::Bytes(vec![0xff, 0x00, b'{']),
        Damage::Text("[".repeat(10_000)),
    ]
}

fn home_1() -> Vec<(Region, u64)> {
    vec![(Region::parse("lo-home-1").unwrap(), 8)]
}

fn item(test: &str) -> ScenarioItem {
    let mut item = ScenarioItem::new(
        TestId::parse(test).unwrap(),
        json!({
            "testName": test, "testTaskConfigs": [{ "region": "lo-home-1", "taskCount": 1 }],
        }),
    );
    item.total_runs = 3;
    item.start_time = "2026-03-04 09:15:02".to_owned();
    item
}

fn run(test: &str, id: &str, status: Status) -> Run {
    let mut run = example();
    run.test = TestId::parse(test).unwrap();
    run.run = TestRunId::parse(id).unwrap();
    run.prefix = RunPrefix::of(&run.record.start_time, &run.run).unwrap();
    run.record.test_id = run.test.to_string();
    run.record.test_run_id = run.run.to_string();
    run.record.status = status;
    run
}

/// Two scenarios; the first has three runs that ended in the same second.
async fn folder() -> (TempDir, Database) {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(folder.path(), &[]).unwrap();
    let scenarios = SqliteScenarios(database.clone());
    for test in ["first", "second"] {
        scenarios.put(&item(test)).await.unwrap();
    }
    let runs = SqliteRuns(database.clone());
    for id in ["run1aaaaaa", "run2aaaaaa", "run3aaaaaa"] {
        runs.put(&run("first", id, Status::Complete)).await.unwrap();
    }
    (folder, database)
}

async fn ask(world: &World, path: &str) -> Result<Value, String> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let request = Request {
        method: "GET",
        path,
        query: Some(query),
        body: b"",
    };
    let call = Call::read(&request).unwrap().unwrap();
    match answer(world, call, body_of(Vec::new())).await {
        Ok(Answer::Json(value)) => Ok(value.to_serde()),
        Ok(_) => panic!("bytes"),
        Err(refusal) => Err(refusal.text),
    }
}

/// The ids of all runs, page by page.
async fn paged(world: &World) -> Vec<String> {
    let mut ids = Vec::new();
    let mut path = "/scenarios/first/testruns?limit=1".to_owned();
    loop {
        let page = ask(world, &path).await.unwrap();
        for row in page["testRuns"].as_array().unwrap() {
            ids.push(row["testRunId"].as_str().unwrap().to_owned());
        }
        match page["pagination"]["next_token"]
            .as_str()
            .or(page["pagination"]["nextToken"].as_str())
        {
            Some(token) => path = format!("/scenarios/first/testruns?limit=1&next_token={token}"),
            None => return ids,
        }
    }
}

#[tokio::test]
async fn a_damaged_run_hides_no_other_and_is_named() {
    for broken in damages() {
        let (folder, database) = folder().await;
        database.damage(
            "UPDATE runs SET row = ?1, item = ?1 WHERE run = 'run2aaaaaa'",
            &broken,
        );
        let world = to_read(folder.path(), &home_1()).unwrap();
        let page = ask(&world, "/scenarios/first/testruns").await.unwrap();
        let rows = page["testRuns"].as_array().unwrap();
        assert_eq!(rows.len(), 3, "{broken:?}");
        for row in rows {
            let is_broken = row["testRunId"] == "run2aaaaaa";
            assert_eq!(row["unreadable"].is_string(), is_broken, "{row}");
            assert_eq!(row["startTime"], "2026-03-04 09:15:02");
        }
        assert_eq!(
            paged(&world).await,
            ["run3aaaaaa", "run2aaaaaa", "run1aaaaaa"]
        );
        let why = ask(&world, "/scenarios/first/testruns/run2aaaaaa").await;
        assert!(why.unwrap_err().contains("run run2aaaaaa cannot be read"));
        assert!(
            ask(&world, "/scenarios/first/testruns/run1aaaaaa")
                .await
                .is_ok()
        );
        let whole = ask(&world, "/scenarios/first?history=true").await.unwrap();
        assert_eq!(whole["history"].as_array().unwrap().len(), 2);
        assert!(
            whole["warnings"].to_string().contains("run2aaaaaa"),
            "{whole}"
        );
    }
}

/// Nobody can go on with it, and it must not hold its scenario for ever.
#[tokio::test]
async fn a_damaged_run_in_progress_does_not_hold_its_scenario() {
    for broken in damages() {
        let (folder, database) = folder().await;
        let scenarios = SqliteScenarios(database.clone());
        let runs = SqliteRuns(database.clone());
        let id = TestRunId::parse("run4aaaaaa").unwrap();
        let mut held = item("third");
        held.run = Some(id.clone());
        held.status = Status::Running;
        scenarios.put(&held).await.unwrap();
        runs.put(&run("third", "run4aaaaaa", Status::Running))
            .await
            .unwrap();
        database.damage(
            "UPDATE runs SET row = ?1, item = ?1 WHERE run = 'run4aaaaaa'",
            &broken,
        );
        let active = crate::scenarios::active_run(&held, &runs).await;
        assert_eq!(active.unwrap(), None, "{broken:?}");
        let world = to_read(folder.path(), &home_1()).unwrap();
        ask(&world, "/scenarios/third").await.unwrap();
    }
}

#[tokio::test]
async fn a_row_of_a_list_is_made_anew_from_its_run() {
    for broken in damages() {
        let (folder, database) = folder().await;
        database.damage("UPDATE runs SET row = ?1 WHERE run = 'run2aaaaaa'", &broken);
        database.damage(
            "UPDATE scenarios SET row = ?1 WHERE test = 'first'",
            &broken,
        );
        let world = to_read(folder.path(), &home_1()).unwrap();
        for path in ["/scenarios/first/testruns", "/scenarios"] {
            let text = ask(&world, path).await.unwrap().to_string();
            assert!(!text.contains("unreadable"), "{text}");
        }
        assert_eq!(paged(&world).await.len(), 3);
    }
}

#[tokio::test]
async fn a_damaged_scenario_hides_no_other_and_is_named() {
    let mut all = damages();
    // JSON, but no configurations of regions.
    all.push(Damage::Text(
        r#"{"body":{"testTaskConfigs":["x",7,null,{"region":9}]}}"#.to_owned(),
    ));
    for broken in all {
        let (folder, database) = folder().await;
        database.damage(
            "UPDATE scenarios SET row = ?1, item = ?1 WHERE test = 'first'",
            &broken,
        );
        let world = to_read(folder.path(), &home_1()).unwrap();
        let list = ask(&world, "/scenarios").await.unwrap();
        let rows = list["Items"].as_array().unwrap();
        assert_eq!(rows.len(), 2, "{broken:?}");
        for row in rows {
            let is_broken = row["testId"] == "first";
            assert_eq!(row["unreadable"].is_string(), is_broken, "{row}");
        }
        let why = ask(&world, "/scenarios/first").await.unwrap_err();
        assert!(why.contains("scenario first cannot be read"), "{why}");
        assert!(ask(&world, "/scenarios/second").await.is_ok());
        // Its runs are whole.
        assert_eq!(paged(&world).await.len(), 3);
    }
}

#[tokio::test]
async fn unfinished_runs_are_gone_on_with_whatever_became_of_another() {
    for broken in damages() {
        let (_folder, database) = folder().await;
        let runs = SqliteRuns(database.clone());
        for id in ["run4aaaaaa", "run5aaaaaa"] {
            runs.put(&run("second", id, Status::Running)).await.unwrap();
        }
        assert_eq!(runs.unreadable().unwrap(), Vec::<String>::new());
        database.damage(
            "UPDATE runs SET item = ?1 WHERE run = 'run4aaaaaa'",
            &broken,
        );
        let unfinished = runs.unfinished().unwrap();
        assert_eq!(unfinished.len(), 1);
        assert_eq!(unfinished[0].run.as_str(), "run5aaaaaa");
        let named = runs.unreadable().unwrap();
        assert!(
            named.len() == 1 && named[0].contains("run4aaaaaa"),
            "{named:?}"
        );
    }
}

#[tokio::test]
async fn a_timeline_that_is_gone_is_mentioned() {
    let (folder, database) = folder().await;
    let runs = SqliteRuns(database.clone());
    let mut ended = run("second", "run6aaaaaa", Status::Failed);
    runs.put(&ended).await.unwrap();
    let world = to_read(folder.path(), &home_1()).unwrap();
    let path = "/scenarios/second/testruns/run6aaaaaa/timeline";
    let never = ask(&world, path).await.unwrap_err();
    assert!(never.contains("has no timeline: it is"), "{never}");
    // With results there was one, and what its leader stored on the way is not all of it.
    ended.version = 1;
    ended.record.summary = Some(Blocks::default());
    runs.put(&ended).await.unwrap();
    let region = &ended.regions[0].region;
    let parts = [
        (None, "nothing"),
        (
            Some((
                keys::region_timeline(&ended.test, &ended.prefix, region),
                "{}",
            )),
            "a part",
        ),
    ];
    for (part, what) in parts {
        if let Some((key, text)) = part {
            world
                .objects
                .put(&key, text.as_bytes(), Access::Home)
                .await
                .unwrap();
        }
        let gone = ask(&world, path).await.unwrap_err();
        let key = keys::merged_timeline(&ended.test, &ended.prefix);
        assert!(
            gone.contains("is gone") && gone.contains(&key),
            "{what}: {gone}"
        );
        // All else of the run is there.
        let record = path.trim_end_matches("/timeline");
        assert!(ask(&world, record).await.is_ok());
    }
}
