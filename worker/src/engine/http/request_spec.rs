//! The specification of one request for a client, and its time limits. `client`
//! sends it, `exchange` reads its answer.

use super::h2_head::H2Head;
use super::kept::KeepSpec;
use super::origin::Origin;
use super::request::Request;
use super::thread_io::ThreadIo;
use crate::engine::failure::{Failure, duration_text};
use dlt_core::measure::sample::Cause;
use dlt_core::scenario::plan::{StatusSet, Timeouts};
use std::cell::OnceCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::task::coop::unconstrained;
use tokio::time::Sleep;

/// Longest time limit, µs: 62 days.
const LONGEST_LIMIT_US: u64 = 62 * 24 * 3600 * 1_000_000;

/// One request, as a client sends it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestSpec<'a> {
    pub(crate) origin: &'a Rc<Origin>,
    pub(crate) request: &'a Request,
    /// Where the request's form in HTTP/2 is kept, if the request never varies.
    pub(crate) h2_head: Option<&'a OnceCell<H2Head>>,
    pub(crate) expect: &'a StatusSet,
    pub(crate) timeouts: &'a Timeouts,
    /// What to keep of the answer.
    pub(crate) keep: KeepSpec,
    /// Whether the answer is checked afterwards: its bytes are then captured for
    /// people even if its status is good.
    pub(crate) has_checks: bool,
    /// Whether the scenario lets a repeatable request be sent again.
    pub(crate) may_resend: bool,
    pub(crate) sent_us: u64,
}

/// The one timer of a client, set again only when it expired too early: a request
/// that is answered in time costs no timer operation.
#[derive(Debug, Default)]
pub(super) struct DeadlineTimer {
    sleep: Option<Pin<Box<Sleep>>>,
    expires_us: u64,
}

impl DeadlineTimer {
    /// Whether `deadline_us` has passed; if not, the task is woken by then.
    #[inline]
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, deadline_us: u64, io: &ThreadIo) -> bool {
        match &self.sleep {
            Some(sleep) if self.expires_us <= deadline_us && !sleep.is_elapsed() => false,
            _ => self.set(cx, deadline_us, io),
        }
    }

    #[cold]
    fn set(&mut self, cx: &mut Context<'_>, deadline_us: u64, io: &ThreadIo) -> bool {
        let clock = io.clock;
        if clock.now_us() >= deadline_us {
            return true;
        }
        let at = clock.instant_at(deadline_us);
        let sleep = match &mut self.sleep {
            Some(sleep) => {
                sleep.as_mut().reset(at);
                sleep
            }
            none => none.insert(Box::pin(tokio::time::sleep_until(at))),
        };
        self.expires_us = deadline_us;
        // Registers the task; ready only if the deadline has just passed.
        // Unconstrained: a task without budget left is not registered, and then
        // nothing polls the sleep.
        let mut sleep = unconstrained(sleep.as_mut());
        matches!(Pin::new(&mut sleep).poll(cx), Poll::Ready(()))
    }
}

/// The end of a time limit; long ones are cut so that it does not overflow.
pub(super) fn deadline(from_us: u64, limit_us: u64) -> u64 {
    from_us.saturating_add(limit_us.min(LONGEST_LIMIT_US))
}

/// The failure of a request whose deadline has passed.
pub(super) fn timed_out(timeouts: &Timeouts, got_bytes: bool, peer: &str) -> Failure {
    if got_bytes {
        let limit = duration_text(timeouts.total_us);
        return Failure::new(
            Cause::TimeoutBody,
            format!("no complete answer from {peer} within {limit}"),
        );
    }
    let limit = duration_text(timeouts.first_byte_us.min(timeouts.total_us));
    Failure::new(
        Cause::TimeoutFirstByte,
        format!("no first byte from {peer} within {limit}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::clock::RunClock;
    use crate::engine::http::origin::Origins;
    use crate::engine::http::resolver::Resolver;
    use crate::engine::memory::Memory;
    use dlt_core::target_policy::TargetPolicy;
    use std::future::poll_fn;
    use std::time::{Duration, Instant};
    use tokio::task::coop::has_budget_remaining;

    #[tokio::test(flavor = "current_thread")]
    async fn a_timer_set_by_a_task_without_budget_expires() {
        let clock = RunClock::new(Instant::now());
        let origins = Origins::new(Resolver::system(TargetPolicy::default()), Vec::new(), 0);
        let io = ThreadIo::new(clock, origins, &Memory::new(None), 1);
        let mut timer = DeadlineTimer::default();
        let deadline_us = clock.now_us() + 30_000;
        let (sender, mut many) = tokio::sync::mpsc::unbounded_channel();
        (0..1_000).for_each(|n| sender.send(n).unwrap());
        let expired = poll_fn(|cx| {
            while has_budget_remaining() && many.poll_recv(cx).is_ready() {}
            if timer.poll(cx, deadline_us, &io) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        });
        let patience = Duration::from_secs(10);
        assert!(tokio::time::timeout(patience, expired).await.is_ok());
    }
}
