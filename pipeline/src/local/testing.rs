//! A home's world for the tests of this package: its database and folder are
//! real, its clock is turned by the test, and no workflow is driven.

use crate::clock::Clock;
use crate::error::PipelineError;
use crate::executions::sqlite::SqliteExecutions;
use crate::fleet::{process::Lifetime, processes::Processes};
use crate::live::broadcast::Broadcast;
use crate::objects::files::FileObjects;
use crate::regions::home::HomeRegions;
use crate::runs::sqlite::SqliteRuns;
use crate::scenarios::sqlite::SqliteScenarios;
use crate::store::sqlite::Database;
use crate::world::{Pace, Scripts, World};
use dlt_core::ids::Region;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A clock that stands until it is set.
#[derive(Debug, Default)]
pub(crate) struct Still {
    now_us: AtomicU64,
    drawn: AtomicU64,
}

impl Still {
    pub(crate) fn at(instant: &str) -> Arc<Self> {
        let clock = Self::default();
        clock.set(instant);
        Arc::new(clock)
    }

    pub(crate) fn set(&self, instant: &str) {
        let instant: jiff::Timestamp = instant.parse().unwrap();
        let us = u64::try_from(instant.as_microsecond()).unwrap();
        self.now_us.store(us, Ordering::Relaxed);
    }

    pub(crate) fn advance_s(&self, seconds: u64) {
        self.now_us
            .fetch_add(seconds * 1_000_000, Ordering::Relaxed);
    }
}

impl Clock for Still {
    fn now_us(&self) -> u64 {
        self.now_us.load(Ordering::Relaxed)
    }

    /// Different each time, and the same in each run of the tests.
    fn random(&self, bytes: &mut [u8]) -> Result<(), PipelineError> {
        let mut state = self.drawn.fetch_add(1, Ordering::Relaxed) + 1;
        for byte in bytes {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            *byte = (state >> 33) as u8;
        }
        Ok(())
    }
}

/// The world of a folder, with two regions of four runners.
pub(crate) fn world(database: Database, clock: &Arc<Still>, folder: &Path) -> World {
    let runs = SqliteRuns(database.clone());
    let regions = ["lo-home-1", "lo-home-2"].map(|name| (Region::parse(name).unwrap(), 4));
    let shell = ("/bin/false".into(), Vec::new());
    World {
        scenarios: Arc::new(SqliteScenarios(database.clone())),
        schedules: Arc::new(crate::schedules::timers::Timers::default()),
        runs: Arc::new(runs.clone()),
        objects: Arc::new(FileObjects::new(folder.join("objects"))),
        regions: Arc::new(HomeRegions::new(
            regions.to_vec(),
            runs,
            "2026-01-12T10:00:00.000Z".to_owned(),
        )),
        fleet: Arc::new(Processes::new(
            shell,
            folder.join("runs"),
            Lifetime::OfParent,
            Arc::clone(clock),
            Arc::new(()),
        )),
        live: Arc::new(Broadcast::default()),
        executions: Arc::new(SqliteExecutions(database)),
        clock: Arc::clone(clock) as Arc<_>,
        pace: Pace::home(),
        depot: folder.join("objects").display().to_string(),
        cores: Some(2),
        targets: dlt_core::target_policy::TargetPolicy::default(),
        scripts: Scripts::Allowed,
        proxies: dlt_core::routing::EnvironmentProxies::default(),
    }
}
