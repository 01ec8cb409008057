//! Which two runs `dlt runs compare` is about: ids, `latest`, `previous`, `baseline`, or a
//! scenario. `previous` and `baseline` are meant of the other run's scenario.

use crate::client::{Client, ClientError};
use crate::find::{self, RunLocation, baseline_of};

/// Most runs among which the one before is looked for.
const MOST_SEARCHED: usize = 10_000;

/// How a run is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name<'a> {
    /// Of the other's scenario, the run before it.
    Previous,
    /// Of the other's scenario, its baseline.
    Baseline,
    /// A run's id or its beginning, `latest`, or a scenario's id.
    Of(&'a str),
}

impl<'a> Name<'a> {
    fn of(text: &'a str) -> Self {
        match text {
            "previous" => Self::Previous,
            "baseline" => Self::Baseline,
            text => Self::Of(text),
        }
    }
}

/// Base and candidate.
pub(super) async fn find(
    client: &Client,
    base: &str,
    candidate: Option<&str>,
) -> Result<(RunLocation, RunLocation), ClientError> {
    match (Name::of(base), candidate.map(Name::of)) {
        (Name::Of(alone), None) => {
            if let Some(scenario) = scenario(client, alone).await? {
                let newest = find::latest(client, Some(&scenario)).await?;
                let base = match baseline_of(client, &scenario).await? {
                    Some(baseline) => baseline,
                    None => previous(client, &newest).await?,
                };
                return Ok((base, newest));
            }
            let base = find::run(client, alone).await?;
            Ok((base, find::latest(client, None).await?))
        }
        (Name::Of(base), Some(Name::Of(candidate))) => Ok((
            find::run_or_scenario(client, Some(base)).await?,
            find::run_or_scenario(client, Some(candidate)).await?,
        )),
        (word, None) => {
            let newest = find::latest(client, None).await?;
            Ok((related(client, word, &newest).await?, newest))
        }
        (word, Some(Name::Of(candidate))) => {
            let candidate = find::run_or_scenario(client, Some(candidate)).await?;
            Ok((related(client, word, &candidate).await?, candidate))
        }
        (Name::Of(base), Some(word)) => {
            let base = find::run_or_scenario(client, Some(base)).await?;
            let candidate = related(client, word, &base).await?;
            Ok((base, candidate))
        }
        (_, Some(_)) => Err(ClientError::Input(format!(
            "{base} is meant of the other run's scenario: name a run, latest or a scenario beside it"
        ))),
    }
}

/// The scenario of this id, if there is one.
async fn scenario(client: &Client, text: &str) -> Result<Option<String>, ClientError> {
    if text == "latest" || find::test_id(text).is_err() {
        return Ok(None);
    }
    match find::of_scenario(client, text, 1).await {
        Ok(_) => Ok(Some(text.to_owned())),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

async fn related(
    client: &Client,
    name: Name<'_>,
    other: &RunLocation,
) -> Result<RunLocation, ClientError> {
    if name == Name::Previous {
        return previous(client, other).await;
    }
    let baseline = baseline_of(client, &other.test).await?;
    baseline.ok_or_else(|| {
        ClientError::Input(format!(
            "scenario {} has no baseline; make a run its baseline: dlt runs baseline set RUN",
            other.test
        ))
    })
}

/// The run before this one of its scenario. `dlt run` gives each run a scenario of its
/// own: of those it is the one before with the same name.
async fn previous(client: &Client, run: &RunLocation) -> Result<RunLocation, ClientError> {
    let of_scenario = find::of_scenario(client, &run.test, MOST_SEARCHED).await?;
    if let Some(before) = before(&of_scenario, run, None) {
        return Ok(before);
    }
    let all = find::newest(client, MOST_SEARCHED).await?;
    let name = of_scenario.first().map(|row| row.name.as_str());
    before(&all, run, name).ok_or_else(|| {
        ClientError::Input(format!(
            "there is no run before {}; dlt runs list names the runs there are",
            run.run
        ))
    })
}

/// The first row after that of `run`, of this scenario's name if one is given.
fn before(rows: &[find::RunRow], run: &RunLocation, name: Option<&str>) -> Option<RunLocation> {
    let mut older = rows
        .iter()
        .skip_while(|row| row.run.test_run_id != run.run)
        .skip(1);
    let found = older.find(|row| name.is_none_or(|name| row.name == name))?;
    Some(RunLocation {
        test: found.test.clone(),
        run: found.run.test_run_id.clone(),
    })
}
