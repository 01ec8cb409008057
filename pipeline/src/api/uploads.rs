//! Files of a scenario: bodies, data rows, certificates that runners fetch
//! before they start. At home they are sent here; on AWS to the bucket.

use crate::api::LINK_EXPIRY;
use crate::error::PipelineError;
use crate::functions::uploads as stored;
use crate::objects::{Access, Body, Verb};
use crate::world::World;
use dlt_core::calls::answers::{Artifact, FilesAnswer, UploadAnswer};
use dlt_core::calls::request::file_path;
use dlt_core::ids::TestId;
use dlt_core::keys::{self, LARGEST_FILE_BYTES};
use dlt_core::refusal::Refusal;

/// Most files of a scenario.
const MOST_FILES: usize = 200;

/// GET /scenarios/{testId}/files.
pub(super) async fn list(world: &World, test: &TestId) -> Result<FilesAnswer, Refusal> {
    let objects = stored::list(world, test).await?;
    let files = objects.into_iter().map(|object| Artifact {
        name: stored::name(&object.key).to_owned(),
        bytes: object.bytes,
        key: object.key,
    });
    Ok(FilesAnswer {
        files: files.collect(),
    })
}

/// POST /scenarios/{testId}/files: where to send the bytes.
pub(super) async fn place(
    world: &World,
    test: &TestId,
    name: &str,
) -> Result<UploadAnswer, Refusal> {
    let key = keys::scenario_file(test, name);
    let link = world.objects.link(&key, Verb::Put, LINK_EXPIRY).await?;
    Ok(UploadAnswer {
        name: name.to_owned(),
        key,
        url: link.unwrap_or_else(|| file_path(test, name)),
        method: "PUT".to_owned(),
    })
}

/// PUT /scenarios/{testId}/files/{name}. The scenario need not exist yet: its
/// files come first.
pub(super) async fn put(
    world: &World,
    test: &TestId,
    name: &str,
    body: Body,
) -> Result<Artifact, Refusal> {
    let key = keys::scenario_file(test, name);
    let there = stored::list(world, test).await?;
    if there.len() >= MOST_FILES && !there.iter().any(|object| object.key == key) {
        return Err(Refusal::new(
            400,
            "BAD_REQUEST",
            format!("this scenario has {MOST_FILES} files already; delete some"),
        ));
    }
    let written = world
        .objects
        .write(&key, body, LARGEST_FILE_BYTES, Access::Home);
    let bytes = match written.await {
        Err(PipelineError::Input(_)) => {
            return Err(Refusal::new(
                400,
                "BAD_REQUEST",
                format!(
                    "{name} is longer than {LARGEST_FILE_BYTES} bytes, and no runner takes more"
                ),
            ));
        }
        written => written?,
    };
    Ok(Artifact {
        name: name.to_owned(),
        bytes,
        key,
    })
}

/// DELETE /scenarios/{testId}/files/{name}.
pub(super) async fn delete(
    world: &World,
    test: &TestId,
    name: &str,
) -> Result<&'static str, Refusal> {
    world
        .objects
        .delete(&keys::scenario_file(test, name))
        .await?;
    Ok("success")
}
