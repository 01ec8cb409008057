//! Rows of tasks: what their ids contain, and what ECS knows about them if it may be
//! queried.

use crate::backend::Backend;
use crate::backend::cloud::{self, MOST_TASKS, TaskArn, TaskDetail};
use crate::clean::Text;
use crate::units::utc_time;
use crate::views::answer::{RegionError, Warning};
use futures_util::future::join_all;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// Most tasks that are described for one answer.
const MOST_DESCRIBED: usize = 1_000;

/// A task.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TaskRow {
    pub(crate) task_id: Text,
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

/// The run in a task id of `dlt up`, `<run>/<runner>`; ARNs contain no run.
fn run_of(id: &str) -> Option<&str> {
    let (run, runner) = id.split_once('/')?;
    (!run.contains(':') && !runner.contains('/')).then_some(run)
}

impl TaskRow {
    /// What its id contains.
    pub(crate) fn of(id: &str, region: &str) -> Self {
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

    /// Whether it belongs or may belong to this scenario; `run` is the scenario's newest
    /// run.
    pub(crate) fn may_be_of(&self, test: &str, run: Option<&str>) -> bool {
        match (run_of(&self.id), &self.test_id) {
            (Some(of), _) => Some(of) == run,
            (None, Some(of)) => of.as_str() == test,
            (None, None) => true,
        }
    }

    fn add(&mut self, detail: &TaskDetail) {
        let text = |text: &Option<String>| text.as_deref().and_then(Text::some);
        self.status = text(&detail.status);
        self.started_at = detail.started_at.as_deref().and_then(utc_time);
        self.cpu = detail.cpu;
        self.memory_mb = detail.memory_mb;
        self.test_id = text(&detail.started_by);
    }
}

/// What could not be described.
#[derive(Debug, Default)]
pub(crate) struct DescribeFailures {
    /// Regions that could not be queried.
    pub(crate) errors: Vec<RegionError>,
    /// Set if details are missing from any row.
    pub(crate) warning: Option<Warning>,
}

/// Adds the cloud's details to the rows, querying all clusters concurrently.
pub(crate) async fn describe(backend: &dyn Backend, rows: &mut [TaskRow]) -> DescribeFailures {
    let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
    let mut clusters: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for id in ids.iter().take(MOST_DESCRIBED) {
        if let Some(arn) = TaskArn::parse(id) {
            let cluster = clusters.entry((arn.region, arn.cluster)).or_default();
            cluster.push(id);
        }
    }
    if clusters.is_empty() {
        return DescribeFailures::default();
    }
    let unavailable = |why: &str| Some(Warning::new("tasks_detail_unavailable", why));
    let Some(cloud) = backend.cloud() else {
        return DescribeFailures {
            warning: unavailable(
                "only ids are known here, not whose they are: this server may not ask ECS",
            ),
            ..DescribeFailures::default()
        };
    };
    let calls = clusters.iter().flat_map(|(&(region, cluster), arns)| {
        arns.chunks(MOST_TASKS).map(move |arns| async move {
            let of = TaskArn { region, cluster };
            (region, cloud.tasks(&of, arns).await)
        })
    });
    let mut failures = DescribeFailures::default();
    let mut details: BTreeMap<String, TaskDetail> = BTreeMap::new();
    for (region, described) in join_all(calls).await {
        match described {
            Ok(tasks) => details.extend(tasks.into_iter().map(|it| (it.arn.clone(), it))),
            Err(error) => {
                let why = cloud::failure_message("ECS", "ecs:DescribeTasks", &error);
                let error = RegionError::new(region, &format!("ids only: {why}"));
                if !failures.errors.contains(&error) {
                    failures.errors.push(error);
                }
            }
        }
    }
    for row in rows {
        if let Some(detail) = details.get(&row.id) {
            row.add(detail);
        }
    }
    if !failures.errors.is_empty() {
        failures.warning = unavailable(
            "region_errors names regions of which only ids are known, not whose they are",
        );
    } else if ids.len() > MOST_DESCRIBED {
        failures.warning = unavailable("details are told of the first 1,000 tasks only");
    }
    failures
}
