//! Did it pass: thresholds, judged on merged data. Whether the numbers may be
//! believed is left to `verdict`, parsing thresholds to `thresholds`, and what the
//! run's end means for the outcome to `decide`.

mod decide;

pub(crate) use decide::{Ending, decide};

use crate::measure::account::Account;
use crate::measure::latencies::Latencies;
use crate::measure::tally::{LabelTally, TimesOver};
use crate::thresholds::{Metric, Threshold};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// How a run ended, in the one word that every list, page and answer uses (decision 42).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Word {
    /// Every threshold holds.
    Passed,
    /// A threshold does not hold, nothing succeeded, or the run could not be run.
    Failed,
    /// It ran as planned, and there was nothing to judge it by.
    Finished,
    /// It ended without the report of a runner that had a part of the load.
    Incomplete,
    /// It was stopped before its planned end.
    Cancelled,
}

impl Word {
    /// As answers have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Finished => "finished",
            Self::Incomplete => "incomplete",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A run's outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "Stored")]
pub struct Outcome {
    /// How it ended.
    pub word: Word,
    /// Whether it met what was asked of it; null where nothing was asked.
    pub passed: Option<bool>,
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

/// An outcome as it was stored; an older dlt had no word, and called "passed" what was not judged.
#[derive(Deserialize, JsonSchema)]
struct Stored {
    #[serde(default)]
    word: Option<Word>,
    #[serde(default)]
    passed: Option<bool>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    could_not_run: bool,
    #[serde(default)]
    thresholds: Vec<ThresholdResult>,
}

impl From<Stored> for Outcome {
    fn from(stored: Stored) -> Self {
        let (word, passed) = match (stored.word, stored.passed) {
            (Some(word), passed) => (word, passed),
            (None, Some(true)) if stored.thresholds.is_empty() => (Word::Finished, None),
            (None, Some(true)) => (Word::Passed, Some(true)),
            (None, _) => (Word::Failed, Some(false)),
        };
        Self {
            word,
            passed,
            reason: stored.reason,
            could_not_run: stored.could_not_run,
            thresholds: stored.thresholds,
        }
    }
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
    /// Why there was no data, when more is known than that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
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
        let base = measured.and_then(|measured| self.metric.of(measured, self.over));
        let limit = self.unit.to_base(self.limit);
        ThresholdResult {
            expression: self.expression.clone(),
            observed: base.map(|base| self.show(base, limit)),
            passed: base.is_some_and(|base| self.comparison.holds(base, limit)),
            reason: measured.and_then(|measured| self.no_answers(measured)),
        }
    }

    /// Why there is no value, where the time is of ok samples and none ended ok.
    fn no_answers(&self, measured: &Measured<'_>) -> Option<String> {
        let samples = measured.samples;
        let lacking = self.metric.is_time()
            && self.over == TimesOver::Ok
            && samples.ok == 0
            && samples.failed > 0;
        lacking.then(|| {
            format!(
                "none of {} requests was answered ok, and times are of ok answers; write all. \
                 before a time, like all.p(95), for all requests",
                samples.failed
            )
        })
    }

    /// The value in the threshold's unit, with as many decimals as three digits of it take, and as it
    /// takes to stand on its own side of the limit: 1.0004 % is not shown as 1 %, 67 µs not as 0 s.
    fn show(&self, base: f64, limit: f64) -> String {
        let value = base / self.unit.size();
        let same_side = |text: &str| {
            text.parse::<f64>().is_ok_and(|shown| {
                (base == limit) == (shown == self.limit) && (base < limit) == (shown < self.limit)
            })
        };
        let digits = match value > 0.0 {
            true => (2.0 - value.log10().floor()).clamp(3.0, 12.0) as usize,
            false => 3,
        };
        let mut text = format!("{value:.digits$}");
        for decimals in digits + 1..=12 {
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
    /// The value of a time in µs; None if there are none.
    fn of_times(self, times: &Latencies) -> Option<f64> {
        let exact = times.exact();
        let some = |us: u64| (exact.count > 0).then_some(us as f64);
        match self {
            Self::Percentile(percent) => times.quantile_us(percent / 100.0).map(|us| us as f64),
            Self::Mean => times.mean_us(),
            Self::Min => some(exact.min_us),
            Self::Max => some(exact.max_us),
            Self::Stdev => times.stdev_us(),
            _ => None,
        }
    }

    /// The value in base units: µs, a fraction, 1/s or a count.
    fn of(self, measured: &Measured<'_>, over: TimesOver) -> Option<f64> {
        let samples = measured.samples;
        let finished = samples.ok + samples.failed;
        match self {
            Self::Dropped => return Some(measured.account.dropped as f64),
            Self::Unfinished => return Some(measured.account.unfinished as f64),
            _ if finished == 0 => return None,
            _ => {}
        }
        if self.is_time() {
            let times = match over {
                // Where ok ones were not kept apart there may still be none.
                TimesOver::Ok if samples.ok == 0 => return None,
                TimesOver::Ok => Cow::Borrowed(&samples.response),
                TimesOver::All => samples.response_all(),
            };
            return self.of_times(&times);
        }
        match self {
            Self::ErrorRate => Some(samples.failed as f64 / finished as f64),
            Self::Failed => Some(samples.failed as f64),
            Self::Requests => Some(finished as f64),
            Self::Ok => Some(samples.ok as f64),
            Self::Rate => (measured.duration_us > 0)
                .then(|| finished as f64 * 1e6 / measured.duration_us as f64),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::sample::{Cause, Outcome as Ended, Sample};

    /// 1,000 samples of 1 to 1,000 ms; those up to `failed` ms fail.
    fn tally(failed: u64) -> LabelTally {
        let mut tally = LabelTally::default();
        for n in 1..=1000u64 {
            let sample = Sample {
                done_us: n * 1000,
                ..Sample::default()
            };
            let ended = match n <= failed {
                true => Ended::failed(Cause::Status5xx, Some(503)),
                false => Ended::ok(200),
            };
            tally.record(&sample, ended);
        }
        tally
    }

    fn judged(expression: &str, samples: &LabelTally) -> ThresholdResult {
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
        Threshold::parse(expression).unwrap().judge(Some(&Measured {
            samples,
            account: &account,
            duration_us: 4_000_000,
        }))
    }

    #[test]
    fn each_metric_is_judged_in_its_own_unit() {
        // The eleven quickest fail: times go from 12 to 1,000 ms.
        for (expression, observed, passed) in [
            ("p(95)<960ms", "951.295ms", true),
            ("p(95)<0.95s", "0.951295s", false),
            ("med<=0.507s", "0.506s", true),
            ("min==12ms", "12ms", true),
            ("all.min==1ms", "1ms", true),
            ("max<1s", "1s", false),
            ("max<=1000000us", "1000000us", true),
            ("avg>505ms", "506ms", true),
            ("mean<507ms", "506ms", true),
            ("all.avg>500ms", "500.5ms", true),
            ("all.mean<501ms", "500.5ms", true),
            ("stdev<1m", "0.00476m", true),
            ("stdev<286ms", "285.5ms", true),
            ("all.stdev<286ms", "288.675ms", false),
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
            let seen = judged(expression, &tally(11));
            assert_eq!(seen.passed, passed, "{seen:?}");
            assert_eq!(seen.reason, None, "{seen:?}");
            if !expression.starts_with("p(95)") && !expression.starts_with("med") {
                assert_eq!(seen.observed.as_deref(), Some(observed), "{expression}");
            }
        }
    }

    #[test]
    fn times_are_of_ok_answers_unless_all_are_asked_for() {
        // 730 of 1,000 fail, and are quicker than any answer.
        let half_dead = tally(730);
        for (expression, passed) in [
            ("p(50)<700ms", false),
            ("all.p(50)<700ms", true),
            ("p(50)<870ms", true),
            ("p(0)<700ms", false),
            ("all.p(0)<2ms", true),
            ("min>730ms", true),
            ("all.min>730ms", false),
            ("avg<800ms", false),
            ("all.avg<800ms", true),
            ("max<=1s", true),
            ("all.max<=1s", true),
            ("stdev<100ms", true),
            ("all.stdev<100ms", false),
        ] {
            let seen = judged(expression, &half_dead);
            assert_eq!(seen.passed, passed, "{seen:?}");
        }
    }

    #[test]
    fn without_ok_answers_times_have_no_data_and_say_so() {
        let dead = tally(1000);
        for expression in [
            "p(95)<10s",
            "avg<10s",
            "min<10s",
            "max<10s",
            "stdev<10s",
            "med>0ms",
        ] {
            let seen = judged(expression, &dead);
            assert_eq!((seen.observed, seen.passed), (None, false), "{expression}");
            let reason = seen.reason.unwrap();
            assert!(
                reason.contains("none of 1000 requests was answered ok"),
                "{reason}"
            );
        }
        for expression in ["all.p(95)<10s", "all.max<10s", "errors==1000", "ok==0"] {
            let seen = judged(expression, &dead);
            assert_eq!((seen.passed, seen.reason), (true, None), "{expression}");
        }
        // Read from an older report: failed samples stand where ok ones do.
        let mut mixed = dead;
        mixed.put_together();
        assert_eq!(judged("p(95)<10s", &mixed).observed, None);
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
