//! Schedules on a clock that the tests turn: each occurrence starts one run,
//! whatever breaks off, and what was missed is run once or skipped, and said.

use super::*;
use crate::clock::Clock as _;
use crate::executions::Executions;
use crate::local::testing::{Still, world};
use crate::store::sqlite::Database;
use async_trait::async_trait;
use dlt_core::run::Status;
use dlt_core::target_policy::TargetPolicy;
use serde_json::{Value, json};
use std::sync::Arc;

/// A scenario that runs at 09:15 in Paris on weekdays, stored at `now`.
async fn stored(world: &World, now: &str) -> TestId {
    let test = TestId::parse("nightly").unwrap();
    let body = json!({
        "testId": "nightly", "testName": "nightly", "testDescription": "every weekday",
        "testType": "simple", "fileType": "none", "showLive": false, "healthyThreshold": 90,
        "thresholds": [], "tags": [],
        "testTaskConfigs": [{"region": "lo-home-1", "taskCount": 1, "concurrency": 1}],
        "testScenario": {
            "execution": [{"ramp-up": "0s", "hold-for": "1s", "scenario": "nightly"}],
            "scenarios": {"nightly": {"requests": [{"url": "http://127.0.0.1:9/", "method": "GET"}]}},
        },
    });
    let when = When {
        cron: "15 9 * * 1-5".to_owned(),
        zone: "Europe/Paris".to_owned(),
        ..When::default()
    };
    let now = now.parse().unwrap();
    let mut item = ScenarioItem::new(test.clone(), body);
    item.status = Status::Scheduled;
    item.plan = Some(planned(&when, &when.schedule().unwrap(), now));
    world.scenarios.put(&item).await.unwrap();
    test
}

async fn plan(world: &World, test: &TestId) -> Planned {
    let item = world.scenarios.get(test).await.unwrap().unwrap();
    item.plan.unwrap()
}

/// Ends the run that was started, as a workflow would.
async fn end(world: &World, test: &TestId, run: &TestRunId) {
    world
        .change(test, run, &|run| {
            run.failure = Some("the test ended it".to_owned());
            crate::functions::settle::settle(run, "2026-03-04 09:16:00");
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn an_occurrence_starts_one_run_and_plans_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Still::at("2026-03-04T00:00:00Z");
    let world = world(
        Database::open(folder.path(), &[]).unwrap(),
        &clock,
        folder.path(),
    );
    let test = stored(&world, "2026-03-04T00:00:00Z").await;
    assert_eq!(plan(&world, &test).await.next_run, "2026-03-04 09:15:00");
    clock.set("2026-03-04T08:14:59Z");
    assert_eq!(fire(&world, &test, Missed::Run).await, Ok(Fired::NotDue));
    clock.set("2026-03-04T08:15:01Z");
    let Ok(Fired::Started(run, None)) = fire(&world, &test, Missed::Run).await else {
        panic!("it starts, in time");
    };
    // Asked again, nothing more happens.
    assert_eq!(fire(&world, &test, Missed::Run).await, Ok(Fired::NotDue));
    let stored = world.runs.get(&test, &run).await.unwrap().unwrap();
    assert_eq!(stored.record.schedule_timezone, "Europe/Paris");
    let next = plan(&world, &test).await;
    assert_eq!(
        (next.next_run.as_str(), next.note),
        ("2026-03-05 09:15:00", None)
    );
    let item = world.scenarios.get(&test).await.unwrap().unwrap();
    assert_eq!((item.status, item.total_runs), (Status::Queued, 1));
}

#[tokio::test]
async fn a_firing_that_fails_is_repeated_and_one_that_does_not_is_planned() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Still::at("2026-03-04T08:15:01Z");
    let world = world(
        Database::open(folder.path(), &[]).unwrap(),
        &clock,
        folder.path(),
    );
    let test = stored(&world, "2026-03-04T00:00:00Z").await;
    let now_us = world.clock.now_us();
    plan_repeat(world.schedules.as_ref(), &test, now_us)
        .await
        .unwrap();
    let next = world.schedules.next(&test).await.unwrap();
    assert_eq!(next, Some(now_us + REPEAT_US));
    fire(&world, &test, Missed::Run).await.unwrap();
    let next = world.schedules.next(&test).await.unwrap();
    let planned = plan(&world, &test).await;
    assert_eq!(planned.next_run, "2026-03-05 09:15:00");
    assert_eq!(next, planned.next_us);
}

#[tokio::test]
async fn a_firing_that_broke_off_goes_on_with_its_run() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Still::at("2026-03-04T08:15:00Z");
    let world = world(
        Database::open(folder.path(), &[]).unwrap(),
        &clock,
        folder.path(),
    );
    let test = stored(&world, "2026-03-04T00:00:00Z").await;
    let run = TestRunId::parse("chosen").unwrap();
    let choose = |item: &mut ScenarioItem| {
        let plan = item.plan.as_mut().unwrap();
        plan.starting = Some(TestRunId::parse("chosen").unwrap());
        true
    };
    // Killed before the start: the chosen run is started, however late.
    scenarios::update(world.scenarios.as_ref(), &test, &choose)
        .await
        .unwrap();
    clock.set("2026-03-04T10:00:00Z");
    let fired = fire(&world, &test, Missed::Skip).await.unwrap();
    assert_eq!(fired, Fired::Started(run.clone(), None));
    // Killed after the start, before the next one was planned: no second run.
    scenarios::update(world.scenarios.as_ref(), &test, &|item| {
        let plan = item.plan.as_mut().unwrap();
        plan.next_us = Some(1);
        plan.starting = Some(TestRunId::parse("chosen").unwrap());
        true
    })
    .await
    .unwrap();
    let fired = fire(&world, &test, Missed::Run).await.unwrap();
    assert_eq!(fired, Fired::Started(run, None));
    let item = world.scenarios.get(&test).await.unwrap().unwrap();
    assert_eq!(item.total_runs, 1);
}

#[tokio::test]
async fn what_was_missed_runs_once_or_is_skipped_and_said() {
    for (missed, runs) in [(Missed::Run, 1), (Missed::Skip, 0)] {
        let folder = tempfile::tempdir().unwrap();
        let clock = Still::at("2026-03-04T00:00:00Z");
        let world = world(
            Database::open(folder.path(), &[]).unwrap(),
            &clock,
            folder.path(),
        );
        let test = stored(&world, "2026-03-04T00:00:00Z").await;
        // Down for three occurrences.
        clock.set("2026-03-06T12:00:00Z");
        let fired = fire(&world, &test, missed).await.unwrap();
        let said = match &fired {
            Fired::Started(_, note) => note.clone().unwrap(),
            Fired::Skipped(note) => note.clone(),
            Fired::NotDue => panic!("it was due"),
        };
        assert!(
            said.contains("2026-03-04 09:15:00 (Europe/Paris)"),
            "{said}"
        );
        assert!(said.contains("dlt was not running then"), "{said}");
        let next = plan(&world, &test).await;
        assert_eq!(next.next_run, "2026-03-09 09:15:00");
        assert_eq!(next.note, Some(said));
        let item = world.scenarios.get(&test).await.unwrap().unwrap();
        assert_eq!(item.total_runs, runs, "{missed:?}");
        assert_eq!(fire(&world, &test, missed).await, Ok(Fired::NotDue));
    }
}

#[tokio::test]
async fn a_run_in_progress_is_not_disturbed() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Still::at("2026-03-04T08:15:00Z");
    let world = world(
        Database::open(folder.path(), &[]).unwrap(),
        &clock,
        folder.path(),
    );
    let test = stored(&world, "2026-03-04T00:00:00Z").await;
    let Ok(Fired::Started(run, _)) = fire(&world, &test, Missed::Run).await else {
        panic!("it starts");
    };
    clock.set("2026-03-05T08:15:00Z");
    let fired = fire(&world, &test, Missed::Run).await.unwrap();
    assert!(
        matches!(&fired, Fired::Skipped(note) if note.contains("still in progress")),
        "{fired:?}"
    );
    end(&world, &test, &run).await;
    clock.set("2026-03-06T08:15:00Z");
    let fired = fire(&world, &test, Missed::Run).await.unwrap();
    assert!(matches!(fired, Fired::Started(_, None)), "{fired:?}");
}

/// Executions that nobody can look at.
struct Hidden(PipelineError);

#[async_trait]
impl Executions for Hidden {
    async fn start(
        &self,
        _: &str,
        _: &TestId,
        _: &TestRunId,
        _: Value,
    ) -> Result<(), PipelineError> {
        Ok(())
    }

    async fn goes_on(&self, _: &str) -> Result<Option<bool>, PipelineError> {
        Err(self.0.clone())
    }
}

#[tokio::test]
async fn a_schedule_goes_on_where_a_run_cannot_be_looked_after() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Still::at("2026-03-04T08:15:00Z");
    let database = Database::open(folder.path(), &[]).unwrap();
    let mut world = world(database, &clock, folder.path());
    let test = stored(&world, "2026-03-04T00:00:00Z").await;
    fire(&world, &test, Missed::Run).await.unwrap();
    clock.set("2026-03-05T08:15:00Z");
    // What passes leaves the occurrence due.
    let passing = PipelineError::Throttled("slow down".to_owned());
    world.executions = Arc::new(Hidden(passing.clone()));
    assert_eq!(fire(&world, &test, Missed::Run).await, Err(passing));
    assert_eq!(plan(&world, &test).await.next_run, "2026-03-05 09:15:00");
    // What lasts skips it, and is told.
    world.executions = Arc::new(Hidden(PipelineError::Other("no right".to_owned())));
    let fired = fire(&world, &test, Missed::Run).await.unwrap();
    assert!(
        matches!(&fired, Fired::Skipped(note) if note.contains("could not start: no right")),
        "{fired:?}"
    );
    let next = plan(&world, &test).await;
    assert_eq!(next.next_run, "2026-03-06 09:15:00");
    assert!(next.note.is_some());
}

/// Fires a daily schedule over these days, minute by minute; when it fired.
async fn fired_daily(zone: &str, time: &str, from: &str, days: u64) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let clock = Still::at(from);
    let database = Database::open(folder.path(), &[]).unwrap();
    let world = world(database, &clock, folder.path());
    let test = stored(&world, from).await;
    let (hour, minute) = time.split_once(':').unwrap();
    scenarios::update(world.scenarios.as_ref(), &test, &|item| {
        let when = When {
            cron: format!("{} {hour} * * *", minute.trim_start_matches('0')),
            zone: zone.to_owned(),
            ..When::default()
        };
        let now = from.parse().unwrap();
        item.plan = Some(planned(&when, &when.schedule().unwrap(), now));
        true
    })
    .await
    .unwrap();
    let mut fired = Vec::new();
    for minute in 0..days * 24 * 60 {
        clock.set(from);
        clock.advance_s(minute * 60);
        if let Fired::Started(run, note) = fire(&world, &test, Missed::Run).await.unwrap() {
            assert_eq!(note, None, "{zone}");
            fired.push(instant(clock.now_us()).to_string());
            end(&world, &test, &run).await;
        }
    }
    fired
}

/// Both clock changes of 2026 in three zones, with times that a change skips or
/// repeats: each day's run fires once at the instant that the zone's clocks
/// say, and on a day that has no such time not at all.
#[tokio::test]
async fn clock_changes_neither_lose_nor_double_a_run() {
    for (zone, time, from, instants) in [
        (
            "Europe/Paris",
            "09:15",
            "2026-03-28T00:00:00Z",
            &[
                "2026-03-28T08:15:00Z",
                "2026-03-29T07:15:00Z",
                "2026-03-30T07:15:00Z",
            ][..],
        ),
        // 02:30 does not come on 29 March.
        (
            "Europe/Paris",
            "02:30",
            "2026-03-28T00:00:00Z",
            &["2026-03-28T01:30:00Z", "2026-03-30T00:30:00Z"],
        ),
        // 02:30 comes twice on 25 October.
        (
            "Europe/Paris",
            "02:30",
            "2026-10-24T00:00:00Z",
            &[
                "2026-10-24T00:30:00Z",
                "2026-10-25T00:30:00Z",
                "2026-10-26T01:30:00Z",
            ],
        ),
        (
            "America/New_York",
            "02:30",
            "2026-03-07T00:00:00Z",
            &["2026-03-07T07:30:00Z", "2026-03-09T06:30:00Z"],
        ),
        (
            "America/New_York",
            "01:30",
            "2026-10-31T00:00:00Z",
            &[
                "2026-10-31T05:30:00Z",
                "2026-11-01T05:30:00Z",
                "2026-11-02T06:30:00Z",
            ],
        ),
        // Half an hour only, and in the other half of the year.
        (
            "Australia/Lord_Howe",
            "09:15",
            "2026-04-03T12:00:00Z",
            &[
                "2026-04-03T22:15:00Z",
                "2026-04-04T22:45:00Z",
                "2026-04-05T22:45:00Z",
            ],
        ),
        (
            "Australia/Lord_Howe",
            "02:15",
            "2026-10-02T12:00:00Z",
            &["2026-10-02T15:45:00Z", "2026-10-04T15:15:00Z"],
        ),
    ] {
        let fired = fired_daily(zone, time, from, 3).await;
        assert_eq!(fired, instants, "{zone} {time}");
    }
}

#[tokio::test]
async fn a_target_that_is_allowed_no_more_when_its_time_comes_is_not_hit() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Still::at("2026-03-04T08:15:01Z");
    let mut world = world(
        Database::open(folder.path(), &[]).unwrap(),
        &clock,
        folder.path(),
    );
    let names = ("--allow-target", "--only-target");
    world.targets = TargetPolicy::parse(&[], &["*.shop.example"], names).unwrap();
    let test = stored(&world, "2026-03-04T00:00:00Z").await;
    let Ok(Fired::Skipped(note)) = fire(&world, &test, Missed::Run).await else {
        panic!("it does not run");
    };
    assert!(
        note.contains("could not start: ")
            && note.contains("127.0.0.1 is not among the only targets"),
        "{note}"
    );
    let planned = plan(&world, &test).await;
    assert_eq!(planned.next_run, "2026-03-05 09:15:00");
    assert_eq!(planned.note, Some(note));
}
