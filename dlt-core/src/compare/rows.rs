//! The rows of a comparison: each number of each part with its estimate, then the
//! words for all of them together, and the sum.

use super::cells::{Cells, LEAST_SECONDS};
use super::distribution::Distribution;
use super::interval::Estimate;
use super::metrics::{Number, Pair, Part, Unknown};
use super::words::{Kind, Thresholds, limit_of, word};
use super::{Change, LabelChange, MetricChange, Side, Verdict};
use crate::ids::Region;
use crate::judge::summary::Block;
use crate::messages::timeline::RunTimeline;

/// What was measured of a run, or in one of its regions.
pub(super) struct Measured<'a> {
    side: &'a Side<'a>,
    pub(super) total: Option<Block>,
    pub(super) seconds: Seconds,
}

/// Seconds and exact times of a part.
#[derive(Debug, Default)]
pub(super) struct Seconds {
    cells: Option<Cells>,
    times: Option<Distribution>,
}

impl Seconds {
    /// Whether the spread between its seconds can be estimated.
    pub(super) fn is_known(&self) -> bool {
        self.cells.is_some()
    }
}

impl<'a> Measured<'a> {
    pub(super) fn of(side: &'a Side<'a>, region: Option<&Region>) -> Self {
        let summary = side.record.summary.as_ref();
        let total = summary.and_then(|summary| match region {
            Some(region) => summary.regions.get(region.as_str()).cloned(),
            None => Some(summary.total.clone()),
        });
        let cells = match region {
            None => Cells::of_run(side.timeline),
            Some(region) => side.timeline.and_then(|timeline| {
                let rows = timeline.regions.get(region)?;
                let only = RunTimeline {
                    regions: [(region.clone(), rows.clone())].into(),
                    ..RunTimeline::default()
                };
                Cells::of_run(Some(&only))
            }),
        };
        Self {
            side,
            total,
            seconds: Seconds {
                cells,
                times: times(side, None, region),
            },
        }
    }

    /// A label's, over all regions.
    pub(super) fn label(&self, label: &str) -> Seconds {
        let length = self.seconds.cells.as_ref().map(|cells| cells.seconds);
        let series = self.side.timeline.and_then(|timeline| {
            let mut all = timeline.labels.iter();
            all.find(|series| series.label == label)
        });
        let cells = series
            .zip(length)
            .and_then(|(series, length)| Cells::of_label(series, length));
        Seconds {
            cells,
            times: times(self.side, Some(label), None),
        }
    }
}

/// Unreadable histograms are none: the record's values are shown all the same.
fn times(side: &Side<'_>, label: Option<&str>, region: Option<&Region>) -> Option<Distribution> {
    let stored = side.histograms?.times(label, region).ok()??;
    Distribution::of(&stored.ok)
}

/// A number before it has a word.
struct Row {
    metric: &'static str,
    kind: Kind,
    base: f64,
    candidate: f64,
    estimate: Result<Estimate, Unknown>,
}

/// The numbers that are tested together, by part.
pub(super) struct Rows {
    same_times: bool,
    shaped: bool,
    parts: Vec<Vec<Row>>,
}

impl Rows {
    /// None yet. Times are tested if they are of the same kind of samples.
    pub(super) fn new(same_times: bool, shaped: bool) -> Self {
        Self {
            same_times,
            shaped,
            parts: Vec::new(),
        }
    }

    /// Adds the numbers of one part, the whole run first; none without both blocks.
    pub(super) fn add(
        &mut self,
        blocks: [Option<&Block>; 2],
        seconds: [&Seconds; 2],
        with_rate: bool,
    ) {
        let [Some(a), Some(b)] = blocks else {
            self.parts.push(Vec::new());
            return;
        };
        let blocks = [a, b];
        let part = |at: usize| {
            Some(Part {
                cells: seconds[at].cells.as_ref()?,
                times: seconds[at].times.as_ref(),
                finished: blocks[at].count,
                failed: blocks[at].failed,
            })
        };
        let pair = part(0).zip(part(1)).map(|(base, candidate)| Pair {
            base,
            candidate,
            shaped: self.shaped,
        });
        let us = |it: Option<u64>| it.map(|us| us as f64);
        let error_rate = |block: &Block| Some(block.failed as f64 / block.count.max(1) as f64);
        let mut wanted = vec![
            ("p50_us", Number::Quantile(0.5), us(a.p50_us), us(b.p50_us)),
            ("p95_us", Number::Quantile(0.95), us(a.p95_us), us(b.p95_us)),
            ("p99_us", Number::Quantile(0.99), us(a.p99_us), us(b.p99_us)),
            ("mean_us", Number::Mean, us(a.mean_us), us(b.mean_us)),
            (
                "error_rate",
                Number::ErrorRate,
                error_rate(a),
                error_rate(b),
            ),
        ];
        if let Some(pair) = pair.as_ref().filter(|_| with_rate) {
            let [base, candidate] = [pair.base, pair.candidate]
                .map(|part| Some(part.finished as f64 / part.cells.seconds as f64));
            wanted.push(("rate", Number::Rate, base, candidate));
        }
        let rows = wanted
            .into_iter()
            .filter_map(|(metric, number, base, candidate)| {
                let kind = number.kind();
                Some(Row {
                    metric,
                    kind,
                    base: base?,
                    candidate: candidate?,
                    estimate: match &pair {
                        _ if kind == Kind::Time && !self.same_times => Err(Unknown::OtherTimes),
                        Some(pair) => pair.estimate(number),
                        None => Err(Unknown::NoSeconds),
                    },
                })
            });
        self.parts.push(rows.collect());
    }

    /// The words, all numbers considered, by part; none but "cannot tell" where the
    /// runs may not be judged.
    pub(super) fn decide(self, thresholds: &Thresholds, may_judge: bool) -> Vec<Vec<MetricChange>> {
        // The first part is the whole run.
        let rows = || {
            let parts = self.parts.iter().enumerate();
            parts.flat_map(|(at, rows)| rows.iter().map(move |row| (row.is_key(at == 0), row)))
        };
        let limit = |key: bool| {
            let family = rows().filter(|row| row.0 == key);
            let tested = family.filter_map(|(_, row)| row.estimate.as_ref().ok());
            limit_of(tested.map(|estimate| estimate.p_value))
        };
        let limits = [limit(false), limit(true)];
        let parts = self.parts.into_iter().enumerate();
        let told = parts.map(|(at, rows)| {
            let rows = rows.into_iter().map(|row| {
                let limit = limits[usize::from(row.is_key(at == 0))];
                row.told(thresholds, limit, may_judge)
            });
            rows.collect()
        });
        told.collect()
    }
}

/// The numbers of the whole run that the verdict hangs on.
const KEYS: [&str; 2] = ["error_rate", "p95_us"];

impl Row {
    fn is_key(&self, of_whole: bool) -> bool {
        of_whole && KEYS.contains(&self.metric)
    }

    fn told(self, thresholds: &Thresholds, limit: Option<f64>, may_judge: bool) -> MetricChange {
        let delta = self.candidate - self.base;
        let mut row = MetricChange {
            metric: self.metric.to_owned(),
            base: self.base,
            candidate: self.candidate,
            delta,
            low: None,
            high: None,
            delta_pct: (self.base > 0.0).then(|| delta / self.base * 100.0),
            low_pct: None,
            high_pct: None,
            significant: false,
            change: Change::CannotTell,
            why: None,
        };
        let estimate = match self.estimate {
            Ok(estimate) => estimate,
            Err(unknown) => {
                row.why = Some(unknown.to_string());
                return row;
            }
        };
        row.show(self.kind, estimate.interval);
        let threshold = self.kind.threshold(thresholds);
        row.significant = limit.is_some_and(|limit| estimate.p_value <= limit);
        if may_judge {
            row.change = word(&estimate, self.kind, threshold, row.significant);
            if row.change == Change::CannotTell {
                row.why = Some(unclear(&estimate, threshold).to_owned());
            }
        }
        row
    }
}

impl MetricChange {
    fn show(&mut self, kind: Kind, (low, high): (f64, f64)) {
        if kind == Kind::ErrorRate {
            (self.low, self.high) = (Some(low), Some(high));
            return;
        }
        // Values are whole microseconds: what is shown lies in its interval.
        let percent = |log: f64| Some(log.exp_m1() * 100.0).filter(|pct| pct.is_finite());
        let delta = self.delta_pct.unwrap_or_default();
        self.low_pct = percent(low)
            .filter(|_| low.is_finite())
            .map(|it| it.min(delta));
        self.high_pct = percent(high).map(|it| it.max(delta));
        let absolute = |pct: f64| pct / 100.0 * self.base;
        self.low = self.low_pct.map(absolute);
        self.high = self.high_pct.map(absolute);
    }
}

/// Why an estimate has no better word.
fn unclear(estimate: &Estimate, threshold: f64) -> &'static str {
    let (low, high) = estimate.interval;
    if !low.is_finite() || !high.is_finite() {
        "too few samples beyond it for how much they vary"
    } else if low <= 0.0 && 0.0 <= high {
        "its interval holds no change as well as one that matters"
    } else if estimate.difference.abs() >= threshold {
        "among so many numbers one such difference is to be expected by chance"
    } else {
        "it changed; whether by as much as matters is open"
    }
}

impl std::fmt::Display for Unknown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::FewSamples => f.write_str("fewer than ten samples beyond it"),
            Self::NoSeconds => write!(
                f,
                "fewer than {LEAST_SECONDS} seconds of load, or none are kept of it"
            ),
            Self::FewAnswers => f.write_str("only a few answers among failures"),
            Self::NoTimes => f.write_str("no exact times are stored of it"),
            Self::OtherTimes => f.write_str("times are of other kinds of samples"),
        }
    }
}

/// The most important word of a part's numbers.
pub(super) fn foremost(rows: &[MetricChange]) -> Change {
    let any = |change: Change| rows.iter().any(|row| row.change == change);
    let order = [Change::Worse, Change::Better, Change::ChangedButSmall];
    if let Some(found) = order.into_iter().find(|change| any(*change)) {
        return found;
    }
    match rows.iter().all(|row| row.change == Change::CannotTell) {
        true => Change::CannotTell,
        false => Change::Same,
    }
}

/// The sum of all.
pub(super) fn sum_up(may_judge: bool, totals: &[MetricChange], labels: &[LabelChange]) -> Verdict {
    if !may_judge {
        return Verdict::Incomparable;
    }
    let changes = || {
        let labels = labels.iter().map(|label| label.change);
        totals.iter().map(|row| row.change).chain(labels)
    };
    let any = |wanted: Change| changes().any(|change| change == wanted);
    let told = |metric: &str| {
        let row = totals.iter().find(|row| row.metric == metric);
        row.is_some_and(|row| row.change != Change::CannotTell)
    };
    if any(Change::Worse) {
        Verdict::Worse
    } else if !KEYS.iter().all(|key| told(key)) {
        Verdict::CannotTell
    } else if any(Change::Better) {
        Verdict::Better
    } else if any(Change::ChangedButSmall) {
        Verdict::ChangedButSmall
    } else {
        Verdict::Same
    }
}
