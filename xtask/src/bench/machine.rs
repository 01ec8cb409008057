//! Where and of what a measurement was made, and how much of the machine was somebody else's.

use crate::step;
use anyhow::Result;
use std::process::Command;

/// The machine and the commit.
pub struct Machine {
    pub commit: String,
    pub model: String,
    pub cores: usize,
    pub memory_gb: u64,
    pub kernel: String,
    pub date: String,
}

/// This machine, now.
pub fn machine() -> Result<Machine> {
    let told = |program: &str, args: &[&str]| -> String {
        let output = Command::new(program).args(args).output();
        let bytes = output.map(|output| output.stdout).unwrap_or_default();
        String::from_utf8_lossy(&bytes).trim().to_owned()
    };
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown CPU", |(_, model)| model);
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory_kib: u64 = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|rest| rest.trim().strip_suffix(" kB")?.parse().ok())
        .unwrap_or(0);
    let root = step::root();
    let root = root.to_string_lossy();
    Ok(Machine {
        commit: told("git", &["-C", &root, "rev-parse", "--short=12", "HEAD"]),
        model: model.to_owned(),
        cores: std::thread::available_parallelism()?.get(),
        memory_gb: memory_kib / 976_562,
        kernel: told("uname", &["-r"]),
        date: told("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
    })
}

/// What others took of the machine, from now on.
#[derive(Debug)]
pub struct Others {
    load: String,
    /// Time of all cores so far, and what of it the hypervisor gave to others, in ticks.
    ticks: (u64, u64),
}

impl Others {
    /// From now on.
    pub fn since_now() -> Self {
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Self {
            load: load.split(' ').take(3).collect::<Vec<_>>().join(" "),
            ticks: ticks(&std::fs::read_to_string("/proc/stat").unwrap_or_default()),
        }
    }

    /// Until now: load average before, steal since.
    pub fn told(&self) -> String {
        let now = ticks(&std::fs::read_to_string("/proc/stat").unwrap_or_default());
        let all = now.0.saturating_sub(self.ticks.0).max(1);
        let stolen = now.1.saturating_sub(self.ticks.1);
        let percent = 100.0 * stolen as f64 / all as f64;
        format!("load average before {}, steal {percent:.1} %", self.load)
    }
}

/// All ticks and the stolen ones of the line of all cores (proc(5), /proc/stat).
fn ticks(stat: &str) -> (u64, u64) {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "));
    let fields = line.unwrap_or_default().split_whitespace();
    // The last two, of guests, are in the first two.
    let ticks: Vec<u64> = fields
        .take(8)
        .filter_map(|field| field.parse().ok())
        .collect();
    (ticks.iter().sum(), ticks.get(7).copied().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    #[test]
    fn steal_is_the_eighth_field() {
        let stat = "cpu  10 0 5 100 1 0 0 4 3 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n";
        assert_eq!(super::ticks(stat), (120, 4));
        assert_eq!(super::ticks(""), (0, 0));
    }
}
