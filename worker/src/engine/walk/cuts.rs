//! Planned time of load in which a thread made none: it began late, or it stood still.
//! Seen by a thread's own beat, once a second; what that means is the verdict's.

use std::cell::Cell;

/// A thread that begins this much after the start instant began late, µs: as the
/// verdict has it for the start of a run.
pub(crate) const LATE_BEGIN_US: u64 = 50_000;
/// A beat that comes this much later than it was due found the thread standing, µs: a
/// busy one is late by less.
const STANDSTILL_US: u64 = 500_000;
const SECOND_US: u64 = 1_000_000;

/// What one thread did not make.
#[derive(Debug)]
pub(crate) struct Cuts {
    /// The planned end.
    end_us: Cell<u64>,
    /// In open load what stood still is sent late, which is measured as lag.
    open: bool,
    /// When the next beat is due.
    due_us: Cell<u64>,
    cut_us: Cell<u64>,
}

impl Cuts {
    /// Of a load that is planned up to `end_us`.
    pub(crate) fn new(end_us: u64, open: bool) -> Self {
        Self {
            end_us: Cell::new(end_us),
            open,
            due_us: Cell::new(0),
            cut_us: Cell::new(0),
        }
    }

    /// The load ends earlier than planned.
    pub(crate) fn end_by(&self, end_us: u64) {
        self.end_us.set(self.end_us.get().min(end_us));
    }

    /// The load begins.
    pub(crate) fn begin(&self, now_us: u64) {
        if now_us > LATE_BEGIN_US {
            self.cut(0, now_us);
        }
        self.due_us.set((now_us / SECOND_US + 1) * SECOND_US);
    }

    /// A second is over, also while nothing happens.
    pub(crate) fn beat(&self, now_us: u64) {
        let due_us = self.due_us.replace((now_us / SECOND_US + 1) * SECOND_US);
        if !self.open && now_us > due_us + STANDSTILL_US {
            self.cut(due_us, now_us);
        }
    }

    /// The load is over; all that was planned and not made.
    pub(crate) fn end(&self, now_us: u64) -> u64 {
        // A beat that was still due.
        let due_us = self.due_us.get();
        if now_us > due_us + STANDSTILL_US {
            self.cut(due_us, now_us);
        }
        self.cut_us.get()
    }

    fn cut(&self, from_us: u64, to_us: u64) {
        let us = to_us.min(self.end_us.get()).saturating_sub(from_us);
        self.cut_us.set(self.cut_us.get() + us);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(open: bool, began_us: u64, beats: &[u64], ended_us: u64) -> u64 {
        let cuts = Cuts::new(10 * SECOND_US, open);
        cuts.begin(began_us);
        beats.iter().for_each(|at| cuts.beat(*at));
        cuts.end(ended_us)
    }

    #[test]
    fn only_what_was_planned_is_cut() {
        let second = |n: u64| n * SECOND_US + 300_000;
        let all: Vec<u64> = (1..10).map(second).collect();
        assert_eq!(cut(false, 40_000, &all, 10_000_000), 0);
        // Begun late: from the start.
        assert_eq!(cut(false, 2_500_000, &all[2..], 10_000_000), 2_500_000);
        assert_eq!(cut(true, 2_500_000, &all[2..], 10_000_000), 2_500_000);
        assert_eq!(cut(false, 3_600_000_000, &[], 3_600_000_000), 10_000_000);
        // Stood still from some time before 4 s to 7.3 s.
        let stood: Vec<u64> = [1, 2, 3, 7, 8, 9].map(second).to_vec();
        assert_eq!(cut(false, 0, &stood, 10_000_000), 3_300_000);
        assert_eq!(cut(true, 0, &stood, 10_000_000), 0);
        // Over the planned end, whether its beat comes or not.
        let before = [1, 2, 3].map(second);
        assert_eq!(cut(false, 0, &before, 70_000_000), 6_000_000);
        let with = [1, 2, 3, 70].map(second);
        assert_eq!(cut(false, 0, &with, 70_400_000), 6_000_000);
        // Ended early: nothing more was planned for it.
        assert_eq!(cut(false, 0, &before, 4_200_000), 0);
    }
}
