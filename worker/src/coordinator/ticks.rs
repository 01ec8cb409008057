//! Merges ticks second by second: threads' seconds into a runner's ticks,
//! runners' ticks into a region's lines.
//!
//! A second is emitted when every source has delivered it, or when it is
//! overdue. What arrives later is emitted as a further tick of the same second:
//! ticks are added, so they add up to the account whatever arrived when. There
//! is no clock here: the time is an argument. Where ticks go is up to the
//! coordinator.

use dlt_core::messages::runner_line::Tick;
use std::collections::BTreeMap;

/// Merges the ticks of several sources, second by second.
#[derive(Debug)]
pub struct TickMerger {
    /// For each source the second that it delivers next; None if nothing waits
    /// for the source.
    sources: Vec<Option<u64>>,
    pending: BTreeMap<u64, PendingTick>,
    /// Seconds below this were emitted before.
    emitted_below: u64,
    /// How long after its end a second is waited for, µs.
    wait_us: u64,
}

#[derive(Debug)]
struct PendingTick {
    tick: Tick,
    due_us: u64,
}

impl TickMerger {
    /// A merger of `sources` sources; a second is overdue `wait_us` after its end.
    pub fn new(sources: usize, wait_us: u64) -> Self {
        Self {
            sources: vec![Some(0); sources],
            pending: BTreeMap::new(),
            emitted_below: 0,
            wait_us,
        }
    }

    /// Adds a tick of a source, in any order; `now_us` counts from the start instant.
    pub fn add(&mut self, source: usize, tick: Tick, now_us: u64) {
        let second = tick.second.second;
        if let Some(next) = self.sources.get_mut(source) {
            *next = Some(next.unwrap_or(0).max(second.saturating_add(1)));
        }
        match self.pending.get_mut(&second) {
            Some(pending) => pending.tick.merge(&tick),
            None => {
                let from_us = if second < self.emitted_below {
                    now_us
                } else {
                    second.saturating_add(1).saturating_mul(1_000_000)
                };
                let due_us = from_us.saturating_add(self.wait_us);
                self.pending.insert(second, PendingTick { tick, due_us });
            }
        }
    }

    /// Stops waiting for a source that delivers nothing more.
    pub fn remove_source(&mut self, source: usize) {
        if let Some(next) = self.sources.get_mut(source) {
            *next = None;
        }
    }

    /// Emits what is complete or overdue, earliest first.
    pub fn take_due(&mut self, now_us: u64) -> Vec<Tick> {
        let mut ticks = Vec::new();
        while let Some(first) = self.pending.first_entry() {
            let second = *first.key();
            let is_late = |next: &Option<u64>| next.is_some_and(|next| next <= second);
            let is_overdue = now_us >= first.get().due_us;
            if !is_overdue && (second < self.emitted_below || self.sources.iter().any(is_late)) {
                break;
            }
            ticks.push(first.remove().tick);
            self.emitted_below = self.emitted_below.max(second.saturating_add(1));
            // Nothing waits for a late source until it delivers again.
            for next in &mut self.sources {
                if is_late(next) {
                    *next = None;
                }
            }
        }
        ticks
    }

    /// Emits everything, earliest first.
    pub fn take_all(&mut self) -> Vec<Tick> {
        self.take_due(u64::MAX)
    }

    /// When `take_due` emits something even if nothing more arrives, µs since
    /// the start instant. The earliest second decides, since later ones wait
    /// behind it.
    pub fn next_due_us(&self) -> Option<u64> {
        self.pending.values().next().map(|first| first.due_us)
    }
}

#[cfg(test)]
mod tests;
