//! Open load: arrivals are handed to idle walkers when they are due, the one
//! idle for the shortest time first, so that open connections are used again.
//! Whoever is late is sent at once; only the connection cap drops.

use super::pace::{Schedule, Timer};
use super::steps::{GroupRun, Walker};
use dlt_core::scenario::plan::Pacing;
use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::task::{Poll, Waker};
use tokio::task::JoinSet;
use tokio::time::sleep_until;

/// After so many overdue arrivals in a row the sockets have their turn.
const BATCH: u32 = 64;

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

/// Runs a group's arrivals on thread `thread` up to the planned end. Ends early
/// only by being dropped.
pub(super) async fn run(
    group: &Rc<GroupRun>,
    thread: u64,
    tasks: &mut JoinSet<()>,
) -> io::Result<()> {
    let load = &group.plan().load;
    let lot = group.load().lot;
    // With fewer connections than threads some threads would drop all they
    // have: so only as many take part.
    let threads = group.load().threads.min(lot.count(load.connections)).max(1);
    if thread < threads {
        let lot = lot.split(thread, threads);
        let cap = lot.count(load.connections);
        let schedule = Schedule::new(load.model.curve(), lot);
        let timer = Timer::new(group.clock, load.pacing)?;
        hand_out(group, schedule, timer, cap, tasks).await?;
    }
    sleep_until(group.clock.instant(group.end_us.get())).await;
    Ok(())
}

async fn hand_out(
    group: &Rc<GroupRun>,
    mut schedule: Schedule<'_>,
    mut timer: Timer,
    cap: u64,
    tasks: &mut JoinSet<()>,
) -> io::Result<()> {
    let pool = Rc::new(Pool::default());
    let spin = group.plan().load.pacing == Pacing::Spin;
    let mut walkers = 0;
    let mut batch = 0;
    let mut now_us = group.clock.now_us();
    while let Some(due_us) = schedule.next_us() {
        if due_us > now_us {
            now_us = group.clock.now_us();
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
                .dropped(due_us, group.clock.now_us());
        }
        batch += 1;
        if batch >= BATCH {
            batch = 0;
            tokio::task::yield_now().await;
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
        group.recorder.borrow_mut().user_in();
        through(&group, &mut walker, due_us).await;
        group.recorder.borrow_mut().user_out();
        pool.idle.borrow_mut().push(seat.clone());
    }
}

async fn through(group: &Rc<GroupRun>, walker: &mut Walker, arrival_us: u64) {
    let mut due_us = arrival_us;
    // An arrival that was due is sent, however late the generator is.
    let mut until_us = u64::MAX;
    for (n, step) in group.plan().steps.iter().enumerate() {
        if group.clock.now_us() < due_us {
            sleep_until(group.clock.instant(due_us)).await;
        }
        let Some(stepped) = walker.step(n, Some(due_us), until_us).await else {
            return;
        };
        due_us = stepped.done_us + step.think_time_us;
        until_us = group.end_us.get();
    }
}
