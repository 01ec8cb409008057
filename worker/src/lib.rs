//! One runner: fetch the order, meet the others, make load, report.

pub mod engine;

/// Runs the runner that the environment's order describes; its exit code.
pub fn run_from_env() -> i32 {
    todo!("control")
}
