//! Merges what the threads of a runner have measured.

use super::recorder;
use super::series::{LabelRows, Series};
use crate::engine::{LoadResult, ThreadResult};
use dlt_core::measure::generator::GeneratorSums;
use dlt_core::measure::tally::{OTHER_LABEL, Tally};
use dlt_core::messages::timeline::MOST_TIMELINE_LABELS;
use std::collections::{BTreeMap, BTreeSet};

pub(crate) fn merge_threads(
    labels: &[String],
    threads: Vec<ThreadResult>,
    warnings: Vec<String>,
) -> LoadResult {
    let mut result = LoadResult {
        warnings,
        ..LoadResult::default()
    };
    let mut generator = GeneratorSums::default();
    let mut bad_seconds = BTreeSet::new();
    let mut notices: BTreeMap<String, u64> = BTreeMap::new();
    let mut series = SeriesByLabel::of(labels);
    let earlier = |a: Option<u64>, b: Option<u64>| a.into_iter().chain(b).min();
    let count = threads.len().max(1) as u64;
    result.cut_us = threads.iter().map(|thread| thread.cut_us).sum::<u64>() / count;
    for thread in threads {
        let mut tally = Tally {
            account: thread.account,
            phases: thread.phases,
            errors: thread.errors,
            transactions: thread.transactions,
            ..Tally::default()
        };
        for (name, label) in thread.names.iter().zip(thread.labels) {
            if name == OTHER_LABEL {
                tally.overflowed += label.ok + label.failed;
            }
            if label.ok + label.failed > 0 {
                tally.labels.insert(name.clone(), label);
            }
        }
        result.tally.merge(&tally);
        for (name, rows) in thread.names.iter().zip(thread.series) {
            series.add(name, rows);
        }
        result.first_due_us = earlier(result.first_due_us, thread.first_due_us);
        result.first_sent_us = earlier(result.first_sent_us, thread.first_sent_us);
        result.last_done_us = result.last_done_us.max(thread.last_done_us);
        result.ports_exhausted += thread.ports_exhausted;
        result.files_exhausted += thread.files_exhausted;
        result.reading.merge(&thread.reading);
        result.exchanges.merge(thread.exchanges);
        generator.merge(&thread.generator);
        bad_seconds.extend(thread.bad_seconds);
        for warning in thread.warnings {
            if !result.warnings.contains(&warning) {
                result.warnings.push(warning);
            }
        }
        for (text, count) in thread.notices {
            *notices.entry(text).or_default() += count;
        }
    }
    result.generator = generator.rows();
    result.warnings.extend(result.exchanges.warning());
    result.bad_seconds = bad_seconds.into_iter().collect();
    // Each thread may have few labels, and all threads together too many.
    if result.tally.labels.len() <= MOST_TIMELINE_LABELS {
        result.labels = series.rows();
    }
    if result.tally.overflowed > 0 && !labels.iter().any(|label| label == OTHER_LABEL) {
        result.warnings.push(recorder::too_many_labels_warning());
    }
    for (text, count) in notices {
        let times = match count {
            1 => "once".to_owned(),
            count => format!("{count} times"),
        };
        result.warnings.push(format!("{text} ({times})"));
    }
    result
}

/// The threads' series by label, in the order in which labels first appear.
struct SeriesByLabel {
    /// The index of each label in `rows`.
    indices: BTreeMap<String, usize>,
    rows: Vec<LabelRows>,
}

impl SeriesByLabel {
    fn of(labels: &[String]) -> Self {
        Self {
            rows: labels.iter().cloned().map(LabelRows::new).collect(),
            indices: labels.iter().cloned().zip(0..).collect(),
        }
    }

    fn add(&mut self, label: &str, series: Series) {
        let at = match self.indices.get(label) {
            Some(at) => *at,
            None => {
                self.indices.insert(label.to_owned(), self.rows.len());
                self.rows.push(LabelRows::new(label.to_owned()));
                self.rows.len() - 1
            }
        };
        self.rows[at].add(series);
    }

    fn rows(self) -> Vec<LabelRows> {
        let rows = self.rows.into_iter();
        rows.filter(|rows| !rows.is_empty()).collect()
    }
}
