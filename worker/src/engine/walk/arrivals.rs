//! Open load: each arrival is assigned to an idle walker when it is due; the walker
//! that became idle last comes first, so that open connections are reused. A late
//! arrival is sent at once. Arrivals are dropped when the limit of connections is
//! reached, and when they are overdue at the end of the load.

use crate::engine::pace::{Schedule, Timer};
use crate::engine::walk::group::GroupRun;
use crate::engine::walk::walker::{Action, StepOutcome, Walker};
use dlt_core::scenario::plan::Pacing;
use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::task::{Poll, Waker};
use tokio::task::JoinSet;
use tokio::time::sleep_until;

/// After so many arrivals in a row the sockets are polled.
const BATCH: u32 = 64;
/// How long after the planned end overdue arrivals are still sent, µs. A last
/// wake-up that is late is no overload; but a backlog must not delay the report.
const LATEST_SEND_US: u64 = 250_000;

/// A load that begins so much after its first arrival was due has missed what was due
/// until then, µs; less is lag.
const LATEST_BEGIN_US: u64 = 1_000_000;

/// The idle walkers of a group on one thread.
#[derive(Debug, Default)]
struct IdleWalkers {
    /// Last in, first out.
    slots: RefCell<Vec<Rc<ArrivalSlot>>>,
}

/// Where a walker waits for its next arrival.
#[derive(Debug, Default)]
struct ArrivalSlot {
    due_us: Cell<Option<u64>>,
    waker: RefCell<Option<Waker>>,
}

impl ArrivalSlot {
    fn assign(&self, due_us: u64) {
        self.due_us.set(Some(due_us));
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    /// Waits for the next arrival; returns when it was due.
    async fn next(&self) -> u64 {
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
    /// The arrivals that are not assigned yet; None on a thread that takes no part.
    schedule: Option<Schedule>,
    /// Most requests in flight.
    most_in_flight: u64,
}

impl<'a> Arrivals<'a> {
    /// The arrivals of thread `thread`.
    pub(crate) fn new(group: &'a Rc<GroupRun>, thread: u64) -> Self {
        let load = &group.plan().load;
        let part = group.load().arrivals_of(load, thread);
        let connections = part.map_or(0, |part| part.count(load.connections));
        Self {
            group,
            schedule: part.map(|part| Schedule::new(group.curve(), part)),
            // A runner without a part of the connections may have one in flight
            // (`prepare` warns): otherwise it would drop all its arrivals.
            most_in_flight: connections.max(1),
        }
    }

    /// Sends them up to the planned end; cancelled, it ends earlier.
    pub(crate) async fn run(&mut self, tasks: &mut JoinSet<()>) -> io::Result<()> {
        let group = self.group;
        if let Some(schedule) = &mut self.schedule {
            drop_missed(group, schedule);
            let mut assigner = Assigner {
                group,
                idle: Rc::new(IdleWalkers::default()),
                timer: Timer::new(group.clock, group.plan().load.pacing)?,
                walkers: 0,
                most_in_flight: self.most_in_flight,
            };
            let mut changes = 0;
            loop {
                if changes != group.changes() {
                    changes = group.changes();
                    schedule.change(group.curve(), group.changed_at_us());
                }
                assigner.assign(schedule, tasks).await?;
                if changes == group.changes() {
                    let end = group.clock.instant_at(group.end_us.get());
                    tokio::select! {
                        () = sleep_until(end) => return Ok(()),
                        () = group.changed.notified() => {}
                    }
                }
            }
        }
        group.reached_end().await;
        Ok(())
    }

    /// Drops the arrivals that are not assigned and were due by the end, planned or
    /// by a stop; returns how many.
    pub(crate) fn drop_overdue(self) -> u64 {
        let Some(mut schedule) = self.schedule else {
            return 0;
        };
        let Some(first_us) = schedule.next_us() else {
            return 0;
        };
        let count = schedule.skip_until(self.group.end_us.get());
        if count > 0 {
            let now_us = self.group.clock.now_us();
            let mut recorder = self.group.recorder();
            recorder.arrivals_dropped(count, first_us, now_us);
        }
        count
    }
}

/// Drops what was due before a load that begins late: sent at once, it would hit the
/// target with all of that at a time.
fn drop_missed(group: &GroupRun, schedule: &mut Schedule) {
    let now_us = group.clock.now_us();
    let Some(first_us) = schedule.next_us() else {
        return;
    };
    if now_us >= first_us + LATEST_BEGIN_US {
        let count = schedule.skip_until(now_us.min(group.end_us.get()));
        group.recorder().arrivals_dropped(count, first_us, now_us);
        group.notice(format!(
            "scenario {}: {count} arrivals of a thread were dropped, since they were due before the load began, {:.1} s late",
            group.plan().name,
            (now_us - first_us) as f64 / 1e6
        ));
    }
}

/// Gives arrivals to walkers.
struct Assigner<'a> {
    group: &'a Rc<GroupRun>,
    idle: Rc<IdleWalkers>,
    timer: Timer,
    walkers: u64,
    most_in_flight: u64,
}

impl Assigner<'_> {
    /// Assigns arrivals until none is left, the end has passed, or the load was changed.
    async fn assign(&mut self, schedule: &mut Schedule, tasks: &mut JoinSet<()>) -> io::Result<()> {
        let group = self.group;
        let spin = group.plan().load.pacing == Pacing::Spin;
        let latest_us = group.end_us.get() + LATEST_SEND_US;
        let changes = group.changes();
        let mut batch = 0;
        let mut now_us = group.clock.now_us();
        while let Some(due_us) = schedule.next_us() {
            if due_us > now_us {
                now_us = group.clock.now_us();
            }
            if now_us >= latest_us || changes != group.changes() {
                break;
            }
            if due_us > now_us {
                tokio::select! {
                    waited = self.timer.wait_until(due_us) => waited?,
                    () = group.changed.notified() => break,
                }
                now_us = group.clock.now_us();
                batch = 0;
                // Spinning returns early; only due arrivals are assigned.
                if spin && due_us > now_us {
                    continue;
                }
            }
            schedule.advance();
            self.give(due_us, tasks);
            batch += 1;
            if batch >= BATCH {
                batch = 0;
                tokio::task::yield_now().await;
                // With a backlog no due time makes the loop read the clock.
                now_us = group.clock.now_us();
            }
        }
        Ok(())
    }

    /// Gives an arrival to an idle walker, or to a new one if there may be more; else it is
    /// dropped.
    fn give(&mut self, due_us: u64, tasks: &mut JoinSet<()>) {
        let group = self.group;
        let idle_slot = self.idle.slots.borrow_mut().pop();
        if let Some(slot) = idle_slot {
            group.arrival_assigned();
            slot.assign(due_us);
        } else if self.walkers < self.most_in_flight {
            self.walkers += 1;
            let slot = Rc::new(ArrivalSlot::default());
            group.arrival_assigned();
            slot.assign(due_us);
            tasks.spawn_local(run_walker(group.clone(), self.idle.clone(), slot));
        } else {
            group
                .recorder()
                .arrivals_dropped(1, due_us, group.clock.now_us());
        }
    }
}

/// Takes one arrival after another, each once through the steps.
async fn run_walker(group: Rc<GroupRun>, idle: Rc<IdleWalkers>, slot: Rc<ArrivalSlot>) {
    let mut walker = Walker::new(group.clone(), 0);
    loop {
        let due_us = slot.next().await;
        group.arrival_began();
        group.recorder().arrival_began();
        walk_steps(&group, &mut walker, due_us).await;
        group.recorder().arrival_ended();
        idle.slots.borrow_mut().push(slot.clone());
    }
}

async fn walk_steps(group: &Rc<GroupRun>, walker: &mut Walker, arrival_us: u64) {
    walker.reset();
    if let Err(path) = walker.next_row() {
        group.notice(format!(
            "scenario {}: an arrival was dropped, since all rows of {path} that are this thread's were used; give more rows, or loop: true",
            group.plan().name
        ));
        return drop_arrival(group, arrival_us);
    }
    let mut due_us = arrival_us;
    // An arrival that was assigned is sent, however late the generator is; what follows a pause or an
    // answer is not, once the load has ended, which a stop or a change may bring forward.
    let mut has_waited = false;
    let until_us = |has_waited: bool| match has_waited {
        true => group.end_us.get(),
        false => u64::MAX,
    };
    let mut unsent = Unsent(Some(group));
    walker.begin_walk();
    loop {
        let n = match walker.next_action() {
            Action::Request(n) => n,
            Action::Pause(us) => {
                due_us += us;
                has_waited = true;
                walker.pause_until(due_us).await;
                if group.clock.now_us() < group.end_us.get() {
                    continue;
                }
                break;
            }
            Action::Close(_) if group.clock.now_us() >= until_us(has_waited) => break,
            Action::Close(n) => {
                Box::pin(walker.close_stream(n)).await;
                due_us = due_us.max(group.clock.now_us());
                continue;
            }
            Action::Done | Action::Leave => break,
        };
        if group.clock.now_us() < due_us {
            walker.pause_until(due_us).await;
        }
        // One that is cut off in its request has begun it.
        let held = unsent.0.take();
        let until_us = until_us(has_waited);
        let end = match walker.step(n, Some(due_us), until_us).await {
            StepOutcome::Done(end) => end,
            StepOutcome::PastEnd => {
                unsent.0 = held;
                break;
            }
        };
        // The next step begins after the answer is read.
        due_us = end.read_us + walker.think_time_us(n);
        has_waited = true;
    }
    walker.cut().await;
}

/// An arrival that has sent nothing so far; told when it ends so, also where it is cut off in a pause
/// because the load has ended.
struct Unsent<'a>(Option<&'a Rc<GroupRun>>);

impl Drop for Unsent<'_> {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            send_nothing(group);
        }
    }
}

/// An arrival that its scenario gave nothing to send, or not before the end.
#[cold]
fn send_nothing(group: &GroupRun) {
    group.notice(format!(
        "scenario {}: an arrival sent nothing, since its conditions and choices led to no request before the end",
        group.plan().name
    ));
    group.arrival_dropped();
}

/// An arrival that cannot send anything.
#[cold]
fn drop_arrival(group: &GroupRun, arrival_us: u64) {
    let now_us = group.clock.now_us();
    group.recorder().arrivals_dropped(1, arrival_us, now_us);
    group.arrival_dropped();
}
