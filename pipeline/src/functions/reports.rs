//! The reports of a run's runners, read back. Merging them is left to the core, keeping what comes
//! of it to `results`.

use crate::error::PipelineError;
use crate::runs::Run;
use crate::world::World;
use dlt_core::ids::RunnerId;
use dlt_core::keys;
use dlt_core::messages::report::Report;

/// A report of this run and runner.
pub(crate) fn readable(bytes: Vec<u8>, run: &Run, runner: &RunnerId) -> Result<Report, String> {
    String::from_utf8(bytes)
        .map_err(|error| error.to_string())
        .and_then(|text| Report::from_xml(&text).map_err(|error| error.to_string()))
        .and_then(|report| belongs(report, run, runner))
}

/// Reads the run's reports once more, one by one; unreadable ones were told when its results
/// were made.
pub async fn each_report(
    world: &World,
    run: &Run,
    take: &mut (dyn FnMut(&Report) + Send),
) -> Result<(), PipelineError> {
    let folder = keys::results_folder(&run.test, &run.prefix);
    for object in world.objects.list(&folder).await? {
        let Some((runner, _)) = keys::parse_report_name(&object.key) else {
            continue;
        };
        let Some(bytes) = world.objects.get(&object.key).await? else {
            continue;
        };
        if let Ok(report) = readable(bytes, run, &runner) {
            take(&report);
        }
    }
    Ok(())
}

fn belongs(report: Report, run: &Run, runner: &RunnerId) -> Result<Report, String> {
    match report.run == run.run && report.runner == *runner {
        true => Ok(report),
        false => Err(format!(
            "it is of runner {} in run {}",
            report.runner, report.run
        )),
    }
}
