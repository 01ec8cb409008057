//! The MCP server: tools with which agents read load tests, without any way to change
//! them. Everything comes from the REST API.
//!
//! Each room uses only those before it: [`clean`] removes what must not be shown,
//! [`backend`] sends requests to the API, [`refusal`] is a tool's error, `asked` checks
//! arguments, `units` and `seen` read the API's records, [`views`] are the forms of
//! answers, [`tools`] answer, [`catalog`] selects and describes them. [`compat`] answers as
//! DLT's own server does, [`auth`] checks access tokens, [`serving`] bears slow and many
//! clients, [`server`] speaks MCP, [`lambda`]
//! answers a Gateway of Bedrock AgentCore, [`doctor`] finds out what is missing.

pub mod asked;
pub mod auth;
pub mod backend;
pub mod catalog;
pub mod clean;
pub mod compat;
pub mod doctor;
pub mod lambda;
pub mod refusal;
mod seen;
pub mod server;
pub mod serving;
pub mod tools;
mod units;
pub mod views;
