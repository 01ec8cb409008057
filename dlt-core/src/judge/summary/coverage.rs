//! Which runners reported, which seconds are missing, how evenly the run started.
//! What that means for its trust is left to `verdict`.

use super::runner::everyone_silent;
use super::{Coverage, RunFacts, RunnerFacts, StartSummary};
use crate::ids::RunnerId;
use crate::messages::report::Ended;
use std::collections::BTreeMap;

/// Whole seconds of a stretch. A last, broken second may or may not have had
/// its tick, so none is demanded for it.
fn seconds(us: u64) -> u64 {
    us / 1_000_000
}

pub(crate) fn coverage(
    facts: &RunFacts<'_>,
    runners: &BTreeMap<RunnerId, RunnerFacts>,
) -> Coverage {
    let planned = seconds(facts.plan.end_us());
    let bounded = facts
        .plan
        .groups
        .iter()
        // A script may end by itself, which its runner tells.
        .any(|group| group.load.ends_by_count() || group.script.is_some());
    let missing: Vec<String> = facts
        .dealt
        .iter()
        .filter(|(runner, _)| !runners.contains_key(runner))
        .map(|(runner, _)| runner.to_string())
        .collect();
    let all_silent = everyone_silent(runners);
    // Where the load may end before its planned time, a runner is expected to have
    // ticks of the seconds that it measured, a missing one those of the longest.
    let early = |runner: &RunnerFacts| match runner.ended {
        Ended::AsPlanned => bounded,
        Ended::Stopped { .. } => facts.cancelled,
        // Where others got answers, the load that was not made is missing.
        Ended::TargetSilent { .. } => all_silent,
        Ended::ToolFailed { .. } => false,
    };
    let owed = |runner: &RunnerFacts| match early(runner) {
        true => planned.min(seconds(runner.duration_us)),
        false => planned,
    };
    let longest = runners.values().map(owed).max().unwrap_or(planned);
    let untold: u64 = runners
        .values()
        .map(|runner| owed(runner).saturating_sub(runner.ticks))
        .sum();
    let expected = facts.tasks.max(facts.dealt.len() as u64);
    let missing_intervals = untold + longest * missing.len() as u64;
    Coverage {
        complete: runners.len() as u64 >= expected
            && missing.is_empty()
            && missing_intervals == 0
            && !facts.cancelled,
        runners_expected: expected,
        runners_reported: runners.len() as u64,
        missing,
        missing_intervals,
    }
}

/// How late first requests left, over the runners that sent one.
pub(crate) fn start(
    start_at_us: Option<u64>,
    runners: &BTreeMap<RunnerId, RunnerFacts>,
) -> StartSummary {
    let starts: Vec<_> = runners.values().filter_map(|runner| runner.start).collect();
    let mut skews: Vec<i64> = starts.iter().filter_map(|start| start.skew_us()).collect();
    // By size: being early is as uneven as being late; the sign is kept.
    skews.sort_by_key(|skew| skew.unsigned_abs());
    let at = |q: f64| {
        let rank = ((q * skews.len() as f64).ceil() as usize).max(1);
        skews.get(rank - 1).copied().unwrap_or(0)
    };
    let told = starts.first().map(|start| start.start_at_us);
    StartSummary {
        start_at: start_at_us.or(told).unwrap_or(0),
        skew_p50_us: at(0.5),
        skew_p99_us: at(0.99),
        skew_max_us: at(1.0),
        clock_error_us: starts
            .iter()
            .map(|start| start.clock_error_us)
            .max()
            .unwrap_or(0),
    }
}
