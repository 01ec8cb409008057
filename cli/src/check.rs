//! `dlt check`: judges what `dlt run` with the same arguments would do, without doing it.
//! Nothing is sent to a target, started or stored.

mod once;

use crate::args::RunArgs;
use crate::client::{ApiOptions, ClientError};
use crate::draft;
use crate::exit::Exit;
use crate::line::{Line, Tone, wrapped};
use crate::output::Output;
use crate::report;
use crate::source::{self, Files, RegionChoice};
use crate::targets;
use crate::units;
use dlt_core::load::{Curve, Model};
use dlt_core::refusal::Faults;
use dlt_core::routing::EnvironmentProxies;
use dlt_core::safety::redacted_text;
use dlt_core::scenario::plan::{Body, Flow, Group, Outlined, Phase, Step, StepKind};
use dlt_core::scenario::{Scenario, show_duration};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Most requests of a scenario that the page lists.
const MOST_REQUESTS: usize = 20;
/// Most stages that are told one by one.
const MOST_STAGES: usize = 8;
/// Column of the values.
const VALUE_COLUMN: usize = 14;

/// `dlt check`.
pub async fn check(
    output: Output,
    api_options: &ApiOptions,
    args: &RunArgs,
) -> Result<Exit, ClientError> {
    let mut proxies = EnvironmentProxies::default();
    let read = match api_options.server().await? {
        Some(client) => {
            if let Err(faults) = targets::refuse_for_server(&args.targets) {
                return Ok(told(output, args, &faults));
            }
            let regions = draft::regions(&client).await?;
            let known = regions
                .iter()
                .map(|(region, details)| (region.clone(), draft::capacity(details)))
                .collect();
            RegionChoice::of_server(known, &args.region)
                .and_then(|regions| source::read(args, &regions, (&Files::to_upload(), None)))
        }
        None => source::read_here(args).map(|(scenario, place)| {
            proxies = place.proxies;
            scenario
        }),
    };
    Ok(match read {
        Ok(scenario) => {
            let proxies = scenario.plan.proxies(&proxies);
            if args.json {
                output.json(&as_json(&scenario, &proxies));
            } else {
                let columns = output.columns();
                output.data(&lines(&args.target, &scenario, &proxies, columns));
            }
            Exit::Passed
        }
        Err(faults) => told(output, args, &faults),
    })
}

fn told(output: Output, args: &RunArgs, faults: &Faults) -> Exit {
    if args.json {
        output.json(&faults_as_json(faults));
        return Exit::BadInput;
    }
    report::faults(output, faults)
}

/// A load in words: "50 users after a rise of 5s, for 30s".
pub fn load_in_words(group: &Group, runners: u64) -> String {
    let load = &group.load;
    let curve = load.model.curve();
    if load.own_shape {
        let tool = group
            .script
            .as_ref()
            .map_or("", |script| script.tool.title());
        let each = if runners > 1 { " on each runner" } else { "" };
        return format!(
            "what the script of {tool} says{each}, for {} at most",
            show_duration(curve.end_us())
        );
    }
    let (curve, noun) = match (&load.model, load.per_task) {
        (Model::Users(_), true) => (curve.scaled(runners as f64), "user"),
        (Model::Users(_), false) => (curve.clone(), "user"),
        (Model::Arrivals(_), _) => (curve.clone(), "arrival per second"),
    };
    let mut text = shape_in_words(&curve, noun);
    if let Some(rounds) = load.iterations {
        text.push_str(&format!(
            ", each until it has made {}",
            units::several(rounds, "round")
        ));
    }
    if let Some(total) = load.total_requests {
        let total = units::several(total, "request");
        text.push_str(&match load.model.is_open() {
            true => format!(", {total} in all"),
            false => format!(", or until {total} are begun"),
        });
    }
    if let Some(most) = load.throughput {
        text.push_str(&format!(
            ", at most {} requests per second in all",
            exact(most)
        ));
    }
    text
}

fn shape_in_words(curve: &Curve, noun: &str) -> String {
    let of = |value: f64| match (value == 1.0, noun) {
        (true, noun) => format!("1 {noun}"),
        (false, "user") => format!("{} users", exact(value)),
        (false, _) => format!("{} arrivals per second", exact(value)),
    };
    let span = show_duration;
    // Stretches with a length; a step between two is in their values.
    let stretches: Vec<(f64, f64, u64)> = curve
        .points()
        .windows(2)
        .filter(|pair| pair[1].0 > pair[0].0)
        .map(|pair| (pair[0].1, pair[1].1, pair[1].0 - pair[0].0))
        .collect();
    match stretches[..] {
        [(from, to, us)] if from == to => format!("{} for {}", of(to), span(us)),
        [(0.0, top, rise), (from, to, us)] if top == from && from == to => {
            format!(
                "{} after a rise of {}, for {}",
                of(to),
                span(rise),
                span(us)
            )
        }
        _ => {
            let told = stretches
                .iter()
                .take(MOST_STAGES)
                .map(|&(from, to, us)| match from == to {
                    true => format!("{} for {}", of(to), span(us)),
                    false => format!("from {} to {} in {}", exact(from), of(to), span(us)),
                });
            let mut told: Vec<String> = told.collect();
            if stretches.len() > MOST_STAGES {
                let more = stretches.len() - MOST_STAGES;
                told.push(format!("and {}", units::several(more as u64, "stage")));
            }
            format!("{}; at most {}", told.join(", then "), of(curve.peak()))
        }
    }
}

/// A number as it was planned, without rounding.
fn exact(value: f64) -> String {
    match value.fract() == 0.0 && value >= 0.0 {
        true => units::count(value as u64),
        false => value.to_string(),
    }
}

fn runners(scenario: &Scenario) -> u64 {
    scenario.tasks.iter().map(|task| task.task_count).sum()
}

/// A request in a line: method, URL without its secrets, and what is sent.
fn request_in_words(step: &Step) -> String {
    let url = match &step.url_text {
        Some(text) => format!("{}{}", text.base, text.text),
        None => step.url.to_string(),
    };
    let body = match &step.body {
        Body::None => String::new(),
        Body::Text(text) => format!(", {}", units::bytes(text.len() as u64)),
        Body::File(path) => format!(", the file {path}"),
        Body::Form(fields) => format!(
            ", a form of {}",
            units::several(fields.len() as u64, "field")
        ),
        Body::Multipart(_, files) => format!(", {}", units::several(files.len() as u64, "file")),
    };
    format!("{} {}{body}", step.method, redacted_text(&url))
}

/// A step: a request, or a message of a stream.
fn step_in_words(step: &Step) -> String {
    let StepKind::Message(message) = &step.kind else {
        return request_in_words(step);
    };
    let sent = match &step.body {
        Body::Text(text) => Some(format!(
            "send {}",
            units::several(text.len() as u64, "byte")
        )),
        Body::File(path) => Some(format!("send the file {path}")),
        _ => None,
    };
    let awaited = message.awaits.then(|| match &message.holding {
        Some(text) => format!("wait for a message that holds {:?}", redacted_text(text)),
        None => "wait for a message".to_owned(),
    });
    let parts: Vec<String> = sent.into_iter().chain(awaited).collect();
    parts.join(", ")
}

/// A row of what a scenario does: a request with its pause if that varies, or a block.
fn row_in_words(steps: &[Step], row: &Outlined) -> String {
    match row {
        Outlined::Words(words) => redacted_text(words),
        Outlined::Request(n) => steps.get(*n).map_or_else(String::new, |step| {
            let pause = match step.think_time.is_random() {
                true => format!(", then {}", step.think_time),
                false => String::new(),
            };
            format!("{}{pause}", step_in_words(step))
        }),
    }
}

/// A named sentence, wrapped beside its name.
fn named(name: &str, text: &str, width: usize) -> Vec<Line> {
    let rows = wrapped(Tone::Plain, text, VALUE_COLUMN, width);
    rows.into_iter()
        .enumerate()
        .map(|(at, line)| match at {
            0 => Line::of("  ")
                .tone(Tone::Quiet, name)
                .pad_to(VALUE_COLUMN)
                .plain(line.render(false).trim_start()),
            _ => line,
        })
        .collect()
}

fn lines(target: &str, scenario: &Scenario, proxies: &BTreeSet<String>, width: usize) -> Vec<Line> {
    let named = |name: &str, text: &str| named(name, text, width);
    let mut lines = vec![
        Line::new()
            .tone(Tone::Good, "✔ ")
            .tone(Tone::Strong, target)
            .plain("  ·  nothing is wrong with it; nothing was run"),
    ];
    lines.extend(named("name", &scenario.name));
    let count = runners(scenario);
    let groups = &scenario.plan.groups;
    // With one, its name says nothing.
    let of = |group: &Group| match groups.len() {
        1 => String::new(),
        _ => format!("{}: ", group.name),
    };
    for group in groups {
        let text = format!("{}{}", of(group), load_in_words(group, count));
        lines.extend(named("load", &text));
    }
    for group in groups.iter().filter(|group| group.script.is_none()) {
        let each = units::several(group.steps.len() as u64, "request");
        let how = match group.flow.is_list() {
            true => "one after the other",
            false => "in blocks",
        };
        lines.extend(named("requests", &format!("{}{each}, {how}", of(group))));
        lines.extend(outline_lines(&group.steps, &group.flow, width));
    }
    lines.extend(once::lines(&scenario.plan, width));
    let scripts = groups.iter().filter_map(|group| group.script.as_ref());
    for script in scripts {
        let text = format!("{} of {}", script.path, script.tool.title());
        lines.extend(named("script", &text));
    }
    for group in groups {
        let policy = group.connection_policy.in_words();
        lines.extend(
            policy
                .into_iter()
                .flat_map(|words| named("connections", &format!("{}{words}", of(group)))),
        );
        let resolve = group.routing.resolve.iter().map(ToString::to_string);
        let connect_to = group.routing.connect_to.iter().map(ToString::to_string);
        for (name, entry) in resolve
            .map(|entry| ("resolve", entry))
            .chain(connect_to.map(|entry| ("connect-to", entry)))
        {
            lines.extend(named(name, &format!("{}{entry}", of(group))));
        }
    }
    for proxy in proxies {
        lines.extend(named("through", &format!("proxy {proxy}")));
    }
    lines.extend(named("thresholds", &thresholds(scenario)));
    let places: Vec<String> = scenario
        .tasks
        .iter()
        .map(|task| {
            let runners = units::several(task.task_count, "runner");
            format!("{runners} in {}", task.region)
        })
        .collect();
    lines.extend(named("runners", &places.join(", ")));
    for change in &scenario.changes {
        lines.extend(named("changed by", change));
    }
    for warning in &scenario.warnings {
        lines.extend(named("warning", warning));
    }
    lines
}

/// What must hold.
fn thresholds(scenario: &Scenario) -> String {
    let all = scenario.thresholds.iter();
    let all: Vec<&str> = all.map(|threshold| threshold.expression.as_str()).collect();
    match all.is_empty() {
        true => {
            "none: whatever is measured, nothing fails but a run without any success".to_owned()
        }
        false => all.join(", "),
    }
}

/// Requests, a line each.
fn outline_lines(steps: &[Step], flow: &Flow, width: usize) -> Vec<Line> {
    let outline = &flow.outline;
    let most = match flow.is_list() {
        true => MOST_REQUESTS,
        // A block that is cut in the middle says something else.
        false => outline.len(),
    };
    let mut lines: Vec<Line> = outline
        .iter()
        .take(most)
        .map(|row| {
            let line = Line::of("    ".to_owned() + &"  ".repeat(row.depth));
            line.tone(Tone::Quiet, row_in_words(steps, &row.what))
                .cut(width)
        })
        .collect();
    if let Some(more @ 1..) = outline.len().checked_sub(most) {
        let more = units::several(more as u64, "request");
        lines.push(Line::new().tone(Tone::Quiet, format!("    … and {more} (--json has all)")));
    }
    lines
}

/// The same as JSON, with their depth.
fn outline_in_json(steps: &[Step], flow: &Flow) -> Vec<Value> {
    let rows = flow.outline.iter();
    rows.map(|row| json!({ "depth": row.depth, "what": row_in_words(steps, &row.what) }))
        .collect()
}

fn as_json(scenario: &Scenario, proxies: &BTreeSet<String>) -> Value {
    let count = runners(scenario);
    let groups = scenario.plan.groups.iter().map(|group| {
        let requests = group
            .steps
            .iter()
            .map(|step| json!({ "label": step.label, "request": request_in_words(step) }));
        json!({
            "scenario": group.name,
            "load": load_in_words(group, count),
            "model": if group.load.model.is_open() { "open" } else { "closed" },
            "ends_after_us": group.load.model.curve().end_us(),
            "requests": requests.collect::<Vec<_>>(),
            "outline": outline_in_json(&group.steps, &group.flow),
            "setup": once::as_json(group, Phase::Setup),
            "teardown": once::as_json(group, Phase::Teardown),
        })
    });
    let thresholds = scenario.thresholds.iter().map(|it| &it.expression);
    let runners = scenario
        .tasks
        .iter()
        .map(|task| json!({ "region": task.region, "runners": task.task_count }));
    json!({
        "ok": true,
        "faults": [],
        "warnings": scenario.warnings,
        "changes": scenario.changes,
        "name": scenario.name,
        "execution": groups.collect::<Vec<_>>(),
        "proxies": proxies,
        "thresholds": thresholds.collect::<Vec<_>>(),
        "runners": runners.collect::<Vec<_>>(),
    })
}

fn faults_as_json(faults: &Faults) -> Value {
    let faults = faults.0.iter();
    let faults = faults.map(|it| json!({ "path": it.path, "reason": it.reason }));
    json!({ "ok": false, "faults": faults.collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use dlt_core::ids::Region;
    use dlt_core::scenario::{Defaults, Format, Overrides, Purpose};
    use std::path::Path;

    fn scenario(execution: &str) -> Scenario {
        let text = format!(
            "testName: shop\ntestScenario:\n  execution: {execution}\n  scenarios:\n    shop:\n      resolve: [\"127.0.0.1:8080:127.0.0.2,[::1]\"]\n      connect-to: \"::127.0.0.1:\"\n      requests:\n        - http://127.0.0.1:8080/a?b=c\n        - {{ url: \"http://ann:secret@127.0.0.1:8080/cart\", method: POST, body: \"12345\" }}\nthresholds: [\"p(95)<200ms\", error_rate<1%]\n"
        );
        let defaults = Defaults {
            regions: vec![(Region::parse("lo-home-1").unwrap(), 8)],
            tasks: 2,
            name: String::new(),
            show_live: true,
        };
        source::parse(
            (text.as_bytes(), Format::Yaml),
            &Overrides::default(),
            &defaults,
            (Path::new(""), (&Files::InPlace, None)),
            Purpose::Run,
        )
        .unwrap_or_else(|faults| panic!("{faults}"))
    }

    #[test]
    fn loads_are_told_in_words() {
        for (execution, words) in [
            ("{ users: 50, hold-for: 30s }", "50 users for 30s"),
            (
                "{ users: 1, ramp-up: 500ms, hold-for: 90s }",
                "1 user after a rise of 500ms, for 1m30s",
            ),
            (
                "{ concurrency: 5, hold-for: 30s, iterations: 1 }",
                "10 users for 30s, each until it has made 1 round",
            ),
            (
                "{ arrivals: 12.5, hold-for: 10s }",
                "12.5 arrivals per second for 10s",
            ),
            (
                "{ users: 5, total-requests: 2000 }",
                "5 users for 1h, or until 2,000 requests are begun",
            ),
            (
                "{ users: 5, throughput: 100, hold-for: 10s }",
                "5 users for 10s, at most 100 requests per second in all",
            ),
            (
                "{ stages: [{ target: 5, duration: 10s }, { target: 5, duration: 1m }, { target: 0, duration: 5s }] }",
                "from 0 to 5 users in 10s, then 5 users for 1m, then from 5 to 0 users in 5s; at most 5 users",
            ),
        ] {
            let scenario = scenario(&format!("[{execution}]"));
            let said = load_in_words(&scenario.plan.groups[0], runners(&scenario));
            assert_eq!(said, words, "{execution}");
        }
        let many = ["{ target: 5, duration: 1s }, { target: 1, duration: 1s }"; 9].join(", ");
        let scenario = scenario(&format!("[{{ stages: [{many}] }}]"));
        let said = load_in_words(&scenario.plan.groups[0], 1);
        assert!(said.contains("and 10 stages; at most 5 users"), "{said}");
    }

    #[test]
    fn the_page_tells_all_in_a_few_lines() {
        let scenario = scenario("[{ users: 50, hold-for: 30s }]");
        let through: BTreeSet<String> = ["http://proxy.test:3128 (http_proxy)".to_owned()].into();
        let shown = |width| -> String {
            let lines = lines("shop.yaml", &scenario, &through, width);
            lines.iter().map(|line| line.render(false) + "\n").collect()
        };
        let draw = |width| lines("shop.yaml", &scenario, &through, width);
        insta::assert_snapshot!("captured_check", crate::line::captured(draw));
        let json = as_json(&scenario, &BTreeSet::new());
        insta::assert_snapshot!(serde_json::to_string_pretty(&json).unwrap());
        let told = format!("{}{json}", shown(140));
        assert!(!told.contains("secret"), "{told}");
    }
}
