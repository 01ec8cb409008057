//! The clock of schedules at home: each second, scenarios whose time has come
//! are fired; and each hour, if that is wanted, old runs are deleted. Rules are the core's, what firing
//! means is `schedules`'.

use crate::error::PipelineError;
use crate::functions::fire::{Fired, Missed, fire};
use crate::functions::past;
use crate::local::Home;
use dlt_core::ids::TestId;
use dlt_core::retention::Retention;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// Between two looks at the clock.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
/// Between two deletions of old runs.
const BETWEEN_PRUNES: Duration = Duration::from_secs(3_600);

/// Fires schedules until it is dropped; `tell` hears what came of each.
pub async fn run(
    home: &Home,
    missed: Missed,
    mut tell: impl FnMut(&TestId, Result<Fired, PipelineError>),
) {
    let mut looks = interval(BETWEEN_LOOKS);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        // One whose database is busy stays due, and is fired in a second.
        for test in home.due() {
            match fire(home.world(), &test, missed).await {
                Ok(Fired::NotDue) => {}
                told => tell(&test, told),
            }
        }
    }
}

/// Deletes the runs that `retention` does not keep, until it is dropped; without one none. `tell` hears
/// how many there were.
pub async fn prune(
    home: &Home,
    retention: Option<Retention>,
    mut tell: impl FnMut(Result<u64, PipelineError>),
) {
    let Some(retention) = retention else {
        return std::future::pending().await;
    };
    let mut looks = interval(BETWEEN_PRUNES);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        tell(past::prune(home.world(), retention).await);
    }
}
