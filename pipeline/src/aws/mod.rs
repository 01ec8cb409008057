//! The control plane on AWS: the world of one function of Lambda, from the
//! variables that its stack gave it. Which functions there are is `bin/lambda`'s.

pub mod bootstrap;
mod not_here;
pub mod publish;
pub mod settings;

use crate::clients::Clients;
use crate::clock::SystemClock;
use crate::error::PipelineError;
use crate::executions::{Executions, stepfunctions::StepFunctions};
use crate::fleet::ecs::Ecs;
use crate::live::iot::Iot;
use crate::objects::{Objects, s3::S3Objects};
use crate::regions::cloudformation::StackRegions;
use crate::regions::dynamodb::{RegionRow, RegionTable};
use crate::runs::dynamodb::DynamoRuns;
use crate::scenarios::dynamodb::DynamoScenarios;
use crate::schedules::{Schedules, eventbridge::EventBridge};
use crate::store::dynamodb::Table;
use crate::world::{Pace, Scripts, World};
use dlt_core::ids::Region;
use dlt_core::routing::EnvironmentProxies;
use not_here::NotHere;
use settings::Settings;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How long a function takes the list of regions as it read it: a region that is
/// new, or gone, is known after this.
const REGIONS_FRESH: Duration = Duration::from_secs(30);

/// Most runs that a function remembers having served, ids of ten characters.
const MOST_RUNS: usize = 1_000;

/// The worlds of a function's invocations.
pub struct Worlds {
    settings: Settings,
    clients: Clients,
    built: Mutex<Built>,
}

/// Where runners have an image with tools.
fn scripts(rows: &[RegionRow]) -> Scripts {
    let images = rows.iter().filter_map(|row| {
        let region = Region::parse(&row.info.region).ok()?;
        Some((region, row.engines.as_ref()?.tools()))
    });
    Scripts::Images(images.collect())
}

/// The world that was built last.
#[derive(Default)]
struct Built {
    world: Option<(Instant, Arc<World>)>,
    /// Runs that were in progress when it, or one before it, was built: the regions that
    /// they use are in its list.
    runs: BTreeSet<String>,
}

impl Built {
    /// The world, where it is as new as it must be for this run: a run may use a region
    /// that was added a second ago, and must not miss its runners there.
    fn fresh(&self, run: Option<&str>) -> Option<Arc<World>> {
        let (at, world) = self.world.as_ref()?;
        let knows = run.is_none_or(|run| self.runs.contains(run));
        (knows && at.elapsed() < REGIONS_FRESH).then(|| Arc::clone(world))
    }

    fn set(&mut self, world: &Arc<World>, run: Option<&str>) {
        if self.runs.len() >= MOST_RUNS {
            self.runs.clear();
        }
        self.runs.extend(run.map(str::to_owned));
        self.world = Some((Instant::now(), Arc::clone(world)));
    }
}

impl Worlds {
    /// Worlds of a stack.
    pub async fn of(settings: Settings) -> Self {
        let clients = Clients::load(&settings.region).await;
        Self {
            settings,
            clients,
            built: Mutex::default(),
        }
    }

    /// The stack's settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Its clients.
    pub fn clients(&self) -> &Clients {
        &self.clients
    }

    /// The scenarios table.
    fn region_table(&self) -> RegionTable {
        RegionTable(self.table(&self.settings.scenarios_table))
    }

    fn table(&self, name: &str) -> Table {
        Table {
            client: self.clients.dynamodb(),
            name: name.to_owned(),
        }
    }

    /// The world as this function, whose own ARN this is, sees it; for a run, one that
    /// knows all of its regions.
    pub async fn world(
        &self,
        function: &str,
        run: Option<&str>,
    ) -> Result<Arc<World>, PipelineError> {
        let mut built = self.built.lock().await;
        if let Some(world) = built.fresh(run) {
            return Ok(world);
        }
        let world = Arc::new(self.build(function).await?);
        built.set(&world, run);
        Ok(world)
    }

    /// The world as it is now, whatever is remembered.
    pub async fn world_now(&self, function: &str) -> Result<Arc<World>, PipelineError> {
        let mut built = self.built.lock().await;
        let world = Arc::new(self.build(function).await?);
        built.set(&world, None);
        Ok(world)
    }

    async fn build(&self, function: &str) -> Result<World, PipelineError> {
        let settings = &self.settings;
        let objects = S3Objects::new(self.clients.s3(), settings.bucket.clone());
        let objects: Arc<dyn Objects> = Arc::new(objects);
        let rows = self.region_table().list().await?;
        let mut pace = Pace::aws();
        pace.cycles = settings.looks.unwrap_or(pace.cycles);
        let mut regions = BTreeMap::new();
        for row in &rows {
            let Ok(region) = Region::parse(&row.info.region) else {
                continue;
            };
            let client = self.clients.ecs(row.info.region.clone());
            regions.insert(region, row.ecs(client, pace.provisioning_us));
        }
        let scripts = scripts(&rows);
        let fleet = Ecs {
            regions,
            clients: self.clients.clone(),
            objects: Arc::clone(&objects),
            hub: settings.region.clone(),
        };
        Ok(World {
            scenarios: Arc::new(DynamoScenarios {
                table: self.table(&settings.scenarios_table),
                objects: Arc::clone(&objects),
            }),
            runs: Arc::new(DynamoRuns(self.table(&settings.history_table))),
            regions: Arc::new(StackRegions {
                rows,
                clients: self.clients.clone(),
                hub: settings.region.clone(),
                bucket: settings.bucket.clone(),
                stack: settings.stack.clone(),
                vcpu_quota: settings.vcpu_quota,
                mcp_endpoint: settings.mcp_endpoint.clone(),
            }),
            schedules: self.schedules(function),
            fleet: Arc::new(fleet),
            live: Arc::new(Iot {
                client: self.clients.iot_data(&settings.iot_endpoint),
                endpoint: settings.iot_endpoint.clone(),
            }),
            executions: self.executions(),
            clock: Arc::new(SystemClock),
            depot: format!("s3://{}", settings.bucket),
            objects,
            pace,
            cores: None,
            targets: settings.targets.clone(),
            scripts,
            proxies: EnvironmentProxies::default(),
        })
    }

    /// Who wakes this function, whose own ARN this is.
    pub fn schedules(&self, function: &str) -> Arc<dyn Schedules> {
        match &self.settings.schedules {
            None => Arc::new(NotHere),
            Some(schedules) => Arc::new(EventBridge {
                client: self.clients.scheduler(),
                group: schedules.group.clone(),
                role: schedules.role.clone(),
                function: function.to_owned(),
            }),
        }
    }

    fn executions(&self) -> Arc<dyn Executions> {
        match &self.settings.machine {
            None => Arc::new(NotHere),
            Some(machine) => Arc::new(StepFunctions::new(self.clients.sfn(), machine.clone())),
        }
    }

    /// The same world, whose executions are those of the state machine of this
    /// execution: by whom a function was called, it knows from the call alone.
    pub fn in_execution(&self, world: &World, execution: &str) -> World {
        let machine = StepFunctions::machine_of(execution);
        World {
            scenarios: Arc::clone(&world.scenarios),
            runs: Arc::clone(&world.runs),
            objects: Arc::clone(&world.objects),
            regions: Arc::clone(&world.regions),
            schedules: Arc::clone(&world.schedules),
            fleet: Arc::clone(&world.fleet),
            live: Arc::clone(&world.live),
            executions: Arc::new(StepFunctions::new(self.clients.sfn(), machine)),
            clock: Arc::clone(&world.clock),
            pace: world.pace.clone(),
            depot: world.depot.clone(),
            cores: world.cores,
            targets: world.targets.clone(),
            scripts: world.scripts.clone(),
            proxies: world.proxies.clone(),
        }
    }
}
