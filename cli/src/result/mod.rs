//! The last screen: a run's record for people. It begins with outcome and trust, then has
//! thresholds, account, times, errors and runners, and ends with what to do next. Pure:
//! record in, lines out.

mod addresses;
mod errors;
mod headline;
mod next;
mod once;
mod phases;
mod shape;
mod times;

use crate::exit::Exit;
use crate::line::{Line, Tone, wrapped};
use crate::units;
use dlt_core::judge::summary::{AccountSummary, Block, Blocks};
use dlt_core::load::changes::changed_load;
use dlt_core::record::RunRecord;
use dlt_core::scenario::requests::lists::block_of;
use dlt_core::thresholds::Threshold;

pub use headline::headline;
pub use once::sentence as once_sentence;
pub use shape::Shape;

/// Most warnings shown.
const MOST_WARNINGS: usize = 10;
/// Most missing runners named.
const MOST_MISSING: usize = 8;
/// Most public addresses that the screen names; the record has all.
const MOST_CAME_FROM: usize = 8;
/// Column of the values in named rows.
const VALUE_COLUMN: usize = 15;

/// How to format the screen.
#[derive(Debug, Clone, Copy)]
pub struct ScreenOptions<'a> {
    /// The command's exit code.
    pub exit: Exit,
    /// Columns.
    pub width: usize,
    /// Further commands to try: (purpose, command).
    pub next: &'a [(&'a str, String)],
    /// What the record does not hold.
    pub shape: Option<&'a Shape>,
}

/// The whole screen.
pub fn lines(record: &RunRecord, options: &ScreenOptions<'_>) -> Vec<Line> {
    let mut lines = headline(record, options.exit, options.width);
    let measured = record
        .summary
        .as_ref()
        // Times of refused connections are no response times.
        .filter(|blocks| match options.exit {
            Exit::CouldNotRun => blocks.total.ok > 0,
            _ => blocks.total.count > 0,
        });
    lines.extend(note(record, options.width));
    let changes = record.load.as_ref().map_or(&[][..], |load| &load.changes);
    if let Some(changed) = changed_load(changes) {
        lines.extend(bullet(Tone::Warn, "!", &changed, options.width));
    }
    lines.extend(thresholds(record, options.width));
    lines.extend(account(record));
    lines.extend(once::lines(record, options.width));
    if let Some(blocks) = measured {
        lines.extend(times::lines(record, blocks, options.width));
        lines.extend(phases::lines(blocks, options.width));
        if let Some(shape) = options.shape {
            lines.extend(shape::lines(shape, options.width));
        }
    }
    // What targets sent is cut, not folded: it is as long as they like.
    let errors = errors::lines(record, options.width).into_iter();
    lines.extend(errors.map(|line| line.cut(options.width)));
    lines.extend(generator(record, options.width));
    lines.extend(warnings(record, options.width));
    let rows = lines.iter().flat_map(|line| line.folded(options.width));
    let mut lines: Vec<Line> = rows.collect();
    // Commands are never cut, so that they can be copied.
    lines.extend(next::commands(record, options));
    lines
}

/// A heading with an empty line before it.
fn heading(name: &str, remark: &str) -> Vec<Line> {
    let line = Line::new().tone(Tone::Strong, name);
    vec![
        Line::new(),
        match remark {
            "" => line,
            _ => line.tone(Tone::Quiet, format!("  {remark}")),
        },
    ]
}

fn named(name: &str) -> Line {
    Line::of("  ").tone(Tone::Quiet, name).pad_to(VALUE_COLUMN)
}

/// A named sentence, wrapped beside its name.
fn named_lines(name: &str, text: &str, width: usize) -> Vec<Line> {
    wrapped(Tone::Plain, text, VALUE_COLUMN, width)
        .into_iter()
        .enumerate()
        .map(|(at, line)| match at {
            0 => named(name).plain(line.render(false).trim_start()),
            _ => line,
        })
        .collect()
}

/// The run's measured seconds, from the compatible results.
fn measured_seconds(record: &RunRecord) -> Option<f64> {
    if let Some(loaded) = record.summary.as_ref().and_then(Blocks::loaded_s) {
        return Some(loaded);
    }
    let text = record.results.get("total")?.get("testDuration")?;
    let seconds: f64 = match text {
        serde_json::Value::String(text) => text.parse().ok()?,
        other => other.as_f64()?,
    };
    (seconds > 0.0).then_some(seconds)
}

/// Finished requests per second.
fn rate_of(record: &RunRecord, block: &Block) -> Option<f64> {
    measured_seconds(record).map(|seconds| block.count as f64 / seconds)
}

fn thresholds(record: &RunRecord, width: usize) -> Vec<Line> {
    let results = match &record.outcome {
        Some(outcome) if !outcome.thresholds.is_empty() => &outcome.thresholds,
        _ => return Vec::new(),
    };
    // A threshold without a label applies to all requests together; a single label may
    // well exceed it.
    let scope = |expression: &str| match Threshold::parse(expression) {
        Ok(threshold) if threshold.label.is_none() => "all requests: ",
        _ => "",
    };
    let shown = |expression: &str| Line::of(scope(expression)).plain(expression);
    let widest = results
        .iter()
        .map(|result| shown(&result.expression).width())
        .max()
        .unwrap_or(0)
        .min(48);
    let mut lines = heading("Thresholds", "");
    for result in results {
        let (tone, mark) = if result.passed {
            (Tone::Good, "✔ ")
        } else {
            (Tone::Bad, "✘ ")
        };
        let line = Line::of("  ")
            .tone(tone, mark)
            .tone(Tone::Quiet, scope(&result.expression))
            .plain(&result.expression)
            .pad_to(widest + 6);
        let observed = match &result.observed {
            Some(observed) => Line::of("observed ").tone(
                if result.passed {
                    Tone::Strong
                } else {
                    Tone::Bad
                },
                observed,
            ),
            None => Line::new().tone(Tone::Warn, "no data"),
        };
        lines.push(line.join(observed));
        if let Some(reason) = &result.reason {
            lines.extend(wrapped(Tone::Warn, reason, 4, width));
        }
    }
    lines
}

/// What is counted outside of the account's sums: repeated requests and lost load.
fn outside_the_sums(account: &AccountSummary) -> Vec<Line> {
    let line = |n: u64, words: &str| {
        (n > 0).then(|| Line::of("  ").tone(Tone::Warn, format!("{} {words}", units::count(n))))
    };
    let resent = line(
        account.requests.resent,
        "were sent again, each counts once: their connection had ended before any answer, and the target may have got them twice; or it said in HTTP/2 that it did not process them",
    );
    let lost = line(
        account.lost.unwrap_or(0),
        "planned requests of lost runners are in no sum (an estimate)",
    );
    resent.into_iter().chain(lost).collect()
}

fn account(record: &RunRecord) -> Vec<Line> {
    let told = record.account.filter(|told| told.requests.scheduled > 0);
    let Some(told) = told else {
        return Vec::new();
    };
    let account = told.requests;
    let part = |n: u64, word: &str, bad: Tone| {
        let tone = if n == 0 { Tone::Quiet } else { bad };
        Line::new().tone(tone, format!("{} {word}", units::count(n)))
    };
    let balance = if told.balanced {
        Line::new().tone(Tone::Good, "✔ adds up")
    } else {
        Line::new().tone(Tone::Bad, "✘ does not add up: a bug in dlt")
    };
    let column = units::count(account.scheduled).len();
    // If every request had a connection, all that were begun were sent.
    let word = match account.unconnected {
        0 => "sent",
        _ => "begun",
    };
    let row = |n: u64, what: &str| {
        let width = word.len();
        Line::of(format!("  {:>column$} {what:width$} = ", units::count(n)))
    };
    let mut due = row(account.scheduled, "due")
        .join(part(account.sent, "sent", Tone::Plain))
        .plain(" + ");
    if account.unconnected > 0 {
        due = due
            .join(part(account.unconnected, "without a connection", Tone::Bad))
            .plain(" + ");
    }
    let due = due.join(part(account.dropped, "dropped", Tone::Bad));
    let sent = row(account.begun(), word)
        .join(part(account.ok, "ok", Tone::Strong))
        .plain(" + ")
        .join(part(account.failed, "failed", Tone::Bad))
        .plain(" + ")
        .join(part(account.unfinished, "unfinished", Tone::Warn));
    let gap = due.width().max(sent.width()) + 3;
    let mut lines = heading("Requests", "every one is accounted for");
    if !told.balanced {
        lines = heading("Requests", "");
    }
    lines.push(due);
    lines.push(sent.pad_to(gap).join(balance));
    lines.extend(volume(record));
    lines.extend(outside_the_sums(&told));
    if record
        .load
        .as_ref()
        .is_some_and(|load| load.model == "open")
        && steps(record) > 1
    {
        lines.push(Line::of("  ").tone(
            Tone::Quiet,
            "arrivals on their way when the time was up began no further request",
        ));
    }
    lines
}

/// The number of requests in the first scenario; 0 where blocks decide it.
fn steps(record: &RunRecord) -> usize {
    let requests = record
        .test_scenario
        .get("scenarios")
        .and_then(|scenarios| scenarios.as_object()?.values().next()?.get("requests"))
        .and_then(|requests| requests.as_array());
    requests
        .filter(|requests| !requests.iter().any(|entry| block_of(entry).is_some()))
        .map_or(0, Vec::len)
}

/// A duration; below a minute with tenths of a second, below one of these in its own unit.
fn duration(seconds: f64) -> String {
    if seconds < 0.05 {
        return units::coarse_time((seconds * 1e6).round() as u64);
    }
    let whole = seconds.round();
    if seconds < 60.0 && (seconds - whole).abs() >= 0.05 {
        format!("{seconds:.1} s")
    } else {
        units::span(whole as u64)
    }
}

/// Rate, planned load and bytes.
fn volume(record: &RunRecord) -> Option<Line> {
    let total = &record.summary.as_ref()?.total;
    let mut words = Vec::new();
    if let (Some(rate), Some(seconds)) = (rate_of(record, total), measured_seconds(record)) {
        words.push(format!("{} over {}", units::rate(rate), duration(seconds)));
    }
    if let Some(load) = &record.load {
        // Users that would find nothing left to send do not begin.
        let most = load.requests.unwrap_or(u64::MAX);
        let users = load
            .users
            .map(|users| units::several(users.min(most), "user"));
        // With users, arrivals are in a second scenario.
        let steps = if load.users.is_some() {
            1
        } else {
            steps(record)
        };
        let arrivals = load.arrivals.map(|arrivals| match steps {
            0 | 1 => format!("{} arrivals/s planned", units::number(arrivals)),
            steps => format!(
                "{} arrivals/s planned, each for {steps} requests",
                units::number(arrivals)
            ),
        });
        words.extend(users.into_iter().chain(arrivals));
    }
    words.push(format!("{} received", units::bytes(total.bytes_received)));
    Some(Line::of("  ").tone(Tone::Quiet, words.join(" · ")))
}

/// From which public addresses the load came.
fn came_from(record: &RunRecord, width: usize) -> Vec<Line> {
    let generator = record.generator.as_ref();
    let all = generator.map_or(&[][..], |it| &it.public_addresses);
    if all.is_empty() {
        return Vec::new();
    }
    let mut shown: Vec<String> = all.iter().take(MOST_CAME_FROM).cloned().collect();
    if let Some(more @ 1..) = all.len().checked_sub(MOST_CAME_FROM) {
        shown.push(format!("and {} more", units::count(more as u64)));
    }
    named_lines("came from", &shown.join(", "), width)
}

/// The seed of what was drawn at random, with which it is drawn again.
fn seed(record: &RunRecord, width: usize) -> Vec<Line> {
    match record.load.as_ref().and_then(|load| load.seed) {
        Some(seed) => {
            let text = format!("{seed}; --seed {seed} draws the same again");
            named_lines("seed", &text, width)
        }
        None => Vec::new(),
    }
}

/// The load generator's own numbers: runners, start, lag.
fn generator(record: &RunRecord, width: usize) -> Vec<Line> {
    let Some(coverage) = &record.coverage else {
        return Vec::new();
    };
    let mut lines = heading("Load generator", "");
    let reported = format!(
        "{} of {} reported",
        units::count(coverage.runners_reported),
        units::several(coverage.runners_expected, "runner"),
    );
    let line = named("runners");
    lines.push(match (coverage.complete, coverage.missing_intervals) {
        (true, _) => line
            .plain(reported)
            .tone(Tone::Good, "  ✔ no second missing"),
        // All runners reported, but the run was stopped early.
        (false, 0) if coverage.missing.is_empty() => line.plain(reported),
        (false, 0) => line.tone(Tone::Bad, reported),
        (false, missing) => line.tone(
            Tone::Bad,
            format!("{reported}, {} missing", units::several(missing, "second")),
        ),
    });
    if !coverage.missing.is_empty() {
        let more = coverage.missing.len().saturating_sub(MOST_MISSING);
        let mut names: Vec<&str> = coverage
            .missing
            .iter()
            .take(MOST_MISSING)
            .map(String::as_str)
            .collect();
        let further = format!("and {more} more");
        if more > 0 {
            names.push(&further);
        }
        lines.push(named("missing").tone(Tone::Bad, names.join(", ")));
    }
    let has_reports = coverage.runners_reported > 0;
    lines.extend(came_from(record, width));
    if let Some(start) = record
        .start
        .filter(|start| has_reports && start.start_at > 0)
    {
        let time = |us: i64| units::time(us.max(0).unsigned_abs());
        let text = format!(
            "first requests within {} of the plan (median {}), clocks known to ±{}",
            time(start.skew_max_us),
            time(start.skew_p50_us),
            units::time(start.clock_error_us),
        );
        lines.extend(named_lines("start", &text, width));
    }
    let lag = record
        .summary
        .as_ref()
        .and_then(|blocks| blocks.total.lag)
        .filter(|lag| lag.count > 0);
    if let Some(lag) = lag {
        let text = format!(
            "99 % of the requests left at most {} late (the worst {})",
            units::time_or_dash(lag.p99_us),
            units::time_or_dash(lag.max_us),
        );
        lines.extend(named_lines("punctuality", &text, width));
    }
    lines.extend(seed(record, width));
    lines.extend(addresses::lines(record, width));
    lines.extend(addresses::proxies(record, width));
    lines.extend(addresses::versions(record, width));
    lines
}

/// What a person had to say about the run.
fn note(record: &RunRecord, width: usize) -> Vec<Line> {
    let lines = record.note.iter().flat_map(|note| note.lines());
    let lines = lines.filter(|line| !line.trim().is_empty());
    lines
        .flat_map(|line| bullet(Tone::Quiet, "✎", &line.replace('\t', " "), width))
        .collect()
}

fn warnings(record: &RunRecord, width: usize) -> Vec<Line> {
    if record.warnings.is_empty() {
        return Vec::new();
    }
    let mut lines = heading("Warnings", "");
    for warning in record.warnings.iter().take(MOST_WARNINGS) {
        lines.extend(bullet(Tone::Warn, "!", warning, width));
    }
    if record.warnings.len() > MOST_WARNINGS {
        let more = record.warnings.len() - MOST_WARNINGS;
        lines.push(Line::of("  ").tone(Tone::Quiet, format!("… and {more} more (--json has all)")));
    }
    lines
}

/// A sentence with a mark in front, wrapped.
fn bullet(tone: Tone, mark: &str, text: &str, width: usize) -> Vec<Line> {
    wrapped(Tone::Plain, text, 4, width)
        .into_iter()
        .enumerate()
        .map(|(at, line)| match at {
            0 => Line::of("  ")
                .tone(tone, mark)
                .plain(" ")
                .plain(line.render(false).trim_start()),
            _ => line,
        })
        .collect()
}

#[cfg(test)]
pub mod fixtures;
#[cfg(test)]
mod tests;
