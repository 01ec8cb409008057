//! Runs that stand still, on a clock that the tests turn: who begins them, who ends
//! them, and what is left of them then.

use super::*;
use crate::local::testing::{Still, world};
use crate::objects::Access;
use crate::runs::tests::example;
use crate::store::sqlite::Database;
use dlt_core::run::Status;

/// A run, stored with its scenario and with its secret.
async fn stored(world: &World, run: &Run) -> ScenarioItem {
    let mut item = ScenarioItem::new(run.test.clone(), serde_json::json!({}));
    item.status = run.record.status;
    item.run = Some(run.run.clone());
    world.scenarios.put(&item).await.unwrap();
    world.runs.put(run).await.unwrap();
    let key = keys::secret(&run.test, &run.prefix);
    let secret = world.objects.put(&key, b"secret", Access::Secret);
    secret.await.unwrap();
    world.scenarios.get(&run.test).await.unwrap().unwrap()
}

/// The reason of a run that must have failed, of which nothing is left that only
/// runners need.
async fn failed(world: &World, run: &Run) -> String {
    let ended = world.runs.get(&run.test, &run.run).await.unwrap().unwrap();
    assert_eq!(ended.record.status, Status::Failed);
    let item = world.scenarios.get(&run.test).await.unwrap().unwrap();
    assert_eq!(item.status, Status::Failed);
    let folder = keys::start_folder(&run.test, &run.prefix);
    assert_eq!(world.objects.list(&folder).await.unwrap(), []);
    ended.record.error_reason.unwrap_or_default()
}

#[tokio::test]
async fn only_a_start_begins_a_run_and_only_soon() {
    for (unbegun, now, begins) in [
        (Unbegun::Begin, "2026-03-04T09:17:00Z", true),
        (Unbegun::Begin, "2026-03-04T09:26:00Z", false),
        (Unbegun::End, "2026-03-04T09:17:00Z", false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let clock = Still::at(now);
        let database = Database::open(folder.path(), &[]).unwrap();
        let world = world(database, &clock, folder.path());
        let mut run = example();
        run.record.status = Status::Queued;
        let item = stored(&world, &run).await;
        end_stalled(&world, &item, unbegun).await.unwrap();
        let name = hand_over::execution_name(&run, 1);
        let begun = world.executions.goes_on(&name).await.unwrap();
        assert_eq!(begun.is_some(), begins, "{unbegun:?} at {now}");
        if !begins {
            let reason = failed(&world, &run).await;
            assert!(reason.contains("never began"), "{reason}");
        }
    }
}

#[tokio::test]
async fn a_run_whose_execution_is_over_is_ended_by_whoever_looks() {
    for unbegun in [Unbegun::Begin, Unbegun::End] {
        let folder = tempfile::tempdir().unwrap();
        let clock = Still::at("2026-03-05T09:15:00Z");
        let database = Database::open(folder.path(), &[]).unwrap();
        let world = world(database, &clock, folder.path());
        let mut run = example();
        run.record.status = Status::Running;
        run.workers_began_us = stored_us(&run);
        let item = stored(&world, &run).await;
        end_stalled(&world, &item, unbegun).await.unwrap();
        let reason = failed(&world, &run).await;
        assert!(reason.contains("were not merged"), "{reason}");
        let name = hand_over::execution_name(&run, 1);
        assert!(reason.contains(&name), "{reason}");
    }
}
