//! The answer of compare_test_runs: the API's comparison in this server's units, largest
//! changes first. Which runs are compared, and whether they can be, is decided in the
//! tool.

use crate::clean::Text;
use crate::refusal::Refusal;
use crate::units::{rounded, utc_time};
use crate::views::answer::Warning;
use dlt_core::compare::{Change, Thresholds, Verdict};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most reasons, and most notes.
const MOST_SENTENCES: usize = 6;
/// Most names in a list of labels.
const MOST_NAMES: usize = 10;

/// The answer.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Output {
    verdict: Text,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<Text>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<Text>,
    base: Side,
    candidate: Side,
    comparability: Comparability,
    /// Changes below do not matter: times and rates in percent, errors in points
    large_from_pct: f64,
    large_from_error_points: f64,
    totals: Vec<MetricRow>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    regressed: Vec<LabelRow>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    improved: Vec<LabelRow>,
    /// Of one region: values alone, chance is not told from change
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unjudged: Vec<LabelRow>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    added: Vec<Text>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    removed: Vec<Text>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    inconclusive: Vec<Text>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Warning>,
    next: Text,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Side {
    test_run_id: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<Text>,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
struct Comparability {
    same_load: bool,
    same_regions: bool,
    same_tasks: bool,
    same_plan: bool,
    trusted: bool,
    // Older servers do not say.
    #[serde(default = "default_true")]
    complete: bool,
    // Older servers measure times of one kind only.
    #[serde(default = "default_true")]
    same_times: bool,
}

fn default_true() -> bool {
    true
}

#[derive(Debug, Serialize, JsonSchema)]
struct MetricRow {
    metric: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    candidate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<f64>,
    /// 95 % interval of delta
    #[serde(skip_serializing_if = "Option::is_none")]
    low: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    high: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta_pct: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    low_pct: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    high_pct: Option<f64>,
    /// beyond chance; left out where it was not tested
    #[serde(skip_serializing_if = "Option::is_none")]
    real: Option<bool>,
    /// reaches large_from
    large: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<Text>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct LabelRow {
    label: Text,
    metric: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    candidate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta_pct: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    low_pct: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    high_pct: Option<f64>,
    /// other metrics that changed
    #[serde(skip_serializing_if = "Vec::is_empty")]
    also: Vec<AlsoRow>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct AlsoRow {
    metric: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    candidate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta_pct: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<Text>,
}

/// The API's comparison.
#[derive(Debug, Deserialize)]
pub(crate) struct ApiComparison {
    base: ApiSide,
    candidate: ApiSide,
    verdict: Verdict,
    #[serde(default)]
    reasons: Vec<String>,
    #[serde(default)]
    notes: Vec<String>,
    #[serde(default)]
    comparability: Comparability,
    #[serde(default)]
    thresholds: Thresholds,
    #[serde(default)]
    totals: Vec<ApiMetric>,
    #[serde(default)]
    labels: Vec<ApiLabel>,
    #[serde(default)]
    added: Vec<String>,
    #[serde(default)]
    removed: Vec<String>,
    #[serde(default)]
    inconclusive: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ApiSide {
    test_run_id: String,
    start_time: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct ApiMetric {
    metric: String,
    base: Option<f64>,
    candidate: Option<f64>,
    delta: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    delta_pct: Option<f64>,
    low_pct: Option<f64>,
    high_pct: Option<f64>,
    significant: bool,
    change: Option<Change>,
    why: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ApiLabel {
    label: String,
    #[serde(default)]
    metrics: Vec<ApiMetric>,
}

/// The answer's name of an API metric, and the factor to its unit: the API's times are in
/// µs, its error rates between 0 and 1.
fn name_and_factor(metric: &str) -> (String, f64) {
    match metric {
        "mean_us" => ("avg_ms".to_owned(), 1e-3),
        "error_rate" => ("error_pct".to_owned(), 1e2),
        "rate" => ("rps".to_owned(), 1.0),
        other => match other.strip_suffix("_us") {
            Some(name) => (format!("{name}_ms"), 1e-3),
            None => (other.to_owned(), 1.0),
        },
    }
}

impl ApiMetric {
    /// Whether it changed by as much as matters, by chance or not.
    fn is_large(&self, thresholds: &Thresholds) -> bool {
        let (Some(base), Some(candidate)) = (self.base, self.candidate) else {
            return false;
        };
        if self.metric == "error_rate" {
            return (candidate - base).abs() * 100.0 >= thresholds.error_points;
        }
        // As the API judges it: downwards it is that much of the smaller value.
        let (low, high) = (base.min(candidate), base.max(candidate));
        high > low && high >= low * (1.0 + thresholds.relative_pct / 100.0)
    }
}

impl MetricRow {
    fn of(metric: &ApiMetric, thresholds: &Thresholds) -> Self {
        let (name, factor) = name_and_factor(&metric.metric);
        let value = |value: f64| rounded(value * factor);
        Self {
            metric: Text::of(&name),
            base: metric.base.map(value),
            candidate: metric.candidate.map(value),
            delta: metric.delta.map(value),
            low: metric.low.map(value),
            high: metric.high.map(value),
            delta_pct: metric.delta_pct.map(rounded),
            low_pct: metric.low_pct.map(rounded),
            high_pct: metric.high_pct.map(rounded),
            real: metric
                .low
                .or(metric.low_pct)
                .or(metric.high)
                .map(|_| metric.significant),
            large: metric.is_large(thresholds),
            change: metric.change.map(|change| Text::of(change.words())),
            why: metric.why.as_deref().and_then(Text::some),
        }
    }
}

impl AlsoRow {
    fn of(metric: &ApiMetric) -> Self {
        let (name, factor) = name_and_factor(&metric.metric);
        let value = |value: f64| rounded(value * factor);
        Self {
            metric: Text::of(&name),
            base: metric.base.map(value),
            candidate: metric.candidate.map(value),
            delta_pct: metric.delta_pct.map(rounded),
            change: metric.change.map(|change| Text::of(change.words())),
        }
    }
}

impl Side {
    fn of(side: &ApiSide) -> Self {
        Self {
            test_run_id: Text::of(&side.test_run_id),
            start: utc_time(&side.start_time),
        }
    }
}

/// Which part of a comparison is shown.
pub(crate) struct Filter<'a> {
    /// Only this metric.
    pub(crate) metric: Option<&'a str>,
    /// Most regressed and most improved labels.
    pub(crate) limit: usize,
    /// Whether it is of one region: labels have values alone.
    pub(crate) is_of_region: bool,
}

impl Filter<'_> {
    fn has(&self, metric: &ApiMetric) -> bool {
        self.metric
            .is_none_or(|name| name == name_and_factor(&metric.metric).0)
    }

    /// Refuses a metric that the comparison does not have.
    pub(crate) fn check(&self, comparison: &ApiComparison) -> Result<(), Refusal> {
        if self.metric.is_none() || comparison.totals.iter().any(|metric| self.has(metric)) {
            return Ok(());
        }
        let known: Vec<String> = comparison
            .totals
            .iter()
            .map(|metric| name_and_factor(&metric.metric).0)
            .collect();
        Err(Refusal::argument(
            "metric",
            format!("no such metric; there are {}", known.join(", ")),
        ))
    }

    /// Labels of which a number has this change, largest first.
    fn labels(&self, compared: &ApiComparison, change: Change) -> Vec<LabelRow> {
        let labels = &compared.labels;
        // A change from 0 has no percentage and counts as the largest.
        let size = |metric: &ApiMetric| metric.delta_pct.map_or(f64::INFINITY, f64::abs);
        let mut rows: Vec<(f64, LabelRow)> = labels
            .iter()
            .filter_map(|label| {
                let mut metrics: Vec<&ApiMetric> = label
                    .metrics
                    .iter()
                    .filter(|metric| metric.change == Some(change) && self.has(metric))
                    .collect();
                metrics.sort_by(|a, b| size(b).total_cmp(&size(a)));
                let largest = *metrics.first()?;
                let others = label.metrics.iter().filter(|metric| {
                    let changed = match change {
                        Change::CannotTell => metric.delta_pct != Some(0.0),
                        _ => metric.change.is_some_and(|change| {
                            !matches!(change, Change::Same | Change::CannotTell)
                        }),
                    };
                    changed && metric.metric != largest.metric && self.has(metric)
                });
                let shown = MetricRow::of(largest, &compared.thresholds);
                let row = LabelRow {
                    label: Text::of(&label.label),
                    metric: shown.metric,
                    base: shown.base,
                    candidate: shown.candidate,
                    delta: shown.delta,
                    delta_pct: shown.delta_pct,
                    low_pct: shown.low_pct,
                    high_pct: shown.high_pct,
                    also: others.map(AlsoRow::of).collect(),
                };
                Some((size(largest), row))
            })
            .collect();
        rows.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.label.cmp(&b.1.label)));
        rows.into_iter().map(|row| row.1).collect()
    }
}

fn sentences(texts: &[String]) -> Vec<Text> {
    let texts = texts.iter().take(MOST_SENTENCES);
    texts.map(|text| Text::of(text)).collect()
}

fn names(labels: &[String]) -> Vec<Text> {
    labels
        .iter()
        .take(MOST_NAMES)
        .map(|name| Text::of(name))
        .collect()
}

/// Warnings; `dropped` is the number of changed labels that are not listed.
fn warnings(compared: &ApiComparison, dropped: usize) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut warn = |applies: bool, code: &'static str, text: &str| {
        if applies {
            warnings.push(Warning::new(code, text));
        }
    };
    warn(
        compared.verdict == Verdict::Incomparable,
        "incomparable",
        "differences may come from the load, not from the target",
    );
    warn(
        !compared.comparability.complete,
        "incomplete",
        "at least one of the runs was cut short, lost runners or left many requests unanswered: see get_results",
    );
    warn(
        !compared.comparability.trusted,
        "untrusted",
        "at least one of the runs is not trusted: see get_results",
    );
    let unjudged = compared.inconclusive.len();
    warn(
        unjudged > 0,
        "labels_not_judged",
        &format!("of {unjudged} labels nothing can be told: they may have changed or not"),
    );
    warn(
        dropped > 0,
        "rows_dropped",
        &format!("{dropped} more labels changed, by less; a higher limit shows them"),
    );
    let unnamed: usize = [&compared.added, &compared.removed, &compared.inconclusive]
        .iter()
        .map(|names| names.len().saturating_sub(MOST_NAMES))
        .sum();
    warn(
        unnamed > 0,
        "names_dropped",
        &format!("{unnamed} more names of labels are not listed"),
    );
    warnings
}

/// The part of a comparison that passes the filter.
pub(crate) fn output(compared: &ApiComparison, filter: &Filter<'_>) -> Output {
    let mut regressed = filter.labels(compared, Change::Worse);
    let mut improved = filter.labels(compared, Change::Better);
    let mut unjudged = match filter.is_of_region {
        true => filter.labels(compared, Change::CannotTell),
        false => Vec::new(),
    };
    let changed = regressed.len() + improved.len() + unjudged.len();
    regressed.truncate(filter.limit);
    improved.truncate(filter.limit);
    unjudged.truncate(filter.limit);
    let shown = regressed.len() + improved.len() + unjudged.len();
    let warnings = warnings(compared, changed - shown);
    // Those with values need not be named again.
    let unknown = match filter.is_of_region {
        true => Vec::new(),
        false => names(&compared.inconclusive),
    };
    Output {
        verdict: Text::of(compared.verdict.words()),
        reasons: sentences(&compared.reasons),
        notes: sentences(&compared.notes),
        base: Side::of(&compared.base),
        candidate: Side::of(&compared.candidate),
        comparability: compared.comparability.clone(),
        totals: compared
            .totals
            .iter()
            .filter(|metric| filter.has(metric))
            .map(|metric| MetricRow::of(metric, &compared.thresholds))
            .collect(),
        large_from_pct: compared.thresholds.relative_pct,
        large_from_error_points: compared.thresholds.error_points,
        regressed,
        improved,
        unjudged,
        added: names(&compared.added),
        removed: names(&compared.removed),
        inconclusive: unknown,
        warnings,
        next: match compared.verdict {
            Verdict::Worse => {
                "call query_latency or get_error_breakdown for the regressed labels".into()
            }
            Verdict::Incomparable => {
                "repeat the run with the same load, or pick another base".into()
            }
            Verdict::CannotTell => "repeat both runs for longer: too little is known".into(),
            _ => "call get_results for either run's numbers".into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_converted_to_the_answer_s_units() {
        let api = |metric: &str, base| ApiMetric {
            metric: metric.to_owned(),
            base: Some(base),
            ..ApiMetric::default()
        };
        for (metric, base, name, shown) in [
            ("p95_us", 203_007.0, "p95_ms", 203.007),
            ("mean_us", 84_121.4, "avg_ms", 84.121),
            ("error_rate", 0.0123, "error_pct", 1.23),
            ("rate", 6_080.0, "rps", 6_080.0),
            ("novel", 1.0, "novel", 1.0),
        ] {
            let metric = MetricRow::of(&api(metric, base), &Thresholds::default());
            assert_eq!((metric.metric.as_str(), metric.base), (name, Some(shown)));
        }
    }
}
