//! Leader and workers during a load, over real sockets; the test takes the place
//! of the engine and sends the threads' seconds.

use super::rendezvous::StartDeadline;
use super::rendezvous::leader::RegionWorkers;
use super::rendezvous::worker::{self, StartOutcome};
use super::*;
use crate::output::tests::CapturedOutput;
use crate::tests::{order, runner};
use dlt_core::keys;
use dlt_core::load::share::Slice;
use dlt_core::measure::second::Second;
use dlt_core::measure::silence::Silence;
use dlt_core::messages::order::{Role, StartFile, WorkerAddress};
use dlt_core::messages::timeline::RunTimeline;
use std::collections::BTreeMap;
use tokio::sync::{Notify, watch};

mod overruns;

const SECRET: &[u8] = b"secret";
const START_AT_US: u64 = 1_772_615_703_000_000;
const LIMIT: Duration = Duration::from_secs(60);
const SLICE: Slice = Slice {
    first: 0,
    count: 2,
    of: 2,
};

/// A runner whose engine is the test.
struct TestRunner {
    coordinator: Coordinator,
    output: CapturedOutput,
    engine: Option<mpsc::UnboundedSender<ThreadSecond>>,
    seconds: mpsc::UnboundedReceiver<ThreadSecond>,
    request_stop: watch::Sender<Option<String>>,
    stop: StopSignal,
    load_stopped: Notify,
    folder: tempfile::TempDir,
}

impl TestRunner {
    fn new(number: usize, role: Role, threads: usize, peers: Peers) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let output = CapturedOutput::default();
        let lines = LineWriter::to(Box::new(output.clone()));
        let (engine, seconds) = mpsc::unbounded_channel();
        let (request_stop, stop) = watch::channel(None);
        let order = order(folder.path(), role);
        let coordinator = Coordinator::new(CoordinatorSpec {
            order: &order,
            runner: &runner(number),
            target: "http://target".to_owned(),
            give_up_after_us: Some(5_000_000),
            start: Instant::now(),
            start_at_us: START_AT_US,
            threads,
            lines,
            peers,
            depot: &Depot::folder(&order.depot).unwrap(),
        });
        Self {
            coordinator,
            output,
            engine: Some(engine),
            seconds,
            request_stop,
            stop,
            load_stopped: Notify::new(),
            folder,
        }
    }

    fn send(&self, second: ThreadSecond) {
        self.engine.as_ref().unwrap().send(second).unwrap();
    }

    /// Load and wind-down; the engine ends when it is stopped.
    async fn run(&mut self) {
        let until = Instant::now() + LIMIT;
        self.run_within(LoadDeadlines {
            stop_at: until,
            give_up_at: until,
        })
        .await
    }

    async fn run_within(&mut self, deadlines: LoadDeadlines) {
        let (load_stopped, engine) = (&self.load_stopped, &mut self.engine);
        let end_engine = async {
            load_stopped.notified().await;
            *engine = None;
            std::future::pending::<()>().await;
        };
        let stop_load = || load_stopped.notify_one();
        let act = LoadActions {
            stop: &stop_load,
            change: &|_| {},
        };
        let load = self
            .coordinator
            .load(&mut self.seconds, &mut self.stop, &act, deadlines);
        tokio::select! {
            () = load => {}
            () = end_engine => unreachable!("it waits for ever"),
        }
        let until = deadlines.give_up_at;
        self.coordinator.wind_down(&mut self.stop, until).await;
    }

    /// The region's timeline in the depot.
    fn stored_timeline(&self) -> RunTimeline {
        let order = &self.coordinator.order;
        let key = keys::region_timeline(&order.test, &order.prefix, &order.region);
        let bytes = std::fs::read(self.folder.path().join(key)).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    fn ticks(&self) -> Vec<Tick> {
        let lines = self.output.lines();
        let ticks = lines.into_iter().map(|line| match line {
            RunnerLine::LiveTick(tick) => tick,
            other => panic!("{other:?}"),
        });
        ticks.collect()
    }
}

fn second(thread: usize, second: u64, sent: u64, answers: u64) -> ThreadSecond {
    ThreadSecond {
        thread,
        second: Second {
            second,
            users: 2,
            scheduled: sent,
            sent,
            failed: sent,
            causes: vec![("refused".to_owned(), sent)],
            ..Second::default()
        },
        lag_p99_us: 10 * (second + 1),
        answers,
        silence: Silence {
            unanswered: if answers == 0 { sent } else { 0 },
            since_s: (sent > 0 && answers == 0).then_some(second),
            waiting_since_s: None,
        },
        top_cause: None,
    }
}

/// A leader and one worker that have met.
async fn met() -> (RegionWorkers, Peers) {
    let listener = worker::listen(("127.0.0.1", 0)).await.unwrap();
    let address = WorkerAddress {
        runner: runner(1),
        address: listener.local_addr().unwrap().to_string(),
    };
    let waiting = tokio::spawn(async move {
        worker::await_start(listener, SECRET, &runner(1), StartDeadline::in_seconds(60)).await
    });
    let mut workers = RegionWorkers::connect(&[address], SECRET).await;
    let start = crate::clock::now_us() + 600_000;
    assert_eq!(
        workers
            .deal_shares(
                SLICE,
                StartFile {
                    start_at_us: start,
                    boot: None
                }
            )
            .await
            .share
            .of,
        2
    );
    match waiting.await.unwrap().unwrap() {
        StartOutcome::Start { leader, events, .. } => {
            let connection = leader;
            (workers, Peers::Leader { connection, events })
        }
        StartOutcome::Stopped(ended) => panic!("{ended:?}"),
    }
}

async fn pair() -> (TestRunner, TestRunner) {
    let (workers, led) = met().await;
    (
        TestRunner::new(2, Role::Leader, 1, Peers::Workers(workers)),
        TestRunner::new(1, Role::Worker, 2, led),
    )
}

async fn both(leader: &mut TestRunner, worker: &mut TestRunner) {
    let runs = async { tokio::join!(leader.run(), worker.run()) };
    tokio::time::timeout(LIMIT, runs).await.unwrap();
}

fn sums(ticks: &[Tick]) -> BTreeMap<u64, (u64, u64, u64)> {
    let mut sums: BTreeMap<u64, (u64, u64, u64)> = BTreeMap::new();
    for tick in ticks {
        let row = sums.entry(tick.second.second).or_default();
        row.0 += tick.second.sent;
        row.1 += tick.answers;
        row.2 += tick.second.users;
    }
    sums
}

#[tokio::test]
async fn a_regions_lines_add_up_second_by_second() {
    let (mut leader, mut worker) = pair().await;
    // The worker's second thread ends after one second; the leader's after two.
    for (thread, at, sent, answers) in [(0, 0, 5, 4), (1, 0, 7, 7), (0, 1, 11, 4), (0, 2, 13, 20)] {
        worker.send(second(thread, at, sent, answers));
    }
    leader.send(second(0, 0, 100, 1));
    leader.send(second(0, 1, 200, 3));
    worker.engine = None;
    leader.engine = None;
    both(&mut leader, &mut worker).await;

    let ticks = leader.ticks();
    let expected = BTreeMap::from([(0, (112, 12, 6)), (1, (211, 2, 4)), (2, (13, 16, 2))]);
    assert_eq!(sums(&ticks), expected);
    let seqs: Vec<u64> = ticks.iter().map(|tick| tick.seq).collect();
    assert_eq!(seqs, (0..ticks.len() as u64).collect::<Vec<_>>());
    let last = &ticks.last().unwrap().runners;
    assert_eq!(last[0].0, runner(1));
    assert_eq!(
        (last[0].2, last[0].3),
        (2, 30),
        "seq and delay of the worker's last second"
    );
    assert_eq!(last[1].0, runner(2));
    assert_eq!(last.len(), 2);
    assert_eq!(worker.ticks(), vec![], "its leader writes its ticks");
    assert_eq!(leader.coordinator.end_reason, None);
    assert_eq!(leader.coordinator.timeline.seconds, 2);
    assert_eq!(worker.coordinator.timeline.seconds, 3);
    assert_eq!(worker.coordinator.timeline.peak_users, 4);
}

#[tokio::test]
async fn a_stop_reaches_all_and_the_first_reason_counts() {
    let (mut leader, mut worker) = pair().await;
    leader.send(second(0, 0, 1, 1));
    leader.request_stop.send_replace(Some("SIGTERM".to_owned()));
    both(&mut leader, &mut worker).await;
    let stopped = Some(Ended::Stopped {
        reason: "SIGTERM".to_owned(),
    });
    assert_eq!(leader.coordinator.end_reason, stopped);
    assert_eq!(worker.coordinator.end_reason, stopped);
    assert_eq!(sums(&leader.ticks()), BTreeMap::from([(0, (1, 1, 2))]));
}

#[tokio::test]
async fn a_target_silent_to_the_whole_region_ends_the_load() {
    let (mut leader, mut worker) = pair().await;
    for at in 0..=5 {
        leader.send(second(0, at, 10, 0));
        worker.send(second(0, at, 10, 0));
        worker.send(second(1, at, 0, 0));
    }
    both(&mut leader, &mut worker).await;
    for runner in [&leader, &worker] {
        let Some(Ended::TargetSilent { cause, message }) = &runner.coordinator.end_reason else {
            panic!("{:?}", runner.coordinator.end_reason);
        };
        assert_eq!(*cause, Some(dlt_core::measure::sample::Cause::Refused));
        assert!(
            message.starts_with("http://target answered nothing"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn one_answer_anywhere_in_the_region_is_an_answer() {
    let (mut leader, mut worker) = pair().await;
    for at in 0..=8 {
        leader.send(second(0, at, 10, 0));
        worker.send(second(0, at, 0, 0));
        worker.send(second(1, at, 1, at + 1));
    }
    leader.engine = None;
    worker.engine = None;
    both(&mut leader, &mut worker).await;
    assert_eq!(leader.coordinator.end_reason, None);
    assert_eq!(worker.coordinator.end_reason, None);
}

/// The leader dies: the worker goes on, writes its own ticks, and judges alone.
#[tokio::test]
async fn a_worker_whose_leader_is_lost_goes_on_alone() {
    let (mut workers, led) = met().await;
    let mut worker = TestRunner::new(1, Role::Worker, 1, led);
    let engine = worker.engine.clone().unwrap();
    let output = worker.output.clone();
    engine.send(second(0, 0, 3, 0)).unwrap();
    let script = async {
        // The leader gets second 0, then dies.
        let event = workers.events.recv().await.unwrap();
        assert!(
            matches!(&event.kind, PeerEventKind::Frame { frame: ToLeader::Tick(tick), .. } if tick.second.sent == 3),
            "{event:?}"
        );
        drop(workers);
        // Seconds go on until one is written: the loss was noticed.
        let mut at = 1;
        while output.lines().is_empty() {
            engine.send(second(0, at, 3, 0)).unwrap();
            at += 1;
            tokio::task::yield_now().await;
        }
        (at..at + 6).for_each(|at| engine.send(second(0, at, 3, 0)).unwrap());
        drop(engine);
    };
    let run = async { tokio::join!(worker.run(), script).0 };
    tokio::time::timeout(LIMIT, run).await.unwrap();
    let ticks = worker.ticks();
    assert!(ticks.len() >= 6);
    assert!(ticks[0].second.second >= 1, "second 0 went to the leader");
    for pair in ticks.windows(2) {
        assert_eq!(pair[1].second.second, pair[0].second.second + 1);
        assert_eq!(pair[1].seq, pair[0].seq + 1);
    }
    assert!(matches!(
        worker.coordinator.end_reason,
        Some(Ended::TargetSilent { .. })
    ));
}

/// A worker dies: the leader goes on, warns, and does not wait for it.
#[tokio::test]
async fn a_leader_does_not_wait_for_a_lost_worker() {
    let (workers, led) = met().await;
    let mut leader = TestRunner::new(2, Role::Leader, 1, Peers::Workers(workers));
    drop(led);
    leader.send(second(0, 0, 9, 9));
    leader.engine = None;
    let begun = Instant::now();
    leader.run().await;
    assert!(begun.elapsed() < LIMIT, "it waited until the deadline");
    assert_eq!(sums(&leader.ticks()), BTreeMap::from([(0, (9, 9, 2))]));
    let warnings = leader.coordinator.take_warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].starts_with("runner lo-home-1-1 was lost during the load"));
}

/// A worker whose connection breaks at a frame; a tick is queued behind it.
async fn with_broken_connection() -> (RegionWorkers, TestRunner) {
    let (workers, led) = met().await;
    let Peers::Leader { connection, events } = led else {
        panic!("not led");
    };
    let too_long = ToLeader::Hello {
        challenge: "a".repeat(dlt_core::messages::order::LONGEST_FRAME_BYTES),
        runner: runner(1),
    };
    connection.send(too_long).unwrap();
    let peers = Peers::Leader { connection, events };
    let mut worker = TestRunner::new(1, Role::Worker, 1, peers);
    let tick = own_tick(&mut worker, 0);
    worker.coordinator.send_own_ticks(tick);
    (workers, worker)
}

fn own_tick(worker: &mut TestRunner, at: u64) -> Vec<Tick> {
    worker.coordinator.add_thread_second(second(0, at, 3, 3));
    worker.coordinator.own_ticks.take_all()
}

#[tokio::test]
async fn ticks_that_a_lost_leader_did_not_get_are_written() {
    let (_workers, mut worker) = with_broken_connection().await;
    // The connection ends; before its event is read, the next tick is refused.
    let ended = async {
        while let Peers::Leader { connection, .. } = &worker.coordinator.peers
            && connection.send(ToLeader::Ack {}).is_ok()
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, ended).await.unwrap();
    let tick = own_tick(&mut worker, 1);
    worker.coordinator.send_own_ticks(tick);
    let written: Vec<u64> = worker
        .ticks()
        .iter()
        .map(|tick| tick.second.second)
        .collect();
    assert_eq!(written, [0, 1]);
    assert!(matches!(worker.coordinator.peers, Peers::None));
}

#[tokio::test]
async fn ticks_unsent_at_the_end_are_written() {
    let (_workers, mut worker) = with_broken_connection().await;
    let until = Instant::now() + LIMIT;
    worker.coordinator.wind_down(&mut worker.stop, until).await;
    assert_eq!(sums(&worker.ticks()), BTreeMap::from([(0, (3, 3, 2))]));
}

/// The object holds what the lines said, the last line included.
#[tokio::test]
async fn a_regions_timeline_is_stored_by_its_leader_alone() {
    let (mut leader, mut worker) = pair().await;
    for at in 0..3 {
        leader.send(second(0, at, 10 + at, 1));
        worker.send(second(0, at, 1, 1));
        worker.send(second(1, at, 1, 0));
    }
    leader.engine = None;
    worker.engine = None;
    both(&mut leader, &mut worker).await;
    let timeline = leader.stored_timeline();
    assert_eq!(timeline.start_at_us, START_AT_US);
    let seconds: Vec<&Second> = timeline.regions.values().flatten().collect();
    let rows: Vec<_> = seconds.iter().map(|row| (row.second, row.sent)).collect();
    assert_eq!(rows, [(0, 12), (1, 13), (2, 14)]);
    let lines = leader.ticks();
    let sent: u64 = lines.iter().map(|tick| tick.second.sent).sum();
    assert_eq!(sent, 39);
    let left: Vec<_> = std::fs::read_dir(worker.folder.path()).unwrap().collect();
    assert!(left.is_empty(), "a worker stores none: {left:?}");
}

#[tokio::test]
async fn a_depot_that_refuses_the_timeline_ends_nothing() {
    let peers = Peers::Workers(RegionWorkers::connect(&[], SECRET).await);
    let mut leader = TestRunner::new(1, Role::Leader, 1, peers);
    // The folder of all results is a file; the load began some time ago.
    std::fs::write(leader.folder.path().join("results"), b"no folder").unwrap();
    leader.coordinator.start = Instant::now() - Duration::from_secs(15);
    for at in 0..14 {
        leader.send(second(0, at, 3, 3));
    }
    leader.engine = None;
    leader.run().await;
    assert_eq!(sums(&leader.ticks()).len(), 14);
    assert_eq!(leader.coordinator.end_reason, None);
    let warnings = leader.coordinator.take_warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].starts_with("the region's timeline so far could not be stored"),
        "{warnings:?}"
    );
}
