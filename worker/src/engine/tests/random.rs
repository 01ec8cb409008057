//! What is drawn at random depends on the seed and on a user's number in the run, and on
//! neither threads nor runners.

use super::target::Target;
use super::*;
use crate::engine::walk::walker::Walker;
use dlt_core::load::share::{Share, Slice};
use dlt_core::random::Stream;

const DRAWS: usize = 20;

fn varying() -> ThinkTime {
    ThinkTime::Exponential { mean_us: 2_000_000 }
}

/// A user's first pauses as a walker of this group draws them.
fn pauses(group: &Rc<walk::group::GroupRun>, user: u64) -> Vec<u64> {
    let mut walker = Walker::new(group.clone(), user);
    (0..DRAWS).map(|_| walker.think_time_us(0)).collect()
}

#[test]
fn a_users_draws_are_those_of_its_number() {
    let target = Target::plain();
    let mut thinks = step(&target, "/");
    thinks.think_time = varying();
    let on = |threads| group_run(users(9.0, 1_000, vec![thinks.clone()]), threads);
    let (one, four) = (on(1), on(4));
    for user in 0..9 {
        let mut stream = Stream::new(1, 0, user);
        let truth: Vec<u64> = (0..DRAWS)
            .map(|_| thinks.think_time.draw_us(&mut stream))
            .collect();
        assert_eq!(pauses(&one, user), truth);
        assert_eq!(pauses(&four, user), truth);
    }
    assert_ne!(pauses(&one, 0), pauses(&one, 1));
}

/// Each number of the run is one arrival's, whichever runner and thread have it; so are its
/// draws.
#[test]
fn arrivals_draw_by_their_number_in_the_run() {
    let target = Target::plain();
    let mut thinks = step(&target, "/");
    thinks.think_time = varying();
    let mut seen = Vec::new();
    for index in 0..3 {
        let mut spec = spec(
            vec![arrivals(10.0, 1_000, vec![thinks.clone()])],
            1,
            Instant::now(),
        );
        spec.lot = Lot {
            slice: Slice::WHOLE,
            share: Share { index, of: 3 },
        };
        let group = group_run_of(&spec);
        let mut walker = Walker::new(group, 0);
        for _ in 0..4 {
            walker.reset();
            seen.push(walker.think_time_us(0));
        }
    }
    let mut truth: Vec<u64> = (0..12)
        .map(|number| varying().draw_us(&mut Stream::new(1, 0, number)))
        .collect();
    seen.sort_unstable();
    truth.sort_unstable();
    assert_eq!(seen, truth);
}

/// A user waits at least as long as was drawn.
#[test]
fn pauses_are_made() {
    let target = Target::plain();
    let mut thinks = step(&target, "/");
    thinks.think_time = ThinkTime::Uniform {
        least_us: 1_000,
        most_us: 40_000,
    };
    let result = run(rounds(1.0, 10, vec![thinks.clone()]), 1);
    assert_eq!(result.tally.account.ok, 10);
    let mut stream = Stream::new(1, 0, 0);
    let drawn: u64 = (0..9).map(|_| thinks.think_time.draw_us(&mut stream)).sum();
    let took = result.last_done_us - result.first_sent_us.unwrap();
    assert!(took >= drawn, "{took} {drawn}");
}
