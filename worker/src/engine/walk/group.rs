//! A group as one thread runs it: what all its walkers share. How a step is
//! taken is theirs, when it is taken the users' and arrivals' affair.

use crate::engine::check::checks::Tries;
use crate::engine::clock::Clock;
use crate::engine::http::connect::Connector;
use crate::engine::http::origin::Origin;
use crate::engine::make::data::{Deal, Sharers};
use crate::engine::make::recipe::Made;
use crate::engine::remember::recorder::Recorder;
use crate::engine::walk::prepare::{Prepared, PreparedGroup};
use dlt_core::load::Model;
use dlt_core::load::share::Lot;
use dlt_core::scenario::plan::Group;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::Notify;

/// Most different sentences of a group about requests that were not sent.
const MOST_NOTICES: usize = 20;

/// A group as one thread runs it.
#[derive(Debug)]
pub(crate) struct GroupRun {
    pub(crate) clock: Clock,
    pub(crate) recorder: Rc<RefCell<Recorder>>,
    prepared: Arc<Prepared>,
    pub(crate) index: usize,
    connector: Rc<Connector>,
    /// Where the steps go, as far as that does not vary.
    origins: Vec<Option<Rc<Origin>>>,
    /// No request begins from here on; the planned end, or when it was stopped.
    pub(crate) end_us: Cell<u64>,
    in_flight: Cell<u64>,
    /// Arrivals handed to a walker that has not begun with them.
    handed: Cell<u64>,
    /// Told when the last request in flight has ended.
    pub(crate) calm: Notify,
    /// What was not done and why, with how often.
    notices: RefCell<BTreeMap<String, u64>>,
    /// This thread's rows of each data source.
    deals: Vec<Deal>,
    /// What is tried on answers: regular expressions of this thread alone,
    /// since threads that share one wait for each other.
    tries: Vec<Tries>,
}

impl GroupRun {
    /// Group `index` of a prepared load on thread `thread`, that of `connector`.
    pub(crate) fn new(
        prepared: Arc<Prepared>,
        index: usize,
        thread: u64,
        connector: Connector,
        recorder: Rc<RefCell<Recorder>>,
    ) -> Self {
        let origins = prepared.groups[index]
            .steps
            .iter()
            .map(|step| Some(connector.origin(step.shape.endpoint()?)))
            .collect();
        let deals = deals(&prepared, index, thread);
        let steps = &prepared.plan.groups[index].steps;
        let tries = steps.iter().map(Tries::of).collect();
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
            notices: RefCell::default(),
            deals,
            tries,
        }
    }

    /// The group in the plan.
    pub(crate) fn plan(&self) -> &Group {
        &self.prepared.plan.groups[self.index]
    }

    /// The group, ready.
    pub(crate) fn prepared(&self) -> &PreparedGroup {
        &self.prepared.groups[self.index]
    }

    /// The load that it belongs to.
    pub(crate) fn load(&self) -> &Prepared {
        &self.prepared
    }

    /// How its walkers connect.
    pub(crate) fn connector(&self) -> &Rc<Connector> {
        &self.connector
    }

    /// Where the request of step `n` goes.
    #[inline]
    pub(crate) fn origin(&self, n: usize, made: &Made) -> Rc<Origin> {
        match &self.origins[n] {
            Some(origin) => origin.clone(),
            None => self.connector.origin(&made.endpoint),
        }
    }

    /// What is tried on the answers of step `n`.
    pub(crate) fn tries(&self, n: usize) -> &Tries {
        &self.tries[n]
    }

    /// This thread's rows of each data source.
    pub(crate) fn deals(&self) -> &[Deal] {
        &self.deals
    }

    /// Something was not done; equal sentences are counted.
    #[cold]
    pub(crate) fn notice(&self, text: String) {
        let mut notices = self.notices.borrow_mut();
        if notices.len() < MOST_NOTICES || notices.contains_key(&text) {
            *notices.entry(text).or_default() += 1;
        }
    }

    /// Everything noticed.
    pub(crate) fn take_notices(&self) -> BTreeMap<String, u64> {
        self.notices.take()
    }

    /// An arrival is handed to a walker, who may get to it only later.
    pub(crate) fn hand_over(&self) {
        self.handed.set(self.handed.get() + 1);
    }

    /// The walker has it and sends its first request before anything else.
    pub(crate) fn taken(&self) {
        self.handed.set(self.handed.get() - 1);
    }

    /// An arrival that was handed over sends nothing.
    pub(crate) fn passed(&self) {
        if self.is_calm() {
            self.calm.notify_one();
        }
    }

    /// Whether no request is in flight or about to be.
    pub(crate) fn is_calm(&self) -> bool {
        self.in_flight.get() == 0 && self.handed.get() == 0
    }

    /// A request is in flight.
    pub(crate) fn begin(&self) {
        self.in_flight.set(self.in_flight.get() + 1);
    }

    /// It is no more.
    pub(crate) fn end(&self) {
        self.in_flight.set(self.in_flight.get() - 1);
        if self.in_flight.get() == 0 {
            self.calm.notify_one();
        }
    }
}

/// A thread's rows of a group's data sources: dealt as its users or arrivals are.
fn deals(prepared: &Prepared, index: usize, thread: u64) -> Vec<Deal> {
    let group = &prepared.plan.groups[index];
    let load = &group.load;
    let sharers = match &load.model {
        Model::Users(curve) => Sharers {
            rows: if load.per_task {
                prepared.lot
            } else {
                Lot::WHOLE
            },
            all: curve.peak().ceil() as u64,
            mine: prepared.users_of(load, thread),
        },
        Model::Arrivals(curve) => Sharers {
            rows: Lot::WHOLE,
            all: match prepared.arrivals_of(load, thread) {
                Some(_) => curve.total_arrivals(),
                // A thread that takes no part has no arrivals.
                None => 0,
            },
            mine: prepared.arrivals_of(load, thread).unwrap_or(Lot::WHOLE),
        },
    };
    let names = &prepared.groups[index].names;
    let tables = &prepared.inputs.tables[index];
    let sources = group.data.iter().zip(tables);
    sources
        .map(|(source, table)| {
            let slots = table.columns.iter().filter_map(|name| names.slot(name));
            Deal::new(source, table.clone(), slots.collect(), sharers)
        })
        .collect()
}
