//! How stacks are named and recognised. Nothing else is found by a name: all by a stack's
//! outputs and tags.

use super::clients::Aws;
use super::clients::cloudformation::Stack;
use super::error::DeployError;
use dlt_mcp::backend::stack_name::StackName;

/// The version of this command, which its stacks say.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Tag of a stack: `hub`, `region` or `artifacts`.
pub const KIND_TAG: &str = "dlt:stack";
/// Tag of a stack: whose it is, `NAME@AWS-REGION`.
pub const HUB_TAG: &str = "dlt:hub";
/// The stack of archives and images, one for each account and region.
pub const ARTIFACTS: &str = "dlt-artifacts";
/// A hub's name if none is given.
const DEFAULT_HUB: &str = "dlt";
/// Longest name of a hub: names of its region's stacks and resources grow from it
/// (CloudFormation takes 128 characters, a schedule group 64).
const LONGEST_NAME: usize = 50;

/// A hub's name, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubName {
    /// The stack's name.
    pub name: String,
    /// Its AWS region; None, the configured one.
    pub region: Option<String>,
}

impl HubName {
    /// `NAME[@AWS-REGION]`, or what is usual.
    pub fn of(text: Option<&str>) -> Result<Self, DeployError> {
        let text = text.filter(|text| !text.is_empty()).unwrap_or(DEFAULT_HUB);
        let StackName { name, region } = StackName::parse(text)
            .map_err(|why| DeployError::Input(format!("--stack (DLT_STACK_NAME): {why}")))?;
        if name.len() > LONGEST_NAME {
            return Err(DeployError::Input(format!(
                "--stack {name}: a hub's name has at most {LONGEST_NAME} characters, since others \
                 grow from it"
            )));
        }
        if name == ARTIFACTS {
            return Err(DeployError::Input(format!(
                "--stack {ARTIFACTS}: that is the stack of archives and images; give the hub another \
                 name"
            )));
        }
        Ok(Self { name, region })
    }

    /// The name of the stack of a further region.
    pub fn region_stack(&self) -> String {
        format!("{}-region", self.name)
    }

    /// The hub's stack, which must be there.
    pub async fn hub(&self, aws: &Aws) -> Result<Stack, DeployError> {
        let stack = aws.stack(&self.name).await?.ok_or_else(|| {
            DeployError::Input(format!(
                "there is no stack {} in {}; --stack NAME@AWS-REGION names the hub, dlt deploy hub \
                 makes one",
                self.name, aws.region
            ))
        })?;
        if !stack.outputs.contains_key("ScenariosTable") {
            return Err(DeployError::Input(format!(
                "stack {} in {} is {} and no hub of dlt (it has no output ScenariosTable)",
                self.name, aws.region, stack.status
            )));
        }
        Ok(stack)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_is_a_name_and_perhaps_a_region() {
        let of = |text| HubName::of(Some(text));
        let named = |name: &str, region: Option<&str>| HubName {
            name: name.to_owned(),
            region: region.map(str::to_owned),
        };
        assert_eq!(HubName::of(None).unwrap(), named("dlt", None));
        assert_eq!(of("").unwrap(), named("dlt", None));
        assert_eq!(
            of("load@eu-west-1").unwrap(),
            named("load", Some("eu-west-1"))
        );
        for wrong in [
            "@eu-west-1",
            "load@",
            "1load",
            "a b",
            "a/b",
            ARTIFACTS,
            &"x".repeat(51),
        ] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }
}
