//! The statements of the templates' policies, read from their text.

/// One statement that allows something.
#[derive(Debug)]
pub struct Statement {
    pub template: &'static str,
    /// The resource in whose policy it stands.
    pub place: String,
    /// Whose rights it gives: the roles of its policy, its role, or the policy itself.
    pub roles: Vec<String>,
    pub line: usize,
    pub has_reason: bool,
    /// Who may take a role, or read a bucket: no rights of a role.
    pub has_principal: bool,
    pub actions: Vec<String>,
    pub resources: Vec<String>,
}

impl Statement {
    pub fn named(&self) -> String {
        let Self {
            template,
            place,
            line,
            ..
        } = self;
        format!("{template}, line {line}, in {place}: {:?}", self.actions)
    }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The items of a property of a statement: on its line, or in lines below.
fn items(block: &[&str], name: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut within = None;
    for line in block {
        let text = line
            .trim_start_matches([' ', '-', '{'])
            .trim_end_matches([' ', '}']);
        let start = line.find(text).unwrap_or_default();
        // One on a line with others: `{ Effect: Allow, Action: x, Resource: y }`.
        let after = text
            .split(", ")
            .find_map(|part| part.strip_prefix(&format!("{name}:")));
        if line.contains("{ Effect:")
            && let Some(after) = after
        {
            found.push(plain(after));
        } else if let Some(after) = text.strip_prefix(&format!("{name}:")) {
            within = Some(start);
            let list = after.trim().trim_start_matches('[').trim_end_matches(']');
            let parts = list.split(", ").filter(|part| !part.is_empty());
            found.extend(parts.map(plain));
        } else if within
            .is_some_and(|start_of| indent(line) >= start_of && line.trim().starts_with("- "))
        {
            found.push(plain(line.trim().trim_start_matches("- ")));
        } else {
            within = None;
        }
    }
    found
}

fn plain(text: &str) -> String {
    text.trim().trim_matches('\'').to_owned()
}

/// The roles of the policy that begins last before a statement; a role's own policy has
/// none.
fn roles(place: &str, before: &[&str]) -> Vec<String> {
    let begin = before
        .iter()
        .rposition(|line| indent(line) == 2 && line.ends_with(':'));
    let mut found = Vec::new();
    let mut is_list = false;
    for line in &before[begin.unwrap_or_default()..] {
        let text = line.trim();
        is_list = text.starts_with("Roles:") || is_list && text.starts_with("- !Ref ");
        if is_list {
            let names = text.split("!Ref ").skip(1);
            let end = |c: char| !c.is_ascii_alphanumeric();
            found.extend(names.filter_map(|name| Some(name.split(end).next()?.to_owned())));
        }
    }
    match found.is_empty() {
        true => vec![place.to_owned()],
        false => found,
    }
}

fn statements(template: &'static str, text: &str) -> Vec<Statement> {
    let lines: Vec<&str> = text.lines().collect();
    let (mut place, mut found) = (String::new(), Vec::new());
    for (at, line) in lines.iter().enumerate() {
        if indent(line) == 2 && line.ends_with(':') {
            line.trim().trim_end_matches(':').clone_into(&mut place);
        }
        if !line.contains("Effect: Allow") {
            continue;
        }
        // A statement with a name begins a line before.
        let begins = match line.trim().starts_with('-') {
            true => at,
            false => at - 1,
        };
        let depth = indent(lines[begins]);
        let rest = lines[begins + 1..].iter();
        let length = rest.take_while(|line| indent(line) > depth).count();
        let block = &lines[begins..=begins + length];
        found.push(Statement {
            template,
            place: place.clone(),
            roles: roles(&place, &lines[..at]),
            line: begins + 1,
            has_reason: lines[begins - 1].trim().starts_with('#'),
            has_principal: block
                .iter()
                .any(|line| line.trim().starts_with("Principal:")),
            actions: items(block, "Action"),
            resources: items(block, "Resource"),
        });
    }
    found
}

pub fn all() -> Vec<Statement> {
    let mut all = statements("hub", &dlt_infra::hub());
    all.extend(statements("region", &dlt_infra::region()));
    all
}
