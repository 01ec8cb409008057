//! The worker's side: wait for the leader, answer its probes, accept its start.

use super::{
    CHALLENGE_BYTES, FARTHEST_START_US, HANDSHAKE_LIMIT, PREPARATION, RendezvousError,
    StartDeadline, hex, is_signature,
};
use crate::clock;
use crate::coordinator::connection::{PeerBehaviour, PeerConnection, PeerEvent, PeerEventKind};
use crate::coordinator::frames::{self, FrameError, FrameReader};
use crate::output::log;
use dlt_core::ids::RunnerId;
use dlt_core::messages::order::{Start, ToLeader, ToWorker};
use dlt_core::messages::report::Ended;
use dlt_core::scenario::plan::ScenarioValues;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Handshakes at one time; further callers wait in the listener's queue.
const MOST_HANDSHAKES: usize = 8;
/// Callers that may fail the challenge before the worker gives up.
const MOST_FAILED_CALLERS: u32 = 1_000;

/// An event of the leader, as a worker gets it.
pub type LeaderEvent = PeerEvent<ToWorker, ToLeader>;
type Halves = (FrameReader<OwnedReadHalf>, OwnedWriteHalf);

/// How the wait for the start ended.
#[derive(Debug)]
pub enum StartOutcome {
    /// The start is known and final.
    Start {
        /// The start.
        start: Start,
        /// Its instant, as the clocks were when it came.
        at: std::time::Instant,
        /// The connection to the leader.
        leader: PeerConnection<ToLeader>,
        /// Its events.
        events: mpsc::UnboundedReceiver<LeaderEvent>,
        /// The values that the requests before the load gave.
        given: Vec<ScenarioValues>,
    },
    /// A stop arrived before the start.
    Stopped(Ended),
}

/// Listens for the leader, where the order says.
pub async fn listen(at: (&str, u16)) -> Result<TcpListener, RendezvousError> {
    TcpListener::bind(at)
        .await
        .map_err(|source| RendezvousError::Io {
            what: "listen for the leader",
            source,
        })
}

/// Waits until a leader has answered the challenge and its start is final.
pub async fn await_start(
    listener: TcpListener,
    secret: &[u8],
    runner: &RunnerId,
    deadline: StartDeadline,
) -> Result<StartOutcome, RendezvousError> {
    // Stays small: the connection itself answers probes; what arrives here is a
    // few starts and a stop, from callers that know the secret.
    let (sender, events) = mpsc::unbounded_channel();
    let mut wait = StartWait {
        secret: Arc::from(secret),
        runner: runner.clone(),
        handshakes: JoinSet::new(),
        failed_callers: 0,
        leaders: 0,
        leader: None,
        start: None,
        given: Vec::new(),
        sender,
        events,
    };
    loop {
        let wake = wait.start.map_or(deadline.at, |(.., final_at)| final_at);
        tokio::select! {
            caller = listener.accept(), if wait.handshakes.len() < MOST_HANDSHAKES => {
                match caller {
                    Ok((stream, _)) => wait.begin_handshake(stream),
                    Err(error) => wait.count_failed_caller(&error.to_string())?,
                }
            }
            Some(done) = wait.handshakes.join_next() => match done {
                Ok(Ok(halves)) => wait.accept_leader(halves),
                Ok(Err(why)) => wait.count_failed_caller(&why.to_string())?,
                Err(broken) => wait.count_failed_caller(&broken.to_string())?,
            },
            Some(event) = wait.events.recv() => {
                if let Some(ended) = wait.handle_event(event) {
                    return Ok(StartOutcome::Stopped(ended));
                }
            }
            () = tokio::time::sleep_until(wake) => match (wait.start, wait.leader) {
                (Some((start, at, _)), Some(leader)) => {
                    let (events, given) = (wait.events, wait.given);
                    return Ok(StartOutcome::Start { start, at, leader, events, given });
                }
                _ => return Err(deadline.missed("the leader's start")),
            },
        }
    }
}

struct StartWait {
    secret: Arc<[u8]>,
    runner: RunnerId,
    handshakes: JoinSet<Result<Halves, FrameError>>,
    failed_callers: u32,
    /// Leaders accepted so far; the number of the next connection.
    leaders: usize,
    leader: Option<PeerConnection<ToLeader>>,
    /// The start, its instant, and when it becomes final.
    start: Option<(Start, std::time::Instant, Instant)>,
    /// What came before it.
    given: Vec<ScenarioValues>,
    sender: mpsc::UnboundedSender<LeaderEvent>,
    events: mpsc::UnboundedReceiver<LeaderEvent>,
}

impl StartWait {
    fn begin_handshake(&mut self, stream: TcpStream) {
        let (secret, runner) = (self.secret.clone(), self.runner.clone());
        self.handshakes.spawn(authenticate(stream, secret, runner));
    }

    fn count_failed_caller(&mut self, why: &str) -> Result<(), RendezvousError> {
        log(&format!("a caller is not the leader: {why}"));
        self.failed_callers += 1;
        if self.failed_callers > MOST_FAILED_CALLERS {
            return Err(RendezvousError::TooManyFailedCallers(self.failed_callers));
        }
        Ok(())
    }

    /// The latest caller that answers the challenge is the leader: a leader that
    /// was replaced may not have noticed yet. After a start no other is accepted.
    fn accept_leader(&mut self, halves: Halves) {
        if self.start.is_some() {
            return;
        }
        self.leaders += 1;
        let behaviour = PeerBehaviour {
            answer: answer_probe,
            heartbeat: None,
        };
        let events = self.sender.clone();
        let connection = PeerConnection::spawn(self.leaders, halves, behaviour, events);
        self.leader = Some(connection);
    }

    /// Handles an event of the leader; Some if the run ends before its start.
    fn handle_event(&mut self, event: LeaderEvent) -> Option<Ended> {
        let leader = self.leader.as_ref().filter(|l| l.id == event.peer)?;
        match event.kind {
            PeerEventKind::Frame { frame, .. } => match frame {
                ToWorker::Start(start) if is_sound(&start) => {
                    // Refused only if the connection has ended, which its own
                    // event reports.
                    let _ = leader.send(ToLeader::Ack {});
                    let at = clock::instant_of_start(&start);
                    self.start = Some((start, at, final_at(at)));
                }
                ToWorker::Start(start) => log(&format!("a start that makes no sense: {start:?}")),
                ToWorker::Values { given } => self.given = given,
                ToWorker::Stop { ended } => return Some(ended),
                // A load is changed while it is made.
                ToWorker::Auth { .. } | ToWorker::Probe { .. } | ToWorker::Change { .. } => {}
            },
            PeerEventKind::Lost { why, .. } if self.start.is_none() => {
                log(&format!("the leader is lost: {why}; waiting for another"));
                self.leader = None;
            }
            // The start remains valid: this worker goes on alone. The loss shows
            // again when a tick cannot be sent.
            PeerEventKind::Lost { why, .. } => log(&format!("the leader is lost: {why}")),
        }
        None
    }
}

/// When a start becomes final: late enough for the leader to deal shares again,
/// early enough for the engine to prepare.
fn final_at(start_at: std::time::Instant) -> Instant {
    let lead = start_at.saturating_duration_since(std::time::Instant::now());
    Instant::now() + lead.saturating_sub(PREPARATION.min(lead / 3))
}

fn is_sound(start: &Start) -> bool {
    let slice = start.slice;
    start.share.index < start.share.of
        && slice.count >= 1
        && slice
            .first
            .checked_add(slice.count)
            .is_some_and(|end| end <= slice.of)
        && clock::instant_of_start(start).saturating_duration_since(std::time::Instant::now())
            < Duration::from_micros(FARTHEST_START_US)
}

fn answer_probe(frame: &ToWorker, read_at_us: u64) -> Option<ToLeader> {
    match frame {
        ToWorker::Probe { t1_us } => Some(ToLeader::Probed {
            t1_us: *t1_us,
            t2_us: read_at_us,
            t3_us: clock::now_us(),
        }),
        _ => None,
    }
}

/// Sends a caller a challenge; its connection if the answer is right.
async fn authenticate(
    stream: TcpStream,
    secret: Arc<[u8]>,
    runner: RunnerId,
) -> Result<Halves, FrameError> {
    stream.set_nodelay(true)?;
    let challenge = challenge()?;
    let (reader, mut writer) = stream.into_split();
    let mut reader = FrameReader::new(reader);
    let hello = ToLeader::Hello {
        challenge: challenge.clone(),
        runner,
    };
    frames::write(&mut writer, &hello, HANDSHAKE_LIMIT).await?;
    match reader.read_within(HANDSHAKE_LIMIT).await? {
        ToWorker::Auth { hmac } if is_signature(&secret, &challenge, &hmac) => Ok((reader, writer)),
        _ => Err(FrameError::Io(std::io::Error::other(
            "its answer to the challenge is wrong",
        ))),
    }
}

fn challenge() -> std::io::Result<String> {
    let mut bytes = [0; CHALLENGE_BYTES];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(hex(&bytes))
}
