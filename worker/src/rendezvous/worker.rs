//! The worker's side: wait for the leader, answer its probes, take its start.

use super::{
    CHALLENGE_BYTES, Deadline, FARTHEST_START_US, HANDSHAKE, MeetError, PREPARATION, hex, is_proof,
};
use crate::clock;
use crate::frames::{self, FrameError, FrameReader};
use crate::peer::{Heard, Manners, Peer, What};
use crate::say::talk;
use dlt_core::ids::RunnerId;
use dlt_core::messages::order::{Start, ToLeader, ToWorker};
use dlt_core::messages::report::Ended;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Callers whose handshake is under way at one time; others wait their turn.
const MOST_GREETINGS: usize = 8;
/// Callers that may fail to prove themselves before the worker gives up.
const MOST_STRANGERS: u32 = 1_000;

/// What a worker hears of its leader.
pub type FromLeader = Heard<ToWorker, ToLeader>;
type Halves = (FrameReader<OwnedReadHalf>, OwnedWriteHalf);

/// How the wait for the start ended.
#[derive(Debug)]
pub enum Met {
    /// The start is known and final.
    Start {
        /// The start.
        start: Start,
        /// The leader; what is heard of it comes through `events`.
        leader: Peer<ToLeader>,
        /// What is heard of the leader.
        events: mpsc::UnboundedReceiver<FromLeader>,
    },
    /// Told to stop before the start.
    Stopped(Ended),
}

/// Listens for the leader at home: on any free port of the loopback interface.
pub async fn listen() -> Result<TcpListener, MeetError> {
    TcpListener::bind(("127.0.0.1", 0))
        .await
        .map_err(|source| MeetError::Io {
            what: "listen on 127.0.0.1",
            source,
        })
}

/// Waits until a leader has proved itself and its start is final.
pub async fn meet(
    listener: TcpListener,
    secret: &[u8],
    runner: &RunnerId,
    deadline: Deadline,
) -> Result<Met, MeetError> {
    // Stays small: probes are answered by the connection itself; what comes
    // here is a start or two and a stop, from callers that know the secret.
    let (sender, events) = mpsc::unbounded_channel();
    let mut wait = Wait {
        secret: Arc::from(secret),
        runner: runner.clone(),
        greetings: JoinSet::new(),
        strangers: 0,
        callers: 0,
        leader: None,
        start: None,
        sender,
        events,
    };
    loop {
        let wake = wait.start.map_or(deadline.at, |(_, settled)| settled);
        tokio::select! {
            caller = listener.accept(), if wait.greetings.len() < MOST_GREETINGS => {
                match caller {
                    Ok((stream, _)) => wait.greet(stream),
                    Err(error) => wait.stranger(&error.to_string())?,
                }
            }
            Some(greeted) = wait.greetings.join_next() => match greeted {
                Ok(Ok(halves)) => wait.welcome(halves),
                Ok(Err(why)) => wait.stranger(&why.to_string())?,
                Err(broken) => wait.stranger(&broken.to_string())?,
            },
            Some(heard) = wait.events.recv() => {
                if let Some(ended) = wait.hear(heard) {
                    return Ok(Met::Stopped(ended));
                }
            }
            () = tokio::time::sleep_until(wake) => match (wait.start, wait.leader) {
                (Some((start, _)), Some(leader)) => {
                    return Ok(Met::Start { start, leader, events: wait.events });
                }
                _ => return Err(deadline.missed("the leader's start")),
            },
        }
    }
}

struct Wait {
    secret: Arc<[u8]>,
    runner: RunnerId,
    greetings: JoinSet<Result<Halves, FrameError>>,
    strangers: u32,
    callers: usize,
    leader: Option<Peer<ToLeader>>,
    /// The start, and when no other may replace it.
    start: Option<(Start, Instant)>,
    sender: mpsc::UnboundedSender<FromLeader>,
    events: mpsc::UnboundedReceiver<FromLeader>,
}

impl Wait {
    fn greet(&mut self, stream: TcpStream) {
        let (secret, runner) = (self.secret.clone(), self.runner.clone());
        self.greetings.spawn(greet(stream, secret, runner));
    }

    fn stranger(&mut self, why: &str) -> Result<(), MeetError> {
        talk(&format!("a caller is not the leader: {why}"));
        self.strangers += 1;
        if self.strangers > MOST_STRANGERS {
            return Err(MeetError::Strangers(self.strangers));
        }
        Ok(())
    }

    /// The latest to prove itself leads: a leader that was replaced may not
    /// have noticed yet. After a start nobody takes over.
    fn welcome(&mut self, halves: Halves) {
        if self.start.is_some() {
            return;
        }
        self.callers += 1;
        let manners = Manners {
            answer: answer_probe,
            sign_of_life: None,
        };
        let peer = Peer::keep(self.callers, halves, manners, self.sender.clone());
        self.leader = Some(peer);
    }

    /// Takes what a leader said; Some when the run is over before it began.
    fn hear(&mut self, heard: FromLeader) -> Option<Ended> {
        let leader = self.leader.as_ref().filter(|l| l.who == heard.who)?;
        match heard.what {
            What::Frame { frame, .. } => match frame {
                ToWorker::Start(start) if is_sound(&start) => {
                    // A refusal means that the connection is gone, which its
                    // own event says.
                    let _ = leader.send(ToLeader::Ack {});
                    self.start = Some((start, settled_at(start.start_at_us)));
                }
                ToWorker::Start(start) => talk(&format!("a start that makes no sense: {start:?}")),
                ToWorker::Stop { ended } => return Some(ended),
                ToWorker::Auth { .. } | ToWorker::Probe { .. } => {}
            },
            What::Lost { why, .. } if self.start.is_none() => {
                talk(&format!("the leader is lost: {why}; waiting for another"));
                self.leader = None;
            }
            // The start stands: this worker goes on alone. That its leader is
            // lost shows again when a tick cannot be sent.
            What::Lost { why, .. } => talk(&format!("the leader is lost: {why}")),
        }
        None
    }
}

/// When a start becomes final: late enough for the leader to deal shares anew,
/// early enough for the engine to prepare.
fn settled_at(start_at_us: u64) -> Instant {
    let lead = Duration::from_micros(start_at_us.saturating_sub(clock::now_us()));
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
        && start.start_at_us < clock::now_us().saturating_add(FARTHEST_START_US)
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

/// Challenges a caller; its halves if it proves that it knows the secret.
async fn greet(
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
    frames::write(&mut writer, &hello, HANDSHAKE).await?;
    match reader.read_within(HANDSHAKE).await? {
        ToWorker::Auth { hmac } if is_proof(&secret, &challenge, &hmac) => Ok((reader, writer)),
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
