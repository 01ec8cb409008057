//! One request, measured: its instants, its bytes, and how it ended.
//! Who measures it is the engine; who sums it is `tally`.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The instants of one request, in µs since the run's start instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sample {
    /// When the plan wanted it (open load); equals `sent_us` in closed load.
    pub due_us: u64,
    /// When the generator began: opened a connection, or wrote on an idle one.
    pub sent_us: u64,
    /// When a new connection (with TLS) stood; None on a reused connection.
    pub connected_us: Option<u64>,
    /// When the kernel had received the first byte of the answer, at the latest:
    /// segments that pile up before they are read have the last one's stamp.
    /// None if no byte came.
    pub first_byte_us: Option<u64>,
    /// When the kernel had received the last byte of the answer, or the request
    /// had failed (decision 39).
    pub done_us: u64,
    /// When the generator had read the last byte; no earlier than `done_us`.
    /// What lies between is the read delay, and no part of a response time.
    pub read_us: u64,
    /// How `done_us` is known; None if there is no complete answer.
    pub timed: Option<Timed>,
    /// Bytes read for this answer, head included.
    pub bytes_received: u64,
    /// Bytes written for this request, head included.
    pub bytes_sent: u64,
}

/// How the end of an answer was timed (decision 39).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timed {
    /// By the kernel's stamp.
    Stamp,
    /// By the time of reading: the kernel gave no stamp.
    Missing,
    /// By the time of reading: the stamp lay outside (sent, read).
    Implausible,
}

/// How a request ended: ok, or failed for a cause of the closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Outcome {
    /// The HTTP status, if an answer's head was read.
    pub status: Option<u16>,
    /// Why it failed; None if it is ok.
    pub cause: Option<Cause>,
}

impl Outcome {
    /// An answer that counts as ok.
    pub fn ok(status: u16) -> Self {
        Self {
            status: Some(status),
            cause: None,
        }
    }

    /// A failure, with the status if one was read.
    pub fn failed(cause: Cause, status: Option<u16>) -> Self {
        Self {
            status,
            cause: Some(cause),
        }
    }
}

/// Why a request failed: the closed list of decision 15.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The name did not resolve.
    Dns,
    /// Load must not be sent there: the name's addresses, or that of a redirect, are
    /// refused by the policy of targets. Nothing was sent, and no connection opened.
    TargetForbidden,
    /// No route to the host or network.
    Unreachable,
    /// Nothing listens there.
    Refused,
    /// The connection was reset or closed before the answer was complete.
    Reset,
    /// A kept-alive connection ended before a byte of a further request's answer
    /// came, and the request was not repeated (decision 43).
    ClosedIdle,
    /// The TLS handshake failed, certificate included.
    Tls,
    /// The proxy did not open the way: it was not there, refused, or answered wrongly.
    Proxy,
    /// No connection in time.
    TimeoutConnect,
    /// No first byte in time.
    TimeoutFirstByte,
    /// The answer began but was not complete in time.
    TimeoutBody,
    /// The answer is not HTTP as we understand it.
    Protocol,
    /// The target reset the request's HTTP/2 stream (RST_STREAM).
    H2Reset,
    /// The target ended the HTTP/2 connection (GOAWAY) without an answer to this request.
    H2Goaway,
    /// Head or body beyond the limits.
    TooLarge,
    /// More redirects than `max-redirects`.
    TooManyRedirects,
    /// Status 400 to 499 where that is a failure.
    #[serde(rename = "status-4xx")]
    Status4xx,
    /// Status 500 and above where that is a failure.
    #[serde(rename = "status-5xx")]
    Status5xx,
    /// A check (expected status below 400, assertion) did not hold.
    Check,
    /// A value that the scenario extracts was not there, or one that a request needs is missing
    /// or cannot stand where it is used: then the request was not sent.
    Extraction,
    /// Reported by a script engine; the class is the error's code.
    Tool,
    /// Our own limits: ports, files, memory. Never the target's failure.
    Generator,
    /// Anything else; the message names it.
    Other,
}

/// Whether something was found where a request went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// It was: it closed, reset, or spoke TLS.
    There,
    /// Nothing was: refused, no route, no such name, or silence until the time limit.
    Missing,
    /// It was not tried: the request ended in this runner.
    Unknown,
}

impl Cause {
    /// Every cause, in the order of the enum.
    pub const ALL: [Self; 23] = [
        Self::Dns,
        Self::TargetForbidden,
        Self::Unreachable,
        Self::Refused,
        Self::Reset,
        Self::ClosedIdle,
        Self::Tls,
        Self::Proxy,
        Self::TimeoutConnect,
        Self::TimeoutFirstByte,
        Self::TimeoutBody,
        Self::Protocol,
        Self::H2Reset,
        Self::H2Goaway,
        Self::TooLarge,
        Self::TooManyRedirects,
        Self::Status4xx,
        Self::Status5xx,
        Self::Check,
        Self::Extraction,
        Self::Tool,
        Self::Generator,
        Self::Other,
    ];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::TargetForbidden => "target-forbidden",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::ClosedIdle => "closed-idle",
            Self::Tls => "tls",
            Self::Proxy => "proxy",
            Self::TimeoutConnect => "timeout-connect",
            Self::TimeoutFirstByte => "timeout-first-byte",
            Self::TimeoutBody => "timeout-body",
            Self::Protocol => "protocol",
            Self::H2Reset => "h2-reset",
            Self::H2Goaway => "h2-goaway",
            Self::TooLarge => "too-large",
            Self::TooManyRedirects => "too-many-redirects",
            Self::Status4xx => "status-4xx",
            Self::Status5xx => "status-5xx",
            Self::Check => "check",
            Self::Extraction => "extraction",
            Self::Tool => "tool",
            Self::Generator => "generator",
            Self::Other => "other",
        }
    }

    /// What a failure without a byte of an answer says of the target.
    pub fn reach(self) -> Reach {
        match self {
            Self::Dns
            | Self::Unreachable
            | Self::Refused
            | Self::Proxy
            | Self::TimeoutConnect
            | Self::TimeoutFirstByte => Reach::Missing,
            // Nobody was asked.
            Self::Generator | Self::TargetForbidden | Self::Extraction => Reach::Unknown,
            _ => Reach::There,
        }
    }

    /// The cause of that wire name; None if there is none.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.name() == name)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_wire_names_and_read_back() {
        for (index, cause) in Cause::ALL.into_iter().enumerate() {
            assert_eq!(cause as usize, index);
            assert_eq!(Cause::parse(cause.name()), Some(cause));
            assert_eq!(serde_json::to_value(cause).unwrap(), cause.name());
        }
    }

    #[test]
    fn what_asked_nobody_says_nothing_of_the_target() {
        let of = |reach: Reach| {
            let all = Cause::ALL
                .into_iter()
                .filter(|cause| cause.reach() == reach);
            all.map(Cause::name).collect::<Vec<_>>()
        };
        assert_eq!(
            of(Reach::Unknown),
            ["target-forbidden", "extraction", "generator"]
        );
        assert_eq!(
            of(Reach::Missing),
            [
                "dns",
                "unreachable",
                "refused",
                "proxy",
                "timeout-connect",
                "timeout-first-byte"
            ]
        );
    }
}
