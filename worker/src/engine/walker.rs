//! One who walks through a group's steps: a user, or one arrival after
//! another. It asks `http` and tells the recorder, and decides what an answer
//! means: ok, a redirect to follow, a failure.

use super::errors::Failure;
use super::form::Unmade;
use super::http::client::{Ask, Client};
use super::http::connect::Origin;
use super::http::exchange::Ended;
use super::http::h1::is_redirect;
use super::http::redact;
use super::http::redirect::{self, Hop};
use super::http::request::{Parts, Request};
use super::prepare::Label;
use super::recipe::{Made, Recipe, Shape};
use super::recorder::Recorder;
use super::session::Session;
use super::steps::GroupRun;
use super::template::Template;
use dlt_core::sample::{Cause, Outcome, Sample};
use dlt_core::scenario::cut_label;
use dlt_core::scenario::plan::Step;
use std::rc::Rc;

/// How a step ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stepped {
    /// When its last answer was complete.
    pub(super) done_us: u64,
    /// Whether it failed before there was a connection.
    pub(super) unconnected: bool,
}

/// What became of a step.
#[derive(Debug, Clone, Copy)]
pub(super) enum Taken {
    /// It was taken.
    Done(Stepped),
    /// It would have begun at or after its time.
    Over,
    /// Its request cannot be made: the walk ends here.
    Stuck,
}

/// What becomes of an ended exchange.
struct Judged {
    outcome: Outcome,
    failure: Option<Failure>,
    /// Where it goes on.
    hop: Option<Box<Hop>>,
}

impl Judged {
    fn ok(status: u16) -> Self {
        Self {
            outcome: Outcome::ok(status),
            failure: None,
            hop: None,
        }
    }

    fn failed(failure: Failure, status: Option<u16>) -> Self {
        Self {
            outcome: Outcome::failed(failure.cause, status),
            failure: Some(failure),
            hop: None,
        }
    }
}

/// One who walks.
#[derive(Debug)]
pub(super) struct Walker {
    group: Rc<GroupRun>,
    client: Client,
    /// What it knows; None if there is nothing to know.
    session: Option<Box<Session>>,
}

impl Walker {
    /// A walker without connections.
    pub(super) fn new(group: Rc<GroupRun>) -> Self {
        let client = Client::new(group.connector().clone(), group.plan().keepalive);
        let session = group.prepared().names.session();
        Self {
            group,
            client,
            session,
        }
    }

    /// Forgets what an earlier arrival learnt; connections stay.
    pub(super) fn forget(&mut self) {
        if self.session.is_some() {
            self.session = self.group.prepared().names.session();
        }
    }

    /// Takes step `n` with its redirects. `planned_us` is when the plan wanted
    /// it (open load). It does not begin at or after `until_us`.
    pub(super) async fn step(&mut self, n: usize, planned_us: Option<u64>, until_us: u64) -> Taken {
        let group = self.group.clone();
        let ready = &group.prepared().steps[n];
        let step = &group.plan().steps[n];
        let varying;
        let made = match &ready.shape {
            Shape::Fixed(made) => made,
            Shape::Varying(recipe) => match self.make(step, recipe) {
                Some(fresh) => {
                    varying = fresh;
                    &varying
                }
                None => return Taken::Stuck,
            },
        };
        let label = match &ready.label {
            Label::Fixed(label) => *label,
            Label::Varying(template) => self.label(template),
        };
        let mut planned_us = planned_us;
        let mut detour: Option<(Box<Hop>, Rc<Origin>)> = None;
        let mut hops = 0;
        let mut until_us = until_us;
        let mut last = Taken::Over;
        let origin = group.origin(n, made);
        loop {
            let sent_us = group.clock.now_us();
            if sent_us >= until_us {
                return last;
            }
            let (request, origin) = match &detour {
                None => (&made.request, &origin),
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
            let judged = self.judge(step, made, before, &mut ended, hops);
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
            recorder.done(label, &sample, judged.outcome);
            if let Some(failure) = judged.failure {
                self.remember(&mut recorder, label, &ended, failure, request);
            }
            drop(recorder);
            last = Taken::Done(Stepped {
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
            let origin = group.connector().wire.origin(&hop.endpoint);
            detour = Some((hop, origin));
        }
    }

    /// The request of a step for what the session knows now.
    #[cold]
    fn make(&self, step: &Step, recipe: &Recipe) -> Option<Box<Made>> {
        let nothing = Session::default();
        let session = self.session.as_deref().unwrap_or(&nothing);
        let why = match recipe.make(session) {
            Ok(made) => return Some(Box::new(made)),
            Err(Unmade::Missing(slot)) => {
                let name = self.group.prepared().names.name(slot);
                format!("variable {name} had no value")
            }
            Err(Unmade::Wrong(why)) => why,
        };
        self.group.notice(format!(
            "scenario {}: request {:?} was not sent, and the walk ended there: {why}",
            self.group.plan().name,
            step.label
        ));
        None
    }

    /// The index of a label that varies. A variable without value leaves a gap.
    #[cold]
    fn label(&self, template: &Template) -> usize {
        let nothing = Session::default();
        let session = self.session.as_deref().unwrap_or(&nothing);
        let text = template.fill(session).unwrap_or_default();
        let text = text.replace(char::is_control, " ");
        let text = match text.trim() {
            "" => "[empty]",
            text => text,
        };
        let fixed = &self.group.load().labels;
        self.group
            .recorder
            .borrow_mut()
            .label(&cut_label(text), fixed)
    }

    /// What an ended exchange means for the scenario.
    fn judge(
        &self,
        step: &Step,
        made: &Made,
        before: Option<&Hop>,
        ended: &mut Ended,
        hops: u32,
    ) -> Judged {
        if let Some(failure) = ended.failure.take() {
            return Judged::failed(failure, ended.status);
        }
        let status = ended.status.unwrap_or(0);
        if is_redirect(status)
            && step.follow_redirects
            && let Some(location) = ended.location.take()
        {
            if hops >= step.max_redirects {
                let message = format!("more than {} redirects", step.max_redirects);
                let failure = Failure::text(Cause::TooManyRedirects, message);
                return Judged::failed(failure, Some(status));
            }
            return match self.next_hop(step, made, before, status, &location) {
                Ok(hop) => Judged {
                    hop: Some(Box::new(hop)),
                    ..Judged::ok(status)
                },
                Err(why) => Judged::failed(Failure::text(Cause::Protocol, why), Some(status)),
            };
        }
        if step.expect_status.contains(status) {
            return Judged::ok(status);
        }
        Judged::failed(Failure::status(status), Some(status))
    }

    #[cold]
    fn next_hop(
        &self,
        step: &Step,
        made: &Made,
        before: Option<&Hop>,
        status: u16,
        location: &[u8],
    ) -> Result<Hop, String> {
        let body = made.body.as_ref();
        let keepalive = self.group.plan().keepalive;
        let parts = match before {
            None => Parts {
                method: &step.method,
                url: &made.url,
                headers: &made.headers,
                body,
                keepalive,
            },
            Some(hop) => Parts {
                method: &hop.method,
                url: &hop.url,
                headers: &hop.headers,
                body: body.filter(|_| hop.with_body),
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
            (ended.written > 0).then(|| {
                let secrets = self.group.prepared().secrets.now(self.session.as_deref());
                redact::exchange(request.head(), seen, &secrets)
            })
        });
    }
}
