//! Joins the one reader of runners' lines with those who watch.

use crate::fleet::process::LineListener;
use crate::live::broadcast::Broadcast;
use dlt_core::ids::{RunnerId, TestRunId};
use dlt_core::messages::runner_line::RunnerLine;
use std::sync::Arc;

/// Lines of runners, told to watchers.
#[derive(Debug)]
pub(super) struct ToWatchers(pub(super) Arc<Broadcast>);

impl LineListener for ToWatchers {
    fn line(&self, run: &TestRunId, line: RunnerLine) {
        self.0.line(run, line);
    }

    fn unreadable(&self, run: &TestRunId, runner: &RunnerId, lines: u64) {
        self.0.unreadable(run, runner, lines);
    }
}
