//! Streams of messages in a walk: a step opens one, further steps send and receive on it, and the
//! flow closes it. Each of these is a sample; what goes over the wire is `http::messages`'.

use super::{Sent, SentRequest, StepEnd, StepOutcome, Walker};
use crate::engine::failure::{Failure, duration_text};
use crate::engine::http::connect::{Connector, Opened};
use crate::engine::http::exchange_result::ExchangeResult;
use crate::engine::http::kept::KeptResponse;
use crate::engine::http::messages::{self, Arrival, OpenStream, Payload, Received};
use crate::engine::http::request::Request;
use crate::engine::http::request_spec::RequestSpec;
use crate::engine::make::form::MakeError;
use crate::engine::make::messages::MessageTemplate;
use crate::engine::make::request_template::StepRequest;
use crate::engine::make::session::Session;
use crate::engine::walk::group::GroupRun;
use crate::engine::walk::judgement::Judgement;
use dlt_core::measure::sample::{Cause, Outcome, Timed};
use dlt_core::measure::tally::LONGEST_EXCHANGE_BYTES;
use dlt_core::scenario::plan::{Retry, StepKind, StreamKind};
use std::rc::Rc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// What a message step came to.
struct Exchanged {
    /// When it was sent, and the awaited one received or it was clear that none comes.
    done: Arrival,
    /// The text that was waited for.
    text: Option<Vec<u8>>,
    failure: Option<Failure>,
}

/// How much earlier than what was sent a message must have come to be none of its answers, by its stamp
/// alone, µs.
const CLOCK_STEP_US: u64 = 1_000;

impl Walker {
    /// Whether a stream of messages is open.
    pub(super) fn has_stream(&self) -> bool {
        self.stream.is_some()
    }

    /// Waits until `at_us`; meanwhile an open stream is read, and answers pings. With one it waits no longer
    /// than to the end of the load, so that its target is told.
    pub(crate) async fn pause_until(&mut self, at_us: u64) {
        let clock = self.group.clock;
        if clock.now_us() >= at_us {
            return;
        }
        let over = sleep_until(clock.instant_at(at_us));
        match &mut self.stream {
            None => over.await,
            Some(stream) => {
                let group = &self.group;
                Box::pin(async {
                    tokio::select! {
                        () = over => {}
                        () = stream.pump() => {}
                        () = group.is_over() => {}
                    }
                })
                .await;
            }
        }
    }

    /// Ends a walk that is cut, because the load ends: an open stream is told so.
    pub(crate) async fn cut(&mut self) {
        if let Some(mut stream) = self.stream.take() {
            Box::pin(stream.let_go()).await;
        }
    }

    /// Takes a step that opens a stream, or one of its messages.
    pub(super) async fn stream_step(
        &mut self,
        n: usize,
        planned_us: Option<u64>,
        until_us: u64,
    ) -> StepOutcome {
        let group = self.group.clone();
        if group.clock.now_us() >= until_us {
            return StepOutcome::PastEnd;
        }
        let step = &group.plan().steps[n];
        match (&step.kind, &group.prepared().steps[n].request) {
            (StepKind::Opening(kind), _) => self.open_stream(n, *kind, planned_us, until_us).await,
            (StepKind::Message(_), StepRequest::Message(template)) => {
                match self.made_message(template) {
                    Ok((payload, holding)) => {
                        let awaited = (template.awaits, holding);
                        self.message(n, payload, awaited, planned_us).await
                    }
                    Err(why) => self.fail_unmade(n, why, planned_us, until_us),
                }
            }
            // The request of a step is of its kind.
            _ => StepOutcome::PastEnd,
        }
    }

    /// A message with the session's values, and what the awaited one has to hold.
    fn made_message(
        &self,
        template: &MessageTemplate,
    ) -> Result<(Option<Payload>, Option<String>), String> {
        let nothing = Session::default();
        let session = self.session.as_deref().unwrap_or(&nothing);
        let made = template
            .payload(session)
            .and_then(|payload| Ok((payload, template.holding(session)?)));
        made.map_err(|error| match error {
            MakeError::NoValue(slot) => {
                let name = self.group.prepared().names.name(slot);
                format!("the message was not sent: variable {name} had no value")
            }
            MakeError::Invalid(why) => format!("the message was not sent: {why}"),
        })
    }

    async fn open_stream(
        &mut self,
        n: usize,
        kind: StreamKind,
        planned_us: Option<u64>,
        until_us: u64,
    ) -> StepOutcome {
        let group = self.group.clone();
        let (prepared, step) = (&group.prepared().steps[n], &group.plan().steps[n]);
        self.stream = None;
        let varying;
        let made = match &prepared.request {
            StepRequest::Fixed(made) => made,
            StepRequest::Varying(template) => match self.make_request(template) {
                Ok(made) => {
                    varying = made;
                    &varying
                }
                Err(why) => return self.fail_unmade(n, why, planned_us, until_us),
            },
            StepRequest::Message(_) => return StepOutcome::PastEnd,
        };
        let label = self.label_index(&prepared.label);
        let sent_us = group.clock.now_us();
        let with_cookies = self.with_cookies(&made.request, || made.url(), sent_us);
        let request = with_cookies.as_deref().unwrap_or(&made.request);
        let due_us = self.begin(&group, 0, (planned_us, sent_us));
        let connector = group.stream_connector().clone();
        let spec = RequestSpec {
            origin: &connector.origin(&made.endpoint),
            request,
            h2_head: None,
            expect: &step.expect_status,
            timeouts: &step.timeouts,
            keep: prepared.checks.keep,
            has_checks: false,
            may_resend: group.plan().load.retry == Retry::Safe,
            sent_us,
        };
        let (mut result, stream) = self.opened(&group, kind, (&connector, &spec)).await;
        if let Some(kept) = &result.kept
            && result.failure.is_none()
            && !kept.cookies.is_empty()
        {
            result.failure = self.keep_cookies(made.url(), kept, result.read_us);
        }
        self.stream = stream.filter(|_| result.failure.is_none());
        let sent = SentRequest {
            n,
            label,
            what: Sent::Request(made),
            redirect: None,
            hops: 0,
            request,
            due_us,
            sent_us,
            closed: planned_us.is_none(),
        };
        let judgement = match result.failure.take() {
            Some(failure) => Judgement::failed(failure, result.status),
            None => Judgement::ok(result.status.unwrap_or(0)),
        };
        let end = StepEnd::of(&result);
        self.conclude(&group, &sent, &result, judgement);
        StepOutcome::Done(end)
    }

    /// Connects and opens a stream.
    async fn opened(
        &mut self,
        group: &GroupRun,
        kind: StreamKind,
        (connector, spec): (&Connector, &RequestSpec<'_>),
    ) -> (ExchangeResult, Option<Box<OpenStream>>) {
        group.request_began();
        let opened = self.client.connect_alone(connector, spec).await;
        let opened = match opened {
            Ok((Opened::H1(connection), connected_us)) => {
                group.recorder().request_sent();
                let captured = &mut self.client.captured;
                let to_open = (kind, connected_us);
                messages::open(connection, to_open, spec, captured, &connector.io).await
            }
            // Nothing but HTTP/1.1 is offered.
            Ok((Opened::H2(_), _)) => {
                group.recorder().request_sent();
                let failure = Failure::new(Cause::Protocol, "the target chose HTTP/2 unasked");
                (
                    ExchangeResult::unconnected(group.clock.now_us(), failure),
                    None,
                )
            }
            Err(result) => {
                group.recorder().request_unconnected();
                (result, None)
            }
        };
        group.request_ended();
        opened
    }

    /// Sends a message, waits for one, or both.
    async fn message(
        &mut self,
        n: usize,
        payload: Option<Payload>,
        (awaits, holding): (bool, Option<String>),
        planned_us: Option<u64>,
    ) -> StepOutcome {
        let group = self.group.clone();
        let step = &group.plan().steps[n];
        let Some(mut stream) = self.stream.take() else {
            return StepOutcome::PastEnd;
        };
        let label = self.label_index(&group.prepared().steps[n].label);
        let sent_us = group.clock.now_us();
        let shown = shown(payload.as_ref(), &step.url);
        let closed = planned_us.is_none();
        // One that is only received is measured from the one before it.
        let planned_us = match &payload {
            Some(_) => planned_us,
            None => Some(stream.last_us.min(sent_us)),
        };
        let due_us = self.begin(&group, 0, (planned_us, sent_us));
        group.request_began();
        group.recorder().request_sent();
        stream.address.count_request();
        let limit = Duration::from_micros(step.timeouts.total_us);
        let is_sent = payload.is_some();
        let wait = awaits.then_some(holding.as_deref());
        let exchanged = exchange(&group, &mut stream, payload, wait, (sent_us, limit)).await;
        group.request_ended();
        stream.last_us = exchanged.done.done_us;
        let (received, written) = stream.new_bytes();
        // What did not come has no end that a stamp could tell.
        let has_come = exchanged.text.is_some();
        self.capture(exchanged.text.as_deref().unwrap_or_default());
        let kept = KeptResponse::of_message(exchanged.text.unwrap_or_default());
        let judgement = match exchanged.failure {
            Some(failure) => Judgement::failed(failure, None),
            None => {
                // What is wrong with a text leaves its stream as it is.
                self.stream = Some(stream);
                self.judge_message(&group, n, awaits, &kept)
            }
        };
        let result = ExchangeResult {
            first_byte_us: None,
            done_us: exchanged.done.done_us,
            read_us: exchanged.done.read_us,
            timed: has_come.then_some(exchanged.done.timed),
            received,
            written: written.max(u64::from(is_sent)),
            kept: Some(Box::new(kept)),
            ..ExchangeResult::over(exchanged.done.read_us)
        };
        let sent = SentRequest {
            n,
            label,
            what: Sent::Message(&step.url),
            redirect: None,
            hops: 0,
            request: &shown,
            due_us,
            sent_us,
            closed,
        };
        self.conclude(&group, &sent, &result, judgement);
        StepOutcome::Done(StepEnd {
            // It may have been read long before somebody waited for it.
            read_us: exchanged.done.read_us.max(sent_us),
            unconnected: false,
        })
    }

    /// Shows people the beginning of a text.
    fn capture(&mut self, text: &[u8]) {
        let length = text.len().min(LONGEST_EXCHANGE_BYTES);
        self.client.captured.clear();
        self.client.captured.extend_from_slice(&text[..length]);
    }

    /// Checks a message, and takes values out of it.
    fn judge_message(
        &mut self,
        group: &Rc<GroupRun>,
        n: usize,
        awaits: bool,
        kept: &KeptResponse,
    ) -> Judgement {
        let ok = Judgement {
            outcome: Outcome {
                status: None,
                cause: None,
            },
            ..Judgement::ok(0)
        };
        if !awaits || !group.prepared().steps[n].checks.has_checks {
            return ok;
        }
        match self.run_checks(group, n, 0, Some(kept)) {
            Ok(values) => Judgement { values, ..ok },
            Err(failure) => Judgement::failed(failure, None),
        }
    }

    /// Closes the stream that step `n` opened, which is a sample if it is a WebSocket.
    pub(crate) async fn close_stream(&mut self, n: usize) {
        let group = self.group.clone();
        let Some(mut stream) = self.stream.take() else {
            return;
        };
        let (prepared, step) = (&group.prepared().steps[n], &group.plan().steps[n]);
        let Some(label) = &prepared.close_label else {
            return;
        };
        let label = self.label_index(label);
        let sent_us = group.clock.now_us();
        let due_us = self.begin(&group, 0, (None, sent_us));
        group.request_began();
        group.recorder().request_sent();
        stream.address.count_request();
        let limit = Duration::from_micros(step.timeouts.total_us);
        let closed = tokio::time::timeout(limit, stream.close()).await;
        group.request_ended();
        let now_us = group.clock.now_us();
        let closed = closed.unwrap_or_else(|_| {
            let message = format!(
                "the target did not close the WebSocket within {}",
                duration_text(step.timeouts.total_us)
            );
            Err(Failure::new(Cause::TimeoutFirstByte, message))
        });
        let (received, written) = stream.new_bytes();
        let (done, failure) = match closed {
            Ok(done) => (done, None),
            Err(failure) => (at(now_us), Some(failure)),
        };
        self.client.captured.clear();
        let timed = failure.is_none().then_some(done.timed);
        let judgement = match failure {
            Some(failure) => Judgement::failed(failure, None),
            None => Judgement {
                outcome: Outcome {
                    status: None,
                    cause: None,
                },
                ..Judgement::ok(0)
            },
        };
        let result = ExchangeResult {
            done_us: done.done_us.max(sent_us),
            read_us: done.read_us.max(sent_us),
            timed,
            received,
            written: written.max(1),
            ..ExchangeResult::over(now_us)
        };
        let sent = SentRequest {
            n,
            label,
            what: Sent::Message(&step.url),
            redirect: None,
            hops: 0,
            request: &Request::of_message("[end of the WebSocket, code 1000]", &[]),
            due_us,
            sent_us,
            closed: true,
        };
        self.conclude(&group, &sent, &result, judgement);
    }
}

/// An instant that the engine saw itself.
fn at(now_us: u64) -> Arrival {
    Arrival {
        done_us: now_us,
        read_us: now_us,
        timed: Timed::Missing,
    }
}

/// Sends what there is to send, and waits for a message that holds a text, or for any. What came
/// before something was sent is no answer to it.
async fn exchange(
    group: &GroupRun,
    stream: &mut OpenStream,
    payload: Option<Payload>,
    wait: Option<Option<&str>>,
    (sent_us, limit): (u64, Duration),
) -> Exchanged {
    let until = Instant::now() + limit;
    let mut passed_over = 0u64;
    let is_sent = payload.is_some();
    let exchange = async {
        if let Some(payload) = payload {
            stream.send(payload).await?;
        }
        let Some(holding) = wait else {
            return Ok(None);
        };
        loop {
            let received = stream.next().await?;
            // A stamp may be off a little where the clock was set.
            let is_older = received.arrival.done_us + CLOCK_STEP_US < sent_us;
            if is_sent && (received.arrival.read_us < sent_us || is_older) {
                came_before(group);
                continue;
            }
            match holding {
                Some(text) if !holds(&received, text) => passed_over += 1,
                _ => return Ok(Some(received)),
            }
        }
    };
    let exchanged = tokio::time::timeout_at(until, exchange).await;
    let now = at(group.clock.now_us());
    let failed = |failure: Failure| Exchanged {
        done: now,
        text: None,
        failure: Some(failure),
    };
    match exchanged {
        Ok(Ok(Some(Received { text, arrival }))) => Exchanged {
            done: arrival,
            text: Some(text),
            failure: None,
        },
        Ok(Ok(None)) => Exchanged {
            done: now,
            text: None,
            failure: None,
        },
        Ok(Err(failure)) => failed(failure),
        Err(_) => {
            let others = match passed_over {
                0 => "",
                _ => "; others came, which do not hold what it waits for",
            };
            let limit = duration_text(limit.as_micros() as u64);
            let message = format!("no message came within {limit}{others}");
            failed(Failure::new(Cause::TimeoutFirstByte, message))
        }
    }
}

#[cold]
fn came_before(group: &GroupRun) {
    group.notice(format!(
        "scenario {}: a message had come before the one was sent that it might answer, and was passed over; a receive in front of the send takes it",
        group.plan().name
    ));
}

fn holds(received: &Received, text: &str) -> bool {
    memchr::memmem::find(&received.text, text.as_bytes()).is_some()
}

/// A message as people see it.
fn shown(payload: Option<&Payload>, url: &url::Url) -> Request {
    match payload {
        Some(Payload::Text(text)) => {
            Request::of_message(&format!("[message to {url}]\r\n\r\n{text}"), &[])
        }
        Some(Payload::Binary(bytes)) => {
            let what = format!("[message to {url}, {} bytes]", bytes.len());
            Request::of_message(&what, &[])
        }
        None => Request::of_message(&format!("[waiting for a message of {url}]"), &[]),
    }
}
