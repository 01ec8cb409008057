//! One client: its connections, and one request at a time on them. It returns
//! instants, bytes and an answer or a failure; whether the answer is good is
//! decided by the walker.

use crate::engine::failure::{Failure, duration_text};
use crate::engine::http::connect::{Connection, Connector};
use crate::engine::http::exchange::{Exchange, ExchangeResult};
use crate::engine::http::origin::Origin;
use crate::engine::http::request_spec::{DeadlineTimer, RequestSpec, deadline};
use std::future::poll_fn;
use std::rc::Rc;

/// Most connections a client keeps open between requests, one an origin.
const MOST_IDLE: usize = 8;

/// A client: keeps connections open between requests.
#[derive(Debug)]
pub(crate) struct Client {
    connector: Rc<Connector>,
    keepalive: bool,
    idle: Vec<Connection>,
    timer: DeadlineTimer,
    /// The first bytes of an answer that may fail, for people.
    pub(crate) captured: Vec<u8>,
}

/// Describes the connection in place of the answer that did not come, for people.
#[cold]
fn describe_connection(connection: &Connection, captured: &mut Vec<u8>, sent_us: u64) {
    let ago = |us: u64| duration_text(sent_us.saturating_sub(us));
    let text = format!(
        "[no byte of an answer: the connection was a reused one, opened {} before and idle for {}; {} earlier requests on it were answered]",
        ago(connection.opened_us),
        ago(connection.idle_since_us),
        connection.requests.saturating_sub(1)
    );
    captured.extend_from_slice(text.as_bytes());
}

impl Client {
    /// A client without connections.
    pub(crate) fn new(connector: Rc<Connector>, keepalive: bool) -> Self {
        Self {
            connector,
            keepalive,
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
    ) -> Result<(Connection, Option<u64>), ExchangeResult> {
        match self.take_idle(spec.origin) {
            Some(connection) => Ok((connection, None)),
            None => {
                let limit_us = spec.timeouts.connect_us.min(spec.timeouts.total_us);
                let connector = self.connector.clone();
                // Boxed: most requests find their connection open, and the future
                // of a user stays small.
                match Box::pin(connector.open(spec.origin, limit_us)).await {
                    Ok(connection) => {
                        let connected_us = connection.opened_us;
                        Ok((connection, Some(connected_us)))
                    }
                    Err(failure) => Err(ExchangeResult::unconnected(
                        connector.io.clock.now_us(),
                        failure,
                    )),
                }
            }
        }
    }

    /// Sends a request on a connection and reads its answer. If a reused
    /// connection has ended, a request that may be repeated is sent once more, on
    /// a new connection.
    pub(crate) async fn exchange(
        &mut self,
        mut connection: Connection,
        connected_us: Option<u64>,
        spec: &RequestSpec<'_>,
    ) -> ExchangeResult {
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
                return Box::pin(self.send_again(exchange.written(), spec)).await;
            }
            failure = Some(Failure::closed_idle(
                &spec.origin.authority,
                spec.may_resend,
            ));
            describe_connection(&connection, &mut self.captured, spec.sent_us);
        }
        if exchange.reusable() && self.keepalive {
            if self.idle.len() >= MOST_IDLE {
                self.idle.remove(0);
            }
            connection.idle_since_us = exchange.read_us();
            self.idle.push(connection);
        }
        exchange.into_result(connected_us, failure)
    }

    /// Sends a request again on a new connection, timed from its first sending, of
    /// which `written` bytes were written.
    async fn send_again(&mut self, written: u64, spec: &RequestSpec<'_>) -> ExchangeResult {
        let connector = self.connector.clone();
        let clock = connector.io.clock;
        let left_us = deadline(spec.sent_us, spec.timeouts.total_us).saturating_sub(clock.now_us());
        let limit_us = spec.timeouts.connect_us.min(left_us);
        let connection = match connector.open(spec.origin, limit_us).await {
            Ok(connection) => connection,
            // Sent once, on the connection before, and not again.
            Err(failure) => {
                return ExchangeResult {
                    written,
                    ..ExchangeResult::unconnected(clock.now_us(), failure)
                };
            }
        };
        let opened_us = connection.opened_us;
        let mut result = self.exchange(connection, Some(opened_us), spec).await;
        // The request began before the connection: the difference is no time to
        // connect.
        result.connected_us = None;
        result.resent = true;
        result
    }

    /// The open connection to an origin, if the peer has not closed it and the
    /// name still has its address.
    fn take_idle(&mut self, origin: &Rc<Origin>) -> Option<Connection> {
        let at = self
            .idle
            .iter()
            .position(|connection| Rc::ptr_eq(&connection.origin, origin))?;
        let mut connection = self.idle.swap_remove(at);
        let mut buffer = self.connector.io.buffer.borrow_mut();
        let usable = connection.address.is_current() && connection.stream.has_no_input(&mut buffer);
        usable.then_some(connection)
    }
}
