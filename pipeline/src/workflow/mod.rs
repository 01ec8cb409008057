//! The workflow: its file, the language of that file, and the machine that runs
//! it. What its tasks do is `functions`'.

mod choice;
pub mod definition;
pub mod frame;
pub mod jsonpath;
pub mod machine;
mod step;
mod template;

/// The workflow file; Step Functions and `machine` both run it.
pub const WORKFLOW: &str = include_str!("../../workflow/load-test.asl.json");
