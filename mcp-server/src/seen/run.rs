//! A run record, of this dlt or of an older server that knows the compatible
//! fields alone.

use super::numbers::Numbers;
use crate::answer::ms;
use crate::backend::{Ask, Backend, BackendError};
use crate::clean::{Text, cut};
use crate::refusal::{Code, Refusal};
use dlt_core::ids::{TestId, TestRunId};
use dlt_core::judge::outcome::Outcome;
use dlt_core::judge::summary::LoadSummary;
use dlt_core::judge::summary::{AccountSummary, Block, Blocks, Coverage, ErrorRow};
use dlt_core::judge::verdict::Verdict;
use dlt_core::measure::generator::Generator;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Statuses of a run that goes on.
const ACTIVE: [&str; 6] = [
    "queued",
    "provisioning",
    "running",
    "parsing results",
    "cleaning up",
    "cancelling",
];

/// The record. Compatible fields are camelCase.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Run {
    pub test_id: String,
    pub test_run_id: String,
    pub test_name: String,
    pub test_type: String,
    pub status: String,
    pub start_time: String,
    pub end_time: String,
    pub test_task_configs: Value,
    pub results: Value,
    pub complete_tasks: BTreeMap<String, u64>,
    pub error_reason: Option<String>,
    pub outcome: Option<Outcome>,
    pub verdict: Option<Verdict>,
    pub account: Option<AccountSummary>,
    pub coverage: Option<Coverage>,
    pub generator: Option<Generator>,
    pub load: Option<LoadSummary>,
    pub summary: Option<Blocks>,
    pub errors: Option<Vec<ErrorRow>>,
    pub warnings: Vec<String>,
}

/// How percentiles were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Method {
    /// Read from histograms that were added up: exact to 0.1 %.
    HdrMerge,
    /// Between stored percentiles.
    Interpolated,
    /// Means of the runners' percentiles: not percentiles of all requests.
    TaskMean,
}

impl Run {
    /// Reads a record.
    pub fn read(value: Value) -> Result<Self, BackendError> {
        serde_json::from_value(value)
            .map_err(|error| BackendError::unreadable("run record", &error))
    }

    /// The run of this id, or the newest one that measured something, or else
    /// the newest.
    pub async fn find(
        backend: &dyn Backend,
        test: &TestId,
        run: Option<&TestRunId>,
    ) -> Result<Self, Refusal> {
        let run = match run {
            Some(run) => run.clone(),
            None => newest(backend, test).await?,
        };
        let ask = Ask::Run {
            test: test.clone(),
            run,
        };
        Ok(Self::read(backend.get(&ask).await?)?)
    }

    /// Whether it still goes on.
    pub fn is_active(&self) -> bool {
        ACTIVE.contains(&self.status.as_str())
    }

    /// How long load was made, seconds.
    pub fn seconds(&self) -> Option<f64> {
        if let Some(loaded) = self.summary.as_ref().and_then(Blocks::loaded_s) {
            return Some(loaded);
        }
        let text = self.results["total"]["testDuration"].as_str()?;
        text.parse::<f64>().ok().filter(|seconds| *seconds > 0.0)
    }

    /// How its percentiles were made.
    pub fn method(&self) -> Method {
        let runners: u64 = self.complete_tasks.values().sum();
        match (&self.summary, runners) {
            (Some(_), _) => Method::HdrMerge,
            (None, 1) => Method::Interpolated,
            (None, _) => Method::TaskMean,
        }
    }

    /// Whether the target never answered.
    pub fn could_not_run(&self) -> bool {
        let outcome = self.outcome.as_ref();
        outcome.is_some_and(|outcome| outcome.could_not_run)
    }

    /// Without times where nothing was answered: those are of failures.
    fn told(&self, numbers: Numbers) -> Numbers {
        match self.could_not_run() {
            true => Numbers {
                requests: numbers.requests,
                failed: numbers.failed,
                ..Numbers::default()
            },
            false => numbers,
        }
    }

    /// A sentence on what the times of the run, of one region or of one label are of,
    /// where times alone would mislead.
    pub fn times_of(&self, region: Option<&str>, label: Option<&str>) -> Option<String> {
        let blocks = self.summary.as_ref().filter(|_| !self.could_not_run())?;
        let time = |us| format!("{} ms", ms(us));
        let count = |count: u64| count.to_string();
        let all = self.errors.as_deref().unwrap_or_default();
        let named = |block: &&Block| block.label.as_deref() == label;
        let (block, errors) = match (region, label) {
            (Some(_), Some(_)) => return None,
            // Errors are not known by region.
            (Some(region), None) => (blocks.regions.get(region)?, &[][..]),
            (None, Some(_)) => (blocks.labels.iter().find(named)?, all),
            (None, None) => (&blocks.total, all),
        };
        let times = blocks.times_of(block, errors)?;
        Some(times.sentence(count, time))
    }

    /// All requests; None if it measured nothing.
    pub fn total(&self) -> Option<Numbers> {
        let numbers = match &self.summary {
            Some(blocks) => Some(Numbers::of_block(&blocks.total, blocks.times_over)),
            None => Numbers::of_results(&self.results["total"]),
        };
        let numbers = numbers.filter(|numbers| numbers.requests > 0);
        numbers.map(|numbers| self.told(numbers))
    }

    /// By region, by name.
    pub fn regions(&self) -> Vec<(String, Numbers)> {
        if let Some(blocks) = &self.summary {
            let rows = blocks.regions.iter();
            return rows
                .map(|(name, block)| {
                    (
                        name.clone(),
                        self.told(Numbers::of_block(block, blocks.times_over)),
                    )
                })
                .collect();
        }
        let results = self.results.as_object();
        let mut rows: Vec<_> = results
            .into_iter()
            .flatten()
            .filter(|(name, _)| *name != "total")
            .filter_map(|(name, entry)| Some((name.clone(), Numbers::of_results(entry)?)))
            .collect();
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        rows
    }

    /// By label, of all regions or one.
    pub fn labels(&self, region: Option<&str>) -> Vec<(String, Numbers)> {
        match (&self.summary, region) {
            (Some(blocks), None) if !blocks.labels.is_empty() => {
                let rows = blocks.labels.iter();
                rows.map(|block| {
                    let label = block.label.clone().unwrap_or_default();
                    (
                        label,
                        self.told(Numbers::of_block(block, blocks.times_over)),
                    )
                })
                .collect()
            }
            (_, region) => {
                let labels = &self.results[region.unwrap_or("total")]["labels"];
                let rows = labels.as_array().into_iter().flatten();
                rows.filter_map(|entry| {
                    let label = entry["label"].as_str()?.to_owned();
                    Some((label, Numbers::of_results(entry)?))
                })
                .collect()
            }
        }
    }

    /// The named region, or which there are.
    pub fn region(&self, name: &str) -> Result<Numbers, Refusal> {
        let regions = self.regions();
        let names: Vec<&str> = regions.iter().map(|row| row.0.as_str()).collect();
        let found = regions.iter().find(|row| row.0 == name);
        found
            .map(|row| row.1)
            .ok_or_else(|| unknown(Code::UnknownRegion, "region", &names))
    }

    /// The named label as the API has it with its numbers, or which there are.
    /// Agents know labels only as they were shown: cleaned and cut.
    pub fn label(&self, name: &str, region: Option<&str>) -> Result<(String, Numbers), Refusal> {
        let labels = self.labels(region);
        let names: Vec<&str> = labels.iter().map(|row| row.0.as_str()).collect();
        let exact = labels.iter().find(|row| row.0 == name);
        let shown = |row: &&(String, Numbers)| Text::of(&row.0).as_str() == name;
        if exact.is_none() && labels.iter().filter(shown).count() > 1 {
            return Err(Refusal::argument(
                "label",
                "several labels look like this one, for they were cut or redacted",
            )
            .hint("call get_results with label_contains"));
        }
        let found = exact.or_else(|| labels.iter().find(shown));
        found
            .cloned()
            .ok_or_else(|| unknown(Code::UnknownLabel, "label", &names))
    }
}

/// The newest run that ended, or else the newest.
async fn newest(backend: &dyn Backend, test: &TestId) -> Result<TestRunId, Refusal> {
    let ask = Ask::Runs {
        test: test.clone(),
        limit: 10,
        from: None,
        to: None,
        after: None,
    };
    let page = backend.get(&ask).await?;
    let rows = page["testRuns"].as_array().cloned().unwrap_or_default();
    let measured = |row: &&Value| row["requests"].as_u64().unwrap_or(0) > 0;
    let chosen = rows.iter().find(measured).or(rows.first());
    let id = chosen.and_then(|row| row["testRunId"].as_str());
    let id = id.and_then(|id| TestRunId::parse(id).ok());
    id.ok_or_else(|| {
        Refusal::new(Code::NoResults, "this scenario has not run yet")
            .hint("call get_scenario_details for its plan and schedule")
    })
}

/// Up to ten names that would have been right.
fn unknown(code: Code, field: &str, names: &[&str]) -> Refusal {
    let shown: Vec<String> = names
        .iter()
        .take(10)
        .map(|name| cut(Text::of(name).as_str(), 40))
        .collect();
    let message = match names.is_empty() {
        true => format!("this run has no {field}s"),
        false => format!("no such {field}; there are {}", shown.join(", ")),
    };
    Refusal::new(code, message)
        .about(field)
        .hint(format!("use one of these, or leave {field} out"))
}
