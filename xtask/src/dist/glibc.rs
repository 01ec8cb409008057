//! With which C library a program runs, as its own table of versions says: whatever it
//! was built on, it must run on Amazon Linux 2023, which Lambda's functions run on.

use anyhow::{Context, Result, bail};
use object::Endianness;
use object::elf::FileHeader64;
use object::read::elf::{FileHeader, SectionHeader};
use std::path::PathBuf;

/// The newest version that programs may need: Amazon Linux 2023's.
pub const NEWEST: (u32, u32) = (2, 34);

/// Refuses programs that need a newer one.
pub fn check(programs: &[PathBuf]) -> Result<()> {
    for path in programs {
        let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
        let needed = needed(&bytes).with_context(|| path.display().to_string())?;
        let newest = newest(&needed).context("it names no version of the C library")?;
        if newest > NEWEST {
            let too_new: Vec<&String> = needed
                .iter()
                .filter(|name| parse(name).is_some_and(|version| version > NEWEST))
                .collect();
            bail!(
                "{} needs {too_new:?}, and Amazon Linux 2023 has {}.{}; build with --machine, which takes a C library of that version",
                path.display(),
                NEWEST.0,
                NEWEST.1
            );
        }
        let (major, minor) = newest;
        println!("{} runs with glibc {major}.{minor}", path.display());
    }
    Ok(())
}

/// The names of versions (`GLIBC_2.34`) that a program wants of its libraries.
fn needed(bytes: &[u8]) -> Result<Vec<String>> {
    let header = FileHeader64::<Endianness>::parse(bytes)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, bytes)?;
    let mut names = Vec::new();
    for section in sections.iter() {
        let Some((mut libraries, strings)) = section.gnu_verneed(endian, bytes)? else {
            continue;
        };
        let strings = sections.strings(endian, bytes, strings)?;
        while let Some((_, mut versions)) = libraries.next()? {
            while let Some(version) = versions.next()? {
                let name = version.name(endian, strings)?;
                names.push(String::from_utf8_lossy(name).into_owned());
            }
        }
    }
    Ok(names)
}

fn parse(name: &str) -> Option<(u32, u32)> {
    let version = name.strip_prefix("GLIBC_")?;
    let mut parts = version.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

fn newest(names: &[String]) -> Option<(u32, u32)> {
    names.iter().filter_map(|name| parse(name)).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        let names = [
            "GLIBC_2.9",
            "GLIBC_2.34",
            "GLIBC_2.2.5",
            "GCC_3.0",
            "GLIBC_PRIVATE",
        ];
        assert_eq!(newest(&names.map(str::to_owned)), Some((2, 34)));
        assert_eq!(newest(&["GCC_3.0".to_owned()]), None);
    }

    #[test]
    fn this_very_program_says_what_it_needs() {
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let needed = needed(&bytes).unwrap();
        assert!(newest(&needed) > Some((2, 2)), "{needed:?}");
        // Programs call it by the version that it was changed in last.
        assert!(needed.iter().any(|name| name == "GLIBC_2.34"), "{needed:?}");
    }
}
