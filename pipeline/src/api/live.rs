//! Live data as server-sent events (decision 21): `status` when a run or the
//! scenario moves on, `tick` for each second of each region, `note` for what
//! befell a run. A stream begins with what was told of the run in progress, and
//! goes on with the next run: it ends when the listener leaves, or the scenario
//! is deleted.

use crate::api::listeners::Permit;
use crate::functions::records;
use crate::live::Subscription;
use crate::runs::Run;
use crate::scenarios;
use crate::world::World;
use dlt_core::calls::live::{LiveEvent, LiveStatus};
use dlt_core::ids::TestId;
use dlt_core::judge::summary::LoadSummary;
use dlt_core::refusal::Refusal;
use dlt_core::run::Status;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
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
    test: TestId,
    permit: Permit,
) -> Result<ReceiverStream<Line>, Refusal> {
    scenarios::need(world.scenarios.as_ref(), &test).await?;
    let (sender, receiver) = mpsc::channel(LONGEST_QUEUE);
    let teller = Teller {
        world: Arc::clone(world),
        test,
        sender,
        told: None,
        at_rest: None,
    };
    tokio::spawn(async move {
        // A listener that disconnects ends its stream: nobody is left to tell.
        let _: Option<()> = teller.tell().await;
        drop(permit);
    });
    Ok(ReceiverStream::new(receiver))
}

struct Teller {
    world: Arc<World>,
    test: TestId,
    sender: mpsc::Sender<Line>,
    /// The last status that was told.
    told: Option<(Option<String>, Status)>,
    /// The version of the scenario in which it was found at rest: until it changes there is
    /// nothing to read.
    at_rest: Option<u64>,
}

impl Teller {
    /// Tells until the listener has left (None) or the scenario is gone.
    async fn tell(mut self) -> Option<()> {
        let mut silent = tokio::time::Instant::now();
        loop {
            // A database that is busy is asked again the next time.
            if !self.is_unchanged().await
                && let Ok(item) = self.world.scenarios.get(&self.test).await
            {
                let item = item?;
                self.at_rest = item.status.is_resting().then_some(item.version);
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
                let status = LiveStatus {
                    run_id: item.run.map(String::from),
                    status: item.status,
                    load: None,
                };
                if self.status(status).await? {
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

    /// Whether the scenario is as it was when it was found at rest.
    async fn is_unchanged(&self) -> bool {
        let Some(known) = self.at_rest else {
            return false;
        };
        let version = self.world.scenarios.version(&self.test).await;
        matches!(version, Ok(Some(version)) if version == known)
    }

    /// Tells a run in progress to its end.
    async fn follow(&mut self, run: &Run) -> Option<()> {
        let plan = records::plan(&self.world, run).await.ok();
        let load = plan.map(|plan| {
            LoadSummary::planned(&plan, run.tasks(), &run.changes).with_seed(&plan, &run.run)
        });
        // Subscribed first: what happens from here on is heard.
        let subscribed = self.world.live.subscribe(&run.test, &run.run).await;
        let status = LiveStatus {
            run_id: Some(run.run.to_string()),
            status: run.record.status,
            load,
        };
        self.status(status).await?;
        let Ok(Some(Subscription::Here(mut events))) = subscribed else {
            // It ended just now, or is driven in a moment.
            tokio::time::sleep(BETWEEN_LOOKS).await;
            return Some(());
        };
        loop {
            let event = tokio::select! {
                () = self.sender.closed() => return None,
                event = tokio::time::timeout(LONGEST_SILENCE, events.next()) => event,
            };
            match event {
                Err(_) => self.send(": still here\n\n".to_owned()).await?,
                Ok(Some(LiveEvent::Tick(_))) if !run.live => {}
                Ok(Some(LiveEvent::Status(status))) => {
                    self.status(status).await?;
                }
                Ok(Some(event)) => self.event(&event).await?,
                Ok(None) => return Some(()),
            }
        }
    }

    /// Tells a status, unless it was told; whether it was new.
    async fn status(&mut self, status: LiveStatus) -> Option<bool> {
        let now = (status.run_id.clone(), status.status);
        if self.told.as_ref() == Some(&now) {
            return Some(false);
        }
        self.told = Some(now);
        self.event(&LiveEvent::Status(status)).await?;
        Some(true)
    }

    async fn event(&self, event: &LiveEvent) -> Option<()> {
        let id = match event {
            LiveEvent::Tick(tick) => {
                let second = tick.second.second;
                format!("id: {}/{}/{second}\n", tick.run_id, tick.region)
            }
            _ => String::new(),
        };
        let (name, data) = (event.name(), event.data());
        self.send(format!("event: {name}\n{id}data: {data}\n\n"))
            .await
    }

    /// None once the listener has left, or reads nothing any more.
    async fn send(&self, line: String) -> Option<()> {
        let sent = self.sender.send_timeout(Ok(line), LONGEST_STALL).await;
        sent.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::listeners::{Listener, Listeners};
    use crate::error::PipelineError;
    use crate::local::testing::{Still, world};
    use crate::scenarios::{ScenarioItem, Scenarios};
    use crate::store::sqlite::Database;
    use async_trait::async_trait;
    use dlt_core::calls::Caller;
    use dlt_core::calls::answers::ScenarioListItem;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::Notify;

    /// Longest wait of these tests.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// Scenarios of a folder, with how often one was read, and how often its version.
    struct Counted {
        inner: Arc<dyn Scenarios>,
        reads: AtomicUsize,
        looks: AtomicUsize,
        looked: Notify,
    }

    #[async_trait]
    impl Scenarios for Counted {
        async fn get(&self, test: &TestId) -> Result<Option<ScenarioItem>, PipelineError> {
            self.reads.fetch_add(1, Ordering::Relaxed);
            self.inner.get(test).await
        }

        async fn version(&self, test: &TestId) -> Result<Option<u64>, PipelineError> {
            self.looks.fetch_add(1, Ordering::Relaxed);
            let version = self.inner.version(test).await;
            self.looked.notify_one();
            version
        }

        async fn put(&self, item: &ScenarioItem) -> Result<(), PipelineError> {
            self.inner.put(item).await
        }

        async fn list(&self) -> Result<Vec<ScenarioListItem>, PipelineError> {
            self.inner.list().await
        }

        async fn delete(&self, item: &ScenarioItem) -> Result<(), PipelineError> {
            self.inner.delete(item).await
        }
    }

    #[tokio::test]
    async fn a_scenario_at_rest_is_read_only_when_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path(), &[]).unwrap();
        let mut world = world(database, &Still::at("2026-03-04T09:00:00Z"), folder.path());
        let counted = Arc::new(Counted {
            inner: Arc::clone(&world.scenarios),
            reads: AtomicUsize::new(0),
            looks: AtomicUsize::new(0),
            looked: Notify::new(),
        });
        world.scenarios = Arc::clone(&counted) as Arc<dyn Scenarios>;
        let test = TestId::parse("shop1").unwrap();
        let mut item = ScenarioItem::new(test.clone(), serde_json::json!({}));
        world.scenarios.put(&item).await.unwrap();
        item.version = 1;
        let listener = Listener {
            caller: Caller::Reader,
            holder: None,
            address: None,
        };
        let permit = Listeners::new(4).take(listener).unwrap();
        let world = Arc::new(world);
        let mut told = events(&world, test, permit).await.unwrap();
        let next = async |told: &mut ReceiverStream<Line>| {
            let next = tokio::time::timeout(PATIENCE, told.next()).await;
            next.expect("nothing is told").unwrap().unwrap()
        };
        assert!(next(&mut told).await.contains("created"));
        for _ in 0..2 {
            let looked = tokio::time::timeout(PATIENCE, counted.looked.notified()).await;
            looked.expect("it is not looked at");
        }
        let reads = counted.reads.load(Ordering::Relaxed);
        assert_eq!(reads, 2, "once to find it, once to tell how it stands");
        item.status = Status::Cancelled;
        world.scenarios.put(&item).await.unwrap();
        assert!(next(&mut told).await.contains("cancelled"));
        assert_eq!(counted.reads.load(Ordering::Relaxed), 3);
        assert!(counted.looks.load(Ordering::Relaxed) >= 3);
    }
}
