//! One client: its connections, and one request at a time on them. It returns
//! instants, bytes and an answer or a failure; whether the answer is good is
//! decided by the walker.

use crate::engine::failure::{Failure, duration_text};
use crate::engine::http::connect::{Connection, Connector, Established, Opened, slow_lookup};
use crate::engine::http::exchange::Exchange;
use crate::engine::http::exchange_result::ExchangeResult;
use crate::engine::http::h2::{self, Again, Lease, Shared};
use crate::engine::http::origin::Origin;
use crate::engine::http::request_spec::{DeadlineTimer, RequestSpec, deadline};
use dlt_core::measure::sample::Cause;
use dlt_core::scenario::plan::Reuse;
use futures_util::future::Either;
use std::future::poll_fn;
use std::rc::Rc;
use std::time::Duration;

/// Connections that a client keeps open between requests, one an origin, or as many as its scenario
/// names origins.
const MOST_IDLE: usize = 8;

/// A client: keeps connections open between requests.
#[derive(Debug)]
pub(crate) struct Client {
    connector: Rc<Connector>,
    idle: Vec<Opened>,
    timer: DeadlineTimer,
    /// The first bytes of an answer that may fail, for people.
    pub(crate) captured: Vec<u8>,
}

/// Describes the connection in place of the answer that did not come, for people.
#[cold]
fn describe_connection(
    (opened_us, idle_since_us, requests): (u64, u64, u32),
    captured: &mut Vec<u8>,
    sent_us: u64,
) {
    let ago = |us: u64| duration_text(sent_us.saturating_sub(us));
    let text = format!(
        "[no byte of an answer: the connection was a reused one, opened {} before and idle for {}; {} earlier requests on it were answered]",
        ago(opened_us),
        ago(idle_since_us),
        requests.saturating_sub(1)
    );
    captured.extend_from_slice(text.as_bytes());
}

/// Opens a connection for a request, or finds a place on one that others share.
async fn open(
    connector: &Connector,
    origin: &Rc<Origin>,
    limit_us: u64,
) -> Result<(Opened, Option<u64>), Failure> {
    let turn = match &connector.pool {
        None => None,
        Some(pool) => {
            let limit = Duration::from_micros(limit_us);
            let place = Box::pin(pool.share(origin, connector.io.clock));
            match tokio::time::timeout(limit, place).await {
                Ok(Shared::Lease(lease)) => return Ok((Opened::H2(lease), None)),
                Ok(Shared::Failed(failure)) => return Err(failure),
                Ok(Shared::Open(turn)) => Some(turn),
                Ok(Shared::Alone) => None,
                Err(_) => return Err(no_place(origin, limit_us)),
            }
        }
    };
    let opened = match (connector.open(origin, limit_us).await, turn) {
        (Ok(Established::H2(connection)), Some(turn)) => Opened::H2(turn.opened(connection)),
        (Ok(established), None) => established.own(),
        (Ok(established), Some(turn)) => {
            turn.speaks_h1();
            established.own()
        }
        (Err(failure), Some(turn)) => {
            turn.failed(&failure);
            return Err(failure);
        }
        (Err(failure), None) => return Err(failure),
    };
    let opened_us = opened.opened_us();
    Ok((opened, Some(opened_us)))
}

#[cold]
fn no_place(origin: &Origin, limit_us: u64) -> Failure {
    if let Some(name) = origin.looked_up() {
        return slow_lookup(name, limit_us);
    }
    let message = format!(
        "no connection to {} that another request was opening within {}",
        origin.authority,
        duration_text(limit_us)
    );
    Failure::new(Cause::TimeoutConnect, message)
}

/// What a request that is sent again was before.
#[derive(Debug, Clone, Copy)]
struct FirstSending {
    /// When its connection was established, if it opened one.
    connected_us: Option<u64>,
    /// Bytes written.
    written: u64,
    /// Whether it was handed to its connection.
    is_sent: bool,
}

impl Client {
    /// A client without connections.
    pub(crate) fn new(connector: Rc<Connector>) -> Self {
        Self {
            connector,
            idle: Vec::new(),
            timer: DeadlineTimer::default(),
            captured: Vec::new(),
        }
    }

    /// A connection for a request: an open one, else a new one with the instant
    /// at which it was established.
    #[inline]
    pub(crate) async fn connect(
        &mut self,
        spec: &RequestSpec<'_>,
    ) -> Result<(Opened, Option<u64>), ExchangeResult> {
        match self.take_open(spec.origin, spec.sent_us) {
            Some(opened) => Ok((opened, None)),
            None => {
                let limit_us = spec.timeouts.connect_us.min(spec.timeouts.total_us);
                let connector = self.connector.clone();
                // Boxed: most requests find their connection open, and the future
                // of a user stays small.
                let opened = Box::pin(open(&connector, spec.origin, limit_us)).await;
                opened.map_err(|failure| {
                    ExchangeResult::unconnected(connector.io.clock.now_us(), failure)
                })
            }
        }
    }

    /// A new connection for a stream of messages, which nobody else uses.
    pub(crate) async fn connect_alone(
        &mut self,
        connector: &Connector,
        spec: &RequestSpec<'_>,
    ) -> Result<(Opened, Option<u64>), ExchangeResult> {
        let limit_us = spec.timeouts.connect_us.min(spec.timeouts.total_us);
        let opened = open(connector, spec.origin, limit_us).await;
        opened.map_err(|failure| ExchangeResult::unconnected(connector.io.clock.now_us(), failure))
    }

    /// Sends a request on a connection and reads its answer.
    #[inline]
    pub(crate) fn exchange(
        &mut self,
        opened: Opened,
        connected_us: Option<u64>,
        spec: &RequestSpec<'_>,
    ) -> impl Future<Output = ExchangeResult> {
        match opened {
            Opened::H1(connection) => {
                Either::Left(self.exchange_h1(connection, connected_us, spec))
            }
            Opened::H2(lease) => {
                Either::Right(self.exchange_h2(lease, (connected_us, false), spec))
            }
        }
    }

    /// Sends a request on a connection in HTTP/1.1 and reads its answer. If a reused
    /// connection has ended, a request that may be repeated is sent once more, on
    /// a new connection.
    #[expect(
        clippy::manual_async_fn,
        reason = "an async function holds its arguments twice, here a connection of each user"
    )]
    fn exchange_h1(
        &mut self,
        mut connection: Connection,
        connected_us: Option<u64>,
        spec: &RequestSpec<'_>,
    ) -> impl Future<Output = ExchangeResult> {
        async move {
            self.captured.clear();
            connection.requests = connection.requests.saturating_add(1);
            connection.address.count_request();
            let connector = self.connector.clone();
            let mut exchange = Exchange::new(spec, connected_us, &connector.io.room);
            let mut failure = poll_fn(|cx| {
                let (timer, captured) = (&mut self.timer, &mut self.captured);
                exchange.poll(cx, &mut connection, timer, captured, spec, &connector)
            })
            .await;
            if connected_us.is_none() && exchange.closed_before_answer(failure.as_ref()) {
                if spec.may_resend && spec.request.repeatable {
                    // Frees its descriptor for the new connection.
                    drop(connection);
                    // Boxed for the same reason as opening a connection.
                    let first = FirstSending {
                        connected_us,
                        written: exchange.written(),
                        is_sent: true,
                    };
                    return Box::pin(self.send_again(first, spec)).await;
                }
                failure = Some(Failure::closed_idle(
                    &spec.origin.authority,
                    spec.may_resend,
                ));
                let uses = (
                    connection.opened_us,
                    connection.idle_since_us,
                    connection.requests,
                );
                describe_connection(uses, &mut self.captured, spec.sent_us);
            }
            if exchange.reusable() && connector.policy.is_kept(connection.requests) {
                connection.idle_since_us = exchange.read_us();
                self.keep(Opened::H1(connection));
            }
            exchange.into_result(connected_us, failure)
        }
    }

    /// The same in HTTP/2, where what the target did not process is sent once more too;
    /// `is_again`: this is that sending.
    async fn exchange_h2(
        &mut self,
        lease: Lease,
        (connected_us, is_again): (Option<u64>, bool),
        spec: &RequestSpec<'_>,
    ) -> ExchangeResult {
        self.captured.clear();
        lease.connection.count_request();
        let connector = self.connector.clone();
        let (mut result, again) = h2::exchange(
            &lease,
            connected_us,
            spec,
            (&mut self.timer, &mut self.captured),
            &connector.io,
        )
        .await;
        if result.failure.is_some() && again != Again::Never {
            let is_lost = again == Again::IfRepeatable;
            let is_reused = connected_us.is_none() && lease.came_us().is_none();
            let may = match again {
                Again::IfRepeatable => is_reused && spec.request.repeatable,
                _ => true,
            };
            if may && spec.may_resend && !is_again {
                // A stream that was refused leaves its connection as it is.
                if !is_lost && lease.is_kept() && !lease.is_shared() {
                    self.keep(Opened::H2(lease));
                } else {
                    drop(lease);
                }
                let first = FirstSending {
                    connected_us,
                    written: result.written,
                    is_sent: !result.unconnected,
                };
                return Box::pin(self.send_again(first, spec)).await;
            }
            if is_lost && is_reused {
                let peer = &spec.origin.authority;
                result.failure = Some(Failure::closed_idle(peer, spec.may_resend));
                let uses = lease.connection.uses();
                describe_connection(uses, &mut self.captured, spec.sent_us);
            }
        }
        if !lease.is_shared() && lease.is_usable() {
            self.keep(Opened::H2(lease));
        }
        result
    }

    /// Sends a request again on another connection, timed from its first sending.
    async fn send_again(&mut self, first: FirstSending, spec: &RequestSpec<'_>) -> ExchangeResult {
        let connector = self.connector.clone();
        let clock = connector.io.clock;
        let left_us = deadline(spec.sent_us, spec.timeouts.total_us).saturating_sub(clock.now_us());
        let limit_us = spec.timeouts.connect_us.min(left_us);
        let from_us = clock.now_us();
        let found = match self.take_refused(spec.origin, clock.now_us()) {
            Some(opened) => Ok((opened, None)),
            None => open(&connector, spec.origin, limit_us).await,
        };
        let (opened, connected_us) = match found {
            Ok(opened) => opened,
            // Sent once, on the connection before, and not again.
            Err(failure) => {
                return ExchangeResult {
                    written: first.written,
                    ..ExchangeResult::unconnected(clock.now_us(), failure)
                };
            }
        };
        let mut result = match opened {
            // Its connection is a new one, after which nothing is repeated.
            Opened::H1(connection) => self.exchange_h1(connection, connected_us, spec).await,
            Opened::H2(lease) => self.exchange_h2(lease, (connected_us, true), spec).await,
        };
        // The request began before this connection: the difference is no time to
        // connect.
        result.connected_us = first.connected_us;
        result.reconnected_us = connected_us.map(|us| us.saturating_sub(from_us));
        result.written += first.written;
        result.resent = first.is_sent;
        result
    }

    /// Keeps a connection for further requests.
    #[inline]
    fn keep(&mut self, opened: Opened) {
        if self.idle.capacity() == 0 {
            // Most users have one origin; a vector would begin with room for four.
            self.idle.reserve_exact(1);
        }
        if self.idle.len() >= MOST_IDLE.max(self.connector.named_origins) {
            self.idle.remove(0);
        }
        self.idle.push(opened);
    }

    /// The open connection in HTTP/2 to an origin: one that ended is not among them.
    fn take_refused(&mut self, origin: &Rc<Origin>, now_us: u64) -> Option<Opened> {
        let is_h2 = |opened: &Opened| matches!(opened, Opened::H2(_));
        let mut idle = self.idle.iter();
        idle.any(|opened| is_h2(opened) && Rc::ptr_eq(opened.origin(), origin))
            .then(|| self.take_open(origin, now_us))?
    }

    /// Closes the connections of a round, where each begins with new ones.
    #[inline]
    pub(crate) fn begin_round(&mut self) {
        if self.connector.policy.reuse == Reuse::Iteration {
            self.idle.clear();
        }
    }

    /// The open connection to an origin, if the peer has not closed it, the name still has its
    /// address, and it is not too old.
    fn take_open(&mut self, origin: &Rc<Origin>, now_us: u64) -> Option<Opened> {
        if let Some(pool) = &self.connector.pool
            && let Some(lease) = pool.take(origin, now_us)
        {
            return Some(Opened::H2(lease));
        }
        let at = self
            .idle
            .iter()
            .position(|opened| Rc::ptr_eq(opened.origin(), origin))?;
        let mut opened = self.idle.swap_remove(at);
        if now_us >= self.connector.policy.last_use_us(opened.opened_us()) {
            return None;
        }
        let usable = match &mut opened {
            Opened::H1(connection) => {
                let mut buffer = self.connector.io.buffer.borrow_mut();
                connection.address.is_current() && connection.stream.has_no_input(&mut buffer)
            }
            Opened::H2(lease) => lease.is_usable(),
        };
        usable.then_some(opened)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tests::target::Target;
    use crate::engine::tests::{group_run, step, users};

    /// Ten thousand users may open their connections at once, and what that takes is not given back.
    #[test]
    fn opening_a_connection_is_small() {
        let target = Target::plain();
        let group = group_run(users(1.0, 1_000, vec![step(&target, "/")]), 1);
        let connector = group.connector();
        let endpoint = group.prepared().steps[0].request.endpoint().unwrap();
        let origin = connector.origin(endpoint);
        let opening = open(connector, &origin, 1);
        assert!(size_of_val(&opening) <= 1_280, "{}", size_of_val(&opening));
    }
}
