//! The exchanges of a run that is tried once, as people are shown them: request and answer with their
//! bodies, and what was extracted. Off the path of a load: such a run has one user and one iteration.
//! Which bytes are secrets is `http::redact`'s; how many are kept, core's.

use crate::engine::failure::Failure;
use crate::engine::http::decode::decode;
use crate::engine::http::kept::KeptResponse;
use crate::engine::http::redact::{redact_side, redact_url, redact_values};
use dlt_core::measure::kept::{KeptExchange, LONGEST_KEPT_BYTES};
use dlt_core::measure::sample::Sample;
use dlt_core::safety::REDACTED;
use std::borrow::Cow;
use url::Url;

/// What is known of an exchange when it is over.
pub(super) struct Tried<'a> {
    pub(super) url: &'a Url,
    /// The request's head, as it was sent.
    pub(super) head: Cow<'a, [u8]>,
    pub(super) body: &'a [u8],
    /// Whether any of it was written.
    pub(super) is_sent: bool,
    pub(super) sample: &'a Sample,
    pub(super) status: Option<u16>,
    pub(super) failure: Option<&'a Failure>,
    /// The answer, as far as its head was read.
    pub(super) kept: Option<&'a KeptResponse>,
    /// The bytes that came, where there is no head.
    pub(super) captured: &'a [u8],
    /// Variables and the values that they get, and whether these are secrets.
    pub(super) values: Vec<(&'a str, &'a str, bool)>,
    /// Values that nothing must show, the longest first.
    pub(super) secrets: Vec<&'a str>,
}

impl Tried<'_> {
    /// The exchange without its secrets; its label is the recorder's to say.
    pub(super) fn kept(mut self) -> KeptExchange {
        // What this answer says for the first time is in no list yet.
        let found = self.values.iter();
        let found = found.filter(|row| row.2 && !row.1.is_empty());
        self.secrets.extend(found.map(|row| row.1));
        self.secrets
            .sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        let secrets = &self.secrets[..];
        let (request, request_is_cut) = match self.is_sent {
            true => {
                let whole = [&*self.head, self.body];
                redact_side(&whole.concat(), secrets, LONGEST_KEPT_BYTES)
            }
            // Without a connection nothing was exchanged.
            false => (String::new(), false),
        };
        let (answer, is_overlong) = self.answer();
        let (response, response_is_cut) = redact_side(&answer, secrets, LONGEST_KEPT_BYTES);
        let values = self.values.iter().map(|&(name, value, is_secret)| {
            let shown = match is_secret {
                true => REDACTED.to_owned(),
                false => redact_values(value, secrets),
            };
            (name.to_owned(), shown)
        });
        let failure = self.failure.map(Failure::key);
        KeptExchange {
            label: String::new(),
            url: redact_values(&redact_url(self.url.as_str()), secrets),
            sent_us: self.sample.sent_us,
            response_us: self.sample.done_us.saturating_sub(self.sample.due_us),
            status: self.status,
            cause: failure.as_ref().map(|key| key.cause),
            message: failure.map(|key| key.message),
            request,
            response,
            cut: request_is_cut || response_is_cut || is_overlong,
            values: values.collect(),
        }
    }

    /// Head and decoded body, and whether the body was too long to be kept.
    fn answer(&self) -> (Vec<u8>, bool) {
        let Some(kept) = self.kept.filter(|kept| !kept.head.is_empty()) else {
            // Of a request that was not sent it would be the answer to another one.
            let came = if self.is_sent { self.captured } else { &[] };
            return (came.to_vec(), false);
        };
        let mut answer = Vec::new();
        for line in kept.head.split(|byte| *byte == b'\n') {
            if !line.is_empty() {
                answer.extend_from_slice(line);
                answer.extend_from_slice(b"\r\n");
            }
        }
        answer.extend_from_slice(b"\r\n");
        match decode(kept) {
            Ok(body) => answer.extend_from_slice(&body),
            // Told as it came: what is wrong with it is what one looks for.
            Err(_) => answer.extend_from_slice(&kept.body),
        }
        (answer, kept.overlong)
    }
}
