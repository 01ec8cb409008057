//! The suites of `contract` for who runs and who wakes: fleets and schedules.

use crate::contract::{run, sim};
use dlt_core::ids::{Region, RunnerId, TestId};
use dlt_core::messages::order::{Order, Role};
use dlt_core::routing::EnvironmentProxies;
use dlt_core::scenario::plan::FileType;
use dlt_core::scenario::post::When;
use dlt_core::target_policy::TargetPolicy;
use dlt_pipeline::clock::SystemClock;
use dlt_pipeline::fleet::{
    self, Fleet, Launch, Place, RunnerStatus, Stop, process::Lifetime, processes::Processes,
};
use dlt_pipeline::scenarios::Planned;
use dlt_pipeline::schedules::{Schedules, timers::Timers};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn launch(count: u64, token: &str) -> Launch {
    let run = run("r1");
    Launch {
        count,
        spare: false,
        token: token.to_owned(),
        order: Order {
            test: run.test,
            run: run.run,
            tool: None,
            file_type: FileType::None,
            region: run.regions[0].region.clone(),
            prefix: run.prefix,
            role: Role::Worker,
            depot: "nowhere".to_owned(),
            hub: None,
            live: false,
            runner: None,
            threads: None,
            keep_exchanges: false,
            targets: TargetPolicy::default(),
            proxies: EnvironmentProxies::default(),
        },
    }
}

/// `pass` lets a little time go by, real or virtual.
async fn fleet_suite(fleet: &dyn Fleet, pass: &dyn Fn()) {
    let order = launch(1, "").order;
    let (test, run, here) = (order.test, order.run, order.region);
    let elsewhere = Region::parse("lo-home-9").unwrap();
    let look = async |what: &dyn Fn(&[RunnerStatus]) -> bool| {
        let deadline = Instant::now() + Duration::from_secs(30);
        while Instant::now() < deadline {
            let seen = fleet::of_run(fleet, &test, &run, Place::Region(&here));
            let seen = seen.await.unwrap();
            if what(&seen) {
                return seen;
            }
            pass();
        }
        panic!("nothing came of it")
    };
    assert_eq!(fleet.list(&test, Place::Everywhere).await.unwrap(), vec![]);
    let first = fleet.launch(&launch(2, "first")).await.unwrap();
    assert_eq!((first.runners.len(), first.refused.len()), (2, 0));
    let again = fleet.launch(&launch(2, "first")).await.unwrap();
    assert_eq!(again, first, "a repeated launch answers who exists");
    let seen = look(&|seen| seen.iter().all(RunnerStatus::is_ready)).await;
    assert_eq!(seen.len(), 2, "and doubles nothing");
    assert!(seen.iter().all(|seen| seen.loss().is_none()));
    let other = TestId::parse("other").unwrap();
    assert_eq!(fleet.list(&other, Place::Everywhere).await.unwrap(), vec![]);
    let there = Place::Region(&elsewhere);
    assert_eq!(fleet.list(&test, there).await.unwrap(), vec![]);
    assert_eq!(fleet.alive(there).await.unwrap(), vec![]);
    assert_eq!(fleet.alive(Place::Everywhere).await.unwrap().len(), 2);

    let who = first.runners.clone();
    let stranger = RunnerId::parse("lo-home-1-99").unwrap();
    // Runners of another region are not meant.
    fleet
        .stop(&run, &elsewhere, &who, Stop::AtOnce)
        .await
        .unwrap();
    fleet
        .stop(&run, &here, &[who[0].clone(), stranger], Stop::AtOnce)
        .await
        .unwrap();
    let seen = look(&|seen| seen.iter().any(|seen| !seen.alive)).await;
    let gone: Vec<_> = seen.iter().filter(|seen| !seen.alive).collect();
    assert_eq!((gone.len(), &gone[0].runner), (1, &who[0]));
    assert!(gone[0].loss().unwrap().contains("killed by signal 9"));

    let second = fleet.launch(&launch(1, "second")).await.unwrap();
    assert!(!who.contains(&second.runners[0]), "a name is used once");
    let seen = look(&|seen| {
        let alive = seen.iter().filter(|seen| seen.alive);
        alive.filter(|seen| seen.is_ready()).count() == 2
    })
    .await;
    fleet::stop(fleet, &run, &seen, Stop::Gracefully)
        .await
        .unwrap();
    look(&|seen| seen.iter().all(|seen| !seen.alive)).await;
    // Stopping who is gone does not matter.
    fleet::stop(fleet, &run, &seen, Stop::AtOnce).await.unwrap();
}

/// A schedule is there until it is replaced or removed.
pub async fn schedules_suite(schedules: &dyn Schedules) {
    let test = TestId::parse("s1").unwrap();
    let plan = |next_us| Planned {
        when: When::default(),
        next_us,
        next_run: String::new(),
        starting: None,
        note: None,
    };
    assert_eq!(schedules.next(&test).await.unwrap(), None);
    schedules.remove(&test).await.unwrap();
    // Whole seconds, in a future that no clock of a test reaches.
    let second = |n: u64| Some((4_000_000_000 + n) * 1_000_000);
    for next_us in [second(7), second(5), None, second(9)] {
        schedules.put(&test, &plan(next_us)).await.unwrap();
        assert_eq!(schedules.next(&test).await.unwrap(), next_us);
    }
    let other = TestId::parse("s2").unwrap();
    assert_eq!(schedules.next(&other).await.unwrap(), None);
    schedules.remove(&test).await.unwrap();
    assert_eq!(schedules.next(&test).await.unwrap(), None);
}

#[tokio::test]
async fn schedules_agree() {
    schedules_suite(&sim()).await;
    let timers = Timers::default();
    schedules_suite(&timers).await;
    // Timers alone tell who is due; EventBridge calls instead.
    let ids = ["a", "b", "c"].map(|id| TestId::parse(id).unwrap());
    let timers = Timers::of(ids.clone().into_iter().zip([30, 10, 20]));
    assert_eq!(timers.due(20), [ids[1].clone(), ids[2].clone()]);
}

#[tokio::test]
async fn fleets_agree() {
    let simulated = sim();
    let stored = run("r1");
    crate::state::lock(&simulated.0)
        .runs
        .insert("r1".to_owned(), stored);
    fleet_suite(&simulated, &|| {
        crate::state::lock(&simulated.0).now_us += 10_000;
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let ready = r#"printf '{"event":"DLT_READY","runner":"%s","region":"%s","address":"127.0.0.1:9"}\n' "$DLT_RUNNER" "$AWS_REGION"; exec sleep 60"#;
    let shell = ("/bin/sh".into(), vec!["-c".to_owned(), ready.to_owned()]);
    let processes = Processes::new(
        shell,
        folder.path().to_owned(),
        Lifetime::OfParent,
        Arc::new(SystemClock),
        Arc::new(()),
    );
    fleet_suite(&processes, &std::thread::yield_now).await;
}
