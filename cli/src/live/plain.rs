//! The run as a log, for files and pipes: a line for the start, for each change of status,
//! and for every 10 s of load.

use super::{Live, screen};
use crate::line::{Line, Tone};
use crate::units;
use dlt_core::judge::summary::many_failed;
use dlt_core::measure::second::Second;
use dlt_core::messages::runner_line::RunnerState;

/// Seconds of load between two lines.
pub const EVERY_SECONDS: u64 = 10;

/// The log, with what was logged last.
#[derive(Debug, Default)]
pub struct PlainLog {
    last_status: Option<&'static str>,
    last_second: Option<u64>,
}

impl PlainLog {
    /// The lines to print after an event.
    pub fn after_event(&mut self, live: &Live) -> Vec<Line> {
        let mut lines = Vec::new();
        let status = screen::status_text(live);
        if self.last_status != Some(status) {
            self.last_status = Some(status);
            lines.push(Line::of(self.status_change(live, status)));
        }
        if let Some(second) = live.newest() {
            let due = (second + 1) / EVERY_SECONDS;
            let logged = self
                .last_second
                .map_or(0, |last| (last + 1) / EVERY_SECONDS);
            if due > logged {
                self.last_second = Some(second);
                lines.push(numbers(live, second));
            }
        }
        lines
    }

    fn status_change(&self, live: &Live, status: &str) -> String {
        let planned = &live.planned;
        match status {
            "getting ready" => format!(
                "{}: {} in {}, load {}{}",
                planned.name,
                units::several(planned.runners, "runner"),
                planned.regions.join(", "),
                planned.requests_in_all.map_or(String::new(), |all| {
                    format!("of {} ", units::several(all, "request"))
                }),
                planned.length_in_words(),
            ),
            other => other.to_owned(),
        }
    }
}

/// Percentiles of ok answers, and of failures if there are many.
fn latency(recent: &Second) -> String {
    let times = |[p50, p95, p99]: [u64; 3]| {
        let [p50, p95, p99] = [p50, p95, p99].map(units::coarse_time);
        format!("p50 ≈{p50}, p95 ≈{p95}, p99 ≈{p99}")
    };
    let answers = Live::percentiles(&recent.latency).map(times);
    if !many_failed(recent.failed, recent.ok + recent.failed) {
        return answers.unwrap_or_else(|| "no answers".to_owned());
    }
    let answers = match answers {
        Some(answers) => format!("ok answers {answers}"),
        None => "no ok answers".to_owned(),
    };
    match Live::percentiles(&recent.latency_failed) {
        Some([p50, p95, _]) => format!(
            "{answers}; failed ones p50 ≈{}, p95 ≈{}",
            units::coarse_time(p50),
            units::coarse_time(p95)
        ),
        None => answers,
    }
}

/// A line of numbers.
fn numbers(live: &Live, second: u64) -> Line {
    let total = &live.total;
    let (sent, planned) = live.rate().unwrap_or((0.0, None));
    let rate = match planned {
        Some(planned) => format!(
            "{} of {} planned",
            units::rate(sent),
            units::number(planned)
        ),
        None => units::rate(sent),
    };
    let latency = latency(&live.recent());
    let causes: String = live
        .causes()
        .iter()
        .take(3)
        .map(|(cause, count)| format!(", {cause} {}", units::count(*count)))
        .collect();
    let line = Line::of(format!(
        "{:>5} s  {rate}, {} sent, {} ok, {} failed ({}){causes}, {latency}, {} loading",
        second + 1,
        units::count(total.sent),
        units::count(total.ok),
        units::count(total.failed),
        units::percent(total.failed, total.ok + total.failed),
        units::several(live.in_state(RunnerState::Loading).len() as u64, "runner"),
    ));
    match live.trust_warning() {
        Some(warning) => line.tone(Tone::Warn, format!("; {warning}")),
        None => line,
    }
}
