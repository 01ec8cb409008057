//! The result of a finished run, each part resting on the one before: its numbers,
//! whether they may be believed, whether it passed; and all of it made from the
//! runners' reports. Comparing two runs is left to `compare`.

pub mod merger;
pub mod outcome;
pub mod summary;
pub mod verdict;
