//! One runner: fetch the order, meet the others, make load, report.
//!
//! `life` is the sequence. `rendezvous` starts all runners at one instant,
//! `engine` makes the load, `conduct` watches over it and speaks of it each
//! second, `report` says what came of it. The control plane is not here; what
//! rooms say to each other is typed in core.

pub mod beat;
pub mod clock;
pub mod conduct;
pub mod depot;
pub mod engine;
pub mod frames;
pub mod health;
pub mod life;
pub mod peer;
pub mod region;
pub mod rendezvous;
pub mod report;
pub mod say;
pub mod watchdog;

use dlt_core::messages::order::Order;
use life::Life;
use say::{Lines, talk};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use watchdog::Watchdog;

/// The report is stored, also after a stop.
pub const EXIT_REPORTED: i32 = 0;
/// The order or the plan is not one.
pub const EXIT_BAD_ORDER: i32 = 2;
/// The load could not be made: depot, meeting, certificates, files.
pub const EXIT_COULD_NOT_RUN: i32 = 3;
/// Our bug.
pub const EXIT_BUG: i32 = 70;

/// How long a runner waits for its start unless `DLT_START_DEADLINE_S` says otherwise, seconds.
const START_DEADLINE_S: u64 = 60;
/// Longest that it may be told to wait, seconds: a day.
const LONGEST_START_DEADLINE_S: u64 = 24 * 3600;
/// Between two looks whether the parent still lives.
const PARENT_LOOK: Duration = Duration::from_millis(500);
/// Beyond the start deadline: how long until what still hangs is ended.
const LAST_RESORT: Duration = Duration::from_secs(60);

/// Lives a runner's life by the order in the environment; the exit code.
pub fn run_from_env() -> i32 {
    let born = Instant::now();
    panics_exit();
    let env = |name: &str| std::env::var(name).ok();
    let order = match Order::from_env(env) {
        Ok(order) => order,
        Err(error) => {
            talk(&error.to_string());
            return EXIT_BAD_ORDER;
        }
    };
    let start_deadline_s = match start_deadline_s(env("DLT_START_DEADLINE_S")) {
        Ok(seconds) => seconds,
        Err(why) => {
            talk(&why);
            return EXIT_BAD_ORDER;
        }
    };
    // Before the load: a leader holds a connection to each of its workers.
    health::raise_file_limit();
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            talk(&format!("cannot start: {error}"));
            return EXIT_COULD_NOT_RUN;
        }
    };
    let last_resort = born + Duration::from_secs(start_deadline_s) + LAST_RESORT;
    let watchdog = Watchdog::new(last_resort, || {
        talk("nothing has moved past the last deadline; giving up without a report");
        std::process::exit(EXIT_COULD_NOT_RUN);
    });
    let exit = runtime.block_on(async move {
        let life = Life {
            order,
            born,
            start_deadline_s,
            signal: match stop_signal() {
                Ok(signal) => signal,
                Err(error) => {
                    talk(&format!("cannot listen for signals: {error}"));
                    return EXIT_COULD_NOT_RUN;
                }
            },
            lines: Lines::stdout(),
            watchdog,
        };
        life.live().await
    });
    // A depot that hangs in a thread of its own must not hold up the exit.
    runtime.shutdown_background();
    exit
}

/// A panic anywhere, in whatever thread, is our bug and ends the process.
fn panics_exit() {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tell(panic);
        std::process::exit(EXIT_BUG);
    }));
}

/// Returns when the process that started this one has ended: its children then
/// get another parent. A killed `dlt run` must not leave load behind.
async fn parent_gone() {
    let parent = std::os::unix::process::parent_id();
    let mut beat = tokio::time::interval(PARENT_LOOK);
    // Already gone when 1, the parent of orphans, is ours; a container's own
    // first process is never told to end with its parent.
    while parent != 1 && std::os::unix::process::parent_id() == parent {
        beat.tick().await;
    }
}

/// SIGTERM and SIGINT, and where asked for the parent's end, as a reason to
/// stop; the first one counts.
fn stop_signal() -> std::io::Result<conduct::StopSignal> {
    let (told, signalled) = watch::channel(None);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let with_parent = std::env::var("DLT_ENDS_WITH").is_ok_and(|word| word == "parent");
    tokio::spawn(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
            () = parent_gone(), if with_parent => "the dlt process that started it is gone",
        };
        told.send_replace(Some(name.to_owned()));
        told.closed().await;
    });
    Ok(signalled)
}

fn start_deadline_s(text: Option<String>) -> Result<u64, String> {
    match text.as_deref().map(str::parse) {
        None => Ok(START_DEADLINE_S),
        Some(Ok(seconds @ 1..=LONGEST_START_DEADLINE_S)) => Ok(seconds),
        Some(_) => Err(format!(
            "environment variable DLT_START_DEADLINE_S is {:?}; it must be a whole number of seconds from 1 to {LONGEST_START_DEADLINE_S}",
            text.unwrap_or_default()
        )),
    }
}

#[cfg(test)]
mod tests;
