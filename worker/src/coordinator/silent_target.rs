//! Detects a target that is out of reach for so long that the load ends
//! (`give-up-after`, dlt.md 1 and 2).
//!
//! What counts are attempts: every one that began in the last `give-up-after` was
//! refused, unreachable or unresolved, or got no byte until its own time limit. A
//! slow target is none of these: as long as an attempt waits within its limits,
//! nothing is known of the time since it began.

use dlt_core::measure::sample::Cause;
use dlt_core::measure::second::add_cause;
use dlt_core::messages::report::Ended;
use dlt_core::messages::runner_line::Tick;

/// Adds up ticks until no attempt has found a target for too long.
#[derive(Debug)]
pub struct SilentTargetDetector {
    /// After how many whole seconds; None: never.
    give_up_after_s: Option<u64>,
    /// Attempts that began in this second or later have found nothing so far: the
    /// second after the last one in which something was found.
    nothing_since_s: u64,
    /// Among those that have ended, when the first began.
    first_s: Option<u64>,
    causes: Vec<(String, u64)>,
}

impl SilentTargetDetector {
    /// Gives up after so many µs of silence, rounded up to whole seconds, or never.
    pub fn new(give_up_after_us: Option<u64>) -> Self {
        Self {
            give_up_after_s: give_up_after_us.map(|us| us.div_ceil(1_000_000)),
            nothing_since_s: 0,
            first_s: None,
            causes: Vec::new(),
        }
    }

    /// Takes a tick; Some if the target has now been out of reach for too long.
    pub fn observe(&mut self, tick: &Tick, target: &str) -> Option<Ended> {
        let limit_s = self.give_up_after_s?;
        let second = tick.second.second;
        if tick.answers > 0 {
            self.nothing_since_s = self.nothing_since_s.max(second.saturating_add(1));
            self.first_s = None;
            self.causes.clear();
            return None;
        }
        // Without an attempt that has just failed there is nothing new to judge by.
        let since_s = tick.silence.since_s?;
        // An attempt may have begun before the last answer came to another one.
        let since_s = since_s.max(self.nothing_since_s);
        let first_s = self.first_s.map_or(since_s, |first| first.min(since_s));
        self.first_s = Some(first_s);
        for (cause, count) in &tick.second.causes {
            add_cause(&mut self.causes, cause, *count);
        }
        // Of attempts that began later it is not known how they end.
        let until_s = tick.silence.waiting_since_s.unwrap_or(second).min(second);
        // An attempt may have begun at the very end of its second.
        (until_s >= first_s.saturating_add(limit_s)).then(|| self.end_reason(target, limit_s))
    }

    fn end_reason(&self, target: &str, limit_s: u64) -> Ended {
        let cause = self
            .causes
            .iter()
            .filter_map(|row| Some((row.1, Cause::parse(&row.0)?)))
            .max_by_key(|row| row.0)
            .map(|row| row.1);
        let why = match cause {
            Some(cause) => format!("most frequent cause: {cause}"),
            None => "no connection brought an answer".to_owned(),
        };
        let check = match cause {
            Some(Cause::Proxy) => "check the proxy that the errors name",
            _ => "check that it is up and can be reached from the runners",
        };
        let message = match cause {
            Some(Cause::TargetForbidden) => format!(
                "no request reached {target} for {limit_s} s: it leads where no load may be sent ({why}); the errors name the address; correct the URL, or allow it with --allow-target"
            ),
            _ => format!(
                "{target} answered nothing for {limit_s} s ({why}); {check}, or let the load go on with give-up-after: never"
            ),
        };
        Ended::TargetSilent { cause, message }
    }
}

#[cfg(test)]
mod tests;
