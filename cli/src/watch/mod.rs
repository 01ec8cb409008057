//! One run, shown from its start to its record: as a live block or as plain lines, and
//! with what Ctrl-C does. Events come from `home` (a run in this process) or `api` (a run
//! on a server).

mod api;
mod home;
pub mod keys;
mod load_keys;

pub use api::follow;
pub use home::start;

use crate::client::Client;
use crate::client::error::pipeline_error;
use crate::exit::Exit;
use crate::find::RunLocation;
use crate::line::{Line, Tone};
use crate::live::block::Block;
use crate::live::plain::PlainLog;
use crate::live::{Live, PlannedLoad};
use crate::output::Output;
use crate::signals::Interrupts;
use dlt_core::calls::answers::LoadWish;
use dlt_core::calls::live::LiveEvent;
use dlt_core::load::changes::LoadChange;
use dlt_core::record::RunRecord;
use dlt_core::value::Value;
use dlt_pipeline::error::PipelineError;
use dlt_pipeline::local::{Home, Started};
use keys::Keys;
use load_keys::LoadKeys;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

/// Time between two drawings of the live block.
const REDRAW: Duration = Duration::from_millis(250);
/// How long a stopped run may take to deliver its result (decision 6: 20 s for the
/// runners, the rest for merging).
const STOP_DEADLINE: Duration = Duration::from_secs(30);
/// Beyond planned end and graceful stop: launching, merging, and the 30 s after which the
/// pipeline itself ends a run. Longer than that is a bug.
const RUN_MARGIN: Duration = Duration::from_secs(300);

/// How long a stopped run may take on AWS: its tasks have two minutes, the function that
/// merges has fifteen, and the workflow waits between.
const STOP_DEADLINE_ON_AWS: Duration = Duration::from_secs(20 * 60);
/// Beyond planned end and graceful stop on AWS: provisioning may take fifteen minutes, a
/// run that is overdue is ended after five, and merging has fifteen.
const RUN_MARGIN_ON_AWS: Duration = Duration::from_secs(45 * 60);

/// How watching a run ended.
#[derive(Debug)]
pub enum WatchEnd {
    /// The run has ended.
    Finished {
        /// Its record.
        record: Box<RunRecord>,
        /// The server's answer that the record was read from.
        raw: Option<Value>,
        /// Whether it was stopped with Ctrl-C.
        interrupted: bool,
        /// Why it is not stored, if it is not.
        unstored: Option<String>,
    },
    /// There is no record.
    Failed(WatchError),
}

/// Why there is no record.
#[derive(Debug)]
pub struct WatchError {
    /// The command's exit code.
    pub exit: Exit,
    /// The message for the user.
    pub message: String,
}

impl WatchError {
    fn could_not_run(message: String) -> Self {
        Self {
            exit: Exit::CouldNotRun,
            message,
        }
    }

    fn of_pipeline(error: &PipelineError) -> Self {
        let (exit, message) = pipeline_error(error);
        Self { exit, message }
    }
}

/// An event of a watched run.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every event is a tick; a box would only move it"
)]
#[derive(Debug)]
pub enum WatchEvent {
    /// Status, tick or note of the run.
    Live(LiveEvent),
    /// A message that is not about the run itself.
    Message(String),
    /// All ticks are sent again, from the first one.
    Restarted,
    /// The run has ended, or cannot be watched any longer.
    Ended(Result<(Box<RunRecord>, Option<Value>), WatchError>),
    /// The run has ended, and this is its record, which could not be stored, and why.
    EndedUnstored(Box<RunRecord>, String),
}

/// A run that is being watched.
#[derive(Debug)]
pub struct WatchedRun {
    events: mpsc::Receiver<WatchEvent>,
    control: RunControl,
}

/// How the run is stopped, and its load changed.
#[derive(Debug, Clone)]
enum RunControl {
    InProcess(Arc<Home>, Started),
    OnServer(Client, RunLocation),
}

/// What the first Ctrl-C does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InterruptAction {
    /// It stops the run, which this command started.
    StopRun,
    /// It ends the command; the run goes on.
    LeaveRun,
}

/// Where the run is shown.
enum Display {
    Block(Block),
    Plain(Output, PlainLog),
    /// Only what is wrong.
    Quiet(Output),
}

impl Display {
    fn new(output: Output) -> Self {
        if output.is_quiet() {
            Self::Quiet(output)
        } else if output.may_redraw() {
            Self::Block(Block::new(output))
        } else {
            Self::Plain(output, PlainLog::default())
        }
    }

    fn is_block(&self) -> bool {
        matches!(self, Self::Block(_))
    }

    fn warn(&mut self, text: &str) {
        let line = Line::new().tone(Tone::Warn, "! ").plain(text);
        match self {
            Self::Block(block) => block.print_above(&[line]),
            Self::Plain(output, _) | Self::Quiet(output) => output.messages(&[line]),
        }
    }

    fn after_event(&mut self, live: &Live) {
        if let Self::Plain(output, plain) = self {
            let lines = plain.after_event(live);
            if !lines.is_empty() {
                output.messages(&lines);
            }
        }
    }

    fn redraw(&mut self, live: &Live, clock: &RunClock) {
        if let Self::Block(block) = self {
            block.draw(live, clock.elapsed_s());
        }
    }
}

/// Seconds since the run's start, derived from its ticks.
#[derive(Default)]
struct RunClock {
    last: Option<(u64, Instant)>,
}

impl RunClock {
    fn advance(&mut self, newest: Option<u64>) {
        if let Some(second) = newest
            && self.last.is_none_or(|(known, _)| second > known)
        {
            self.last = Some((second, Instant::now()));
        }
    }

    /// Runs on between ticks, at most two seconds.
    fn elapsed_s(&self) -> Option<f64> {
        let (second, at) = self.last?;
        Some(second as f64 + 1.0 + at.elapsed().as_secs_f64().min(2.0))
    }
}

/// Shows a run until it has ended; `starting` starts it or connects to it.
pub async fn watch(
    output: Output,
    planned: PlannedLoad,
    starting: impl Future<Output = Result<WatchedRun, WatchError>>,
    on_interrupt: InterruptAction,
    interrupts: &mut Interrupts,
) -> WatchEnd {
    let mut live = Live::new(planned);
    live.interrupt_leaves = on_interrupt == InterruptAction::LeaveRun;
    let mut display = Display::new(output);
    let mut clock = RunClock::default();
    display.after_event(&live);
    display.redraw(&live, &clock);
    let mut run = match starting.await {
        Ok(run) => run,
        Err(error) => return WatchEnd::Failed(error),
    };
    let mut redraw = interval(REDRAW);
    redraw.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut deadline = Instant::now() + run.control.longest(&live.planned);
    // Whoever only looks on changes nothing by chance.
    let may_change = on_interrupt == InterruptAction::StopRun && display.is_block();
    let mut keys = may_change.then(Keys::listen).flatten();
    live.keys = keys.is_some();
    let mut load_keys = LoadKeys::default();
    let (sender, mut changed) = mpsc::channel(1);
    loop {
        tokio::select! {
            key = Keys::next(&mut keys), if sender.capacity() > 0 && !live.stopping => {
                if let (Some(wish), Ok(place)) = (load_keys.wish(key), sender.clone().try_reserve_owned()) {
                    let control = run.control.clone();
                    tokio::spawn(async move { drop(place.send(control.change(wish).await)) });
                }
            }
            Some(answer) = changed.recv() => match answer {
                Ok(changes) => {
                    load_keys.follow(&changes);
                    live.changed(&changes, load_keys.told());
                }
                Err(why) => display.warn(&format!("the load was not changed: {why}")),
            },
            event = run.events.recv() => match event {
                Some(WatchEvent::Ended(result)) => return ended(result, live.stopping),
                Some(WatchEvent::EndedUnstored(record, why)) => return WatchEnd::Finished {
                    record,
                    raw: None,
                    interrupted: live.stopping,
                    unstored: Some(why),
                },
                Some(event) => apply(&mut live, &mut display, &mut clock, event),
                None => return WatchEnd::Failed(WatchError {
                    exit: Exit::Bug,
                    message: "the run's events ended before the run. This is a bug in dlt, please report it".to_owned(),
                }),
            },
            name = interrupts.next() => {
                if live.stopping || on_interrupt == InterruptAction::LeaveRun {
                    return run.control.leave(live.stopping);
                }
                live.stopping = true;
                deadline = Instant::now() + run.control.stop_deadline();
                display.after_event(&live);
                if let Some(end) = cancel(&run.control, name, interrupts).await {
                    return end;
                }
            }
            _ = redraw.tick() => display.redraw(&live, &clock),
            () = sleep_until(deadline) => return run.control.too_late(live.stopping),
        }
    }
}

fn apply(live: &mut Live, display: &mut Display, clock: &mut RunClock, event: WatchEvent) {
    match event {
        WatchEvent::Live(event) => {
            if let Some(note) = live.apply(event) {
                display.warn(&note);
            }
        }
        WatchEvent::Message(text) => display.warn(&text),
        WatchEvent::Restarted => live.reset(),
        WatchEvent::Ended(_) | WatchEvent::EndedUnstored(..) => {}
    }
    clock.advance(live.newest());
    display.after_event(live);
}

fn ended(
    result: Result<(Box<RunRecord>, Option<Value>), WatchError>,
    interrupted: bool,
) -> WatchEnd {
    match result {
        Ok((record, raw)) => WatchEnd::Finished {
            record,
            raw,
            interrupted,
            unstored: None,
        },
        Err(error) => WatchEnd::Failed(error),
    }
}

/// Stops the run; a second interrupt meanwhile ends the command at once.
async fn cancel(control: &RunControl, name: &str, interrupts: &mut Interrupts) -> Option<WatchEnd> {
    let reason = format!("stopped by {name}");
    tokio::select! {
        stopped = timeout(control.stop_deadline(), control.stop(&reason)) => match stopped {
            Ok(error) => error.map(WatchEnd::Failed),
            Err(_) => Some(control.too_late(true)),
        },
        _ = interrupts.next() => Some(control.leave(true)),
    }
}

impl RunControl {
    fn is_on_aws(&self) -> bool {
        matches!(self, Self::OnServer(client, _) if client.is_on_aws())
    }

    /// How long the run may take to deliver its result after it was stopped.
    fn stop_deadline(&self) -> Duration {
        if self.is_on_aws() {
            STOP_DEADLINE_ON_AWS
        } else {
            STOP_DEADLINE
        }
    }

    /// Longest duration of the run, launching and merging included.
    fn longest(&self, planned: &PlannedLoad) -> Duration {
        let planned_s = planned.end_s + planned.graceful_stop_s;
        let margin = if self.is_on_aws() {
            RUN_MARGIN_ON_AWS
        } else {
            RUN_MARGIN
        };
        Duration::from_secs_f64(planned_s) + margin
    }

    /// Changes the load; all changes so far, or why it cannot be changed.
    async fn change(self, wish: LoadWish) -> Result<Vec<LoadChange>, String> {
        match self {
            Self::InProcess(home, started) => home
                .change_load(&started, wish)
                .await
                .map_err(|refusal| refusal.to_string()),
            Self::OnServer(client, location) => api::change(&client, &location, wish).await,
        }
    }

    /// Sends the stop until it is accepted; an error if it cannot be.
    async fn stop(&self, reason: &str) -> Option<WatchError> {
        match self {
            Self::InProcess(home, started) => {
                home::stop(home, started, reason).await;
                None
            }
            Self::OnServer(client, location) => api::stop(client, location).await,
        }
    }

    /// The end of the command if the user does not wait for the run.
    fn leave(&self, stopping: bool) -> WatchEnd {
        let message = match self {
            Self::InProcess(home, _) => {
                home.kill();
                "left at once: all runners were killed, nothing more of this run is kept".to_owned()
            }
            Self::OnServer(_, location) if stopping => format!(
                "left; the server goes on stopping the run and keeps what it measured: dlt runs get {}",
                location.run
            ),
            Self::OnServer(_, location) => format!(
                "left; the run goes on. Stop it with dlt runs cancel {}",
                location.run
            ),
        };
        WatchEnd::Failed(WatchError {
            exit: Exit::Interrupted,
            message,
        })
    }

    fn too_late(&self, stopping: bool) -> WatchEnd {
        let seconds = self.stop_deadline().as_secs();
        let (exit, message) = match (self, stopping) {
            (Self::InProcess(home, _), true) => {
                home.kill();
                let message = format!(
                    "the run handed over no result within {seconds} s; all runners were killed"
                );
                (Exit::Interrupted, message)
            }
            (Self::InProcess(home, _), false) => {
                home.kill();
                let message = "the run did not end long after its planned end; all runners were killed. This is a bug in dlt, please report it";
                (Exit::Bug, message.to_owned())
            }
            (Self::OnServer(_, location), true) => {
                let message = format!(
                    "the run handed over no result within {seconds} s; the server goes on stopping it: dlt runs watch {}",
                    location.run
                );
                (Exit::Interrupted, message)
            }
            (Self::OnServer(_, location), false) => {
                let message = format!(
                    "the run has not ended long after its planned end; it is left to the server: dlt runs cancel {}",
                    location.run
                );
                (Exit::CouldNotRun, message)
            }
        };
        WatchEnd::Failed(WatchError { exit, message })
    }
}
