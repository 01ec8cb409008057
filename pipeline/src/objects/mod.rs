//! Objects: a bucket on AWS, a folder at home. What the objects mean is said by
//! `dlt_core::keys` and by those who read and write them.

#[cfg(feature = "local")]
pub mod files;
#[cfg(feature = "aws")]
pub mod s3;

use crate::error::PipelineError;
use async_trait::async_trait;
use dlt_core::keys::LARGEST_OBJECT_BYTES;
use std::pin::Pin;
use std::time::Duration;
use tokio_stream::{Stream, StreamExt as _};

/// Most keys that a listing answers: 10,000 runners with ten files each.
pub const MOST_KEYS: usize = 100_000;

/// Who may read an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Whoever may use the home or the bucket.
    Home,
    /// The run's runners alone.
    Secret,
}

/// An object in a listing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// Its key.
    pub key: String,
    /// Its size.
    pub bytes: u64,
}

/// An object's bytes, in pieces.
pub type Body = Pin<Box<dyn Stream<Item = Result<Vec<u8>, PipelineError>> + Send>>;

/// These bytes as a body.
pub fn body_of(bytes: Vec<u8>) -> Body {
    Box::pin(tokio_stream::once(Ok(bytes)))
}

/// An object that is being read.
pub struct Stored {
    /// Its size.
    pub bytes: u64,
    /// Its bytes.
    pub body: Body,
}

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// To read the object.
    Get,
    /// To send it.
    Put,
}

/// Where objects are kept.
#[async_trait]
pub trait Objects: Send + Sync {
    /// An object; None if there is none.
    async fn read(&self, key: &str) -> Result<Option<Stored>, PipelineError>;
    /// Stores an object of at most `limit` bytes and answers how many it has; a
    /// reader sees the old one or the new one, never half. One that is longer is
    /// refused ([`PipelineError::Input`]), and the old one stays.
    async fn write(
        &self,
        key: &str,
        body: Body,
        limit: u64,
        access: Access,
    ) -> Result<u64, PipelineError>;
    /// An address at which whoever has it may read or send the object until it
    /// expires; None where objects pass through the API alone, as at home.
    async fn link(
        &self,
        key: &str,
        verb: Verb,
        expiry: Duration,
    ) -> Result<Option<String>, PipelineError>;
    /// Objects whose keys begin with `prefix`, by key.
    async fn list(&self, prefix: &str) -> Result<Vec<Listed>, PipelineError>;
    /// Removes an object; one that is not there does not matter.
    async fn delete(&self, key: &str) -> Result<(), PipelineError>;
    /// Stores what could not be stored when it came, if there is any such.
    async fn flush(&self) -> Result<(), PipelineError> {
        Ok(())
    }
    /// Whether a run's results are deleted with it. Those in a bucket stay, as DLT's do, until a rule
    /// of the bucket removes them.
    fn go_with_their_run(&self) -> bool {
        false
    }
}

impl dyn Objects + '_ {
    /// All bytes of an object of at most [`LARGEST_OBJECT_BYTES`].
    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, PipelineError> {
        let Some(mut stored) = self.read(key).await? else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        while let Some(piece) = stored.body.next().await {
            bytes.extend_from_slice(&piece?);
            if bytes.len() as u64 > LARGEST_OBJECT_BYTES {
                return Err(PipelineError::Other(format!(
                    "object {key} is larger than {LARGEST_OBJECT_BYTES} bytes"
                )));
            }
        }
        Ok(Some(bytes))
    }

    /// Stores an object that we made ourselves.
    pub async fn put(&self, key: &str, bytes: &[u8], access: Access) -> Result<(), PipelineError> {
        let body = body_of(bytes.to_vec());
        self.write(key, body, u64::MAX, access).await.map(drop)
    }
}

/// Whether a text may be a key: relative, no empty, `.` or `..` part, no
/// backslash, no control character.
pub fn is_key(text: &str) -> bool {
    (1..=1_024).contains(&text.len())
        && text
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != "..")
        && !text.contains(|c: char| c == '\\' || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_never_leave_their_folder() {
        for good in ["a", "a/b.json", "results/x/..y/z", "a b/ü"] {
            assert!(is_key(good), "{good}");
        }
        for bad in [
            "", "/a", "a/", "a//b", "..", "a/../b", "./a", "a\\..\\b", "a\0b",
        ] {
            assert!(!is_key(bad), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_a_key_stays_inside(text in "[./a\\\\]{0,12}") {
            if is_key(&text) {
                let path = std::path::Path::new("/root").join(&text);
                let parts: Vec<_> = path.components().collect();
                prop_assert!(path.starts_with("/root"));
                prop_assert!(!parts.contains(&std::path::Component::ParentDir));
            }
        }
    }
}
