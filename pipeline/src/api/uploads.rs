//! Files of a scenario: bodies, data rows, certificates that runners fetch
//! before they start. At home they are sent here; on AWS to the bucket.

use crate::functions::uploads as stored;
use crate::objects::{Access, LARGEST_OBJECT_BYTES};
use crate::world::World;
use dlt_core::calls::answers::{Artifact, FilesAnswer, UploadAnswer};
use dlt_core::ids::TestId;
use dlt_core::keys;
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
pub(super) fn place(test: &TestId, name: &str) -> Result<UploadAnswer, Refusal> {
    Ok(UploadAnswer {
        name: name.to_owned(),
        key: keys::scenario_file(test, name),
        url: format!("/scenarios/{test}/files/{}", escaped(name)),
        method: "PUT".to_owned(),
    })
}

/// A name as a path part; file names hold no other characters that need it.
fn escaped(name: &str) -> String {
    url::form_urlencoded::byte_serialize(name.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

/// PUT /scenarios/{testId}/files/{name}. The scenario need not exist yet: its
/// files come first.
pub(super) async fn put(
    world: &World,
    test: &TestId,
    name: &str,
    bytes: &[u8],
) -> Result<Artifact, Refusal> {
    if bytes.len() as u64 > LARGEST_OBJECT_BYTES {
        return Err(Refusal::new(
            400,
            "BAD_REQUEST",
            format!(
                "{name} has {} bytes; at most {LARGEST_OBJECT_BYTES} are kept",
                bytes.len()
            ),
        ));
    }
    let key = keys::scenario_file(test, name);
    let there = stored::list(world, test).await?;
    if there.len() >= MOST_FILES && !there.iter().any(|object| object.key == key) {
        return Err(Refusal::new(
            400,
            "BAD_REQUEST",
            format!("this scenario has {MOST_FILES} files already; delete some"),
        ));
    }
    world.objects.put(&key, bytes, Access::Home).await?;
    Ok(Artifact {
        name: name.to_owned(),
        bytes: bytes.len() as u64,
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
