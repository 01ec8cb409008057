//! Live runs built from ticks, for tests of what is shown.

use super::{Live, PlannedLoad};
use dlt_core::calls::live::{LiveEvent, LiveStatus};
use dlt_core::ids::{Region, RunnerId, TestId, TestRunId};
use dlt_core::load::Curve;
use dlt_core::measure::coarse::Coarse;
use dlt_core::measure::second::Second;
use dlt_core::messages::runner_line::{RunnerRow, RunnerState, Tick};
use dlt_core::run::Status;

/// Four runners in two regions, 200 requests per second for ten seconds.
pub fn open() -> PlannedLoad {
    PlannedLoad {
        name: "demo shop".to_owned(),
        end_s: 10.0,
        ends_by_count: false,
        requests_in_all: None,
        graceful_stop_s: 5.0,
        runners: 4,
        regions: vec!["lo-home-1".to_owned(), "lo-home-2".to_owned()],
        users: Vec::new(),
        requests: vec![Curve::ramp_hold(200.0, 0, 10_000_000)],
        as_planned: None,
    }
}

/// Fifty users, ramped up over four seconds.
pub fn closed() -> PlannedLoad {
    PlannedLoad {
        end_s: 10.0,
        users: vec![Curve::ramp_hold(50.0, 4_000_000, 6_000_000)],
        requests: Vec::new(),
        ..open()
    }
}

/// The same users until they have made two thousand requests.
pub fn counted() -> PlannedLoad {
    PlannedLoad {
        end_s: 3_600.0,
        ends_by_count: true,
        requests_in_all: Some(2_000),
        ..closed()
    }
}

/// A regional tick: half of the load, one failure a second.
pub fn tick(region: u64, second: u64, states: [RunnerState; 2]) -> Tick {
    let id = |n: u64| RunnerId::parse(&format!("lo-home-{region}-{n}")).expect("an id");
    let mut tick = Tick::of(
        &Second {
            second,
            users: 7,
            scheduled: 100,
            sent: 100,
            ok: 97,
            failed: 1,
            bytes: 21_000,
            causes: vec![("status-5xx".to_owned(), 1)],
            ..Second::default()
        },
        TestId::parse("Xk29QmWz7B").expect("an id"),
        TestRunId::parse("p4TqL8vN2c").expect("an id"),
        Region::parse(&format!("lo-home-{region}")).expect("a region"),
        second,
        RunnerRow(id(1), states[0], second, 200),
    );
    tick.runners.push(RunnerRow(id(2), states[1], second, 300));
    tick.second.latency_failed.record(900);
    for n in 0..97u64 {
        tick.second
            .latency
            .record(if n < 78 { 3_000 } else { 140_000 + n });
        tick.second.lag.record(120 + n);
    }
    tick
}

/// The same second of a target that refuses most connections.
pub fn many_failures(region: u64, second: u64) -> Tick {
    let mut tick = tick(region, second, [RunnerState::Loading; 2]);
    (tick.second.ok, tick.second.failed) = (23, 75);
    tick.second.causes = vec![("refused".to_owned(), 75)];
    tick.second.latency = Coarse::default();
    for _ in 0..23 {
        tick.second.latency.record(20_000);
    }
    for n in 0..74 {
        tick.second.latency_failed.record(90 + n);
    }
    tick
}

/// A run after this many seconds of load.
pub fn running(planned: PlannedLoad, seconds: u64) -> Live {
    let mut live = Live::new(planned);
    live.apply(status(Status::Provisioning));
    live.apply(status(Status::Running));
    for second in 0..seconds {
        for region in 1..=2 {
            live.apply(LiveEvent::Tick(tick(
                region,
                second,
                [RunnerState::Loading; 2],
            )));
        }
    }
    live
}

/// A status event.
pub fn status(status: Status) -> LiveEvent {
    LiveEvent::Status(LiveStatus {
        run_id: None,
        status,
        load: None,
    })
}
