//! A run's record in two parts. Its head stays small enough for a table's item,
//! whatever the run: what grows with labels, regions and errors, and the scenario
//! as it ran, lie beside it as objects, and are read back where a whole record
//! is asked for. Runs that an older dlt stored are whole.
//!
//! A record has no secrets: what a run is made of is in the documents that its
//! runners fetch, which no reader can.

use crate::error::PipelineError;
use crate::functions::packed;
use crate::runs::Run;
use crate::world::World;
use dlt_core::judge::summary::{Block, Coverage, ErrorRow, ExchangeRow};
use dlt_core::judge::verdict::Verdict;
use dlt_core::keys;
use dlt_core::measure::generator::Generator;
use dlt_core::record::RunRecord;
use dlt_core::scenario::plan::Plan;
use dlt_core::scenario::secrets;
use dlt_core::value::{Map, Value as Written};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Labels of the summary that stay in the head, the busiest.
const MOST_HEAD_LABELS: usize = 20;
/// Rows of errors that stay in the head, the most frequent.
const MOST_HEAD_ERRORS: usize = 10;
/// Runners that the head names: of those without a report, and for each reason.
const MOST_HEAD_RUNNERS: usize = 20;

/// The scenario as a run was started with it, without its secrets; that of a run which
/// an older dlt stored still has them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct AsRun {
    /// The document of the first region.
    document: Written,
    /// `testScenario` of the record.
    test_scenario: Written,
}

impl AsRun {
    fn without_secrets(&self) -> Self {
        Self {
            document: secrets::redacted(&self.document),
            test_scenario: secrets::redacted(&self.test_scenario),
        }
    }
}

/// What lies beside the head once there are results; the summary's labels are an
/// object of their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Parts {
    results: Value,
    errors: Option<Vec<ErrorRow>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exchanges: Option<Vec<ExchangeRow>>,
    /// With the names of all runners. Absent in runs of an older dlt, whose heads have
    /// them.
    #[serde(default)]
    coverage: Option<Coverage>,
    #[serde(default)]
    verdict: Option<Verdict>,
    #[serde(default)]
    generator: Option<Generator>,
}

/// Puts the scenario of a new run beside it.
pub async fn put_scenario(world: &World, run: &mut Run) -> Result<(), PipelineError> {
    let as_run = AsRun {
        document: run.document.take(),
        test_scenario: std::mem::replace(
            &mut run.record.test_scenario,
            Written::Object(Map::new()),
        ),
    };
    let key = keys::scenario_as_run(&run.test, &run.prefix);
    packed::put(world, &key, &as_run.without_secrets()).await?;
    run.beside.scenario = true;
    Ok(())
}

/// Takes the secrets out of what an older dlt stored of a run, before it is sent to
/// somebody as it is.
pub async fn clear_secrets(world: &World, run: &Run) -> Result<(), PipelineError> {
    let key = keys::scenario_as_run(&run.test, &run.prefix);
    let Some(as_run) = packed::get::<AsRun>(world, &key).await? else {
        return Ok(());
    };
    let cleared = as_run.without_secrets();
    if cleared == as_run {
        return Ok(());
    }
    packed::put(world, &key, &cleared).await
}

/// The plan of a run in progress, with the changes that people made of its load: what its runners were given, or what an older dlt
/// stored beside it. The documents are the run's own as long as it has not ended, since a
/// scenario has one run at a time.
pub async fn plan(world: &World, run: &Run) -> Result<Plan, PipelineError> {
    let first = run.regions.first();
    let given = match first {
        Some(first) => {
            let key = keys::scenario(&run.test, &first.region);
            world.objects.get(&key).await?
        }
        None => None,
    };
    let given = given.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    if let Some(plan) = given.and_then(|document| Plan::from_document(&document).ok()) {
        return Ok(plan.changed(&run.changes));
    }
    let document = if run.beside.scenario {
        let key = keys::scenario_as_run(&run.test, &run.prefix);
        let as_run: Option<AsRun> = packed::get(world, &key).await?;
        as_run.ok_or_else(|| missing(run, &key))?.document
    } else {
        run.document.clone()
    };
    Plan::from_document(&document)
        .map(|plan| plan.changed(&run.changes))
        .map_err(|faults| PipelineError::Other(format!("the stored plan: {faults}")))
}

/// Puts what grows of a record with results beside the run; what stays.
pub async fn split(
    world: &World,
    run: &Run,
    mut record: RunRecord,
) -> Result<RunRecord, PipelineError> {
    let labels: &[Block] = record.summary.as_ref().map_or(&[], |blocks| &blocks.labels);
    packed::put(world, &keys::merged_labels(&run.test, &run.prefix), &labels).await?;
    let parts = Parts {
        results: record.results.clone(),
        errors: record.errors.clone(),
        exchanges: record.exchanges.take(),
        coverage: record.coverage.clone(),
        verdict: record.verdict.clone(),
        generator: record.generator.clone(),
    };
    packed::put(world, &keys::record_parts(&run.test, &run.prefix), &parts).await?;
    if let Some(blocks) = &mut record.summary {
        blocks.labels.truncate(MOST_HEAD_LABELS);
    }
    for region in record.results.as_object_mut().into_iter().flatten() {
        if let Some(labels) = region.1.get_mut("labels") {
            *labels = json!([]);
        }
    }
    if let Some(coverage) = &mut record.coverage {
        coverage.missing.truncate(MOST_HEAD_RUNNERS);
    }
    if let Some(generator) = &mut record.generator {
        generator.public_addresses.truncate(MOST_HEAD_RUNNERS);
    }
    for reason in record.verdict.iter_mut().flat_map(|it| &mut it.reasons) {
        reason.runners.truncate(MOST_HEAD_RUNNERS);
    }
    if let Some(errors) = &mut record.errors {
        errors.truncate(MOST_HEAD_ERRORS);
        for row in errors {
            row.exchanges.clear();
            row.labels.clear();
            row.runners.clear();
            row.regions.clear();
        }
    }
    Ok(record)
}

/// The whole record of a run, without secrets.
pub async fn whole(world: &World, run: &Run) -> Result<RunRecord, PipelineError> {
    let mut record = run.record.clone();
    if run.beside.scenario {
        let key = keys::scenario_as_run(&run.test, &run.prefix);
        match packed::get::<AsRun>(world, &key).await? {
            Some(as_run) => record.test_scenario = as_run.test_scenario,
            None => record.warnings.push(gone("its scenario", &key)),
        }
    }
    record.test_scenario = secrets::redacted(&record.test_scenario);
    if run.beside.results {
        let key = keys::record_parts(&run.test, &run.prefix);
        match packed::get::<Parts>(world, &key).await? {
            Some(parts) => {
                record.results = parts.results;
                record.errors = parts.errors;
                record.exchanges = parts.exchanges;
                record.coverage = parts.coverage.or(record.coverage);
                record.verdict = parts.verdict.or(record.verdict);
                record.generator = parts.generator.or(record.generator);
            }
            None => record
                .warnings
                .push(gone("results by label and most errors", &key)),
        }
        if let Some(blocks) = &mut record.summary {
            let key = keys::merged_labels(&run.test, &run.prefix);
            match packed::get::<Vec<Block>>(world, &key).await? {
                Some(labels) => blocks.labels = labels,
                None => record.warnings.push(gone("most labels", &key)),
            }
        }
    }
    Ok(record)
}

/// A part that somebody removed takes no more with it than what it held.
fn gone(what: &str, key: &str) -> String {
    format!("{what} cannot be shown: object {key} is gone")
}

fn missing(run: &Run, key: &str) -> PipelineError {
    PipelineError::Other(format!(
        "object {key} of run {} is gone; what it held cannot be shown",
        run.run
    ))
}
