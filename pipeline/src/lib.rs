//! The control plane: the workflow of a run, the functions that it calls, and
//! the ports that these use.
//!
//! A noun's `mod.rs` holds its functions and its port and never names its
//! adapters; `local` and `aws` alone choose among those. Load is made by runners, never
//! here.

pub mod clock;
pub mod error;
#[cfg(feature = "aws")]
pub mod naming;

#[cfg(feature = "lambda")]
pub mod clients;
pub mod store;

pub mod executions;
pub mod fleet;
pub mod live;
pub mod objects;
pub mod regions;
pub mod runs;
pub mod scenarios;
pub mod schedules;

pub mod world;

pub mod functions;
pub mod workflow;

#[cfg(feature = "local")]
pub mod driver;
#[cfg(feature = "local")]
mod waits;

pub mod api;

#[cfg(feature = "local")]
pub mod local;

#[cfg(feature = "lambda")]
pub mod aws;
