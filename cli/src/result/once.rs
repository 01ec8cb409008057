//! The requests that were made once, beside the load: they are in no number, and targets saw them.

use crate::line::{Line, Tone, wrapped};
use crate::units;
use dlt_core::messages::setup::OnceFacts;
use dlt_core::record::RunRecord;

/// The sentence as lines, where there were any.
pub(super) fn lines(record: &RunRecord, width: usize) -> Vec<Line> {
    sentence(record).map_or_else(Vec::new, |text| wrapped(Tone::Quiet, &text, 2, width))
}

/// A sentence on both; None where there were none.
pub fn sentence(record: &RunRecord) -> Option<String> {
    let part = |facts: &Option<OnceFacts>, name: &str| {
        let facts = facts.as_ref()?;
        let requests = units::several(facts.requests, "request");
        let failed = match &facts.failure {
            Some(_) => ", which failed",
            None => "",
        };
        let took = units::time(facts.took_us);
        Some(format!("{requests} of {name} in {took}{failed}"))
    };
    let parts = [
        part(&record.setup, "setup"),
        part(&record.teardown, "teardown"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("in no number: {}", parts.join(", ")))
}
