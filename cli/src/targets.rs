//! Where load of this process's runners may be sent: by flags, else by the variables of the
//! environment. What a server allows is the server's.

use crate::args::TargetFlags;
use dlt_core::refusal::{Fault, Faults};
use dlt_core::target_policy::{ALLOW_TARGETS, ONLY_TARGETS, TargetPolicy};

/// The flags, as they are written.
const FLAGS: [&str; 2] = ["--allow-target", "--only-target"];

/// The policy of the flags; for a list without a flag, the variable counts.
pub fn policy(flags: &TargetFlags) -> Result<TargetPolicy, Faults> {
    choose(flags, |name| {
        // What is no text must not pass for an empty list.
        let value = std::env::var_os(name)?;
        Some(value.to_string_lossy().into_owned())
    })
}

fn choose(
    flags: &TargetFlags,
    var: impl Fn(&str) -> Option<String>,
) -> Result<TargetPolicy, Faults> {
    let list = |given: &[String], flag, name| match given {
        [] => {
            let value = var(name).filter(|text| !text.is_empty());
            (value.into_iter().collect(), name)
        }
        given => (given.to_vec(), flag),
    };
    let (allow, allow_name) = list(&flags.allow_target, FLAGS[0], ALLOW_TARGETS);
    let (only, only_name) = list(&flags.only_target, FLAGS[1], ONLY_TARGETS);
    TargetPolicy::parse(&allow, &only, (allow_name, only_name))
}

/// The faults of flags that mean nothing, since a server makes the load.
pub fn refuse_for_server(flags: &TargetFlags) -> Result<(), Faults> {
    let given = [
        !flags.allow_target.is_empty(),
        !flags.only_target.is_empty(),
    ];
    let faults: Vec<Fault> = FLAGS
        .into_iter()
        .zip(["AllowTargets", "OnlyTargets"])
        .zip(given)
        .filter(|(_, given)| *given)
        .map(|((flag, parameter), _)| Fault {
            path: flag.to_owned(),
            reason: format!(
                "is for a run of this process, and a server makes this one: start its dlt up with {flag}, or set {parameter} of its stack"
            ),
        })
        .collect();
    match faults.is_empty() {
        true => Ok(()),
        false => Err(Faults(faults)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(allow: &[&str], only: &[&str]) -> TargetFlags {
        let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
        TargetFlags {
            allow_target: owned(allow),
            only_target: owned(only),
        }
    }

    #[test]
    fn a_flag_wins_over_its_variable_and_a_fault_names_what_is_wrong() {
        let env = |name: &str| match name {
            ALLOW_TARGETS => Some("169.254.1.1".to_owned()),
            _ => Some("shop.example,10.0.0.0/8".to_owned()),
        };
        let lists = |flags: &TargetFlags| choose(flags, env).map(|policy| policy.lists());
        let told = |text: &str| Some(text.to_owned());
        assert_eq!(
            lists(&flags(&[], &[])),
            Ok([told("169.254.1.1"), told("shop.example, 10.0.0.0/8")])
        );
        assert_eq!(
            lists(&flags(&["fe80::/10"], &[])),
            Ok([told("fe80::/10"), told("shop.example, 10.0.0.0/8")])
        );
        assert_eq!(
            lists(&flags(&[], &["127.0.0.1", "*.shop.example"])),
            Ok([told("169.254.1.1"), told("127.0.0.1, *.shop.example")])
        );
        let paths = |flags: &TargetFlags, value: &str| {
            let Faults(faults) = choose(flags, |_| Some(value.to_owned())).unwrap_err();
            faults
                .into_iter()
                .map(|fault| fault.path)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            paths(&flags(&["a:1"], &[]), "b:2"),
            ["--allow-target", ONLY_TARGETS]
        );
        assert_eq!(
            paths(&flags(&[], &["a:1"]), "b:2"),
            [ALLOW_TARGETS, "--only-target"]
        );
        let broken = choose(&flags(&[], &[]), |_| {
            Some("shop\u{fffd}.example".to_owned())
        });
        assert!(broken.is_err());
        let none = choose(&flags(&[], &[]), |_| Some(String::new()));
        assert_eq!(none, Ok(TargetPolicy::default()));
    }

    #[test]
    fn a_server_has_its_own() {
        assert_eq!(refuse_for_server(&flags(&[], &[])), Ok(()));
        let Faults(faults) = refuse_for_server(&flags(&["a"], &["b"])).unwrap_err();
        assert_eq!(faults.len(), 2);
        assert!(
            faults[1]
                .reason
                .contains("dlt up with --only-target, or set OnlyTargets")
        );
    }
}
