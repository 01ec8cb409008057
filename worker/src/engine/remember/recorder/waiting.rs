//! Requests that have begun and not ended, by the second in which they began: what
//! is known of a target that does not answer (`give-up-after`). What follows from it
//! is left to the coordinator.

use std::collections::VecDeque;

/// Counts of a thread. Long only while requests of long ago wait: a second is
/// dropped when it and all before it have none.
#[derive(Debug)]
pub(super) struct Waiting {
    /// The second of the first count.
    first_s: u64,
    /// The last count is that of the current second.
    counts: VecDeque<u32>,
}

impl Default for Waiting {
    fn default() -> Self {
        Self {
            first_s: 0,
            counts: VecDeque::from([0]),
        }
    }
}

impl Waiting {
    /// A request begins in the current second.
    #[inline]
    pub(super) fn begin(&mut self) {
        if let Some(count) = self.counts.back_mut() {
            *count += 1;
        }
    }

    /// A request ends that began in a second.
    #[inline]
    pub(super) fn end(&mut self, began_s: u64) {
        let at = began_s.wrapping_sub(self.first_s) as usize;
        if let Some(count) = self.counts.get_mut(at) {
            *count = count.saturating_sub(1);
        }
    }

    /// Ends the current second; returns in which the oldest request that waits began.
    pub(super) fn next_second(&mut self) -> Option<u64> {
        while self.counts.len() > 1 && self.counts.front() == Some(&0) {
            self.counts.pop_front();
            self.first_s += 1;
        }
        let waits = self.counts.front() != Some(&0);
        let since_s = waits.then_some(self.first_s);
        if waits {
            self.counts.push_back(0);
        } else {
            // The one count is that of the second which has ended.
            self.first_s += 1;
        }
        since_s
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against a plain list of the seconds in which requests began.
        #[test]
        fn it_knows_the_oldest(acts in prop::collection::vec((0u8..4, any::<prop::sample::Index>()), 0..300)) {
            let mut waiting = Waiting::default();
            let (mut open, mut second) = (Vec::new(), 0u64);
            for (act, which) in acts {
                match act {
                    0 | 1 => {
                        waiting.begin();
                        open.push(second);
                    }
                    2 if !open.is_empty() => {
                        waiting.end(open.swap_remove(which.index(open.len())));
                    }
                    _ => {
                        prop_assert_eq!(waiting.next_second(), open.iter().min().copied());
                        second += 1;
                    }
                }
                prop_assert!(waiting.counts.len() as u64 <= second + 1);
            }
        }
    }
}
