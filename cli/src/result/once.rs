//! The requests that were made once, beside the load: they are in no number, and targets saw them.

use crate::line::{Line, Tone, wrapped};
use crate::units;
use dlt_core::messages::setup::OnceFacts;
use dlt_core::record::RunRecord;

/// A sentence on both, where there were any.
pub(super) fn lines(record: &RunRecord, width: usize) -> Vec<Line> {
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
    if parts.is_empty() {
        return Vec::new();
    }
    let text = format!("in no number: {}", parts.join(", "));
    wrapped(Tone::Quiet, &text, 2, width)
}
