//! A scenario on one page: requests, load, regions, schedule, last result. Pure: records
//! in, lines out.

use super::list::{next_run, tone};
use crate::line::{Line, Tone, wrapped};
use crate::live::PlannedLoad;
use crate::runs::list::{p95, result, trust};
use crate::units;
use dlt_core::calls::answers::{ScenarioRecord, TestRunSummary};
use dlt_core::scenario::plan::Plan;
use dlt_core::scenario::{Outside, Purpose, Scenario};
use dlt_core::value::Value as Written;

/// Column of the values.
const VALUE_COLUMN: usize = 13;
/// Most warnings shown.
const MOST_WARNINGS: usize = 3;
/// Most requests shown.
const MOST_REQUESTS: usize = 12;
/// Columns of a method, so that URLs are aligned.
const METHOD_COLUMNS: usize = 7;

/// The page's lines. `raw` is the API's answer.
pub fn lines(
    record: &ScenarioRecord,
    raw: &Written,
    last: Option<&TestRunSummary>,
    width: usize,
) -> Vec<Line> {
    let files = |name: &str| Ok(name.to_owned());
    let scenario = Scenario::from_stored(raw, Outside::files(&files), Purpose::Keep).ok();
    let mut lines = vec![
        Line::new()
            .tone(Tone::Strong, &record.test_name)
            .plain("  ·  ")
            .tone(Tone::Command, &record.test_id)
            .plain("  ·  ")
            .tone(tone(record.status), record.status.name()),
    ];
    lines.extend(wrapped(
        Tone::Quiet,
        &record.test_description,
        2,
        width.min(100),
    ));
    lines.push(Line::new());
    match &scenario {
        Some(scenario) => {
            lines.extend(requests(&scenario.plan));
            lines.push(named("how hard").plain(load(scenario)));
        }
        None => lines.push(named("what").plain(format!("a {} test", record.test_type))),
    }
    lines.extend(regions(record));
    lines.push(named("when").plain(schedule(record)));
    for (at, threshold) in record.thresholds.iter().enumerate() {
        lines.push(named(if at == 0 { "passes if" } else { "" }).plain(threshold));
    }
    if !record.tags.is_empty() {
        lines.push(named("tags").plain(record.tags.join(", ")));
    }
    if let Some(baseline) = &record.baseline_id {
        lines.push(named("baseline").tone(Tone::Command, baseline));
    }
    let warnings = scenario.iter().flat_map(|scenario| &scenario.warnings);
    for warning in warnings.clone().take(MOST_WARNINGS) {
        lines.extend(wrapped(Tone::Warn, &format!("! {warning}"), 2, width));
    }
    let more = warnings.count().saturating_sub(MOST_WARNINGS);
    if more > 0 {
        lines.push(Line::of("  ").tone(Tone::Quiet, format!("… and {more} more warnings")));
    }
    lines.push(Line::new());
    lines.extend(last_run(record, last));
    lines.push(Line::new());
    let mut lines: Vec<Line> = lines.iter().map(|line| line.cut(width)).collect();
    lines.extend(next_commands(record, last));
    lines
}

fn named(name: &str) -> Line {
    Line::of("  ").tone(Tone::Quiet, name).pad_to(VALUE_COLUMN)
}

/// The requests, in their order.
fn requests(plan: &Plan) -> Vec<Line> {
    let steps: Vec<_> = plan.groups.iter().flat_map(|group| &group.steps).collect();
    let mut lines: Vec<Line> = steps
        .iter()
        .take(MOST_REQUESTS)
        .enumerate()
        .map(|(at, step)| {
            named(if at == 0 { "what" } else { "" })
                .plain(format!("{:METHOD_COLUMNS$}", step.method.to_string()))
                .plain(match &step.url_text {
                    Some(text) => format!("{}{}", text.base, text.text),
                    None => step.url.to_string(),
                })
        })
        .collect();
    if steps.len() > MOST_REQUESTS {
        let more = format!("… and {} more", steps.len() - MOST_REQUESTS);
        lines.push(named("").tone(Tone::Quiet, more));
    }
    lines
}

fn load(scenario: &Scenario) -> String {
    let planned = PlannedLoad::of(scenario);
    let (users, requests) = planned.peaks();
    let mut load = Vec::new();
    if let Some(users) = users {
        load.push(units::several(users.round() as u64, "user"));
    }
    if let Some(requests) = requests {
        load.push(format!("{} requests/s", units::number(requests)));
    }
    let all = planned.requests_in_all.map_or(String::new(), |all| {
        format!(", {} in all", units::several(all, "request"))
    });
    format!("{} {}{all}", load.join(" and "), planned.length_in_words())
}

fn regions(record: &ScenarioRecord) -> Vec<Line> {
    let configs = record.test_task_configs.as_array();
    configs
        .into_iter()
        .flatten()
        .enumerate()
        .map(|(at, config)| {
            let region = config["region"].as_str().unwrap_or("?");
            let runners = config["taskCount"].as_u64().unwrap_or(0);
            let now = record
                .tasks_per_region
                .iter()
                .flatten()
                .find(|counts| counts.region == region)
                .map(|counts| {
                    format!(
                        " ({} running, {} coming up)",
                        counts.running, counts.pending
                    )
                });
            named(if at == 0 { "where" } else { "" }).plain(format!(
                "{} in {region}{}",
                units::several(runners, "runner"),
                now.unwrap_or_default()
            ))
        })
        .collect()
}

fn schedule(record: &ScenarioRecord) -> String {
    let next = next_run(&record.next_run, &record.schedule_timezone);
    let rule = match (&*record.cron_value, &*record.schedule_recurrence) {
        ("", "") => String::new(),
        ("", every) => format!(", {every}"),
        (cron, _) => format!(", by cron {cron}"),
    };
    let until = match &*record.cron_expiry_date {
        "" => String::new(),
        date => format!(" until {date}"),
    };
    match next {
        Some(next) => format!("next at {next}{rule}{until}"),
        None => "whenever it is started".to_owned(),
    }
}

fn last_run(record: &ScenarioRecord, last: Option<&TestRunSummary>) -> Vec<Line> {
    let Some(run) = last else {
        return vec![named("last run").tone(Tone::Quiet, "none yet")];
    };
    let (result_tone, result) = result(run);
    let (trust_tone, trust) = trust(run);
    let mut line = named("last run")
        .tone(Tone::Command, &run.test_run_id)
        .plain(format!("  {} UTC  ", run.start_time))
        .tone(result_tone, result);
    if trust != "–" {
        line = line.plain(", ").tone(trust_tone, trust);
    }
    let mut lines = vec![line];
    if let Some(requests) = run.requests {
        let errors = units::percent(run.errors.unwrap_or(0), requests);
        let mut figures = vec![
            units::several(requests, "request"),
            format!("{errors} errors"),
        ];
        if let Some(us) = p95(run) {
            figures.push(format!("p95 {}", units::time(us)));
        }
        lines.push(named("").plain(figures.join(", ")));
    }
    if let Some(reason) = &record.error_reason {
        lines.push(named("").tone(Tone::Bad, reason));
    }
    if record.total_test_runs > 1 {
        let kept = format!("{} are kept", units::several(record.total_test_runs, "run"));
        lines.push(named("").tone(Tone::Quiet, kept));
    }
    lines
}

/// Commands to try next; they are never cut, so that they can be copied.
fn next_commands(record: &ScenarioRecord, last: Option<&TestRunSummary>) -> Vec<Line> {
    let command = |name: &str, command: String| named(name).tone(Tone::Command, command);
    let id = &record.test_id;
    let mut lines = vec![if record.status.is_resting() {
        command("run it", format!("dlt scenarios start {id} --wait"))
    } else {
        command("watch it", format!("dlt runs watch {id}"))
    }];
    if let Some(run) = last.filter(|_| record.status.is_resting()) {
        lines.push(command(
            "result",
            format!("dlt runs get {}", run.test_run_id),
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn scenario() -> Value {
        json!({
            "testId": "Xk29QmWz7B", "testName": "shop under a steady load",
            "testDescription": "Load test: shop under a steady load",
            "testType": "simple", "fileType": "none", "status": "complete", "showLive": true,
            "startTime": "2026-03-04 09:15:02", "endTime": "2026-03-04 09:15:34",
            "nextRun": "2026-03-10 22:30:00", "scheduleRecurrence": "weekly",
            "scheduleTimezone": "Europe/Paris", "cronValue": "", "cronExpiryDate": "",
            "tags": ["nightly"], "healthyThreshold": 90, "desiredTaskCount": 3,
            "taskFailureCount": 0,
            "testTaskConfigs": [
                { "region": "lo-home-1", "taskCount": 2, "concurrency": 1 },
                { "region": "lo-home-2", "taskCount": 1, "concurrency": 1 },
            ],
            "testScenario": {
                "execution": [{ "scenario": "shop", "arrivals": 50, "hold-for": "30s" }],
                "scenarios": { "shop": { "requests": [
                    { "url": "https://shop.example.com/", "method": "GET" },
                    { "url": "https://shop.example.com/checkout", "method": "POST", "body": "{}" },
                ] } },
            },
            "thresholds": ["p(95)<500ms", "error_rate<1%"],
            "results": {}, "totalTestRuns": 12, "baselineId": "b1B2c3D4e5",
        })
    }

    fn last() -> TestRunSummary {
        serde_json::from_value(json!({
            "testRunId": "p4TqL8vN2c", "startTime": "2026-03-04 09:15:02",
            "endTime": "2026-03-04 09:15:34", "status": "complete", "scheduleTimezone": "UTC",
            "requests": 3_000, "success": 2_985, "errors": 15, "percentiles": { "p95": 171.2 },
            "outcome": { "passed": true }, "verdict": { "trust": "trusted" },
            "coverage": { "complete": true },
        }))
        .unwrap()
    }

    fn shown(raw: &Value, last: Option<&TestRunSummary>, width: usize) -> String {
        let record: ScenarioRecord = serde_json::from_value(raw.clone()).unwrap();
        lines(&record, &raw.clone().into(), last, width)
            .iter()
            .map(|line| line.render(false) + "\n")
            .collect()
    }

    #[test]
    fn a_scheduled_scenario_that_ran() {
        let raw = scenario();
        let record: ScenarioRecord = serde_json::from_value(raw.clone()).unwrap();
        let draw = |width| lines(&record, &raw.clone().into(), Some(&last()), width);
        insta::assert_snapshot!("captured_scenario", crate::line::captured(draw));
    }

    #[test]
    fn one_that_runs_and_one_that_never_did() {
        let mut running = scenario();
        running["status"] = json!("running");
        running["nextRun"] = json!("");
        running["tasksPerRegion"] =
            json!([{ "region": "lo-home-1", "running": 1, "pending": 1, "desired": 2 }]);
        let mut script = scenario();
        script["testType"] = json!("k6");
        script["status"] = json!("created");
        script["testScenario"]["scenarios"]["shop"] = json!({ "script": "Xk29QmWz7B.js" });
        insta::assert_snapshot!(format!(
            "{}---\n{}",
            shown(&running, Some(&last()), 100),
            shown(&script, None, 100)
        ));
    }

    #[test]
    fn lines_fit_the_terminal_and_contain_no_control_characters() {
        let mut raw = scenario();
        let evil = format!("\u{1b}[2J\u{202e}{}", "x".repeat(300));
        raw["testName"] = json!(evil);
        raw["testDescription"] = json!(evil);
        raw["errorReason"] = json!(evil);
        raw["tags"] = json!([evil]);
        for width in [60, 80, 100, 140] {
            let shown = shown(&raw, Some(&last()), width);
            for line in shown.lines().take_while(|line| !line.contains("dlt ")) {
                assert!(line.chars().all(|c| !c.is_control() && c != '\u{202e}'));
                assert!(Line::of(line).width() <= width, "{width}: {line}");
            }
        }
    }
}
