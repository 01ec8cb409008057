//! One who walks through a group's steps: a user, or one arrival after
//! another. It asks `http` and tells the recorder, and decides what an answer
//! means: ok, a redirect to follow, a failure.

use crate::engine::check::cookies::Jar;
use crate::engine::failure::Failure;
use crate::engine::http::decode;
use crate::engine::http::exchange::Ended;
use crate::engine::http::h1::is_redirect;
use crate::engine::http::kept::Kept;
use crate::engine::http::origin::Origin;
use crate::engine::http::redact;
use crate::engine::http::redirect::{self, Hop};
use crate::engine::http::request::{Parts, Request};
use crate::engine::http::{ask::Ask, client::Client};
use crate::engine::make::form::Unmade;
use crate::engine::make::recipe::{Made, Recipe, Shape};
use crate::engine::make::session::Session;
use crate::engine::make::template::Template;
use crate::engine::remember::recorder::{Finished, Recorder};
use crate::engine::walk::group::GroupRun;
use crate::engine::walk::prepare::Label;
use dlt_core::measure::sample::{Cause, Outcome, Sample};
use dlt_core::scenario::cut_label;
use dlt_core::scenario::plan::{Retry, Step};
use std::rc::Rc;
use url::Url;

/// How a step ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stepped {
    /// When its last answer was read, or it failed.
    pub(crate) read_us: u64,
    /// Whether it failed before there was a connection.
    pub(crate) unconnected: bool,
}

impl Stepped {
    fn of(ended: &Ended) -> Self {
        Self {
            read_us: ended.read_us,
            unconnected: ended.unconnected,
        }
    }
}

/// What became of a step.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Taken {
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
    /// What was taken out of it.
    values: Vec<(usize, String)>,
}

/// One request of a step, the first or that of a redirect.
struct Leg<'a> {
    /// The step.
    n: usize,
    label: usize,
    /// The step's own request.
    made: &'a Made,
    /// The redirect that led here.
    before: Option<&'a Hop>,
    hops: u32,
    /// As it was sent.
    request: &'a Request,
    url: &'a Url,
    due_us: u64,
    sent_us: u64,
    /// A user of closed load waits for it.
    closed: bool,
}

impl Judged {
    fn ok(status: u16) -> Self {
        Self {
            outcome: Outcome::ok(status),
            failure: None,
            hop: None,
            values: Vec::new(),
        }
    }

    fn failed(failure: Failure, status: Option<u16>) -> Self {
        Self {
            outcome: Outcome::failed(failure.cause, status),
            failure: Some(failure),
            hop: None,
            values: Vec::new(),
        }
    }
}

/// One who walks.
#[derive(Debug)]
pub(crate) struct Walker {
    group: Rc<GroupRun>,
    client: Client,
    /// What it knows; None if there is nothing to know.
    session: Option<Box<Session>>,
    cookies: Jar,
}

impl Walker {
    /// A walker without connections.
    pub(crate) fn new(group: Rc<GroupRun>) -> Self {
        let client = Client::new(group.connector().clone(), group.plan().keepalive);
        let session = group.prepared().names.session();
        Self {
            group,
            client,
            session,
            cookies: Jar::default(),
        }
    }

    /// Forgets what an earlier arrival learnt; connections stay.
    pub(crate) fn forget(&mut self) {
        if self.session.is_some() {
            self.session = self.group.prepared().names.session();
        }
        self.cookies.clear();
    }

    /// Takes the next row of each data source; the path of one that has no more.
    #[inline]
    pub(crate) fn next_row(&mut self) -> Result<(), String> {
        for deal in self.group.deals() {
            let row = deal.take().ok_or_else(|| deal.path.clone())?;
            if let Some(session) = &mut self.session {
                row.for_each(|(slot, value)| session.set(slot, value));
            }
        }
        Ok(())
    }

    /// Takes step `n` with its redirects. `planned_us` is when the plan wanted
    /// it (open load). It does not begin at or after `until_us`.
    pub(crate) async fn step(&mut self, n: usize, planned_us: Option<u64>, until_us: u64) -> Taken {
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
        let label = self.label(&ready.label);
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
            let (request, origin, url) = match &detour {
                None => (&made.request, &origin, &made.url),
                Some((hop, origin)) => (&hop.request, origin, &hop.url),
            };
            let with_cookies = self.with_cookies(request, url, sent_us);
            let request = with_cookies.as_deref().unwrap_or(request);
            // What the plan itself wanted is an arrival's first request alone.
            let arrival_us = planned_us.filter(|_| n == 0 && hops == 0);
            group.recorder.borrow_mut().begun(arrival_us, sent_us);
            let ask = Ask {
                origin,
                request,
                expect: &step.expect_status,
                timeouts: &step.timeouts,
                wants: ready.reads.wants,
                shown: ready.reads.shown,
                resends: group.plan().load.retry == Retry::Safe,
                sent_us,
            };
            let ended = self.send(&group, &ask).await;
            last = Taken::Done(Stepped::of(&ended));
            let read_us = ended.read_us;
            let leg = Leg {
                n,
                label,
                made,
                before: detour.as_ref().map(|(hop, _)| &**hop),
                hops,
                request,
                url,
                due_us: planned_us.unwrap_or(sent_us),
                sent_us,
                closed: planned_us.is_none(),
            };
            let Some(hop) = self.arrived(&group, &leg, ended) else {
                return last;
            };
            // The second hop is due when the first was read.
            planned_us = planned_us.map(|_| read_us);
            // An arrival that may begin late may not hop late.
            until_us = until_us.min(group.end_us.get());
            hops += 1;
            let origin = group.connector().origin(&hop.endpoint);
            detour = Some((hop, origin));
        }
    }

    /// Sends a request and waits for its end; the recorder is told whether
    /// there was a connection for it.
    #[inline]
    async fn send(&mut self, group: &GroupRun, ask: &Ask<'_>) -> Ended {
        group.begin();
        let ended = match self.client.connect(ask).await {
            Ok((connection, connected_us)) => {
                group.recorder.borrow_mut().sent();
                self.client.exchange(connection, connected_us, ask).await
            }
            Err(ended) => {
                group.recorder.borrow_mut().unconnected();
                ended
            }
        };
        group.end();
        ended
    }

    /// Takes in how a leg ended: tells the recorder, keeps cookies and values.
    /// Where it goes on, if it does.
    #[inline]
    fn arrived(&mut self, group: &GroupRun, leg: &Leg<'_>, mut ended: Ended) -> Option<Box<Hop>> {
        if let Some(kept) = &ended.kept
            && !kept.cookies.is_empty()
        {
            self.cookies.store(leg.url, &kept.cookies, ended.read_us);
        }
        let judged = self.judge(group, leg, &mut ended);
        let sample = Sample {
            due_us: leg.due_us,
            sent_us: leg.sent_us,
            connected_us: ended.connected_us,
            first_byte_us: ended.first_byte_us,
            done_us: ended.done_us,
            read_us: ended.read_us,
            timed: ended.timed,
            bytes_received: ended.received,
            bytes_sent: ended.written,
        };
        let mut recorder = group.recorder.borrow_mut();
        recorder.done(&Finished {
            label: leg.label,
            sample: &sample,
            outcome: judged.outcome,
            closed: leg.closed,
            resent: ended.resent,
        });
        if let Some(failure) = judged.failure {
            self.remember(&mut recorder, leg, &ended, failure);
        }
        drop(recorder);
        if judged.hop.is_none() && group.prepared().steps[leg.n].reads.sets() {
            self.learn(leg.n, judged.values);
        }
        judged.hop
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

    #[inline]
    fn label(&self, label: &Label) -> usize {
        match label {
            Label::Fixed(label) => *label,
            Label::Varying(template) => self.varying_label(template),
        }
    }

    /// The index of a label that varies. A variable without value leaves none.
    #[cold]
    fn varying_label(&self, template: &Template) -> usize {
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
    #[inline]
    fn judge(&mut self, group: &GroupRun, leg: &Leg<'_>, ended: &mut Ended) -> Judged {
        let n = leg.n;
        let step = &group.plan().steps[n];
        if let Some(failure) = ended.failure.take() {
            return Judged::failed(failure, ended.status);
        }
        let status = ended.status.unwrap_or(0);
        if is_redirect(status)
            && step.follow_redirects
            && let Some(location) = ended.location.take()
        {
            if leg.hops >= step.max_redirects {
                let message = format!("more than {} redirects", step.max_redirects);
                let failure = Failure::text(Cause::TooManyRedirects, message);
                return Judged::failed(failure, Some(status));
            }
            return match self.next_hop(leg, status, &location) {
                Ok(hop) => Judged {
                    hop: Some(Box::new(hop)),
                    ..Judged::ok(status)
                },
                Err(why) => Judged::failed(Failure::text(Cause::Protocol, why), Some(status)),
            };
        }
        if !step.expect_status.contains(status) {
            return Judged::failed(Failure::status(status), Some(status));
        }
        if !group.prepared().steps[n].reads.shown {
            return Judged::ok(status);
        }
        match self.read(group, n, status, ended.kept.as_deref()) {
            Ok(values) => Judged {
                values,
                ..Judged::ok(status)
            },
            Err(failure) => Judged::failed(failure, Some(status)),
        }
    }

    /// Checks an answer whose status is ok and takes values out of it.
    #[cold]
    fn read(
        &mut self,
        group: &GroupRun,
        n: usize,
        status: u16,
        kept: Option<&Kept>,
    ) -> Result<Vec<(usize, String)>, Failure> {
        let nothing = Kept::default();
        let kept = kept.unwrap_or(&nothing);
        let reads = &group.prepared().steps[n].reads;
        let read = reads.read(group.tries(n), status, kept, &|| self.secrets());
        if read.is_err() {
            decode::show(&mut self.client.seen, kept);
        }
        read
    }

    /// Sets the variables of a step: what its answer does not give must not
    /// stay an older one's.
    #[cold]
    fn learn(&mut self, n: usize, values: Vec<(usize, String)>) {
        if let Some(session) = &mut self.session {
            self.group.prepared().steps[n].reads.forget(session);
            for (slot, value) in values {
                session.set(slot, &value);
            }
        }
    }

    /// The same request with the user's cookies, if any go there.
    #[inline]
    fn with_cookies(&self, request: &Request, url: &Url, now_us: u64) -> Option<Box<Request>> {
        if self.cookies.is_empty() {
            return None;
        }
        let header = self.cookies.header(url, now_us)?;
        Some(Box::new(request.with_cookies(&header)))
    }

    /// Every value that nobody may read, the longest first.
    fn secrets(&self) -> Vec<&str> {
        let secrets = &self.group.prepared().secrets;
        secrets.now(self.session.as_deref(), self.cookies.values())
    }

    #[cold]
    fn next_hop(&self, leg: &Leg<'_>, status: u16, location: &[u8]) -> Result<Hop, String> {
        let made = leg.made;
        let body = made.body.as_ref();
        let plan = self.group.plan();
        let keepalive = plan.keepalive;
        let parts = match leg.before {
            None => Parts {
                method: &plan.steps[leg.n].method,
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
    fn remember(&self, recorder: &mut Recorder, leg: &Leg<'_>, ended: &Ended, failure: Failure) {
        let seen = &self.client.seen;
        recorder.error(leg.label, ended.done_us, failure, || {
            // Before there was a connection nothing was exchanged.
            (ended.written > 0).then(|| redact::exchange(leg.request.head(), seen, &self.secrets()))
        });
    }
}
