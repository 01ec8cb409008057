//! The compatible `results` object (openapi `ResultsByRegion`), pooled as
//! decision 18 requires: counts, bytes and concurrency are sums over runners,
//! means, deviation and percentiles those of all samples together, failed ones
//! too, as Taurus has them. Exact numbers are left to `blocks`.

use crate::measure::tally::LabelTally;
use crate::messages::report::codes;
use serde_json::{Map, Value, json};

/// Keys of the percentiles and their shares.
const PERCENTILES: [(&str, f64); 7] = [
    ("p0_0", 0.0),
    ("p50_0", 0.5),
    ("p90_0", 0.9),
    ("p95_0", 0.95),
    ("p99_0", 0.99),
    ("p99_9", 0.999),
    ("p100_0", 1.0),
];
/// What stands for an empty label, as Taurus has it.
const EMPTY_LABEL: &str = "[empty]";

/// The length of the load in whole seconds. Clients divide by it: a run that
/// measured anything lasted at least one.
pub(crate) fn test_duration(duration_us: u64, finished: u64) -> u64 {
    let seconds = (duration_us + 500_000) / 1_000_000;
    seconds.max(u64::from(finished > 0))
}

/// A label's entry.
pub(crate) fn label(label: &str, tally: &LabelTally, users: u64, seconds: u64) -> Value {
    let label = if label.is_empty() { EMPTY_LABEL } else { label };
    let mut entry = metrics(tally, users, seconds);
    entry.insert("label".to_owned(), label.into());
    Value::Object(entry)
}

/// A region's entry, or the total's.
pub(crate) fn whole(tally: &LabelTally, users: u64, seconds: u64, labels: Vec<Value>) -> Value {
    let mut entry = metrics(tally, users, seconds);
    entry.insert("labels".to_owned(), Value::Array(labels));
    Value::Object(entry)
}

fn metrics(tally: &LabelTally, users: u64, seconds: u64) -> Map<String, Value> {
    let finished = tally.ok + tally.failed;
    // As Taurus: over all samples, also those that opened no connection.
    let average = |sum_us: u128| sum_us as f64 / finished.max(1) as f64;
    let response = tally.response_all();
    let mut entry = Map::new();
    let mut put = |key: &str, value: Value| {
        entry.insert(key.to_owned(), value);
    };
    put("succ", tally.ok.into());
    put("fail", tally.failed.into());
    put("throughput", finished.into());
    put("bytes", tally.bytes_received.to_string().into());
    put("concurrency", users.to_string().into());
    put("testDuration", seconds.to_string().into());
    put("avg_rt", fixed(response.mean_us().unwrap_or(0.0), 5));
    put("avg_lt", fixed(average(tally.first_byte.sum_us), 5));
    put("avg_ct", fixed(average(tally.connect.sum_us), 5));
    put("stdev_rt", fixed(response.stdev_us().unwrap_or(0.0), 3));
    for (key, share) in PERCENTILES {
        let us = response.quantile_us(share).unwrap_or(0);
        put(key, fixed(us as f64, 3));
    }
    let rc: Vec<Value> = codes::errors(tally)
        .into_iter()
        .map(|(code, count)| json!({ "code": code, "count": count }))
        .collect();
    put("rc", Value::Array(rc));
    entry
}

/// Seconds as text.
fn fixed(us: f64, decimals: usize) -> Value {
    format!("{:.decimals$}", us / 1e6).into()
}

/// succ / throughput · 100 with 2 decimals; None without samples.
pub(crate) fn succ_percent(tally: &LabelTally) -> Option<String> {
    let finished = tally.ok + tally.failed;
    (finished > 0).then(|| format!("{:.2}", tally.ok as f64 * 100.0 / finished as f64))
}
