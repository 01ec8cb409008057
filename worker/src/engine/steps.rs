//! A walker's way through a group's steps: it asks `http` and tells the
//! recorder. Here it is decided what an answer means: ok, a redirect to follow,
//! a failure. When steps are taken is the users' and arrivals' affair.

use super::clock::Clock;
use super::errors::Failure;
use super::http::client::{Ask, Client};
use super::http::connect::{Connector, Origin};
use super::http::exchange::Ended;
use super::http::h1::is_redirect;
use super::http::redact;
use super::http::redirect::{self, Hop};
use super::http::request::{Parts, Request};
use super::prepare::{Prepared, PreparedGroup};
use super::recorder::Recorder;
use dlt_core::sample::{Cause, Outcome, Sample};
use dlt_core::scenario::plan::{Group, Step};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::Notify;

/// A group as one thread runs it.
#[derive(Debug)]
pub(super) struct GroupRun {
    pub(super) clock: Clock,
    pub(super) recorder: Rc<RefCell<Recorder>>,
    prepared: Arc<Prepared>,
    pub(super) index: usize,
    connector: Rc<Connector>,
    origins: Vec<Rc<Origin>>,
    /// No request begins from here on; the planned end, or when it was stopped.
    pub(super) end_us: Cell<u64>,
    in_flight: Cell<u64>,
    /// Arrivals handed to a walker that has not begun with them.
    handed: Cell<u64>,
    /// Told when the last request in flight has ended.
    pub(super) calm: Notify,
}

/// How a step ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stepped {
    /// When its last answer was complete.
    pub(super) done_us: u64,
    /// Whether it failed before there was a connection.
    pub(super) unconnected: bool,
}

/// What becomes of an ended exchange.
struct Judged {
    outcome: Outcome,
    failure: Option<Failure>,
    /// Where it goes on.
    hop: Option<Box<Hop>>,
}

impl GroupRun {
    /// Group `index` of a prepared load on the thread of `connector`.
    pub(super) fn new(
        prepared: Arc<Prepared>,
        index: usize,
        connector: Connector,
        recorder: Rc<RefCell<Recorder>>,
    ) -> Self {
        let origins = prepared.groups[index]
            .steps
            .iter()
            .map(|step| connector.wire.origin(&step.endpoint))
            .collect();
        let end_us = prepared.plan.groups[index].load.model.curve().end_us();
        Self {
            clock: connector.wire.clock,
            recorder,
            prepared,
            index,
            connector: Rc::new(connector),
            origins,
            end_us: Cell::new(end_us),
            in_flight: Cell::new(0),
            handed: Cell::new(0),
            calm: Notify::new(),
        }
    }

    /// The group in the plan.
    pub(super) fn plan(&self) -> &Group {
        &self.prepared.plan.groups[self.index]
    }

    fn prepared(&self) -> &PreparedGroup {
        &self.prepared.groups[self.index]
    }

    /// The load that it belongs to.
    pub(super) fn load(&self) -> &Prepared {
        &self.prepared
    }

    /// An arrival is handed to a walker, who may get to it only later.
    pub(super) fn hand_over(&self) {
        self.handed.set(self.handed.get() + 1);
    }

    /// The walker has it and sends its first request before anything else.
    pub(super) fn taken(&self) {
        self.handed.set(self.handed.get() - 1);
    }

    /// Whether no request is in flight or about to be.
    pub(super) fn is_calm(&self) -> bool {
        self.in_flight.get() == 0 && self.handed.get() == 0
    }

    fn begin(&self) {
        self.in_flight.set(self.in_flight.get() + 1);
    }

    fn end(&self) {
        self.in_flight.set(self.in_flight.get() - 1);
        if self.in_flight.get() == 0 {
            self.calm.notify_one();
        }
    }
}

/// One who walks: a user, or one arrival after another.
#[derive(Debug)]
pub(super) struct Walker {
    group: Rc<GroupRun>,
    client: Client,
}

impl Walker {
    /// A walker without connections.
    pub(super) fn new(group: Rc<GroupRun>) -> Self {
        let client = Client::new(group.connector.clone(), group.plan().keepalive);
        Self { group, client }
    }

    /// Takes step `n` with its redirects. `planned_us` is when the plan wanted
    /// it (open load). None if it would begin at or after `until_us`.
    pub(super) async fn step(
        &mut self,
        n: usize,
        planned_us: Option<u64>,
        until_us: u64,
    ) -> Option<Stepped> {
        let group = self.group.clone();
        let ready = &group.prepared().steps[n];
        let step = &group.plan().steps[n];
        let mut planned_us = planned_us;
        let mut detour: Option<(Box<Hop>, Rc<Origin>)> = None;
        let mut hops = 0;
        let mut until_us = until_us;
        let mut last = None;
        loop {
            let sent_us = group.clock.now_us();
            if sent_us >= until_us {
                return last;
            }
            let (request, origin) = match &detour {
                None => (&ready.request, &group.origins[n]),
                Some((hop, origin)) => (&hop.request, origin),
            };
            // What the plan itself wanted is an arrival's first request alone.
            let arrival_us = planned_us.filter(|_| n == 0 && hops == 0);
            group.recorder.borrow_mut().sent(arrival_us, sent_us);
            group.begin();
            let ask = Ask {
                origin,
                request,
                expect: &step.expect_status,
                timeouts: &step.timeouts,
                sent_us,
            };
            let mut ended = self.client.exchange(ask).await;
            group.end();
            let before = detour.as_ref().map(|(hop, _)| &**hop);
            let judged = self.judge(n, step, before, &mut ended, hops);
            let sample = Sample {
                due_us: planned_us.unwrap_or(sent_us),
                sent_us,
                connected_us: ended.connected_us,
                first_byte_us: ended.first_byte_us,
                done_us: ended.done_us,
                bytes_received: ended.received,
                bytes_sent: ended.written,
            };
            let mut recorder = group.recorder.borrow_mut();
            recorder.done(ready.label, &sample, judged.outcome);
            if let Some(failure) = judged.failure {
                self.remember(&mut recorder, ready.label, &ended, failure, request);
            }
            drop(recorder);
            last = Some(Stepped {
                done_us: ended.done_us,
                unconnected: ended.written == 0 && ended.connected_us.is_none(),
            });
            let Some(hop) = judged.hop else {
                return last;
            };
            // The second hop is due when the first was done.
            planned_us = planned_us.map(|_| ended.done_us);
            // An arrival that may begin late may not hop late.
            until_us = until_us.min(group.end_us.get());
            hops += 1;
            let origin = group.connector.wire.origin(&hop.endpoint);
            detour = Some((hop, origin));
        }
    }

    /// What an ended exchange means for the scenario.
    fn judge(
        &self,
        n: usize,
        step: &Step,
        before: Option<&Hop>,
        ended: &mut Ended,
        hops: u32,
    ) -> Judged {
        let failed = |failure: Failure, status| Judged {
            outcome: Outcome::failed(failure.cause, status),
            failure: Some(failure),
            hop: None,
        };
        if let Some(failure) = ended.failure.take() {
            return failed(failure, ended.status);
        }
        let status = ended.status.unwrap_or(0);
        if is_redirect(status)
            && step.follow_redirects
            && let Some(location) = ended.location.take()
        {
            if hops >= step.max_redirects {
                let message = format!("more than {} redirects", step.max_redirects);
                let failure = Failure::text(Cause::TooManyRedirects, message);
                return failed(failure, Some(status));
            }
            return match self.next_hop(n, step, before, status, &location) {
                Ok(hop) => Judged {
                    outcome: Outcome::ok(status),
                    failure: None,
                    hop: Some(Box::new(hop)),
                },
                Err(why) => failed(Failure::text(Cause::Protocol, why), Some(status)),
            };
        }
        if step.expect_status.contains(status) {
            return Judged {
                outcome: Outcome::ok(status),
                failure: None,
                hop: None,
            };
        }
        failed(Failure::status(status), Some(status))
    }

    #[cold]
    fn next_hop(
        &self,
        n: usize,
        step: &Step,
        before: Option<&Hop>,
        status: u16,
        location: &[u8],
    ) -> Result<Hop, String> {
        let body = &self.group.prepared().steps[n].body;
        let keepalive = self.group.plan().keepalive;
        let parts = match before {
            None => Parts {
                method: &step.method,
                url: &step.url,
                headers: &step.headers,
                body,
                keepalive,
            },
            Some(hop) => Parts {
                method: &hop.method,
                url: &hop.url,
                headers: &hop.headers,
                body: if hop.with_body { body } else { &[] },
                keepalive,
            },
        };
        redirect::follow(&parts, status, location)
    }

    #[cold]
    fn remember(
        &self,
        recorder: &mut Recorder,
        label: usize,
        ended: &Ended,
        failure: Failure,
        request: &Request,
    ) {
        let seen = &self.client.seen;
        recorder.error(label, ended.done_us, failure, || {
            // Before there was a connection nothing was exchanged.
            (ended.written > 0)
                .then(|| redact::exchange(&request.bytes[..request.head_bytes], seen))
        });
    }
}
