//! Where items are stored at home: the handle beneath the nouns' adapters. What
//! the tables hold is theirs.

pub mod sqlite;
