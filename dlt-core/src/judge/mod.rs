//! What may be said of a finished run, in the order in which each rests on the
//! one before: its numbers, whether they may be believed, whether it passed; and
//! all of it made from the runners' reports.

pub mod merger;
pub mod outcome;
pub mod summary;
pub mod verdict;
