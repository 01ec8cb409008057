//! The lines of the live block: progress, rate, latencies, errors, runners, trust. Pure:
//! state in, lines out.

use super::{Live, RECENT_SECONDS};
use crate::line::{Line, Tone};
use crate::units;
use dlt_core::judge::summary::many_failed;
use dlt_core::messages::runner_line::RunnerState;
use dlt_core::run::Status;

/// Column of the values.
const VALUE_COLUMN: usize = 13;
/// Columns of a latency.
const TIME_COLUMNS: usize = 11;
/// Most causes named on the errors line.
const MOST_CAUSES: usize = 4;
/// Most columns of the sparkline and the progress bar.
const SPARK_COLUMNS: usize = 90;
const BAR_COLUMNS: usize = 80;
/// Fewest columns of the progress bar.
const LEAST_BAR_COLUMNS: usize = 10;
/// Said once all requests are sent.
const LAST_ANSWERS: &str = "waiting for the last answers";

/// The block's lines, each at most `width` columns wide.
pub fn lines(live: &Live, elapsed_s: Option<f64>, width: usize) -> Vec<Line> {
    let mut lines = vec![title(live), progress(live, elapsed_s, width), Line::new()];
    if live.newest().is_some() {
        lines.push(rate(live, width));
        lines.push(users(live));
        lines.extend(latency(live));
        lines.push(errors(live));
        lines.push(runners(live));
        lines.push(trust(live));
    }
    lines.push(Line::new());
    lines.push(Line::of("  ").tone(
        Tone::Quiet,
        match (live.stopping, live.interrupt_leaves) {
            (true, _) => "stopping; what was measured is kept. Ctrl-C again: leave at once",
            (false, false) if live.keys => {
                "+ - ten percent · p pause · e end · Ctrl-C stop; what was measured is kept"
            }
            (false, false) => "Ctrl-C stops the run and keeps what was measured",
            (false, true) => "Ctrl-C leaves; the run goes on",
        },
    ));
    lines.iter().map(|line| line.cut(width)).collect()
}

fn named(name: &str) -> Line {
    Line::of("  ").tone(Tone::Quiet, name).pad_to(VALUE_COLUMN)
}

fn title(live: &Live) -> Line {
    let planned = &live.planned;
    let (users, requests) = planned.peaks();
    let mut load = Vec::new();
    if let Some(users) = users {
        load.push(units::several(users.round() as u64, "user"));
    }
    if let Some(requests) = requests {
        load.push(format!("{} requests/s", units::number(requests)));
    }
    Line::of("  ")
        .tone(Tone::Strong, &planned.name)
        .plain("  ")
        .tone(
            Tone::Quiet,
            format!(
                "{} · {} in {}",
                load.join(" and "),
                units::several(planned.runners, "runner"),
                planned.regions.join(", ")
            ),
        )
}

/// The run's status in words.
pub fn status_text(live: &Live) -> &'static str {
    match live.status {
        _ if live.stopping && !live.status.is_terminal() => "stopping",
        Status::Created | Status::Scheduled | Status::Queued => "getting ready",
        Status::Provisioning => "starting runners",
        Status::Running if live.newest().is_none() => "waiting for the common start",
        Status::Running => "running",
        Status::ParsingResults => "adding up the results",
        Status::CleaningUp => "cleaning up",
        Status::Cancelling => "stopping",
        Status::Complete => "complete",
        Status::Cancelled => "cancelled",
        Status::Failed => "failed",
    }
}

fn progress(live: &Live, elapsed_s: Option<f64>, width: usize) -> Line {
    let end = live.planned.end_s;
    let line = Line::of("  ");
    let (Some(elapsed), true) = (elapsed_s, live.status == Status::Running) else {
        return line.tone(Tone::Warn, "◦ ").plain(status_text(live));
    };
    let whole = |seconds: f64| units::span(seconds.max(0.0).round() as u64);
    let changed = |line: Line| match &live.changed {
        Some(changed) => line.tone(Tone::Warn, format!("  {changed}")),
        None => line,
    };
    if let Some(line) = by_count(live, elapsed, width) {
        return changed(line);
    }
    if live.planned.ends_by_count {
        let most = format!("{} of at most {}", whole(elapsed), whole(end));
        return changed(line.tone(Tone::Good, "● ").plain(most));
    }
    let part = (elapsed / end.max(0.001)).clamp(0.0, 1.0);
    // What is said beside it changes, and the bar stays as long as it is.
    let longest = format!("    100 %  {0} of {0}, {LAST_ANSWERS}", whole(end)).len();
    let left = if elapsed < end {
        format!("{} left", whole(end - elapsed))
    } else {
        LAST_ANSWERS.to_owned()
    };
    let line = bar(line, part, width.saturating_sub(longest)).tone(
        Tone::Quiet,
        format!("  {} of {}, {left}", whole(elapsed.min(end)), whole(end)),
    );
    changed(line)
}

/// A bar of at most so many columns with its percents, behind what the line has.
fn bar(line: Line, part: f64, most: usize) -> Line {
    let columns = most.clamp(LEAST_BAR_COLUMNS, BAR_COLUMNS);
    let filled = (part * columns as f64).round() as usize;
    line.tone(Tone::Good, "━".repeat(filled))
        .tone(Tone::Quiet, "╌".repeat(columns - filled))
        .plain(format!("  {:.0} %", (part * 100.0).floor()))
}

/// Progress by requests, where users make a number of them. None once more are begun than
/// that: redirects are among what is counted here, and then nobody knows how many are left.
fn by_count(live: &Live, elapsed: f64, width: usize) -> Option<Line> {
    let all = live.planned.requests_in_all?;
    let begun = live.total.sent + live.total.unconnected;
    if !live.planned.ends_by_count || begun > all {
        return None;
    }
    // The planned end may come first.
    let by_time = elapsed / live.planned.end_s.max(0.001);
    let part = (begun as f64 / all.max(1) as f64).max(by_time);
    let rate = live.rate().map_or(0.0, |rate| rate.0);
    let left_s = (all - begun) as f64 / rate;
    let left_s = left_s.min(live.planned.end_s - elapsed).max(0.0);
    let left = match (begun < all, rate > 0.0) {
        (false, _) => ", letting the last requests finish".to_owned(),
        (true, true) => format!(", about {} left", units::span(left_s.ceil() as u64)),
        (true, false) => String::new(),
    };
    let told = format!(
        "  {} of {} requests{left}",
        units::count(begun),
        units::count(all)
    );
    // Two columns before the bar, and percents behind it.
    let most = width.saturating_sub(told.chars().count() + 9);
    Some(bar(Line::of("  "), part.clamp(0.0, 1.0), most).tone(Tone::Quiet, told))
}

fn rate(live: &Live, width: usize) -> Line {
    let Some((sent, planned)) = live.rate() else {
        return named("rate");
    };
    let mut line = named("rate").tone(Tone::Strong, units::rate(sent));
    if let Some(planned) = planned {
        line = line.plain(format!(" of {} planned", units::number(planned)));
    }
    let line = line.pad_to(VALUE_COLUMN + 26);
    let room = width.saturating_sub(line.width()).min(SPARK_COLUMNS) as u64;
    line.tone(Tone::Command, sparkline(&live.sent_by_second(room)))
}

/// Values as bars of eight heights; 0 is the lowest.
pub fn sparkline(values: &[u64]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let highest = values.iter().copied().max().unwrap_or(0).max(1);
    values
        .iter()
        .map(|&value| BARS[(value as f64 * 7.0 / highest as f64).round() as usize])
        .collect()
}

fn users(live: &Live) -> Line {
    let newest = live.newest().unwrap_or(0);
    match live.planned.users_in(newest) {
        Some(planned) => named("users")
            .tone(Tone::Strong, units::count(live.users()))
            .plain(format!(
                " of {} planned",
                units::count(planned.ceil() as u64)
            )),
        None => named("in flight").tone(Tone::Strong, units::count(live.users())),
    }
}

/// A time of the coarse histogram of live numbers.
fn about(us: u64) -> String {
    format!("≈{}", units::coarse_time(us))
}

fn latency(live: &Live) -> Vec<Line> {
    let right = |text: &str| format!("{text:>TIME_COLUMNS$}");
    let head = ["p50", "p95", "p99"].map(right).concat();
    let row = |name: &str, coarse| {
        let cells: String = match Live::percentiles(coarse) {
            Some(values) => values.map(|us| right(&about(us))).concat(),
            None => ["–", "–", "–"].map(right).concat(),
        };
        named(name).plain(cells)
    };
    let (total, recent) = (&live.total, live.recent());
    let many = many_failed(total.failed, total.ok + total.failed);
    let mut lines = vec![
        named("latency")
            .tone(Tone::Quiet, head)
            .tone(Tone::Warn, if many { "   of ok answers" } else { "" }),
        row(&format!("  last {RECENT_SECONDS} s"), &recent.latency),
        row("  all", &total.latency),
    ];
    if many {
        lines.push(row("  failed", &total.latency_failed));
    }
    lines
}

fn errors(live: &Live) -> Line {
    let finished = live.total.ok + live.total.failed;
    if live.total.failed == 0 {
        return named("errors")
            .tone(Tone::Good, "none")
            .tone(Tone::Quiet, format!(" in {}", units::count(finished)));
    }
    let causes = live.causes();
    let mut named_causes: Vec<String> = causes
        .iter()
        .take(MOST_CAUSES)
        .map(|(cause, count)| format!("{cause} {}", units::count(*count)))
        .collect();
    if causes.len() > MOST_CAUSES {
        named_causes.push(format!("{} more", causes.len() - MOST_CAUSES));
    }
    named("errors")
        .tone(
            Tone::Bad,
            format!(
                "{} ({})",
                units::count(live.total.failed),
                units::percent(live.total.failed, finished)
            ),
        )
        .plain(format!("  {}", named_causes.join(" · ")))
}

fn runners(live: &Live) -> Line {
    let mut line = named("runners");
    let states = [
        (RunnerState::Loading, Tone::Plain, "loading"),
        (RunnerState::Finished, Tone::Plain, "finished"),
        (RunnerState::Lagging, Tone::Warn, "silent"),
        (RunnerState::Lost, Tone::Bad, "lost"),
    ];
    let mut first = true;
    for (state, tone, word) in states {
        let count = live.in_state(state).len() as u64;
        if count > 0 {
            let gap = if first { "" } else { " · " };
            first = false;
            line = line
                .plain(gap)
                .tone(tone, format!("{} {word}", units::count(count)));
        }
    }
    match live.recent().lag.quantile_us(0.99) {
        Some(lag) => line.tone(
            Tone::Quiet,
            format!(" · lag p99 {}", units::time(lag.round() as u64)),
        ),
        None => line,
    }
}

fn trust(live: &Live) -> Line {
    match live.trust_warning() {
        None => named("trust").tone(Tone::Good, "nothing speaks against the numbers so far"),
        Some(warning) => named("trust").tone(Tone::Warn, warning),
    }
}
