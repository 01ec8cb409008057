//! The control plane.

pub mod error;
#[cfg(feature = "local")]
pub mod local;
