//! The words and sums of dlt: what a scenario is, how load is shared, what a
//! sample, a tally, a report and a summary are, and what may be said of them.
//!
//! Nothing here does I/O, reads a clock, draws a random number or awaits: every
//! function can be replayed. Sockets live in the worker, stores in the pipeline.
//!
//! # Glossary, in reading order
//! *Scenario*: what to request, how hard, where, when. *Run*: one execution of
//! it. *Runner*: one load-making task. *Worker*: the program a runner executes.
//! *Leader*: the runner that tells its region's others to start. *Sample*: one
//! request, measured. *Tally*: any stretch of samples, summed. *Tick*: one
//! second's tally. *Report*: a runner's last word. *Summary*: a run's one
//! result. *Verdict*: may this run be trusted. *Outcome*: did it pass.

pub mod ids;
pub mod keys;

pub mod scenario;

pub mod load;
pub mod share;

pub mod coarse;
pub mod latencies;
pub mod sample;

pub mod account;
pub mod generator;
pub mod tally;

pub mod order;
pub mod runner_line;

pub mod reading;
pub mod report;
pub mod timeline;

pub mod outcome;
pub mod summary;
pub mod verdict;

pub mod compare;

pub mod calls;
pub mod run;
pub mod stack;
