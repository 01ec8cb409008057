//! One load thread: its runtime, and its groups from the start to the last answer.
//! Threads share only what was prepared.

use crate::engine::clock::RunClock;
use crate::engine::http::connect::Connector;
use crate::engine::http::origin::Origins;
use crate::engine::http::policy::Policy;
use crate::engine::http::thread_io::ThreadIo;
use crate::engine::pace::Timer;
use crate::engine::remember::recorder::Recorder;
use crate::engine::walk::arrivals::Arrivals;
use crate::engine::walk::cuts::Cuts;
use crate::engine::walk::first_address;
use crate::engine::walk::group::GroupRun;
use crate::engine::walk::prepare::PreparedLoad;
use crate::engine::walk::users;
use crate::engine::{ThreadResult, ThreadSecond, sys};
use dlt_core::load::changes::{LoadChange, end_of};
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

/// Tasks polled before the poller is called again: at most one system call for a
/// hundred answers, while answers are read far less than a millisecond after they
/// arrive.
const EVENT_INTERVAL: u32 = 127;
/// How long requests in flight may take after a stop, µs (decision 6: a stopped
/// runner is gone within 20 s).
const LONGEST_STOP_US: u64 = 15_000_000;

const SECOND_US: u64 = 1_000_000;

/// What a load thread begins with.
#[derive(Debug)]
pub(crate) struct ThreadSpec {
    pub(crate) thread: usize,
    pub(crate) prepared: Arc<PreparedLoad>,
    pub(crate) start: Instant,
    pub(crate) seconds: UnboundedSender<ThreadSecond>,
    /// Becomes true on a stop; closed when the load is dropped.
    pub(crate) stop: watch::Receiver<bool>,
    /// Changes of the load so far.
    pub(crate) changes: watch::Receiver<Vec<LoadChange>>,
}

/// The runtime of a load thread; must be made on that thread.
pub(crate) fn runtime() -> io::Result<LocalRuntime> {
    sys::minimize_timer_slack();
    Builder::new_current_thread()
        .enable_all()
        .event_interval(EVENT_INTERVAL)
        .max_blocking_threads(2)
        .build_local(LocalOptions::default())
}

/// Makes this thread's load, from the start instant until its last request
/// has ended or been given up.
pub(crate) async fn make_load(spec: ThreadSpec) -> ThreadResult {
    let ThreadSpec {
        thread,
        prepared,
        start,
        seconds,
        mut stop,
        changes,
    } = spec;
    let clock = RunClock::new(start);
    let open = prepared.is_open();
    let recorder = Recorder::new(thread, prepared.labels.len(), open, seconds)
        .with_transactions(prepared.transactions.len());
    let recorder = Rc::new(RefCell::new(recorder));
    let io = thread_io(&prepared, thread as u64, clock);
    let groups = groups(&prepared, thread as u64, &io, &recorder);
    let mut warnings = Vec::new();
    let ends = groups.iter().map(|group| group.end_us.get());
    let cuts = Rc::new(Cuts::new(ends.max().unwrap_or(0), open));
    let mut cut_us = 0;
    if !await_start(clock, start, &mut stop).await {
        cuts.begin(clock.now_us());
        let beat = close_seconds(clock, recorder.clone(), cuts.clone());
        let seconds = tokio::task::spawn_local(beat);
        let told = hear_changes(changes, groups.clone(), cuts.clone());
        let told = tokio::task::spawn_local(told);
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
        cut_us = cuts.end(clock.now_us());
        seconds.abort();
        told.abort();
        // From here on only this function uses the recorder.
        let _ = seconds.await;
    }
    let mut recorder = recorder.replace(Recorder::new(
        thread,
        0,
        open,
        tokio::sync::mpsc::unbounded_channel().0,
    ));
    let transactions = recorder.take_transactions(&prepared.transactions);
    let mut result = recorder.finish(&prepared.labels, clock.now_us());
    result.transactions = transactions;
    result.warnings = warnings;
    result.cut_us = cut_us;
    io.origins.add_to(&mut result.generator);
    let notices = groups.iter().map(|group| group.take_notices());
    for (text, count) in notices.chain([io.origins.take_notices()]).flatten() {
        *result.notices.entry(text).or_default() += count;
    }
    result
}

/// What the connections of a thread share.
fn thread_io(prepared: &PreparedLoad, thread: u64, clock: RunClock) -> Rc<ThreadIo> {
    let origins = Origins::new(
        prepared.resolver.clone(),
        first_address::known_hosts(prepared, thread),
        first_address::thread_number(prepared, thread),
    );
    let (memory, threads) = (&prepared.memory, prepared.threads);
    Rc::new(ThreadIo::new(clock, origins, memory, threads))
}

/// The one group of a plan whose requests are made once, and who records them: nobody hears of its
/// seconds. Must be made on the thread that walks it.
pub(crate) fn once_group(prepared: &Arc<PreparedLoad>, start: Instant) -> Option<Rc<GroupRun>> {
    let nobody = tokio::sync::mpsc::unbounded_channel().0;
    let recorder = Recorder::new(0, prepared.labels.len(), false, nobody);
    let recorder = Rc::new(RefCell::new(recorder));
    let io = thread_io(prepared, 0, RunClock::new(start));
    groups(prepared, 0, &io, &recorder).pop()
}

/// The groups of the plan, as this thread runs them.
fn groups(
    prepared: &Arc<PreparedLoad>,
    thread: u64,
    io: &Rc<ThreadIo>,
    recorder: &Rc<RefCell<Recorder>>,
) -> Vec<Rc<GroupRun>> {
    let group = |index: usize| {
        let tls = prepared.groups[index].tls.clone();
        let dns = prepared.plan.groups[index].dns;
        let routes = prepared.groups[index].routes.clone();
        let connector = Connector::new(io.clone(), tls, (dns, routes));
        let plan = &prepared.plan.groups[index];
        let policy = Policy::new(&plan.connection_policy, thread);
        let connector = connector
            .with_policy(policy)
            .speaking(plan.http, plan.streams);
        let (prepared, recorder) = (prepared.clone(), recorder.clone());
        Rc::new(GroupRun::new(prepared, index, thread, connector, recorder))
    };
    (0..prepared.groups.len()).map(group).collect()
}

/// Waits for the start instant; returns true if the load was stopped before.
async fn await_start(clock: RunClock, start: Instant, stop: &mut watch::Receiver<bool>) -> bool {
    let sleep = async {
        let wait = start.saturating_duration_since(Instant::now());
        // The kernel's timer is exact; the runtime's adds up to a millisecond.
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

/// Returns once the load has to stop.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the load was dropped, which is a stop too.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Closes each second when it is over, also while nothing happens.
async fn close_seconds(clock: RunClock, recorder: Rc<RefCell<Recorder>>, cuts: Rc<Cuts>) {
    loop {
        let next_us = (clock.now_us() / SECOND_US + 1) * SECOND_US;
        sleep_until(clock.instant_at(next_us)).await;
        cuts.beat(clock.now_us());
        recorder.borrow_mut().close_seconds_until(clock.now_us());
    }
}

/// Changes the load of all groups as this runner is told to.
async fn hear_changes(
    mut changes: watch::Receiver<Vec<LoadChange>>,
    groups: Vec<Rc<GroupRun>>,
    cuts: Rc<Cuts>,
) {
    // An error means that the load was dropped, which stops it.
    while changes.changed().await.is_ok() {
        let changes = changes.borrow_and_update();
        if let Some(end_us) = end_of(&changes) {
            cuts.end_by(end_us);
        }
        for group in &groups {
            group.change(&changes);
        }
    }
}

/// Runs a group to its end; returns warnings for people.
async fn run_group(
    group: Rc<GroupRun>,
    thread: u64,
    mut stop: watch::Receiver<bool>,
) -> Vec<String> {
    let mut tasks = JoinSet::new();
    let mut warnings = Vec::new();
    let open = group.plan().load.model.is_open();
    let mut arrivals = open.then(|| Arrivals::new(&group, thread));
    let load = async {
        if let Some(arrivals) = &mut arrivals {
            arrivals.run(&mut tasks).await
        } else {
            users::run(&group, thread, &mut tasks).await;
            // Users may end early, or this thread may have none. It sends its
            // seconds up to the planned end all the same: a runner's missing
            // seconds count as missing data.
            if !group.plan().load.ends_by_count() {
                group.reached_end().await;
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
        // Closed load: users without a request in flight are not waited for.
        () = group.reached_end(), if !open => {}
        () = stopped(&mut stop) => group.end_us.set(group.clock.now_us()),
    }
    let is_stopped = *stop.borrow();
    let overdue = arrivals.map_or(0, Arrivals::drop_overdue);
    if overdue > 0 && !is_stopped {
        warnings.push(format!(
            "load thread {thread}: {overdue} arrivals were not sent by the planned end and count as dropped: the rate is more than this runner can send; use more or larger runners, or a lower rate"
        ));
    }
    if !is_stopped {
        warnings.extend(not_all_begun(&group));
    }
    let give_up_us = group.end_us.get().max(group.clock.now_us()) + graceful_us(&group, is_stopped);
    drain(&group, give_up_us, &mut stop).await;
    group.leave_streams().await;
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

/// What is said if a load that was to make so many requests did not begin all of them. Each
/// thread's and runner's sentence is the same, so that people read it once.
fn not_all_begun(group: &GroupRun) -> Option<String> {
    let total = group.plan().load.total_requests?;
    if group.plan().load.model.is_open() || group.requests_left() == 0 {
        return None;
    }
    let why = match group.clock.now_us() < group.end_us.get() {
        _ if group.curve().end_us() < group.plan().load.model.curve().end_us() => {
            "the load was told to end"
        }
        true => "users were over before, since the load fell or their rows of data were used up",
        false => "the planned end came first; for all of them, give it more time (hold-for, -d)",
    };
    Some(format!(
        "scenario {}: not all of the {total} requests were begun: {why}",
        group.plan().name
    ))
}

/// How long requests in flight may take to finish; after a stop not as long as a
/// plan may allow.
fn graceful_us(group: &GroupRun, is_stopped: bool) -> u64 {
    let planned = group.plan().load.graceful_stop_us;
    if is_stopped {
        planned.min(LONGEST_STOP_US)
    } else {
        planned
    }
}

/// Waits until nothing is in flight, at most until `give_up_us`.
async fn drain(group: &GroupRun, give_up_us: u64, stop: &mut watch::Receiver<bool>) {
    let drained = async {
        while !group.is_drained() {
            group.drained.notified().await;
        }
    };
    let time_limit = async {
        let graceful = Duration::from_micros(graceful_us(group, true));
        tokio::select! {
            () = sleep_until(group.clock.instant_at(give_up_us)) => {}
            // A stop during the drain can only shorten it: a graceful stop counts
            // from the planned end or from the stop, whichever ends first.
            () = async { stopped(stop).await; tokio::time::sleep(graceful).await } => {}
        }
    };
    tokio::select! {
        () = drained => {}
        () = time_limit => {}
    }
}
