//! Short forms of a run record: its row in a list of runs, and its status as
//! DLT's clients expect it. Listing runs is left to the pipeline.

use super::answers::{ShortCoverage, ShortOutcome, ShortVerdict, TestRunSummary};
use crate::judge::summary::Blocks;
use crate::measure::tally::TimesOver;
use crate::record::RunRecord;
use crate::run::Status;

/// The row's percentiles, and the keys of the compatible results that they come from.
const PERCENTILES: [(&str, &str); 7] = [
    ("p0", "p0_0"),
    ("p50", "p50_0"),
    ("p90", "p90_0"),
    ("p95", "p95_0"),
    ("p99", "p99_0"),
    ("p99_9", "p99_9"),
    ("p100", "p100_0"),
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

    /// Its row in a list. Figures of DLT's come from `results.total` by DLT's formulas and
    /// with its digits, so that a list agrees with the run that it lists (openapi
    /// `TestRunSummary`); exact ones are ours and stand beside.
    pub fn row(&self) -> TestRunSummary {
        let total = self.results.get("total");
        let count = |key: &str| total?.get(key)?.as_u64();
        let number = |key: &str| total?.get(key)?.as_str()?.parse::<f64>().ok();
        let seconds = number("testDuration").unwrap_or(0.0).max(1.0);
        let some = |value: Option<f64>| value.map(rounded).filter(|value| *value != 0.0);
        let ms = |key: &str| some(number(key).map(|seconds| seconds * 1e3));
        let requests = count("throughput");
        let percentiles = total.is_some().then(|| {
            PERCENTILES
                .iter()
                .filter_map(|(name, key)| Some(((*name).to_owned(), ms(key)?)))
                .collect()
        });
        let summary = self.summary.as_ref();
        let loaded = summary.and_then(Blocks::loaded_s);
        let rate = loaded.zip(requests);
        let measured = summary.filter(|blocks| blocks.total.count > 0);
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
            avg_response_time: ms("avg_rt"),
            avg_latency: ms("avg_lt"),
            avg_connection_time: ms("avg_ct"),
            avg_bandwidth: some(number("bytes").map(|bytes| bytes / seconds)),
            percentiles,
            rate_per_s: some(rate.map(|(seconds, requests)| requests as f64 / seconds)),
            ok_times: measured
                .filter(|blocks| blocks.times_over == TimesOver::Ok)
                .map(|blocks| blocks.total.times(TimesOver::Ok)),
            all_times: measured.map(|blocks| blocks.total.times_of_all()),
            outcome: self.outcome.as_ref().map(|outcome| ShortOutcome {
                word: Some(outcome.word),
                passed: outcome.passed,
                could_not_run: outcome.could_not_run,
            }),
            verdict: self.verdict.as_ref().map(|verdict| ShortVerdict {
                trust: verdict.trust,
            }),
            coverage: self.coverage.as_ref().map(|coverage| ShortCoverage {
                complete: coverage.complete,
            }),
            note: self.note.clone(),
            unreadable: None,
        }
    }
}

/// To a millionth, so that a decimal fraction stays one.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::summary::{Block, Distribution};
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
    fn exact_times_stand_beside_those_with_dlts_digits() {
        let mut record = record(Status::Complete);
        record.results = json!({"total": {
            "throughput": 4, "testDuration": "2", "avg_rt": "0.00042", "p50_0": "0.000", "p95_0": "0.020",
        }});
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
                p50_us: Some(412),
                p95_us: Some(20_015),
                all_times,
                ..Block::default()
            },
            loaded_us: 1_600_000,
            times_over,
            ..Blocks::default()
        };
        record.summary = Some(blocks(TimesOver::Ok, Some(all), 3));
        let row = serde_json::to_value(record.row()).unwrap();
        assert_eq!(row["percentiles"], json!({"p95": 20.0}));
        assert_eq!(row["avgResponseTime"], 0.42);
        assert_eq!(row["requestsPerSecond"], 2.0);
        assert_eq!(row["rate_per_s"], 2.5);
        assert_eq!(row["ok_times"]["p50_us"], 412);
        assert_eq!(row["all_times"]["p95_us"], 20_007);
        // An older dlt did not keep those of ok answers apart.
        record.summary = Some(blocks(TimesOver::All, None, 3));
        let row = serde_json::to_value(record.row()).unwrap();
        assert_eq!(row.get("ok_times"), None);
        assert_eq!(row["all_times"]["p95_us"], 20_015);
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
