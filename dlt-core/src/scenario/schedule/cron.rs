//! Linux cron in the contract's dialect (openapi `cronValue`): five fields, one
//! space between them, at most one minute an hour. Fields become bit sets over
//! the civil calendar; which zone's is left to `schedule`.
//!
//! Written here because the library that was chosen, cronexpr 1.7, passes over
//! 31 December for `L` and the last weekdays of December for `nL`, and the
//! contract's grammar had to be checked by us anyway. `croner` is the oracle in
//! the tests. As in Vixie's cron, when both day fields are set (neither begins
//! with `*`) either of them suffices.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
/// Longest expression that is read, bytes.
const LONGEST: usize = 256;
/// Days that a search looks ahead: two 29 Februaries may lie 8 years apart.
const MOST_DAYS: usize = 8 * 366 + 1;

/// A cron expression that can fire. Bit n of a set is the number n.
#[derive(Debug, Clone)]
pub(super) struct Cron {
    minute: i8,
    hours: u64,
    days: u64,
    /// `L` in the day field.
    last_day: bool,
    months: u64,
    /// 0 is Sunday.
    weekdays: u64,
    /// `nL`: the last such weekday of the month.
    last_weekdays: u64,
    /// `n#k`: the k-th such weekday of the month.
    nth_weekday: Option<(u8, i8)>,
    /// Both day fields are set: either suffices.
    either: bool,
}

/// One field's grammar: its bounds, names and what may stand alone.
struct Field {
    name: &'static str,
    least: u8,
    most: u8,
    names: &'static [&'static str],
    leading_zero: bool,
}

impl Cron {
    /// Parses by the contract's grammar, and checks that some date matches at all.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let cron = Self::grammar(text)?;
        // Any start will do: the search spans a whole leap cycle.
        match cron.next_wall_clock(Date::constant(2001, 1, 1).at(0, 0, 0, 0)) {
            Some(_) => Ok(cron),
            None => Err(format!("{text:?} never comes: no such date")),
        }
    }

    /// Parses by the contract's grammar; the date may never come.
    fn grammar(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("longer than {LONGEST} characters"));
        }
        let fields: Vec<&str> = text.split(' ').collect();
        let [minute, hour, day, month, weekday] = fields.as_slice() else {
            return Err("write five fields with exactly one space between them: minute hour day month weekday".into());
        };
        let mut cron = Self {
            minute: number(minute, 0, 59).ok_or("minute must be one number from 0 to 59")? as i8,
            hours: HOUR.set(hour)?,
            days: 0,
            last_day: false,
            months: MONTH.set(month)?,
            weekdays: 0,
            last_weekdays: 0,
            nth_weekday: None,
            either: !starts_open(day) && !starts_open(weekday),
        };
        cron.read_days(day)?;
        cron.read_weekdays(weekday)?;
        Ok(cron)
    }

    fn read_days(&mut self, field: &str) -> Result<(), String> {
        let field = if field == "?" { "*" } else { field };
        for item in field.split(',') {
            match item {
                "L" => self.last_day = true,
                item => self.days |= DAY.item(item)?,
            }
        }
        Ok(())
    }

    fn read_weekdays(&mut self, field: &str) -> Result<(), String> {
        let field = if field == "?" { "*" } else { field };
        if let Some((weekday, nth)) = field.split_once('#') {
            let rule = "weekday: write W#n alone, W from 0 to 6 or SUN to SAT, n from 1 to 5";
            let weekday = WEEKDAY.one(weekday).ok_or(rule)?;
            let nth = number(nth, 1, 5).ok_or(rule)?;
            self.nth_weekday = Some((weekday, nth as i8));
            return Ok(());
        }
        for item in field.split(',') {
            match item.strip_suffix('L') {
                // L alone is the last day of the week.
                Some("") => self.weekdays |= 1 << 6,
                Some(weekday) => {
                    let one = WEEKDAY.one(weekday).ok_or_else(|| WEEKDAY.refuse(item))?;
                    self.last_weekdays |= 1 << one;
                }
                None if item.contains('/') => return Err(WEEKDAY.refuse(item)),
                None => self.weekdays |= WEEKDAY.item(item)?,
            }
        }
        Ok(())
    }

    fn matches_date(&self, date: Date) -> bool {
        let is_last = date.day() == date.days_in_month();
        let by_day = self.days >> date.day() & 1 == 1 || (self.last_day && is_last);
        let weekday = date.weekday().to_sunday_zero_offset();
        let in_last_week = date.day() + 7 > date.days_in_month();
        let by_weekday = self.weekdays >> weekday & 1 == 1
            || (self.last_weekdays >> weekday & 1 == 1 && in_last_week)
            || self.nth_weekday.is_some_and(|(wanted, nth)| {
                wanted as i8 == weekday && (date.day() - 1) / 7 + 1 == nth
            });
        self.months >> date.month() & 1 == 1
            && if self.either {
                by_day || by_weekday
            } else {
                by_day && by_weekday
            }
    }

    /// The first matching wall-clock time after `after`.
    fn next_wall_clock(&self, after: DateTime) -> Option<DateTime> {
        let mut date = after.date();
        for _ in 0..MOST_DAYS {
            if self.matches_date(date) {
                let times = (0..24i8)
                    .filter(|hour| self.hours >> hour & 1 == 1)
                    .map(|hour| date.at(hour, self.minute, 0, 0));
                if let Some(found) = times.into_iter().find(|at| *at > after) {
                    return Some(found);
                }
            }
            date = date.checked_add(1.day()).ok()?;
        }
        None
    }

    /// The first instant after `after` whose wall-clock time in `zone` matches.
    /// Times that the zone skips are passed over; of repeated ones the first counts.
    pub(super) fn next_after(&self, after: Timestamp, zone: &TimeZone) -> Option<Zoned> {
        let mut wall = after.to_zoned(zone.clone()).datetime();
        for _ in 0..crate::scenario::schedule::MOST_STEPS {
            let next = self.next_wall_clock(wall)?;
            let ambiguous = zone.to_ambiguous_zoned(next);
            if !crate::scenario::schedule::is_gap(&ambiguous) {
                let found = ambiguous.earlier().ok()?;
                if found.timestamp() > after {
                    return Some(found);
                }
            }
            wall = next;
        }
        None
    }
}

const HOUR: Field = Field {
    name: "hour",
    least: 0,
    most: 23,
    names: &[],
    leading_zero: true,
};
const DAY: Field = Field {
    name: "day of month",
    least: 1,
    most: 31,
    names: &[],
    leading_zero: false,
};
const MONTH: Field = Field {
    name: "month",
    least: 1,
    most: 12,
    names: &MONTHS,
    leading_zero: true,
};
const WEEKDAY: Field = Field {
    name: "weekday",
    least: 0,
    most: 6,
    names: &DAYS,
    leading_zero: false,
};

impl Field {
    fn set(&self, field: &str) -> Result<u64, String> {
        field
            .split(',')
            .try_fold(0, |set, item| Ok(set | self.item(item)?))
    }

    /// `*`, `N`, `N-N`, each optionally `/N`; a single number with a step runs to the end.
    fn item(&self, item: &str) -> Result<u64, String> {
        let (base, step) = match item.split_once('/') {
            None => (item, None),
            Some((base, step)) => (
                base,
                Some(number(step, 1, 99).ok_or_else(|| self.refuse(item))?),
            ),
        };
        let (from, to) = match base.split_once('-') {
            _ if base == "*" => (self.least, self.most),
            Some((from, to)) => self
                .one(from)
                .zip(self.one(to))
                .ok_or_else(|| self.refuse(item))?,
            None => {
                let one = self.one(base).ok_or_else(|| self.refuse(item))?;
                (one, if step.is_some() { self.most } else { one })
            }
        };
        if from > to {
            return Err(self.refuse(item));
        }
        Ok((from..=to)
            .step_by(usize::from(step.unwrap_or(1)))
            .fold(0, |set, n| set | 1 << n))
    }

    fn one(&self, text: &str) -> Option<u8> {
        if let Some(at) = self
            .names
            .iter()
            .position(|name| name.eq_ignore_ascii_case(text))
        {
            return Some(at as u8 + self.least);
        }
        if text.len() > 1 && text.starts_with('0') && !self.leading_zero {
            return None;
        }
        number(text, self.least, self.most)
    }

    fn refuse(&self, item: &str) -> String {
        format!(
            "{}: {item:?} is not understood; numbers go from {} to {}",
            self.name, self.least, self.most
        )
    }
}

/// Whether a day field leaves the date to the other day field.
fn starts_open(field: &str) -> bool {
    field.starts_with('*') || field == "?"
}

fn number(text: &str, least: u8, most: u8) -> Option<u8> {
    let digits = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    digits
        .then(|| text.parse().ok())
        .flatten()
        .filter(|n| (least..=most).contains(n))
}
