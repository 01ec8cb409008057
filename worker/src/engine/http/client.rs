//! One client: its connections, and one request at a time on them. What it
//! gives back are instants, bytes and an answer or a failure; whether that is
//! good is decided by the steps.

use crate::engine::failure::{Failure, in_words};
use crate::engine::http::ask::{Alarm, Ask, deadline};
use crate::engine::http::connect::{Connection, Connector};
use crate::engine::http::exchange::{Ended, Exchange};
use crate::engine::http::origin::Origin;
use std::future::poll_fn;
use std::rc::Rc;

/// Most connections a client keeps open between requests, one an origin.
const MOST_IDLE: usize = 8;
/// One client.
#[derive(Debug)]
pub(crate) struct Client {
    connector: Rc<Connector>,
    keepalive: bool,
    idle: Vec<Connection>,
    alarm: Alarm,
    /// The first bytes of an answer that is not plainly good, for people.
    pub(crate) seen: Vec<u8>,
}

/// Says where the answer would stand what the connection was: for whoever looks
/// at the exchange.
#[cold]
fn describe(connection: &Connection, seen: &mut Vec<u8>, sent_us: u64) {
    let ago = |us: u64| in_words(sent_us.saturating_sub(us));
    let text = format!(
        "[no byte of an answer: the connection was a reused one, opened {} before and idle for {}; {} earlier requests on it were answered]",
        ago(connection.opened_us),
        ago(connection.idle_since_us),
        connection.requests.saturating_sub(1)
    );
    seen.extend_from_slice(text.as_bytes());
}

impl Client {
    /// A client without connections.
    pub(crate) fn new(connector: Rc<Connector>, keepalive: bool) -> Self {
        Self {
            connector,
            keepalive,
            idle: Vec::new(),
            alarm: Alarm::default(),
            seen: Vec::new(),
        }
    }

    /// A connection for a request: one that is open, else a new one, with the
    /// instant when it stood.
    #[inline]
    pub(crate) async fn connect(
        &mut self,
        ask: &Ask<'_>,
    ) -> Result<(Connection, Option<u64>), Ended> {
        match self.take_idle(ask.origin) {
            Some(connection) => Ok((connection, None)),
            None => {
                let limit_us = ask.timeouts.connect_us.min(ask.timeouts.total_us);
                let connector = self.connector.clone();
                // Boxed: most requests never come here, and no user should
                // carry the space for it.
                match Box::pin(connector.open(ask.origin, limit_us)).await {
                    Ok(connection) => {
                        let connected_us = connection.opened_us;
                        Ok((connection, Some(connected_us)))
                    }
                    Err(failure) => Err(Ended::unconnected(connector.wire.clock.now_us(), failure)),
                }
            }
        }
    }

    /// Sends a request on a connection and reads its answer. If a reused
    /// connection turns out to have ended, a request that may be repeated is
    /// sent once more, on a fresh one.
    pub(crate) async fn exchange(
        &mut self,
        mut connection: Connection,
        connected_us: Option<u64>,
        ask: &Ask<'_>,
    ) -> Ended {
        self.seen.clear();
        connection.requests = connection.requests.saturating_add(1);
        connection.address.count_request();
        let connector = self.connector.clone();
        let mut exchange = Exchange::new(ask, connected_us);
        let mut failure = poll_fn(|cx| {
            let (alarm, seen) = (&mut self.alarm, &mut self.seen);
            exchange.poll(cx, &mut connection, alarm, seen, ask, &connector)
        })
        .await;
        if connected_us.is_none() && exchange.ended_before_answer(failure.as_ref()) {
            if ask.resends && ask.request.repeatable {
                // Its descriptor is free for the new one.
                drop(connection);
                // Boxed, as opening a connection is.
                return Box::pin(self.send_again(exchange.written(), ask)).await;
            }
            failure = Some(Failure::closed_idle(&ask.origin.authority, ask.resends));
            describe(&connection, &mut self.seen, ask.sent_us);
        }
        if exchange.reusable() && self.keepalive {
            if self.idle.len() >= MOST_IDLE {
                self.idle.remove(0);
            }
            connection.idle_since_us = exchange.read_us();
            self.idle.push(connection);
        }
        exchange.ended(connected_us, failure)
    }

    /// The same request on a fresh connection, timed from its first sending, of
    /// which so many bytes were written.
    async fn send_again(&mut self, written: u64, ask: &Ask<'_>) -> Ended {
        let connector = self.connector.clone();
        let clock = connector.wire.clock;
        let left_us = deadline(ask.sent_us, ask.timeouts.total_us).saturating_sub(clock.now_us());
        let limit_us = ask.timeouts.connect_us.min(left_us);
        let mut ended = match connector.open(ask.origin, limit_us).await {
            Ok(connection) => {
                let opened_us = connection.opened_us;
                self.exchange(connection, Some(opened_us), ask).await
            }
            Err(failure) => Ended {
                written,
                ..Ended::unconnected(clock.now_us(), failure)
            },
        };
        // The connection did not begin when the request did: its time is no
        // time to connect.
        ended.connected_us = None;
        ended.resent = true;
        ended
    }

    /// The open connection to an origin, if the peer still holds it and the
    /// name still has its address.
    fn take_idle(&mut self, origin: &Rc<Origin>) -> Option<Connection> {
        let at = self
            .idle
            .iter()
            .position(|connection| Rc::ptr_eq(&connection.origin, origin))?;
        let mut connection = self.idle.swap_remove(at);
        let mut buffer = self.connector.wire.buffer.borrow_mut();
        let usable = connection.address.is_current() && connection.stream.is_quiet(&mut buffer);
        usable.then_some(connection)
    }
}
