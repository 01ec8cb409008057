//! What is kept of exchanges: those of a run that is tried once, and of failed requests a few.

use super::{SentRequest, Walker};
use crate::engine::failure::Failure;
use crate::engine::http::exchange_result::ExchangeResult;
use crate::engine::http::redact;
use crate::engine::remember::recorder::Recorder;
use crate::engine::walk::judgement::Judgement;
use crate::engine::walk::tried::Tried;
use dlt_core::measure::sample::Sample;

impl Walker {
    #[cold]
    pub(super) fn record_exchange(
        &self,
        recorder: &mut Recorder,
        sent: &SentRequest<'_>,
        result: &ExchangeResult,
        sample: &Sample,
        judgement: &Judgement,
    ) {
        let names = &self.group.prepared().names;
        let values = judgement.values.iter();
        let tried = Tried {
            url: sent.url(),
            head: result.head_sent(sent.request),
            body: sent.request.rest(sent.request.head_bytes),
            is_sent: result.written > 0,
            sample,
            status: result.status,
            failure: judgement.failure.as_ref(),
            kept: result.kept.as_deref(),
            captured: &self.client.captured,
            values: values
                .map(|row| (names.name(row.0), row.1.as_str()))
                .map(|(name, value)| (name, value, names.hides(name)))
                .collect(),
            secrets: self.secrets(),
        };
        recorder.exchange_kept(sent.label, &self.group.load().labels, tried.kept());
    }

    #[cold]
    pub(super) fn record_failure(
        &self,
        recorder: &mut Recorder,
        sent: &SentRequest<'_>,
        result: &ExchangeResult,
        failure: Failure,
    ) {
        let captured = &self.client.captured;
        let secrets = self.secrets();
        let failure = match secrets.is_empty() {
            true => failure,
            false => failure.map_message(|text| redact::redact_message(text, &secrets)),
        };
        recorder.request_failed(sent.label, result.done_us, failure, || {
            // Without a connection nothing was exchanged.
            (result.written > 0).then(|| {
                redact::redact_exchange(&result.head_sent(sent.request), captured, &secrets)
            })
        });
    }
}
