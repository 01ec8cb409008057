//! What Rust and the console's TypeScript must add up alike: two regions of seconds with their
//! sums and percentiles, as a golden file that the tests of both read.

use super::window::Window;
use super::*;
use crate::measure::second::add_cause;
use serde_json::{Value, json};

/// Where it lies; `DLT_UPDATE=1` writes it.
const GOLDEN: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/src/messages/timeline/shared.json"
);
/// Seconds of each region.
const SECONDS: u64 = 24;

/// A second in which everything happens, different from every other one.
fn second(region: u64, second: u64) -> Second {
    let number = second * 7 + region * 3;
    let mut row = Second {
        second,
        users: 5 + number % 11,
        scheduled: 40 + number,
        dropped: number % 3,
        unconnected: number % 2,
        sent: 38 + number,
        resent: number % 5,
        ok: 0,
        failed: number % 4,
        unfinished: number % 2,
        bytes: 1_000_003 * (number + 1),
        causes: Vec::new(),
        user_time_us: 10_007 * number,
        read_delay_us: 13 * number,
        unstamped: number % 7,
        runners: 1 + region,
        ..Second::default()
    };
    // From 1 µs to beyond an hour, and empty seconds too.
    for at in 0..number % 23 {
        let us = (at + 1).pow(9) + second * 1_009;
        row.latency.record(us);
        row.lag.record(us / 1_000);
        row.ok += 1;
    }
    for (at, cause) in (0..row.failed).zip(["timeout-total", "reset", "status-5xx"]) {
        add_cause(&mut row.causes, cause, 1);
        row.latency_failed.record(1 << (at * 9));
    }
    row
}

fn percentiles(row: &Second) -> Value {
    let of = |q: f64| row.latency.quantile_us(q);
    json!([of(0.5), of(0.95), of(0.99), of(0.999), of(1.0)])
}

#[test]
fn the_console_adds_what_is_added_here() {
    let names = ["eu-west-1", "us-east-1"];
    let regions = (0..).zip(names).map(|(region, name)| {
        let rows = (0..SECONDS).map(|at| second(region, at)).collect();
        (Region::parse(name).unwrap(), rows)
    });
    let timeline = RunTimeline {
        format: TIMELINE_FORMAT,
        regions: regions.collect(),
        ..RunTimeline::default()
    };
    let total = timeline.total();
    let stretches = timeline.window(&Window {
        step_s: 6,
        ..Window::default()
    });
    let stretches = stretches.total();
    let golden = json!({
        "regions": timeline.regions,
        "total": total,
        "percentiles": total.iter().map(percentiles).collect::<Vec<_>>(),
        "step_s": 6,
        "stretches": stretches,
        "stretch_percentiles": stretches.iter().map(percentiles).collect::<Vec<_>>(),
    });
    let text = format!("{golden}\n");
    if std::env::var_os("DLT_UPDATE").is_some() {
        std::fs::write(GOLDEN, &text).unwrap();
    }
    let stored = std::fs::read_to_string(GOLDEN).unwrap_or_default();
    assert!(
        stored == text,
        "seconds are added differently: look at it, then DLT_UPDATE=1 cargo test -p dlt-core shared_tests"
    );
}
