//! A runner's order, the same for a whole batch and carried by environment
//! variables (contract worker.md 3.1, dlt.md 5), and the start connection's
//! frames (dlt.md 4). Reading variables and sockets is the worker's job.

use crate::ids::{IdError, Region, RunPrefix, RunnerId, TestId, TestRunId};
use crate::load::changes::LoadChange;
use crate::load::share::{Lot, Share, Slice};
use crate::messages::report::Ended;
use crate::messages::runner_line::Tick;
use crate::refusal::Faults;
use crate::routing::EnvironmentProxies;
use crate::scenario::plan::{FileType, ScenarioValues, Tool};
use crate::target_policy::TargetPolicy;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Largest frame of the start connection, bytes.
pub const LONGEST_FRAME_BYTES: usize = 1024 * 1024;
/// A requested stop shortens a longer graceful stop to this, µs: decision 6
/// requires that a stopped runner ends within 20 s, its report stored.
pub const LONGEST_TOLD_STOP_US: u64 = 15_000_000;
/// After a requested stop the requests after the load have at most this, µs: on AWS a task that was
/// told to stop is killed after two minutes.
pub const LONGEST_TOLD_TEARDOWN_US: u64 = 60_000_000;
/// A peer that sends nothing for so long is lost, seconds.
pub const SILENT_PEER_S: u64 = 10;

/// A runner's part in its region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Waits for its leader's start.
    Worker,
    /// Starts its region's workers, and makes load like them.
    Leader,
}

/// A runner's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// `TEST_ID`.
    pub test: TestId,
    /// `TEST_RUN_ID`.
    pub run: TestRunId,
    /// `TEST_TYPE`: the tool whose script makes the load; `simple` or absent, none.
    pub tool: Option<Tool>,
    /// `FILE_TYPE`: how that script comes.
    pub file_type: FileType,
    /// `AWS_REGION`.
    pub region: Region,
    /// `PREFIX`.
    pub prefix: RunPrefix,
    /// `DLT_ROLE`.
    pub role: Role,
    /// `DLT_DEPOT`: `s3://bucket` or a folder.
    pub depot: String,
    /// `MAIN_STACK_REGION`: the AWS region of that bucket; absent at home.
    pub hub: Option<Region>,
    /// `LIVE_DATA_ENABLED`: `live=true` or `live=false`.
    pub live: bool,
    /// `DLT_RUNNER`; on AWS absent and taken from the task's metadata.
    pub runner: Option<RunnerId>,
    /// `DLT_THREADS`: load-making threads; absent means one a core.
    pub threads: Option<usize>,
    /// `DLT_KEEP_EXCHANGES`: `all` keeps the exchanges of one iteration for people; absent
    /// means those of errors alone.
    pub keep_exchanges: bool,
    /// `DLT_ALLOW_TARGETS`, `DLT_ONLY_TARGETS`: where load may be sent; absent where the
    /// usual holds.
    pub targets: TargetPolicy,
    /// `DLT_HTTP_PROXY`, `DLT_HTTPS_PROXY`, `DLT_NO_PROXY`: the proxies of the environment at
    /// home, where it names some; never on AWS.
    pub proxies: EnvironmentProxies,
}

/// `testType` of requests.
const SIMPLE: &str = "simple";

/// Where a worker waits for its leader, where each has an address of its own
/// (dlt.md 4; the security group lets this port through).
pub const START_PORT: u16 = 50_000;

/// Exit code of a runner that cannot do what it was given, whoever tries it: its order, its plan, its
/// script.
pub const EXIT_BAD_ORDER: i32 = 2;

/// Why the environment holds no order.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// A variable is missing.
    #[error("environment variable {0} is not set; a worker is started by dlt, not by hand")]
    Missing(&'static str),
    /// A variable's value is not an identifier.
    #[error("environment variable {name}: {source}")]
    Id {
        /// Which variable.
        name: &'static str,
        /// What is wrong.
        source: IdError,
    },
    /// A variable's value is not one of its choices.
    #[error("environment variable {name} is {value:?}; it must be {rule}")]
    Value {
        /// Which variable.
        name: &'static str,
        /// What it holds.
        value: String,
        /// What it may hold.
        rule: &'static str,
    },
    /// A list of targets cannot be read.
    #[error("environment variable {0}")]
    Targets(Faults),
    /// A proxy cannot be read.
    #[error("environment variable {0}")]
    Proxies(Faults),
}

impl Order {
    /// Reads the order through `get`, which looks a variable up.
    pub fn from_env(get: impl Fn(&str) -> Option<String>) -> Result<Self, OrderError> {
        let need = |name: &'static str| get(name).ok_or(OrderError::Missing(name));
        fn id<T>(name: &'static str, parsed: Result<T, IdError>) -> Result<T, OrderError> {
            parsed.map_err(|source| OrderError::Id { name, source })
        }
        let role = match need("DLT_ROLE")?.as_str() {
            "worker" => Role::Worker,
            "leader" => Role::Leader,
            other => {
                return Err(OrderError::Value {
                    name: "DLT_ROLE",
                    value: other.to_owned(),
                    rule: "worker or leader",
                });
            }
        };
        let threads = match get("DLT_THREADS") {
            None => None,
            Some(text) => match text.parse::<usize>() {
                Ok(n @ 1..=1024) => Some(n),
                _ => {
                    return Err(OrderError::Value {
                        name: "DLT_THREADS",
                        value: text,
                        rule: "a whole number from 1 to 1024",
                    });
                }
            },
        };
        let depot = need("DLT_DEPOT")?;
        // A task of AWS has none, whatever its environment says.
        let proxies = match depot.starts_with("s3://") {
            true => EnvironmentProxies::default(),
            false => EnvironmentProxies::from_env(&get).map_err(OrderError::Proxies)?,
        };
        Ok(Self {
            test: id("TEST_ID", TestId::parse(&need("TEST_ID")?))?,
            run: id("TEST_RUN_ID", TestRunId::parse(&need("TEST_RUN_ID")?))?,
            tool: tool(&get)?,
            file_type: file_type(&get)?,
            region: id("AWS_REGION", Region::parse(&need("AWS_REGION")?))?,
            prefix: id("PREFIX", RunPrefix::parse(&need("PREFIX")?))?,
            role,
            depot,
            hub: get("MAIN_STACK_REGION")
                .map(|text| id("MAIN_STACK_REGION", Region::parse(&text)))
                .transpose()?,
            live: get("LIVE_DATA_ENABLED").as_deref() == Some("live=true"),
            runner: get("DLT_RUNNER")
                .map(|text| id("DLT_RUNNER", RunnerId::parse(&text)))
                .transpose()?,
            threads,
            keep_exchanges: get("DLT_KEEP_EXCHANGES").as_deref() == Some("all"),
            targets: TargetPolicy::from_env(&get).map_err(OrderError::Targets)?,
            proxies,
        })
    }

    /// Where a worker listens for its leader, address and port: on its machine alone, at any free
    /// port, where runners share one; else where the others can reach it.
    pub fn listens_at(&self) -> (&'static str, u16) {
        if self.depot.starts_with("s3://") {
            ("0.0.0.0", START_PORT)
        } else {
            ("127.0.0.1", 0)
        }
    }

    /// The variables that carry this order; the inverse of `from_env`.
    pub fn to_env(&self) -> Vec<(&'static str, String)> {
        let role = match self.role {
            Role::Worker => "worker",
            Role::Leader => "leader",
        };
        let mut env = vec![
            ("TEST_ID", self.test.to_string()),
            ("TEST_RUN_ID", self.run.to_string()),
            ("TEST_TYPE", self.tool.map_or(SIMPLE, Tool::name).to_owned()),
            ("FILE_TYPE", self.file_type.name().to_owned()),
            ("AWS_REGION", self.region.to_string()),
            ("PREFIX", self.prefix.to_string()),
            ("DLT_ROLE", role.to_owned()),
            ("DLT_DEPOT", self.depot.clone()),
            ("LIVE_DATA_ENABLED", format!("live={}", self.live)),
        ];
        if let Some(hub) = &self.hub {
            env.push(("MAIN_STACK_REGION", hub.to_string()));
        }
        if let Some(runner) = &self.runner {
            env.push(("DLT_RUNNER", runner.to_string()));
        }
        if let Some(threads) = self.threads {
            env.push(("DLT_THREADS", threads.to_string()));
        }
        if self.keep_exchanges {
            env.push(("DLT_KEEP_EXCHANGES", "all".to_owned()));
        }
        env.extend(self.targets.to_env());
        env.extend(self.proxies.to_env());
        env
    }
}

/// `TEST_TYPE`.
fn tool(get: impl Fn(&str) -> Option<String>) -> Result<Option<Tool>, OrderError> {
    let Some(value) = get("TEST_TYPE").filter(|text| text != SIMPLE) else {
        return Ok(None);
    };
    match Tool::parse(&value) {
        Some(tool) => Ok(Some(tool)),
        None => Err(OrderError::Value {
            name: "TEST_TYPE",
            value,
            rule: "simple, jmeter, k6 or locust",
        }),
    }
}

/// `FILE_TYPE`.
fn file_type(get: impl Fn(&str) -> Option<String>) -> Result<FileType, OrderError> {
    let Some(value) = get("FILE_TYPE") else {
        return Ok(FileType::None);
    };
    let mut all = FileType::ALL.into_iter();
    all.find(|it| it.name() == value).ok_or(OrderError::Value {
        name: "FILE_TYPE",
        value,
        rule: "none, script or zip",
    })
}

/// The object that names a region's workers to its leader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkersFile {
    /// The region's band of the run.
    pub slice: Slice,
    /// Its workers, the leader not among them; in the order of their shares.
    pub workers: Vec<WorkerAddress>,
    /// Of the first region alone: the others, whose load has to have ended before the requests behind the
    /// load are made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Region>,
}

/// One worker's address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerAddress {
    /// The worker's id.
    pub runner: RunnerId,
    /// `host:port`.
    pub address: String,
}

/// A leader's confirmation that its region is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaderReady {
    /// The leader's id.
    pub leader: RunnerId,
    /// The workers it holds a connection to.
    pub connected: Vec<RunnerId>,
    /// The workers it could not reach.
    pub unreachable: Vec<RunnerId>,
    /// Largest clock error among the connected, µs.
    pub clock_error_us: u64,
}

/// An instant on the clock that a machine has since its boot, which goes on while it
/// sleeps and which nobody sets (CLOCK_BOOTTIME). It says nothing after another boot, or
/// on another machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootInstant {
    /// Which boot: the first 48 bits of the kernel's random boot id.
    pub boot: u64,
    /// µs since it.
    pub us: u64,
}

impl BootInstant {
    /// The number of a boot whose id the kernel writes like this.
    pub fn number(boot_id: &str) -> Option<u64> {
        let digits: String = boot_id.chars().filter(char::is_ascii_hexdigit).collect();
        u64::from_str_radix(digits.get(..12)?, 16).ok()
    }
}

/// The start instant, one for the whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartFile {
    /// µs since the Unix epoch.
    pub start_at_us: u64,
    /// The same on the clock of this boot, for runners on the same machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<BootInstant>,
}

/// The object that tells leaders of changes of the load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangesFile {
    /// All changes so far, in the order of time.
    pub changes: Vec<LoadChange>,
}

/// What a leader's `start` carries to a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// Part of the region's band.
    pub share: Share,
    /// The region's band.
    pub slice: Slice,
    /// The start instant on the receiver's own clock, µs since the Unix epoch.
    pub start_at_us: u64,
    /// Receiver's clock minus leader's clock, µs.
    pub clock_offset_us: i64,
    /// Half the best round trip: how far the offset may be off, µs.
    pub clock_error_us: u64,
    /// The start instant on the clock of the leader's boot, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<BootInstant>,
    /// How far ahead it was when this was sent, µs; negative if it was over. Tells a
    /// receiver whose clock was set since it was probed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead_us: Option<i64>,
}

impl Start {
    /// The receiver's part of the run.
    pub fn lot(&self) -> Lot {
        Lot {
            slice: self.slice,
            share: self.share,
        }
    }
}

/// A frame from leader to worker: 4-byte big-endian length, then JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToWorker {
    /// Proof that the sender has the run's secret.
    Auth {
        /// HMAC-SHA256 of the challenge, lower-case hex.
        hmac: String,
    },
    /// A clock probe, and the leader's heartbeat: sent every few seconds as
    /// long as the connection stands, answered at once. t1 is the leader's
    /// clock, µs since the Unix epoch.
    Probe {
        /// When it was sent.
        t1_us: u64,
    },
    /// The values that the requests before the load gave; sent before the start.
    Values {
        /// By scenario.
        given: Vec<ScenarioValues>,
    },
    /// Begin at the instant that it carries.
    Start(Start),
    /// Change the load; all changes so far, in the order of time.
    Change {
        /// The changes.
        changes: Vec<LoadChange>,
    },
    /// Stop the load, finish what is in flight, report.
    Stop {
        /// Why, for the report.
        ended: Ended,
    },
}

/// A frame from worker to leader.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToLeader {
    /// First frame once the connection stands.
    Hello {
        /// Random, lower-case hex.
        challenge: String,
        /// The worker's id.
        runner: RunnerId,
    },
    /// Answer to a probe; t2 and t3 are the worker's clock.
    Probed {
        /// From the probe.
        t1_us: u64,
        /// When the probe was read.
        t2_us: u64,
        /// When this was sent.
        t3_us: u64,
    },
    /// The start is accepted.
    Ack {},
    /// One second's tally.
    Tick(Box<Tick>),
    /// The load is over and the report is stored.
    Finished {},
}

#[cfg(test)]
mod tests;
