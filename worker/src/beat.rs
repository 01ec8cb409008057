//! From threads' seconds to a runner's ticks, from runners' ticks to a region's
//! lines: adding what belongs to the same second, and letting go of it in time.
//!
//! A second is let go when everybody has delivered it, or when it is overdue.
//! What comes later is let go as a further tick of the same second: ticks are
//! added, so they add up to the account whatever came when. No clock here: the
//! time is an argument. Where ticks go is `conduct`'s affair.

use dlt_core::measure::sample::Cause;
use dlt_core::measure::second::Second;
use dlt_core::measure::second::add_cause;
use dlt_core::messages::report::Ended;
use dlt_core::messages::runner_line::Tick;
use dlt_core::messages::timeline::stretch_of;
use std::collections::BTreeMap;

/// Seconds of load without any answer after which a target is silent (dlt.md 2).
const SILENT_TARGET_S: u64 = 5;

/// Gathers the ticks of several sources, second by second.
#[derive(Debug)]
pub struct Gather {
    /// For each source the second it is to deliver next; None once it is not waited for.
    sources: Vec<Option<u64>>,
    pending: BTreeMap<u64, Pending>,
    /// Seconds below this were let go before.
    fresh: u64,
    /// How long after its end a second is waited for, µs.
    patience_us: u64,
}

#[derive(Debug)]
struct Pending {
    tick: Tick,
    due_us: u64,
}

impl Gather {
    /// So many sources; a second is overdue `patience_us` after its end.
    pub fn new(sources: usize, patience_us: u64) -> Self {
        Self {
            sources: vec![Some(0); sources],
            pending: BTreeMap::new(),
            fresh: 0,
            patience_us,
        }
    }

    /// A source's tick, whenever it comes; `now_us` counts from the start instant.
    pub fn add(&mut self, source: usize, tick: Tick, now_us: u64) {
        let second = tick.second.second;
        if let Some(next) = self.sources.get_mut(source) {
            *next = Some(next.unwrap_or(0).max(second.saturating_add(1)));
        }
        match self.pending.get_mut(&second) {
            Some(pending) => pending.tick.merge(&tick),
            None => {
                let from_us = if second < self.fresh {
                    now_us
                } else {
                    second.saturating_add(1).saturating_mul(1_000_000)
                };
                let due_us = from_us.saturating_add(self.patience_us);
                self.pending.insert(second, Pending { tick, due_us });
            }
        }
    }

    /// A source that delivers nothing more, or is not to be waited for.
    pub fn leave(&mut self, source: usize) {
        if let Some(next) = self.sources.get_mut(source) {
            *next = None;
        }
    }

    /// Lets go of what is complete or overdue, earliest first.
    pub fn due(&mut self, now_us: u64) -> Vec<Tick> {
        let mut ticks = Vec::new();
        while let Some(first) = self.pending.first_entry() {
            let second = *first.key();
            let late = |next: &Option<u64>| next.is_some_and(|next| next <= second);
            let overdue = now_us >= first.get().due_us;
            if !overdue && (second < self.fresh || self.sources.iter().any(late)) {
                break;
            }
            ticks.push(first.remove().tick);
            self.fresh = self.fresh.max(second.saturating_add(1));
            // Who has held others up once is waited for again when it delivers.
            for next in &mut self.sources {
                if late(next) {
                    *next = None;
                }
            }
        }
        ticks
    }

    /// Lets go of everything, earliest first.
    pub fn flush(&mut self) -> Vec<Tick> {
        self.due(u64::MAX)
    }

    /// When `due` will let go of something however little comes, µs since the
    /// start instant. The earliest second decides, since later ones wait behind it.
    pub fn next_due_us(&self) -> Option<u64> {
        self.pending.values().next().map(|first| first.due_us)
    }
}

/// A runner's own seconds for its timeline, folded as they get old (decision
/// 17), so that a month of load fits in memory.
#[derive(Debug, Default)]
pub struct Folded {
    /// By the start of the stretch; with the latest second in it.
    stretches: BTreeMap<u64, (u64, Second)>,
    /// Seconds seen.
    pub seconds: u64,
    /// Most users in a second.
    pub peak_users: u64,
}

impl Folded {
    /// Adds a tick of the runner.
    pub fn add(&mut self, tick: &Tick) {
        let at = stretch_of(tick.second.second);
        let mut second = tick.second.clone();
        second.second = at;
        let is_new = match self.stretches.get_mut(&at) {
            None => {
                self.stretches.insert(at, (tick.second.second, second));
                true
            }
            Some((latest, sum)) if tick.second.second > *latest => {
                sum.extend(&second);
                *latest = tick.second.second;
                true
            }
            Some((latest, sum)) => {
                if tick.second.second < *latest {
                    second.users = 0;
                }
                sum.merge(&second);
                false
            }
        };
        self.seconds += u64::from(is_new);
        let users = self.stretches.get(&at).map_or(0, |(_, sum)| sum.users);
        self.peak_users = self.peak_users.max(users);
    }

    /// The stretches, rising.
    pub fn into_stretches(self) -> Vec<Second> {
        self.stretches.into_values().map(|(_, sum)| sum).collect()
    }
}

/// Watches for a target that answers nothing.
#[derive(Debug, Default)]
pub struct Silence {
    first_begun: Option<u64>,
    answers: u64,
    causes: Vec<(String, u64)>,
}

impl Silence {
    /// Takes a tick; Some if the target has now been silent for too long. A
    /// request may have been sent at the very end of its second, so five whole
    /// seconds after that one have to pass.
    pub fn observe(&mut self, tick: &Tick, target: &str) -> Option<Ended> {
        self.answers += tick.answers;
        for (cause, count) in &tick.second.causes {
            add_cause(&mut self.causes, cause, *count);
        }
        if tick.second.sent + tick.second.unconnected > 0 {
            let first = self.first_begun.unwrap_or(u64::MAX).min(tick.second.second);
            self.first_begun = Some(first);
        }
        let long_enough = self
            .first_begun
            .is_some_and(|first| tick.second.second >= first.saturating_add(SILENT_TARGET_S));
        (long_enough && self.answers == 0).then(|| self.ended(target))
    }

    fn ended(&self, target: &str) -> Ended {
        let cause = self
            .causes
            .iter()
            .max_by_key(|row| row.1)
            .and_then(|row| Cause::parse(&row.0));
        let why = match cause {
            Some(cause) => format!("most frequent cause: {cause}"),
            None => "connections stay open without an answer".to_owned(),
        };
        Ended::TargetSilent {
            cause,
            message: format!(
                "{target} answered nothing in the first {SILENT_TARGET_S} s of load ({why}); check that it is up and can be reached from the runners"
            ),
        }
    }
}

#[cfg(test)]
mod tests;
