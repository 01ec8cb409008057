//! Leader and workers during a load, over real sockets; the engine is played
//! by the test, which sends the threads' seconds.

use super::*;
use crate::rendezvous::Deadline;
use crate::rendezvous::worker::{self, Met};
use crate::say::tests::Kept;
use crate::tests::{order, runner};
use dlt_core::load::share::Slice;
use dlt_core::measure::second::Second;
use dlt_core::messages::order::{Role, WorkerAddress};
use std::collections::BTreeMap;
use std::path::Path;
use tokio::sync::Notify;

const SECRET: &[u8] = b"secret";
const LIMIT: Duration = Duration::from_secs(60);
const SLICE: Slice = Slice {
    first: 0,
    count: 2,
    of: 2,
};

/// A runner whose engine is the test.
struct Player {
    conduct: Conduct,
    kept: Kept,
    engine: Option<mpsc::UnboundedSender<ThreadSecond>>,
    seconds: mpsc::UnboundedReceiver<ThreadSecond>,
    tell: watch::Sender<Option<String>>,
    signal: StopSignal,
    stopped: Notify,
}

impl Player {
    fn new(number: usize, role: Role, threads: usize, company: Company) -> Self {
        let kept = Kept::default();
        let lines = Lines::to(Box::new(kept.clone()));
        let (engine, seconds) = mpsc::unbounded_channel();
        let (tell, signal) = watch::channel(None);
        let conduct = Conduct::new(
            &order(Path::new("/"), role),
            &runner(number),
            "http://target".to_owned(),
            Instant::now(),
            threads,
            lines,
            company,
        );
        Self {
            conduct,
            kept,
            engine: Some(engine),
            seconds,
            tell,
            signal,
            stopped: Notify::new(),
        }
    }

    fn play(&self, second: ThreadSecond) {
        self.engine.as_ref().unwrap().send(second).unwrap();
    }

    /// Load and wind-down; the fake engine ends when it is told to stop.
    async fn live(&mut self) -> Result<(), Overdue> {
        let until = Instant::now() + LIMIT;
        self.live_within(Limits {
            overrun: until,
            overdue: until,
        })
        .await
    }

    async fn live_within(&mut self, limits: Limits) -> Result<(), Overdue> {
        let (stopped, engine) = (&self.stopped, &mut self.engine);
        let obey = async {
            stopped.notified().await;
            *engine = None;
            std::future::pending::<()>().await;
        };
        let stop = || stopped.notify_one();
        tokio::select! {
            done = self.conduct.load(&mut self.seconds, &mut self.signal, &stop, limits) => done?,
            () = obey => unreachable!("it waits for ever"),
        }
        let until = limits.overdue;
        self.conduct.wind_down(&mut self.signal, until).await;
        Ok(())
    }

    fn ticks(&self) -> Vec<Tick> {
        let lines = self.kept.lines();
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
        top_cause: None,
    }
}

/// A leader and one worker that have met.
async fn met() -> (Team, Company) {
    let listener = worker::listen().await.unwrap();
    let address = WorkerAddress {
        runner: runner(1),
        address: listener.local_addr().unwrap().to_string(),
    };
    let waiting = tokio::spawn(async move {
        worker::meet(listener, SECRET, &runner(1), Deadline::in_seconds(60)).await
    });
    let mut team = Team::call(&[address], SECRET).await;
    let start = crate::clock::now_us() + 600_000;
    assert_eq!(team.deal(SLICE, start).await.share.of, 2);
    match waiting.await.unwrap().unwrap() {
        Met::Start { leader, events, .. } => (team, Company::Led { leader, events }),
        Met::Stopped(ended) => panic!("{ended:?}"),
    }
}

async fn pair() -> (Player, Player) {
    let (team, led) = met().await;
    (
        Player::new(2, Role::Leader, 1, Company::Leads(team)),
        Player::new(1, Role::Worker, 2, led),
    )
}

async fn both(leader: &mut Player, worker: &mut Player) {
    let lives = async { tokio::join!(leader.live(), worker.live()) };
    let (one, two) = tokio::time::timeout(LIMIT, lives).await.unwrap();
    one.unwrap();
    two.unwrap();
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
        worker.play(second(thread, at, sent, answers));
    }
    leader.play(second(0, 0, 100, 1));
    leader.play(second(0, 1, 200, 3));
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
    assert_eq!(worker.ticks(), vec![], "its leader speaks for it");
    assert_eq!(leader.conduct.ended, None);
    assert_eq!(leader.conduct.folded.seconds, 2);
    assert_eq!(worker.conduct.folded.seconds, 3);
    assert_eq!(worker.conduct.folded.peak_users, 4);
}

#[tokio::test]
async fn a_stop_reaches_all_and_the_first_reason_counts() {
    let (mut leader, mut worker) = pair().await;
    leader.play(second(0, 0, 1, 1));
    leader.tell.send_replace(Some("SIGTERM".to_owned()));
    both(&mut leader, &mut worker).await;
    let stopped = Some(Ended::Stopped {
        reason: "SIGTERM".to_owned(),
    });
    assert_eq!(leader.conduct.ended, stopped);
    assert_eq!(worker.conduct.ended, stopped);
    assert_eq!(sums(&leader.ticks()), BTreeMap::from([(0, (1, 1, 2))]));
}

#[tokio::test]
async fn a_target_silent_to_the_whole_region_ends_the_load() {
    let (mut leader, mut worker) = pair().await;
    for at in 0..=5 {
        leader.play(second(0, at, 10, 0));
        worker.play(second(0, at, 10, 0));
        worker.play(second(1, at, 0, 0));
    }
    both(&mut leader, &mut worker).await;
    for player in [&leader, &worker] {
        let Some(Ended::TargetSilent { cause, message }) = &player.conduct.ended else {
            panic!("{:?}", player.conduct.ended);
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
        leader.play(second(0, at, 10, 0));
        worker.play(second(0, at, 0, 0));
        worker.play(second(1, at, 1, 1));
    }
    leader.engine = None;
    worker.engine = None;
    both(&mut leader, &mut worker).await;
    assert_eq!(leader.conduct.ended, None);
    assert_eq!(worker.conduct.ended, None);
}

/// The leader dies: the worker goes on, speaks for itself, and judges alone.
#[tokio::test]
async fn a_worker_whose_leader_is_lost_goes_on_alone() {
    let (mut team, led) = met().await;
    let mut worker = Player::new(1, Role::Worker, 1, led);
    let engine = worker.engine.clone().unwrap();
    let kept = worker.kept.clone();
    engine.send(second(0, 0, 3, 0)).unwrap();
    let script = async {
        // The leader hears second 0, then dies.
        let heard = team.events.recv().await.unwrap();
        assert!(
            matches!(&heard.what, What::Frame { frame: ToLeader::Tick(tick), .. } if tick.second.sent == 3),
            "{heard:?}"
        );
        drop(team);
        // Seconds go on until one is printed: the loss was noticed.
        let mut at = 1;
        while kept.lines().is_empty() {
            engine.send(second(0, at, 3, 0)).unwrap();
            at += 1;
            tokio::task::yield_now().await;
        }
        (at..at + 6).for_each(|at| engine.send(second(0, at, 3, 0)).unwrap());
        drop(engine);
    };
    let live = async { tokio::join!(worker.live(), script).0 };
    tokio::time::timeout(LIMIT, live).await.unwrap().unwrap();
    let ticks = worker.ticks();
    assert!(ticks.len() >= 6);
    assert!(ticks[0].second.second >= 1, "second 0 was the leader's to print");
    for pair in ticks.windows(2) {
        assert_eq!(pair[1].second.second, pair[0].second.second + 1);
        assert_eq!(pair[1].seq, pair[0].seq + 1);
    }
    assert!(matches!(
        worker.conduct.ended,
        Some(Ended::TargetSilent { .. })
    ));
}

/// A worker dies: the leader goes on, says so, and does not wait for it.
#[tokio::test]
async fn a_leader_does_not_wait_for_a_lost_worker() {
    let (team, led) = met().await;
    let mut leader = Player::new(2, Role::Leader, 1, Company::Leads(team));
    drop(led);
    leader.play(second(0, 0, 9, 9));
    leader.engine = None;
    let begun = Instant::now();
    leader.live().await.unwrap();
    assert!(begun.elapsed() < LIMIT, "it waited to the end");
    assert_eq!(sums(&leader.ticks()), BTreeMap::from([(0, (9, 9, 2))]));
    let warnings = leader.conduct.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].starts_with("runner lo-home-1-1 was lost during the load"));
}

#[tokio::test]
async fn an_engine_that_does_not_end_is_overdue() {
    let mut alone = Player::new(1, Role::Worker, 1, Company::Alone);
    let now = Instant::now();
    let limits = Limits {
        overrun: now,
        overdue: now + Duration::from_millis(20),
    };
    let stops = std::sync::atomic::AtomicU32::new(0);
    let stop = || {
        stops.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    };
    let done = alone
        .conduct
        .load(&mut alone.seconds, &mut alone.signal, &stop, limits)
        .await;
    assert!(done.is_err());
    assert_eq!(stops.into_inner(), 1);
}

#[tokio::test]
async fn a_load_that_overruns_is_told_to_stop_and_counts() {
    for company in [
        Company::Alone,
        Company::Leads(Team::call(&[], SECRET).await),
    ] {
        let mut runner = Player::new(1, Role::Leader, 1, company);
        runner.play(second(0, 0, 3, 3));
        let now = Instant::now();
        let limits = Limits {
            overrun: now + Duration::from_millis(20),
            overdue: now + LIMIT,
        };
        runner.live_within(limits).await.unwrap();
        assert_eq!(sums(&runner.ticks()), BTreeMap::from([(0, (3, 3, 2))]));
        assert_eq!(runner.conduct.ended, None, "as planned");
        let warnings = runner.conduct.warnings();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].starts_with("the load overran its planned end"));
    }
}

/// A worker whose connection breaks at a frame, a tick waiting behind it.
async fn broken() -> (Team, Player) {
    let (team, led) = met().await;
    let Company::Led { leader, events } = led else {
        panic!("not led");
    };
    let too_long = ToLeader::Hello {
        challenge: "a".repeat(dlt_core::messages::order::LONGEST_FRAME_BYTES),
        runner: runner(1),
    };
    leader.send(too_long).unwrap();
    let company = Company::Led { leader, events };
    let mut player = Player::new(1, Role::Worker, 1, company);
    let tick = own_tick(&mut player, 0);
    player.conduct.beat(tick);
    (team, player)
}

fn own_tick(player: &mut Player, at: u64) -> Vec<Tick> {
    player.conduct.thread_second(second(0, at, 3, 3));
    player.conduct.own.flush()
}

#[tokio::test]
async fn ticks_that_a_lost_leader_did_not_get_are_printed() {
    let (_team, mut worker) = broken().await;
    // Its connection ends; before that is heard, the next tick is refused.
    let gone = async {
        while let Company::Led { leader, .. } = &worker.conduct.company
            && leader.send(ToLeader::Ack {}).is_ok()
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, gone).await.unwrap();
    let tick = own_tick(&mut worker, 1);
    worker.conduct.beat(tick);
    let printed: Vec<u64> = worker.ticks().iter().map(|tick| tick.second.second).collect();
    assert_eq!(printed, [0, 1]);
    assert!(matches!(worker.conduct.company, Company::Alone));
}

#[tokio::test]
async fn ticks_unsent_at_the_end_are_printed() {
    let (_team, mut worker) = broken().await;
    let until = Instant::now() + LIMIT;
    worker.conduct.wind_down(&mut worker.signal, until).await;
    assert_eq!(sums(&worker.ticks()), BTreeMap::from([(0, (3, 3, 2))]));
}
