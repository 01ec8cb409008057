//! A small part of the bench, with fixed seeds: intervals hold the truth, and a
//! system compared with itself is seldom called different.

use super::*;

/// Of a system against one that is slower and fails more: how many intervals were
/// given, and how many hold the truth.
fn held(base: System, by: f64, seconds: u64, per_second: f64) -> (u64, u64) {
    let mut counts = (0, 0);
    for pair in 0..60 {
        let candidate = System {
            failures: base.failures * 2.0,
            ..base.slower(by)
        };
        let a = one(base, seconds, per_second, 1_000 + 2 * pair);
        let b = one(candidate, seconds, per_second, 1_001 + 2 * pair);
        for row in &compared(&a, &b).totals {
            let (low, high, truth) = match row.metric.as_str() {
                "error_rate" => {
                    let truth = candidate.error_rate() - base.error_rate();
                    (row.low, row.high, truth)
                }
                "rate" => (row.low_pct, row.high_pct, 0.0),
                _ => (row.low_pct, row.high_pct, (by - 1.0) * 100.0),
            };
            let Some((low, high)) = low.zip(high) else {
                continue;
            };
            counts.0 += 1;
            counts.1 += u64::from(low <= truth && truth <= high);
        }
    }
    counts
}

#[test]
fn intervals_hold_the_truth() {
    let failing = System {
        failures: 0.03,
        ..CALM
    };
    let wandering = System {
        wander: 0.04,
        memory: 0.6,
        ..failing
    };
    let bimodal = System {
        slow: (0.3, 5.0),
        ..failing
    };
    let (mut given, mut true_ones) = (0, 0);
    for (name, system, by, seconds, per_second) in [
        ("calm", failing, 1.0, 15, 60.0),
        ("wandering", wandering, 1.03, 30, 60.0),
        ("bimodal", bimodal, 1.08, 20, 40.0),
    ] {
        let (of, held) = held(system, by, seconds, per_second);
        let share = held as f64 / of as f64;
        // Three standard errors of so few pairs, whose numbers go together.
        assert!((0.90..=0.99).contains(&share), "{name}: {held} of {of}");
        (given, true_ones) = (given + of, true_ones + held);
    }
    let share = f64::from(u32::try_from(true_ones).unwrap()) / given as f64;
    assert!((0.93..=0.975).contains(&share), "{true_ones} of {given}");
}

/// What 60 pairs of runs of one system are called, where it is not the same.
fn alarms(plan: &Plan<'_>, region: Option<&str>) -> (Vec<String>, Vec<String>) {
    let region = region.map(|name| Region::parse(name).unwrap());
    let pairs: Vec<Comparison> = (0..60)
        .map(|pair| {
            let (a, b) = (run(plan, 500 + 2 * pair), run(plan, 501 + 2 * pair));
            compare(a.side(), b.side(), region.as_ref(), Thresholds::default())
        })
        .collect();
    let of_runs = pairs
        .iter()
        .filter(|it| matches!(it.verdict, Verdict::Worse | Verdict::Better))
        .map(|it| it.reasons.join(", "));
    (
        of_runs.collect(),
        pairs.iter().filter_map(of_any_number).collect(),
    )
}

/// The numbers of a comparison that are called better or worse; None without.
fn of_any_number(it: &Comparison) -> Option<String> {
    let of_labels = it.labels.iter().flat_map(|label| &label.metrics);
    let rows = it.totals.iter().chain(of_labels);
    let names: Vec<&str> = rows
        .filter(|row| matches!(row.change, Change::Worse | Change::Better))
        .map(|row| row.metric.as_str())
        .collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// Over all labels together, in a region, and of times that lie in few buckets.
#[test]
fn a_system_is_seldom_called_different_from_itself() {
    let wandering = System {
        wander: 0.03,
        memory: 0.6,
        failures: 0.02,
        ..CALM
    };
    let narrow = System {
        median_us: 5_100.0,
        spread: 0.01,
        wander: 0.015,
        memory: 0.5,
        ..CALM
    };
    // Its level comes and goes over some seconds.
    let slow = System {
        wander: 0.03,
        memory: 0.8,
        ..CALM
    };
    let bursts = System {
        bursts: (0.06, 3.0, 0.8),
        ..CALM
    };
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let labels = plan(&names.map(|name| (name, wandering)), 30, 12.0);
    let regions = Plan {
        regions: vec!["lo-home-1", "lo-home-2"],
        ..plan(&[("home", wandering)], 40, 60.0)
    };
    let mut all = Vec::new();
    let mut pairs = 0;
    for (name, plan, region) in [
        ("labels", labels, None),
        ("a region", regions, Some("lo-home-2")),
        ("narrow", plan(&[("home", narrow)], 30, 60.0), None),
        ("slow", plan(&[("home", slow)], 60, 60.0), None),
        ("bursts", plan(&[("home", bursts)], 60, 30.0), None),
    ] {
        let (of_runs, of_numbers) = alarms(&plan, region);
        // Three standard errors above 1.5 %.
        assert!(of_runs.len() <= 4, "{name}: {of_runs:#?}");
        all.extend(of_numbers);
        pairs += 60;
    }
    // At most 5 % over all of them, whichever number it is.
    assert!(all.len() * 20 <= pairs, "{all:#?}");
}
