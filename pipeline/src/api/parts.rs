//! Parts of a run with routes of their own (decision 21): its seconds, exact
//! histograms, errors, and the objects that it left.

use crate::api::{Answer, json, runs};
use crate::functions::histogram::{self, Histogram};
use crate::functions::{records, runners, timelines, uploads};
use crate::runs::Run;
use crate::world::World;
use dlt_core::calls::answers::{
    Artifact, ArtifactsAnswer, ErrorsAnswer, HistogramAnswer, TimelineAnswer,
};
use dlt_core::calls::request::RunPart;
use dlt_core::calls::{CompareQuery, HistogramQuery, TimelineQuery};
use dlt_core::compare::{Comparison, Side, compare};
use dlt_core::ids::{Region, TestId, TestRunId};
use dlt_core::keys;
use dlt_core::messages::histograms::RunHistograms;
use dlt_core::messages::timeline::{MOST_TIMELINE_LABELS, RunTimeline, TIMELINE_FORMAT};
use dlt_core::record::RunRecord;
use dlt_core::refusal::Refusal;

pub(super) async fn get(
    world: &World,
    test: &TestId,
    run: &TestRunId,
    part: RunPart,
) -> Result<Answer, Refusal> {
    let run = runs::need(world, test, run).await?;
    match part {
        RunPart::Timeline(query) => json(timeline(world, &run, &query).await),
        RunPart::Runners => json(runners::of_run(world, &run).await.map_err(Refusal::from)),
        RunPart::Histogram(query) => json(histogram(world, &run, query).await),
        RunPart::Errors => json(Ok(ErrorsAnswer {
            errors: records::whole(world, &run)
                .await?
                .errors
                .unwrap_or_default(),
        })),
        RunPart::Compare(query) => {
            let test = query.test.as_ref().unwrap_or(&run.test);
            let base = runs::need(world, test, &query.run).await?;
            json(compared(world, &base, &run, &query).await)
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

/// The stretches that were asked for; of a run in progress without any yet, none.
async fn timeline(
    world: &World,
    run: &Run,
    query: &TimelineQuery,
) -> Result<TimelineAnswer, Refusal> {
    let stored = match timelines::seconds(world, run).await? {
        Some(stored) => stored,
        None if timelines::had_one(run) => {
            return Err(Refusal::new(404, "TESTRUN_NOT_FOUND", timelines::gone(run)));
        }
        None if run.record.status.is_terminal() => return Err(nothing_yet(run, "timeline")),
        None => RunTimeline {
            format: TIMELINE_FORMAT,
            start_at_us: run.start_at_us.unwrap_or(0),
            ..RunTimeline::default()
        },
    };
    let is_over = run.record.status.is_terminal();
    let mut window = query.window;
    if !is_over {
        // Of later seconds some regions have not told yet.
        window.to_s = window.to_s.min(stored.told_s() + 1);
    }
    let part = stored.window(&window);
    let mut labels = Vec::new();
    // A run in progress has none yet.
    let asked = query.labels.iter().filter(|_| !stored.labels.is_empty());
    for label in asked {
        match stored.labels.iter().find(|series| series.label == *label) {
            Some(series) => labels.push(window.label(series)),
            None => {
                return Err(nothing_yet(
                    run,
                    &format!("label {label:?} in its timeline"),
                ));
            }
        }
    }
    if !query.labels.is_empty() && labels.is_empty() && is_over {
        let what =
            format!("timeline by label; with more than {MOST_TIMELINE_LABELS} labels none is kept");
        return Err(nothing_yet(run, &what));
    }
    let total = part.total();
    Ok(TimelineAnswer {
        format: part.format,
        start_at_us: part.start_at_us,
        end_s: stored.end_s(&window),
        total,
        regions: part
            .regions
            .into_iter()
            .map(|(region, rows)| (region.to_string(), rows))
            .collect(),
        labels,
    })
}

/// What changed from `base` to `candidate`.
async fn compared(
    world: &World,
    base: &Run,
    candidate: &Run,
    query: &CompareQuery,
) -> Result<Comparison, Refusal> {
    if base.run == candidate.run {
        return Err(Refusal::new(
            400,
            "INVALID_QUERY_PARAMETER",
            "with: names the run itself; choose another one",
        ));
    }
    let before = Stored::of(world, base, query.region.as_ref()).await?;
    let after = Stored::of(world, candidate, query.region.as_ref()).await?;
    let region = query.region.as_ref();
    let (before, after) = (before.side(), after.side());
    Ok(compare(before, after, region, query.thresholds))
}

/// A run as it is compared.
struct Stored {
    record: RunRecord,
    timeline: Option<RunTimeline>,
    histograms: RunHistograms,
}

impl Stored {
    /// A run that had load from this region, if one is named.
    async fn of(world: &World, run: &Run, region: Option<&Region>) -> Result<Self, Refusal> {
        let record = records::whole(world, run).await?;
        let configs = record.test_task_configs.as_array();
        let asked = |region: &Region| {
            let mut names = configs.into_iter().flatten().map(|row| &row["region"]);
            names.any(|name| *name == region.as_str())
        };
        if let Some(region) = region.filter(|region| !asked(region)) {
            return Err(Refusal::new(
                400,
                "INVALID_QUERY_PARAMETER",
                format!("region: run {} had no load from {region}", run.run),
            ));
        }
        Ok(Self {
            record,
            timeline: timelines::seconds(world, run).await?,
            histograms: histogram::stored(world, run).await?,
        })
    }

    fn side(&self) -> Side<'_> {
        Side {
            record: &self.record,
            timeline: self.timeline.as_ref(),
            histograms: Some(&self.histograms),
        }
    }
}

async fn histogram(
    world: &World,
    run: &Run,
    query: HistogramQuery,
) -> Result<HistogramAnswer, Refusal> {
    let label = query.label.as_ref().map(|label| format!("label {label:?}"));
    let region = query
        .region
        .as_ref()
        .map(|region| format!("results from {region}"));
    let what: Vec<String> = label.into_iter().chain(region).collect();
    match histogram::histogram(world, run, query).await? {
        Histogram::Of(answer) => Ok(*answer),
        Histogram::Nothing if what.is_empty() => Err(nothing_yet(run, "reports")),
        Histogram::Nothing => Err(nothing_yet(run, &what.join(" in "))),
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
        depot: world.depot.clone(),
    })
}

async fn artifact(world: &World, run: &Run, name: &str) -> Result<Answer, Refusal> {
    let all = artifacts(world, run).await?;
    // Looked up among what there is: a name never becomes a path.
    let key = all.artifacts.iter().find(|artifact| artifact.name == name);
    let found = match key {
        Some(artifact) => {
            if artifact.key == keys::scenario_as_run(&run.test, &run.prefix) {
                records::clear_secrets(world, run).await?;
            }
            Answer::object(world, &artifact.key).await?
        }
        None => None,
    };
    found.ok_or_else(|| nothing_yet(run, &format!("artifact {name:?}")))
}
