//! Short forms of a run record: its row in a list of runs, and its status as
//! DLT's clients expect it. Listing runs is left to the pipeline.

use super::answers::{ShortCoverage, ShortOutcome, ShortVerdict, TestRunSummary};
use crate::judge::summary::{Block, Blocks, Distribution};
use crate::measure::tally::TimesOver;
use crate::record::RunRecord;
use crate::run::Status;

/// Reads a percentile, µs.
type Exact = fn(&Distribution) -> Option<u64>;

/// The row's percentiles, the keys of the compatible results they come from, and
/// the exact ones of ours.
const PERCENTILES: [(&str, &str, Exact); 7] = [
    ("p0", "p0_0", |times| times.min_us),
    ("p50", "p50_0", |times| times.p50_us),
    ("p90", "p90_0", |times| times.p90_us),
    ("p95", "p95_0", |times| times.p95_us),
    ("p99", "p99_0", |times| times.p99_us),
    ("p99_9", "p99_9", |times| times.p99_9_us),
    ("p100", "p100_0", |times| times.max_us),
];

impl Status {
    /// As the API shows it for a run: DLT's runs appear as `running`, ours
    /// exist from the moment they are accepted.
    pub fn of_run(self) -> Self {
        match self {
            Self::Queued | Self::Provisioning => Self::Running,
            other => other,
        }
    }
}

impl RunRecord {
    /// As GET …/testruns/{run} answers it.
    pub fn shown(mut self) -> Self {
        self.status = self.status.of_run();
        self
    }

    /// Its row in a list (openapi `TestRunSummary`).
    pub fn row(&self) -> TestRunSummary {
        let total = self.results.get("total");
        let count = |key: &str| total?.get(key)?.as_u64();
        let number = |key: &str| total?.get(key)?.as_str()?.parse::<f64>().ok();
        let loaded = self.summary.as_ref().and_then(Blocks::loaded_s);
        let seconds = loaded.or_else(|| Some(number("testDuration")?.max(1.0)));
        let seconds = seconds.unwrap_or(1.0);
        let some = |value: Option<f64>| value.map(rounded).filter(|value| *value != 0.0);
        let total_block = self.summary.as_ref().map(|blocks| &blocks.total);
        // As DLT has them: over all samples.
        let times = total_block.map(Block::times_of_all);
        // The compatible results are text in seconds, cut to milliseconds: of a
        // fast target they would be 0 or 1.
        let ms = |key: &str, exact: Exact| {
            let exact = times.as_ref().and_then(exact).map(|us| us as f64 / 1e3);
            some(exact.or_else(|| Some(number(key)? * 1e3)))
        };
        let none: Exact = |_| None;
        let requests = count("throughput");
        let percentiles = total.is_some().then(|| {
            PERCENTILES
                .iter()
                .filter_map(|(name, key, exact)| Some(((*name).to_owned(), ms(key, *exact)?)))
                .collect()
        });
        TestRunSummary {
            test_run_id: self.test_run_id.clone(),
            start_time: self.start_time.clone(),
            end_time: self.end_time.clone(),
            status: self.status.of_run(),
            schedule_timezone: self.schedule_timezone.clone(),
            requests,
            success: count("succ"),
            errors: count("fail"),
            requests_per_second: some(requests.map(|requests| requests as f64 / seconds)),
            avg_response_time: ms("avg_rt", |times| times.mean_us),
            avg_latency: ms("avg_lt", none),
            avg_connection_time: ms("avg_ct", none),
            avg_bandwidth: some(number("bytes").map(|bytes| bytes / seconds)),
            percentiles,
            ok_times: self.summary.as_ref().and_then(ok_times),
            outcome: self.outcome.as_ref().map(|outcome| ShortOutcome {
                passed: outcome.passed,
                could_not_run: outcome.could_not_run,
            }),
            verdict: self.verdict.as_ref().map(|verdict| ShortVerdict {
                trust: verdict.trust,
            }),
            coverage: self.coverage.as_ref().map(|coverage| ShortCoverage {
                complete: coverage.complete,
            }),
        }
    }
}

/// Times of ok answers where those of all requests are others.
fn ok_times(blocks: &Blocks) -> Option<Distribution> {
    let apart = blocks.times_over == TimesOver::Ok && blocks.total.failed > 0;
    apart.then(|| blocks.total.times(TimesOver::Ok))
}

/// To a millionth, so that a decimal fraction stays one.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::record;
    use serde_json::json;

    #[test]
    fn a_row_has_ms_and_leaves_out_zeros() {
        let mut record = record(Status::Complete);
        record.results = json!({"total": {
            "succ": 18_211, "fail": 0, "throughput": 18_240, "bytes": "23712000",
            "testDuration": "300", "avg_rt": "0.08412", "avg_lt": "0.08120", "avg_ct": "0.00000",
            "p0_0": "0.041", "p99_9": "0.612",
        }});
        let row = serde_json::to_value(record.row()).unwrap();
        assert_eq!(row["requests"], 18_240);
        assert_eq!(row["errors"], 0);
        assert_eq!(row["requestsPerSecond"], 60.8);
        assert_eq!(row["avgResponseTime"], 84.12);
        assert_eq!(row["avgBandwidth"], 79_040.0);
        assert_eq!(row.get("avgConnectionTime"), None);
        assert_eq!(row["percentiles"], json!({"p0": 41.0, "p99_9": 612.0}));
    }

    #[test]
    fn a_fast_target_has_times_in_its_row() {
        let mut record = record(Status::Complete);
        record.results =
            json!({"total": {"throughput": 10, "avg_rt": "0.00042", "p50_0": "0.000"}});
        let total = Block {
            p50_us: Some(412),
            max_us: Some(1_904),
            mean_us: Some(423),
            ..Block::default()
        };
        record.summary = Some(Blocks {
            total,
            ..Blocks::default()
        });
        let row = serde_json::to_value(record.row()).unwrap();
        assert_eq!(row["percentiles"], json!({"p50": 0.412, "p100": 1.904}));
        assert_eq!(row["avgResponseTime"], 0.423);
    }

    #[test]
    fn a_row_is_over_all_requests_with_those_of_ok_answers_beside() {
        let mut record = record(Status::Complete);
        record.results = json!({"total": {"throughput": 4, "p95_0": "0.020"}});
        let all = Distribution {
            count: 4,
            min_us: Some(90),
            p95_us: Some(20_007),
            mean_us: Some(5_100),
            ..Distribution::default()
        };
        let blocks = |times_over, all_times, failed| Blocks {
            total: Block {
                count: 4,
                ok: 4 - failed,
                failed,
                min_us: Some(19_900),
                p95_us: Some(20_015),
                mean_us: Some(20_001),
                all_times,
                ..Block::default()
            },
            times_over,
            ..Blocks::default()
        };
        record.summary = Some(blocks(TimesOver::Ok, Some(all), 3));
        let row = serde_json::to_value(record.row()).unwrap();
        assert_eq!(row["percentiles"], json!({"p0": 0.09, "p95": 20.007}));
        assert_eq!(row["avgResponseTime"], 5.1);
        assert_eq!(row["ok_times"]["count"], 1);
        assert_eq!(row["ok_times"]["p95_us"], 20_015);
        // Without failures, and of an older dlt, there is one kind of times.
        for (over, failed) in [(TimesOver::Ok, 0), (TimesOver::All, 3)] {
            record.summary = Some(blocks(over, None, failed));
            let row = serde_json::to_value(record.row()).unwrap();
            assert_eq!(row.get("ok_times"), None);
            assert_eq!(row["percentiles"]["p95"], 20.015);
        }
    }

    #[test]
    fn a_run_that_is_being_launched_shows_as_running() {
        for (status, shown) in [
            (Status::Queued, Status::Running),
            (Status::Provisioning, Status::Running),
            (Status::ParsingResults, Status::ParsingResults),
            (Status::Failed, Status::Failed),
        ] {
            assert_eq!(status.of_run(), shown);
        }
        let mut record = record(Status::Complete);
        record.results = json!({});
        let row = serde_json::to_value(record.row()).unwrap();
        assert_eq!(row.get("percentiles"), None);
        assert_eq!(row.get("requests"), None);
    }
}
