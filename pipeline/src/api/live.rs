//! Live data as server-sent events (decision 21): `status` when a run or the
//! scenario moves on, `tick` for each second of each region, `note` for what
//! befell a run. A stream begins with what was told of the run in progress, and
//! goes on with the next run: it ends when the listener leaves, or the scenario
//! is deleted.

use crate::live::LiveEvent;
use crate::live::broadcast::{Broadcast, Joined};
use crate::runs::Run;
use crate::scenarios;
use crate::world::World;
use dlt_core::calls::answers::LiveStatus;
use dlt_core::ids::{TestId, TestRunId};
use dlt_core::judge::summary::LoadSummary;
use dlt_core::messages::runner_line::Tick;
use dlt_core::refusal::Refusal;
use dlt_core::run::Status;
use dlt_core::scenario::plan::Plan;
use serde::Serialize;
use serde_json::json;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_stream::wrappers::ReceiverStream;

/// Events that a slow listener may lie behind before it misses some.
const LONGEST_QUEUE: usize = 64;
/// How often a scenario at rest is looked at.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
/// How often something is said, so that nobody takes the line for dead.
const LONGEST_SILENCE: Duration = Duration::from_secs(15);

/// How long a listener may take none of what is told before it counts as gone.
const LONGEST_STALL: Duration = Duration::from_secs(60);

type Line = Result<String, Infallible>;

/// The events of a scenario from now on. `permit` is given back at their end.
pub(super) async fn events(
    world: &Arc<World>,
    live: &Arc<Broadcast>,
    test: TestId,
    permit: OwnedSemaphorePermit,
) -> Result<ReceiverStream<Line>, Refusal> {
    scenarios::need(world.scenarios.as_ref(), &test).await?;
    let (sender, receiver) = mpsc::channel(LONGEST_QUEUE);
    let teller = Teller {
        world: Arc::clone(world),
        live: Arc::clone(live),
        test,
        sender,
        told: None,
    };
    tokio::spawn(async move {
        // Left is what a listener does; there is nobody to tell.
        let _: Option<()> = teller.tell().await;
        drop(permit);
    });
    Ok(ReceiverStream::new(receiver))
}

struct Teller {
    world: Arc<World>,
    live: Arc<Broadcast>,
    test: TestId,
    sender: mpsc::Sender<Line>,
    /// The last status that was told.
    told: Option<(Option<TestRunId>, Status)>,
}

impl Teller {
    /// Tells until the listener has left (None) or the scenario is gone.
    async fn tell(mut self) -> Option<()> {
        let mut silent = tokio::time::Instant::now();
        loop {
            // A database that is busy is asked again the next time.
            if let Ok(item) = self.world.scenarios.get(&self.test).await {
                let item = item?;
                let runs = self.world.runs.as_ref();
                let active = scenarios::active_run(&item, runs).await.unwrap_or(None);
                let run = match &active {
                    Some(run) => runs.get(&self.test, run).await.unwrap_or(None),
                    None => None,
                };
                if let Some(run) = run {
                    self.follow(&run).await?;
                    silent = tokio::time::Instant::now();
                    continue;
                }
                if self.status(item.run, item.status, None).await? {
                    silent = tokio::time::Instant::now();
                }
            }
            if silent.elapsed() >= LONGEST_SILENCE {
                self.send(": still here\n\n".to_owned()).await?;
                silent = tokio::time::Instant::now();
            }
            tokio::select! {
                () = self.sender.closed() => return None,
                () = tokio::time::sleep(BETWEEN_LOOKS) => {}
            }
        }
    }

    /// Tells a run in progress to its end.
    async fn follow(&mut self, run: &Run) -> Option<()> {
        let load = Plan::from_document(&run.document)
            .ok()
            .map(|plan| LoadSummary::planned(&plan, run.tasks()));
        // Joined first: what happens from here on is heard.
        let joined = self.live.join(&run.run);
        let status = run.record.status;
        self.status(Some(run.run.clone()), status, load).await?;
        let Some(Joined { ticks, mut events }) = joined else {
            // It ended just now, or is driven in a moment.
            tokio::time::sleep(BETWEEN_LOOKS).await;
            return Some(());
        };
        if run.live {
            for tick in ticks {
                self.tick(&tick).await?;
            }
        }
        loop {
            let event = tokio::select! {
                () = self.sender.closed() => return None,
                event = tokio::time::timeout(LONGEST_SILENCE, events.recv()) => event,
            };
            match event {
                Err(_) => self.send(": still here\n\n".to_owned()).await?,
                Ok(Ok(LiveEvent::Tick(tick))) if run.live => self.tick(&tick).await?,
                Ok(Ok(LiveEvent::Tick(_))) => {}
                Ok(Ok(LiveEvent::Status(status))) => {
                    self.status(Some(run.run.clone()), status, None).await?;
                }
                Ok(Ok(LiveEvent::Note(note))) => self.note(&note).await?,
                Ok(Err(RecvError::Lagged(missed))) => {
                    let note =
                        format!("{missed} live events were missed; the result is not affected");
                    self.note(&note).await?;
                }
                Ok(Err(RecvError::Closed)) => return Some(()),
            }
        }
    }

    /// Tells a status, unless it was told; whether it was new.
    async fn status(
        &mut self,
        run: Option<TestRunId>,
        status: Status,
        load: Option<LoadSummary>,
    ) -> Option<bool> {
        let now = (run, status);
        if self.told.as_ref() == Some(&now) {
            return Some(false);
        }
        let event = LiveStatus {
            run_id: now.0.clone().map(String::from),
            status,
            load,
        };
        self.told = Some(now);
        self.event("status", None, &event).await?;
        Some(true)
    }

    async fn tick(&self, tick: &Tick) -> Option<()> {
        let id = format!("{}/{}/{}", tick.run_id, tick.region, tick.second.second);
        self.event("tick", Some(id), tick).await
    }

    async fn note(&self, note: &str) -> Option<()> {
        self.event("note", None, &json!({ "note": note })).await
    }

    async fn event(&self, name: &str, id: Option<String>, data: &impl Serialize) -> Option<()> {
        // Texts, numbers and lists alone: this cannot fail. JSON has no line breaks.
        let data = serde_json::to_string(data).unwrap_or_default();
        let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
        self.send(format!("event: {name}\n{id}data: {data}\n\n"))
            .await
    }

    /// None once the listener has left, or reads nothing any more.
    async fn send(&self, line: String) -> Option<()> {
        let sent = self.sender.send_timeout(Ok(line), LONGEST_STALL).await;
        sent.ok()
    }
}
