//! Clocks: what the kernel reads the time from, and whether the wall clock steps.

use super::findings::{Finding, State};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Sources that are read without a call into the kernel, or nearly so.
const FAST: [&str; 5] = [
    "tsc",
    "kvm-clock",
    "hyperv_clocksource_tsc_page",
    "arch_sys_counter",
    "timebase",
];
/// How long the clocks are watched.
const WATCHED: Duration = Duration::from_millis(300);
/// A difference that no slewing makes in that time, µs (500 ppm are 150 µs).
const A_STEP_US: u64 = 1_000;

/// Looks at source and steps.
pub(super) async fn look(sys: &Path) -> Vec<Finding> {
    let name = "devices/system/clocksource/clocksource0/current_clocksource";
    let source = std::fs::read_to_string(sys.join(name)).unwrap_or_default();
    let before = wall_less_monotonic_us();
    tokio::time::sleep(WATCHED).await;
    let after = wall_less_monotonic_us();
    vec![source_of(source.trim()), steps(before.abs_diff(after))]
}

/// The wall clock's reading less the monotonic one's, µs, since a common start.
fn wall_less_monotonic_us() -> u64 {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    // A reading between two of the other clock: the closest of a few counts.
    let reading = || {
        let before = START.elapsed();
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let after = START.elapsed();
        let monotonic = (before + after) / 2;
        (
            after - before,
            wall.saturating_sub(monotonic).as_micros() as u64,
        )
    };
    let readings = (0..5).map(|_| reading());
    readings.min().map_or(0, |(_, difference)| difference)
}

fn source_of(source: &str) -> Finding {
    let what = "clock";
    match source {
        "" => Finding::not_well(
            State::Doubtful,
            what,
            "the kernel does not say what it reads the time from",
            "on a virtual machine the clock may be slow to read: compare dlt demo with another machine",
        ),
        source if FAST.contains(&source) => Finding::well(what, format!("read from {source}")),
        source => Finding::not_well(
            State::Doubtful,
            what,
            format!("read from {source}, which is slow: each reading costs a µs or more"),
            "see /sys/devices/system/clocksource/clocksource0/available_clocksource; tsc or the hypervisor's clock is fast",
        ),
    }
}

fn steps(us: u64) -> Finding {
    let what = "clock steps";
    match us < A_STEP_US {
        true => Finding::well(what, format!("none in {} ms", WATCHED.as_millis())),
        false => Finding::not_well(
            State::Doubtful,
            what,
            format!(
                "the wall clock went {us} µs off in {} ms",
                WATCHED.as_millis()
            ),
            "let chrony or systemd-timesyncd slew it; two programs that set it fight each other",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_judged() {
        assert_eq!(source_of("tsc").state, State::Well);
        for slow in ["hpet", "acpi_pm", "xen", ""] {
            assert_eq!(source_of(slow).state, State::Doubtful, "{slow}");
        }
        assert_eq!(steps(40).state, State::Well);
        assert_eq!(steps(5_000).state, State::Doubtful);
        let first = wall_less_monotonic_us();
        assert!(first > 1_600_000_000_000_000, "{first}");
    }
}
