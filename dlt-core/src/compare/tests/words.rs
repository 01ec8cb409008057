//! Words against intervals and thresholds.

use super::*;
use crate::compare::interval::Estimate;
use crate::compare::words::{Kind, word};
use proptest::prelude::*;

#[test]
fn a_shift_of_five_percent_is_found_in_a_hundred_thousand_samples() {
    let a = one(CALM, 60, 1_667.0, 7);
    let b = one(CALM.slower(1.05), 60, 1_667.0, 8);
    let comparison = compared(&a, &b);
    assert_eq!(comparison.verdict, Verdict::Worse, "{comparison:#?}");
    let p50 = total(&comparison, "p50_us");
    assert_eq!((p50.change, p50.significant), (Change::Worse, true));
    let (low, high) = (p50.low_pct.unwrap(), p50.high_pct.unwrap());
    assert!(low < 5.0 && 5.0 < high && low > 2.0, "{low} to {high}");
    // Where it does not matter that much it is small.
    let thresholds = Thresholds {
        relative_pct: 15.0,
        ..Thresholds::default()
    };
    let lenient = compare(a.side(), b.side(), None, thresholds);
    assert_eq!(lenient.verdict, Verdict::ChangedButSmall);
    assert_eq!(lenient.thresholds, thresholds);
    // The same runs give the same result.
    assert_eq!(compared(&a, &b), comparison);
}

/// Whether the p95 of all is worse, +4 % or so, or only shown, +2 % or so, in a
/// wide interval.
#[test]
fn a_wide_interval_is_not_the_same() {
    let a = one(CALM, 30, 60.0, 3);
    let b = one(CALM, 30, 60.0, 4);
    let comparison = compared(&a, &b);
    for row in &comparison.totals {
        if row.metric.ends_with("_us") {
            let wide = row.high_pct.unwrap() - row.low_pct.unwrap() > 4.0;
            assert!(wide && row.change == Change::CannotTell, "{row:?}");
            assert!(row.why.is_some());
        }
    }
    assert_eq!(comparison.verdict, Verdict::CannotTell);
    let said = &comparison.reasons[0];
    assert!(
        said.starts_with("all requests: cannot tell whether p95 changed: "),
        "{said}"
    );
    // With so many more it is.
    let [a, b] = [5, 6].map(|seed| one(CALM, 120, 800.0, seed));
    let comparison = compared(&a, &b);
    assert_eq!(comparison.verdict, Verdict::Same, "{comparison:#?}");
}

/// Ten samples beyond a quantile: 1,000 for the p99, 200 for the p95.
#[test]
fn few_samples_beyond_a_quantile_tell_nothing() {
    let make = |per_second: f64, seed| one(CALM, 20, per_second, seed);
    for (per_second, told) in [(8.0, [true, false, false]), (30.0, [true, true, false])] {
        let comparison = compared(&make(per_second, 1), &make(per_second, 2));
        for (metric, told) in ["p50_us", "p95_us", "p99_us"].iter().zip(told) {
            let row = total(&comparison, metric);
            assert_eq!(row.low_pct.is_some(), told, "{row:?}");
            if !told {
                assert_eq!(row.change, Change::CannotTell);
                assert_eq!(row.why.as_deref(), Some("fewer than ten samples beyond it"));
            }
        }
    }
}

#[test]
fn one_label_that_got_worse_is_named() {
    let failing = System {
        failures: 0.05,
        ..CALM
    };
    let a = run(
        &plan(&[("home", CALM), ("pay", CALM), ("old", CALM)], 60, 200.0),
        3,
    );
    let b = run(
        &plan(
            &[("home", CALM), ("pay", failing), ("new", CALM)],
            60,
            200.0,
        ),
        4,
    );
    let comparison = compared(&a, &b);
    assert_eq!(comparison.verdict, Verdict::Worse);
    let of = |name: &str| {
        let mut labels = comparison.labels.iter();
        labels.find(|label| label.label == name).unwrap().change
    };
    assert_ne!(of("home"), Change::Worse);
    assert_eq!(of("pay"), Change::Worse);
    assert_eq!(comparison.added, ["new"]);
    assert_eq!(comparison.removed, ["old"]);
    let said = comparison.reasons.join("; ");
    assert!(
        said.contains("pay: error rate rose from 0.00 % to "),
        "{said}"
    );
}

/// Most times are 10 % longer, and another mode lies far below the median: a short
/// run says so all the same.
#[test]
fn a_short_run_of_two_modes_is_told_apart() {
    let modes = System {
        median_us: 20_000.0,
        spread: 0.04,
        slow: (0.7, 3.2),
        ..CALM
    };
    let a = one(modes, 20, 60.0, 1);
    let b = one(modes.slower(1.15), 20, 60.0, 2);
    let comparison = compared(&a, &b);
    for metric in ["p50_us", "p95_us"] {
        let row = total(&comparison, metric);
        assert_eq!(row.change, Change::Worse, "{row:?}");
        assert!(row.low_pct.unwrap() > 10.0 && row.high_pct.unwrap() < 20.0);
    }
}

/// A load that changes on purpose does so in both runs: that is no chance.
#[test]
fn a_ramp_alike_in_both_runs_hides_no_change() {
    let ramped = |system: System, seed| {
        let mut all = one(system, 20, 400.0, seed);
        for (n, by) in [(1, 1.3), (2, 1.6)] {
            let later = one(system.slower(by), 20, 400.0, seed + 100 * n);
            append(&mut all, later, 20 * n);
        }
        all.record.load.as_mut().unwrap().planned = vec![(0, 10.0), (20, 20.0), (40, 30.0)];
        all
    };
    let width = |run: &dyn Fn(&mut Run)| {
        let (mut a, mut b) = (ramped(CALM, 1), ramped(CALM.slower(1.06), 2));
        run(&mut a);
        run(&mut b);
        let comparison = compared(&a, &b);
        let row = total(&comparison, "p50_us");
        let ends = row.low_pct.zip(row.high_pct);
        let width = ends.map_or(f64::INFINITY, |(low, high)| high - low);
        (row.change, width)
    };
    let known = width(&|_| {});
    let unknown = width(&|run| run.record.load.as_mut().unwrap().planned.truncate(1));
    assert_eq!(known.0, Change::Worse);
    assert!(unknown.1 > 3.0 * known.1, "{unknown:?} {known:?}");
}

/// Adds what a later run measured, so many seconds later.
fn append(all: &mut Run, later: Run, at: u64) {
    let region = Region::parse("lo-home-1").unwrap();
    let mut seconds = later.timeline.regions[&region].clone();
    seconds.iter_mut().for_each(|row| row.second += at);
    all.timeline
        .regions
        .get_mut(&region)
        .unwrap()
        .extend(seconds);
    let mut times = all.histograms.times(None, None).unwrap().unwrap().ok;
    times.merge(&later.histograms.times(None, None).unwrap().unwrap().ok);
    let tally = crate::measure::tally::LabelTally {
        ok: times.count(),
        response: times.clone(),
        ..Default::default()
    };
    let row = crate::messages::histograms::LabelHistograms::of("home", &tally);
    all.histograms.regions.insert(region, vec![row]);
    let total = &mut all.record.summary.as_mut().unwrap().total;
    (total.count, total.ok) = (times.count(), times.count());
    total.p50_us = times.quantile_us(0.5);
}

fn mirrored(change: Change) -> Change {
    match change {
        Change::Worse => Change::Better,
        Change::Better => Change::Worse,
        other => other,
    }
}

/// What each row says must follow from what it shows.
fn agrees(row: &MetricChange, thresholds: &Thresholds) {
    let is_error_rate = row.metric == "error_rate";
    let (low, high, delta, threshold) = match is_error_rate {
        true => (
            row.low,
            row.high,
            Some(row.delta),
            thresholds.error_points / 100.0,
        ),
        false => (
            row.low_pct,
            row.high_pct,
            row.delta_pct,
            thresholds.relative_pct,
        ),
    };
    if low.is_none() && high.is_none() {
        assert_eq!(row.change, Change::CannotTell, "{row:?}");
        assert!(row.why.is_some());
        return;
    }
    // An end that is not bounded by what was measured is absent.
    let low = low.unwrap_or(f64::NEG_INFINITY);
    let high = high.unwrap_or(f64::INFINITY);
    let delta = delta.unwrap();
    assert!(low <= delta && delta <= high, "{row:?}");
    // Downwards the threshold is of the smaller value; values are whole numbers.
    let least = match is_error_rate {
        true => threshold,
        false => threshold / (1.0 + threshold / 100.0),
    } * 0.97;
    let within = -threshold <= low && high <= threshold;
    let excludes_none = low > 0.0 || high < 0.0;
    match row.change {
        Change::Worse | Change::Better => {
            assert!(
                excludes_none && delta.abs() >= least && row.significant,
                "{row:?}"
            );
            let grew = delta > 0.0;
            let better = grew == (row.metric == "rate");
            assert_eq!(row.change == Change::Better, better, "{row:?}");
        }
        Change::ChangedButSmall => {
            assert!(within && excludes_none && row.significant, "{row:?}");
        }
        // A change that only one of many intervals shows is none.
        Change::Same => assert!(within && !(excludes_none && row.significant), "{row:?}"),
        Change::CannotTell => assert!(row.why.is_some(), "{row:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Words follow from intervals and thresholds; swapped runs say the opposite.
    #[test]
    fn words_agree_with_intervals_and_swapped_runs_mirror(
        by in 0.8f64..1.25,
        failures in (0.0f64..0.1, 0.0f64..0.1),
        seconds in 15u64..40,
        per_second in 2.0f64..120.0,
        relative_pct in 0.5f64..30.0,
        seed in 0u64..1_000_000,
    ) {
        let system = |failures| System { failures, wander: 0.02, memory: 0.5, ..CALM };
        let a = one(system(failures.0), seconds, per_second, seed);
        let b = one(system(failures.1).slower(by), seconds, per_second, seed + 1);
        let thresholds = Thresholds { relative_pct, ..Thresholds::default() };
        let there = compare(a.side(), b.side(), None, thresholds);
        let back = compare(b.side(), a.side(), None, thresholds);
        for (row, other) in there.totals.iter().zip(&back.totals) {
            agrees(row, &thresholds);
            prop_assert_eq!(row.change, mirrored(other.change));
            prop_assert_eq!(row.delta, -other.delta);
        }
        let (worse, better) = (Verdict::Worse, Verdict::Better);
        prop_assert!(there.verdict != better || back.verdict == worse);
        for comparison in [&there, &back] {
            let labels = comparison.labels.iter().flat_map(|label| &label.metrics);
            let mut rows = comparison.totals.iter().chain(labels);
            let worst = rows.any(|row| row.change == Change::Worse);
            prop_assert_eq!(worst, comparison.verdict == Verdict::Worse);
            let text = serde_json::to_string(comparison).unwrap();
            let read: Comparison = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(read.verdict, comparison.verdict);
        }
    }

    /// Of any interval at all.
    #[test]
    fn a_word_is_what_its_interval_allows(
        difference in -0.3f64..0.3,
        down in 0.0f64..0.3,
        up in 0.0f64..0.3,
        threshold in 0.001f64..0.2,
        real: bool,
    ) {
        let interval = (difference - down, difference + up);
        let estimate = Estimate { difference, interval, p_value: 0.5 };
        let of = |kind| word(&estimate, kind, threshold, real);
        let within = -threshold <= interval.0 && interval.1 <= threshold;
        let holds_none = interval.0 <= 0.0 && 0.0 <= interval.1;
        let change = of(Kind::Time);
        prop_assert_eq!(change == Change::Same, within && (holds_none || !real));
        prop_assert_eq!(
            matches!(change, Change::Worse | Change::Better),
            real && !holds_none && difference.abs() >= threshold
        );
        prop_assert_eq!(of(Kind::Rate), mirrored(change));
        prop_assert_eq!(of(Kind::ErrorRate), change);
    }
}
