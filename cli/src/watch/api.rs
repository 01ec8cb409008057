//! A run on a server as a watched run: its live events, or without them its status from a
//! request each second. Events of topics (on AWS) may be lost, so the record is requested
//! beside them. Its end always comes from the record, so that no result is lost
//! when the event stream breaks.

use super::{RunControl, WatchError, WatchEvent, WatchedRun};
use crate::client::events::{Events, LiveAnswer};
use crate::client::{Client, ClientError, Method, understood};
use crate::exit::Exit;
use crate::find::RunLocation;
use dlt_core::calls::answers::{LoadChanges, LoadWish};
use dlt_core::calls::live::{LiveEvent, LiveStatus};
use dlt_core::load::changes::LoadChange;
use dlt_core::record::RunRecord;
use dlt_core::run::Status;
use dlt_core::value::Value;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

/// Pause between two requests for the record, and between two attempts to open the event
/// stream.
const POLL_PAUSE: Duration = Duration::from_secs(1);
/// Pause between two requests for the record beside a stream that may lose events: each is
/// a call of a function.
const CHECK_PAUSE: Duration = Duration::from_secs(3);
/// Pause between two attempts to stop the run.
const STOP_PAUSE: Duration = Duration::from_millis(500);
/// How long to wait for a server that does not answer.
const UNREACHABLE_DEADLINE: Duration = Duration::from_secs(60);
/// Most events that wait for the display.
const LONGEST_QUEUE: usize = 1_024;

/// Watches a run that has been started.
pub fn follow(client: &Client, location: &RunLocation) -> WatchedRun {
    let (sender, events) = mpsc::channel(LONGEST_QUEUE);
    let follower = Follower {
        client: client.clone(),
        location: location.clone(),
        sender,
        sent_ticks: false,
        has_stream: true,
        told_unavailable: false,
        unreachable_since: None,
    };
    tokio::spawn(follower.forward());
    WatchedRun {
        events,
        control: RunControl::OnServer(client.clone(), location.clone()),
    }
}

/// A record, and the answer that it was read from.
type Record = (Box<RunRecord>, Option<Value>);

struct Follower {
    client: Client,
    location: RunLocation,
    sender: mpsc::Sender<WatchEvent>,
    /// Whether ticks were sent: a new stream repeats them.
    sent_ticks: bool,
    /// Whether this server has an event stream.
    has_stream: bool,
    /// Whether it was said that the stream cannot be had.
    told_unavailable: bool,
    unreachable_since: Option<Instant>,
}

impl Follower {
    /// Sends events until the run has ended; None if the receiver was dropped.
    async fn forward(mut self) -> Option<()> {
        loop {
            match self.record().await {
                Ok(record) if record.0.status.is_terminal() => {
                    return self.send(WatchEvent::Ended(Ok(record))).await;
                }
                Ok(record) => {
                    self.unreachable_since = None;
                    // A complete stream has more precise statuses.
                    if !self.has_stream || self.client.is_on_aws() {
                        self.send_status(&record).await?;
                    }
                }
                Err(error) => self.handle_error(error).await?,
            }
            if self.unreachable_since.is_none() && self.has_stream {
                match self.client.events(&self.location.test).await {
                    Ok(LiveAnswer::Events(events)) => {
                        if self.forward_stream(events).await? {
                            // The run has ended: its record is complete now.
                            continue;
                        }
                        let message = "the live stream broke; the result is not affected";
                        self.send(WatchEvent::Message(message.to_owned())).await?;
                    }
                    Ok(LiveAnswer::Nothing) => self.has_stream = false,
                    Ok(LiveAnswer::Unavailable { why, is_transient }) => {
                        self.has_stream = is_transient;
                        if !std::mem::replace(&mut self.told_unavailable, true) {
                            let message =
                                format!("there is no live view: {why}; the run is not affected");
                            self.send(WatchEvent::Message(message)).await?;
                        }
                    }
                    Err(error) => self.handle_error(error).await?,
                }
            }
            tokio::select! {
                () = self.sender.closed() => return None,
                () = sleep(POLL_PAUSE) => {}
            }
        }
    }

    async fn send_status(&self, record: &Record) -> Option<()> {
        let status = LiveEvent::Status(LiveStatus {
            run_id: Some(self.location.run.clone()),
            status: run_status(record.0.status),
            load: None,
        });
        self.send(WatchEvent::Live(status)).await
    }

    async fn record(&self) -> Result<Record, ClientError> {
        let path = self.location.path();
        let answer = self.client.get(&path, &[]).await?;
        let record: RunRecord = understood(&path, answer.clone())?;
        Ok((Box::new(record), Some(answer)))
    }

    /// Ends watching, unless the error may be transient and the deadline is not over.
    async fn handle_error(&mut self, error: ClientError) -> Option<()> {
        let transient = error.is_transient();
        let since = *self.unreachable_since.get_or_insert_with(Instant::now);
        if transient && since.elapsed() < UNREACHABLE_DEADLINE {
            return Some(());
        }
        let run = &self.location.run;
        let message = if transient {
            format!("{error}. The run goes on there: dlt runs watch {run}")
        } else {
            error.to_string()
        };
        self.send(WatchEvent::Ended(Err(WatchError {
            exit: error.exit(),
            message,
        })))
        .await;
        None
    }

    /// Sends a stream's events; whether the stream contained the run's end.
    async fn forward_stream(&mut self, mut events: Events) -> Option<bool> {
        let is_complete = events.is_complete();
        if is_complete && std::mem::take(&mut self.sent_ticks) {
            self.send(WatchEvent::Restarted).await?;
        }
        let mut was_running = false;
        let mut check = interval_at(Instant::now() + CHECK_PAUSE, CHECK_PAUSE);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let event = tokio::select! {
                () = self.sender.closed() => return None,
                event = events.next() => event,
                _ = check.tick(), if !is_complete => match self.record().await {
                    Ok(record) if record.0.status.is_terminal() => return Some(true),
                    Ok(record) => {
                        self.unreachable_since = None;
                        self.send_status(&record).await?;
                        continue;
                    }
                    Err(error) => {
                        self.handle_error(error).await?;
                        continue;
                    }
                },
            };
            let event = match event {
                None => return Some(false),
                Some(LiveEvent::Status(status)) => {
                    let is_own = status.run_id.as_deref() == Some(&self.location.run);
                    if !is_own || status.status.is_terminal() {
                        // Another run, or none: this one has ended or has not begun.
                        if was_running || status.status.is_terminal() {
                            return Some(true);
                        }
                        continue;
                    }
                    was_running = true;
                    LiveEvent::Status(LiveStatus {
                        status: run_status(status.status),
                        ..status
                    })
                }
                Some(LiveEvent::Tick(tick)) if tick.run_id.as_str() == self.location.run => {
                    self.sent_ticks = true;
                    LiveEvent::Tick(tick)
                }
                Some(LiveEvent::Tick(_)) => continue,
                Some(LiveEvent::Note(note)) => LiveEvent::Note(note),
            };
            self.send(WatchEvent::Live(event)).await?;
        }
    }

    async fn send(&self, event: WatchEvent) -> Option<()> {
        self.sender.send(event).await.ok()
    }
}

/// The run's status; a scenario's own statuses mean that the run is queued.
fn run_status(status: Status) -> Status {
    match status {
        Status::Created | Status::Scheduled => Status::Queued,
        other => other,
    }
}

/// Stops the run, repeatedly while errors may be transient.
pub async fn stop(client: &Client, location: &RunLocation) -> Option<WatchError> {
    let path = format!("/scenarios/{}", location.test);
    loop {
        match client.call(Method::Post, &path, &[], None).await {
            Ok(_) => return None,
            Err(error) if error.is_transient() => sleep(STOP_PAUSE).await,
            Err(error) => {
                return Some(WatchError {
                    exit: match error.exit() {
                        Exit::BadInput => Exit::CouldNotRun,
                        exit => exit,
                    },
                    message: format!("the run could not be stopped: {error}"),
                });
            }
        }
    }
}

/// Changes the load; all changes of the run so far, or why it cannot be changed.
pub async fn change(
    client: &Client,
    location: &RunLocation,
    wish: LoadWish,
) -> Result<Vec<LoadChange>, String> {
    let path = format!("{}/load", location.path());
    let body = serde_json::to_value(wish).map_err(|error| error.to_string())?;
    let answer = client.call(Method::Post, &path, &[], Some(&body)).await;
    let answer = answer.map_err(|error| error.to_string())?;
    let told: LoadChanges = understood(&path, answer).map_err(|error| error.to_string())?;
    Ok(told.changes)
}
