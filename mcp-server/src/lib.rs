//! Questions that agents may ask of load tests, and their answers: short, with
//! units, with the trust that a run deserves, and never a way to change
//! anything. What is known comes from the REST API alone.
//!
//! In reading order: [`backend`] asks the API, [`clean`] makes foreign text
//! harmless, `seen` reads what the API said, [`tools`] answer, [`answer`] and
//! [`refusal`] say how an answer and a refusal look, [`published`] is what is
//! told of them, [`toolset`] which of them are shown. [`server`] speaks MCP,
//! [`http`] carries it, [`auth`] says who may come, [`resources`], [`prompts`] and [`completions`] are its other offers, [`lambda`] answers a
//! Gateway instead, [`compat`] as DLT's own server does, [`doctor`] looks for
//! what is missing.

pub mod answer;
mod arguments;
pub mod auth;
pub mod backend;
pub mod clean;
pub mod compat;
pub mod completions;
mod cursor;
pub mod doctor;
pub mod http;
pub mod lambda;
pub mod prompts;
pub mod published;
pub mod refusal;
pub mod resources;
pub mod schema;
mod seen;
pub mod server;
pub mod stdio;
pub mod tools;
pub mod toolset;
