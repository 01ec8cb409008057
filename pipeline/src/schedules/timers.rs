//! Timers at home: when each scenario is next due, in memory. Whoever opens the
//! data folder fills them from the stored scenarios, which hold the same plans.

use super::Schedules;
use crate::error::PipelineError;
use crate::scenarios::Planned;
use async_trait::async_trait;
use dlt_core::ids::TestId;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The next occurrence of each scenario.
#[derive(Debug, Default)]
pub struct Timers(Mutex<BTreeMap<TestId, u64>>);

impl Timers {
    /// These scenarios are due at these times, µs since the Unix epoch.
    pub fn of(next: impl IntoIterator<Item = (TestId, u64)>) -> Self {
        Self(Mutex::new(next.into_iter().collect()))
    }

    /// Scenarios that are due by `now_us`, earliest first.
    pub fn due(&self, now_us: u64) -> Vec<TestId> {
        let next = self.lock();
        let mut due: Vec<(u64, &TestId)> = next
            .iter()
            .filter(|(_, next_us)| **next_us <= now_us)
            .map(|(test, next_us)| (*next_us, test))
            .collect();
        due.sort();
        due.into_iter().map(|(_, test)| test.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<TestId, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Schedules for Timers {
    async fn put(&self, test: &TestId, plan: &Planned) -> Result<(), PipelineError> {
        let mut next = self.lock();
        match plan.next_us {
            Some(next_us) => next.insert(test.clone(), next_us),
            None => next.remove(test),
        };
        Ok(())
    }

    async fn remove(&self, test: &TestId) -> Result<(), PipelineError> {
        self.lock().remove(test);
        Ok(())
    }

    async fn next(&self, test: &TestId) -> Result<Option<u64>, PipelineError> {
        Ok(self.lock().get(test).copied())
    }
}
