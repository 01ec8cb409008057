//! What is measured: one request, and any stretch of them added up. Everything
//! here merges exactly. Who measures is the worker's engine.

pub mod account;
pub mod coarse;
pub mod counts;
pub mod generator;
pub mod http_version;
pub mod kept;
pub mod latencies;
pub mod packed;
pub mod reading;
pub mod sample;
pub mod second;
pub mod silence;
pub mod tally;
