//! What happens to a plan before a runner says that it is ready: its files are
//! read, and its host names are resolved once, so that the system's resolver has
//! them cached when the engine asks. What the files hold, and names that do not
//! resolve, are up to the engine.

use super::RunnerError;
use crate::depot::Depot;
use crate::engine::{self, NamedFile, PlanFiles};
use crate::scripts::{self, PreparedScript, ScriptError};
use dlt_core::ids::{RunnerId, TestId};
use dlt_core::keys;
use dlt_core::messages::order::Order;
use dlt_core::routing::{EnvironmentProxies, Routes};
use dlt_core::scenario::plan::Plan;
use std::collections::BTreeSet;
use std::io::Read as _;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;

/// How long reading all files may take.
const FILES_LIMIT: Duration = Duration::from_secs(30);
/// How long resolving all names may take.
const NAMES_LIMIT: Duration = Duration::from_secs(5);
/// Largest file, bytes: it is held in memory once.
const LARGEST_FILE_BYTES: u64 = 256 * 1024 * 1024;
/// Most names that are resolved.
const MOST_NAMES: usize = 64;

/// Reads each file of the plan; the first that cannot be read is the error.
pub(super) async fn read_files(
    plan: &Plan,
    depot: &Depot,
    test: &TestId,
) -> Result<PlanFiles, RunnerError> {
    let until = tokio::time::Instant::now() + FILES_LIMIT;
    let mut files = PlanFiles::default();
    let mut read: BTreeSet<String> = BTreeSet::new();
    for named in engine::named_files(plan) {
        if !read.insert(named.path.clone()) {
            continue;
        }
        let path = named.path.clone();
        let fetched = async {
            if Path::new(&path).is_absolute() {
                return read_local(path.clone()).await;
            }
            match depot.fetch(&keys::scenario_file(test, &path)).await {
                Ok(Some(bytes)) => Ok(bytes),
                Ok(None) => Err("the depot has no such file of this scenario".to_owned()),
                Err(error) => Err(error.to_string()),
            }
        };
        let bytes = match tokio::time::timeout_at(until, fetched).await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(why)) => return Err(file_error(named, why)),
            Err(_) => {
                let why = format!("not read after {} s", FILES_LIMIT.as_secs());
                return Err(file_error(named, why));
            }
        };
        files.add(&named.path, bytes);
    }
    Ok(files)
}

fn file_error(named: NamedFile, why: String) -> RunnerError {
    RunnerError::File {
        what: named.what,
        path: named.path,
        scenario: named.scenario,
        why,
    }
}

/// Fetches the files of a plan's script, and prepares it.
pub(super) async fn script(
    plan: &Plan,
    depot: &Depot,
    order: &Order,
    runner: &RunnerId,
) -> Result<PreparedScript, RunnerError> {
    let until = tokio::time::Instant::now() + FILES_LIMIT;
    let tool = plan.script().map_or("", |script| script.tool.name());
    let mut files = Vec::new();
    for path in scripts::script_files(plan) {
        let fetched = async {
            if Path::new(&path).is_absolute() {
                return read_local(path.clone()).await;
            }
            // As DLT's clients upload it, else as ours do.
            let theirs = keys::script(&order.test, tool, &path);
            let ours = keys::scenario_file(&order.test, &path);
            for key in theirs.into_iter().chain([ours]) {
                match depot.fetch(&key).await {
                    Ok(Some(bytes)) => return Ok(bytes),
                    Ok(None) => {}
                    Err(error) => return Err(error.to_string()),
                }
            }
            Err("was not uploaded for this scenario".to_owned())
        };
        let bytes = match tokio::time::timeout_at(until, fetched).await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(why)) => return Err(ScriptError::File { name: path, why }.into()),
            Err(_) => {
                let why = format!("was not read after {} s", FILES_LIMIT.as_secs());
                return Err(ScriptError::File { name: path, why }.into());
            }
        };
        files.push((path, bytes));
    }
    let plan = plan.clone();
    let folder = format!("dlt-script-{}-{runner}", order.run);
    let prepared = spawn_blocking(move || PreparedScript::new(&plan, files, &folder)).await;
    match prepared {
        Ok(prepared) => Ok(prepared?),
        Err(broken) => Err(ScriptError::Folder(std::io::Error::other(broken)).into()),
    }
}

/// Reads a file on a thread of its own: a network file system may hang.
async fn read_local(path: String) -> Result<Vec<u8>, String> {
    let read = spawn_blocking(move || read_regular_file(&path)).await;
    match read {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => Err(error.to_string()),
        Err(broken) => Err(broken.to_string()),
    }
}

fn read_regular_file(path: &str) -> std::io::Result<Vec<u8>> {
    let kind = std::fs::metadata(path)?;
    if kind.is_dir() {
        return Err(std::io::ErrorKind::IsADirectory.into());
    }
    // Opening a pipe waits for its writer.
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

/// Resolves each name once that connections of the plan need, with these proxies of the
/// environment; returns those that resolved in time.
pub(super) async fn resolve_names(plan: &Plan, proxies: &EnvironmentProxies) -> BTreeSet<String> {
    let mut hosts = BTreeSet::new();
    for group in &plan.groups {
        let routes = Routes::new(&group.routing, proxies);
        let steps = group.all_steps().filter(|step| step.host_is_fixed());
        for url in steps.map(|step| &step.url) {
            let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
                continue;
            };
            // Addresses are left out below, with or without brackets.
            let host = host.trim_matches(['[', ']']);
            let route = routes.route(url.scheme() == "https", host, port);
            let names = route.looked_up().into_iter().map(|row| row.0);
            let names = names.filter(|name| name.parse::<IpAddr>().is_err());
            hosts.extend(names.map(str::to_owned));
        }
    }
    let mut lookups = JoinSet::new();
    for name in hosts.into_iter().take(MOST_NAMES) {
        lookups.spawn(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.is_ok();
            found.then_some(name)
        });
    }
    let mut resolved = BTreeSet::new();
    let all = async {
        while let Some(answer) = lookups.join_next().await {
            // A name that does not resolve is no error here: its requests fail
            // with cause `dns`.
            resolved.extend(answer.ok().flatten());
        }
    };
    // A late name resolves when it is used.
    let _ = timeout(NAMES_LIMIT, all).await;
    resolved
}
