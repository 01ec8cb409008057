//! Which connection a request in HTTP/2 takes. With `streams: 1` its user's own; with more,
//! one of its group and thread that has room, and a further one only when none has. Requests
//! that come while a connection is being opened wait for it, as long as it will have room.

use super::connection::{H2Connection, STREAMS_BEFORE_SETTINGS};
use crate::engine::clock::RunClock;
use crate::engine::failure::Failure;
use crate::engine::http::origin::Origin;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use tokio::sync::Notify;

/// Most origins whose connections are kept open: more than a scenario names, since redirects and
/// variables may lead to any number.
const MOST_ORIGINS: usize = 128;

/// The connections of a group on one thread that requests share.
#[derive(Debug)]
pub(crate) struct Pool {
    /// Most requests in flight on a connection.
    streams: u32,
    origins: RefCell<Vec<PoolOrigin>>,
}

/// The connections to one origin.
#[derive(Debug)]
struct PoolOrigin {
    origin: Rc<Origin>,
    /// With room as far as is known; the last one used comes first.
    with_room: Vec<Rc<H2Connection>>,
    opening: Vec<Rc<Opening>>,
    /// Streams that its target allows at once, as the connection before said: a further one
    /// says it only once it is used.
    allowed: u32,
    /// Whether it chose HTTP/1.1: then there is nothing to share.
    is_h1: bool,
}

/// Makes room for a further origin. Those in use stay; connections that have ended go, and of more
/// than [`MOST_ORIGINS`] the oldest on whose connections nothing is in flight.
#[cold]
fn make_room(origins: &mut Vec<PoolOrigin>) {
    for entry in origins.iter_mut() {
        entry.with_room.retain(|connection| {
            let is_usable = connection.is_usable();
            connection.is_listed.set(is_usable);
            is_usable
        });
    }
    origins.retain(|entry| {
        !entry.with_room.is_empty()
            || !entry.opening.is_empty()
            || Rc::strong_count(&entry.origin) > 2
    });
    let is_idle = |entry: &PoolOrigin| {
        let mut connections = entry.with_room.iter();
        // Those without room stand in no list.
        entry.opening.is_empty()
            && !entry.with_room.is_empty()
            && connections.all(|connection| connection.in_flight.get() == 0)
    };
    while origins.len() >= MOST_ORIGINS
        && let Some(at) = origins.iter().position(is_idle)
    {
        origins.remove(at);
    }
}

impl PoolOrigin {
    /// Most requests in flight on one of its connections, as far as is known.
    #[inline]
    fn most(&self, streams: u32) -> u32 {
        streams.min(self.allowed).max(1)
    }
}

/// A connection that a request is opening.
#[derive(Debug)]
struct Opening {
    /// Requests that will use it, the one that opens it included.
    users: Cell<u32>,
    outcome: RefCell<Option<Opened>>,
    done: Notify,
}

#[derive(Debug, Clone)]
enum Opened {
    Connection(Rc<H2Connection>),
    /// It speaks HTTP/1.1, or nobody waited for its end.
    Nothing,
    Failed(Failure),
}

/// A request's place on a connection.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) connection: Rc<H2Connection>,
    pool: Option<Rc<Pool>>,
    /// Whether its request waited for the connection to be opened: it is no reused one then.
    waited: bool,
}

impl Drop for Lease {
    fn drop(&mut self) {
        let in_flight = &self.connection.in_flight;
        in_flight.set(in_flight.get() - 1);
        if let Some(pool) = &self.pool {
            pool.give_back(&self.connection);
        }
    }
}

impl Lease {
    /// Of a connection that its user has for itself.
    pub(crate) fn own(connection: Rc<H2Connection>) -> Self {
        Self::of(connection, None)
    }

    fn of(connection: Rc<H2Connection>, pool: Option<Rc<Pool>>) -> Self {
        let in_flight = &connection.in_flight;
        in_flight.set(in_flight.get() + 1);
        Self {
            connection,
            pool,
            waited: false,
        }
    }

    /// When the connection was established that its request waited for.
    pub(crate) fn came_us(&self) -> Option<u64> {
        self.waited.then_some(self.connection.opened_us)
    }

    /// Whether others may use its connection too.
    pub(crate) fn is_shared(&self) -> bool {
        self.pool.is_some()
    }

    /// Whether its connection may carry further requests by the scenario's policy.
    pub(crate) fn is_kept(&self) -> bool {
        self.connection.is_within_limit()
    }

    /// Whether the user of this connection may send a further request on it.
    #[inline]
    pub(crate) fn is_usable(&self) -> bool {
        self.connection.is_usable()
            && self.connection.sender.borrow().current_max_send_streams() > 0
    }
}

/// What a request that would share a connection has to do.
#[derive(Debug)]
pub(crate) enum Shared {
    /// Send on this one.
    Lease(Lease),
    /// Open one, and say how that ended.
    Open(OpeningTurn),
    /// Open one for itself: the target speaks HTTP/1.1.
    Alone,
    /// Fail as the one that opened a connection for it.
    Failed(Failure),
}

/// The duty to say how the opening of a connection ended.
#[derive(Debug)]
pub(crate) struct OpeningTurn {
    pool: Rc<Pool>,
    origin: Rc<Origin>,
    opening: Rc<Opening>,
}

impl Drop for OpeningTurn {
    fn drop(&mut self) {
        if self.opening.outcome.borrow().is_none() {
            self.end(Opened::Nothing);
        }
    }
}

impl OpeningTurn {
    fn end(&self, opened: Opened) {
        self.pool.with(&self.origin, |entry| {
            entry
                .opening
                .retain(|opening| !Rc::ptr_eq(opening, &self.opening));
        });
        self.opening.outcome.replace(Some(opened));
        self.opening.done.notify_waiters();
    }

    /// The connection stands; those who waited get their places on it.
    pub(crate) fn opened(self, connection: Rc<H2Connection>) -> Lease {
        // Those who wait have their places from now on, so that nobody takes them.
        let waiting = self.opening.users.get() - 1;
        connection
            .in_flight
            .set(connection.in_flight.get() + waiting);
        connection.promised.set(waiting);
        let lease = Lease::of(connection.clone(), Some(self.pool.clone()));
        self.end(Opened::Connection(connection.clone()));
        self.pool.list(&connection);
        lease
    }

    /// The target chose HTTP/1.1.
    pub(crate) fn speaks_h1(self) {
        self.pool.with(&self.origin, |entry| entry.is_h1 = true);
    }

    /// There is no connection; those who waited fail too.
    pub(crate) fn failed(self, failure: &Failure) {
        self.end(Opened::Failed(failure.clone()));
    }
}

impl Pool {
    /// For at most `streams` requests in flight on a connection.
    pub(crate) fn new(streams: u32) -> Self {
        Self {
            streams,
            origins: RefCell::default(),
        }
    }

    fn with<T>(&self, origin: &Rc<Origin>, change: impl FnOnce(&mut PoolOrigin) -> T) -> T {
        let mut origins = self.origins.borrow_mut();
        let known = origins
            .iter()
            .position(|entry| Rc::ptr_eq(&entry.origin, origin));
        let at = known.unwrap_or_else(|| {
            make_room(&mut origins);
            origins.push(PoolOrigin {
                origin: origin.clone(),
                with_room: Vec::new(),
                opening: Vec::new(),
                allowed: STREAMS_BEFORE_SETTINGS,
                is_h1: false,
            });
            origins.len() - 1
        });
        change(&mut origins[at])
    }

    /// A place on an open connection to an origin, if one has room.
    #[inline]
    pub(crate) fn take(self: &Rc<Self>, origin: &Rc<Origin>, now_us: u64) -> Option<Lease> {
        let connection = self.with(origin, |entry| {
            let most = entry.most(self.streams);
            loop {
                let last = entry.with_room.last()?;
                if !last.has_room(most, now_us) {
                    last.is_listed.set(false);
                    entry.with_room.pop();
                    continue;
                }
                let connection = last.clone();
                if connection.in_flight.get() + 1 >= most {
                    connection.is_listed.set(false);
                    entry.with_room.pop();
                }
                return Some(connection);
            }
        })?;
        Some(Lease::of(connection, Some(self.clone())))
    }

    /// A place on a connection, or what to do for one. It waits for one that is being opened.
    pub(crate) async fn share(self: &Rc<Self>, origin: &Rc<Origin>, clock: RunClock) -> Shared {
        loop {
            if let Some(lease) = self.take(origin, clock.now_us()) {
                return Shared::Lease(lease);
            }
            let found = self.with(origin, |entry| {
                if entry.is_h1 {
                    return None;
                }
                let most = entry.most(self.streams);
                let room = |opening: &&Rc<Opening>| opening.users.get() < most;
                Some(entry.opening.iter().find(room).cloned())
            });
            let Some(found) = found else {
                return Shared::Alone;
            };
            let Some(opening) = found else {
                return Shared::Open(self.begin_opening(origin));
            };
            opening.users.set(opening.users.get() + 1);
            let waiting = Waiting {
                opening: &opening,
                pool: self,
            };
            match waiting.end().await {
                Opened::Connection(connection) => {
                    // Its place is counted already.
                    connection.promised.set(connection.promised.get() - 1);
                    return Shared::Lease(Lease {
                        connection,
                        pool: Some(self.clone()),
                        waited: true,
                    });
                }
                Opened::Failed(failure) => return Shared::Failed(failure),
                Opened::Nothing => {}
            }
        }
    }

    fn begin_opening(self: &Rc<Self>, origin: &Rc<Origin>) -> OpeningTurn {
        let opening = Rc::new(Opening {
            users: Cell::new(1),
            outcome: RefCell::default(),
            done: Notify::new(),
        });
        self.with(origin, |entry| entry.opening.push(opening.clone()));
        OpeningTurn {
            pool: self.clone(),
            origin: origin.clone(),
            opening,
        }
    }

    #[inline]
    fn give_back(&self, connection: &Rc<H2Connection>) {
        if !connection.is_known.get() && connection.has_settings() {
            self.learn(connection);
        }
        if !connection.is_listed.get() {
            self.list(connection);
        }
    }

    /// Learns how many streams a target allows.
    #[cold]
    fn learn(&self, connection: &Rc<H2Connection>) {
        connection.is_known.set(true);
        let allowed = connection.sender.borrow().current_max_send_streams();
        self.with(&connection.origin, |entry| {
            entry.allowed = u32::try_from(allowed).unwrap_or(u32::MAX);
        });
    }

    fn list(&self, connection: &Rc<H2Connection>) {
        if connection.is_listed.get() || !connection.has_room(self.streams, 0) {
            return;
        }
        connection.is_listed.set(true);
        self.with(&connection.origin, |entry| {
            entry.with_room.push(connection.clone());
        });
    }
}

/// A request that waits for a connection; given up, it gives back its place.
struct Waiting<'a> {
    opening: &'a Rc<Opening>,
    pool: &'a Rc<Pool>,
}

impl Waiting<'_> {
    async fn end(self) -> Opened {
        loop {
            let notified = self.opening.done.notified();
            if let Some(opened) = &*self.opening.outcome.borrow() {
                let opened = opened.clone();
                std::mem::forget(self);
                return opened;
            }
            notified.await;
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        match &*self.opening.outcome.borrow() {
            Some(Opened::Connection(connection)) => {
                connection.promised.set(connection.promised.get() - 1);
                drop(Lease {
                    connection: connection.clone(),
                    pool: Some(self.pool.clone()),
                    waited: true,
                });
            }
            Some(_) => {}
            None => self.opening.users.set(self.opening.users.get() - 1),
        }
    }
}
