//! Control groups in both layouts: v2 (one tree) and v1 (a tree per controller).
//! Any ancestor of the process may hold the quota or limit, so all are read. A
//! file that does not exist means that there is no limit.

use std::path::{Path, PathBuf};

/// v1 writes "no limit" as a number near 2^63, rounded to pages.
const NO_LIMIT_BYTES: u64 = 1 << 60;

/// The control groups of a process, as the folders that may limit it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cgroup {
    /// v2 folders, the process's own first.
    unified: Vec<PathBuf>,
    /// v1 folders of the CPU controller.
    cpu: Vec<PathBuf>,
    /// v1 folders of the memory controller.
    memory: Vec<PathBuf>,
}

impl Cgroup {
    /// Those of this process.
    pub fn own() -> Self {
        let text = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        Self::parse(&text, Path::new("/sys/fs/cgroup"))
    }

    /// From the text of `/proc/self/cgroup`, the trees being mounted under `root`.
    fn parse(text: &str, root: &Path) -> Self {
        let mut cgroup = Self::default();
        for line in text.lines() {
            // hierarchy:controllers:path
            let mut parts = line.splitn(3, ':');
            let (Some(_), Some(controllers), Some(path)) =
                (parts.next(), parts.next(), parts.next())
            else {
                continue;
            };
            if controllers.is_empty() {
                // Beside v1 trees the v2 tree is mounted one level down.
                cgroup.unified = ancestors(root, path);
                cgroup
                    .unified
                    .extend(ancestors(&root.join("unified"), path));
                continue;
            }
            for name in controllers.split(',') {
                // Mounted under the joint name, with a link for each single one.
                let mut folders = ancestors(&root.join(controllers), path);
                folders.extend(ancestors(&root.join(name), path));
                match name {
                    "cpu" => cgroup.cpu = folders,
                    "memory" => cgroup.memory = folders,
                    _ => {}
                }
            }
        }
        cgroup
    }

    /// For how long a quota has throttled the process, µs.
    pub fn throttled_us(&self) -> u64 {
        let v2 = self
            .unified
            .iter()
            .filter_map(|folder| read_stat(&folder.join("cpu.stat"), "throttled_usec"));
        let v1 = self.cpu.iter().filter_map(|folder| {
            read_stat(&folder.join("cpu.stat"), "throttled_time")
                .map(|nanoseconds| nanoseconds / 1_000)
        });
        v2.chain(v1).max().unwrap_or(0)
    }

    /// What counts against the memory limit, bytes, without files that the kernel
    /// would drop; None where there is no limit.
    pub fn memory_used_bytes(&self) -> Option<u64> {
        let number = |path: PathBuf| -> Option<u64> {
            std::fs::read_to_string(path).ok()?.trim().parse().ok()
        };
        let used = |folder: &PathBuf, (limit, used, files): (&str, &str, [&str; 2])| {
            let limit = number(folder.join(limit)).filter(|&limit| limit < NO_LIMIT_BYTES)?;
            let of = |key| read_stat(&folder.join("memory.stat"), key).unwrap_or(0);
            let files: u64 = files.into_iter().map(of).sum();
            Some((limit, number(folder.join(used))?.saturating_sub(files)))
        };
        let v2 = (
            "memory.max",
            "memory.current",
            ["inactive_file", "active_file"],
        );
        let v1 = (
            "memory.limit_in_bytes",
            "memory.usage_in_bytes",
            ["total_inactive_file", "total_active_file"],
        );
        let v2 = self.unified.iter().filter_map(|folder| used(folder, v2));
        let v1 = self.memory.iter().filter_map(|folder| used(folder, v1));
        v2.chain(v1).min().map(|(_, used)| used)
    }

    /// The memory limit, bytes; 0 when there is none.
    pub fn memory_limit_bytes(&self) -> u64 {
        let v2 = self.unified.iter().map(|folder| folder.join("memory.max"));
        let v1 = self
            .memory
            .iter()
            .map(|folder| folder.join("memory.limit_in_bytes"));
        v2.chain(v1)
            .filter_map(|path| std::fs::read_to_string(path).ok()?.trim().parse().ok())
            .filter(|&limit| limit < NO_LIMIT_BYTES)
            .min()
            .unwrap_or(0)
    }
}

/// The folder of `path` below `root` and all its ancestors up to `root`: inside
/// a container the path may name folders that only the host has.
fn ancestors(root: &Path, path: &str) -> Vec<PathBuf> {
    let relative = Path::new(path.trim_start_matches('/'));
    if relative.components().any(|part| part.as_os_str() == "..") {
        return vec![root.to_owned()];
    }
    relative.ancestors().map(|part| root.join(part)).collect()
}

fn read_stat(path: &Path, key: &str) -> Option<u64> {
    let text = std::fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(' ')?;
        (name == key).then(|| value.trim().parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn v2_is_read_with_limits_of_ancestors() {
        let root = tempfile::tempdir().unwrap();
        write(
            root.path(),
            "pod/task/cpu.stat",
            "usage_usec 900\nnr_periods 10\nnr_throttled 3\nthrottled_usec 1234\n",
        );
        write(
            root.path(),
            "pod/cpu.stat",
            "usage_usec 900\nthrottled_usec 5678\n",
        );
        write(root.path(), "pod/task/memory.max", "max\n");
        write(root.path(), "pod/memory.max", "536870912\n");
        let cgroup = Cgroup::parse("0::/pod/task\n", root.path());
        assert_eq!(cgroup.throttled_us(), 5_678);
        assert_eq!(cgroup.memory_limit_bytes(), 536_870_912);
    }

    #[test]
    fn v1_is_read_in_its_own_units() {
        let root = tempfile::tempdir().unwrap();
        write(
            root.path(),
            "cpu,cpuacct/docker/abc/cpu.stat",
            "nr_periods 10\nnr_throttled 3\nthrottled_time 7000999\n",
        );
        write(
            root.path(),
            "memory/docker/abc/memory.limit_in_bytes",
            "268435456\n",
        );
        write(
            root.path(),
            "memory/memory.limit_in_bytes",
            "9223372036854771712\n",
        );
        let text = "12:pids:/docker/abc\n5:cpu,cpuacct:/docker/abc\n3:memory:/docker/abc\n0::/docker/abc\nnonsense\n";
        let cgroup = Cgroup::parse(text, root.path());
        assert_eq!(cgroup.throttled_us(), 7_000);
        assert_eq!(cgroup.memory_limit_bytes(), 268_435_456);
    }

    #[test]
    fn no_files_no_limits() {
        let root = tempfile::tempdir().unwrap();
        for text in ["", "0::/\n", "0::/../../elsewhere\n", "4:memory:/x\n"] {
            let cgroup = Cgroup::parse(text, root.path());
            assert_eq!(cgroup.throttled_us(), 0, "{text:?}");
            assert_eq!(cgroup.memory_limit_bytes(), 0, "{text:?}");
        }
        write(root.path(), "memory.max", "max\n");
        let cgroup = Cgroup::parse("0::/\n", root.path());
        assert_eq!(cgroup.memory_limit_bytes(), 0);
    }
}
