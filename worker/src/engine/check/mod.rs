//! What an answer is examined for: checks and extractions (`checks`) of its text
//! (`charset`), and the cookies that it sets.

pub(crate) mod charset;
pub(crate) mod checks;
pub(crate) mod cookies;
