//! A run's results: the reports under its prefix, merged one by one into one
//! summary, kept in the run record; the merged timeline and label details as
//! objects. What is unreadable is said and counted as missing.

use crate::clock::stamp;
use crate::error::PipelineError;
use crate::fleet::{self, Place, RunnerStatus};
use crate::functions::dealt::dealt;
use crate::functions::decision::{Decision, Input};
use crate::functions::once::Once;
use crate::functions::public_addresses::{self, PublicAddresses};
use crate::functions::reports::readable;
use crate::functions::{load_changes, once, packed, records, runners, settle};
use crate::live::Drained;
use crate::runs::{self, Run};
use crate::world::World;
use dlt_core::ids::{Region, RunnerId};
use dlt_core::judge::merger::{Merger, Summary};
use dlt_core::judge::summary::{RunFacts, RunnerFacts};
use dlt_core::keys;
use dlt_core::messages::histograms::RunHistograms;
use dlt_core::messages::report::Ended;
use dlt_core::messages::timeline::{RunTimeline, TIMELINE_FORMAT, Timeline, TimelineMerger};
use dlt_core::record::RunRecord;
use dlt_core::run::Status;
use dlt_core::thresholds::Threshold;
use std::collections::{BTreeMap, BTreeSet};

/// Most warnings that a record keeps.
const MOST_WARNINGS: usize = 100;
/// Most lost runners that a reason names.
const MOST_NAMED: usize = 3;

/// What was read from the reports.
#[derive(Default)]
struct Read {
    merger: Merger,
    reported: BTreeSet<RunnerId>,
    /// Sentences of the reports that were ended by a silent target.
    silent: Vec<String>,
    warnings: Vec<String>,
}

/// results-parser: merges what exists; may be called again.
pub async fn parse(world: &World, input: &Input) -> Result<Decision, PipelineError> {
    let run = world
        .change(&input.test_id, &input.test_run_id, &|run| {
            run.advance(Status::ParsingResults)
        })
        .await?;
    if run.record.status.is_terminal() {
        // A call that was given up as lost and came late: what a run ended
        // with stays.
        return Ok(Decision::go(world, "clean up"));
    }
    let merged = merge(world, &run).await?;
    let known = runners::Known {
        dealt: &merged.dealt,
        seen: &merged.seen,
        reported: Some(&merged.reported),
        last_heard: merged.last_heard,
        ..runners::Known::default()
    };
    runners::keep(world, &run, &known, &merged.public).await?;
    let key = keys::merged_timeline(&run.test, &run.prefix);
    packed::put(world, &key, &merged.timeline).await?;
    let key = keys::merged_histograms(&run.test, &run.prefix);
    packed::put(world, &key, &merged.histograms).await?;
    keep(world, &run, (merged.summary, merged.once), merged.failure).await?;
    Ok(Decision::go(world, "clean up"))
}

/// The record of a run as it would be stored if that were possible: for whoever waits
/// for it and cannot wait for the store. Nothing is written.
pub async fn unstored(
    world: &World,
    mut run: Run,
    cancelled: Option<&str>,
) -> Result<RunRecord, PipelineError> {
    if let Some(reason) = cancelled {
        run.advance(Status::Cancelling);
        run.cancel_reason.get_or_insert_with(|| reason.to_owned());
    }
    run.advance(Status::ParsingResults);
    let merged = merge(world, &run).await?;
    let as_run = records::whole(world, &run).await?;
    run.record.apply(merged.summary);
    merged.once.apply(&mut run.record);
    run.record.test_scenario = as_run.test_scenario;
    run.failure = run.failure.take().or(merged.failure);
    settle::settle(&mut run, &stamp(world.clock.now_us()));
    Ok(run.record)
}

/// What comes of the reports that exist, and what it was made of.
struct Merged {
    summary: Summary,
    once: Once,
    /// Why the run fails, if it does.
    failure: Option<String>,
    timeline: RunTimeline,
    histograms: RunHistograms,
    dealt: Vec<(RunnerId, Region)>,
    seen: Vec<RunnerStatus>,
    reported: BTreeMap<RunnerId, RunnerFacts>,
    last_heard: BTreeMap<RunnerId, u64>,
    public: PublicAddresses,
}

async fn merge(world: &World, run: &Run) -> Result<Merged, PipelineError> {
    let dealt = dealt(world, run).await?;
    // Whoever is seen to be gone has been read to the end.
    let seen = fleet::of_run(world.fleet.as_ref(), &run.test, &run.run, Place::Everywhere).await?;
    let drained = world.live.drain(&run.run).await?;
    let mut warnings: Vec<String> = drained
        .unreadable
        .iter()
        .map(|(runner, lines)| format!("{lines} lines of runner {runner} were unreadable"))
        .collect();
    let keys: Vec<String> = world
        .objects
        .list(&keys::results_folder(&run.test, &run.prefix))
        .await?
        .into_iter()
        .map(|object| object.key)
        .collect();
    // It came about all the same: that it was late is told.
    warnings.extend(run.launch_trouble.clone());
    warnings.extend(run.shared_machine());
    warnings.extend(load_changes::made_whole(world, run).await?);
    let (once, more) = once::told(world, run).await?;
    warnings.extend(more);
    let mut read = read_reports(world, run, &keys, &dealt).await?;
    let timeline = read_timelines(world, run, &keys, &mut read).await?;
    warnings.append(&mut read.warnings);
    warnings.extend(last_heard(&dealt, &read, &drained));

    let failure = judge(run, &dealt, &read);
    if run.lost_driver && is_through(&dealt, &read) {
        warnings.push(format!(
            "{}; the runners that had a part of the load were through with it",
            runs::LOST_DRIVER
        ));
    }
    let plan = records::plan(world, run).await?;
    let thresholds = thresholds(run)?;
    let histograms = read.merger.histograms();
    let public = public_addresses::kept(world, run).await?;
    let reported = read.merger.runners().clone();
    let mut summary = read.merger.finish(&RunFacts {
        dealt: &dealt,
        plan: &plan,
        changes: &run.changes,
        tasks: run.tasks(),
        thresholds: &thresholds,
        start_at_us: run.start_at_us,
        failure: failure.as_deref(),
        cancelled: run.record.status == Status::Cancelling,
    });
    summary.load = summary.load.with_seed(&plan, &run.run);
    summary.generator.public_addresses = public.addresses.clone();
    let trouble = public.trouble.iter();
    warnings.extend(
        trouble.map(|why| format!("from which public addresses the load came is not known: {why}")),
    );
    warnings.append(&mut summary.warnings);
    warnings.truncate(MOST_WARNINGS);
    summary.warnings = warnings;
    Ok(Merged {
        summary,
        once,
        failure,
        timeline,
        histograms,
        dealt,
        seen,
        reported,
        last_heard: drained.last_heard,
        public,
    })
}

/// The run's thresholds, as they were when it began.
fn thresholds(run: &Run) -> Result<Vec<Threshold>, PipelineError> {
    let expressions = run.thresholds.iter();
    expressions
        .map(|expression| Threshold::parse(expression))
        .collect::<Result<_, _>>()
        .map_err(|error| PipelineError::Other(format!("a stored threshold: {error}")))
}

/// Keeps the results with the run, unless it has ended.
async fn keep(
    world: &World,
    run: &Run,
    (summary, once): (Summary, Once),
    failure: Option<String>,
) -> Result<(), PipelineError> {
    let mut record = run.record.clone();
    record.apply(summary);
    once.apply(&mut record);
    let head = records::split(world, run, record).await?;
    world
        .change(&run.test, &run.run, &|run| {
            if run.record.status.is_terminal() {
                return;
            }
            let now = std::mem::replace(&mut run.record, head.clone());
            // Somebody may have written one in the meantime.
            (run.record.status, run.record.note) = (now.status, now.note);
            run.beside.results = true;
            if run.failure.is_none() {
                run.failure = failure.clone();
            }
        })
        .await?;
    Ok(())
}

/// When each runner without a report was last heard of.
fn last_heard(dealt: &[(RunnerId, Region)], read: &Read, drained: &Drained) -> Vec<String> {
    dealt
        .iter()
        .filter(|(runner, _)| !read.reported.contains(runner))
        .map(|(runner, _)| match drained.last_heard.get(runner) {
            Some(second) => format!(
                "runner {runner} sent no report: it was last heard of in second {second} of the load"
            ),
            None => format!("runner {runner} sent no report: nothing was heard of it under load"),
        })
        .collect()
}

async fn read_reports(
    world: &World,
    run: &Run,
    keys: &[String],
    dealt: &[(RunnerId, Region)],
) -> Result<Read, PipelineError> {
    let mut read = Read::default();
    for key in keys {
        let Some((runner, region)) = keys::parse_report_name(key) else {
            continue;
        };
        if !dealt.is_empty() && !dealt.contains(&(runner.clone(), region)) {
            let warning = format!("report {key} is of no runner of this run and was left out");
            read.warnings.push(warning);
            continue;
        }
        let Some(bytes) = world.objects.get(key).await? else {
            continue;
        };
        match readable(bytes, run, &runner) {
            Ok(report) => {
                if let Ended::TargetSilent { message, .. } = &report.ended {
                    read.silent.push(message.clone());
                }
                read.merger.add(&report);
                read.reported.insert(runner);
            }
            Err(error) => read.warnings.push(format!(
                "the report of runner {runner} counts as missing: {error}"
            )),
        }
    }
    Ok(read)
}

async fn read_timelines(
    world: &World,
    run: &Run,
    keys: &[String],
    read: &mut Read,
) -> Result<RunTimeline, PipelineError> {
    let mut merger = TimelineMerger::default();
    for key in keys {
        let Some((runner, _)) = keys::parse_timeline_name(key) else {
            continue;
        };
        // Without its report a runner is not in the account either.
        if !read.reported.contains(&runner) {
            continue;
        }
        let Some(bytes) = world.objects.get(key).await? else {
            continue;
        };
        match serde_json::from_slice::<Timeline>(&bytes) {
            Ok(timeline) if timeline.format <= TIMELINE_FORMAT => merger.add(&timeline),
            Ok(timeline) => read.warnings.push(format!(
                "the timeline of runner {runner} counts as missing: it has format {}, this dlt reads at most {TIMELINE_FORMAT}",
                timeline.format
            )),
            Err(error) => read.warnings.push(format!(
                "the timeline of runner {runner} counts as missing: {error}"
            )),
        }
    }
    Ok(merger.finish(run.start_at_us.unwrap_or(0)))
}

/// Whether every runner that had a part of the load made all of it.
fn is_through(dealt: &[(RunnerId, Region)], read: &Read) -> bool {
    let runners = read.merger.runners();
    let through = |runner| {
        let facts = runners.get(runner);
        facts.is_some_and(RunnerFacts::is_through)
    };
    !dealt.is_empty() && dealt.iter().all(|(runner, _)| through(runner))
}

/// Why the run ends `failed`, if it does: a reason that stands already, a
/// target that answered nobody, or too few reports.
fn judge(run: &Run, dealt: &[(RunnerId, Region)], read: &Read) -> Option<String> {
    if run.failure.is_some() || run.record.status == Status::Cancelling {
        return run.failure.clone();
    }
    let reported = read.reported.len() as u64;
    if let Some(message) = read.silent.first()
        && read.silent.len() as u64 == reported
    {
        return Some(message.clone());
    }
    if run.lost_driver && !is_through(dealt, read) {
        return Some(runs::LOST_DRIVER.to_owned());
    }
    if run.is_enough(reported) && reported > 0 {
        return None;
    }
    let missing = dealt
        .iter()
        .filter(|(runner, _)| !read.reported.contains(runner))
        .take(MOST_NAMED)
        .map(|(runner, _)| match run.lost.get(runner) {
            Some(how) => format!("{runner}: {how}"),
            None => format!("{runner}: no report"),
        });
    Some(format!(
        "only {reported} of {} runners reported ({} % are needed); {}",
        run.tasks(),
        run.healthy_threshold,
        missing.collect::<Vec<_>>().join("; ")
    ))
}
