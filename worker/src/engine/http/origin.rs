//! The endpoints that a thread's requests go to: their names, resolved again as
//! often as their group asks for, and the requests sent to each address.
//! `addresses` chooses among the addresses of one name.

use crate::engine::clock::RunClock;
use crate::engine::failure::Failure;
use crate::engine::http::addresses::{Address, Addresses, dial};
use crate::engine::http::request::Endpoint;
use crate::engine::http::resolver::Resolver;
use dlt_core::measure::generator::GeneratorSums;
use dlt_core::measure::sample::Cause;
use dlt_core::scenario::plan::Dns;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::{Rc, Weak};
use std::time::Duration;
use tokio::sync::OnceCell;

/// Most origins that a thread keeps: redirects can name any number.
const MOST_ORIGINS: usize = 512;
/// How long a failed look-up stands before the name is looked up again, µs.
const FAILED_LOOKUP_US: u64 = 1_000_000;
/// Addresses that a thread keeps before unused ones are removed for the first time.
const UNCLEANED_ADDRESSES: usize = 1_024;
/// Most different notices about names.
const MOST_NOTICES: usize = 20;

/// A host of the plan with what was resolved before the clock started.
#[derive(Debug, Clone)]
pub(crate) struct KnownHost {
    pub(crate) endpoint: Endpoint,
    pub(crate) dns: Dns,
    /// The addresses that the policy uses; none if the name has to be resolved.
    pub(crate) addresses: Vec<SocketAddr>,
    /// Where the thread begins among them.
    pub(crate) first_index: u64,
    /// That others are not used, for people.
    pub(crate) left_out: Option<String>,
}

/// All origins of a thread.
#[derive(Debug)]
pub(crate) struct Origins {
    list: RefCell<Vec<Rc<Origin>>>,
    shared: Rc<SharedState>,
}

/// What all origins of a thread share.
#[derive(Debug)]
struct SharedState {
    resolver: Resolver,
    /// Where this thread begins among the addresses of hosts that the plan does
    /// not name.
    first_index: u64,
    addresses: RefCell<Vec<Rc<Address>>>,
    /// The number of addresses at which unused ones are removed.
    cleanup_at: Cell<usize>,
    /// The requests sent to addresses that were removed.
    removed: RefCell<GeneratorSums>,
    notices: RefCell<BTreeMap<String, u64>>,
}

/// One endpoint as a thread uses it, for all groups with the same `dns`.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) endpoint: Endpoint,
    /// `host:port`, for messages.
    pub(crate) authority: String,
    dns: Dns,
    addresses: Addresses,
    shared: Rc<SharedState>,
    /// Set once it has addresses; all that wait for them share one look-up.
    resolved: OnceCell<()>,
    /// The last failed look-up, and until when it stands.
    failed_lookup: RefCell<Option<(u64, Failure)>>,
    /// Why no connection may be opened: the name, looked up again, leads only where no
    /// load may be sent.
    forbidden: RefCell<Option<Failure>>,
    /// Whether the name is resolved again from time to time.
    is_refreshed: Cell<bool>,
}

impl Origins {
    /// A thread's origins, those of the plan among them. `first_index` is where the
    /// thread begins among the addresses of all others.
    pub(crate) fn new(resolver: Resolver, known: Vec<KnownHost>, first_index: u64) -> Self {
        let shared = Rc::new(SharedState {
            resolver,
            first_index,
            addresses: RefCell::default(),
            cleanup_at: Cell::new(UNCLEANED_ADDRESSES),
            removed: RefCell::default(),
            notices: RefCell::default(),
        });
        let origins = known.into_iter().map(|known| {
            if let Some(text) = known.left_out {
                shared.notice(text);
            }
            let origin = Origin::new(known.endpoint, known.dns, known.first_index, &shared);
            if !known.addresses.is_empty() {
                origin.set_addresses(&known.addresses);
                // The origin is new, so it is not set yet.
                let _ = origin.resolved.set(());
            }
            Rc::new(origin)
        });
        Self {
            list: RefCell::new(origins.collect()),
            shared,
        }
    }

    /// The origin of an endpoint: the same one as long as it is kept.
    pub(crate) fn get(&self, endpoint: &Endpoint, dns: Dns) -> Rc<Origin> {
        let mut list = self.list.borrow_mut();
        let known = list
            .iter()
            .find(|origin| origin.endpoint == *endpoint && origin.dns == dns);
        if let Some(known) = known {
            return known.clone();
        }
        let first_index = self.shared.first_index;
        let origin = Rc::new(Origin::new(
            endpoint.clone(),
            dns,
            first_index,
            &self.shared,
        ));
        if list.len() >= MOST_ORIGINS {
            // Steps hold references to theirs; only those of redirects go.
            list.retain(|origin| Rc::strong_count(origin) > 1);
        }
        if list.len() < MOST_ORIGINS {
            list.push(origin.clone());
        }
        origin
    }

    /// Adds the requests sent to each address so far to `sums`.
    pub(crate) fn add_to(&self, sums: &mut GeneratorSums) {
        sums.merge(&self.shared.removed.borrow());
        for address in &*self.shared.addresses.borrow() {
            address.add_to(sums);
        }
    }

    /// Takes the notices about names, with how often each applied.
    pub(crate) fn take_notices(&self) -> BTreeMap<String, u64> {
        self.shared.notices.take()
    }
}

impl SharedState {
    /// Makes an address, whose requests are counted to the end of the run.
    fn new_address(&self, socket: SocketAddr) -> Rc<Address> {
        let mut addresses = self.addresses.borrow_mut();
        if addresses.len() >= self.cleanup_at.get() {
            let mut removed = self.removed.borrow_mut();
            addresses.retain(|address| {
                let is_used = Rc::strong_count(address) > 1;
                if !is_used {
                    address.add_to(&mut removed);
                }
                is_used
            });
            self.cleanup_at
                .set(UNCLEANED_ADDRESSES.max(2 * addresses.len()));
        }
        let address = Address::new(socket);
        addresses.push(address.clone());
        address
    }

    #[cold]
    fn notice(&self, text: String) {
        let mut notices = self.notices.borrow_mut();
        if notices.len() < MOST_NOTICES || notices.contains_key(&text) {
            *notices.entry(text).or_default() += 1;
        }
    }
}

impl Origin {
    fn new(endpoint: Endpoint, dns: Dns, first_index: u64, shared: &Rc<SharedState>) -> Self {
        Self {
            authority: endpoint.authority(),
            endpoint,
            dns,
            addresses: Addresses::new(first_index),
            shared: shared.clone(),
            resolved: OnceCell::new(),
            failed_lookup: RefCell::default(),
            forbidden: RefCell::default(),
            is_refreshed: Cell::new(false),
        }
    }

    /// Connects to the next address in turn, or to another if that one refuses. The
    /// caller enforces the deadline.
    pub(super) async fn dial<S>(
        self: &Rc<Self>,
        clock: RunClock,
        deadline_us: u64,
        connect: impl AsyncFn(SocketAddr) -> io::Result<S>,
    ) -> Result<(Rc<Address>, S), Failure> {
        self.resolve(clock).await?;
        self.start_refreshing();
        if let Some(forbidden) = &*self.forbidden.borrow() {
            return Err(forbidden.clone());
        }
        dial(
            &self.addresses,
            clock,
            deadline_us,
            &self.authority,
            connect,
        )
        .await
    }

    fn set_addresses(&self, sockets: &[SocketAddr]) {
        let new = |socket| self.shared.new_address(socket);
        self.addresses.replace(sockets, new);
    }

    fn is_name(&self) -> bool {
        self.endpoint.host.parse::<IpAddr>().is_err()
    }

    async fn resolve(&self, clock: RunClock) -> Result<(), Failure> {
        let found = self.resolved.get_or_try_init(|| async {
            if let Some((until_us, failure)) = &*self.failed_lookup.borrow()
                && clock.now_us() < *until_us
            {
                return Err(failure.clone());
            }
            let sockets = self.look_up().await.inspect_err(|failure| {
                // A limit of the runner may be gone at once.
                if failure.exhausted.is_none() {
                    let until_us = clock.now_us() + FAILED_LOOKUP_US;
                    *self.failed_lookup.borrow_mut() = Some((until_us, failure.clone()));
                }
            })?;
            self.set_addresses(&sockets);
            Ok(())
        });
        found.await.copied()
    }

    async fn look_up(&self) -> Result<Vec<SocketAddr>, Failure> {
        let resolver = &self.shared.resolver;
        let answer = if self.is_name() {
            resolver.look_up_async(&self.endpoint).await
        } else {
            resolver.look_up(&self.endpoint)
        };
        let selected = resolver.select(&answer, self.dns.policy, &self.endpoint)?;
        if let Some(text) = selected.left_out {
            self.shared.notice(text);
        }
        Ok(selected.addresses)
    }

    /// Resolves the name again from time to time, in a task of its own, as long as
    /// the origin is in use.
    fn start_refreshing(self: &Rc<Self>) {
        if self.is_refreshed.replace(true) || !self.is_name() {
            return;
        }
        let every = Duration::from_micros(self.dns.refresh_us);
        let origin: Weak<Self> = Rc::downgrade(self);
        tokio::task::spawn_local(async move {
            loop {
                tokio::time::sleep(every).await;
                match origin.upgrade() {
                    Some(origin) => origin.refresh().await,
                    None => return,
                }
            }
        });
    }

    /// Resolves the name again. If that fails, the addresses stay as they are; if it leads
    /// only where no load may be sent, no address stays.
    async fn refresh(&self) {
        match self.look_up().await {
            Ok(sockets) => {
                self.set_addresses(&sockets);
                self.forbidden.take();
            }
            Err(failure) if failure.cause == Cause::TargetForbidden => {
                self.set_addresses(&[]);
                self.forbidden.replace(Some(failure));
            }
            Err(failure) => self.shared.notice(format!(
                "{} could not be resolved again, so the addresses that it had were used on: {}",
                self.endpoint.host,
                failure.key().message
            )),
        }
    }
}

#[cfg(test)]
mod tests;
