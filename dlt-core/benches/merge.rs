//! Merging a thousand reports of 21 labels, as results are made: CPU seconds and
//! memory, beside the `hdrhistogram` crate which decodes and adds the same
//! histograms and does nothing else.
//!
//! `cargo bench -p dlt-core --bench merge [-- ROUNDS]`
#![expect(
    clippy::print_stdout,
    reason = "a bench prints what it measured; `cargo xtask bench merge` reads it"
)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dlt_core::ids::{Region, RunnerId, TestId, TestRunId};
use dlt_core::judge::merger::Merger;
use dlt_core::measure::generator::Generator;
use dlt_core::measure::latencies::Latencies;
use dlt_core::measure::sample::{Outcome, Sample, Timed};
use dlt_core::measure::tally::Tally;
use dlt_core::messages::report::{Ended, Health, Report, StartFacts, TaskFacts};
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;

const REPORTS: usize = 1_000;
const LABELS: usize = 21;
/// Different ones, merged in turn.
const DIFFERENT: u64 = 8;
/// Rounds, unless the command line says how many.
const ROUNDS: usize = 3;
/// Kinds of reports: samples of each, and the CPU time that merging may take, s.
const KINDS: [(&str, usize, f64); 2] = [("sparse", 1_000, 0.3), ("dense", 100_000, 1.0)];

/// CPU time of this thread, s.
fn cpu_s() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split(' ').next().and_then(|text| text.parse().ok());
    nanos.unwrap_or(0.0) / 1e9
}

/// The most memory that the process ever held, MiB.
fn peak_mib() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}

fn next(state: &mut u64) -> f64 {
    // Xorshift64.
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 11) as f64 / (1u64 << 53) as f64
}

/// A report of so many samples around 20 ms, of a long tail.
fn report(samples: usize, seed: u64) -> Report {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut tally = Tally::default();
    for n in 0..samples {
        // Sums of uniform numbers are about normal.
        let normal: f64 = (0..12).map(|_| next(&mut state)).sum::<f64>() - 6.0;
        let us = (20_000.0 * (0.5 * normal).exp()) as u64;
        let lag = (40.0 * (0.8 * normal).exp()) as u64;
        let sample = Sample {
            due_us: 0,
            sent_us: lag,
            connected_us: (n % 100 == 0).then_some(lag + us / 9),
            first_byte_us: Some(lag + us * 8 / 9),
            done_us: lag + us,
            read_us: lag + us,
            timed: Some(Timed::Stamp),
            bytes_received: 1_300,
            bytes_sent: 120,
        };
        let label = format!("/label/{}", n % LABELS);
        tally.account.scheduled += 1;
        tally.account.sent += 1;
        tally.account.ok += 1;
        let outcome = Outcome::ok(200);
        tally
            .labels
            .entry(label)
            .or_default()
            .record(&sample, outcome);
        tally.phases.service.record(us);
        tally.phases.lag.record(lag);
        tally.phases.first_byte.record(us * 8 / 9);
        if n % 100 == 0 {
            tally.phases.connect.record(us / 9);
        }
    }
    let parse = "bench";
    Report {
        test: TestId::parse(parse).expect("an id"),
        run: TestRunId::parse(parse).expect("an id"),
        runner: RunnerId::parse("eu-west-1-1").expect("an id"),
        region: Region::parse("eu-west-1").expect("a region"),
        tally,
        duration_us: 60_000_000,
        loaded_us: None,
        peak_users: 100,
        ticks: 60,
        start: Some(StartFacts {
            start_at_us: 1_700_000_000_000_000,
            clock_offset_us: 0,
            clock_error_us: 20,
            share_ppb: Some(1_000_000),
            first_due_us: Some(0),
            first_sent_us: Some(40),
        }),
        ended: Ended::AsPlanned,
        script_failed: None,
        health: Health::default(),
        generator: Generator::default(),
        exchanges: Vec::new(),
        warnings: Vec::new(),
        task: TaskFacts::default(),
    }
}

fn histograms(report: &Report) -> Vec<String> {
    let phases = &report.tally.phases;
    let of_labels = report.tally.labels.values().map(|label| &label.response);
    let of_run = [
        &phases.service,
        &phases.lag,
        &phases.first_byte,
        &phases.connect,
    ];
    of_labels.chain(of_run).map(Latencies::to_base64).collect()
}

/// Decodes and adds, nothing else; into as many histograms as there are.
fn peer(reports: &[Vec<String>]) -> f64 {
    let mut merged: Vec<Histogram<u64>> = Vec::new();
    let mut reader = Deserializer::new();
    let began = cpu_s();
    for n in 0..REPORTS {
        for (at, text) in reports[n % reports.len()].iter().enumerate() {
            let bytes = STANDARD.decode(text).expect("base64");
            let read: Histogram<u64> = reader.deserialize(&mut bytes.as_slice()).expect("V2");
            match merged.get_mut(at) {
                Some(known) => known.add(&read).expect("the same layout"),
                None => merged.push(read),
            }
        }
    }
    cpu_s() - began
}

fn ours(documents: &[String]) -> f64 {
    let began = cpu_s();
    let mut merger = Merger::default();
    for n in 0..REPORTS {
        let report = Report::from_xml(&documents[n % documents.len()]);
        merger.add(&report.expect("a report of ours"));
    }
    let spent = cpu_s() - began;
    std::hint::black_box(merger);
    spent
}

fn main() {
    let rounds = std::env::args().find_map(|word| word.parse().ok());
    println!("{REPORTS} reports of {LABELS} labels, CPU seconds:\n");
    println!(
        "| reports | samples each | CPU s | hdrhistogram alone | ratio | budget s | KiB each | peak MiB |\n|---|---|---|---|---|---|---|---|"
    );
    for (name, samples, budget) in KINDS {
        let reports: Vec<Report> = (0..DIFFERENT).map(|n| report(samples, n + 1)).collect();
        let documents: Vec<String> = reports.iter().map(Report::to_xml).collect();
        let texts: Vec<Vec<String>> = reports.iter().map(histograms).collect();
        drop(reports);
        for round in 0..rounds.unwrap_or(ROUNDS) {
            // Which goes first changes, so that neither always finds the machine as the other
            // left it.
            let (ours, peer) = if round % 2 == 0 {
                let ours = ours(&documents);
                (ours, peer(&texts))
            } else {
                let peer = peer(&texts);
                (ours(&documents), peer)
            };
            println!(
                "| {name} | {samples} | {ours:.3} | {peer:.3} | {:.3} | {budget} | {} | {:.0} |",
                ours / peer,
                documents[0].len() / 1024,
                peak_mib()
            );
        }
    }
}
