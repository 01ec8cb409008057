//! libFuzzer on one target, which `DLT_FUZZ_TARGET` names: `cargo xtask fuzz` builds and calls it.
//! It writes the corpus as files into `DLT_FUZZ_CORPUS`, and ends where a case takes too much
//! memory or time. With `DLT_FUZZ_CASES` it makes so many cases of the corpus by itself, from the
//! seed `DLT_FUZZ_SEED` on, and does not ask libFuzzer: built without counters of coverage that is
//! many times as fast.
#![no_main]
#![expect(
    unsafe_code,
    reason = "an allocator that counts has to be one; a crate for it would count no more"
)]

use dlt_worker::fuzz::{Mutator, Target, corpus, targets};
use rustix::time::{ClockId, clock_gettime};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::RefCell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// Most memory that a case may take, bytes: inputs are short, and what stands for large things says
/// so in few bytes.
const MOST_BYTES: usize = 24 * 1024 * 1024;
/// As much where few bytes stand for many by their format's own limits: of bodies 16 MiB are decoded,
/// and a report names the bad seconds of a run of 30 days by a range. Both grow by doubling.
const MOST_UNPACKED_BYTES: usize = 96 * 1024 * 1024;
/// Longest time of a case on its core: what checks may take of one answer, and as much again for
/// the counters of coverage.
const LONGEST_CASE: Duration = Duration::from_secs(4);

/// Counts what is held.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

fn holds(more: usize) {
    let held = HELD.fetch_add(more, Relaxed) + more;
    MOST.fetch_max(held, Relaxed);
}

// SAFETY: all is done by the system's allocator, with the same arguments.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        holds(layout.size());
        // SAFETY: as the caller has it.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as the caller has it.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        HELD.fetch_sub(layout.size(), Relaxed);
        holds(size);
        // SAFETY: as the caller has it.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

static TARGET: OnceLock<Target> = OnceLock::new();

fn begin() {
    let name = std::env::var("DLT_FUZZ_TARGET").unwrap_or_default();
    let Some(target) = targets().into_iter().find(|target| target.name == name) else {
        let names: Vec<&str> = targets().iter().map(|target| target.name).collect();
        panic!("DLT_FUZZ_TARGET is {name:?}; there are {}", names.join(" "));
    };
    if let Ok(folder) = std::env::var("DLT_FUZZ_CORPUS") {
        let corpus = corpus::read(target.name).expect("a corpus that can be read");
        for (number, input) in corpus.iter().enumerate() {
            let path = std::path::Path::new(&folder).join(format!("{number:05}"));
            std::fs::write(path, input).expect("a folder that can be written");
        }
    }
    TARGET.set(target).expect("it begins once");
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    if let Some(cases) = number("DLT_FUZZ_CASES") {
        make_cases(target, number("DLT_FUZZ_SEED").unwrap_or(0), cases);
        std::process::exit(0);
    }
}

/// Makes so many cases. Where one fails, its file is written, as libFuzzer does.
fn make_cases(target: Target, first: u64, cases: u64) {
    let corpus = corpus::read(target.name).expect("a corpus that can be read");
    let aborts = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let (seed, case) = FAILING.with_borrow(Clone::clone);
        let folder = std::env::var("DLT_FUZZ_FAILED").unwrap_or_default();
        let path = std::path::Path::new(&folder).join(format!("seed-{seed}"));
        let _ = std::fs::write(&path, case);
        say(&format!("Test unit written to {}", path.display()));
        aborts(panic);
    }));
    for seed in first..first.saturating_add(cases) {
        let case = Mutator::new(seed).case(&corpus);
        FAILING.with_borrow_mut(|failing| *failing = (seed, case.clone()));
        run(&case);
    }
    say(&format!("stat::number_of_executed_units: {cases}"));
}

thread_local! {
    /// The case that is being tried, and its seed.
    static FAILING: RefCell<(u64, Vec<u8>)> = const { RefCell::new((0, Vec::new())) };
}

#[expect(clippy::print_stderr, reason = "as libFuzzer, whose lines xtask reads")]
fn say(line: &str) {
    eprintln!("{line}");
}

fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn run(data: &[u8]) {
    let target = TARGET.get().expect("it began");
    let (began, held) = (cpu(), HELD.load(Relaxed));
    MOST.store(held, Relaxed);
    (target.run)(data);
    let (took, bytes) = (cpu() - began, MOST.load(Relaxed).saturating_sub(held));
    let most = match target.name {
        "bodies" | "bodies-packed" | "reports" => MOST_UNPACKED_BYTES,
        _ => MOST_BYTES,
    };
    assert!(
        bytes <= most,
        "a case of {} bytes took {bytes} bytes",
        data.len()
    );
    assert!(
        took <= LONGEST_CASE,
        "a case of {} bytes took {took:?}",
        data.len()
    );
}

libfuzzer_sys::fuzz_target!(init: begin(), |data: &[u8]| run(data));
