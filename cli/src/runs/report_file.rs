//! `dlt runs report`: a run's result as one HTML file, which needs neither this program nor a
//! network. The document and its charts are the console's; here they are given their numbers.

use crate::args::ReportArgs;
use crate::client::{Client, ClientError};
use crate::console;
use crate::exit::Exit;
use crate::find::{self, RunLocation};
use crate::line::{Line, Tone};
use crate::output::Output;
use crate::runs::download;
use crate::runs::sides::baseline_of;
use crate::units;
use dlt_core::record::RunRecord;
use dlt_core::value::{Map, Value};
use dlt_pipeline::clock::{Clock, SystemClock, stamp};
use serde_json::json;

/// What the numbers take the place of.
const PLACE: &str = "<!-- dlt-report-data -->";
/// Most stretches of the timeline: more than a page has pixels.
const MOST_STRETCHES: u64 = 1_000;
/// Labels with a timeline of their own, the busiest.
const MOST_LABELS: usize = 20;

/// `dlt runs report`.
pub async fn report(
    output: Output,
    client: &Client,
    args: &ReportArgs,
) -> Result<Exit, ClientError> {
    let Some(template) = console::report_template() else {
        return Err(ClientError::Cannot(
            "this dlt was built without the console, whose charts a report is made of; cargo xtask build makes one with it (npm is needed)".to_owned(),
        ));
    };
    if args.output.symlink_metadata().is_ok() && !args.force {
        return Err(ClientError::Input(format!(
            "{} is there already; choose another file with -o, or replace it with --force",
            args.output.display()
        )));
    }
    let location = find::run(client, &args.run).await?;
    let facts = facts(client, &location).await?;
    let Some(document) = filled(&template, &facts) else {
        return Err(ClientError::Cannot(
            "the console in this dlt has a report that cannot be filled; build it anew: cargo xtask build".to_owned(),
        ));
    };
    download::save(&args.output, document.as_bytes())?;
    let file = args.output.display().to_string();
    if args.json {
        output.json(&json!({
            "testId": location.test, "testRunId": location.run, "file": file,
            "bytes": document.len(),
        }));
    } else {
        output.data(&[Line::new()
            .tone(Tone::Good, "✔ ")
            .plain(format!(
                "{}, saved as ",
                units::bytes(document.len() as u64)
            ))
            .tone(Tone::Strong, file)]);
    }
    Ok(Exit::Passed)
}

/// All that the document shows.
async fn facts(client: &Client, location: &RunLocation) -> Result<Value, ClientError> {
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
    let runners = if_there(client.get(&format!("{path}/runners"), &[]).await)?;
    let mut facts = Map::new();
    let mut put = |name: &str, value: Value| facts.insert(name.to_owned(), value);
    put("record", answer);
    put("timeline", timeline(client, location, &record).await?);
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

/// Null where a run, or an older server, has no such part.
fn if_there(answer: Result<Value, ClientError>) -> Result<Value, ClientError> {
    match answer {
        Err(ClientError::Gateway { status: 403, .. }) => Ok(Value::Null),
        Err(error) if error.is_not_found() => Ok(Value::Null),
        other => other,
    }
}

async fn timeline(
    client: &Client,
    location: &RunLocation,
    record: &RunRecord,
) -> Result<Value, ClientError> {
    let path = format!("{}/timeline", location.path());
    let blocks = record.summary.as_ref();
    let seconds = blocks.map_or(0, |blocks| blocks.loaded_us / 1_000_000);
    let step = seconds.div_ceil(MOST_STRETCHES).max(1).to_string();
    let labels = blocks.into_iter().flat_map(|blocks| &blocks.labels);
    let labels = labels.filter_map(|block| block.label.as_deref());
    let mut query = vec![("step_s", step.as_str())];
    query.extend(labels.take(MOST_LABELS).map(|label| ("label", label)));
    match client.get(&path, &query).await {
        // It has none by label.
        Err(error) if error.is_not_found() => if_there(client.get(&path, &query[..1]).await),
        other => if_there(other),
    }
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
