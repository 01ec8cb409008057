//! Completion scripts and man pages, generated from `args`.

use crate::args::{Cli, CompletionsArgs, ManArgs, Shell};
use crate::exit::Exit;
use crate::line::{Line, Tone};
use crate::output::Output;
use crate::units::several;
use anyhow::Context;
use clap::CommandFactory;
use clap_complete::aot;
use std::path::Path;

/// `dlt completions`.
pub fn completions(output: Output, args: &CompletionsArgs) -> Exit {
    output.data_text(&script(args.shell));
    Exit::Passed
}

fn script(shell: Shell) -> String {
    let shell = match shell {
        Shell::Bash => aot::Shell::Bash,
        Shell::Zsh => aot::Shell::Zsh,
        Shell::Fish => aot::Shell::Fish,
        Shell::Powershell => aot::Shell::PowerShell,
    };
    let mut script = Vec::new();
    aot::generate(shell, &mut Cli::command(), "dlt", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// `dlt man`.
pub fn man(output: Output, args: &ManArgs) -> anyhow::Result<Exit> {
    let folder = &args.folder;
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    page_and_below(&command, &mut pages)?;
    if let Err(error) = save(folder, &pages) {
        output.error(&format!(
            "folder {} cannot be written: {error}; name another one",
            folder.display()
        ));
        return Ok(Exit::Unwritten);
    }
    let count = several(pages.len() as u64, "man page");
    output.data(&[Line::new()
        .tone(Tone::Good, "✔ ")
        .plain(format!("{count} in {}", folder.display()))]);
    Ok(Exit::Passed)
}

fn save(folder: &Path, pages: &[(String, Vec<u8>)]) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    pages
        .iter()
        .try_for_each(|(name, page)| std::fs::write(folder.join(name), page))
}

/// The pages of a command and of its subcommands, hidden ones excepted.
fn page_and_below(
    command: &clap::Command,
    pages: &mut Vec<(String, Vec<u8>)>,
) -> anyhow::Result<()> {
    let page = clap_mangen::Man::new(command.clone());
    let mut text = Vec::new();
    page.render(&mut text).context("a man page")?;
    pages.push((page.get_filename(), text));
    for below in command
        .get_subcommands()
        .filter(|below| !below.is_hide_set())
    {
        page_and_below(below, pages)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_gets_every_command() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Powershell] {
            let script = script(shell);
            for word in ["scenarios", "runners", "require-trusted", "completions"] {
                assert!(script.contains(word), "{shell:?}: {word}");
            }
        }
    }

    #[test]
    fn each_command_has_a_page() {
        let mut command = Cli::command().disable_help_subcommand(true);
        command.build();
        let mut pages = Vec::new();
        page_and_below(&command, &mut pages).unwrap();
        let names: Vec<&str> = pages.iter().map(|page| page.0.as_str()).collect();
        for name in [
            "dlt.1",
            "dlt-run.1",
            "dlt-runs-watch.1",
            "dlt-scenarios-create.1",
        ] {
            assert!(names.contains(&name), "{name}: {names:?}");
        }
        assert!(!names.contains(&"dlt-man.1"));
    }
}
