//! Did it pass: thresholds, judged on merged data. Whether the numbers may be
//! believed is another question, answered by `verdict`. Reading thresholds is
//! `parse`'s job, what the run's end says is `decide`'s.

mod decide;
mod parse;

pub(crate) use decide::{Ending, decide};

use crate::account::Account;
use crate::tally::LabelTally;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A run's outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// Every threshold holds and the run could be run.
    pub passed: bool,
    /// Why it did not pass, when a sentence says more than the thresholds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Nothing could be measured: no load was made, or the target answered
    /// nothing (exit code 3).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub could_not_run: bool,
    /// Each threshold, in the scenario's order.
    pub thresholds: Vec<ThresholdResult>,
}

/// One threshold's result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ThresholdResult {
    /// As the scenario has it.
    pub expression: String,
    /// The value seen, in the threshold's own unit; None if there was no data.
    pub observed: Option<String>,
    /// Whether it holds.
    pub passed: bool,
}

/// A threshold, understood; `expression` is kept as written.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    /// As the scenario has it.
    pub expression: String,
    /// Only samples of this label; None means the whole run.
    pub label: Option<String>,
    /// What is compared.
    pub metric: Metric,
    /// How.
    pub comparison: Comparison,
    /// With what, in `unit`.
    pub limit: f64,
    /// The unit of `limit` and of what is shown.
    pub unit: Unit,
}

/// What a threshold looks at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Metric {
    /// A percentile of the response time, 0 to 100.
    Percentile(f64),
    /// Mean response time.
    Mean,
    /// Shortest response time.
    Min,
    /// Longest response time.
    Max,
    /// Standard deviation of the response time.
    Stdev,
    /// Failed ÷ finished requests.
    ErrorRate,
    /// Failed requests.
    Failed,
    /// Finished requests.
    Requests,
    /// Requests that ended ok.
    Ok,
    /// Finished requests per second of the run.
    Rate,
    /// Due requests that were not sent; whole run only.
    Dropped,
    /// Requests given up at the end; whole run only.
    Unfinished,
}

/// How a threshold compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `==`
    Equal,
}

/// Units of thresholds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Microseconds.
    Microseconds,
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    Seconds,
    /// Minutes.
    Minutes,
    /// Percent.
    Percent,
    /// A share from 0 to 1.
    Fraction,
    /// Per second.
    PerSecond,
    /// A plain number.
    Count,
}

impl Unit {
    /// A number of this unit in base units. Percent divide: 35 · 0.01 is a
    /// little more than 0.35, 35 / 100 is what the division 7 / 20 gives too.
    fn to_base(self, number: f64) -> f64 {
        match self {
            Self::Percent => number / 100.0,
            unit => number * unit.size(),
        }
    }

    /// How many base units (µs, fraction, 1/s, 1) it holds.
    fn size(self) -> f64 {
        match self {
            Self::Milliseconds => 1e3,
            Self::Seconds => 1e6,
            Self::Minutes => 60e6,
            Self::Percent => 0.01,
            Self::Microseconds | Self::Fraction | Self::PerSecond | Self::Count => 1.0,
        }
    }

    /// As written behind a number.
    fn suffix(self) -> &'static str {
        match self {
            Self::Microseconds => "us",
            Self::Milliseconds => "ms",
            Self::Seconds => "s",
            Self::Minutes => "m",
            Self::Percent => "%",
            Self::PerSecond => "/s",
            Self::Fraction | Self::Count => "",
        }
    }
}

impl Comparison {
    fn holds(self, seen: f64, limit: f64) -> bool {
        match self {
            Self::Less => seen < limit,
            Self::LessOrEqual => seen <= limit,
            Self::Greater => seen > limit,
            Self::GreaterOrEqual => seen >= limit,
            Self::Equal => seen == limit,
        }
    }
}

/// The merged data that thresholds are judged on.
#[derive(Debug, Clone, Copy)]
pub struct Measured<'a> {
    /// All samples that the threshold is about.
    pub samples: &'a LabelTally,
    /// The run's account.
    pub account: &'a Account,
    /// Measured length of the run, µs.
    pub duration_us: u64,
}

impl Threshold {
    /// Judges merged data; None means that there were no such samples, which
    /// never passes.
    pub fn judge(&self, measured: Option<&Measured<'_>>) -> ThresholdResult {
        let base = measured.and_then(|measured| self.metric.of(measured));
        let limit = self.unit.to_base(self.limit);
        ThresholdResult {
            expression: self.expression.clone(),
            observed: base.map(|base| self.show(base, limit)),
            passed: base.is_some_and(|base| self.comparison.holds(base, limit)),
        }
    }

    /// The value in the threshold's unit, with as many decimals as it takes to
    /// stand on its own side of the limit: 1.0004 % is not shown as 1 %.
    fn show(&self, base: f64, limit: f64) -> String {
        let value = base / self.unit.size();
        let same_side = |text: &str| {
            text.parse::<f64>().is_ok_and(|shown| {
                (base == limit) == (shown == self.limit) && (base < limit) == (shown < self.limit)
            })
        };
        let mut text = format!("{value:.3}");
        for decimals in 4..=12 {
            if same_side(&text) {
                break;
            }
            text = format!("{value:.decimals$}");
        }
        let text = text.trim_end_matches('0').trim_end_matches('.');
        format!("{text}{}", self.unit.suffix())
    }
}

impl Metric {
    /// The value in base units: µs, a fraction, 1/s or a count.
    fn of(self, measured: &Measured<'_>) -> Option<f64> {
        let samples = measured.samples;
        let finished = samples.ok + samples.failed;
        match self {
            Self::Dropped => return Some(measured.account.dropped as f64),
            Self::Unfinished => return Some(measured.account.unfinished as f64),
            _ if finished == 0 => return None,
            _ => {}
        }
        let exact = samples.response.exact();
        match self {
            Self::Percentile(percent) => samples
                .response
                .quantile_us(percent / 100.0)
                .map(|us| us as f64),
            Self::Mean => samples.response.mean_us(),
            Self::Min => Some(exact.min_us as f64),
            Self::Max => Some(exact.max_us as f64),
            Self::Stdev => samples.response.stdev_us(),
            Self::ErrorRate => Some(samples.failed as f64 / finished as f64),
            Self::Failed => Some(samples.failed as f64),
            Self::Requests => Some(finished as f64),
            Self::Ok => Some(samples.ok as f64),
            Self::Rate => (measured.duration_us > 0)
                .then(|| finished as f64 * 1e6 / measured.duration_us as f64),
            Self::Dropped | Self::Unfinished => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Cause, Outcome as Ended, Sample};

    fn tally() -> LabelTally {
        let mut tally = LabelTally::default();
        for n in 1..=1000u64 {
            let sample = Sample {
                done_us: n * 1000,
                ..Sample::default()
            };
            let ended = match n {
                1..=11 => Ended::failed(Cause::Status5xx, Some(503)),
                _ => Ended::ok(200),
            };
            tally.record(&sample, ended);
        }
        tally
    }

    fn judged(expression: &str) -> (Option<String>, bool) {
        let account = Account {
            scheduled: 1010,
            dropped: 7,
            unconnected: 2,
            sent: 1001,
            resent: 1,
            ok: 989,
            failed: 11,
            unfinished: 3,
        };
        let result = Threshold::parse(expression).unwrap().judge(Some(&Measured {
            samples: &tally(),
            account: &account,
            duration_us: 4_000_000,
        }));
        (result.observed, result.passed)
    }

    #[test]
    fn each_metric_is_judged_in_its_own_unit() {
        for (expression, observed, passed) in [
            ("p(95)<960ms", "950.271ms", true),
            ("p(95)<0.95s", "0.95s", false),
            ("med<=0.6s", "0.5s", true),
            ("min==1ms", "1ms", true),
            ("max<1s", "1s", false),
            ("max<=1000000us", "1000000us", true),
            ("avg>500ms", "500.5ms", true),
            ("mean<501ms", "500.5ms", true),
            ("stdev<1m", "0.005m", true),
            ("error_rate<1%", "1.1%", false),
            ("error_rate<0.02", "0.011", true),
            ("errors<=11", "11", true),
            ("failed<11", "11", false),
            ("requests>=1000", "1000", true),
            ("ok==989", "989", true),
            ("rate>250/s", "250/s", false),
            ("rate>=250", "250/s", true),
            ("dropped==0", "7", false),
            ("unfinished<5", "3", true),
        ] {
            let (seen, held) = judged(expression);
            assert_eq!(held, passed, "{expression} {seen:?}");
            if !expression.starts_with("p(95)") && !expression.starts_with("med") {
                assert_eq!(seen.as_deref(), Some(observed), "{expression}");
            }
        }
    }

    #[test]
    fn an_observed_value_stands_on_its_side_of_the_limit() {
        let threshold = Threshold::parse("error_rate<1%").unwrap();
        assert_eq!(threshold.show(0.010_000_04, 0.01), "1.000004%");
        assert_eq!(threshold.show(0.01, 0.01), "1%");
        assert_eq!(threshold.show(0.012_345_678, 0.01), "1.235%");
    }

    #[test]
    fn no_data_never_passes() {
        let threshold = Threshold::parse("login: p(99)<1s").unwrap();
        let result = threshold.judge(None);
        assert_eq!((result.observed, result.passed), (None, false));
        let empty = LabelTally::default();
        let measured = Measured {
            samples: &empty,
            account: &Account::default(),
            duration_us: 0,
        };
        for expression in ["p(99)<1s", "errors<5", "error_rate<1%", "rate<5/s"] {
            let result = Threshold::parse(expression).unwrap().judge(Some(&measured));
            assert_eq!(
                (result.observed, result.passed),
                (None, false),
                "{expression}"
            );
        }
    }
}
