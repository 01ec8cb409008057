//! Thresholds as the scenario has them: what is compared with what. Here are
//! the types, `parse` reads them; judging a run by them is left to
//! `judge::outcome`.

mod parse;

use crate::measure::tally::TimesOver;

/// A threshold, parsed; `expression` is kept as written.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    /// As the scenario has it.
    pub expression: String,
    /// Only samples of this label; None means the whole run.
    pub label: Option<String>,
    /// What is compared.
    pub metric: Metric,
    /// Which samples a time is of: `all.` before it means all, else ok ones.
    pub over: TimesOver,
    /// How the value is compared with the limit.
    pub comparison: Comparison,
    /// With what, in `unit`.
    pub limit: f64,
    /// The unit of `limit` and of what is shown.
    pub unit: Unit,
}

/// What a threshold compares with its limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Metric {
    /// A percentile of the response time, 0 to 100.
    Percentile(f64),
    /// Mean response time.
    Mean,
    /// Shortest response time.
    Min,
    /// Longest response time.
    Max,
    /// Standard deviation of the response time.
    Stdev,
    /// Failed ÷ finished requests.
    ErrorRate,
    /// Failed requests.
    Failed,
    /// Finished requests.
    Requests,
    /// Requests that ended ok.
    Ok,
    /// Finished requests per second of the run.
    Rate,
    /// Due requests that were not sent; whole run only.
    Dropped,
    /// Requests given up at the end; whole run only.
    Unfinished,
}

/// How a threshold compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `==`
    Equal,
}

/// Units of thresholds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Microseconds.
    Microseconds,
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    Seconds,
    /// Minutes.
    Minutes,
    /// Percent.
    Percent,
    /// A share from 0 to 1.
    Fraction,
    /// Per second.
    PerSecond,
    /// A plain number.
    Count,
}

impl Unit {
    /// A number of this unit in base units. Percent divide: 35 · 0.01 is a
    /// little more than 0.35, 35 / 100 is what the division 7 / 20 gives too.
    pub(crate) fn to_base(self, number: f64) -> f64 {
        match self {
            Self::Percent => number / 100.0,
            unit => number * unit.size(),
        }
    }

    /// How many base units (µs, fraction, 1/s, 1) it holds.
    pub(crate) fn size(self) -> f64 {
        match self {
            Self::Milliseconds => 1e3,
            Self::Seconds => 1e6,
            Self::Minutes => 60e6,
            Self::Percent => 0.01,
            Self::Microseconds | Self::Fraction | Self::PerSecond | Self::Count => 1.0,
        }
    }

    /// As written behind a number.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Microseconds => "us",
            Self::Milliseconds => "ms",
            Self::Seconds => "s",
            Self::Minutes => "m",
            Self::Percent => "%",
            Self::PerSecond => "/s",
            Self::Fraction | Self::Count => "",
        }
    }
}

impl Comparison {
    /// From which side it limits: Less is from above.
    pub(crate) fn side(self) -> std::cmp::Ordering {
        match self {
            Self::Less | Self::LessOrEqual => std::cmp::Ordering::Less,
            Self::Greater | Self::GreaterOrEqual => std::cmp::Ordering::Greater,
            Self::Equal => std::cmp::Ordering::Equal,
        }
    }

    pub(crate) fn holds(self, seen: f64, limit: f64) -> bool {
        match self {
            Self::Less => seen < limit,
            Self::LessOrEqual => seen <= limit,
            Self::Greater => seen > limit,
            Self::GreaterOrEqual => seen >= limit,
            Self::Equal => seen == limit,
        }
    }
}

impl Metric {
    /// Whether it is a response time.
    pub(crate) fn is_time(self) -> bool {
        match self {
            Self::Percentile(_) | Self::Mean | Self::Min | Self::Max | Self::Stdev => true,
            Self::ErrorRate
            | Self::Failed
            | Self::Requests
            | Self::Ok
            | Self::Rate
            | Self::Dropped
            | Self::Unfinished => false,
        }
    }
}
