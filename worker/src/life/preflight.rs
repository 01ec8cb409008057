//! What can be told of a plan before a runner says that it is ready: whether
//! the files it names are there, and a first question for its names, so that
//! the system's resolver has the answers at hand when the engine asks in
//! earnest. What is in the files, and names that do not resolve, are its affair.

use super::LifeError;
use dlt_core::scenario::plan::{Body, Group, Plan};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;
use url::Host;

/// How long files may take to open, and then names to resolve.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most names asked for.
const MOST_NAMES: usize = 64;

/// A file that a plan names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Named {
    path: String,
    what: &'static str,
    scenario: String,
}

impl Named {
    fn fault(self, why: String) -> LifeError {
        LifeError::File {
            what: self.what,
            path: self.path,
            scenario: self.scenario,
            why,
        }
    }
}

/// Opens each file of the plan once; the first that cannot be is the error.
pub(super) async fn files(plan: &Plan) -> Result<(), LifeError> {
    let until = tokio::time::Instant::now() + PATIENCE;
    let named: BTreeSet<Named> = plan.groups.iter().flat_map(named).collect();
    for file in named {
        let path = file.path.clone();
        // A thread of its own: a file system over a network may hang.
        let opened = spawn_blocking(move || open(&path));
        let why = match tokio::time::timeout_at(until, opened).await {
            Ok(Ok(Ok(()))) => continue,
            Ok(Ok(Err(error))) => error.to_string(),
            Ok(Err(broken)) => broken.to_string(),
            Err(_) => format!("not open after {} s", PATIENCE.as_secs()),
        };
        return Err(file.fault(why));
    }
    Ok(())
}

fn named(group: &Group) -> impl Iterator<Item = Named> {
    let tls = &group.tls;
    let of_tls = [
        ("tls.ca-file", &tls.ca_file),
        ("tls.cert-file", &tls.cert_file),
        ("tls.key-file", &tls.key_file),
    ];
    let of_tls = of_tls
        .into_iter()
        .filter_map(|(what, path)| Some((what, path.as_ref()?)));
    let bodies = group.steps.iter().filter_map(|step| match &step.body {
        Body::File(path) => Some(("body-file", path)),
        Body::None | Body::Text(_) => None,
    });
    of_tls.chain(bodies).map(|(what, path)| Named {
        path: path.clone(),
        what,
        scenario: group.name.clone(),
    })
}

fn open(path: &str) -> std::io::Result<()> {
    let kind = std::fs::metadata(path)?;
    if kind.is_dir() {
        return Err(std::io::ErrorKind::IsADirectory.into());
    }
    // Opening a pipe would wait for its writer.
    if kind.is_file() {
        std::fs::File::open(path)?;
    }
    Ok(())
}

/// Asks once for each name of the plan; the names that were answered in time.
pub(super) async fn names(plan: &Plan) -> BTreeSet<String> {
    let steps = plan.groups.iter().flat_map(|group| &group.steps);
    let hosts: BTreeSet<&str> = steps
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
    let _ = timeout(PATIENCE, all).await;
    answered
}
