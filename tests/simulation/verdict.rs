//! What must hold of every run that was played, whatever went wrong.

use crate::play::{Outcome, Play, now};
use crate::runners;
use crate::state::lock;
use dlt_core::calls::live::LiveEvent;
use dlt_core::keys;
use dlt_core::messages::report::Report;
use dlt_core::run::Status;
use dlt_pipeline::clock::stamp;
use dlt_pipeline::functions::settle;
use std::collections::BTreeMap;

/// Beyond the promised end: calls take time too.
const SLACK_US: u64 = 60_000_000;
/// What one injected fault may cost: the longest wait before a retry, and late answers.
const FAULT_US: u64 = 50_000_000;

impl Play {
    pub fn readable_reports(&self) -> u64 {
        let folder = keys::results_folder(&self.run.test, &self.run.prefix);
        let state = lock(&self.sim.0);
        let all: BTreeMap<_, _> = state.held.iter().chain(&state.objects).collect();
        let texts = all
            .iter()
            .filter(|(key, _)| key.starts_with(&folder) && key.ends_with(".xml"))
            .filter_map(|(_, bytes)| std::str::from_utf8(bytes).ok());
        texts.filter(|text| Report::from_xml(text).is_ok()).count() as u64
    }

    /// What must hold of every run, whatever went wrong.
    pub fn judge(self, began_us: u64) -> Outcome {
        {
            let mut state = lock(&self.sim.0);
            state.calm_us = 0;
            state.outages.clear();
        }
        let end_time = stamp(lock(&self.sim.0).now_us);
        let settled = now(self.world.change(&self.run.test, &self.run.run, &|run| {
            // As the driver does when an execution ends early.
            if !run.record.status.is_terminal() {
                run.failure.get_or_insert("the workflow broke".to_owned());
                settle::settle(run, &end_time);
            }
        }));
        let run = settled.expect("a calm world");
        let mut state = lock(&self.sim.0);
        runners::settle(&mut state);
        let record = &run.record;
        if !record.status.is_terminal() {
            state.violate(format!("the run ended as {}", record.status));
        }
        if state.injected == 0 && run.failure.as_deref() == Some("the workflow broke") {
            state.violate("the workflow broke without a fault".to_owned());
        }
        if self.cancelled && record.status != Status::Cancelled {
            state.violate(format!("cancelled, yet {}", record.status));
        }
        let reason = record.error_reason.as_deref().unwrap_or_default();
        if record.status == Status::Failed && reason.is_empty() {
            state.violate("failed without a reason".to_owned());
        }
        for at in 0..state.runners.len() {
            if state.runners[at].alive() {
                let name = state.runners[at].runner.clone();
                state.violate(format!("runner {name} is left"));
            }
        }
        let reported = record
            .coverage
            .as_ref()
            .map(|coverage| coverage.runners_reported);
        if self.reports.is_some() && reported != self.reports {
            let found = self.reports;
            state.violate(format!(
                "{reported:?} reports are in the result, {found:?} exist"
            ));
        }
        let promised_us = match run.start_at_us {
            Some(start) => {
                start + run.planned_us + run.graceful_stop_us + self.world.pace.overdue_us
            }
            None => began_us + 2 * self.world.pace.provisioning_us,
        };
        // While the store is out nothing goes on.
        let latest_us = promised_us + SLACK_US + state.injected * FAULT_US + self.out_us;
        let ended_us = state.ended_us.unwrap_or(state.now_us);
        if ended_us > latest_us {
            let late_s = (ended_us - promised_us) / 1_000_000;
            state.violate(format!("it ended {late_s} s after its promised end"));
        }
        let events = std::mem::take(&mut state.events);
        let loaded = state
            .runners
            .iter()
            .filter(|runner| runner.start_at_us.is_some())
            .map(|runner| runner.runner.to_string())
            .collect();
        Outcome {
            notes: notes(events),
            violations: std::mem::take(&mut state.violations),
            log: std::mem::take(&mut state.log),
            starts: state.runners.len(),
            hits: std::mem::take(&mut state.hits),
            ended_us,
            loaded,
            run,
            calls: self.calls,
            executions: self.machines.len(),
        }
    }
}

fn notes(events: Vec<LiveEvent>) -> Vec<String> {
    let notes = events.into_iter().filter_map(|event| match event {
        LiveEvent::Note(note) => Some(note),
        _ => None,
    });
    notes.collect()
}
