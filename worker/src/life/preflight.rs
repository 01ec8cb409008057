//! What is done with a plan before a runner says that it is ready: the files it
//! names are read, and its names asked for once, so that the system's resolver
//! has the answers at hand when the engine asks in earnest. What is in the
//! files, and names that do not resolve, are its affair.

use super::LifeError;
use crate::depot::Depot;
use crate::engine::{self, Files, Named};
use dlt_core::ids::TestId;
use dlt_core::keys;
use dlt_core::scenario::plan::Plan;
use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;
use url::Host;

/// How long files may take to be read.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long names may take to resolve.
const NAMES_PATIENCE: Duration = Duration::from_secs(5);
/// Largest file, bytes: it is held once in memory.
const LARGEST_FILE_BYTES: u64 = 256 * 1024 * 1024;
/// Most names asked for.
const MOST_NAMES: usize = 64;

/// Reads each file of the plan; the first that cannot be read is the error.
pub(super) async fn files(plan: &Plan, depot: &Depot, test: &TestId) -> Result<Files, LifeError> {
    let until = tokio::time::Instant::now() + PATIENCE;
    let mut files = Files::default();
    let mut read: BTreeSet<String> = BTreeSet::new();
    for named in engine::named_files(plan) {
        if !read.insert(named.path.clone()) {
            continue;
        }
        let path = named.path.clone();
        let fetched = async {
            if Path::new(&path).is_absolute() {
                return local(path.clone()).await;
            }
            match depot.fetch(&keys::scenario_file(test, &path)).await {
                Ok(Some(bytes)) => Ok(bytes),
                Ok(None) => Err("the depot has no such file of this scenario".to_owned()),
                Err(error) => Err(error.to_string()),
            }
        };
        let bytes = match tokio::time::timeout_at(until, fetched).await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(why)) => return Err(fault(named, why)),
            Err(_) => {
                let why = format!("not read after {} s", PATIENCE.as_secs());
                return Err(fault(named, why));
            }
        };
        files.add(&named.path, bytes);
    }
    Ok(files)
}

fn fault(named: Named, why: String) -> LifeError {
    LifeError::File {
        what: named.what,
        path: named.path,
        scenario: named.scenario,
        why,
    }
}

/// Reads a file on a thread of its own: a file system over a network may hang.
async fn local(path: String) -> Result<Vec<u8>, String> {
    let read = spawn_blocking(move || read(&path)).await;
    match read {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => Err(error.to_string()),
        Err(broken) => Err(broken.to_string()),
    }
}

fn read(path: &str) -> std::io::Result<Vec<u8>> {
    let kind = std::fs::metadata(path)?;
    if kind.is_dir() {
        return Err(std::io::ErrorKind::IsADirectory.into());
    }
    // Opening a pipe would wait for its writer.
    if !kind.is_file() {
        return Err(std::io::Error::other("it is not a file"));
    }
    if kind.len() > LARGEST_FILE_BYTES {
        let why = format!("{} bytes; at most 256 MiB are read", kind.len());
        return Err(std::io::Error::other(why));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)?
        .take(LARGEST_FILE_BYTES)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Asks once for each name of the plan; the names that were answered in time.
pub(super) async fn names(plan: &Plan) -> BTreeSet<String> {
    let steps = plan.groups.iter().flat_map(|group| &group.steps);
    let hosts: BTreeSet<&str> = steps
        .filter(|step| step.host_is_fixed())
        .filter_map(|step| match step.url.host() {
            Some(Host::Domain(name)) => Some(name),
            _ => None,
        })
        .collect();
    let mut questions = JoinSet::new();
    for name in hosts.into_iter().take(MOST_NAMES).map(str::to_owned) {
        questions.spawn(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.is_ok();
            found.then_some(name)
        });
    }
    let mut answered = BTreeSet::new();
    let all = async {
        while let Some(answer) = questions.join_next().await {
            // No answer is no error here: requests will fail with cause `dns`.
            answered.extend(answer.ok().flatten());
        }
    };
    // What is late resolves when it is used.
    let _ = timeout(NAMES_PATIENCE, all).await;
    answered
}
