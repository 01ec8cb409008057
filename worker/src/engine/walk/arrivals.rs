//! Open load: arrivals are handed to idle walkers when they are due, the one
//! idle for the shortest time first, so that open connections are used again.
//! Whoever is late is sent at once. Dropped is what the connection cap leaves no
//! room for, and what is overdue when the load is over.

use crate::engine::pace::{Schedule, Timer};
use crate::engine::walk::group::GroupRun;
use crate::engine::walk::walker::{Taken, Walker};
use dlt_core::scenario::plan::Pacing;
use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::task::{Poll, Waker};
use tokio::task::JoinSet;
use tokio::time::sleep_until;

/// After so many overdue arrivals in a row the sockets have their turn.
const BATCH: u32 = 64;
/// How long after the planned end overdue arrivals are still sent, µs: a last
/// wake-up that came late is no overload, but a backlog must not go on for as
/// long as it takes, or the run's report comes too late for anybody.
const LATEST_US: u64 = 250_000;

/// The idle walkers of a group on one thread.
#[derive(Debug, Default)]
struct Pool {
    /// Last in, first out.
    idle: RefCell<Vec<Rc<Seat>>>,
}

/// Where a walker waits for an arrival.
#[derive(Debug, Default)]
struct Seat {
    due_us: Cell<Option<u64>>,
    waker: RefCell<Option<Waker>>,
}

impl Seat {
    fn give(&self, due_us: u64) {
        self.due_us.set(Some(due_us));
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    /// The next arrival; woken for another reason, it waits on.
    async fn take(&self) -> u64 {
        std::future::poll_fn(|cx| match self.due_us.take() {
            Some(due_us) => Poll::Ready(due_us),
            None => {
                let mut waker = self.waker.borrow_mut();
                if !waker
                    .as_ref()
                    .is_some_and(|waker| waker.will_wake(cx.waker()))
                {
                    *waker = Some(cx.waker().clone());
                }
                Poll::Pending
            }
        })
        .await
    }
}

/// A group's arrivals on one thread.
#[derive(Debug)]
pub(crate) struct Arrivals<'a> {
    group: &'a Rc<GroupRun>,
    /// What is not handed out yet; None on a thread that takes no part.
    schedule: Option<Schedule<'a>>,
    /// Most requests in flight.
    cap: u64,
}

impl<'a> Arrivals<'a> {
    /// The arrivals of thread `thread`.
    pub(crate) fn new(group: &'a Rc<GroupRun>, thread: u64) -> Self {
        let load = &group.plan().load;
        let part = group.load().arrivals_of(load, thread);
        let of_cap = part.map_or(0, |part| part.count(load.connections));
        Self {
            group,
            schedule: part.map(|part| Schedule::new(load.model.curve(), part)),
            // A runner whose part of the cap is nothing may have one in flight
            // all the same (`prepare` warns): else its arrivals all were lost.
            cap: of_cap.max(1),
        }
    }

    /// Runs them up to the planned end. Ends early only by being dropped.
    pub(crate) async fn run(&mut self, tasks: &mut JoinSet<()>) -> io::Result<()> {
        let group = self.group;
        if let Some(schedule) = &mut self.schedule {
            let timer = Timer::new(group.clock, group.plan().load.pacing)?;
            hand_out(group, schedule, timer, self.cap, tasks).await?;
        }
        sleep_until(group.clock.instant(group.end_us.get())).await;
        Ok(())
    }

    /// No more is sent: what was due up to the end (planned, or when the load
    /// was stopped) and is still here counts as dropped; how many that were.
    pub(crate) fn leave(self) -> u64 {
        let Some(mut schedule) = self.schedule else {
            return 0;
        };
        let Some(first_us) = schedule.next_us() else {
            return 0;
        };
        let count = schedule.pass_over(self.group.end_us.get());
        if count > 0 {
            let now_us = self.group.clock.now_us();
            let mut recorder = self.group.recorder.borrow_mut();
            recorder.dropped(count, first_us, now_us);
        }
        count
    }
}

/// Hands arrivals out until none is left, or the end is past.
async fn hand_out(
    group: &Rc<GroupRun>,
    schedule: &mut Schedule<'_>,
    mut timer: Timer,
    cap: u64,
    tasks: &mut JoinSet<()>,
) -> io::Result<()> {
    let pool = Rc::new(Pool::default());
    let spin = group.plan().load.pacing == Pacing::Spin;
    let latest_us = group.end_us.get() + LATEST_US;
    let mut walkers = 0;
    let mut batch = 0;
    let mut now_us = group.clock.now_us();
    while let Some(due_us) = schedule.next_us() {
        if due_us > now_us {
            now_us = group.clock.now_us();
        }
        if now_us >= latest_us {
            break;
        }
        if due_us > now_us {
            timer.wait(due_us).await?;
            now_us = group.clock.now_us();
            batch = 0;
            // Spinning looks often; only due arrivals are handed out.
            if spin && due_us > now_us {
                continue;
            }
        }
        schedule.advance();
        let idle = pool.idle.borrow_mut().pop();
        if let Some(seat) = idle {
            group.hand_over();
            seat.give(due_us);
        } else if walkers < cap {
            walkers += 1;
            let seat = Rc::new(Seat::default());
            group.hand_over();
            seat.give(due_us);
            tasks.spawn_local(walk(group.clone(), pool.clone(), seat));
        } else {
            group
                .recorder
                .borrow_mut()
                .dropped(1, due_us, group.clock.now_us());
        }
        batch += 1;
        if batch >= BATCH {
            batch = 0;
            tokio::task::yield_now().await;
            // With a backlog no due time asks for the clock.
            now_us = group.clock.now_us();
        }
    }
    Ok(())
}

/// One arrival after another, each once through the steps.
async fn walk(group: Rc<GroupRun>, pool: Rc<Pool>, seat: Rc<Seat>) {
    let mut walker = Walker::new(group.clone());
    loop {
        let due_us = seat.take().await;
        group.taken();
        group.recorder.borrow_mut().arrival_in();
        through(&group, &mut walker, due_us).await;
        group.recorder.borrow_mut().arrival_out();
        pool.idle.borrow_mut().push(seat.clone());
    }
}

async fn through(group: &Rc<GroupRun>, walker: &mut Walker, arrival_us: u64) {
    walker.forget();
    if let Err(path) = walker.next_row() {
        group.notice(format!(
            "scenario {}: an arrival was dropped, since all rows of {path} that are this thread's were used; give more rows, or loop: true",
            group.plan().name
        ));
        return drop_arrival(group, arrival_us);
    }
    let mut due_us = arrival_us;
    // An arrival that was handed out is sent, however late the generator is.
    let mut until_us = u64::MAX;
    for (n, step) in group.plan().steps.iter().enumerate() {
        if group.clock.now_us() < due_us {
            sleep_until(group.clock.instant(due_us)).await;
        }
        let stepped = match walker.step(n, Some(due_us), until_us).await {
            Taken::Done(stepped) => stepped,
            Taken::Over => return,
            Taken::Stuck => {
                // The plan wanted its first request; what would have followed
                // from an answer was never due.
                if n == 0 {
                    drop_arrival(group, arrival_us);
                }
                return;
            }
        };
        // Nobody can follow an answer before it is read.
        due_us = stepped.read_us + step.think_time_us;
        until_us = group.end_us.get();
    }
}

/// An arrival that cannot send anything.
#[cold]
fn drop_arrival(group: &GroupRun, arrival_us: u64) {
    let now_us = group.clock.now_us();
    group.recorder.borrow_mut().dropped(1, arrival_us, now_us);
    group.passed();
}
