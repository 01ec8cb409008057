//! Which image runs scripts of JMeter, k6 and Locust: what flags say, else what the stack has.
//! `source` is what it is made of, `build` has it made in the account.

mod build;
mod source;

use super::artifacts::Artifacts;
use super::clients::Aws;
use super::clients::cloudformation::Stack;
use super::error::DeployError;
use super::parameters::Given;
use super::terminal::Terminal;
use crate::args::{EngineList, StackArgs};
use dlt_core::scenario::plan::Tool;
use std::collections::BTreeSet;

/// Parameters of a stack.
const IMAGE: &str = "EnginesImage";
const TOOLS: &str = "Engines";

/// The image that a stack is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wish {
    /// None: scripts are refused.
    Nothing,
    /// One that is in a registry.
    Named {
        image: String,
        tools: BTreeSet<Tool>,
        /// Whether it is as the stack has it.
        kept: bool,
    },
    /// One that a build in the account makes.
    Built(BTreeSet<Tool>),
}

/// What a stack has, and whether dlt had it built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Had {
    image: String,
    tools: BTreeSet<Tool>,
    is_own: bool,
}

impl Had {
    /// What this stack has; `repository` is where dlt's own images are in its region.
    pub fn of(stack: &Stack, repository: &str) -> Option<Self> {
        let value = |name: &str| {
            let value = stack.parameters.get(name);
            value.filter(|value| !value.is_empty())
        };
        let image = value(IMAGE)?;
        let names = value(TOOLS).map(String::as_str).unwrap_or_default();
        Some(Self {
            image: image.clone(),
            tools: names.split(',').filter_map(Tool::parse).collect(),
            is_own: image.starts_with(&format!("{repository}@")),
        })
    }
}

impl Wish {
    fn of(args: &StackArgs, had: Option<&Had>) -> Result<Self, DeployError> {
        let all = || BTreeSet::from(Tool::ALL);
        match (&args.engines, &args.engines_image, had) {
            (Some(EngineList(tools)), Some(_), _) if tools.is_empty() => Err(DeployError::Input(
                "--engines none and --engines-image exclude each other".to_owned(),
            )),
            (tools, Some(image), _) => Ok(Self::Named {
                image: image.clone(),
                tools: tools.as_ref().map_or_else(all, |tools| tools.0.clone()),
                kept: false,
            }),
            (Some(EngineList(tools)), None, _) if tools.is_empty() => Ok(Self::Nothing),
            (Some(EngineList(tools)), None, _) => Ok(Self::Built(tools.clone())),
            (None, None, None) => Ok(Self::Nothing),
            // Its worker must be this release's, too.
            (None, None, Some(had)) if had.is_own => Ok(Self::Built(had.tools.clone())),
            (None, None, Some(had)) => Ok(Self::Named {
                image: had.image.clone(),
                tools: had.tools.clone(),
                kept: true,
            }),
        }
    }
}

/// Brings the image and sets the parameters that name it.
pub async fn bring(
    aws: &Aws,
    terminal: &mut Terminal,
    artifacts: &Artifacts,
    given: &mut Given,
    args: &StackArgs,
    had: Option<&Had>,
) -> Result<(), DeployError> {
    let (image, tools) = match Wish::of(args, had)? {
        Wish::Nothing => (String::new(), BTreeSet::new()),
        Wish::Named { image, tools, kept } => {
            let said = match kept {
                true => {
                    "as given before; its worker should be of this release: --engines builds it"
                }
                false => "as given",
            };
            terminal.done(&format!("image for scripts: {image}, {said}"));
            (image, tools)
        }
        Wish::Built(tools) => {
            let image = build::built(aws, terminal, artifacts, &tools, args.yes).await?;
            (image, tools)
        }
    };
    given.set(IMAGE, &image);
    given.set(TOOLS, &names(&tools));
    Ok(())
}

/// As a parameter has them.
fn names(tools: &BTreeSet<Tool>) -> String {
    let names: Vec<&str> = tools.iter().map(|tool| tool.name()).collect();
    names.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(image: &str, tools: &str) -> Stack {
        let parameters = [(IMAGE, image), (TOOLS, tools)];
        Stack {
            parameters: parameters
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            ..Stack::default()
        }
    }

    #[test]
    fn flags_decide_else_what_the_stack_has() {
        let args = |engines: Option<&str>, image: Option<&str>| StackArgs {
            engines: engines.map(|text| EngineList::parse(text).unwrap()),
            engines_image: image.map(str::to_owned),
            ..StackArgs::default()
        };
        let had = |image: &str| Had::of(&stack(image, "jmeter,k6"), "host/workers");
        let of = |args: &StackArgs, had: Option<Had>| Wish::of(args, had.as_ref());
        let k6 = BTreeSet::from([Tool::K6]);
        let own = "host/workers@sha256:1";
        assert_eq!(of(&args(None, None), None).unwrap(), Wish::Nothing);
        assert_eq!(of(&args(None, None), had("")).unwrap(), Wish::Nothing);
        assert_eq!(
            of(&args(Some("k6"), None), had(own)).unwrap(),
            Wish::Built(k6.clone())
        );
        let both = BTreeSet::from([Tool::Jmeter, Tool::K6]);
        assert_eq!(of(&args(None, None), had(own)).unwrap(), Wish::Built(both));
        assert_eq!(
            of(&args(Some("none"), None), had(own)).unwrap(),
            Wish::Nothing
        );
        let Wish::Named { kept: true, .. } = of(&args(None, None), had("mine/engines:1")).unwrap()
        else {
            panic!("it is kept");
        };
        let named = of(&args(Some("k6"), Some("mine/engines:2")), had(own)).unwrap();
        let wanted = Wish::Named {
            image: "mine/engines:2".to_owned(),
            tools: k6,
            kept: false,
        };
        assert_eq!(named, wanted);
        assert!(of(&args(Some("none"), Some("x")), None).is_err());
    }

    #[test]
    fn lists_are_of_known_tools() {
        let tools = |text: &str| EngineList::parse(text).map(|list| names(&list.0));
        assert_eq!(tools("k6,jmeter").unwrap(), "jmeter,k6");
        assert_eq!(tools("locust, k6,k6").unwrap(), "k6,locust");
        assert_eq!(tools("none").unwrap(), "");
        for wrong in ["", "gatling", "k6,", "none,k6"] {
            assert!(tools(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_parameters_are_the_templates() {
        for template in [dlt_infra::hub(), dlt_infra::region()] {
            let known = super::super::parameters::names(&template);
            assert!(known.contains(&IMAGE.to_owned()) && known.contains(&TOOLS.to_owned()));
        }
    }
}
