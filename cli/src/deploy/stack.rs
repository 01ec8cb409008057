//! Brings a stack to a template and its parameters, whatever state it is in: what another
//! deployment is doing is awaited, what failed before is cleared away, changes are shown
//! before they are made, and every resource is told. Running it again after a break goes
//! on where it was.

use super::clients::Aws;
use super::clients::cloudformation::{Change, Stack, Template, Value, Wanted};
use super::error::DeployError;
use super::follow::{EMPTY, Readiness, follow, last_event, wait};
use super::naming::KIND_TAG;
use super::removal::remove;
use super::terminal::Terminal;
use crate::line::{Line, Tone};
use crate::table::{self, words};
use crate::units::several;
use std::collections::BTreeMap;

/// What a stack is to be.
#[derive(Debug)]
pub struct Desired<'a> {
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
    /// An output by which a stack of its kind is known.
    pub output: &'a str,
    /// Whether changes are made without asking.
    pub yes: bool,
}

/// Brings a stack to what is desired; the stack then.
pub async fn bring(
    aws: &Aws,
    terminal: &mut Terminal,
    desired: &Desired<'_>,
) -> Result<Stack, DeployError> {
    let name = desired.name;
    let Settled { current, had } = settle(aws, terminal, desired).await?;
    let is_new = current.is_none();
    let set = change_set_name();
    let wanted = Wanted {
        stack: name,
        name: &set,
        template: desired.template,
        parameters: &parameters(desired, current.as_ref(), &had),
        tags: &desired.tags,
        is_new,
    };
    let changes = match prepared(aws, terminal, &wanted, desired.yes).await {
        Ok(Some(changes)) => changes,
        Ok(None) => {
            aws.drop_change_set(name, &set).await?;
            terminal.done(&format!("stack {name} is up to date"));
            return found(aws, name).await;
        }
        Err(error) => {
            give_up(aws, name, &set).await;
            return Err(error);
        }
    };
    let before = last_event(aws, name).await?;
    aws.execute(name, &set).await?;
    let end = follow(aws, terminal, name, before, changes).await?;
    match &end.stack {
        Some(stack) if matches!(&*stack.status, "CREATE_COMPLETE" | "UPDATE_COMPLETE") => {
            terminal.done(&format!("stack {name} is deployed in {}", aws.region));
            Ok(stack.clone())
        }
        Some(stack) => Err(DeployError::Stack(format!(
            "stack {name} in {} ended as {}; AWS took the changes back. Mend what is named above, \
             then run the command again",
            aws.region, stack.status
        ))),
        None => Err(DeployError::Stack(format!("stack {name} is gone"))),
    }
}

/// Makes the change set, shows it, asks; how many changes there are to make, or None where
/// there are none.
async fn prepared(
    aws: &Aws,
    terminal: &mut Terminal,
    wanted: &Wanted<'_>,
    yes: bool,
) -> Result<Option<usize>, DeployError> {
    if aws.change_set(wanted).await?.is_none() {
        return Ok(None);
    }
    let changes = aws.changes(wanted.stack, wanted.name).await?;
    show(terminal, wanted.stack, wanted.is_new, &changes);
    if !yes && !terminal.confirm("Make these changes?").await? {
        return Err(DeployError::Stopped("nothing was changed".to_owned()));
    }
    Ok(Some(changes.len()))
}

/// Takes back a change set that is not made, and the empty stack that it began. What
/// cannot be taken back does no harm: it holds nothing.
async fn give_up(aws: &Aws, name: &str, set: &str) {
    let _ = aws.drop_change_set(name, set).await;
    if let Ok(Some(stack)) = aws.stack(name).await
        && stack.status == EMPTY
    {
        let _ = aws.delete_stack(&stack.id).await;
    }
}

/// The stack of this name that an update would begin with: one that has only a change
/// set has no values to keep, nor has one that is on its way out.
pub async fn existing(aws: &Aws, name: &str) -> Result<Option<Stack>, DeployError> {
    let stack = aws.stack(name).await?;
    Ok(stack.filter(|stack| {
        let goes = stack.status == "DELETE_IN_PROGRESS";
        !goes && Readiness::of(&stack.status) != Readiness::New
    }))
}

/// A stack that nothing is being done with.
struct Settled {
    /// The stack that is to be updated, if there is one.
    current: Option<Stack>,
    /// Parameters of one that was cleared away: they are still wanted.
    had: BTreeMap<String, String>,
}

/// Refuses what is not dlt's, waits for what is being done, clears away what was never
/// whole.
async fn settle(
    aws: &Aws,
    terminal: &mut Terminal,
    desired: &Desired<'_>,
) -> Result<Settled, DeployError> {
    let name = desired.name;
    let mut had = BTreeMap::new();
    loop {
        let Some(stack) = aws.stack(name).await? else {
            return Ok(Settled { current: None, had });
        };
        check_is_ours(&stack, desired, aws)?;
        match Readiness::of(&stack.status) {
            Readiness::New => return Ok(Settled { current: None, had }),
            Readiness::Update => {
                let current = Some(stack);
                return Ok(Settled { current, had });
            }
            Readiness::Busy => {
                wait(aws, terminal, &stack).await?;
            }
            Readiness::Remains => {
                terminal.say(&format!(
                    "stack {name} is {}: it cannot be updated, and is removed first; tables and \
                     bucket of scenarios and results, if it had any, stay",
                    stack.status
                ));
                let ask = "Remove what is left of it?";
                if !desired.yes && !terminal.confirm(ask).await? {
                    return Err(DeployError::Stopped("nothing was changed".to_owned()));
                }
                had.clone_from(&stack.parameters);
                remove(aws, terminal, name).await?;
            }
            Readiness::Stuck => return Err(stuck(aws, &stack)),
        }
    }
}

/// A stack that only its user can bring back.
fn stuck(aws: &Aws, stack: &Stack) -> DeployError {
    DeployError::Stack(format!(
        "stack {name} in {region} is UPDATE_ROLLBACK_FAILED: {reason}; mend that, then aws \
         cloudformation continue-update-rollback --region {region} --stack-name {name}",
        name = stack.name,
        region = aws.region,
        reason = stack.reason,
    ))
}

/// A stack of this name that somebody else made is left alone.
fn check_is_ours(stack: &Stack, desired: &Desired<'_>, aws: &Aws) -> Result<(), DeployError> {
    let kind = desired.tags.get(KIND_TAG);
    // Made by the plain commands of AWS, it has no tag, but the same outputs.
    let looks_like_it = stack.outputs.keys().any(|name| name == desired.output);
    let is_empty = stack.status == EMPTY;
    if stack.tags.get(KIND_TAG) == kind || looks_like_it || is_empty {
        return Ok(());
    }
    Err(DeployError::Input(format!(
        "stack {} in {} is not dlt's: it has no tag {KIND_TAG}={}; --stack NAME@AWS-REGION gives \
         dlt another name",
        stack.name,
        aws.region,
        kind.map_or("", String::as_str)
    )))
}

async fn found(aws: &Aws, name: &str) -> Result<Stack, DeployError> {
    let stack = aws.stack(name).await?;
    stack.ok_or_else(|| DeployError::Stack(format!("stack {name} is gone from {}", aws.region)))
}

/// The parameters of a change set: those given, and those that the stack has or had.
fn parameters(
    plan: &Desired<'_>,
    current: Option<&Stack>,
    had: &BTreeMap<String, String>,
) -> BTreeMap<String, Value> {
    let given = had.iter().filter(|(name, _)| plan.known.contains(name));
    let given = given.chain(&plan.parameters);
    let mut all: BTreeMap<String, Value> = given
        .map(|(name, value)| (name.clone(), Value::Given(value.clone())))
        .collect();
    let has = current.map(|stack| &stack.parameters);
    for name in plan.known {
        if has.is_some_and(|has| has.contains_key(name)) {
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

/// A name that no other change set has.
fn change_set_name() -> String {
    use std::hash::{BuildHasher, Hasher};
    // A new hasher has random keys.
    let random = std::hash::RandomState::new().build_hasher().finish();
    format!("dlt-{random:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_that_are_not_given_keep_their_value() {
        let known = ["A", "B", "C"].map(str::to_owned);
        let plan = Desired {
            name: "dlt",
            template: Template::Text(""),
            known: &known,
            parameters: BTreeMap::from([("A".to_owned(), "new".to_owned())]),
            tags: BTreeMap::new(),
            output: "X",
            yes: true,
        };
        let had = ["A", "B", "Gone"].map(|name| (name.to_owned(), "old".to_owned()));
        let stack = Stack {
            parameters: had.into(),
            ..Stack::default()
        };
        let asked = parameters(&plan, Some(&stack), &BTreeMap::new());
        // C is new: its default is the template's. Gone is in the template no more.
        assert_eq!(
            asked.into_iter().collect::<Vec<_>>(),
            [
                ("A".to_owned(), Value::Given("new".to_owned())),
                ("B".to_owned(), Value::Kept)
            ]
        );
        assert_eq!(parameters(&plan, None, &BTreeMap::new()).len(), 1);
        // What a stack had that was never whole is given again, but for what is gone.
        let again = parameters(&plan, None, &stack.parameters);
        assert_eq!(again["A"], Value::Given("new".to_owned()));
        assert_eq!(again["B"], Value::Given("old".to_owned()));
        assert_eq!(again.len(), 2);
    }
}
