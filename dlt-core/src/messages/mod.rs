//! What processes send each other about a run: the order of a runner, its lines
//! on stdout, its report and its timeline; and a run's merged histograms. Formats
//! only; sending is left to worker and pipeline.

pub mod handover;
pub mod histograms;
pub mod order;
pub mod report;
pub mod runner_line;
pub mod setup;
pub mod timeline;
