//! What a runner does beside its load: bring ticks where they belong, talk to
//! its peers, end the load when it has to. It makes no load and writes no
//! report.
//!
//! Before the start `rendezvous` makes the `connection`s, whose `frames` the
//! coordinator handles from then on (`peers`). It turns threads' seconds into
//! `ticks` and adds them to its own `timeline`; a leader merges those of its
//! `region` and stores the `region_timeline`. `stop` is a request from outside,
//! `silent_target` a reason from inside, `watchdog` ends a process that hangs.

pub(crate) mod changes;
pub mod connection;
pub mod deadlines;
pub mod frames;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
pub mod peers;
pub mod region;
pub mod region_timeline;
pub mod rendezvous;
pub mod silent_target;
pub mod stop;
pub mod ticks;
pub mod timeline;
mod told;
pub mod watchdog;

use crate::depot::Depot;
use crate::engine::ThreadSecond;
use crate::output::{LineWriter, log};
use changes::ChangesWatch;
use connection::PeerEventKind;
use deadlines::{LoadDeadlines, standstill};
use dlt_core::ids::RunnerId;
use dlt_core::keys;
use dlt_core::load::changes::LoadChange;
use dlt_core::messages::order::{Order, ToLeader, ToWorker};
use dlt_core::messages::report::Ended;
use dlt_core::messages::runner_line::{RunnerLine, RunnerRow, RunnerState, Tick};
use frames::FrameError;
use peers::{Peers, PeersEvent};
use region::RegionTicks;
use region_timeline::RegionTimeline;
use rendezvous::leader::WorkerEvent;
use rendezvous::worker::LeaderEvent;
use silent_target::SilentTargetDetector;
use std::time::Duration;
use stop::{StopSignal, stop_requested};
use ticks::TickMerger;
use timeline::TimelineFolder;
use tokio::sync::mpsc;
use tokio::time::Instant;
pub use told::LoadActions;
use told::next_changes;

/// How long after its end a runner waits for a thread's second, µs.
const THREAD_WAIT_US: u64 = 400_000;
/// After a stop the load threads end within 15 s (`engine`); one that does not by then
/// is left behind.
const LONGEST_LOAD_STOP: Duration = Duration::from_secs(17);
/// After a stop a leader waits for its workers no longer than this: decision 6
/// wants a stopped runner gone within 20 s, its report stored.
const LONGEST_STOP: Duration = Duration::from_secs(18);
/// How long the end of a run waits until the region's last timeline is stored.
const LAST_STORE: Duration = Duration::from_secs(2);

/// What a coordinator begins with.
#[derive(Debug)]
pub struct CoordinatorSpec<'a> {
    /// The runner's order.
    pub order: &'a Order,
    /// The runner itself.
    pub runner: &'a RunnerId,
    /// The target, as a sentence names it.
    pub target: String,
    /// How long it may be out of reach, µs; None: for ever.
    pub give_up_after_us: Option<u64>,
    /// The start instant.
    pub start: Instant,
    /// The same, µs since the Unix epoch.
    pub start_at_us: u64,
    /// Load-making threads.
    pub threads: usize,
    /// Where lines go.
    pub lines: LineWriter,
    /// The other runners.
    pub peers: Peers,
    /// Where a leader stores its region's timeline.
    pub depot: &'a Depot,
}

/// Coordinates a runner under load.
#[derive(Debug)]
pub struct Coordinator {
    order: Order,
    runner: RunnerId,
    target: String,
    start: Instant,
    lines: LineWriter,
    peers: Peers,
    own_ticks: TickMerger,
    /// Answers that each thread has read so far.
    answers: Vec<u64>,
    /// The number of the next own tick.
    seq: u64,
    silent_target: SilentTargetDetector,
    region: RegionTicks,
    region_timeline: Option<RegionTimeline>,
    /// Where a leader hears of changes of the load.
    changes_watch: Option<ChangesWatch>,
    /// Changes of the load so far; they are not yet passed on if `is_changed`.
    changes: Vec<LoadChange>,
    is_changed: bool,
    /// The runner's own timeline.
    pub timeline: TimelineFolder,
    /// Why the load ended, if not as planned.
    pub end_reason: Option<Ended>,
    /// When a stop was requested, from outside or because the target is silent.
    stop_requested_at: Option<Instant>,
    /// Sentences about the own load, for the report.
    warnings: Vec<String>,
    /// For how long this process stood still under load: stopped, or on a machine that
    /// slept. No deadline of the load counts it.
    pub stood_still: Duration,
}

impl Coordinator {
    /// Ready to take the seconds of the load threads.
    pub fn new(spec: CoordinatorSpec<'_>) -> Self {
        let mut region = RegionTicks::empty();
        let mut region_timeline = None;
        let mut changes_watch = None;
        if let Peers::Workers(workers) = &spec.peers {
            let links = workers.links.iter();
            let links = links.map(|link| (&link.runner, link.connection.is_some()));
            region = RegionTicks::new(links, spec.runner, spec.start);
            region.give_up_after(spec.give_up_after_us);
            let depot = spec.depot.clone();
            region_timeline = Some(RegionTimeline::new(depot, spec.order, spec.start_at_us));
            let key = keys::changes(&spec.order.test, &spec.order.prefix);
            changes_watch = Some(ChangesWatch::new(spec.depot.clone(), key));
        }
        Self {
            order: spec.order.clone(),
            runner: spec.runner.clone(),
            target: spec.target,
            start: spec.start,
            lines: spec.lines,
            peers: spec.peers,
            own_ticks: TickMerger::new(spec.threads, THREAD_WAIT_US),
            answers: vec![0; spec.threads],
            seq: 0,
            silent_target: SilentTargetDetector::new(spec.give_up_after_us),
            region,
            region_timeline,
            changes_watch,
            changes: Vec::new(),
            is_changed: false,
            timeline: TimelineFolder::default(),
            end_reason: None,
            stop_requested_at: None,
            warnings: Vec::new(),
            stood_still: Duration::ZERO,
        }
    }

    /// Runs until the threads have delivered all their seconds, or will not any more.
    pub async fn load(
        &mut self,
        seconds: &mut mpsc::UnboundedReceiver<ThreadSecond>,
        stop: &mut StopSignal,
        act: &LoadActions<'_>,
        deadlines: LoadDeadlines,
    ) {
        let mut load_stopped = false;
        let mut looked_at = Instant::now();
        loop {
            let now = Instant::now();
            let still = standstill(now - looked_at);
            looked_at = now;
            self.stand_still(still);
            let stop_at = deadlines.stop_at + self.stood_still;
            let give_up_at = self.give_up_at(deadlines);
            if now >= give_up_at {
                break;
            }
            if now >= stop_at && !load_stopped {
                load_stopped = true;
                self.record_overrun();
                (act.stop)();
            }
            let deadline = if load_stopped {
                give_up_at
            } else {
                stop_at.min(give_up_at)
            };
            let wake = self.next_wake().min(deadline);
            tokio::select! {
                second = seconds.recv() => match second {
                    Some(second) => self.add_thread_second(second),
                    None => break,
                },
                event = self.peers.next_event() => self.handle_event(event),
                changes = next_changes(&mut self.changes_watch) => self.pass_on(changes),
                reason = stop_requested(stop), if self.end_reason.is_none() => {
                    self.end_load(Ended::Stopped { reason });
                }
                () = tokio::time::sleep_until(wake) => {}
            }
            if std::mem::take(&mut self.is_changed) {
                (act.change)(&self.changes);
            }
            let ticks = self.own_ticks.take_due(self.now_us());
            self.send_own_ticks(ticks);
            if self.end_reason.is_some() && !load_stopped {
                load_stopped = true;
                (act.stop)();
            }
        }
        let rest = self.own_ticks.take_all();
        self.send_own_ticks(rest);
        self.region.record_finished(self.region.leader());
        self.write_region_ticks(self.now_us());
    }

    /// No deadline counts time for which this process stood still.
    fn stand_still(&mut self, still: Duration) {
        self.stood_still += still;
        if let Some(at) = &mut self.stop_requested_at {
            *at += still;
        }
    }

    /// Until when threads are waited for: as long after a stop as they may take, at
    /// most to the end that no load may overrun.
    pub fn give_up_at(&self, deadlines: LoadDeadlines) -> Instant {
        let after_stop = self.stop_requested_at.map(|at| at + LONGEST_LOAD_STOP);
        let give_up_at = deadlines.give_up_at + self.stood_still;
        after_stop.map_or(give_up_at, |at| at.min(give_up_at))
    }

    /// Called once the own report is stored. A worker says so to its leader; a
    /// leader goes on until all its workers have finished or are lost. Every
    /// tick is written afterwards.
    pub async fn wind_down(&mut self, stop: &mut StopSignal, until: Instant) {
        while self.region.is_loading() {
            let until = self.waits_until(until);
            let wake = self.next_wake().min(until);
            tokio::select! {
                event = self.peers.next_event() => self.handle_event(event),
                // Its workers may go on longer than it.
                changes = next_changes(&mut self.changes_watch) => self.pass_on(changes),
                reason = stop_requested(stop), if self.end_reason.is_none() => {
                    self.end_load(Ended::Stopped { reason });
                }
                () = tokio::time::sleep_until(wake) => {
                    if Instant::now() >= until {
                        break;
                    }
                }
            }
            self.write_region_ticks(self.now_us());
        }
        self.write_region_ticks(u64::MAX);
        if let Some(timeline) = &mut self.region_timeline {
            timeline.store_last(Instant::now() + LAST_STORE).await;
        }
        if matches!(self.peers, Peers::Leader { .. })
            && let Peers::Leader {
                connection,
                mut events,
            } = std::mem::replace(&mut self.peers, Peers::None)
        {
            // Refused only if the leader is gone.
            let _ = connection.send(ToLeader::Finished {});
            let id = connection.id;
            connection.close().await;
            self.handle_last_events(id, &mut events);
        }
    }

    /// Takes the sentences about the peers and the own load, for the report.
    pub fn take_warnings(&mut self) -> Vec<String> {
        let mut warnings = std::mem::take(&mut self.warnings);
        if let Peers::Workers(workers) = &mut self.peers {
            warnings.append(&mut workers.warnings);
        }
        let timeline = self.region_timeline.as_ref();
        warnings.extend(timeline.and_then(RegionTimeline::failure).cloned());
        warnings
    }

    /// Returns the stream of lines after the end.
    pub fn into_lines(self) -> LineWriter {
        self.lines
    }

    fn now_us(&self) -> u64 {
        let since = Instant::now().saturating_duration_since(self.start);
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }

    /// When a tick or a line is due, at the latest in a second.
    fn next_wake(&self) -> Instant {
        let at = |us| self.start + Duration::from_micros(us);
        [self.own_ticks.next_due_us(), self.region.next_due_us()]
            .into_iter()
            .flatten()
            .map(at)
            .fold(Instant::now() + Duration::from_secs(1), Instant::min)
    }

    fn add_thread_second(&mut self, from: ThreadSecond) {
        let row = self.own_row(0, from.lag_p99_us);
        let order = &self.order;
        let (test, run, region) = (order.test.clone(), order.run.clone(), order.region.clone());
        let mut tick = Tick::of(&from.second, test, run, region, 0, row);
        if let Some(before) = self.answers.get_mut(from.thread) {
            tick.answers = from.answers.saturating_sub(*before);
            *before = from.answers.max(*before);
        }
        tick.silence = from.silence;
        let now_us = self.now_us();
        self.own_ticks.add(from.thread, tick, now_us);
    }

    fn own_row(&self, seq: u64, lag_p99_us: u64) -> RunnerRow {
        RunnerRow(self.runner.clone(), RunnerState::Loading, seq, lag_p99_us)
    }

    /// Sends the own ticks to the leader, to the own region's lines, or, without
    /// a leader, to stdout.
    fn send_own_ticks(&mut self, ticks: Vec<Tick>) {
        for mut tick in ticks {
            // Each thread has brought a row.
            let lag_p99_us = tick.runners.iter().map(|row| row.3).max().unwrap_or(0);
            tick.seq = self.seq;
            tick.runners = vec![self.own_row(self.seq, lag_p99_us)];
            self.seq += 1;
            self.timeline.add(&tick);
            let silent = self.silent_target.observe(&tick, &self.target);
            match &self.peers {
                Peers::None => self.write_own_tick(tick, silent),
                Peers::Leader { connection, .. } => {
                    let frame = ToLeader::Tick(Box::new(tick));
                    if let Err(ToLeader::Tick(tick)) = connection.send(frame) {
                        self.drop_leader();
                        self.write_own_tick(*tick, silent);
                    }
                }
                Peers::Workers(_) => {
                    let (leader, now_us) = (self.region.leader(), self.now_us());
                    self.region.add(leader, tick, now_us);
                }
            }
        }
        self.write_region_ticks(self.now_us());
    }

    /// A load that goes on past its planned end is stopped; its numbers count.
    fn record_overrun(&mut self) {
        let text = "the load overran its planned end and graceful stop and was told to stop; what it measured until then is in this report".to_owned();
        log(&text);
        self.warnings.push(text);
    }

    /// The leader takes no tick any more: this runner goes on alone.
    fn drop_leader(&mut self) {
        if let Peers::Leader {
            connection,
            mut events,
        } = std::mem::replace(&mut self.peers, Peers::None)
        {
            self.handle_last_events(connection.id, &mut events);
        }
    }

    /// Handles the last events of a leader whose connection has ended: above all
    /// the ticks that it did not get.
    fn handle_last_events(&mut self, id: usize, events: &mut mpsc::UnboundedReceiver<LeaderEvent>) {
        while let Ok(event) = events.try_recv() {
            if event.peer == id {
                self.handle_leader_event(event.kind);
            }
        }
    }

    /// Writes a tick of a runner without a leader.
    fn write_own_tick(&mut self, tick: Tick, silent: Option<Ended>) {
        self.write_tick(tick);
        if let Some(ended) = silent {
            self.end_load(ended);
        }
    }

    fn write_tick(&mut self, tick: Tick) {
        self.lines.write(&if self.order.live {
            RunnerLine::LiveTick(tick)
        } else {
            RunnerLine::Tick(tick)
        });
    }

    /// Writes the region's lines that are due at `until_us`, and begins to store
    /// its timeline if it is time to.
    fn write_region_ticks(&mut self, until_us: u64) {
        for tick in self.region.take_due(until_us) {
            let silent = self.region.observe(&tick, &self.target);
            if let Some(timeline) = &mut self.region_timeline {
                timeline.add(&tick);
            }
            self.write_tick(tick);
            if let Some(ended) = silent {
                self.end_load(ended);
            }
        }
        let now_us = self.now_us();
        if let Some(timeline) = &mut self.region_timeline {
            timeline.store_if_due(now_us);
        }
    }

    fn handle_event(&mut self, event: PeersEvent) {
        match event {
            PeersEvent::Leader(event) => match &self.peers {
                Peers::Leader { connection, .. } if connection.id == event.peer => {
                    self.handle_leader_event(event.kind);
                }
                // Of a leader that was replaced before the start.
                _ => {}
            },
            PeersEvent::Worker(event) => self.handle_worker_event(event),
        }
    }

    fn handle_leader_event(&mut self, event: PeerEventKind<ToWorker, ToLeader>) {
        match event {
            PeerEventKind::Frame {
                frame: ToWorker::Stop { ended },
                ..
            } => self.end_load(ended),
            PeerEventKind::Frame {
                frame: ToWorker::Change { changes },
                ..
            } => self.pass_on(changes),
            PeerEventKind::Frame { .. } => {}
            PeerEventKind::Lost { why, unsent } => {
                log(&format!("the leader is lost: {why}; going on alone"));
                self.peers = Peers::None;
                for frame in unsent {
                    if let ToLeader::Tick(tick) = frame {
                        self.write_tick(*tick);
                    }
                }
            }
        }
    }

    fn handle_worker_event(&mut self, event: WorkerEvent) {
        let now_us = self.now_us();
        let worker = event.peer;
        match event.kind {
            PeerEventKind::Frame { frame, .. } => match frame {
                ToLeader::Tick(tick) => self.region.add(worker, *tick, now_us),
                ToLeader::Finished {} => {
                    self.region.record_finished(worker);
                    self.disconnect(worker);
                }
                _ => self.region.record_event(worker),
            },
            PeerEventKind::Lost { why, .. } => self.record_lost_worker(worker, &why),
        }
    }

    fn record_lost_worker(&mut self, number: usize, why: &FrameError) {
        if !self.disconnect(number) {
            return;
        }
        self.region.record_lost(number);
        if let Peers::Workers(workers) = &mut self.peers {
            let runner = &workers.links[number].runner;
            let text = format!("runner {runner} was lost during the load: {why}");
            log(&text);
            workers.warnings.push(text);
        }
    }

    /// Drops a worker's connection; whether there was one.
    fn disconnect(&mut self, number: usize) -> bool {
        match &mut self.peers {
            Peers::Workers(workers) => workers.links[number].connection.take().is_some(),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
