//! What comes of an answer: whether it holds what it must and what is taken out
//! of it (`checks`), and the cookies that it leaves.

pub(crate) mod checks;
pub(crate) mod cookies;
