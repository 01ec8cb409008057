//! While load is made: turns threads' seconds into ticks and brings them where
//! they belong (leader, stdout), hears the others, and ends the load when told
//! to or when the target is silent. It neither makes load nor writes reports.

use crate::beat::{Folded, Gather, Silence};
use crate::engine::ThreadSecond;
use crate::frames::FrameError;
use crate::peer::{Peer, What};
use crate::region::Region;
use crate::rendezvous::leader::{FromWorker, Team};
use crate::rendezvous::worker::FromLeader;
use crate::say::{Lines, talk};
use dlt_core::ids::RunnerId;
use dlt_core::messages::order::{Order, ToLeader, ToWorker};
use dlt_core::messages::report::Ended;
use dlt_core::messages::runner_line::{RunnerLine, RunnerRow, RunnerState, Tick};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// How long after its end a runner waits for a thread's second, µs.
const THREAD_PATIENCE_US: u64 = 400_000;

/// A runner that is told to stop is gone by then, its report stored.
const LONGEST_STOP: Duration = Duration::from_secs(18);

/// Told to stop: why. None as long as nobody said so.
pub type StopSignal = watch::Receiver<Option<String>>;

/// With whom a runner makes load.
#[derive(Debug)]
pub enum Company {
    /// Nobody: its leader is lost.
    Alone,
    /// A leader.
    Led {
        /// The connection to it.
        leader: Peer<ToLeader>,
        /// What is heard of it.
        events: mpsc::UnboundedReceiver<FromLeader>,
    },
    /// Workers, maybe none.
    Leads(Team),
}

/// The load did not end when it had to.
#[derive(Debug, thiserror::Error)]
#[error(
    "the load was told to stop after its planned end and did not; no report is stored. This is a bug in dlt, please report it"
)]
pub struct Overdue;

/// Until when a load must have ended; both lie after planned end and graceful stop.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Then a load that did not end by itself is told to.
    pub overrun: Instant,
    /// Then it is given up.
    pub overdue: Instant,
}

/// Something heard of the others.
enum News {
    FromLeader(FromLeader),
    FromWorker(FromWorker),
}

/// A runner during its load.
#[derive(Debug)]
pub struct Conduct {
    order: Order,
    runner: RunnerId,
    target: String,
    start: Instant,
    lines: Lines,
    company: Company,
    own: Gather,
    /// Answers that each thread has read so far.
    answers: Vec<u64>,
    /// The own ticks made.
    seq: u64,
    silence: Silence,
    region: Region,
    /// The own seconds, for the timeline.
    pub folded: Folded,
    /// Why the load ended, if not as planned.
    pub ended: Option<Ended>,
    /// Sentences about the own load, for the report.
    warnings: Vec<String>,
    /// When it was told to end; the others are not waited for much longer.
    told: Option<Instant>,
}

impl Conduct {
    /// Ready to take the seconds of `threads` threads. `target` names the
    /// target for people; load begins at `start`.
    pub fn new(
        order: &Order,
        runner: &RunnerId,
        target: String,
        start: Instant,
        threads: usize,
        lines: Lines,
        company: Company,
    ) -> Self {
        let mut region = Region::empty();
        if let Company::Leads(team) = &company {
            region = Region::of(team, runner, start);
        }
        Self {
            order: order.clone(),
            runner: runner.clone(),
            target,
            start,
            lines,
            company,
            own: Gather::new(threads, THREAD_PATIENCE_US),
            answers: vec![0; threads],
            seq: 0,
            silence: Silence::default(),
            region,
            folded: Folded::default(),
            ended: None,
            warnings: Vec::new(),
            told: None,
        }
    }

    /// Goes on until the threads have delivered all their seconds. `stop` is
    /// called once, if the load has to end before its plan or overruns it.
    pub async fn load(
        &mut self,
        seconds: &mut mpsc::UnboundedReceiver<ThreadSecond>,
        signal: &mut StopSignal,
        stop: &(dyn Fn() + Sync),
        limits: Limits,
    ) -> Result<(), Overdue> {
        let mut stopped = false;
        loop {
            let now = Instant::now();
            if now >= limits.overdue {
                return Err(Overdue);
            }
            if now >= limits.overrun && !stopped {
                stopped = true;
                self.overran();
                stop();
            }
            let limit = if stopped {
                limits.overdue
            } else {
                limits.overrun
            };
            let wake = self.wake().min(limit);
            tokio::select! {
                second = seconds.recv() => match second {
                    Some(second) => self.thread_second(second),
                    None => break,
                },
                news = self.company.news() => self.hear(news),
                reason = signalled(signal), if self.ended.is_none() => self.end(Ended::Stopped { reason }),
                () = tokio::time::sleep_until(wake) => {}
            }
            let ticks = self.own.due(self.now_us());
            self.beat(ticks);
            if self.ended.is_some() && !stopped {
                stopped = true;
                stop();
            }
        }
        let rest = self.own.flush();
        self.beat(rest);
        self.region.leader_finished();
        self.print_region(false);
        Ok(())
    }

    /// After the own report is stored: a worker says so, a leader goes on until
    /// all its workers have finished or are lost. Every tick is out afterwards.
    pub async fn wind_down(&mut self, signal: &mut StopSignal, until: Instant) {
        while self.region.waits() {
            let until = self
                .told
                .map_or(until, |told| until.min(told + LONGEST_STOP));
            let wake = self.wake().min(until);
            tokio::select! {
                news = self.company.news() => self.hear(news),
                reason = signalled(signal), if self.ended.is_none() => self.end(Ended::Stopped { reason }),
                () = tokio::time::sleep_until(wake) => {
                    if Instant::now() >= until {
                        break;
                    }
                }
            }
            self.print_region(false);
        }
        self.print_region(true);
        if matches!(self.company, Company::Led { .. })
            && let Company::Led { leader, mut events } =
                std::mem::replace(&mut self.company, Company::Alone)
        {
            // A refusal means that nobody is left to be told.
            let _ = leader.send(ToLeader::Finished {});
            let who = leader.who;
            leader.close().await;
            self.last_of_leader(who, &mut events);
        }
    }

    /// Sentences about the others and the own load, for the report.
    pub fn warnings(&mut self) -> Vec<String> {
        let mut warnings = std::mem::take(&mut self.warnings);
        if let Company::Leads(team) = &mut self.company {
            warnings.append(&mut team.warnings);
        }
        warnings
    }

    /// The lines, given back after the end.
    pub fn into_lines(self) -> Lines {
        self.lines
    }

    fn now_us(&self) -> u64 {
        let since = Instant::now().saturating_duration_since(self.start);
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }

    /// When something has to be let go, at the latest in a second.
    fn wake(&self) -> Instant {
        let at = |us| self.start + Duration::from_micros(us);
        [self.own.next_due_us(), self.region.next_due_us()]
            .into_iter()
            .flatten()
            .map(at)
            .fold(Instant::now() + Duration::from_secs(1), Instant::min)
    }

    fn thread_second(&mut self, from: ThreadSecond) {
        let row = RunnerRow(
            self.runner.clone(),
            RunnerState::Loading,
            0,
            from.lag_p99_us,
        );
        let mut tick = Tick::of(
            &from.second,
            self.order.test.clone(),
            self.order.run.clone(),
            self.order.region.clone(),
            0,
            row,
        );
        if let Some(before) = self.answers.get_mut(from.thread) {
            tick.answers = from.answers.saturating_sub(*before);
            *before = from.answers.max(*before);
        }
        let now_us = self.now_us();
        self.own.add(from.thread, tick, now_us);
    }

    /// Brings the own ticks where they belong.
    fn beat(&mut self, ticks: Vec<Tick>) {
        for mut tick in ticks {
            let delay = tick.runners.iter().map(|row| row.3).max().unwrap_or(0);
            tick.seq = self.seq;
            tick.runners = vec![RunnerRow(
                self.runner.clone(),
                RunnerState::Loading,
                self.seq,
                delay,
            )];
            self.seq += 1;
            self.folded.add(&tick);
            let silent = self.silence.observe(&tick, &self.target);
            match &self.company {
                Company::Alone => self.alone(tick, silent),
                Company::Led { leader, .. } => {
                    if let Err(ToLeader::Tick(tick)) = leader.send(ToLeader::Tick(Box::new(tick))) {
                        self.leaderless();
                        self.alone(*tick, silent);
                    }
                }
                Company::Leads(team) => {
                    let me = team.members.len();
                    let now_us = self.now_us();
                    self.region.take(me, tick, now_us);
                }
            }
        }
        self.print_region(false);
    }

    /// The load goes on past its planned end: what it measured counts all the same.
    fn overran(&mut self) {
        let text = "the load overran its planned end and graceful stop and was told to stop; what it measured until then is in this report".to_owned();
        talk(&text);
        self.warnings.push(text);
    }

    /// The leader takes no tick any more: this runner goes on alone.
    fn leaderless(&mut self) {
        if let Company::Led { leader, mut events } =
            std::mem::replace(&mut self.company, Company::Alone)
        {
            self.last_of_leader(leader.who, &mut events);
        }
    }

    /// Hears what is still to be heard of a leader that is gone: above all
    /// which ticks it did not get.
    fn last_of_leader(&mut self, who: usize, events: &mut mpsc::UnboundedReceiver<FromLeader>) {
        while let Ok(heard) = events.try_recv() {
            if heard.who == who {
                self.hear_leader(heard.what);
            }
        }
    }

    /// A tick of a runner without leader.
    fn alone(&mut self, tick: Tick, silent: Option<Ended>) {
        self.print(tick);
        if let Some(ended) = silent {
            self.end(ended);
        }
    }

    fn print(&mut self, tick: Tick) {
        self.lines.say(&match self.order.live {
            true => RunnerLine::LiveTick(tick),
            false => RunnerLine::Tick(tick),
        });
    }

    /// Prints what the region has ready, or all it has.
    fn print_region(&mut self, all: bool) {
        let now_us = if all { u64::MAX } else { self.now_us() };
        for tick in self.region.due(now_us) {
            let silent = self.region.observe(&tick, &self.target);
            self.print(tick);
            if let Some(ended) = silent {
                self.end(ended);
            }
        }
    }

    /// The load has to end; the first reason counts. A leader tells its workers.
    fn end(&mut self, ended: Ended) {
        if self.ended.is_some() {
            return;
        }
        talk(&match &ended {
            Ended::AsPlanned => "ending as planned".to_owned(),
            Ended::Stopped { reason } => format!("stopping: {reason}"),
            Ended::TargetSilent { message, .. } => format!("stopping: {message}"),
        });
        if let Company::Leads(team) = &self.company {
            for peer in team.members.iter().filter_map(|m| m.peer.as_ref()) {
                // A refusal means that the connection is gone; its event tells.
                let _ = peer.send(ToWorker::Stop {
                    ended: ended.clone(),
                });
            }
        }
        self.ended = Some(ended);
        self.told = Some(Instant::now());
    }

    fn hear(&mut self, news: News) {
        match news {
            News::FromLeader(heard) => match &self.company {
                Company::Led { leader, .. } if leader.who == heard.who => {
                    self.hear_leader(heard.what);
                }
                // One that was replaced.
                _ => {}
            },
            News::FromWorker(heard) => self.hear_worker(heard),
        }
    }

    fn hear_leader(&mut self, what: What<ToWorker, ToLeader>) {
        match what {
            What::Frame {
                frame: ToWorker::Stop { ended },
                ..
            } => self.end(ended),
            What::Frame { .. } => {}
            What::Lost { why, unsent } => {
                talk(&format!("the leader is lost: {why}; going on alone"));
                self.company = Company::Alone;
                for frame in unsent {
                    if let ToLeader::Tick(tick) = frame {
                        self.print(*tick);
                    }
                }
            }
        }
    }

    fn hear_worker(&mut self, heard: FromWorker) {
        let now_us = self.now_us();
        match heard.what {
            What::Frame { frame, .. } => match frame {
                ToLeader::Tick(tick) => self.region.take(heard.who, *tick, now_us),
                ToLeader::Finished {} => {
                    self.region.finished(heard.who);
                    self.part_from(heard.who);
                }
                _ => self.region.heard(heard.who),
            },
            What::Lost { why, .. } => self.lost(heard.who, &why),
        }
    }

    fn lost(&mut self, number: usize, why: &FrameError) {
        if self.part_from(number) {
            self.region.lost(number);
            if let Company::Leads(team) = &mut self.company {
                let text = format!(
                    "runner {} was lost during the load: {why}",
                    team.members[number].runner
                );
                talk(&text);
                team.warnings.push(text);
            }
        }
    }

    /// Lets go of a worker's connection; whether there was one.
    fn part_from(&mut self, number: usize) -> bool {
        match &mut self.company {
            Company::Leads(team) => team.members[number].peer.take().is_some(),
            _ => false,
        }
    }
}

impl Company {
    /// What is heard next; pending for ever if nobody is there to be heard.
    async fn news(&mut self) -> News {
        let news = match self {
            Self::Alone => None,
            Self::Led { events, .. } => events.recv().await.map(News::FromLeader),
            Self::Leads(team) => team.events.recv().await.map(News::FromWorker),
        };
        match news {
            Some(news) => news,
            None => std::future::pending().await,
        }
    }
}

/// Waits until somebody says stop; why.
pub async fn signalled(signal: &mut StopSignal) -> String {
    match signal.wait_for(Option::is_some).await {
        Ok(reason) => reason.clone().unwrap_or_default(),
        // Nobody is left who could say so.
        Err(_) => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
