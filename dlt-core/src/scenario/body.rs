//! The API body: its own fields checked, and its parts handed to their readers. How it is
//! stored, with every default, is `filled`'s.

use crate::load::Model;
use crate::scenario::document::notes::{Node, Notes, Object};
use crate::scenario::document::shown::shown;
use crate::scenario::execution::tasks::{Entry, tasks};
use crate::scenario::facts::{Facts, add_criteria, facts};
use crate::scenario::filled::filled;
use crate::scenario::limits::MOST_USERS;
use crate::scenario::plan::{Group, Plan};
use crate::scenario::post::OF_THE_RECORD;
use crate::scenario::requests::labels::cut_label;
use crate::scenario::requests::variables::has_variables;
use crate::scenario::test_scenario::{self, TestScenario, test_scenario};
use crate::scenario::{Defaults, FileCheck, Scenario, TaskConfig};
use crate::thresholds::Threshold;
use crate::value::Value;
use std::collections::BTreeSet;

pub(super) const KEYS: [&str; 16] = [
    "testId",
    "testName",
    "testDescription",
    "testType",
    "fileType",
    "testTaskConfigs",
    "testScenario",
    "regionalTaskDetails",
    "showLive",
    "healthyThreshold",
    "thresholds",
    "tags",
    "saveOnly",
    "scheduleTimezone",
    "oneOff",
    "keep_exchanges",
];
/// When it runs: `post` reads these; in a file that is run now they cause a warning.
const WHEN: [&str; 7] = [
    "scheduleStep",
    "scheduleDate",
    "scheduleTime",
    "recurrence",
    "cronValue",
    "cronExpiryDate",
    "eventBridge",
];

/// Reads a whole body; None if there is a fault.
pub(super) fn body(
    raw: &Value,
    defaults: &Defaults,
    files: FileCheck<'_>,
    notes: &mut Notes,
) -> Option<Scenario> {
    let root = Node::root(raw).object(notes)?;
    known_keys(&root, notes);
    // A record says "" for each that it does not have.
    let is_said = |key: &str| {
        raw.get(key)
            .is_some_and(|it| !it.is_null() && it.as_str() != Some(""))
    };
    for key in WHEN.iter().filter(|key| is_said(key)) {
        notes.warn(
            key,
            "is not used by a run that starts now; dlt scenarios create keeps a schedule",
        );
    }
    let mut facts = facts(&root, defaults, notes);
    let entries = tasks(&root, defaults, notes);
    let test_scenario = match root.get("testScenario") {
        Some(node) => node
            .object(notes)
            .map(|object| test_scenario(&object, files, notes)),
        None => {
            let hint = if root.has("execution") || root.has("scenarios") {
                "; put execution and scenarios inside it"
            } else {
                ""
            };
            notes.fault(
                "testScenario",
                format!("is missing: it holds execution (how hard) and scenarios (what){hint}"),
            );
            None
        }
    };
    let mut test_scenario = test_scenario.unwrap_or_default();
    test_scenario.of_type(facts.test_type, notes);
    add_criteria(&mut facts.thresholds, &mut test_scenario.criteria, notes);
    check_load_is_given(&test_scenario, &entries, notes);
    let spot = test_scenario.spot(notes);
    test_scenario.check_seed(notes);
    let plan = entries
        .first()
        .and_then(|entry| test_scenario.plan(|at| concurrency(&test_scenario, at, entry)));
    if let Some(plan) = &plan {
        check_users(&test_scenario, plan, &entries, notes);
        check_judged(&facts, plan, &entries, notes);
        check_transactions(&test_scenario, plan, notes);
    }
    if notes.has_faults() {
        return None;
    }
    let plan = plan?;
    let tasks = task_configs(&test_scenario, &plan, &entries);
    let body = filled(raw, &facts, &test_scenario, &tasks, defaults);
    Some(Scenario {
        test_id: facts.test_id,
        name: facts.name,
        description: facts.description,
        show_live: facts.show_live,
        healthy_threshold: facts.healthy_threshold,
        spot,
        tasks,
        plan,
        thresholds: facts.thresholds.into_iter().map(|(_, t)| t).collect(),
        one_off: facts.one_off,
        keep_exchanges: facts.keep_exchanges,
        warnings: Vec::new(),
        changes: Vec::new(),
        body,
    })
}

/// Notes thresholds and kept exchanges that do not go with the plan.
fn check_judged(facts: &Facts, plan: &Plan, entries: &[Entry], notes: &mut Notes) {
    let is_script = plan.script().is_some();
    // Which labels a script has, it says when it runs.
    if !is_script {
        check_threshold_labels(&facts.thresholds, plan, notes);
    }
    match (facts.keep_exchanges, is_script) {
        (true, true) => notes.fault(
            "keep_exchanges",
            "keeps the exchanges of requests that dlt sends itself, and this is a script",
        ),
        (true, false) => check_one_iteration(plan, entries, notes),
        (false, _) => {}
    }
}

/// Notes the body's unknown keys. Those of a record that was read over the API are no
/// fault, so that it can be run as a file; parts of a test scenario that stand beside it
/// are told once, where it is missing.
fn known_keys(root: &Object<'_>, notes: &mut Notes) {
    let mut known = [&KEYS[..], &WHEN[..], &OF_THE_RECORD[..]].concat();
    if !root.has("testScenario") {
        known.extend(["execution", "scenarios", "reporting"]);
    }
    root.allow_only(&known, &test_scenario::NOT_SUPPORTED, notes);
}

/// The users of a task of this entry in execution item `at`. As in DLT the
/// first item's are the entry's; a further item's own go first.
fn concurrency(test_scenario: &TestScenario, at: usize, entry: &Entry) -> Option<u64> {
    let own = test_scenario.executions.get(at)?.concurrency;
    if at == 0 {
        entry.concurrency.or(own)
    } else {
        own.or(entry.concurrency)
            .or(test_scenario.executions.first()?.concurrency)
    }
}

/// Notes execution items without any load.
fn check_load_is_given(test_scenario: &TestScenario, entries: &[Entry], notes: &mut Notes) {
    for (at, item) in test_scenario.executions.iter().enumerate() {
        if !item.is_per_task() {
            continue;
        }
        let without: Vec<_> = entries
            .iter()
            .filter(|entry| concurrency(test_scenario, at, entry).is_none())
            .collect();
        if without.len() == entries.len() && !entries.is_empty() {
            notes.fault(
                &item.path,
                "says no load: give users or arrivals (for the whole run), or stages, or concurrency (users of each task)",
            );
        } else {
            for entry in without {
                notes.fault(
                    format!("{}.concurrency", entry.path),
                    "is missing: other entries give the users of each task",
                );
            }
        }
    }
}

/// Notes more users than a run may have, and warns of tasks without any.
fn check_users(test_scenario: &TestScenario, plan: &Plan, entries: &[Entry], notes: &mut Notes) {
    let tasks: u64 = entries.iter().map(|entry| entry.task_count).sum();
    let mut users = 0u64;
    for (at, group) in plan.groups.iter().enumerate() {
        let peak = group.load.model.curve().peak() as u64;
        let path = &test_scenario.executions[at].path;
        if group.load.per_task {
            let of = |entry: &Entry| concurrency(test_scenario, at, entry).unwrap_or(0);
            users += entries
                .iter()
                .map(|entry| entry.task_count * of(entry))
                .sum::<u64>();
        } else if !group.load.model.is_open() && !group.load.own_shape {
            users += peak;
            if peak < tasks {
                notes.warn(
                    path,
                    &format!("{peak} users over {tasks} runners leave some without any; ask for fewer runners"),
                );
            }
        }
    }
    if users > MOST_USERS {
        notes.fault(
            "testScenario.execution",
            format!("asks for {users} users in all; at most {MOST_USERS}"),
        );
    }
}

/// Notes a load of more than one iteration where all exchanges are to be kept: they are for
/// people, who read a few, and a load must not be slowed by what is kept of it.
fn check_one_iteration(plan: &Plan, entries: &[Entry], notes: &mut Notes) {
    let tasks: u64 = entries.iter().map(|entry| entry.task_count).sum();
    let why = match &plan.groups[..] {
        _ if tasks > 1 => format!("this one has {tasks} tasks"),
        [group] if group.load.model.is_open() => "this one has arrivals".to_owned(),
        [group] if group.load.model.curve().peak() > 1.0 => {
            let users = group.load.model.curve().peak();
            format!("this one has {users} users")
        }
        [group] => match group.load.iterations {
            Some(1) => return,
            Some(many) => format!("this one has {many} iterations"),
            None => "this one does not say iterations: 1".to_owned(),
        },
        groups => format!("this one has {} execution items", groups.len()),
    };
    notes.fault(
        "keep_exchanges",
        format!(
            "keeps the exchanges of a run of one iteration: one task, and one execution item with users: 1 and iterations: 1; {why}"
        ),
    );
}

/// Notes transactions that are called as a request is: nobody could tell their numbers apart.
fn check_transactions(test_scenario: &TestScenario, plan: &Plan, notes: &mut Notes) {
    let labels: BTreeSet<&str> = plan
        .groups
        .iter()
        .flat_map(|group| group.steps.iter().map(|step| step.label.as_str()))
        .collect();
    let mut told = BTreeSet::new();
    for definition in &test_scenario.definitions {
        for (transaction, path) in definition
            .flow
            .transactions
            .iter()
            .zip(&definition.transactions)
        {
            if labels.contains(transaction.name.as_str()) && told.insert(path) {
                notes.fault(
                    path,
                    "is the label of a request, too: thresholds and results name both alike; give one of them another name",
                );
            }
        }
    }
}

/// Notes thresholds on labels that no request has: they could only fail.
fn check_threshold_labels(thresholds: &[(String, Threshold)], plan: &Plan, notes: &mut Notes) {
    let of_group = |group: &'_ Group| -> Vec<String> {
        let steps = group.steps.iter().map(|step| step.label.clone());
        let transactions = group.flow.transactions.iter();
        let transactions = transactions.map(|transaction| transaction.name.clone());
        steps.chain(transactions).collect()
    };
    let labels: Vec<String> = plan.groups.iter().flat_map(of_group).collect();
    // A label that varies may come to be any.
    if labels.iter().any(|label| has_variables(label)) {
        return;
    }
    for (path, threshold) in thresholds {
        let Some(label) = &threshold.label else {
            continue;
        };
        if labels.contains(&cut_label(label)) {
            continue;
        }
        let some: Vec<String> = labels.iter().take(10).map(|label| shown(label)).collect();
        notes.fault(
            path,
            format!(
                "is about the label {}, which no request has; labels: {}",
                shown(label),
                some.join(", ")
            ),
        );
    }
}

fn task_configs(test_scenario: &TestScenario, plan: &Plan, entries: &[Entry]) -> Vec<TaskConfig> {
    let tasks: u64 = entries.iter().map(|entry| entry.task_count).sum();
    // DLT's clients need a number: what a task's part of the users comes to.
    let dealt = plan
        .groups
        .first()
        .map_or(1, |group| match &group.load.model {
            Model::Users(curve) => (curve.peak() as u64).div_ceil(tasks.max(1)),
            Model::Arrivals(_) => 1,
        });
    entries
        .iter()
        .filter_map(|entry| {
            Some(TaskConfig {
                region: entry.region.clone()?,
                task_count: entry.task_count,
                concurrency: concurrency(test_scenario, 0, entry).unwrap_or(dealt.max(1)),
            })
        })
        .collect()
}
