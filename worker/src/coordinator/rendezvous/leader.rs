//! The leader's side: connect to the workers, measure their clock offsets, deal
//! the shares, and require an acknowledgement.

use super::{
    FARTHEST_START_US, HANDSHAKE_LIMIT, PREPARATION, RendezvousError, StartDeadline, sign_challenge,
};
use crate::clock::{self, ClockOffset};
use crate::coordinator::connection::{PeerBehaviour, PeerConnection, PeerEvent, PeerEventKind};
use crate::coordinator::frames::{self, FrameError, FrameReader};
use crate::depot::Depot;
use crate::output::log;
use dlt_core::ids::RunnerId;
use dlt_core::load::share::{Share, Slice};
use dlt_core::messages::order::{
    LeaderReady, Start, StartFile, ToLeader, ToWorker, WorkerAddress, WorkersFile,
};
use dlt_core::messages::report::Ended;
use dlt_core::messages::setup::{SetupFile, SetupState};
use dlt_core::scenario::plan::ScenarioValues;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Clock probes of a worker when the connection is made; the most exact counts.
const PROBES: usize = 8;
/// How long connecting to a worker and probing its clock may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Pause between attempts to connect to a worker.
const RETRY_PAUSE: Duration = Duration::from_millis(200);
/// Attempts to connect to a worker whose port refuses: 2 s in all.
const MOST_ATTEMPTS: u32 = 10;
/// How often the depot is polled for an object.
const POLL: Duration = Duration::from_millis(100);
/// Shortest time in which a worker must acknowledge a start.
const SHORTEST_ACK: Duration = Duration::from_millis(150);

/// An event of a worker, as its leader gets it.
pub type WorkerEvent = PeerEvent<ToLeader, ToWorker>;
type Halves = (FrameReader<OwnedReadHalf>, OwnedWriteHalf);

/// A worker, as its leader knows it.
#[derive(Debug)]
pub struct WorkerLink {
    /// Which runner it is.
    pub runner: RunnerId,
    /// The connection; None once it is lost or was never made.
    pub connection: Option<PeerConnection<ToWorker>>,
    /// Its clock against the leader's.
    pub clock: Option<ClockOffset>,
    acknowledged: bool,
}

/// A region's workers, as their leader knows them.
#[derive(Debug)]
pub struct RegionWorkers {
    /// In the order of `workers.json`; the position is the number of the connection.
    pub links: Vec<WorkerLink>,
    /// Events of all connections.
    pub events: mpsc::UnboundedReceiver<WorkerEvent>,
    /// Warnings for the report: which runners are missing and why.
    pub warnings: Vec<String>,
}

impl RegionWorkers {
    /// Connects to every worker; returns when each is connected or given up.
    pub async fn connect(addresses: &[WorkerAddress], secret: &[u8]) -> Self {
        // Stays small: each worker that knows the run's secret sends one tick a
        // second and one frame every 3 s, and they are read all the time. A
        // bounded channel, when full, would stop the heartbeats.
        let (sender, events) = mpsc::unbounded_channel();
        let mut attempts = JoinSet::new();
        for (number, worker) in addresses.iter().cloned().enumerate() {
            let secret = secret.to_owned();
            attempts.spawn(async move {
                let connected = tokio::time::timeout(CONNECT_LIMIT, connect(&worker, &secret))
                    .await
                    .unwrap_or(Err(FrameError::Silent(CONNECT_LIMIT)));
                (number, connected)
            });
        }
        let mut workers = Self {
            links: addresses.iter().map(WorkerLink::unconnected).collect(),
            events,
            warnings: Vec::new(),
        };
        while let Some(done) = attempts.join_next().await {
            match done {
                Ok((number, Ok((halves, offset)))) => {
                    let behaviour = PeerBehaviour {
                        answer: |_, _| None,
                        heartbeat: Some(probe),
                    };
                    let events = sender.clone();
                    let connection = PeerConnection::spawn(number, halves, behaviour, events);
                    workers.links[number].connection = Some(connection);
                    workers.links[number].clock = Some(offset);
                }
                Ok((number, Err(why))) => {
                    let WorkerAddress { runner, address } = &addresses[number];
                    workers.warn(format!(
                        "runner {runner} at {address} could not be reached: {why}"
                    ));
                }
                Err(broken) => workers.warn(format!("a connection to a worker broke: {broken}")),
            }
        }
        workers
    }

    /// What the task-status-checker reads: which workers are connected.
    pub fn leader_ready(&self, leader: &RunnerId) -> LeaderReady {
        let (connected, unreachable): (Vec<&WorkerLink>, _) = self
            .links
            .iter()
            .partition(|link| link.connection.is_some());
        let ids = |links: Vec<&WorkerLink>| links.iter().map(|l| l.runner.clone()).collect();
        LeaderReady {
            leader: leader.clone(),
            clock_error_us: connected
                .iter()
                .filter_map(|link| link.clock)
                .map(|clock| clock.error_us)
                .max()
                .unwrap_or(0),
            connected: ids(connected),
            unreachable: ids(unreachable),
        }
    }

    /// Waits for the one start instant of the run; handles events meanwhile.
    pub async fn await_start(
        &mut self,
        depot: &Depot,
        key: &str,
        deadline: StartDeadline,
    ) -> Result<StartFile, RendezvousError> {
        loop {
            if let Some(bytes) = depot.fetch_by(key, deadline.at - POLL).await? {
                let object = |what| object_error(key, what);
                let file: StartFile = serde_json::from_slice(&bytes)
                    .map_err(|error| object(format!("is not understood: {error}")))?;
                let start_at = clock::instant_of(file.start_at_us, file.boot);
                let farthest = Duration::from_micros(FARTHEST_START_US);
                if start_at.saturating_duration_since(std::time::Instant::now()) > farthest {
                    return Err(object(
                        "names a start more than 10 minutes ahead".to_owned(),
                    ));
                }
                return Ok(file);
            }
            let next_poll = Instant::now() + depot.poll();
            if next_poll > deadline.at {
                return Err(deadline.missed("the start instant"));
            }
            self.handle_events_until(next_poll, |_| false).await;
        }
    }

    /// Waits for the values that the requests before the load gave, which another region's leader makes;
    /// handles events meanwhile. Where one failed, the run is about to be stopped.
    pub async fn await_values(
        &mut self,
        depot: &Depot,
        key: &str,
        deadline: StartDeadline,
    ) -> Result<Vec<ScenarioValues>, RendezvousError> {
        loop {
            if let Some(bytes) = depot.fetch_by(key, deadline.at - POLL).await? {
                // What is wrong with it may show a value, and is not told.
                let file: SetupFile = serde_json::from_slice(&bytes)
                    .map_err(|_| object_error(key, "is not understood".to_owned()))?;
                if let SetupState::Done { given, .. } = file.state {
                    return Ok(given);
                }
            }
            let next_poll = Instant::now() + depot.poll();
            if next_poll > deadline.at {
                return Err(deadline.missed("the end of the setup"));
            }
            self.handle_events_until(next_poll, |_| false).await;
        }
    }

    /// Handles events for as long as something else takes.
    pub async fn while_busy<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            let event = async {
                match self.events.recv().await {
                    Some(event) => event,
                    // No sender is left: no worker was ever reached.
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                done = &mut work => return done,
                event = event => self.handle_event(event),
            }
        }
    }

    /// Sends each connected worker the values that the requests before the load gave.
    pub fn send_values(&self, given: &[ScenarioValues]) {
        for connection in self.connected().filter_map(|link| link.connection.as_ref()) {
            let given = given.to_vec();
            // Refused only if the connection has ended, which its event reports.
            let _ = connection.send(ToWorker::Values { given });
        }
    }

    /// Deals the region's slice among the connected workers and the leader, and
    /// sends the starts. A worker that does not acknowledge is excluded, and the
    /// slice is dealt again while there is time. Returns the leader's own start,
    /// which has the last share.
    pub async fn deal_shares(&mut self, slice: Slice, file: StartFile) -> Start {
        let start_at = Instant::from_std(clock::instant_of(file.start_at_us, file.boot));
        let lead = start_at.saturating_duration_since(Instant::now());
        // Workers accept no other start after this.
        let final_at = start_at - PREPARATION.min(lead / 3).min(lead);
        loop {
            let of = 1 + self.send_starts(slice, file, start_at);
            let left = final_at.saturating_duration_since(Instant::now());
            let until = Instant::now() + (left / 2).max(SHORTEST_ACK);
            self.handle_events_until(until, |workers| workers.unacknowledged().is_empty())
                .await;
            for number in self.unacknowledged() {
                self.exclude(number);
            }
            // A worker that was lost since the starts were sent holds a share too.
            let present = self.connected().count() as u64 + 1;
            let time_left = final_at.saturating_duration_since(Instant::now());
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
                    start_at_us: file.start_at_us,
                    clock_offset_us: 0,
                    clock_error_us: 0,
                    boot: file.boot,
                    lead_us: None,
                };
            }
        }
    }

    /// Sends each connected worker its start; returns how many there are.
    fn send_starts(&mut self, slice: Slice, file: StartFile, start_at: Instant) -> u64 {
        let now = Instant::now();
        let us = |ahead: Duration| i64::try_from(ahead.as_micros()).unwrap_or(i64::MAX);
        let lead_us = match start_at.checked_duration_since(now) {
            Some(ahead) => us(ahead),
            None => -us(now - start_at),
        };
        let of = self.connected().count() as u64 + 1;
        let mut index = 0;
        for link in &mut self.links {
            let Some((connection, clock)) = link.connection.as_ref().zip(link.clock) else {
                continue;
            };
            link.acknowledged = false;
            // Refused only if the connection has ended, which its event reports.
            let _ = connection.send(ToWorker::Start(Start {
                share: Share { index, of },
                slice,
                start_at_us: clock.on_peers_clock(file.start_at_us),
                clock_offset_us: clock.offset_us,
                clock_error_us: clock.error_us,
                boot: file.boot,
                lead_us: Some(lead_us),
            }));
            index += 1;
        }
        index
    }

    /// Ends the connection to a worker that did not acknowledge its start.
    fn exclude(&mut self, number: usize) {
        let link = &mut self.links[number];
        let runner = link.runner.clone();
        if let Some(connection) = link.connection.take() {
            // The worker may have accepted the start, with its answer late: it
            // must not make load that is dealt to others now.
            let _ = connection.send(ToWorker::Stop {
                ended: Ended::Stopped {
                    reason: "did not acknowledge the start in time".to_owned(),
                },
            });
        }
        self.warn(format!(
            "runner {runner} did not acknowledge the start and takes no part"
        ));
    }

    fn connected(&self) -> impl Iterator<Item = &WorkerLink> {
        self.links.iter().filter(|link| link.connection.is_some())
    }

    /// Connected workers that have not acknowledged their start.
    fn unacknowledged(&self) -> Vec<usize> {
        let waits = |link: &WorkerLink| link.connection.is_some() && !link.acknowledged;
        (0..self.links.len())
            .filter(|&number| waits(&self.links[number]))
            .collect()
    }

    /// Handles events until an instant, or until `done`.
    async fn handle_events_until(&mut self, until: Instant, done: impl Fn(&Self) -> bool) {
        while !done(self) {
            match tokio::time::timeout_at(until, self.events.recv()).await {
                Ok(Some(event)) => self.handle_event(event),
                // No sender is left: no worker was ever reached.
                Ok(None) => return tokio::time::sleep_until(until).await,
                Err(_) => return,
            }
        }
    }

    fn handle_event(&mut self, event: WorkerEvent) {
        let link = &mut self.links[event.peer];
        match event.kind {
            PeerEventKind::Frame { frame, at_us } => match frame {
                ToLeader::Probed {
                    t1_us,
                    t2_us,
                    t3_us,
                } => {
                    let measured = ClockOffset::of(t1_us, t2_us, t3_us, at_us);
                    link.clock = ClockOffset::best(link.clock, measured);
                }
                ToLeader::Ack {} => link.acknowledged = true,
                ToLeader::Hello { .. } | ToLeader::Tick(_) | ToLeader::Finished {} => {}
            },
            PeerEventKind::Lost { why, .. } => {
                // An excluded worker has its warning already.
                if link.connection.take().is_some() {
                    let runner = link.runner.clone();
                    self.warn(format!("runner {runner} was lost before the start: {why}"));
                }
            }
        }
    }

    fn warn(&mut self, text: String) {
        log(&text);
        self.warnings.push(text);
    }
}

impl WorkerLink {
    fn unconnected(worker: &WorkerAddress) -> Self {
        Self {
            runner: worker.runner.clone(),
            connection: None,
            clock: None,
            acknowledged: false,
        }
    }
}

fn object_error(key: &str, what: String) -> RendezvousError {
    RendezvousError::Object {
        key: key.to_owned(),
        what,
    }
}

/// Reads the list of a region's workers.
pub async fn read_workers(
    depot: &Depot,
    key: &str,
    deadline: StartDeadline,
) -> Result<WorkersFile, RendezvousError> {
    let object = |what| object_error(key, what);
    let bytes = loop {
        // It is written before the leader is launched, but a store may show it
        // later.
        if let Some(bytes) = depot.fetch_by(key, deadline.at - POLL).await? {
            break bytes;
        }
        if Instant::now() + POLL > deadline.at {
            return Err(deadline.missed("the list of workers"));
        }
        tokio::time::sleep(POLL).await;
    };
    let file: WorkersFile = serde_json::from_slice(&bytes)
        .map_err(|error| object(format!("is not understood: {error}")))?;
    let Slice { first, count, of } = file.slice;
    if count == 0 || first.checked_add(count).is_none_or(|end| end > of) {
        return Err(object(format!(
            "holds a slice that is none: {first}..+{count} of {of}"
        )));
    }
    Ok(file)
}

/// Connects to a worker, answers its challenge, and probes its clock. The
/// caller sets the deadline.
async fn connect(
    worker: &WorkerAddress,
    secret: &[u8],
) -> Result<(Halves, ClockOffset), FrameError> {
    let mut attempts = 0;
    let stream = loop {
        attempts += 1;
        match TcpStream::connect(&worker.address).await {
            Ok(stream) => break stream,
            // The worker said that it listens: either it has ended, or its port
            // is not open to this machine yet.
            Err(_) if attempts < MOST_ATTEMPTS => tokio::time::sleep(RETRY_PAUSE).await,
            Err(error) => return Err(error.into()),
        }
    };
    stream.set_nodelay(true)?;
    let (reader, mut writer) = stream.into_split();
    let mut reader = FrameReader::new(reader);
    let other = |text: String| FrameError::Io(std::io::Error::other(text));
    let challenge = match reader.read_within(HANDSHAKE_LIMIT).await? {
        ToLeader::Hello { challenge, runner } if runner == worker.runner => challenge,
        ToLeader::Hello { runner, .. } => {
            return Err(other(format!("runner {runner} answers at its address")));
        }
        _ => return Err(other("did not begin with a hello".to_owned())),
    };
    let hmac = sign_challenge(secret, &challenge);
    frames::write(&mut writer, &ToWorker::Auth { hmac }, HANDSHAKE_LIMIT).await?;
    let mut best: Option<ClockOffset> = None;
    for _ in 0..PROBES {
        frames::write(&mut writer, &probe(), HANDSHAKE_LIMIT).await?;
        match reader.read_within(HANDSHAKE_LIMIT).await? {
            ToLeader::Probed {
                t1_us,
                t2_us,
                t3_us,
            } => {
                let measured = ClockOffset::of(t1_us, t2_us, t3_us, clock::now_us());
                best = ClockOffset::best(best, measured);
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
