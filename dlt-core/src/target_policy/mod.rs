//! Which hosts and addresses load may be sent to: decided once, for the check of a scenario
//! and for a runner's connections alike. `kinds` says which addresses are refused unless
//! somebody allows them, `pattern` reads entries of lists. Looking names up, and what comes
//! of a refusal, is left to others.

mod kinds;
mod pattern;

pub use kinds::AddressKind;

use crate::refusal::{Fault, Faults};
use core::net::IpAddr;
use kinds::{readings, refused};
use pattern::Pattern;
use url::Host;

/// The variable that holds what is allowed though it is refused by default.
pub const ALLOW_TARGETS: &str = "DLT_ALLOW_TARGETS";
/// The variable that holds the only targets.
pub const ONLY_TARGETS: &str = "DLT_ONLY_TARGETS";
/// Longest list, bytes: on AWS both are variables of a function, whose variables may have
/// 4 KiB in all, and of a task's overrides, which may have 8 KiB.
pub const LONGEST_LIST_BYTES: usize = 1_024;

/// Which hosts and addresses load may be sent to. By default to all but those that are no
/// target of anybody: metadata services, link-local, unspecified, multicast and broadcast
/// addresses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TargetPolicy {
    /// What is allowed though it is refused by default.
    allowed: Vec<Pattern>,
    /// The only targets; empty: all.
    only: Vec<Pattern>,
}

/// Names by which clouds' metadata services are found: EC2's, Google's, Azure's.
const METADATA_NAMES: [&str; 6] = [
    "instance-data",
    "instance-data.ec2.internal",
    "metadata",
    "metadata.google.internal",
    "metadata.goog",
    "metadata.azure.internal",
];

/// Why a host is no target, as a sentence that names host or address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForbiddenTarget {
    /// 0.0.0.0 and `::`, which people write when they mean their own machine.
    #[error("{0} is the address of no host; use 127.0.0.1 for this machine")]
    Unspecified(IpAddr),
    /// An address that is refused unless it is allowed.
    #[error(
        "{}is {kind}; it has to be allowed (--allow-target {reading}, AllowTargets of a stack)",
        leads(*.address, *.reading)
    )]
    Refused {
        /// The address.
        address: IpAddr,
        /// The address that it is, or leads to.
        reading: IpAddr,
        /// Why it is refused.
        kind: AddressKind,
    },
    /// A name or address that is not on the list of the only targets.
    #[error(
        "{0} is not among the only targets that are allowed (--only-target, OnlyTargets of a stack)"
    )]
    NotListed(String),
    /// A name of a metadata service, which a proxy would look up.
    #[error(
        "{0} is the name of a metadata service; it has to be allowed (--allow-target {0}, AllowTargets of a stack)"
    )]
    Metadata(String),
    /// A name that a proxy looks up, where the only targets may be told by addresses.
    #[error(
        "{0} is looked up by the proxy, so that it is not known here whether its address is among the only targets that are allowed: list its name (--only-target, OnlyTargets of a stack)"
    )]
    Unresolved(String),
    /// A Unix socket that is not allowed: some, as Docker's, give control of their machine.
    #[error(
        "the Unix socket {0} belongs to a program on the machine that makes the load; it has to be allowed (--allow-target unix:{0})"
    )]
    Unix(String),
}

/// The subject of a sentence about what an address is.
fn leads(address: IpAddr, reading: IpAddr) -> String {
    match address == reading {
        true => format!("{address} "),
        false => format!("{address} leads to {reading}, which "),
    }
}

impl TargetPolicy {
    /// Reads both lists, each entry a target or several with commas between. `names` says
    /// where they stand, for the faults.
    pub fn parse<T: AsRef<str>>(
        allow: &[T],
        only: &[T],
        names: (&str, &str),
    ) -> Result<Self, Faults> {
        let mut faults = Vec::new();
        let policy = Self {
            allowed: list(allow, names.0, &mut faults),
            only: list(only, names.1, &mut faults),
        };
        match faults.is_empty() {
            true => Ok(policy),
            false => Err(Faults(faults)),
        }
    }

    /// Reads the lists of the environment's variables, through `get`, which looks one up.
    pub fn from_env(get: impl Fn(&str) -> Option<String>) -> Result<Self, Faults> {
        let value = |name| get(name).filter(|text| !text.is_empty());
        let (allow, only) = (value(ALLOW_TARGETS), value(ONLY_TARGETS));
        Self::parse(
            allow.as_slice(),
            only.as_slice(),
            (ALLOW_TARGETS, ONLY_TARGETS),
        )
    }

    /// The variables that carry it; the inverse of `from_env`.
    pub fn to_env(&self) -> Vec<(&'static str, String)> {
        [(ALLOW_TARGETS, &self.allowed), (ONLY_TARGETS, &self.only)]
            .into_iter()
            .filter(|(_, list)| !list.is_empty())
            .map(|(name, list)| (name, spelled(list, ",")))
            .collect()
    }

    /// What is allowed beside the usual, and the only targets, for people; None where
    /// there is no such list.
    pub fn lists(&self) -> [Option<String>; 2] {
        [&self.allowed, &self.only].map(|list| (!list.is_empty()).then(|| spelled(list, ", ")))
    }

    /// Whether load may be sent to a URL's host, as far as that is known before its name is
    /// looked up.
    pub fn check_host<S: AsRef<str>>(&self, host: &Host<S>) -> Result<(), ForbiddenTarget> {
        match host {
            Host::Ipv4(address) => self.check_address("", IpAddr::V4(*address)),
            Host::Ipv6(address) => self.check_address("", IpAddr::V6(*address)),
            Host::Domain(name) => {
                let name = name.as_ref();
                let ranges = |pattern: &Pattern| matches!(pattern, Pattern::Range(_));
                // Its addresses may lie in a range.
                if self.lists_name(name) || self.only.iter().any(ranges) {
                    Ok(())
                } else {
                    Err(ForbiddenTarget::NotListed(name.to_owned()))
                }
            }
        }
    }

    /// Whether a connection may be opened to an address of a host, as a URL has it: its
    /// name, or the address itself.
    pub fn check_address(&self, host: &str, address: IpAddr) -> Result<(), ForbiddenTarget> {
        let address = address.to_canonical();
        let is_allowed = |one: IpAddr| self.allowed.iter().any(|it| it.has_address(one));
        let all_allowed = self.allowed.iter().any(|it| it.has_name(host)) || is_allowed(address);
        for reading in readings(address) {
            let Some(kind) = refused(reading) else {
                continue;
            };
            if all_allowed || is_allowed(reading) {
                continue;
            }
            return Err(match kind {
                AddressKind::Unspecified if reading.is_unspecified() => {
                    ForbiddenTarget::Unspecified(reading)
                }
                _ => ForbiddenTarget::Refused {
                    address,
                    reading,
                    kind,
                },
            });
        }
        let is_listed = self.only.iter().any(|it| it.has_address(address));
        match self.lists_name(host) || is_listed {
            true => Ok(()),
            false => Err(ForbiddenTarget::NotListed(address.to_string())),
        }
    }

    /// Whether load may be sent to a name that is not looked up here: what addresses it has
    /// is not known.
    pub fn check_unresolved(&self, name: &str) -> Result<(), ForbiddenTarget> {
        let bare = name.trim_end_matches('.').to_ascii_lowercase();
        let is_allowed = self.allowed.iter().any(|it| it.has_name(&bare));
        if METADATA_NAMES.contains(&bare.as_str()) && !is_allowed {
            return Err(ForbiddenTarget::Metadata(name.to_owned()));
        }
        match self.lists_name(name) {
            true => Ok(()),
            false => Err(ForbiddenTarget::Unresolved(name.to_owned())),
        }
    }

    /// Whether load may be sent to the Unix socket at a path: only where it is allowed by name.
    pub fn check_unix(&self, path: &str) -> Result<(), ForbiddenTarget> {
        let lists = |list: &[Pattern]| list.iter().any(|it| it.has_unix(path));
        if !lists(&self.allowed) {
            return Err(ForbiddenTarget::Unix(path.to_owned()));
        }
        match self.only.is_empty() || lists(&self.only) {
            true => Ok(()),
            false => Err(ForbiddenTarget::NotListed(format!("unix:{path}"))),
        }
    }

    /// Whether the only targets have a name, or there are no only targets.
    fn lists_name(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|it| it.has_name(name))
    }
}

fn spelled(list: &[Pattern], between: &str) -> String {
    let all: Vec<String> = list.iter().map(Pattern::to_string).collect();
    all.join(between)
}

/// Reads a list, each entry once.
fn list<T: AsRef<str>>(given: &[T], name: &str, faults: &mut Vec<Fault>) -> Vec<Pattern> {
    let mut fault = |reason: String| {
        faults.push(Fault {
            path: name.to_owned(),
            reason,
        });
    };
    let mut list = Vec::new();
    for entry in given.iter().flat_map(|text| text.as_ref().split(',')) {
        match Pattern::parse(entry) {
            Ok(pattern) if list.contains(&pattern) => {}
            Ok(pattern) => list.push(pattern),
            Err(reason) => fault(reason),
        }
    }
    let length = spelled(&list, ",").len();
    if length > LONGEST_LIST_BYTES {
        fault(format!(
            "is {length} characters long; at most {LONGEST_LIST_BYTES} are taken: write ranges, or *.example.com for all names below one"
        ));
    }
    list
}

#[cfg(test)]
mod tests;
