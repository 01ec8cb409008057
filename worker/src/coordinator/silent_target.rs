//! Detects a target that answers nothing, so that a load against it ends
//! (`give-up-after`, dlt.md 1).

use dlt_core::measure::sample::Cause;
use dlt_core::measure::second::add_cause;
use dlt_core::messages::report::Ended;
use dlt_core::messages::runner_line::Tick;

/// Seconds of load without any answer after which a target is silent (dlt.md 2).
const SILENT_TARGET_S: u64 = 5;

/// Adds up ticks until the target has answered, or was silent for too long.
#[derive(Debug, Default)]
pub struct SilentTargetDetector {
    /// The first second in which a request began.
    first_request_s: Option<u64>,
    answers: u64,
    causes: Vec<(String, u64)>,
}

impl SilentTargetDetector {
    /// Takes a tick; Some if the target has now been silent for too long. A
    /// request may have been sent at the very end of its second, so five whole
    /// seconds after that one have to pass.
    pub fn observe(&mut self, tick: &Tick, target: &str) -> Option<Ended> {
        self.answers += tick.answers;
        for (cause, count) in &tick.second.causes {
            add_cause(&mut self.causes, cause, *count);
        }
        if tick.second.sent + tick.second.unconnected > 0 {
            let first = self.first_request_s.unwrap_or(u64::MAX);
            self.first_request_s = Some(first.min(tick.second.second));
        }
        let long_enough = self
            .first_request_s
            .is_some_and(|first| tick.second.second >= first.saturating_add(SILENT_TARGET_S));
        (long_enough && self.answers == 0).then(|| self.end_reason(target))
    }

    fn end_reason(&self, target: &str) -> Ended {
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
mod tests {
    use super::*;
    use crate::tests::tick;

    #[test]
    fn a_target_is_silent_after_five_whole_seconds_without_answer() {
        let mut detector = SilentTargetDetector::default();
        // The first request is sent in second 2: silent once second 7 is over.
        for second in 0..12 {
            let sent = if second < 2 { 0 } else { 10 };
            let ended = detector.observe(&tick(second, sent), "http://x");
            match second {
                0..7 => assert_eq!(ended, None, "{second}"),
                7 => {
                    let Some(Ended::TargetSilent { cause, message }) = ended else {
                        panic!("{ended:?}");
                    };
                    assert_eq!(cause, Some(Cause::Refused));
                    assert_eq!(
                        message,
                        "http://x answered nothing in the first 5 s of load (most frequent cause: refused); check that it is up and can be reached from the runners"
                    );
                }
                _ => assert!(ended.is_some()),
            }
        }
    }

    #[test]
    fn a_slow_target_is_not_silent() {
        let mut detector = SilentTargetDetector::default();
        for second in 0..20 {
            let mut tick = tick(second, 10);
            tick.second.causes.clear();
            tick.answers = u64::from(second == 3);
            assert_eq!(detector.observe(&tick, "x"), None, "{second}");
        }
        let mut unused = SilentTargetDetector::default();
        assert!((0..20).all(|second| unused.observe(&tick(second, 0), "x").is_none()));
    }
}
