//! The generator's own health: what the system says about this process. What it
//! means for the verdict is decided in core.

pub mod cgroup;
pub mod ecs;

use cgroup::Cgroup;
use dlt_core::messages::report::TaskFacts;
use std::time::Instant;

/// What a process has used so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU time, user and system, µs.
    pub cpu_us: u64,
    /// Time for which a CPU quota throttled it, µs.
    pub throttled_us: u64,
    /// Peak resident memory, bytes.
    pub max_rss_bytes: u64,
}

impl Usage {
    /// Reads it.
    pub fn now(cgroup: &Cgroup) -> Self {
        let (own_us, own_bytes) = read_rusage(libc::RUSAGE_SELF);
        // A script's tool, once it has ended.
        let (tools_us, tools_bytes) = read_rusage(libc::RUSAGE_CHILDREN);
        let max_rss_bytes = own_bytes.max(tools_bytes);
        Self {
            cpu_us: own_us + tools_us,
            throttled_us: cgroup.throttled_us(),
            max_rss_bytes,
        }
    }
}

#[expect(unsafe_code, reason = "getrusage has no safe form in std or libc")]
fn read_rusage(whose: libc::c_int) -> (u64, u64) {
    // SAFETY: an all-zero rusage is a valid value of that plain C struct, and
    // getrusage writes only into it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(whose, &raw mut usage);
        usage
    };
    let us = |time: libc::timeval| {
        u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000
            + u64::try_from(time.tv_usec).unwrap_or(0)
    };
    // Linux counts ru_maxrss in KiB, macOS in bytes.
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    let max_rss = u64::try_from(usage.ru_maxrss).unwrap_or(0);
    (us(usage.ru_utime) + us(usage.ru_stime), max_rss * unit)
}

/// Raises the limit of open files as far as the system allows: each connection
/// is one. Returns the limit that now holds.
#[expect(unsafe_code, reason = "setrlimit has no safe form in std or libc")]
pub fn raise_file_limit() -> u64 {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: both calls read and write only the struct that is passed.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) != 0 {
            return 0;
        }
        let before = limit.rlim_cur;
        limit.rlim_cur = limit.rlim_max;
        match libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) {
            0 => limit.rlim_cur,
            _ => before,
        }
    }
}

/// Cores that this process may use, by quota and affinity.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// What upstream's results parser requires of each report: the size of the task,
/// or what the system says where there is none.
pub fn task_facts(cgroup: &Cgroup, task: Option<&ecs::Task>, process_start: Instant) -> TaskFacts {
    let cpus = task.and_then(|task| task.cpus);
    let memory_mib = task.and_then(|task| task.memory_mib);
    TaskFacts {
        // Parts of a vCPU count as one.
        cpu: cpus.map_or(cores() as u64, |cpus| cpus.ceil() as u64),
        memory_mib: memory_mib.unwrap_or_else(|| memory_bytes(cgroup) / (1024 * 1024)),
        seconds: process_start.elapsed().as_secs(),
    }
}

/// How much memory is used, as often as it is asked.
#[derive(Debug)]
pub struct MemoryReading {
    cgroup: Cgroup,
    page_bytes: u64,
}

/// Part of the machine's memory that has to be available, per cent: below it the
/// system begins to look for a process to end.
const LEAST_AVAILABLE_PERCENT: u64 = 4;

impl MemoryReading {
    /// Of this process.
    #[expect(
        clippy::new_without_default,
        reason = "reading the system is no default"
    )]
    pub fn new() -> Self {
        #[expect(unsafe_code, reason = "sysconf has no safe form in std or libc")]
        // SAFETY: it reads a number and takes no pointer.
        let page_bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        Self {
            cgroup: Cgroup::own(),
            page_bytes: u64::try_from(page_bytes).unwrap_or(4_096),
        }
    }

    /// Resident bytes of this process.
    pub fn used_bytes(&self) -> u64 {
        let resident = std::fs::read_to_string("/proc/self/statm").ok();
        let pages = resident.and_then(|text| text.split(' ').nth(1)?.parse::<u64>().ok());
        pages.unwrap_or(0) * self.page_bytes
    }

    /// Whether the control group that has a limit, with all of its processes and their
    /// sockets' buffers, uses more than this part of it.
    pub fn group_is_short(&self, percent: u64) -> bool {
        let limit_bytes = self.cgroup.memory_limit_bytes();
        let used = self.cgroup.memory_used_bytes();
        used.is_some_and(|used| limit_bytes > 0 && used > limit_bytes / 100 * percent)
    }

    /// Whether the machine itself has hardly any memory left.
    pub fn machine_is_short(&self) -> bool {
        let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let of = |name| memory_line_bytes(&meminfo, name);
        let (Some(total), Some(available)) = (of("MemTotal:"), of("MemAvailable:")) else {
            return false;
        };
        available < total / 100 * LEAST_AVAILABLE_PERCENT
    }
}

/// Memory that this process may use, bytes; 0 if nobody says.
pub fn memory_bytes(cgroup: &Cgroup) -> u64 {
    match cgroup.memory_limit_bytes() {
        0 => std::fs::read_to_string("/proc/meminfo")
            .ok()
            .and_then(|text| memory_line_bytes(&text, "MemTotal:"))
            .unwrap_or(0),
        limit => limit,
    }
}

fn memory_line_bytes(meminfo: &str, name: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_grows_with_work() {
        let cgroup = Cgroup::own();
        let before = Usage::now(&cgroup);
        assert!(before.max_rss_bytes > 100_000, "{before:?}");
        let begun = Instant::now();
        let mut sum = 0u64;
        while Usage::now(&cgroup).cpu_us <= before.cpu_us {
            sum = std::hint::black_box(sum + 1);
            assert!(begun.elapsed().as_secs() < 30, "no CPU time is counted");
        }
        assert!(raise_file_limit() > 0);
        assert!(task_facts(&cgroup, None, begun).memory_mib > 0);
    }

    #[test]
    fn meminfo_is_read() {
        let text = "MemTotal:       16307152 kB\nMemFree:         1000000 kB\n";
        let total = |text| memory_line_bytes(text, "MemTotal:");
        assert_eq!(total(text), Some(16_307_152 * 1024));
        assert_eq!(memory_line_bytes(text, "MemFree:"), Some(1_024_000_000));
        assert_eq!(total("MemFree: 1 kB\n"), None);
        let reading = MemoryReading::new();
        assert!(reading.used_bytes() > 1_000_000);
    }
}
