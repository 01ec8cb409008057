//! A timeline under way: the seconds of a runner or of a region, folded into
//! longer stretches as the run gets long (decision 17), and packed once they are
//! past, so that a month of load fits in memory.

use dlt_core::measure::packed::PackedSecond;
use dlt_core::measure::second::Second;
use dlt_core::messages::runner_line::Tick;
use dlt_core::messages::timeline::stretch_of;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Stretches that are kept as they are: parts of a second come within a few of it, and adding to one
/// that is packed costs more.
const OPEN_STRETCHES: usize = 8;

/// Collects ticks into the stretches of a timeline.
#[derive(Debug, Default)]
pub struct TimelineFolder {
    stretches: BTreeMap<u64, Stretch>,
    /// The stretches that are not packed, by their starts.
    open: Vec<u64>,
    /// Seconds that were added.
    pub seconds: u64,
    /// Most users in a second.
    pub peak_users: u64,
}

#[derive(Debug)]
struct Stretch {
    /// The latest second in it: its users are the stretch's.
    latest: u64,
    sum: Sum,
}

/// The sum of a stretch, as it is kept.
#[derive(Debug, Clone)]
pub enum Sum {
    /// Shared with snapshots; copied only when it changes while one exists.
    Open(Arc<Second>),
    /// Nothing more is expected for it.
    Packed(PackedSecond),
}

impl Sum {
    /// The sum.
    pub fn second(&self) -> Cow<'_, Second> {
        match self {
            Self::Open(second) => Cow::Borrowed(second),
            Self::Packed(packed) => Cow::Owned(packed.second()),
        }
    }
}

impl TimelineFolder {
    /// Adds a tick; ticks of one second, and seconds, may come in any order.
    pub fn add(&mut self, tick: &Tick) {
        self.add_second(tick.second.clone());
    }

    /// Adds a second or a part of one. Its runners are all of the region's, also in a part.
    pub fn add_second(&mut self, mut second: Second) {
        let latest = second.second;
        let start = stretch_of(latest);
        second.second = start;
        let users = match self.stretches.get_mut(&start) {
            None => {
                let users = second.users;
                let sum = Sum::Open(Arc::new(second));
                self.stretches.insert(start, Stretch { latest, sum });
                self.seconds += 1;
                self.opened(start);
                users
            }
            Some(stretch) => {
                let was_packed = matches!(stretch.sum, Sum::Packed(_));
                self.seconds += u64::from(latest > stretch.latest);
                let users = stretch.add(latest, second);
                if was_packed {
                    self.opened(start);
                }
                users
            }
        };
        self.peak_users = self.peak_users.max(users);
    }

    /// A stretch is open; packs one if too many are: the earliest.
    fn opened(&mut self, start: u64) {
        self.open.push(start);
        if self.open.len() <= OPEN_STRETCHES {
            return;
        }
        let earliest = self.open.iter().enumerate().min_by_key(|row| *row.1);
        let start = earliest
            .map(|(at, _)| at)
            .map(|at| self.open.swap_remove(at));
        if let Some(stretch) = start.and_then(|start| self.stretches.get_mut(&start)) {
            stretch.sum = Sum::Packed(PackedSecond::of(&stretch.sum.second()));
        }
    }

    /// The stretches so far, rising; copies no numbers.
    pub fn snapshot(&self) -> Vec<Sum> {
        self.stretches.values().map(|row| row.sum.clone()).collect()
    }

    /// The stretches, rising.
    pub fn into_stretches(self) -> Vec<Second> {
        let sums = self.stretches.into_values().map(|row| row.sum);
        let seconds = sums.map(|sum| match sum {
            Sum::Open(second) => Arc::unwrap_or_clone(second),
            Sum::Packed(packed) => packed.second(),
        });
        seconds.collect()
    }
}

impl Stretch {
    /// Adds a part of it, of the second `latest`; returns the users that it has now.
    fn add(&mut self, latest: u64, part: Second) -> u64 {
        let so_far = &mut self.latest;
        match &mut self.sum {
            Sum::Open(sum) => add_part(Arc::make_mut(sum), so_far, (latest, part)),
            Sum::Packed(packed) => {
                let mut sum = packed.second();
                let users = add_part(&mut sum, so_far, (latest, part));
                self.sum = Sum::Open(Arc::new(sum));
                users
            }
        }
    }
}

/// Adds a part of a stretch whose latest second so far is `so_far`; returns the users that it has now.
fn add_part(sum: &mut Second, so_far: &mut u64, (latest, mut part): (u64, Second)) -> u64 {
    if latest > *so_far {
        sum.extend(&part);
        *so_far = latest;
    } else {
        if latest < *so_far {
            (part.users, part.runners) = (0, 0);
        }
        let runners = sum.runners.max(part.runners);
        sum.merge(&part);
        sum.runners = runners;
    }
    sum.users
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
            let sent_in = |stretches: &[Sum]| -> u64 {
                stretches.iter().map(|stretch| stretch.second().sent).sum()
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
