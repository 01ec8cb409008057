//! One runner: fetch the order, meet the others, make load, report.

pub mod engine;
