//! The control plane under a virtual clock: the shipped workflow, the real
//! functions, simulated ports, seeded faults. First each step fails or is
//! repeated by a loop, then everything goes wrong at random.
//!
//! `DLT_SIM_SEED` replays one seed and tells its story; `DLT_SIM_RUNS` says how
//! many seeds are played.
#![expect(clippy::unwrap_used, reason = "a test ends by panicking")]

mod clocks;
mod contract;
mod contract_fleet;
mod large;
mod on_aws;
mod outages;
mod play;
mod ports;
mod rng;
mod runners;
mod stage;
mod state;
mod verdict;
mod world;

use dlt_core::run::Status;
use play::{Mishap, Outcome, Plot, play};
use rng::Rng;
use state::Faults;
use std::time::{SystemTime, UNIX_EPOCH};

/// Seeds played by default: a few seconds.
const DEFAULT_RUNS: u64 = 100;

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {text:?}")),
    )
}

fn calm(tasks: &[u64]) -> Plot {
    Plot {
        seed: 7,
        faults: Faults::default(),
        tasks: tasks.to_vec(),
        healthy_threshold: 90,
        planned_s: 10,
        scripted: None,
        outages: Vec::new(),
        clocks: Vec::new(),
    }
}

fn check(plot: &Plot, outcome: &Outcome) {
    assert!(
        outcome.violations.is_empty(),
        "{:#?}\nwith {plot:?}\n{}\nreplay with DLT_SIM_SEED={}",
        outcome.violations,
        outcome.log.join("\n"),
        plot.seed
    );
}

#[test]
fn without_faults_every_run_completes() {
    for tasks in [&[1][..], &[4], &[25], &[3, 1, 2], &[1, 1]] {
        let plot = calm(tasks);
        let outcome = play(&plot);
        check(&plot, &outcome);
        let record = &outcome.run.record;
        assert_eq!(
            record.status,
            Status::Complete,
            "{}",
            outcome.log.join("\n")
        );
        let coverage = record.coverage.as_ref().unwrap();
        assert_eq!(coverage.runners_reported, tasks.iter().sum::<u64>());
        assert_eq!(outcome.starts as u64, tasks.iter().sum::<u64>());
        // The head of a run names the first twenty.
        let named = record.generator.as_ref().unwrap().public_addresses.len() as u64;
        assert_eq!(named, coverage.runners_reported.min(20));
        assert_eq!(outcome.executions, 1);
        assert_eq!(outcome.notes, Vec::<String>::new());
    }
}

#[test]
fn a_long_run_goes_on_in_fresh_executions() {
    let plot = Plot {
        planned_s: 1_200,
        ..calm(&[2])
    };
    let outcome = play(&plot);
    check(&plot, &outcome);
    assert_eq!(outcome.run.record.status, Status::Complete);
    assert!(outcome.executions >= 3, "{} executions", outcome.executions);
}

/// Each call of a run in turn fails before its effect, after it, or is made
/// twice; nothing of that changes the outcome.
#[test]
fn every_step_may_fail_or_be_repeated() {
    let calls = play(&calm(&[3, 2])).calls;
    assert!(calls > 15, "{calls} calls");
    for mishap in [Mishap::Before, Mishap::After, Mishap::Twice] {
        for at in 0..calls {
            let plot = Plot {
                scripted: Some((at, mishap)),
                ..calm(&[3, 2])
            };
            let outcome = play(&plot);
            check(&plot, &outcome);
            let record = &outcome.run.record;
            assert_eq!(
                record.status,
                Status::Complete,
                "call {at} {mishap:?}: {:?}\n{}",
                record.error_reason,
                outcome.log.join("\n")
            );
            assert_eq!(record.coverage.as_ref().unwrap().runners_reported, 5);
            assert_eq!(outcome.starts, 5, "call {at} {mishap:?} doubled the fleet");
        }
    }
}

/// The same while a cancel or a lost fleet takes the run along the other ways.
#[test]
fn every_step_of_the_other_ways_may_fail_or_be_repeated() {
    let cancelled = Faults {
        cancel: 1.0,
        ..Faults::default()
    };
    let deaf = Faults {
        cancel: 1.0,
        deaf: 1.0,
        ..Faults::default()
    };
    let never = Faults {
        never_ready: 1.0,
        ..Faults::default()
    };
    let endless = Faults {
        slow: 1.0,
        deaf: 1.0,
        ..Faults::default()
    };
    for (faults, expected) in [
        (cancelled, Status::Cancelled),
        (deaf, Status::Cancelled),
        (never, Status::Failed),
        (endless, Status::Failed),
    ] {
        for seed in [number("DLT_SIM_SEED").unwrap_or(1)] {
            let base = Plot {
                seed,
                faults: faults.clone(),
                ..calm(&[2, 1])
            };
            let calls = play(&base).calls;
            for mishap in [Mishap::Before, Mishap::After, Mishap::Twice] {
                for at in 0..calls {
                    let plot = Plot {
                        scripted: Some((at, mishap)),
                        ..base.clone()
                    };
                    let outcome = play(&plot);
                    check(&plot, &outcome);
                    let status = outcome.run.record.status;
                    let natural = expected == Status::Failed && status == Status::Complete;
                    assert!(
                        status == expected
                            || natural && plot.faults.slow > 0.0
                            || expected == Status::Cancelled && status == Status::Complete,
                        "call {at} {mishap:?}: {status}\n{}",
                        outcome.log.join("\n")
                    );
                }
            }
        }
    }
}

#[test]
fn too_few_runners_fail_with_their_last_words() {
    let plot = Plot {
        faults: Faults {
            stillborn: 1.0,
            ..Faults::default()
        },
        ..calm(&[4])
    };
    let outcome = play(&plot);
    check(&plot, &outcome);
    let record = &outcome.run.record;
    assert_eq!(record.status, Status::Failed);
    let reason = record.error_reason.as_deref().unwrap();
    assert!(reason.contains("of 4 runners came up"), "{reason}");
    assert!(reason.contains("it said: that was all"), "{reason}");
}

/// The seed that found a fault once.
#[test]
fn what_went_wrong_once_stays_right() {
    // A parser's call that was given up came after the end and changed it.
    let plot = random_plot(7_013_355_182_950_346);
    check(&plot, &play(&plot));
}

/// Everything at once, at random. The seed comes first, so that it is known
/// whatever happens.
#[test]
fn at_random_every_run_ends_and_keeps_what_was_measured() {
    let replay = number("DLT_SIM_SEED");
    let first = replay.unwrap_or_else(|| {
        let age = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        age.as_nanos() as u64 >> 8
    });
    let runs = match replay {
        Some(_) => 1,
        None => number("DLT_SIM_RUNS").unwrap_or(DEFAULT_RUNS),
    };
    println!("seeds from DLT_SIM_SEED={first}, {runs} runs");
    let mut ends = std::collections::BTreeMap::new();
    for seed in (0..runs).map(|n| first.wrapping_add(n)) {
        let plot = random_plot(seed);
        let outcome = play(&plot);
        if replay.is_some() {
            println!("{plot:#?}\n{}", outcome.log.join("\n"));
        }
        check(&plot, &outcome);
        *ends.entry(outcome.run.record.status.name()).or_insert(0) += 1;
    }
    println!("{ends:?}");
}

/// The store is out for any time at any point. Without other faults nothing that was
/// measured is lost: whoever loaded is in the result.
#[test]
fn whatever_the_store_is_out_for_runs_end_and_lose_nothing() {
    let replay = number("DLT_SIM_SEED");
    let first = replay.unwrap_or(1);
    let runs = match replay {
        Some(_) => 1,
        None => number("DLT_SIM_RUNS").unwrap_or(1_000).max(1_000),
    };
    let mut hits = outages::Hits::new();
    for seed in (0..runs).map(|n| first.wrapping_add(n)) {
        let mut rng = Rng::new(seed ^ 0x0057_04E5);
        let alone = rng.chance(0.5);
        let faults = random_plot(seed).faults;
        let plot = Plot {
            outages: random_outages(&mut rng),
            faults: match alone {
                true => Faults::default(),
                false => faults,
            },
            ..random_plot(seed)
        };
        let outcome = play(&plot);
        if replay.is_some() {
            println!("{plot:#?}\n{}", outcome.log.join("\n"));
        }
        check(&plot, &outcome);
        for (what, count) in &outcome.hits {
            *hits.entry(what).or_default() += count;
        }
        let Some(start_us) = outcome.run.start_at_us.filter(|_| alone) else {
            continue;
        };
        lost_nothing(seed, &outcome);
        if outcome.ended_us > start_us + outcome.run.planned_us + 60_000_000 {
            *hits.entry(outages::EXPECTED[8]).or_default() += 1;
        }
    }
    println!("{hits:#?}");
    if replay.is_none() {
        for what in outages::EXPECTED {
            assert!(
                hits.get(what).is_some_and(|count| *count > 0),
                "never: {what}"
            );
        }
    }
}

/// Whoever loaded is in the result. Before the start runners may have given up waiting, as
/// those of a start that comes minutes late: they measured nothing, and the result names them.
fn lost_nothing(seed: u64, outcome: &Outcome) {
    let record = &outcome.run.record;
    let coverage = record.coverage.as_ref();
    let is_whole = coverage.is_some_and(|coverage| {
        let lost = coverage.missing.iter();
        let lost = lost.filter(|name| outcome.loaded.contains(name)).count();
        let told = coverage.missing.is_empty() || !coverage.complete;
        lost == 0 && told && coverage.runners_reported == outcome.loaded.len() as u64
    });
    // Too few to be healthy: it fails, with what they measured.
    let everybody = coverage.is_some_and(|coverage| coverage.missing.is_empty());
    let ended = match everybody {
        true => record.status == Status::Complete,
        false => matches!(record.status, Status::Complete | Status::Failed),
    };
    assert!(
        is_whole && ended,
        "seed {seed}: {} {coverage:?} {:?}\n{}",
        record.status,
        record.error_reason,
        outcome.log.join("\n")
    );
}

/// One or two, from a blink to ten minutes, of any ports.
fn random_outages(rng: &mut Rng) -> Vec<outages::Outage> {
    (0..rng.between(1, 3))
        .map(|_| {
            let mut ports = outages::Port::ALL.to_vec();
            if rng.chance(0.5) {
                ports.retain(|_| rng.chance(0.5));
            }
            if ports.is_empty() {
                ports.push(outages::Port::ALL[rng.between(0, 4) as usize]);
            }
            outages::Outage {
                from_us: rng.between(0, 90_000_000),
                // As many short ones as long ones.
                length_us: 50_000 << rng.between(0, 14),
                ports,
            }
        })
        .collect()
}

fn random_plot(seed: u64) -> Plot {
    let mut rng = Rng::new(seed ^ 0x00D1_71E5);
    let mut rate = |most: f64| match rng.chance(0.4) {
        true => rng.fraction() * most,
        false => 0.0,
    };
    let faults = Faults {
        port: rate(0.05),
        function: rate(0.15),
        twice: rate(0.2),
        restart: rate(0.1),
        refused: rate(0.5),
        never_ready: rate(0.5),
        stillborn: rate(0.5),
        dies: rate(0.6),
        slow: rate(0.5),
        deaf: rate(0.5),
        report_lost: rate(0.4),
        report_broken: rate(0.4),
        cancel: rate(1.0),
    };
    let regions = rng.between(1, 4);
    Plot {
        seed,
        faults,
        tasks: (0..regions).map(|_| rng.between(1, 13)).collect(),
        healthy_threshold: [0, 50, 90, 100][rng.between(0, 4) as usize],
        planned_s: [1, 10, 60, 700][rng.between(0, 4) as usize],
        scripted: None,
        outages: Vec::new(),
        clocks: Vec::new(),
    }
}
