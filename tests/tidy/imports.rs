//! Who imports whom inside a package: each file is a module, and an import is a
//! name that one module takes from another. A re-export (`pub use`) takes
//! nothing for itself: whoever uses it imports what stands behind it. Tests may
//! import what they like.

use super::files::File;
use std::collections::{BTreeMap, BTreeSet};

/// A module's path inside its package; empty for the root.
pub type Module = Vec<String>;

/// The imports of a package.
#[derive(Debug, Default)]
pub struct Imports {
    /// Every module that is no test.
    pub modules: BTreeSet<Module>,
    /// Importer, imported, and one name that is taken.
    pub edges: Vec<(Module, Module, String)>,
}

/// One path that a file names, absolute inside its package.
struct Named {
    path: Module,
    /// The name under which it is handed on, of a re-export.
    handed_on: Option<String>,
}

/// The module that a file below `folder` (`worker/src/`) is; None for a test.
fn module_of(path: &str, folder: &str) -> Option<Module> {
    let inside = path.strip_prefix(folder)?.strip_suffix(".rs")?;
    let mut parts: Module = inside.split('/').map(str::to_owned).collect();
    let is_test = |part: &String| {
        ["tests", "testing", "fixtures"].contains(&part.as_str()) || part.ends_with("_tests")
    };
    if parts.iter().any(is_test) {
        return None;
    }
    if ["mod", "lib", "main"].contains(&parts.last()?.as_str()) {
        parts.pop();
    }
    Some(parts)
}

/// A file's text without comments and without the tests at its end.
fn code_of(file: &File) -> String {
    let mut lines = file.text.lines().peekable();
    let mut code = String::new();
    while let Some(line) = lines.next() {
        let tests = line.trim() == "#[cfg(test)]"
            && lines
                .peek()
                .is_some_and(|next| next.contains("mod ") && next.ends_with('{'));
        if tests {
            break;
        }
        if !line.trim_start().starts_with("//") {
            code.push_str(line);
            code.push('\n');
        }
    }
    code
}

impl Imports {
    /// Reads the files below `folder`.
    pub fn of(files: &[File], folder: &str) -> Self {
        let texts: BTreeMap<Module, String> = files
            .iter()
            .filter_map(|file| Some((module_of(&file.path, folder)?, code_of(file))))
            .collect();
        let modules: BTreeSet<Module> = texts.keys().cloned().collect();
        let mut handed_on = BTreeMap::new();
        let mut taken: Vec<(Module, Module)> = Vec::new();
        for (module, text) in &texts {
            for named in named(module, text, &modules) {
                match named.handed_on {
                    Some(name) => {
                        handed_on.insert((module.clone(), name), named.path);
                    }
                    None => taken.push((module.clone(), named.path)),
                }
            }
        }
        let edges = taken.into_iter().filter_map(|(from, path)| {
            let to = home(&path, &modules, &handed_on, 0)?;
            let name = path.last().cloned().unwrap_or_default();
            (to != from).then_some((from, to, name))
        });
        let edges = edges.collect();
        Self { modules, edges }
    }

    /// Loops among the children of any one module: each as the children's
    /// names and, for each step, who takes what from whom.
    pub fn loops(&self) -> Vec<String> {
        let parents: BTreeSet<&[String]> = self
            .modules
            .iter()
            .flat_map(|module| (0..module.len()).map(|length| &module[..length]))
            .collect();
        parents
            .into_iter()
            .filter_map(|parent| self.loop_in(parent))
            .collect()
    }

    fn loop_in(&self, parent: &[String]) -> Option<String> {
        let depth = parent.len();
        let child = |module: &Module| {
            let below = module.len() > depth && module[..depth] == *parent;
            below.then(|| module[depth].clone())
        };
        let mut steps: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for (from, to, name) in &self.edges {
            if let (Some(a), Some(b)) = (child(from), child(to))
                && a != b
            {
                let what = format!("{} -> {} ({name})", from.join("::"), to.join("::"));
                steps.entry(a).or_default().entry(b).or_insert(what);
            }
        }
        let path = steps.keys().find_map(|start| way_back(start, &steps))?;
        let told: Vec<&str> = path
            .windows(2)
            .map(|pair| steps[&pair[0]][&pair[1]].as_str())
            .collect();
        Some(told.join(", "))
    }
}

/// The shortest way from a child back to itself.
fn way_back(
    start: &String,
    steps: &BTreeMap<String, BTreeMap<String, String>>,
) -> Option<Vec<String>> {
    let mut ways = vec![vec![start.clone()]];
    let mut seen = BTreeSet::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            for next in way
                .last()
                .and_then(|last| steps.get(last))
                .into_iter()
                .flatten()
            {
                let mut way = way.clone();
                way.push(next.0.clone());
                if next.0 == start {
                    return Some(way);
                }
                if seen.insert(next.0.clone()) {
                    longer.push(way);
                }
            }
        }
        ways = longer;
    }
    None
}

/// The module in which what a path names stands.
fn home(
    path: &[String],
    modules: &BTreeSet<Module>,
    handed_on: &BTreeMap<(Module, String), Module>,
    turns: usize,
) -> Option<Module> {
    let length = (0..=path.len())
        .rev()
        .find(|n| modules.contains(&path[..*n]))?;
    let module = path[..length].to_vec();
    let next = path.get(length).cloned();
    match next.and_then(|name| handed_on.get(&(module.clone(), name))) {
        // A re-export of a re-export ends somewhere.
        Some(behind) if turns < 8 => {
            let mut whole = behind.clone();
            whole.extend_from_slice(&path[length + 1..]);
            home(&whole, modules, handed_on, turns + 1)
        }
        _ => Some(module),
    }
}

/// Every path that a text names, in `use` and elsewhere.
fn named(module: &Module, text: &str, modules: &BTreeSet<Module>) -> Vec<Named> {
    let mut found = Vec::new();
    let mut rest = String::new();
    for statement in text.split_inclusive(';') {
        let Some((before, tree)) = use_of(statement) else {
            rest.push_str(statement);
            continue;
        };
        rest.push_str(before);
        let public = before.trim_end().ends_with("pub") || before.trim_end().ends_with(')');
        for (path, name) in expanded(tree.trim_end_matches(';')) {
            if let Some(path) = absolute(module, &path, modules) {
                let handed_on = public.then_some(name);
                found.push(Named { path, handed_on });
            }
        }
    }
    let paths = rest
        .split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'))
        .filter(|word| word.contains("::"));
    for word in paths {
        let path: Module = word.split("::").map(str::to_owned).collect();
        if let Some(path) = absolute(module, &path, modules) {
            found.push(Named {
                path,
                handed_on: None,
            });
        }
    }
    found
}

/// What stands before `use` in a statement, and its tree.
fn use_of(statement: &str) -> Option<(&str, &str)> {
    let at = statement
        .match_indices("use ")
        .map(|(at, _)| at)
        .find(|at| {
            let before = statement[..*at].trim_end_matches(' ');
            before.is_empty()
                || before.ends_with('\n')
                || before.ends_with('}')
                || before.ends_with("pub")
                || before.ends_with(')')
        })?;
    Some((&statement[..at], &statement[at + 4..]))
}

/// The paths of a use tree, each with the name that it gets.
fn expanded(tree: &str) -> Vec<(Module, String)> {
    let tree = tree.trim();
    if let (Some(open), true) = (tree.find('{'), tree.ends_with('}')) {
        let prefix: Module = tree[..open]
            .split("::")
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect();
        return branches(&tree[open + 1..tree.len() - 1])
            .into_iter()
            .flat_map(expanded)
            .map(|(path, name)| {
                let own = path.last().is_some_and(|last| last == "self");
                let tail = if own {
                    &path[..path.len() - 1]
                } else {
                    &path[..]
                };
                let whole: Module = prefix.iter().chain(tail).cloned().collect();
                let name = if own {
                    whole.last().cloned().unwrap_or(name)
                } else {
                    name
                };
                (whole, name)
            })
            .collect();
    }
    let (path, alias) = tree.split_once(" as ").unwrap_or((tree, ""));
    let path: Module = path
        .split("::")
        .map(|part| part.trim().to_owned())
        .collect();
    let name = match alias.trim() {
        "" => path.last().cloned().unwrap_or_default(),
        alias => alias.to_owned(),
    };
    vec![(path, name)]
}

/// The parts of a group, separated by commas outside of deeper groups.
fn branches(group: &str) -> Vec<&str> {
    let (mut depth, mut from, mut parts) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&group[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&group[from..]);
    parts.retain(|part| !part.trim().is_empty());
    parts
}

/// A path from the package's root; None if it leads out of it.
fn absolute(module: &Module, path: &[String], modules: &BTreeSet<Module>) -> Option<Module> {
    let first = path.first()?;
    let ups = path.iter().take_while(|part| *part == "super").count();
    match first.as_str() {
        "crate" => Some(path[1..].to_vec()),
        "self" => Some(module.iter().chain(&path[1..]).cloned().collect()),
        "super" => {
            let base = &module[..module.len().checked_sub(ups)?];
            Some(base.iter().chain(&path[ups..]).cloned().collect())
        }
        _ => {
            let own: Module = module.iter().chain([first]).cloned().collect();
            let whole = || module.iter().chain(path).cloned().collect();
            modules.contains(&own).then(whole)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loops(files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<File> = files
            .iter()
            .map(|(path, text)| File {
                path: (*path).to_owned(),
                text: (*text).to_owned(),
            })
            .collect();
        Imports::of(&files, "p/src/").loops()
    }

    #[test]
    fn a_planted_loop_is_found_through_folders_and_re_exports() {
        let found = loops(&[
            ("p/src/lib.rs", "pub mod a;\npub mod b;\nmod c;\n"),
            ("p/src/a/mod.rs", "mod deep;\npub use deep::Deep;\n"),
            (
                "p/src/a/deep.rs",
                "use crate::b::{self, B};\npub struct Deep;\n",
            ),
            (
                "p/src/b.rs",
                "pub struct B;\nfn f() { let _ = crate::c::go(); }\n",
            ),
            ("p/src/c.rs", "use super::a::Deep;\npub fn go() {}\n"),
        ]);
        assert_eq!(
            found,
            ["a::deep -> b (b), b -> c (go), c -> a::deep (Deep)"]
        );
    }

    #[test]
    fn a_module_and_what_is_inside_it_are_one_and_tests_import_what_they_like() {
        let found = loops(&[
            ("p/src/lib.rs", "mod a;\nmod b;\n"),
            (
                "p/src/a/mod.rs",
                "mod one;\nmod two;\nuse one::One;\npub struct Word;\n",
            ),
            ("p/src/a/one.rs", "use super::Word;\npub struct One;\n"),
            ("p/src/a/two.rs", "use super::one::One;\n"),
            ("p/src/a/tests.rs", "use crate::b::B;\n"),
            (
                "p/src/b.rs",
                "// use crate::c::C;\nuse crate::a::Word;\n#[cfg(test)]\nmod tests {\n    use crate::a::Word;\n}\n",
            ),
        ]);
        assert_eq!(found, Vec::<String>::new());
    }
}
