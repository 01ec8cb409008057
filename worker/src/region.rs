//! A region, as its leader's lines tell of it: the runners' ticks added, a row
//! for each runner, the number of the line. Who brings the ticks and prints
//! the lines is `conduct`.

use crate::beat::{Gather, Silence};
use crate::rendezvous::leader::Team;
use dlt_core::ids::RunnerId;
use dlt_core::messages::report::Ended;
use dlt_core::messages::runner_line::{RunnerRow, RunnerState, Tick};
use std::time::Duration;
use tokio::time::Instant;

/// How long after its end a leader waits for a runner's second, µs.
const RUNNER_PATIENCE_US: u64 = 1_000_000;
/// A runner not heard of for longer is lagging.
const LAGGING: Duration = Duration::from_secs(3);

/// A region, as its leader's lines tell of it.
#[derive(Debug)]
pub struct Region {
    gather: Gather,
    /// The workers in the team's order, then the leader.
    rows: Vec<Row>,
    seq: u64,
    silence: Silence,
}

#[derive(Debug)]
struct Row {
    row: RunnerRow,
    heard: Instant,
}

impl Region {
    /// Of a runner that leads nobody, not even itself.
    pub fn empty() -> Self {
        Self {
            gather: Gather::new(0, RUNNER_PATIENCE_US),
            rows: Vec::new(),
            seq: 0,
            silence: Silence::default(),
        }
    }

    /// A leader's: its team, then itself.
    pub fn of(team: &Team, leader: &RunnerId, start: Instant) -> Self {
        let row = |runner: &RunnerId, state| Row {
            row: RunnerRow(runner.clone(), state, 0, 0),
            heard: start,
        };
        let mut rows: Vec<Row> = team
            .members
            .iter()
            .map(|member| match member.peer {
                Some(_) => row(&member.runner, RunnerState::Loading),
                None => row(&member.runner, RunnerState::Lost),
            })
            .collect();
        rows.push(row(leader, RunnerState::Loading));
        let mut gather = Gather::new(rows.len(), RUNNER_PATIENCE_US);
        for (number, row) in rows.iter().enumerate() {
            if row.row.1 == RunnerState::Lost {
                gather.leave(number);
            }
        }
        Self {
            gather,
            rows,
            ..Self::empty()
        }
    }

    /// A runner's tick.
    pub fn take(&mut self, number: usize, mut tick: Tick, now_us: u64) {
        self.heard(number);
        if let Some(row) = self.rows.get_mut(number) {
            row.row.2 = tick.seq;
            row.row.3 = tick.runners.iter().map(|row| row.3).max().unwrap_or(0);
        }
        // The rows of the line are written when the line is.
        tick.runners.clear();
        self.gather.add(number, tick, now_us);
    }

    /// A sign of life.
    pub fn heard(&mut self, number: usize) {
        if let Some(row) = self.rows.get_mut(number) {
            row.heard = Instant::now();
        }
    }

    /// A worker has stored its report.
    pub fn finished(&mut self, number: usize) {
        self.becomes(number, RunnerState::Finished);
    }

    /// A worker's connection is gone.
    pub fn lost(&mut self, number: usize) {
        self.becomes(number, RunnerState::Lost);
    }

    /// The leader's own load is over.
    pub fn leader_finished(&mut self) {
        self.finished(self.rows.len().saturating_sub(1));
    }

    /// When something has to be let go, µs since the start instant.
    pub fn next_due_us(&self) -> Option<u64> {
        self.gather.next_due_us()
    }

    /// Watches a line for a target that is silent to the whole region.
    pub fn observe(&mut self, tick: &Tick, target: &str) -> Option<Ended> {
        self.silence.observe(tick, target)
    }

    fn becomes(&mut self, number: usize, state: RunnerState) {
        self.gather.leave(number);
        if let Some(row) = self.rows.get_mut(number) {
            row.row.1 = state;
        }
    }

    /// Whether any runner still makes load.
    pub fn waits(&self) -> bool {
        self.rows
            .iter()
            .any(|row| row.row.1 == RunnerState::Loading)
    }

    /// The lines that are due, numbered, with a row for each runner.
    pub fn due(&mut self, now_us: u64) -> Vec<Tick> {
        let mut ticks = self.gather.due(now_us);
        for tick in &mut ticks {
            tick.seq = self.seq;
            self.seq += 1;
            tick.runners = self.rows.iter().map(Row::shown).collect();
        }
        ticks
    }
}

impl Row {
    fn shown(&self) -> RunnerRow {
        let RunnerRow(runner, state, seq, lag) = self.row.clone();
        let lagging = state == RunnerState::Loading && self.heard.elapsed() > LAGGING;
        let state = if lagging { RunnerState::Lagging } else { state };
        RunnerRow(runner, state, seq, lag)
    }
}
