//! A run in this process as a watched run, with the events of the home that drives it.

use super::{RunControl, WatchError, WatchEvent, WatchedRun};
use dlt_core::calls::live::LiveEvent;
use dlt_core::ids::TestId;
use dlt_core::scenario::Scenario;
use dlt_pipeline::error::PipelineError;
use dlt_pipeline::live::Events;
use dlt_pipeline::local::{Home, Started, Waited};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_stream::StreamExt as _;

/// How long starting a run may take.
const START_DEADLINE: Duration = Duration::from_secs(30);
/// Pause between two attempts to stop the run.
const STOP_PAUSE: Duration = Duration::from_millis(250);
/// Most events that wait for the display.
const LONGEST_QUEUE: usize = 1_024;

/// Starts the scenario.
pub async fn start(home: Arc<Home>, scenario: &Scenario) -> Result<WatchedRun, WatchError> {
    let started = match timeout(START_DEADLINE, home.start(scenario)).await {
        Ok(started) => started.map_err(|error| WatchError::of_pipeline(&error))?,
        Err(_) => {
            return Err(WatchError::could_not_run(format!(
                "the run did not start within {} s",
                START_DEADLINE.as_secs()
            )));
        }
    };
    let (sender, events) = mpsc::channel(LONGEST_QUEUE);
    tokio::spawn(forward(Arc::clone(&home), started.clone(), sender));
    Ok(WatchedRun {
        events,
        control: RunControl::InProcess(home, started),
    })
}

/// Sends the run's events until it has ended or the receiver is dropped.
async fn forward(home: Arc<Home>, started: Started, sender: mpsc::Sender<WatchEvent>) {
    let mut events = home.watch(&started.run);
    let ending = home.wait(&started);
    tokio::pin!(ending);
    loop {
        let event = tokio::select! {
            record = &mut ending => {
                let event = match record {
                    Ok(Waited { record, unstored: None }) => {
                        WatchEvent::Ended(Ok((Box::new(record), None)))
                    }
                    Ok(Waited { record, unstored: Some(why) }) => {
                        WatchEvent::EndedUnstored(Box::new(record), why)
                    }
                    Err(error) => WatchEvent::Ended(Err(WatchError::of_pipeline(&error))),
                };
                // A dropped receiver needs no result.
                let _ = sender.send(event).await;
                return;
            }
            event = next(&mut events) => match event {
                Some(event) => WatchEvent::Live(event),
                None => {
                    events = None;
                    continue;
                }
            },
        };
        if sender.send(event).await.is_err() {
            return;
        }
    }
}

/// The next event; pending forever once there are no more.
async fn next(events: &mut Option<Events>) -> Option<LiveEvent> {
    match events {
        Some(events) => events.next().await,
        None => std::future::pending().await,
    }
}

/// Stops the run, repeatedly until that succeeds: a disk that is busy for a moment must
/// not cost the measurements. Where the store is out, the runners know by then; what could
/// not be stored is stored beside the wait for their results.
pub async fn stop(home: &Arc<Home>, started: &Started, reason: &str) {
    if let Err(error) = home.cancel(&started.test, reason).await {
        let again = stop_again(Arc::clone(home), started.test.clone(), reason.to_owned());
        match error {
            // If it has ended already, its record follows.
            PipelineError::NothingRuns(_) => {}
            error if error.is_of_store() => drop(tokio::spawn(again)),
            _ => again.await,
        }
    }
}

async fn stop_again(home: Arc<Home>, test: TestId, reason: String) {
    loop {
        sleep(STOP_PAUSE).await;
        if let Ok(()) | Err(PipelineError::NothingRuns(_)) = home.cancel(&test, &reason).await {
            return;
        }
    }
}
