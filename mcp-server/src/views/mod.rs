//! The forms of answers: what they have in common ([`answer`]), one run ([`result`], of which
//! the other files make parts), two runs ([`comparison`]), tasks ([`tasks`]).

use crate::clean::Text;
use dlt_core::judge::verdict::Trust;

pub mod answer;
mod apart;
pub(crate) mod comparison;
mod coverage;
pub(crate) mod failures;
pub(crate) mod latency;
mod live;
mod load;
mod numbers_row;
mod raw;
pub(crate) mod result;
pub(crate) mod runners;
pub(crate) mod tasks;
pub(crate) mod trend;
mod warnings;

/// The word for how far a run may be believed.
pub(crate) fn trust_word(trust: Trust) -> Text {
    match trust {
        Trust::Trusted => "trusted".into(),
        Trust::Degraded => "degraded".into(),
        Trust::Untrusted => "untrusted".into(),
    }
}

/// For fields that are left out when false.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
pub(crate) fn is_false(value: &bool) -> bool {
    !*value
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}

pub(crate) fn is_none_or_zero(value: &Option<u64>) -> bool {
    value.unwrap_or(0) == 0
}
