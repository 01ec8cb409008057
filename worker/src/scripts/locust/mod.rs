//! Running Locust: its command line, with our listener around it, and what its exit codes mean.
//! (Locust documentation: Configuration, Event hooks.)

pub(super) mod samples;

use super::ScriptError;
use super::launch::{Gate, Job, Launch, Stopping};
use super::shape::Shape;
use serde_json::json;
use std::process::Command;

/// Adds our listener, the gate and the stages to Locust.
const LISTENER: &str = include_str!("dlt_locust.py");

/// How the script is run.
pub(super) fn launch(job: &Job<'_>) -> Result<Launch, ScriptError> {
    let listener = job.own.join("dlt_locust.py");
    std::fs::write(&listener, LISTENER).map_err(ScriptError::folder)?;
    let mut command = Command::new(&job.tool.path);
    command
        .arg(&listener)
        .arg("-f")
        .arg(job.script)
        .args(["--headless", "--only-summary", "--exit-code-on-error", "0"])
        .args(["--stop-timeout", &job.graceful.as_secs().to_string()])
        .env("PYTHONUNBUFFERED", "1")
        .env("DLT_SAMPLES", job.samples)
        .env("DLT_GATE", job.gate);
    let mut changes = Vec::new();
    if let Some(shape) = job.shape {
        changes.push(format!(
            "Locust: {} in place of the script's own load",
            told(shape)
        ));
        match shape.plain() {
            Some((users, ramp_us, hold_us)) => command
                .args(["--users", &users.to_string()])
                .args(["--spawn-rate", &spawn_rate(users, ramp_us)])
                .args([
                    "--run-time",
                    &format!("{}s", (ramp_us + hold_us).div_ceil(1_000_000)),
                ])
                .env("DLT_OVERRIDE", "1"),
            None => {
                let stages = shape.stages.iter();
                let stages: Vec<(u64, f64)> = stages
                    .map(|(users, us)| (*users, *us as f64 / 1e6))
                    .collect();
                command.env("DLT_STAGES", json!(stages).to_string())
            }
        };
    }
    Ok(Launch {
        command,
        gate: Gate::Fifo(job.gate.to_owned()),
        stopping: Stopping::Signal,
        changes,
    })
}

/// Users that begin in a second, so that the last begins when the rise is over.
fn spawn_rate(users: u64, ramp_us: u64) -> String {
    match ramp_us {
        0 => users.max(1).to_string(),
        us => format!("{:.6}", users.max(1) as f64 * 1e6 / us as f64),
    }
}

fn told(shape: &Shape) -> String {
    let seconds = |us: u64| us as f64 / 1e6;
    match shape.plain() {
        Some((users, ramp, hold)) => format!(
            "{users} users, a rise of {} s and {} s",
            seconds(ramp),
            seconds(hold)
        ),
        None => format!("{} stages up to {} users", shape.stages.len(), shape.peak()),
    }
}

/// What an end means: Ok, or the tool failed. Failed requests alone do not change it.
pub(super) fn ended(code: Option<i32>, stopped: bool) -> Result<Option<String>, ()> {
    match code {
        Some(0) => Ok(None),
        // Of a stop it tells nothing else.
        _ if stopped => Ok(None),
        _ => Err(()),
    }
}
