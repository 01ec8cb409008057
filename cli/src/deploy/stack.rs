//! Brings a stack to a template and its parameters, whatever state it is in: what another
//! deployment is doing is awaited, what failed before is cleared away, changes are shown
//! before they are made, and every resource is told. Running it again after a break goes
//! on where it was.

use super::clients::Aws;
use super::clients::cloudformation::{Change, Event, LOOK_PAUSE, Stack, Template, Value, Wanted};
use super::error::DeployError;
use super::terminal::Terminal;
use crate::line::{Line, Tone};
use crate::table::{self, words};
use crate::units::several;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// Most reasons of a failure that are shown.
const MOST_REASONS: usize = 8;

/// What a stack is to be.
#[derive(Debug)]
pub struct Plan<'a> {
    /// The stack's name.
    pub name: &'a str,
    /// Its template.
    pub template: Template<'a>,
    /// Names of the template's parameters.
    pub known: &'a [String],
    /// Values of parameters; those that are absent keep the value which the stack has.
    pub parameters: BTreeMap<String, String>,
    /// The stack's tags.
    pub tags: BTreeMap<String, String>,
    /// Whether changes are made without asking.
    pub yes: bool,
}

/// What has to be done with a stack in a status before it can be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Readiness {
    /// There is none, or only a change set.
    New,
    /// It can be updated.
    Update,
    /// Something is being done with it.
    Busy,
    /// It was never made: it must be removed first.
    Remains,
    /// Only its user can bring it back.
    Stuck,
}

impl Readiness {
    /// What a status means (CloudFormation User Guide, "Stack status codes").
    fn of(status: &str) -> Self {
        match status {
            "REVIEW_IN_PROGRESS" | "DELETE_COMPLETE" => Self::New,
            "CREATE_FAILED" | "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" | "DELETE_FAILED" => {
                Self::Remains
            }
            "UPDATE_ROLLBACK_FAILED" => Self::Stuck,
            status if status.ends_with("IN_PROGRESS") => Self::Busy,
            _ => Self::Update,
        }
    }
}

/// Brings a stack to its plan; the stack then.
pub async fn bring(
    aws: &Aws,
    terminal: &mut Terminal,
    plan: &Plan<'_>,
) -> Result<Stack, DeployError> {
    let current = settle(aws, terminal, plan.name).await?;
    let is_new = current.is_none();
    let parameters = parameters(plan, current.as_ref());
    let set = format!("dlt-{}", uuid());
    let wanted = Wanted {
        stack: plan.name,
        name: &set,
        template: plan.template,
        parameters: &parameters,
        tags: &plan.tags,
        is_new,
    };
    if aws.change_set(&wanted).await?.is_none() {
        aws.drop_change_set(plan.name, &set).await?;
        terminal.done(&format!("stack {} is up to date", plan.name));
        return found(aws, plan.name).await;
    }
    let changes = aws.changes(plan.name, &set).await?;
    show(terminal, plan.name, is_new, &changes);
    if !plan.yes && !terminal.confirm("Make these changes?").await? {
        aws.drop_change_set(plan.name, &set).await?;
        if is_new {
            // Its change set had made it, without a resource.
            aws.delete_stack(plan.name).await?;
        }
        return Err(DeployError::Stopped("nothing was changed".to_owned()));
    }
    let before = last_event(aws, plan.name).await?;
    aws.execute(plan.name, &set).await?;
    let stack = follow(aws, terminal, plan.name, before, changes.len()).await?;
    match &stack {
        Some(stack) if matches!(&*stack.status, "CREATE_COMPLETE" | "UPDATE_COMPLETE") => {
            terminal.done(&format!(
                "stack {} is deployed in {}",
                plan.name, aws.region
            ));
            Ok(stack.clone())
        }
        Some(stack) => Err(DeployError::Stack(format!(
            "stack {} in {} ended as {}; AWS took the changes back. Mend what is named above, then \
             run the command again",
            plan.name, aws.region, stack.status
        ))),
        None => Err(DeployError::Stack(format!("stack {} is gone", plan.name))),
    }
}

/// Removes a stack; what it kept is the caller's to tell.
pub async fn remove(aws: &Aws, terminal: &mut Terminal, name: &str) -> Result<(), DeployError> {
    let Some(stack) = aws.stack(name).await? else {
        terminal.done(&format!("stack {name} is not in {}", aws.region));
        return Ok(());
    };
    if Readiness::of(&stack.status) == Readiness::Busy && !stack.status.starts_with("DELETE") {
        terminal.say(&format!(
            "stack {name} is {}: waiting for that",
            stack.status
        ));
        let before = last_event(aws, &stack.id).await?;
        follow(aws, terminal, &stack.id, before, 0).await?;
    }
    let resources = aws.resources(&stack.id).await?.len();
    let before = last_event(aws, &stack.id).await?;
    aws.delete_stack(&stack.id).await?;
    // By its ARN: its name is unknown once it is gone.
    let left = follow(aws, terminal, &stack.id, before, resources).await?;
    match left.map(|stack| stack.status) {
        None => {}
        Some(status) if status == "DELETE_COMPLETE" => {}
        Some(status) => {
            return Err(DeployError::Stack(format!(
                "stack {name} in {} ended as {status}; remove what is named above by hand if it is \
                 not dlt's, then run the command again",
                aws.region
            )));
        }
    }
    terminal.done(&format!("stack {name} is removed from {}", aws.region));
    Ok(())
}

/// Waits for what is being done, clears away what was never made; the stack that is to be
/// updated, if there is one.
async fn settle(
    aws: &Aws,
    terminal: &mut Terminal,
    name: &str,
) -> Result<Option<Stack>, DeployError> {
    loop {
        let Some(stack) = aws.stack(name).await? else {
            return Ok(None);
        };
        match Readiness::of(&stack.status) {
            Readiness::New => return Ok(None),
            Readiness::Update => return Ok(Some(stack)),
            Readiness::Busy => {
                terminal.say(&format!(
                    "stack {name} is {}: waiting for that",
                    stack.status
                ));
                let before = last_event(aws, &stack.id).await?;
                follow(aws, terminal, &stack.id, before, 0).await?;
            }
            Readiness::Remains => {
                terminal.say(&format!(
                    "stack {name} is {}: it was never whole, and is removed first",
                    stack.status
                ));
                remove(aws, terminal, name).await?;
            }
            Readiness::Stuck => {
                return Err(DeployError::Stack(format!(
                    "stack {name} in {region} is UPDATE_ROLLBACK_FAILED: {reason}; mend that, then \
                     aws cloudformation continue-update-rollback --region {region} --stack-name {name}",
                    region = aws.region,
                    reason = stack.reason,
                )));
            }
        }
    }
}

async fn found(aws: &Aws, name: &str) -> Result<Stack, DeployError> {
    let stack = aws.stack(name).await?;
    stack.ok_or_else(|| DeployError::Stack(format!("stack {name} is gone from {}", aws.region)))
}

/// The parameters of a change set: those given, and those that the stack has.
fn parameters(plan: &Plan<'_>, current: Option<&Stack>) -> BTreeMap<String, Value> {
    let given = plan.parameters.iter();
    let mut all: BTreeMap<String, Value> = given
        .map(|(name, value)| (name.clone(), Value::Given(value.clone())))
        .collect();
    let had = current.map(|stack| &stack.parameters);
    for name in plan.known {
        if had.is_some_and(|had| had.contains_key(name)) {
            all.entry(name.clone()).or_insert(Value::Kept);
        }
    }
    all
}

/// Shows what would be done: a new stack by its sorts, an update row by row.
fn show(terminal: &mut Terminal, name: &str, is_new: bool, changes: &[Change]) {
    if is_new {
        let mut sorts: BTreeMap<&str, usize> = BTreeMap::new();
        for change in changes {
            let service = change.kind.split("::").nth(1).unwrap_or(&change.kind);
            *sorts.entry(service).or_default() += 1;
        }
        let sorts: Vec<String> = sorts
            .iter()
            .map(|(service, count)| format!("{service} {count}"))
            .collect();
        let count = several(changes.len() as u64, "resource");
        terminal.say(&format!(
            "stack {name} is new, with {count}: {}",
            sorts.join(", ")
        ));
        return;
    }
    let rows: Vec<Vec<Line>> = changes
        .iter()
        .map(|change| {
            let (tone, action) = match (&*change.action, &*change.replacement) {
                ("Remove", _) => (Tone::Bad, "remove"),
                ("Add", _) => (Tone::Good, "add"),
                (_, "True") => (Tone::Bad, "replace"),
                (_, "Conditional") => (Tone::Warn, "change, may replace"),
                _ => (Tone::Plain, "change"),
            };
            vec![
                Line::new().tone(tone, action),
                Line::of(&change.resource),
                Line::new().tone(Tone::Quiet, &change.kind),
            ]
        })
        .collect();
    terminal.say(&format!("stack {name} would change:"));
    let columns = [words("", 0), words("RESOURCE", 0), words("TYPE", 1)];
    terminal.lines(&table::lines(&columns, &rows, 0, terminal.columns(), 20));
}

/// The newest event of a stack, after which what is new is told.
async fn last_event(aws: &Aws, stack: &str) -> Result<Option<String>, DeployError> {
    let events = aws.events(stack, None).await?;
    Ok(events.last().map(|event| event.id.clone()))
}

/// Tells what happens to a stack until nothing does any more; how it is then.
async fn follow(
    aws: &Aws,
    terminal: &mut Terminal,
    stack: &str,
    mut last: Option<String>,
    expected: usize,
) -> Result<Option<Stack>, DeployError> {
    let began = Instant::now();
    let mut progress = Progress::new(expected);
    loop {
        // How it is is asked first, so that no event before its end is missed.
        let now = aws.stack(stack).await?;
        for event in aws.events(stack, last.as_deref()).await? {
            last = Some(event.id.clone());
            if let Some(line) = progress.line(&event) {
                terminal.lines(&[line]);
            }
        }
        let is_busy = now
            .as_ref()
            .is_some_and(|stack| Readiness::of(&stack.status) == Readiness::Busy);
        if !is_busy {
            terminal.live(None);
            terminal.lines(&progress.reasons());
            return Ok(now);
        }
        terminal.live(Some(&progress.now(began.elapsed().as_secs())));
        terminal.pause(LOOK_PAUSE, stack).await?;
    }
}

/// What has happened so far.
struct Progress {
    expected: usize,
    done: BTreeSet<String>,
    busy: BTreeMap<String, String>,
    failed: Vec<Event>,
}

impl Progress {
    fn new(expected: usize) -> Self {
        Self {
            expected,
            done: BTreeSet::new(),
            busy: BTreeMap::new(),
            failed: Vec::new(),
        }
    }

    /// Takes an event in; the line that tells it, if it ends something.
    fn line(&mut self, event: &Event) -> Option<Line> {
        if event.kind == "AWS::CloudFormation::Stack" {
            return None;
        }
        if event.status.ends_with("_IN_PROGRESS") {
            self.busy.insert(event.resource.clone(), event.kind.clone());
            return None;
        }
        self.busy.remove(&event.resource);
        let (tone, sign, verb) = match &*event.status {
            "CREATE_COMPLETE" => (Tone::Good, "✔", "created"),
            "UPDATE_COMPLETE" => (Tone::Good, "✔", "changed"),
            "DELETE_COMPLETE" => (Tone::Good, "✔", "removed"),
            "DELETE_SKIPPED" => (Tone::Warn, "•", "kept"),
            status if status.ends_with("_FAILED") => {
                // What fell with another's failure is no reason of its own.
                if !event.reason.contains("cancelled") {
                    self.failed.push(event.clone());
                }
                (Tone::Bad, "✘", "failed")
            }
            _ => return None,
        };
        self.done.insert(event.resource.clone());
        Some(
            Line::of("  ")
                .tone(tone, sign)
                .plain(format!(" {verb:<8}{}", event.resource))
                .tone(Tone::Quiet, format!("  {}", event.kind)),
        )
    }

    /// The line that is drawn again and again.
    fn now(&self, seconds: u64) -> String {
        let busy = self.busy.keys().next().map(|name| format!(", now {name}"));
        let of = match self.expected {
            0 => String::new(),
            expected => format!(" of {expected}"),
        };
        format!(
            "  {}{of} resources, {} min {:02} s{}",
            self.done.len(),
            seconds / 60,
            seconds % 60,
            busy.unwrap_or_default()
        )
    }

    /// Why it failed, if it did.
    fn reasons(&self) -> Vec<Line> {
        let shown = self.failed.iter().take(MOST_REASONS).map(|event| {
            Line::of("  ")
                .tone(Tone::Bad, &event.resource)
                .plain(format!(
                    " ({}): {}{}",
                    event.kind,
                    event.reason,
                    advice(&event.reason)
                ))
        });
        shown.collect()
    }
}

/// What to do about a reason that AWS gives.
fn advice(reason: &str) -> &'static str {
    let reason = reason.to_lowercase();
    if reason.contains("not authorized") || reason.contains("accessdenied") {
        " – these credentials lack a right: dlt doctor --aws lists what deploying needs"
    } else if reason.contains("limit exceeded") || reason.contains("quota") {
        " – a quota of the account is used up: Service Quotas in AWS's console raises it"
    } else if reason.contains("already exists") {
        " – something of that name is there already: another --stack NAME avoids it"
    } else if reason.contains("service linked role") {
        " – run: aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com"
    } else {
        ""
    }
}

/// A name that no other change set has.
fn uuid() -> String {
    use std::hash::{BuildHasher, Hasher};
    // A new hasher has random keys.
    let random = || std::hash::RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", random(), random())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_a_meaning() {
        for (status, meaning) in [
            ("REVIEW_IN_PROGRESS", Readiness::New),
            ("CREATE_IN_PROGRESS", Readiness::Busy),
            ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", Readiness::Busy),
            ("UPDATE_ROLLBACK_IN_PROGRESS", Readiness::Busy),
            ("DELETE_IN_PROGRESS", Readiness::Busy),
            ("CREATE_COMPLETE", Readiness::Update),
            ("UPDATE_COMPLETE", Readiness::Update),
            ("UPDATE_ROLLBACK_COMPLETE", Readiness::Update),
            ("UPDATE_FAILED", Readiness::Update),
            ("IMPORT_COMPLETE", Readiness::Update),
            ("ROLLBACK_COMPLETE", Readiness::Remains),
            ("CREATE_FAILED", Readiness::Remains),
            ("ROLLBACK_FAILED", Readiness::Remains),
            ("DELETE_FAILED", Readiness::Remains),
            ("UPDATE_ROLLBACK_FAILED", Readiness::Stuck),
        ] {
            assert_eq!(Readiness::of(status), meaning, "{status}");
        }
    }

    #[test]
    fn parameters_that_are_not_given_keep_their_value() {
        let known = ["A", "B", "C"].map(str::to_owned);
        let plan = Plan {
            name: "dlt",
            template: Template::Text(""),
            known: &known,
            parameters: BTreeMap::from([("A".to_owned(), "new".to_owned())]),
            tags: BTreeMap::new(),
            yes: true,
        };
        let had = ["A", "B", "Gone"].map(|name| (name.to_owned(), "old".to_owned()));
        let stack = Stack {
            parameters: had.into(),
            ..Stack::default()
        };
        let asked = parameters(&plan, Some(&stack));
        // C is new: its default is the template's. Gone is in the template no more.
        assert_eq!(
            asked.into_iter().collect::<Vec<_>>(),
            [
                ("A".to_owned(), Value::Given("new".to_owned())),
                ("B".to_owned(), Value::Kept)
            ]
        );
        assert_eq!(parameters(&plan, None).len(), 1);
    }

    fn event(resource: &str, status: &str, reason: &str) -> Event {
        Event {
            id: format!("{resource}-{status}"),
            resource: resource.to_owned(),
            kind: "AWS::S3::Bucket".to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
        }
    }

    #[test]
    fn progress_tells_ends_and_the_first_causes() {
        let mut progress = Progress::new(3);
        assert!(
            progress
                .line(&event("A", "CREATE_IN_PROGRESS", ""))
                .is_none()
        );
        assert!(
            progress
                .now(65)
                .contains("0 of 3 resources, 1 min 05 s, now A")
        );
        let line = progress.line(&event("A", "CREATE_COMPLETE", "")).unwrap();
        assert_eq!(line.render(false), "  ✔ created A  AWS::S3::Bucket");
        progress.line(&event("B", "CREATE_FAILED", "Resource creation cancelled"));
        progress.line(&event(
            "C",
            "CREATE_FAILED",
            "User is not authorized to do x",
        ));
        let reasons = progress.reasons();
        assert_eq!(reasons.len(), 1);
        let told = reasons[0].render(false);
        assert!(told.contains("C (AWS::S3::Bucket): User is not"), "{told}");
        assert!(told.contains("dlt doctor --aws"), "{told}");
    }
}
