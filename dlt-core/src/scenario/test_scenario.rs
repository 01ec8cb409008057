//! `testScenario`: which scenario each execution item runs, and the plan that
//! comes of it once the users of a task are known. Reading the parts is left to
//! `execution` and `requests`.

use crate::scenario::FileCheck;
use crate::scenario::document::notes::{Node, Notes, Object};
use crate::scenario::document::shown::{shown, shown_key};
use crate::scenario::execution::{Execution, execution};
use crate::scenario::limits::{MOST_EXECUTIONS, MOST_SCENARIOS, MOST_THRESHOLDS};
use crate::scenario::names::scenario_name;
use crate::scenario::passfail;
use crate::scenario::plan::{Group, Load, Once, Plan, Step, Tool, is_archive};
use crate::scenario::requests::labels::{label_steps, several_hosts};
use crate::scenario::requests::once::ReadOnce;
use crate::scenario::requests::{Definition, ReadRequest, definition};
use crate::thresholds::Threshold;
use crate::value::Value;

/// `testScenario`, read; what cannot be read is noted and left out.
#[derive(Debug, Clone, Default)]
pub(crate) struct TestScenario {
    pub executions: Vec<Execution>,
    /// Each execution item's scenario.
    pub definitions: Vec<Definition>,
    /// Thresholds that come of Taurus's criteria, each with its path.
    pub criteria: Vec<(String, Threshold)>,
}

/// Parts of a Taurus file that would change what is done.
pub(crate) const NOT_SUPPORTED: [&str; 6] = [
    "cli",
    "included-configs",
    "modules",
    "provisioning",
    "services",
    "settings",
];

pub(crate) fn test_scenario(
    object: &Object<'_>,
    files: FileCheck<'_>,
    notes: &mut Notes,
) -> TestScenario {
    object.allow_only(
        &["execution", "scenarios", "reporting"],
        &NOT_SUPPORTED,
        notes,
    );
    let criteria = match object.get("reporting") {
        Some(node) => reporting(&node, notes),
        None => Vec::new(),
    };
    let executions = match object.get("execution") {
        Some(node) => node.list(1..=MOST_EXECUTIONS, notes).unwrap_or_default(),
        None => {
            notes.fault(
                object.path_of("execution"),
                "is missing: say how hard and how long, like [{ users: 10, hold-for: 30s }]",
            );
            Vec::new()
        }
    };
    let executions: Vec<_> = executions
        .iter()
        .filter_map(|node| execution(node, is_scripted(node, object), notes))
        .collect();
    let scenarios = object.get("scenarios");
    if scenarios.is_none() {
        notes.fault(
            object.path_of("scenarios"),
            "is missing: say what to request, like { shop: { requests: [\"https://example.com/\"] } }",
        );
    }
    let Some(scenarios) = scenarios.and_then(|node| node.object(notes)) else {
        return TestScenario::default();
    };
    let count = scenarios.map.len();
    if count == 0 || count > MOST_SCENARIOS {
        notes.fault(
            &scenarios.path,
            format!("has {count} scenarios; 1 to {MOST_SCENARIOS} are allowed"),
        );
    }
    let known: Vec<Option<Definition>> = scenarios
        .map
        .iter()
        .take(MOST_SCENARIOS)
        .map(|(name, value)| {
            let node = Node {
                value,
                path: scenarios.path_of(name),
            };
            if let Some(reason) = scenario_name(name) {
                node.fault(notes, format!("the name {reason}"));
            }
            definition(name, &node, files, notes)
        })
        .collect();
    let mut definitions = choose(&executions, &scenarios, &known, notes);
    if definitions.len() == executions.len() {
        refuse_cut_arrivals(&executions, &definitions, notes);
        scripts(&executions, &mut definitions, notes);
    }
    TestScenario {
        definitions,
        executions,
        criteria,
    }
}

/// The scenario of each execution item, as far as there is one.
fn choose(
    executions: &[Execution],
    scenarios: &Object<'_>,
    known: &[Option<Definition>],
    notes: &mut Notes,
) -> Vec<Definition> {
    let names: Vec<&String> = scenarios.map.keys().take(MOST_SCENARIOS).collect();
    let list = || {
        let some: Vec<String> = names.iter().take(10).map(|name| shown(name)).collect();
        some.join(", ")
    };
    let mut used = vec![false; names.len()];
    let mut chosen = Vec::new();
    for item in executions {
        let path = format!("{}.scenario", item.path);
        let at = if item.scenario.is_empty() {
            if names.len() > 1 {
                notes.fault(path, format!("is missing: say which of {} is run", list()));
                used.fill(true);
            }
            (names.len() == 1).then_some(0)
        } else {
            let at = names.iter().position(|name| **name == item.scenario);
            if at.is_none() {
                let reason = format!(
                    "names {}, which scenarios does not have; it has {}",
                    shown(&item.scenario),
                    list()
                );
                notes.fault(path, reason);
            }
            at
        };
        if let Some(at) = at {
            used[at] = true;
            chosen.extend(known[at].clone());
        }
    }
    for (name, _) in names.iter().zip(used).filter(|(_, used)| !used) {
        notes.warn(&scenarios.path_of(name), "is not run by any execution item");
    }
    chosen
}

/// Whether the scenario of an execution item is a script.
fn is_scripted(item: &Node<'_>, object: &Object<'_>) -> bool {
    let Some(Value::Object(scenarios)) = object.map.get("scenarios") else {
        return false;
    };
    let named = item.value.get("scenario").and_then(Value::as_str);
    let scenario = match named.filter(|name| !name.is_empty()) {
        Some(name) => scenarios.get(name),
        None => scenarios.values().next().filter(|_| scenarios.len() == 1),
    };
    scenario.is_some_and(|scenario| scenario.get("script").is_some())
}

/// Joins each script with the tool that its item names. A script runs alone.
fn scripts(executions: &[Execution], definitions: &mut [Definition], notes: &mut Notes) {
    let items = definitions.len();
    for (item, definition) in executions.iter().zip(definitions) {
        let Some(script) = &mut definition.script else {
            continue;
        };
        match (item.tool, script.tool) {
            (Some(executor), Some(tool)) if executor != tool => notes.fault(
                format!("{}.executor", item.path),
                format!(
                    "is {}, and the script is one of {}",
                    executor.name(),
                    tool.title()
                ),
            ),
            (executor, tool) => script.tool = tool.or(executor),
        }
        if items > 1 {
            notes.fault(
                &item.path,
                "runs a script, which runs alone: keep one execution item",
            );
        }
        if script.tool.is_some_and(|tool| tool != Tool::Jmeter) && item.has_iterations() {
            notes.fault(
                format!("{}.iterations", item.path),
                "is for requests and JMeter's thread groups: write the rounds in the script, or give hold-for",
            );
        }
        let counts_seconds = match script.tool {
            Some(Tool::Jmeter) => true,
            // What is in stages is made by a shape of ours.
            Some(Tool::Locust) => !item.is_staged(),
            _ => false,
        };
        if counts_seconds && !item.is_in_seconds() {
            notes.fault(
                &item.path,
                "has a part of a second in ramp-up or hold-for, and JMeter and Locust count whole ones: write 1s, 2s or more",
            );
        }
        if script.tool == Some(Tool::Jmeter) && item.is_staged() {
            notes.fault(
                format!("{}.stages", item.path),
                "is not for JMeter, whose thread groups rise once: give users, ramp-up and hold-for",
            );
        }
    }
}

/// Notes arrivals of several requests where requests are to be counted, since the last arrival
/// would be cut in the middle; and arrivals that never end.
fn refuse_cut_arrivals(executions: &[Execution], definitions: &[Definition], notes: &mut Notes) {
    for (item, definition) in executions.iter().zip(definitions) {
        if !item.is_open() || definition.script.is_some() {
            continue;
        }
        let name = shown(&definition.name);
        let makes = match definition.flow.requests {
            _ if item.total_requests.is_none() => None,
            Some(0 | 1) => None,
            Some(requests) => Some(format!("makes all {requests} of {name}")),
            None => Some(format!("of {name} makes as many as its blocks decide")),
        };
        if let Some(makes) = makes {
            notes.fault(
                format!("{}.total-requests", item.path),
                format!(
                    "counts requests, and an arrival {makes}: give hold-for, or users instead of arrivals",
                ),
            );
        }
        if definition.flow.is_endless {
            notes.fault(
                format!("{}.arrivals", item.path),
                format!(
                    "begins walks that never end, since {name} has loop: forever: say how often, or give users instead of arrivals"
                ),
            );
        }
    }
}

/// Reporters: DLT's own are what is done anyway, criteria of passing become thresholds.
/// Files that other reporters would write are not written.
fn reporting(node: &Node<'_>, notes: &mut Notes) -> Vec<(String, Threshold)> {
    let mut criteria = Vec::new();
    for item in node.list(0..=MOST_SCENARIOS, notes).unwrap_or_default() {
        let Some(object) = item.object(notes) else {
            continue;
        };
        let module = match object.get("module") {
            Some(module) => module.text(notes),
            None => {
                notes.fault(object.path_of("module"), "is missing: name the reporter");
                continue;
            }
        };
        match module {
            Some("passfail" | "pass-fail") => criteria.extend(passfail(&object, notes)),
            Some("final-stats" | "final_status" | "console") => final_stats(&object, notes),
            Some(_) => notes.not_done(
                object.path_of("module"),
                "is a reporter that dlt has not: results are shown by dlt runs show and saved by \
                 dlt runs download",
            ),
            None => {}
        }
    }
    criteria
}

fn final_stats(object: &Object<'_>, notes: &mut Notes) {
    const FLAGS: [&str; 4] = ["summary", "percentiles", "summary-labels", "test-duration"];
    let known = [&FLAGS[..], &["module", "dump-xml", "failed-labels"]].concat();
    object.allow_only(&known, &["dump-csv"], notes);
    for key in FLAGS {
        if let Some(flag) = object.get(key) {
            flag.boolean(notes);
        }
    }
    if let Some(path) = object.get("dump-xml") {
        path.text(notes);
    }
}

/// The thresholds that criteria come to, each with the path of its criterion.
fn passfail(object: &Object<'_>, notes: &mut Notes) -> Vec<(String, Threshold)> {
    object.allow_only(&["module", "criteria"], &["run-at"], notes);
    let Some(node) = object.get("criteria") else {
        return Vec::new();
    };
    let texts: Vec<(String, &Value)> = match node.value {
        Value::Object(map) => map
            .iter()
            .map(|(message, value)| (format!("{}.{}", node.path, shown_key(message)), value))
            .collect(),
        _ => node
            .list(0..=MOST_THRESHOLDS, notes)
            .unwrap_or_default()
            .into_iter()
            .map(|item| (item.path, item.value))
            .collect(),
    };
    let mut read = Vec::new();
    for (path, value) in texts {
        let threshold = match value.as_str() {
            Some(text) => passfail::threshold(text),
            None => Err("only criteria written as text are read, like avg-rt>150ms".to_owned()),
        };
        match threshold {
            Ok(threshold) => {
                let reason = format!(
                    "is judged as the threshold {}",
                    shown(&threshold.expression)
                );
                notes.warn(&path, &reason);
                read.push((path, threshold));
            }
            Err(why) => notes.not_done(path, &why),
        }
    }
    read
}

/// The steps of what was read.
fn steps_of(read: &[ReadRequest]) -> Vec<Step> {
    read.iter().map(|request| request.step.clone()).collect()
}

/// What is requested once per run, with labels as those of its load are made.
fn planned(read: Option<&ReadOnce>, with_host: bool) -> Option<Once> {
    let read = read?;
    let mut steps = steps_of(&read.steps);
    label_steps(&mut steps, &read.steps, with_host);
    Some(Once {
        steps,
        flow: read.flow.clone(),
        limit_us: read.limit_us,
    })
}

impl TestScenario {
    /// Percent of a region's workers on spare capacity. They work for all items, so
    /// that items which say different numbers contradict each other.
    pub fn spot(&self, notes: &mut Notes) -> u8 {
        let mut said = self
            .executions
            .iter()
            .filter_map(|item| Some((item, item.spot?)));
        let Some((first, percent)) = said.next() else {
            return 0;
        };
        for (item, other) in said.filter(|row| row.1 != percent) {
            notes.fault(
                format!("{}.spot", item.path),
                format!(
                    "is {other}, and {} says {percent}: all items have the same workers; say it once",
                    first.path
                ),
            );
        }
        percent
    }

    /// Notes items that say different seeds: a run has one.
    pub fn check_seed(&self, notes: &mut Notes) {
        let mut said = self
            .executions
            .iter()
            .filter_map(|item| Some((item, item.seed?)));
        let Some((first, seed)) = said.next() else {
            return;
        };
        for (item, other) in said.filter(|row| row.1 != seed) {
            notes.fault(
                format!("{}.seed", item.path),
                format!(
                    "is {other}, and {} says {seed}: a run has one seed; say it once",
                    first.path
                ),
            );
        }
    }

    /// Takes the tool that `testType` names for scripts whose name does not tell it, and notes
    /// where the two contradict each other. None: nothing is said, or `simple`.
    pub fn of_type(&mut self, said: Option<&str>, notes: &mut Notes) {
        let tool = said.and_then(Tool::parse);
        for definition in &mut self.definitions {
            let reason = match (&mut definition.script, tool) {
                (None, Some(tool)) => format!(
                    "is {}, whose scripts are run, and the scenario lists requests: name a script there, or write simple",
                    tool.name()
                ),
                (Some(script), _) if said == Some("simple") => format!(
                    "is simple, and the scenario is a script{}: write its tool here (jmeter, k6 or locust)",
                    script.tool.map(|tool| format!(" of {}", tool.title())).unwrap_or_default()
                ),
                (Some(script), Some(tool)) if script.tool.is_some_and(|own| own != tool) => {
                    format!("is {}, and the script is one of another tool", tool.name())
                }
                (Some(script), Some(tool)) => {
                    script.tool = Some(tool);
                    continue;
                }
                // One of another name is a fault already.
                (Some(script), None) if script.tool.is_none() && is_archive(&script.path) => {
                    "is missing: an archive does not tell whose script it holds; write jmeter, k6 or locust".to_owned()
                }
                _ => continue,
            };
            notes.fault("testType", reason);
        }
    }

    /// The plan, `concurrency(n)` being the users of a task in execution item
    /// n. None if something was left out.
    pub fn plan(&self, concurrency: impl Fn(usize) -> Option<u64>) -> Option<Plan> {
        if self.executions.len() != self.definitions.len() || self.executions.is_empty() {
            return None;
        }
        let seed = self.executions.iter().find_map(|item| item.seed);
        let mut groups = Vec::new();
        for (at, (item, definition)) in self.executions.iter().zip(&self.definitions).enumerate() {
            let users = if item.is_per_task() {
                concurrency(at)?
            } else {
                0
            };
            let script = match &definition.script {
                Some(script) => Some(script.planned()?),
                None => None,
            };
            groups.push(Group {
                script,
                name: definition.name.clone(),
                load: Load {
                    seed,
                    ..item.load(users)?
                },
                steps: steps_of(&definition.steps),
                flow: definition.flow.clone(),
                tls: definition.tls.clone(),
                dns: item.dns,
                routing: definition.routing.clone(),
                connection_policy: definition.connection_policy.clone(),
                http: definition.http,
                streams: definition.streams,
                store_cookies: definition.store_cookies,
                variables: definition.variables.clone(),
                data: definition.data.clone(),
                setup: None,
                teardown: None,
            });
        }
        let urls = groups
            .iter()
            .flat_map(|group| group.steps.iter().map(|step| &step.url));
        let with_host = several_hosts(urls);
        for (group, definition) in groups.iter_mut().zip(&self.definitions) {
            label_steps(&mut group.steps, &definition.steps, with_host);
            group.setup = planned(definition.setup.as_ref(), with_host);
            group.teardown = planned(definition.teardown.as_ref(), with_host);
        }
        Some(Plan { groups })
    }
}
