//! The addresses of one name as a thread uses them: taken in turn, backed off
//! from when they refuse, with the requests sent to each. `named_host` looks
//! the addresses up.

use crate::engine::clock::RunClock;
use crate::engine::failure::{Failure, RequestPhase};
use dlt_core::measure::generator::GeneratorSums;
use dlt_core::measure::sample::Cause;
use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

/// First backoff of an address that refused, µs: about as long as a server takes
/// to restart, since the other addresses get its part meanwhile.
const FIRST_BACKOFF_US: u64 = 5_000_000;
/// Longest backoff of an address, µs. Each failed probe doubles it, since an
/// address that does not answer costs a request seconds.
const LONGEST_BACKOFF_US: u64 = 40_000_000;
/// Most addresses that are tried for one request while all refuse. The next
/// request goes on with those after them.
const MOST_RETRIED: usize = 16;

/// An address of a name.
#[derive(Debug)]
pub(crate) struct Address {
    pub(crate) socket: SocketAddr,
    /// If it is a Unix socket: how people are told of it.
    unix: Option<Box<str>>,
    /// If it is a proxy's: how people are told of it.
    proxy: Option<Box<str>>,
    /// Requests that were handed to connections to it in HTTP/1.1.
    requests: Cell<u64>,
    /// In HTTP/2.
    h2_requests: Cell<u64>,
    /// Whether the last answer for its name has it.
    current: Cell<bool>,
    /// When its backoff ends, µs since the start instant.
    backoff_until_us: Cell<u64>,
    /// Its last backoff, µs; 0 if the last connection to it succeeded.
    backoff_us: Cell<u64>,
    /// Whether a probe is under way: one connection after the backoff has ended.
    probing: Cell<bool>,
}

impl Address {
    pub(super) fn new(socket: SocketAddr, proxy: Option<&str>, unix: Option<&str>) -> Rc<Self> {
        Rc::new(Self {
            socket,
            unix: unix.map(|path| format!("unix:{path}").into()),
            proxy: proxy.map(Box::from),
            requests: Cell::new(0),
            h2_requests: Cell::new(0),
            current: Cell::new(true),
            backoff_until_us: Cell::new(0),
            backoff_us: Cell::new(0),
            probing: Cell::new(false),
        })
    }

    /// Counts a request that is handed to a connection to it.
    #[inline]
    pub(crate) fn count_request(&self) {
        self.requests.set(self.requests.get() + 1);
    }

    /// The same of one in HTTP/2.
    #[inline]
    pub(crate) fn count_h2_request(&self) {
        self.h2_requests.set(self.h2_requests.get() + 1);
    }

    /// Adds its requests to `sums`.
    pub(super) fn add_to(&self, sums: &mut GeneratorSums) {
        let (h1_requests, h2_requests) = (self.requests.get(), self.h2_requests.get());
        let requests = h1_requests + h2_requests;
        match &self.unix {
            Some(unix) => sums.add_address(unix, requests),
            None => sums.add_address(&self.socket.to_string(), requests),
        }
        sums.add_version("1.1", h1_requests);
        sums.add_version("2", h2_requests);
        if let Some(proxy) = &self.proxy {
            sums.add_proxy(proxy, requests);
        }
    }

    /// Whether its name still has it; if not, its connections have to be closed.
    #[inline]
    pub(crate) fn is_current(&self) -> bool {
        self.current.get()
    }

    fn is_backed_off(&self, now_us: u64) -> bool {
        now_us < self.backoff_until_us.get() || self.probing.get()
    }
}

/// An attempt to connect to an address. Dropped without a result, as on a
/// timeout, it counts as refused.
struct Attempt {
    address: Rc<Address>,
    clock: RunClock,
    /// Whether it is the one probe of an address whose backoff has ended.
    is_probe: bool,
    has_result: bool,
}

impl Attempt {
    fn begin(address: &Rc<Address>, clock: RunClock) -> Self {
        let is_probe = address.backoff_us.get() > 0 && !address.is_backed_off(clock.now_us());
        if is_probe {
            address.probing.set(true);
        }
        Self {
            address: address.clone(),
            clock,
            is_probe,
            has_result: false,
        }
    }

    fn succeed(mut self) {
        self.finish();
        self.address.backoff_until_us.set(0);
        self.address.backoff_us.set(0);
    }

    /// The attempt failed, but not because of the address.
    fn cancel(mut self) {
        self.finish();
    }

    fn finish(&mut self) {
        self.has_result = true;
        if self.is_probe {
            self.address.probing.set(false);
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if self.has_result {
            return;
        }
        self.finish();
        // Only a failed probe doubles it: many connections that were refused at the
        // same time say no more than one.
        let backoff_us = if self.is_probe {
            self.address.backoff_us.get() * 2
        } else {
            self.address.backoff_us.get()
        };
        let backoff_us = backoff_us.clamp(FIRST_BACKOFF_US, LONGEST_BACKOFF_US);
        self.address.backoff_us.set(backoff_us);
        let until_us = self.clock.now_us() + backoff_us;
        self.address.backoff_until_us.set(until_us);
    }
}

/// The addresses of a name.
#[derive(Debug)]
pub(crate) struct Addresses {
    list: RefCell<Vec<Rc<Address>>>,
    /// The index of the next address, modulo their number.
    next_index: Cell<u64>,
}

impl Addresses {
    /// No addresses yet; `first_index` is where this thread begins among them.
    pub(super) fn new(first_index: u64) -> Self {
        Self {
            list: RefCell::default(),
            next_index: Cell::new(first_index),
        }
    }

    /// Replaces the addresses. The state of those that stay is kept; connections to
    /// those that go have to be closed. `new` makes an address.
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

    /// The next address for a request that has tried some, and whether there is
    /// another after it. Takes in turn those that are not backed off; if all are,
    /// each is tried again.
    pub(super) fn next(&self, now_us: u64, tried: &[Rc<Address>]) -> Option<(Rc<Address>, bool)> {
        let untried = |address: &Rc<Address>| !is_among(address, tried);
        let available = |address: &Rc<Address>| !address.is_backed_off(now_us) && untried(address);
        self.take_next(&available).or_else(|| {
            let (address, another) = self.take_next(&untried)?;
            let left = MOST_RETRIED.checked_sub(tried.len() + 1)?;
            Some((address, another && left > 0))
        })
    }

    /// The next address that is wanted, and whether there is another after it.
    fn take_next(&self, wanted: &dyn Fn(&Rc<Address>) -> bool) -> Option<(Rc<Address>, bool)> {
        let list = self.list.borrow();
        let count = list.len() as u64;
        let first = self.next_index.get() % count.max(1);
        let mut indices = (0..count)
            .map(|n| (first + n) % count)
            .filter(|at| wanted(&list[*at as usize]));
        let at = indices.next()?;
        self.next_index.set(at + 1);
        Some((list[at as usize].clone(), indices.next().is_some()))
    }
}

fn is_among(address: &Rc<Address>, others: &[Rc<Address>]) -> bool {
    others.iter().any(|other| Rc::ptr_eq(other, address))
}

/// Connects by `connect` to one address after the other until a connection is
/// established. An address gets half of the time left until `deadline_us` while
/// there is another after it, as curl does it. The caller enforces the deadline.
pub(super) async fn dial<S>(
    addresses: &Addresses,
    clock: RunClock,
    deadline_us: u64,
    peer: &str,
    connect: impl AsyncFn(SocketAddr) -> io::Result<S>,
) -> Result<(Rc<Address>, S), Failure> {
    // Allocates only when an address refuses.
    let mut tried: Vec<Rc<Address>> = Vec::new();
    let mut best: Option<Failure> = None;
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
                attempt.succeed();
                return Ok((address, stream));
            }
            Err(error) => error,
        };
        let failure = Failure::io(&error, RequestPhase::Connecting, peer);
        if failure.is_out_of_sockets() {
            // Another address would fail too, and this one is not at fault.
            attempt.cancel();
            return Err(failure);
        }
        drop(attempt);
        tried.push(address);
        let more_telling = |best: &Failure| rank(best.cause) < rank(failure.cause);
        if best.as_ref().is_none_or(more_telling) {
            best = Some(failure);
        }
    }
    Err(best.unwrap_or_else(|| Failure::new(Cause::Dns, "the name has no address")))
}

/// How much a failure says about the target. A machine without a route to ::1 or
/// to IPv6 says nothing about a `localhost` that refuses on 127.0.0.1.
fn rank(cause: Cause) -> u8 {
    match cause {
        Cause::Generator => 0,
        Cause::Unreachable => 1,
        Cause::TimeoutConnect => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests;
