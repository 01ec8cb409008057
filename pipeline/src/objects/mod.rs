//! Objects: a bucket on AWS, a folder at home. What the objects mean is said by
//! `dlt_core::keys` and by those who read and write them.

#[cfg(feature = "local")]
pub mod files;

use crate::error::PipelineError;
use async_trait::async_trait;

/// Largest object that is read, bytes: a dense report of 2,000 labels stays
/// below half of it.
pub const LARGEST_OBJECT_BYTES: u64 = 128 * 1024 * 1024;
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

/// Where objects are kept.
#[async_trait]
pub trait Objects: Send + Sync {
    /// An object's bytes.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, PipelineError>;
    /// Stores an object; a reader sees the old one or the new one, never half.
    async fn put(&self, key: &str, bytes: &[u8], access: Access) -> Result<(), PipelineError>;
    /// Objects whose keys begin with `prefix`, by key.
    async fn list(&self, prefix: &str) -> Result<Vec<Listed>, PipelineError>;
    /// Removes an object; one that is not there does not matter.
    async fn delete(&self, key: &str) -> Result<(), PipelineError>;
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
