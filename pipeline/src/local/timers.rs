//! The clock of schedules at home: each second, scenarios whose time has come
//! are fired. Rules are the core's, what firing means is `schedules`'.

use crate::error::PipelineError;
use crate::functions::fire::{Fired, Missed, fire};
use crate::local::Home;
use dlt_core::ids::TestId;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// Between two looks at the clock.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

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
