//! Where items are stored: the handles beneath the nouns' adapters. What the
//! tables hold is theirs.

#[cfg(feature = "aws")]
pub mod dynamodb;
#[cfg(feature = "local")]
pub(crate) mod folders;
#[cfg(feature = "local")]
pub mod outage;
#[cfg(feature = "local")]
pub mod sqlite;
