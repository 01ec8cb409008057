//! The API as values. `routes` is the one table of what may be asked, `request`
//! reads by it, `answers` are what is told, `live` what is told while a run goes on, `openapi` describes all of it. Doing
//! a call is the control plane's.

pub mod answers;
mod bodies;
pub mod live;
pub mod openapi;
mod query;
pub mod request;
mod routes;
mod rows;

pub use query::{DEFAULT_LIMIT, HistogramQuery, MOST_RUNS, PageToken, RunsQuery};
