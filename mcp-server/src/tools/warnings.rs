//! What an agent has to be careful about with a run: whether its numbers may be
//! believed, and what they are of.

use crate::answer::Warning;
use crate::seen::numbers::Numbers;
use crate::seen::run::{Method, Run};
use dlt_core::judge::verdict::Trust;

/// With the numbers of all of it or of one region.
pub(super) fn of(run: &Run, total: Option<&Numbers>, region: Option<&str>) -> Vec<Warning> {
    let mut warnings = times_of(run, total, region);
    if total.is_none() {
        let text = match run.is_active() {
            true => format!("the run is {}; results come when it ends", run.status),
            false => format!("the run is {} and measured nothing", run.status),
        };
        warnings.push(Warning::new("no_results", &text));
    }
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
    if total.is_some() && run.method() == Method::TaskMean {
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

/// What times are of, where that is not as usual.
fn times_of(run: &Run, total: Option<&Numbers>, region: Option<&str>) -> Vec<Warning> {
    let mixed = total.is_some_and(Numbers::is_mixed) && !run.could_not_run();
    let code = match mixed {
        true => "times_over_all",
        false => "many_failures",
    };
    let mut warnings = Vec::new();
    match run.times_of(region, None) {
        Some(text) => warnings.push(Warning::new(code, &text)),
        None if mixed => warnings.push(Warning::new(
            code,
            "response times are of all requests, failed ones too: this server does not tell \
             them apart",
        )),
        None => {}
    }
    // The labels of one region are in the compatible results alone.
    if run.summary.is_some() && region.is_some() && total.is_some_and(|it| it.failed > 0) {
        warnings.push(Warning::new(
            "label_times_over_all",
            "response times of one region's labels are of all requests, failed ones too",
        ));
    }
    warnings
}
