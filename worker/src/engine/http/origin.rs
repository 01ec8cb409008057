//! What a thread knows of the endpoints that requests go to: their names, asked
//! for again as often as their group wants it, and what was sent where. How a
//! connection is made to one of the addresses is `addresses`' affair.

use crate::engine::clock::Clock;
use crate::engine::failure::Failure;
use crate::engine::http::addresses::{Address, Addresses, dial};
use crate::engine::http::request::Endpoint;
use crate::engine::http::resolver::{Resolver, used};
use dlt_core::measure::generator::GeneratorSums;
use dlt_core::scenario::plan::Dns;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::{Rc, Weak};
use std::time::Duration;
use tokio::sync::OnceCell;

/// Most hosts a thread remembers; redirects could name any number.
const MOST_ORIGINS: usize = 512;
/// A name that did not resolve is not asked for again before so long.
const RESOLVE_AGAIN_US: u64 = 1_000_000;
/// Addresses that are kept before the first look for those that nobody uses.
const FEW_ADDRESSES: usize = 1_024;
/// Most different sentences about names.
const MOST_NOTICES: usize = 20;

/// A name of the plan, and what was known of it before the clock started.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) endpoint: Endpoint,
    pub(crate) dns: Dns,
    /// Those that the policy uses; none: it has to be asked for.
    pub(crate) addresses: Vec<SocketAddr>,
    /// Where the thread begins among them.
    pub(crate) first_turn: u64,
}

/// All endpoints of a thread.
#[derive(Debug)]
pub(crate) struct Origins {
    list: RefCell<Vec<Rc<Origin>>>,
    book: Rc<Book>,
}

/// What is known beyond a single name.
#[derive(Debug)]
struct Book {
    resolver: Resolver,
    /// Where this thread begins among the addresses of names not in the plan.
    first_turn: u64,
    addresses: RefCell<Vec<Rc<Address>>>,
    /// How many addresses there may be before the unused ones are let go.
    many: Cell<usize>,
    /// What was sent to addresses that were let go.
    sums: RefCell<GeneratorSums>,
    notices: RefCell<BTreeMap<String, u64>>,
}

/// One endpoint as a thread knows it, for the groups with the same `dns`.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) endpoint: Endpoint,
    /// `host:port`, for messages.
    pub(crate) authority: String,
    dns: Dns,
    addresses: Addresses,
    book: Rc<Book>,
    /// Set once it has addresses: many who wait cause one question.
    resolved: OnceCell<()>,
    /// Until when the name is known not to resolve, and why.
    unresolved: RefCell<Option<(u64, Failure)>>,
    /// Whether it is asked for again from time to time.
    followed: Cell<bool>,
}

impl Origins {
    /// A thread's origins, the plan's names among them. `first_turn` is where
    /// it begins among the addresses of all others.
    pub(crate) fn new(resolver: Resolver, known: Vec<Known>, first_turn: u64) -> Self {
        let book = Rc::new(Book {
            resolver,
            first_turn,
            addresses: RefCell::default(),
            many: Cell::new(FEW_ADDRESSES),
            sums: RefCell::default(),
            notices: RefCell::default(),
        });
        let origins = known.into_iter().map(|known| {
            let origin = Origin::new(known.endpoint, known.dns, known.first_turn, &book);
            if !known.addresses.is_empty() {
                origin.have(&known.addresses);
                // New, so nobody has set it before.
                let _ = origin.resolved.set(());
            }
            Rc::new(origin)
        });
        Self {
            list: RefCell::new(origins.collect()),
            book,
        }
    }

    /// The origin of an endpoint, the same one as long as it is remembered.
    pub(crate) fn get(&self, endpoint: &Endpoint, dns: Dns) -> Rc<Origin> {
        let mut list = self.list.borrow_mut();
        let known = list
            .iter()
            .find(|origin| origin.endpoint == *endpoint && origin.dns == dns);
        if let Some(known) = known {
            return known.clone();
        }
        let turn = self.book.first_turn;
        let origin = Rc::new(Origin::new(endpoint.clone(), dns, turn, &self.book));
        if list.len() >= MOST_ORIGINS {
            // Steps hold on to theirs; only what redirects named is forgotten.
            list.retain(|origin| Rc::strong_count(origin) > 1);
        }
        if list.len() < MOST_ORIGINS {
            list.push(origin.clone());
        }
        origin
    }

    /// What was sent where so far, added to `sums`.
    pub(crate) fn add_to(&self, sums: &mut GeneratorSums) {
        sums.merge(&self.book.sums.borrow());
        for address in &*self.book.addresses.borrow() {
            address.add_to(sums);
        }
    }

    /// What there is to say about names, with how often.
    pub(crate) fn take_notices(&self) -> BTreeMap<String, u64> {
        self.book.notices.take()
    }
}

impl Book {
    /// A new address, whose requests are counted to the end.
    fn address(&self, socket: SocketAddr) -> Rc<Address> {
        let mut addresses = self.addresses.borrow_mut();
        if addresses.len() >= self.many.get() {
            let mut sums = self.sums.borrow_mut();
            addresses.retain(|address| {
                let used = Rc::strong_count(address) > 1;
                if !used {
                    address.add_to(&mut sums);
                }
                used
            });
            self.many.set(FEW_ADDRESSES.max(2 * addresses.len()));
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
    fn new(endpoint: Endpoint, dns: Dns, first_turn: u64, book: &Rc<Book>) -> Self {
        Self {
            authority: endpoint.authority(),
            endpoint,
            dns,
            addresses: Addresses::new(first_turn),
            book: book.clone(),
            resolved: OnceCell::new(),
            unresolved: RefCell::default(),
            followed: Cell::new(false),
        }
    }

    /// Connects to the address whose turn it is, or to one that takes the
    /// connection. Whoever waits for it keeps the deadline.
    pub(super) async fn dial<S>(
        self: &Rc<Self>,
        clock: Clock,
        deadline_us: u64,
        connect: impl AsyncFn(SocketAddr) -> io::Result<S>,
    ) -> Result<(Rc<Address>, S), Failure> {
        self.resolve(clock).await?;
        self.follow();
        dial(
            &self.addresses,
            clock,
            deadline_us,
            &self.authority,
            connect,
        )
        .await
    }

    fn have(&self, sockets: &[SocketAddr]) {
        let new = |socket| self.book.address(socket);
        self.addresses.replace(sockets, new);
    }

    fn is_name(&self) -> bool {
        self.endpoint.host.parse::<IpAddr>().is_err()
    }

    async fn resolve(&self, clock: Clock) -> Result<(), Failure> {
        let found = self.resolved.get_or_try_init(|| async {
            if let Some((until_us, failure)) = &*self.unresolved.borrow()
                && clock.now_us() < *until_us
            {
                return Err(failure.clone());
            }
            let sockets = self.ask().await.inspect_err(|failure| {
                // What our own limits caused may be over at once.
                if failure.exhausted.is_none() {
                    let until_us = clock.now_us() + RESOLVE_AGAIN_US;
                    *self.unresolved.borrow_mut() = Some((until_us, failure.clone()));
                }
            })?;
            self.have(&sockets);
            Ok(())
        });
        found.await.copied()
    }

    async fn ask(&self) -> Result<Vec<SocketAddr>, Failure> {
        let answer = match self.is_name() {
            true => self.book.resolver.ask_aside(&self.endpoint).await,
            false => self.book.resolver.ask(&self.endpoint),
        };
        used(&answer, self.dns.policy, &self.endpoint)
    }

    /// Has the name asked for again from time to time, beside the load, as long
    /// as somebody uses it.
    fn follow(self: &Rc<Self>) {
        if self.followed.replace(true) || !self.is_name() {
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

    /// Takes over what the name's addresses are now. If nobody can tell, it
    /// keeps those that it has.
    async fn refresh(&self) {
        match self.ask().await {
            Ok(sockets) => self.have(&sockets),
            Err(failure) => self.book.notice(format!(
                "{} could not be resolved again, so the addresses that it had were used on: {}",
                self.endpoint.host,
                failure.key().message
            )),
        }
    }
}

#[cfg(test)]
mod tests;
