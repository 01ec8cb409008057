//! What a program for Linux needs beside itself, as its own headers say: the machine,
//! the loader (PT_INTERP) and the shared libraries (DT_NEEDED). Finding them is left to
//! `libraries`.

use object::Endianness;
use object::elf::{DT_NEEDED, EM_AARCH64, EM_X86_64, FileHeader64};
use object::read::elf::{Dyn, FileHeader, ProgramHeader, SectionHeader};

/// What a worker can run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// x86_64.
    Amd64,
    /// aarch64.
    Arm64,
}

impl Machine {
    /// In the words of OCI, which are also Docker's.
    pub fn oci(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// In Rust's words.
    pub fn rust(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64",
            Self::Arm64 => "aarch64",
        }
    }
}

/// What a program or library says of itself.
#[derive(Debug, PartialEq, Eq)]
pub struct Elf {
    /// What it runs on.
    pub machine: Machine,
    /// Path of its loader; libraries and static programs have none.
    pub interpreter: Option<String>,
    /// Names of the libraries that it needs itself.
    pub needed: Vec<String>,
}

impl Elf {
    /// Reads it; or says what is wrong.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let refused = |error: object::Error| format!("it is no 64-bit ELF file ({error})");
        let header = FileHeader64::<Endianness>::parse(bytes).map_err(refused)?;
        let endian = header.endian().map_err(refused)?;
        let machine = match header.e_machine(endian) {
            EM_X86_64 => Machine::Amd64,
            EM_AARCH64 => Machine::Arm64,
            other => return Err(format!("it is for an unknown machine ({other:?})")),
        };
        let mut interpreter = None;
        for segment in header.program_headers(endian, bytes).map_err(refused)? {
            if let Some(path) = segment.interpreter(endian, bytes).map_err(refused)? {
                interpreter = Some(text(path)?);
            }
        }
        Ok(Self {
            machine,
            interpreter,
            needed: needed(header, endian, bytes).map_err(refused)?,
        })
    }
}

fn needed(
    header: &FileHeader64<Endianness>,
    endian: Endianness,
    bytes: &[u8],
) -> Result<Vec<String>, object::Error> {
    let sections = header.sections(endian, bytes)?;
    let mut needed = Vec::new();
    for section in sections.iter() {
        let Some((entries, strings)) = section.dynamic(endian, bytes)? else {
            continue;
        };
        let strings = sections.strings(endian, bytes, strings)?;
        for entry in entries
            .iter()
            .filter(|entry| entry.d_tag(endian) == DT_NEEDED)
        {
            let name = entry.string(endian, strings)?;
            needed.push(String::from_utf8_lossy(name).into_owned());
        }
    }
    Ok(needed)
}

fn text(bytes: &[u8]) -> Result<String, String> {
    let text = std::str::from_utf8(bytes);
    Ok(text
        .map_err(|_| "the path of its loader is no text")?
        .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_very_program_is_read() {
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let elf = Elf::read(&bytes).unwrap();
        assert_eq!(elf.machine.rust(), std::env::consts::ARCH);
        assert!(elf.interpreter.unwrap().contains("/ld-linux"));
        assert!(elf.needed.iter().any(|name| name == "libc.so.6"));
    }

    #[test]
    fn what_is_no_program_is_refused_and_not_believed() {
        assert!(
            Elf::read(b"#!/bin/sh\n")
                .unwrap_err()
                .contains("no 64-bit ELF")
        );
        let mut bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        // e_machine: MIPS.
        bytes[18..20].copy_from_slice(&8u16.to_le_bytes());
        assert!(Elf::read(&bytes).unwrap_err().contains("unknown machine"));
        // A file that broke off: its headers point behind its end.
        let whole = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(Elf::read(&whole[..200]).is_err());
    }
}
