//! One run, from start to record, as a person watches it: live block or plain
//! lines, and what Ctrl-C does. What a run is belongs to the pipeline.

use crate::exit::Exit;
use crate::line::{Line, Tone};
use crate::live::block::Block;
use crate::live::plain::Plain;
use crate::live::{Live, Planned};
use crate::signals::Interrupts;
use crate::speak::Voice;
use dlt_core::calls::RunRecord;
use dlt_core::scenario::Scenario;
use dlt_pipeline::error::PipelineError;
use dlt_pipeline::local::{Home, LiveEvent, Started};
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

/// Time between two drawings of the live block.
const REDRAW: Duration = Duration::from_millis(250);
/// How long starting may take before we give up on it.
const START_DEADLINE: Duration = Duration::from_secs(30);
/// How long a stopped run may take to hand over what it has (decision 6: 20 s
/// Between two tries to tell the home that the run shall stop.
const BETWEEN_ASKS: Duration = Duration::from_millis(250);
/// for the runners, the rest for merging).
const STOP_DEADLINE: Duration = Duration::from_secs(30);
/// Beyond planned end and graceful stop: launching, merging, and the 30 s after
/// which the pipeline itself ends a run. Later than that is a bug.
const RUN_MARGIN: Duration = Duration::from_secs(300);

/// How watching ended.
#[derive(Debug)]
pub enum Watched {
    /// The run is over.
    Over {
        /// Its record.
        record: Box<RunRecord>,
        /// It was stopped by the person in front of us.
        interrupted: bool,
    },
    /// There is no record: how to exit, and what to say.
    Gone(Exit, String),
}

/// Where the run is shown.
enum Stage {
    Block(Block),
    Plain(Voice, Plain),
}

impl Stage {
    fn new(voice: Voice) -> Self {
        match voice.may_redraw() {
            true => Self::Block(Block::new(voice)),
            false => Self::Plain(voice, Plain::default()),
        }
    }

    fn say(&mut self, tone: Tone, text: &str) {
        let line = Line::new().tone(tone, "! ").plain(text);
        match self {
            Self::Block(block) => block.say(&[line]),
            Self::Plain(voice, _) => voice.talk(&[line]),
        }
    }

    fn after_event(&mut self, live: &Live) {
        if let Self::Plain(voice, plain) = self {
            let lines = plain.after_event(live);
            if !lines.is_empty() {
                voice.talk(&lines);
            }
        }
    }

    fn redraw(&mut self, live: &Live, clock: &Clock) {
        if let Self::Block(block) = self {
            block.draw(live, clock.elapsed_s());
        }
    }
}

/// Seconds since the run's start instant, told by its ticks.
#[derive(Default)]
struct Clock {
    last: Option<(u64, Instant)>,
}

impl Clock {
    fn hear(&mut self, newest: Option<u64>) {
        if let Some(second) = newest
            && self.last.is_none_or(|(known, _)| second > known)
        {
            self.last = Some((second, Instant::now()));
        }
    }

    /// Goes on between ticks, but never far beyond what was told.
    fn elapsed_s(&self) -> Option<f64> {
        let (second, at) = self.last?;
        Some(second as f64 + 1.0 + at.elapsed().as_secs_f64().min(2.0))
    }
}

/// Starts the scenario and stays until it is over.
pub async fn watch(
    voice: Voice,
    home: &Home,
    scenario: &Scenario,
    interrupts: &mut Interrupts,
) -> Watched {
    let mut live = Live::new(Planned::of(scenario));
    let mut stage = Stage::new(voice);
    let mut clock = Clock::default();
    stage.after_event(&live);
    stage.redraw(&live, &clock);
    let started = match timeout(START_DEADLINE, home.start(scenario)).await {
        Ok(Ok(started)) => started,
        Ok(Err(error)) => return could_not(&error),
        Err(_) => {
            let text = format!(
                "the run did not start within {} s",
                START_DEADLINE.as_secs()
            );
            return Watched::Gone(Exit::CouldNotRun, text);
        }
    };
    let mut events = home.watch(&started.run);
    let mut hearing = true;
    let mut redraw = interval(REDRAW);
    redraw.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let planned_s = live.planned.end_s + live.planned.graceful_stop_s;
    let mut deadline = Instant::now() + Duration::from_secs_f64(planned_s) + RUN_MARGIN;
    let waiting = home.wait(&started);
    tokio::pin!(waiting);
    loop {
        tokio::select! {
            record = &mut waiting => return over(record, live.stopping),
            event = events.recv(), if hearing => match event {
                Ok(event) => take(&mut live, &mut stage, &mut clock, event),
                Err(RecvError::Lagged(missed)) => stage.say(
                    Tone::Warn,
                    &format!("{missed} live events were missed; the result is not affected"),
                ),
                Err(RecvError::Closed) => hearing = false,
            },
            name = interrupts.next() => {
                if live.stopping {
                    return left(home);
                }
                live.stopping = true;
                deadline = Instant::now() + STOP_DEADLINE;
                stage.after_event(&live);
                if let Some(gone) = cancel(home, &started, name, interrupts).await {
                    return gone;
                }
            }
            _ = redraw.tick() => stage.redraw(&live, &clock),
            () = sleep_until(deadline) => return too_late(home, live.stopping),
        }
    }
}

fn take(live: &mut Live, stage: &mut Stage, clock: &mut Clock, event: LiveEvent) {
    if let Some(note) = live.take(event) {
        stage.say(Tone::Warn, &note);
    }
    clock.hear(live.newest());
    stage.after_event(live);
}

fn over(record: Result<RunRecord, PipelineError>, interrupted: bool) -> Watched {
    match record {
        Ok(record) => Watched::Over {
            record: Box::new(record),
            interrupted,
        },
        Err(error) => could_not(&error),
    }
}

fn could_not(error: &PipelineError) -> Watched {
    let (exit, message) = told(error);
    Watched::Gone(exit, message)
}

/// How a control plane's error ends the command, and the sentence for it.
pub fn told(error: &PipelineError) -> (Exit, String) {
    let exit = u8::try_from(error.exit_code()).map_or(Exit::Bug, Exit::from_code);
    let hint = error.hint().map(|hint| format!("; {hint}"));
    (exit, format!("{error}{}", hint.unwrap_or_default()))
}

/// Asks the run to stop; a second interrupt while asking leaves at once.
async fn cancel(
    home: &Home,
    started: &Started,
    name: &str,
    interrupts: &mut Interrupts,
) -> Option<Watched> {
    let reason = format!("stopped by {name}");
    tokio::select! {
        asked = timeout(STOP_DEADLINE, ask_to_stop(home, started, &reason)) => match asked {
            Ok(()) => None,
            Err(_) => Some(too_late(home, true)),
        },
        _ = interrupts.next() => Some(left(home)),
    }
}

/// Asks until it is heard: a disk that is busy for a moment must not cost what
/// was measured.
async fn ask_to_stop(home: &Home, started: &Started, reason: &str) {
    loop {
        match home.cancel(&started.test, reason).await {
            // A run that is already over has nothing to cancel: its record follows.
            Ok(()) | Err(PipelineError::NothingRuns(_)) => return,
            Err(_) => sleep_until(Instant::now() + BETWEEN_ASKS).await,
        }
    }
}

/// A second interrupt: nothing is waited for.
fn left(home: &Home) -> Watched {
    home.kill();
    Watched::Gone(
        Exit::Interrupted,
        "left at once: all runners were killed, nothing more of this run is kept".to_owned(),
    )
}

fn too_late(home: &Home, stopping: bool) -> Watched {
    home.kill();
    match stopping {
        true => Watched::Gone(
            Exit::Interrupted,
            format!(
                "the run handed over no result within {} s; all runners were killed",
                STOP_DEADLINE.as_secs()
            ),
        ),
        false => Watched::Gone(
            Exit::Bug,
            "the run did not end long after its planned end; all runners were killed. This is a bug in dlt, please report it"
                .to_owned(),
        ),
    }
}
