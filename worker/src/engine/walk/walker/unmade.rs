//! Requests of steps that vary: making one, and what is recorded where that cannot be.

use super::{StepEnd, StepOutcome, Walker};
use crate::engine::failure::Failure;
use crate::engine::make::form::MakeError;
use crate::engine::make::made::MadeRequest;
use crate::engine::make::request_template::RequestTemplate;
use crate::engine::make::session::Session;
use crate::engine::remember::recorder::FinishedRequest;
use dlt_core::measure::sample::{Cause, Outcome, Sample};

impl Walker {
    /// Makes the request of a step with the session's values, or says why that cannot be.
    #[cold]
    pub(super) fn make_request(
        &self,
        template: &RequestTemplate,
    ) -> Result<Box<MadeRequest>, String> {
        let nothing = Session::default();
        let session = self.session.as_deref().unwrap_or(&nothing);
        template.make(session).map(Box::new).map_err(|error| {
            let why = match error {
                MakeError::NoValue(slot) => {
                    let name = self.group.prepared().names.name(slot);
                    format!("variable {name} had no value")
                }
                MakeError::Invalid(why) => why,
            };
            format!("the request was not sent: {why}")
        })
    }

    /// Records a request that was due and cannot be made: as any other it has an end, and the walk
    /// goes on with the next.
    #[cold]
    pub(super) fn fail_unmade(
        &mut self,
        n: usize,
        why: String,
        planned_us: Option<u64>,
        until_us: u64,
    ) -> StepOutcome {
        let group = self.group.clone();
        let now_us = group.clock.now_us();
        if now_us >= until_us {
            return StepOutcome::PastEnd;
        }
        // What its answer would have given must not remain from an earlier one.
        self.set_variables(n, Vec::new());
        let label = self.label_index(&group.prepared().steps[n].label);
        group.request_counted(0);
        let failure = Failure::new(Cause::Extraction, why);
        let sample = Sample {
            due_us: planned_us.unwrap_or(now_us),
            sent_us: now_us,
            done_us: now_us,
            read_us: now_us,
            ..Sample::default()
        };
        let mut recorder = group.recorder();
        let due_us = sample.due_us;
        let arrival_us = planned_us.filter(|_| self.progress.is_first);
        recorder.request_began(arrival_us, now_us);
        recorder.request_unconnected();
        let outcome = Outcome::failed(Cause::Extraction, None);
        recorder.request_finished(&FinishedRequest {
            label,
            sample: &sample,
            outcome,
            closed: planned_us.is_none(),
            resent: false,
            version: None,
        });
        recorder.request_failed(label, now_us, failure, || None);
        drop(recorder);
        self.progress.request_began(&group, due_us);
        self.progress.request_finished(&sample, outcome);
        StepOutcome::Done(StepEnd {
            read_us: now_us,
            unconnected: true,
        })
    }
}
