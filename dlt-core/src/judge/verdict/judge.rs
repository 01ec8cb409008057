//! Checks a run against the table of limits: runner by runner, since one bad
//! runner among many does not show in the run's percentiles. Which limits there are
//! is left to `limits`.

mod load;

use super::{Code, Limit, Reason, Trust, Verdict};
use crate::ids::RunnerId;
use crate::judge::summary::{Coverage, RunnerFacts};
use crate::load::changes::LoadChange;
use crate::measure::account::Account;
use crate::measure::reading::Reading;
use crate::scenario::plan::Plan;
use std::collections::BTreeMap;

/// Runners that a message names; the reason's list has them all.
const NAMED: usize = 3;
/// A late generator that used less of its threads' CPU was kept from it: one
/// that is at its own limit uses nearly all.
const BUSY_PERCENT: f64 = 70.0;
/// One that used less than this of it over the run was not at its limit in a part of it either that counts:
/// a rise to the limit, or a long wait for last answers, leaves more.
const IDLE_PERCENT: f64 = 20.0;

/// What a verdict rests on.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The runners that reported.
    pub runners: &'a BTreeMap<RunnerId, RunnerFacts>,
    /// Which runners reported, and how many seconds are missing.
    pub coverage: &'a Coverage,
    /// The run's account.
    pub account: &'a Account,
    /// What was planned: lag concerns open load, read delay closed load.
    pub plan: &'a Plan,
    /// Changes that people made of the load.
    pub changes: &'a [LoadChange],
    /// 99 % of lag over the run, µs.
    pub lag_p99_us: Option<u64>,
    /// How late answers were read, over the run.
    pub reading: &'a Reading,
    /// Samples that opened a connection.
    pub connects: u64,
    /// How late first requests left, 99 % of the runners, µs.
    pub skew_p99_us: i64,
}

/// So few requests that opened a connection change no percentile that is shown.
const FEW_CONNECTS_PERCENT: f64 = 1.0;

/// The verdict: the worst of all reasons.
pub fn judge(evidence: &Evidence<'_>) -> Verdict {
    let reasons: Vec<Reason> = [
        lag(evidence),
        read_delay(evidence),
        no_stamps(evidence),
        start_skew(evidence),
        load::cut(evidence),
        load::change(evidence),
        no_samples(evidence),
        throttled(evidence),
        exhausted(evidence, Code::Ports, |runner| runner.ports_exhausted),
        exhausted(evidence, Code::Files, |runner| runner.files_exhausted),
        memory(evidence),
        drops(evidence),
        clock(evidence),
        intervals(evidence),
        unbalanced(evidence),
    ]
    .into_iter()
    .flatten()
    .collect();
    Verdict {
        trust: reasons
            .iter()
            .map(|reason| reason.trust)
            .max()
            .unwrap_or(Trust::Trusted),
        reasons,
    }
}

fn lag(evidence: &Evidence<'_>) -> Option<Reason> {
    let open = |plan: &Plan| plan.groups.iter().any(|group| group.load.model.is_open());
    let value = |runner: &RunnerFacts| ms(runner.lag_p99_us);
    let reason = open(evidence.plan).then(|| per_runner(evidence, Code::Lag, "p99", value))??;
    let whole =
        ms(evidence.lag_p99_us).map(|ms| format!("p99 over all runners: {} ms", number(ms)));
    Some(in_seconds(evidence, over_run(reason, whole)))
}

/// A share of less load than this says how one answer was read, and not how the generator keeps up, µs.
const SHORTEST_SHARE_US: u64 = 500_000;

fn read_delay(evidence: &Evidence<'_>) -> Option<Reason> {
    let value = |runner: &RunnerFacts| {
        let share = runner.lost_share?;
        (runner.loaded_us() >= SHORTEST_SHARE_US).then_some(share * 100.0)
    };
    let reason = per_runner(evidence, Code::ReadDelay, "", value)?;
    let whole = evidence.reading.lost_share();
    let whole = whole.map(|share| format!("over all runners: {} %", number(share * 100.0)));
    let mut reason = in_seconds(evidence, over_run(reason, whole));
    reason.message.push_str(&connecting(evidence));
    Some(reason)
}

/// What the kernel gives no time for: the end of connecting, which is part of the
/// response time of a request that opened a connection.
fn connecting(evidence: &Evidence<'_>) -> String {
    let begun = evidence.account.begun();
    match percent(evidence.connects, begun) {
        Some(share) if share > FEW_CONNECTS_PERCENT => format!(
            "; response times hold but for the {} of {begun} requests that opened a connection: the kernel does not tell when connecting ends, so their times have the generator's delay in them",
            evidence.connects
        ),
        _ => "; response times hold".to_owned(),
    }
}

fn no_stamps(evidence: &Evidence<'_>) -> Option<Reason> {
    let reading = evidence.reading;
    of_requests(
        evidence,
        Code::NoStamps,
        reading.unstamped(),
        reading.answers(),
        |runner| runner.unstamped > 0,
    )
}

/// Over the runners, since of a thousand a few may be late; those that were are named.
fn start_skew(evidence: &Evidence<'_>) -> Option<Reason> {
    let limit = Limit::of(Code::StartSkew);
    let skew_ms = |skew_us: i64| skew_us.unsigned_abs() as f64 / 1e3;
    let p99 = skew_ms(evidence.skew_p99_us);
    let trust = limit.trust(p99);
    let is_late = |runner: &RunnerFacts| {
        let skew_us = runner.start.and_then(|start| start.skew_us());
        skew_us.is_some_and(|skew_us| limit.trust(skew_ms(skew_us)) > Trust::Trusted)
    };
    let late = evidence.runners.iter().filter(|row| is_late(row.1));
    (trust > Trust::Trusted).then(|| Reason {
        code: Code::StartSkew,
        trust,
        message: format!(
            "{}: p99 {}{} ({}); {}",
            limit.why,
            number(p99),
            limit.unit,
            limit.passed(trust),
            limit.advice
        ),
        runners: unless_all(evidence, late.map(|row| row.0)),
        from_s: None,
        to_s: None,
    })
}

/// A run that measured nothing is never trusted; where nobody reported that is told
/// already.
fn no_samples(evidence: &Evidence<'_>) -> Option<Reason> {
    let limit = Limit::of(Code::NoSamples);
    let account = evidence.account;
    let nothing = account.ok + account.failed == 0 && !evidence.runners.is_empty();
    nothing.then(|| Reason {
        code: Code::NoSamples,
        trust: Trust::Untrusted,
        message: format!(
            "{}: {} were due, {} sent, {} unconnected, {} dropped, {} unfinished; {}",
            limit.why,
            account.scheduled,
            account.sent,
            account.unconnected,
            account.dropped,
            account.unfinished,
            limit.advice
        ),
        runners: Vec::new(),
        from_s: None,
        to_s: None,
    })
}

/// What to do about a generator that was late: that depends on whether it used
/// the CPU it had.
fn advice(code: Code, runner: &RunnerFacts) -> String {
    let usual = Limit::of(code).advice;
    let Some(used) = percent(runner.cpu_us, runner.wall_us * runner.threads.max(1)) else {
        return usual.to_owned();
    };
    match code {
        Code::Lag | Code::ReadDelay if used < BUSY_PERCENT => format!(
            "the generator used {} % of the CPU of its {}: other work on its machine was in the way, or the machine itself was slow; run it with less beside it, or on cores of its own{}",
            number(used.round()),
            match runner.threads {
                0 | 1 => "thread".to_owned(),
                threads => format!("{threads} threads"),
            },
            match used < IDLE_PERCENT {
                true => "",
                false =>
                    " (or the load was too much for it in a part of the run: then use more tasks)",
            }
        ),
        Code::Lag | Code::ReadDelay => {
            format!(
                "the generator used {} % of its CPU: {usual}",
                number(used.round().min(100.0))
            )
        }
        _ => usual.to_owned(),
    }
}

fn throttled(evidence: &Evidence<'_>) -> Option<Reason> {
    per_runner(evidence, Code::CpuThrottled, "", |runner| {
        // The kernel adds up what each core was held back. How many were is not known, and one alone
        // may have been: so it is not shared out, and told as no more than all of the time.
        percent(runner.throttled_us, runner.wall_us).map(|share| share.min(100.0))
    })
}

fn memory(evidence: &Evidence<'_>) -> Option<Reason> {
    per_runner(evidence, Code::Memory, "", |runner| {
        percent(runner.max_rss_bytes, runner.memory_limit_bytes)
    })
}

fn clock(evidence: &Evidence<'_>) -> Option<Reason> {
    per_runner(evidence, Code::Clock, "", |runner| {
        ms(runner.start.map(|start| start.clock_error_us))
    })
}

/// Judges each runner's value; the worst makes the reason, all that are over
/// the first limit are named.
fn per_runner(
    evidence: &Evidence<'_>,
    code: Code,
    what: &str,
    value: impl Fn(&RunnerFacts) -> Option<f64>,
) -> Option<Reason> {
    let limit = Limit::of(code);
    let over: Vec<(&RunnerId, f64)> = evidence
        .runners
        .iter()
        .filter_map(|(id, runner)| Some((id, value(runner)?)))
        .filter(|row| limit.trust(row.1) > Trust::Trusted)
        .collect();
    let worst = over.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let trust = limit.trust(worst.1);
    let what = if what.is_empty() {
        String::new()
    } else {
        format!("{what} ")
    };
    Some(Reason {
        code,
        trust,
        message: format!(
            "{}: {what}{}{} on {} ({}); {}",
            limit.why,
            number(worst.1),
            limit.unit,
            worst.0,
            limit.passed(trust),
            advice(code, &evidence.runners[worst.0])
        ),
        runners: unless_all(evidence, over.iter().map(|row| row.0)),
        from_s: None,
        to_s: None,
    })
}

/// Adds what the run as a whole has, where a few runners stand out.
fn over_run(mut reason: Reason, whole: Option<String>) -> Reason {
    if let (false, Some(whole)) = (reason.runners.is_empty(), whole) {
        reason.message += &format!(" ({whole})");
    }
    reason
}

/// Adds the seconds in which the runners concerned were over a limit.
fn in_seconds(evidence: &Evidence<'_>, mut reason: Reason) -> Reason {
    let concerned = |id: &RunnerId| {
        reason.runners.is_empty() || reason.runners.iter().any(|name| name == id.as_str())
    };
    let spans: Vec<(u64, u64)> = evidence
        .runners
        .iter()
        .filter(|(id, _)| concerned(id))
        .filter_map(|(_, runner)| runner.bad_seconds)
        .collect();
    reason.from_s = spans.iter().map(|span| span.0).min();
    reason.to_s = spans.iter().map(|span| span.1).max();
    reason
}

fn exhausted(
    evidence: &Evidence<'_>,
    code: Code,
    count: impl Fn(&RunnerFacts) -> u64,
) -> Option<Reason> {
    let total: u64 = evidence.runners.values().map(&count).sum();
    let account = evidence.account;
    let of = (account.sent + account.unconnected).max(total);
    of_requests(evidence, code, total, of, |runner| count(runner) > 0)
}

fn drops(evidence: &Evidence<'_>) -> Option<Reason> {
    let account = evidence.account;
    of_requests(
        evidence,
        Code::Drops,
        account.dropped,
        account.scheduled,
        |runner| runner.account.dropped > 0,
    )
}

/// Judges a count against all requests of the run.
fn of_requests(
    evidence: &Evidence<'_>,
    code: Code,
    count: u64,
    of: u64,
    concerned: impl Fn(&RunnerFacts) -> bool,
) -> Option<Reason> {
    let limit = Limit::of(code);
    let share = percent(count, of)?;
    let trust = limit.trust(share);
    (trust > Trust::Trusted).then(|| Reason {
        code,
        trust,
        message: format!(
            "{}: {count} of {of}, {}{} ({}); {}",
            limit.why,
            number(share),
            limit.unit,
            limit.passed(trust),
            limit.advice
        ),
        runners: unless_all(
            evidence,
            evidence
                .runners
                .iter()
                .filter(|row| concerned(row.1))
                .map(|row| row.0),
        ),
        from_s: None,
        to_s: None,
    })
}

fn intervals(evidence: &Evidence<'_>) -> Option<Reason> {
    let coverage = evidence.coverage;
    let limit = Limit::of(Code::Intervals);
    if evidence.runners.is_empty() {
        return Some(Reason {
            code: Code::Intervals,
            trust: Trust::Untrusted,
            message: format!(
                "no runner of {} reported; {}",
                coverage.runners_expected, limit.advice
            ),
            runners: coverage.missing.clone(),
            from_s: None,
            to_s: None,
        });
    }
    let missing = coverage.missing_intervals;
    let trust = match coverage.missing.is_empty() {
        true => limit.trust(missing as f64),
        false => Trust::Degraded,
    };
    let who = match coverage.missing.as_slice() {
        [] => String::new(),
        ids => format!(
            "; {} of {} runners did not report: {}",
            ids.len(),
            coverage.runners_expected,
            named(ids)
        ),
    };
    (trust > Trust::Trusted).then(|| Reason {
        code: Code::Intervals,
        trust,
        message: format!(
            "{}: {missing} ({}){who}; {}",
            limit.why,
            limit.passed(trust),
            limit.advice
        ),
        runners: coverage.missing.clone(),
        from_s: None,
        to_s: None,
    })
}

fn unbalanced(evidence: &Evidence<'_>) -> Option<Reason> {
    let limit = Limit::of(Code::Unbalanced);
    let bad: Vec<&RunnerId> = evidence
        .runners
        .iter()
        .filter(|row| !row.1.balanced())
        .map(|row| row.0)
        .collect();
    let a = evidence.account;
    let trust = limit.trust(bad.len() as f64);
    (trust > Trust::Trusted).then(|| Reason {
        code: Code::Unbalanced,
        trust,
        message: format!(
            "{} for {} of {} runners: scheduled {}, dropped {}, unconnected {}, sent {}, ok {}, \
             failed {}, unfinished {}; {}",
            limit.why,
            bad.len(),
            evidence.runners.len(),
            a.scheduled,
            a.dropped,
            a.unconnected,
            a.sent,
            a.ok,
            a.failed,
            a.unfinished,
            limit.advice
        ),
        runners: unless_all(evidence, bad.into_iter()),
        from_s: None,
        to_s: None,
    })
}

/// The runners by name, or none when it concerns all.
fn unless_all<'a>(evidence: &Evidence<'_>, ids: impl Iterator<Item = &'a RunnerId>) -> Vec<String> {
    let names: Vec<String> = ids.map(ToString::to_string).collect();
    match names.len() == evidence.runners.len() && evidence.coverage.missing.is_empty() {
        true => Vec::new(),
        false => names,
    }
}

fn named(ids: &[String]) -> String {
    match ids.len().saturating_sub(NAMED) {
        0 => ids.join(", "),
        more => format!("{} and {more} more", ids[..NAMED].join(", ")),
    }
}

fn ms(us: Option<u64>) -> Option<f64> {
    us.map(|us| us as f64 / 1e3)
}

fn percent(part: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| part as f64 * 100.0 / of as f64)
}

/// Two decimals at most; tiny shares are not rounded to nothing.
fn number(value: f64) -> String {
    if value > 0.0 && value < 0.01 {
        return "less than 0.01".to_owned();
    }
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
