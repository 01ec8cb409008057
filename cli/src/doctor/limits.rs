//! What limits load: open files, ports, cores and how busy they are. Numbers are those of
//! `/proc` and `/sys`, whose places are given, so that tests have their own.

use super::findings::{Finding, State};
use crate::units;
use dlt_worker::health;
use rustix::process::{Resource, getrlimit};
use std::path::Path;

/// Open files that a run with the usual number of connections needs: 10,000 in open load,
/// and some of its own.
const ENOUGH_FILES: u64 = 11_000;
/// Ports for connections to one target; Linux has 28,232 by default.
const ENOUGH_PORTS: u64 = 20_000;
/// A load average per core from which on a measurement is disturbed.
const BUSY: f64 = 0.5;

/// Looks at all of them.
pub(super) fn look(proc: &Path, sys: &Path) -> Vec<Finding> {
    let limit = getrlimit(Resource::Nofile);
    vec![
        files(limit.maximum),
        ports(&text(proc, "sys/net/ipv4/ip_local_port_range")),
        cores(
            health::cores(),
            &text(proc, "loadavg"),
            &text(sys, "fs/cgroup/cpu.max"),
        ),
    ]
}

/// The text of a file; empty if there is none.
fn text(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap_or_default()
}

/// Runners raise their limit to the hard one; None is no limit.
fn files(hard: Option<u64>) -> Finding {
    let what = "open files";
    let Some(hard) = hard else {
        return Finding::well(what, "no limit");
    };
    let seen = format!(
        "at most {} for each runner (hard limit)",
        units::count(hard)
    );
    match hard >= ENOUGH_FILES {
        true => Finding::well(what, seen),
        false => Finding::not_well(
            State::Doubtful,
            what,
            seen,
            "each connection is one: raise nofile in /etc/security/limits.conf (LimitNOFILE= of a service, --ulimit \
             nofile= of a container)",
        ),
    }
}

fn ports(range: &str) -> Finding {
    let what = "ports";
    let mut numbers = range
        .split_whitespace()
        .filter_map(|word| word.parse::<u64>().ok());
    let (Some(first), Some(last)) = (numbers.next(), numbers.next()) else {
        return Finding::not_well(
            State::Doubtful,
            what,
            "the range of local ports cannot be read",
            "connections to one address may run out: the verdict then says so (ports)",
        );
    };
    let count = (last + 1).saturating_sub(first);
    let seen = format!(
        "{} for connections to one address ({first} to {last})",
        units::count(count)
    );
    match count >= ENOUGH_PORTS {
        true => Finding::well(what, seen),
        false => Finding::not_well(
            State::Doubtful,
            what,
            seen,
            "sysctl -w net.ipv4.ip_local_port_range='1024 65535' gives more",
        ),
    }
}

fn cores(cores: usize, loadavg: &str, cpu_max: &str) -> Finding {
    let what = "cores";
    // `50000 100000`: so many µs of each period; `max` is no limit.
    let quota = cpu_max.split_once(' ').and_then(|(quota, period)| {
        Some(quota.trim().parse::<f64>().ok()? / period.trim().parse::<f64>().ok()?)
    });
    let mut seen = units::several(cores as u64, "core");
    if let Some(quota) = quota {
        seen.push_str(&format!(", {quota:.2} by this container's quota"));
    }
    let load = loadavg
        .split(' ')
        .next()
        .and_then(|word| word.parse::<f64>().ok());
    let Some(load) = load else {
        let todo = "look yourself whether the machine is busy: a busy one measures itself";
        return Finding::not_well(
            State::Doubtful,
            what,
            format!("{seen}; how busy they are cannot be read"),
            todo,
        );
    };
    seen.push_str(&format!(
        "; {load:.2} were busy or waited for in the last minute"
    ));
    if load / quota.unwrap_or(cores as f64) > BUSY {
        return Finding::not_well(
            State::Doubtful,
            what,
            seen,
            "a busy machine measures itself: end what else runs, or make the load from another one",
        );
    }
    if quota.is_some_and(|quota| quota < 1.0) {
        return Finding::not_well(
            State::Doubtful,
            what,
            seen,
            "less than a core is throttled in the middle of a second: give the container one or more",
        );
    }
    Finding::well(what, seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_judged_by_their_numbers() {
        let state = |finding: Finding| {
            assert_eq!(finding.todo.is_none(), finding.state == State::Well);
            finding.state
        };
        assert_eq!(state(files(None)), State::Well);
        assert_eq!(state(files(Some(1_048_576))), State::Well);
        assert_eq!(state(files(Some(1_024))), State::Doubtful);
        let found = ports("32768\t60999\n");
        assert!(
            found.seen.starts_with("28,232 for connections"),
            "{}",
            found.seen
        );
        assert_eq!(found.state, State::Well);
        assert_eq!(state(ports("60000 60999")), State::Doubtful);
        for unreadable in ["", "1024", "a b", "5 4"] {
            assert_eq!(state(ports(unreadable)), State::Doubtful, "{unreadable:?}");
        }
        assert_eq!(
            state(cores(4, "0.31 0.2 0.1 1/99 5\n", "max 100000\n")),
            State::Well
        );
        assert_eq!(
            state(cores(4, "3.31 0.2 0.1 1/99 5\n", "")),
            State::Doubtful
        );
        assert_eq!(
            state(cores(4, "1.2 0.2 0.1", "200000 100000")),
            State::Doubtful
        );
        assert_eq!(
            state(cores(4, "0.1 0.2 0.1", "50000 100000")),
            State::Doubtful
        );
        assert_eq!(state(cores(4, "", "")), State::Doubtful);
    }

    #[test]
    fn this_machine_is_looked_at() {
        let found = look(Path::new("/proc"), Path::new("/sys"));
        assert_eq!(found.len(), 3);
        assert!(found.iter().all(|it| it.state != State::Broken));
    }
}
