//! What a runner keeps of six hours of load on a hundred labels (`cargo xtask bench merge`): its load
//! thread (`engine::long_run`) and its timeline, through simulated seconds.

use crate::coordinator::timeline::TimelineFolder;
use crate::engine::LabelRows;
use crate::engine::long_run::LongRun;
use serde::Serializer as _;

const HOURS: u64 = 6;
const SECONDS_OF_HOUR: u64 = 3_600;
/// As many as a timeline keeps apart.
const LABELS: usize = 100;
/// Requests of each label in a second.
const RATE: u64 = 20;

/// Runs it; `told` is called after each hour, and when the result is made, while everything is still
/// held.
pub fn simulate(told: impl FnMut(&str)) {
    run(HOURS, SECONDS_OF_HOUR, told);
}

fn run(hours: u64, seconds: u64, mut told: impl FnMut(&str)) {
    let mut load = LongRun::new(LABELS, RATE);
    let mut timeline = TimelineFolder::default();
    for hour in 1..=hours {
        for second in (0..seconds).flat_map(|_| load.second()) {
            timeline.add_second(second);
        }
        told(&format!("{hour} h"));
    }
    let result = load.finish();
    let requests = hours * seconds * LABELS as u64 * RATE;
    assert_eq!(result.tally.account.ok, requests);
    // As a report's composer does (`report`).
    let unpacked = result.labels.iter().map(LabelRows::merged);
    let mut json = serde_json::Serializer::new(Vec::new());
    let _ = json.collect_seq(unpacked);
    told("result");
    std::hint::black_box((timeline, result, json.into_inner()));
}

#[cfg(test)]
mod tests {
    #[test]
    fn each_hour_is_told_and_each_request_counted() {
        let mut told = Vec::new();
        super::run(2, 3, |what| told.push(what.to_owned()));
        assert_eq!(told, ["1 h", "2 h", "result"]);
    }
}
