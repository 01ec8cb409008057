//! One run, from start to record, as a person watches it: live block or plain
//! lines, and what Ctrl-C does. Where the run is, `home` and `api` know; what a
//! run is belongs to the pipeline.

mod api;
mod home;

pub use api::follow;
pub use home::start;

use crate::client::Client;
use crate::exit::Exit;
use crate::line::{Line, Tone};
use crate::live::block::Block;
use crate::live::plain::Plain;
use crate::live::{Live, Planned};
use crate::runs::find::Found;
use crate::signals::Interrupts;
use crate::speak::Voice;
use dlt_core::record::RunRecord;
use dlt_pipeline::error::PipelineError;
use dlt_core::calls::live::LiveEvent;
use dlt_pipeline::local::{Home, Started};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

/// Time between two drawings of the live block.
const REDRAW: Duration = Duration::from_millis(250);
/// How long a stopped run may take to hand over what it has (decision 6: 20 s
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
        /// The answer that it was read from, if a server gave it.
        raw: Option<Value>,
        /// It was stopped by the person in front of us.
        interrupted: bool,
    },
    /// There is no record.
    Gone(Gone),
}

/// Why there is no record: how to exit, and what to say.
#[derive(Debug)]
pub struct Gone {
    /// How the command ends.
    pub exit: Exit,
    /// What to say.
    pub message: String,
}

impl Gone {
    fn could_not(message: String) -> Self {
        Self {
            exit: Exit::CouldNotRun,
            message,
        }
    }

    fn of(error: &PipelineError) -> Self {
        let (exit, message) = told(error);
        Self { exit, message }
    }
}

/// What is told of a watched run.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all that is heard is a tick; a box would only move it"
)]
#[derive(Debug)]
pub enum Heard {
    /// It goes on.
    Event(LiveEvent),
    /// A sentence that does not concern the run.
    Said(String),
    /// What was told is told again, from the beginning.
    Again,
    /// It is over.
    Over(Result<(Box<RunRecord>, Option<Value>), Gone>),
}

/// A run that is being watched.
#[derive(Debug)]
pub struct Watching {
    heard: mpsc::Receiver<Heard>,
    ctrl: Ctrl,
}

/// Who is told to stop it.
#[derive(Debug)]
enum Ctrl {
    Home(Arc<Home>, Started),
    Api(Client, Found),
}

/// What the first Ctrl-C does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CtrlC {
    /// It stops the run, which is ours.
    Stops,
    /// It leaves the run alone, which is not.
    Leaves,
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

/// Stays with a run until it is over; `starting` is what brings it about.
pub async fn watch(
    voice: Voice,
    planned: Planned,
    starting: impl Future<Output = Result<Watching, Gone>>,
    ctrl_c: CtrlC,
    interrupts: &mut Interrupts,
) -> Watched {
    let mut live = Live::new(planned);
    live.leaves = ctrl_c == CtrlC::Leaves;
    let mut stage = Stage::new(voice);
    let mut clock = Clock::default();
    stage.after_event(&live);
    stage.redraw(&live, &clock);
    let mut watching = match starting.await {
        Ok(watching) => watching,
        Err(gone) => return Watched::Gone(gone),
    };
    let mut redraw = interval(REDRAW);
    redraw.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut deadline = Instant::now() + longest(&live.planned);
    loop {
        tokio::select! {
            heard = watching.heard.recv() => match heard {
                Some(Heard::Over(over)) => return ended(over, live.stopping),
                Some(heard) => take(&mut live, &mut stage, &mut clock, heard),
                None => return Watched::Gone(Gone {
                    exit: Exit::Bug,
                    message: "the run is no longer told of. This is a bug in dlt, please report it".to_owned(),
                }),
            },
            name = interrupts.next() => {
                if live.stopping || ctrl_c == CtrlC::Leaves {
                    return watching.ctrl.left(live.stopping);
                }
                live.stopping = true;
                deadline = Instant::now() + STOP_DEADLINE;
                stage.after_event(&live);
                if let Some(gone) = cancel(&watching.ctrl, name, interrupts).await {
                    return gone;
                }
            }
            _ = redraw.tick() => stage.redraw(&live, &clock),
            () = sleep_until(deadline) => return watching.ctrl.too_late(live.stopping),
        }
    }
}

/// How long a run may take in all.
fn longest(planned: &Planned) -> Duration {
    let planned_s = planned.end_s + planned.graceful_stop_s;
    Duration::from_secs_f64(planned_s) + RUN_MARGIN
}

fn take(live: &mut Live, stage: &mut Stage, clock: &mut Clock, heard: Heard) {
    match heard {
        Heard::Event(event) => {
            if let Some(note) = live.take(event) {
                stage.say(Tone::Warn, &note);
            }
        }
        Heard::Said(text) => stage.say(Tone::Warn, &text),
        Heard::Again => live.forget(),
        Heard::Over(_) => {}
    }
    clock.hear(live.newest());
    stage.after_event(live);
}

fn ended(over: Result<(Box<RunRecord>, Option<Value>), Gone>, interrupted: bool) -> Watched {
    match over {
        Ok((record, raw)) => Watched::Over {
            record,
            raw,
            interrupted,
        },
        Err(gone) => Watched::Gone(gone),
    }
}

/// How a control plane's error ends the command, and the sentence for it.
pub fn told(error: &PipelineError) -> (Exit, String) {
    let exit = u8::try_from(error.exit_code()).map_or(Exit::Bug, Exit::from_code);
    let hint = error.hint().map(|hint| format!("; {hint}"));
    (exit, format!("{error}{}", hint.unwrap_or_default()))
}

/// Asks the run to stop; a second interrupt while asking leaves at once.
async fn cancel(ctrl: &Ctrl, name: &str, interrupts: &mut Interrupts) -> Option<Watched> {
    let reason = format!("stopped by {name}");
    tokio::select! {
        asked = timeout(STOP_DEADLINE, ctrl.stop(&reason)) => match asked {
            Ok(gone) => gone.map(Watched::Gone),
            Err(_) => Some(ctrl.too_late(true)),
        },
        _ = interrupts.next() => Some(ctrl.left(true)),
    }
}

impl Ctrl {
    /// Tells the run to stop, until that is heard; why it cannot be, if so.
    async fn stop(&self, reason: &str) -> Option<Gone> {
        match self {
            Self::Home(home, started) => {
                home::stop(home, started, reason).await;
                None
            }
            Self::Api(client, found) => api::stop(client, found).await,
        }
    }

    /// Nothing is waited for.
    fn left(&self, stopping: bool) -> Watched {
        let message = match self {
            Self::Home(home, _) => {
                home.kill();
                "left at once: all runners were killed, nothing more of this run is kept".to_owned()
            }
            Self::Api(_, found) if stopping => format!(
                "left; the server goes on stopping the run and keeps what it measured: dlt runs get {}",
                found.run
            ),
            Self::Api(_, found) => format!(
                "left; the run goes on. Stop it with dlt runs cancel {}",
                found.run
            ),
        };
        Watched::Gone(Gone {
            exit: Exit::Interrupted,
            message,
        })
    }

    fn too_late(&self, stopping: bool) -> Watched {
        let seconds = STOP_DEADLINE.as_secs();
        let (exit, message) = match (self, stopping) {
            (Self::Home(home, _), true) => {
                home.kill();
                let what = format!(
                    "the run handed over no result within {seconds} s; all runners were killed"
                );
                (Exit::Interrupted, what)
            }
            (Self::Home(home, _), false) => {
                home.kill();
                let what = "the run did not end long after its planned end; all runners were killed. This is a bug in dlt, please report it";
                (Exit::Bug, what.to_owned())
            }
            (Self::Api(_, found), true) => {
                let what = format!(
                    "the run handed over no result within {seconds} s; the server goes on stopping it: dlt runs watch {}",
                    found.run
                );
                (Exit::Interrupted, what)
            }
            (Self::Api(_, found), false) => {
                let what = format!(
                    "the run has not ended long after its planned end; it is left to the server: dlt runs cancel {}",
                    found.run
                );
                (Exit::CouldNotRun, what)
            }
        };
        Watched::Gone(Gone { exit, message })
    }
}
