//! A run record, of this dlt or of an older server, which has the compatible fields only.

use super::numbers::Numbers;
use crate::backend::{Ask, Backend, BackendError};
use crate::clean::{Text, cut};
use crate::refusal::{Code, Refusal};
use crate::units::ms;
use dlt_core::ids::{TestId, TestRunId};
use dlt_core::judge::outcome::Outcome;
use dlt_core::judge::summary::LoadSummary;
use dlt_core::judge::summary::{AccountSummary, Block, Blocks, Coverage, ErrorRow, StartSummary};
use dlt_core::judge::verdict::Verdict;
use dlt_core::measure::generator::Generator;
use dlt_core::messages::setup::OnceFacts;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Statuses of a run that has not ended.
const ACTIVE: [&str; 6] = [
    "queued",
    "provisioning",
    "running",
    "parsing results",
    "cleaning up",
    "cancelling",
];

/// Whether a run of this status has not ended yet.
pub(crate) fn is_active(status: &str) -> bool {
    ACTIVE.contains(&status)
}

/// A run record; compatible fields are camelCase.
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
    pub note: Option<String>,
    pub outcome: Option<Outcome>,
    pub verdict: Option<Verdict>,
    pub account: Option<AccountSummary>,
    pub coverage: Option<Coverage>,
    pub generator: Option<Generator>,
    pub load: Option<LoadSummary>,
    pub summary: Option<Blocks>,
    pub errors: Option<Vec<ErrorRow>>,
    pub start: Option<StartSummary>,
    pub setup: Option<OnceFacts>,
    pub teardown: Option<OnceFacts>,
    pub warnings: Vec<String>,
    /// A newer run of the scenario that has no results: its id and status.
    #[serde(skip)]
    pub newer: Option<(String, String)>,
}

// How percentiles were made: agents read the name of the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Method {
    /// Read from histograms that were added up: exact to 0.1 %.
    HdrMerge,
    /// From the coarser histograms of its seconds so far, added up: to 5 %.
    CoarseMerge,
    /// Between stored percentiles.
    Interpolated,
    /// Means of the runners' percentiles: not percentiles of all requests.
    TaskMean,
}

impl Run {
    pub fn parse(value: Value) -> Result<Self, BackendError> {
        serde_json::from_value(value)
            .map_err(|error| BackendError::unreadable("run record", &error))
    }

    /// The run with this id; without an id, the newest run with results, or else the
    /// newest run.
    pub async fn find(
        backend: &dyn Backend,
        test: &TestId,
        run: Option<&TestRunId>,
    ) -> Result<Self, Refusal> {
        let (run, newer) = match run {
            Some(run) => (run.clone(), None),
            None => newest(backend, test).await?,
        };
        let ask = Ask::Run {
            test: test.clone(),
            run,
        };
        let found = Self::parse(backend.get(&ask).await?)?;
        Ok(Self { newer, ..found })
    }

    /// Whether it has not ended yet.
    pub fn is_active(&self) -> bool {
        is_active(&self.status)
    }

    /// Duration of the load, seconds.
    pub fn seconds(&self) -> Option<f64> {
        if let Some(loaded) = self.summary.as_ref().and_then(Blocks::loaded_s) {
            return Some(loaded);
        }
        let text = self.results["total"]["testDuration"].as_str()?;
        text.parse::<f64>().ok().filter(|seconds| *seconds > 0.0)
    }

    /// How its percentiles were computed.
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
        // A target that went away in the middle did answer.
        let answered = self.summary.as_ref().is_some_and(|it| it.total.ok > 0);
        outcome.is_some_and(|outcome| outcome.could_not_run) && !answered
    }

    /// The numbers without times if the target never answered: all times are of failures
    /// then.
    fn checked(&self, numbers: Numbers) -> Numbers {
        if self.could_not_run() {
            Numbers {
                requests: numbers.requests,
                failed: numbers.failed,
                ..Numbers::default()
            }
        } else {
            numbers
        }
    }

    /// A sentence that says which requests the times of the run, of one region or of one
    /// label are of; None where times need no explanation.
    pub fn times_sentence(&self, region: Option<&str>, label: Option<&str>) -> Option<String> {
        let blocks = self.summary.as_ref().filter(|_| !self.could_not_run())?;
        let time = |us| format!("{} ms", ms(us));
        let count = |count: u64| count.to_string();
        let all = self.errors.as_deref().unwrap_or_default();
        let has_label = |block: &&Block| block.label.as_deref() == label;
        let (block, errors) = match (region, label) {
            (Some(_), Some(_)) => return None,
            // Records have no errors by region.
            (Some(region), None) => (blocks.regions.get(region)?, &[][..]),
            (None, Some(_)) => (blocks.labels.iter().find(has_label)?, all),
            (None, None) => (&blocks.total, all),
        };
        let times = blocks.times_of(block, errors)?;
        Some(times.sentence(count, time))
    }

    /// The numbers of all requests; None if there were none.
    pub fn total(&self) -> Option<Numbers> {
        let numbers = match &self.summary {
            Some(blocks) => Some(Numbers::of_block(&blocks.total, blocks.times_over)),
            None => Numbers::of_results(&self.results["total"]),
        };
        let numbers = numbers.filter(|numbers| numbers.requests > 0);
        numbers.map(|numbers| self.checked(numbers))
    }

    /// The numbers of each region, sorted by name.
    pub fn regions(&self) -> Vec<(String, Numbers)> {
        if let Some(blocks) = &self.summary {
            let rows = blocks.regions.iter();
            return rows
                .map(|(name, block)| {
                    (
                        name.clone(),
                        self.checked(Numbers::of_block(block, blocks.times_over)),
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

    /// The numbers of each label, in all regions or one.
    pub fn labels(&self, region: Option<&str>) -> Vec<(String, Numbers)> {
        match (&self.summary, region) {
            (Some(blocks), None) if !blocks.labels.is_empty() => {
                let rows = blocks.labels.iter();
                rows.map(|block| {
                    let label = block.label.clone().unwrap_or_default();
                    (
                        label,
                        self.checked(Numbers::of_block(block, blocks.times_over)),
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

    /// Transactions by name, with how many were begun and not ended; over all regions.
    pub fn transactions(&self) -> Vec<(String, Numbers, u64)> {
        let Some(blocks) = &self.summary else {
            return Vec::new();
        };
        let row = |block: &Block| {
            let numbers = Numbers::of_block(block, blocks.times_over);
            let name = block.label.clone().unwrap_or_default();
            let unfinished = block.unfinished.unwrap_or_default();
            (name, self.checked(numbers), unfinished)
        };
        blocks.transactions.iter().map(row).collect()
    }

    /// The numbers of this region; if there is none, the error lists the regions.
    pub fn region(&self, name: &str) -> Result<Numbers, Refusal> {
        let regions = self.regions();
        let found = regions.iter().find(|row| row.0 == name);
        found
            .map(|row| row.1)
            .ok_or_else(|| unknown_region(&regions))
    }

    /// A label's exact text and its numbers; if there is no such label, the error lists
    /// the labels. Agents may name a label as it was shown to them, cleaned and cut.
    pub fn label(&self, name: &str, region: Option<&str>) -> Result<(String, Numbers), Refusal> {
        let labels = self.labels(region);
        let names: Vec<&str> = labels.iter().map(|row| row.0.as_str()).collect();
        let exact = labels.iter().find(|row| row.0 == name);
        let is_shown_so = |row: &&(String, Numbers)| Text::of(&row.0).as_str() == name;
        if exact.is_none() && labels.iter().filter(is_shown_so).count() > 1 {
            return Err(Refusal::argument(
                "label",
                "several labels look like this one, for they were cut or redacted",
            )
            .hint("call get_results with label_contains"));
        }
        let found = exact.or_else(|| labels.iter().find(is_shown_so));
        found
            .cloned()
            .ok_or_else(|| unknown(Code::UnknownLabel, "label", &names))
    }
}

/// A newer run that was passed over: its id and status.
type Newer = Option<(String, String)>;

/// The newest run with results, or else the newest run.
async fn newest(backend: &dyn Backend, test: &TestId) -> Result<(TestRunId, Newer), Refusal> {
    let ask = Ask::Runs {
        test: test.clone(),
        limit: 10,
        from: None,
        to: None,
        after: None,
    };
    let page = backend.get(&ask).await?;
    let rows = page["testRuns"].as_array().cloned().unwrap_or_default();
    let has_results = |row: &&Value| row["requests"].as_u64().unwrap_or(0) > 0;
    let chosen = rows.iter().find(has_results).or(rows.first());
    let id = chosen.and_then(|row| row["testRunId"].as_str());
    let newer = rows.first().filter(|row| Some(*row) != chosen);
    let newer = newer.and_then(|row| {
        let text = |key: &str| Some(row[key].as_str()?.to_owned());
        text("testRunId").zip(text("status"))
    });
    let id = id.and_then(|id| TestRunId::parse(id).ok());
    id.map(|id| (id, newer)).ok_or_else(|| {
        Refusal::new(Code::NoResults, "this scenario has not run yet")
            .hint("call get_scenario_details for its plan and schedule")
    })
}

/// There is no such region, but these.
pub(crate) fn unknown_region(regions: &[(String, Numbers)]) -> Refusal {
    let names: Vec<&str> = regions.iter().map(|row| row.0.as_str()).collect();
    unknown(Code::UnknownRegion, "region", &names)
}

/// An error that lists up to ten existing names.
fn unknown(code: Code, field: &str, names: &[&str]) -> Refusal {
    let shown: Vec<String> = names
        .iter()
        .take(10)
        .map(|name| cut(Text::of(name).as_str(), 40))
        .collect();
    let message = if names.is_empty() {
        format!("this run has no {field}s")
    } else {
        format!("no such {field}; there are {}", shown.join(", "))
    };
    Refusal::new(code, message)
        .about(field)
        .hint(format!("use one of these, or leave {field} out"))
}
