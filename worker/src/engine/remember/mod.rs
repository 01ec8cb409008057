//! What a load thread remembers (`recorder`), and all threads' results added up
//! (`merged`). It knows neither schedules nor sockets.

pub(crate) mod merged;
pub(crate) mod recorder;
