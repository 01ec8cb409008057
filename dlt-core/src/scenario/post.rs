//! The body of POST /scenarios: what is to be done, the scenario in it, and the
//! body as it is kept (api-behaviour.md 3, 4). Checking it against stored
//! scenarios, regions and capacity, and doing it, is the pipeline's job.

use crate::ids::{Region, TestId};
use crate::refusal::Refusal;
use crate::refusal::{Fault, Faults};
use crate::scenario::limits::{DEFAULT_HEALTHY_THRESHOLD, MOST_USERS};
use crate::scenario::schedule::{self, Fields, Schedule, least_gap_s};
use crate::scenario::{Defaults, Outside, Purpose, Scenario, TaskConfig, secrets, tags, wire};
use crate::value::{Map, Value, json};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Fields of a record that clients send back with it. They are not the
/// client's to set: neither kept nor warned about.
pub(super) const OF_THE_RECORD: [&str; 17] = [
    "status",
    "results",
    "startTime",
    "endTime",
    "nextRun",
    "scheduleRecurrence",
    "desiredTaskCount",
    "taskFailureCount",
    "completeTasks",
    "errorReason",
    "baselineId",
    "totalTestRuns",
    "testRunId",
    "warnings",
    "tasksPerRegion",
    "history",
    "succPercent",
];
/// Fields of the request alone, which are not kept with the scenario.
const OF_THE_REQUEST: [&str; 10] = [
    "regionalTaskDetails",
    "saveOnly",
    "scheduleStep",
    "scheduleDate",
    "scheduleTime",
    "scheduleTimezone",
    "recurrence",
    "cronValue",
    "cronExpiryDate",
    "eventBridge",
];

/// A body, read and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Post {
    /// The scenario's id, if the client chose one.
    pub test: Option<TestId>,
    /// What is to be done.
    pub action: Action,
    /// Regions with their runners.
    pub tasks: Vec<TaskConfig>,
    /// What a run needs; None for a script that is kept though it cannot be run as it is.
    pub scenario: Option<Scenario>,
    /// The body as it is kept.
    pub body: Value,
    /// Unknown keys and the like, as sentences.
    pub warnings: Vec<String>,
}

/// What is to be done with a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Keep it and start a run.
    Run,
    /// Keep it.
    Save,
    /// Keep it and run it when its time comes.
    Schedule(When),
}

/// The schedule fields of a body; empty means absent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct When {
    /// `scheduleDate`.
    pub date: String,
    /// `scheduleTime`.
    pub time: String,
    /// `scheduleTimezone`; empty is UTC.
    pub zone: String,
    /// `recurrence`; empty when there is a cron value, which wins.
    pub recurrence: String,
    /// `cronValue`.
    pub cron: String,
    /// `cronExpiryDate`.
    pub expiry: String,
}

impl When {
    /// The rule that these fields make.
    pub fn schedule(&self) -> Result<Schedule, Vec<Fault>> {
        Schedule::parse(&Fields {
            date: &self.date,
            time: &self.time,
            zone: &self.zone,
            recurrence: &self.recurrence,
            cron: &self.cron,
            expiry: &self.expiry,
        })
    }

    /// The zone's name, as records show it.
    pub fn zone_name(&self) -> &str {
        match self.zone.as_str() {
            "" => "UTC",
            zone => zone,
        }
    }
}

impl Post {
    /// Reads a body: the contract's schema first, then what its parts mean.
    /// `outside` knows whether a named file was uploaded, and which targets are allowed.
    pub fn read(body: &Value, outside: Outside<'_>) -> Result<Self, Refusal> {
        let mut faults = wire::faults(body);
        faults.extend(secrets::faults(body));
        if !faults.is_empty() {
            return Err(Refusal::body(faults));
        }
        let text = |key: &str| body[key].as_str().unwrap_or_default();
        let cron = text("cronValue");
        check_when(text("scheduleStep"), text("scheduleTime"), cron)?;
        let action = match text("scheduleStep") {
            "" if body["saveOnly"] == true => Action::Save,
            "" => Action::Run,
            _ => Action::Schedule(When {
                date: text("scheduleDate").to_owned(),
                time: text("scheduleTime").to_owned(),
                zone: text("scheduleTimezone").to_owned(),
                recurrence: match cron {
                    "" => text("recurrence").to_owned(),
                    // DLT's console sends a recurrence with every cron value.
                    _ => String::new(),
                },
                cron: cron.to_owned(),
                expiry: text("cronExpiryDate").to_owned(),
            }),
        };
        check_one_off(body, &action)?;
        let mut plain = plain(body);
        let tasks = task_configs(body);
        check_details(body, &tasks)?;
        let defaults = Defaults {
            // Capacity is checked later, with codes of its own.
            regions: tasks
                .iter()
                .map(|task| (task.region.clone(), MOST_USERS))
                .collect(),
            tasks: 1,
            name: String::new(),
            show_live: false,
        };
        let purpose = match action {
            Action::Save => Purpose::Keep,
            Action::Run | Action::Schedule(_) => Purpose::Run,
        };
        let is_script = text("testType") != "simple";
        let (scenario, warnings) = match Scenario::from_value(&plain, &defaults, outside, purpose) {
            Ok(scenario) => {
                let warnings = scenario.warnings.clone();
                plain = stored_body(&scenario);
                (Some(scenario), warnings)
            }
            // As DLT keeps it: what its client may still change.
            Err(Faults(faults)) if is_script && action == Action::Save => {
                fill_script(&mut plain, &tasks);
                let told = faults.iter().map(|fault| {
                    format!(
                        "{}: {}; it cannot be run until that is changed",
                        fault.path, fault.reason
                    )
                });
                (None, told.collect())
            }
            Err(Faults(faults)) => return Err(Refusal::body(faults)),
        };
        Ok(Self {
            test: TestId::parse(text("testId")).ok(),
            action,
            tasks,
            scenario,
            body: plain,
            warnings,
        })
    }

    /// The rule of a schedule, if it can still come and leaves time for its runs.
    pub fn check_schedule(&self, when: &When, now: Timestamp) -> Result<Schedule, Refusal> {
        let refuse = |code, text: String| Err(Refusal::new(400, code, text));
        let by_cron = !when.cron.is_empty();
        if !by_cron && (when.date.is_empty() || when.time.is_empty()) {
            let text = "a schedule needs cronValue, or both scheduleDate and scheduleTime";
            return refuse("InvalidParameter", text.to_owned());
        }
        let schedule = match when.schedule() {
            Ok(schedule) => schedule,
            Err(faults) => {
                let cron = faults.iter().find(|fault| fault.path == "cronValue");
                return match cron {
                    Some(fault) => refuse("Invalid Linux cron expression", fault.reason.clone()),
                    None => refuse("InvalidParameter", Faults(faults).to_string()),
                };
            }
        };
        if schedule.next_after(now).is_none() {
            return match by_cron {
                true => refuse(
                    "Invalid Parameter",
                    "cronValue has no time left before cronExpiryDate".to_owned(),
                ),
                false => refuse(
                    "InvalidParameter",
                    format!(
                        "{} {} in {} is over; choose a time that is still to come",
                        when.date,
                        when.time,
                        when.zone_name()
                    ),
                ),
            };
        }
        let least_s = least_gap_s(
            self.tasks.iter().map(|task| task.task_count).sum(),
            // The whole plan counts, however it is written.
            0,
            self.scenario
                .as_ref()
                .map_or(0, |scenario| scenario.plan.end_us().div_ceil(1_000_000)),
        );
        match schedule.shortest_gap_s(now) {
            Some(gap_s) if gap_s.unsigned_abs() < least_s => refuse(
                "Invalid Parameter",
                format!(
                    "runs would follow each other after {gap_s} s; this load needs {least_s} s between two starts"
                ),
            ),
            _ => Ok(schedule),
        }
    }
}

impl Scenario {
    /// A kept body as a scenario; the regions it names need not exist.
    pub fn from_stored(
        body: &Value,
        outside: Outside<'_>,
        purpose: Purpose,
    ) -> Result<Self, Faults> {
        let defaults = Defaults {
            regions: task_configs(body)
                .into_iter()
                .map(|task| (task.region, MOST_USERS))
                .collect(),
            tasks: 1,
            name: String::new(),
            show_live: false,
        };
        Self::from_value(body, &defaults, outside, purpose)
    }
}

/// What is kept of a scenario: every default filled in, and in `testScenario`
/// the numbers of the last region, as DLT's records have them.
fn stored_body(scenario: &Scenario) -> Value {
    let mut body = scenario.body.clone();
    if let (Some(object), Some(last)) = (body.as_object_mut(), scenario.tasks.last()) {
        object.shift_remove("regionalTaskDetails");
        // Asked for of one run.
        object.shift_remove("keep_exchanges");
        if !scenario.one_off {
            object.shift_remove("oneOff");
        }
        let document = scenario.region_document(&last.region);
        object.insert("testScenario".to_owned(), document);
        object
            .entry("tags".to_owned())
            .or_insert_with(|| Value::Array(Vec::new()));
    }
    body
}

/// The body without what is not the scenario's own.
fn plain(body: &Value) -> Value {
    let mut object = Map::new();
    for (key, value) in body.as_object().into_iter().flatten() {
        if !OF_THE_RECORD.contains(&key.as_str()) && !OF_THE_REQUEST.contains(&key.as_str()) {
            object.insert(key.clone(), value.clone());
        }
    }
    let configs: Vec<Value> = task_configs(body)
        .iter()
        .map(|task| {
            json!({
                "region": task.region,
                "taskCount": task.task_count,
                "concurrency": task.concurrency,
            })
        })
        .collect();
    object.insert("testTaskConfigs".to_owned(), Value::Array(configs));
    let mut plain = Value::Object(object);
    for item in plain["testScenario"]["execution"]
        .as_array_mut()
        .into_iter()
        .flatten()
    {
        for key in ["ramp-up", "hold-for"] {
            if let Some(Value::String(text)) = item.get_mut(key) {
                text.retain(|c| !c.is_whitespace());
            }
        }
    }
    plain
}

/// Fills a script scenario in, as far as it is kept only.
fn fill_script(plain: &mut Value, tasks: &[TaskConfig]) {
    let written: Vec<String> = plain["tags"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|tag| tag.as_str().map(str::to_owned))
        .collect();
    plain["tags"] = json!(tags::normalise(written.iter().map(String::as_str)));
    if plain.get("fileType").is_none() {
        plain["fileType"] = json!("script");
    }
    if plain.get("showLive").is_none() {
        plain["showLive"] = json!(false);
    }
    let threshold = plain.get("healthyThreshold").and_then(number);
    plain["healthyThreshold"] = json!(threshold.unwrap_or(DEFAULT_HEALTHY_THRESHOLD));
    if let Some(last) = tasks.last() {
        let first = &mut plain["testScenario"]["execution"][0];
        first["taskCount"] = json!(last.task_count);
        first["concurrency"] = json!(last.concurrency);
    }
    plain["testScenario"]["reporting"] = crate::scenario::region_document::reporting();
}

/// `testTaskConfigs` with numbers; the schema was checked before.
fn task_configs(body: &Value) -> Vec<TaskConfig> {
    let items = body["testTaskConfigs"].as_array();
    items
        .into_iter()
        .flatten()
        .filter_map(|item| {
            Some(TaskConfig {
                region: Region::parse(item["region"].as_str()?).ok()?,
                task_count: number(&item["taskCount"])?,
                concurrency: number(&item["concurrency"]).unwrap_or(1),
            })
        })
        .collect()
}

/// What the schedule fields alone must satisfy beyond their patterns, whether
/// or not there will be a schedule (api-behaviour.md 3, step 3; section 4).
fn check_when(step: &str, time: &str, cron: &str) -> Result<(), Refusal> {
    if !cron.is_empty()
        && let Err(reason) = schedule::cron_meaning(cron)
    {
        return Err(Refusal::new(400, "Invalid Linux cron expression", reason));
    }
    if step == "create" && cron.is_empty() && time.len() > "22:30".len() {
        let text = "scheduleTime: write HH:MM; only scheduleStep start takes seconds";
        return Err(Refusal::new(400, "InvalidParameter", text));
    }
    Ok(())
}

/// A one-off run starts at once, and it alone keeps exchanges: they are for whoever tries a scenario out.
fn check_one_off(body: &Value, action: &Action) -> Result<(), Refusal> {
    let one_off = body["oneOff"] == true;
    if one_off && *action != Action::Run {
        return Err(Refusal::fault(
            "oneOff",
            "a one-off run starts at once and is in no list of scenarios; leave oneOff out, or saveOnly and the schedule",
        ));
    }
    if !one_off && !body["keep_exchanges"].is_null() {
        return Err(Refusal::fault(
            "keep_exchanges",
            "is for one-off runs alone; send oneOff: true with it, or leave it out",
        ));
    }
    Ok(())
}

/// Whether each region has an entry of `regionalTaskDetails`, and 1 to that
/// many runners are asked for.
fn check_details(body: &Value, tasks: &[TaskConfig]) -> Result<(), Refusal> {
    for task in tasks {
        let details = &body["regionalTaskDetails"][task.region.as_str()]["dltAvailableTasks"];
        let Some(free) = number(details) else {
            return Err(Refusal::new(
                400,
                "InvalidRegionalStack",
                format!("regionalTaskDetails has no entry for {}", task.region),
            ));
        };
        let most = free.min(MOST_USERS);
        if !(1..=most).contains(&task.task_count) {
            return Err(Refusal::new(
                400,
                "InvalidParameter",
                format!("taskCount must lie between 1 and {most} in {}", task.region),
            ));
        }
    }
    Ok(())
}

/// A whole number, or digits; what is too large for one becomes the largest.
fn number(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => Some(text.parse().unwrap_or(u64::MAX)),
        number => number
            .as_u64()
            .or_else(|| number.as_f64().map(|number| number as u64)),
    }
}

#[cfg(test)]
pub(crate) mod tests;
