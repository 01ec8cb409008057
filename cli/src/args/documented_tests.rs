//! `docs/commands.md` is made of the command line itself, and every `dlt …` of the
//! documents is one that the command line takes.

use super::Cli;
use clap::{Arg, Command, CommandFactory, Parser};
use std::path::Path;

/// Where the table lies; `DLT_UPDATE=1` writes it.
const COMMANDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/commands.md");
/// Documents whose commands are read.
const DOCUMENTS: [&str; 9] = [
    "README.md",
    "docs/aws.md",
    "docs/ci.md",
    "docs/coming-from.md",
    "docs/commands.md",
    "docs/results.md",
    "docs/scenarios.md",
    "docs/service.md",
    "docs/statistics.md",
];
const HEAD: &str = "\
# Commands

Made of the command line itself (`DLT_UPDATE=1 cargo test -p dlt documented` writes it). Each command has `--help` with examples.
Exit codes: [results.md](results.md#exit-codes).
";

/// A text in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn row(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default();
    let value = names.iter().map(|name| name.as_str()).collect::<Vec<_>>();
    let choices = arg.get_possible_values();
    let choices: Vec<_> = choices.iter().map(|choice| choice.get_name()).collect();
    let value = match choices.is_empty() || !arg.get_action().takes_values() {
        true => value.join(" "),
        false => choices.join("|"),
    };
    let name = match (arg.get_short(), arg.get_long()) {
        (Some(short), Some(long)) => format!("-{short}, --{long}"),
        (None, Some(long)) => format!("--{long}"),
        (Some(short), None) => format!("-{short}"),
        (None, None) => String::new(),
    };
    // The same flag as other tools spell it.
    let others = arg.get_visible_short_aliases().unwrap_or_default();
    let others: String = others.iter().map(|other| format!("-{other}, ")).collect();
    let name = format!("{others}{name}");
    let takes = arg.get_action().takes_values();
    let name = match (name.is_empty(), takes) {
        (true, _) => value,
        (false, true) => format!("{name} {value}"),
        (false, false) => name,
    };
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let defaults: Vec<_> = arg.get_default_values().iter().collect();
    let default = match defaults.as_slice() {
        [one] if takes && !arg.is_hide_default_value_set() => {
            format!(" [default: {}]", one.to_string_lossy())
        }
        _ => String::new(),
    };
    let variable = arg.get_env().map(|name| name.to_string_lossy());
    let variable = variable.map_or(String::new(), |name| format!(" [variable: {name}]"));
    format!(
        "| `{}` | {}{}{} |\n",
        cell(&name),
        cell(&help),
        cell(&default),
        variable
    )
}

fn table(command: &Command, global: bool) -> String {
    let shown = command.get_arguments().filter(|arg| {
        arg.is_global_set() == global
            && !arg.is_hide_set()
            && !matches!(arg.get_id().as_str(), "help" | "version")
    });
    let rows: String = shown.map(row).collect();
    match rows.is_empty() {
        true => String::new(),
        false => format!("\n| flag | what it does |\n|---|---|\n{rows}"),
    }
}

fn page(path: &str, command: &Command, text: &mut String) {
    let about = command.get_about().map(ToString::to_string);
    let about = about.unwrap_or_default();
    text.push_str(&format!("\n## {path}\n\n{about}.\n"));
    text.push_str(&table(command, false));
    for below in command.get_subcommands().filter(|it| !it.is_hide_set()) {
        page(&format!("{path} {}", below.get_name()), below, text);
    }
}

fn commands() -> String {
    let mut command = Cli::command();
    command.build();
    let mut text = HEAD.to_owned();
    text.push_str("\n## Flags of every command\n");
    text.push_str(&table(&command, true));
    for below in command.get_subcommands().filter(|it| !it.is_hide_set()) {
        page(&format!("dlt {}", below.get_name()), below, &mut text);
    }
    text
}

#[test]
fn every_flag_has_its_row() {
    let wanted = commands();
    if std::env::var_os("DLT_UPDATE").is_some() {
        std::fs::write(COMMANDS, &wanted).unwrap();
    }
    assert!(
        std::fs::read_to_string(COMMANDS).unwrap() == wanted,
        "docs/commands.md is not what the command line takes: DLT_UPDATE=1 cargo test -p dlt documented"
    );
}

/// The words of a line of a shell, without comment and redirection; None if it is not
/// one simple command of dlt.
fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word = String::new();
    let (mut quote, mut any) = (None, false);
    for sign in line.chars() {
        match (quote, sign) {
            (Some(open), sign) if open == sign => quote = None,
            (Some(_), sign) => word.push(sign),
            (None, '\'' | '"') => (quote, any) = (Some(sign), true),
            (None, '#') if word.is_empty() => break,
            (None, '>' | '|' | '&' | ';') => break,
            (None, sign) if sign.is_whitespace() => {
                if any || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                    any = false;
                }
            }
            (None, sign) => word.push(sign),
        }
    }
    if any || !word.is_empty() {
        words.push(word);
    }
    (words.first()? == "dlt").then_some(words)
}

/// The commands of a document's shell blocks, with continued lines joined.
fn commands_of(text: &str) -> Vec<Vec<String>> {
    let blocks = text.split("```sh\n").skip(1);
    let blocks = blocks.filter_map(|rest| rest.split_once("```"));
    let mut found = Vec::new();
    for (block, _) in blocks {
        let joined = block.replace("\\\n", " ");
        found.extend(joined.lines().filter_map(words));
    }
    found
}

#[test]
fn every_command_of_the_documents_is_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut seen = 0;
    for document in DOCUMENTS {
        let text = std::fs::read_to_string(root.join(document)).unwrap();
        for command in commands_of(&text) {
            seen += 1;
            if let Err(error) = Cli::try_parse_from(&command) {
                panic!("{document}: {}: {error}", command.join(" "));
            }
        }
    }
    assert!(seen > 40, "{seen}");
}

#[test]
fn lines_of_a_shell_are_split_as_a_shell_does() {
    let split = |line: &str| words(line).map(|words| words.join("·"));
    assert_eq!(
        split("dlt run http://a/#x -c 5 --threshold 'p(95)<200ms' > out.json   # why"),
        Some("dlt·run·http://a/#x·-c·5·--threshold·p(95)<200ms".to_owned())
    );
    assert_eq!(
        split("dlt runs note latest \"\""),
        Some("dlt·runs·note·latest·".to_owned())
    );
    assert_eq!(split("cargo xtask demo"), None);
}
