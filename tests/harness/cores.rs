//! A machine made busy on purpose: which core a thread or a command runs on,
//! and loops that use all of a core. What is measured meanwhile is the tests'.

use rustix::process::setpriority_process;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::process::{Child, Command, Stdio};

/// The core that a squeezed generator runs on.
pub const GENERATOR: usize = 1;
/// The core that its target runs on.
pub const TARGET: usize = 0;

/// Runs `act` on this core alone; what it starts stays there.
///
/// # Panics
/// When the machine has no such core.
pub fn on_core<T>(core: usize, act: impl FnOnce() -> T) -> T {
    let before = sched_getaffinity(None).expect("this thread's cores");
    let mut one = CpuSet::new();
    one.set(core);
    sched_setaffinity(None, &one).expect("a core of this machine");
    let done = act();
    sched_setaffinity(None, &before).expect("the cores as they were");
    done
}

/// Moves this thread to a core, before others there if the system lets it.
pub fn settle_first_on(core: usize) {
    let mut one = CpuSet::new();
    one.set(core);
    // A machine with one core has no other, and only root may go first.
    let _ = sched_setaffinity(None, &one);
    let _ = setpriority_process(None, -15);
}

/// A process that uses all of a core that it gets; ends when dropped.
#[derive(Debug)]
pub struct BusyLoop(Child);

impl BusyLoop {
    /// Begins.
    ///
    /// # Panics
    /// When no shell can be started.
    pub fn on(core: usize) -> Self {
        let child = on_core(core, || {
            Command::new("sh")
                // It ends by itself should nobody be left to end it.
                .args(["-c", "while kill -0 $PPID 2>/dev/null; do for n in 1 2 3 4 5 6 7 8; do :; done; done"])
                .stdin(Stdio::null())
                .spawn()
        });
        Self(child.expect("a shell for a busy loop"))
    }

    /// Whether it still runs.
    pub fn is_busy(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for BusyLoop {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
