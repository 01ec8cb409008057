//! What a leader's lines say about its region: the runners' ticks merged, the
//! state of each runner, the number of the line. The coordinator brings the ticks
//! and writes the lines.

use super::silent_target::SilentTargetDetector;
use super::ticks::TickMerger;
use dlt_core::ids::RunnerId;
use dlt_core::messages::report::Ended;
use dlt_core::messages::runner_line::{MOST_RUNNER_ROWS, RunnerRow, RunnerState, Tick};
use std::time::Duration;
use tokio::time::Instant;

/// How long after its end a leader waits for a runner's second, µs.
const RUNNER_WAIT_US: u64 = 1_000_000;
/// A runner that sends nothing for longer is lagging.
const LAGGING: Duration = Duration::from_secs(3);

/// The ticks and runners of a region, as its leader has them.
#[derive(Debug)]
pub struct RegionTicks {
    merger: TickMerger,
    /// The workers by the number of their connection, then the leader.
    runners: Vec<RunnerStatus>,
    seq: u64,
    silent_target: SilentTargetDetector,
}

#[derive(Debug)]
struct RunnerStatus {
    row: RunnerRow,
    last_event: Instant,
}

impl RegionTicks {
    /// Those of a runner that leads no region, not even itself.
    pub fn empty() -> Self {
        Self {
            merger: TickMerger::new(0, RUNNER_WAIT_US),
            runners: Vec::new(),
            seq: 0,
            silent_target: SilentTargetDetector::new(None),
        }
    }

    /// Those of a leader: its workers, each with whether it is connected, then
    /// the leader itself.
    pub fn new<'a>(
        workers: impl Iterator<Item = (&'a RunnerId, bool)>,
        leader: &'a RunnerId,
        start: Instant,
    ) -> Self {
        let runners: Vec<RunnerStatus> = workers
            .chain([(leader, true)])
            .map(|(runner, connected)| {
                let state = if connected {
                    RunnerState::Loading
                } else {
                    RunnerState::Lost
                };
                RunnerStatus {
                    row: RunnerRow(runner.clone(), state, 0, 0),
                    last_event: start,
                }
            })
            .collect();
        let mut merger = TickMerger::new(runners.len(), RUNNER_WAIT_US);
        for (number, runner) in runners.iter().enumerate() {
            if runner.row.1 == RunnerState::Lost {
                merger.remove_source(number);
            }
        }
        Self {
            merger,
            runners,
            ..Self::empty()
        }
    }

    /// Says how long the target may be out of reach, µs.
    pub fn give_up_after(&mut self, us: Option<u64>) {
        self.silent_target = SilentTargetDetector::new(us);
    }

    /// The number of the leader: behind those of the workers.
    pub fn leader(&self) -> usize {
        self.runners.len().saturating_sub(1)
    }

    /// Adds a runner's tick.
    pub fn add(&mut self, number: usize, mut tick: Tick, now_us: u64) {
        self.record_event(number);
        if let Some(runner) = self.runners.get_mut(number) {
            runner.row.2 = tick.seq;
            runner.row.3 = tick.runners.iter().map(|row| row.3).max().unwrap_or(0);
        }
        // Rows are added when the line is made.
        tick.runners.clear();
        self.merger.add(number, tick, now_us);
    }

    /// Records that a runner has sent something.
    pub fn record_event(&mut self, number: usize) {
        if let Some(runner) = self.runners.get_mut(number) {
            runner.last_event = Instant::now();
        }
    }

    /// Records that a runner's load is over.
    pub fn record_finished(&mut self, number: usize) {
        self.set_final_state(number, RunnerState::Finished);
    }

    /// Records that a worker's connection has ended.
    pub fn record_lost(&mut self, number: usize) {
        self.set_final_state(number, RunnerState::Lost);
    }

    fn set_final_state(&mut self, number: usize, state: RunnerState) {
        self.merger.remove_source(number);
        if let Some(runner) = self.runners.get_mut(number) {
            runner.row.1 = state;
        }
    }

    /// When a line is due, µs since the start instant.
    pub fn next_due_us(&self) -> Option<u64> {
        self.merger.next_due_us()
    }

    /// Looks for a target that is silent to the whole region.
    pub fn observe(&mut self, tick: &Tick, target: &str) -> Option<Ended> {
        self.silent_target.observe(tick, target)
    }

    /// Whether any runner still makes load.
    pub fn is_loading(&self) -> bool {
        self.runners
            .iter()
            .any(|runner| runner.row.1 == RunnerState::Loading)
    }

    /// The lines that are due, numbered, with the runners' rows: the worst are
    /// listed, the others are counted, so that a line stays short.
    pub fn take_due(&mut self, now_us: u64) -> Vec<Tick> {
        let mut ticks = self.merger.take_due(now_us);
        for tick in &mut ticks {
            tick.seq = self.seq;
            self.seq += 1;
            tick.runners = self.runners.iter().map(RunnerStatus::row_now).collect();
            tick.keep_worst(MOST_RUNNER_ROWS);
        }
        ticks
    }
}

impl RunnerStatus {
    fn row_now(&self) -> RunnerRow {
        let RunnerRow(runner, state, seq, lag) = self.row.clone();
        let is_lagging = state == RunnerState::Loading && self.last_event.elapsed() > LAGGING;
        let state = if is_lagging {
            RunnerState::Lagging
        } else {
            state
        };
        RunnerRow(runner, state, seq, lag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::tick;
    use dlt_core::measure::coarse::BUCKETS;
    use dlt_core::measure::sample::Cause;
    use dlt_core::messages::runner_line::{LONGEST_TICK_BYTES, RunnerLine};
    use std::collections::BTreeMap;

    /// Runners with ids as long as those of ECS tasks.
    fn ids(count: u64) -> Vec<RunnerId> {
        (0..count)
            .map(|number| RunnerId::parse(&format!("{number:032x}")).unwrap())
            .collect()
    }

    /// A second with every cause and with `count` samples in every bucket of
    /// each histogram.
    fn full_tick(at: u64, count: u64) -> Tick {
        let buckets = BUCKETS as u64;
        let mut tick = tick(at, buckets * count);
        tick.answers = 2 * buckets * count;
        tick.second.failed = buckets * count;
        tick.second.bytes = u64::from(u32::MAX) * count;
        tick.second.causes = Cause::ALL
            .iter()
            .map(|cause| (cause.name().to_owned(), count))
            .collect();
        for bucket in 0..BUCKETS {
            tick.second.latency.add_at(bucket, count);
            tick.second.latency_failed.add_at(bucket, count);
            tick.second.lag.add_at(bucket, count);
        }
        tick
    }

    /// 1,000 runners, 999 samples of each in every bucket of all three
    /// histograms: 767 million samples a second.
    #[tokio::test(start_paused = true)]
    async fn a_line_of_a_thousand_runners_with_full_histograms_is_short() {
        let ids = ids(1_000);
        let (leader, workers) = ids.split_last().unwrap();
        let start = Instant::now();
        let mut region = RegionTicks::new(workers.iter().map(|id| (id, true)), leader, start);
        tokio::time::advance(Duration::from_secs(86_400)).await;
        let at = 86_400;
        for number in 0..ids.len() {
            let mut tick = full_tick(at, 999);
            tick.seq = at;
            tick.runners[0].3 = 60_000_000 + number as u64;
            region.add(number, tick, 86_401_000_000);
        }
        region.record_lost(17);
        region.record_lost(18);
        region.record_finished(900);
        // The first hundred send nothing for too long.
        tokio::time::advance(LAGGING + Duration::from_secs(1)).await;
        for number in 100..ids.len() {
            region.record_event(number);
        }
        let lines = region.take_due(u64::MAX);
        assert_eq!(lines.len(), 1);
        let tick = &lines[0];
        assert_eq!(tick.runners.len(), MOST_RUNNER_ROWS);
        let states: Vec<RunnerState> = tick.runners.iter().map(|row| row.1).collect();
        assert_eq!(states[..2], [RunnerState::Lost; 2]);
        assert_eq!(states[2..], [RunnerState::Lagging; 48]);
        // Among the lagging those with the highest lag: 99, 98 and so on.
        assert_eq!(tick.runners[2].0, ids[99]);
        assert_eq!(tick.runners[49].0, ids[52]);
        let others = [
            (RunnerState::Loading, 899),
            (RunnerState::Lagging, 50),
            (RunnerState::Finished, 1),
        ];
        assert_eq!(tick.others, BTreeMap::from(others));
        let line = RunnerLine::LiveTick(tick.clone()).to_line();
        assert!(line.len() < LONGEST_TICK_BYTES, "{} bytes", line.len());
        // What makes it long is there.
        assert_eq!(tick.second.latency.rows().count(), BUCKETS);
        assert!(line.len() > 12_000, "{} bytes", line.len());
    }

    #[tokio::test]
    async fn few_runners_are_listed_in_their_order() {
        let ids = ids(3);
        let (leader, workers) = ids.split_last().unwrap();
        let connected = workers.iter().zip([false, true]);
        let mut region = RegionTicks::new(connected, leader, Instant::now());
        region.add(region.leader(), tick(0, 1), 1_000_000);
        let lines = region.take_due(u64::MAX);
        let rows: Vec<_> = lines[0].runners.iter().map(|row| (&row.0, row.1)).collect();
        let states = [
            RunnerState::Lost,
            RunnerState::Loading,
            RunnerState::Loading,
        ];
        assert_eq!(rows, ids.iter().zip(states).collect::<Vec<_>>());
        assert!(lines[0].others.is_empty());
        assert!(region.is_loading());
        region.record_finished(region.leader());
        region.record_finished(1);
        assert!(!region.is_loading());
    }
}
