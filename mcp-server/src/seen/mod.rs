//! What the API said, as far as tools need it: fields that an older server does
//! not have may be missing. How answers show it is `tools`' matter.

pub(crate) mod numbers;
pub(crate) mod run;
pub(crate) mod scenario;
