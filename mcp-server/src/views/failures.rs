//! Failures of several runs, added: by cause, and within a cause by label and region. How they are
//! listed is the tool's.

use crate::clean::Text;
use crate::seen::failures::Failures;
use dlt_core::judge::summary::ErrorRow;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// Where an error comes from; `generator` is not the target's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Http,
    Transport,
    Assertion,
    Tool,
    Generator,
}

impl Kind {
    pub(crate) fn of(cause: &str) -> Self {
        match cause {
            "status-4xx" | "status-5xx" | "too-many-redirects" => Self::Http,
            "check" | "extraction" => Self::Assertion,
            // Nothing was sent: the policy of targets, and no target, said no.
            "generator" | "target-forbidden" => Self::Generator,
            other if other.starts_with("tool:") => Self::Tool,
            // A status of an older server, which tells no cause.
            other if other.parse::<u16>().is_ok() => Self::Http,
            _ => Self::Transport,
        }
    }
}

/// A label and a region; None where it is not known.
type Cell = (Option<String>, Option<String>);

/// The failures of one cause.
#[derive(Debug, Default)]
pub(crate) struct Sum {
    pub cause: String,
    pub code: Option<String>,
    pub message: String,
    pub count: u64,
    /// In how many runs.
    pub runs: usize,
    pub cells: BTreeMap<Cell, u64>,
    /// ms since the Unix epoch; 0 where unknown.
    pub first_at: u64,
    pub last_at: u64,
    /// What was sent, and what came back.
    pub example: Option<(String, String)>,
    regions: BTreeMap<String, u64>,
}

impl Sum {
    /// Cause and code.
    pub(crate) fn key(&self) -> Text {
        match &self.code {
            Some(code) => Text::of(&format!("{} {code}", self.cause)),
            None => Text::of(&self.cause),
        }
    }

    pub(crate) fn by_label(&self) -> BTreeMap<&str, u64> {
        let mut sums = BTreeMap::new();
        for ((label, _), count) in &self.cells {
            if let Some(label) = label {
                *sums.entry(label.as_str()).or_default() += count;
            }
        }
        sums
    }

    pub(crate) fn by_region(&self) -> BTreeMap<&str, u64> {
        let rows = self.regions.iter();
        rows.map(|(region, count)| (region.as_str(), *count))
            .collect()
    }

    fn add(&mut self, row: &ErrorRow) {
        self.count += row.count;
        self.runs += 1;
        let earlier = self.first_at == 0 || row.first_at > 0 && row.first_at < self.first_at;
        if earlier {
            self.first_at = row.first_at;
        }
        self.last_at = self.last_at.max(row.last_at);
        for (region, count) in &row.regions {
            *self.regions.entry(region.clone()).or_default() += count;
        }
        for (cell, count) in cells(row) {
            *self.cells.entry(cell).or_default() += count;
        }
        if self.example.is_none() {
            let exchange = row.exchanges.first();
            self.example = exchange.map(|it| (it.request.clone(), it.response.clone()));
        }
    }
}

/// A row's samples by label and region.
fn cells(row: &ErrorRow) -> Vec<(Cell, u64)> {
    if !row.label_regions.is_empty() {
        let rows = row.label_regions.iter().flat_map(|(label, regions)| {
            let of = move |region: &String| (Some(label.clone()), Some(region.clone()));
            regions
                .iter()
                .map(move |(region, count)| (of(region), *count))
        });
        return rows.collect();
    }
    let only = row.regions.keys().next().filter(|_| row.regions.len() == 1);
    if row.labels.is_empty() {
        let rows = row.regions.iter();
        let rows: Vec<_> = rows
            .map(|(region, count)| ((None, Some(region.clone())), *count))
            .collect();
        return match rows.is_empty() {
            true => vec![((None, None), row.count)],
            false => rows,
        };
    }
    let rows = row.labels.iter();
    rows.map(|(label, count)| ((Some(label.clone()), only.cloned()), *count))
        .collect()
}

/// The failures of these runs by cause, code and message.
pub(crate) fn sums(runs: &[Failures]) -> Vec<Sum> {
    let mut sums: BTreeMap<(&str, Option<&str>, &str), Sum> = BTreeMap::new();
    for row in runs.iter().flat_map(|run| &run.rows) {
        let key = (
            row.cause.as_str(),
            row.code.as_deref(),
            row.message.as_str(),
        );
        let sum = sums.entry(key).or_insert_with(|| Sum {
            cause: row.cause.clone(),
            code: row.code.clone(),
            message: row.message.clone(),
            ..Sum::default()
        });
        sum.add(row);
    }
    sums.into_values().collect()
}
