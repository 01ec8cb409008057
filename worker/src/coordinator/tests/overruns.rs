//! Loads that do not end when they should.

use super::*;

#[tokio::test]
async fn an_engine_that_does_not_end_is_overdue() {
    let mut alone = TestRunner::new(1, Role::Worker, 1, Peers::None);
    let now = Instant::now();
    let deadlines = LoadDeadlines {
        stop_at: now,
        give_up_at: now + Duration::from_millis(20),
    };
    let stops = std::sync::atomic::AtomicU32::new(0);
    let stop_load = || {
        stops.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    };
    let act = LoadActions {
        stop: &stop_load,
        change: &|_| {},
    };
    alone
        .coordinator
        .load(&mut alone.seconds, &mut alone.stop, &act, deadlines)
        .await;
    assert!(Instant::now() >= deadlines.give_up_at);
    assert_eq!(stops.into_inner(), 1);
}

/// A thread that hangs must not keep a stopped runner until its planned end.
#[tokio::test(start_paused = true)]
async fn after_a_stop_threads_are_waited_for_no_longer_than_they_may_take() {
    let mut alone = TestRunner::new(1, Role::Worker, 2, Peers::None);
    alone.request_stop.send_replace(Some("SIGTERM".to_owned()));
    let begun = Instant::now();
    let far = begun + Duration::from_secs(3600);
    let deadlines = LoadDeadlines {
        stop_at: far,
        give_up_at: far,
    };
    // One thread sends its seconds, the other one is stuck: the channel stays open.
    alone.send(second(0, 0, 3, 3));
    let act = LoadActions {
        stop: &|| {},
        change: &|_| {},
    };
    alone
        .coordinator
        .load(&mut alone.seconds, &mut alone.stop, &act, deadlines)
        .await;
    let took = begun.elapsed();
    assert!(took >= LONGEST_LOAD_STOP && took < LONGEST_STOP, "{took:?}");
    let left = alone.coordinator.give_up_at(deadlines);
    assert_eq!(left, begun + LONGEST_LOAD_STOP);
    assert_eq!(sums(&alone.ticks()), BTreeMap::from([(0, (3, 3, 2))]));
}

#[tokio::test]
async fn a_load_that_overruns_is_stopped_and_counts() {
    for peers in [
        Peers::None,
        Peers::Workers(RegionWorkers::connect(&[], SECRET).await),
    ] {
        let mut runner = TestRunner::new(1, Role::Leader, 1, peers);
        runner.send(second(0, 0, 3, 3));
        let now = Instant::now();
        let deadlines = LoadDeadlines {
            stop_at: now + Duration::from_millis(20),
            give_up_at: now + LIMIT,
        };
        runner.run_within(deadlines).await;
        assert_eq!(sums(&runner.ticks()), BTreeMap::from([(0, (3, 3, 2))]));
        assert_eq!(runner.coordinator.end_reason, None, "as planned");
        let warnings = runner.coordinator.take_warnings();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].starts_with("the load overran its planned end"));
    }
}
