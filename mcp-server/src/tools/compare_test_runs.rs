//! Is a run better or worse than another: the service's own comparison, with
//! equality of load checked first. The statistics are the core's; here the
//! answer is made short.

use super::get_baseline_test_run::{baseline, deleted};
use super::{Asked, Question, run, test};
use crate::answer::{Answer, Warning, instant, rounded};
use crate::backend::{Ask, BackendError};
use crate::clean::Text;
use crate::refusal::{Code, Refusal};
use crate::seen::run::Run;
use async_trait::async_trait;
use dlt_core::ids::TestRunId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Labels of each kind without `limit`.
const DEFAULT_LIMIT: usize = 10;
/// Changes below this are not listed, percent.
const DEFAULT_THRESHOLD_PCT: f64 = 5.0;
/// Most further metrics of a label, and most names in a list of labels.
const MOST_METRICS: usize = 4;
const MOST_NAMES: usize = 10;

pub(super) struct CompareTestRuns;

/// Its arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    #[schemars(length(min = 1, max = 128))]
    test_id: String,
    /// A run id, or baseline
    #[schemars(length(min = 1, max = 128))]
    base: String,
    /// A run id, or latest
    #[schemars(length(min = 1, max = 128))]
    candidate: String,
    /// Scenario of base, if another
    #[serde(default)]
    #[schemars(length(min = 1, max = 128))]
    base_test_id: Option<String>,
    /// Only this metric, like p95_ms
    #[serde(default)]
    metric: Option<String>,
    /// Smaller changes are not listed; default 5
    #[serde(default)]
    #[schemars(range(min = 0, max = 1000))]
    threshold_pct: Option<f64>,
    /// Labels of each kind; default 10
    #[serde(default)]
    #[schemars(range(min = 1, max = 100))]
    limit: Option<usize>,
}

/// Its answer.
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
}

#[derive(Debug, Serialize, JsonSchema)]
struct Metric {
    metric: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    candidate: Option<f64>,
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
struct Compared {
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
struct Shown<'a> {
    metric: Option<&'a str>,
    threshold_pct: f64,
    limit: usize,
}

impl Shown<'_> {
    fn has(&self, seen: &SeenMetric) -> bool {
        self.metric
            .is_none_or(|metric| metric == named(&seen.metric).0)
    }

    /// Labels that changed so, the largest change first.
    fn labels(&self, seen: &[SeenLabel], change: &str) -> Vec<LabelRow> {
        let size = |metric: &SeenMetric| metric.delta_pct.unwrap_or(0.0).abs();
        let mut rows: Vec<(f64, LabelRow)> = seen
            .iter()
            .filter(|label| label.change == change)
            .filter_map(|label| {
                let mut metrics: Vec<&SeenMetric> = label
                    .metrics
                    .iter()
                    .filter(|metric| metric.significant && self.has(metric))
                    .filter(|metric| size(metric) >= self.threshold_pct)
                    .collect();
                metrics.sort_by(|a, b| size(b).total_cmp(&size(a)));
                let (largest, others) = metrics.split_first()?;
                let shown = Metric::of(largest);
                let row = LabelRow {
                    label: Text::of(&label.label),
                    metric: shown.metric,
                    base: shown.base,
                    candidate: shown.candidate,
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
        rows.into_iter().take(self.limit).map(|row| row.1).collect()
    }
}

fn names(seen: &[String]) -> Vec<Text> {
    seen.iter()
        .take(MOST_NAMES)
        .map(|name| Text::of(name))
        .collect()
}

#[async_trait]
impl Question for CompareTestRuns {
    const NAME: &'static str = "compare_test_runs";
    const TITLE: &'static str = "Compare test runs";
    const TEXT: &'static str = "Whether a run is better, worse or the same as another of its scenario, \
        with intervals: which totals and labels changed beyond noise. incomparable means that load, \
        regions, tasks or plan differ, or a run cannot be trusted.";
    type Input = Input;
    type Output = Output;

    async fn answer(asked: &Asked<'_>, input: Input) -> Result<Answer<Output>, Refusal> {
        let test = test(&input.test_id)?;
        let base_test = match &input.base_test_id {
            Some(id) => super::test(id)?,
            None => test.clone(),
        };
        let from_baseline = input.base == "baseline";
        let base = match from_baseline {
            true => baseline(asked.backend, &base_test).await?,
            false => run(&input.base, "base")?,
        };
        let candidate = match input.candidate.as_str() {
            "latest" => {
                let newest = Run::find(asked.backend, &test, None).await?;
                TestRunId::parse(&newest.test_run_id)
                    .map_err(|error| BackendError::Unreadable(error.to_string()))?
            }
            id => run(id, "candidate")?,
        };
        if base == candidate {
            return Err(
                Refusal::argument("candidate", "base and candidate are the same run")
                    .hint("call list_test_runs for another run"),
            );
        }
        let ask = Ask::Compare {
            test,
            run: candidate,
            with: base,
            with_test: base_test,
        };
        let compared = match asked.backend.get(&ask).await {
            Err(BackendError::NotFound(code)) if code == "TESTRUN_NOT_FOUND" && from_baseline => {
                return Err(deleted());
            }
            Err(BackendError::NoRoute) => {
                return Err(
                    Refusal::new(Code::UpstreamError, "this server cannot compare runs")
                        .hint("call get_results for both runs and compare totals with care"),
                );
            }
            answer => answer?,
        };
        let compared: Compared = serde_json::from_value(compared)
            .map_err(|error| BackendError::Unreadable(format!("comparison: {error}")))?;
        let shown = Shown {
            metric: input.metric.as_deref(),
            threshold_pct: input.threshold_pct.unwrap_or(DEFAULT_THRESHOLD_PCT),
            limit: input.limit.unwrap_or(DEFAULT_LIMIT),
        };
        Ok(Answer::whole(output(&compared, &shown)))
    }
}

fn output(compared: &Compared, shown: &Shown<'_>) -> Output {
    let mut warnings = Vec::new();
    if compared.verdict == "incomparable" {
        warnings.push(Warning::new(
            "incomparable",
            "differences may come from the load, not from the target",
        ));
    }
    if !compared.comparability.trusted {
        warnings.push(Warning::new(
            "untrusted",
            "at least one of the runs is not trusted: see get_results",
        ));
    }
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
        regressed: shown.labels(&compared.labels, "worse"),
        improved: shown.labels(&compared.labels, "better"),
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
