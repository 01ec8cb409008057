//! A group as one thread runs it: what all its walkers share. Walkers decide how a
//! step is taken, users and arrivals when.

use crate::engine::check::checks::CompiledChecks;
use crate::engine::clock::RunClock;
use crate::engine::http::connect::Connector;
use crate::engine::http::h2_head::H2Head;
use crate::engine::http::origin::Origin;
use crate::engine::http::policy::Policy;
use crate::engine::make::data::{RowDealer, RowOwners};
use crate::engine::make::made::MadeRequest;
use crate::engine::make::request_template::StepRequest;
use crate::engine::remember::recorder::Recorder;
use crate::engine::walk::prepare::{PreparedGroup, PreparedLoad, PreparedStep};
use dlt_core::load::changes::{LoadChange, factor_at, factor_of};
use dlt_core::load::share::Lot;
use dlt_core::load::{Curve, Model};
use dlt_core::random::Stream;
use dlt_core::scenario::plan::{Condition, Group, Step, StepKind};
use std::cell::{Cell, OnceCell, RefCell, RefMut};
use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::sleep_until;

/// How long all streams of a thread may take to be left when the load has ended: each takes as long as
/// its Close frame takes into the kernel.
const LONGEST_LEAVE: Duration = Duration::from_millis(300);

/// Most different notices of a group about requests that were not sent.
const MOST_NOTICES: usize = 20;

/// A group as one thread runs it.
#[derive(Debug)]
pub(crate) struct GroupRun {
    pub(crate) clock: RunClock,
    recorder: Rc<RefCell<Recorder>>,
    prepared: Arc<PreparedLoad>,
    pub(crate) index: usize,
    connector: Rc<Connector>,
    /// For streams of messages, if it has any.
    stream_connector: Option<Rc<Connector>>,
    /// The origins of the steps; None where it varies.
    origins: Vec<Option<Rc<Origin>>>,
    /// No request begins from here on; the planned end, or when it was stopped.
    pub(crate) end_us: Cell<u64>,
    /// Users or arrivals over time, with the changes so far.
    curve: RefCell<Rc<Curve>>,
    /// How often the load was changed, and how.
    changes: Cell<u64>,
    told: RefCell<Vec<LoadChange>>,
    /// Notified when the load was changed.
    pub(crate) changed: Notify,
    in_flight: Cell<u64>,
    /// Requests that this thread's users may still begin; `u64::MAX` where nobody counts.
    requests_left: Cell<u64>,
    /// Notified when none is left.
    spent: Notify,
    /// Arrivals that were numbered, and which numbers of the run are this thread's.
    arrivals: (Cell<u64>, Lot),
    /// Arrivals assigned to a walker that has not begun with them.
    assigned: Cell<u64>,
    /// Whether the load has ended and nothing is waited for any more, and who is told.
    over: (Cell<bool>, Notify),
    /// Notified when no request is in flight any more.
    pub(crate) drained: Notify,
    /// What was not sent and why, and how often.
    notices: RefCell<BTreeMap<String, u64>>,
    /// This thread's rows of each data source.
    row_dealers: Vec<RowDealer>,
    is_random: bool,
    /// The checks of each step: regular expressions of this thread alone, since
    /// threads that share one wait for each other.
    checks: Vec<CompiledChecks>,
    /// The requests of the steps as HTTP/2 sends them; None where they vary.
    h2_heads: Vec<Option<OnceCell<H2Head>>>,
    /// The flow's conditions, for the same reason this thread's.
    conditions: Vec<Condition>,
}

impl GroupRun {
    /// Group `index` of a prepared load on thread `thread`.
    pub(crate) fn new(
        prepared: Arc<PreparedLoad>,
        index: usize,
        thread: u64,
        mut connector: Connector,
        recorder: Rc<RefCell<Recorder>>,
    ) -> Self {
        let origins: Vec<Option<Rc<Origin>>> = prepared.groups[index]
            .steps
            .iter()
            .map(|step| Some(connector.origin(step.request.endpoint()?)))
            .collect();
        let named: HashSet<*const Origin> = origins.iter().flatten().map(Rc::as_ptr).collect();
        connector.named_origins = named.len();
        let row_dealers = row_dealers(&prepared, index, thread);
        let steps = &prepared.plan.groups[index].steps;
        let checks = steps.iter().map(CompiledChecks::of).collect();
        let fixed = |step: &PreparedStep| matches!(step.request, StepRequest::Fixed(_));
        let prepared_steps = prepared.groups[index].steps.iter();
        let h2_heads = prepared_steps
            .map(|step| fixed(step).then(OnceCell::new))
            .collect();
        let is_random = prepared.plan.groups[index].is_random();
        let conditions = prepared.plan.groups[index].flow.conditions.clone();
        let load = &prepared.plan.groups[index].load;
        let arrivals = prepared.arrivals_of(load, thread).unwrap_or(Lot::WHOLE);
        let requests = prepared.requests_of(load, thread);
        let curve = load.model.curve().clone();
        Self {
            clock: connector.io.clock,
            recorder,
            index,
            stream_connector: stream_connector(&prepared, (index, thread), &connector),
            connector: Rc::new(connector),
            origins,
            end_us: Cell::new(curve.end_us()),
            curve: RefCell::new(Rc::new(curve)),
            changes: Cell::new(0),
            told: RefCell::default(),
            changed: Notify::new(),
            in_flight: Cell::new(0),
            requests_left: Cell::new(requests.unwrap_or(u64::MAX)),
            spent: Notify::new(),
            arrivals: (Cell::new(0), arrivals),
            assigned: Cell::new(0),
            over: Default::default(),
            drained: Notify::new(),
            notices: RefCell::default(),
            row_dealers,
            is_random,
            conditions,
            checks,
            h2_heads,
            prepared,
        }
    }

    /// How streams of messages connect.
    pub(crate) fn stream_connector(&self) -> &Rc<Connector> {
        self.stream_connector.as_ref().unwrap_or(&self.connector)
    }

    /// Waits for the end, also one that comes earlier by a change.
    pub(crate) async fn reached_end(&self) {
        loop {
            tokio::select! {
                () = sleep_until(self.clock.instant_at(self.end_us.get())) => return,
                () = self.changed.notified() => {}
            }
        }
    }

    #[inline]
    pub(crate) fn recorder(&self) -> RefMut<'_, Recorder> {
        self.recorder.borrow_mut()
    }

    /// The number of the next arrival that begins, among those of the run; from 0.
    pub(crate) fn next_arrival(&self) -> u64 {
        let (begun, lot) = &self.arrivals;
        let number = lot.nth(begun.get());
        begun.set(begun.get() + 1);
        number
    }

    /// Users or arrivals over time, with the changes so far.
    pub(crate) fn curve(&self) -> Rc<Curve> {
        self.curve.borrow().clone()
    }

    /// How often the load was changed.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.get()
    }

    /// How much of the planned load is asked for last, from now on or soon.
    pub(crate) fn factor(&self) -> f64 {
        factor_of(&self.told.borrow())
    }

    /// How much of it is in force at `at_us`.
    pub(crate) fn factor_at(&self, at_us: u64) -> f64 {
        factor_at(&self.told.borrow(), at_us)
    }

    /// Since when the newest change holds, µs.
    pub(crate) fn changed_at_us(&self) -> u64 {
        self.told.borrow().last().map_or(0, |change| change.at_us)
    }

    /// Changes the load; `changes` are all so far.
    pub(crate) fn change(&self, changes: &[LoadChange]) {
        let curve = self.plan().load.model.curve().changed(changes);
        // One that was stopped meanwhile stays so.
        self.end_us.set(self.end_us.get().min(curve.end_us()));
        self.curve.replace(Rc::new(curve));
        self.told.replace(changes.to_vec());
        self.changes.set(self.changes.get() + 1);
        self.changed.notify_waiters();
    }

    /// The random numbers of user or arrival `number` of the run.
    pub(crate) fn stream(&self, number: u64) -> Stream {
        Stream::new(self.prepared.seed, self.index as u64, number)
    }

    /// Whether anything that its walkers do is drawn at random.
    pub(crate) fn is_random(&self) -> bool {
        self.is_random
    }

    pub(crate) fn plan(&self) -> &Group {
        &self.prepared.plan.groups[self.index]
    }

    pub(crate) fn prepared(&self) -> &PreparedGroup {
        &self.prepared.groups[self.index]
    }

    pub(crate) fn load(&self) -> &PreparedLoad {
        &self.prepared
    }

    pub(crate) fn connector(&self) -> &Rc<Connector> {
        &self.connector
    }

    /// The origin of a request of step `n`.
    #[inline]
    pub(crate) fn origin(&self, n: usize, made: &MadeRequest) -> Rc<Origin> {
        match &self.origins[n] {
            Some(origin) => origin.clone(),
            None => self.connector.origin(&made.endpoint),
        }
    }

    /// Where this thread keeps step `n`'s request as HTTP/2 sends it, if it never varies and
    /// is sent as it is prepared.
    #[inline]
    pub(crate) fn h2_head(&self, n: usize, is_fixed: bool) -> Option<&OnceCell<H2Head>> {
        self.h2_heads[n].as_ref().filter(|_| is_fixed)
    }

    /// The checks of step `n`.
    pub(crate) fn checks(&self, n: usize) -> &CompiledChecks {
        &self.checks[n]
    }

    /// The condition of this number.
    pub(crate) fn condition(&self, number: usize) -> &Condition {
        &self.conditions[number]
    }

    /// This thread's rows of each data source.
    pub(crate) fn row_dealers(&self) -> &[RowDealer] {
        &self.row_dealers
    }

    /// Notes that something was not sent; equal notices are counted.
    #[cold]
    pub(crate) fn notice(&self, text: String) {
        let mut notices = self.notices.borrow_mut();
        if notices.len() < MOST_NOTICES || notices.contains_key(&text) {
            *notices.entry(text).or_default() += 1;
        }
    }

    pub(crate) fn take_notices(&self) -> BTreeMap<String, u64> {
        self.notices.take()
    }

    /// An arrival is assigned to a walker, which may begin with it later.
    pub(crate) fn arrival_assigned(&self) {
        self.assigned.set(self.assigned.get() + 1);
    }

    /// The walker begins with it: its first request follows without a pause.
    pub(crate) fn arrival_began(&self) {
        self.assigned.set(self.assigned.get() - 1);
    }

    /// An arrival that was assigned sends nothing.
    pub(crate) fn arrival_dropped(&self) {
        if self.is_drained() {
            self.drained.notify_one();
        }
    }

    /// Lets those who wait with an open stream tell its target that they leave, for as long as that takes,
    /// at most [`LONGEST_LEAVE`].
    pub(crate) async fn leave_streams(&self) {
        let (is_over, told) = &self.over;
        is_over.set(true);
        told.notify_waiters();
        let opens = |step: &Step| matches!(step.kind, StepKind::Opening(_));
        if !self.plan().steps.iter().any(opens) {
            return;
        }
        let io = &self.connector.io;
        let left = async {
            // Asked for before the look, so that none is missed.
            let left = io.streams_left.notified();
            if io.open_streams.get() > 0 {
                left.await;
            }
        };
        let _ = tokio::time::timeout(LONGEST_LEAVE, left).await;
    }

    /// Whether the load has ended and nothing is waited for any more.
    pub(crate) fn has_ended(&self) -> bool {
        self.over.0.get()
    }

    /// Waits until the load has ended and nothing is waited for any more.
    pub(crate) async fn is_over(&self) {
        let told = self.over.1.notified();
        if !self.over.0.get() {
            told.await;
        }
    }

    /// Whether no request is in flight or about to be.
    pub(crate) fn is_drained(&self) -> bool {
        self.in_flight.get() == 0 && self.assigned.get() == 0
    }

    /// Requests that this thread's users may still begin.
    pub(crate) fn requests_left(&self) -> u64 {
        self.requests_left.get()
    }

    /// A request begins, after so many redirects; a step's own is one of `total-requests`,
    /// where they are counted.
    #[inline]
    pub(crate) fn request_counted(&self, hops: u32) {
        if hops > 0 {
            return;
        }
        let left = self.requests_left.get().saturating_sub(1);
        self.requests_left.set(left);
        if left == 0 {
            self.spent.notify_one();
        }
    }

    /// Returns once no request may begin any more; never where nobody counts them.
    pub(crate) async fn all_begun(&self) {
        while self.requests_left.get() > 0 {
            self.spent.notified().await;
        }
    }

    pub(crate) fn request_began(&self) {
        self.in_flight.set(self.in_flight.get() + 1);
    }

    pub(crate) fn request_ended(&self) {
        self.in_flight.set(self.in_flight.get() - 1);
        if self.in_flight.get() == 0 {
            self.drained.notify_one();
        }
    }
}

/// A thread's rows of a group's data sources, dealt by its users or arrivals.
fn row_dealers(prepared: &PreparedLoad, index: usize, thread: u64) -> Vec<RowDealer> {
    let group = &prepared.plan.groups[index];
    let load = &group.load;
    let owners = match &load.model {
        Model::Users(curve) => RowOwners {
            rows: if load.per_task {
                prepared.lot
            } else {
                Lot::WHOLE
            },
            total: curve.peak().ceil() as u64,
            of_thread: prepared.users_of(load, thread),
        },
        Model::Arrivals(curve) => RowOwners {
            rows: Lot::WHOLE,
            total: match prepared.arrivals_of(load, thread) {
                Some(_) => curve.total_arrivals(),
                // A thread that takes no part has no arrivals.
                None => 0,
            },
            of_thread: prepared.arrivals_of(load, thread).unwrap_or(Lot::WHOLE),
        },
    };
    let names = &prepared.groups[index].names;
    let tables = &prepared.inputs.tables[index];
    let sources = group.data.iter().zip(tables);
    sources
        .map(|(source, table)| {
            let slots = table.columns.iter().filter_map(|name| names.slot(name));
            RowDealer::new(source, table.clone(), slots.collect(), owners)
        })
        .collect()
}

/// How streams of messages of a group connect: over HTTP/1.1, whatever requests are sent in.
fn stream_connector(
    prepared: &PreparedLoad,
    (index, thread): (usize, u64),
    connector: &Connector,
) -> Option<Rc<Connector>> {
    let tls = prepared.groups[index].stream_tls.clone()?;
    let plan = &prepared.plan.groups[index];
    let ways = (plan.dns, prepared.groups[index].routes.clone());
    let policy = Policy::new(&plan.connection_policy, thread);
    let made = Connector::new(connector.io.clone(), tls, ways).with_policy(policy);
    Some(Rc::new(made))
}
