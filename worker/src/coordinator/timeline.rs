//! A timeline under way: the seconds of a runner or of a region, folded into
//! longer stretches as the run gets long (decision 17), so that a month of load
//! fits in memory.

use dlt_core::measure::second::Second;
use dlt_core::messages::runner_line::Tick;
use dlt_core::messages::timeline::stretch_of;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Collects ticks into the stretches of a timeline.
#[derive(Debug, Default)]
pub struct TimelineFolder {
    stretches: BTreeMap<u64, Stretch>,
    /// Seconds that were added.
    pub seconds: u64,
    /// Most users in a second.
    pub peak_users: u64,
}

#[derive(Debug)]
struct Stretch {
    /// The latest second in it: its users are the stretch's.
    latest: u64,
    /// Shared with snapshots; copied only when it changes while one exists.
    sum: Arc<Second>,
}

impl TimelineFolder {
    /// Adds a tick; ticks of one second, and seconds, may come in any order.
    pub fn add(&mut self, tick: &Tick) {
        let latest = tick.second.second;
        let start = stretch_of(latest);
        let mut second = tick.second.clone();
        second.second = start;
        let is_new = match self.stretches.get_mut(&start) {
            None => {
                let sum = Arc::new(second);
                self.stretches.insert(start, Stretch { latest, sum });
                true
            }
            Some(stretch) if latest > stretch.latest => {
                Arc::make_mut(&mut stretch.sum).extend(&second);
                stretch.latest = latest;
                true
            }
            Some(stretch) => {
                if latest < stretch.latest {
                    (second.users, second.runners) = (0, 0);
                }
                Arc::make_mut(&mut stretch.sum).merge(&second);
                false
            }
        };
        self.seconds += u64::from(is_new);
        let users = self.stretches.get(&start).map_or(0, |row| row.sum.users);
        self.peak_users = self.peak_users.max(users);
    }

    /// The stretches so far, rising; copies no numbers.
    pub fn snapshot(&self) -> Vec<Arc<Second>> {
        self.stretches.values().map(|row| row.sum.clone()).collect()
    }

    /// The stretches, rising.
    pub fn into_stretches(self) -> Vec<Second> {
        let stretches = self.stretches.into_values();
        stretches.map(|row| Arc::unwrap_or_clone(row.sum)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::tick;
    use proptest::prelude::*;

    proptest! {
        /// A timeline holds every request, in whatever order parts of seconds come.
        #[test]
        fn folding_loses_nothing(
            ticks in prop::collection::vec((21_590u64..21_640, 0u64..50), 0..60),
            snapshots in any::<bool>(),
        ) {
            let mut folder = TimelineFolder::default();
            let mut held = Vec::new();
            for &(second, sent) in &ticks {
                folder.add(&tick(second, sent));
                if snapshots {
                    held.push(folder.snapshot());
                }
            }
            let sent_in = |stretches: &[Arc<Second>]| -> u64 {
                stretches.iter().map(|stretch| stretch.sent).sum()
            };
            // A snapshot stays as it was when it was taken.
            let mut so_far = 0;
            for (snapshot, row) in held.iter().zip(&ticks) {
                so_far += row.1;
                prop_assert_eq!(sent_in(snapshot), so_far);
            }
            let stretches = folder.into_stretches();
            let sent: u64 = stretches.iter().map(|stretch| stretch.sent).sum();
            prop_assert_eq!(sent, ticks.iter().map(|row| row.1).sum::<u64>());
            prop_assert!(stretches.windows(2).all(|pair| pair[0].second < pair[1].second));
            prop_assert!(stretches.iter().all(|row| row.second == stretch_of(row.second)));
        }
    }

    #[test]
    fn users_of_a_second_add_and_of_a_stretch_do_not() {
        let mut folder = TimelineFolder::default();
        // Two parts of second 0: threads with one user each.
        folder.add(&tick(0, 1));
        folder.add(&tick(0, 1));
        folder.add(&tick(1, 1));
        assert_eq!((folder.peak_users, folder.seconds), (2, 2));
        // Ten seconds of one stretch, then a late part of an early one.
        (21_600..21_610).for_each(|second| folder.add(&tick(second, 1)));
        folder.add(&tick(21_600, 1));
        assert_eq!((folder.peak_users, folder.seconds), (2, 12));
        let rows: Vec<_> = folder
            .into_stretches()
            .iter()
            .map(|row| (row.second, row.users, row.sent))
            .collect();
        assert_eq!(rows, [(0, 2, 2), (1, 1, 1), (21_600, 1, 11)]);
    }
}
