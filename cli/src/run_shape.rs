//! Asks for what the last screen shows beside a run's record: the distribution of its times
//! and their course. What a run does not have is left out.

use crate::client::{ApiOptions, Client, ClientError, understood};
use crate::find::RunLocation;
use crate::result::Shape;
use dlt_core::calls::answers::{HistogramAnswer, TimelineAnswer};
use dlt_core::record::RunRecord;

/// Most stretches that are asked for: a few for each column of a wide terminal.
const MOST_STRETCHES: u64 = 400;
/// Lengths of stretches, seconds: from 10 s on multiples of what is stored.
const STEPS_S: [u64; 9] = [1, 10, 30, 60, 300, 600, 1_800, 3_600, 7_200];

/// The shape of a run that is over; why it cannot be read.
pub async fn of(api: &ApiOptions, record: &RunRecord) -> Result<Shape, ClientError> {
    let client = api.client().await?;
    let location = RunLocation {
        test: record.test_id.clone(),
        run: record.test_run_id.clone(),
    };
    let path = location.path();
    let histogram = histogram(&client, &format!("{path}/histogram")).await?;
    let blocks = record.summary.as_ref();
    let seconds = blocks.map_or(0, |blocks| blocks.loaded_us / 1_000_000);
    let mut steps = STEPS_S.into_iter();
    let step = steps.find(|step| seconds / step <= MOST_STRETCHES);
    let timeline = timeline(&client, &format!("{path}/timeline"), step.unwrap_or(86_400)).await?;
    Ok(Shape {
        histogram,
        timeline,
    })
}

async fn histogram(client: &Client, path: &str) -> Result<Option<HistogramAnswer>, ClientError> {
    match client.get(path, &[]).await {
        Ok(answer) => understood(path, answer).map(Some),
        Err(error) if is_without(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn timeline(
    client: &Client,
    path: &str,
    step: u64,
) -> Result<Option<(Vec<dlt_core::measure::second::Second>, u64)>, ClientError> {
    let step_s = step.to_string();
    match client.get(path, &[("step_s", &step_s)]).await {
        Ok(answer) => {
            let answer: TimelineAnswer = understood(path, answer)?;
            Ok(Some((answer.total, step)))
        }
        Err(error) if is_without(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a run, or an older server, has no such part.
fn is_without(error: &ClientError) -> bool {
    error.is_not_found()
        || matches!(
            error,
            ClientError::Gateway {
                status: 403 | 404,
                ..
            } | ClientError::Refused { status: 400, .. }
        )
}
