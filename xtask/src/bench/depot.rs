//! The folder that a single worker finds its order in, written by hand: the
//! objects and variables of contract dlt.md 5, so that what is measured is the
//! worker process alone.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const TEST: &str = "bench";
const RUN: &str = "closed";
const PREFIX: &str = "2026-01-01T00-00-00_closed";
const REGION: &str = "lo-home-1";
const RUNNER: &str = "lo-home-1-1";
/// How long after Ready the load begins.
const LEAD: Duration = Duration::from_secs(2);

/// A prepared folder; it goes when dropped.
#[derive(Debug)]
pub struct Depot {
    folder: PathBuf,
}

/// How hard.
#[derive(Debug, Clone, Copy)]
pub enum Load {
    /// Closed: so many users.
    Users(u64),
    /// Open: so many arrivals per second.
    Arrivals(u64),
}

impl Depot {
    /// Writes a load of so many seconds with the requests of `scenario`.
    pub fn prepare(load: Load, seconds: u64, scenario: &Value) -> Result<Self> {
        let stamp = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
        let depot = Self {
            folder: std::env::temp_dir().join(format!("dlt-bench-depot-{stamp}")),
        };
        let mut execution =
            json!({ "hold-for": format!("{seconds}s"), "scenario": "one", "taskCount": 1 });
        match load {
            Load::Users(users) => execution["users"] = json!(users),
            Load::Arrivals(rate) => execution["arrivals"] = json!(rate),
        }
        let scenario = json!({ "execution": [execution], "scenarios": { "one": scenario } });
        depot.write(
            &format!("test-scenarios/{TEST}-{REGION}.json"),
            &scenario.to_string(),
        )?;
        depot.write(&depot.start_key("secret"), &"5e".repeat(32))?;
        let workers = json!({ "slice": { "first": 0, "count": 1, "of": 1 }, "workers": [] });
        depot.write(
            &depot.start_key(&format!("{REGION}/workers.json")),
            &workers.to_string(),
        )?;
        Ok(depot)
    }

    fn start_key(&self, name: &str) -> String {
        format!("start-signal/{TEST}/{PREFIX}/{name}")
    }

    fn write(&self, key: &str, text: &str) -> Result<()> {
        write_whole(&self.folder.join(key), text)
    }

    /// The order.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        [
            ("TEST_ID", TEST),
            ("TEST_RUN_ID", RUN),
            ("TEST_TYPE", "simple"),
            ("FILE_TYPE", "none"),
            ("AWS_REGION", REGION),
            ("PREFIX", PREFIX),
            ("DLT_ROLE", "leader"),
            ("DLT_DEPOT", &self.folder.to_string_lossy()),
            ("LIVE_DATA_ENABLED", "live=true"),
            ("DLT_RUNNER", RUNNER),
            ("DLT_THREADS", "1"),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .to_vec()
    }

    /// Waits for the leader's word and then gives the start instant.
    pub fn start_when_ready(&self) -> JoinHandle<Result<()>> {
        let ready = self
            .folder
            .join(self.start_key(&format!("{REGION}/leader-ready.json")));
        let start = self.folder.join(self.start_key("start.json"));
        std::thread::spawn(move || {
            let deadline = Instant::now() + Duration::from_secs(20);
            while !ready.exists() {
                if Instant::now() > deadline {
                    bail!("the worker was not ready within 20 s");
                }
                std::thread::park_timeout(Duration::from_millis(20));
            }
            let at = SystemTime::now().duration_since(UNIX_EPOCH)? + LEAD;
            let text = json!({ "start_at_us": at.as_micros() as u64 }).to_string();
            write_whole(&start, &text)
        })
    }

    /// Requests that the worker's report counts; an error if any failed, since
    /// then something else was measured.
    pub fn requests_ok(&self) -> Result<u64> {
        let key = format!("results/{TEST}/{PREFIX}/{RUNNER}-{REGION}.xml");
        let path = self.folder.join(key);
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("failed to read the report {}", path.display()))?;
        let overall = text
            .split("<Group label=\"\">")
            .nth(1)
            .context("the report has no overall group")?;
        let value = |name: &str| -> Result<u64> {
            let start = format!("<{name} value=\"");
            let rest = overall
                .split(&start)
                .nth(1)
                .context("a value of the group")?;
            Ok(rest.split('"').next().unwrap_or_default().parse()?)
        };
        let failed = value("fail")?;
        ensure!(failed == 0, "{failed} requests failed");
        value("succ")
    }
}

/// Readers see all of it or nothing.
fn write_whole(path: &Path, text: &str) -> Result<()> {
    let folder = path.parent().context("a folder")?;
    std::fs::create_dir_all(folder)?;
    let part = path.with_extension("part");
    std::fs::write(&part, text)?;
    Ok(std::fs::rename(part, path)?)
}

impl Drop for Depot {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
