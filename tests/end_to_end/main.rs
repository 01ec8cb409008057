//! The real `dlt` against real sockets and processes: each line of what was
//! promised is a test here. The server's log is the truth; what `dlt` says is
//! compared with it.
#![expect(clippy::unwrap_used, reason = "a test ends by panicking")]

mod agents;
mod busy;
mod causes;
mod changes;
mod clocks;
mod cloud;
mod commands;
mod common;
mod compare;
mod deploy;
mod deployed;
mod doors;
mod first_minutes;
mod first_run;
mod forbidden;
mod functions;
mod half_dead;
mod image;
mod input;
mod lost;
mod mcp;
mod messages;
mod mixture;
mod names;
mod notes;
mod one_liners;
mod open_load;
mod outage;
mod proxies;
mod readme;
mod rows;
mod scripts;
mod secrets;
mod service;
mod sessions;
mod setup;
mod side_by_side;
mod signed_in;
mod silent;
mod skew;
mod stop;
mod taurus;
mod there;
mod thresholds;
mod ticks;
mod tls;
mod tokens;
mod trust;
mod try_once;
mod unix;
