//! MCP completions of arguments while a person types: ids, regions, labels, tags. If the
//! API does not answer in time, there are none.

use crate::backend::{Ask, Backend};
use crate::catalog::toolset::ShownTools;
use crate::clean::Text;
use crate::seen::run::Run;
use dlt_core::ids::{TestId, TestRunId};
use rmcp::model::{CompleteRequestParams, CompleteResult, CompletionInfo};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Deadline of a completion.
const DEADLINE: Duration = Duration::from_secs(2);
/// How long an answer of the API is cached.
const CACHED: Duration = Duration::from_secs(60);
/// Most answers that are cached.
const MOST_CACHED: usize = 64;
/// Most names of one answer that are cached.
const MOST_NAMES: usize = 2_000;

/// Completions, with a cache of the API's answers.
#[derive(Debug, Default)]
pub struct Completions {
    cache: Mutex<BTreeMap<String, (Instant, Value)>>,
}

/// The tool whose answers contain the values of an argument.
fn tool_of(argument: &str) -> Option<&'static str> {
    Some(match argument {
        "test_id" | "tag" | "tags" => "list_scenarios",
        "region" => "get_regional_stacks",
        "test_run_id" | "base" | "candidate" => "list_test_runs",
        "label" => "get_results",
        _ => return None,
    })
}

impl Completions {
    /// Values that match what was typed; none if the tool that would show them is hidden.
    pub async fn complete(
        &self,
        backend: &dyn Backend,
        shown: &ShownTools,
        request: &CompleteRequestParams,
    ) -> CompleteResult {
        let tool = tool_of(&request.argument.name);
        let is_shown = tool.is_some_and(|tool| shown.find(tool).is_some());
        let mut values: Vec<String> = Vec::new();
        if is_shown {
            let found = tokio::time::timeout(DEADLINE, self.find(backend, request)).await;
            values = found.ok().flatten().unwrap_or_default();
        }
        values.retain(|value| !value.is_empty());
        let total = values.len();
        values.truncate(CompletionInfo::MAX_VALUES);
        let mut info = CompletionInfo::default();
        info.has_more = Some(total > values.len());
        info.total = u32::try_from(total).ok();
        info.values = values;
        CompleteResult::new(info)
    }

    async fn find(
        &self,
        backend: &dyn Backend,
        request: &CompleteRequestParams,
    ) -> Option<Vec<String>> {
        let typed = request.argument.value.to_lowercase();
        let given = |name: &str| {
            let context = request.context.as_ref()?;
            context.get_argument(name).cloned()
        };
        let test = || TestId::parse(&given("test_id")?).ok();
        let mut found = match request.argument.name.as_str() {
            "test_id" => return self.scenarios(backend, &typed).await,
            "tag" | "tags" => self.tags(backend).await?,
            "region" => self.regions(backend).await?,
            "test_run_id" | "base" | "candidate" => self.runs(backend, test()?).await?,
            "label" => self.labels(backend, test()?, given("test_run_id")).await?,
            _ => return None,
        };
        found.retain(|value| value.to_lowercase().contains(&typed));
        Some(found)
    }

    /// An answer of the API, from the cache or now; `part` selects what is cached.
    async fn get(
        &self,
        backend: &dyn Backend,
        ask: Ask,
        part: fn(Value) -> Value,
    ) -> Option<Value> {
        let key = ask.target();
        let now = Instant::now();
        {
            let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
            cache.retain(|_, (at, _)| now.duration_since(*at) < CACHED);
            if let Some((_, value)) = cache.get(&key) {
                return Some(value.clone());
            }
        }
        let value = part(backend.get(&ask).await.ok()?);
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.len() < MOST_CACHED {
            cache.insert(key, (now, value.clone()));
        }
        Some(value)
    }

    /// Ids of scenarios whose id begins with, or whose name contains, what was typed.
    async fn scenarios(&self, backend: &dyn Backend, typed: &str) -> Option<Vec<String>> {
        let list = self.get(backend, Ask::scenarios(), scenarios).await?;
        let items = list["Items"].as_array()?;
        let matches = |item: &&Value| {
            let text = |key: &str| item[key].as_str().unwrap_or_default().to_lowercase();
            text("testId").starts_with(typed) || text("testName").contains(typed)
        };
        Some(
            items
                .iter()
                .filter(matches)
                .filter_map(|item| cleaned(&item["testId"]))
                .collect(),
        )
    }

    async fn tags(&self, backend: &dyn Backend) -> Option<Vec<String>> {
        let list = self.get(backend, Ask::scenarios(), scenarios).await?;
        let tags = list["Items"]
            .as_array()?
            .iter()
            .filter_map(|item| item["tags"].as_array());
        let mut tags: Vec<String> = tags.flatten().filter_map(cleaned).collect();
        tags.sort();
        tags.dedup();
        Some(tags)
    }

    async fn regions(&self, backend: &dyn Backend) -> Option<Vec<String>> {
        let list = self.get(backend, Ask::Regions, |all| all).await?;
        let rows = list["regions"].as_array()?;
        Some(
            rows.iter()
                .filter_map(|row| cleaned(&row["region"]))
                .collect(),
        )
    }

    async fn runs(&self, backend: &dyn Backend, test: TestId) -> Option<Vec<String>> {
        let ask = Ask::Runs {
            test,
            limit: 100,
            from: None,
            to: None,
            after: None,
        };
        let page = self.get(backend, ask, |page| page).await?;
        let rows = page["testRuns"].as_array()?;
        Some(
            rows.iter()
                .filter_map(|row| cleaned(&row["testRunId"]))
                .collect(),
        )
    }

    /// Labels of this run, or else of the newest.
    async fn labels(
        &self,
        backend: &dyn Backend,
        test: TestId,
        run: Option<String>,
    ) -> Option<Vec<String>> {
        let run = match run {
            Some(run) => run,
            None => self.runs(backend, test.clone()).await?.into_iter().next()?,
        };
        let run = TestRunId::parse(&run).ok()?;
        let labels = self.get(backend, Ask::Run { test, run }, labels).await?;
        Some(labels.as_array()?.iter().filter_map(cleaned).collect())
    }
}

/// The labels of a run record, which is too large to be cached.
fn labels(record: Value) -> Value {
    let rows = Run::parse(record).map(|run| run.labels(None));
    let names = rows.unwrap_or_default().into_iter();
    names.take(MOST_NAMES).map(|row| row.0).collect()
}

/// Ids, names and tags of a list of scenarios.
fn scenarios(list: Value) -> Value {
    let items = list["Items"].as_array().map(Vec::as_slice);
    let items = items.unwrap_or_default().iter().take(MOST_NAMES);
    let items = items.map(|item| {
        json!({"testId": item["testId"], "testName": item["testName"], "tags": item["tags"]})
    });
    json!({ "Items": items.collect::<Vec<_>>() })
}

fn cleaned(value: &Value) -> Option<String> {
    Some(Text::of(value.as_str()?).as_str().to_owned())
}
