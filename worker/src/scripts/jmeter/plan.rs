//! A test plan of JMeter, changed as little as can be: a setUp thread group that waits for the start,
//! and, where the scenario asks for another load, the numbers of its thread groups. Everything else
//! stays as it is written, and what was changed is told.
//! (Apache JMeter User's Manual, Elements of a Test Plan: Thread Group.)

use crate::scripts::shape::{Shape, dealt};
use quick_xml::escape::escape;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, Writer, XmlVersion};
use std::path::Path;

/// Name of the elements that wait for the start.
const GATE: &str = "dlt waits for the start";
/// The thread group that JMeter brings along.
const THREAD_GROUP: &str = "ThreadGroup";
/// The one of the plugin `jpgc-casutg`.
const CONCURRENCY: &str = "com.blazemeter.jmeter.threads.concurrency.ConcurrencyThreadGroup";
/// Properties of a thread group that say its load.
const LOAD: [&str; 8] = [
    "ThreadGroup.num_threads",
    "ThreadGroup.ramp_time",
    "ThreadGroup.scheduler",
    "ThreadGroup.duration",
    "ThreadGroup.delay",
    "ThreadGroup.start_time",
    "ThreadGroup.end_time",
    "ThreadGroup.main_controller",
];
const CONCURRENCY_LOAD: [&str; 6] = [
    "TargetLevel",
    "RampUp",
    "Steps",
    "Hold",
    "Iterations",
    "Unit",
];

/// Why a file is no plan that can be run. The sentence goes on after its name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum PlanError {
    #[error("is no test plan of JMeter: {0}")]
    NotXml(String),
    #[error("is no test plan of JMeter: its root is {0}, not jmeterTestPlan")]
    Root(String),
    #[error("has no enabled thread group, so that it makes no load")]
    NoThreadGroup,
    #[error(
        "has the thread group {name:?} of the kind {kind}, whose load cannot be replaced: leave users, ramp-up and hold-for out, so that the plan makes its own, or use a plain Thread Group"
    )]
    Kind { name: String, kind: String },
}

/// A thread group that is enabled.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    kind: String,
    name: String,
    threads: u64,
}

/// A plan as it is run.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Prepared {
    pub xml: Vec<u8>,
    /// What was changed, in sentences.
    pub changes: Vec<String>,
}

/// The plan with its gate, and with another load if one is asked for.
pub(super) fn prepare(
    plan: &[u8],
    shape: Option<&Shape>,
    gate: &Path,
) -> Result<Prepared, PlanError> {
    let groups = groups(plan)?;
    let mut changes = Vec::new();
    let mut loads = Vec::new();
    if let Some(shape) = shape {
        let weights: Vec<u64> = groups.iter().map(|group| group.threads.max(1)).collect();
        let foreign = |group: &&Group| group.kind != THREAD_GROUP && group.kind != CONCURRENCY;
        if let Some(group) = groups.iter().find(foreign) {
            return Err(PlanError::Kind {
                name: group.name.clone(),
                kind: group.kind.clone(),
            });
        }
        let users = dealt(shape.peak(), &weights);
        for (group, users) in groups.iter().zip(users) {
            let load = GroupLoad::of(shape, users);
            changes.push(format!(
                "thread group {:?}: {} in place of what the plan says",
                group.name,
                load.told()
            ));
            loads.push(load);
        }
    }
    let xml = rewrite(plan, &loads, gate)?;
    Ok(Prepared { xml, changes })
}

/// What a thread group gets.
#[derive(Debug, Clone, Copy)]
struct GroupLoad {
    users: u64,
    ramp_s: u64,
    hold_s: u64,
    iterations: Option<u64>,
}

impl GroupLoad {
    fn of(shape: &Shape, users: u64) -> Self {
        let (_, ramp_us, hold_us) = shape.plain().unwrap_or((0, 0, shape.length_us()));
        let seconds = |us: u64| us.div_ceil(1_000_000);
        Self {
            users,
            ramp_s: seconds(ramp_us),
            hold_s: seconds(hold_us),
            iterations: shape.iterations,
        }
    }

    fn told(self) -> String {
        let rounds = match self.iterations {
            Some(1) => "1 round each, ".to_owned(),
            Some(rounds) => format!("{rounds} rounds each, "),
            None => String::new(),
        };
        format!(
            "{} users, {rounds}a rise of {} s and {} s",
            self.users, self.ramp_s, self.hold_s
        )
    }

    fn xml(self, kind: &str) -> String {
        let Self {
            users,
            ramp_s,
            hold_s,
            iterations,
        } = self;
        if kind == CONCURRENCY {
            let rounds = iterations
                .map(|rounds| rounds.to_string())
                .unwrap_or_default();
            return format!(
                r#"<stringProp name="TargetLevel">{users}</stringProp><stringProp name="RampUp">{ramp_s}</stringProp><stringProp name="Steps"></stringProp><stringProp name="Hold">{hold_s}</stringProp><stringProp name="Iterations">{rounds}</stringProp><stringProp name="Unit">S</stringProp>"#
            );
        }
        let loops = iterations.map_or(-1, |rounds| i64::try_from(rounds).unwrap_or(i64::MAX));
        let length = ramp_s + hold_s;
        format!(
            r#"<elementProp name="ThreadGroup.main_controller" elementType="LoopController" guiclass="LoopControlPanel" testclass="LoopController" enabled="true"><boolProp name="LoopController.continue_forever">false</boolProp><stringProp name="LoopController.loops">{loops}</stringProp></elementProp><stringProp name="ThreadGroup.num_threads">{users}</stringProp><stringProp name="ThreadGroup.ramp_time">{ramp_s}</stringProp><boolProp name="ThreadGroup.scheduler">true</boolProp><stringProp name="ThreadGroup.duration">{length}</stringProp><stringProp name="ThreadGroup.delay"></stringProp>"#
        )
    }
}

/// The group that waits for the start, with what stands below it: a pause whose length is read from
/// the gate, so that no sample is made.
fn gate_xml(gate: &Path) -> String {
    // Commas part the arguments of a function.
    let path = gate.display().to_string().replace(',', "\\,");
    let path = escape(&path);
    format!(
        r#"<SetupThreadGroup guiclass="SetupThreadGroupGui" testclass="SetupThreadGroup" testname="{GATE}" enabled="true"><stringProp name="ThreadGroup.on_sample_error">continue</stringProp><elementProp name="ThreadGroup.main_controller" elementType="LoopController"><boolProp name="LoopController.continue_forever">false</boolProp><stringProp name="LoopController.loops">1</stringProp></elementProp><stringProp name="ThreadGroup.num_threads">1</stringProp><stringProp name="ThreadGroup.ramp_time">0</stringProp></SetupThreadGroup><hashTree><TestAction guiclass="TestActionGui" testclass="TestAction" testname="{GATE}" enabled="true"><intProp name="ActionProcessor.action">1</intProp><intProp name="ActionProcessor.target">0</intProp><stringProp name="ActionProcessor.duration">${{__FileToString({path})}}</stringProp></TestAction><hashTree/></hashTree>"#
    )
}

fn name_of(tag: &BytesStart<'_>) -> String {
    tag.name().as_ref().to_owned()
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = tag.try_get_attribute(name).ok()??;
    let value = found.normalized_value(XmlVersion::Implicit1_0).ok()?;
    Some(value.into_owned())
}

/// Whether an element is a thread group whose load counts: one that is enabled, and neither setUp
/// nor tearDown.
fn is_group(tag: &BytesStart<'_>) -> bool {
    let name = name_of(tag);
    let of_the_load = !matches!(name.as_str(), "SetupThreadGroup" | "PostThreadGroup");
    name.ends_with(THREAD_GROUP)
        && of_the_load
        && attribute(tag, "enabled").as_deref() != Some("false")
}

fn next<'a>(reader: &mut Reader<&'a [u8]>) -> Result<Event<'a>, PlanError> {
    let at = reader.buffer_position();
    let event = reader.read_event();
    event.map_err(|error| PlanError::NotXml(format!("at byte {at}: {error}")))
}

/// The thread groups of a plan.
fn groups(plan: &[u8]) -> Result<Vec<Group>, PlanError> {
    if let Err(error) = std::str::from_utf8(plan) {
        return Err(PlanError::NotXml(format!("it is not UTF-8 ({error})")));
    }
    let mut reader = Reader::from_reader(plan);
    let mut groups: Vec<Group> = Vec::new();
    let mut is_rooted = false;
    let mut depth = 0u32;
    // The group that is open, and its depth.
    let mut open: Option<u32> = None;
    let mut is_threads = false;
    loop {
        let event = next(&mut reader)?;
        match &event {
            Event::Start(tag) | Event::Empty(tag) => {
                if !is_rooted && name_of(tag) != "jmeterTestPlan" {
                    return Err(PlanError::Root(name_of(tag)));
                }
                is_rooted = true;
                let is_empty = matches!(event, Event::Empty(_));
                if is_group(tag) {
                    groups.push(Group {
                        kind: name_of(tag),
                        name: attribute(tag, "testname").unwrap_or_default(),
                        threads: 1,
                    });
                    open = (!is_empty).then_some(depth);
                }
                let prop = attribute(tag, "name");
                is_threads = !is_empty
                    && open.is_some()
                    && matches!(
                        prop.as_deref(),
                        Some("ThreadGroup.num_threads" | "TargetLevel")
                    );
                depth += u32::from(!is_empty);
            }
            Event::Text(text) if is_threads => {
                if let Some(group) = groups.last_mut() {
                    group.threads = number(text).unwrap_or(1);
                }
                is_threads = false;
            }
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                if open == Some(depth) {
                    open = None;
                }
            }
            Event::Eof if depth > 0 => {
                return Err(PlanError::NotXml("it ends in the middle".to_owned()));
            }
            Event::Eof if !is_rooted => return Err(PlanError::NotXml("it is empty".to_owned())),
            Event::Eof if groups.is_empty() => return Err(PlanError::NoThreadGroup),
            Event::Eof => return Ok(groups),
            _ => {}
        }
    }
}

/// A number, also as the default of a property: `${__P(threads,10)}`.
fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    let default = || {
        let inside = text.strip_prefix("${__P(")?.strip_suffix(")}")?;
        inside.rsplit_once(',')?.1.trim().parse().ok()
    };
    text.parse().ok().or_else(default)
}

fn rewrite(plan: &[u8], loads: &[GroupLoad], gate: &Path) -> Result<Vec<u8>, PlanError> {
    let mut reader = Reader::from_reader(plan);
    let mut writer = Writer::new(Vec::with_capacity(plan.len() + 4_096));
    let mut loads = loads.iter();
    let mut depth = 0u32;
    // The group that gets another load, its depth and its kind.
    let mut open: Option<(u32, String, GroupLoad)> = None;
    // The property that is left out, by its depth.
    let mut left_out: Option<u32> = None;
    // The plan's element has ended, and what stands below it is still to come.
    let (mut after_plan, mut has_gate) = (false, false);
    loop {
        let event = next(&mut reader)?;
        match event {
            Event::Eof => return Ok(writer.into_inner()),
            Event::Start(tag) => {
                let own = open.as_ref().is_some_and(|(at, kind, _)| {
                    depth == at + 1 && says_load(kind, attribute(&tag, "name").as_deref())
                });
                if left_out.is_none() && own {
                    left_out = Some(depth);
                }
                let is_tree = after_plan && !has_gate && name_of(&tag) == "hashTree";
                if open.is_none() && is_group(&tag) {
                    let load = loads.next();
                    open = load.map(|load| (depth, name_of(&tag), *load));
                }
                depth += 1;
                if left_out.is_none() {
                    write(&mut writer, Event::Start(tag));
                }
                if is_tree {
                    has_gate = true;
                    writer
                        .get_mut()
                        .extend_from_slice(gate_xml(gate).as_bytes());
                }
            }
            Event::Empty(tag) => {
                after_plan |= name_of(&tag) == "TestPlan";
                let own = open.as_ref().is_some_and(|(at, kind, _)| {
                    depth == at + 1 && says_load(kind, attribute(&tag, "name").as_deref())
                });
                if left_out.is_none() && !own {
                    write(&mut writer, Event::Empty(tag));
                }
            }
            Event::End(tag) => {
                depth = depth.saturating_sub(1);
                after_plan |= tag.name().as_ref() == "TestPlan";
                if let Some((_, kind, load)) = open.take_if(|open| open.0 == depth) {
                    writer
                        .get_mut()
                        .extend_from_slice(load.xml(&kind).as_bytes());
                }
                if left_out.is_none() {
                    write(&mut writer, Event::End(tag));
                }
                left_out.take_if(|at| *at == depth);
            }
            other if left_out.is_none() => write(&mut writer, other),
            _ => {}
        }
    }
}

fn says_load(kind: &str, property: Option<&str>) -> bool {
    let known: &[&str] = if kind == CONCURRENCY {
        &CONCURRENCY_LOAD
    } else {
        &LOAD
    };
    property.is_some_and(|name| known.contains(&name))
}

fn write(writer: &mut Writer<Vec<u8>>, event: Event<'_>) {
    // Into memory: this cannot fail.
    let _ = writer.write_event(event);
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<jmeterTestPlan version="1.2" jmeter="5.5">
  <hashTree>
    <TestPlan guiclass="TestPlanGui" testclass="TestPlan" testname="a &amp; b" enabled="true">
      <stringProp name="TestPlan.comments">ThreadGroup.num_threads</stringProp>
    </TestPlan>
    <hashTree>
      <ThreadGroup testname="buy" enabled="true">
        <stringProp name="ThreadGroup.on_sample_error">continue</stringProp>
        <elementProp name="ThreadGroup.main_controller" elementType="LoopController">
          <boolProp name="LoopController.continue_forever">false</boolProp>
          <stringProp name="LoopController.loops">3</stringProp>
        </elementProp>
        <stringProp name="ThreadGroup.num_threads">${__P(threads,30)}</stringProp>
        <stringProp name="ThreadGroup.ramp_time">1</stringProp>
      </ThreadGroup>
      <hashTree><X name="ThreadGroup.num_threads">kept &lt;as&gt; it is</X></hashTree>
      <ThreadGroup testname="off" enabled="false"><stringProp name="ThreadGroup.num_threads">7</stringProp></ThreadGroup>
      <hashTree/>
      <ThreadGroup testname="look"><intProp name="ThreadGroup.num_threads">10</intProp></ThreadGroup>
      <hashTree/>
    </hashTree>
  </hashTree>
</jmeterTestPlan>"#;

    fn shape(users: u64, ramp: u64, hold: u64) -> Shape {
        Shape {
            stages: vec![(users, ramp * 1_000_000), (users, hold * 1_000_000)],
            iterations: None,
        }
    }

    #[test]
    fn a_plan_without_another_load_gets_its_gate_alone() {
        let prepared = prepare(PLAN.as_bytes(), None, Path::new("/tmp/a&b")).unwrap();
        let text = String::from_utf8(prepared.xml).unwrap();
        let gate = gate_xml(Path::new("/tmp/a&b"));
        assert!(gate.contains("/tmp/a&amp;b"));
        assert_eq!(text.replace(&gate, ""), PLAN);
        assert!(prepared.changes.is_empty());
    }

    #[test]
    fn another_load_is_dealt_by_the_plan_s_own_numbers() {
        let prepared = prepare(PLAN.as_bytes(), Some(&shape(8, 5, 60)), Path::new("/g")).unwrap();
        let text = String::from_utf8(prepared.xml).unwrap();
        assert_eq!(
            prepared.changes,
            [
                "thread group \"buy\": 6 users, a rise of 5 s and 60 s in place of what the plan says",
                "thread group \"look\": 2 users, a rise of 5 s and 60 s in place of what the plan says",
            ]
        );
        for kept in [
            ">6</stringProp>",
            ">2</stringProp>",
            "name=\"ThreadGroup.num_threads\">7<",
            "kept &lt;as&gt; it is",
            "a &amp; b",
            "on_sample_error",
            "name=\"ThreadGroup.duration\">65<",
        ] {
            assert!(text.contains(kept), "{kept}: {text}");
        }
        assert!(
            !text.contains("__P(threads") && !text.contains(">3</stringProp>"),
            "{text}"
        );
        // What was written is a plan again, with the new numbers.
        let again = groups(text.as_bytes()).unwrap();
        let threads: Vec<u64> = again.iter().map(|group| group.threads).collect();
        assert_eq!(threads, [6, 2]);
    }

    #[test]
    fn what_is_no_plan_is_refused() {
        let refused = |text: &str| {
            prepare(text.as_bytes(), None, Path::new("/g"))
                .unwrap_err()
                .to_string()
        };
        assert!(refused("").contains("it is empty"));
        assert!(refused("<html/>").contains("its root is html"));
        assert!(refused("<jmeterTestPlan><hashTree>").contains("in the middle"));
        assert!(refused("<jmeterTestPlan></hashTree>").contains("at byte"));
        assert!(refused("<jmeterTestPlan/>").contains("no enabled thread group"));
        let ultimate = PLAN
            .replace(
                "ThreadGroup testname=\"look\"",
                "kg.apc.jmeter.threads.UltimateThreadGroup testname=\"look\"",
            )
            .replace(
                "10</intProp></ThreadGroup>",
                "10</intProp></kg.apc.jmeter.threads.UltimateThreadGroup>",
            );
        let error =
            prepare(ultimate.as_bytes(), Some(&shape(1, 0, 1)), Path::new("/g")).unwrap_err();
        assert!(error.to_string().contains("UltimateThreadGroup"), "{error}");
        assert!(prepare(ultimate.as_bytes(), None, Path::new("/g")).is_ok());
    }
}
