//! One runner: fetch the order, meet the peers, make load, report.
//!
//! `lifecycle` is the sequence. `coordinator` does what a runner does beside its
//! load: it starts all runners at one instant, sends ticks, ends the load.
//! `engine` makes the load, `report` says what came of it. The control plane is
//! not here; what processes tell each other is typed in core.

pub mod clock;
pub mod coordinator;
pub mod depot;
pub mod engine;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
pub mod health;
#[cfg(any(test, feature = "instructions"))]
pub mod instructions;
pub mod lifecycle;
#[cfg(any(test, feature = "long-run"))]
pub mod long_run;
pub mod output;
pub mod report;
pub mod scripts;

use coordinator::stop::stop_signal;
use coordinator::watchdog::Watchdog;
use dlt_core::messages::order::Order;
use health::ecs;
use lifecycle::Runner;
use output::{LineWriter, log};
use std::time::{Duration, Instant};

/// The report is stored, also after a stop.
pub const EXIT_REPORTED: i32 = 0;
/// The order or the plan cannot be read.
pub use dlt_core::messages::order::EXIT_BAD_ORDER;
/// The load could not be made: depot, peers, certificates, files.
pub const EXIT_COULD_NOT_RUN: i32 = 3;
/// A bug in dlt.
pub const EXIT_BUG: i32 = 70;

/// How long a runner waits for its start unless `DLT_START_DEADLINE_S` says otherwise, seconds.
const START_DEADLINE_S: u64 = 60;
/// Largest value of `DLT_START_DEADLINE_S`, seconds: a day.
const LONGEST_START_DEADLINE_S: u64 = 24 * 3600;
/// How long after the start deadline the watchdog ends a runner that hangs.
pub(crate) const WATCHDOG_MARGIN: Duration = Duration::from_secs(60);

/// Runs the runner that the environment orders; returns its exit code.
pub fn run_from_env() -> i32 {
    let process_start = Instant::now();
    exit_on_panic();
    let env = |name: &str| std::env::var(name).ok();
    let mut order = match Order::from_env(env) {
        Ok(order) => order,
        Err(error) => {
            log(&error.to_string());
            return EXIT_BAD_ORDER;
        }
    };
    let start_deadline_s = match start_deadline_s(env("DLT_START_DEADLINE_S")) {
        Ok(seconds) => seconds,
        Err(why) => {
            log(&why);
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
            log(&format!("cannot start: {error}"));
            return EXIT_COULD_NOT_RUN;
        }
    };
    let deadline = process_start + Duration::from_secs(start_deadline_s) + WATCHDOG_MARGIN;
    let watchdog = Watchdog::new(deadline, || {
        log("the last deadline has passed and this runner hangs; it ends without a report");
        std::process::exit(EXIT_COULD_NOT_RUN);
    });
    let metadata = env(ecs::METADATA_URI).filter(|_| order.runner.is_none());
    let exit = runtime.block_on(async move {
        let task = match metadata {
            None => None,
            Some(endpoint) => match ecs::task(&endpoint).await {
                Ok(task) => {
                    order.runner = Some(task.runner.clone());
                    Some(task)
                }
                Err(why) => {
                    log(&why);
                    return EXIT_COULD_NOT_RUN;
                }
            },
        };
        let runner = Runner {
            order,
            task,
            process_start,
            start_deadline_s,
            stop: match stop_signal() {
                Ok(stop) => stop,
                Err(error) => {
                    log(&format!("cannot listen for signals: {error}"));
                    return EXIT_COULD_NOT_RUN;
                }
            },
            lines: LineWriter::stdout(),
            watchdog,
        };
        runner.run().await
    });
    // A depot call that hangs in a thread of its own must not delay the exit.
    runtime.shutdown_background();
    exit
}

/// A panic in any thread is a bug in dlt and ends the process.
fn exit_on_panic() {
    let print_panic = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        print_panic(panic);
        std::process::exit(EXIT_BUG);
    }));
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
