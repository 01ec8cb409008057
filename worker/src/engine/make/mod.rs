//! Makes requests from steps: the values that vary from user to user (`inputs`,
//! `quotes`, `data`, `variable_names`, `session`, `call`), and the request made of them
//! (`request_template` with `parts`, `layout`, `template` and `form`). `http` sends it.

mod body_template;
pub(crate) mod call;
pub(crate) mod data;
pub(crate) mod form;
pub(crate) mod inputs;
mod layout;
pub(crate) mod made;
pub(crate) mod messages;
mod parts;
pub(crate) mod quotes;
pub(crate) mod request_template;
pub(crate) mod session;
pub(crate) mod template;
pub(crate) mod variable_names;
