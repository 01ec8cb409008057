//! The simulated ports beside the store and the fleet: regions, watchers, schedules.

use crate::ports::Sim;
use crate::state::lock;
use async_trait::async_trait;
use dlt_core::calls::answers::StackInfo;
use dlt_core::calls::live::LiveEvent;
use dlt_core::ids::{TestId, TestRunId};
use dlt_pipeline::error::PipelineError;
use dlt_pipeline::live::{Drained, Live, Subscription};
use dlt_pipeline::regions::{RegionRoom, Regions};
use dlt_pipeline::runs::Run;
use dlt_pipeline::scenarios::Planned;
use dlt_pipeline::schedules::Schedules;

/// No region is registered: the workflow never asks for one.
pub struct Land;

#[async_trait]
impl Regions for Land {
    async fn list(&self) -> Result<Vec<RegionRoom>, PipelineError> {
        Ok(Vec::new())
    }

    async fn stack(&self) -> Result<StackInfo, PipelineError> {
        Err(PipelineError::Other("there is no stack".to_owned()))
    }
}

#[async_trait]
impl Live for Sim {
    async fn publish(&self, _: &Run, event: LiveEvent) {
        let mut state = lock(&self.0);
        if let LiveEvent::Note(note) = &event {
            state.tell(format!("note: {note}"));
        }
        state.events.push(event);
    }

    async fn subscribe(
        &self,
        _: &TestId,
        _: &TestRunId,
    ) -> Result<Option<Subscription>, PipelineError> {
        self.call(|_| {
            Ok(Some(Subscription::Elsewhere {
                endpoint: "simulated".to_owned(),
                topics: Vec::new(),
            }))
        })
    }

    async fn drain(&self, _: &TestRunId) -> Result<Drained, PipelineError> {
        self.call(|_| Ok(Drained::default()))
    }
}

#[async_trait]
impl Schedules for Sim {
    async fn put(&self, test: &TestId, plan: &Planned) -> Result<(), PipelineError> {
        self.call(|state| {
            match plan.next_us {
                Some(next_us) => state.schedules.insert(test.clone(), next_us),
                None => state.schedules.remove(test),
            };
            Ok(())
        })
    }

    async fn remove(&self, test: &TestId) -> Result<(), PipelineError> {
        self.call(|state| {
            state.schedules.remove(test);
            Ok(())
        })
    }

    async fn next(&self, test: &TestId) -> Result<Option<u64>, PipelineError> {
        self.call(|state| Ok(state.schedules.get(test).copied()))
    }
}
