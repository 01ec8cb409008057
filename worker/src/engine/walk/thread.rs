//! One load thread: its runtime, its groups from the start to the last answer.
//! Shares nothing with the others but what was prepared.

use crate::engine::clock::Clock;
use crate::engine::http::connect::{Connector, Wire};
use crate::engine::http::origin::Origins;
use crate::engine::pace::Timer;
use crate::engine::remember::recorder::Recorder;
use crate::engine::walk::arrivals::Arrivals;
use crate::engine::walk::group::GroupRun;
use crate::engine::walk::prepare::Prepared;
use crate::engine::walk::turns;
use crate::engine::{ThreadResult, ThreadSecond, sys};
use crate::engine::walk::users;
use dlt_core::scenario::plan::Pacing;
use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

/// Tasks polled before the poller is asked again: a call a hundred answers at
/// most, while answers are read far below a millisecond after they came.
const EVENT_INTERVAL: u32 = 127;
/// Longest that requests in flight may take once the load is told to stop, µs.
const LONGEST_TOLD_STOP_US: u64 = 15_000_000;

const SECOND_US: u64 = 1_000_000;

/// What a load thread is given.
#[derive(Debug)]
pub(crate) struct Duty {
    pub(crate) thread: usize,
    pub(crate) prepared: Arc<Prepared>,
    pub(crate) start: Instant,
    pub(crate) seconds: UnboundedSender<ThreadSecond>,
    /// True once the load is to stop; also when nobody holds it any more.
    pub(crate) stop: watch::Receiver<bool>,
}

/// The runtime of a load thread; made on that thread.
pub(crate) fn runtime() -> io::Result<LocalRuntime> {
    sys::least_timer_slack();
    Builder::new_current_thread()
        .enable_all()
        .event_interval(EVENT_INTERVAL)
        .max_blocking_threads(2)
        .build_local(LocalOptions::default())
}

/// Makes this thread's load, from the start instant until its last request
/// has ended or been given up.
pub(crate) async fn make_load(duty: Duty) -> ThreadResult {
    let Duty {
        thread,
        prepared,
        start,
        seconds,
        mut stop,
    } = duty;
    let clock = Clock::new(start);
    let open = prepared.is_open();
    let recorder = Recorder::new(thread, prepared.labels.len(), open, seconds);
    let recorder = Rc::new(RefCell::new(recorder));
    let origins = Origins::new(
        prepared.resolver.clone(),
        turns::known(&prepared, thread as u64),
        turns::number(&prepared, thread as u64),
    );
    let wire = Rc::new(Wire::new(clock, origins));
    let groups: Vec<Rc<GroupRun>> = (0..prepared.groups.len())
        .map(|index| {
            let tls = prepared.groups[index].tls.clone();
            let dns = prepared.plan.groups[index].dns;
            let connector = Connector::new(wire.clone(), tls, dns);
            Rc::new(GroupRun::new(
                prepared.clone(),
                index,
                thread as u64,
                connector,
                recorder.clone(),
            ))
        })
        .collect();
    let mut warnings = Vec::new();
    if !await_start(clock, start, &mut stop).await {
        let seconds = tokio::task::spawn_local(tell_seconds(clock, recorder.clone()));
        let mut running = JoinSet::new();
        for group in &groups {
            running.spawn_local(run_group(group.clone(), thread as u64, stop.clone()));
        }
        while let Some(ended) = running.join_next().await {
            match ended {
                Ok(more) => warnings.extend(more),
                Err(error) => warnings.push(format!("load thread {thread}: {error}")),
            }
        }
        seconds.abort();
        // The recorder is this function's alone from here on.
        let _ = seconds.await;
    }
    let recorder = recorder.replace(Recorder::new(
        thread,
        0,
        open,
        tokio::sync::mpsc::unbounded_channel().0,
    ));
    let mut result = recorder.finish(&prepared.labels, clock.now_us());
    result.warnings = warnings;
    wire.origins.add_to(&mut result.generator);
    let notices = groups.iter().map(|group| group.take_notices());
    for (text, count) in notices.chain([wire.origins.take_notices()]).flatten() {
        *result.notices.entry(text).or_default() += count;
    }
    result
}

/// Waits for the start instant; true if the load was stopped before.
async fn await_start(clock: Clock, start: Instant, stop: &mut watch::Receiver<bool>) -> bool {
    let sleep = async {
        let wait = start.saturating_duration_since(Instant::now());
        // The kernel's timer is exact; tokio's would add up to a millisecond.
        let exact = match Timer::new(clock, Pacing::Precise) {
            Ok(mut timer) => timer.sleep(wait).await,
            Err(error) => Err(error),
        };
        if exact.is_err() {
            sleep_until(start.into()).await;
        }
    };
    tokio::select! {
        () = sleep => *stop.borrow(),
        () = stopped(stop) => true,
    }
}

/// Ends once the load is to stop.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error says that nobody holds the load any more: that is a stop too.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Has each second told when it is over, also while nothing happens.
async fn tell_seconds(clock: Clock, recorder: Rc<RefCell<Recorder>>) {
    loop {
        let next_us = (clock.now_us() / SECOND_US + 1) * SECOND_US;
        sleep_until(clock.instant(next_us)).await;
        recorder.borrow_mut().roll_to(clock.now_us());
    }
}

/// Runs a group to its end: sentences for people, if something went wrong.
async fn run_group(
    group: Rc<GroupRun>,
    thread: u64,
    mut stop: watch::Receiver<bool>,
) -> Vec<String> {
    let mut tasks = JoinSet::new();
    let mut warnings = Vec::new();
    let open = group.plan().load.model.is_open();
    let end = group.clock.instant(group.end_us.get());
    let mut arrivals = open.then(|| Arrivals::new(&group, thread));
    let load = async {
        if let Some(arrivals) = &mut arrivals {
            arrivals.run(&mut tasks).await
        } else {
            users::run(&group, thread, &mut tasks).await;
            // Users may have left early, or none live on this thread: it tells
            // its seconds up to the planned end all the same, as a runner's
            // missing seconds are missing data.
            if group.plan().load.iterations.is_none() {
                sleep_until(end).await;
            }
            Ok(())
        }
    };
    tokio::select! {
        ended = load => {
            if let Err(error) = ended {
                warnings.push(format!("arrivals could not be timed: {error}"));
            }
        }
        // Closed load: whoever has no request in flight need not be waited for.
        () = sleep_until(end), if !open => {}
        () = stopped(&mut stop) => group.end_us.set(group.clock.now_us()),
    }
    let told = *stop.borrow();
    let late = arrivals.map_or(0, Arrivals::leave);
    if late > 0 && !told {
        warnings.push(format!(
            "load thread {thread}: {late} arrivals were not sent by the planned end and count as dropped: the rate is more than this runner can send; use more or larger runners, or a lower rate"
        ));
    }
    let given_up = group.end_us.get().max(group.clock.now_us()) + graceful_us(&group, told);
    drain(&group, given_up, &mut stop).await;
    tasks.abort_all();
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended
            && error.is_panic()
        {
            warnings.push(format!("a user of load thread {thread} broke off: {error}"));
        }
    }
    warnings
}

/// How long requests in flight may finish; one who was told to stop has to be
/// gone soon, whatever the plan allows (decision 6: within 20 s).
fn graceful_us(group: &GroupRun, told: bool) -> u64 {
    let planned = group.plan().load.graceful_stop_us;
    if told {
        planned.min(LONGEST_TOLD_STOP_US)
    } else {
        planned
    }
}

/// Waits until nothing is in flight, at most until `given_up_us`.
async fn drain(group: &GroupRun, given_up_us: u64, stop: &mut watch::Receiver<bool>) {
    let calm = async {
        while !group.is_calm() {
            group.calm.notified().await;
        }
    };
    let patience = async {
        let graceful = Duration::from_micros(graceful_us(group, true));
        tokio::select! {
            () = sleep_until(group.clock.instant(given_up_us)) => {}
            // A stop during the drain shortens it at most: it ends a graceful
            // stop after the planned end or after the stop.
            () = async { stopped(stop).await; tokio::time::sleep(graceful).await } => {}
        }
    };
    tokio::select! {
        () = calm => {}
        () = patience => {}
    }
}
