//! What an exchange came to, in whichever version of HTTP. What it means is decided by the
//! walker.

use crate::engine::failure::Failure;
use crate::engine::http::h2_head::shown_head;
use crate::engine::http::kept::KeptResponse;
use crate::engine::http::request::Request;
use dlt_core::measure::http_version::HttpVersion;
use dlt_core::measure::sample::{Cause, Timed};
use std::borrow::Cow;

/// How an exchange ended.
#[derive(Debug)]
pub(crate) struct ExchangeResult {
    /// When a new connection was established; None on a reused one.
    pub(crate) connected_us: Option<u64>,
    /// When the kernel had received the first byte, at the latest.
    pub(crate) first_byte_us: Option<u64>,
    /// When the kernel had received the last byte, or the exchange failed.
    pub(crate) done_us: u64,
    /// When the engine had read the last byte, or the exchange failed.
    pub(crate) read_us: u64,
    /// How the end of a complete answer was timed.
    pub(crate) timed: Option<Timed>,
    /// No connection was established for it, or for its repetition, or none that it could be sent on.
    pub(crate) unconnected: bool,
    /// It was sent a second time, on a fresh connection.
    pub(crate) resent: bool,
    /// How long its repetition took to open a connection, µs.
    pub(crate) reconnected_us: Option<u64>,
    /// Bytes read that belong to the answer.
    pub(crate) received: u64,
    /// Bytes written.
    pub(crate) written: u64,
    /// The status, if the head was read.
    pub(crate) status: Option<u16>,
    /// The version of HTTP of the answer, or of its connection.
    pub(crate) version: Option<HttpVersion>,
    /// Where a redirect points.
    pub(crate) location: Option<Box<[u8]>>,
    /// What was kept of the answer.
    pub(crate) kept: Option<Box<KeptResponse>>,
    /// Why there is no complete answer.
    pub(crate) failure: Option<Failure>,
}

impl ExchangeResult {
    /// No connection was established, or none that it could be sent on.
    pub(crate) fn unconnected(done_us: u64, failure: Failure) -> Self {
        Self {
            connected_us: None,
            first_byte_us: None,
            done_us,
            read_us: done_us,
            timed: None,
            unconnected: true,
            resent: false,
            reconnected_us: None,
            received: 0,
            written: 0,
            status: None,
            version: None,
            location: None,
            kept: None,
            failure: Some(failure),
        }
    }

    /// Nothing failed so far; it was over at `done_us`.
    pub(crate) fn over(done_us: u64) -> Self {
        let failure = Failure::new(Cause::Other, "");
        Self {
            failure: None,
            unconnected: false,
            ..Self::unconnected(done_us, failure)
        }
    }

    /// The head of the request, as it was sent, for people.
    #[cold]
    pub(crate) fn head_sent<'a>(&self, request: &'a Request) -> Cow<'a, [u8]> {
        match self.version {
            Some(HttpVersion::Http2) => shown_head(request.head()),
            _ => Cow::Borrowed(request.head()),
        }
    }
}
