//! The outcome of a run: from how it ended, and from the results of its
//! thresholds. Judging single thresholds is left to `outcome`.

use super::{Outcome, ThresholdResult, Word};
use crate::judge::summary::many_failed;
use crate::measure::account::Account;
use crate::measure::sample::Cause;
use crate::thresholds::Threshold;

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ending<'a> {
    /// The scenario's thresholds.
    pub thresholds: &'a [Threshold],
    /// What came of them, in the same order.
    pub results: Vec<ThresholdResult>,
    /// Finished requests: ok + failed.
    pub finished: u64,
    /// Where requests went.
    pub account: &'a Account,
    /// Why the run failed, if it did.
    pub failure: Option<&'a str>,
    /// It was cancelled.
    pub cancelled: bool,
    /// Why a runner calls the target silent, if one does.
    pub silent: Option<String>,
    /// Every runner does.
    pub everyone_silent: bool,
    /// What failed of scripts and their tools, in sentences.
    pub of_scripts: Vec<String>,
    /// At least one request was answered with a status.
    pub answered: bool,
    /// At least one runner reported.
    pub reported: bool,
    /// Every runner that had a part of the load reported.
    pub complete: bool,
    /// At least one runner was stopped before its planned end.
    pub stopped: bool,
    /// Cause and sentence of the most frequent error.
    pub worst: Option<(String, String)>,
    /// The users that were planned, over the whole run.
    pub users: u64,
    /// Those of one runner, on average.
    pub users_of_runner: u64,
}

/// So many users may be more than runners begin in the time of a load: one begins some 10,000 a
/// second at its best.
const MANY_USERS: u64 = 10_000;

/// The outcome: passed only if there are thresholds, every one holds, and the run
/// could be run, was not cancelled, is complete and measured something.
pub(crate) fn decide(ending: Ending<'_>) -> Outcome {
    let mut reasons = Vec::new();
    let mut could_not_run = false;
    let nothing = ending.finished == 0;
    if let Some(silent) = &ending.silent {
        reasons.push(silent.clone());
        could_not_run = ending.everyone_silent;
    }
    if let Some(failure) = ending.failure
        // The control plane may repeat a runner's reason: it is listed once.
        && !reasons.iter().any(|reason| reason.contains(failure))
    {
        reasons.push(failure.to_owned());
    }
    reasons.extend(ending.of_scripts.iter().cloned());
    if ending.cancelled {
        reasons
            .push("the run was cancelled before its planned end; results are partial".to_owned());
    } else if nothing {
        could_not_run = true;
        if reasons.is_empty() {
            reasons.push(nothing_measured(&ending));
        }
    }
    if !nothing && !ending.answered && !ending.cancelled && reasons.is_empty() {
        // Too short for the rule of the first seconds, and the same thing.
        could_not_run = true;
        reasons.push(none_answered(&ending));
    }
    if !nothing {
        reasons.extend(unseen(&ending));
        if !ending.cancelled && !could_not_run {
            reasons.extend(unanswered(ending.account));
        }
    }
    let judged = !ending.results.is_empty();
    if !judged && !nothing && ending.account.ok == 0 && reasons.is_empty() {
        reasons.push(format!(
            "none of the {} requests succeeded; if that is what is tested, say so with a threshold, \
             like error_rate>99%",
            ending.finished
        ));
    }
    let (word, passed) = word(&ending, could_not_run, !reasons.is_empty());
    Outcome {
        word,
        passed,
        reason: (!reasons.is_empty()).then(|| reasons.join("; ")),
        could_not_run,
        thresholds: ending.results,
    }
}

/// The word for this end, in the order in which exit codes win (dlt.md 2), and whether what
/// was asked was met.
fn word(ending: &Ending<'_>, could_not_run: bool, has_reasons: bool) -> (Word, Option<bool>) {
    let judged = !ending.results.is_empty();
    let hold = ending.results.iter().all(|result| result.passed);
    // Of a part of the load nothing can be said to have passed.
    let partial = judged.then_some(false);
    if ending.cancelled {
        (Word::Cancelled, partial)
    } else if could_not_run {
        (Word::Failed, Some(false))
    } else if !ending.complete || (ending.stopped && ending.failure.is_some()) {
        (Word::Incomplete, partial)
    } else if has_reasons || !hold {
        (Word::Failed, Some(false))
    } else if judged {
        (Word::Passed, Some(true))
    } else {
        (Word::Finished, None)
    }
}

/// Why nothing was answered: what kept requests from reaching the target, where that was not the target itself.
fn none_answered(ending: &Ending<'_>) -> String {
    let begun = ending.account.begun();
    let ours = [Cause::Generator, Cause::TargetForbidden, Cause::Proxy];
    let is_ours = |cause: &str| ours.iter().any(|own| own.name() == cause);
    if let Some((cause, message)) = ending.worst.as_ref().filter(|worst| is_ours(&worst.0)) {
        return format!(
            "none of the {begun} requests was answered: most failed by {cause}, {message}"
        );
    }
    format!(
        "none of the {begun} requests was answered{}; check that the target is up and can be reached from the runners",
        match ending.account.sent {
            0 => ": none found a connection",
            _ => "",
        }
    )
}

fn nothing_measured(ending: &Ending<'_>) -> String {
    match (ending.reported, ending.account.begun()) {
        (false, _) => "no runner reported, so nothing was measured".to_owned(),
        (true, 0) if ending.users_of_runner >= MANY_USERS => format!(
            "no request was sent, so nothing was measured: {} users may have been more than the runners could begin in the time of the load; use fewer users, more or larger tasks, or a longer load",
            ending.users
        ),
        (true, 0) => "no request was sent, so nothing was measured".to_owned(),
        (true, begun) => format!("none of the {begun} requests was answered before the end"),
    }
}

/// Why so many requests that never ended leave nothing to pass: they were sent, and
/// are in no time and no error rate.
fn unanswered(account: &Account) -> Option<String> {
    let (unfinished, begun) = (account.unfinished, account.begun());
    many_failed(unfinished, begun).then(|| {
        format!(
            "{unfinished} of {begun} requests had no answer when the run ended and are in no time \
             or error rate; give the target more time to answer (graceful-stop), or requests a \
             time limit (timeout), after which they fail"
        )
    })
}

/// Labels that thresholds name and no request had.
fn unseen(ending: &Ending<'_>) -> Option<String> {
    let labels: Vec<String> = ending
        .thresholds
        .iter()
        .zip(&ending.results)
        .filter(|(_, result)| result.observed.is_none() && result.reason.is_none())
        .filter_map(|(threshold, _)| threshold.label.as_ref())
        .map(|label| format!("{label:?}"))
        .collect();
    (!labels.is_empty()).then(|| {
        format!(
            "no finished request had the label {}, which a threshold names",
            labels.join(" or ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: Account = Account {
        scheduled: 9,
        dropped: 0,
        unconnected: 0,
        sent: 9,
        resent: 0,
        ok: 9,
        failed: 0,
        unfinished: 0,
    };

    fn ending(thresholds: &[Threshold]) -> Ending<'_> {
        Ending {
            results: thresholds
                .iter()
                .map(|threshold| threshold.judge(None))
                .collect(),
            thresholds,
            finished: 9,
            account: &SENT,
            failure: None,
            cancelled: false,
            silent: None,
            everyone_silent: false,
            of_scripts: Vec::new(),
            answered: true,
            reported: true,
            complete: true,
            stopped: false,
            worst: None,
            users: 9,
            users_of_runner: 9,
        }
    }

    #[test]
    fn a_plain_end_without_thresholds_is_no_pass() {
        let outcome = decide(ending(&[]));
        assert_eq!((outcome.word, outcome.passed), (Word::Finished, None));
        assert_eq!((outcome.reason, outcome.could_not_run), (None, false));
    }

    #[test]
    fn each_end_has_one_word() {
        let holds = Threshold::parse("requests>=0").unwrap();
        let result = |passed| ThresholdResult {
            expression: "requests>=0".to_owned(),
            observed: Some("9".to_owned()),
            passed,
            reason: None,
        };
        // Thresholds hold, do not, are none; complete; cancelled.
        for (thresholds, complete, cancelled, word, passed) in [
            (Some(true), true, false, Word::Passed, Some(true)),
            (Some(false), true, false, Word::Failed, Some(false)),
            (None, true, false, Word::Finished, None),
            (Some(true), false, false, Word::Incomplete, Some(false)),
            (Some(false), false, false, Word::Incomplete, Some(false)),
            (None, false, false, Word::Incomplete, None),
            (Some(true), false, true, Word::Cancelled, Some(false)),
            (None, true, true, Word::Cancelled, None),
        ] {
            let outcome = decide(Ending {
                thresholds: &vec![holds.clone(); usize::from(thresholds.is_some())],
                results: thresholds.map(result).into_iter().collect(),
                complete,
                cancelled,
                ..ending(&[])
            });
            assert_eq!((outcome.word, outcome.passed), (word, passed));
        }
    }

    /// Whoever stopped it: of a part of the load nothing is said to have failed, or passed.
    #[test]
    fn what_was_stopped_in_its_load_is_incomplete() {
        for (failure, stopped, word) in [
            (None, false, Word::Finished),
            (Some("its process ended"), false, Word::Failed),
            (Some("its process ended"), true, Word::Incomplete),
        ] {
            let outcome = decide(Ending {
                failure,
                stopped,
                ..ending(&[])
            });
            assert_eq!(outcome.word, word, "{failure:?} {stopped}");
            assert_eq!(outcome.reason.as_deref(), failure);
        }
    }

    #[test]
    fn nothing_that_succeeded_fails_unless_a_threshold_says_otherwise() {
        let account = Account {
            ok: 0,
            failed: 9,
            ..SENT
        };
        let outcome = decide(Ending {
            account: &account,
            ..ending(&[])
        });
        assert_eq!((outcome.word, outcome.passed), (Word::Failed, Some(false)));
        assert!(!outcome.could_not_run);
        let reason = outcome.reason.unwrap();
        assert!(
            reason.contains("none of the 9 requests succeeded"),
            "{reason}"
        );
        let wanted = [Threshold::parse("error_rate>99%").unwrap()];
        let results = vec![ThresholdResult {
            expression: wanted[0].expression.clone(),
            observed: Some("100%".to_owned()),
            passed: true,
            reason: None,
        }];
        let outcome = decide(Ending {
            account: &account,
            results,
            ..ending(&wanted)
        });
        assert_eq!((outcome.word, outcome.reason), (Word::Passed, None));
    }

    #[test]
    fn each_bad_end_says_why() {
        let says = |ending: Ending<'_>, words: &str, could_not_run: bool| {
            let outcome = decide(ending);
            assert_ne!(outcome.passed, Some(true));
            let reason = outcome.reason.unwrap();
            assert!(reason.contains(words), "{reason}");
            assert_eq!(outcome.could_not_run, could_not_run, "{reason}");
        };
        let silent = Ending {
            silent: Some("the target answered nothing (refused): x".to_owned()),
            everyone_silent: true,
            of_scripts: Vec::new(),
            ..ending(&[])
        };
        says(silent, "(refused)", true);
        let repeated = Ending {
            silent: Some("the target answered nothing (refused): x refused".to_owned()),
            failure: Some("x refused"),
            ..ending(&[])
        };
        let reason = decide(repeated).reason.unwrap();
        assert_eq!(reason.matches("x refused").count(), 1, "{reason}");
        let unanswered = Ending {
            answered: false,
            ..ending(&[])
        };
        says(unanswered, "requests was answered", true);
        let half_silent = Ending {
            silent: Some("eu-west-1 was refused".to_owned()),
            ..ending(&[])
        };
        says(half_silent, "eu-west-1 was refused", false);
        let failed = Ending {
            failure: Some("2 of 4 runners were lost"),
            ..ending(&[])
        };
        says(failed, "2 of 4", false);
        let cancelled = Ending {
            cancelled: true,
            finished: 0,
            ..ending(&[])
        };
        says(cancelled, "cancelled", false);
        let unanswered = Ending {
            finished: 0,
            ..ending(&[])
        };
        says(unanswered, "none of the 9", true);
        let lost = Ending {
            finished: 0,
            reported: false,
            ..ending(&[])
        };
        says(lost, "no runner reported", true);
        let thresholds = [Threshold::parse("login: p(99)<1s").unwrap()];
        says(ending(&thresholds), "the label \"login\"", false);
    }

    /// Which is no fault of the target.
    #[test]
    fn what_kept_all_requests_in_the_runners_is_told() {
        let says = |ending: Ending<'_>| {
            let outcome = decide(ending);
            assert!(outcome.could_not_run);
            outcome.reason.unwrap()
        };
        for (cause, message) in [
            (
                "target-forbidden",
                "name a.example leads where no load may be sent: 169.254.169.254",
            ),
            (
                "generator",
                "no memory for a further connection in this runner",
            ),
        ] {
            let ours = Ending {
                answered: false,
                worst: Some((cause.to_owned(), message.to_owned())),
                ..ending(&[])
            };
            let reason = says(ours);
            assert!(
                reason.ends_with(&format!("most failed by {cause}, {message}")),
                "{reason}"
            );
        }
        let theirs = Ending {
            answered: false,
            worst: Some(("refused".to_owned(), "connection refused".to_owned())),
            ..ending(&[])
        };
        assert!(says(theirs).contains("check that the target is up"));
        let none_begun = Account {
            scheduled: 0,
            sent: 0,
            ok: 0,
            ..SENT
        };
        let overloaded = Ending {
            finished: 0,
            account: &none_begun,
            users: 1_000_000,
            users_of_runner: 1_000_000,
            ..ending(&[])
        };
        assert!(
            says(overloaded)
                .contains("1000000 users may have been more than the runners could begin")
        );
    }

    /// Whatever the thresholds say of the others.
    #[test]
    fn many_requests_without_an_answer_leave_nothing_to_pass() {
        let account = |unfinished| Account {
            scheduled: 200,
            sent: 200,
            ok: 200 - unfinished,
            unfinished,
            ..SENT
        };
        let outcome = |account: &Account, cancelled| {
            decide(Ending {
                account,
                finished: account.ok,
                cancelled,
                ..ending(&[])
            })
        };
        assert_eq!(outcome(&account(20), false).word, Word::Finished, "a tenth");
        let failed = outcome(&account(21), false);
        assert_eq!((failed.word, failed.could_not_run), (Word::Failed, false));
        let reason = failed.reason.unwrap();
        assert!(
            reason.starts_with("21 of 200 requests had no answer"),
            "{reason}"
        );
        let cancelled = outcome(&account(150), true).reason.unwrap();
        assert!(!cancelled.contains("no answer"), "{cancelled}");
    }
}
