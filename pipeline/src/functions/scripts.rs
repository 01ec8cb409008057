//! Whether scripts may be run here: they are programs, which do what their author wants with the
//! rights of the runner. What a script does is the worker's.

use crate::error::PipelineError;
use crate::world::World;
use dlt_core::scenario::Scenario;

/// Refuses a script where none may be run, or where the only allowed targets are listed: no policy
/// reaches into the tools.
pub fn check(world: &World, scenario: &Scenario) -> Result<(), PipelineError> {
    let Some(script) = scenario.plan.script() else {
        return Ok(());
    };
    let tool = script.tool.title();
    if !world.scripts {
        return Err(PipelineError::Input(format!(
            "scripts of {tool} are not run by this service: they are programs with its rights. At home start it with dlt up --scripts, or run the file with dlt run"
        )));
    }
    if world.targets.lists()[1].is_some() {
        return Err(PipelineError::Input(format!(
            "scripts of {tool} are not run where targets are limited (--only-target): a script may send load anywhere"
        )));
    }
    Ok(())
}
