//! The workflow: its file, the machine that runs it, the functions it calls.

mod choice;
pub mod definition;
#[cfg(feature = "local")]
pub mod driver;
pub mod jsonpath;
pub mod machine;
mod provision;
mod step;
pub mod tasks;
mod template;
pub mod watch;

/// The workflow file; Step Functions and `machine` both run it.
pub const WORKFLOW: &str = include_str!("../../workflow/load-test.asl.json");
