//! Runs that may not be judged, and labels of which nothing can be told.

use super::*;
use crate::judge::verdict::{Code, Reason, Trust};
use crate::run::Status;
use serde_json::json;

fn two_regions(seed: u64) -> Run {
    let plan = Plan {
        regions: vec!["lo-home-1", "lo-home-2"],
        ..plan(&[("home", CALM)], 40, 60.0)
    };
    run(&plan, seed)
}

/// Changes the candidate, or the base: no word is said, each number is shown.
fn refused(change: &dyn Fn(&mut Run), says: &str) {
    let (good, mut other) = (two_regions(1), two_regions(2));
    change(&mut other);
    for (base, candidate) in [(&good, &other), (&other, &good)] {
        let comparison = compared(base, candidate);
        assert_eq!(comparison.verdict, Verdict::Incomparable, "{says}");
        let said = comparison.reasons.join("; ");
        assert!(said.contains(says), "{said}, not {says}");
        assert!(!comparison.totals.is_empty());
        let labels = comparison.labels.iter().flat_map(|label| &label.metrics);
        for row in comparison.totals.iter().chain(labels) {
            assert_eq!(row.change, Change::CannotTell, "{says}: {row:?}");
        }
    }
}

#[test]
fn other_load_or_requests_are_refused_with_the_reason() {
    refused(
        &|run| run.record.load.as_mut().unwrap().users = Some(40),
        "the planned loads differ",
    );
    refused(
        &|run| run.record.test_task_configs[0]["taskCount"] = json!(3),
        "different numbers of runners",
    );
    refused(
        &|run| run.record.test_task_configs[0]["region"] = json!("lo-home-3"),
        "different regions",
    );
    refused(
        &|run| {
            let scenario = &mut run.record.test_scenario["scenarios"]["simulated"];
            scenario["requests"][0]["url"] = crate::value::json!("http://127.0.0.1/other");
        },
        "different requests",
    );
    refused(
        &|run| run.record.test_scenario = crate::value::json!("unreadable"),
        "different requests",
    );
}

#[test]
fn runs_that_are_not_whole_are_refused_with_the_reason() {
    refused(
        &|run| run.record.status = Status::Cancelled,
        "run did not end as planned: it is cancelled",
    );
    refused(
        &|run| {
            let coverage = run.record.coverage.as_mut().unwrap();
            (coverage.complete, coverage.runners_reported) = (false, 1);
        },
        "run is incomplete: 1 of 2 runners reported",
    );
    // Both counts are too low where half of the runners never came to be.
    refused(
        &|run| {
            let coverage = run.record.coverage.as_mut().unwrap();
            (coverage.runners_expected, coverage.runners_reported) = (1, 1);
        },
        "run is incomplete: 1 of 2 runners reported",
    );
    refused(
        &|run| {
            let coverage = run.record.coverage.as_mut().unwrap();
            (coverage.complete, coverage.missing_intervals) = (false, 20);
        },
        "20 seconds of its runners were not measured",
    );
    refused(
        &|run| run.record.coverage.as_mut().unwrap().complete = false,
        "run is incomplete: it was cut short",
    );
    refused(
        &|run| run.record.coverage = None,
        "how many of its runners reported is not known",
    );
    let lost = "nothing was measured in region lo-home-2";
    let region = || Region::parse("lo-home-2").unwrap();
    refused(
        &|run| {
            let summary = run.record.summary.as_mut().unwrap();
            summary.regions.remove("lo-home-2");
        },
        lost,
    );
    refused(
        &|run| {
            run.timeline.regions.remove(&region());
        },
        lost,
    );
    refused(
        &|run| {
            let account = run.record.account.as_mut().unwrap();
            account.requests.unfinished = account.requests.begun() / 2;
        },
        "run's requests had no answer when it ended",
    );
    refused(
        &|run| run.record.verdict.as_mut().unwrap().trust = Trust::Untrusted,
        "cannot be believed",
    );
}

/// A region that measured nothing is refused alone as well; the other is judged.
#[test]
fn one_region_is_judged_for_itself() {
    let (good, mut other) = (two_regions(1), two_regions(2));
    let far = Region::parse("lo-home-2").unwrap();
    other.timeline.regions.remove(&far);
    let in_region = |name: &str| {
        let region = Region::parse(name).unwrap();
        let thresholds = Thresholds::default();
        compare(good.side(), other.side(), Some(&region), thresholds)
    };
    assert_eq!(in_region("lo-home-2").verdict, Verdict::Incomparable);
    let near = in_region("lo-home-1");
    assert_ne!(near.verdict, Verdict::Incomparable);
    // Seconds of its labels are not kept: they have their values, and no word.
    let home = &near.labels[0];
    assert_eq!(
        (home.label.as_str(), home.change),
        ("home", Change::CannotTell)
    );
    assert_eq!(near.inconclusive, ["home"]);
    let p95 = home
        .metrics
        .iter()
        .find(|row| row.metric == "p95_us")
        .unwrap();
    assert!(p95.candidate > 0.0 && p95.low.is_none() && p95.why.is_some());
    let ok = |run: &Run| run.record.summary.as_ref().unwrap().regions["lo-home-1"].p95_us;
    assert_eq!(Some(total(&near, "p95_us").candidate as u64), ok(&other));
}

/// A change in one region is that region's.
#[test]
fn a_region_that_got_slower_is_worse() {
    let base = two_regions(1);
    let slow = Plan {
        regions: vec!["lo-home-2"],
        ..plan(&[("home", CALM.slower(1.2))], 40, 60.0)
    };
    let (mut candidate, slow) = (two_regions(2), run(&slow, 3));
    candidate.timeline.regions.extend(slow.timeline.regions);
    candidate.histograms.regions.extend(slow.histograms.regions);
    let summary = candidate.record.summary.as_mut().unwrap();
    summary.regions.extend(slow.record.summary.unwrap().regions);
    let verdict = |name: &str| {
        let region = Region::parse(name).unwrap();
        let thresholds = Thresholds::default();
        compare(base.side(), candidate.side(), Some(&region), thresholds).verdict
    };
    assert_eq!(verdict("lo-home-2"), Verdict::Worse);
    assert_ne!(verdict("lo-home-1"), Verdict::Worse);
}

#[test]
fn a_degraded_run_is_judged_and_noted() {
    let (a, mut b) = (two_regions(1), two_regions(2));
    let verdict = b.record.verdict.as_mut().unwrap();
    verdict.trust = Trust::Degraded;
    verdict.reasons.push(Reason {
        code: Code::Lag,
        trust: Trust::Degraded,
        message: "requests left late".to_owned(),
        runners: Vec::new(),
        from_s: None,
        to_s: None,
    });
    let comparison = compared(&a, &b);
    assert_ne!(comparison.verdict, Verdict::Incomparable);
    let note = "the candidate run is degraded: requests left late";
    assert_eq!(comparison.notes, [note]);
}

#[test]
fn transactions_are_said_not_to_be_compared() {
    let (a, mut b) = (two_regions(1), two_regions(2));
    assert!(compared(&a, &b).notes.is_empty());
    let summary = b.record.summary.as_mut().unwrap();
    summary.transactions.push(summary.total.clone());
    for (base, candidate) in [(&a, &b), (&b, &a)] {
        let comparison = compared(base, candidate);
        assert_ne!(comparison.verdict, Verdict::Incomparable);
        assert!(comparison.notes[0].starts_with("transactions are not compared"));
    }
}

#[test]
fn what_says_too_little_is_not_judged() {
    // Five seconds are too few to estimate the spread of seconds.
    let short = one(CALM, 5, 60.0, 2);
    let comparison = compared(&short, &short);
    assert_eq!(comparison.verdict, Verdict::Incomparable);
    assert!(comparison.reasons[0].contains("too short"));
    // Nor is one reason hidden behind another.
    let mut doubtful = one(CALM, 5, 60.0, 2);
    doubtful.record.verdict.as_mut().unwrap().trust = Trust::Untrusted;
    let said = compared(&short, &doubtful).reasons.join("; ");
    assert!(said.contains("cannot be believed"), "{said}");
    assert!(said.contains("too short"), "{said}");
    // Nor do runs without seconds, or without exact times.
    let good = one(CALM, 40, 60.0, 1);
    let no_seconds = Side {
        timeline: None,
        ..good.side()
    };
    let no_times = Side {
        histograms: None,
        ..good.side()
    };
    for (bare, verdict) in [
        (no_seconds, Verdict::Incomparable),
        (no_times, Verdict::CannotTell),
    ] {
        let comparison = compare(bare, bare, None, Thresholds::default());
        assert_eq!(comparison.verdict, verdict);
        assert_eq!(total(&comparison, "p95_us").change, Change::CannotTell);
    }
}

#[test]
fn labels_of_which_nothing_can_be_told_are_named() {
    let labels = [("home", CALM), ("rare", CALM)];
    let make = |seed| {
        let mut plan = plan(&labels, 40, 60.0);
        plan.labels[1].2 = 0.15;
        run(&plan, seed)
    };
    let comparison = compared(&make(1), &make(2));
    assert_eq!(comparison.inconclusive, ["rare"]);
    // A run of too many labels keeps the seconds of none.
    let mut many = make(3);
    many.timeline.labels.clear();
    let comparison = compared(&many, &many);
    assert_eq!(comparison.inconclusive, ["rare", "home"].map(str::to_owned));
}

#[test]
fn open_load_must_have_sent_alike() {
    let (mut a, mut b) = (one(CALM, 20, 900.0, 1), one(CALM, 20, 900.0, 2));
    for run in [&mut a, &mut b] {
        run.record.load.as_mut().unwrap().model = "open".to_owned();
    }
    assert!(compared(&a, &b).comparability.same_load);
    b.record.account.as_mut().unwrap().requests.sent /= 2;
    let comparison = compared(&a, &b);
    assert_eq!(comparison.verdict, Verdict::Incomparable);
    assert!(!comparison.comparability.same_load);
}
