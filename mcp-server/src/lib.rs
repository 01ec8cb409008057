//! Questions that agents may ask of load tests, and their answers: short, with
//! units, with the trust that a run deserves, and never a way to change
//! anything. What is known comes from the REST API alone.
//!
//! In reading order: [`backend`] asks the API, [`clean`] makes foreign text
//! harmless, `seen` reads what the API said, [`tools`] answer, [`answer`] and
//! [`refusal`] say how an answer and a refusal look, [`server`] speaks MCP,
//! [`resources`], [`prompts`] and [`completions`] are its other offers.

pub mod answer;
mod arguments;
pub mod backend;
pub mod clean;
mod cursor;
pub mod refusal;
pub mod schema;
mod seen;
pub mod tools;
