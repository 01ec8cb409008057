//! Leader and workers over real sockets on the loopback interface, with a
//! folder as depot.

use super::leader::RegionWorkers;
use super::worker::StartOutcome;
use super::*;
use crate::coordinator::frames::{self, FrameReader};
use crate::depot::Depot;
use crate::tests::runner;
use dlt_core::load::share::{Share, Slice};
use dlt_core::messages::order::{Start, StartFile, ToLeader, ToWorker, WorkerAddress};
use dlt_core::messages::report::Ended;
use dlt_core::messages::setup::{OnceFacts, SetupFile, SetupState};
use dlt_core::scenario::plan::ScenarioValues;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

const SECRET: &[u8] = b"a secret of the run";
/// No test takes longer.
const LIMIT: Duration = Duration::from_secs(60);
const SLICE: Slice = Slice {
    first: 0,
    count: 4,
    of: 4,
};

struct Waiting {
    address: WorkerAddress,
    outcome: JoinHandle<Result<StartOutcome, RendezvousError>>,
}

/// A worker that waits for its leader.
async fn waiting(number: usize, deadline_s: u64) -> Waiting {
    let listener = worker::listen(("127.0.0.1", 0)).await.unwrap();
    let address = WorkerAddress {
        runner: runner(number),
        address: listener.local_addr().unwrap().to_string(),
    };
    let outcome = tokio::spawn(async move {
        let deadline = StartDeadline::in_seconds(deadline_s);
        worker::await_start(listener, SECRET, &runner(number), deadline).await
    });
    Waiting { address, outcome }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future).await.unwrap()
}

async fn start_of(waiting: Waiting) -> Start {
    match within(waiting.outcome).await.unwrap().unwrap() {
        StartOutcome::Start { start, .. } => start,
        StartOutcome::Stopped(ended) => panic!("stopped: {ended:?}"),
    }
}

fn soon_us() -> u64 {
    crate::clock::now_us() + 2_000_000
}

/// Connects to a worker as a leader does, up to the challenge.
async fn hello(address: &str) -> (FrameReader<TcpStream>, String) {
    let mut reader = FrameReader::new(TcpStream::connect(address).await.unwrap());
    match reader.read_within(LIMIT).await.unwrap() {
        ToLeader::Hello { challenge, .. } => (reader, challenge),
        other => panic!("{other:?}"),
    }
}

/// What the requests before the load gave comes before the start; a leader of another region fetches it
/// once it is there, and hears its workers meanwhile.
#[tokio::test]
async fn all_get_the_values_of_setup() {
    let folder = tempfile::tempdir().unwrap();
    let depot = Depot::folder(folder.path().to_str().unwrap()).unwrap();
    let waiting = waiting(1, 60).await;
    let addresses = [waiting.address.clone()];
    let mut workers = within(RegionWorkers::connect(&addresses, SECRET)).await;
    let given = vec![ScenarioValues {
        scenario: "shop".to_owned(),
        values: [("token".to_owned(), "t".to_owned())].into(),
    }];
    let key = "start-signal/x/setup.json";
    let file = |state| {
        let file = SetupFile {
            runner: runner(9),
            state,
        };
        serde_json::to_vec(&file).unwrap()
    };
    depot.store(key, file(SetupState::Begun)).await.unwrap();
    let (writer, facts) = (depot.clone(), OnceFacts::default());
    let done = file(SetupState::Done {
        facts,
        given: given.clone(),
    });
    let deadline = StartDeadline::in_seconds(30);
    let fetched = within(async {
        let stored = writer.store(key, done);
        let (fetched, stored) = tokio::join!(workers.await_values(&depot, key, deadline), stored);
        stored.unwrap();
        fetched
    });
    let fetched = fetched.await;
    assert_eq!(fetched.unwrap(), given);
    workers.send_values(&given);
    let (start_at_us, boot) = (soon_us(), None);
    within(workers.deal_shares(SLICE, StartFile { start_at_us, boot })).await;
    match within(waiting.outcome).await.unwrap().unwrap() {
        StartOutcome::Start { given: got, .. } => assert_eq!(got, given),
        StartOutcome::Stopped(ended) => panic!("stopped: {ended:?}"),
    }
}

#[tokio::test]
async fn all_get_one_instant_and_the_shares_are_the_whole_load() {
    let folder = tempfile::tempdir().unwrap();
    let depot = Depot::folder(folder.path().to_str().unwrap()).unwrap();
    let (one, two, three) = (
        waiting(1, 60).await,
        waiting(2, 60).await,
        waiting(3, 60).await,
    );
    let addresses = [&one, &two, &three].map(|waiting| waiting.address.clone());
    let mut workers = within(RegionWorkers::connect(&addresses, SECRET)).await;
    let ready = workers.leader_ready(&runner(4));
    assert_eq!(ready.connected, vec![runner(1), runner(2), runner(3)]);
    assert_eq!(ready.unreachable, vec![]);

    // The start file comes late: after the leader has begun to look for it.
    let start_at_us = soon_us();
    let key = "start-signal/x/start.json";
    let writer = depot.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let boot = None;
        let file = serde_json::to_vec(&StartFile { start_at_us, boot }).unwrap();
        writer.store(key, file).await.unwrap();
    });
    let deadline = StartDeadline::in_seconds(30);
    let file = within(workers.await_start(&depot, key, deadline))
        .await
        .unwrap();
    assert_eq!(file.start_at_us, start_at_us);
    let own = within(workers.deal_shares(SLICE, file)).await;
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
    assert_eq!(workers.warnings, Vec::<String>::new());
}

#[tokio::test]
async fn a_wrong_secret_is_refused_and_the_right_one_still_accepted() {
    let one = waiting(1, 60).await;
    let addresses = [one.address.clone()];
    let other = within(RegionWorkers::connect(&addresses, b"another secret")).await;
    assert!(other.links[0].connection.is_none());
    assert_eq!(other.warnings.len(), 1);

    // One caller answers the challenge with nonsense, one sends nothing.
    let (mut reader, _) = hello(&addresses[0].address).await;
    let nonsense = ToWorker::Auth {
        hmac: "not hex".to_owned(),
    };
    frames::write(reader.stream(), &nonsense, LIMIT)
        .await
        .unwrap();
    assert!(reader.read_within::<ToLeader>(LIMIT).await.is_err());
    let _mute = hello(&addresses[0].address).await;

    let mut workers = within(RegionWorkers::connect(&addresses, SECRET)).await;
    let own = within(workers.deal_shares(
        SLICE,
        StartFile {
            start_at_us: soon_us(),
            boot: None,
        },
    ))
    .await;
    assert_eq!(own.share.of, 2);
    assert_eq!(start_of(one).await.share, Share { index: 0, of: 2 });
}

#[tokio::test]
async fn a_replayed_signature_is_refused() {
    let one = waiting(1, 60).await;
    let (_first, old) = hello(&one.address.address).await;
    let (mut reader, fresh) = hello(&one.address.address).await;
    assert_ne!(old, fresh);
    let replayed = ToWorker::Auth {
        hmac: sign_challenge(SECRET, &old),
    };
    frames::write(reader.stream(), &replayed, LIMIT)
        .await
        .unwrap();
    assert!(reader.read_within::<ToLeader>(LIMIT).await.is_err());
}

/// A worker that answers the challenge but never acknowledges is excluded and
/// sent a stop; the whole load is dealt among the others.
#[tokio::test]
async fn a_worker_that_does_not_acknowledge_is_excluded() {
    let one = waiting(1, 60).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mute = WorkerAddress {
        runner: runner(2),
        address: listener.local_addr().unwrap().to_string(),
    };
    let mute_task = tokio::spawn(async move {
        let mut reader = FrameReader::new(listener.accept().await.unwrap().0);
        let hello = ToLeader::Hello {
            challenge: "00".to_owned(),
            runner: runner(2),
        };
        frames::write(reader.stream(), &hello, LIMIT).await.unwrap();
        let mut starts = 0;
        loop {
            match reader.read_within(LIMIT).await.unwrap() {
                ToWorker::Auth { .. } | ToWorker::Change { .. } | ToWorker::Values { .. } => {}
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
    let mut workers = within(RegionWorkers::connect(&addresses, SECRET)).await;
    assert_eq!(workers.leader_ready(&runner(3)).connected.len(), 2);
    let own = within(workers.deal_shares(
        SLICE,
        StartFile {
            start_at_us: soon_us(),
            boot: None,
        },
    ))
    .await;
    assert_eq!(own.share, Share { index: 1, of: 2 });
    assert_eq!(start_of(one).await.share, Share { index: 0, of: 2 });
    let (starts, ended) = within(mute_task).await.unwrap();
    assert_eq!(starts, 1);
    assert!(matches!(ended, Ended::Stopped { .. }));
    assert_eq!(workers.warnings.len(), 1, "{:?}", workers.warnings);
    assert!(workers.warnings[0].contains("lo-home-1-2 did not acknowledge"));
}

#[tokio::test]
async fn a_lost_leader_is_replaced() {
    let one = waiting(1, 60).await;
    let addresses = [one.address.clone()];
    let first = within(RegionWorkers::connect(&addresses, SECRET)).await;
    assert!(first.links[0].connection.is_some());
    drop(first);
    let mut second = within(RegionWorkers::connect(&addresses, SECRET)).await;
    within(second.deal_shares(
        SLICE,
        StartFile {
            start_at_us: soon_us(),
            boot: None,
        },
    ))
    .await;
    assert_eq!(start_of(one).await.share, Share { index: 0, of: 2 });
}

/// A leader may be lost between start and load: the start remains valid.
#[tokio::test]
async fn a_leader_lost_after_its_start_changes_nothing() {
    let one = waiting(1, 60).await;
    let mut workers = within(RegionWorkers::connect(
        std::slice::from_ref(&one.address),
        SECRET,
    ))
    .await;
    within(workers.deal_shares(
        SLICE,
        StartFile {
            start_at_us: soon_us(),
            boot: None,
        },
    ))
    .await;
    drop(workers);
    assert_eq!(start_of(one).await.share, Share { index: 0, of: 2 });
}

#[tokio::test]
async fn a_worker_lost_before_the_start_is_excluded() {
    let (one, two) = (waiting(1, 60).await, waiting(2, 60).await);
    let addresses = [one.address.clone(), two.address.clone()];
    let mut workers = within(RegionWorkers::connect(&addresses, SECRET)).await;
    one.outcome.abort();
    let own = within(workers.deal_shares(
        SLICE,
        StartFile {
            start_at_us: soon_us(),
            boot: None,
        },
    ))
    .await;
    assert_eq!(own.share, Share { index: 1, of: 2 });
    assert_eq!(start_of(two).await.share, Share { index: 0, of: 2 });
    assert!(
        workers.warnings[0].contains("lo-home-1-1"),
        "{:?}",
        workers.warnings
    );
}

#[tokio::test]
async fn a_worker_that_is_not_there_is_unreachable() {
    // A port on which nobody listens any more.
    let unused = worker::listen(("127.0.0.1", 0))
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let two = waiting(2, 60).await;
    // A worker that answers at another's address is not taken for it.
    let addresses = [
        WorkerAddress {
            runner: runner(1),
            address: unused.to_string(),
        },
        WorkerAddress {
            runner: runner(3),
            address: two.address.address.clone(),
        },
        two.address.clone(),
    ];
    let workers = within(RegionWorkers::connect(&addresses, SECRET)).await;
    let ready = workers.leader_ready(&runner(4));
    assert_eq!(ready.connected, vec![runner(2)]);
    assert_eq!(ready.unreachable, vec![runner(1), runner(3)]);
    two.outcome.abort();
}

#[tokio::test]
async fn waits_have_deadlines() {
    let folder = tempfile::tempdir().unwrap();
    let depot = Depot::folder(folder.path().to_str().unwrap()).unwrap();
    let one = waiting(1, 1).await;
    let error = within(one.outcome).await.unwrap().unwrap_err();
    assert!(
        matches!(error, RendezvousError::Deadline { seconds: 1, .. }),
        "{error}"
    );
    let mut workers = RegionWorkers::connect(&[], SECRET).await;
    let deadline = StartDeadline::in_seconds(1);
    let error = within(workers.await_start(&depot, "a/start.json", deadline))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("DLT_START_DEADLINE_S"),
        "{error}"
    );
    let error = within(leader::read_workers(&depot, "a/workers.json", deadline))
        .await
        .unwrap_err();
    assert!(matches!(error, RendezvousError::Deadline { .. }), "{error}");
    let far = serde_json::to_vec(&StartFile {
        start_at_us: u64::MAX / 2,
        boot: None,
    })
    .unwrap();
    depot.store("a/start.json", far).await.unwrap();
    let error = within(workers.await_start(&depot, "a/start.json", StartDeadline::in_seconds(5)))
        .await
        .unwrap_err();
    assert!(matches!(error, RendezvousError::Object { .. }), "{error}");
}

#[tokio::test]
async fn a_stop_before_the_start_ends_the_wait() {
    let one = waiting(1, 60).await;
    let workers = within(RegionWorkers::connect(
        std::slice::from_ref(&one.address),
        SECRET,
    ))
    .await;
    let ended = Ended::Stopped {
        reason: "cancelled".to_owned(),
    };
    let stop = ToWorker::Stop {
        ended: ended.clone(),
    };
    workers.links[0]
        .connection
        .as_ref()
        .unwrap()
        .send(stop)
        .unwrap();
    match within(one.outcome).await.unwrap().unwrap() {
        StartOutcome::Stopped(reason) => assert_eq!(reason, ended),
        StartOutcome::Start { .. } => panic!("started"),
    }
}

#[test]
fn a_signature_holds_for_its_secret_and_challenge_alone() {
    // RFC 4231, test case 2.
    let signature = sign_challenge(b"Jefe", "what do ya want for nothing?");
    assert_eq!(
        signature,
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
    assert!(is_signature(
        b"Jefe",
        "what do ya want for nothing?",
        &signature
    ));
    assert!(!is_signature(
        b"Jefe",
        "what do ya want for something?",
        &signature
    ));
    assert!(!is_signature(
        b"jefe",
        "what do ya want for nothing?",
        &signature
    ));
    for bad in ["", "5b", "zz", "5bdcc146b", &signature[2..]] {
        assert!(
            !is_signature(b"Jefe", "what do ya want for nothing?", bad),
            "{bad}"
        );
    }
}
