//! Where a runner fetches the objects of its order and stores its report: whole
//! objects by key (`dlt_core::keys`). A depot is a folder or a bucket.

mod files;
#[cfg(feature = "aws")]
mod s3;

use crate::output::log;
use dlt_core::messages::order::Order;
use files::Folder;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::Instant;

/// Largest object that a runner fetches, bytes: a plan with all its bodies.
pub const LARGEST_OBJECT_BYTES: u64 = dlt_core::keys::LARGEST_FILE_BYTES;
/// Between two tries to store what others wait for.
const RETRY_PAUSE: Duration = Duration::from_millis(500);
/// How long one fetch or store may take.
const LONGEST_CALL: Duration = Duration::from_secs(30);

/// Why an object could not be fetched or stored.
#[derive(Debug, thiserror::Error)]
pub enum DepotError {
    /// The depot is a bucket, which this build cannot use.
    #[error(
        "depot {0:?} is a bucket, and this worker was built without AWS; build it with --features aws, or set DLT_DEPOT to a folder"
    )]
    NoBuckets(String),
    /// S3 refused a call, or did not answer it.
    #[error(
        "cannot {what} object {key}: {why}; check the bucket and the rights of the task's role"
    )]
    Bucket {
        /// `fetch` or `store`.
        what: &'static str,
        /// Which object.
        key: String,
        /// What S3 or its client said.
        why: String,
    },
    /// The depot is no absolute path of a folder.
    #[error("depot {0:?} is not an absolute path of a folder that exists; set DLT_DEPOT to one")]
    NotAFolder(String),
    /// The key would leave the depot.
    #[error(
        "object key {0:?} is refused: it must be relative, without empty, \".\" or \"..\" parts"
    )]
    Key(String),
    /// The object is larger than any object of ours.
    #[error("object {key} has {bytes} bytes; at most {LARGEST_OBJECT_BYTES} are read")]
    TooLarge {
        /// Which object.
        key: String,
        /// How large it is.
        bytes: u64,
    },
    /// Reading or writing failed.
    #[error("cannot {what} object {key}: {source}; check the depot's folder and its free space")]
    Io {
        /// `fetch` or `store`.
        what: &'static str,
        /// Which object.
        key: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The call took too long.
    #[error(
        "cannot {what} object {key}: no answer within 30 s; check the depot's disk, mount or network"
    )]
    Slow {
        /// `fetch` or `store`.
        what: &'static str,
        /// Which object.
        key: String,
    },
}

/// A depot.
#[derive(Debug, Clone)]
pub enum Depot {
    /// A folder.
    Folder(Folder),
    /// A bucket.
    #[cfg(feature = "aws")]
    Bucket(s3::Bucket),
}

impl Depot {
    /// The depot that an order names.
    pub async fn of(order: &Order) -> Result<Self, DepotError> {
        match order.depot.strip_prefix("s3://") {
            None => Self::folder(&order.depot),
            #[cfg(feature = "aws")]
            Some(bucket) => {
                let hub = order.hub.as_ref().map(|hub| hub.as_str());
                Ok(Self::Bucket(s3::Bucket::open(bucket, hub).await))
            }
            #[cfg(not(feature = "aws"))]
            Some(_) => Err(DepotError::NoBuckets(order.depot.clone())),
        }
    }

    /// The depot in this folder.
    pub fn folder(path: &str) -> Result<Self, DepotError> {
        let folder = PathBuf::from(path);
        if !folder.is_absolute() || !folder.is_dir() {
            return Err(DepotError::NotAFolder(path.to_owned()));
        }
        Ok(Self::Folder(Folder::new(folder)))
    }

    /// Between two looks for the start, which lies a few of them ahead: a look into a folder costs
    /// nothing, one into a bucket is paid.
    pub fn poll(&self) -> Duration {
        match self {
            Self::Folder(_) => Duration::from_millis(20),
            #[cfg(feature = "aws")]
            Self::Bucket(_) => Duration::from_millis(100),
        }
    }

    /// Whether it is a folder: then a look into it costs nothing.
    pub fn is_folder(&self) -> bool {
        matches!(self, Self::Folder(_))
    }

    /// The object's bytes; None if there is no such object.
    pub async fn fetch(&self, key: &str) -> Result<Option<Vec<u8>>, DepotError> {
        match self {
            Self::Folder(folder) => {
                let (folder, owned) = (folder.clone(), key.to_owned());
                run_blocking("fetch", key, move || folder.fetch(&owned)).await
            }
            #[cfg(feature = "aws")]
            Self::Bucket(bucket) => in_time("fetch", key, bucket.fetch(key)).await,
        }
    }

    /// Stores the object: a reader sees all of it or none.
    pub async fn store(&self, key: &str, bytes: Vec<u8>) -> Result<(), DepotError> {
        match self {
            Self::Folder(folder) => {
                let (folder, owned) = (folder.clone(), key.to_owned());
                run_blocking("store", key, move || folder.store(&owned, &bytes)).await
            }
            #[cfg(feature = "aws")]
            Self::Bucket(bucket) => in_time("store", key, bucket.store(key, bytes)).await,
        }
    }
}

impl Depot {
    /// Stores an object; again until `until` while the depot cannot take it.
    pub async fn store_by(
        &self,
        key: &str,
        bytes: Vec<u8>,
        until: Instant,
    ) -> Result<(), DepotError> {
        loop {
            match self.store(key, bytes.clone()).await {
                Err(error) if Instant::now() + RETRY_PAUSE < until => log(&error.to_string()),
                stored => return stored,
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }

    /// As [`Self::fetch`]; while the depot cannot be read before `until`, the object
    /// counts as not there yet.
    pub async fn fetch_by(&self, key: &str, until: Instant) -> Result<Option<Vec<u8>>, DepotError> {
        match self.fetch(key).await {
            Err(DepotError::Io { .. } | DepotError::Slow { .. }) if Instant::now() < until => {
                Ok(None)
            }
            #[cfg(feature = "aws")]
            Err(DepotError::Bucket { .. }) if Instant::now() < until => Ok(None),
            fetched => fetched,
        }
    }
}

/// Runs a call with a time limit.
async fn in_time<T>(
    what: &'static str,
    key: &str,
    work: impl Future<Output = Result<T, DepotError>>,
) -> Result<T, DepotError> {
    match tokio::time::timeout(LONGEST_CALL, work).await {
        Ok(done) => done,
        Err(_) => Err(DepotError::Slow {
            what,
            key: key.to_owned(),
        }),
    }
}

/// Runs blocking work beside the event loop, with a time limit.
async fn run_blocking<T: Send + 'static>(
    what: &'static str,
    key: &str,
    work: impl FnOnce() -> Result<T, DepotError> + Send + 'static,
) -> Result<T, DepotError> {
    let work = async {
        match tokio::task::spawn_blocking(work).await {
            Ok(done) => done,
            Err(broken) => Err(DepotError::Io {
                what,
                key: key.to_owned(),
                source: std::io::Error::other(broken),
            }),
        }
    };
    in_time(what, key, work).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_absolute_folders_that_exist_are_depots() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Depot::folder(folder.path().to_str().unwrap()).is_ok());
        for name in ["relative/folder", "/no/such/folder/anywhere"] {
            let error = Depot::folder(name).unwrap_err().to_string();
            assert!(error.contains("not an absolute path"), "{error}");
        }
    }

    #[tokio::test]
    async fn stored_objects_are_fetched_again() {
        let folder = tempfile::tempdir().unwrap();
        let depot = Depot::folder(folder.path().to_str().unwrap()).unwrap();
        assert_eq!(depot.fetch("a/b").await.unwrap(), None);
        depot.store("a/b", b"one".to_vec()).await.unwrap();
        depot.store("a/b", b"two".to_vec()).await.unwrap();
        assert_eq!(depot.fetch("a/b").await.unwrap(), Some(b"two".to_vec()));
        assert!(depot.fetch("../a").await.is_err());
    }
}
