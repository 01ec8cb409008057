//! Walks through a group's steps, for a user or for one arrival after another. It sends requests by
//! `http`, decides what an answer means (ok, a redirect to follow, a failure), and records it.
//! A request that cannot be made is `unmade`'s, messages are `streams`'.

mod exchanges;
mod flow;
mod hops;
mod sent;
mod streams;
mod unmade;

pub(crate) use self::flow::{Action, EMPTY_PASS_US};

use self::flow::Progress;
use self::sent::{Sent, SentRequest};
use crate::engine::check::cookies::CookieJar;
use crate::engine::failure::Failure;
use crate::engine::http::connect::Opened;
use crate::engine::http::decode;
use crate::engine::http::exchange_result::ExchangeResult;
use crate::engine::http::framing::is_redirect;
use crate::engine::http::kept::KeptResponse;
use crate::engine::http::messages::OpenStream;
use crate::engine::http::origin::Origin;
use crate::engine::http::redirect::Hop;
use crate::engine::http::request::Request;
use crate::engine::http::{client::Client, request_spec::RequestSpec};
use crate::engine::make::request_template::StepRequest;
use crate::engine::make::session::Session;
use crate::engine::make::template::Template;
use crate::engine::memory::no_memory;
use crate::engine::remember::recorder::FinishedRequest;
use crate::engine::walk::group::GroupRun;
use crate::engine::walk::judgement::Judgement;
use crate::engine::walk::prepare::Label;
use dlt_core::measure::sample::{Cause, Sample};
use dlt_core::random::Stream;
use dlt_core::scenario::cut_label;
use dlt_core::scenario::plan::{Retry, StepKind};
use futures_util::future::Either;
use std::collections::BTreeMap;
use std::rc::Rc;
use url::Url;

/// The end of a step that was taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StepEnd {
    /// When its last answer was read, or when it failed.
    pub(crate) read_us: u64,
    /// Whether it failed before there was a connection.
    pub(crate) unconnected: bool,
}

impl StepEnd {
    fn of(result: &ExchangeResult) -> Self {
        Self {
            read_us: result.read_us,
            unconnected: result.unconnected,
        }
    }
}

/// The outcome of a step.
#[derive(Debug, Clone, Copy)]
pub(crate) enum StepOutcome {
    /// It was taken.
    Done(StepEnd),
    /// It was not begun: the time for it was over.
    PastEnd,
}

/// Walks through the steps of a group.
#[derive(Debug)]
pub(crate) struct Walker {
    group: Rc<GroupRun>,
    client: Client,
    /// The values of its variables; None if the group has none that vary.
    session: Option<Box<Session>>,
    /// Its random numbers.
    random: Stream,
    /// The stream of messages that is open.
    stream: Option<Box<OpenStream>>,
    /// Where it is in the flow.
    progress: Progress,
    cookies: CookieJar,
}

impl Walker {
    /// Of the user with this number, from 0. In open load each arrival has its own.
    pub(crate) fn new(group: Rc<GroupRun>, number: u64) -> Self {
        let client = Client::new(group.connector().clone());
        let session = group.prepared().names.session(|| number);
        let random = group.stream(number);
        let progress = Progress::of(&group);
        Self {
            group,
            client,
            session,
            random,
            stream: None,
            progress,
            cookies: CookieJar::default(),
        }
    }

    /// Clears the variables and cookies of an earlier arrival; connections stay open.
    pub(crate) fn reset(&mut self) {
        let group = &self.group;
        if self.session.is_some() || group.is_random() {
            let number = group.next_arrival();
            self.session = group.prepared().names.session(|| number);
            self.random = group.stream(number);
        }
        self.cookies.clear();
        self.stream = None;
        self.progress.reset();
    }

    /// The length of the next pause behind step `n`, µs.
    #[inline]
    pub(crate) fn think_time_us(&mut self, n: usize) -> u64 {
        self.group.plan().steps[n]
            .think_time
            .draw_us(&mut self.random)
    }

    /// Takes the next row of each data source; the path of a source without rows.
    #[inline]
    pub(crate) fn next_row(&mut self) -> Result<(), String> {
        for dealer in self.group.row_dealers() {
            let row = dealer.next_row().ok_or_else(|| dealer.path.clone())?;
            if let Some(session) = &mut self.session {
                row.for_each(|(slot, value)| session.set(slot, value));
            }
        }
        Ok(())
    }

    /// Takes step `n` with its redirects. `planned_us` is its due time in open load.
    /// It does not begin at or after `until_us`.
    #[expect(
        clippy::manual_async_fn,
        reason = "an async function holds its arguments twice, here for each user"
    )]
    pub(crate) fn step(
        &mut self,
        n: usize,
        mut planned_us: Option<u64>,
        mut until_us: u64,
    ) -> impl Future<Output = StepOutcome> {
        async move {
            let group = self.group.clone();
            let (prepared, step) = (&group.prepared().steps[n], &group.plan().steps[n]);
            let varying;
            let made = match (&step.kind, &prepared.request) {
                (StepKind::Request, StepRequest::Fixed(made)) => made,
                (StepKind::Request, StepRequest::Varying(template)) => {
                    match self.make_request(template) {
                        Ok(made) => {
                            varying = made;
                            &varying
                        }
                        Err(why) => return self.fail_unmade(n, why, planned_us, until_us),
                    }
                }
                _ => return Box::pin(self.stream_step(n, planned_us, until_us)).await,
            };
            let label = self.label_index(&prepared.label);
            let mut redirect: Option<(Box<Hop>, Rc<Origin>)> = None;
            let (mut hops, mut outcome) = (0, StepOutcome::PastEnd);
            let origin = group.origin(n, made);
            loop {
                let sent_us = group.clock.now_us();
                if sent_us >= until_us {
                    return outcome;
                }
                let hop = redirect.as_ref().map(|(hop, _)| &**hop);
                let request = hop.map_or(&made.request, |hop| &hop.request);
                let origin = redirect.as_ref().map_or(&origin, |(_, origin)| origin);
                let url = || hop.map_or_else(|| made.url(), |hop| &hop.url);
                let with_cookies = self.with_cookies(request, url, sent_us);
                let h2_head = group.h2_head(n, redirect.is_none() && with_cookies.is_none());
                let request = with_cookies.as_deref().unwrap_or(request);
                let due_us = self.begin(&group, hops, (planned_us, sent_us));
                let spec = RequestSpec {
                    origin,
                    request,
                    h2_head,
                    expect: &step.expect_status,
                    timeouts: &step.timeouts,
                    keep: prepared.checks.keep,
                    has_checks: prepared.checks.has_checks,
                    may_resend: group.plan().load.retry == Retry::Safe,
                    sent_us,
                };
                let result = self.send(&group, &spec).await;
                outcome = StepOutcome::Done(StepEnd::of(&result));
                let read_us = result.read_us;
                let sent = SentRequest {
                    n,
                    label,
                    what: Sent::Request(made),
                    redirect: hop,
                    hops,
                    request,
                    due_us,
                    sent_us,
                    closed: planned_us.is_none(),
                };
                let Some(hop) = self.handle_result(&group, &sent, result) else {
                    return outcome;
                };
                // The next hop is due when this answer was read (dlt.md 1).
                planned_us = planned_us.map(|_| read_us);
                // An arrival may begin after the end, but not follow a redirect then.
                until_us = until_us.min(group.end_us.get());
                hops += 1;
                let origin = group.connector().origin(&hop.endpoint);
                redirect = Some((hop, origin));
            }
        }
    }

    /// Counts a request that begins after so many redirects; returns when it was due.
    #[inline]
    fn begin(
        &mut self,
        group: &GroupRun,
        hops: u32,
        (planned_us, sent_us): (Option<u64>, u64),
    ) -> u64 {
        // Only the first request of an arrival has a due time in the plan.
        let arrival_us = planned_us.filter(|_| self.progress.is_first);
        group.request_counted(hops);
        group.recorder().request_began(arrival_us, sent_us);
        let due_us = planned_us.unwrap_or(sent_us);
        self.progress.request_began(group, due_us);
        due_us
    }

    /// Sends a request and waits for its end; records whether it got a connection.
    #[inline]
    async fn send(&mut self, group: &GroupRun, spec: &RequestSpec<'_>) -> ExchangeResult {
        group.request_began();
        let connected = self.client.connect(spec).await;
        let result = self.exchange(group, spec, connected).await;
        group.request_ended();
        result
    }

    /// Sends a request on its connection, if it got one. Not asynchronous itself, so that the
    /// connection is held by the exchange alone.
    #[inline]
    fn exchange(
        &mut self,
        group: &GroupRun,
        spec: &RequestSpec<'_>,
        connected: Result<(Opened, Option<u64>), ExchangeResult>,
    ) -> impl Future<Output = ExchangeResult> {
        match connected {
            Ok((opened, connected_us)) => {
                group.recorder().request_sent();
                Either::Left(self.client.exchange(opened, connected_us, spec))
            }
            Err(result) => {
                group.recorder().request_unconnected();
                Either::Right(std::future::ready(result))
            }
        }
    }

    /// Handles the end of a request: records it, stores cookies and values. Returns
    /// the redirect to follow.
    #[inline]
    fn handle_result(
        &mut self,
        group: &GroupRun,
        sent: &SentRequest<'_>,
        mut result: ExchangeResult,
    ) -> Option<Box<Hop>> {
        if let Some(kept) = &result.kept
            && result.failure.is_none()
            && (kept.no_room || !kept.cookies.is_empty())
        {
            result.failure = self.keep_cookies(sent.url(), kept, result.read_us);
        }
        let judgement = self.judge(group, sent, &mut result);
        self.conclude(group, sent, &result, judgement)
    }

    /// Records the end of a request, and stores its values. Returns the redirect to follow.
    #[inline]
    fn conclude(
        &mut self,
        group: &GroupRun,
        sent: &SentRequest<'_>,
        result: &ExchangeResult,
        judgement: Judgement,
    ) -> Option<Box<Hop>> {
        let sample = Sample {
            due_us: sent.due_us,
            sent_us: sent.sent_us,
            connected_us: result.connected_us,
            first_byte_us: result.first_byte_us,
            done_us: result.done_us,
            read_us: result.read_us,
            timed: result.timed,
            bytes_received: result.received,
            bytes_sent: result.written,
        };
        let mut recorder = group.recorder();
        recorder.request_finished(&FinishedRequest {
            label: sent.label,
            sample: &sample,
            outcome: judgement.outcome,
            closed: sent.closed,
            resent: result.resent,
            version: result.version.filter(|_| result.status.is_some()),
        });
        if let Some(took_us) = result.reconnected_us {
            recorder.reconnected(took_us);
        }
        if group.load().keep_exchanges {
            self.record_exchange(&mut recorder, sent, result, &sample, &judgement);
        }
        if let Some(failure) = judgement.failure {
            self.record_failure(&mut recorder, sent, result, failure);
        }
        drop(recorder);
        self.progress.request_finished(&sample, judgement.outcome);
        if judgement.hop.is_none() && group.prepared().steps[sent.n].checks.sets_variables() {
            self.set_variables(sent.n, judgement.values);
        }
        judgement.hop
    }

    /// Stores the cookies of an answer; the failure if there is no memory for it.
    #[cold]
    fn keep_cookies(&mut self, url: &Url, kept: &KeptResponse, now_us: u64) -> Option<Failure> {
        if kept.no_room {
            return Some(no_memory("an answer that is checked"));
        }
        if self.group.load().memory.is_short() {
            return Some(no_memory("cookies"));
        }
        self.cookies.store(url, &kept.cookies, now_us);
        None
    }

    #[inline]
    fn label_index(&self, label: &Label) -> usize {
        match label {
            Label::Fixed(label) => *label,
            Label::Varying(template) => self.varying_label(template),
        }
    }

    /// The index of a label that varies; it is empty if a variable has no value.
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
        let known_only = self.group.load().memory.is_short();
        let mut recorder = self.group.recorder();
        recorder.label_index(&cut_label(text), fixed, known_only)
    }

    /// Decides what an exchange means for the scenario.
    #[inline]
    fn judge(
        &mut self,
        group: &GroupRun,
        sent: &SentRequest<'_>,
        result: &mut ExchangeResult,
    ) -> Judgement {
        let n = sent.n;
        let step = &group.plan().steps[n];
        if let Some(failure) = result.failure.take() {
            return Judgement::failed(failure, result.status);
        }
        let status = result.status.unwrap_or(0);
        if is_redirect(status)
            && step.follow_redirects
            && let Some(location) = result.location.take()
        {
            if sent.hops >= step.max_redirects {
                let message = format!("more than {} redirects", step.max_redirects);
                let failure = Failure::new(Cause::TooManyRedirects, message);
                return Judgement::failed(failure, Some(status));
            }
            return match self.next_hop(sent, status, &location) {
                Ok(hop) => Judgement {
                    hop: Some(Box::new(hop)),
                    ..Judgement::ok(status)
                },
                Err(why) => Judgement::failed(Failure::new(Cause::Protocol, why), Some(status)),
            };
        }
        if !step.expect_status.contains(status) {
            return Judgement::failed(Failure::status(status), Some(status));
        }
        if !group.prepared().steps[n].checks.has_checks {
            return Judgement::ok(status);
        }
        match self.run_checks(group, n, status, result.kept.as_deref()) {
            Ok(values) => Judgement {
                values,
                ..Judgement::ok(status)
            },
            Err(failure) => Judgement::failed(failure, Some(status)),
        }
    }

    /// Checks an answer whose status is ok; returns the extracted values by slot.
    #[cold]
    fn run_checks(
        &mut self,
        group: &GroupRun,
        n: usize,
        status: u16,
        kept: Option<&KeptResponse>,
    ) -> Result<Vec<(usize, String)>, Failure> {
        let nothing = KeptResponse::default();
        let kept = kept.unwrap_or(&nothing);
        let checks = &group.prepared().steps[n].checks;
        let values = checks.evaluate(group.checks(n), status, kept, &|| self.secrets());
        if values.is_err() {
            decode::decode_captured(&mut self.client.captured, kept);
        }
        values
    }

    /// Sets the variables of a step. A value that its answer does not have must not
    /// remain from an earlier one.
    #[cold]
    fn set_variables(&mut self, n: usize, values: Vec<(usize, String)>) {
        if let Some(session) = &mut self.session {
            self.group.prepared().steps[n]
                .checks
                .clear_variables(session);
            for (slot, value) in values {
                session.set(slot, value);
            }
        }
    }

    /// The same request with the user's cookies, if it carries any.
    #[inline]
    fn with_cookies<'u>(
        &self,
        request: &Request,
        url: impl FnOnce() -> &'u Url,
        now_us: u64,
    ) -> Option<Box<Request>> {
        if self.cookies.is_empty() {
            return None;
        }
        let header = self.cookies.header(url(), now_us)?;
        Some(Box::new(request.with_cookies(&header)))
    }

    /// The variables that have a value now.
    pub(crate) fn values(&self) -> BTreeMap<String, String> {
        let names = &self.group.prepared().names;
        let session = self.session.as_deref();
        session
            .map(|session| names.values(session))
            .unwrap_or_default()
    }

    /// The values to redact, the longest first.
    fn secrets(&self) -> Vec<&str> {
        let secrets = &self.group.prepared().secrets;
        secrets.values(self.session.as_deref(), self.cookies.values())
    }
}
