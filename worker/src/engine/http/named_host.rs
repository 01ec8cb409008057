//! A host as a thread uses it: its name, looked up when it is first needed and again as often
//! as its group asks for, and the requests sent to each of its addresses. `addresses` chooses
//! among them; whose connections go to which host is `origin`'s.

use crate::engine::clock::RunClock;
use crate::engine::failure::Failure;
use crate::engine::http::addresses::{Address, Addresses, dial};
use crate::engine::http::resolver::Resolver;
use crate::engine::http::way::HostKey;
use dlt_core::measure::generator::GeneratorSums;
use dlt_core::measure::sample::Cause;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::{Rc, Weak};
use std::time::Duration;
use tokio::sync::OnceCell;

/// How long a failed look-up stands before the name is looked up again, µs.
const FAILED_LOOKUP_US: u64 = 1_000_000;
/// Addresses that a thread keeps before unused ones are removed for the first time.
pub(super) const UNCLEANED_ADDRESSES: usize = 1_024;
/// Most different notices about names.
const MOST_NOTICES: usize = 20;

/// What all hosts of a thread share.
#[derive(Debug)]
pub(super) struct HostState {
    pub(super) resolver: Resolver,
    /// Where this thread begins among the addresses of hosts that the plan does
    /// not name.
    pub(super) first_index: u64,
    addresses: RefCell<Vec<Rc<Address>>>,
    /// The number of addresses at which unused ones are removed.
    cleanup_at: Cell<usize>,
    /// The requests sent to addresses that were removed.
    removed: RefCell<GeneratorSums>,
    notices: RefCell<BTreeMap<String, u64>>,
}

/// One host, for all groups with the same `dns`.
#[derive(Debug)]
pub(crate) struct NamedHost {
    pub(super) key: HostKey,
    /// How messages name it.
    pub(super) peer: String,
    addresses: Addresses,
    shared: Rc<HostState>,
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

impl HostState {
    pub(super) fn new(resolver: Resolver, first_index: u64) -> Rc<Self> {
        Rc::new(Self {
            resolver,
            first_index,
            addresses: RefCell::default(),
            cleanup_at: Cell::new(UNCLEANED_ADDRESSES),
            removed: RefCell::default(),
            notices: RefCell::default(),
        })
    }

    /// Makes an address, whose requests are counted to the end of the run.
    fn new_address(&self, socket: SocketAddr, key: &HostKey) -> Rc<Address> {
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
        let address = Address::new(socket, key.proxy.as_deref(), key.unix.as_deref());
        addresses.push(address.clone());
        address
    }

    #[cfg(test)]
    pub(super) fn kept_addresses(&self) -> usize {
        self.addresses.borrow().len()
    }

    /// Adds the requests sent to each address so far to `sums`.
    pub(super) fn add_to(&self, sums: &mut GeneratorSums) {
        sums.merge(&self.removed.borrow());
        for address in &*self.addresses.borrow() {
            address.add_to(sums);
        }
    }

    /// Takes the notices about names, with how often each applied.
    pub(super) fn take_notices(&self) -> BTreeMap<String, u64> {
        self.notices.take()
    }

    #[cold]
    pub(super) fn notice(&self, text: String) {
        let mut notices = self.notices.borrow_mut();
        if notices.len() < MOST_NOTICES || notices.contains_key(&text) {
            *notices.entry(text).or_default() += 1;
        }
    }
}

impl NamedHost {
    /// A host of which no address is known yet; `first_index` is where the thread begins
    /// among them.
    pub(super) fn new(key: HostKey, first_index: u64, shared: &Rc<HostState>) -> Self {
        Self {
            peer: key.peer(),
            key,
            addresses: Addresses::new(first_index),
            shared: shared.clone(),
            resolved: OnceCell::new(),
            failed_lookup: RefCell::default(),
            forbidden: RefCell::default(),
            is_refreshed: Cell::new(false),
        }
    }

    /// Sets the addresses that were found before the clock started.
    pub(super) fn set_known(&self, sockets: &[SocketAddr]) {
        self.set_addresses(sockets);
        // The host is new, so it is not set yet.
        let _ = self.resolved.set(());
    }

    /// Connects to the next address in turn, or to another if that one refuses. The
    /// caller enforces the deadline.
    pub(super) async fn dial<S>(
        self: &Rc<Self>,
        clock: RunClock,
        deadline_us: u64,
        connect: impl AsyncFn(SocketAddr) -> io::Result<S>,
    ) -> Result<(Rc<Address>, S), Failure> {
        self.prepare(clock).await?;
        dial(&self.addresses, clock, deadline_us, &self.peer, connect).await
    }

    /// The next address in turn, for somebody else to connect to.
    pub(super) async fn next_socket(
        self: &Rc<Self>,
        clock: RunClock,
    ) -> Result<SocketAddr, Failure> {
        self.prepare(clock).await?;
        let next = self.addresses.next(clock.now_us(), &[]);
        let (address, _) =
            next.ok_or_else(|| Failure::new(Cause::Dns, "the name has no address"))?;
        Ok(address.socket)
    }

    /// Sees to it that addresses are known, and that load may be sent to them.
    async fn prepare(self: &Rc<Self>, clock: RunClock) -> Result<(), Failure> {
        if !self.resolved.initialized() {
            Box::pin(self.resolve(clock)).await?;
        }
        self.start_refreshing();
        match &*self.forbidden.borrow() {
            Some(forbidden) => Err(forbidden.clone()),
            None => Ok(()),
        }
    }

    fn set_addresses(&self, sockets: &[SocketAddr]) {
        let new = |socket| self.shared.new_address(socket, &self.key);
        self.addresses.replace(sockets, new);
    }

    /// Its name, where that is looked up and no address of it is known yet.
    pub(super) fn awaited_name(&self) -> Option<&str> {
        let is_awaited = self.is_name() && !self.resolved.initialized();
        is_awaited.then_some(self.key.endpoint.host.as_str())
    }

    /// Whether there is a name to look up.
    fn is_name(&self) -> bool {
        self.key.given.is_empty() && self.key.endpoint.host.parse::<IpAddr>().is_err()
    }

    pub(super) async fn resolve(&self, clock: RunClock) -> Result<(), Failure> {
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
        let HostKey {
            endpoint,
            dns,
            given,
            unix,
            ..
        } = &self.key;
        if let Some(path) = unix {
            resolver.check_unix(path)?;
            return Ok(given
                .iter()
                .map(|it| SocketAddr::new(*it, endpoint.port))
                .collect());
        }
        let answer = if !given.is_empty() {
            let socket = |address: &IpAddr| SocketAddr::new(*address, endpoint.port);
            Ok(given.iter().map(socket).collect())
        } else if self.is_name() {
            resolver.look_up_async(endpoint).await
        } else {
            resolver.look_up(endpoint)
        };
        let selected = resolver.select(&answer, dns.policy, endpoint)?;
        if let Some(text) = selected.left_out {
            self.shared.notice(text);
        }
        Ok(selected.addresses)
    }

    /// Resolves the name again from time to time, in a task of its own, as long as
    /// the host is in use.
    fn start_refreshing(self: &Rc<Self>) {
        if self.is_refreshed.replace(true) || !self.is_name() {
            return;
        }
        let every = Duration::from_micros(self.key.dns.refresh_us);
        let host: Weak<Self> = Rc::downgrade(self);
        tokio::task::spawn_local(async move {
            loop {
                tokio::time::sleep(every).await;
                match host.upgrade() {
                    Some(host) => host.refresh().await,
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
                self.key.endpoint.host,
                failure.key().message
            )),
        }
    }
}
