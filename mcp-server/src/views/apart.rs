//! What a run tells apart from its requests: transactions, which are groups of requests timed as one,
//! and the requests that were made once, before and after the load. They are in no other number.

use crate::clean::Text;
use crate::seen::numbers::Numbers;
use crate::seen::run::Run;
use crate::units::ms;
use crate::views::answer::Warning;
use crate::views::numbers_row::NumbersRow;
use dlt_core::messages::setup::OnceFacts;
use schemars::JsonSchema;
use serde::Serialize;

/// Most transactions that are listed, and how many without `limit`: labels are to have room beside them.
const MOST_TRANSACTIONS: usize = 20;
const USUAL_TRANSACTIONS: usize = 5;
/// The warning that some are not listed.
pub(super) const CUT: &str = "transactions_cut";

/// Those of the run whose names contain a text, without regard to case, in the order of the record;
/// and what is not among them. Records have transactions over all regions only.
pub(crate) fn transactions(
    run: &Run,
    region: Option<&str>,
    contained: Option<&str>,
    limit: Option<usize>,
) -> (Vec<NumbersRow>, Option<Warning>) {
    let contained = contained.map(str::to_lowercase);
    let mut all = run.transactions();
    all.retain(|(name, _, _)| {
        let is_named = |text: &String| name.to_lowercase().contains(text);
        contained.as_ref().is_none_or(is_named)
    });
    if region.is_some() {
        let text = "transactions are told over all regions only: leave region out";
        return (
            Vec::new(),
            (!all.is_empty()).then(|| Warning::new(CUT, text)),
        );
    }
    let seconds = run.seconds();
    let row = |(name, numbers, unfinished): &(String, Numbers, u64)| {
        let row = NumbersRow::of(numbers, seconds).of_label(name);
        row.with_unfinished(*unfinished)
    };
    let most = limit.map_or(USUAL_TRANSACTIONS, |limit| limit.min(MOST_TRANSACTIONS));
    let rows: Vec<NumbersRow> = all.iter().take(most).map(row).collect();
    let is_cut = all.len() > rows.len();
    let text = || {
        let (listed, all) = (rows.len(), all.len());
        format!(
            "{listed} of {all} transactions are listed: label_contains finds others, limit lists up to {MOST_TRANSACTIONS}"
        )
    };
    let warning = is_cut.then(|| Warning::new(CUT, &text()));
    (rows, warning)
}

/// What was requested once per run.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct OnceView {
    #[serde(skip_serializing_if = "Option::is_none")]
    setup: Option<OncePart>,
    #[serde(skip_serializing_if = "Option::is_none")]
    teardown: Option<OncePart>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct OncePart {
    requests: u64,
    took_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Text>,
}

impl OnceView {
    /// As the record has it; None where there was nothing.
    pub(crate) fn of(run: &Run) -> Option<Self> {
        let part = |facts: &OnceFacts| OncePart {
            requests: facts.requests,
            took_ms: ms(facts.took_us),
            failure: facts.failure.as_deref().map(Text::of),
        };
        let (setup, teardown) = (run.setup.as_ref(), run.teardown.as_ref());
        (setup.is_some() || teardown.is_some()).then(|| Self {
            setup: setup.map(part),
            teardown: teardown.map(part),
        })
    }
}
