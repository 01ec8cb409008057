//! An open HTTP/2 connection: the limits that the crate `h2` gets, and the task that reads
//! and writes for all of its streams.

use super::meter::{Meter, MeteredStream};
use crate::engine::failure::{Failure, RequestPhase};
use crate::engine::http::addresses::Address;
use crate::engine::http::h1::LONGEST_HEAD_BYTES;
use crate::engine::http::origin::Origin;
use crate::engine::http::policy::Policy;
use crate::engine::http::stream::Stream;
use crate::engine::http::thread_io::ThreadIo;
use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Duration;
use tokio::task::AbortHandle;

/// What the target may send of a body before dlt has read it, bytes: enough for 320 Mbit/s
/// and 100 ms on the way. It is read at once, so that this is no memory that is used.
const STREAM_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
/// The same for all bodies of a connection.
const CONNECTION_WINDOW_BYTES: u32 = 16 * 1024 * 1024;
/// Longest list of headers that the crate takes in, bytes; a longer one than HTTP/1.1 may
/// have is refused by name afterwards.
pub(super) const LONGEST_HEAD_LIST_BYTES: u32 = 4 * LONGEST_HEAD_BYTES as u32;
/// Streams that dlt has reset and that are remembered, since more may come for them.
const MOST_RESET_STREAMS: usize = 64;
/// How long they are.
const RESET_REMEMBERED: Duration = Duration::from_secs(5);
/// Streams on which the target may break rules before the connection is given up.
const MOST_BROKEN_STREAMS: usize = 256;

/// Streams at once until the target's settings say how many it allows (RFC 9113, 6.5.2, lets nobody
/// recommend fewer).
pub(super) const STREAMS_BEFORE_SETTINGS: u32 = 100;

/// Requests after which another connection is opened at the latest: streams have at most 2^30 numbers.
const MOST_REQUESTS: u32 = 1_000_000_000;

/// An open connection.
pub(crate) struct H2Connection {
    pub(crate) origin: Rc<Origin>,
    /// The address that it is connected to.
    pub(crate) address: Rc<Address>,
    pub(super) sender: RefCell<SendRequest<Bytes>>,
    pub(super) meter: Rc<RefCell<Meter>>,
    /// When it was established, µs since the start instant.
    pub(crate) opened_us: u64,
    /// From when on no request begins on it, µs since the start instant.
    last_use_us: u64,
    /// Requests after which none begins on it.
    most_requests: u32,
    /// When an answer on it was last read, µs since the start instant.
    pub(super) idle_since_us: Cell<u64>,
    /// Requests that were handed to it.
    pub(super) requests: Cell<u32>,
    pub(super) in_flight: Cell<u32>,
    /// Places on it whose requests have not begun.
    pub(super) promised: Cell<u32>,
    /// When a request ran out of time on it, and nothing was heard since.
    silent_since_us: Cell<Option<u64>>,
    /// Whether it stands among those with room.
    pub(super) is_listed: Cell<bool>,
    /// Whether the target's limit of streams was taken from it.
    pub(super) is_known: Cell<bool>,
    driver: AbortHandle,
}

impl std::fmt::Debug for H2Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("H2Connection").finish_non_exhaustive()
    }
}

/// The socket closes with the last request that uses it.
impl Drop for H2Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl H2Connection {
    /// Speaks HTTP/2 on an established stream. What it sends first goes out with the first
    /// request: there is nothing to wait for (RFC 9113, 3.4).
    pub(crate) async fn open(
        io: &Rc<ThreadIo>,
        origin: &Rc<Origin>,
        (address, policy): (Rc<Address>, &Policy),
        stream: Stream,
    ) -> Result<Rc<Self>, Failure> {
        let meter = Rc::new(RefCell::new(Meter::new()));
        let metered = MeteredStream {
            stream,
            meter: meter.clone(),
            io: io.clone(),
            peer: origin.authority.as_str().into(),
        };
        let mut builder = Builder::new();
        builder
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .initial_max_send_streams(STREAMS_BEFORE_SETTINGS as usize)
            .max_header_list_size(LONGEST_HEAD_LIST_BYTES)
            .max_concurrent_reset_streams(MOST_RESET_STREAMS)
            .reset_stream_duration(RESET_REMEMBERED)
            .max_local_error_reset_streams(Some(MOST_BROKEN_STREAMS));
        let (sender, connection) = builder
            .handshake::<_, Bytes>(metered)
            .await
            .map_err(|error| failed(error, &origin.authority))?;
        let driven = meter.clone();
        let driver = tokio::task::spawn_local(async move {
            // Its streams get the error too.
            let _ = connection.await;
            driven.borrow_mut().is_closed = true;
        });
        let opened_us = io.clock.now_us();
        Ok(Rc::new(Self {
            origin: origin.clone(),
            address,
            sender: RefCell::new(sender),
            meter,
            opened_us,
            last_use_us: policy.last_use_us(opened_us),
            most_requests: policy.most_requests().min(MOST_REQUESTS),
            idle_since_us: Cell::new(opened_us),
            requests: Cell::new(0),
            in_flight: Cell::new(0),
            promised: Cell::new(0),
            silent_since_us: Cell::new(None),
            is_listed: Cell::new(false),
            is_known: Cell::new(false),
            driver: driver.abort_handle(),
        }))
    }

    /// A request is handed to it.
    #[inline]
    pub(crate) fn count_request(&self) {
        self.requests.set(self.requests.get().saturating_add(1));
        self.address.count_h2_request();
    }

    /// When it was opened and last brought an answer, µs since the start instant, and how
    /// many requests were handed to it.
    pub(crate) fn uses(&self) -> (u64, u64, u32) {
        let idle_since_us = self.idle_since_us.get();
        (self.opened_us, idle_since_us, self.requests.get())
    }

    /// Whether it may carry another request: neither side has ended it, the name still has
    /// its address, and its target lets it have `most` or some streams at once.
    #[inline]
    pub(super) fn has_room(&self, most: u32, now_us: u64) -> bool {
        let in_flight = self.in_flight.get() as usize;
        self.is_usable()
            && now_us < self.last_use_us
            && in_flight < most as usize
            && in_flight < self.sender.borrow().current_max_send_streams()
    }

    /// Lets go of a stream that the sender still holds from its last request, so that one that
    /// is given up is reset.
    #[cold]
    pub(super) fn let_go(&self) {
        let mut cx = Context::from_waker(Waker::noop());
        // An error comes with the next request too.
        let _ = self.sender.borrow_mut().poll_ready(&mut cx);
    }

    /// No request begins on it any more.
    #[cold]
    pub(super) fn retire(&self) {
        self.meter.borrow_mut().is_closed = true;
    }

    /// A request that was sent at `sent_us` ran out of time. Where one did before it was sent, and nothing
    /// at all has come since, the network may have lost the other end: the next takes another connection.
    #[cold]
    pub(super) fn timed_out(&self, sent_us: u64, now_us: u64) {
        let heard_us = self.meter.borrow().heard_us;
        match self.silent_since_us.get() {
            Some(since_us) if heard_us < since_us => {
                if since_us <= sent_us {
                    self.retire();
                }
            }
            _ => self.silent_since_us.set(Some(now_us)),
        }
    }

    /// Whether the target's settings have come, which are its first frame.
    pub(super) fn has_settings(&self) -> bool {
        self.meter.borrow().has_settings
    }

    /// Whether it may carry one more request, those included that have a place on it and have
    /// not begun.
    #[inline]
    pub(super) fn is_within_limit(&self) -> bool {
        self.requests.get().saturating_add(self.promised.get()) < self.most_requests
    }

    /// Whether a request may begin on it, as far as is known.
    #[inline]
    pub(super) fn is_usable(&self) -> bool {
        let meter = self.meter.borrow();
        !meter.is_closed
            && meter.goaway.is_none()
            && self.address.is_current()
            && self.is_within_limit()
    }
}

#[cold]
fn failed(error: h2::Error, peer: &str) -> Failure {
    let error = error
        .into_io()
        .unwrap_or_else(|| io::ErrorKind::Other.into());
    Failure::io(&error, RequestPhase::Waiting, peer)
}
