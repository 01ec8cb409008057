//! How a request comes from a step: what varies from user to user (`inputs`,
//! `data`, `session`), and the request made of it (`recipe` from `template` and
//! `form`). Sending it is `http`'s.

pub(crate) mod data;
pub(crate) mod form;
pub(crate) mod inputs;
pub(crate) mod recipe;
pub(crate) mod session;
pub(crate) mod template;
