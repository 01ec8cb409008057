//! Rows of tasks: what their ids say, and what ECS knows of them where it may
//! be asked.

use crate::answer::{RegionError, Warning, instant};
use crate::backend::Backend;
use crate::backend::cloud::{self, MOST_TASKS, TaskArn, TaskDetail};
use crate::clean::Text;
use futures_util::future::join_all;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// Most tasks that are described for one answer.
const MOST_DESCRIBED: usize = 1_000;

/// A task.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct TaskRow {
    pub(super) task_id: Text,
    region: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    test_run_id: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    test_id: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_mb: Option<u64>,
    #[serde(skip)]
    #[schemars(skip)]
    id: String,
}

/// At home a task's id is `<run>/<runner>`; ARNs name no run.
fn run_of(id: &str) -> Option<&str> {
    let (run, runner) = id.split_once('/')?;
    (!run.contains(':') && !runner.contains('/')).then_some(run)
}

impl TaskRow {
    /// What its id says.
    pub(super) fn of(id: &str, region: &str) -> Self {
        Self {
            task_id: Text::of(id.rsplit('/').next().unwrap_or(id)),
            region: Text::of(region),
            test_run_id: run_of(id).and_then(Text::some),
            test_id: None,
            status: None,
            started_at: None,
            cpu: None,
            memory_mb: None,
            id: id.to_owned(),
        }
    }

    /// Whether it belongs to this scenario, whose newest run this is, or may.
    pub(super) fn may_be_of(&self, test: &str, run: Option<&str>) -> bool {
        match (run_of(&self.id), &self.test_id) {
            (Some(of), _) => Some(of) == run,
            (None, Some(of)) => of.as_str() == test,
            (None, None) => true,
        }
    }

    fn learn(&mut self, detail: &TaskDetail) {
        let text = |text: &Option<String>| text.as_deref().and_then(Text::some);
        self.status = text(&detail.status);
        self.started_at = detail.started_at.as_deref().and_then(instant);
        self.cpu = detail.cpu;
        self.memory_mb = detail.memory_mb;
        self.test_id = text(&detail.started_by);
    }
}

/// What could not be learned.
#[derive(Debug, Default)]
pub(super) struct Described {
    /// Regions that could not be asked.
    pub(super) errors: Vec<RegionError>,
    /// Said when there is more than ids, but not here.
    pub(super) warning: Option<Warning>,
}

/// Asks the cloud about those that it has, all clusters at once.
pub(super) async fn describe(backend: &dyn Backend, rows: &mut [TaskRow]) -> Described {
    let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
    let mut clusters: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for id in ids.iter().take(MOST_DESCRIBED) {
        if let Some(arn) = TaskArn::read(id) {
            let cluster = clusters.entry((arn.region, arn.cluster)).or_default();
            cluster.push(id);
        }
    }
    if clusters.is_empty() {
        return Described::default();
    }
    let unavailable = |why: &str| Some(Warning::new("tasks_detail_unavailable", why));
    let Some(aws) = backend.cloud() else {
        return Described {
            warning: unavailable(
                "only ids are known here, not whose they are: this server may not ask ECS",
            ),
            ..Described::default()
        };
    };
    let asked = clusters.iter().flat_map(|(&(region, cluster), arns)| {
        arns.chunks(MOST_TASKS).map(move |arns| async move {
            let of = TaskArn { region, cluster };
            (region, aws.tasks(&of, arns).await)
        })
    });
    let mut described = Described::default();
    let mut known: BTreeMap<String, TaskDetail> = BTreeMap::new();
    for (region, found) in join_all(asked).await {
        match found {
            Ok(found) => known.extend(found.into_iter().map(|it| (it.arn.clone(), it))),
            Err(error) => {
                let why = cloud::why("ECS", "ecs:DescribeTasks", &error);
                let error = RegionError::new(region, &format!("ids only: {why}"));
                if !described.errors.contains(&error) {
                    described.errors.push(error);
                }
            }
        }
    }
    for row in rows {
        if let Some(detail) = known.get(&row.id) {
            row.learn(detail);
        }
    }
    if !described.errors.is_empty() {
        described.warning = unavailable(
            "region_errors names regions of which only ids are known, not whose they are",
        );
    } else if ids.len() > MOST_DESCRIBED {
        described.warning = unavailable("details are told of the first 1,000 tasks only");
    }
    described
}
