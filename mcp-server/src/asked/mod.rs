//! What an agent sends with a call, before any tool sees it: [`schema`] of arguments,
//! [`arguments`] checked against it, [`cursor`] of a paged list.

pub(crate) mod arguments;
pub(crate) mod cursor;
pub mod schema;
