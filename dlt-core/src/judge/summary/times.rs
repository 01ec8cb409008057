//! What the times of a summary are of, and when that has to be shown: failures may
//! be quick, so beside many of them times alone mislead (decision 40). How numbers
//! are written is left to callers.

use super::{Block, Blocks, Distribution, ErrorRow};
use crate::measure::tally::TimesOver;
use std::collections::BTreeMap;

/// Share of failed among finished requests above which people and agents are shown
/// what times are of: below, times over ok and over all samples are much alike.
pub const MANY_FAILURES: f64 = 0.1;
/// Most causes that are named.
const MOST_CAUSES: usize = 2;

/// What the times of a block are of, where that has to be shown: many requests
/// failed, or failed ones are in the times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimesOf {
    /// Ended ok.
    pub ok: u64,
    /// Failed.
    pub failed: u64,
    /// Finished: ok + failed.
    pub count: u64,
    /// The most frequent causes, most frequent first.
    pub causes: Vec<String>,
    /// How long the failed ones took; None where they were not kept apart, and
    /// times are of all samples.
    pub failed_times: Option<Distribution>,
}

/// Whether so many failed that it has to be shown what times are of.
pub fn many_failed(failed: u64, finished: u64) -> bool {
    failed as f64 > finished as f64 * MANY_FAILURES
}

impl TimesOf {
    /// A sentence without its full stop; `count` and `time` (of µs) write numbers
    /// as its reader is used to.
    pub fn sentence(&self, count: impl Fn(u64) -> String, time: impl Fn(u64) -> String) -> String {
        let causes = match self.causes.is_empty() {
            true => String::new(),
            false => format!(" ({})", self.causes.join(", ")),
        };
        let (part, whole) = (count(self.failed), count(self.count));
        let failed = format!("{part} of {whole} requests failed{causes}");
        let Some(times) = self.failed_times else {
            return format!(
                "response times of all {whole} requests, failed ones too: they were measured \
                 before dlt kept those apart; {failed}"
            );
        };
        let took = match (times.p50_us, times.p95_us) {
            (Some(p50), Some(p95)) => {
                format!(" and took p50 {}, p95 {}", time(p50), time(p95))
            }
            _ => String::new(),
        };
        let answers = match self.ok {
            0 => "no response times, for no request was answered ok".to_owned(),
            1 => "response time of the one ok answer".to_owned(),
            ok => format!("response times of the {} ok answers", count(ok)),
        };
        format!("{answers}; {failed}{took}")
    }
}

/// The causes of a block's errors by how many of its requests they ended.
fn causes(block: &Block, errors: &[ErrorRow]) -> Vec<String> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for row in errors {
        let count = match &block.label {
            Some(label) => row.labels.get(label).copied().unwrap_or(0),
            None => row.count,
        };
        *counts.entry(row.cause.as_str()).or_default() += count;
    }
    let mut rows: Vec<(&str, u64)> = counts.into_iter().filter(|row| row.1 > 0).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.1));
    let names = rows.iter().take(MOST_CAUSES).map(|row| row.0.to_owned());
    let mut names: Vec<String> = names.collect();
    match rows.len().saturating_sub(MOST_CAUSES) {
        0 => {}
        more => names.push(format!("{more} more")),
    }
    names
}

impl Block {
    /// Samples that its times are of.
    pub fn timed(&self, over: TimesOver) -> u64 {
        match over {
            TimesOver::Ok => self.ok,
            TimesOver::All => self.count,
        }
    }
}

impl Block {
    /// Its times, being of those samples.
    pub fn times(&self, over: TimesOver) -> Distribution {
        Distribution {
            count: self.timed(over),
            min_us: self.min_us,
            max_us: self.max_us,
            mean_us: self.mean_us,
            stdev_us: self.stdev_us,
            p50_us: self.p50_us,
            p75_us: self.p75_us,
            p90_us: self.p90_us,
            p95_us: self.p95_us,
            p99_us: self.p99_us,
            p99_9_us: self.p99_9_us,
            p99_99_us: self.p99_99_us,
        }
    }

    /// Times of all its samples: its own where none failed, or where they were
    /// never kept apart.
    pub fn times_of_all(&self) -> Distribution {
        self.all_times.unwrap_or_else(|| self.times(TimesOver::All))
    }
}

impl Blocks {
    /// How long load was made, s; None if that is not known.
    pub fn loaded_s(&self) -> Option<f64> {
        (self.loaded_us > 0).then(|| self.loaded_us as f64 / 1e6)
    }

    /// What the times of one of its blocks are of, with the causes of the failures;
    /// None where times of ok and of all samples are much alike.
    pub fn times_of(&self, block: &Block, errors: &[ErrorRow]) -> Option<TimesOf> {
        let mixed = self.times_over == TimesOver::All && block.failed > 0;
        (mixed || many_failed(block.failed, block.count)).then(|| TimesOf {
            ok: block.ok,
            failed: block.failed,
            count: block.count,
            causes: causes(block, errors),
            failed_times: block.failed_times.filter(|_| !mixed),
        })
    }

    /// Whether failed samples are in its times, not kept apart from ok ones.
    pub fn is_mixed(&self) -> bool {
        self.times_over == TimesOver::All && self.total.failed > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(cause: &str, count: u64, label: &str) -> ErrorRow {
        serde_json::from_value(json!({
            "cause": cause, "message": "", "count": count, "labels": {label: count},
            "runners": {}, "first_at": 0, "last_at": 0,
        }))
        .unwrap()
    }

    fn said(blocks: &Blocks, errors: &[ErrorRow]) -> Option<String> {
        let ms = |us: u64| format!("{} ms", us as f64 / 1e3);
        let times = blocks.times_of(&blocks.total, errors)?;
        Some(times.sentence(|n| n.to_string(), ms))
    }

    fn blocks(ok: u64, failed: u64) -> Blocks {
        let times = Distribution {
            count: failed,
            p50_us: Some(100),
            p95_us: Some(200),
            ..Distribution::default()
        };
        Blocks {
            total: Block {
                count: ok + failed,
                ok,
                failed,
                failed_times: (failed > 0).then_some(times),
                ..Block::default()
            },
            ..Blocks::default()
        }
    }

    #[test]
    fn what_times_are_of_is_said_when_more_than_a_tenth_failed() {
        let errors = [row("refused", 120, "home"), row("reset", 15, "home")];
        assert_eq!(
            said(&blocks(50, 135), &errors).unwrap(),
            "response times of the 50 ok answers; 135 of 185 requests failed (refused, reset) \
             and took p50 0.1 ms, p95 0.2 ms"
        );
        assert_eq!(said(&blocks(0, 0), &[]), None);
        assert_eq!(said(&blocks(90, 10), &errors), None);
        assert!(
            said(&blocks(89, 11), &[])
                .unwrap()
                .contains("89 ok answers")
        );
        assert!(
            said(&blocks(1, 9), &[])
                .unwrap()
                .contains("the one ok answer")
        );
        assert!(
            said(&blocks(0, 9), &[])
                .unwrap()
                .starts_with("no response times")
        );
    }

    #[test]
    fn times_over_all_samples_are_called_that_from_the_first_failure_on() {
        let old = Blocks {
            times_over: TimesOver::All,
            ..blocks(99, 1)
        };
        let text = said(&old, &[row("refused", 1, "home")]).unwrap();
        assert!(
            text.starts_with("response times of all 100 requests"),
            "{text}"
        );
        let clean = Blocks {
            times_over: TimesOver::All,
            ..blocks(99, 0)
        };
        assert_eq!(said(&clean, &[]), None);
        assert!(!clean.is_mixed());
    }

    #[test]
    fn causes_are_those_of_the_block_and_few() {
        let errors = [
            row("reset", 3, "home"),
            row("status-5xx", 2, "cart"),
            row("reset", 1, "cart"),
            row("dns", 1, "cart"),
        ];
        let mut blocks = blocks(1, 7);
        let of = |blocks: &Blocks| {
            let times = blocks.times_of(&blocks.total, &errors);
            times.unwrap().causes
        };
        assert_eq!(of(&blocks), ["reset", "status-5xx", "1 more"]);
        blocks.total.label = Some("home".to_owned());
        assert_eq!(of(&blocks), ["reset"]);
    }

    #[test]
    fn stored_blocks_without_a_word_are_over_all() {
        let block = json!({"count": 1, "ok": 0, "failed": 1, "bytes_received": 0, "bytes_sent": 0});
        let old = json!({"total": block, "regions": {}, "labels": []});
        let blocks: Blocks = serde_json::from_value(old).unwrap();
        assert_eq!(blocks.times_over, TimesOver::All);
        assert!(blocks.is_mixed());
        let told = serde_json::to_value(Blocks::default()).unwrap();
        assert_eq!(told["times_over"], "ok");
    }
}
