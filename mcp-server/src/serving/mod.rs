//! Serves a router to clients that may be slow, idle or too many: how long each may take, how many
//! may be connected, how much of their requests is kept at once. What is refused is counted and
//! told. What a request means is left to the router, who may send it to `auth`.

mod bodies;
mod limits;
mod patience;
mod places;
mod refusals;
mod seen;
mod serve;
mod stream;

pub use limits::{Limits, raise_file_limit};
pub use refusals::Tell;
pub use serve::{Serving, serve};

#[cfg(test)]
mod tests;
