//! Live data at home: follows what runners print into their files, and tells
//! whoever listens. Leaders print their region's ticks; a worker prints its own
//! only when its leader is lost, so every printed tick is told.

use crate::error::PipelineError;
use crate::fleet::tail::{News, Tail};
use crate::live::{Drained, Live, LiveEvent};
use async_trait::async_trait;
use dlt_core::ids::{RunnerId, TestId, TestRunId};
use dlt_core::messages::runner_line::{RunnerLine, RunnerRow, RunnerState, Tick};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::broadcast;

/// Events that a slow listener may fall behind: minutes of many regions.
const LONGEST_BACKLOG: usize = 4_096;
/// Ticks that are told again to whoever joins late: ten minutes of two regions.
const MOST_KEPT_TICKS: usize = 1_200;
/// Most reads of one file while draining: 1 GiB of ticks.
const MOST_READS: usize = 256;

/// The watchers of all runs of a home.
#[derive(Debug)]
pub struct Broadcast {
    /// Holds a folder for each run, with the runners' files.
    folder: PathBuf,
    channels: Mutex<HashMap<TestRunId, Channel>>,
}

#[derive(Debug)]
struct Channel {
    sender: broadcast::Sender<LiveEvent>,
    /// By file name.
    tails: BTreeMap<String, (Tail, u64)>,
    /// The newest ticks.
    kept: VecDeque<Tick>,
    /// The last second of load that was heard of each runner.
    last_heard: BTreeMap<RunnerId, u64>,
}

/// What a late listener of a run gets.
#[derive(Debug)]
pub struct Joined {
    /// The newest ticks so far, as they were told.
    pub ticks: Vec<Tick>,
    /// What follows them.
    pub events: broadcast::Receiver<LiveEvent>,
}

impl Broadcast {
    /// Watches runners whose files are below `folder`.
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            channels: Mutex::new(HashMap::new()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TestRunId, Channel>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A run begins.
    pub fn open(&self, run: &TestRunId) {
        self.lock().entry(run.clone()).or_insert_with(|| Channel {
            sender: broadcast::Sender::new(LONGEST_BACKLOG),
            tails: BTreeMap::new(),
            kept: VecDeque::new(),
            last_heard: BTreeMap::new(),
        });
    }

    /// A run is over: its listeners hear that nothing follows.
    pub fn close(&self, run: &TestRunId) {
        self.lock().remove(run);
    }

    /// Events from now on; of a run that is over, none.
    pub fn listen(&self, run: &TestRunId) -> broadcast::Receiver<LiveEvent> {
        match self.lock().get(run) {
            Some(channel) => channel.sender.subscribe(),
            None => broadcast::Sender::new(1).subscribe(),
        }
    }

    /// The newest ticks and all events from now on; None if the run is over.
    pub fn join(&self, run: &TestRunId) -> Option<Joined> {
        let channels = self.lock();
        let channel = channels.get(run)?;
        Some(Joined {
            ticks: channel.kept.iter().cloned().collect(),
            events: channel.sender.subscribe(),
        })
    }

    /// Tells what runners printed since the last time.
    pub fn pump(&self, run: &TestRunId) -> Result<(), PipelineError> {
        self.follow(run, false).map(drop)
    }

    fn follow(&self, run: &TestRunId, last: bool) -> Result<Drained, PipelineError> {
        let folder = self.folder.join(run.as_str());
        let mut channels = self.lock();
        let Some(channel) = channels.get_mut(run) else {
            return Ok(Drained::default());
        };
        // A run that launched nobody has no folder.
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(".out") {
                channel
                    .tails
                    .entry(name)
                    .or_insert_with(|| (Tail::new(entry.path()), 0));
            }
        }
        let Channel {
            sender,
            tails,
            kept,
            last_heard,
        } = channel;
        let mut counts: BTreeMap<RunnerId, u64> = BTreeMap::new();
        for (name, (tail, unreadable)) in tails.iter_mut() {
            let mut tell = |news: &News| {
                *unreadable += news.unreadable;
                for line in news.lines.iter().filter(|line| !line.trim().is_empty()) {
                    match RunnerLine::parse(line) {
                        Some(RunnerLine::Tick(tick) | RunnerLine::LiveTick(tick)) => {
                            if kept.len() == MOST_KEPT_TICKS {
                                kept.pop_front();
                            }
                            kept.push_back(tick.clone());
                            note_heard(last_heard, &tick);
                            // Nobody listening is no fault.
                            let _ = sender.send(LiveEvent::Tick(tick));
                        }
                        Some(RunnerLine::Ready { .. } | RunnerLine::Finished { .. }) => {}
                        None => *unreadable += 1,
                    }
                }
            };
            let path = folder.join(name);
            for _ in 0..if last { MOST_READS } else { 1 } {
                let news = tail
                    .read()
                    .map_err(|error| PipelineError::file(&path, &error))?;
                tell(&news);
                if news.at_end {
                    break;
                }
            }
            if last {
                tell(&tail.close());
            }
            let runner = name.split('.').next().unwrap_or_default();
            if let (Ok(runner), 1..) = (RunnerId::parse(runner), *unreadable) {
                *counts.entry(runner).or_default() += *unreadable;
            }
        }
        Ok(Drained {
            unreadable: counts,
            last_heard: last_heard.clone(),
        })
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
    async fn publish(&self, _: &TestId, run: &TestRunId, event: LiveEvent) {
        if let Some(channel) = self.lock().get(run) {
            // Nobody listening is no fault.
            let _ = channel.sender.send(event);
        }
    }

    async fn drain(&self, run: &TestRunId) -> Result<Drained, PipelineError> {
        self.follow(run, true)
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
    async fn every_printed_tick_is_told_once_and_nonsense_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let run = TestRunId::parse("r1").unwrap();
        let live = Broadcast::new(folder.path().to_owned());
        live.open(&run);
        let mut events = live.listen(&run);
        std::fs::create_dir(folder.path().join("r1")).unwrap();
        let file = folder.path().join("r1/lo-home-1-2.out");
        let line = |second| RunnerLine::LiveTick(tick(&run, second)).to_line();
        std::fs::write(&file, format!("{}\nnonsense\n{}", line(0), line(1))).unwrap();
        live.pump(&run).unwrap();
        live.pump(&run).unwrap();
        assert_eq!(events.recv().await.unwrap(), LiveEvent::Tick(tick(&run, 0)));
        let runner = RunnerId::parse("lo-home-1-2").unwrap();
        let drained = live.drain(&run).await.unwrap();
        assert_eq!(drained.unreadable, BTreeMap::from([(runner.clone(), 1)]));
        assert_eq!(drained.last_heard, BTreeMap::from([(runner, 1)]));
        assert_eq!(events.recv().await.unwrap(), LiveEvent::Tick(tick(&run, 1)));
        live.publish(
            &TestId::parse("t").unwrap(),
            &run,
            LiveEvent::Note("over".to_owned()),
        )
        .await;
        live.close(&run);
        assert_eq!(
            events.recv().await.unwrap(),
            LiveEvent::Note("over".to_owned())
        );
        assert!(events.recv().await.is_err());
        assert!(live.listen(&run).recv().await.is_err());
    }
}
