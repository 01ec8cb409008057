//! Any percentile, the share above any limit, and the histogram of response times: from
//! the exact merged histogram if the server has it, else interpolated between stored
//! percentiles.

use super::{CallContext, Question, parse_run_id, parse_test_id};
use crate::backend::{Ask, BackendError};
use crate::refusal::{Code, Refusal};
use crate::seen::live::Live;
use crate::seen::numbers::{Numbers, coarse_answer};
use crate::seen::run::{Method, Run, unknown_region};
use crate::views::answer::{ToolAnswer, Warning};
use crate::views::latency::{Asked, Of, Output, of_histogram, of_percentiles, without_times};
use async_trait::async_trait;
use dlt_core::calls::answers::{HistogramAnswer, Samples};
use schemars::JsonSchema;
use serde::Deserialize;

/// Percentiles of a call that names neither percentiles nor limits.
const DEFAULT_PERCENTILES: [f64; 5] = [50.0, 90.0, 95.0, 99.0, 99.9];

pub(super) struct QueryLatency;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    #[schemars(length(min = 1, max = 128))]
    test_id: String,
    #[schemars(length(min = 1, max = 128))]
    test_run_id: String,
    /// Exactly this label
    #[serde(default)]
    #[schemars(length(max = 255))]
    label: Option<String>,
    /// Only this region
    #[serde(default)]
    region: Option<String>,
    #[serde(default)]
    #[schemars(length(max = 10), inner(range(min = 0, max = 100)))]
    percentiles: Vec<f64>,
    /// ok (default), failed or all
    #[serde(default)]
    of: Option<Of>,
    /// Shares above these limits
    #[serde(default)]
    #[schemars(length(max = 10), inner(range(min = 0)))]
    thresholds_ms: Vec<f64>,
    /// Histogram with so many steps
    #[serde(default)]
    #[schemars(range(min = 5, max = 40))]
    buckets: Option<usize>,
}

impl Input {
    fn asked(&self) -> Asked<'_> {
        let is_open = self.percentiles.is_empty() && self.thresholds_ms.is_empty();
        Asked {
            percentiles: if is_open {
                &DEFAULT_PERCENTILES
            } else {
                &self.percentiles
            },
            thresholds_ms: &self.thresholds_ms,
            buckets: self.buckets,
            is_of_region: self.region.is_some(),
        }
    }
}

#[async_trait]
impl Question for QueryLatency {
    const NAME: &'static str = "query_latency";
    const TITLE: &'static str = "Latency query";
    const DESCRIPTION: &'static str = "Any percentiles, shares above limits and histogram of response times of \
        a run or one label, of ok answers unless `of` says else, with the method and its error.";
    type Input = Input;
    type Output = Output;

    async fn answer(
        context: &CallContext<'_>,
        input: Input,
    ) -> Result<ToolAnswer<Output>, Refusal> {
        let (test, run) = (
            parse_test_id(&input.test_id)?,
            parse_run_id(&input.test_run_id, "test_run_id")?,
        );
        let record = Run::find(context.backend, &test, Some(&run)).await?;
        let asked = input.asked();
        if let Some(live) = Live::of(context.backend, &record).await {
            return so_far(&live, &asked, &input).map(ToolAnswer::whole);
        }
        if record.total().is_none() {
            let text = format!("the run is {} and has no results", record.status);
            return Err(Refusal::new(Code::NoResults, text).hint("call get_results for its state"));
        }
        let of_region = match &input.region {
            Some(region) => Some(record.region(region)?),
            None => None,
        };
        let of_label = match &input.label {
            Some(label) => Some(record.label(label, input.region.as_deref())?),
            None => None,
        };
        let label = of_label.as_ref().map(|row| row.0.clone());
        let numbers = of_label.as_ref().map(|row| row.1).or(of_region);
        let numbers = numbers.or_else(|| record.total()).unwrap_or_default();
        let with_warnings = |output: Output| {
            if output.of == Of::All && numbers.failed == 0 {
                return output;
            }
            let sentence = record.times_sentence(input.region.as_deref(), label.as_deref());
            output.with_warnings(sentence, input.of)
        };
        let mut histogram_error = None;
        let ask = Ask::Histogram {
            test,
            run,
            label: label.clone(),
            region: input.region.clone(),
            of: input.of.map(Samples::from),
        };
        match context.backend.get(&ask).await {
            Ok(value) => {
                let exact: HistogramAnswer = serde_json::from_value(value)
                    .map_err(|error| BackendError::unreadable("histogram", &error))?;
                let output = match exact.distribution.count {
                    0 => without_times(exact.of),
                    _ => of_histogram(&exact, &asked),
                };
                return Ok(ToolAnswer::whole(with_warnings(output)));
            }
            Err(BackendError::NoRoute | BackendError::NotFound(_)) => {}
            Err(error) => histogram_error = Some(error),
        }
        let (numbers, of) = numbers.timed(input.of.map_or(Samples::Ok, Samples::from));
        let mut output = with_warnings(match numbers.requests {
            0 => without_times(of),
            _ => of_percentiles(&numbers, of, record.method(), &asked),
        });
        if let Some(error) = histogram_error {
            let text = format!("the exact histogram is missing: {error}");
            output
                .warnings
                .push(Warning::new("histogram_unavailable", &text));
        }
        Ok(ToolAnswer::whole(output))
    }
}

/// The answer for a run in progress, from its seconds added so far.
fn so_far(live: &Live, asked: &Asked<'_>, input: &Input) -> Result<Output, Refusal> {
    if input.label.is_some() {
        let text = "the run is active: times by label come when it ends";
        return Err(Refusal::new(Code::NoResults, text)
            .about("label")
            .hint("leave label out"));
    }
    let Some(second) = live.part(input.region.as_deref()) else {
        let regions = live.regions.iter();
        let regions: Vec<_> = regions
            .map(|(name, second)| (name.clone(), Numbers::of_second(second)))
            .collect();
        return Err(unknown_region(&regions));
    };
    let of = input.of.map_or(Samples::Ok, Samples::from);
    let exact = coarse_answer(second, of);
    let mut output = match exact.distribution.count {
        0 => without_times(of),
        _ => of_histogram(&exact, asked),
    };
    output.method = Method::CoarseMerge;
    let text = format!("the run is active: times of its first {} s", live.at_s);
    output.warnings.push(Warning::new("so_far", &text));
    Ok(output)
}
