//! Files that were uploaded for a scenario: named without folders, kept beside
//! each other, fetched by runners before they start.

use crate::error::PipelineError;
use crate::objects::Listed;
use crate::world::World;
use dlt_core::ids::TestId;
use dlt_core::keys;
use dlt_core::scenario::plan::Tool;
use std::collections::BTreeSet;

/// What was uploaded for a scenario, by key.
pub async fn list(world: &World, test: &TestId) -> Result<Vec<Listed>, PipelineError> {
    world.objects.list(&keys::scenario_files(test)).await
}

/// The last part of a key.
pub fn name(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}

/// The names of uploaded files: what a kept scenario may use.
#[derive(Debug, Default)]
pub struct Uploads(BTreeSet<String>);

impl Uploads {
    /// Those of a scenario; none of one that has no id yet.
    pub async fn of(world: &World, test: Option<&TestId>) -> Result<Self, PipelineError> {
        let Some(test) = test else {
            return Ok(Self::default());
        };
        let mut objects = list(world, test).await?;
        for tool in Tool::ALL {
            objects.extend(
                world
                    .objects
                    .list(&keys::scripts(test, tool.name()))
                    .await?,
            );
        }
        let names = objects.iter().map(|object| name(&object.key).to_owned());
        Ok(Self(names.collect()))
    }

    /// A file's name, if it was uploaded. Paths of the server are never read:
    /// who may call the API may not read its disk.
    pub fn check(&self, file: &str) -> Result<String, String> {
        if self.0.contains(file) {
            return Ok(file.to_owned());
        }
        Err(format!(
            "{file:?} was not uploaded; send it with PUT /scenarios/{{testId}}/files/{{name}} first, and name it without folders"
        ))
    }
}
