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
pub mod run;
pub mod stack;

pub mod refusal;
pub mod safety;
pub(crate) mod shapes;

pub mod load;
pub mod measure;
pub mod thresholds;

pub mod calls;
pub mod compare;
pub mod judge;
pub mod messages;
pub mod record;
pub mod scenario;
