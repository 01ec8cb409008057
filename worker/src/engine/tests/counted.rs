//! A fixed number of requests over the run: the target counts exactly as many, whoever
//! makes them, and whatever they come to.

use super::*;
use crate::engine::tests::target::{Act, answer};
use dlt_core::load::share::{Share, Slice};
use dlt_core::scenario::plan::ThinkTime;

fn counted(users: f64, total: u64, steps: Vec<Step>) -> Group {
    let mut group = self::users(users, 30_000, steps);
    group.load.total_requests = Some(total);
    group
}

#[test]
fn exactly_as_many_are_made_by_any_number_of_users_and_threads() {
    for (users, total, threads) in [
        (1.0, 1, 1),
        (7.0, 100, 3),
        (10.0, 3, 4),
        (3.0, 50, 8),
        (1.0, 9, 2),
    ] {
        let target = Target::plain();
        let result = run(counted(users, total, vec![step(&target, "/")]), threads);
        assert_eq!(target.total(), total, "{users} {threads}");
        assert_eq!(result.tally.account.scheduled, total);
        assert_eq!(result.tally.account.ok, total);
        // Users without a request do nothing, not even connect.
        assert!(target.connections() <= total.min(users as u64));
        assert!(result.warnings.is_empty(), "{:?}", result.warnings);
        assert!(
            result.last_done_us < 10_000_000,
            "it ends when they are made"
        );
    }
}

/// Several runners of several regions, with users of the run or of each runner.
#[test]
fn runners_add_up_to_the_number() {
    for per_task in [false, true] {
        let target = Target::plain();
        let mut sum = 0;
        for (first, count, share) in [(0, 2, 0), (0, 2, 1), (2, 1, 0)] {
            let slice = Slice {
                first,
                count,
                of: 3,
            };
            let share = Share {
                index: share,
                of: count,
            };
            let mut group = counted(5.0, 101, vec![step(&target, "/a"), step(&target, "/b")]);
            group.load.per_task = per_task;
            let resolver = Resolver::system(TargetPolicy::default());
            let (load, seconds) = start_with(vec![group], 2, Lot { slice, share }, resolver);
            sum += finish(load, seconds, 2).tally.account.scheduled;
        }
        assert_eq!((sum, target.total()), (101, 101), "per task: {per_task}");
    }
}

#[test]
fn the_last_round_stops_in_the_middle() {
    let target = Target::plain();
    let steps = ["/a", "/b", "/c"].map(|path| step(&target, path));
    run(counted(1.0, 8, steps.to_vec()), 1);
    let counts = ["/a", "/b", "/c"].map(|path| target.count(path));
    assert_eq!(counts, [3, 3, 2]);
}

/// Redirects are followed to their end and come on top; so do repeats.
#[test]
fn redirects_and_repeats_are_not_among_them() {
    let target = Target::new(|request, _| match request.path() {
        "/a" => answer("302 Found", "Location: /b\r\n", ""),
        "/b" => answer("302 Found", "Location: /c\r\n", ""),
        _ => answer("200 OK", "", "end"),
    });
    let result = run(counted(3.0, 10, vec![step(&target, "/a")]), 2);
    let counts = ["/a", "/b", "/c"].map(|path| target.count(path));
    assert_eq!(counts, [10, 10, 10]);
    assert_eq!(result.tally.account.scheduled, 30);
    assert!(result.warnings.is_empty(), "{:?}", result.warnings);
    // A connection dies under its third request, which is then sent again.
    let target = Target::new(|_, before| match before % 3 {
        2 => vec![Act::Close],
        _ => answer("200 OK", "", "x"),
    });
    let result = run(counted(1.0, 10, vec![step(&target, "/")]), 1);
    let account = result.tally.account;
    assert_eq!(
        (account.scheduled, account.ok),
        (10, 10),
        "{:?}",
        result.tally.errors
    );
    assert!(account.resent > 0, "{account:?}");
    assert_eq!(target.total(), 10 + account.resent);
}

#[test]
fn failed_and_unconnected_requests_are_among_them() {
    let target = Target::new(|_, _| answer("500 No", "", "x"));
    let result = run(counted(4.0, 30, vec![step(&target, "/")]), 2);
    assert_eq!((target.total(), result.tally.account.failed), (30, 30));
    let address = target.address;
    drop(target);
    let gone = Target::plain();
    let mut nowhere = step(&gone, "/");
    nowhere.url = format!("http://{address}/").parse().unwrap();
    let result = run(counted(4.0, 30, vec![nowhere]), 2);
    assert_eq!(result.tally.account.unconnected, 30);
}

/// Neither pauses nor users that are yet to come hold the end up, but answers do.
#[test]
fn it_is_over_when_the_last_one_has_ended() {
    let target = Target::new(|_, _| {
        let mut acts = vec![Act::Pause(Duration::from_millis(300))];
        acts.extend(answer("200 OK", "", "slow"));
        acts
    });
    let mut thinks = step(&target, "/");
    thinks.think_time = ThinkTime::Fixed(20_000_000);
    let mut group = counted(4.0, 4, vec![thinks]);
    group.load.model = Model::Users(Curve::ramp_hold(4.0, 1_000_000, 30_000_000));
    let result = run(group, 1);
    assert_eq!((target.total(), result.tally.account.ok), (4, 4));
    assert!(result.last_done_us < 10_000_000, "{}", result.last_done_us);
}

#[test]
fn what_time_or_rows_leave_over_is_told_once() {
    let target = Target::plain();
    let mut slow = step(&target, "/");
    slow.think_time = ThinkTime::Fixed(100_000);
    let mut group = counted(2.0, 1_000, vec![slow]);
    group.load.model = Model::Users(Curve::ramp_hold(2.0, 0, 500_000));
    let result = run(group, 2);
    assert_eq!(result.tally.account.scheduled, target.total());
    assert!(target.total() < 1_000);
    let told = "scenario test: not all of the 1000 requests were begun: the planned end came first";
    assert_eq!(result.warnings.len(), 1, "{:?}", result.warnings);
    assert!(
        result.warnings[0].starts_with(told),
        "{:?}",
        result.warnings
    );
}

#[test]
fn a_cap_is_kept_and_so_is_the_number() {
    let target = Target::plain();
    let mut group = counted(20.0, 60, vec![step(&target, "/")]);
    group.load.throughput = Some(100.0);
    let result = run(group, 2);
    assert_eq!(target.total(), 60);
    // 60 at 100 a second, the first of both threads at once.
    assert!(result.last_done_us >= 500_000, "{}", result.last_done_us);
}

#[test]
fn memory_is_asked_only_for_users_that_begin() {
    let target = Target::plain();
    let begins = |total| {
        let mut spec = spec(
            vec![counted(1e6, total, vec![step(&target, "/")])],
            2,
            Instant::now(),
        );
        spec.memory_bytes = Some(100_000_000);
        PreparedLoad::new(&spec, Resolver::system(TargetPolicy::default())).map(drop)
    };
    begins(10_000).unwrap();
    let refused = begins(1_000_000).unwrap_err().to_string();
    assert!(refused.contains("1000000 users need at least"), "{refused}");
}
