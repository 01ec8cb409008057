//! Which runs of the past may go: by age, by number, or both. A pure rule for `dlt runs prune` and for
//! the service; who lists runs and deletes them is theirs.

use crate::calls::answers::TestRunSummary;

/// Which runs stay. Where both are given, only what neither keeps may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Runs that started less than so many seconds ago stay.
    pub younger_than_s: Option<u64>,
    /// So many of the newest of each scenario stay; one-off runs count as those of one.
    pub newest: Option<u64>,
}

/// Counts the runs of a scenario, and says of each whether it may go.
#[derive(Debug)]
pub struct Counter {
    retention: Retention,
    /// The latest start of runs that are old enough, `YYYY-MM-DD HH:MM:SS`.
    before: Option<String>,
    seen: u64,
}

impl Counter {
    /// For the runs of one scenario, newest first; `now_us` since the Unix epoch.
    pub fn new(retention: Retention, now_us: u64) -> Self {
        let before = retention.younger_than_s.map(|younger_s| {
            let at_s = (now_us / 1_000_000).saturating_sub(younger_s);
            let at = i64::try_from(at_s)
                .ok()
                .and_then(|s| jiff::Timestamp::from_second(s).ok());
            at.unwrap_or(jiff::Timestamp::UNIX_EPOCH)
                .strftime("%Y-%m-%d %H:%M:%S")
                .to_string()
        });
        Self {
            retention,
            before,
            seen: 0,
        }
    }

    /// Whether the next run may go. A baseline stays and so does what has not ended; they count among
    /// the newest.
    pub fn may_go(&mut self, run: &TestRunSummary, is_baseline: bool) -> bool {
        self.seen += 1;
        let is_among_newest = self.retention.newest.is_some_and(|most| self.seen <= most);
        // Texts of one form are in the order of their times. One without a time is of no known age.
        let is_young = self
            .before
            .as_ref()
            .is_some_and(|before| run.start_time.is_empty() || run.start_time > *before);
        let asks_anything = self.before.is_some() || self.retention.newest.is_some();
        asks_anything && run.status.is_terminal() && !is_baseline && !is_among_newest && !is_young
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const NOW_US: u64 = 1_772_615_702_000_000;

    fn row(start: &str, status: &str) -> TestRunSummary {
        serde_json::from_value(json!({
            "testRunId": "p4TqL8vN2c", "startTime": start, "endTime": "", "status": status,
            "scheduleTimezone": "UTC",
        }))
        .unwrap()
    }

    /// Which of four runs, a day apart, may go; the first still runs.
    fn going(younger_than_s: Option<u64>, newest: Option<u64>, baseline: usize) -> Vec<usize> {
        let rows = [
            row("2026-03-04 09:15:02", "running"),
            row("2026-03-03 09:15:02", "complete"),
            row("2026-03-02 09:15:02", "failed"),
            row("2026-03-01 09:15:02", "cancelled"),
        ];
        let retention = Retention {
            younger_than_s,
            newest,
        };
        let mut counter = Counter::new(retention, NOW_US);
        let may_go = |at: &usize| counter.may_go(&rows[*at], *at == baseline);
        (0..rows.len()).filter(may_go).collect()
    }

    #[test]
    fn what_is_kept_by_neither_age_nor_number_may_go() {
        let day = 24 * 3_600;
        assert_eq!(going(Some(2 * day), None, 9), [2, 3]);
        assert_eq!(going(Some(2 * day + 1), None, 9), [3]);
        assert_eq!(going(None, Some(1), 9), [1, 2, 3]);
        assert_eq!(going(None, Some(3), 9), [3]);
        assert_eq!(going(Some(day), Some(3), 9), [3]);
        // Everything that has ended.
        assert_eq!(going(Some(0), None, 9), [1, 2, 3]);
        assert_eq!(going(None, Some(0), 9), [1, 2, 3]);
    }

    #[test]
    fn a_baseline_a_run_in_progress_and_what_nobody_asked_for_stay() {
        assert_eq!(going(None, Some(0), 2), [1, 3]);
        assert_eq!(going(None, None, 9), [0usize; 0]);
        let never_started = row("", "failed");
        let retention = Retention {
            younger_than_s: Some(1),
            newest: None,
        };
        assert!(!Counter::new(retention, NOW_US).may_go(&never_started, false));
    }

    proptest! {
        #[test]
        fn any_age_and_number_are_taken(age in any::<Option<u64>>(), newest in any::<Option<u64>>()) {
            let found = going(age, newest, 1);
            prop_assert!(!found.contains(&0) && !found.contains(&1));
        }
    }
}
