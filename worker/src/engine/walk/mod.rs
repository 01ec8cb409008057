//! Walks the steps of a plan: `users` in closed load, `arrivals` in open load,
//! both by a `walker` that takes one step after the other; `group` is what the
//! walkers of a thread share. `prepare` is everything before the clock starts,
//! `first_address` says with which of a host's addresses a thread begins, `thread`
//! is one load thread from start to end, `judgement` what an answer means, `sources` whether source
//! addresses are of use, `tried` the exchanges of a run that is tried once. `once` walks through requests
//! that are made once per run, beside its load.

pub(crate) mod arrivals;
pub(crate) mod cuts;
pub(crate) mod first_address;
pub(crate) mod group;
mod judgement;
pub(crate) mod once;
pub(crate) mod prepare;
mod sources;
pub(crate) mod thread;
mod tried;
pub(crate) mod users;
pub(crate) mod walker;
