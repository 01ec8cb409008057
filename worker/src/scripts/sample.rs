//! What a tool says of its load, whichever tool it is. Reading its output is left to the tools'
//! modules, adding it up to `recorder`.

use dlt_core::measure::sample::Cause;
use std::borrow::Cow;

/// Longest time that a tool can have measured, µs: a year. What says more is no sample, and a few of
/// them would be more than sums hold.
const LONGEST_US: u64 = 366 * 24 * 3_600 * 1_000_000;
/// Most bytes that one line can tell of.
const MOST_BYTES: u64 = 1 << 50;
/// Most users, or rounds that were not begun, that one line can tell of.
const MOST_COUNTED: u64 = 1 << 40;

/// One request, as its tool measured it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct ToolSample<'a> {
    /// When it ended, µs since the Unix epoch on this machine's clock.
    pub end_us: u64,
    /// Its response time, as the tool counts it, µs.
    pub response_us: u64,
    /// Opening its connection, µs; None where none was opened or the tool does not say.
    pub connect_us: Option<u64>,
    /// To the first byte, µs; None where no byte came or the tool does not say.
    pub first_byte_us: Option<u64>,
    /// What it goes under.
    pub label: Cow<'a, str>,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// Why it failed; None if the tool calls it ok.
    pub failure: Option<ToolFailure>,
    /// Bytes of the answer, as far as the tool knows them.
    pub bytes_received: u64,
    /// Bytes of the request, as far as the tool knows them.
    pub bytes_sent: u64,
}

/// Why a tool calls a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ToolFailure {
    /// The cause, `tool` where the tool's class is none that is known.
    pub cause: Cause,
    /// The status, or the tool's own class of errors.
    pub code: Option<String>,
    /// What the tool says.
    pub message: String,
}

impl ToolFailure {
    /// Of an answer whose status the tool calls a failure.
    pub fn of_status(status: u16) -> Self {
        let cause = match status {
            400..=499 => Cause::Status4xx,
            500.. => Cause::Status5xx,
            _ => Cause::Check,
        };
        Self {
            cause,
            code: Some(status.to_string()),
            message: format!("status {status}"),
        }
    }
}

/// What a tool's output tells.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Told<'a> {
    /// A request has ended.
    Sample(ToolSample<'a>),
    /// So many users are active.
    Users(u64),
    /// So many rounds were not begun, because no user was free.
    Dropped(u64),
    /// A check that belongs to no single request held or did not.
    Checked { name: Cow<'a, str>, holds: bool },
    /// A request that was cut off when the load was ended.
    Cut,
    /// Bytes of answers that the tool tells of no single request.
    Bytes(u64),
    /// A group of requests, timed as one: no request of its own.
    Group,
    /// A line that cannot be read.
    Unreadable,
}

impl Told<'_> {
    /// Whether its numbers can be those of a load.
    pub fn is_possible(&self) -> bool {
        match self {
            Self::Sample(sample) => {
                let times = [sample.connect_us, sample.first_byte_us];
                let longest = times
                    .into_iter()
                    .flatten()
                    .fold(sample.response_us, u64::max);
                longest <= LONGEST_US && sample.bytes_received.max(sample.bytes_sent) <= MOST_BYTES
            }
            Self::Users(count) | Self::Dropped(count) => *count <= MOST_COUNTED,
            Self::Bytes(bytes) => *bytes <= MOST_BYTES,
            Self::Checked { .. } | Self::Cut | Self::Group | Self::Unreadable => true,
        }
    }
}
