//! The engine against real sockets on this machine: it must report exactly the
//! requests that a target read and counted.

mod as_written;
mod budgets;
mod causes;
mod changes;
mod closed;
mod connections;
mod counted;
mod depth;
mod flow;
mod forbidden;
mod h2;
mod messages;
mod names;
mod once;
mod open;
mod proxies;
mod random;
mod redirects;
mod relay;
mod repeats;
mod rows;
mod secure;
pub(super) mod target;
mod torture;
mod torture_answers;
mod torture_tls;
mod unix;
mod unmade;
mod ways;

use super::*;
use dlt_core::load::share::Lot;
use dlt_core::load::{Curve, Model};
use dlt_core::measure::tally::OTHER_LABEL;
use dlt_core::messages::timeline::MOST_TIMELINE_LABELS;
use dlt_core::routing::Routing;
use dlt_core::scenario::plan::{
    Body, ConnectionPolicy, Dns, Flow, Group, HttpChoice, Load as Hard, Pacing, Plan, Retry,
    StatusSet, Step, StepKind, ThinkTime, Timeouts, Tls,
};
use std::cell::RefCell;
use std::rc::Rc;
use target::Target;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// No test's load takes longer.
const LONGEST_TEST: Duration = Duration::from_secs(60);

pub(super) fn step(target: &Target, path: &str) -> Step {
    Step {
        kind: StepKind::Request,
        label: path.to_owned(),
        method: "GET".to_owned(),
        url: format!("http://{}{path}", target.address).parse().unwrap(),
        url_text: None,
        headers: Vec::new(),
        auth: None,
        body: Body::None,
        think_time: ThinkTime::default(),
        timeouts: Timeouts::default(),
        follow_redirects: true,
        max_redirects: 10,
        expect_status: StatusSet::default(),
        checks: Vec::new(),
        extractions: Vec::new(),
    }
}

/// A port that refuses connections, and no other test gets as long as the socket is kept.
fn nowhere() -> (socket2::Socket, std::net::SocketAddr) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let any: std::net::SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any.into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}

fn group(model: Model, steps: Vec<Step>) -> Group {
    Group {
        flow: Flow::list(steps.len()),
        name: "test".to_owned(),
        load: Hard {
            model,
            own_shape: false,
            per_task: false,
            iterations: None,
            total_requests: None,
            throughput: None,
            connections: 10_000,
            graceful_stop_us: 5_000_000,
            seed: None,
            pacing: Pacing::Default,
            retry: Retry::Safe,
            give_up_after_us: Some(5_000_000),
        },
        steps,
        script: None,
        tls: Tls::default(),
        dns: Dns::default(),
        routing: Routing::default(),
        connection_policy: ConnectionPolicy::default(),
        http: HttpChoice::Auto,
        streams: 1,
        store_cookies: true,
        variables: Vec::new(),
        data: Vec::new(),
        setup: None,
        teardown: None,
    }
}

/// `users` users for `ms`.
pub(super) fn users(users: f64, ms: u64, steps: Vec<Step>) -> Group {
    group(Model::Users(Curve::ramp_hold(users, 0, ms * 1000)), steps)
}

/// `users` users, each `rounds` times through the steps.
fn rounds(users: f64, rounds: u64, steps: Vec<Step>) -> Group {
    let mut group = self::users(users, 30_000, steps);
    group.load.iterations = Some(rounds);
    group
}

fn arrivals(rate: f64, ms: u64, steps: Vec<Step>) -> Group {
    group(Model::Arrivals(Curve::ramp_hold(rate, 0, ms * 1000)), steps)
}

/// A load of these groups by the whole of a runner.
pub(super) fn spec(groups: Vec<Group>, threads: usize, start: Instant) -> LoadSpec {
    let plan = Plan { groups };
    let mut files = PlanFiles::default();
    for named in named_files(&plan) {
        if let Ok(bytes) = std::fs::read(&named.path) {
            files.add(&named.path, bytes);
        }
    }
    LoadSpec {
        inputs: Arc::new(Inputs::of(&plan, files).unwrap()),
        plan: Arc::new(plan),
        lot: Lot::WHOLE,
        threads,
        start,
        seed: 1,
        keep_exchanges: false,
        memory_bytes: None,
        targets: TargetPolicy::default(),
        proxies: EnvironmentProxies::default(),
    }
}

fn start(group: Group, threads: usize) -> (Load, UnboundedReceiver<ThreadSecond>) {
    start_with(
        vec![group],
        threads,
        Lot::WHOLE,
        Resolver::system(TargetPolicy::default()),
    )
}

fn start_with(
    groups: Vec<Group>,
    threads: usize,
    lot: Lot,
    resolver: Resolver,
) -> (Load, UnboundedReceiver<ThreadSecond>) {
    let (sender, seconds) = unbounded_channel();
    let start = Instant::now() + Duration::from_millis(20);
    let mut spec = spec(groups, threads, start);
    spec.lot = lot;
    (
        begin_with_resolver(spec, resolver, sender).unwrap(),
        seconds,
    )
}

/// Runs a load to its end and checks what holds for every load.
fn run(group: Group, threads: usize) -> LoadResult {
    let (load, seconds) = start(group, threads);
    finish(load, seconds, threads)
}

async fn finished(load: Load) -> LoadResult {
    let until = tokio::time::Instant::now() + LONGEST_TEST;
    load.finished_by(until).await.expect("the load ends")
}

/// A thread that does not come back leaves what the others measured.
#[test]
fn a_thread_that_does_not_come_back_is_left_behind() {
    let target = Target::plain();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for missing in [vec![0], vec![1, 3], vec![0, 1, 2, 3]] {
        let (mut load, seconds) = start(rounds(8.0, 5, vec![step(&target, "/x")]), 4);
        // Its result never comes; its sender is kept, as the thread would.
        let mut senders = Vec::new();
        let mut real = Vec::new();
        for thread in &missing {
            let (sender, never) = oneshot::channel();
            senders.push(sender);
            real.push(std::mem::replace(&mut load.results[*thread], never));
        }
        let result = runtime.block_on(async {
            for result in real {
                result.await.unwrap();
            }
            let until = tokio::time::Instant::now() + Duration::from_millis(500);
            load.finished_by(until).await
        });
        drop((senders, seconds));
        let Some(result) = result else {
            assert_eq!(missing.len(), 4);
            continue;
        };
        assert_eq!(result.missing_threads, missing.len() as u64);
        let left = 4 - missing.len() as u64;
        assert_eq!(result.tally.account.ok, left * 2 * 5);
        assert_eq!(result.warnings.len(), missing.len());
        for (thread, warning) in missing.iter().zip(&result.warnings) {
            let says = format!("load thread {thread} did not come back");
            assert!(warning.starts_with(&says), "{warning}");
        }
    }
}

fn finish(load: Load, mut seconds: UnboundedReceiver<ThreadSecond>, threads: usize) -> LoadResult {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let result = runtime.block_on(finished(load));
    assert_eq!(result.missing_threads, 0);
    let mut sent_seconds = Vec::new();
    while let Ok(second) = seconds.try_recv() {
        sent_seconds.push(second);
    }
    add_up(&result, &sent_seconds, threads);
    result
}

/// Seconds without gaps that add up to the account; labels and errors likewise.
fn add_up(result: &LoadResult, sent_seconds: &[ThreadSecond], threads: usize) {
    let mut sum = Second::default();
    for thread in 0..threads {
        let own = sent_seconds.iter().filter(|second| second.thread == thread);
        for (n, second) in own.enumerate() {
            assert_eq!(second.second.second, n as u64);
            sum.merge(&second.second);
        }
    }
    let account = result.tally.account;
    assert!(account.balanced(), "{account:?}");
    let sent_seconds = Account {
        scheduled: sum.scheduled,
        dropped: sum.dropped,
        unconnected: sum.unconnected,
        sent: sum.sent,
        resent: sum.resent,
        ok: sum.ok,
        failed: sum.failed,
        unfinished: sum.unfinished,
    };
    assert_eq!(sent_seconds, account);
    assert_eq!(result.reading.user_time_us, sum.user_time_us);
    assert_eq!(result.reading.lost_us, sum.read_delay_us);
    let overall = result.tally.overall();
    assert_eq!((overall.ok, overall.failed), (account.ok, account.failed));
    assert_eq!(overall.bytes_received, sum.bytes);
    assert!(overall.is_apart());
    let timed = (sum.latency.count(), sum.latency_failed.count());
    assert_eq!(timed, (account.ok, account.failed));
    let sent_by = |rows: &[(String, u64)]| rows.iter().map(|row| row.1).sum::<u64>();
    let handed_over = sent_by(&result.generator.addresses);
    // A repetition that found no connection was not handed over.
    assert!(handed_over >= account.sent, "{handed_over} of {account:?}");
    assert!(
        handed_over <= account.sent + account.resent,
        "{handed_over} of {account:?}"
    );
    assert_eq!(sent_by(&result.generator.http_versions), handed_over);
    let errors: u64 = result.tally.errors.values().map(|error| error.count).sum();
    assert_eq!(errors, account.failed);
    let causes: u64 = sum.causes.iter().map(|row| row.1).sum();
    assert_eq!(causes, account.failed);
    let timeline: u64 = result
        .labels
        .iter()
        .flat_map(|rows| rows.merged().seconds)
        .map(|second| second.ok + second.failed)
        .sum();
    // Too many labels for a timeline by label: then there is none.
    let few = result.tally.labels.len() <= MOST_TIMELINE_LABELS;
    assert_eq!(timeline, if few { account.ok + account.failed } else { 0 });
}

/// A group as a thread holds it, for tests of single parts.
pub(super) fn group_run(group: Group, threads: usize) -> Rc<walk::group::GroupRun> {
    group_run_of(&spec(vec![group], threads, Instant::now()))
}

fn group_run_of(spec: &LoadSpec) -> Rc<walk::group::GroupRun> {
    let prepared =
        Arc::new(PreparedLoad::new(spec, Resolver::system(TargetPolicy::default())).unwrap());
    let recorder =
        remember::recorder::Recorder::new(0, prepared.labels.len(), false, unbounded_channel().0);
    let io = Rc::new(http::thread_io::ThreadIo::new(
        clock::RunClock::new(spec.start),
        http::origin::Origins::new(
            Resolver::system(TargetPolicy::default()),
            walk::first_address::known_hosts(&prepared, 0),
            0,
        ),
        &prepared.memory,
        1,
    ));
    let connector =
        http::connect::Connector::new(io, prepared.groups[0].tls.clone(), Default::default());
    Rc::new(walk::group::GroupRun::new(
        prepared,
        0,
        0,
        connector,
        Rc::new(RefCell::new(recorder)),
    ))
}

/// Samples that failed for a cause.
fn failed(result: &LoadResult, cause: Cause) -> u64 {
    result
        .tally
        .errors
        .iter()
        .filter(|(key, _)| key.cause == cause)
        .map(|(_, error)| error.count)
        .sum()
}
