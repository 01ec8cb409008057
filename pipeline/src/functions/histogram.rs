//! The exact distribution of a run's response times.

use crate::error::PipelineError;
use crate::functions::results::readable;
use crate::runs::Run;
use crate::world::World;
use dlt_core::calls::answers::{HistogramAnswer, Samples};
use dlt_core::judge::summary::Distribution;
use dlt_core::keys;
use dlt_core::measure::latencies::Latencies;
use dlt_core::measure::tally::TimesOver;

/// What the reports of a run say of its response times.
#[derive(Debug)]
pub enum Histogram {
    /// No report yet, or none has the label.
    Nothing,
    /// Only over all samples: an older dlt did not keep failed ones apart.
    Mixed,
    /// Merged.
    Of(Box<HistogramAnswer>),
}

/// The exact distribution of a run's response times, or of one label's, merged
/// from its reports: over the samples that are asked for, ok ones if none are.
pub async fn histogram(
    world: &World,
    run: &Run,
    label: Option<&str>,
    asked: Option<Samples>,
) -> Result<Histogram, PipelineError> {
    let folder = keys::results_folder(&run.test, &run.prefix);
    let (mut ok, mut failed) = (Latencies::default(), Latencies::default());
    let (mut found, mut mixed) = (false, false);
    for object in world.objects.list(&folder).await? {
        let Some((runner, _)) = keys::parse_report_name(&object.key) else {
            continue;
        };
        let Some(bytes) = world.objects.get(&object.key).await? else {
            continue;
        };
        // Unreadable ones were told when the run's results were made.
        let Ok(report) = readable(bytes, run, &runner) else {
            continue;
        };
        for (name, tally) in &report.tally.labels {
            if label.is_none_or(|label| label == name) {
                ok.merge(&tally.response);
                failed.merge(&tally.response_failed);
                mixed |= report.tally.times_over == TimesOver::All && !tally.is_apart();
                found = true;
            }
        }
    }
    let of = match (asked, mixed) {
        _ if !found => return Ok(Histogram::Nothing),
        (None, true) => Samples::All,
        (Some(Samples::Ok | Samples::Failed), true) => return Ok(Histogram::Mixed),
        (asked, _) => asked.unwrap_or_default(),
    };
    let merged = match of {
        Samples::Ok => ok,
        Samples::Failed => failed,
        Samples::All => {
            ok.merge(&failed);
            ok
        }
    };
    Ok(Histogram::Of(Box::new(HistogramAnswer {
        of,
        label: label.map(str::to_owned),
        distribution: Distribution::of(&merged),
        buckets: merged.buckets().collect(),
        over_hour: merged.exact().beyond,
    })))
}
