//! The failures of a run, of this dlt or of an older server: from its errors, of an active run
//! from its seconds so far, else from the codes in the compatible results.

use crate::backend::{Ask, Backend, BackendError};
use crate::refusal::{Code, Refusal};
use crate::seen::live::Live;
use crate::seen::run::{Run, is_active};
use dlt_core::calls::answers::ErrorsAnswer;
use dlt_core::ids::{TestId, TestRunId};
use dlt_core::judge::summary::ErrorRow;
use futures_util::stream::{self, StreamExt as _};
use serde_json::Value;
use std::collections::BTreeMap;

/// Most runs that are asked for at the same time.
const AT_ONCE: usize = 5;

/// What failed in a run.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    pub test_run_id: String,
    pub start: String,
    pub requests: u64,
    pub failed: u64,
    pub rows: Vec<ErrorRow>,
    pub error_reason: Option<String>,
    /// Code and message.
    pub warnings: Vec<(&'static str, String)>,
    /// Failures by label and region where rows do not have them.
    labels: Vec<(String, u64)>,
    regions: Vec<(String, u64)>,
}

impl Failures {
    /// By label.
    pub fn by_label(&self) -> Vec<(String, u64)> {
        let rows = self.rows.iter().flat_map(|row| &row.labels);
        let rows: Vec<_> = rows.map(|(label, count)| (label.clone(), *count)).collect();
        match rows.is_empty() {
            true => self.labels.clone(),
            false => rows,
        }
    }

    /// By region.
    pub fn by_region(&self) -> Vec<(String, u64)> {
        self.regions.clone()
    }
}

/// The failures of this run.
pub(crate) async fn of_run(
    backend: &dyn Backend,
    test: &TestId,
    run: &TestRunId,
) -> Result<Failures, Refusal> {
    let record = Run::find(backend, test, Some(run)).await?;
    let known = Failures {
        test_run_id: record.test_run_id.clone(),
        start: record.start_time.clone(),
        error_reason: record.error_reason.clone(),
        ..Failures::default()
    };
    let Some(total) = record.total() else {
        return match Live::of(backend, &record).await {
            Some(live) => Ok(so_far(known, &live)),
            None => {
                let text = format!("the run is {} and has no results", record.status);
                Err(Refusal::new(Code::NoResults, text).hint("call get_results for its state"))
            }
        };
    };
    let failed_of = |rows: Vec<(String, crate::seen::numbers::Numbers)>| {
        let rows = rows.into_iter();
        rows.map(|(name, numbers)| (name, numbers.failed)).collect()
    };
    let mut failures = Failures {
        requests: total.requests,
        failed: total.failed,
        labels: failed_of(record.labels(None)),
        regions: failed_of(record.regions()),
        ..known
    };
    let ask = Ask::Errors {
        test: test.clone(),
        run: run.clone(),
    };
    let kept = record.errors.clone();
    failures.rows = match (kept, backend.get(&ask).await) {
        (_, Ok(value)) => {
            let answer: ErrorsAnswer = serde_json::from_value(value)
                .map_err(|error| BackendError::unreadable("errors", &error))?;
            answer.errors
        }
        (Some(rows), Err(BackendError::NoRoute)) => rows,
        (None, Err(BackendError::NoRoute)) => by_code(&record, &mut failures),
        (Some(rows), Err(error)) => {
            let text = format!("these are the causes in the run's record: {error}");
            failures.warnings.push(("errors_unavailable", text));
            rows
        }
        (None, Err(error)) => return Err(error.into()),
    };
    Ok(failures)
}

/// The failures of a scenario's newest runs, newest first. Those that cannot be asked for are told
/// in a warning.
pub(crate) async fn of_newest(
    backend: &dyn Backend,
    test: &TestId,
    most: u64,
) -> Result<Vec<Failures>, Refusal> {
    let ask = Ask::Runs {
        test: test.clone(),
        limit: most,
        from: None,
        to: None,
        after: None,
    };
    let page = backend.get(&ask).await?;
    let rows = page["testRuns"].as_array().cloned().unwrap_or_default();
    if rows.is_empty() {
        return Err(
            Refusal::new(Code::NoResults, "this scenario has not run yet")
                .hint("call get_scenario_details for its plan and schedule"),
        );
    }
    let asked = stream::iter(rows).map(|row| async move { of_row(backend, test, &row).await });
    let all: Vec<Option<Failures>> = asked.buffered(AT_ONCE).collect().await;
    Ok(all.into_iter().flatten().collect())
}

/// Of a row of the list; None of a run that measured nothing.
async fn of_row(backend: &dyn Backend, test: &TestId, row: &Value) -> Option<Failures> {
    let text = |key: &str| row[key].as_str().unwrap_or_default();
    let count = |key: &str| row[key].as_f64().map(|count| count.max(0.0) as u64);
    let known = Failures {
        test_run_id: text("testRunId").to_owned(),
        start: text("startTime").to_owned(),
        requests: count("requests").unwrap_or(0),
        // The API leaves out counts of 0.
        failed: count("errors").unwrap_or(0),
        ..Failures::default()
    };
    let active = is_active(text("status"));
    if known.failed == 0 && !active {
        return (known.requests > 0).then_some(known);
    }
    let id = TestRunId::parse(text("testRunId")).ok()?;
    match of_run(backend, test, &id).await {
        Ok(found) => Some(found),
        Err(refusal) if refusal.code == Code::NoResults => None,
        Err(refusal) => {
            let text = format!("causes of run {id} are missing: {}", refusal.message);
            let warnings = vec![("errors_unavailable", text)];
            Some(Failures { warnings, ..known })
        }
    }
}

/// Of an active run.
fn so_far(known: Failures, live: &Live) -> Failures {
    let mut rows: BTreeMap<&str, ErrorRow> = BTreeMap::new();
    for (cause, count) in &live.total.causes {
        rows.insert(cause, of_cause(cause, None, *count));
    }
    for (region, second) in &live.regions {
        for (cause, count) in &second.causes {
            if let Some(row) = rows.get_mut(cause.as_str()) {
                row.regions.insert(region.clone(), *count);
            }
        }
    }
    let text = format!(
        "the run is active: failures of its first {} s, without labels",
        live.at_s
    );
    Failures {
        requests: live.total.ok + live.total.failed,
        failed: live.total.failed,
        rows: rows.into_values().collect(),
        regions: live
            .regions
            .iter()
            .map(|(region, second)| (region.clone(), second.failed))
            .collect(),
        warnings: vec![("so_far", text)],
        ..known
    }
}

fn of_cause(cause: &str, code: Option<String>, count: u64) -> ErrorRow {
    ErrorRow {
        cause: cause.to_owned(),
        code,
        message: String::new(),
        count,
        labels: BTreeMap::new(),
        runners: BTreeMap::new(),
        regions: BTreeMap::new(),
        label_regions: BTreeMap::new(),
        first_at: 0,
        last_at: 0,
        exchanges: Vec::new(),
    }
}

/// From the response codes in an older server's record. These are all codes outside of a
/// fixed list, successful ones like 206 included; failed checks are not among them.
fn by_code(run: &Run, failures: &mut Failures) -> Vec<ErrorRow> {
    let mut rows = Vec::new();
    let mut known = 0;
    let mut successful = 0;
    let codes = run.results["total"]["rc"].as_array();
    for row in codes.into_iter().flatten() {
        let code = match &row["code"] {
            Value::String(code) => code.clone(),
            other => other.to_string(),
        };
        let count = row["count"]
            .as_u64()
            .or_else(|| row["count"].as_str()?.parse().ok());
        let count = count.unwrap_or(0);
        if matches!(code.parse::<u16>(), Ok(200..=399)) {
            successful += count;
        } else {
            known += count;
            rows.push(of_cause(&code, None, count));
        }
    }
    if successful > 0 {
        let text = format!("{successful} answers with codes 2xx or 3xx are not counted as errors");
        failures.warnings.push(("good_codes", text));
    }
    rows.push(of_cause(
        "check",
        None,
        failures.failed.saturating_sub(known),
    ));
    rows
}
