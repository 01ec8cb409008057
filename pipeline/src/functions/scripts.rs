//! Whether a scenario's script may be run where it is to run. What a script does is the worker's.

use crate::error::PipelineError;
use crate::world::{Scripts, World};
use dlt_core::ids::Region;
use dlt_core::scenario::Scenario;
use dlt_core::scenario::plan::Tool;

/// Refuses a script where none may be run, where the runners lack its tool, and where the only
/// allowed targets are listed: no policy reaches into the tools.
pub fn check(world: &World, scenario: &Scenario) -> Result<(), PipelineError> {
    let Some(script) = scenario.plan.script() else {
        return Ok(());
    };
    let regions = scenario.tasks.iter().map(|task| &task.region);
    check_tool(&world.scripts, script.tool, regions)?;
    if world.targets.lists()[1].is_some() {
        return Err(PipelineError::Input(format!(
            "scripts of {} are not run where targets are limited ({}): a script may send load anywhere",
            script.tool.title(),
            match world.scripts {
                Scripts::Images(_) => "parameter OnlyTargets",
                _ => "--only-target",
            }
        )));
    }
    Ok(())
}

fn check_tool<'a>(
    scripts: &Scripts,
    tool: Tool,
    mut regions: impl Iterator<Item = &'a Region>,
) -> Result<(), PipelineError> {
    let title = tool.title();
    match scripts {
        Scripts::Allowed => Ok(()),
        Scripts::Refused => Err(PipelineError::Input(format!(
            "scripts of {title} are not run by this service: they are programs with its rights. At home start it with dlt up --scripts, or run the file with dlt run"
        ))),
        Scripts::Images(images) => {
            let has = |region: &Region| images.get(region).is_some_and(|it| it.contains(&tool));
            match regions.find(|region| !has(region)) {
                None => Ok(()),
                Some(region) => Err(PipelineError::Input(format!(
                    "runners in {region} have no {title}: dlt deploy hub --engines {name} gives them an image with it (dlt deploy region {region} --engines {name} in a further region)",
                    name = tool.name()
                ))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn a_script_is_run_where_every_region_has_its_tool() {
        let [first, second] = ["eu-west-1", "us-east-1"].map(|name| Region::parse(name).unwrap());
        let both = || [&first, &second].into_iter();
        assert!(check_tool(&Scripts::Allowed, Tool::Jmeter, both()).is_ok());
        let refused = check_tool(&Scripts::Refused, Tool::Jmeter, both()).unwrap_err();
        assert!(refused.to_string().contains("--scripts"), "{refused}");
        let images = Scripts::Images(BTreeMap::from([
            (first.clone(), BTreeSet::from(Tool::ALL)),
            (second.clone(), BTreeSet::from([Tool::K6])),
        ]));
        assert!(check_tool(&images, Tool::K6, both()).is_ok());
        assert!(check_tool(&images, Tool::Locust, [&first].into_iter()).is_ok());
        let lacks = check_tool(&images, Tool::Locust, both()).unwrap_err();
        let lacks = lacks.to_string();
        for part in ["us-east-1", "Locust", "--engines locust"] {
            assert!(lacks.contains(part), "{lacks}");
        }
        let none = Scripts::Images(BTreeMap::new());
        assert!(check_tool(&none, Tool::K6, both()).is_err());
    }
}
