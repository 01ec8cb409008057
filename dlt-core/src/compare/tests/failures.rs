//! Error rates: none, some, bursts, and targets that went away.

use super::*;

fn with_outage(outage: (u64, u64, f64), seconds: u64, seed: u64) -> Run {
    let plan = Plan {
        outage,
        ..plan(&[("home", CALM)], seconds, 60.0)
    };
    run(&plan, seed)
}

/// A target that goes away, or fails in part for long, is worse; the other way
/// round it is better.
#[test]
fn a_target_that_went_away_is_worse() {
    for (seconds, outage) in [
        (16, (12, 16, 1.0)),
        (16, (10, 16, 1.0)),
        (24, (18, 24, 1.0)),
        (30, (6, 14, 0.95)),
        (40, (20, 40, 0.5)),
        (60, (45, 60, 1.0)),
        (20, (0, 20, 0.06)),
    ] {
        let base = with_outage((0, 0, 0.0), seconds, 1);
        let candidate = with_outage(outage, seconds, 2);
        let comparison = compared(&base, &candidate);
        let row = total(&comparison, "error_rate");
        assert_eq!(row.change, Change::Worse, "{seconds} {outage:?}: {row:?}");
        assert_eq!(comparison.verdict, Verdict::Worse);
        assert!(row.low.unwrap() > 0.0 && row.base == 0.0);
        assert!(row.delta_pct.is_none());
        let said = &comparison.reasons[0];
        let start = "all requests: error rate rose from 0.00 % to ";
        assert!(said.starts_with(start), "{said}");
        let back = compared(&candidate, &base);
        assert_eq!(total(&back, "error_rate").change, Change::Better);
    }
}

/// One burst says little of how often bursts come.
#[test]
fn a_short_burst_may_be_chance() {
    let base = with_outage((0, 0, 0.0), 60, 1);
    let candidate = with_outage((20, 22, 1.0), 60, 2);
    let comparison = compared(&base, &candidate);
    let row = total(&comparison, "error_rate");
    assert_eq!(row.change, Change::CannotTell, "{row:?}");
    assert_eq!(comparison.verdict, Verdict::CannotTell);
    let said = &comparison.reasons[0];
    let start = "all requests: cannot tell whether error rate changed: 0.00 %, then ";
    assert!(said.starts_with(start), "{said}");
}

#[test]
fn no_failures_are_the_same_where_many_requests_say_so() {
    let row = |per_second| {
        let [a, b] = [1, 2].map(|seed| one(CALM, 30, per_second, seed));
        total(&compared(&a, &b), "error_rate").clone()
    };
    let many = row(200.0);
    assert_eq!(many.change, Change::Same, "{many:?}");
    assert!(many.low.unwrap() < 0.0 && many.high.unwrap() < 0.005);
    let few = row(5.0);
    assert_eq!(few.change, Change::CannotTell, "{few:?}");
    assert!(few.high.unwrap() > 0.005);
}

/// A change that is sure and does not matter.
#[test]
fn a_small_share_more_is_small() {
    let failing = |failures, seed| one(System { failures, ..CALM }, 60, 1_500.0, seed);
    let comparison = compared(&failing(0.0, 1), &failing(0.002, 2));
    let row = total(&comparison, "error_rate");
    assert_eq!(row.change, Change::ChangedButSmall, "{row:?}");
}
