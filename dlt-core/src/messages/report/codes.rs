//! Response codes as compatible formats list them: an answer's status, or the
//! name of the cause when the status is not what went wrong.

use crate::measure::sample::{Cause, Outcome};
use crate::measure::tally::LabelTally;

/// How one way to end is listed under `rc`: the status of an answer that is ok
/// or that failed for its status, else the cause. An answer 200 whose body was
/// cut is `reset`, not an error `200`.
pub fn code(outcome: Outcome) -> String {
    match (outcome.cause, outcome.status) {
        (None | Some(Cause::Status4xx | Cause::Status5xx), Some(status)) => status.to_string(),
        (Some(cause), _) => cause.name().to_owned(),
        (None, None) => String::new(),
    }
}

/// All codes with their counts, first seen first.
pub fn all(tally: &LabelTally) -> Vec<(String, u64)> {
    counted(tally, |_| true)
}

/// The codes of failed samples alone (decision 18), most frequent first; the
/// same whatever the order in which reports were merged.
pub fn errors(tally: &LabelTally) -> Vec<(String, u64)> {
    let mut rows = counted(tally, |outcome| outcome.cause.is_some());
    rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    rows
}

fn counted(tally: &LabelTally, wanted: impl Fn(Outcome) -> bool) -> Vec<(String, u64)> {
    let mut rows: Vec<(String, u64)> = Vec::new();
    for row in tally.outcomes.iter().filter(|row| wanted(row.outcome)) {
        let code = code(row.outcome);
        match rows.iter_mut().find(|known| known.0 == code) {
            Some(known) => known.1 += row.count,
            None => rows.push((code, row.count)),
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_a_status_or_a_cause() {
        assert_eq!(code(Outcome::ok(206)), "206");
        assert_eq!(code(Outcome::failed(Cause::Status5xx, Some(503))), "503");
        assert_eq!(code(Outcome::failed(Cause::Reset, Some(200))), "reset");
        assert_eq!(code(Outcome::failed(Cause::Refused, None)), "refused");
        let mut tally = LabelTally::default();
        for (outcome, count) in [
            (Outcome::ok(203), 5),
            (Outcome::failed(Cause::Reset, Some(200)), 2),
            (Outcome::failed(Cause::Status4xx, Some(404)), 1),
            (Outcome::failed(Cause::Reset, None), 3),
        ] {
            tally.count_outcome(outcome, count);
        }
        let row = |code: &str, count| (code.to_owned(), count);
        assert_eq!(errors(&tally), vec![row("reset", 5), row("404", 1)]);
        assert_eq!(
            all(&tally),
            vec![row("203", 5), row("reset", 5), row("404", 1)]
        );
    }
}
