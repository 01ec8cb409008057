//! Live data at home: what runners print goes out to whoever listens. Leaders
//! print their region's ticks; a worker prints its own only when its leader is
//! lost, so every printed tick is told. Reading the lines is the fleet's.

use crate::error::PipelineError;
use crate::live::{Drained, Events, Live, Subscription};
use crate::runs::Run;
use async_trait::async_trait;
use dlt_core::calls::live::LiveEvent;
use dlt_core::ids::{RunnerId, TestId, TestRunId};
use dlt_core::messages::runner_line::{RunnerLine, RunnerRow, RunnerState, Tick};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::broadcast;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;

/// Events that a slow listener may fall behind: minutes of many regions.
const LONGEST_BACKLOG: usize = 4_096;
/// Ticks that are told again to whoever joins late: ten minutes of two regions.
const MOST_KEPT_TICKS: usize = 1_200;

/// The watchers of all runs of a home.
#[derive(Debug, Default)]
pub struct Broadcast {
    channels: Mutex<HashMap<TestRunId, Channel>>,
}

#[derive(Debug)]
struct Channel {
    sender: broadcast::Sender<LiveEvent>,
    /// The newest ticks.
    kept: VecDeque<Tick>,
    drained: Drained,
}

impl Broadcast {
    fn lock(&self) -> MutexGuard<'_, HashMap<TestRunId, Channel>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A run begins.
    pub fn open(&self, run: &TestRunId) {
        self.lock().entry(run.clone()).or_insert_with(|| Channel {
            sender: broadcast::Sender::new(LONGEST_BACKLOG),
            kept: VecDeque::new(),
            drained: Drained::default(),
        });
    }

    /// A run is over: its listeners hear that nothing follows.
    pub fn close(&self, run: &TestRunId) {
        self.lock().remove(run);
    }

    /// A runner printed a line.
    pub fn line(&self, run: &TestRunId, line: RunnerLine) {
        let (RunnerLine::Tick(tick) | RunnerLine::LiveTick(tick)) = line else {
            return;
        };
        if let Some(channel) = self.lock().get_mut(run) {
            if channel.kept.len() == MOST_KEPT_TICKS {
                channel.kept.pop_front();
            }
            channel.kept.push_back(tick.clone());
            note_heard(&mut channel.drained.last_heard, &tick);
            // Nobody listening is no fault.
            let _ = channel.sender.send(LiveEvent::Tick(tick));
        }
    }

    /// A runner printed lines that cannot be read.
    pub fn unreadable(&self, run: &TestRunId, runner: &RunnerId, lines: u64) {
        if let Some(channel) = self.lock().get_mut(run) {
            let counts = &mut channel.drained.unreadable;
            *counts.entry(runner.clone()).or_default() += lines;
        }
    }

    /// Tells the run's watchers a sentence.
    pub fn note(&self, run: &TestRunId, sentence: String) {
        if let Some(channel) = self.lock().get(run) {
            // Nobody listening is no fault.
            let _ = channel.sender.send(LiveEvent::Note(sentence));
        }
    }

    /// The newest ticks and then all events; nothing of a run that is over.
    pub fn events(&self, run: &TestRunId) -> Option<Events> {
        let channels = self.lock();
        let channel = channels.get(run)?;
        let kept: Vec<LiveEvent> = channel.kept.iter().cloned().map(LiveEvent::Tick).collect();
        let coming = BroadcastStream::new(channel.sender.subscribe());
        let coming = coming.map(|event| match event {
            Ok(event) => event,
            Err(BroadcastStreamRecvError::Lagged(missed)) => LiveEvent::Note(format!(
                "{missed} live events were missed; the result is not affected"
            )),
        });
        Some(Box::pin(tokio_stream::iter(kept).chain(coming)))
    }
}

/// A runner's row says the number of its last tick, and a runner tells a tick
/// for each second of load. Before its first one a row says 0 too: that counts
/// only in the line of the second 0, of a runner that is not lost.
fn note_heard(last_heard: &mut BTreeMap<RunnerId, u64>, tick: &Tick) {
    for RunnerRow(runner, state, seq, _) in &tick.runners {
        if *seq > 0 || (tick.second.second == 0 && *state != RunnerState::Lost) {
            let last = last_heard.entry(runner.clone()).or_default();
            *last = (*last).max(*seq);
        }
    }
}

#[async_trait]
impl Live for Broadcast {
    async fn publish(&self, run: &Run, event: LiveEvent) {
        if let Some(channel) = self.lock().get(&run.run) {
            // Nobody listening is no fault.
            let _ = channel.sender.send(event);
        }
    }

    async fn subscribe(
        &self,
        _: &TestId,
        run: &TestRunId,
    ) -> Result<Option<Subscription>, PipelineError> {
        Ok(self.events(run).map(Subscription::Here))
    }

    async fn drain(&self, run: &TestRunId) -> Result<Drained, PipelineError> {
        let channels = self.lock();
        let drained = channels.get(run).map(|channel| channel.drained.clone());
        Ok(drained.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dlt_core::ids::{Region, TestId};
    use dlt_core::measure::second::Second;

    fn tick(run: &TestRunId, second: u64) -> Tick {
        let at = Second {
            second,
            ok: 3,
            ..Second::default()
        };
        let runner = RunnerId::parse("lo-home-1-2").unwrap();
        Tick::of(
            &at,
            TestId::parse("t").unwrap(),
            run.clone(),
            Region::parse("lo-home-1").unwrap(),
            second,
            RunnerRow(runner, RunnerState::Loading, second, 0),
        )
    }

    #[test]
    fn a_runner_that_never_ticked_was_never_heard_of() {
        let run = TestRunId::parse("r1").unwrap();
        let lost = RunnerId::parse("lo-home-1-1").unwrap();
        let heard = RunnerId::parse("lo-home-1-2").unwrap();
        let mut last_heard = BTreeMap::new();
        for second in 0..4 {
            let mut line = tick(&run, second);
            line.runners
                .push(RunnerRow(lost.clone(), RunnerState::Lost, 0, 0));
            note_heard(&mut last_heard, &line);
        }
        assert_eq!(last_heard, BTreeMap::from([(heard, 3)]));
    }

    #[tokio::test]
    async fn whoever_joins_late_hears_what_was_told_and_then_what_happens() {
        let run = TestRunId::parse("r1").unwrap();
        let stored = Run {
            run: run.clone(),
            ..crate::runs::tests::example()
        };
        let runner = RunnerId::parse("lo-home-1-2").unwrap();
        let live = Broadcast::default();
        assert!(live.events(&run).is_none());
        live.open(&run);
        live.line(&run, RunnerLine::LiveTick(tick(&run, 0)));
        live.unreadable(&run, &runner, 1);
        live.unreadable(&run, &runner, 2);
        let mut events = live.events(&run).unwrap();
        live.line(&run, RunnerLine::Tick(tick(&run, 1)));
        let finished = RunnerLine::Finished {
            runner: runner.clone(),
            exit: 0,
            report: None,
        };
        live.line(&run, finished);
        live.publish(&stored, LiveEvent::Note("over".to_owned()))
            .await;
        let drained = live.drain(&run).await.unwrap();
        assert_eq!(drained.unreadable, BTreeMap::from([(runner.clone(), 3)]));
        assert_eq!(drained.last_heard, BTreeMap::from([(runner, 1)]));
        live.close(&run);
        for expected in [
            LiveEvent::Tick(tick(&run, 0)),
            LiveEvent::Tick(tick(&run, 1)),
            LiveEvent::Note("over".to_owned()),
        ] {
            assert_eq!(events.next().await, Some(expected));
        }
        assert_eq!(events.next().await, None);
        assert!(live.subscribe(&stored.test, &run).await.unwrap().is_none());
    }
}
