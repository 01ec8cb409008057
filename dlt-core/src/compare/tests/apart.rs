//! Times of ok answers and of failures, compared separately.

use super::*;
use crate::measure::tally::TimesOver;

/// Half of the requests fail at once: the answers are what they were, so no time
/// changed, and the failures are counted as failures.
#[test]
fn quick_failures_make_no_run_faster() {
    let failing = |failures| System { failures, ..CALM };
    let a = one(failing(0.01), 60, 400.0, 3);
    let b = one(failing(0.6), 60, 400.0, 4);
    let comparison = compared(&a, &b);
    assert_eq!(comparison.verdict, Verdict::Worse, "{comparison:#?}");
    for row in &comparison.totals {
        let judged = [Change::Worse, Change::Better].contains(&row.change);
        assert_eq!(judged, row.metric == "error_rate", "{row:?}");
    }
    // A few answers among failures are not judged.
    let c = one(failing(0.997), 60, 400.0, 5);
    let comparison = compared(&a, &c);
    let p50 = total(&comparison, "p50_us");
    assert_eq!(p50.change, Change::CannotTell);
    assert_eq!(
        p50.why.as_deref(),
        Some("only a few answers among failures")
    );
    assert_eq!(comparison.verdict, Verdict::Worse);
}

/// Runs of an older dlt have the times of failures among theirs.
#[test]
fn times_over_all_and_over_ok_samples_are_not_compared() {
    let new = |failures, seed| one(System { failures, ..CALM }, 40, 200.0, seed);
    let old = |failures, seed| {
        let mut run = new(failures, seed);
        run.record.summary.as_mut().unwrap().times_over = TimesOver::All;
        run
    };
    let (mixed, failing, clean) = (old(0.2, 2), new(0.2, 1), new(0.0, 1));
    for (a, b) in [
        (&mixed, &failing),
        (&failing, &mixed),
        (&mixed, &clean),
        (&clean, &mixed),
    ] {
        let comparison = compared(a, b);
        assert_eq!(comparison.verdict, Verdict::Incomparable);
        assert!(!comparison.comparability.same_times);
        let said = &comparison.reasons[0];
        assert!(
            said.starts_with("cannot be compared: the response times"),
            "{said}"
        );
        for row in &comparison.totals {
            let is_time = row.metric.ends_with("_us");
            assert_eq!(row.low.is_none(), is_time, "{row:?}");
        }
    }
    // Without failures there is nothing to keep apart; two old ones are alike.
    for (a, b) in [(old(0.0, 2), clean), (old(0.01, 2), old(0.01, 3))] {
        assert!(compared(&a, &b).comparability.same_times);
    }
}

/// A target that is three times as fast: its times and the other's have none in common,
/// however unevenly the seconds of either go.
#[test]
fn times_that_do_not_overlap_are_told_apart() {
    let uneven = System {
        median_us: 60_000.0,
        spread: 0.01,
        slow: (0.04, 1.15),
        wander: 0.004,
        memory: 0.5,
        ..CALM
    };
    for seed in 0..40 {
        let slow = one(uneven, 17, 120.0, 2 * seed);
        let fast = one(uneven.slower(1.0 / 3.0), 17, 120.0, 2 * seed + 1);
        for (a, b, change) in [
            (&slow, &fast, Change::Better),
            (&fast, &slow, Change::Worse),
        ] {
            let comparison = compared(a, b);
            for name in ["p50_us", "p95_us", "mean_us"] {
                let row = total(&comparison, name);
                assert_eq!(row.change, change, "{seed}: {row:?}");
            }
        }
    }
}
