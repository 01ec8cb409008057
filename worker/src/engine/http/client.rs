//! One client: its connections, and one request at a time on them. What it
//! gives back are instants, bytes and an answer or a failure; whether that is
//! good is decided by the steps.

use super::super::errors::{Failure, in_words};
use super::connect::{Connection, Connector};
use super::exchange::{Ended, Exchange};
use super::kept::Wants;
use super::origin::Origin;
use super::request::Request;
use dlt_core::sample::Cause;
use dlt_core::scenario::plan::{StatusSet, Timeouts};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::task::coop::unconstrained;
use tokio::time::Sleep;

/// Most connections a client keeps open between requests, one an origin.
const MOST_IDLE: usize = 8;
/// No time limit reaches further than this, µs: 62 days.
const LONGEST_LIMIT_US: u64 = 62 * 24 * 3600 * 1_000_000;

/// One client.
#[derive(Debug)]
pub(crate) struct Client {
    connector: Rc<Connector>,
    keepalive: bool,
    idle: Vec<Connection>,
    pub(super) alarm: Alarm,
    /// The first bytes of an answer that is not plainly good, for people.
    pub(crate) seen: Vec<u8>,
}

/// What one request asks of a client.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask<'a> {
    pub(crate) origin: &'a Rc<Origin>,
    pub(crate) request: &'a Request,
    pub(crate) expect: &'a StatusSet,
    pub(crate) timeouts: &'a Timeouts,
    /// What is to be kept of the answer.
    pub(crate) wants: Wants,
    /// Whether people may want to see an answer that seems good.
    pub(crate) shown: bool,
    /// Whether the scenario lets a repeatable request be sent again.
    pub(crate) resends: bool,
    pub(crate) sent_us: u64,
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
        let mut failure =
            poll_fn(|cx| exchange.poll(cx, &mut connection, self, ask, &connector)).await;
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

/// One timer a client, set anew only when it rang too early: a request that is
/// answered in time costs no timer operation.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
    rings_us: u64,
}

impl Alarm {
    /// Whether `deadline_us` has passed; if not, the task will be woken by then.
    #[inline]
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        deadline_us: u64,
        connector: &Connector,
    ) -> bool {
        match &self.sleep {
            Some(sleep) if self.rings_us <= deadline_us && !sleep.is_elapsed() => false,
            _ => self.set(cx, deadline_us, connector),
        }
    }

    #[cold]
    fn set(&mut self, cx: &mut Context<'_>, deadline_us: u64, connector: &Connector) -> bool {
        let clock = connector.wire.clock;
        if clock.now_us() >= deadline_us {
            return true;
        }
        let at = clock.instant(deadline_us);
        let sleep = match &mut self.sleep {
            Some(sleep) => {
                sleep.as_mut().reset(at);
                sleep
            }
            none => none.insert(Box::pin(tokio::time::sleep_until(at))),
        };
        self.rings_us = deadline_us;
        // Registers the task; ready already only if the deadline just passed.
        // Unconstrained: a task whose turn is used up would be told to come
        // again without being registered, and nothing polls the sleep then.
        let mut sleep = unconstrained(sleep.as_mut());
        matches!(Pin::new(&mut sleep).poll(cx), Poll::Ready(()))
    }
}

/// The end of a time limit, without overflow.
pub(super) fn deadline(from_us: u64, limit_us: u64) -> u64 {
    from_us.saturating_add(limit_us.min(LONGEST_LIMIT_US))
}

/// What a passed deadline means.
pub(super) fn timed_out(timeouts: &Timeouts, got_bytes: bool, peer: &str) -> Failure {
    if got_bytes {
        let limit = in_words(timeouts.total_us);
        return Failure::text(
            Cause::TimeoutBody,
            format!("no complete answer from {peer} within {limit}"),
        );
    }
    let limit = in_words(timeouts.first_byte_us.min(timeouts.total_us));
    Failure::text(
        Cause::TimeoutFirstByte,
        format!("no first byte from {peer} within {limit}"),
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::clock::Clock;
    use super::super::super::tls::TlsChoice;
    use super::super::connect::Wire;
    use super::super::origin::Origins;
    use super::super::resolver::Resolver;
    use super::*;
    use dlt_core::scenario::plan::{Dns, Tls};
    use std::sync::Arc;
    use std::time::{Duration, Instant};
    use tokio::task::coop::has_budget_remaining;

    #[tokio::test(flavor = "current_thread")]
    async fn an_alarm_set_by_a_task_whose_turn_is_used_up_rings() {
        let clock = Clock::new(Instant::now());
        let origins = Origins::new(Resolver::system(), Vec::new(), 0);
        let wire = Rc::new(Wire::new(clock, origins));
        let connector = Connector::new(
            wire,
            Arc::new(TlsChoice::new(&Tls::default(), Arc::default())),
            Dns::default(),
        );
        let mut alarm = Alarm::default();
        let deadline_us = clock.now_us() + 30_000;
        let (sender, mut many) = tokio::sync::mpsc::unbounded_channel();
        (0..1_000).for_each(|n| sender.send(n).unwrap());
        let rung = poll_fn(|cx| {
            while has_budget_remaining() && many.poll_recv(cx).is_ready() {}
            match alarm.poll(cx, deadline_us, &connector) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        });
        let patience = Duration::from_secs(10);
        assert!(tokio::time::timeout(patience, rung).await.is_ok());
    }
}
