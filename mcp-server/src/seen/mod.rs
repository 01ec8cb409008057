//! Records of the API, as far as tools need them. Fields that older servers do not have
//! may be missing. How answers show them is decided in `views`.

pub(crate) mod active;
pub(crate) mod beside;
pub(crate) mod failures;
pub(crate) mod live;
pub(crate) mod numbers;
pub(crate) mod run;
pub(crate) mod scenario;
