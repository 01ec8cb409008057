//! The numbers of a run, a region or a label in one form: from exact blocks in µs, or
//! from DLT's compatible results, whose times are text in seconds.

use crate::units::ms;
use dlt_core::calls::answers::{HistogramAnswer, Samples};
use dlt_core::judge::summary::{Block, Distribution};
use dlt_core::measure::coarse::Coarse;
use dlt_core::measure::second::Second;
use dlt_core::measure::tally::TimesOver;
use serde_json::Value;

/// Counts, and times in milliseconds; None where unknown. Times are of ok answers, or of
/// all requests where failed ones were not measured apart: see `over`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Numbers {
    pub requests: u64,
    pub failed: u64,
    pub bytes_received: Option<u64>,
    pub avg_ms: Option<f64>,
    pub min_ms: Option<f64>,
    pub p50_ms: Option<f64>,
    pub p90_ms: Option<f64>,
    pub p95_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    pub p99_9_ms: Option<f64>,
    pub max_ms: Option<f64>,
    /// Which requests the times above are of.
    pub over: TimesOver,
    /// Times of failed requests, if some failed and were measured apart.
    pub failed_times: Option<Distribution>,
    /// Times of all requests, if some failed.
    pub all_times: Option<Distribution>,
}

impl Numbers {
    pub fn of_block(block: &Block, over: TimesOver) -> Self {
        Self {
            requests: block.count,
            failed: block.failed,
            bytes_received: Some(block.bytes_received),
            over,
            failed_times: block.failed_times,
            all_times: block.all_times,
            ..Self::of_times(&block.times(over))
        }
    }

    /// Of seconds that were added up.
    pub fn of_second(second: &Second) -> Self {
        let failed = times_of(&second.latency_failed);
        Self {
            requests: second.ok + second.failed,
            failed: second.failed,
            bytes_received: Some(second.bytes),
            over: TimesOver::Ok,
            failed_times: failed.filter(|times| times.count > 0),
            ..times_of(&second.latency)
                .map(|times| Self::of_times(&times))
                .unwrap_or_default()
        }
    }

    /// The times of a distribution; `requests` is the number of timed requests.
    fn of_times(times: &Distribution) -> Self {
        Self {
            requests: times.count,
            avg_ms: times.mean_us.map(ms),
            min_ms: times.min_us.map(ms),
            p50_ms: times.p50_us.map(ms),
            p90_ms: times.p90_us.map(ms),
            p95_ms: times.p95_us.map(ms),
            p99_ms: times.p99_us.map(ms),
            p99_9_ms: times.p99_9_us.map(ms),
            max_ms: times.max_us.map(ms),
            ..Self::default()
        }
    }

    /// Whether its times include failed requests.
    pub fn is_mixed(&self) -> bool {
        self.over == TimesOver::All && self.failed > 0
    }

    /// Number and times of the wanted requests, and which requests they really are:
    /// all, where nothing else was measured.
    pub fn timed(&self, wanted: Samples) -> (Self, Samples) {
        let all = self.all_times.as_ref().map(Self::of_times);
        match wanted {
            _ if self.is_mixed() => (*self, Samples::All),
            Samples::Ok => {
                let ok = self.requests - self.failed.min(self.requests);
                let numbers = Self {
                    requests: ok,
                    ..*self
                };
                (numbers, Samples::Ok)
            }
            Samples::Failed => {
                let failed = self.failed_times.as_ref().map(Self::of_times);
                (failed.unwrap_or_default(), Samples::Failed)
            }
            Samples::All => (all.unwrap_or(*self), Samples::All),
        }
    }

    /// From an entry of the compatible results; None if it is no object.
    pub fn of_results(entry: &Value) -> Option<Self> {
        let entry = entry.as_object()?;
        let number = |key: &str| match entry.get(key)? {
            Value::String(text) => text.parse::<f64>().ok(),
            other => other.as_f64(),
        };
        let count = |key: &str| number(key).map(|number| number.max(0.0) as u64);
        let time = |key: &str| number(key).map(|seconds| ms((seconds * 1e6).round() as u64));
        let (succ, fail) = (count("succ").unwrap_or(0), count("fail").unwrap_or(0));
        Some(Self {
            // In DLT's results, `throughput` is a count, not a rate.
            requests: count("throughput").unwrap_or(succ + fail),
            failed: fail,
            bytes_received: count("bytes"),
            avg_ms: time("avg_rt"),
            min_ms: time("p0_0"),
            p50_ms: time("p50_0"),
            p90_ms: time("p90_0"),
            p95_ms: time("p95_0"),
            p99_ms: time("p99_0"),
            p99_9_ms: time("p99_9"),
            max_ms: time("p100_0"),
            // Taurus measures ok and failed requests together.
            over: TimesOver::All,
            failed_times: None,
            all_times: None,
        })
    }

    /// The known percentiles, as percent and ms, ascending.
    pub fn percentiles(&self) -> Vec<(f64, f64)> {
        let rows = [
            (0.0, self.min_ms),
            (50.0, self.p50_ms),
            (90.0, self.p90_ms),
            (95.0, self.p95_ms),
            (99.0, self.p99_ms),
            (99.9, self.p99_9_ms),
            (100.0, self.max_ms),
        ];
        rows.into_iter()
            .filter_map(|(p, ms)| Some((p, ms?)))
            .collect()
    }
}

/// Added seconds in the form of the exact histogram: its buckets are the coarse ones.
pub(crate) fn coarse_answer(second: &Second, of: Samples) -> HistogramAnswer {
    let mut coarse = Coarse::default();
    if of != Samples::Failed {
        coarse.merge(&second.latency);
    }
    if of != Samples::Ok {
        coarse.merge(&second.latency_failed);
    }
    // A bucket begins where the one before it ends, an eighth of an octave below.
    let edge = |bucket: usize| 2_f64.powf(bucket as f64 / 8.0);
    let buckets: Vec<(u64, u64, u64)> = coarse
        .rows()
        .map(|(bucket, count)| {
            let low = edge(bucket).ceil() as u64;
            let high = edge(bucket + 1).ceil() as u64 - 1;
            (low, high.max(low), count)
        })
        .collect();
    let distribution = Distribution {
        min_us: buckets.first().map(|bucket| bucket.0),
        max_us: buckets.last().map(|bucket| bucket.1),
        ..times_of(&coarse).unwrap_or_default()
    };
    HistogramAnswer {
        of,
        label: None,
        region: None,
        distribution,
        buckets,
        over_hour: 0,
    }
}

/// The percentiles of a coarse histogram; None if it is empty.
fn times_of(coarse: &Coarse) -> Option<Distribution> {
    let at = |q: f64| coarse.quantile_us(q).map(|us| us.round() as u64);
    (!coarse.is_empty()).then(|| Distribution {
        count: coarse.count(),
        mean_us: coarse.mean_us().map(|us| us.round() as u64),
        p50_us: at(0.5),
        p90_us: at(0.9),
        p95_us: at(0.95),
        p99_us: at(0.99),
        p99_9_us: at(0.999),
        ..Distribution::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn compatible_results_are_text_in_seconds() {
        let entry = json!({"succ": 990, "fail": 10, "throughput": 1000, "avg_rt": "0.08412",
            "p95_0": "0.250", "p100_0": "1.5", "bytes": "23712"});
        let numbers = Numbers::of_results(&entry).unwrap();
        assert_eq!((numbers.requests, numbers.failed), (1000, 10));
        assert_eq!(numbers.avg_ms, Some(84.12));
        assert_eq!(numbers.p95_ms, Some(250.0));
        assert_eq!(numbers.p50_ms, None);
        assert_eq!(numbers.percentiles(), [(95.0, 250.0), (100.0, 1500.0)]);
        assert_eq!(Numbers::of_results(&json!(null)), None);
        // Times include failed requests, and cannot be separated.
        assert!(numbers.is_mixed());
        for wanted in [Samples::Ok, Samples::Failed, Samples::All] {
            assert_eq!(numbers.timed(wanted), (numbers, Samples::All));
        }
    }

    #[test]
    fn ok_failed_and_all_requests_have_their_own_times() {
        let times = |count, us| Distribution {
            count,
            p95_us: Some(us),
            ..Distribution::default()
        };
        let block = Block {
            count: 185,
            ok: 50,
            failed: 135,
            p95_us: Some(20_100),
            failed_times: Some(times(135, 200)),
            all_times: Some(times(185, 20_050)),
            ..Block::default()
        };
        let numbers = Numbers::of_block(&block, TimesOver::Ok);
        assert_eq!((numbers.requests, numbers.p95_ms), (185, Some(20.1)));
        for (wanted, requests, p95_ms) in [
            (Samples::Ok, 50, 20.1),
            (Samples::Failed, 135, 0.2),
            (Samples::All, 185, 20.05),
        ] {
            let (timed, of) = numbers.timed(wanted);
            assert_eq!(
                (timed.requests, timed.p95_ms, of),
                (requests, Some(p95_ms), wanted)
            );
        }
    }
}
