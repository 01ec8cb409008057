//! What roles need, compared with what the templates allow, both ways: nothing is missing, and
//! nothing more is given.

use super::needs::ROLES;
use super::statements::all;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// An action; those on objects with the keys that a resource names.
fn rights(action: &str, resources: &[String]) -> Vec<String> {
    let of_objects = action.starts_with("s3:") && action.ends_with("Object");
    if !of_objects {
        return vec![action.to_owned()];
    }
    let keys = resources
        .iter()
        .map(|resource| match resource.rsplit_once("}/") {
            Some((_, keys)) if !keys.starts_with("${") => format!("{action} {keys}"),
            // `…/${ConsoleKey}`: one object, by a parameter.
            _ => format!("{action} of the archive"),
        });
    keys.collect()
}

#[test]
fn each_role_may_do_what_it_needs_and_nothing_more() {
    let mut allowed: BTreeMap<(&str, String), BTreeSet<String>> = BTreeMap::new();
    for statement in all().iter().filter(|it| !it.has_principal) {
        for role in &statement.roles {
            let of = allowed
                .entry((statement.template, role.clone()))
                .or_default();
            for action in &statement.actions {
                of.extend(rights(action, &statement.resources));
            }
        }
    }
    let mut needed: BTreeMap<(&str, String), BTreeSet<String>> = BTreeMap::new();
    for (template, role, needs) in ROLES {
        let of = needed.entry((template, (*role).to_owned())).or_default();
        of.extend(
            needs
                .iter()
                .copied()
                .flatten()
                .map(|need| need.0.to_owned()),
        );
    }
    let roles = |of: &BTreeMap<(&str, String), BTreeSet<String>>| {
        of.keys()
            .map(|(template, role)| format!("{template}, {role}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(roles(&allowed), roles(&needed));
    for (role, needs) in &needed {
        let may = &allowed[role];
        let missing: Vec<_> = needs.difference(may).collect();
        let more: Vec<_> = may.difference(needs).collect();
        assert!(
            missing.is_empty() && more.is_empty(),
            "{role:?} lacks {missing:#?} and needs no {more:#?}"
        );
    }
}

#[test]
fn every_need_is_called_where_it_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let needs = ROLES.iter().flat_map(|role| role.2).copied().flatten();
    for (right, place) in needs {
        // Others than this repository's code have no file.
        let Some((file, call)) = place.split_once(": ") else {
            assert!(place.contains(", "), "{right}: who needs it?");
            continue;
        };
        let text = std::fs::read_to_string(root.join(file))
            .unwrap_or_else(|error| panic!("{right}, {file}: {error}"));
        assert!(text.contains(call), "{right}: {file} has no {call}");
    }
}
