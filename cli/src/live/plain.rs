//! The run told line by line, for logs and pipes: the start, every change of
//! status, a line every 10 s, the end.

use super::{Live, screen};
use crate::line::{Line, Tone};
use crate::units;
use dlt_core::judge::summary::many_failed;
use dlt_core::measure::second::Second;
use dlt_core::messages::runner_line::RunnerState;

/// Seconds of load between two lines.
pub const EVERY_SECONDS: u64 = 10;

/// Tells a run line by line.
#[derive(Debug, Default)]
pub struct Plain {
    told_stage: Option<&'static str>,
    told_second: Option<u64>,
}

impl Plain {
    /// What is to be said after an event, if anything.
    pub fn after_event(&mut self, live: &Live) -> Vec<Line> {
        let mut lines = Vec::new();
        let stage = screen::stage(live);
        if self.told_stage != Some(stage) {
            self.told_stage = Some(stage);
            lines.push(Line::of(self.stage_sentence(live, stage)));
        }
        if let Some(second) = live.newest() {
            let due = (second + 1) / EVERY_SECONDS;
            let told = self
                .told_second
                .map_or(0, |told| (told + 1) / EVERY_SECONDS);
            if due > told {
                self.told_second = Some(second);
                lines.push(status_line(live, second));
            }
        }
        lines
    }

    fn stage_sentence(&self, live: &Live, stage: &str) -> String {
        let planned = &live.planned;
        match stage {
            "getting ready" => format!(
                "{}: {} in {}, load for {}",
                planned.name,
                units::several(planned.runners, "runner"),
                planned.regions.join(", "),
                units::span(planned.end_s.round() as u64),
            ),
            other => other.to_owned(),
        }
    }
}

/// Percentiles of the answers, and of the failures where those are many.
fn latency(recent: &Second) -> String {
    let times = |[p50, p95, p99]: [u64; 3]| {
        let [p50, p95, p99] = [p50, p95, p99].map(units::time);
        format!("p50 {p50}, p95 {p95}, p99 {p99}")
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
            "{answers}; failed ones p50 {}, p95 {}",
            units::time(p50),
            units::time(p95)
        ),
        None => answers,
    }
}

/// One line of numbers.
fn status_line(live: &Live, second: u64) -> Line {
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
    match live.doubt() {
        Some(doubt) => line.tone(Tone::Warn, format!("; {doubt}")),
        None => line,
    }
}
