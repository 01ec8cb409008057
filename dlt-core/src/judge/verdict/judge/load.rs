//! Whether the load that was made is the one that was asked for: what was cut, and who did not hear
//! of a change.

use super::{Evidence, number, percent, unless_all};
use crate::judge::summary::RunnerFacts;
use crate::judge::verdict::{Code, Limit, Reason, Trust};

/// Of the time for which each runner that reported should have made load.
pub(super) fn cut(evidence: &Evidence<'_>) -> Option<Reason> {
    let groups = &evidence.plan.groups;
    let ends_by_count = groups.iter().any(|group| group.load.ends_by_count());
    let planned_us = |runner: &RunnerFacts| match evidence.plan.end_us() {
        0 => runner.loaded_us(),
        // The planned end is only the latest one.
        planned_us if ends_by_count => planned_us.min(runner.loaded_us()),
        planned_us => planned_us,
    };
    let runners = evidence.runners.values();
    let planned: u64 = runners.clone().map(planned_us).sum();
    let cut: u64 = runners
        .map(|runner| runner.cut_us.min(planned_us(runner)))
        .sum();
    let limit = Limit::of(Code::LoadCut);
    let share = percent(cut, planned)?;
    let trust = limit.trust(share);
    let concerned = evidence.runners.iter().filter(|row| row.1.cut_us > 0);
    (trust > Trust::Trusted).then(|| Reason {
        code: Code::LoadCut,
        trust,
        message: format!(
            "{}: {} s of {} s, {}{} ({}); {}",
            limit.why,
            number(cut as f64 / 1e6),
            number(planned as f64 / 1e6),
            number(share),
            limit.unit,
            limit.passed(trust),
            limit.advice
        ),
        runners: unless_all(evidence, concerned.map(|row| row.0)),
        from_s: None,
        to_s: None,
    })
}

/// Of the runners that reported, those whose load a change should still have reached.
pub(super) fn change(evidence: &Evidence<'_>) -> Option<Reason> {
    let missed = |runner: &RunnerFacts| {
        let loaded_us = runner.loaded_us();
        let due = evidence.changes.iter().filter(|it| it.at_us < loaded_us);
        due.count() as u64 > runner.changes
    };
    let concerned = evidence.runners.iter().filter(|row| missed(row.1));
    let count = concerned.clone().count() as u64;
    let limit = Limit::of(Code::LoadChange);
    let share = percent(count, evidence.runners.len() as u64)?;
    let trust = limit.trust(share);
    (trust > Trust::Trusted).then(|| Reason {
        code: Code::LoadChange,
        trust,
        message: format!(
            "{}: {count} of {} ({}); {}",
            limit.why,
            evidence.runners.len(),
            limit.passed(trust),
            limit.advice
        ),
        runners: unless_all(evidence, concerned.map(|row| row.0)),
        from_s: None,
        to_s: None,
    })
}
