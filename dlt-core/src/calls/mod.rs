//! The API as values. `routes` is the one table of paths and methods, `request`
//! reads requests by it, `caller` says whom a call is for, `answers` are the bodies of answers, `live` the events
//! of a run in progress, `openapi` the description made of all these. Executing
//! a call is left to the control plane.

pub mod answers;
mod bodies;
mod caller;
pub mod live;
pub mod openapi;
mod query;
pub mod request;
mod routes;
mod rows;

pub use caller::{Caller, Holder};
pub use query::{
    CompareQuery, DEFAULT_LIMIT, HistogramQuery, MOST_RUNS, PageToken, RunsQuery, TimelineQuery,
};
