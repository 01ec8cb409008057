//! Leader and workers over real sockets on the loopback interface, with a
//! folder as depot.

use super::leader::Team;
use super::worker::Met;
use super::*;
use crate::depot::Depot;
use crate::frames::{self, FrameReader};
use crate::peer::What;
use crate::tests::runner;
use dlt_core::load::share::{Share, Slice};
use dlt_core::messages::order::{Start, StartFile, ToLeader, ToWorker, WorkerAddress};
use dlt_core::messages::report::Ended;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

const SECRET: &[u8] = b"a secret of the run";
/// Nothing here takes long; what hangs fails.
const LIMIT: Duration = Duration::from_secs(60);
const SLICE: Slice = Slice {
    first: 0,
    count: 4,
    of: 4,
};

struct Waiting {
    address: WorkerAddress,
    met: JoinHandle<Result<Met, MeetError>>,
}

/// A worker that waits for its leader.
async fn waiting(number: usize, deadline_s: u64) -> Waiting {
    let listener = worker::listen().await.unwrap();
    let address = WorkerAddress {
        runner: runner(number),
        address: listener.local_addr().unwrap().to_string(),
    };
    let met = tokio::spawn(async move {
        let deadline = Deadline::in_seconds(deadline_s);
        worker::meet(listener, SECRET, &runner(number), deadline).await
    });
    Waiting { address, met }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future).await.unwrap()
}

async fn start_of(waiting: Waiting) -> Start {
    match within(waiting.met).await.unwrap().unwrap() {
        Met::Start { start, .. } => start,
        Met::Stopped(ended) => panic!("stopped: {ended:?}"),
    }
}

fn soon_us() -> u64 {
    crate::clock::now_us() + 2_000_000
}

/// Joins a worker by hand, as a leader would, up to the challenge.
async fn hello(address: &str) -> (FrameReader<TcpStream>, String) {
    let mut reader = FrameReader::new(TcpStream::connect(address).await.unwrap());
    match reader.read_within(LIMIT).await.unwrap() {
        ToLeader::Hello { challenge, .. } => (reader, challenge),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn all_get_one_instant_and_the_shares_are_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let depot = Depot::open(folder.path().to_str().unwrap()).unwrap();
    let (one, two, three) = (
        waiting(1, 60).await,
        waiting(2, 60).await,
        waiting(3, 60).await,
    );
    let addresses = [&one, &two, &three].map(|waiting| waiting.address.clone());
    let mut team = within(Team::call(&addresses, SECRET)).await;
    let ready = team.ready(&runner(4));
    assert_eq!(ready.connected, vec![runner(1), runner(2), runner(3)]);
    assert_eq!(ready.unreachable, vec![]);

    // The start file comes late: after the leader has begun to look for it.
    let start_at_us = soon_us();
    let key = "start-signal/x/start.json";
    let writer = depot.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let file = serde_json::to_vec(&StartFile { start_at_us }).unwrap();
        writer.store(key, file).await.unwrap();
    });
    let deadline = Deadline::in_seconds(30);
    let file = within(team.await_start(&depot, key, deadline))
        .await
        .unwrap();
    assert_eq!(file.start_at_us, start_at_us);
    let own = within(team.deal(SLICE, file.start_at_us)).await;
    assert_eq!(own.share, Share { index: 3, of: 4 });
    assert_eq!(own.start_at_us, start_at_us);
    for (index, waiting) in [one, two, three].into_iter().enumerate() {
        let start = start_of(waiting).await;
        let index = index as u64;
        assert_eq!(start.share, Share { index, of: 4 });
        assert_eq!(start.slice, SLICE);
        // One machine, one clock: the offset measured is within its error.
        assert!(start.clock_offset_us.unsigned_abs() <= start.clock_error_us);
        assert!(start.start_at_us.abs_diff(start_at_us) <= start.clock_error_us);
        // Known in time to prepare.
        assert!(crate::clock::now_us() < start_at_us);
    }
    assert_eq!(team.warnings, Vec::<String>::new());
}

#[tokio::test]
async fn a_wrong_secret_is_refused_and_the_right_one_still_heard() {
    let one = waiting(1, 60).await;
    let addresses = [one.address.clone()];
    let strangers = within(Team::call(&addresses, b"another secret")).await;
    assert!(strangers.members[0].peer.is_none());
    assert_eq!(strangers.warnings.len(), 1);

    // One who answers the challenge with nonsense, and one who says nothing.
    let (mut reader, _) = hello(&addresses[0].address).await;
    let nonsense = ToWorker::Auth {
        hmac: "not hex".to_owned(),
    };
    frames::write(reader.stream(), &nonsense, LIMIT)
        .await
        .unwrap();
    assert!(reader.read_within::<ToLeader>(LIMIT).await.is_err());
    let _mute = hello(&addresses[0].address).await;

    let mut team = within(Team::call(&addresses, SECRET)).await;
    let own = within(team.deal(SLICE, soon_us())).await;
    assert_eq!(own.share.of, 2);
    assert_eq!(start_of(one).await.share, Share { index: 0, of: 2 });
}

#[tokio::test]
async fn a_replayed_proof_is_worthless() {
    let one = waiting(1, 60).await;
    let (_first, old) = hello(&one.address.address).await;
    let (mut reader, fresh) = hello(&one.address.address).await;
    assert_ne!(old, fresh);
    let replayed = ToWorker::Auth {
        hmac: prove(SECRET, &old),
    };
    frames::write(reader.stream(), &replayed, LIMIT)
        .await
        .unwrap();
    assert!(reader.read_within::<ToLeader>(LIMIT).await.is_err());
}

/// A worker that proves well but never acknowledges is dealt out, told to stay
/// away, and the whole load dealt among the others.
#[tokio::test]
async fn a_worker_that_does_not_acknowledge_is_dealt_out() {
    let one = waiting(1, 60).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mute = WorkerAddress {
        runner: runner(2),
        address: listener.local_addr().unwrap().to_string(),
    };
    let mute_hears = tokio::spawn(async move {
        let mut reader = FrameReader::new(listener.accept().await.unwrap().0);
        let hello = ToLeader::Hello {
            challenge: "00".to_owned(),
            runner: runner(2),
        };
        frames::write(reader.stream(), &hello, LIMIT).await.unwrap();
        let mut starts = 0;
        loop {
            match reader.read_within(LIMIT).await.unwrap() {
                ToWorker::Auth { .. } => {}
                ToWorker::Probe { t1_us } => {
                    let now = crate::clock::now_us();
                    let probed = ToLeader::Probed {
                        t1_us,
                        t2_us: now,
                        t3_us: now,
                    };
                    frames::write(reader.stream(), &probed, LIMIT)
                        .await
                        .unwrap();
                }
                ToWorker::Start(_) => starts += 1,
                ToWorker::Stop { ended } => return (starts, ended),
            }
        }
    });
    let addresses = [one.address.clone(), mute];
    let mut team = within(Team::call(&addresses, SECRET)).await;
    assert_eq!(team.ready(&runner(3)).connected.len(), 2);
    let own = within(team.deal(SLICE, soon_us())).await;
    assert_eq!(own.share, Share { index: 1, of: 2 });
    assert_eq!(start_of(one).await.share, Share { index: 0, of: 2 });
    let (starts, ended) = within(mute_hears).await.unwrap();
    assert_eq!(starts, 1);
    assert!(matches!(ended, Ended::Stopped { .. }));
    assert_eq!(team.warnings.len(), 1, "{:?}", team.warnings);
    assert!(team.warnings[0].contains("lo-home-1-2 did not acknowledge"));
}

#[tokio::test]
async fn a_lost_leader_is_replaced() {
    let one = waiting(1, 60).await;
    let addresses = [one.address.clone()];
    let first = within(Team::call(&addresses, SECRET)).await;
    assert!(first.members[0].peer.is_some());
    drop(first);
    let mut second = within(Team::call(&addresses, SECRET)).await;
    within(second.deal(SLICE, soon_us())).await;
    assert_eq!(start_of(one).await.share, Share { index: 0, of: 2 });
}

/// Between start and load a leader may die: the start stands.
#[tokio::test]
async fn a_leader_lost_after_its_start_changes_nothing() {
    let one = waiting(1, 60).await;
    let mut team = within(Team::call(std::slice::from_ref(&one.address), SECRET)).await;
    within(team.deal(SLICE, soon_us())).await;
    drop(team);
    assert_eq!(start_of(one).await.share, Share { index: 0, of: 2 });
}

#[tokio::test]
async fn a_worker_lost_before_the_start_is_dealt_out() {
    let (one, two) = (waiting(1, 60).await, waiting(2, 60).await);
    let addresses = [one.address.clone(), two.address.clone()];
    let mut team = within(Team::call(&addresses, SECRET)).await;
    one.met.abort();
    let own = within(team.deal(SLICE, soon_us())).await;
    assert_eq!(own.share, Share { index: 1, of: 2 });
    assert_eq!(start_of(two).await.share, Share { index: 0, of: 2 });
    assert!(
        team.warnings[0].contains("lo-home-1-1"),
        "{:?}",
        team.warnings
    );
}

#[tokio::test]
async fn a_worker_that_is_not_there_is_unreachable() {
    // A port that nobody listens on any more.
    let gone = worker::listen().await.unwrap().local_addr().unwrap();
    let two = waiting(2, 60).await;
    // One who answers under another's address is not taken for it.
    let addresses = [
        WorkerAddress {
            runner: runner(1),
            address: gone.to_string(),
        },
        WorkerAddress {
            runner: runner(3),
            address: two.address.address.clone(),
        },
        two.address.clone(),
    ];
    let team = within(Team::call(&addresses, SECRET)).await;
    let ready = team.ready(&runner(4));
    assert_eq!(ready.connected, vec![runner(2)]);
    assert_eq!(ready.unreachable, vec![runner(1), runner(3)]);
    two.met.abort();
}

#[tokio::test]
async fn waits_have_deadlines() {
    let folder = tempfile::tempdir().unwrap();
    let depot = Depot::open(folder.path().to_str().unwrap()).unwrap();
    let one = waiting(1, 1).await;
    let error = within(one.met).await.unwrap().unwrap_err();
    assert!(
        matches!(error, MeetError::Deadline { seconds: 1, .. }),
        "{error}"
    );
    let mut team = Team::call(&[], SECRET).await;
    let deadline = Deadline::in_seconds(1);
    let error = within(team.await_start(&depot, "a/start.json", deadline))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("DLT_START_DEADLINE_S"),
        "{error}"
    );
    let error = within(leader::workers(&depot, "a/workers.json", deadline))
        .await
        .unwrap_err();
    assert!(matches!(error, MeetError::Deadline { .. }), "{error}");
    let far = serde_json::to_vec(&StartFile {
        start_at_us: u64::MAX,
    })
    .unwrap();
    depot.store("a/start.json", far).await.unwrap();
    let error = within(team.await_start(&depot, "a/start.json", Deadline::in_seconds(5)))
        .await
        .unwrap_err();
    assert!(matches!(error, MeetError::Object { .. }), "{error}");
}

#[tokio::test]
async fn a_stop_before_the_start_is_heard() {
    let one = waiting(1, 60).await;
    let team = within(Team::call(std::slice::from_ref(&one.address), SECRET)).await;
    let ended = Ended::Stopped {
        reason: "cancelled".to_owned(),
    };
    let stop = ToWorker::Stop {
        ended: ended.clone(),
    };
    team.members[0].peer.as_ref().unwrap().send(stop).unwrap();
    match within(one.met).await.unwrap().unwrap() {
        Met::Stopped(heard) => assert_eq!(heard, ended),
        Met::Start { .. } => panic!("started"),
    }
}

/// A peer whose process hangs keeps its socket open; only silence tells.
#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_lost() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let (_far, _) = listener.accept().await.unwrap();
    let (reader, writer) = near.into_split();
    let (sender, mut events) = tokio::sync::mpsc::unbounded_channel();
    let manners = crate::peer::Manners {
        answer: |_: &ToWorker, _| None,
        sign_of_life: None,
    };
    let halves = (FrameReader::new(reader), writer);
    let peer = crate::peer::Peer::<ToLeader>::keep(7, halves, manners, sender);
    let heard = events.recv().await.unwrap();
    assert_eq!(heard.who, 7);
    assert!(matches!(heard.what, What::Lost { .. }), "{heard:?}");
    while peer.send(ToLeader::Ack {}).is_ok() {
        tokio::task::yield_now().await;
    }
}

#[test]
fn proofs_hold_for_their_secret_and_challenge_alone() {
    // RFC 4231, test case 2.
    let proof = prove(b"Jefe", "what do ya want for nothing?");
    assert_eq!(
        proof,
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
    assert!(is_proof(b"Jefe", "what do ya want for nothing?", &proof));
    assert!(!is_proof(b"Jefe", "what do ya want for something?", &proof));
    assert!(!is_proof(b"jefe", "what do ya want for nothing?", &proof));
    for bad in ["", "5b", "zz", "5bdcc146b", &proof[2..]] {
        assert!(
            !is_proof(b"Jefe", "what do ya want for nothing?", bad),
            "{bad}"
        );
    }
}
