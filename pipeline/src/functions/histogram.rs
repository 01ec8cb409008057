//! The exact distribution of a run's response times: from the merged histograms
//! that were stored at its end. A run that an older dlt stored has none: they
//! are made of its reports once.

use crate::error::PipelineError;
use crate::functions::{packed, reports};
use crate::runs::Run;
use crate::world::World;
use dlt_core::calls::HistogramQuery;
use dlt_core::calls::answers::{HistogramAnswer, Samples};
use dlt_core::judge::merger::Merger;
use dlt_core::judge::summary::Distribution;
use dlt_core::keys;
use dlt_core::messages::histograms::{HISTOGRAMS_FORMAT, RunHistograms};

/// What is known of a run's response times.
#[derive(Debug)]
pub enum Histogram {
    /// No result yet, or none has the label or region.
    Nothing,
    /// Only over all samples: an older dlt did not keep failed ones apart.
    Mixed,
    /// Merged.
    Of(Box<HistogramAnswer>),
}

/// The distribution that is asked for; over ok samples if nothing is said.
pub async fn histogram(
    world: &World,
    run: &Run,
    query: HistogramQuery,
) -> Result<Histogram, PipelineError> {
    let stored = stored(world, run).await?;
    let times = stored
        .times(query.label.as_deref(), query.region.as_ref())
        .map_err(|error| {
            PipelineError::Other(format!("the histograms of run {}: {error}", run.run))
        })?;
    let Some(times) = times else {
        return Ok(Histogram::Nothing);
    };
    let of = match (query.of, times.mixed) {
        (None, true) => Samples::All,
        (Some(Samples::Ok | Samples::Failed), true) => return Ok(Histogram::Mixed),
        (asked, _) => asked.unwrap_or_default(),
    };
    let merged = match of {
        Samples::Ok => times.ok,
        Samples::Failed => times.failed,
        Samples::All => {
            let mut all = times.ok;
            all.merge(&times.failed);
            all
        }
    };
    Ok(Histogram::Of(Box::new(HistogramAnswer {
        of,
        label: query.label,
        region: query.region.map(String::from),
        distribution: Distribution::of(&merged),
        buckets: merged.buckets().collect(),
        over_hour: merged.exact().beyond,
    })))
}

/// The merged histograms of a run; none of a run that has no results.
pub async fn stored(world: &World, run: &Run) -> Result<RunHistograms, PipelineError> {
    let key = keys::merged_histograms(&run.test, &run.prefix);
    let stored: Option<RunHistograms> = packed::get(world, &key).await?;
    match stored {
        Some(stored) if stored.format <= HISTOGRAMS_FORMAT => return Ok(stored),
        Some(stored) => {
            return Err(PipelineError::Other(format!(
                "object {key} has format {}, this dlt reads at most {HISTOGRAMS_FORMAT}",
                stored.format
            )));
        }
        None => {}
    }
    let made = of_reports(world, run).await?;
    if run.record.status.is_terminal() && !made.regions.is_empty() {
        // Where nothing may be written, they are made anew the next time.
        let _ = packed::put(world, &key, &made).await;
    }
    Ok(made)
}

async fn of_reports(world: &World, run: &Run) -> Result<RunHistograms, PipelineError> {
    let mut merger = Merger::default();
    reports::each_report(world, run, &mut |report| merger.add(report)).await?;
    Ok(merger.histograms())
}
