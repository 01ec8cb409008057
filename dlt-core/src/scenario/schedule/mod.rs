//! When a scenario runs by itself: once, every so often, or by cron, always on
//! the wall clock of a named zone (api-behaviour.md 4; openapi
//! `CreateScenarioRequest`). Waiting for the instant is the pipeline's job.
//!
//! Clock changes follow what EventBridge Scheduler documents, so that both
//! homes agree: a wall-clock time that a change skips does not fire, one that a
//! change repeats fires the first time only.

mod cron;
mod pattern;

use crate::refusal::Fault;
use cron::Cron;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, AmbiguousZoned, TimeZone};
use jiff::{Span, Timestamp, ToSpan, Zoned};

/// Steps that a search for the next occurrence takes at most: a daily rule in
/// a zone whose gap skips it needs two, so a sound rule never reaches this.
const MOST_STEPS: usize = 64;

/// How often a schedule comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recurrence {
    /// Every day.
    Daily,
    /// Every 7 days.
    Weekly,
    /// Every 14 days.
    Biweekly,
    /// The same day of each month; the last day where a month is shorter.
    Monthly,
}

impl Recurrence {
    /// Reads the word on the wire; None if it is another one.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "daily" => Some(Self::Daily),
            "weekly" => Some(Self::Weekly),
            "biweekly" => Some(Self::Biweekly),
            "monthly" => Some(Self::Monthly),
            _ => None,
        }
    }

    /// The `n`-th distance from the first occurrence.
    fn times(self, n: i64) -> Span {
        match self {
            Self::Daily => n.days(),
            Self::Weekly => (7 * n).days(),
            Self::Biweekly => (14 * n).days(),
            Self::Monthly => n.months(),
        }
    }

    /// A distance that is never longer than `n` times this one, in days.
    fn least_days(self) -> i64 {
        match self {
            Self::Daily => 1,
            Self::Weekly => 7,
            Self::Biweekly => 14,
            Self::Monthly => 31,
        }
    }
}

/// The schedule fields of a body, as text; empty counts as absent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fields<'a> {
    /// `scheduleDate`, YYYY-MM-DD.
    pub date: &'a str,
    /// `scheduleTime`, HH:MM or HH:MM:SS.
    pub time: &'a str,
    /// `scheduleTimezone`, IANA; absent means UTC.
    pub zone: &'a str,
    /// `recurrence`.
    pub recurrence: &'a str,
    /// `cronValue`; wins over date, time and recurrence.
    pub cron: &'a str,
    /// `cronExpiryDate`, YYYY-MM-DD, last day included.
    pub expiry: &'a str,
}

/// When to run.
#[derive(Debug, Clone)]
pub struct Schedule {
    zone: TimeZone,
    rule: Rule,
}

#[derive(Debug, Clone)]
enum Rule {
    Once(DateTime),
    Every(DateTime, Recurrence),
    Cron(Box<Cron>, Option<Date>),
}

impl Schedule {
    /// Parses the fields; the error holds all that is wrong with them.
    pub fn parse(fields: &Fields<'_>) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let zone = parse_zone(fields.zone).unwrap_or_else(|fault| {
            faults.push(fault);
            TimeZone::UTC
        });
        let rule = match fields.cron {
            "" => timed_rule(fields, &zone, &mut faults),
            _ => cron_rule(fields, &mut faults),
        };
        match rule {
            Some(rule) if faults.is_empty() => Ok(Self { zone, rule }),
            _ => Err(faults),
        }
    }

    /// The first occurrence after `now`, on the zone's wall clock.
    pub fn next_after(&self, now: Timestamp) -> Option<Zoned> {
        match &self.rule {
            Rule::Once(at) => self.fires(*at).filter(|at| at.timestamp() > now),
            Rule::Every(first, recurrence) => self.next_recurring(*first, *recurrence, now),
            Rule::Cron(cron, expiry) => self.next_cron(cron, *expiry, now),
        }
    }

    /// `nextRun` on the wire: `YYYY-MM-DD HH:MM:SS` in the zone, or empty.
    pub fn next_run(&self, now: Timestamp) -> String {
        self.next_after(now)
            .map(|at| at.strftime("%Y-%m-%d %H:%M:%S").to_string())
            .unwrap_or_default()
    }

    /// The shortest gap between the next ten occurrences, in seconds; None
    /// when there are fewer than two.
    pub fn shortest_gap_s(&self, now: Timestamp) -> Option<i64> {
        let mut last = self.next_after(now)?.timestamp();
        let mut shortest = None;
        for _ in 1..10 {
            let Some(next) = self.next_after(last) else {
                break;
            };
            let gap = next.timestamp().as_second() - last.as_second();
            shortest = Some(shortest.map_or(gap, |least: i64| least.min(gap)));
            last = next.timestamp();
        }
        shortest
    }

    /// The instant of a wall-clock time: None in a gap, the first in a fold.
    fn fires(&self, at: DateTime) -> Option<Zoned> {
        let ambiguous = self.zone.to_ambiguous_zoned(at);
        if is_gap(&ambiguous) {
            return None;
        }
        ambiguous.earlier().ok()
    }

    fn next_recurring(
        &self,
        first: DateTime,
        recurrence: Recurrence,
        now: Timestamp,
    ) -> Option<Zoned> {
        let here = now.to_zoned(self.zone.clone()).datetime();
        let days = first
            .date()
            .until(here.date())
            .map_or(0, |span| i64::from(span.get_days()));
        // Start a step early: month lengths and offsets may differ.
        let from = (days / recurrence.least_days() - 1).max(0);
        (from..from + MOST_STEPS as i64)
            .filter_map(|n| first.checked_add(recurrence.times(n)).ok())
            .filter_map(|at| self.fires(at))
            .find(|at| at.timestamp() > now)
    }

    fn next_cron(&self, cron: &Cron, expiry: Option<Date>, now: Timestamp) -> Option<Zoned> {
        let next = cron.next_after(now, &self.zone)?;
        expiry
            .is_none_or(|last| next.date() <= last)
            .then_some(next)
    }
}

/// Whether a change of clocks passes over this wall-clock time.
fn is_gap(at: &AmbiguousZoned) -> bool {
    matches!(at.offset(), AmbiguousOffset::Gap { .. })
}

/// Whether a text is written as the contract has `cronValue`; it may still
/// mean nothing.
pub(super) fn cron_pattern(text: &str) -> Result<(), String> {
    pattern::check(text)
}

/// Whether a cron expression can be parsed and ever fires; else why not.
pub(super) fn cron_meaning(text: &str) -> Result<(), String> {
    Cron::parse(text).map(drop)
}

/// The gap that repeating runs of a scenario must leave, in seconds: time to
/// provision twice over, and the run itself (api-behaviour.md 4).
pub fn least_gap_s(total_tasks: u64, ramp_up_s: u64, hold_for_s: u64) -> u64 {
    // floor(ceil(tasks / 10) · 1.5 + 600), in integers.
    let provisioning = (total_tasks.div_ceil(10) * 3 + 1_200) / 2;
    2 * provisioning + ramp_up_s + hold_for_s
}

fn parse_zone(name: &str) -> Result<TimeZone, Fault> {
    if name.is_empty() {
        return Ok(TimeZone::UTC);
    }
    TimeZone::get(name).map_err(|_| {
        fault(
            "scheduleTimezone",
            format!("{name:?} is not a time zone; use an IANA name like Europe/Paris"),
        )
    })
}

fn timed_rule(fields: &Fields<'_>, zone: &TimeZone, faults: &mut Vec<Fault>) -> Option<Rule> {
    let date = parse_date("scheduleDate", fields.date, faults);
    let time = parse_time(fields.time, faults);
    let recurrence = match fields.recurrence {
        "" => None,
        word => Recurrence::parse(word).or_else(|| {
            faults.push(fault(
                "recurrence",
                format!("{word:?} is not one of daily, weekly, biweekly, monthly"),
            ));
            None
        }),
    };
    let at = date?.to_datetime(time?);
    if recurrence.is_none() && is_gap(&zone.to_ambiguous_zoned(at)) {
        faults.push(fault(
            "scheduleTime",
            format!(
                "{at} does not exist in {}: clocks are put forward over it",
                fields.zone
            ),
        ));
        return None;
    }
    Some(match recurrence {
        Some(recurrence) => Rule::Every(at, recurrence),
        None => Rule::Once(at),
    })
}

fn cron_rule(fields: &Fields<'_>, faults: &mut Vec<Fault>) -> Option<Rule> {
    let expiry = match fields.expiry {
        "" => None,
        text => parse_date("cronExpiryDate", text, faults),
    };
    match Cron::parse(fields.cron) {
        Ok(cron) => Some(Rule::Cron(Box::new(cron), expiry)),
        Err(reason) => {
            faults.push(fault("cronValue", reason));
            None
        }
    }
}

fn parse_date(path: &'static str, text: &str, faults: &mut Vec<Fault>) -> Option<Date> {
    let shaped = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    let date = shaped.then(|| text.parse::<Date>().ok()).flatten();
    if date.is_none() {
        faults.push(fault(
            path,
            format!("{text:?} is not a date; write YYYY-MM-DD"),
        ));
    }
    date
}

fn parse_time(text: &str, faults: &mut Vec<Fault>) -> Option<Time> {
    let parts: Option<Vec<i8>> = text
        .split(':')
        .map(|part| {
            (part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit()))
                .then(|| part.parse().ok())
                .flatten()
        })
        .collect();
    let time = match parts.as_deref() {
        Some(&[hour, minute]) => Time::new(hour, minute, 0, 0).ok(),
        Some(&[hour, minute, second]) => Time::new(hour, minute, second, 0).ok(),
        _ => None,
    };
    if time.is_none() {
        faults.push(fault(
            "scheduleTime",
            format!("{text:?} is not a time of day; write HH:MM"),
        ));
    }
    time
}

fn fault(path: &str, reason: String) -> Fault {
    Fault {
        path: path.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests;
