//! The control plane: the workflow of a run, the functions that it calls, and
//! the ports that these use.
//!
//! A noun's `mod.rs` holds its functions and its port and never names its
//! adapters; only `world` and `local` choose among those. Load is made by
//! runners, never here.

pub mod error;
pub mod world;

pub mod executions;
pub mod fleet;
pub mod live;
pub mod objects;
pub mod regions;
pub mod runs;
pub mod scenarios;
pub mod schedules;

pub mod api;
pub mod results;
pub mod workflow;

#[cfg(feature = "local")]
pub mod local;
