//! The leader's side: call the workers, compare clocks, deal the shares, and
//! insist on an answer.

use super::{Deadline, FARTHEST_START_US, HANDSHAKE, MeetError, PREPARATION, prove};
use crate::clock::{self, Offset};
use crate::depot::Depot;
use crate::frames::{self, FrameError, FrameReader};
use crate::peer::{Heard, Manners, Peer, What};
use crate::say::talk;
use dlt_core::ids::RunnerId;
use dlt_core::load::share::{Share, Slice};
use dlt_core::messages::order::{
    LeaderReady, Start, StartFile, ToLeader, ToWorker, WorkerAddress, WorkersFile,
};
use dlt_core::messages::report::Ended;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Probes of a worker's clock when the connection is made; the best counts.
const PROBES: usize = 8;
/// How long a worker may take to be reached and probed.
const CALL: Duration = Duration::from_secs(10);
/// Pause between calls of a worker that does not answer yet.
const CALL_AGAIN: Duration = Duration::from_millis(200);
/// Calls of a worker whose port refuses: 2 s in all.
const MOST_TRIES: u32 = 10;
/// How often the start is looked for.
const LOOK: Duration = Duration::from_millis(100);
/// Shortest time in which a worker must acknowledge a start.
const SHORTEST_ACK: Duration = Duration::from_millis(150);

/// What a leader hears of its workers.
pub type FromWorker = Heard<ToLeader, ToWorker>;
type Halves = (FrameReader<OwnedReadHalf>, OwnedWriteHalf);

/// A worker, as its leader knows it.
#[derive(Debug)]
pub struct Member {
    /// Who.
    pub runner: RunnerId,
    /// The connection; None once it is lost or was never made.
    pub peer: Option<Peer<ToWorker>>,
    /// Its clock against ours.
    pub clock: Option<Offset>,
    acked: bool,
}

/// A region's workers under their leader.
#[derive(Debug)]
pub struct Team {
    /// In the order of `workers.json`; their position is their number.
    pub members: Vec<Member>,
    /// What is heard of them.
    pub events: mpsc::UnboundedReceiver<FromWorker>,
    /// Sentences for the report: who is missing and why.
    pub warnings: Vec<String>,
}

impl Team {
    /// Calls every worker; returns when each is connected or given up.
    pub async fn call(workers: &[WorkerAddress], secret: &[u8]) -> Self {
        // Stays small: each worker that knows the run's secret says one tick a
        // second and a word every 3 s, and they are heard all the time. Bounded,
        // a full channel would keep the connections from showing signs of life.
        let (sender, events) = mpsc::unbounded_channel();
        let mut calls = JoinSet::new();
        for (number, worker) in workers.iter().cloned().enumerate() {
            let secret = secret.to_owned();
            calls.spawn(async move {
                let reached = tokio::time::timeout(CALL, call(&worker, &secret))
                    .await
                    .unwrap_or(Err(FrameError::Silent(CALL)));
                (number, reached)
            });
        }
        let mut team = Self {
            members: workers.iter().map(Member::absent).collect(),
            events,
            warnings: Vec::new(),
        };
        while let Some(done) = calls.join_next().await {
            match done {
                Ok((number, Ok((halves, offset)))) => {
                    let manners = Manners {
                        answer: |_, _| None,
                        sign_of_life: Some(probe),
                    };
                    let peer = Peer::keep(number, halves, manners, sender.clone());
                    team.members[number].peer = Some(peer);
                    team.members[number].clock = Some(offset);
                }
                Ok((number, Err(why))) => {
                    let worker = &workers[number];
                    team.warn(format!(
                        "runner {} at {} could not be reached: {why}",
                        worker.runner, worker.address
                    ));
                }
                Err(broken) => team.warn(format!("a call to a worker broke: {broken}")),
            }
        }
        team
    }

    /// What the task-status-checker reads.
    pub fn ready(&self, leader: &RunnerId) -> LeaderReady {
        let (connected, unreachable): (Vec<&Member>, _) = self
            .members
            .iter()
            .partition(|member| member.peer.is_some());
        let names = |members: Vec<&Member>| members.iter().map(|m| m.runner.clone()).collect();
        LeaderReady {
            leader: leader.clone(),
            clock_error_us: connected
                .iter()
                .filter_map(|member| member.clock)
                .map(|clock| clock.error_us)
                .max()
                .unwrap_or(0),
            connected: names(connected),
            unreachable: names(unreachable),
        }
    }

    /// Waits for the one start instant of the run, hearing the workers meanwhile.
    pub async fn await_start(
        &mut self,
        depot: &Depot,
        key: &str,
        deadline: Deadline,
    ) -> Result<StartFile, MeetError> {
        loop {
            if let Some(bytes) = depot.fetch(key).await? {
                let object = |what: String| MeetError::Object {
                    key: key.to_owned(),
                    what,
                };
                let file: StartFile = serde_json::from_slice(&bytes)
                    .map_err(|error| object(format!("is not understood: {error}")))?;
                if file.start_at_us > clock::now_us().saturating_add(FARTHEST_START_US) {
                    return Err(object(
                        "names a start more than 10 minutes ahead".to_owned(),
                    ));
                }
                return Ok(file);
            }
            let next_look = Instant::now() + LOOK;
            if next_look > deadline.at {
                return Err(deadline.missed("the start instant"));
            }
            self.hear_until(next_look, |_| false).await;
        }
    }

    /// Deals the region's band among those present and tells them. Who does not
    /// acknowledge is dealt out, as long as there is time to deal again. Returns
    /// the leader's own start, with the last share.
    pub async fn deal(&mut self, slice: Slice, start_at_us: u64) -> Start {
        let start_at = Instant::from_std(clock::instant_at(start_at_us));
        let lead = start_at.saturating_duration_since(Instant::now());
        // Workers take no other start after this.
        let settled = start_at - PREPARATION.min(lead / 3).min(lead);
        loop {
            let of = 1 + self.tell(slice, start_at_us);
            let left = settled.saturating_duration_since(Instant::now());
            let until = Instant::now() + (left / 2).max(SHORTEST_ACK);
            self.hear_until(until, |team| team.silent().is_empty())
                .await;
            let silent = self.silent();
            for &number in &silent {
                self.deal_out(number);
            }
            // Those who left the team since it was told hold shares, too.
            let present = self.present().count() as u64 + 1;
            let time_left = settled.saturating_duration_since(Instant::now());
            if present == of || time_left < SHORTEST_ACK {
                if present < of {
                    self.warn(format!(
                        "{} of {of} shares of the region's load are not made: there was no time to deal them again before the start",
                        of - present
                    ));
                }
                return Start {
                    share: Share { index: of - 1, of },
                    slice,
                    start_at_us,
                    clock_offset_us: 0,
                    clock_error_us: 0,
                };
            }
        }
    }

    /// Sends each present member its start; how many there are.
    fn tell(&mut self, slice: Slice, start_at_us: u64) -> u64 {
        let of = self.present().count() as u64 + 1;
        let mut index = 0;
        for member in &mut self.members {
            let Some((peer, clock)) = member.peer.as_ref().zip(member.clock) else {
                continue;
            };
            member.acked = false;
            // A refusal means that the connection is gone; its event tells.
            let _ = peer.send(ToWorker::Start(Start {
                share: Share { index, of },
                slice,
                start_at_us: clock.on_peers_clock(start_at_us),
                clock_offset_us: clock.offset_us,
                clock_error_us: clock.error_us,
            }));
            index += 1;
        }
        index
    }

    fn deal_out(&mut self, number: usize) {
        let member = &mut self.members[number];
        let runner = member.runner.clone();
        if let Some(peer) = member.peer.take() {
            // It may have understood and only its answer be late: it must not
            // make load that others now make.
            let _ = peer.send(ToWorker::Stop {
                ended: Ended::Stopped {
                    reason: "did not acknowledge the start in time".to_owned(),
                },
            });
        }
        self.warn(format!(
            "runner {runner} did not acknowledge the start and takes no part"
        ));
    }

    fn present(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.peer.is_some())
    }

    /// Present members who have not acknowledged.
    fn silent(&self) -> Vec<usize> {
        let waits = |member: &Member| member.peer.is_some() && !member.acked;
        (0..self.members.len())
            .filter(|&number| waits(&self.members[number]))
            .collect()
    }

    /// Hears the workers until an instant, or until `enough`.
    async fn hear_until(&mut self, until: Instant, enough: impl Fn(&Self) -> bool) {
        while !enough(self) {
            match tokio::time::timeout_at(until, self.events.recv()).await {
                Ok(Some(heard)) => self.hear(heard),
                // All senders gone: no worker was ever reached.
                Ok(None) => return tokio::time::sleep_until(until).await,
                Err(_) => return,
            }
        }
    }

    fn hear(&mut self, heard: FromWorker) {
        let member = &mut self.members[heard.who];
        match heard.what {
            What::Frame { frame, at_us } => match frame {
                ToLeader::Probed {
                    t1_us,
                    t2_us,
                    t3_us,
                } => {
                    let seen = Offset::of(t1_us, t2_us, t3_us, at_us);
                    member.clock = match (member.clock, seen) {
                        (Some(best), Some(seen)) => Some(best.better(seen)),
                        (best, seen) => best.or(seen),
                    };
                }
                ToLeader::Ack {} => member.acked = true,
                ToLeader::Hello { .. } | ToLeader::Tick(_) | ToLeader::Finished {} => {}
            },
            What::Lost { why, .. } => {
                // One that was dealt out is already accounted for.
                if member.peer.take().is_some() {
                    let runner = member.runner.clone();
                    self.warn(format!("runner {runner} was lost before the start: {why}"));
                }
            }
        }
    }

    fn warn(&mut self, text: String) {
        talk(&text);
        self.warnings.push(text);
    }
}

impl Member {
    fn absent(worker: &WorkerAddress) -> Self {
        Self {
            runner: worker.runner.clone(),
            peer: None,
            clock: None,
            acked: false,
        }
    }
}

/// Reads the list of a region's workers.
pub async fn workers(
    depot: &Depot,
    key: &str,
    deadline: Deadline,
) -> Result<WorkersFile, MeetError> {
    let object = |what: String| MeetError::Object {
        key: key.to_owned(),
        what,
    };
    let bytes = loop {
        // It is written before the leader is launched; a store that is slow to
        // show it is waited for all the same.
        if let Some(bytes) = depot.fetch(key).await? {
            break bytes;
        }
        if Instant::now() + LOOK > deadline.at {
            return Err(deadline.missed("the list of workers"));
        }
        tokio::time::sleep(LOOK).await;
    };
    let file: WorkersFile = serde_json::from_slice(&bytes)
        .map_err(|error| object(format!("is not understood: {error}")))?;
    let Slice { first, count, of } = file.slice;
    if count == 0 || first.checked_add(count).is_none_or(|end| end > of) {
        return Err(object(format!(
            "holds a band that is none: {first}..+{count} of {of}"
        )));
    }
    Ok(file)
}

/// Calls a worker until it answers, proves itself, probes its clock. The
/// caller sets the deadline.
async fn call(worker: &WorkerAddress, secret: &[u8]) -> Result<(Halves, Offset), FrameError> {
    let mut tries = 0;
    let stream = loop {
        tries += 1;
        match TcpStream::connect(&worker.address).await {
            Ok(stream) => break stream,
            // It said that it listens: gone, or its port not yet open to us.
            Err(_) if tries < MOST_TRIES => tokio::time::sleep(CALL_AGAIN).await,
            Err(error) => return Err(error.into()),
        }
    };
    stream.set_nodelay(true)?;
    let (reader, mut writer) = stream.into_split();
    let mut reader = FrameReader::new(reader);
    let other = |text: String| FrameError::Io(std::io::Error::other(text));
    let challenge = match reader.read_within(HANDSHAKE).await? {
        ToLeader::Hello { challenge, runner } if runner == worker.runner => challenge,
        ToLeader::Hello { runner, .. } => {
            return Err(other(format!("runner {runner} answers at its address")));
        }
        _ => return Err(other("did not begin with a hello".to_owned())),
    };
    let hmac = prove(secret, &challenge);
    frames::write(&mut writer, &ToWorker::Auth { hmac }, HANDSHAKE).await?;
    let mut best: Option<Offset> = None;
    for _ in 0..PROBES {
        frames::write(&mut writer, &probe(), HANDSHAKE).await?;
        match reader.read_within(HANDSHAKE).await? {
            ToLeader::Probed {
                t1_us,
                t2_us,
                t3_us,
            } => {
                let seen = Offset::of(t1_us, t2_us, t3_us, clock::now_us());
                best = match (best, seen) {
                    (Some(best), Some(seen)) => Some(best.better(seen)),
                    (best, seen) => best.or(seen),
                };
            }
            _ => return Err(other("did not answer a probe".to_owned())),
        }
    }
    let best = best.ok_or_else(|| other("its clock or ours keeps stepping".to_owned()))?;
    Ok(((reader, writer), best))
}

fn probe() -> ToWorker {
    ToWorker::Probe {
        t1_us: clock::now_us(),
    }
}
