//! Records what happens on a load thread (`recorder`) and merges the results of
//! all threads (`merged`); what a label did second by second is held packed (`series`). It knows neither schedules nor sockets.

pub(crate) mod merged;
pub(crate) mod recorder;
pub(crate) mod series;
