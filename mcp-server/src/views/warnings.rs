//! Warnings about a run: whether its numbers can be trusted, and which requests its times
//! are of.

use crate::seen::live::Live;
use crate::seen::numbers::Numbers;
use crate::seen::run::{Method, Run, is_active};
use crate::views::answer::Warning;
use dlt_core::judge::verdict::Trust;

/// The warnings of a run, or of its part in one region; `total` has that part's numbers.
pub(super) fn of_run(
    run: &Run,
    live: Option<&Live>,
    total: Option<&Numbers>,
    region: Option<&str>,
) -> Vec<Warning> {
    let mut warnings = of_times(run, total, region);
    warnings.extend(of_state(run, live, total.is_some()));
    if run.could_not_run() {
        warnings.push(Warning::new(
            "could_not_run",
            "the target never answered: there are no response times",
        ));
    }
    let untrusted = run
        .verdict
        .as_ref()
        .is_some_and(|verdict| verdict.trust == Trust::Untrusted);
    if untrusted {
        warnings.push(Warning::new(
            "untrusted",
            "do not judge the target by these numbers: the load generator was the limit or data \
             is missing",
        ));
    }
    if run
        .coverage
        .as_ref()
        .is_some_and(|coverage| !coverage.complete)
    {
        warnings.push(Warning::new(
            "incomplete",
            "some runners or seconds are missing",
        ));
    }
    if total.is_some() && live.is_none() && run.method() == Method::TaskMean {
        warnings.push(Warning::new(
            "task_mean",
            "percentiles are means of the runners' percentiles, not those of all requests",
        ));
    }
    if run.status == "cancelled" && total.is_some() {
        warnings.push(Warning::new(
            "partial",
            "the run was cancelled: results are partial",
        ));
    }
    warnings.extend(
        run.warnings
            .iter()
            .take(5)
            .map(|text| Warning::new("run", text)),
    );
    warnings
}

/// Which requests the times are of, if many failed or if failed ones are included.
fn of_times(run: &Run, total: Option<&Numbers>, region: Option<&str>) -> Vec<Warning> {
    let is_mixed = total.is_some_and(Numbers::is_mixed) && !run.could_not_run();
    let code = if is_mixed {
        "times_over_all"
    } else {
        "many_failures"
    };
    let mut warnings = Vec::new();
    match run.times_sentence(region, None) {
        Some(text) => warnings.push(Warning::new(code, &text)),
        None if is_mixed => warnings.push(Warning::new(
            code,
            "response times are of all requests, failed ones too: this server does not tell \
             them apart",
        )),
        None => {}
    }
    // Labels of one region are only in the compatible results, which include failures.
    if run.summary.is_some() && region.is_some() && total.is_some_and(|it| it.failed > 0) {
        warnings.push(Warning::new(
            "label_times_over_all",
            "response times of one region's labels are of all requests, failed ones too",
        ));
    }
    warnings
}

/// How far the run is, and whether another one is newer.
fn of_state(run: &Run, live: Option<&Live>, has_numbers: bool) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if let Some((id, status)) = &run.newer {
        let what = if is_active(status) {
            "is active"
        } else {
            "has no results"
        };
        let text = format!("run {id} is newer and {what} ({status}): ask for it by its id");
        warnings.push(Warning::new("newer_run", &text));
    }
    if let Some(live) = live {
        let text = format!(
            "the run is active: numbers are of its first {} s, labels come when it ends",
            live.at_s
        );
        warnings.push(Warning::new("so_far", &text));
    }
    if !has_numbers {
        let text = if run.is_active() {
            format!(
                "the run is active ({}): numbers come within 20 s of its load's start",
                run.status
            )
        } else {
            format!("the run is {} and measured nothing", run.status)
        };
        warnings.push(Warning::new("no_results", &text));
    }
    warnings
}
