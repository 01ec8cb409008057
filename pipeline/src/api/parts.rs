//! Parts of a run with routes of their own (decision 21): its seconds, exact
//! histograms, errors, and the objects that it left.

use crate::api::{Answer, json, runs};
use crate::functions::histogram::{self, Histogram};
use crate::functions::uploads;
use crate::runs::Run;
use crate::world::World;
use dlt_core::calls::answers::{Artifact, ArtifactsAnswer, ErrorsAnswer, HistogramAnswer, Samples};
use dlt_core::calls::request::RunPart;
use dlt_core::compare::{Comparison, Side, compare, in_region};
use dlt_core::ids::{Region, TestId, TestRunId};
use dlt_core::keys;
use dlt_core::messages::timeline::RunTimeline;
use dlt_core::record::RunRecord;
use dlt_core::refusal::Refusal;
use flate2::read::GzDecoder;
use serde_json::Value;
use std::io::Read;

/// Largest timeline that is answered, bytes unpacked: 100 labels over days.
const LARGEST_TIMELINE_BYTES: u64 = 512 * 1024 * 1024;

pub(super) async fn get(
    world: &World,
    test: &TestId,
    run: &TestRunId,
    part: RunPart,
) -> Result<Answer, Refusal> {
    let run = runs::need(world, test, run).await?;
    match part {
        RunPart::Timeline => timeline(world, &run).await,
        RunPart::Histogram { label, of } => json(histogram(world, &run, label, of).await),
        RunPart::Errors => json(Ok(ErrorsAnswer {
            errors: run.record.errors.unwrap_or_default(),
        })),
        RunPart::Compare(query) => {
            let test = query.test.as_ref().unwrap_or(&run.test);
            let base = runs::need(world, test, &query.run).await?;
            json(compared(world, &base, &run, query.region.as_ref()).await)
        }
        RunPart::Artifacts { name: None } => json(artifacts(world, &run).await),
        RunPart::Artifacts { name: Some(name) } => artifact(world, &run, &name).await,
    }
}

fn nothing_yet(run: &Run, what: &str) -> Refusal {
    Refusal::new(
        404,
        "TESTRUN_NOT_FOUND",
        format!(
            "run {} has no {what}: it is {}",
            run.run,
            run.record.status.of_run()
        ),
    )
}

async fn timeline(world: &World, run: &Run) -> Result<Answer, Refusal> {
    let text = unpacked(world, run).await?;
    let text = text.ok_or_else(|| nothing_yet(run, "timeline"))?;
    let value: Value = serde_json::from_slice(&text).map_err(|error| broken(run, &error))?;
    Ok(Answer::Json(value))
}

fn broken(run: &Run, error: &dyn std::fmt::Display) -> Refusal {
    let text = format!("the timeline of run {} is unreadable: {error}", run.run);
    Refusal::new(500, "INTERNAL_SERVER_ERROR", text)
}

/// The run's merged timeline as text; None if there is none.
async fn unpacked(world: &World, run: &Run) -> Result<Option<Vec<u8>>, Refusal> {
    let key = keys::merged_timeline(&run.test, &run.prefix);
    let Some(packed) = world.objects.get(&key).await? else {
        return Ok(None);
    };
    let mut text = Vec::new();
    GzDecoder::new(packed.as_slice())
        .take(LARGEST_TIMELINE_BYTES)
        .read_to_end(&mut text)
        .map_err(|error| broken(run, &error))?;
    Ok(Some(text))
}

/// What changed from `base` to `candidate`; the draws follow from their names,
/// so that the answer is the same whenever it is asked.
async fn compared(
    world: &World,
    base: &Run,
    candidate: &Run,
    region: Option<&Region>,
) -> Result<Comparison, Refusal> {
    if base.run == candidate.run {
        return Err(Refusal::new(
            400,
            "INVALID_QUERY_PARAMETER",
            "with: names the run itself; choose another one",
        ));
    }
    let before = seconds(world, base).await?;
    let after = seconds(world, candidate).await?;
    let names = [&base.run, &candidate.run].map(TestRunId::as_str).concat();
    let seed = names.bytes().fold(0u64, |seed, byte| {
        seed.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte)
    });
    let before = part(base, before, region)?;
    let after = part(candidate, after, region)?;
    Ok(compare(side(&before), side(&after), seed))
}

fn side((record, timeline): &(RunRecord, Option<RunTimeline>)) -> Side<'_> {
    Side {
        record,
        timeline: timeline.as_ref(),
    }
}

/// A run as it is compared: all of it, or what was measured from one region.
fn part(
    run: &Run,
    timeline: Option<RunTimeline>,
    region: Option<&Region>,
) -> Result<(RunRecord, Option<RunTimeline>), Refusal> {
    let mut part = (run.record.clone(), timeline);
    if let Some(region) = region
        && !in_region(&mut part.0, part.1.as_mut(), region)
    {
        return Err(Refusal::new(
            400,
            "INVALID_QUERY_PARAMETER",
            format!("region: run {} has no results from {region}", run.run),
        ));
    }
    Ok(part)
}

/// The run's merged timeline; None if there is none.
async fn seconds(world: &World, run: &Run) -> Result<Option<RunTimeline>, Refusal> {
    let text = unpacked(world, run).await?;
    text.map(|text| serde_json::from_slice(&text).map_err(|error| broken(run, &error)))
        .transpose()
}

async fn histogram(
    world: &World,
    run: &Run,
    label: Option<String>,
    of: Option<Samples>,
) -> Result<HistogramAnswer, Refusal> {
    match histogram::histogram(world, run, label.as_deref(), of).await? {
        Histogram::Of(answer) => Ok(*answer),
        Histogram::Nothing => Err(match &label {
            Some(label) => nothing_yet(run, &format!("label {label:?}")),
            None => nothing_yet(run, "reports"),
        }),
        Histogram::Mixed => Err(Refusal::new(
            404,
            "TESTRUN_NOT_FOUND",
            format!(
                "run {} has response times over all requests only: an older dlt measured it, which \
                 did not keep failed ones apart; ask with of=all",
                run.run
            ),
        )),
    }
}

async fn artifacts(world: &World, run: &Run) -> Result<ArtifactsAnswer, Refusal> {
    let folder = keys::results_folder(&run.test, &run.prefix);
    let objects = world.objects.list(&folder).await?;
    let artifacts = objects.into_iter().map(|object| Artifact {
        name: uploads::name(&object.key).to_owned(),
        bytes: object.bytes,
        key: object.key,
    });
    Ok(ArtifactsAnswer {
        artifacts: artifacts.collect(),
    })
}

async fn artifact(world: &World, run: &Run, name: &str) -> Result<Answer, Refusal> {
    let all = artifacts(world, run).await?;
    // Looked up among what there is: a name never becomes a path.
    let key = all.artifacts.iter().find(|artifact| artifact.name == name);
    let bytes = match key {
        Some(artifact) => world.objects.get(&artifact.key).await?,
        None => None,
    };
    bytes
        .map(Answer::Bytes)
        .ok_or_else(|| nothing_yet(run, &format!("artifact {name:?}")))
}
