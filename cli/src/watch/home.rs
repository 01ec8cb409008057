//! A run in this process, as a watched run: its events and its end, told by the
//! home that drives it.

use super::{Ctrl, Gone, Heard, Watching};
use dlt_core::scenario::Scenario;
use dlt_pipeline::error::PipelineError;
use dlt_core::calls::live::LiveEvent;
use dlt_pipeline::live::Events;
use dlt_pipeline::local::{Home, Started};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_stream::StreamExt as _;

/// How long starting may take before we give up on it.
const START_DEADLINE: Duration = Duration::from_secs(30);
/// Between two tries to tell the home that the run shall stop.
const BETWEEN_ASKS: Duration = Duration::from_millis(250);
/// Events that the screen may lie behind.
const LONGEST_QUEUE: usize = 1_024;

/// Starts the scenario.
pub async fn start(home: Arc<Home>, scenario: &Scenario) -> Result<Watching, Gone> {
    let started = match timeout(START_DEADLINE, home.start(scenario)).await {
        Ok(started) => started.map_err(|error| Gone::of(&error))?,
        Err(_) => {
            return Err(Gone::could_not(format!(
                "the run did not start within {} s",
                START_DEADLINE.as_secs()
            )));
        }
    };
    let (sender, heard) = mpsc::channel(LONGEST_QUEUE);
    let telling = tell(Arc::clone(&home), started.clone(), sender);
    tokio::spawn(telling);
    Ok(Watching {
        heard,
        ctrl: Ctrl::Home(home, started),
    })
}

/// Tells until the run is over, or nobody listens any more.
async fn tell(home: Arc<Home>, started: Started, sender: mpsc::Sender<Heard>) {
    let mut events = home.watch(&started.run);
    let waiting = home.wait(&started);
    tokio::pin!(waiting);
    loop {
        let heard = tokio::select! {
            record = &mut waiting => {
                let record = record.map(|record| (Box::new(record), None));
                let over = Heard::Over(record.map_err(|error| Gone::of(&error)));
                // Whoever left does not want to know.
                let _ = sender.send(over).await;
                return;
            }
            event = next(&mut events) => match event {
                Some(event) => Heard::Event(event),
                None => {
                    events = None;
                    continue;
                }
            },
        };
        if sender.send(heard).await.is_err() {
            return;
        }
    }
}

/// The next event of a run; never one of a run that has no more.
async fn next(events: &mut Option<Events>) -> Option<LiveEvent> {
    match events {
        Some(events) => events.next().await,
        None => std::future::pending().await,
    }
}

/// Asks until it is heard: a disk that is busy for a moment must not cost what
/// was measured.
pub async fn stop(home: &Home, started: &Started, reason: &str) {
    loop {
        match home.cancel(&started.test, reason).await {
            // A run that is already over has nothing to cancel: its record follows.
            Ok(()) | Err(PipelineError::NothingRuns(_)) => return,
            Err(_) => sleep(BETWEEN_ASKS).await,
        }
    }
}
