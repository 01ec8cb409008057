//! Whether a run is better or worse than another. Here the two runs are chosen and the
//! API's comparison is requested; dlt-core computes it, `views::comparison` shortens it.

use super::get_baseline_test_run::{baseline, baseline_deleted};
use super::{CallContext, Question, parse_run_id, parse_test_id};
use crate::backend::{Ask, BackendError};
use crate::refusal::{Code, Refusal};
use crate::seen::run::Run;
use crate::views::answer::{LONGEST_ANSWER, LONGEST_DEFAULT, ToolAnswer};
use crate::views::comparison::{ApiComparison, Filter, Output, output};
use async_trait::async_trait;
use dlt_core::ids::{TestId, TestRunId};
use schemars::JsonSchema;
use serde::Deserialize;

/// Labels of each kind without `limit`.
const DEFAULT_LIMIT: usize = 10;

pub(super) struct CompareTestRuns;

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
    /// Only what was measured from this region; labels with values alone
    #[serde(default)]
    #[schemars(length(max = 128))]
    region: Option<String>,
    /// Only this metric, like p95_ms
    #[serde(default)]
    metric: Option<String>,
    /// Smaller changes of times and rate do not matter; default 2
    #[serde(default)]
    #[schemars(range(max = 1000), extend("exclusiveMinimum" = 0))]
    threshold_pct: Option<f64>,
    /// Labels of each kind; default 10
    #[serde(default)]
    #[schemars(range(min = 1, max = 100))]
    limit: Option<usize>,
}

#[async_trait]
impl Question for CompareTestRuns {
    const NAME: &'static str = "compare_test_runs";
    const TITLE: &'static str = "Compare test runs";
    const DESCRIPTION: &'static str = "Whether a run is worse, better or the same as another of its scenario, \
        with 95 % intervals: every number that changed, real (beyond chance) apart from large (matters). \
        same: the whole interval is too small to matter. cannot tell: too little is \
        known. cannot be compared: load, regions, tasks or plan differ, or a run is incomplete or untrusted.";
    type Input = Input;
    type Output = Output;

    async fn answer(
        context: &CallContext<'_>,
        input: Input,
    ) -> Result<ToolAnswer<Output>, Refusal> {
        let test = parse_test_id(&input.test_id)?;
        let base_test = match &input.base_test_id {
            Some(id) => parse_test_id(id)?,
            None => test.clone(),
        };
        let from_baseline = input.base == "baseline";
        let (base, candidate) = run_ids(context, &input, &test, &base_test).await?;
        let sides = [
            ("base", &base_test, &base),
            ("candidate", &test, &candidate),
        ];
        let sides = sides.map(|(field, test, run)| {
            let (test, run) = (test.clone(), run.clone());
            (field, Ask::Run { test, run })
        });
        let ask = Ask::Compare {
            test,
            run: candidate,
            with: base,
            with_test: base_test,
            region: input.region.clone(),
            threshold_pct: input.threshold_pct.map(|pct| pct.to_string()),
        };
        let comparison = match context.backend.get(&ask).await {
            Err(BackendError::NoRoute) => {
                return Err(
                    Refusal::new(Code::UpstreamError, "this server cannot compare runs")
                        .hint("call get_results for both runs and compare totals with care"),
                );
            }
            Err(error) => {
                let region = input.region.as_deref();
                let refusal = name_side(context, error, &sides, region).await;
                let is_about_base = refusal.field.as_deref() == Some("base");
                return Err(if from_baseline && is_about_base {
                    baseline_deleted()
                } else {
                    refusal
                });
            }
            Ok(answer) => answer,
        };
        let comparison: ApiComparison = serde_json::from_value(comparison)
            .map_err(|error| BackendError::unreadable("comparison", &error))?;
        let filter = Filter {
            metric: input.metric.as_deref(),
            limit: input.limit.unwrap_or(DEFAULT_LIMIT),
            is_of_region: input.region.is_some(),
        };
        filter.check(&comparison)?;
        let longest = match input.limit {
            Some(_) => LONGEST_ANSWER,
            None => LONGEST_DEFAULT,
        };
        Ok(ToolAnswer::whole(shortened(&comparison, filter, longest)))
    }
}

/// The ids of base and candidate.
async fn run_ids(
    context: &CallContext<'_>,
    input: &Input,
    test: &TestId,
    base_test: &TestId,
) -> Result<(TestRunId, TestRunId), Refusal> {
    for (value, word, field) in [
        (&input.base, "latest", "base"),
        (&input.candidate, "baseline", "candidate"),
    ] {
        if value == word {
            let why = "base is a run id or baseline, candidate a run id or latest";
            return Err(Refusal::argument(field, why).hint("call list_test_runs for ids of runs"));
        }
    }
    let base = match input.base.as_str() {
        "baseline" => baseline(context.backend, base_test).await?,
        id => parse_run_id(id, "base")?,
    };
    let candidate = match input.candidate.as_str() {
        "latest" => {
            let newest = Run::find(context.backend, test, None).await?;
            TestRunId::parse(&newest.test_run_id)
                .map_err(|error| BackendError::Unreadable(error.to_string()))?
        }
        id => parse_run_id(id, "candidate")?,
    };
    if base == candidate {
        return Err(
            Refusal::argument("candidate", "base and candidate are the same run")
                .hint("call list_test_runs for another run"),
        );
    }
    Ok((base, candidate))
}

/// The comparison with as many changed labels as fit into an answer.
fn shortened(comparison: &ApiComparison, mut filter: Filter<'_>, longest: usize) -> Output {
    loop {
        let output = output(comparison, &filter);
        let length = serde_json::to_string(&output).map_or(0, |text| text.chars().count());
        if length <= longest || filter.limit <= 1 {
            return output;
        }
        filter.limit = (filter.limit * 4 / 5).max(1);
    }
}

/// An error of the comparison that names the run it is about. The API does not say, so
/// both runs are requested.
async fn name_side(
    context: &CallContext<'_>,
    error: BackendError,
    sides: &[(&'static str, Ask); 2],
    region: Option<&str>,
) -> Refusal {
    let of_runs = matches!(&error, BackendError::NotFound(code) if code == "TESTRUN_NOT_FOUND");
    let of_region = matches!(error, BackendError::Refused(_)) && region.is_some();
    if !of_runs && !of_region {
        return error.into();
    }
    for (field, ask) in sides {
        match context.backend.get(ask).await {
            Err(missing @ BackendError::NotFound(_)) => {
                return Refusal::from(missing).about(field);
            }
            Ok(record) if of_region => {
                let run = Run::parse(record).map_err(Refusal::from);
                if let Err(refusal) = run.and_then(|run| run.region(region.unwrap_or_default())) {
                    return refusal;
                }
            }
            _ => {}
        }
    }
    error.into()
}
