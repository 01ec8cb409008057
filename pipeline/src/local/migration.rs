//! Data folders of older versions: each noun's adapter brings its own items up
//! to date.

use crate::runs::sqlite::fill_rows as runs;
use crate::scenarios::sqlite::fill_rows as scenarios;
use crate::store::sqlite::Fill;

/// In the order in which they build upon each other.
pub(super) const FILL: [Fill; 2] = [runs, scenarios];

#[cfg(test)]
mod tests;
