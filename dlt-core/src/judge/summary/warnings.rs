//! Sentences for people, each once, with the runners that reported it. Writing
//! them is left to the reports and to `merger`.

use crate::ids::RunnerId;
use std::collections::BTreeMap;

/// Most different sentences that are kept.
const MOST: usize = 100;
/// Longest sentence, bytes.
const LONGEST_BYTES: usize = 1_000;
/// Runners that a sentence names.
const NAMED: usize = 3;

/// Warnings over runners, in the order in which they first came.
#[derive(Debug, Default)]
pub(crate) struct Warnings {
    order: Vec<String>,
    runners: BTreeMap<String, Vec<RunnerId>>,
    /// Warnings beyond [`MOST`], only counted.
    further: u64,
}

impl Warnings {
    pub(crate) fn add(&mut self, runner: &RunnerId, warning: &str) {
        let warning = &warning[..warning.floor_char_boundary(LONGEST_BYTES)];
        if let Some(runners) = self.runners.get_mut(warning) {
            runners.push(runner.clone());
        } else if self.order.len() < MOST {
            self.order.push(warning.to_owned());
            self.runners
                .insert(warning.to_owned(), vec![runner.clone()]);
        } else {
            self.further += 1;
        }
    }

    /// The sentences; runners are named where fewer than `reported` have it.
    pub(crate) fn sentences(&self, reported: usize) -> Vec<String> {
        let mut sentences: Vec<String> = self
            .order
            .iter()
            .map(|warning| match self.runners.get(warning) {
                Some(runners) if runners.len() < reported => {
                    format!("{warning} ({})", named(runners))
                }
                _ => warning.clone(),
            })
            .collect();
        if self.further > 0 {
            sentences.push(format!("runners gave {} further warnings", self.further));
        }
        sentences
    }
}

/// `a, b and 4 more`.
pub(crate) fn named(runners: &[impl ToString]) -> String {
    let shown: Vec<String> = runners
        .iter()
        .take(NAMED)
        .map(ToString::to_string)
        .collect();
    match runners.len().saturating_sub(NAMED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
