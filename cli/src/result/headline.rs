//! The first lines of the last screen: outcome (did it pass) and trust (can the numbers be
//! trusted), each in words.

use super::bullet;
use crate::exit::Exit;
use crate::line::{Line, Tone, wrapped};
use crate::units;
use dlt_core::judge::outcome::Word;
use dlt_core::judge::verdict::{Reason, Trust, Verdict};
use dlt_core::record::RunRecord;
use dlt_core::run::Status;

/// Most reasons shown.
const MOST_REASONS: usize = 8;
/// Most runners named in a reason.
const MOST_RUNNERS: usize = 4;

/// Outcome and trust, each in a word and a sentence, then the reasons.
pub fn headline(record: &RunRecord, exit: Exit, width: usize) -> Vec<Line> {
    let (tone, mark, word, sentence) = outcome(record, exit);
    let mut first = Line::new().tone(tone, format!("{mark} {word}"));
    let mut lines = Vec::new();
    // Without measurements there is nothing to trust.
    let trust = record
        .verdict
        .as_ref()
        .filter(|_| exit != Exit::CouldNotRun && was_measured(record));
    if let Some(verdict) = trust {
        let (tone, mark, word, _) = trust_words(verdict.trust);
        first = first
            .tone(Tone::Quiet, "  ·  ")
            .tone(tone, format!("{mark} {word}"));
    }
    lines.push(
        first
            .tone(Tone::Quiet, format!("  ·  {}", record.test_name))
            .cut(width),
    );
    lines.extend(wrapped(Tone::Plain, &sentence, 2, width));
    if let Some(verdict) = trust {
        lines.extend(wrapped(Tone::Plain, trust_words(verdict.trust).3, 2, width));
        lines.extend(reasons(verdict, width));
    }
    lines
}

fn was_measured(record: &RunRecord) -> bool {
    record
        .account
        .is_some_and(|account| account.requests.begun() > 0)
}

/// Tone, mark, word and sentence of the outcome.
fn outcome(record: &RunRecord, exit: Exit) -> (Tone, &'static str, &'static str, String) {
    let reason = record
        .outcome
        .as_ref()
        .and_then(|outcome| outcome.reason.clone())
        .or_else(|| record.error_reason.clone());
    let because = |fallback: &str| sentence(reason.as_deref().unwrap_or(fallback));
    if record.status == Status::Cancelled || exit == Exit::Interrupted {
        let stopped = because("The run was stopped before its planned end");
        let rest = if !was_measured(record) {
            " Nothing had been measured yet."
        } else if stopped.contains("partial") {
            ""
        } else {
            " What follows is partial: only what was measured until then."
        };
        return (Tone::Warn, "◐", "CANCELLED", format!("{stopped}{rest}"));
    }
    if !record.status.is_terminal() {
        let text = format!("The run is not over: its status is “{}”.", record.status);
        return (Tone::Warn, "◌", "RUNNING", text);
    }
    match exit {
        Exit::CouldNotRun => (
            Tone::Bad,
            "✘",
            "COULD NOT RUN",
            because("The run ended before there was anything to judge"),
        ),
        Exit::Incomplete => {
            let all_reported = record.coverage.as_ref().is_some_and(|it| it.complete);
            let rest = match all_reported {
                true => "What was measured until then is below.",
                false => "What the others measured is below.",
            };
            let why = because("Some runners did not report");
            (Tone::Bad, "✘", "INCOMPLETE", format!("{why} {rest}"))
        }
        Exit::Bug => (
            Tone::Bad,
            "✘",
            "BUG",
            because("dlt went wrong; please report this"),
        ),
        _ => of_thresholds(record, &because("The run did not pass")),
    }
}

/// The outcome of a run that ended as planned: its thresholds decide.
fn of_thresholds(record: &RunRecord, because: &str) -> (Tone, &'static str, &'static str, String) {
    let results = record
        .outcome
        .as_ref()
        .map(|outcome| outcome.thresholds.as_slice())
        .unwrap_or_default();
    let broken: Vec<String> = results
        .iter()
        .filter(|result| !result.passed)
        .map(|result| match &result.observed {
            Some(observed) => format!("{} (observed {observed})", result.expression),
            None => format!("{} (no data)", result.expression),
        })
        .take(MOST_REASONS)
        .collect();
    let failed = results.iter().filter(|result| !result.passed).count();
    let word = record.outcome.as_ref().map(|outcome| outcome.word);
    let passed = matches!(word, Some(Word::Passed | Word::Finished));
    let text = match (passed, failed, results.len()) {
        (true, _, 0) => no_thresholds(record),
        (true, _, 1) => "The threshold holds.".to_owned(),
        (true, _, 2) => "Both thresholds hold.".to_owned(),
        (true, _, n) => format!("All {n} thresholds hold."),
        (false, 0, _) => because.to_owned(),
        (false, 1, 1) => format!("The threshold does not hold: {}.", broken.join(", ")),
        (false, 1, n) => format!("1 of {n} thresholds does not hold: {}.", broken.join(", ")),
        (false, failed, n) => {
            format!(
                "{failed} of {n} thresholds do not hold: {}.",
                broken.join(", ")
            )
        }
    };
    if passed {
        let text = match unanswered(record) {
            Some(rest) => format!("{text} {rest}"),
            None => text,
        };
        match word {
            // Nothing was asked of it, so nothing is green.
            Some(Word::Finished) => (Tone::Plain, "●", "FINISHED", text),
            _ => (Tone::Good, "✔", "PASSED", text),
        }
    } else {
        (Tone::Bad, "✘", "FAILED", text)
    }
}

/// A sentence on requests that no time and no rate knows of, if there are any.
fn unanswered(record: &RunRecord) -> Option<String> {
    let account = record.account?.requests;
    (account.unfinished > 0).then(|| {
        format!(
            "But {} of {} requests had no answer when the run ended: no time or error rate counts them.",
            units::count(account.unfinished),
            units::count(account.begun())
        )
    })
}

/// The sentence for a run without thresholds, with the number of failed requests.
fn no_thresholds(record: &RunRecord) -> String {
    let rest = "No threshold was set, so nothing was judged";
    match record.account.map(|account| account.requests) {
        Some(account) if account.failed > 0 => format!(
            "{rest}; but {} of {} requests failed.",
            units::count(account.failed),
            units::count(account.ok + account.failed)
        ),
        _ => format!("{rest}. No request failed."),
    }
}

/// Tone, mark, word and sentence of a trust.
fn trust_words(trust: Trust) -> (Tone, &'static str, &'static str, &'static str) {
    match trust {
        Trust::Trusted => (
            Tone::Good,
            "✔",
            "TRUSTED",
            "The numbers can be trusted: the load generator was not the limit, nothing is missing.",
        ),
        Trust::Degraded => (
            Tone::Warn,
            "!",
            "DEGRADED",
            "Trust the numbers with care: believe their shape, not their last digits, because",
        ),
        Trust::Untrusted => (
            Tone::Bad,
            "✘",
            "UNTRUSTED",
            "Do not trust the numbers: they say more about the load generator than about the target, because",
        ),
    }
}

fn reasons(verdict: &Verdict, width: usize) -> Vec<Line> {
    let mut reasons: Vec<&Reason> = verdict.reasons.iter().collect();
    // Worst first; the sort is stable.
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.trust));
    let mut lines: Vec<Line> = reasons
        .iter()
        .take(MOST_REASONS)
        .flat_map(|reason| {
            let (tone, mark, ..) = trust_words(reason.trust);
            bullet(tone, mark, &reason_sentence(reason), width)
        })
        .collect();
    if reasons.len() > MOST_REASONS {
        lines.push(Line::of("  ").tone(
            Tone::Quiet,
            format!("… and {} more", reasons.len() - MOST_REASONS),
        ));
    }
    lines
}

fn reason_sentence(reason: &Reason) -> String {
    let mut details = Vec::new();
    if !reason.runners.is_empty() {
        let mut names = reason
            .runners
            .iter()
            .take(MOST_RUNNERS)
            .cloned()
            .collect::<Vec<_>>()
            .join(", ");
        if reason.runners.len() > MOST_RUNNERS {
            names.push_str(&format!(
                " and {} more",
                reason.runners.len() - MOST_RUNNERS
            ));
        }
        details.push(names);
    }
    match (reason.from_s, reason.to_s) {
        (Some(from), Some(to)) if from != to => details.push(format!("seconds {from} to {to}")),
        (Some(second), _) | (None, Some(second)) => details.push(format!("second {second}")),
        (None, None) => {}
    }
    if details.is_empty() {
        reason.message.clone()
    } else {
        format!("{} ({})", reason.message, details.join("; "))
    }
}

/// The text with a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let mut chars = text.trim().chars();
    let mut out: String = match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    };
    if !out.ends_with(['.', '!', '?']) {
        out.push('.');
    }
    out
}
