//! Times of ok answers and of failures, compared separately.

use super::*;

/// Half of the requests fail at once: the answers are what they were, so no time
/// changed, and the failures are counted as failures.
#[test]
fn quick_failures_make_no_run_faster() {
    let half_dead = System {
        failures: 0.6,
        ..CALM
    };
    let a = run(&[("home", &CALM)], 60, 200, 3);
    let b = run(&[("home", &half_dead)], 60, 200, 4);
    let comparison = compare(a.side(), b.side(), 1);
    assert_eq!(comparison.verdict, Verdict::Worse, "{comparison:#?}");
    for row in &comparison.totals {
        let expected = match row.metric.as_str() {
            "error_rate" => Change::Worse,
            "mean_us" => Change::Inconclusive,
            _ => Change::Same,
        };
        assert_eq!(row.change, expected, "{row:?}");
    }
    // A few answers among failures are not judged.
    let dead = System {
        failures: 0.995,
        ..CALM
    };
    let c = run(&[("home", &dead)], 60, 200, 5);
    let comparison = compare(a.side(), c.side(), 1);
    let p95 = comparison.totals.iter().find(|row| row.metric == "p95_us");
    assert_eq!(p95.unwrap().change, Change::Inconclusive);
    assert_eq!(comparison.verdict, Verdict::Worse);
}

/// Runs of an older dlt have the times of failures among theirs.
#[test]
fn times_over_all_and_over_ok_samples_are_not_compared() {
    let old = |failures, seed| {
        let system = System { failures, ..CALM };
        let mut run = run(&[("home", &system)], 40, 60, seed);
        run.record.summary.as_mut().unwrap().times_over = TimesOver::All;
        run
    };
    let compared = |a: &Run, b: &Run| compare(a.side(), b.side(), 1);
    let new = |failures| {
        let system = System { failures, ..CALM };
        run(&[("home", &system)], 40, 60, 1)
    };
    let (mixed, failing, clean) = (old(0.2, 2), new(0.2), new(0.0));
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
            let judged = row.change != Change::Inconclusive;
            assert_eq!(
                judged,
                ["error_rate", "rate"].contains(&row.metric.as_str()),
                "{row:?}"
            );
        }
    }
    // Without failures there is nothing to keep apart; two old ones are alike.
    assert_eq!(compared(&old(0.0, 2), &clean).verdict, Verdict::Same);
    assert_eq!(
        compared(&old(0.01, 2), &old(0.01, 3)).verdict,
        Verdict::Same
    );
}
