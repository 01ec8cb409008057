//! What one request asks of a client, and the limit that its time has. Who
//! sends it is `client`, who reads its answer `exchange`.

use super::connect::Connector;
use super::kept::Wants;
use super::origin::Origin;
use super::request::Request;
use crate::engine::failure::{Failure, in_words};
use dlt_core::measure::sample::Cause;
use dlt_core::scenario::plan::{StatusSet, Timeouts};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::task::coop::unconstrained;
use tokio::time::Sleep;

/// No time limit reaches further than this, µs: 62 days.
const LONGEST_LIMIT_US: u64 = 62 * 24 * 3600 * 1_000_000;

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
    use super::*;
    use crate::engine::clock::Clock;
    use crate::engine::http::connect::Wire;
    use crate::engine::http::origin::Origins;
    use crate::engine::http::resolver::Resolver;
    use crate::engine::http::tls::TlsChoice;
    use dlt_core::scenario::plan::{Dns, Tls};
    use std::future::poll_fn;
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
