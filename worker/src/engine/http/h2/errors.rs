//! What ended a request in HTTP/2, as a cause and a sentence, and whether the request may
//! be sent again (RFC 9113, 8.7; RFC 9110, 9.2.2). Whether it is, the client decides.

use super::meter::{End, Goaway, Meter, StreamMeter};
use crate::engine::failure::{Failure, ResponseError};
use dlt_core::measure::sample::Cause;
use h2::Reason;

/// Whether a request that failed may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// No.
    Never,
    /// If its method may be repeated: the connection ended without a byte of an answer.
    IfRepeatable,
    /// Yes: the target said that it did not process it, or it was never handed to its connection.
    Safe,
}

/// A failed request: its stream's number, what was measured of it, whether the head of its answer
/// was read, the error, and whom it was sent to.
pub(super) struct Failed<'a> {
    pub(super) id: u32,
    pub(super) stream: &'a StreamMeter,
    pub(super) has_head: bool,
    pub(super) error: &'a h2::Error,
    pub(super) peer: &'a str,
}

impl Failed<'_> {
    /// Why it failed, and whether it may be sent again.
    #[cold]
    pub(super) fn explain(&self, meter: &Meter) -> (Failure, Again) {
        let (peer, error) = (self.peer, self.error);
        if let Some(what) = meter.other_protocol() {
            return (protocol(peer, what), Again::Never);
        }
        let reason = error.reason().unwrap_or(Reason::NO_ERROR);
        if error.is_reset() && error.is_remote() {
            return self.reset(reason);
        }
        if error.is_library() {
            return (self.broken_rule(reason), Again::Never);
        }
        if let Some(goaway) = meter.goaway {
            return self.goaway(goaway);
        }
        let waiting = self.stream.first.is_none();
        let failure = match &meter.end {
            Some(End::Broken(failure)) => failure.clone(),
            _ => Failure::response(ResponseError::Closed, peer, waiting),
        };
        let again = match failure.cause {
            Cause::Reset if waiting => Again::IfRepeatable,
            _ => Again::Never,
        };
        (failure, again)
    }

    /// RST_STREAM came.
    fn reset(&self, reason: Reason) -> (Failure, Again) {
        let name = name_of(reason);
        let (more, again) = match reason {
            Reason::REFUSED_STREAM => (" before it was processed", Again::Safe),
            _ => ("", Again::Never),
        };
        let message = format!("{} reset the request's stream{more}: {name}", self.peer);
        (Failure::new(Cause::H2Reset, message), again)
    }

    /// GOAWAY came, and no answer to this request.
    fn goaway(&self, goaway: Goaway) -> (Failure, Again) {
        let name = name_of(goaway.code.into());
        let (more, again) = match self.id > goaway.last_stream {
            true => ("and did not process this request", Again::Safe),
            false => ("before this request's answer was complete", Again::Never),
        };
        let message = format!("{} ended the connection {more} (GOAWAY): {name}", self.peer);
        (Failure::new(Cause::H2Goaway, message), again)
    }

    /// The peer broke a rule or a limit, which the crate found.
    fn broken_rule(&self, reason: Reason) -> Failure {
        let what = match reason {
            // Told only by the text that the crate sends along.
            Reason::ENHANCE_YOUR_CALM => {
                let text = self.error.to_string();
                let large = ["too_many_continuations", "header_list_way_too_large"];
                if large.iter().any(|what| text.contains(what)) {
                    return too_large(self.peer);
                }
                "with more frames of a kind than any exchange needs"
            }
            Reason::FLOW_CONTROL_ERROR => "with more than the window for it allowed",
            Reason::FRAME_SIZE_ERROR => "with a frame that is too long",
            Reason::COMPRESSION_ERROR => "with a head whose compression is broken",
            Reason::STREAM_CLOSED => "on a stream that was over",
            _ if self.stream.received > super::connection::LONGEST_HEAD_LIST_BYTES.into()
                && self.stream.heads > 0
                && !self.has_head
                && !self.stream.ended =>
            {
                return too_large(self.peer);
            }
            _ => {
                "against the rules of HTTP/2, as by a Content-Length that its body does not have, or a frame out of place"
            }
        };
        protocol(self.peer, what)
    }
}

fn protocol(peer: &str, what: &str) -> Failure {
    Failure::new(Cause::Protocol, format!("{peer} answered {what}"))
}

pub(super) fn too_large(peer: &str) -> Failure {
    Failure::response(
        ResponseError::TooLarge("a head of more than 64 KB"),
        peer,
        false,
    )
}

/// The name of an error code (RFC 9113, 7).
fn name_of(reason: Reason) -> String {
    let known = format!("{reason:?}");
    match known.starts_with("Reason") {
        true => format!("error code {}", u32::from(reason)),
        false => known,
    }
}
