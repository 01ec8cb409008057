//! `dlt scenarios create`: stores a scenario file, and starts or schedules it. All faults
//! of the file are told at once, before anything is sent.

use crate::args::{CreateArgs, Every};
use crate::client::{Client, ClientError, understood};
use crate::draft::{self, Draft};
use crate::exit::Exit;
use crate::find::test_id;
use crate::line::{Line, Tone};
use crate::output::Output;
use crate::report;
use crate::source::{self, Files};
use dlt_core::calls::answers::ScenarioRecord;
use dlt_core::refusal::{Fault, Faults};
use dlt_core::scenario::{Defaults, Overrides, Purpose};
use dlt_core::value::Value as Written;
use serde_json::json;

/// Fields of a scenario's body that schedule it.
const WHEN: [&str; 5] = [
    "scheduleDate",
    "scheduleTime",
    "recurrence",
    "cronValue",
    "cronExpiryDate",
];

/// `dlt scenarios create`.
pub async fn create(
    output: Output,
    client: &Client,
    args: &CreateArgs,
) -> Result<Exit, ClientError> {
    let id = args.id.as_deref().map(test_id).transpose()?;
    let schedule = match schedule(args) {
        Ok(schedule) => schedule,
        Err(fault) => return Ok(report::faults(output, &Faults(vec![fault]))),
    };
    if args.file.contains("://") {
        let reason = "is a URL; scenarios are files, and dlt run takes URLs".to_owned();
        let path = args.file.clone();
        return Ok(report::faults(
            output,
            &Faults(vec![Fault { path, reason }]),
        ));
    }
    let regions = draft::regions(client).await?;
    let defaults = Defaults {
        regions: regions
            .iter()
            .map(|(region, details)| (region.clone(), draft::capacity(details)))
            .collect(),
        tasks: 1,
        name: String::new(),
        show_live: true,
    };
    let files = Files::to_upload();
    // The API judges the schedule that a file has itself.
    let purpose = match args.start || !schedule.is_empty() {
        true => Purpose::Run,
        false => Purpose::Keep,
    };
    let overrides = Overrides {
        variables: args.set.clone(),
        environment: args.env.clone(),
        ..Overrides::default()
    };
    let given = (&defaults, &overrides);
    let scenario = match source::from_file(&args.file, given, (&files, None), purpose) {
        Ok(scenario) => scenario,
        Err(faults) => return Ok(report::faults(output, &faults)),
    };
    report::changes(output, &scenario.changes);
    let mut draft = Draft::of(&scenario, id, files.uploads())?;
    set_action(&mut draft.body, args, schedule);
    // This command does use the file's schedule: drop the warning that it is ignored.
    let applies = |warning: &&String| !warning.contains("dlt scenarios create");
    let mut warnings: Vec<String> = scenario.warnings.iter().filter(applies).cloned().collect();
    let answer = draft.post(client).await?;
    let record: ScenarioRecord = understood("POST /scenarios", answer.clone())?;
    for warning in &record.warnings {
        if !warnings.contains(warning) {
            warnings.push(warning.clone());
        }
    }
    report::warnings(output, &warnings);
    if args.json {
        output.json(&answer);
    } else {
        output.data(&lines(&record));
    }
    if client.is_at_rest() && !record.next_run.is_empty() {
        output.messages(&[Line::new()
            .tone(Tone::Warn, "! ")
            .plain("scheduled runs start while ")
            .tone(Tone::Command, "dlt up")
            .plain(" is running on this data folder")]);
    }
    Ok(Exit::Passed)
}

/// The schedule in the flags, as fields of the body.
fn schedule(args: &CreateArgs) -> Result<Vec<(&'static str, String)>, Fault> {
    let mut fields = Vec::new();
    if let Some(cron) = &args.cron {
        fields.push(("cronValue", cron.clone()));
    }
    if let Some(until) = &args.until {
        fields.push(("cronExpiryDate", until.clone()));
    }
    if let Some(at) = &args.at {
        let (date, time) = at.trim().split_once([' ', 'T']).ok_or_else(|| Fault {
            path: "--at".to_owned(),
            reason: format!("{at:?} must be a date and a time, like '2027-01-31 22:30'"),
        })?;
        fields.push(("scheduleDate", date.to_owned()));
        fields.push(("scheduleTime", time.trim().to_owned()));
    }
    if let Some(every) = args.every.map(Every::name) {
        fields.push(("recurrence", every.to_owned()));
    }
    Ok(fields)
}

/// Sets whether the scenario is started, scheduled or only stored: by the flags, else by
/// the file, else it is only stored.
fn set_action(body: &mut Written, args: &CreateArgs, schedule: Vec<(&'static str, String)>) {
    let Some(fields) = body.as_object_mut() else {
        return;
    };
    if let Some(zone) = &args.zone {
        fields.insert("scheduleTimezone".to_owned(), json!(zone).into());
    }
    let by_flags = !schedule.is_empty();
    if by_flags || args.start || args.save {
        for key in WHEN {
            fields.shift_remove(key);
        }
    }
    for key in ["saveOnly", "scheduleStep"] {
        fields.shift_remove(key);
    }
    fields.extend(
        schedule
            .into_iter()
            .map(|(key, value)| (key.to_owned(), json!(value).into())),
    );
    let scheduled = ["cronValue", "scheduleDate"]
        .iter()
        .any(|key| fields.get(*key).is_some_and(|value| value != ""));
    if scheduled {
        fields.insert("scheduleStep".to_owned(), json!("create").into());
    } else if !args.start {
        fields.insert("saveOnly".to_owned(), json!(true).into());
    }
}

fn lines(record: &ScenarioRecord) -> Vec<Line> {
    let id = &record.test_id;
    let next = super::list::next_run(&record.next_run, &record.schedule_timezone);
    let (what, command) = match (&record.test_run_id, next) {
        (Some(run), _) => (
            format!("is kept, and its run {run} is started"),
            ("watch it", format!("dlt runs watch {run}")),
        ),
        (None, Some(next)) => (
            format!("is kept, and runs next at {next}"),
            ("see it", format!("dlt scenarios get {id}")),
        ),
        (None, None) if !record.status.is_resting() => (
            "is kept, and a run of it is started".to_owned(),
            ("watch it", format!("dlt runs watch {id}")),
        ),
        (None, None) => (
            "is kept".to_owned(),
            ("run it", format!("dlt scenarios start {id} --wait")),
        ),
    };
    vec![
        Line::new()
            .tone(Tone::Good, "✔ ")
            .tone(Tone::Strong, &record.test_name)
            .plain("  ·  scenario ")
            .tone(Tone::Command, id)
            .plain(format!(" {what}")),
        Line::of("  ")
            .tone(Tone::Quiet, command.0)
            .plain("  ")
            .tone(Tone::Command, command.1),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn with_action(args: &CreateArgs, body: Value) -> Value {
        let mut body = Written::from(body);
        set_action(&mut body, args, schedule(args).unwrap());
        body.to_serde()
    }

    #[test]
    fn flags_take_precedence_over_the_file_and_storing_is_the_default() {
        let nothing = CreateArgs::default();
        assert_eq!(
            with_action(&nothing, json!({})),
            json!({ "saveOnly": true })
        );
        let file = json!({ "cronValue": "0 6 * * *", "saveOnly": false });
        assert_eq!(
            with_action(&nothing, file.clone()),
            json!({ "cronValue": "0 6 * * *", "scheduleStep": "create" })
        );
        let start = CreateArgs {
            start: true,
            ..CreateArgs::default()
        };
        assert_eq!(with_action(&start, file.clone()), json!({}));
        let save = CreateArgs {
            save: true,
            ..CreateArgs::default()
        };
        assert_eq!(
            with_action(&save, file.clone()),
            json!({ "saveOnly": true })
        );
        let at = CreateArgs {
            at: Some("2027-01-31 22:30".to_owned()),
            every: Some(Every::Weekly),
            zone: Some("Europe/Paris".to_owned()),
            ..CreateArgs::default()
        };
        assert_eq!(
            with_action(&at, file),
            json!({
                "scheduleTimezone": "Europe/Paris", "scheduleDate": "2027-01-31",
                "scheduleTime": "22:30", "recurrence": "weekly", "scheduleStep": "create",
            })
        );
        let wrong = CreateArgs {
            at: Some("tomorrow".to_owned()),
            ..CreateArgs::default()
        };
        assert!(schedule(&wrong).is_err());
    }
}
