//! Who walks the steps and when: `users` in closed load, `arrivals` in open
//! load, each step taken by a `walker`, for a `group` that they share. `prepare`
//! is everything before the clock starts, `turns` says with which of a host's
//! addresses a thread begins, `thread` is one load thread from start to end.

pub(crate) mod arrivals;
pub(crate) mod group;
pub(crate) mod prepare;
pub(crate) mod thread;
pub(crate) mod turns;
pub(crate) mod users;
pub(crate) mod walker;
