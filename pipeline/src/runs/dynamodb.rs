//! Runs on AWS: an item each in the history table (api-behaviour.md 8), its row in
//! lists beside it, so that a page reads the index alone.

use super::{Run, Runs, RunsFound};
use crate::error::PipelineError;
use crate::store::dynamodb::{Attributes, Table, json, number, read, text, wrong};
use async_trait::async_trait;
use aws_sdk_dynamodb::types::{AttributeValue, Select};
use dlt_core::calls::RunsQuery;
use dlt_core::calls::answers::TestRunSummary;
use dlt_core::ids::{TestId, TestRunId};
use dlt_core::run::Status;

/// The index by start, which also carries `row`.
const BY_START: &str = "testId-startTime-index";
/// Earlier and later than any start, for open ends.
const FIRST_TIME: &str = "0000";
const LAST_TIME: &str = "9999-12-31 23:59:59";

/// Runs in the history table.
#[derive(Debug, Clone)]
pub struct DynamoRuns(pub Table);

fn key(test: &TestId, run: &TestRunId) -> Attributes {
    Attributes::from([
        ("testId".to_owned(), text(test.as_str())),
        ("testRunId".to_owned(), text(run.as_str())),
    ])
}

impl DynamoRuns {
    /// A look at the runs of a scenario between two starts, newest first.
    fn look(
        &self,
        test: &TestId,
        query: &RunsQuery,
    ) -> aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder {
        let from = query.from.as_deref().unwrap_or(FIRST_TIME);
        let to = query.to.as_deref().unwrap_or(LAST_TIME);
        let look = self.0.client.query().table_name(&self.0.name);
        look.index_name(BY_START)
            .key_condition_expression("testId = :test AND startTime BETWEEN :from AND :to")
            .expression_attribute_values(":test", text(test.as_str()))
            .expression_attribute_values(":from", text(from))
            .expression_attribute_values(":to", text(to))
            .scan_index_forward(false)
    }

    async fn total(&self, test: &TestId, query: &RunsQuery) -> Result<u64, PipelineError> {
        let look = self.look(test, query).select(Select::Count);
        let mut pages = look.into_paginator().send();
        let mut total = 0;
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| wrong("the runs of a scenario", error))?;
            total += page.count().unsigned_abs() as u64;
        }
        Ok(total)
    }
}

/// An item's row in lists, also where it cannot be read; None of one that has no row.
fn listed(item: &Attributes) -> Option<TestRunSummary> {
    match read("its row", item, "row") {
        Ok(row) => row,
        Err(why) => {
            let field = |name: &str| {
                let value = item.get(name).and_then(|value| value.as_s().ok());
                value.cloned().unwrap_or_default()
            };
            let (run, status) = (field("testRunId"), field("status"));
            let named = |known: &Status| known.name() == status;
            let status = Status::ALL.iter().copied().find(named);
            let why = format!("run {run} cannot be read: {why}");
            Some(TestRunSummary::unreadable(
                run,
                field("startTime"),
                status.unwrap_or(Status::Failed),
                why,
            ))
        }
    }
}

#[async_trait]
impl Runs for DynamoRuns {
    async fn get(&self, test: &TestId, run: &TestRunId) -> Result<Option<Run>, PipelineError> {
        let what = format!("run {run}");
        match self.0.get(&what, key(test, run)).await? {
            None => Ok(None),
            Some(item) => read(&what, &item, "item"),
        }
    }

    async fn put(&self, run: &Run) -> Result<(), PipelineError> {
        let mut next = run.clone();
        next.version += 1;
        let mut item = key(&run.test, &run.run);
        item.extend([
            ("version".to_owned(), number(next.version)),
            ("startTime".to_owned(), text(&next.record.start_time)),
            ("endTime".to_owned(), text(&next.record.end_time)),
            ("status".to_owned(), text(next.record.status.name())),
            ("row".to_owned(), json(&next.record.row())?),
            ("item".to_owned(), json(&next)?),
        ]);
        let what = format!("run {}", run.run);
        self.0.put(&what, item, run.version).await
    }

    async fn page(&self, test: &TestId, query: &RunsQuery) -> Result<RunsFound, PipelineError> {
        let limit = i32::try_from(query.limit).unwrap_or(i32::MAX);
        let look = self.look(test, query).limit(limit);
        let look = match &query.after {
            None => look,
            Some(token) => {
                let mut last = key(test, &token.test_run_id);
                let start = AttributeValue::S(token.start_time.clone());
                last.insert("startTime".to_owned(), start);
                look.set_exclusive_start_key(Some(last))
            }
        };
        let found = look.send().await;
        let found = found.map_err(|error| wrong("the runs of a scenario", error))?;
        Ok(RunsFound {
            rows: found.items().iter().filter_map(listed).collect(),
            total: self.total(test, query).await?,
        })
    }

    async fn delete(&self, test: &TestId, runs: &[TestRunId]) -> Result<u64, PipelineError> {
        let mut deleted = 0;
        for run in runs {
            let what = format!("run {run}");
            deleted += u64::from(self.0.delete(&what, key(test, run), None).await?);
        }
        Ok(deleted)
    }
}
