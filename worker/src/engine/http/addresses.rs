//! The addresses of one name as a thread uses them: whose turn it is, which are
//! left aside because they refuse, how many requests each was sent. Where they
//! come from is `origin`'s affair.

use crate::engine::clock::Clock;
use crate::engine::failure::{Doing, Failure};
use dlt_core::measure::generator::GeneratorSums;
use dlt_core::measure::sample::Cause;
use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

/// How long an address that refused is left aside, µs: as long as a server
/// takes to start again, and no longer, since the others get its part meanwhile.
const LEFT_US: u64 = 5_000_000;
/// Longest that an address is left aside, µs: each time it is tried in vain it is
/// left for twice as long, as one that does not answer costs a request seconds.
const LONGEST_LEFT_US: u64 = 40_000_000;
/// What all requests are sent in.
const HTTP_VERSION: &str = "1.1";
/// Most addresses that are tried again for one request while all refuse: it has
/// to fail some time, and the next request goes on behind them.
const MOST_RETRIED: usize = 16;

/// An address of a name.
#[derive(Debug)]
pub(crate) struct Address {
    pub(crate) socket: SocketAddr,
    /// Requests handed to connections to it.
    requests: Cell<u64>,
    /// Whether it was in the last answer for its name.
    current: Cell<bool>,
    /// Until when it is left aside.
    left_until_us: Cell<u64>,
    /// For how long it was left aside last; 0: it took the last connection.
    left_us: Cell<u64>,
    /// Somebody tries whether it is back.
    trying: Cell<bool>,
}

impl Address {
    pub(super) fn new(socket: SocketAddr) -> Rc<Self> {
        Rc::new(Self {
            socket,
            requests: Cell::new(0),
            current: Cell::new(true),
            left_until_us: Cell::new(0),
            left_us: Cell::new(0),
            trying: Cell::new(false),
        })
    }

    /// A request is handed to a connection to it.
    #[inline]
    pub(crate) fn count_request(&self) {
        self.requests.set(self.requests.get() + 1);
    }

    /// Adds what was counted to `sums`.
    pub(super) fn add_to(&self, sums: &mut GeneratorSums) {
        let requests = self.requests.get();
        sums.add_address(&self.socket.to_string(), requests);
        sums.add_version(HTTP_VERSION, requests);
    }

    /// Whether its name still has it: else its connections are to be closed.
    #[inline]
    pub(crate) fn is_current(&self) -> bool {
        self.current.get()
    }

    fn is_left_aside(&self, now_us: u64) -> bool {
        now_us < self.left_until_us.get() || self.trying.get()
    }
}

/// Someone connecting to an address. Dropped before it is said how that ended,
/// as when nobody waits any longer, the address is left aside.
struct Attempt {
    address: Rc<Address>,
    clock: Clock,
    /// Whether it tries alone if the address is back.
    alone: bool,
    settled: bool,
}

impl Attempt {
    fn begin(address: &Rc<Address>, clock: Clock) -> Self {
        let alone = address.left_us.get() > 0 && !address.is_left_aside(clock.now_us());
        if alone {
            address.trying.set(true);
        }
        Self {
            address: address.clone(),
            clock,
            alone,
            settled: false,
        }
    }

    /// The address took the connection.
    fn stood(mut self) {
        self.settle();
        self.address.left_until_us.set(0);
        self.address.left_us.set(0);
    }

    /// That there is no connection is not the address's fault.
    fn forgiven(mut self) {
        self.settle();
    }

    fn settle(&mut self) {
        self.settled = true;
        if self.alone {
            self.address.trying.set(false);
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        self.settle();
        // Many who were refused together are no reason to leave it for longer.
        let left_us = match self.alone {
            true => self.address.left_us.get() * 2,
            false => self.address.left_us.get(),
        };
        let left_us = left_us.clamp(LEFT_US, LONGEST_LEFT_US);
        self.address.left_us.set(left_us);
        let until_us = self.clock.now_us() + left_us;
        self.address.left_until_us.set(until_us);
    }
}

/// The addresses of a name.
#[derive(Debug)]
pub(crate) struct Addresses {
    list: RefCell<Vec<Rc<Address>>>,
    /// Whose turn is next, modulo their number.
    turn: Cell<u64>,
}

impl Addresses {
    /// None yet; `first_turn` is where this thread begins among them.
    pub(super) fn new(first_turn: u64) -> Self {
        Self {
            list: RefCell::default(),
            turn: Cell::new(first_turn),
        }
    }

    /// From here on it has these: what is known of those that it had stays
    /// known, connections to the others are to be closed. `new` makes one.
    pub(super) fn replace(&self, sockets: &[SocketAddr], new: impl Fn(SocketAddr) -> Rc<Address>) {
        let mut list = self.list.borrow_mut();
        let fresh = sockets.iter().map(|socket| {
            let known = list.iter().find(|address| address.socket == *socket);
            known.cloned().unwrap_or_else(|| new(*socket))
        });
        let fresh: Vec<Rc<Address>> = fresh.collect();
        for address in &*list {
            let stays = fresh.iter().any(|other| Rc::ptr_eq(other, address));
            address.current.set(stays);
        }
        *list = fresh;
    }

    /// The next address for a request that has tried some, and whether there
    /// is another to go on to: in turn those that are not left aside; if all
    /// are, each is tried again.
    fn next(&self, now_us: u64, tried: &[Rc<Address>]) -> Option<(Rc<Address>, bool)> {
        let untried = |address: &Rc<Address>| !is_among(address, tried);
        let inviting = |address: &Rc<Address>| !address.is_left_aside(now_us) && untried(address);
        self.in_turn(&inviting).or_else(|| {
            let (address, another) = self.in_turn(&untried)?;
            let left = MOST_RETRIED.checked_sub(tried.len() + 1)?;
            Some((address, another && left > 0))
        })
    }

    /// The next that is wanted, and whether there is another.
    fn in_turn(&self, wanted: &dyn Fn(&Rc<Address>) -> bool) -> Option<(Rc<Address>, bool)> {
        let list = self.list.borrow();
        let count = list.len() as u64;
        let first = self.turn.get() % count.max(1);
        let mut places = (0..count)
            .map(|n| (first + n) % count)
            .filter(|at| wanted(&list[*at as usize]));
        let at = places.next()?;
        self.turn.set(at + 1);
        Some((list[at as usize].clone(), places.next().is_some()))
    }
}

fn is_among(address: &Rc<Address>, others: &[Rc<Address>]) -> bool {
    others.iter().any(|other| Rc::ptr_eq(other, address))
}

/// Connects to an address by `connect`, one after the other until one takes the
/// connection. While there is another to go on to, one gets half of the time
/// that is left until `deadline_us`, as curl does it; whoever waits for the end
/// keeps the deadline itself.
pub(super) async fn dial<S>(
    addresses: &Addresses,
    clock: Clock,
    deadline_us: u64,
    peer: &str,
    connect: impl AsyncFn(SocketAddr) -> io::Result<S>,
) -> Result<(Rc<Address>, S), Failure> {
    // Grows only when somebody refuses.
    let mut tried: Vec<Rc<Address>> = Vec::new();
    let mut told: Option<Failure> = None;
    loop {
        let now_us = clock.now_us();
        let Some((address, another)) = addresses.next(now_us, &tried) else {
            break;
        };
        let attempt = Attempt::begin(&address, clock);
        let connecting = connect(address.socket);
        let connected = if another {
            let half = Duration::from_micros(deadline_us.saturating_sub(now_us) / 2);
            tokio::time::timeout(half, connecting)
                .await
                .unwrap_or_else(|_| Err(io::Error::from_raw_os_error(libc::ETIMEDOUT)))
        } else {
            connecting.await
        };
        let error = match connected {
            Ok(stream) => {
                attempt.stood();
                return Ok((address, stream));
            }
            Err(error) => error,
        };
        let failure = Failure::io(&error, Doing::Connecting, peer);
        if failure.lacks_files() {
            // No other address would help, nor is this one at fault.
            attempt.forgiven();
            return Err(failure);
        }
        drop(attempt);
        tried.push(address);
        if told
            .as_ref()
            .is_none_or(|told| telling(told.cause) < telling(failure.cause))
        {
            told = Some(failure);
        }
    }
    Err(told.unwrap_or_else(|| Failure::text(Cause::Dns, "the name has no address")))
}

/// How much a failure says of the target: that a machine has no way to ::1 or
/// to IPv6 at all says nothing of a `localhost` that refuses on 127.0.0.1.
fn telling(cause: Cause) -> u8 {
    match cause {
        Cause::Generator => 0,
        Cause::Unreachable => 1,
        Cause::TimeoutConnect => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests;
