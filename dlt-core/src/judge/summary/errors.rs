//! The run's errors: what went wrong, how often, on which runners and when. What
//! a runner counts as one error is left to its engine.

use super::ErrorRow;
use crate::ids::{Region, RunnerId};
use crate::measure::sample::Cause;
use crate::measure::tally::{ErrorKey, ErrorTally, MOST_ERRORS};
use crate::messages::report::Report;
use std::collections::BTreeMap;

/// Errors over runners.
#[derive(Debug, Default)]
pub(crate) struct Errors {
    rows: BTreeMap<ErrorKey, Sums>,
}

#[derive(Debug, Default)]
struct Sums {
    tally: ErrorTally,
    runners: BTreeMap<RunnerId, u64>,
    regions: BTreeMap<Region, u64>,
    label_regions: BTreeMap<String, BTreeMap<Region, u64>>,
}

impl Errors {
    /// Adds a report's; beyond [`MOST_ERRORS`] without code and message.
    pub(crate) fn add(&mut self, report: &Report) {
        for (key, tally) in &report.tally.errors {
            let fits = self.rows.len() < MOST_ERRORS || self.rows.contains_key(key);
            let key = if fits { key.clone() } else { key.further() };
            let sums = self.rows.entry(key).or_default();
            sums.tally.merge(tally);
            for (label, count) in &tally.labels {
                let regions = sums.label_regions.entry(label.clone()).or_default();
                *regions.entry(report.region.clone()).or_default() += count;
            }
            *sums.regions.entry(report.region.clone()).or_default() += tally.count;
            *sums.runners.entry(report.runner.clone()).or_default() += tally.count;
        }
    }

    /// The rows, most frequent first. Instants become wall clock.
    pub(crate) fn rows(self, start_at_us: u64) -> Vec<ErrorRow> {
        let at_ms = |us: u64| start_at_us.saturating_add(us) / 1_000;
        let mut rows: Vec<ErrorRow> = self
            .rows
            .into_iter()
            .map(|(key, sums)| ErrorRow {
                cause: cause(&key),
                code: key.code,
                message: key.message,
                count: sums.tally.count,
                labels: sums.tally.labels,
                label_regions: by_label(sums.label_regions, sums.regions.len()),
                runners: sums
                    .runners
                    .into_iter()
                    .map(|(runner, count)| (runner.to_string(), count))
                    .collect(),
                regions: sums
                    .regions
                    .into_iter()
                    .map(|(region, count)| (region.to_string(), count))
                    .collect(),
                first_at: at_ms(sums.tally.first_us),
                last_at: at_ms(sums.tally.last_us),
                exchanges: sums.tally.exchanges,
            })
            .collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.count));
        rows
    }
}

/// Labels by region; none where there is one region.
fn by_label(
    rows: BTreeMap<String, BTreeMap<Region, u64>>,
    regions: usize,
) -> BTreeMap<String, BTreeMap<String, u64>> {
    let rows = rows.into_iter().filter(|_| regions > 1);
    let named = rows.map(|(label, counts)| {
        let counts = counts.into_iter();
        let counts = counts.map(|(region, count)| (region.to_string(), count));
        (label, counts.collect())
    });
    named.collect()
}

fn cause(key: &ErrorKey) -> String {
    match (&key.cause, &key.code) {
        (Cause::Tool, Some(class)) => format!("tool:{class}"),
        (cause, _) => cause.name().to_owned(),
    }
}
