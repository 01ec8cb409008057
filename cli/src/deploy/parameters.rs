//! The parameters of a template: which it has, and what flags make of them. What a flag
//! does not set keeps the value that the stack has.

use super::clients::cloudformation::Stack;
use super::error::DeployError;
use super::naming::VERSION;
use crate::args::StackArgs;
use dlt_core::target_policy::TargetPolicy;
use std::collections::BTreeMap;

/// Parameters that the command sets itself.
const OWN: [&str; 9] = [
    "Architecture",
    "ArtifactBucket",
    "FunctionsKey",
    "McpKey",
    "ConsoleKey",
    "WorkerImage",
    "DltVersion",
    "Engines",
    "EnginesImage",
];

/// Parameters that are lists of targets: allowed ones, and the only ones.
const TARGETS: [&str; 2] = ["AllowTargets", "OnlyTargets"];

/// Whether the command sets a parameter itself: those above, and those of a region that
/// are outputs of its hub.
fn is_own(name: &str) -> bool {
    OWN.contains(&name) || name.starts_with("Hub")
}

/// The names of a template's parameters.
pub fn names(template: &str) -> Vec<String> {
    let section = template
        .lines()
        .skip_while(|line| *line != "Parameters:")
        .skip(1)
        .take_while(|line| line.starts_with(' ') || line.is_empty());
    let names = section.filter_map(|line| {
        let name = line.strip_prefix("  ")?.strip_suffix(':')?;
        name.chars()
            .all(|c| c.is_ascii_alphanumeric())
            .then(|| name.to_owned())
    });
    names.collect()
}

/// Refuses to change a stack that a newer dlt made.
pub fn check_version(stack: Option<&Stack>) -> Result<(), DeployError> {
    let version = stack.and_then(|stack| stack.parameters.get("DltVersion"));
    match version {
        Some(theirs) if numbers(theirs) > numbers(VERSION) => Err(DeployError::Input(format!(
            "the stack was deployed by dlt {theirs}, which is newer than this {VERSION}; use that one"
        ))),
        _ => Ok(()),
    }
}

/// A version's numbers; what is none counts as zero.
fn numbers(version: &str) -> Vec<u64> {
    let core = version.split(['-', '+']).next().unwrap_or_default();
    core.split('.')
        .map(|part| part.parse().unwrap_or(0))
        .collect()
}

/// Values of parameters.
#[derive(Debug, Default)]
pub struct Given(BTreeMap<String, String>);

impl Given {
    /// What the flags say.
    pub fn of(args: &StackArgs, known: &[String]) -> Result<Self, DeployError> {
        let mut given = Self::default();
        if let Some(vpc) = &args.vpc {
            let [a, b] = &args.subnets[..] else {
                return Err(DeployError::Input(format!(
                    "--subnets names {}; a VPC needs two, in different zones",
                    args.subnets.len()
                )));
            };
            given.set("ExistingVpc", vpc);
            given.set("ExistingSubnetA", a);
            given.set("ExistingSubnetB", b);
        }
        for (name, value) in [("TaskCpu", args.task_cpu), ("TaskMemory", args.task_memory)] {
            if let Some(value) = value {
                given.set(name, &value.to_string());
            }
        }
        for (name, value) in &args.parameters {
            if is_own(name) {
                return Err(DeployError::Input(format!(
                    "parameter {name} is set by dlt itself"
                )));
            }
            if !known.contains(name) {
                let others = known.iter().filter(|name| !is_own(name));
                let others: Vec<&str> = others.map(String::as_str).collect();
                return Err(DeployError::Input(format!(
                    "the template has no parameter {name}; it has {}",
                    others.join(", ")
                )));
            }
            given.set(name, value);
        }
        given.check_targets()?;
        Ok(given)
    }

    /// Refuses lists of targets that the functions could not read: they would answer nothing.
    fn check_targets(&self) -> Result<(), DeployError> {
        let list = |name: &str| {
            let value = self.0.get(name).filter(|value| !value.is_empty());
            value.map(String::as_str)
        };
        let [allow, only] = TARGETS.map(list);
        TargetPolicy::parse(allow.as_slice(), only.as_slice(), (TARGETS[0], TARGETS[1]))
            .map(|_| ())
            .map_err(|faults| DeployError::Input(format!("parameter {faults}")))
    }

    /// Sets a parameter.
    pub fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.to_owned());
    }

    /// All of them.
    pub fn into_values(self) -> BTreeMap<String, String> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_parameters_are_known() {
        let hub = names(&dlt_infra::hub());
        for name in [
            "ArtifactBucket",
            "FunctionsKey",
            "WorkerImage",
            "TaskCpu",
            "AdminEmail",
            "McpKey",
        ] {
            assert!(hub.contains(&name.to_owned()), "{name}: {hub:?}");
        }
        assert!(!hub.iter().any(|name| name == "Type" || name == "Bucket"));
        assert!(names(&dlt_infra::region()).contains(&"HubRegion".to_owned()));
    }

    #[test]
    fn flags_become_parameters_and_unknown_ones_are_refused() {
        let known = names(&dlt_infra::hub());
        let mut args = StackArgs {
            vpc: Some("vpc-1".to_owned()),
            subnets: vec!["a".to_owned()],
            parameters: vec![("LogRetentionDays".to_owned(), "7".to_owned())],
            ..StackArgs::default()
        };
        assert!(Given::of(&args, &known).is_err(), "one subnet");
        args.subnets.push("b".to_owned());
        let given = Given::of(&args, &known).unwrap().into_values();
        assert_eq!(given["ExistingSubnetB"], "b");
        assert_eq!(given["LogRetentionDays"], "7");
        for wrong in ["Nonsense", "FunctionsKey", "HubBucket"] {
            args.parameters = vec![(wrong.to_owned(), String::new())];
            let error = Given::of(&args, &known).unwrap_err().to_string();
            assert!(error.contains(wrong), "{error}");
        }
        let mut targets = |value: &str| {
            args.parameters = vec![("OnlyTargets".to_owned(), value.to_owned())];
            Given::of(&args, &known).map(Given::into_values)
        };
        let list = "*.shop.example,10.0.0.0/8";
        assert_eq!(targets(list).unwrap()["OnlyTargets"], list);
        assert_eq!(targets("").unwrap()["OnlyTargets"], "");
        let error = targets("http://shop.example/").unwrap_err().to_string();
        assert!(
            error.contains("parameter OnlyTargets: \"http://shop.example/\" is no target"),
            "{error}"
        );
    }

    #[test]
    fn a_newer_stack_is_not_changed() {
        let of = |version: &str| Stack {
            parameters: BTreeMap::from([("DltVersion".to_owned(), version.to_owned())]),
            ..Stack::default()
        };
        for older in ["0.0.1", VERSION, ""] {
            assert!(check_version(Some(&of(older))).is_ok(), "{older}");
        }
        for newer in ["99.0.0", "99.1.0-rc.1"] {
            assert!(check_version(Some(&of(newer))).is_err(), "{newer}");
        }
        assert!(numbers("0.10.0") > numbers("0.9.9"));
        assert!(check_version(None).is_ok());
    }
}
