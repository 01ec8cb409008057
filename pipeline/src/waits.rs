//! Waits of a workflow that a runner's event ends: at home a runner that is ready, has finished or
//! ended is told at once, so no wait for it has to last its whole seconds. Waits before a new try of
//! what failed last as long as they say. The driver sleeps; here is only which wait is over.

use crate::workflow::frame::Effect;
use std::collections::HashMap;
use tokio::sync::watch;

/// The waits of one execution.
#[derive(Debug)]
pub struct Waits {
    /// How far the run's runners are: another number after each event.
    events: watch::Receiver<u64>,
    /// How far they were when the function was called whose answer was to wait.
    since: HashMap<u64, u64>,
    asked_at: u64,
}

impl Waits {
    /// None yet.
    pub fn new(events: watch::Receiver<u64>) -> Self {
        let asked_at = *events.borrow();
        Self {
            events,
            since: HashMap::new(),
            asked_at,
        }
    }

    /// A function is about to look at the runners.
    pub fn ask(&mut self) {
        self.asked_at = *self.events.borrow();
    }

    /// The wait, if there is one, that an event has ended since its runners were looked at.
    pub fn over(&mut self, pending: &[Effect]) -> Option<u64> {
        let waits: Vec<u64> = pending.iter().filter_map(wait_on_runners).collect();
        self.since.retain(|token, _| waits.contains(token));
        for token in &waits {
            self.since.entry(*token).or_insert(self.asked_at);
        }
        let now = *self.events.borrow();
        waits.into_iter().find(|token| self.since[token] != now)
    }

    /// Resolves with the next event; never once nobody tells events any more.
    pub async fn next_event(&mut self) {
        if self.events.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

fn wait_on_runners(effect: &Effect) -> Option<u64> {
    match effect {
        Effect::Wake { token, retry, .. } => (!retry).then_some(*token),
        Effect::Invoke { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(token: u64, retry: bool) -> Effect {
        Effect::Wake {
            token,
            at_ms: 1_000,
            retry,
        }
    }

    #[test]
    fn an_event_ends_every_wait_that_began_before_it_and_no_other() {
        let (tell, events) = watch::channel(0);
        let mut waits = Waits::new(events);
        waits.ask();
        let both = [wait(1, false), wait(2, false)];
        assert_eq!(waits.over(&both), None);
        tell.send_replace(1);
        assert_eq!(waits.over(&both), Some(1));
        // The next look, and the wait that follows it, know of that event.
        waits.ask();
        let left = [wait(2, false), wait(3, false)];
        assert_eq!(waits.over(&left), Some(2));
        assert_eq!(waits.over(&left[1..]), None);
    }

    #[test]
    fn what_happens_during_a_look_ends_the_wait_after_it() {
        let (tell, events) = watch::channel(0);
        let mut waits = Waits::new(events);
        waits.ask();
        tell.send_replace(1);
        assert_eq!(waits.over(&[wait(1, false)]), Some(1));
    }

    #[test]
    fn a_look_of_another_region_takes_no_event_from_a_wait() {
        let (tell, events) = watch::channel(0);
        let mut waits = Waits::new(events);
        waits.ask();
        tell.send_replace(1);
        assert_eq!(waits.over(&[wait(1, false)]), Some(1));
        waits.ask();
        assert_eq!(waits.over(&[wait(1, false)]), Some(1));
    }

    #[test]
    fn a_new_try_is_not_made_early() {
        let (tell, events) = watch::channel(0);
        let mut waits = Waits::new(events);
        waits.ask();
        tell.send_replace(1);
        assert_eq!(waits.over(&[wait(1, true)]), None);
    }

    #[tokio::test]
    async fn an_event_during_the_wait_resolves() {
        let (tell, events) = watch::channel(0);
        let mut waits = Waits::new(events);
        waits.ask();
        assert_eq!(waits.over(&[wait(1, false)]), None);
        tell.send_replace(7);
        waits.next_event().await;
        assert_eq!(waits.over(&[wait(1, false)]), Some(1));
    }
}
