//! The words and sums of dlt: what a scenario is, how load is shared, what a
//! sample, a tally, a report and a summary are, and how a run is judged by them.
//!
//! Nothing here does I/O, reads a clock or awaits, and random numbers are those of a
//! given seed: every function can be replayed. Sockets are in the worker, stores in the pipeline.
//!
//! # Glossary, in reading order
//! *Scenario*: what to request, how hard, where, when. *Run*: one execution of
//! it. *Runner*: one load-making task. *Worker*: the program a runner executes.
//! *Leader*: the runner that starts its region's others. *Sample*: one request,
//! measured. *Tally*: any stretch of samples, summed. *Second*: the tally of one
//! second. *Tick*: a second on its way, of a runner or of a region. *Report*: what
//! a runner stores at its end. *Summary*: a run's one result. *Verdict*: may this
//! run be trusted. *Outcome*: did it pass.

// Simulated runs are shared with a bench, which knows this crate by its name.
#[cfg(test)]
extern crate self as dlt_core;

pub mod ids;
pub mod keys;
pub mod random;
pub mod run;
pub mod stack;
pub mod value;

pub mod refusal;
pub mod routing;
pub mod safety;
pub(crate) mod shapes;
pub mod target_policy;

pub mod load;
pub mod measure;
pub mod thresholds;

pub mod calls;
pub mod compare;
pub mod judge;
pub mod messages;
pub mod record;
pub mod retention;
pub mod scenario;
