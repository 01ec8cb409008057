//! Joins the one reader of what runners tell with those who want it: lines go to those
//! who watch, what a runner could not store to the objects.

use crate::fleet::process::LineListener;
use crate::live::broadcast::Broadcast;
use crate::objects::files::FileObjects;
use dlt_core::ids::{RunnerId, TestRunId};
use dlt_core::keys;
use dlt_core::messages::runner_line::RunnerLine;
use std::sync::Arc;

/// What runners tell, brought where it belongs.
#[derive(Debug)]
pub(super) struct FromRunners {
    pub(super) live: Arc<Broadcast>,
    pub(super) objects: Arc<FileObjects>,
}

impl LineListener for FromRunners {
    fn line(&self, run: &TestRunId, line: RunnerLine) {
        self.live.line(run, line);
    }

    fn unreadable(&self, run: &TestRunId, runner: &RunnerId, lines: u64) {
        self.live.unreadable(run, runner, lines);
    }

    fn handed_over(&self, key: &str, bytes: Vec<u8>) {
        // Of those alone: nothing else may be written by whoever has that memory.
        if keys::parse_report_name(key).is_some() || keys::parse_timeline_name(key).is_some() {
            self.objects.hold(key, bytes);
        }
    }
}
