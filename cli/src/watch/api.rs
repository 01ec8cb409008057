//! A run on a server, as a watched run: live events while they come, a look at
//! the record each second where they do not, and its end in any case. A run's
//! result is never lost to a broken stream.

use super::{Ctrl, Gone, Heard, Watching};
use crate::client::events::Events;
use crate::client::{Client, ClientError, Method, understood};
use crate::exit::Exit;
use crate::runs::find::Found;
use dlt_core::record::RunRecord;
use dlt_core::run::Status;
use dlt_core::calls::live::{LiveEvent, LiveStatus};
use serde_json::Value;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

/// Between two looks at a run without live events, and two tries to get them.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
/// Between two tries to tell the server that the run shall stop.
const BETWEEN_ASKS: Duration = Duration::from_millis(500);
/// A server that is away for longer is not waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// Events that the screen may lie behind.
const LONGEST_QUEUE: usize = 1_024;

/// Follows a run that was started.
pub fn follow(client: &Client, found: &Found) -> Watching {
    let (sender, heard) = mpsc::channel(LONGEST_QUEUE);
    let follower = Follower {
        client: client.clone(),
        found: found.clone(),
        sender,
        told_ticks: false,
        streams: true,
        away_since: None,
    };
    tokio::spawn(follower.tell());
    Watching {
        heard,
        ctrl: Ctrl::Api(client.clone(), found.clone()),
    }
}

/// A record, and the answer that it is read from.
type Record = (Box<RunRecord>, Option<Value>);

struct Follower {
    client: Client,
    found: Found,
    sender: mpsc::Sender<Heard>,
    /// Ticks were told: a stream that begins anew tells them again.
    told_ticks: bool,
    /// Whether this server has live events.
    streams: bool,
    away_since: Option<Instant>,
}

impl Follower {
    /// Tells until the run is over, or nobody listens any more (None).
    async fn tell(mut self) -> Option<()> {
        loop {
            match self.look().await {
                Ok(record) if record.0.status.is_terminal() => {
                    return self.send(Heard::Over(Ok(record))).await;
                }
                Ok(record) => {
                    self.away_since = None;
                    // A stream tells more exactly where the run stands.
                    if !self.streams {
                        let status = LiveEvent::Status(LiveStatus {
                            run_id: Some(self.found.run.clone()),
                            status: record.0.status,
                            load: None,
                        });
                        self.send(Heard::Event(status)).await?;
                    }
                }
                Err(error) => self.away(error).await?,
            }
            if self.away_since.is_none() && self.streams {
                match self.client.events(&self.found.test).await {
                    Ok(Some(events)) => {
                        if self.listen(events).await? {
                            // The end was told; the record is there by now.
                            continue;
                        }
                        let said = "the live stream broke; the result is not affected";
                        self.send(Heard::Said(said.to_owned())).await?;
                    }
                    Ok(None) => self.streams = false,
                    Err(error) => self.away(error).await?,
                }
            }
            tokio::select! {
                () = self.sender.closed() => return None,
                () = sleep(BETWEEN_LOOKS) => {}
            }
        }
    }

    async fn look(&self) -> Result<Record, ClientError> {
        let path = self.found.path();
        let answer = self.client.get(&path, &[]).await?;
        let record: RunRecord = understood(&path, answer.clone())?;
        Ok((Box::new(record), Some(answer)))
    }

    /// The server did not answer: waits a while for it to come back.
    async fn away(&mut self, error: ClientError) -> Option<()> {
        let patient = error.may_pass();
        let since = *self.away_since.get_or_insert_with(Instant::now);
        if patient && since.elapsed() < PATIENCE {
            return Some(());
        }
        let run = &self.found.run;
        let message = match patient {
            true => format!("{error}. The run goes on there: dlt runs watch {run}"),
            false => error.to_string(),
        };
        self.send(Heard::Over(Err(Gone {
            exit: error.exit(),
            message,
        })))
        .await;
        None
    }

    /// Tells a stream; whether it told the run's end.
    async fn listen(&mut self, mut events: Events) -> Option<bool> {
        if std::mem::take(&mut self.told_ticks) {
            self.send(Heard::Again).await?;
        }
        let mut seen = false;
        loop {
            let told = tokio::select! {
                () = self.sender.closed() => return None,
                told = events.next() => told,
            };
            let event = match told {
                None => return Some(false),
                Some(LiveEvent::Status(status)) => {
                    let ours = status.run_id.as_deref() == Some(&self.found.run);
                    if !ours || status.status.is_terminal() {
                        // Another run, or none: ours is over, or about to be seen.
                        if seen || status.status.is_terminal() {
                            return Some(true);
                        }
                        continue;
                    }
                    seen = true;
                    LiveEvent::Status(LiveStatus {
                        status: shown(status.status),
                        ..status
                    })
                }
                Some(LiveEvent::Tick(tick)) if tick.run_id.as_str() == self.found.run => {
                    self.told_ticks = true;
                    LiveEvent::Tick(tick)
                }
                Some(LiveEvent::Tick(_)) => continue,
                Some(LiveEvent::Note(note)) => LiveEvent::Note(note),
            };
            self.send(Heard::Event(event)).await?;
        }
    }

    async fn send(&self, heard: Heard) -> Option<()> {
        self.sender.send(heard).await.ok()
    }
}

/// A status of the run itself; the scenario's resting ones say nothing of it.
fn shown(status: Status) -> Status {
    match status {
        Status::Created | Status::Scheduled => Status::Queued,
        other => other,
    }
}

/// Asks until it is heard.
pub async fn stop(client: &Client, found: &Found) -> Option<Gone> {
    let path = format!("/scenarios/{}", found.test);
    loop {
        match client.ask(Method::Post, &path, &[], None).await {
            Ok(_) => return None,
            Err(error) if error.may_pass() => sleep(BETWEEN_ASKS).await,
            Err(error) => {
                return Some(Gone {
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
