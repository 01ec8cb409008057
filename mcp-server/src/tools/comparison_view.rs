//! The answer of compare_test_runs: the API's comparison in our units, its largest
//! changes first. Which runs are compared, and why not, is the tool's own.

use crate::answer::{Warning, instant, rounded};
use crate::clean::Text;
use crate::refusal::Refusal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most further metrics of a label, and most names in a list of labels.
const MOST_METRICS: usize = 4;
const MOST_NAMES: usize = 10;

/// The answer.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Output {
    verdict: Text,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<Text>,
    base: Side,
    candidate: Side,
    comparability: Comparability,
    totals: Vec<Metric>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    regressed: Vec<LabelRow>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    improved: Vec<LabelRow>,
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
    complete: bool,
    // An older server has times of one kind only.
    #[serde(default = "yes")]
    same_times: bool,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Serialize, JsonSchema)]
struct Metric {
    metric: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    candidate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta_pct: Option<f64>,
    /// interval of delta_pct
    #[serde(skip_serializing_if = "Option::is_none")]
    low_pct: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    high_pct: Option<f64>,
    significant: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<Text>,
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
    also: Vec<Text>,
}

/// What the API answers.
#[derive(Debug, Deserialize)]
pub(super) struct Compared {
    base: SeenSide,
    candidate: SeenSide,
    verdict: String,
    #[serde(default)]
    reasons: Vec<String>,
    #[serde(default)]
    comparability: Comparability,
    #[serde(default)]
    totals: Vec<SeenMetric>,
    #[serde(default)]
    labels: Vec<SeenLabel>,
    #[serde(default)]
    added: Vec<String>,
    #[serde(default)]
    removed: Vec<String>,
    #[serde(default)]
    inconclusive: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SeenSide {
    test_run_id: String,
    start_time: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct SeenMetric {
    metric: String,
    base: Option<f64>,
    candidate: Option<f64>,
    delta: Option<f64>,
    delta_pct: Option<f64>,
    low_pct: Option<f64>,
    high_pct: Option<f64>,
    significant: bool,
    change: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SeenLabel {
    label: String,
    change: String,
    metrics: Vec<SeenMetric>,
}

/// Our name of the API's metric, and what its values are multiplied by: times
/// there are µs, shares of failures go from 0 to 1.
fn named(metric: &str) -> (String, f64) {
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

impl Metric {
    fn of(seen: &SeenMetric) -> Self {
        let (name, factor) = named(&seen.metric);
        let value = |value: f64| rounded(value * factor);
        Self {
            metric: Text::of(&name),
            base: seen.base.map(value),
            candidate: seen.candidate.map(value),
            delta: seen.delta.map(value),
            delta_pct: seen.delta_pct.map(rounded),
            low_pct: seen.low_pct.map(rounded),
            high_pct: seen.high_pct.map(rounded),
            significant: seen.significant,
            change: seen.change.as_deref().and_then(Text::some),
        }
    }

    fn side(seen: &SeenSide) -> Side {
        Side {
            test_run_id: Text::of(&seen.test_run_id),
            start: instant(&seen.start_time),
        }
    }
}

/// Which part of a comparison is shown.
pub(super) struct Shown<'a> {
    pub(super) metric: Option<&'a str>,
    pub(super) threshold_pct: f64,
    pub(super) limit: usize,
}

impl Shown<'_> {
    fn has(&self, seen: &SeenMetric) -> bool {
        self.metric
            .is_none_or(|metric| metric == named(&seen.metric).0)
    }

    /// That the metric is one that the comparison has.
    pub(super) fn check(&self, compared: &Compared) -> Result<(), Refusal> {
        if self.metric.is_none() || compared.totals.iter().any(|seen| self.has(seen)) {
            return Ok(());
        }
        let known: Vec<String> = compared
            .totals
            .iter()
            .map(|seen| named(&seen.metric).0)
            .collect();
        Err(Refusal::argument(
            "metric",
            format!("no such metric; there are {}", known.join(", ")),
        ))
    }

    /// Labels that changed so, the largest change first.
    fn labels(&self, seen: &[SeenLabel], change: &str) -> Vec<LabelRow> {
        // What was 0 before has no percentage, and is the largest change.
        let size = |metric: &SeenMetric| metric.delta_pct.map_or(f64::INFINITY, f64::abs);
        // A share of failures is in percent already: of 0.1 % it is much.
        let large = |metric: &SeenMetric| {
            metric.metric == "error_rate" || size(metric) >= self.threshold_pct
        };
        let mut rows: Vec<(f64, LabelRow)> = seen
            .iter()
            .filter(|label| label.change == change)
            .filter_map(|label| {
                let mut metrics: Vec<&SeenMetric> = label
                    .metrics
                    .iter()
                    .filter(|metric| metric.change.as_deref() == Some(change))
                    .filter(|metric| metric.significant && self.has(metric) && large(metric))
                    .collect();
                metrics.sort_by(|a, b| size(b).total_cmp(&size(a)));
                let (largest, others) = metrics.split_first()?;
                let shown = Metric::of(largest);
                let row = LabelRow {
                    label: Text::of(&label.label),
                    metric: shown.metric,
                    base: shown.base,
                    candidate: shown.candidate,
                    delta: shown.delta,
                    delta_pct: shown.delta_pct,
                    low_pct: shown.low_pct,
                    high_pct: shown.high_pct,
                    also: others
                        .iter()
                        .take(MOST_METRICS)
                        .map(|metric| Text::of(&named(&metric.metric).0))
                        .collect(),
                };
                Some((size(largest), row))
            })
            .collect();
        rows.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.label.cmp(&b.1.label)));
        rows.into_iter().map(|row| row.1).collect()
    }
}

fn names(seen: &[String]) -> Vec<Text> {
    seen.iter()
        .take(MOST_NAMES)
        .map(|name| Text::of(name))
        .collect()
}

/// What to be careful about; `dropped` changed labels are not listed.
fn warnings(compared: &Compared, dropped: usize) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut warn = |applies: bool, code: &'static str, text: &str| {
        if applies {
            warnings.push(Warning::new(code, text));
        }
    };
    warn(
        compared.verdict == "incomparable",
        "incomparable",
        "differences may come from the load, not from the target",
    );
    warn(
        !compared.comparability.complete,
        "incomplete",
        "at least one of the runs was cut short or lost runners: see get_results",
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
        &format!("{unjudged} labels were not judged: they may have changed or not"),
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

/// What is shown of a comparison.
pub(super) fn output(compared: &Compared, shown: &Shown<'_>) -> Output {
    let mut regressed = shown.labels(&compared.labels, "worse");
    let mut improved = shown.labels(&compared.labels, "better");
    let changed = regressed.len() + improved.len();
    regressed.truncate(shown.limit);
    improved.truncate(shown.limit);
    let warnings = warnings(compared, changed - regressed.len() - improved.len());
    Output {
        verdict: Text::of(&compared.verdict),
        reasons: compared
            .reasons
            .iter()
            .take(6)
            .map(|text| Text::of(text))
            .collect(),
        base: Metric::side(&compared.base),
        candidate: Metric::side(&compared.candidate),
        comparability: compared.comparability.clone(),
        totals: compared
            .totals
            .iter()
            .filter(|metric| shown.has(metric))
            .map(Metric::of)
            .collect(),
        regressed,
        improved,
        added: names(&compared.added),
        removed: names(&compared.removed),
        inconclusive: names(&compared.inconclusive),
        warnings,
        next: match compared.verdict.as_str() {
            "worse" => "call query_latency or get_error_breakdown for the regressed labels".into(),
            "incomparable" => "repeat the run with the same load, or pick another base".into(),
            _ => "call get_results for either run's numbers".into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_told_in_our_units() {
        let seen = |metric: &str, base| SeenMetric {
            metric: metric.to_owned(),
            base: Some(base),
            ..SeenMetric::default()
        };
        for (metric, base, name, shown) in [
            ("p95_us", 203_007.0, "p95_ms", 203.007),
            ("mean_us", 84_121.4, "avg_ms", 84.121),
            ("error_rate", 0.0123, "error_pct", 1.23),
            ("rate", 6_080.0, "rps", 6_080.0),
            ("novel", 1.0, "novel", 1.0),
        ] {
            let metric = Metric::of(&seen(metric, base));
            assert_eq!((metric.metric.as_str(), metric.base), (name, Some(shown)));
        }
    }
}
