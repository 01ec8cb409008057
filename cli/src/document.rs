//! A run's result as one HTML document, which needs neither this program nor a network. The
//! document and its charts are the console's; here they are given their numbers.

use crate::client::{Client, ClientError};
use crate::console;
use crate::find::{RunLocation, baseline_of};
use dlt_core::record::RunRecord;
use dlt_core::value::{Map, Value};
use dlt_pipeline::clock::{Clock, SystemClock, stamp};

/// What the numbers take the place of.
const PLACE: &str = "<!-- dlt-report-data -->";
/// Most stretches of the timeline: more than a page has pixels.
const MOST_STRETCHES: u64 = 1_000;
/// Lengths of stretches, seconds: the console's, from 10 s on multiples of what is stored.
const STEPS_S: [u64; 12] = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200];
/// Labels with a timeline of their own, the busiest.
const MOST_LABELS: usize = 20;
/// Longest list of labels in an address, bytes: gateways take some 8 KB.
const LONGEST_LABELS: usize = 2_000;

/// A document, and what it lacks.
#[derive(Debug)]
pub struct Document {
    /// All of it.
    pub text: String,
    /// Why the run has no timeline, if it has none.
    pub missing: Option<String>,
}

impl Document {
    /// What is told of it beside: that charts are missing.
    pub fn warning(&self) -> Option<String> {
        let why = self.missing.as_ref()?;
        Some(format!("{why}; the report has no charts of it"))
    }
}

/// The document of a run.
pub async fn document(client: &Client, location: &RunLocation) -> Result<Document, ClientError> {
    made(client, location, &template()?).await
}

/// The document without its numbers.
pub fn template() -> Result<String, ClientError> {
    console::report_template().ok_or_else(|| {
        let why = match console::is_built() {
            true => "the console in this dlt is of an older build, without reports",
            false => "this dlt was built without the console, whose charts a report is made of",
        };
        ClientError::Cannot(format!(
            "{why}; cargo xtask build makes one with it (npm is needed)"
        ))
    })
}

async fn made(
    client: &Client,
    location: &RunLocation,
    template: &str,
) -> Result<Document, ClientError> {
    let mut missing = None;
    let facts = facts(client, location, &mut missing).await?;
    let text = filled(template, &facts).ok_or_else(|| {
        ClientError::Cannot(
            "the console in this dlt has a report that cannot be filled; build it anew: cargo xtask build".to_owned(),
        )
    })?;
    Ok(Document { text, missing })
}

/// All that the document shows. `missing` is why the run has no timeline, if it has none.
async fn facts(
    client: &Client,
    location: &RunLocation,
    missing: &mut Option<String>,
) -> Result<Value, ClientError> {
    let path = location.path();
    let answer = client.get(&path, &[]).await?;
    let record: RunRecord = crate::client::understood(&path, answer.clone())?;
    if !record.status.is_terminal() {
        return Err(ClientError::Input(format!(
            "run {} is not over ({}); see it end first: dlt runs watch {0}",
            location.run, record.status
        )));
    }
    let of = |of: &'static str| {
        let path = format!("{path}/histogram");
        async move { if_there(client.get(&path, &[("of", of)]).await) }
    };
    let runners = match client.get(&format!("{path}/runners"), &[]).await {
        // What a gateway says of a path that an older server does not have.
        Err(ClientError::Gateway { status: 403, .. }) => Value::Null,
        other => if_there(other)?,
    };
    let mut facts = Map::new();
    let mut put = |name: &str, value: Value| facts.insert(name.to_owned(), value);
    put("record", answer);
    let step = step_of(&record);
    let timeline = timeline(client, location, &record, step).await;
    if let Err(error) = &timeline
        && error.is_not_found()
    {
        *missing = Some(error.to_string());
    }
    put("timeline", if_there(timeline)?);
    put("step_s", Value::from(step));
    put("histogram_ok", of("ok").await?);
    put("histogram_failed", of("failed").await?);
    put("runners", runners["runners"].clone());
    put("baseline", baseline(client, location).await?);
    let now = stamp(SystemClock.now_us());
    put(
        "made_at",
        Value::from(format!("{}Z", now.replace(' ', "T"))),
    );
    put("version", Value::from(env!("CARGO_PKG_VERSION").to_owned()));
    Ok(Value::Object(facts))
}

/// Null where a run has no such part.
fn if_there(answer: Result<Value, ClientError>) -> Result<Value, ClientError> {
    match answer {
        Err(error) if error.is_not_found() => Ok(Value::Null),
        other => other,
    }
}

/// The shortest stretch with which a run has few enough, seconds.
fn step_of(record: &RunRecord) -> u64 {
    let blocks = record.summary.as_ref();
    let seconds = blocks.map_or(0, |blocks| blocks.loaded_us / 1_000_000);
    let mut steps = STEPS_S.into_iter();
    let fitting = steps.find(|step| seconds / step <= MOST_STRETCHES);
    fitting.unwrap_or(86_400)
}

async fn timeline(
    client: &Client,
    location: &RunLocation,
    record: &RunRecord,
    step: u64,
) -> Result<Value, ClientError> {
    let path = format!("{}/timeline", location.path());
    let step = step.to_string();
    let mut query = vec![("step_s", step.as_str())];
    query.extend(busiest(record).map(|label| ("label", label)));
    let mut answer = client.get(&path, &query).await;
    if answer.as_ref().is_err_and(ClientError::is_not_found) {
        // It has none by label.
        answer = client.get(&path, &query[..1]).await;
    }
    if let Err(ClientError::Refused { status: 400, .. }) = answer {
        // An older server answers all of it, by the second.
        answer = client.get(&path, &[]).await;
    }
    answer
}

/// The busiest labels, as many as an address takes.
fn busiest(record: &RunRecord) -> impl Iterator<Item = &str> {
    let blocks = record.summary.iter().flat_map(|blocks| &blocks.labels);
    let labels = blocks.filter_map(|block| block.label.as_deref());
    let mut length = 0;
    labels.take(MOST_LABELS).take_while(move |label| {
        // Each byte may become three, in `%20`.
        length += label.len() * 3;
        length <= LONGEST_LABELS
    })
}

/// What changed against the scenario's baseline, where it has another one.
async fn baseline(client: &Client, location: &RunLocation) -> Result<Value, ClientError> {
    let baseline = match baseline_of(client, &location.test).await {
        Err(error) if error.is_not_found() => None,
        other => other?,
    };
    let Some(base) = baseline.filter(|base| base.run != location.run) else {
        return Ok(Value::Null);
    };
    let path = format!("{}/compare", location.path());
    let comparison = if_there(client.get(&path, &[("with", &base.run)]).await)?;
    let mut facts = Map::new();
    facts.insert("comparison".to_owned(), comparison);
    Ok(Value::Object(facts))
}

/// The document with its numbers; None if it has no place for them. Inside a script element
/// only `<` could end it, and the two line separators are no text of JavaScript.
fn filled(template: &str, facts: &Value) -> Option<String> {
    let (before, after) = template.split_once(PLACE)?;
    let mut json = String::new();
    for sign in facts.to_string().chars() {
        match sign {
            '<' | '\u{2028}' | '\u{2029}' => json.push_str(&format!("\\u{:04x}", u32::from(sign))),
            _ => json.push(sign),
        }
    }
    let data = format!("<script type=\"application/json\" id=\"dlt-report\">{json}</script>");
    Some(format!("{before}{data}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_of_a_run_cannot_leave_their_place() {
        let hostile = "</script><img onerror=alert(1)>\u{2028}";
        let facts = Value::from(json!({ "record": { "testName": hostile } }));
        let template = format!("<title></title>{PLACE}<script>1</script>");
        let document = filled(&template, &facts).unwrap();
        assert!(!document.contains("<img") && !document.contains('\u{2028}'));
        assert_eq!(document.matches("</script>").count(), 2);
        let (_, rest) = document.split_once("id=\"dlt-report\">").unwrap();
        let (data, _) = rest.split_once("</script>").unwrap();
        let read: serde_json::Value = serde_json::from_str(data).unwrap();
        assert_eq!(read["record"]["testName"], hostile);
        assert_eq!(filled("<p>", &facts), None);
    }
}
