//! What an answer is examined for: checks and extractions (`checks`), and the
//! cookies that it sets.

pub(crate) mod checks;
pub(crate) mod cookies;
