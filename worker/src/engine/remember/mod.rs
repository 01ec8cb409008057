//! Records what happens on a load thread (`recorder`) and merges the results of
//! all threads (`merged`). It knows neither schedules nor sockets.

pub(crate) mod merged;
pub(crate) mod recorder;
