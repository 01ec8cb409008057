//! A runner's exact part of a run: of arrivals, of users, of data rows.
//!
//! Work is numbered over the whole run (arrival n, user k, row r). A *slice* is
//! the contiguous band of residues that a region owns; a *share* deals the
//! slice among the runners present. Every number belongs to exactly one share,
//! whatever the counts, and no work is handed out under load (idea: k6's
//! execution segments, in integers). Which runners are present is left to the
//! worker's rendezvous.

use serde::{Deserialize, Serialize};

/// One part of `of` equal parts; `index` counts from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// This part, `0..of`.
    pub index: u64,
    /// How many parts there are, at least 1.
    pub of: u64,
}

impl Share {
    /// All numbers: the only part of one.
    pub const WHOLE: Self = Self { index: 0, of: 1 };

    /// The share `index` of `of`; None when `index` is not below `of`.
    pub fn new(index: u64, of: u64) -> Option<Self> {
        (index < of).then_some(Self { index, of })
    }

    /// How many of the numbers `0..total` are in this share.
    pub fn count(self, total: u64) -> u64 {
        total / self.of + u64::from(self.index < total % self.of)
    }

    /// The `k`-th number of this share.
    pub fn nth(self, k: u64) -> u64 {
        self.index + k * self.of
    }

    /// Part `index` of `of` of this share: its every `of`-th number.
    pub fn split(self, index: u64, of: u64) -> Self {
        Self {
            index: self.index + self.of * index,
            of: self.of * of,
        }
    }
}

/// A region's band of the run: of each `of` consecutive numbers those whose
/// remainder lies in `first..first + count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// First remainder of the band.
    pub first: u64,
    /// Width of the band: the tasks asked for in this region.
    pub count: u64,
    /// All tasks asked for in the run.
    pub of: u64,
}

impl Slice {
    /// The whole run.
    pub const WHOLE: Self = Self {
        first: 0,
        count: 1,
        of: 1,
    };

    /// How many of the numbers `0..total` lie in the band.
    pub fn count(self, total: u64) -> u64 {
        let rest = total % self.of;
        total / self.of * self.count + rest.saturating_sub(self.first).min(self.count)
    }

    /// The `k`-th number of the band.
    pub fn nth(self, k: u64) -> u64 {
        k / self.count * self.of + self.first + k % self.count
    }
}

/// A share of a slice: what one runner, or one thread of it, does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lot {
    /// The region's band.
    pub slice: Slice,
    /// The part of the band.
    pub share: Share,
}

impl Lot {
    /// The whole run in one lot.
    pub const WHOLE: Self = Self {
        slice: Slice::WHOLE,
        share: Share::WHOLE,
    };

    /// How many of the numbers `0..total` are in this lot.
    pub fn count(self, total: u64) -> u64 {
        self.share.count(self.slice.count(total))
    }

    /// The `k`-th number of this lot, counted over the whole run.
    pub fn nth(self, k: u64) -> u64 {
        self.slice.nth(self.share.nth(k))
    }

    /// How many of `total` things belong to this lot's owners, if each of `owners` owners in
    /// turn gets one of them: thing n is owner n % `owners`'s.
    pub fn dealt(self, total: u64, owners: u64) -> u64 {
        let owners = owners.max(1);
        self.count(owners) * (total / owners) + self.count(total % owners)
    }

    /// Part `index` of `of` of this lot, as a runner deals it to its threads.
    pub fn split(self, index: u64, of: u64) -> Self {
        Self {
            slice: self.slice,
            share: self.share.split(index, of),
        }
    }

    /// The part of the run that this lot is, in whole billionths, rounded down.
    pub fn parts_per_billion(self) -> u64 {
        let of = u128::from(self.slice.of) * u128::from(self.share.of);
        let parts = u128::from(self.slice.count) * 1_000_000_000 / of.max(1);
        u64::try_from(parts).unwrap_or(u64::MAX)
    }

    /// The fraction of the run that this lot is.
    pub fn fraction(self) -> f64 {
        self.slice.count as f64 / self.slice.of as f64 / self.share.of as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Regions × runners × threads deal every number exactly once.
        #[test]
        fn lots_partition_the_run(
            counts in prop::collection::vec(1u64..6, 1..4),
            present in 1u64..5,
            threads in 1u64..4,
            total in 0u64..500,
            owners in 1u64..50,
        ) {
            let of: u64 = counts.iter().sum();
            let mut first = 0;
            let mut dealt = 0;
            let mut seen = vec![0u32; total as usize];
            for count in counts {
                let slice = Slice { first, count, of };
                first += count;
                for runner in 0..present {
                    for thread in 0..threads {
                        let lot = Lot { slice, share: Share { index: runner, of: present } }
                            .split(thread, threads);
                        let mine = lot.count(total);
                        let owned = (0..lot.count(owners)).map(|k| lot.nth(k));
                        let of_owner = |k| (0..total).filter(|n| n % owners == k).count() as u64;
                        prop_assert_eq!(lot.dealt(total, owners), owned.map(of_owner).sum::<u64>());
                        dealt += lot.dealt(total, owners);
                        for k in 0..mine {
                            seen[lot.nth(k) as usize] += 1;
                        }
                        prop_assert!(lot.nth(mine) >= total);
                    }
                }
            }
            prop_assert_eq!(dealt, total);
            prop_assert!(seen.iter().all(|&times| times == 1));
        }
    }
}
