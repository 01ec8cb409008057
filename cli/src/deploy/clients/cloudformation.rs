//! Stacks as CloudFormation has them: how one is, what a change set would do, what
//! happens while it is done. In which order that is asked is `stack`'s.

use super::{Aws, failed};
use crate::deploy::error::DeployError;
use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::error::ProvideErrorMetadata;
use aws_sdk_cloudformation::types::{
    Capability, ChangeSetStatus, ChangeSetType, OnStackFailure, Parameter, StackStatus, Tag,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// Pause between two looks at what AWS is doing.
pub const LOOK_PAUSE: Duration = Duration::from_secs(1);
/// How long AWS may take to compute a change set.
const LONGEST_CHANGE_SET: Duration = Duration::from_secs(300);

/// A stack.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stack {
    /// Its ARN.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its status, like `CREATE_COMPLETE`.
    pub status: String,
    /// Why, if AWS says so.
    pub reason: String,
    /// Its outputs.
    pub outputs: BTreeMap<String, String>,
    /// Its parameters.
    pub parameters: BTreeMap<String, String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// One change that a change set would make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// `Add`, `Modify` or `Remove`.
    pub action: String,
    /// The resource's name in the template.
    pub resource: String,
    /// Its type.
    pub kind: String,
    /// `True`, `False` or `Conditional`; empty where nothing is replaced.
    pub replacement: String,
}

/// Something that happened to a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its id.
    pub id: String,
    /// The resource's name in the template; the stack's own name for the stack.
    pub resource: String,
    /// Its id at AWS.
    pub physical_id: String,
    /// Its type.
    pub kind: String,
    /// Its status.
    pub status: String,
    /// Why, if AWS says so.
    pub reason: String,
}

/// A resource of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Its name in the template.
    pub name: String,
    /// Its type.
    pub kind: String,
    /// Its id at AWS.
    pub id: String,
}

/// The value of a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// This one.
    Given(String),
    /// The one that the stack has.
    Kept,
}

/// What a change set is made of.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// The stack's name.
    pub stack: &'a str,
    /// The change set's name.
    pub name: &'a str,
    /// Where the template lies.
    pub template: Template<'a>,
    /// Its parameters.
    pub parameters: &'a BTreeMap<String, Value>,
    /// The stack's tags.
    pub tags: &'a BTreeMap<String, String>,
    /// Whether the stack does not exist.
    pub is_new: bool,
}

/// A template, in the call or in a bucket; only small ones fit into the call (51,200
/// bytes, CloudFormation quotas).
#[derive(Debug, Clone, Copy)]
pub enum Template<'a> {
    /// Its text.
    Text(&'a str),
    /// Its address.
    Url(&'a str),
}

fn text(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}

impl Aws {
    fn cloudformation(&self) -> Client {
        Client::new(&self.config)
    }

    fn doing(&self, action: &str, stack: &str) -> String {
        format!("CloudFormation, {action} of {stack} in {}", self.region)
    }

    /// A stack, if there is one of this name or ARN.
    pub async fn stack(&self, name: &str) -> Result<Option<Stack>, DeployError> {
        let asked = self.cloudformation().describe_stacks().stack_name(name);
        match asked.send().await {
            Ok(answer) => Ok(answer.stacks().first().map(stack)),
            // CloudFormation's code for a stack that does not exist; the same as for a
            // name that is none.
            Err(error)
                if error.as_service_error().is_some_and(|refusal| {
                    refusal.code() == Some("ValidationError")
                        && refusal.message().is_some_and(|text| text.contains("exist"))
                }) =>
            {
                Ok(None)
            }
            Err(error) => Err(failed(&self.doing("DescribeStacks", name), &error)),
        }
    }

    /// All stacks of this region.
    pub async fn stacks(&self) -> Result<Vec<Stack>, DeployError> {
        let mut pages = self
            .cloudformation()
            .describe_stacks()
            .into_paginator()
            .send();
        let mut stacks = Vec::new();
        while let Some(page) = pages.next().await {
            let page =
                page.map_err(|error| failed(&self.doing("DescribeStacks", "all"), &error))?;
            stacks.extend(page.stacks().iter().map(stack));
        }
        Ok(stacks)
    }

    /// The ARNs of the stacks of this name that were removed; AWS remembers them for 90
    /// days.
    pub async fn removed_stacks(&self, name: &str) -> Result<Vec<String>, DeployError> {
        let asked = self.cloudformation().list_stacks();
        let asked = asked.stack_status_filter(StackStatus::DeleteComplete);
        let mut pages = asked.into_paginator().send();
        let mut removed = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failed(&self.doing("ListStacks", name), &error))?;
            let rows = page.stack_summaries().iter();
            let rows = rows.filter(|row| row.stack_name() == Some(name));
            removed.extend(rows.filter_map(|row| row.stack_id().map(str::to_owned)));
        }
        Ok(removed)
    }

    /// Makes a change set and waits until AWS has computed it; None where there is
    /// nothing to change.
    pub async fn change_set(&self, wanted: &Wanted<'_>) -> Result<Option<()>, DeployError> {
        let what = self.doing("CreateChangeSet", wanted.stack);
        let cloudformation = self.cloudformation();
        let parameters = wanted.parameters.iter().map(|(name, value)| {
            let parameter = Parameter::builder().parameter_key(name);
            match value {
                Value::Given(value) => parameter.parameter_value(value),
                Value::Kept => parameter.use_previous_value(true),
            }
            .build()
        });
        let tags = wanted.tags.iter();
        let tags = tags.map(|(key, value)| Tag::builder().key(key).value(value).build());
        let kind = if wanted.is_new {
            ChangeSetType::Create
        } else {
            ChangeSetType::Update
        };
        let mut asked = cloudformation
            .create_change_set()
            .stack_name(wanted.stack)
            .change_set_name(wanted.name)
            .change_set_type(kind)
            .capabilities(Capability::CapabilityIam)
            .set_parameters(Some(parameters.collect()))
            .set_tags(Some(tags.collect()));
        if wanted.is_new {
            asked = asked.on_stack_failure(OnStackFailure::Rollback);
        }
        let asked = match wanted.template {
            Template::Text(text) => asked.template_body(text),
            Template::Url(url) => asked.template_url(url),
        };
        asked.send().await.map_err(|error| failed(&what, &error))?;
        let until = tokio::time::Instant::now() + LONGEST_CHANGE_SET;
        loop {
            let described = cloudformation
                .describe_change_set()
                .stack_name(wanted.stack)
                .change_set_name(wanted.name);
            let described = described
                .send()
                .await
                .map_err(|error| failed(&what, &error))?;
            let reason = described.status_reason().unwrap_or_default();
            match described.status() {
                Some(ChangeSetStatus::CreateComplete) => return Ok(Some(())),
                Some(ChangeSetStatus::Failed) if changes_nothing(reason) => return Ok(None),
                Some(ChangeSetStatus::Failed) => {
                    return Err(DeployError::refused(&what, "failed", reason));
                }
                _ if tokio::time::Instant::now() > until => {
                    return Err(DeployError::Unreadable(format!(
                        "{what}: AWS has not computed it after {} s",
                        LONGEST_CHANGE_SET.as_secs()
                    )));
                }
                _ => tokio::time::sleep(LOOK_PAUSE).await,
            }
        }
    }

    /// What a change set would do.
    pub async fn changes(&self, stack: &str, set: &str) -> Result<Vec<Change>, DeployError> {
        let what = self.doing("DescribeChangeSet", stack);
        let mut changes = Vec::new();
        let mut next = None;
        loop {
            let page = self
                .cloudformation()
                .describe_change_set()
                .stack_name(stack)
                .change_set_name(set)
                .set_next_token(next)
                .send()
                .await
                .map_err(|error| failed(&what, &error))?;
            changes.extend(page.changes().iter().filter_map(change));
            next = page.next_token().map(str::to_owned);
            if next.is_none() {
                return Ok(changes);
            }
        }
    }

    /// Removes a change set that is not wanted.
    pub async fn drop_change_set(&self, stack: &str, set: &str) -> Result<(), DeployError> {
        let asked = self.cloudformation().delete_change_set();
        let dropped = asked.stack_name(stack).change_set_name(set).send().await;
        dropped
            .map(drop)
            .map_err(|error| failed(&self.doing("DeleteChangeSet", stack), &error))
    }

    /// Begins what a change set says.
    pub async fn execute(&self, stack: &str, set: &str) -> Result<(), DeployError> {
        let asked = self.cloudformation().execute_change_set();
        let asked = asked.stack_name(stack).change_set_name(set);
        // A repeat after an answer that was lost is the same request.
        let asked = asked.client_request_token(set);
        asked
            .send()
            .await
            .map(drop)
            .map_err(|error| failed(&self.doing("ExecuteChangeSet", stack), &error))
    }

    /// Begins a stack's deletion.
    pub async fn delete_stack(&self, stack: &str) -> Result<(), DeployError> {
        let asked = self.cloudformation().delete_stack().stack_name(stack);
        asked
            .send()
            .await
            .map(drop)
            .map_err(|error| failed(&self.doing("DeleteStack", stack), &error))
    }

    /// What happened to a stack, oldest first, after an event.
    pub async fn events(
        &self,
        stack: &str,
        after: Option<&str>,
    ) -> Result<Vec<Event>, DeployError> {
        let what = self.doing("DescribeStackEvents", stack);
        let mut pages = self
            .cloudformation()
            .describe_stack_events()
            .stack_name(stack)
            .into_paginator()
            .send();
        let mut events = Vec::new();
        'pages: while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failed(&what, &error))?;
            for row in page.stack_events() {
                if row.event_id().is_some() && row.event_id() == after {
                    break 'pages;
                }
                events.push(Event {
                    id: text(row.event_id()),
                    resource: text(row.logical_resource_id()),
                    physical_id: text(row.physical_resource_id()),
                    kind: text(row.resource_type()),
                    status: row
                        .resource_status()
                        .map(|it| it.as_str().to_owned())
                        .unwrap_or_default(),
                    reason: text(row.resource_status_reason()),
                });
            }
        }
        events.reverse();
        Ok(events)
    }

    /// The resources of a stack.
    pub async fn resources(&self, stack: &str) -> Result<Vec<Resource>, DeployError> {
        let mut pages = self
            .cloudformation()
            .list_stack_resources()
            .stack_name(stack)
            .into_paginator()
            .send();
        let mut resources = Vec::new();
        while let Some(page) = pages.next().await {
            let page =
                page.map_err(|error| failed(&self.doing("ListStackResources", stack), &error))?;
            resources.extend(page.stack_resource_summaries().iter().map(|row| Resource {
                name: text(row.logical_resource_id()),
                kind: text(row.resource_type()),
                id: text(row.physical_resource_id()),
            }));
        }
        Ok(resources)
    }
}

/// Whether a change set failed because there is nothing to change, in AWS's words.
fn changes_nothing(reason: &str) -> bool {
    reason.contains("didn't contain changes") || reason.contains("No updates are to be performed")
}

fn stack(stack: &aws_sdk_cloudformation::types::Stack) -> Stack {
    let outputs = stack.outputs().iter();
    let parameters = stack.parameters().iter();
    let tags = stack.tags().iter();
    Stack {
        id: text(stack.stack_id()),
        name: text(stack.stack_name()),
        status: stack
            .stack_status()
            .map(|it| it.as_str().to_owned())
            .unwrap_or_default(),
        reason: text(stack.stack_status_reason()),
        outputs: outputs
            .map(|it| (text(it.output_key()), text(it.output_value())))
            .collect(),
        parameters: parameters
            .map(|it| (text(it.parameter_key()), text(it.parameter_value())))
            .collect(),
        tags: tags.map(|it| (text(it.key()), text(it.value()))).collect(),
    }
}

fn change(row: &aws_sdk_cloudformation::types::Change) -> Option<Change> {
    let row = row.resource_change()?;
    let name = |it: Option<&str>| text(it);
    Some(Change {
        action: name(row.action().map(|it| it.as_str())),
        resource: text(row.logical_resource_id()),
        kind: text(row.resource_type()),
        replacement: name(row.replacement().map(|it| it.as_str())),
    })
}
