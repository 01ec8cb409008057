//! What an answer means for the scenario: ok or failed, a redirect to follow, values for variables. Who
//! decides is the walker.

use crate::engine::failure::Failure;
use crate::engine::http::redirect::Hop;
use dlt_core::measure::sample::Outcome;

/// What an exchange means for the scenario.
pub(super) struct Judgement {
    pub(super) outcome: Outcome,
    pub(super) failure: Option<Failure>,
    /// The redirect to follow.
    pub(super) hop: Option<Box<Hop>>,
    /// The extracted values, by slot.
    pub(super) values: Vec<(usize, String)>,
}

impl Judgement {
    pub(super) fn ok(status: u16) -> Self {
        Self {
            outcome: Outcome::ok(status),
            failure: None,
            hop: None,
            values: Vec::new(),
        }
    }

    pub(super) fn failed(failure: Failure, status: Option<u16>) -> Self {
        Self {
            outcome: Outcome::failed(failure.cause, status),
            failure: Some(failure),
            hop: None,
            values: Vec::new(),
        }
    }
}
