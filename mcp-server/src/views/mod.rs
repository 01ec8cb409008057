//! The forms of answers: what they have in common ([`answer`]), one run ([`result`]),
//! two runs ([`comparison`]), tasks ([`tasks`]).

pub mod answer;
pub(crate) mod comparison;
pub(crate) mod result;
pub(crate) mod tasks;
mod warnings;

/// For fields that are left out when false.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
pub(crate) fn is_false(value: &bool) -> bool {
    !*value
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}

fn is_none_or_zero(value: &Option<u64>) -> bool {
    value.unwrap_or(0) == 0
}
